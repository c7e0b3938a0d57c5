// SPDX-License-Identifier: GPL-2.0
/*
 * Every allocation and every access to user memory fails once, in each system call and in the way
 * an endpoint comes into service. After an error everything is as it was before: nothing is
 * consumed, nothing leaks, and the same call works when tried again.
 *
 * Needs a kernel with fault injection, see config; see also Documentation/fault-injection/.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "backend.h"
#include "nth.h"
#include "sim.h"

#define DM 0
#define NEW 62

FIXTURE(fail_nth) {
	int dispatcher;
	int fd;
	int event;
	int fds;
	__u64 addr;
};

FIXTURE_SETUP(fail_nth)
{
	const char *why;

	SET_UP_OR_SKIP();
	SIM_OR_SKIP();
	why = nth_enable();
	if (why)
		SKIP(_exit(0), "%s", why);
	self->dispatcher = dispatcher_open();
	ASSERT_LE(0, self->dispatcher);
	self->fd = dm_open(DM);
	ASSERT_LE(0, self->fd);
	self->event = new_eventfd(0);
	self->addr = frontend_window(DM);
	self->fds = count_fds();
	frontend_reset_counters(DM);
}

FIXTURE_TEARDOWN(fail_nth)
{
	TEAR_DOWN();
}

static int open_dispatcher(void)
{
	int fd = open("/dev/bao-io-dispatcher", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

TEST_F(fail_nth, open)
{
	EXPECT_UNHARMED(open_dispatcher(), nth_enomem_or_efault);
}

static int get_info(int dispatcher)
{
	struct bao_dm_info info = { .id = DM };
	int ret = do_ioctl(dispatcher, BAO_IOCTL_DM_GET_INFO, &info);

	if (!ret)
		close(info.fd);
	return ret;
}

TEST_F_TIMEOUT(fail_nth, get_info, 120)
{
	EXPECT_UNHARMED(get_info(self->dispatcher), nth_enomem_or_efault);
}

/* Takes the request that waits and gives it back, with the descriptor that took it */
static int attach(void)
{
	struct bao_virtio_request req;
	int fd = dm_open(DM);
	int ret;

	if (fd < 0)
		return fd;
	ret = dm_take(fd, &req);
	close_fd(fd);
	return ret;
}

TEST_F(fail_nth, attach)
{
	struct bao_virtio_request req;
	struct counters c;

	frontend_start(DM, 0, write_of(self->addr, 4, 0x5eed), 1);
	ASSERT_TRUE(wait_until(dm_waiting(self->fd)));
	EXPECT_UNHARMED(attach(), nth_enomem_or_efault);

	nth_fail(1);
	EXPECT_EQ(-EFAULT, dm_take(self->fd, &req));
	EXPECT_TRUE(nth_has_failed());
	EXPECT_TRUE(dm_waiting(self->fd));
	EXPECT_EQ(0, dm_take(self->fd, &req));
	EXPECT_EQ(0x5eed, req.value);
	EXPECT_EQ(0, dm_complete(self->fd, req));
	frontend_counters(DM, &c);
	EXPECT_EQ(1, c.completes);
}

TEST_F(fail_nth, complete)
{
	struct bao_virtio_request req;
	struct counters c;

	frontend_start(DM, 0, read_of(self->addr, 4), 1);
	ASSERT_EQ(0, dm_attach(self->fd, &req));
	nth_fail(1);
	EXPECT_EQ(-EFAULT, dm_answer(self->fd, req, 41));
	EXPECT_TRUE(nth_has_failed());
	EXPECT_TRUE(frontend_parked(DM, 0));
	nth_fail(2);
	/* There is no second place to fail: the answer allocates nothing */
	EXPECT_EQ(0, dm_answer(self->fd, req, 42));
	EXPECT_FALSE(nth_has_failed());
	EXPECT_EQ(42, frontend_result(DM, 0));
	frontend_counters(DM, &c);
	EXPECT_EQ(1, c.completes);
	EXPECT_EQ(0, c.bad_calls);
}

