// SPDX-License-Identifier: GPL-2.0
/* Modules are removed and devices unbound while processes and frontends are at work */
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "backend.h"
#include "modules.h"
#include "sim.h"

#define FOR_EVER 0xffffffff

FIXTURE(lifetime) {
	char unused;
};

FIXTURE_SETUP(lifetime)
{
	SET_UP_OR_SKIP();
}

/* A test that failed halfway may have left things unbound */
FIXTURE_TEARDOWN(lifetime)
{
	endpoints_bind();
	remio_bind(0);
	TEAR_DOWN();
}

/* Modules */

static bool works(int fd, unsigned int dm_id)
{
	struct bao_virtio_request req;

	frontend_start(dm_id, 0, read_of(frontend_window(dm_id), 4), 1);
	return !dm_attach(fd, &req) && !dm_answer(fd, req, 0x1234) &&
	       frontend_result(dm_id, 0) == 0x1234;
}

TEST_F(lifetime, modules_stay_while_a_descriptor_is_open)
{
	int fd = dm_open(0);

	if (!modular())
		SKIP(return, "the driver is not modular");
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EWOULDBLOCK, remove_module("bao_remio"));
	EXPECT_EQ(-EWOULDBLOCK, remove_module("bao"));
	EXPECT_TRUE(works(fd, 0));
}

TEST_F(lifetime, modules_stay_while_the_dispatcher_is_open)
{
	int fd = dispatcher_open();

	if (!modular())
		SKIP(return, "the driver is not modular");
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EWOULDBLOCK, remove_module("bao_remio"));
	EXPECT_EQ(-EWOULDBLOCK, remove_module("bao"));
}

static bool all_parked_are_pending(unsigned int dm_id)
{
	unsigned int vcpu, parked = 0;
	struct counters c;

	for (vcpu = 0; vcpu < FRONTEND_VCPUS; vcpu++)
		parked += frontend_parked(dm_id, vcpu);
	frontend_counters(dm_id, &c);
	return !c.processing && c.pending == parked;
}

TEST_F_TIMEOUT(lifetime, modules_are_reloaded_under_load, LONG_TEST_S)
{
	bool channels = is_loaded("bao_ipc") && !frontend_is_simulated();
	unsigned int round, total = rounds(20);
	struct counters counters;

	if (!modular())
		SKIP(return, "the driver is not modular");
	frontend_reset_counters(0);
	frontend_start(0, 0, read_of(frontend_window(0), 4), FOR_EVER);
	frontend_start(0, 1, write_of(frontend_window(0) + 0x50, 4, 0), FOR_EVER);
	for (round = 0; round < total; round++) {
		struct bao_virtio_request req;
		int fd = dm_open(0);

		ASSERT_LE(0, fd);
		ASSERT_EQ(0, dm_attach(fd, &req));
		EXPECT_EQ(0, dm_complete(fd, req));
		/* And one that the next device model finds */
		ASSERT_EQ(0, dm_attach(fd, &req));
		close_fd(fd);

		EXPECT_EQ(0, statistic(0, "complete_errors"));
		ASSERT_EQ(0, remove_module("bao_remio"));
		if (channels)
			ASSERT_EQ(0, remove_module("bao_ipc"));
		/* The simulator uses the transport, and we use the simulator */
		if (frontend_is_simulated()) {
			ASSERT_EQ(0, endpoints_unbind());
			EXPECT_EQ(-EWOULDBLOCK, remove_module("bao"));
		} else {
			ASSERT_EQ(0, remove_module("bao"));
		}
		EXPECT_TRUE(all_parked_are_pending(0));
		ASSERT_EQ(0, frontend_is_simulated() ? endpoints_bind() : load_module("bao"));
		ASSERT_EQ(0, load_module("bao_remio"));
		if (channels)
			ASSERT_EQ(0, load_module("bao_ipc"));
	}
	frontend_counters(0, &counters);
	EXPECT_LE(2 * total, counters.accesses);
	EXPECT_EQ(0, counters.violations);
	/* Elsewhere, the driver begins with a call that is refused: it asks whether this is Bao */
	if (frontend_is_simulated())
		EXPECT_EQ(0, counters.complete_errors);
}

/* Unbinding the endpoints */

/* Serves until it fails, which it tells by its exit status */
static int serve_until_error(void *arg)
{
	struct bao_virtio_request req;
	int fd = *(int *)arg, ret;

	do {
		ret = dm_take(fd, &req);
		if (!ret)
			ret = dm_answer(fd, req, 0);
	} while (!ret);
	return -ret;
}

static short poll_now(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, 0) == 1 ? pfd.revents : 0;
}

