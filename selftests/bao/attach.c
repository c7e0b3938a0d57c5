// SPDX-License-Identifier: GPL-2.0
/* BAO_IOCTL_IO_CLIENT_ATTACH: what it reports, how it waits, in which order */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "backend.h"

#define DM 1
#define JUNK 0xfedcba9876543210ull

/* What poll() is to the kernel; newer architectures have only the other one */
#ifdef SYS_poll
#define POLL_CALL SYS_poll
#else
#define POLL_CALL SYS_ppoll
#endif

FIXTURE(attach) {
	int fd;
	__u64 addr;
};

FIXTURE_SETUP(attach)
{
	SET_UP_OR_SKIP();
	self->fd = dm_open(DM);
	ASSERT_LE(0, self->fd);
	self->addr = frontend_window(DM) + 0x10;
}

FIXTURE_TEARDOWN(attach)
{
	TEAR_DOWN();
}

/* Accesses of all widths */

FIXTURE(width) {
	int fd;
};

FIXTURE_VARIANT(width) {
	__u32 width;
	__u64 mask;
	unsigned int offset;
};

FIXTURE_VARIANT_ADD(width, 1) { .width = 1, .mask = 0xff, .offset = 0x103 };
FIXTURE_VARIANT_ADD(width, 2) { .width = 2, .mask = 0xffff, .offset = 0x102 };
FIXTURE_VARIANT_ADD(width, 2_unaligned) { .width = 2, .mask = 0xffff, .offset = 0x101 };
FIXTURE_VARIANT_ADD(width, 4) { .width = 4, .mask = 0xffffffff, .offset = 0x100 };
FIXTURE_VARIANT_ADD(width, 8) { .width = 8, .mask = 0xffffffffffffffff, .offset = 0x108 };

