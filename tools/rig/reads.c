// SPDX-License-Identifier: GPL-2.0
/*
 * reads FILE DEPTH COUNT: read 4 KiB from anywhere in a disk COUNT times, DEPTH of them at once,
 * past the page cache
 *
 * What has been read is replaced by as many new reads in one system call, which is what programs
 * that want depth do.
 */
#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/aio_abi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SIZE		4096
#define MAX_DEPTH	256

static uint64_t blocks;

static void prepare(struct iocb *cb, int fd, void *buf)
{
	memset(cb, 0, sizeof(*cb));
	cb->aio_lio_opcode = IOCB_CMD_PREAD;
	cb->aio_fildes = fd;
	cb->aio_buf = (uintptr_t)buf;
	cb->aio_nbytes = SIZE;
	cb->aio_offset = random() % blocks * SIZE;
	cb->aio_data = (uintptr_t)cb;
}

/* May be called with 0; the kernel takes all or, after an error, the first ones */
static void submit(aio_context_t ctx, struct iocb **list, long nr)
{
	while (nr) {
		long n = syscall(SYS_io_submit, ctx, nr, list);

		if (n <= 0)
			err(1, "io_submit");
		list += n;
		nr -= n;
	}
}

int main(int argc, char **argv)
{
	static struct iocb cbs[MAX_DEPTH], *list[MAX_DEPTH];
	static struct io_event events[MAX_DEPTH];
	long depth, count, under_way;
	aio_context_t ctx = 0;
	off_t size;
	char *buf;
	int fd;

	if (argc != 4 || atol(argv[2]) < 1 || atol(argv[2]) > MAX_DEPTH) {
		fprintf(stderr, "usage: reads FILE DEPTH COUNT\n");
		return 2;
	}
	depth = atol(argv[2]);
	count = atol(argv[3]);
	fd = open(argv[1], O_RDONLY | O_DIRECT);
	if (fd < 0)
		err(1, "%s", argv[1]);
	size = lseek(fd, 0, SEEK_END);
	blocks = size / SIZE;
	buf = aligned_alloc(SIZE, depth * SIZE);
	if (size < SIZE || !buf)
		errx(1, "%s: no room", argv[1]);
	if (syscall(SYS_io_setup, depth, &ctx))
		err(1, "io_setup");

	if (depth > count)
		depth = count;
	for (long i = 0; i < depth; i++) {
		list[i] = &cbs[i];
		prepare(&cbs[i], fd, buf + i * SIZE);
	}
	submit(ctx, list, depth);
	under_way = depth;
	count -= depth;
	while (under_way) {
		long n = syscall(SYS_io_getevents, ctx, 1, under_way, events, NULL);
		long again = 0;

		if (n < 0)
			err(1, "io_getevents");
		for (long i = 0; i < n; i++) {
			struct iocb *cb = (struct iocb *)(uintptr_t)events[i].data;

			if (events[i].res != SIZE)
				errx(1, "at %lld: %lld", (long long)cb->aio_offset,
				     (long long)events[i].res);
			if (again == count)
				continue;
			prepare(cb, fd, (void *)(uintptr_t)cb->aio_buf);
			list[again++] = cb;
		}
		submit(ctx, list, again);
		under_way += again - n;
		count -= again;
	}
	return 0;
}
