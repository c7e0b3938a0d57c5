// SPDX-License-Identifier: GPL-2.0
/*
 * BAO_IOCTL_IO_REQUEST_NEXT: what it completes and takes, and what is left of it after every error.
 * Most tests begin with one read of vCPU 0 in their hands.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "backend.h"

#define DM 0
#define OTHER_DM 1
#define ANSWER 0x600df00d
#define JUNK 0xfedcba9876543210ull

/**
 * struct call - a call that another process makes, in memory that this one sees
 * @fd: descriptor, negative: one of its own
 * @flags: of the handler of SIGUSR1
 * @req: argument
 * @go: what other threads of that process wait for
 * @gone: the memory of the argument, or the descriptor, has gone; or the call has returned
 * @signals: handled
 */
struct call {
	int fd;
	int flags;
	struct bao_virtio_request req;
	int go;
	int gone;
	int signals;
};

FIXTURE(next) {
	int fd;
	__u64 addr;
	struct bao_virtio_request req;
	struct counters before;
	struct call *call;
};

FIXTURE_SETUP(next)
{
	SET_UP_OR_SKIP();
	self->fd = dm_open(DM);
	ASSERT_LE(0, self->fd);
	self->addr = frontend_window(DM);
	self->call = shared_memory(sizeof(*self->call));
	ASSERT_TRUE(!!self->call);
	frontend_start(DM, 0, read_of(self->addr, 4), 1);
	ASSERT_EQ(0, dm_attach(self->fd, &self->req));
	self->req.value = ANSWER;
	self->call->fd = self->fd;
	self->call->req = self->req;
	frontend_counters(DM, &self->before);
}

FIXTURE_TEARDOWN(next)
{
	struct counters now;

	frontend_counters(DM, &now);
	EXPECT_EQ(self->before.violations, now.violations);
	EXPECT_EQ(self->before.bad_calls, now.bad_calls);
	TEAR_DOWN();
}

/* The driver asks for a device that cannot exist, to see whether the hypervisor is Bao */
#define BIND_AGAIN() do {						\
	struct counters _now;						\
									\
	frontend_counters(DM, &_now);					\
	EXPECT_EQ(self->before.bad_calls, _now.bad_calls);		\
	ASSERT_EQ(0, endpoints_bind());					\
	frontend_counters(DM, &_now);					\
	self->before.bad_calls = _now.bad_calls;			\
} while (0)

/* COMPLETEs that the hypervisor has heard since the setup */
#define EXPECT_COMPLETES(n) do {					\
	struct counters _now;						\
									\
	frontend_counters(DM, &_now);					\
	EXPECT_EQ(self->before.completes + (n), _now.completes);	\
} while (0)

#define EXPECT_ANSWERED() do {						\
	EXPECT_COMPLETES(1);						\
	EXPECT_FALSE(frontend_parked(DM, 0));				\
	EXPECT_EQ(ANSWER, frontend_result(DM, 0));			\
} while (0)

/* The request of the setup can still be answered, and nothing has been taken instead of it */
#define EXPECT_UNHEARD() do {						\
	EXPECT_COMPLETES(0);						\
	EXPECT_TRUE(frontend_parked(DM, 0));				\
	EXPECT_EQ(0, dm_complete(self->fd, self->req));			\
	EXPECT_ANSWERED();						\
} while (0)

/* A write of vCPU 1 that waits in the queue */
#define LET_WAIT(value) do {						\
	frontend_start(DM, 1, write_of(self->addr + 4, 4, value), 1);	\
	ASSERT_TRUE(wait_until(dm_waiting(self->fd)));			\
} while (0)

#define EXPECT_WAITS(expected) do {					\
	struct bao_virtio_request _req;					\
									\
	ASSERT_EQ(0, dm_attach(self->fd, &_req));			\
	EXPECT_EQ(expected, _req.value);				\
	EXPECT_EQ(0, dm_complete(self->fd, _req));			\
} while (0)

/* But for op, which is BAO_IO_ASK, it is what was handed in */
#define EXPECT_ONLY_OP_CHANGED(now) do {				\
	struct bao_virtio_request _expected = self->req;		\
									\
	_expected.op = BAO_IO_ASK;					\
	EXPECT_EQ(0, memcmp(&_expected, now, sizeof(_expected)));	\
} while (0)

