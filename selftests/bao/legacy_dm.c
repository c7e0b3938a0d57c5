// SPDX-License-Identifier: GPL-2.0
/*
 * legacy_dm DM WINDOW: a device model as they were written for the first public driver series: the
 * same system calls in the same order, from a header that has the structures and ioctls only. It
 * deassigns nothing, cleans up nothing, and is meant to be killed.
 *
 * The device has one queue without a ring: a kick counts the first word of the shared-memory window
 * up and raises the used-buffer interrupt.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <poll.h>
#include <unistd.h>

#include <linux/bao.h>

enum { OP_WRITE, OP_READ, OP_ASK };

#define DATAMATCH	0x2	/* flag of bao_ioeventfd */

static int dm, call = -1, kick = -1;
static __u64 window;
static __u32 interrupt_status, status;
static volatile __u32 *shmem;

static void must(int ok, int code)
{
	if (!ok)
		_exit(code);
}

static void *worker(void *arg)
{
	(void)arg;
	for (;;) {
		struct pollfd pfd = { .fd = kick, .events = POLLIN };
		__u64 n, one = 1;

		poll(&pfd, 1, -1);
		if (read(kick, &n, sizeof(n)) != sizeof(n))
			continue;
		shmem[0] += n;
		__atomic_or_fetch(&interrupt_status, 1, __ATOMIC_SEQ_CST);
		must(write(call, &one, sizeof(one)) == sizeof(one), 10);
	}
	return NULL;
}

static void activate(void)
{
	struct bao_ioeventfd args = {
		.flags = DATAMATCH, .addr = window + 0x50, .len = 4, .data = 0,
	};
	pthread_t thread;

	kick = eventfd(0, EFD_NONBLOCK);
	args.fd = kick;
	must(!ioctl(dm, BAO_IOCTL_IOEVENTFD, &args), 11);
	must(!pthread_create(&thread, NULL, worker, NULL), 12);
}

static __u64 reg_read(__u64 offset)
{
	switch (offset) {
	case 0x00:
		return 0x74726976;
	case 0x60:
		return __atomic_load_n(&interrupt_status, __ATOMIC_SEQ_CST);
	case 0x70:
		return status;
	}
	return 0;
}

static void reg_write(__u64 offset, __u32 value)
{
	if (offset == 0x64) {
		__atomic_and_fetch(&interrupt_status, ~value, __ATOMIC_SEQ_CST);
	} else if (offset == 0x70) {
		status = value;
		if (value == 0xf && kick < 0)
			activate();
	}
}

int main(int argc, char **argv)
{
	struct bao_dm_info info = { 0 };
	struct bao_irqfd irqfd = { 0 };
	int dispatcher;

	must(argc == 3, 1);
	window = strtoull(argv[2], NULL, 0);

	dispatcher = open("/dev/bao-io-dispatcher", O_RDWR);
	must(dispatcher >= 0, 2);
	info.id = atoi(argv[1]);
	must(!ioctl(dispatcher, BAO_IOCTL_DM_GET_INFO, &info), 3);
	dm = info.fd;
	call = eventfd(0, 0);
	must(lseek(dm, 0, SEEK_END) >= (off_t)info.shmem_size && lseek(dm, 0, SEEK_SET) == 0, 4);
	shmem = mmap(NULL, info.shmem_size, PROT_READ | PROT_WRITE, MAP_SHARED, dm, 0);
	must(shmem != MAP_FAILED, 5);
	irqfd.fd = call;
	must(!ioctl(dm, BAO_IOCTL_IRQFD, &irqfd), 6);
	close(dispatcher);

	for (;;) {
		struct bao_virtio_request req = { .op = OP_ASK };

		must(!ioctl(dm, BAO_IOCTL_IO_CLIENT_ATTACH, &req), 7);
		must(req.op == OP_READ || req.op == OP_WRITE, 8);
		if (req.op == OP_READ)
			req.value = reg_read(req.addr - window);
		else
			reg_write(req.addr - window, req.value);
		must(!ioctl(dm, BAO_IOCTL_IO_REQUEST_COMPLETE, &req), 9);
	}
}