FIXTURE_SETUP(width)
{
	SET_UP_OR_SKIP();
	self->fd = dm_open(DM);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(width)
{
	TEAR_DOWN();
}

TEST_F(width, write_reports_the_value_without_the_rest_of_the_register)
{
	__u64 addr = frontend_window(DM) + variant->offset;
	struct bao_virtio_request req;

	frontend_start(DM, 0, write_of(addr, variant->width, JUNK), 1);
	ASSERT_EQ(0, dm_attach(self->fd, &req));
	EXPECT_EQ(DM, req.dm_id);
	EXPECT_EQ(addr, req.addr);
	EXPECT_EQ(BAO_IO_WRITE, req.op);
	EXPECT_EQ(JUNK & variant->mask & register_mask(), req.value);
	EXPECT_EQ(variant->width, req.access_width);
	ASSERT_EQ(0, dm_complete(self->fd, req));
	EXPECT_EQ(1, frontend_done(DM, 0));
}

TEST_F(width, read_gets_the_answer_zero_extended)
{
	__u64 addr = frontend_window(DM) + variant->offset;
	struct bao_virtio_request req;

	frontend_start(DM, 0, read_of(addr, variant->width), 1);
	ASSERT_EQ(0, dm_attach(self->fd, &req));
	EXPECT_EQ(DM, req.dm_id);
	EXPECT_EQ(addr, req.addr);
	EXPECT_EQ(BAO_IO_READ, req.op);
	EXPECT_EQ(0, req.value);
	EXPECT_EQ(variant->width, req.access_width);
	/* Wider than the access */
	ASSERT_EQ(0, dm_answer(self->fd, req, JUNK));
	EXPECT_EQ(1, frontend_done(DM, 0));
	EXPECT_EQ(JUNK & variant->mask & register_mask(), frontend_result(DM, 0));
}

/* The argument */

TEST_F(attach, input_is_ignored)
{
	struct bao_virtio_request req;

	memset(&req, 0xff, sizeof(req));
	frontend_start(DM, 0, write_of(self->addr, 4, 7), 1);
	ASSERT_TRUE(wait_until(dm_waiting(self->fd)));
	ASSERT_EQ(0, do_ioctl(self->fd, BAO_IOCTL_IO_CLIENT_ATTACH, &req));
	EXPECT_EQ(DM, req.dm_id);
	EXPECT_EQ(self->addr, req.addr);
	EXPECT_EQ(BAO_IO_WRITE, req.op);
	EXPECT_EQ(7, req.value);
	EXPECT_EQ(4, req.access_width);
	EXPECT_EQ(0, dm_complete(self->fd, req));
}

TEST_F(attach, bad_pointer_is_efault_and_consumes_nothing)
{
	void *read_only = mmap(NULL, getpagesize(), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct bao_virtio_request req;

	ASSERT_TRUE(read_only != MAP_FAILED);
	frontend_start(DM, 0, write_of(self->addr, 4, 1), 1);
	frontend_start(DM, 1, write_of(self->addr, 4, 2), 1);
	ASSERT_TRUE(wait_until(dm_waiting(self->fd)));

	EXPECT_EQ(-EFAULT, do_ioctl(self->fd, BAO_IOCTL_IO_CLIENT_ATTACH, NULL));
	EXPECT_EQ(-EFAULT, do_ioctl(self->fd, BAO_IOCTL_IO_CLIENT_ATTACH, read_only));

	ASSERT_EQ(0, dm_attach(self->fd, &req));
	EXPECT_EQ(1, req.value);
	EXPECT_EQ(0, dm_complete(self->fd, req));
	ASSERT_EQ(0, dm_attach(self->fd, &req));
	EXPECT_EQ(2, req.value);
	EXPECT_EQ(0, dm_complete(self->fd, req));
}

TEST_F(attach, other_device_models_get_nothing)
{
	int other = dm_open(DM + 1);
	struct bao_virtio_request req;

	ASSERT_LE(0, other);
	ASSERT_EQ(0, fcntl(other, F_SETFL, O_NONBLOCK));
	frontend_start(DM, 0, write_of(self->addr, 4, 1), 1);
	ASSERT_TRUE(wait_until(dm_waiting(self->fd)));
	EXPECT_EQ(-EAGAIN, dm_take(other, &req));
	EXPECT_FALSE(dm_waiting(other));
}

/* Waiting */

TEST_F(attach, nonblocking_is_eagain_until_a_request_waits)
{
	struct bao_virtio_request req, none;

	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(-EAGAIN, dm_take(self->fd, &none));
	frontend_start(DM, 0, write_of(self->addr, 4, 1), 1);
	ASSERT_TRUE(wait_until(dm_waiting(self->fd)));
	ASSERT_EQ(0, dm_take(self->fd, &req));
	EXPECT_EQ(-EAGAIN, dm_take(self->fd, &none));
	EXPECT_EQ(0, dm_complete(self->fd, req));
}

TEST_F(attach, poll_reports_a_request_while_it_waits)
{
	struct bao_virtio_request req;

	EXPECT_FALSE(dm_waiting(self->fd));
	frontend_start(DM, 0, write_of(self->addr, 4, 1), 1);
	EXPECT_TRUE(wait_until(dm_waiting(self->fd)));
	ASSERT_EQ(0, dm_take(self->fd, &req));
	EXPECT_FALSE(dm_waiting(self->fd));
	EXPECT_EQ(0, dm_complete(self->fd, req));
}

static int take_and_answer(void *arg)
{
	struct bao_virtio_request req;
	int fd = *(int *)arg;

	return dm_take(fd, &req) || dm_answer(fd, req, 42);
}

TEST_F(attach, sleeps_until_a_request_comes)
{
	pid_t pid = spawn(take_and_answer, &self->fd);

	ASSERT_LT(0, pid);
	ASSERT_TRUE(wait_until(sleeps_in_ioctl(pid, BAO_IOCTL_IO_CLIENT_ATTACH)));
	frontend_start(DM, 0, read_of(self->addr, 4), 1);
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(42, frontend_result(DM, 0));
}

static int poll_for_ever(void *arg)
{
	struct pollfd pfd = { .fd = *(int *)arg, .events = POLLIN };

	return poll(&pfd, 1, -1) != 1 || pfd.revents != POLLIN;
}

TEST_F(attach, poll_sleeps_until_a_request_comes)
{
	pid_t pid = spawn(poll_for_ever, &self->fd);

	ASSERT_LT(0, pid);
	ASSERT_TRUE(wait_until(sleeps_in_call(pid, POLL_CALL)));
	frontend_start(DM, 0, read_of(self->addr, 4), 1);
	EXPECT_EQ(0, reap(pid));
}

static int poll_exclusively(void *arg)
{
	struct epoll_event event;

	return epoll_pwait(*(int *)arg, &event, 1, -1, NULL) != 1;
}

/* A request wakes one of those who wait, and it must be one that takes it */
TEST_F(attach, exclusive_poller_does_not_swallow_a_request)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLEXCLUSIVE };
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	pid_t poller, taker;

	ASSERT_LE(0, epoll);
	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, self->fd, &event));
	poller = spawn(poll_exclusively, &epoll);
	ASSERT_LT(0, poller);
	ASSERT_TRUE(wait_until(sleeps_in_call(poller, SYS_epoll_pwait)));
	taker = spawn(take_and_answer, &self->fd);
	ASSERT_LT(0, taker);
	ASSERT_TRUE(wait_until(sleeps_in_ioctl(taker, BAO_IOCTL_IO_CLIENT_ATTACH)));
	frontend_start(DM, 0, read_of(self->addr, 4), 1);
	EXPECT_EQ(0, reap(taker));
	EXPECT_EQ(42, frontend_result(DM, 0));
	close(epoll);
}

