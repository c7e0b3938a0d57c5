// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "prng.h"
#include "virtio_tty.h"

/* The driver */

int port_init(struct port *port, struct virtio *v, unsigned int nr)
{
	/* The control queues are behind the first port's */
	unsigned int index = nr ? 2 * nr + 2 : 0;

	port->rx = &v->queue[index];
	port->tx = &v->queue[index + 1];
	port->out = window_alloc(v->window, PORT_CHUNK, 16);
	return port->out ? 0 : -ENOMEM;
}

int port_send(struct port *port, const void *data, unsigned int len)
{
	struct vsegment segment = { port->out, len };
	int ret;

	if (len > PORT_CHUNK)
		return -EINVAL;
	memcpy(port->out, data, len);
	ret = vq_add(port->tx, &segment, 1, 0);
	if (ret < 0)
		return ret;
	vq_submit(port->tx);
	ret = vq_wait(port->tx, NULL);
	return ret < 0 ? ret : 0;
}

static int give(struct port *port, struct vsegment segment)
{
	int id = vq_add(port->rx, &segment, 0, 1);

	if (id < 0)
		return id;
	port->room[id] = segment;
	return 0;
}

int port_give(struct port *port, unsigned int count, __u32 size)
{
	struct vsegment segment = { .len = size };
	int ret = 0;

	while (!ret && count--) {
		segment.data = window_alloc(port->rx->v->window, size, 16);
		ret = segment.data ? give(port, segment) : -ENOMEM;
	}
	vq_submit(port->rx);
	return ret;
}

int port_give_back(struct port *port, unsigned int id)
{
	int ret = give(port, port->room[id]);

	vq_submit(port->rx);
	return ret;
}

int port_receive(struct port *port, void *data, unsigned int len)
{
	unsigned int done = 0;
	__u32 used;
	int ret;

	while (done < len) {
		ret = vq_wait(port->rx, &used);
		if (ret < 0)
			return ret;
		if (!used || used > len - done)
			return -EPROTO;
		memcpy((char *)data + done, port->room[ret].data, used);
		done += used;
		ret = port_give_back(port, ret);
		if (ret)
			return ret;
	}
	return 0;
}

/* The terminal */

int tty_open(struct virtio *v, unsigned int nr)
{
	char path[160], name[32] = "";
	FILE *file;
	int fd;

	snprintf(path, sizeof(path), "%s/ttys", v->dir);
	file = fopen(path, "r");
	if (!file)
		return -errno;
	for (nr++; nr && fscanf(file, "%31s", name) == 1; nr--)
		;
	fclose(file);
	if (nr)
		return -ENOENT;
	snprintf(path, sizeof(path), "/dev/%s", name);
	fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int tty_wait(int fd, short events)
{
	struct pollfd pfd = { .fd = fd, .events = events };

	return poll(&pfd, 1, TIME_LIMIT_MS) == 1 ? 0 : -ETIMEDOUT;
}

int tty_read(int fd, void *data, unsigned int len)
{
	unsigned int done = 0;
	ssize_t n;
	int ret;

	while (done < len) {
		ret = tty_wait(fd, POLLIN);
		if (ret)
			return ret;
		n = read(fd, (char *)data + done, len - done);
		if (n < 0 && errno == EAGAIN)
			continue;
		if (n <= 0)
			return -EIO;
		done += n;
	}
	return 0;
}

int tty_write(int fd, const void *data, unsigned int len)
{
	unsigned int done = 0;
	ssize_t n;
	int ret;

	while (done < len) {
		ret = tty_wait(fd, POLLOUT);
		if (ret)
			return ret;
		n = write(fd, (const char *)data + done, len - done);
		if (n < 0 && errno != EAGAIN)
			return -errno;
		if (n > 0)
			done += n;
	}
	return 0;
}

/* Contents */

static __u8 stream_byte(__u64 offset)
{
	struct prng prng = { .state = offset / sizeof(__u64) };

	return prng_next(&prng) >> offset % sizeof(__u64) * 8;
}

void stream_fill(void *data, __u64 offset, unsigned int len)
{
	unsigned int i;

	for (i = 0; i < len; i++)
		((__u8 *)data)[i] = stream_byte(offset + i);
}

bool stream_matches(const void *data, __u64 offset, unsigned int len)
{
	unsigned int i;

	for (i = 0; i < len; i++) {
		if (((const __u8 *)data)[i] != stream_byte(offset + i))
			return false;
	}
	return true;
}
