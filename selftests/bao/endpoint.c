// SPDX-License-Identifier: GPL-2.0
/* The life of an endpoint: it comes, sleeps, goes down and goes, whatever requests there are */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "backend.h"
#include "sim.h"

#define DM 0
/* Nobody's */
#define NEW 63

FIXTURE(endpoint) {
	__u64 addr;
};

FIXTURE_SETUP(endpoint)
{
	SET_UP_OR_SKIP();
	SIM_OR_SKIP();
	self->addr = frontend_window(DM);
}

FIXTURE_TEARDOWN(endpoint)
{
	struct counters c;
	unsigned int i;

	for (i = 0; i < SIM_DEVICES; i++) {
		frontend_counters(i, &c);
		EXPECT_EQ(0, c.violations);
		EXPECT_EQ(0, c.bad_calls);
	}
}

#define EXPECT_ANSWERABLE(dm, vcpu) do {					\
	struct bao_virtio_request _req;						\
	unsigned int _dm = (dm);						\
	int _fd = dm_open(_dm);							\
										\
	ASSERT_LE(0, _fd);							\
	ASSERT_EQ(0, dm_attach(_fd, &_req));					\
	EXPECT_EQ(0, dm_answer(_fd, _req, 0x600d));				\
	EXPECT_EQ(0x600d, frontend_result(_dm, vcpu));				\
	close_fd(_fd);								\
} while (0)

TEST_F(endpoint, frontend_that_boots_first_waits)
{
	struct counters c;

	ASSERT_EQ(0, sim_life(sim_fd(), DM, BAO_SIM_UNBIND));
	frontend_start(DM, 0, read_of(self->addr, 4), 1);
	EXPECT_TRUE(frontend_parked(DM, 0));
	frontend_counters(DM, &c);
	EXPECT_EQ(1, c.pending);
	ASSERT_EQ(0, sim_life(sim_fd(), DM, BAO_SIM_BIND));
	EXPECT_ANSWERABLE(DM, 0);
}

/* As RISC-V's AIA does with interrupts that come before somebody wants them */
TEST_F(endpoint, a_request_whose_interrupt_was_lost_is_found_at_start)
{
	ASSERT_EQ(0, sim_life(sim_fd(), DM, BAO_SIM_UNBIND));
	ASSERT_EQ(0, sim_fault(DM, BAO_SIM_IRQ, 0, 1, 0));
	frontend_start(DM, 0, read_of(self->addr, 4), 1);
	ASSERT_EQ(0, sim_life(sim_fd(), DM, BAO_SIM_BIND));
	EXPECT_ANSWERABLE(DM, 0);
}

TEST_F(endpoint, comes_once)
{
	struct bao_sim_device info;
	int other = sim_open();

	ASSERT_LE(0, other);
	EXPECT_EQ(-EBUSY, sim_life(sim_fd(), DM, BAO_SIM_BIND));
	/* Another hypervisor cannot have one of the same index */
	ASSERT_EQ(0, sim_add(other, DM, &info));
	EXPECT_EQ(-EEXIST, sim_life(other, DM, BAO_SIM_BIND));
	close(other);
	frontend_start(DM, 0, read_of(self->addr, 4), 1);
	EXPECT_ANSWERABLE(DM, 0);
}

TEST_F(endpoint, comes_and_goes_at_run_time)
{
	struct bao_sim_device info;
	struct bao_dm_info dm;
	unsigned int i, new = NEW;
	int fd;

	EXPECT_EQ(-ENOENT, dm_open(NEW));
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(0, sim_add(sim_fd(), NEW, &info));
		EXPECT_EQ(-ENOENT, dm_open(NEW));
		ASSERT_EQ(0, sim_life(sim_fd(), NEW, BAO_SIM_BIND));
		fd = dm_open_info(NEW, &dm);
		ASSERT_LE(0, fd);
		EXPECT_EQ(NEW, dm.id);
		EXPECT_EQ(info.shmem_addr, dm.shmem_addr);
		EXPECT_EQ(info.shmem_size, dm.shmem_size);
		EXPECT_EQ(info.irq, dm.irq);
		ASSERT_EQ(0, do_ioctl(sim_fd(), BAO_SIM_DEL, &new));
		EXPECT_EQ(-ENOENT, dm_open(NEW));
		close_fd(fd);
	}
}