/* Signals */

static volatile sig_atomic_t *signals;

static void count_signal(int sig)
{
	(void)sig;
	++*signals;
}

static int take_with_handler(int fd, int flags)
{
	struct sigaction action = { .sa_handler = count_signal, .sa_flags = flags };
	struct bao_virtio_request req;
	int ret;

	sigaction(SIGUSR1, &action, NULL);
	ret = dm_take(fd, &req);
	if (ret)
		return -ret;
	return -dm_answer(fd, req, 42);
}

static int take_interruptible(void *arg)
{
	return take_with_handler(*(int *)arg, 0);
}

static int take_restartable(void *arg)
{
	return take_with_handler(*(int *)arg, SA_RESTART);
}

TEST_F(attach, handled_signal_is_eintr)
{
	pid_t pid;

	signals = shared_memory(sizeof(*signals));
	pid = spawn(take_interruptible, &self->fd);
	ASSERT_LT(0, pid);
	ASSERT_TRUE(wait_until(sleeps_in_ioctl(pid, BAO_IOCTL_IO_CLIENT_ATTACH)));
	kill(pid, SIGUSR1);
	EXPECT_EQ(EINTR, reap(pid));
	EXPECT_EQ(1, *signals);
}

TEST_F(attach, is_restarted_under_sa_restart)
{
	pid_t pid;

	signals = shared_memory(sizeof(*signals));
	pid = spawn(take_restartable, &self->fd);
	ASSERT_LT(0, pid);
	ASSERT_TRUE(wait_until(sleeps_in_ioctl(pid, BAO_IOCTL_IO_CLIENT_ATTACH)));
	kill(pid, SIGUSR1);
	ASSERT_TRUE(wait_until(*signals == 1));
	ASSERT_TRUE(wait_until(sleeps_in_ioctl(pid, BAO_IOCTL_IO_CLIENT_ATTACH)));
	frontend_start(DM, 0, read_of(self->addr, 4), 1);
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(42, frontend_result(DM, 0));
}

TEST_F(attach, survives_stop_and_continue)
{
	pid_t pid = spawn(take_interruptible, &self->fd);
	int status;

	ASSERT_LT(0, pid);
	ASSERT_TRUE(wait_until(sleeps_in_ioctl(pid, BAO_IOCTL_IO_CLIENT_ATTACH)));
	kill(pid, SIGSTOP);
	ASSERT_EQ(pid, waitpid(pid, &status, WUNTRACED));
	ASSERT_TRUE(WIFSTOPPED(status));
	kill(pid, SIGCONT);
	ASSERT_EQ(pid, waitpid(pid, &status, WCONTINUED));
	ASSERT_TRUE(wait_until(sleeps_in_ioctl(pid, BAO_IOCTL_IO_CLIENT_ATTACH)));
	frontend_start(DM, 0, read_of(self->addr, 4), 1);
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(42, frontend_result(DM, 0));
}

TEST_F(attach, takes_what_came_while_it_was_stopped)
{
	pid_t pid = spawn(take_interruptible, &self->fd);
	int status;

	ASSERT_LT(0, pid);
	ASSERT_TRUE(wait_until(sleeps_in_ioctl(pid, BAO_IOCTL_IO_CLIENT_ATTACH)));
	kill(pid, SIGSTOP);
	ASSERT_EQ(pid, waitpid(pid, &status, WUNTRACED));
	frontend_start(DM, 0, read_of(self->addr, 4), 1);
	ASSERT_TRUE(wait_until(dm_waiting(self->fd)));
	kill(pid, SIGCONT);
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(42, frontend_result(DM, 0));
}

/* Keeps to one processor, and so do the children; yields whether it can */
static bool stay_here(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(sched_getcpu(), &cpus);
	return !sched_setaffinity(0, sizeof(cpus), &cpus);
}

static int run_before_others(bool before)
{
	struct sched_param param = { .sched_priority = before };

	return sched_setscheduler(0, before ? SCHED_FIFO : SCHED_OTHER, &param);
}

