// SPDX-License-Identifier: GPL-2.0
/*
 * Anything at all on /dev/baoipcN, by seed, while the other VM rings and the driver comes and goes.
 * What each call has to do is known: how many bytes, which ones, which doorbells, which error. What
 * lies outside of the parts must stay as it was.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "backend.h"
#include "ipc_sim.h"
#include "prng.h"
#include "sim.h"

#define ROUNDS		20000
#define CANARY		0xc5
/* As many as there are offsets and sizes that are of interest */
#define BUF_SIZE	(2 * IPC_RX_SIZE)

/**
 * struct run - a run
 * @prng: where the choices come from
 * @config: the channel
 * @sim: its simulator
 * @fd: descriptor that is called
 * @peer: memory, as the other VM has it
 * @buf: what calls read and write, followed by what cannot be accessed
 * @expected: what has to be in the memory
 * @rung: doorbells of the other VM that have been rung, by event
 * @unheard: those of events that it does not have
 * @wrong: a call did not do what it should
 */
struct run {
	struct prng prng;
	struct bao_sim_ipc config;
	int sim;
	int fd;
	unsigned char *peer;
	unsigned char *buf;
	unsigned char *expected;
	__u32 rung[IPC_EVENTS];
	__u32 unheard;
	bool wrong;
};

FIXTURE(fuzz) {
	struct run run;
};

FIXTURE_SETUP(fuzz)
{
	struct run *run = &self->run;

	SET_UP_OR_SKIP();
	SIM_OR_SKIP();
	run->prng.state = prng_seed();
	TH_LOG("seed %llu", run->prng.state);
	run->config = ipc_config();
	run->sim = ipc_sim(&run->config);
	ASSERT_LE(0, run->sim);
	run->fd = ipc_open(IPC_ID, O_RDWR);
	ASSERT_LE(0, run->fd);
	run->peer = ipc_peer_map(run->sim, &run->config);
	ASSERT_NE(NULL, run->peer);
	run->buf = mmap(NULL, 2 * BUF_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			-1, 0);
	ASSERT_TRUE(run->buf != MAP_FAILED);
	ASSERT_EQ(0, mprotect(run->buf + BUF_SIZE, BUF_SIZE, PROT_NONE));
	run->expected = malloc(IPC_SIZE);
	ASSERT_NE(NULL, run->expected);
	memset(run->peer, CANARY, IPC_SIZE);
	memset(run->expected, CANARY, IPC_SIZE);
}

FIXTURE_TEARDOWN(fuzz)
{
	struct run *run = &self->run;

	EXPECT_EQ(0, ipc_counters(run->sim).violations);
	free(run->expected);
	close(run->fd);
	munmap(run->peer, run->config.size);
	close(run->sim);
	TEAR_DOWN();
}

/* Numbers at which something changes, and any */
static long long some_offset(struct prng *prng, long long size)
{
	static const long long far[] = { 1ll << 31, 1ll << 32, 0x7fffffff00000000, -1, -4096 };

	switch (prng_below(prng, 4)) {
	case 0:
		return size + (long long)prng_below(prng, 5) - 2;
	case 1:
		return prng_below(prng, 4);
	case 2:
		return far[prng_below(prng, ARRAY_SIZE(far))];
	default:
		return prng_below(prng, size + 4096);
	}
}

static size_t some_length(struct prng *prng)
{
	return prng_one_in(prng, 8) ? prng_below(prng, BUF_SIZE + 1) : prng_below(prng, 64);
}

/* What a call on a part of this size may do */
static long long in_part(long long offset, size_t len, long long size)
{
	if (offset < 0)
		return -EINVAL;
	if (offset >= size)
		return 0;
	return (long long)len < size - offset ? (long long)len : size - offset;
}

/* The first mistake ends the run: what follows is of no interest */
#define EXPECT_SAME(expected, seen) do {					\
	long long _expected = (expected), _seen = (seen);			\
										\
	EXPECT_EQ(_expected, _seen);						\
	run->wrong |= _expected != _seen;					\
} while (0)