/* What it does */

TEST_F(next, completes_and_takes_what_waits)
{
	struct bao_virtio_request req = self->req;

	LET_WAIT(7);
	ASSERT_EQ(0, dm_next(self->fd, &req));
	EXPECT_ANSWERED();
	EXPECT_EQ(DM, req.dm_id);
	EXPECT_EQ(self->addr + 4, req.addr);
	EXPECT_EQ(BAO_IO_WRITE, req.op);
	EXPECT_EQ(7, req.value);
	EXPECT_EQ(4, req.access_width);
	EXPECT_NE(self->req.request_id, req.request_id);
	EXPECT_EQ(-ENOENT, dm_complete(self->fd, self->req));
	EXPECT_EQ(0, dm_complete(self->fd, req));
	EXPECT_EQ(1, frontend_done(DM, 1));
}

TEST_F(next, takes_a_read_with_value_0)
{
	struct bao_virtio_request req = self->req;

	frontend_start(DM, 1, read_of(self->addr + 8, 2), 1);
	ASSERT_TRUE(wait_until(dm_waiting(self->fd)));
	ASSERT_EQ(0, dm_next(self->fd, &req));
	EXPECT_EQ(self->addr + 8, req.addr);
	EXPECT_EQ(BAO_IO_READ, req.op);
	EXPECT_EQ(0, req.value);
	EXPECT_EQ(2, req.access_width);
	/* Wider than the access */
	EXPECT_EQ(0, dm_answer(self->fd, req, JUNK));
	EXPECT_EQ(JUNK & 0xffff, frontend_result(DM, 1));
}

TEST_F(next, address_and_width_are_not_looked_at)
{
	struct bao_virtio_request req = self->req;

	req.addr = ~0ull;
	req.access_width = 1;
	LET_WAIT(1);
	ASSERT_EQ(0, dm_next(self->fd, &req));
	EXPECT_ANSWERED();
	EXPECT_EQ(0, dm_complete(self->fd, req));
}

TEST_F(next, op_ask_completes_nothing_and_ignores_the_rest)
{
	struct bao_virtio_request req;

	memset(&req, 0xff, sizeof(req));
	req.op = BAO_IO_ASK;
	LET_WAIT(7);
	ASSERT_EQ(0, dm_next(self->fd, &req));
	EXPECT_EQ(DM, req.dm_id);
	EXPECT_EQ(7, req.value);
	EXPECT_EQ(0, dm_complete(self->fd, req));

	/* Not even what looks like a request of the caller's */
	req = self->req;
	req.op = BAO_IO_ASK;
	LET_WAIT(8);
	ASSERT_EQ(0, dm_next(self->fd, &req));
	EXPECT_EQ(8, req.value);
	EXPECT_EQ(0, dm_complete(self->fd, req));
	EXPECT_COMPLETES(2);
	EXPECT_EQ(0, dm_complete(self->fd, self->req));
}

static int next_and_answer(void *arg)
{
	struct call *call = arg;
	int ret = dm_next(call->fd, &call->req);

	return ret ? -ret : -dm_answer(call->fd, call->req, ANSWER + 1);
}

/* Waits until the child has completed the request and sleeps */
#define SPAWN_SLEEPER(fn) ({						\
	pid_t _pid = spawn(fn, self->call);				\
									\
	ASSERT_LT(0, _pid);						\
	ASSERT_TRUE(wait_until(sleeps_in_ioctl(_pid, BAO_IOCTL_IO_REQUEST_NEXT)));\
	_pid;								\
})

/* A read of vCPU 1, whose answer shows that who sleeps has been given it */
#define EXPECT_GETS_THE_NEXT(pid) do {					\
	frontend_start(DM, 1, read_of(self->addr + 4, 4), 1);		\
	EXPECT_EQ(0, reap(pid));					\
	EXPECT_EQ(ANSWER + 1, frontend_result(DM, 1));			\
	EXPECT_COMPLETES(2);						\
} while (0)