#define EXPECT_DEAD(fd) do {							\
	struct bao_virtio_request _req = { .op = BAO_IO_READ };			\
	struct access _kick = write_of(0x1000, 4, 0);				\
	int _event = new_eventfd(0), _fd = (fd);				\
										\
	EXPECT_EQ(-ENODEV, dm_take(_fd, &_req));				\
	EXPECT_EQ(-ENODEV, ioeventfd(_fd, _event, _kick, 0));		\
	EXPECT_EQ(-ENODEV, irqfd(_fd, _event, 0));				\
	EXPECT_TRUE(poll_now(_fd) & POLLHUP);				\
	close_fd(_event);							\
} while (0)

TEST_F_TIMEOUT(lifetime, unbind_under_load, LONG_TEST_S)
{
	struct access kick = write_of(frontend_window(0) + 0x50, 4, 0);
	unsigned int i, done, round, total = rounds(3);

	ASSERT_LE(3, frontend_devices());
	for (round = 0; round < total; round++) {
		int kicked = dm_open(0), served = dm_open(1), idle = dm_open(2);
		int event = new_eventfd(0), event2 = new_eventfd(0);
		pid_t server[2], sleeper;

		ASSERT_LE(0, kicked);
		ASSERT_LE(0, served);
		ASSERT_LE(0, idle);
		ASSERT_EQ(0, ioeventfd(kicked, event, kick, BAO_IOEVENTFD_FLAG_DATAMATCH));
		ASSERT_EQ(0, irqfd(kicked, event2, 0));
		for (i = 0; i < 2; i++) {
			server[i] = spawn(serve_until_error, &served);
			ASSERT_LT(0, server[i]);
		}
		sleeper = spawn(serve_until_error, &idle);
		ASSERT_LT(0, sleeper);
		ASSERT_TRUE(wait_until(sleeps_in_ioctl(sleeper, BAO_IOCTL_IO_CLIENT_ATTACH)));
		for (i = 0; i < 2; i++) {
			frontend_start(0, i, kick, FOR_EVER);
			frontend_start(1, i, read_of(frontend_window(1) + 4 * i, 4), FOR_EVER);
		}
		done = frontend_done(0, 0);
		ASSERT_TRUE(wait_until(frontend_done(0, 0) > done + 10));
		done = frontend_done(1, 0);
		ASSERT_TRUE(wait_until(frontend_done(1, 0) > done + 10));

		ASSERT_EQ(0, endpoints_unbind());

		EXPECT_EQ(ENODEV, reap(server[0]));
		EXPECT_EQ(ENODEV, reap(server[1]));
		EXPECT_EQ(ENODEV, reap(sleeper));
		EXPECT_DEAD(kicked);
		EXPECT_DEAD(served);
		EXPECT_DEAD(idle);
		for (i = 0; i < 3; i++)
			EXPECT_TRUE(all_parked_are_pending(i));
		/* An irqfd that is left over rings no bell and does no harm */
		EXPECT_EQ(0, eventfd_add(event2, 1));
		close_fd(kicked);
		close_fd(served);
		close_fd(idle);

		ASSERT_EQ(0, endpoints_bind());

		/* The frontend has not noticed */
		kicked = dm_open(0);
		ASSERT_LE(0, kicked);
		done = frontend_done(0, 0);
		ASSERT_EQ(0, ioeventfd(kicked, event, kick, BAO_IOEVENTFD_FLAG_DATAMATCH));
		EXPECT_TRUE(wait_until(frontend_done(0, 0) > done + 10));
		for (i = 0; i < 2; i++) {
			frontend_stop(0, i);
			frontend_stop(1, i);
		}
		served = dm_open(1);
		ASSERT_LE(0, served);
		while (frontend_parked(1, 0) || frontend_parked(1, 1)) {
			struct bao_virtio_request req;

			ASSERT_EQ(0, dm_attach(served, &req));
			EXPECT_EQ(0, dm_complete(served, req));
		}
		EXPECT_TRUE(wait_until(!frontend_parked(0, 0) && !frontend_parked(0, 1)));
		close_fd(kicked);
		close_fd(served);
		close_fd(event);
		close_fd(event2);
	}
}

TEST_F(lifetime, unbind_answers_what_was_asked)
{
	struct bao_virtio_request owned;
	int fd = dm_open(0);

	ASSERT_LE(0, fd);
	frontend_start(0, 0, read_of(frontend_window(0), 4), 1);
	ASSERT_EQ(0, dm_attach(fd, &owned));
	frontend_start(0, 1, read_of(frontend_window(0), 4), 1);
	ASSERT_TRUE(wait_until(dm_waiting(fd)));

	ASSERT_EQ(0, endpoints_unbind());
	EXPECT_EQ(1, frontend_done(0, 0));
	EXPECT_EQ(0, frontend_result(0, 0));
	EXPECT_EQ(1, frontend_done(0, 1));
	EXPECT_EQ(0, frontend_result(0, 1));
	EXPECT_EQ(-ENODEV, dm_answer(fd, owned, 1));

	/* One that comes now waits in the hypervisor */
	frontend_start(0, 0, read_of(frontend_window(0), 4), 1);
	EXPECT_TRUE(frontend_parked(0, 0));
	ASSERT_EQ(0, endpoints_bind());
	EXPECT_EQ(-ENODEV, dm_answer(fd, owned, 1));
	close_fd(fd);
	fd = dm_open(0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, dm_attach(fd, &owned));
	EXPECT_EQ(0, dm_answer(fd, owned, 42));
	EXPECT_EQ(42, frontend_result(0, 0));
}