static void do_read(struct __test_metadata *_metadata, struct run *run)
{
	long long offset = some_offset(&run->prng, IPC_RX_SIZE);
	size_t len = some_length(&run->prng);
	long long expected = in_part(offset, len, IPC_RX_SIZE);
	ssize_t n;

	if (prng_one_in(&run->prng, 8)) {
		n = pread(run->fd, run->buf + BUF_SIZE, len, offset);
		EXPECT_SAME(expected < 0 ? -EINVAL : expected ? -EFAULT : 0, n < 0 ? -errno : n);
		return;
	}
	n = pread(run->fd, run->buf, len, offset);
	EXPECT_SAME(expected, n < 0 ? -errno : n);
	if (n > 0)
		EXPECT_SAME(0, memcmp(run->buf, run->expected + IPC_RX + offset, n));
}

static void do_write(struct __test_metadata *_metadata, struct run *run)
{
	long long offset = some_offset(&run->prng, IPC_TX_SIZE);
	size_t len = some_length(&run->prng);
	long long expected = in_part(offset, len, IPC_TX_SIZE);
	ssize_t n;

	if (!expected && len)
		expected = -ENOSPC;
	if (prng_one_in(&run->prng, 8)) {
		n = pwrite(run->fd, run->buf + BUF_SIZE, len, offset);
		EXPECT_SAME(expected > 0 ? -EFAULT : expected, n < 0 ? -errno : n);
		run->rung[0] += !n;
		return;
	}
	memset(run->buf, prng_next(&run->prng), len);
	n = pwrite(run->fd, run->buf, len, offset);
	EXPECT_SAME(expected, n < 0 ? -errno : n);
	if (n < 0)
		return;
	run->rung[0]++;
	memcpy(run->expected + IPC_TX + offset * !!n, run->buf, n);
}

static void do_seek(struct __test_metadata *_metadata, struct run *run)
{
	long long offset = some_offset(&run->prng, IPC_RX_SIZE), ret;

	ret = lseek(run->fd, offset, SEEK_SET);
	EXPECT_SAME(offset < 0 || offset > IPC_RX_SIZE ? -EINVAL : offset, ret < 0 ? -errno : ret);
}

static void do_notify(struct __test_metadata *_metadata, struct run *run)
{
	struct bao_ipc_notify notify = {
		.event = prng_one_in(&run->prng, 4) ? prng_next(&run->prng) :
						       prng_below(&run->prng, IPC_EVENTS + 2),
		.reserved = prng_one_in(&run->prng, 8),
	};

	EXPECT_SAME(notify.reserved ? -EINVAL : 0,
		    do_ioctl(run->fd, BAO_IOCTL_IPC_NOTIFY, &notify));
	if (notify.reserved)
		return;
	if (notify.event < IPC_EVENTS)
		run->rung[notify.event]++;
	else
		run->unheard++;
}

/* What others ring is not known, nonsense is */
static void do_wait(struct __test_metadata *_metadata, struct run *run)
{
	struct bao_ipc_wait wait = {
		.events = prng_one_in(&run->prng, 4) ? prng_next(&run->prng) :
						       prng_below(&run->prng, 1 << IPC_EVENTS),
		.reserved = prng_one_in(&run->prng, 8),
	};
	__u32 asked = wait.events;
	int ret;

	ret = do_ioctl(run->fd, BAO_IOCTL_IPC_WAIT, &wait);
	if (wait.reserved || !asked || asked >> IPC_EVENTS) {
		EXPECT_SAME(-EINVAL, ret);
	} else if (ret) {
		EXPECT_SAME(-EAGAIN, ret);
	} else {
		EXPECT_SAME(true, !!wait.events);
		EXPECT_SAME(0, wait.events & ~asked);
	}
}

static void do_eventfd(struct __test_metadata *_metadata, struct run *run)
{
	int fd = prng_one_in(&run->prng, 2) ? (int)prng_below(&run->prng, 64) : run->fd;
	int ret = ipc_eventfd(run->fd, fd, prng_below(&run->prng, 8), prng_below(&run->prng, 3));

	EXPECT_SAME(true, !ret || ret == -EINVAL || ret == -EBADF || ret == -EBUSY ||
		    ret == -ENOENT || ret == -ENOSPC);
}

