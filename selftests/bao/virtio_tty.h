/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Ports of a console of bao_virtio_console.ko behind the scripted driver, and the terminals that
 * are their other ends.
 *
 * Functions that return int return a negative errno on failure.
 */
#ifndef SELFTESTS_BAO_VIRTIO_TTY_H
#define SELFTESTS_BAO_VIRTIO_TTY_H

#include <linux/virtio_console.h>

#include "virtio_driver.h"

/* Of a device, with its control queues */
#define PORTS		(MAX_QUEUES / 2 - 1)
/* What the driver sends at once */
#define PORT_CHUNK	4096

/**
 * struct port - a port, as the driver has it
 * @rx: queue that it receives from
 * @tx: queue that it transmits to
 * @out: what is sent; in the window
 * @room: buffers of @rx, by id
 */
struct port {
	struct vqueue *rx;
	struct vqueue *tx;
	char *out;
	struct vsegment room[MAX_SIZE];
};

int port_init(struct port *port, struct virtio *v, unsigned int nr);
/* Sends bytes, PORT_CHUNK at most, and waits until the device is done with them */
int port_send(struct port *port, const void *data, unsigned int len);
/* New buffers to receive into */
int port_give(struct port *port, unsigned int count, __u32 size);
/* One that was used, by its id */
int port_give_back(struct port *port, unsigned int id);
/* Waits for so many bytes, in as many buffers as it takes, which are given back */
int port_receive(struct port *port, void *data, unsigned int len);

/* The terminal of a port. It is not to block. */
int tty_open(struct virtio *v, unsigned int nr);
/* Waits for so many bytes; -EIO if it has been hung up */
int tty_read(int fd, void *data, unsigned int len);
/* Waits until it has taken all of them */
int tty_write(int fd, const void *data, unsigned int len);

/* Bytes of a stream that has no end, from an offset on */
void stream_fill(void *data, __u64 offset, unsigned int len);
bool stream_matches(const void *data, __u64 offset, unsigned int len);

#endif
