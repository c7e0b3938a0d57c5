// SPDX-License-Identifier: GPL-2.0
/*
 * Setting up, in the order of system calls that deployed device models use, and the I/O thread.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dm.h"

static void help(void)
{
	fprintf(stderr,
		"usage: bao-dm --dm N --window GPA [--state FILE] [--read-only] DISK-IMAGE\n"
		"       bao-dm --dm N --window GPA --tap NAME\n"
		"       bao-dm --dm N --window GPA --vsock CID\n"
		"  --dm N        index of the device model\n"
		"  --window GPA  frontend's address of its virtio-mmio window\n"
		"  --state FILE  keep the device's state there, to go on after being killed\n"
		"  --read-only   offer a disk that cannot be written to\n"
		"  --tap NAME    offer a network card; its other end is that interface\n"
		"  --vsock CID   offer a socket device with that address\n");
	exit(2);
}

static uint64_t number(const char *arg)
{
	char *end;
	uint64_t value = strtoull(arg, &end, 0);

	if (!*arg || *end)
		help();
	return value;
}

static void open_image(struct dm *dm, const char *path)
{
	off_t size;

	dm->image = open(path, (dm->read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
	if (dm->image < 0)
		err(1, "%s", path);
	size = lseek(dm->image, 0, SEEK_END);
	if (size < 0)
		err(1, "%s", path);
	dm->sectors = size / SECTOR_SIZE;
}

static void open_dm(struct dm *dm, uint32_t id)
{
	struct bao_dm_info info = { .id = id };
	struct bao_irqfd irqfd = { 0 };
	int dispatcher = open("/dev/bao-io-dispatcher", O_RDWR | O_CLOEXEC);

	if (dispatcher < 0)
		err(1, "/dev/bao-io-dispatcher");
	if (ioctl(dispatcher, BAO_IOCTL_DM_GET_INFO, &info))
		err(1, "GET_INFO of device model %u", id);
	dm->fd = info.fd;
	dm->mem_addr = info.shmem_addr;
	dm->mem_size = info.shmem_size;

	dm->irqfd = eventfd(0, EFD_CLOEXEC);
	if (dm->irqfd < 0)
		err(1, "eventfd");
	if (lseek(dm->fd, 0, SEEK_END) < (off_t)dm->mem_size || lseek(dm->fd, 0, SEEK_SET))
		errx(1, "the window is smaller than it says");
	dm->mem = mmap(NULL, dm->mem_size, PROT_READ | PROT_WRITE, MAP_SHARED, dm->fd, 0);
	if (dm->mem == MAP_FAILED)
		err(1, "mapping the window");
	irqfd.fd = dm->irqfd;
	if (ioctl(dm->fd, BAO_IOCTL_IRQFD, &irqfd))
		err(1, "IRQFD");
	close(dispatcher);
}

static void open_kicks(struct dm *dm)
{
	unsigned int i;

	for (i = 0; i < dm->model->nr_kicked; i++) {
		dm->kickfds[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		if (dm->kickfds[i] < 0)
			err(1, "eventfd");
	}
}

static void start_worker(struct dm *dm)
{
	pthread_t worker;
	int ret = pthread_create(&worker, NULL, queue_worker, dm);

	if (ret)
		errx(1, "worker: %s", strerror(ret));
}

static void answer(struct dm *dm, struct bao_virtio_request *req)
{
	uint64_t offset = req->addr - dm->state->window;
	bool known = req->addr >= dm->state->window && req->access_width <= MMIO_WINDOW_SIZE &&
		     offset <= MMIO_WINDOW_SIZE - req->access_width;

	if (req->op == BAO_IO_READ)
		req->value = known ? mmio_read(dm, offset, req->access_width) : 0;
	else if (known)
		mmio_write(dm, offset, req->access_width, req->value);
}

/* In one call, where the kernel and its header have that. Returns whether they do. */
static bool next_at_once(struct dm *dm, struct bao_virtio_request *req)
{
#ifdef BAO_IOCTL_IO_REQUEST_NEXT
	if (!ioctl(dm->fd, BAO_IOCTL_IO_REQUEST_NEXT, req))
		return true;
	if (errno != ENOTTY)
		err(1, "NEXT");
#else
	(void)dm;
	(void)req;
#endif
	return false;
}

/* Completes a request, unless it is BAO_IO_ASK, and takes the next */
static void next(struct dm *dm, struct bao_virtio_request *req)
{
	static bool in_two_steps;

	if (!in_two_steps) {
		if (next_at_once(dm, req))
			return;
		in_two_steps = true;
	}
	if (req->op != BAO_IO_ASK && ioctl(dm->fd, BAO_IOCTL_IO_REQUEST_COMPLETE, req))
		err(1, "COMPLETE");
	if (ioctl(dm->fd, BAO_IOCTL_IO_CLIENT_ATTACH, req))
		err(1, "ATTACH");
}

/* The frontend's vCPU stands still from one next() to the other */
static void __attribute__((noreturn)) serve(struct dm *dm)
{
	struct bao_virtio_request req = { .op = BAO_IO_ASK };

	for (;;) {
		next(dm, &req);
		answer(dm, &req);
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "dm", required_argument, NULL, 'd' },
		{ "window", required_argument, NULL, 'w' },
		{ "state", required_argument, NULL, 's' },
		{ "read-only", no_argument, NULL, 'r' },
		{ "tap", required_argument, NULL, 't' },
		{ "vsock", required_argument, NULL, 'v' },
		{ NULL, 0, NULL, 0 },
	};
	static struct dm dm = { .lock = PTHREAD_MUTEX_INITIALIZER, .model = &blk_model };
	const char *state = NULL, *id = NULL, *window = NULL, *tap = NULL;
	bool disk;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 'd':
			id = optarg;
			break;
		case 'w':
			window = optarg;
			break;
		case 's':
			state = optarg;
			break;
		case 'r':
			dm.read_only = true;
			break;
		case 't':
			dm.model = &net_model;
			tap = optarg;
			break;
		case 'v':
			dm.model = &vsock_model;
			dm.cid = number(optarg);
			break;
		default:
			help();
		}
	}
	disk = dm.model == &blk_model;
	/* What vhost knows of the rings goes with the process */
	if (!id || !window || argc != optind + disk || (!disk && state))
		help();

	if (disk)
		open_image(&dm, argv[optind]);
	dm.state = state_open(state, number(id), number(window));
	open_dm(&dm, number(id));
	open_kicks(&dm);
	if (disk) {
		printf("bao-dm: %s device model %s, %llu sectors%s\n",
		       dm.state->status ? "resuming" : "serving", id,
		       (unsigned long long)dm.sectors, dm.read_only ? ", read-only" : "");
	} else {
		if (tap)
			net_open(&dm, tap);
		else
			vsock_open(&dm);
		printf("bao-dm: serving device model %s by vhost\n", id);
	}
	fflush(stdout);

	mmio_resume(&dm);
	if (disk)
		start_worker(&dm);
	serve(&dm);
}
