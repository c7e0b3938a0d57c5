// SPDX-License-Identifier: GPL-2.0
/* Requests outlive those who took them */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "backend.h"

#define DM 1

/* What a child that takes requests is told, and what it tells; in memory that both see */
struct taker {
	int fd;			/* descriptor to use, or -1 to open one */
	unsigned int count;	/* requests to take */
	unsigned int taken;
	int error;
	struct bao_virtio_request req[FRONTEND_VCPUS];
};

FIXTURE(takeover) {
	struct taker *taker;
	__u64 addr;
};

FIXTURE_SETUP(takeover)
{
	SET_UP_OR_SKIP();
	self->taker = shared_memory(sizeof(*self->taker));
	ASSERT_TRUE(!!self->taker);
	self->taker->fd = -1;
	self->taker->count = 1;
	self->addr = frontend_window(DM) + 0x40;
}

FIXTURE_TEARDOWN(takeover)
{
	TEAR_DOWN();
}

static void take(struct taker *taker, int fd)
{
	unsigned int i;

	for (i = 0; i < taker->count && !taker->error; i++) {
		taker->error = fd < 0 ? fd : dm_take(fd, &taker->req[i]);
		__atomic_store_n(&taker->taken, i + 1, __ATOMIC_RELEASE);
	}
}

/* Takes requests, answers none and waits to be killed */
static int take_and_wait(void *arg)
{
	struct taker *taker = arg;

	take(taker, taker->fd < 0 ? dm_open(DM) : taker->fd);
	for (;;)
		pause();
	return 0;
}

/* Takes requests and closes what it inherited, in two steps, but lives on */
static int take_and_close(void *arg)
{
	struct taker *taker = arg;
	int copy = dup(taker->fd);

	take(taker, taker->fd);
	close(copy);
	while (__atomic_load_n(&taker->count, __ATOMIC_ACQUIRE))
		sched_yield();
	close(taker->fd);
	for (;;)
		pause();
	return 0;
}

static bool has_taken(struct taker *taker)
{
	return __atomic_load_n(&taker->taken, __ATOMIC_ACQUIRE) == taker->count;
}

#define SPAWN_TAKER() ({						\
	pid_t _pid;							\
									\
	self->taker->taken = 0;						\
	_pid = spawn(take_and_wait, self->taker);			\
	ASSERT_LT(0, _pid);						\
	ASSERT_TRUE(wait_until(has_taken(self->taker)));		\
	ASSERT_EQ(0, self->taker->error);				\
	_pid;								\
})

/* Starts writes of 0, 1, ... by one vCPU each, so that they come in this order */
static void start_writes(__u64 addr, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		frontend_start(DM, i, write_of(addr, 4, i), 1);
}

#define EXPECT_WRITES_IN_ORDER(fd, count) do {				\
	struct bao_virtio_request _req;					\
	unsigned int _i, _fd = (fd);					\
									\
	for (_i = 0; _i < (count); _i++) {				\
		ASSERT_EQ(0, dm_attach(_fd, &_req));			\
		EXPECT_EQ(_i, _req.value);				\
		EXPECT_EQ(0, dm_complete(_fd, _req));			\
		EXPECT_EQ(1, frontend_done(DM, _i));			\
	}								\
} while (0)

TEST_F(takeover, killed_owner_gives_its_request_back)
{
	struct counters before, after;
	pid_t pid;
	int fd;

	frontend_counters(DM, &before);
	start_writes(self->addr, 1);
	pid = SPAWN_TAKER();
	kill_child(pid);
	fd = dm_open(DM);
	ASSERT_LE(0, fd);
	EXPECT_WRITES_IN_ORDER(fd, 1);
	/* The hypervisor saw nothing of it */
	frontend_counters(DM, &after);
	EXPECT_EQ(before.completes + 1, after.completes);
	EXPECT_EQ(before.bad_calls, after.bad_calls);
	if (!is_preempt_rt())
		EXPECT_EQ(before.asks + 1, after.asks);
}

