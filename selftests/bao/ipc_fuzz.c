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

FIXTURE(fuzz) {
	struct bao_sim_ipc config;
	struct prng prng;
	int sim;
	int fd;
	unsigned char *peer;
	/* Followed by what cannot be accessed */
	unsigned char *buf;
	unsigned char *expected;
	__u32 rung[IPC_EVENTS];
	__u32 unheard;
	bool wrong;
};

FIXTURE_SETUP(fuzz)
{
	SET_UP_OR_SKIP();
	SIM_OR_SKIP();
	self->prng.state = prng_seed();
	TH_LOG("seed %llu", self->prng.state);
	self->config = ipc_config();
	self->sim = ipc_sim(&self->config);
	ASSERT_LE(0, self->sim);
	self->fd = ipc_open(IPC_ID, O_RDWR);
	ASSERT_LE(0, self->fd);
	self->peer = ipc_peer_map(self->sim, &self->config);
	ASSERT_NE(NULL, self->peer);
	self->buf = mmap(NULL, 2 * BUF_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);
	ASSERT_TRUE(self->buf != MAP_FAILED);
	ASSERT_EQ(0, mprotect(self->buf + BUF_SIZE, BUF_SIZE, PROT_NONE));
	self->expected = malloc(IPC_SIZE);
	ASSERT_NE(NULL, self->expected);
	memset(self->peer, CANARY, IPC_SIZE);
	memset(self->expected, CANARY, IPC_SIZE);
}

FIXTURE_TEARDOWN(fuzz)
{
	EXPECT_EQ(0, ipc_counters(self->sim).violations);
	free(self->expected);
	close(self->fd);
	munmap(self->peer, self->config.size);
	close(self->sim);
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
	self->wrong |= _expected != _seen;					\
} while (0)

static void do_read(struct __test_metadata *_metadata, FIXTURE_DATA(fuzz) *self)
{
	long long offset = some_offset(&self->prng, IPC_RX_SIZE);
	size_t len = some_length(&self->prng);
	long long expected = in_part(offset, len, IPC_RX_SIZE);
	ssize_t n;

	if (prng_one_in(&self->prng, 8)) {
		n = pread(self->fd, self->buf + BUF_SIZE, len, offset);
		EXPECT_SAME(expected < 0 ? -EINVAL : expected ? -EFAULT : 0, n < 0 ? -errno : n);
		return;
	}
	n = pread(self->fd, self->buf, len, offset);
	EXPECT_SAME(expected, n < 0 ? -errno : n);
	if (n > 0)
		EXPECT_SAME(0, memcmp(self->buf, self->expected + IPC_RX + offset, n));
}

static void do_write(struct __test_metadata *_metadata, FIXTURE_DATA(fuzz) *self)
{
	long long offset = some_offset(&self->prng, IPC_TX_SIZE);
	size_t len = some_length(&self->prng);
	long long expected = in_part(offset, len, IPC_TX_SIZE);
	ssize_t n;

	if (!expected && len)
		expected = -ENOSPC;
	if (prng_one_in(&self->prng, 8)) {
		n = pwrite(self->fd, self->buf + BUF_SIZE, len, offset);
		EXPECT_SAME(expected > 0 ? -EFAULT : expected, n < 0 ? -errno : n);
		self->rung[0] += !n;
		return;
	}
	memset(self->buf, prng_next(&self->prng), len);
	n = pwrite(self->fd, self->buf, len, offset);
	EXPECT_SAME(expected, n < 0 ? -errno : n);
	if (n < 0)
		return;
	self->rung[0]++;
	memcpy(self->expected + IPC_TX + offset * !!n, self->buf, n);
}

static void do_seek(struct __test_metadata *_metadata, FIXTURE_DATA(fuzz) *self)
{
	long long offset = some_offset(&self->prng, IPC_RX_SIZE), ret;

	ret = lseek(self->fd, offset, SEEK_SET);
	EXPECT_SAME(offset < 0 || offset > IPC_RX_SIZE ? -EINVAL : offset, ret < 0 ? -errno : ret);
}

static void do_notify(struct __test_metadata *_metadata, FIXTURE_DATA(fuzz) *self)
{
	struct bao_ipc_notify notify = {
		.event = prng_one_in(&self->prng, 4) ? prng_next(&self->prng) :
						       prng_below(&self->prng, IPC_EVENTS + 2),
		.reserved = prng_one_in(&self->prng, 8),
	};

	EXPECT_SAME(notify.reserved ? -EINVAL : 0,
		  do_ioctl(self->fd, BAO_IOCTL_IPC_NOTIFY, &notify));
	if (notify.reserved)
		return;
	if (notify.event < IPC_EVENTS)
		self->rung[notify.event]++;
	else
		self->unheard++;
}

/* What others ring is not known, nonsense is */
static void do_wait(struct __test_metadata *_metadata, FIXTURE_DATA(fuzz) *self)
{
	struct bao_ipc_wait wait = {
		.events = prng_one_in(&self->prng, 4) ? prng_next(&self->prng) :
						       prng_below(&self->prng, 1 << IPC_EVENTS),
		.reserved = prng_one_in(&self->prng, 8),
	};
	__u32 asked = wait.events;
	int ret;

	ret = do_ioctl(self->fd, BAO_IOCTL_IPC_WAIT, &wait);
	if (wait.reserved || !asked || asked >> IPC_EVENTS) {
		EXPECT_SAME(-EINVAL, ret);
	} else if (ret) {
		EXPECT_SAME(-EAGAIN, ret);
	} else {
		EXPECT_SAME(true, wait.events && !(wait.events & ~asked));
	}
}

