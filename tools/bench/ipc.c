// SPDX-License-Identifier: GPL-2.0
/*
 * What a channel costs, in nanoseconds of the clock that counts instructions: a copy into and out
 * of the mapping, read() and write() of as much, and a doorbell that the test hypervisor rings
 * back.
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <linux/bao.h>

#include "../bao-vmm/testport.h"
#include "bench.h"

#define ROUNDS 257

struct channel {
	int fd;
	struct bao_ipc_info info;
	char *map;
	char *buf;
	size_t size;
};

static void open_channel(struct channel *ch, size_t size)
{
	ch->fd = open("/dev/baoipc0", O_RDWR | O_CLOEXEC);
	if (ch->fd < 0 || ioctl(ch->fd, BAO_IOCTL_IPC_GET_INFO, &ch->info))
		err(1, "/dev/baoipc0");
	if (size > ch->info.rx_size || size > ch->info.tx_size)
		errx(1, "the channel is too small for %zu bytes", size);
	ch->map = mmap(NULL, ch->info.map_size, PROT_READ | PROT_WRITE, MAP_SHARED, ch->fd, 0);
	ch->buf = malloc(size + 1);
	if (ch->map == MAP_FAILED || !ch->buf)
		err(1, "memory");
	ch->size = size;
	memset(ch->buf, 1, size + 1);
}

static void copy_out(struct channel *ch)
{
	memcpy(ch->map + ch->info.tx_offset, ch->buf, ch->size);
}

static void copy_in(struct channel *ch)
{
	memcpy(ch->buf, ch->map + ch->info.rx_offset, ch->size);
}

static void do_write(struct channel *ch)
{
	if (pwrite(ch->fd, ch->buf, ch->size, 0) != (ssize_t)ch->size)
		err(1, "write");
}

static void do_read(struct channel *ch)
{
	if (pread(ch->fd, ch->buf, ch->size, 0) != (ssize_t)ch->size)
		err(1, "read");
}

static void ring(struct channel *ch)
{
	struct bao_ipc_notify notify = { .event = 0 };

	if (ioctl(ch->fd, BAO_IOCTL_IPC_NOTIFY, &notify))
		err(1, "NOTIFY");
}

/* The echo is there when NOTIFY returns, so this does not sleep: switches are not measured */
static void ring_and_hear(struct channel *ch)
{
	struct bao_ipc_wait wait = { .events = 1 };

	ring(ch);
	if (ioctl(ch->fd, BAO_IOCTL_IPC_WAIT, &wait))
		err(1, "WAIT");
}

static const struct {
	const char *name;
	void (*fn)(struct channel *ch);
	bool echo;
} ops[] = {
	{ "copy-out", copy_out, false },
	{ "copy-in", copy_in, false },
	{ "write", do_write, false },
	{ "read", do_read, false },
	{ "ring", ring, false },
	{ "ring-and-hear", ring_and_hear, true },
};

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void measure(const char *row, struct channel *ch, void (*fn)(struct channel *ch))
{
	static uint64_t times[ROUNDS];
	uint64_t start;

	/* Pages are there afterwards, and doorbells of before are heard */
	fn(ch);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		start = now();
		fn(ch);
		times[i] = now() - start;
	}
	qsort(times, ROUNDS, sizeof(times[0]), compare);
	printf("= %s %llu %llu 0 0 0 0 0 0 %u\n", row, (unsigned long long)times[ROUNDS / 2],
	       (unsigned long long)times[ROUNDS * 99 / 100], ROUNDS);
}

void ipc_measure(const char *row, const char *op, size_t size)
{
	struct channel ch;

	open_channel(&ch, size);
	for (unsigned int i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		if (strcmp(op, ops[i].name))
			continue;
		port_set(TESTPORT_ECHO, ops[i].echo);
		measure(row, &ch, ops[i].fn);
		port_set(TESTPORT_ECHO, 0);
		return;
	}
	errx(2, "%s: no such operation on a channel", op);
}