TEST_F(takeover, returned_requests_come_first_and_in_their_order)
{
	int fd = dm_open(DM);
	pid_t pid;

	ASSERT_LE(0, fd);
	start_writes(self->addr, 5);
	self->taker->count = 3;
	pid = SPAWN_TAKER();
	kill_child(pid);
	EXPECT_WRITES_IN_ORDER(fd, 5);
}

TEST_F(takeover, returned_request_sorts_in_by_age)
{
	struct bao_virtio_request req;
	int fd = dm_open(DM);
	int old = dm_open(DM), young = dm_open(DM);

	ASSERT_LE(0, fd);
	ASSERT_LE(0, old);
	ASSERT_LE(0, young);
	start_writes(self->addr, 3);
	ASSERT_EQ(0, dm_attach(old, &req));
	ASSERT_EQ(0, dm_attach(young, &req));
	/* The younger one returns last, and yet comes second */
	close_fd(old);
	close_fd(young);
	EXPECT_WRITES_IN_ORDER(fd, 3);
}

TEST_F_TIMEOUT(takeover, a_hundred_killed_owners, LONG_TEST_S)
{
	struct counters before, after;
	unsigned int round, total = rounds(100);
	int fd;

	frontend_counters(DM, &before);
	start_writes(self->addr, 2);
	for (round = 0; round < total; round++) {
		pid_t pid = SPAWN_TAKER();

		kill_child(pid);
		ASSERT_EQ(0, self->taker->req[0].value);
	}
	fd = dm_open(DM);
	ASSERT_LE(0, fd);
	EXPECT_WRITES_IN_ORDER(fd, 2);
	frontend_counters(DM, &after);
	EXPECT_EQ(before.completes + 2, after.completes);
	EXPECT_EQ(before.bad_calls, after.bad_calls);
}

TEST_F(takeover, exiting_process_gives_back_though_the_descriptor_stays_open)
{
	int fd = dm_open(DM);
	pid_t pid;

	ASSERT_LE(0, fd);
	start_writes(self->addr, 2);
	self->taker->fd = fd;
	pid = SPAWN_TAKER();
	kill_child(pid);
	EXPECT_WRITES_IN_ORDER(fd, 2);
}

TEST_F(takeover, process_gives_back_with_its_last_copy_of_the_descriptor)
{
	int fd = dm_open(DM);
	pid_t pid;

	ASSERT_LE(0, fd);
	start_writes(self->addr, 2);
	self->taker->fd = fd;
	self->taker->count = 2;
	pid = spawn(take_and_close, self->taker);
	ASSERT_LT(0, pid);
	ASSERT_TRUE(wait_until(has_taken(self->taker)));
	ASSERT_EQ(0, self->taker->error);
	/* It has closed one copy, or is about to */
	EXPECT_FALSE(dm_waiting(fd));
	__atomic_store_n(&self->taker->count, 0, __ATOMIC_RELEASE);
	EXPECT_WRITES_IN_ORDER(fd, 2);
}

TEST_F(takeover, exiting_process_keeps_its_hands_off_what_others_took)
{
	struct bao_virtio_request mine;
	int fd = dm_open(DM);
	pid_t pid;

	ASSERT_LE(0, fd);
	start_writes(self->addr, 2);
	ASSERT_EQ(0, dm_attach(fd, &mine));
	self->taker->fd = fd;
	pid = SPAWN_TAKER();
	EXPECT_EQ(1, self->taker->req[0].value);
	kill_child(pid);
	EXPECT_EQ(0, dm_complete(fd, mine));
	EXPECT_EQ(1, frontend_done(DM, 0));
	ASSERT_EQ(0, dm_attach(fd, &mine));
	EXPECT_EQ(1, mine.value);
	EXPECT_EQ(0, dm_complete(fd, mine));
}

static void *take_in_thread(void *arg)
{
	struct taker *taker = arg;

	taker->error = dm_take(taker->fd, &taker->req[0]);
	return NULL;
}

