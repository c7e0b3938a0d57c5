// SPDX-License-Identifier: GPL-2.0
/*
 * As fail_nth, on IPC channels: every allocation and every access to user memory fails once, and
 * after it everything is as it was before.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "backend.h"
#include "ipc_sim.h"
#include "nth.h"
#include "sim.h"

#define NEW 8

FIXTURE(ipc_nth) {
	struct bao_sim_ipc config;
	int sim;
	int fd;
	int event;
	int fds;
};

FIXTURE_SETUP(ipc_nth)
{
	const char *why;

	SET_UP_OR_SKIP();
	SIM_OR_SKIP();
	why = nth_enable();
	if (why)
		SKIP(_exit(0), "%s", why);
	self->config = ipc_config();
	self->sim = ipc_sim(&self->config);
	ASSERT_LE(0, self->sim);
	self->fd = ipc_open(IPC_ID, O_RDWR);
	ASSERT_LE(0, self->fd);
	self->event = new_eventfd(0);
	self->fds = count_fds();
}

FIXTURE_TEARDOWN(ipc_nth)
{
	EXPECT_EQ(0, ipc_counters(self->sim).violations);
	EXPECT_EQ(0, ipc_counters(self->sim).bad_calls);
	close(self->fd);
	close(self->sim);
	TEAR_DOWN();
}

/* The first descriptor has the memory mapped and claims the channel, so the other one is closed */
static int open_and_close(void)
{
	int fd = ipc_open(IPC_ID, O_RDWR);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : 0;
}

TEST_F_TIMEOUT(ipc_nth, open, 120)
{
	close(self->fd);
	self->fds = count_fds();
	EXPECT_UNHARMED(open_and_close(), nth_enomem_or_efault);
	self->fd = ipc_open(IPC_ID, O_RDWR);
	EXPECT_LE(0, self->fd);
}

static int get_info(int fd)
{
	struct bao_ipc_info info;

	return do_ioctl(fd, BAO_IOCTL_IPC_GET_INFO, &info);
}

static int read_some(int fd)
{
	char buf[64];
	ssize_t n = pread(fd, buf, sizeof(buf), 0);

	return n < 0 ? -errno : n == sizeof(buf) ? 0 : -EIO;
}

static int write_some(int fd)
{
	ssize_t n = pwrite(fd, "some", 4, 0);

	return n < 0 ? -errno : n == 4 ? 0 : -EIO;
}

TEST_F(ipc_nth, memory)
{
	EXPECT_UNHARMED(get_info(self->fd), nth_efault);
	EXPECT_UNHARMED(read_some(self->fd), nth_efault);
	EXPECT_UNHARMED(write_some(self->fd), nth_efault);
}

TEST_F(ipc_nth, notify)
{
	struct bao_sim_ipc_counters c;

	EXPECT_UNHARMED(ipc_notify(self->fd, 1), nth_efault);
	/* Each call that is a success, and no other, has rung */
	c = ipc_counters(self->sim);
	EXPECT_EQ(ipc_statistic(IPC_ID, "notifies"), c.notifies[1]);
	EXPECT_EQ(c.calls, c.notifies[1]);
}

/* A doorbell that could not be told is told to the next one who asks */
TEST_F(ipc_nth, wait)
{
	__u32 events;
	unsigned int nth;
	bool failed = true;
	int ret;

	ipc_see(self->fd);
	fcntl(self->fd, F_SETFL, O_NONBLOCK);
	for (nth = 1; failed && nth < NTH_LIMIT; nth++) {
		ASSERT_EQ(0, ipc_ring(self->sim, 1, 1));
		ASSERT_TRUE(wait_until(ipc_poll(self->fd, 0) & POLLIN));
		events = 3;
		nth_fail(nth);
		ret = ipc_wait(self->fd, &events, NULL);
		failed = nth_has_failed();
		EXPECT_EQ(failed ? -EFAULT : 0, ret);
		if (!ret)
			continue;
		EXPECT_EQ(POLLIN | POLLOUT, ipc_poll(self->fd, 0));
		EXPECT_EQ(0, ipc_wait(self->fd, &events, NULL));
		EXPECT_EQ(2, events);
	}
	EXPECT_LT(2, nth);
	EXPECT_LT(nth, NTH_LIMIT);
}

/* It goes whatever fails, but for the argument of the ioctl */
static int assign_eventfd(int fd, int event)
{
	int ret = ipc_eventfd(fd, event, 1, 0);

	while (!ret && ipc_eventfd(fd, event, 0, BAO_IPC_EVENTFD_FLAG_DEASSIGN) == -EFAULT)
		;
	return ret;
}

TEST_F(ipc_nth, eventfd)
{
	EXPECT_UNHARMED(assign_eventfd(self->fd, self->event), nth_enomem_or_efault);
	ASSERT_EQ(0, ipc_ring(self->sim, 0, 1));
	ASSERT_TRUE(wait_until(ipc_statistic(IPC_ID, "doorbells") == 1));
	EXPECT_EQ(0, eventfd_poll(self->event));
}

TEST_F_TIMEOUT(ipc_nth, mmap, 120)
{
	void *place = nth_place(IPC_SIZE);

	ASSERT_TRUE(!!place);
	EXPECT_UNHARMED(nth_map(self->fd, place, IPC_SIZE), nth_enomem_or_efault);
}

/* The channel, its interrupts, its auxiliary devices, and the drivers that bind to them */
static int bind_and_unbind(int sim)
{
	int ret = ipc_sim_bind(sim, NEW, BAO_SIM_BIND);

	while (!ret && ipc_sim_bind(sim, NEW, BAO_SIM_UNBIND) == -EFAULT)
		;
	return ret;
}

static bool is_any(int ret)
{
	return ret < 0;
}

TEST_F_TIMEOUT(ipc_nth, bind, 300)
{
	struct bao_sim_ipc config = ipc_config();

	config.id = NEW;
	config.flags = BAO_SIM_IPC_MAILBOX;
	ASSERT_EQ(0, do_ioctl(self->sim, BAO_SIM_IPC_ADD, &config));
	EXPECT_UNHARMED(bind_and_unbind(self->sim), is_any);
}

TEST_HARNESS_MAIN
