// SPDX-License-Identifier: GPL-2.0
/* Threads of a device model, as short as they can be */
#include <err.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/bao.h>

#include "bench.h"

static void start(void *(*fn)(void *arg), int fd)
{
	pthread_t thread;
	int ret = pthread_create(&thread, NULL, fn, (void *)(long)fd);

	if (ret)
		errx(1, "thread: %s", strerror(ret));
	pthread_detach(thread);
}

/* The I/O thread of a device model: it answers with what it was given */
static void *answer(void *arg)
{
	int fd = (long)arg;

	for (;;) {
		struct bao_virtio_request req = { .op = BAO_IO_ASK };

		if (ioctl(fd, BAO_IOCTL_IO_CLIENT_ATTACH, &req))
			err(1, "ATTACH");
		if (ioctl(fd, BAO_IOCTL_IO_REQUEST_COMPLETE, &req))
			err(1, "COMPLETE");
	}
	return NULL;
}

/* The same in one call */
static void *answer_and_next(void *arg)
{
	struct bao_virtio_request req = { .op = BAO_IO_ASK };
	int fd = (long)arg;

	for (;;)
		if (ioctl(fd, BAO_IOCTL_IO_REQUEST_NEXT, &req))
			err(1, "NEXT");
	return NULL;
}

static void *drain(void *arg)
{
	int fd = (long)arg;
	eventfd_t count;

	for (;;)
		if (eventfd_read(fd, &count))
			err(1, "reading an eventfd");
	return NULL;
}

static int open_dm(unsigned int dm)
{
	struct bao_dm_info info = { .id = dm };
	int fd = open("/dev/bao-io-dispatcher", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		err(1, "/dev/bao-io-dispatcher");
	if (ioctl(fd, BAO_IOCTL_DM_GET_INFO, &info))
		err(1, "GET_INFO of device model %u", dm);
	close(fd);
	return info.fd;
}

static void add_ioeventfd(int fd, const struct service *service, unsigned int value)
{
	struct bao_ioeventfd config = {
		.flags = BAO_IOEVENTFD_FLAG_DATAMATCH,
		.addr = service->addr,
		.len = sizeof(uint32_t),
		.data = value,
	};
	int signalled = eventfd(0, EFD_CLOEXEC);

	if (signalled < 0)
		err(1, "eventfd");
	config.fd = signalled;
	if (ioctl(fd, BAO_IOCTL_IOEVENTFD, &config))
		err(1, "IOEVENTFD");
	if (service->readers)
		start(drain, signalled);
}

void serve(const struct service *service)
{
	int fd;

	if (!service->threads && !service->ioeventfds)
		return;
	fd = open_dm(service->dm);
	for (unsigned int i = 0; i < service->ioeventfds; i++)
		add_ioeventfd(fd, service, i);
	for (unsigned int i = 0; i < service->threads; i++)
		start(service->next ? answer_and_next : answer, fd);
}