/* What was given to a sleeper is not lost if a signal comes before it runs */
TEST_F(attach, takes_what_came_together_with_a_signal)
{
	bool first;
	pid_t pid;

	ASSERT_TRUE(stay_here());
	signals = shared_memory(sizeof(*signals));
	pid = spawn(take_interruptible, &self->fd);
	ASSERT_LT(0, pid);
	ASSERT_TRUE(wait_until(sleeps_in_ioctl(pid, BAO_IOCTL_IO_CLIENT_ATTACH)));
	/* Threads of the kernel that serve must run before us */
	if (!is_preempt_rt())
		ASSERT_EQ(0, run_before_others(true));
	frontend_start(DM, 0, read_of(self->addr, 4), 1);
	EXPECT_TRUE(wait_until(statistic(DM, "owned") == 1 || frontend_done(DM, 0)));
	/* The kernel lets others run after a second, and a host may stand still for that long */
	first = !frontend_done(DM, 0);
	kill(pid, SIGUSR1);
	ASSERT_EQ(0, run_before_others(false));
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(42, frontend_result(DM, 0));
	EXPECT_EQ(1, frontend_done(DM, 0));
	if (!first)
		SKIP(return, "the sleeper has run before the signal");
	EXPECT_TRUE(*signals == 1 || is_preempt_rt());
}

/* Order */

TEST_F(attach, requests_come_first_in_first_out)
{
	struct bao_virtio_request req;
	unsigned int i;

	for (i = 0; i < FRONTEND_VCPUS; i++)
		frontend_start(DM, i, write_of(self->addr, 4, i), 1);
	for (i = 0; i < FRONTEND_VCPUS; i++) {
		ASSERT_EQ(0, dm_attach(self->fd, &req));
		EXPECT_EQ(i, req.value);
		ASSERT_EQ(0, dm_complete(self->fd, req));
	}
}

TEST_F(attach, requests_may_be_completed_in_any_order)
{
	struct bao_virtio_request req[FRONTEND_VCPUS];
	unsigned int i, j;

	for (i = 0; i < FRONTEND_VCPUS; i++)
		frontend_start(DM, i, read_of(self->addr + 4 * i, 4), 1);
	for (i = 0; i < FRONTEND_VCPUS; i++) {
		ASSERT_EQ(0, dm_attach(self->fd, &req[i]));
		for (j = 0; j < i; j++)
			EXPECT_NE(req[j].request_id, req[i].request_id);
	}
	for (i = FRONTEND_VCPUS; i-- > 0;)
		ASSERT_EQ(0, dm_answer(self->fd, req[i], req[i].addr));
	for (i = 0; i < FRONTEND_VCPUS; i++) {
		EXPECT_EQ(1, frontend_done(DM, i));
		EXPECT_EQ(self->addr + 4 * i, frontend_result(DM, i));
	}
}

#define THREADS 4
#define ROUNDS 100
#define QUIT 0xffff

struct server {
	pthread_t thread;
	int fd;
	int error;
	unsigned int served;
};

/* Answers until it gets a write of QUIT */
static void *serve(void *arg)
{
	struct server *server = arg;
	struct bao_virtio_request req;

	do {
		server->error = dm_take(server->fd, &req);
		if (!server->error)
			server->error = dm_answer(server->fd, req, req.addr);
		server->served++;
	} while (!server->error && !(req.op == BAO_IO_WRITE && req.value == QUIT));
	return NULL;
}

TEST_F_TIMEOUT(attach, several_threads_share_a_descriptor, LONG_TEST_S)
{
	struct server server[THREADS] = { 0 };
	unsigned int i, served = 0;
	struct counters counters;

	frontend_reset_counters(DM);
	for (i = 0; i < THREADS; i++) {
		server[i].fd = self->fd;
		ASSERT_EQ(0, pthread_create(&server[i].thread, NULL, serve, &server[i]));
	}
	for (i = 0; i < THREADS; i++)
		frontend_start(DM, i, read_of(self->addr + 4 * i, 4), ROUNDS);
	for (i = 0; i < THREADS; i++) {
		ASSERT_TRUE(wait_done(DM, i, ROUNDS));
		EXPECT_EQ(self->addr + 4 * i, frontend_result(DM, i));
	}
	for (i = 0; i < THREADS; i++)
		frontend_start(DM, i, write_of(self->addr, 4, QUIT), 1);
	for (i = 0; i < THREADS; i++) {
		ASSERT_EQ(0, pthread_join(server[i].thread, NULL));
		EXPECT_EQ(0, server[i].error);
		served += server[i].served;
	}
	EXPECT_EQ(THREADS * (ROUNDS + 1), served);
	frontend_counters(DM, &counters);
	EXPECT_EQ(THREADS * (ROUNDS + 1), counters.completes);
	EXPECT_EQ(0, counters.bad_calls);
	EXPECT_EQ(0, counters.violations);
}

TEST_HARNESS_MAIN
