// SPDX-License-Identifier: GPL-2.0
/*
 * Setting up, in the order of system calls that deployed device models use, and the I/O thread.
 */
#include <err.h>
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
		"  --dm N        index of the device model\n"
		"  --window GPA  frontend's address of its virtio-mmio window\n"
		"  --state FILE  keep the device's state there, to go on after being killed\n"
		"  --read-only   offer a disk that cannot be written to\n");
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

/* The frontend's vCPU stands still between the two ioctls */
static void __attribute__((noreturn)) serve(struct dm *dm)
{
	for (;;) {
		struct bao_virtio_request req = { .op = BAO_IO_ASK };

		if (ioctl(dm->fd, BAO_IOCTL_IO_CLIENT_ATTACH, &req))
			err(1, "ATTACH");
		answer(dm, &req);
		if (ioctl(dm->fd, BAO_IOCTL_IO_REQUEST_COMPLETE, &req))
			err(1, "COMPLETE");
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "dm", required_argument, NULL, 'd' },
		{ "window", required_argument, NULL, 'w' },
		{ "state", required_argument, NULL, 's' },
		{ "read-only", no_argument, NULL, 'r' },
		{ NULL, 0, NULL, 0 },
	};
	static struct dm dm = { .lock = PTHREAD_MUTEX_INITIALIZER };
	const char *state = NULL, *id = NULL, *window = NULL;
	pthread_t worker;
	int opt, ret;

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
		default:
			help();
		}
	}
	if (!id || !window || argc != optind + 1)
		help();

	open_image(&dm, argv[optind]);
	dm.state = state_open(state, number(id), number(window));
	open_dm(&dm, number(id));
	dm.kickfd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (dm.kickfd < 0)
		err(1, "eventfd");
	printf("bao-dm: %s device model %s, %llu sectors%s\n",
	       dm.state->status ? "resuming" : "serving", id, (unsigned long long)dm.sectors,
	       dm.read_only ? ", read-only" : "");
	fflush(stdout);

	mmio_resume(&dm);
	ret = pthread_create(&worker, NULL, queue_worker, &dm);
	if (ret)
		errx(1, "worker: %s", strerror(ret));
	serve(&dm);
}