TEST_F(takeover, exiting_thread_leaves_its_request_to_the_process)
{
	struct taker *taker = self->taker;
	pthread_t thread;

	taker->fd = dm_open(DM);
	ASSERT_LE(0, taker->fd);
	start_writes(self->addr, 1);
	ASSERT_EQ(0, pthread_create(&thread, NULL, take_in_thread, taker));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	ASSERT_EQ(0, taker->error);
	EXPECT_FALSE(dm_waiting(taker->fd));
	EXPECT_EQ(0, dm_complete(taker->fd, taker->req[0]));
	EXPECT_EQ(1, frontend_done(DM, 0));
}

static void *close_when_told(void *arg)
{
	struct taker *taker = arg;

	while (__atomic_load_n(&taker->count, __ATOMIC_ACQUIRE))
		sched_yield();
	close(taker->fd);
	__atomic_store_n(&taker->taken, 1, __ATOMIC_RELEASE);
	return NULL;
}

static int take_while_a_thread_closes(void *arg)
{
	struct taker *taker = arg;
	pthread_t thread;

	int ret = pthread_create(&thread, NULL, close_when_told, taker);

	return ret ? 1 : -dm_take(taker->fd, &taker->req[0]);
}

TEST_F(takeover, nothing_is_taken_once_the_descriptor_is_closed)
{
	struct taker *taker = self->taker;
	pid_t pid;

	taker->fd = dm_open(DM);
	ASSERT_LE(0, taker->fd);
	pid = spawn(take_while_a_thread_closes, taker);
	ASSERT_LT(0, pid);
	ASSERT_TRUE(wait_until(sleeps_in_ioctl(pid, BAO_IOCTL_IO_CLIENT_ATTACH)));
	__atomic_store_n(&taker->count, 0, __ATOMIC_RELEASE);
	ASSERT_TRUE(wait_until(__atomic_load_n(&taker->taken, __ATOMIC_ACQUIRE)));
	start_writes(self->addr, 1);
	EXPECT_EQ(EBADF, reap(pid));
	EXPECT_WRITES_IN_ORDER(taker->fd, 1);
}

/* The same by the only one that has the descriptor, which lives on */
static int open_and_take_while_a_thread_closes(void *arg)
{
	struct taker *taker = arg;

	taker->fd = dm_open(DM);
	if (taker->fd < 0)
		return 1;
	take_while_a_thread_closes(taker);
	__atomic_store_n(&taker->taken, 2, __ATOMIC_RELEASE);
	for (;;)
		pause();
	return 0;
}

TEST_F(takeover, what_comes_after_the_last_close_goes_back)
{
	struct taker *taker = self->taker;
	pid_t pid;
	int fd;

	pid = spawn(open_and_take_while_a_thread_closes, taker);
	ASSERT_LT(0, pid);
	ASSERT_TRUE(wait_until(sleeps_in_ioctl(pid, BAO_IOCTL_IO_CLIENT_ATTACH)));
	fd = dm_open(DM);
	ASSERT_LE(0, fd);
	__atomic_store_n(&taker->count, 0, __ATOMIC_RELEASE);
	ASSERT_TRUE(wait_until(__atomic_load_n(&taker->taken, __ATOMIC_ACQUIRE)));
	start_writes(self->addr, 1);
	ASSERT_TRUE(wait_until(__atomic_load_n(&taker->taken, __ATOMIC_ACQUIRE) == 2));
	EXPECT_WRITES_IN_ORDER(fd, 1);
}

TEST_F(takeover, release_gives_back)
{
	struct bao_virtio_request req;
	int first = dm_open(DM), second = dm_open(DM);

	ASSERT_LE(0, first);
	ASSERT_LE(0, second);
	start_writes(self->addr, 1);
	ASSERT_EQ(0, dm_attach(first, &req));
	EXPECT_FALSE(dm_waiting(second));
	close_fd(first);
	/* Release is over when close() returns */
	EXPECT_TRUE(dm_waiting(second));
	EXPECT_EQ(-ENOENT, dm_complete(second, req));
	EXPECT_WRITES_IN_ORDER(second, 1);
}

