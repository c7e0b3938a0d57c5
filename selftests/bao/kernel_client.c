// SPDX-License-Identifier: GPL-2.0
/*
 * Clients in the kernel: a register window that bao_test_client.ko answers. Its head says what its
 * registers do.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "backend.h"

#define DM	1
#define MODULE	"bao_test_client"
#define ROUNDS	1000

#define REG_ID		0x00
#define REG_SCRATCH	0x08
#define REG_LATE	0x10
#define REG_PASS	0x18
#define REG_SHMEM	0x20
#define REG_NEVER	0x28
#define REG_UNKNOWN	0x30

#define TEST_ID		(0x62616f2074657374ULL & register_mask())

FIXTURE(kernel_client) {
	__u64 window;
};

static const char *module_path(void)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/" MODULE ".ko", getenv("BAO_MODULES") ?: "/modules");
	return path;
}

static int load(__u64 window, __u64 size)
{
	char parameters[96];
	int fd, ret;

	fd = open(module_path(), O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	snprintf(parameters, sizeof(parameters), "dm=%u window=%#llx size=%#llx", DM, window, size);
	ret = syscall(SYS_finit_module, fd, parameters, 0) ? -errno : 0;
	close(fd);
	return ret;
}

static int unload(void)
{
	return syscall(SYS_delete_module, MODULE, O_NONBLOCK) ? -errno : 0;
}

FIXTURE_SETUP(kernel_client)
{
	SET_UP_OR_SKIP();
	if (access(module_path(), R_OK))
		SKIP(return, "%s is not there", module_path());
	self->window = frontend_window(DM);
}

/* A test that failed halfway may have left the endpoints unbound */
FIXTURE_TEARDOWN(kernel_client)
{
	endpoints_bind();
	unload();
	TEAR_DOWN();
}

/* One access of vCPU 0 that the kernel answers; yields the frontend's register */
#define ACCESS(what) ({							\
	frontend_start(DM, 0, what, 1);					\
	ASSERT_TRUE(wait_until(frontend_done(DM, 0) == 1));		\
	frontend_result(DM, 0);						\
})

TEST_F(kernel_client, answers_without_a_process)
{
	ASSERT_EQ(0, load(self->window, 0x200));
	EXPECT_EQ(TEST_ID, ACCESS(read_of(self->window + REG_ID, 8)));
	ACCESS(write_of(self->window + REG_SCRATCH, 8, 0x1122334455667788ULL));
	EXPECT_EQ(0x1122334455667788ULL & register_mask(),
		  ACCESS(read_of(self->window + REG_SCRATCH, 8)));
	EXPECT_EQ(0, ACCESS(read_of(self->window + REG_UNKNOWN, 4)));
}

TEST_F(kernel_client, sees_no_junk_above_the_width_and_gives_none)
{
	ASSERT_EQ(0, load(self->window, 0x200));
	ACCESS(write_of(self->window + REG_SCRATCH, 2, 0x1122334455667788ULL));
	EXPECT_EQ(0x7788, ACCESS(read_of(self->window + REG_SCRATCH, 8)));
	EXPECT_EQ(TEST_ID & 0xffffffff, ACCESS(read_of(self->window + REG_ID, 4)));
}

TEST_F_TIMEOUT(kernel_client, an_access_costs_one_ask_and_one_complete, LONG_TEST_S)
{
	long long deferrals = statistic(DM, "deferrals");
	struct counters c;

	ASSERT_EQ(0, load(self->window, 0x200));
	frontend_reset_counters(DM);
	frontend_start(DM, 0, read_of(self->window + REG_ID, 4), ROUNDS);
	ASSERT_TRUE(wait_done(DM, 0, ROUNDS));
	frontend_counters(DM, &c);
	EXPECT_EQ(ROUNDS, c.accesses);
	EXPECT_EQ(ROUNDS, c.completes);
	EXPECT_GE(ROUNDS, c.interrupts);
	EXPECT_EQ(ROUNDS, c.asks - c.asks_empty);
	/* See counts.c */
	if (!is_preempt_rt())
		EXPECT_LE(c.asks_empty, statistic(DM, "deferrals") - deferrals);
	EXPECT_EQ(0, c.bad_calls);
	EXPECT_EQ(0, c.violations);
}