/* Reading the argument, and writing the next request: it tells which of them it was */
TEST_F(fail_nth, next)
{
	struct bao_virtio_request req, before;
	struct counters c;

	frontend_start(DM, 0, read_of(self->addr, 4), 1);
	ASSERT_EQ(0, dm_attach(self->fd, &req));
	frontend_start(DM, 1, write_of(self->addr, 4, 0x5eed), 1);
	ASSERT_TRUE(wait_until(dm_waiting(self->fd)));
	req.value = 42;
	before = req;
	nth_fail(1);
	EXPECT_EQ(-EFAULT, dm_next(self->fd, &req));
	EXPECT_TRUE(nth_has_failed());
	EXPECT_EQ(0, memcmp(&before, &req, sizeof(req)));
	EXPECT_TRUE(frontend_parked(DM, 0));
	nth_fail(2);
	EXPECT_EQ(-EFAULT, dm_next(self->fd, &req));
	EXPECT_TRUE(nth_has_failed());
	EXPECT_EQ(BAO_IO_ASK, req.op);
	EXPECT_EQ(42, frontend_result(DM, 0));
	EXPECT_TRUE(dm_waiting(self->fd));
	nth_fail(3);
	EXPECT_EQ(0, dm_next(self->fd, &req));
	EXPECT_FALSE(nth_has_failed());
	EXPECT_EQ(0x5eed, req.value);
	EXPECT_EQ(0, dm_complete(self->fd, req));
	frontend_counters(DM, &c);
	EXPECT_EQ(2, c.completes);
	EXPECT_EQ(0, c.bad_calls);
}

static int assign_ioeventfd(int fd, int event, struct access kick)
{
	return ioeventfd(fd, event, kick, 0) ?:
	       ioeventfd(fd, event, kick, BAO_IOEVENTFD_FLAG_DEASSIGN);
}

/* Deassignment must not fail for want of memory; only its argument may be unreadable */
TEST_F(fail_nth, ioeventfd)
{
	struct access kick = write_of(self->addr + 0x50, 4, 0);
	unsigned int nth;
	bool failed = true;
	int ret;

	for (nth = 1; failed && nth < NTH_LIMIT; nth++) {
		nth_fail(nth);
		ret = ioeventfd(self->fd, self->event, kick, 0);
		failed = nth_has_failed();
		EXPECT_TRUE(!ret || nth_enomem_or_efault(ret));
		/* It is there if the call says so */
		EXPECT_EQ(ret ? -ENOENT : 0, ioeventfd(self->fd, self->event, kick,
						       BAO_IOEVENTFD_FLAG_DEASSIGN));
	}
	EXPECT_LT(2, nth);
	EXPECT_LT(nth, NTH_LIMIT);

	failed = true;
	for (nth = 1; failed && nth < NTH_LIMIT; nth++) {
		ASSERT_EQ(0, ioeventfd(self->fd, self->event, kick, 0));
		nth_fail(nth);
		ret = ioeventfd(self->fd, self->event, kick, BAO_IOEVENTFD_FLAG_DEASSIGN);
		failed = nth_has_failed();
		EXPECT_TRUE(!ret || nth_efault(ret));
		if (ret)
			EXPECT_EQ(0, ioeventfd(self->fd, self->event, kick,
					       BAO_IOEVENTFD_FLAG_DEASSIGN));
	}
	EXPECT_LT(nth, NTH_LIMIT);
	EXPECT_EQ(0, assign_ioeventfd(self->fd, self->event, kick));
}

TEST_F(fail_nth, irqfd)
{
	unsigned int nth;
	bool failed = true;
	struct counters c;
	int ret;

	for (nth = 1; failed && nth < NTH_LIMIT; nth++) {
		nth_fail(nth);
		ret = irqfd(self->fd, self->event, 0);
		failed = nth_has_failed();
		EXPECT_TRUE(!ret || nth_enomem_or_efault(ret));
		EXPECT_EQ(ret ? -ENOENT : 0,
			  irqfd(self->fd, self->event, BAO_IRQFD_FLAG_DEASSIGN));
	}
	EXPECT_LT(2, nth);
	EXPECT_LT(nth, NTH_LIMIT);
	/* None is left that would interrupt */
	EXPECT_EQ(0, eventfd_add(self->event, 1));
	frontend_counters(DM, &c);
	EXPECT_EQ(0, c.notifies);

	failed = true;
	for (nth = 1; failed && nth < NTH_LIMIT; nth++) {
		EXPECT_EQ(1, eventfd_poll(self->event));
		ASSERT_EQ(0, irqfd(self->fd, self->event, 0));
		nth_fail(nth);
		ret = irqfd(self->fd, self->event, BAO_IRQFD_FLAG_DEASSIGN);
		failed = nth_has_failed();
		EXPECT_TRUE(!ret || nth_efault(ret));
		if (ret)
			EXPECT_EQ(0, irqfd(self->fd, self->event, BAO_IRQFD_FLAG_DEASSIGN));
		EXPECT_EQ(0, eventfd_add(self->event, 1));
	}
	EXPECT_LT(nth, NTH_LIMIT);
}