TEST_F(takeover, closing_a_duplicate_gives_nothing_back)
{
	struct bao_virtio_request req;
	int fd = dm_open(DM);

	ASSERT_LE(0, fd);
	start_writes(self->addr, 1);
	ASSERT_EQ(0, dm_attach(fd, &req));
	close(dup(fd));
	EXPECT_FALSE(dm_waiting(fd));
	EXPECT_EQ(0, dm_complete(fd, req));
}

TEST_F(takeover, successor_wakes_when_the_owner_dies)
{
	struct bao_virtio_request req;
	struct taker *next = shared_memory(sizeof(*next));
	pid_t pid, successor;

	ASSERT_TRUE(!!next);
	*next = *self->taker;
	start_writes(self->addr, 1);
	pid = SPAWN_TAKER();
	successor = spawn(take_and_wait, next);
	ASSERT_LT(0, successor);
	ASSERT_TRUE(wait_until(sleeps_in_ioctl(successor, BAO_IOCTL_IO_CLIENT_ATTACH)));
	kill_child(pid);
	ASSERT_TRUE(wait_until(has_taken(next)));
	EXPECT_EQ(0, next->error);
	EXPECT_EQ(0, next->req[0].value);
	kill_child(successor);
	self->taker->fd = dm_open(DM);
	ASSERT_EQ(0, dm_attach(self->taker->fd, &req));
	EXPECT_EQ(0, dm_complete(self->taker->fd, req));
}

/* Nothing else happens that would wake them: the descriptor of the owner stays open */
TEST_F(takeover, a_successor_wakes_for_each_request)
{
	struct taker *next = shared_memory(2 * sizeof(*next));
	pid_t pid, successor;
	unsigned int i;

	ASSERT_TRUE(!!next);
	self->taker->fd = dm_open(DM);
	ASSERT_LE(0, self->taker->fd);
	start_writes(self->addr, 2);
	self->taker->count = 2;
	pid = SPAWN_TAKER();
	for (i = 0; i < 2; i++) {
		next[i] = (struct taker) { .fd = -1, .count = 1 };
		successor = spawn(take_and_wait, &next[i]);
		ASSERT_LT(0, successor);
		ASSERT_TRUE(wait_until(sleeps_in_ioctl(successor, BAO_IOCTL_IO_CLIENT_ATTACH)));
	}
	kill_child(pid);
	for (i = 0; i < 2; i++) {
		EXPECT_TRUE(wait_until(has_taken(&next[i])));
		EXPECT_EQ(0, next[i].error);
	}
}

TEST_F(takeover, descriptors_compete)
{
	struct bao_virtio_request a, b;
	int first = dm_open(DM), second = dm_open(DM);

	ASSERT_LE(0, first);
	ASSERT_LE(0, second);
	start_writes(self->addr, 2);
	ASSERT_EQ(0, dm_attach(first, &a));
	ASSERT_EQ(0, dm_attach(second, &b));
	EXPECT_EQ(0, a.value);
	EXPECT_EQ(1, b.value);
	EXPECT_EQ(-ENOENT, dm_complete(second, a));
	EXPECT_EQ(-ENOENT, dm_complete(first, b));
	EXPECT_EQ(0, dm_complete(second, b));
	EXPECT_EQ(0, dm_complete(first, a));
}

TEST_F(takeover, request_waits_for_the_first_process)
{
	struct counters counters;
	int fd;

	start_writes(self->addr, 2);
	/* The driver has taken them from the hypervisor, or leaves them there; both is fine */
	frontend_counters(DM, &counters);
	EXPECT_EQ(2, counters.pending + counters.processing);
	fd = dm_open(DM);
	ASSERT_LE(0, fd);
	EXPECT_WRITES_IN_ORDER(fd, 2);
}

TEST_HARNESS_MAIN