TEST_F_TIMEOUT(kernel_client, late_answers_of_many_vcpus, LONG_TEST_S)
{
	struct counters c;
	unsigned int i;

	ASSERT_EQ(0, load(self->window, 0x200));
	frontend_reset_counters(DM);
	for (i = 0; i < FRONTEND_VCPUS; i++)
		frontend_start(DM, i, write_of(self->window + REG_LATE, 4, i), ROUNDS);
	for (i = 0; i < FRONTEND_VCPUS; i++)
		EXPECT_TRUE(wait_done(DM, i, ROUNDS));
	frontend_counters(DM, &c);
	EXPECT_EQ(ROUNDS * FRONTEND_VCPUS, c.completes);
	EXPECT_EQ(0, c.bad_calls);
	EXPECT_EQ(0, c.violations);
	EXPECT_EQ(0, statistic(DM, "owned"));
}

TEST_F(kernel_client, passed_and_foreign_accesses_go_to_a_process)
{
	struct bao_virtio_request req;
	int fd = dm_open(DM);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, load(self->window, 0x100));
	frontend_start(DM, 0, read_of(self->window + REG_PASS, 4), 1);
	ASSERT_EQ(0, dm_attach(fd, &req));
	EXPECT_EQ(self->window + REG_PASS, req.addr);
	EXPECT_EQ(0, dm_answer(fd, req, 7));
	EXPECT_EQ(7, frontend_result(DM, 0));

	/* One byte behind the window, and one in front of it */
	frontend_start(DM, 0, read_of(self->window + 0x100, 1), 1);
	ASSERT_EQ(0, dm_attach(fd, &req));
	EXPECT_EQ(0, dm_complete(fd, req));
	frontend_start(DM, 0, read_of(self->window - 1, 1), 1);
	ASSERT_EQ(0, dm_attach(fd, &req));
	EXPECT_EQ(0, dm_complete(fd, req));
}

TEST_F(kernel_client, an_ioeventfd_comes_first)
{
	struct access match = write_of(self->window + REG_SCRATCH, 4, 5);
	int fd = dm_open(DM), eventfd = new_eventfd(0);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, load(self->window, 0x200));
	ASSERT_EQ(0, ioeventfd(fd, eventfd, match, BAO_IOEVENTFD_FLAG_DATAMATCH));
	ACCESS(match);
	EXPECT_EQ(1, eventfd_wait(eventfd));
	ACCESS(write_of(self->window + REG_SCRATCH, 4, 6));
	EXPECT_EQ(0, eventfd_poll(eventfd));
	EXPECT_EQ(6, ACCESS(read_of(self->window + REG_SCRATCH, 4)));
}

TEST_F(kernel_client, what_waited_is_answered_when_it_comes)
{
	int fd = dm_open(DM);

	ASSERT_LE(0, fd);
	frontend_start(DM, 0, read_of(self->window + REG_ID, 8), 1);
	ASSERT_TRUE(wait_until(dm_waiting(fd)));
	ASSERT_EQ(0, load(self->window, 0x200));
	EXPECT_TRUE(wait_until(frontend_done(DM, 0) == 1));
	EXPECT_EQ(TEST_ID, frontend_result(DM, 0));
	EXPECT_FALSE(dm_waiting(fd));
}

TEST_F(kernel_client, what_waited_and_is_passed_on_waits_on)
{
	struct bao_virtio_request req;
	int fd = dm_open(DM);

	ASSERT_LE(0, fd);
	frontend_start(DM, 0, read_of(self->window + REG_PASS, 4), 1);
	ASSERT_TRUE(wait_until(dm_waiting(fd)));
	ASSERT_EQ(0, load(self->window, 0x200));
	ASSERT_EQ(0, dm_attach(fd, &req));
	EXPECT_EQ(self->window + REG_PASS, req.addr);
	EXPECT_EQ(0, dm_answer(fd, req, 7));
	EXPECT_EQ(7, frontend_result(DM, 0));
}