static void do_eventfd(struct __test_metadata *_metadata, FIXTURE_DATA(fuzz) *self)
{
	int fd = prng_one_in(&self->prng, 2) ? (int)prng_below(&self->prng, 64) : self->fd;
	int ret = ipc_eventfd(self->fd, fd, prng_below(&self->prng, 8), prng_below(&self->prng, 3));

	EXPECT_SAME(true, !ret || ret == -EINVAL || ret == -EBADF || ret == -EBUSY ||
			  ret == -ENOENT || ret == -ENOSPC);
}

static void do_mmap(struct __test_metadata *_metadata, FIXTURE_DATA(fuzz) *self)
{
	long page = sysconf(_SC_PAGESIZE);
	long long pages = IPC_SIZE / page;
	long long offset = prng_below(&self->prng, pages + 2);
	size_t len = prng_below(&self->prng, pages + 2) + 1;
	bool shared = !prng_one_in(&self->prng, 8), fits = offset + (long long)len <= pages;
	unsigned char *map;

	map = mmap(NULL, len * page, PROT_READ | PROT_WRITE, shared ? MAP_SHARED : MAP_PRIVATE,
		   self->fd, offset * page);
	EXPECT_SAME(shared && fits ? 0 : EINVAL, map == MAP_FAILED ? errno : 0);
	if (map == MAP_FAILED)
		return;
	EXPECT_SAME(0, memcmp(map, self->expected + offset * page, len * page));
	munmap(map, len * page);
}

/* No argument that any of them has can be read there */
static void do_any_ioctl(struct __test_metadata *_metadata, FIXTURE_DATA(fuzz) *self)
{
	unsigned long command = _IOC(prng_below(&self->prng, 4), BAO_IOCTL_TYPE,
				     prng_below(&self->prng, 0x20), prng_below(&self->prng, 64));
	int ret = do_ioctl(self->fd, command, self->buf + BUF_SIZE);

	EXPECT_SAME(true, ret == -ENOTTY || ret == -EFAULT);
}

/* Somebody else's business is no reason to touch the memory */
static void do_life(struct __test_metadata *_metadata, FIXTURE_DATA(fuzz) *self)
{
	char byte;

	if (prng_one_in(&self->prng, 2)) {
		ASSERT_EQ(0, ipc_sim_bind(self->sim, IPC_ID, BAO_SIM_SUSPEND));
		ASSERT_EQ(0, ipc_sim_bind(self->sim, IPC_ID, BAO_SIM_RESUME));
		return;
	}
	ASSERT_EQ(0, ipc_sim_bind(self->sim, IPC_ID, BAO_SIM_UNBIND));
	EXPECT_SAME(-1, pread(self->fd, &byte, 1, 0));
	EXPECT_SAME(ENODEV, errno);
	close(self->fd);
	ASSERT_EQ(0, ipc_sim_bind(self->sim, IPC_ID, BAO_SIM_BIND));
	self->fd = ipc_open(IPC_ID, O_RDWR | O_NONBLOCK);
	ASSERT_LE(0, self->fd);
}

/* The other VM changes what it writes, of which we know */
static void do_peer(struct __test_metadata *_metadata, FIXTURE_DATA(fuzz) *self)
{
	__u32 offset = IPC_RX + prng_below(&self->prng, IPC_RX_SIZE);

	self->peer[offset] = prng_next(&self->prng);
	self->expected[offset] = self->peer[offset];
	EXPECT_SAME(0, ipc_ring(self->sim, prng_below(&self->prng, IPC_EVENTS + 1), 1));
}

static int ring_for_ever(void *arg)
{
	while (!ipc_ring(*(int *)arg, rand() % IPC_EVENTS, 10))
		;
	return 0;
}

TEST_F_TIMEOUT(fuzz, every_call_does_what_it_should, LONG_TEST_S)
{
	static void (* const calls[])(struct __test_metadata *, FIXTURE_DATA(fuzz) *) = {
		do_read, do_write, do_seek, do_notify, do_wait, do_eventfd, do_mmap,
		do_any_ioctl, do_peer,
	};
	unsigned int i, total = rounds(ROUNDS);
	struct bao_sim_ipc_counters c;
	pid_t pid;

	fcntl(self->fd, F_SETFL, O_NONBLOCK);
	for (i = 0; i < 8; i++)
		ASSERT_LE(0, new_eventfd(0));
	pid = spawn(ring_for_ever, &self->sim);
	ASSERT_LT(0, pid);
	for (i = 0; i < total && !self->wrong; i++) {
		if (prng_one_in(&self->prng, 500))
			do_life(_metadata, self);
		else
			calls[prng_below(&self->prng, ARRAY_SIZE(calls))](_metadata, self);
	}
	kill_child(pid);
	ASSERT_FALSE(self->wrong)
		TH_LOG("it went wrong in step %u", i);
	EXPECT_EQ(0, memcmp(self->peer, self->expected, IPC_SIZE));
	c = ipc_counters(self->sim);
	EXPECT_EQ(self->rung[0], c.notifies[0]);
	EXPECT_EQ(self->rung[1], c.notifies[1]);
	EXPECT_EQ(self->unheard, c.unheard);
	EXPECT_EQ(0, c.bad_calls);
	TH_LOG("%u calls, %u doorbells out, %u in", total, c.calls, c.interrupts);
}

TEST_HARNESS_MAIN