TEST_F(lifetime, an_endpoint_goes_and_the_others_are_served)
{
	int other = dm_open(1);

	if (!frontend_is_simulated())
		SKIP(return, "the endpoints go together");
	ASSERT_LE(0, other);
	ASSERT_EQ(0, sim_life(sim_fd(), 0, BAO_SIM_UNBIND));
	/* What comes now has to be announced, asked for and answered */
	EXPECT_TRUE(works(other, 1));
	ASSERT_EQ(0, sim_life(sim_fd(), 0, BAO_SIM_BIND));
	EXPECT_TRUE(works(other, 1));
}

/* Unbinding remote I/O for user space from one endpoint */

TEST_F(lifetime, requests_wait_while_remio_is_unbound)
{
	struct bao_virtio_request owned, req;
	int fd = dm_open(0), other = dm_open(1);
	pid_t sleeper;

	ASSERT_LE(0, fd);
	ASSERT_LE(0, other);
	frontend_start(0, 0, read_of(frontend_window(0), 4), 1);
	ASSERT_EQ(0, dm_attach(fd, &owned));
	sleeper = spawn(serve_until_error, &fd);
	ASSERT_LT(0, sleeper);
	ASSERT_TRUE(wait_until(sleeps_in_ioctl(sleeper, BAO_IOCTL_IO_CLIENT_ATTACH)));

	ASSERT_EQ(0, remio_unbind(0));
	EXPECT_EQ(ENODEV, reap(sleeper));
	EXPECT_DEAD(fd);
	EXPECT_EQ(-ENODEV, dm_answer(fd, owned, 1));
	EXPECT_EQ(-ENOENT, dm_open(0));
	EXPECT_TRUE(frontend_parked(0, 0));
	/* Nobody else is concerned */
	EXPECT_TRUE(works(other, 1));

	ASSERT_EQ(0, remio_bind(0));
	EXPECT_DEAD(fd);
	close_fd(fd);
	fd = dm_open(0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, dm_attach(fd, &req));
	EXPECT_EQ(0, dm_answer(fd, req, 42));
	EXPECT_EQ(42, frontend_result(0, 0));
	EXPECT_EQ(1, frontend_done(0, 0));
}

TEST_F(lifetime, unbind_wakes_every_sleeper)
{
	int i, fd = dm_open(0);
	pid_t sleeper[3];

	ASSERT_LE(0, fd);
	for (i = 0; i < 3; i++) {
		sleeper[i] = spawn(serve_until_error, &fd);
		ASSERT_LT(0, sleeper[i]);
		ASSERT_TRUE(wait_until(sleeps_in_ioctl(sleeper[i], BAO_IOCTL_IO_CLIENT_ATTACH)));
	}
	ASSERT_EQ(0, remio_unbind(0));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(ENODEV, reap(sleeper[i]));
	ASSERT_EQ(0, remio_bind(0));
}

/* 0 if it is told that the descriptor is dead */
static int poll_exclusively(void *arg)
{
	struct epoll_event event = { 0 };

	if (epoll_pwait(*(int *)arg, &event, 1, -1, NULL) != 1)
		return 1;
	return (event.events & (EPOLLERR | EPOLLHUP)) != (EPOLLERR | EPOLLHUP);
}

TEST_F(lifetime, unbind_wakes_every_poller)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLEXCLUSIVE };
	int epoll[3], fd = dm_open(0);
	pid_t poller[3];
	int i;

	ASSERT_LE(0, fd);
	for (i = 0; i < 3; i++) {
		epoll[i] = epoll_create1(EPOLL_CLOEXEC);
		ASSERT_LE(0, epoll[i]);
		ASSERT_EQ(0, epoll_ctl(epoll[i], EPOLL_CTL_ADD, fd, &event));
		poller[i] = spawn(poll_exclusively, &epoll[i]);
		ASSERT_LT(0, poller[i]);
		ASSERT_TRUE(wait_until(sleeps_in_call(poller[i], SYS_epoll_pwait)));
	}
	ASSERT_EQ(0, remio_unbind(0));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(0, reap(poller[i]));
		close(epoll[i]);
	}
	ASSERT_EQ(0, remio_bind(0));
}

TEST_HARNESS_MAIN