TEST_F_TIMEOUT(fail_nth, mmap, 120)
{
	void *place = nth_place(SIM_WINDOW);

	ASSERT_TRUE(!!place);
	EXPECT_UNHARMED(nth_map(self->fd, place, SIM_WINDOW), nth_enomem_or_efault);
}

static int poll_once(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, 0) < 0 ? -errno : 0;
}

TEST_F(fail_nth, poll)
{
	EXPECT_UNHARMED(poll_once(self->fd), nth_enomem_or_efault);
}

/* The whole of it: endpoint, interrupt, auxiliary device, and the drivers that bind to it */
static int bind_and_unbind(void)
{
	int ret = sim_life(sim_fd(), NEW, BAO_SIM_BIND);

	/* It goes whatever fails, but for the argument of the ioctl */
	while (!ret && sim_life(sim_fd(), NEW, BAO_SIM_UNBIND) == -EFAULT)
		;
	return ret;
}

/* The driver core drops what a driver's probe returned */
static bool is_any(int ret)
{
	return ret < 0;
}

TEST_F_TIMEOUT(fail_nth, bind, 300)
{
	struct bao_sim_device info;
	struct bao_sim_counters c = { .dm_id = NEW };

	ASSERT_EQ(0, sim_add(sim_fd(), NEW, &info));
	EXPECT_UNHARMED(bind_and_unbind(), is_any);
	ASSERT_EQ(0, do_ioctl(sim_fd(), BAO_SIM_COUNTERS, &c));
	EXPECT_EQ(0, c.violations);
	EXPECT_EQ(0, c.bad_calls);
}

/* A frontend that waits loses nothing by a driver that fails to come */
TEST_F_TIMEOUT(fail_nth, bind_with_a_request, 300)
{
	struct bao_sim_vcpu vcpu = { .dm_id = NEW };
	struct bao_sim_access access = { .dm_id = NEW, .addr = 0x1000, .op = 1, .width = 4,
					 .count = 1 };
	struct bao_virtio_request req;
	struct bao_sim_device info;
	unsigned int nth;
	bool failed = true;
	int fd, ret;

	ASSERT_EQ(0, sim_add(sim_fd(), NEW, &info));
	for (nth = 1; failed && nth < NTH_LIMIT; nth++) {
		ASSERT_EQ(0, do_ioctl(sim_fd(), BAO_SIM_START, &access));
		nth_fail(nth);
		ret = sim_life(sim_fd(), NEW, BAO_SIM_BIND);
		failed = nth_has_failed();
		if (ret)
			ASSERT_EQ(0, sim_life(sim_fd(), NEW, BAO_SIM_BIND));
		fd = dm_open(NEW);
		if (fd == -ENOENT) {
			/* The endpoint is there, but the driver on it has failed to come */
			ASSERT_TRUE(failed);
			ASSERT_EQ(0, sim_life(sim_fd(), NEW, BAO_SIM_UNBIND));
			continue;
		}
		ASSERT_LE(0, fd);
		ret = dm_attach(fd, &req);
		/* One that failed may have asked for it, and then has answered it as it went */
		if (ret == -ETIMEDOUT) {
			ASSERT_EQ(0, do_ioctl(sim_fd(), BAO_SIM_VCPU, &vcpu));
			EXPECT_EQ(0, vcpu.parked);
		} else {
			EXPECT_EQ(0, ret);
			EXPECT_EQ(0, dm_answer(fd, req, 1));
		}
		close_fd(fd);
		ASSERT_EQ(0, sim_life(sim_fd(), NEW, BAO_SIM_UNBIND));
	}
	EXPECT_LT(nth, NTH_LIMIT);
}

TEST_HARNESS_MAIN