TEST_F(next, completes_before_it_sleeps)
{
	pid_t pid = SPAWN_SLEEPER(next_and_answer);

	EXPECT_ANSWERED();
	EXPECT_ONLY_OP_CHANGED(&self->call->req);
	EXPECT_GETS_THE_NEXT(pid);
}

TEST_F(next, requests_come_first_in_first_out)
{
	struct bao_virtio_request req = self->req;
	unsigned int i;

	for (i = 1; i < FRONTEND_VCPUS; i++)
		frontend_start(DM, i, write_of(self->addr, 4, i), 1);
	for (i = 1; i < FRONTEND_VCPUS; i++) {
		ASSERT_TRUE(wait_until(dm_waiting(self->fd)));
		ASSERT_EQ(0, dm_next(self->fd, &req));
		EXPECT_EQ(i, req.value);
	}
	EXPECT_EQ(0, dm_complete(self->fd, req));
	EXPECT_COMPLETES(FRONTEND_VCPUS);
}

static int next_and_keep(void *arg)
{
	struct call *call = arg;
	int ret = dm_next(call->fd, &call->req);

	__atomic_store_n(&call->gone, 1, __ATOMIC_RELEASE);
	while (!ret)
		pause();
	return -ret;
}

TEST_F(next, what_a_dead_process_took_goes_back)
{
	pid_t pid = SPAWN_SLEEPER(next_and_keep);

	frontend_start(DM, 1, write_of(self->addr + 4, 4, 7), 1);
	ASSERT_TRUE(wait_until(__atomic_load_n(&self->call->gone, __ATOMIC_ACQUIRE)));
	EXPECT_EQ(7, self->call->req.value);
	EXPECT_FALSE(dm_waiting(self->fd));
	kill_child(pid);
	EXPECT_ANSWERED();
	EXPECT_WAITS(7);
}

TEST_F(next, nothing_is_given_to_a_dead_sleeper)
{
	pid_t pid = SPAWN_SLEEPER(next_and_answer);

	kill_child(pid);
	EXPECT_ANSWERED();
	LET_WAIT(7);
	EXPECT_WAITS(7);
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
	struct bao_virtio_request req = { .op = BAO_IO_ASK };

	while (!(server->error = dm_next(server->fd, &req))) {
		server->served++;
		if (req.op == BAO_IO_WRITE && req.value == QUIT) {
			server->error = dm_complete(server->fd, req);
			break;
		}
		req.value = req.addr;
	}
	return NULL;
}

TEST_F_TIMEOUT(next, several_threads_share_a_descriptor, LONG_TEST_S)
{
	struct server server[THREADS] = { 0 };
	unsigned int i, served = 0;

	ASSERT_EQ(0, dm_complete(self->fd, self->req));
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
	EXPECT_COMPLETES(THREADS * (ROUNDS + 1) + 1);
}

/* Errors that leave the request as it was */

TEST_F(next, wrong_op_or_dm_id_is_einval)
{
	static const struct {
		__u64 op;
		__u64 dm_id;
	} bad[] = {
		{ BAO_IO_WRITE, DM }, { BAO_IO_NOTIFY, DM }, { 4, DM }, { ~0ull, DM },
		{ BAO_IO_READ + (1ull << 32), DM }, { BAO_IO_ASK + (1ull << 32), DM },
		{ BAO_IO_READ, OTHER_DM }, { BAO_IO_READ, ~0ull },
		{ BAO_IO_READ, DM + (1ull << 32) },
	};
	struct bao_virtio_request req, before;
	unsigned int i;

	LET_WAIT(7);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		req = self->req;
		req.op = bad[i].op;
		req.dm_id = bad[i].dm_id;
		before = req;
		EXPECT_EQ(-EINVAL, dm_next(self->fd, &req))
			TH_LOG("op %llx, dm_id %llx", bad[i].op, bad[i].dm_id);
		EXPECT_EQ(0, memcmp(&before, &req, sizeof(req)));
	}
	EXPECT_UNHEARD();
	EXPECT_WAITS(7);
}