TEST_F(kernel_client, what_it_leaves_behind_goes_to_a_process)
{
	struct bao_virtio_request req;
	int fd = dm_open(DM);
	unsigned int i;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, load(self->window, 0x200));
	for (i = 0; i < 3; i++)
		frontend_start(DM, i, write_of(self->window + REG_NEVER, 4, i), 1);
	ASSERT_TRUE(wait_until(statistic(DM, "owned") == 3));
	ASSERT_EQ(0, unload());
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, dm_attach(fd, &req));
		EXPECT_EQ(i, req.value);
		EXPECT_EQ(0, dm_complete(fd, req));
	}
}

TEST_F(kernel_client, what_it_has_is_answered_when_the_endpoint_goes)
{
	struct counters c;

	frontend_reset_counters(DM);
	ASSERT_EQ(0, load(self->window, 0x200));
	frontend_start(DM, 0, read_of(self->window + REG_NEVER, 4), 1);
	ASSERT_TRUE(wait_until(statistic(DM, "owned") == 1));
	ASSERT_EQ(0, endpoints_unbind());
	EXPECT_EQ(1, frontend_done(DM, 0));
	EXPECT_EQ(0, frontend_result(DM, 0));
	frontend_counters(DM, &c);
	EXPECT_EQ(0, c.violations);
	ASSERT_EQ(0, endpoints_bind());
	ASSERT_EQ(0, unload());
}

TEST_F(kernel_client, shared_memory_is_checked)
{
	__u64 addr = frontend_shmem_addr(DM), size = frontend_shmem_size(DM);
	int fd = dm_open(DM);
	__u64 *shmem;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, load(self->window, 0x200));
	shmem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_TRUE(shmem != MAP_FAILED);
	shmem[0] = 0x0123456789abcdefULL;
	shmem[size / 8 - 1] = 0xfedcba9876543210ULL;

	ACCESS(write_of(self->window + REG_SCRATCH, 8, addr));
	EXPECT_EQ(0x0123456789abcdefULL & register_mask(),
		  ACCESS(read_of(self->window + REG_SHMEM, 8)));
	ACCESS(write_of(self->window + REG_SCRATCH, 8, addr + size - 8));
	EXPECT_EQ(0xfedcba9876543210ULL & register_mask(),
		  ACCESS(read_of(self->window + REG_SHMEM, 8)));

	/* In front of it, partly behind it, behind it, and where the sum wraps */
	ACCESS(write_of(self->window + REG_SCRATCH, 8, addr - 1));
	EXPECT_EQ(register_mask(), ACCESS(read_of(self->window + REG_SHMEM, 8)));
	ACCESS(write_of(self->window + REG_SCRATCH, 8, addr + size - 7));
	EXPECT_EQ(register_mask(), ACCESS(read_of(self->window + REG_SHMEM, 8)));
	ACCESS(write_of(self->window + REG_SCRATCH, 8, addr + size));
	EXPECT_EQ(register_mask(), ACCESS(read_of(self->window + REG_SHMEM, 8)));
	ACCESS(write_of(self->window + REG_SCRATCH, 8, ~0ULL - 3));
	EXPECT_EQ(register_mask(), ACCESS(read_of(self->window + REG_SHMEM, 8)));
	munmap(shmem, size);
}

TEST_F(kernel_client, bad_ranges_are_refused)
{
	EXPECT_EQ(-EINVAL, load(self->window, 0));
	if (register_mask() == ~0ULL)
		EXPECT_EQ(-EINVAL, load(~0ULL, 2));
	ASSERT_EQ(0, load(self->window, 0x200));
	/* The first one is unharmed */
	EXPECT_EQ(TEST_ID, ACCESS(read_of(self->window + REG_ID, 8)));
}

TEST_F_TIMEOUT(kernel_client, survives_reloads_under_load, LONG_TEST_S)
{
	unsigned int i, count = rounds(20);

	frontend_start(DM, 0, read_of(self->window + REG_LATE, 4), 0xffffffff);
	frontend_start(DM, 1, write_of(self->window + REG_SCRATCH, 4, 1), 0xffffffff);
	for (i = 0; i < count; i++) {
		unsigned int done;

		ASSERT_EQ(0, load(self->window, 0x200));
		done = frontend_done(DM, 0);
		EXPECT_TRUE(wait_until(frontend_done(DM, 0) != done));
		ASSERT_EQ(0, unload());
	}
}

TEST_HARNESS_MAIN
