// SPDX-License-Identifier: GPL-2.0
/*
 * Reads and writes of a disk, DEPTH of them at once, by the kernel's asynchronous I/O. What is done
 * is replaced by as many new ones in one system call, which is what programs that want depth do.
 */
#include <err.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "io.h"

#define ALIGNMENT	4096
#define MAX_DEPTH	256

/**
 * struct queue - operations, and what they take
 * @io: what they are
 * @fd: the disk
 * @places: where they may be, in units of their size
 * @place: the last one
 * @ctx: the kernel's queue
 * @cbs: each with its own piece of memory
 * @began: when each was submitted
 * @list: those to be submitted
 */
struct queue {
	const struct io *io;
	int fd;
	uint64_t places;
	uint64_t place;
	aio_context_t ctx;
	struct iocb cbs[MAX_DEPTH];
	uint64_t began[MAX_DEPTH];
	struct iocb *list[MAX_DEPTH];
};

/* The same in each run */
static uint64_t next_place(struct queue *q)
{
	if (q->io->sequential)
		q->place++;
	else
		q->place = q->place * 6364136223846793005u + 1442695040888963407u;
	return (q->io->sequential ? q->place : q->place >> 33) % q->places * q->io->size;
}

static void submit(struct queue *q, long nr)
{
	uint64_t now = io_now();
	long done = 0;

	for (long i = 0; i < nr; i++) {
		q->list[i]->aio_offset = next_place(q);
		q->began[q->list[i]->aio_data] = now;
	}
	/* The kernel takes all or, after an error, the first ones */
	while (done < nr) {
		long n = syscall(SYS_io_submit, q->ctx, nr - done, q->list + done);

		if (n <= 0)
			err(1, "io_submit");
		done += n;
	}
}

static void run(struct queue *q, unsigned int count, bool measured)
{
	unsigned int depth = q->io->depth < count ? q->io->depth : count, under_way = depth;
	struct io_event events[MAX_DEPTH];

	for (unsigned int i = 0; i < depth; i++)
		q->list[i] = &q->cbs[i];
	submit(q, depth);
	count -= depth;
	while (under_way) {
		long n = syscall(SYS_io_getevents, q->ctx, 1, under_way, events, NULL);
		uint64_t now = io_now();
		unsigned int again = 0;

		if (n < 0)
			err(1, "io_getevents");
		for (long i = 0; i < n; i++) {
			if (events[i].res != q->io->size)
				errx(1, "%s: %lld", q->io->name, (long long)events[i].res);
			if (measured)
				io_one(now - q->began[events[i].data]);
			if (again < count)
				q->list[again++] = &q->cbs[events[i].data];
		}
		submit(q, again);
		under_way += again - n;
		count -= again;
	}
}

/*
 * Pages of our own, which do not lie one after the other. In a process that has just begun they may
 * or may not, by chance, and that decides of how many segments a request is.
 */
static void scatter(char *buf, size_t len)
{
	for (size_t first = 0; first < 2; first++) {
		for (size_t at = first * ALIGNMENT; at < len; at += 2 * ALIGNMENT)
			memset(buf + at, 0x5a, ALIGNMENT);
	}
}

void disk(const struct io *io, const char *path)
{
	static struct queue q;
	off_t size;
	char *buf;

	q.io = io;
	q.fd = open(path, (io->write ? O_RDWR : O_RDONLY) | O_DIRECT | O_CLOEXEC);
	size = q.fd < 0 ? -1 : lseek(q.fd, 0, SEEK_END);
	if (size < 0)
		err(1, "%s", path);
	q.places = size / io->size;
	if (!q.places || io->depth > MAX_DEPTH || io->size % ALIGNMENT)
		errx(1, "%s: not so", io->name);
	buf = aligned_alloc(ALIGNMENT, (size_t)io->depth * io->size);
	if (!buf || syscall(SYS_io_setup, io->depth, &q.ctx))
		err(1, "%s", io->name);
	scatter(buf, (size_t)io->depth * io->size);
	for (unsigned int i = 0; i < io->depth; i++) {
		q.cbs[i].aio_lio_opcode = io->write ? IOCB_CMD_PWRITE : IOCB_CMD_PREAD;
		q.cbs[i].aio_fildes = q.fd;
		q.cbs[i].aio_buf = (uintptr_t)buf + (size_t)i * io->size;
		q.cbs[i].aio_nbytes = io->size;
		q.cbs[i].aio_data = i;
	}
	/* What is allocated once, and what caches remember, is there after that */
	run(&q, 2 * io->depth, false);
	io_begin(io);
	run(&q, io->count, true);
	io_end(io);
}