TEST_F(next, unknown_request_is_enoent)
{
	struct bao_virtio_request req = self->req, before;
	int other = dm_open(DM);
	unsigned int bit;

	ASSERT_LE(0, other);
	LET_WAIT(7);
	/* Of another descriptor */
	EXPECT_EQ(-ENOENT, dm_next(other, &req));
	EXPECT_EQ(0, memcmp(&self->req, &req, sizeof(req)));
	for (bit = 0; bit < 64; bit++) {
		req = self->req;
		req.request_id ^= 1ull << bit;
		before = req;
		EXPECT_EQ(-ENOENT, dm_next(self->fd, &req));
		EXPECT_EQ(0, memcmp(&before, &req, sizeof(req)));
	}
	EXPECT_UNHEARD();
	/* Of one that is answered */
	req = self->req;
	EXPECT_EQ(-ENOENT, dm_next(self->fd, &req));
	EXPECT_EQ(0, memcmp(&self->req, &req, sizeof(req)));
	EXPECT_WAITS(7);
}

/* Memory of which the structure's end, or its beginning, lies in another page */
static char *two_pages(void)
{
	char *map = mmap(NULL, 2 * getpagesize(), PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return map == MAP_FAILED ? NULL : map;
}

/* One of the pages becomes what is told, the other can be written */
static int protect(char *pages, unsigned int which, int prot)
{
	size_t page = getpagesize();

	return mprotect(pages, 2 * page, PROT_READ | PROT_WRITE) ||
	       mprotect(pages + which * page, page, prot);
}

TEST_F(next, bad_pointer_is_efault_and_completes_nothing)
{
	void *hole = mmap(NULL, getpagesize(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	static const int bad[] = { PROT_NONE, PROT_READ };
	unsigned int i, in_first;
	char *pages = two_pages();
	char *req;

	ASSERT_TRUE(hole != MAP_FAILED);
	ASSERT_TRUE(!!pages);
	LET_WAIT(7);
	EXPECT_EQ(-EFAULT, do_ioctl(self->fd, BAO_IOCTL_IO_REQUEST_NEXT, NULL));
	EXPECT_EQ(-EFAULT, do_ioctl(self->fd, BAO_IOCTL_IO_REQUEST_NEXT, hole));
	for (in_first = 1; in_first < sizeof(self->req); in_first++) {
		req = pages + getpagesize() - in_first;
		for (i = 0; i < 2 * ARRAY_SIZE(bad); i++) {
			memcpy(req, &self->req, sizeof(self->req));
			ASSERT_EQ(0, protect(pages, i % 2, bad[i / 2]));
			EXPECT_EQ(-EFAULT, do_ioctl(self->fd, BAO_IOCTL_IO_REQUEST_NEXT, req))
				TH_LOG("%u bytes in the first page", in_first);
			ASSERT_EQ(0, protect(pages, 0, PROT_READ | PROT_WRITE));
			EXPECT_EQ(0, memcmp(req, &self->req, sizeof(self->req)))
				TH_LOG("%u bytes in the first page", in_first);
		}
	}
	EXPECT_UNHEARD();
	EXPECT_WAITS(7);
}

TEST_F(next, bad_pointer_without_a_request_takes_nothing)
{
	struct bao_virtio_request *req = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE,
					      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_TRUE(req != MAP_FAILED);
	req->op = BAO_IO_ASK;
	ASSERT_EQ(0, mprotect(req, getpagesize(), PROT_READ));
	LET_WAIT(7);
	EXPECT_EQ(-EFAULT, do_ioctl(self->fd, BAO_IOCTL_IO_REQUEST_NEXT, req));
	EXPECT_EQ(BAO_IO_ASK, req->op);
	EXPECT_WAITS(7);
	EXPECT_COMPLETES(1);
	EXPECT_EQ(0, dm_complete(self->fd, self->req));
}

/* Errors after which the request is answered */

TEST_F(next, nonblocking_is_eagain_after_it_has_completed)
{
	struct bao_virtio_request req = self->req;

	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(-EAGAIN, dm_next(self->fd, &req));
	EXPECT_ANSWERED();
	EXPECT_ONLY_OP_CHANGED(&req);
	/* Again, without completing anything */
	EXPECT_EQ(-EAGAIN, dm_next(self->fd, &req));
	EXPECT_ONLY_OP_CHANGED(&req);
	LET_WAIT(7);
	ASSERT_EQ(0, dm_next(self->fd, &req));
	EXPECT_EQ(7, req.value);
	EXPECT_EQ(-EAGAIN, dm_next(self->fd, &req));
	EXPECT_COMPLETES(2);
}

TEST_F(next, unbound_while_it_sleeps_is_enodev)
{
	pid_t pid = SPAWN_SLEEPER(next_and_answer);

	ASSERT_EQ(0, endpoints_unbind());
	EXPECT_EQ(ENODEV, reap(pid));
	EXPECT_ONLY_OP_CHANGED(&self->call->req);
	EXPECT_ANSWERED();
	BIND_AGAIN();
}

TEST_F(next, on_a_dead_descriptor_is_enodev_and_changes_nothing)
{
	struct bao_virtio_request req = self->req;

	ASSERT_EQ(0, endpoints_unbind());
	EXPECT_EQ(-ENODEV, dm_next(self->fd, &req));
	EXPECT_EQ(0, memcmp(&self->req, &req, sizeof(req)));
	BIND_AGAIN();
}

static void *take_away(void *arg)
{
	struct call *call = arg;

	while (!__atomic_load_n(&call->go, __ATOMIC_ACQUIRE))
		sched_yield();
	close(call->fd);
	__atomic_store_n(&call->gone, 1, __ATOMIC_RELEASE);
	return NULL;
}

static int next_while_a_thread_closes(void *arg)
{
	struct call *call = arg;
	pthread_t thread;

	if (pthread_create(&thread, NULL, take_away, call))
		return 1;
	return -dm_next(call->fd, &call->req);
}

TEST_F(next, closed_while_it_sleeps_is_ebadf)
{
	pid_t pid = SPAWN_SLEEPER(next_while_a_thread_closes);

	__atomic_store_n(&self->call->go, 1, __ATOMIC_RELEASE);
	ASSERT_TRUE(wait_until(__atomic_load_n(&self->call->gone, __ATOMIC_ACQUIRE)));
	frontend_start(DM, 1, write_of(self->addr + 4, 4, 7), 1);
	EXPECT_EQ(EBADF, reap(pid));
	EXPECT_ONLY_OP_CHANGED(&self->call->req);
	EXPECT_ANSWERED();
	EXPECT_WAITS(7);
}

/**
 * struct arena - the argument lies here, in a page that another thread unmaps
 */
struct arena {
	struct call *call;
	struct bao_virtio_request *req;
};

static void *unmap(void *arg)
{
	struct arena *arena = arg;

	while (!__atomic_load_n(&arena->call->go, __ATOMIC_ACQUIRE))
		sched_yield();
	munmap(arena->req, getpagesize());
	__atomic_store_n(&arena->call->gone, 1, __ATOMIC_RELEASE);
	return NULL;
}

static int next_while_a_thread_unmaps(void *arg)
{
	struct arena arena = { .call = arg };
	pthread_t thread;

	arena.req = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);
	if (arena.req == MAP_FAILED || pthread_create(&thread, NULL, unmap, &arena))
		return 1;
	*arena.req = arena.call->req;
	return -do_ioctl(arena.call->fd, BAO_IOCTL_IO_REQUEST_NEXT, arena.req);
}

TEST_F(next, unmapped_while_it_sleeps_is_efault_and_takes_nothing)
{
	pid_t pid = SPAWN_SLEEPER(next_while_a_thread_unmaps);

	__atomic_store_n(&self->call->go, 1, __ATOMIC_RELEASE);
	ASSERT_TRUE(wait_until(__atomic_load_n(&self->call->gone, __ATOMIC_ACQUIRE)));
	frontend_start(DM, 1, write_of(self->addr + 4, 4, 7), 1);
	EXPECT_EQ(EFAULT, reap(pid));
	EXPECT_ANSWERED();
	EXPECT_WAITS(7);
}

/* Signals */

static struct call *handled;

static void count_signal(int sig)
{
	(void)sig;
	__atomic_add_fetch(&handled->signals, 1, __ATOMIC_RELEASE);
}

static int next_with_handler(void *arg)
{
	struct call *call = arg;
	struct sigaction action = { .sa_handler = count_signal, .sa_flags = call->flags };

	handled = call;
	sigaction(SIGUSR1, &action, NULL);
	return next_and_answer(call);
}

TEST_F(next, handled_signal_is_eintr_after_it_has_completed)
{
	pid_t pid = SPAWN_SLEEPER(next_with_handler);
	struct bao_virtio_request req;

	kill(pid, SIGUSR1);
	EXPECT_EQ(EINTR, reap(pid));
	EXPECT_EQ(1, self->call->signals);
	EXPECT_ANSWERED();
	EXPECT_ONLY_OP_CHANGED(&self->call->req);
	/* To call again is right, whoever does */
	req = self->call->req;
	LET_WAIT(7);
	ASSERT_EQ(0, dm_next(self->fd, &req));
	EXPECT_EQ(7, req.value);
	EXPECT_EQ(0, dm_complete(self->fd, req));
	EXPECT_COMPLETES(2);
}

TEST_F(next, is_restarted_under_sa_restart_and_completes_once)
{
	int i;
	pid_t pid;

	self->call->flags = SA_RESTART;
	pid = SPAWN_SLEEPER(next_with_handler);
	for (i = 1; i <= 3; i++) {
		kill(pid, SIGUSR1);
		ASSERT_TRUE(wait_until(__atomic_load_n(&self->call->signals,
						       __ATOMIC_ACQUIRE) == i));
		ASSERT_TRUE(wait_until(sleeps_in_ioctl(pid, BAO_IOCTL_IO_REQUEST_NEXT)));
	}
	EXPECT_ANSWERED();
	EXPECT_GETS_THE_NEXT(pid);
}

TEST_F(next, survives_stop_and_continue)
{
	pid_t pid = SPAWN_SLEEPER(next_with_handler);
	int status;

	kill(pid, SIGSTOP);
	ASSERT_EQ(pid, waitpid(pid, &status, WUNTRACED));
	ASSERT_TRUE(WIFSTOPPED(status));
	/* What comes meanwhile is not lost */
	frontend_start(DM, 1, read_of(self->addr + 4, 4), 1);
	ASSERT_TRUE(wait_until(dm_waiting(self->fd)));
	kill(pid, SIGCONT);
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(ANSWER + 1, frontend_result(DM, 1));
	EXPECT_COMPLETES(2);
	EXPECT_EQ(0, self->call->signals);
}

/* In a loop, as a device model: whenever the signals come, every access is answered once */
static int serve_under_signals(void *arg)
{
	struct call *call = arg;
	struct sigaction action = { .sa_handler = count_signal };
	struct bao_virtio_request req = { .op = BAO_IO_ASK };
	int ret;

	handled = call;
	sigaction(SIGUSR1, &action, NULL);
	for (;;) {
		ret = dm_next(call->fd, &req);
		if (ret == -EINTR && req.op == BAO_IO_ASK)
			continue;
		if (ret)
			return -ret;
		if (req.op == BAO_IO_WRITE && req.value == QUIT)
			return -dm_complete(call->fd, req);
		req.value = req.addr;
	}
}

TEST_F_TIMEOUT(next, signals_at_any_time_answer_every_access_once, LONG_TEST_S)
{
	unsigned int total = rounds(200);
	pid_t pid;

	ASSERT_EQ(0, dm_complete(self->fd, self->req));
	pid = SPAWN_SLEEPER(serve_under_signals);
	frontend_start(DM, 1, read_of(self->addr + 4, 4), total);
	while (frontend_done(DM, 1) < total) {
		int before = __atomic_load_n(&self->call->signals, __ATOMIC_ACQUIRE);

		kill(pid, SIGUSR1);
		ASSERT_TRUE(wait_until(__atomic_load_n(&self->call->signals,
						       __ATOMIC_ACQUIRE) != before));
	}
	frontend_start(DM, 1, write_of(self->addr, 4, QUIT), 1);
	EXPECT_EQ(0, reap(pid));
	EXPECT_COMPLETES(total + 2);
}

TEST_HARNESS_MAIN