TEST_F(endpoint, mapping_outlives_it)
{
	struct bao_sim_device info;
	unsigned int new = NEW;
	char *map;
	int fd;

	ASSERT_EQ(0, sim_add(sim_fd(), NEW, &info));
	ASSERT_EQ(0, sim_life(sim_fd(), NEW, BAO_SIM_BIND));
	fd = dm_open(NEW);
	ASSERT_LE(0, fd);
	map = mmap(NULL, info.shmem_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_TRUE(map != MAP_FAILED);
	strcpy(map, "still there");
	ASSERT_EQ(0, do_ioctl(sim_fd(), BAO_SIM_DEL, &new));
	close_fd(fd);
	EXPECT_STREQ("still there", map);
	map[info.shmem_size - 1] = 1;
	munmap(map, info.shmem_size);
}

TEST_F(endpoint, window_is_the_frontends_memory)
{
	int fd = dm_open(DM);
	char *mine, *theirs;

	ASSERT_LE(0, fd);
	mine = mmap(NULL, SIM_WINDOW, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	theirs = mmap(NULL, SIM_WINDOW, PROT_READ | PROT_WRITE, MAP_SHARED, sim_fd(),
		      BAO_SIM_WINDOW_OFFSET(DM));
	ASSERT_TRUE(mine != MAP_FAILED);
	ASSERT_TRUE(theirs != MAP_FAILED);
	strcpy(mine + SIM_WINDOW - 16, "from backend");
	EXPECT_STREQ("from backend", theirs + SIM_WINDOW - 16);
	strcpy(theirs, "from frontend");
	EXPECT_STREQ("from frontend", mine);
}

TEST_F(endpoint, has_counters)
{
	static const char * const names[] = {
		"interrupts", "requests", "asks", "ask_errors", "completes", "complete_errors",
		"notifies", "notify_errors", "default_answers", "signals", "deferrals", "max_batch",
		"waiting", "owned",
	};
	struct bao_virtio_request req;
	int fd = dm_open(DM);
	unsigned int i;

	ASSERT_LE(0, fd);
	for (i = 0; i < ARRAY_SIZE(names); i++)
		EXPECT_LE(0, statistic(DM, names[i]))
			TH_LOG("%s", names[i]);
	frontend_start(DM, 0, read_of(self->addr, 4), 1);
	ASSERT_TRUE(wait_until(dm_waiting(fd)));
	EXPECT_EQ(1, statistic(DM, "requests"));
	EXPECT_EQ(1, statistic(DM, "waiting"));
	EXPECT_EQ(0, statistic(DM, "owned"));
	ASSERT_EQ(0, dm_attach(fd, &req));
	EXPECT_EQ(0, statistic(DM, "waiting"));
	EXPECT_EQ(1, statistic(DM, "owned"));
	EXPECT_EQ(0, dm_complete(fd, req));
	EXPECT_EQ(0, statistic(DM, "owned"));
	EXPECT_EQ(1, statistic(DM, "completes"));
}

/* Sleep */

TEST_F(endpoint, asks_nothing_while_suspended)
{
	struct bao_virtio_request req;
	struct counters before, c;
	int fd = dm_open(DM);

	ASSERT_LE(0, fd);
	frontend_start(DM, 0, read_of(self->addr, 4), 1);
	ASSERT_EQ(0, dm_attach(fd, &req));
	ASSERT_EQ(0, sim_life(sim_fd(), DM, BAO_SIM_SUSPEND));
	frontend_counters(DM, &before);
	frontend_start(DM, 1, read_of(self->addr, 4), 1);
	ASSERT_EQ(0, sim_raise(DM));
	/* What it has, it may answer */
	EXPECT_EQ(0, dm_answer(fd, req, 42));
	EXPECT_EQ(42, frontend_result(DM, 0));
	frontend_counters(DM, &c);
	EXPECT_EQ(before.asks, c.asks);
	EXPECT_EQ(1, c.pending);
	ASSERT_EQ(0, sim_life(sim_fd(), DM, BAO_SIM_RESUME));
	EXPECT_ANSWERABLE(DM, 1);
}

TEST_F(endpoint, goes_while_suspended)
{
	frontend_start(DM, 0, read_of(self->addr, 4), 1);
	ASSERT_EQ(0, sim_life(sim_fd(), DM, BAO_SIM_SUSPEND));
	frontend_start(DM, 1, read_of(self->addr, 4), 1);
	ASSERT_EQ(0, sim_life(sim_fd(), DM, BAO_SIM_UNBIND));
	EXPECT_TRUE(frontend_parked(DM, 1));
	ASSERT_EQ(0, sim_life(sim_fd(), DM, BAO_SIM_BIND));
	EXPECT_ANSWERABLE(DM, 1);
}

/* Shutdown, as before kexec: nothing is left half done, and nothing follows */

TEST_F(endpoint, shutdown_answers_what_was_asked_for)
{
	struct bao_virtio_request owned;
	int fd = dm_open(DM), event = new_eventfd(0);
	struct counters before, c;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, irqfd(fd, event, 0));
	frontend_start(DM, 0, read_of(self->addr, 4), 1);
	ASSERT_EQ(0, dm_attach(fd, &owned));
	frontend_start(DM, 1, write_of(self->addr, 4, 1), 1);
	ASSERT_TRUE(wait_until(dm_waiting(fd)));
	ASSERT_EQ(0, sim_life(sim_fd(), DM, BAO_SIM_SHUTDOWN));
	EXPECT_EQ(1, frontend_done(DM, 0));
	EXPECT_EQ(0, frontend_result(DM, 0));
	EXPECT_EQ(1, frontend_done(DM, 1));

	frontend_counters(DM, &before);
	frontend_start(DM, 2, read_of(self->addr, 4), 1);
	EXPECT_EQ(-ENODEV, dm_answer(fd, owned, 1));
	EXPECT_EQ(0, eventfd_add(event, 1));
	frontend_counters(DM, &c);
	EXPECT_EQ(before.asks, c.asks);
	EXPECT_EQ(before.completes, c.completes);
	EXPECT_EQ(before.notifies, c.notifies);
	EXPECT_EQ(1, c.pending);

	/* The next kernel finds it */
	ASSERT_EQ(0, sim_life(sim_fd(), DM, BAO_SIM_UNBIND));
	ASSERT_EQ(0, sim_life(sim_fd(), DM, BAO_SIM_BIND));
	EXPECT_ANSWERABLE(DM, 2);
}

static int take(void *arg)
{
	struct bao_virtio_request req;

	return -dm_take(*(int *)arg, &req);
}

TEST_F(endpoint, shutdown_wakes_sleepers)
{
	int fd = dm_open(DM);
	pid_t pid;

	ASSERT_LE(0, fd);
	pid = spawn(take, &fd);
	ASSERT_LT(0, pid);
	ASSERT_TRUE(wait_until(sleeps_in_ioctl(pid, BAO_IOCTL_IO_CLIENT_ATTACH)));
	ASSERT_EQ(0, sim_life(sim_fd(), DM, BAO_SIM_SHUTDOWN));
	EXPECT_EQ(ENODEV, reap(pid));
	/* Nor can a new descriptor do anything */
	EXPECT_EQ(-ENODEV, dm_open(DM));
}

/* One that goes leaves the others alone */

TEST_F(endpoint, others_go_on)
{
	struct bao_virtio_request req;
	int fd = dm_open(1);

	ASSERT_LE(0, fd);
	frontend_start(1, 0, read_of(frontend_window(1), 4), 1);
	ASSERT_EQ(0, dm_attach(fd, &req));
	frontend_start(1, 1, read_of(frontend_window(1), 4), 1);
	ASSERT_EQ(0, sim_life(sim_fd(), DM, BAO_SIM_UNBIND));
	EXPECT_EQ(0, dm_answer(fd, req, 42));
	EXPECT_EQ(42, frontend_result(1, 0));
	close_fd(fd);
	EXPECT_ANSWERABLE(1, 1);
}

TEST_HARNESS_MAIN