static void do_mmap(struct __test_metadata *_metadata, struct run *run)
{
	long page = sysconf(_SC_PAGESIZE);
	long long pages = IPC_SIZE / page;
	long long offset = prng_below(&run->prng, pages + 2);
	size_t len = prng_below(&run->prng, pages + 2) + 1;
	bool shared = !prng_one_in(&run->prng, 8), fits = offset + (long long)len <= pages;
	unsigned char *map;

	map = mmap(NULL, len * page, PROT_READ | PROT_WRITE, shared ? MAP_SHARED : MAP_PRIVATE,
		   run->fd, offset * page);
	EXPECT_SAME(shared && fits ? 0 : EINVAL, map == MAP_FAILED ? errno : 0);
	if (map == MAP_FAILED)
		return;
	EXPECT_SAME(0, memcmp(map, run->expected + offset * page, len * page));
	munmap(map, len * page);
}

/* No argument that any of them has can be read there */
static void do_any_ioctl(struct __test_metadata *_metadata, struct run *run)
{
	unsigned long command = _IOC(prng_below(&run->prng, 4), BAO_IOCTL_TYPE,
				     prng_below(&run->prng, 0x20), prng_below(&run->prng, 64));
	int ret = do_ioctl(run->fd, command, run->buf + BUF_SIZE);

	EXPECT_SAME(true, ret == -ENOTTY || ret == -EFAULT);
}

/* Somebody else's business is no reason to touch the memory */
static void do_life(struct __test_metadata *_metadata, struct run *run)
{
	char byte;

	if (prng_one_in(&run->prng, 2)) {
		ASSERT_EQ(0, ipc_sim_bind(run->sim, IPC_ID, BAO_SIM_SUSPEND));
		ASSERT_EQ(0, ipc_sim_bind(run->sim, IPC_ID, BAO_SIM_RESUME));
		return;
	}
	ASSERT_EQ(0, ipc_sim_bind(run->sim, IPC_ID, BAO_SIM_UNBIND));
	EXPECT_SAME(-1, pread(run->fd, &byte, 1, 0));
	EXPECT_SAME(ENODEV, errno);
	close(run->fd);
	ASSERT_EQ(0, ipc_sim_bind(run->sim, IPC_ID, BAO_SIM_BIND));
	run->fd = ipc_open(IPC_ID, O_RDWR | O_NONBLOCK);
	ASSERT_LE(0, run->fd);
}

/* The other VM changes what it writes, of which we know */
static void do_peer(struct __test_metadata *_metadata, struct run *run)
{
	__u32 offset = IPC_RX + prng_below(&run->prng, IPC_RX_SIZE);

	run->peer[offset] = prng_next(&run->prng);
	run->expected[offset] = run->peer[offset];
	EXPECT_SAME(0, ipc_ring(run->sim, prng_below(&run->prng, IPC_EVENTS + 1), 1));
}

static int ring_for_ever(void *arg)
{
	while (!ipc_ring(*(int *)arg, rand() % IPC_EVENTS, 10))
		;
	return 0;
}

TEST_F_TIMEOUT(fuzz, every_call_does_what_it_should, LONG_TEST_S)
{
	static void (* const calls[])(struct __test_metadata *_metadata, struct run *run) = {
		do_read, do_write, do_seek, do_notify, do_wait, do_eventfd, do_mmap,
		do_any_ioctl, do_peer,
	};
	unsigned int i, total = rounds(ROUNDS);
	struct bao_sim_ipc_counters c;
	struct run *run = &self->run;
	pid_t pid;

	fcntl(run->fd, F_SETFL, O_NONBLOCK);
	for (i = 0; i < 8; i++)
		ASSERT_LE(0, new_eventfd(0));
	pid = spawn(ring_for_ever, &run->sim);
	ASSERT_LT(0, pid);
	for (i = 0; i < total && !run->wrong; i++) {
		if (prng_one_in(&run->prng, 500))
			do_life(_metadata, run);
		else
			calls[prng_below(&run->prng, ARRAY_SIZE(calls))](_metadata, run);
	}
	kill_child(pid);
	ASSERT_FALSE(run->wrong)
		TH_LOG("it went wrong in step %u", i);
	EXPECT_EQ(0, memcmp(run->peer, run->expected, IPC_SIZE));
	c = ipc_counters(run->sim);
	EXPECT_EQ(run->rung[0], c.notifies[0]);
	EXPECT_EQ(run->rung[1], c.notifies[1]);
	EXPECT_EQ(run->unheard, c.unheard);
	EXPECT_EQ(0, c.bad_calls);
	TH_LOG("%u calls, %u doorbells out, %u in", total, c.calls, c.interrupts);
}

TEST_HARNESS_MAIN
