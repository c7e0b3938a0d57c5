// SPDX-License-Identifier: GPL-2.0
/*
 * The control queues of a console with several ports
 *
 * Messages to the driver are not queued. Each port has a bit for each kind of message that is to be
 * sent, and the message is written when there is a buffer for it, from what is so by then. That is
 * bounded, whatever the driver asks for without giving buffers, and whatever happens at the
 * terminals meanwhile.
 *
 * A driver says that it is ready (DEVICE_READY), and is told of all ports (PORT_ADD). It says of
 * each that it has made one (PORT_READY), and is told the rest about it, and from then on of
 * changes. After a sleep, Linux only says PORT_READY.
 */
#include <linux/bitops.h>
#include <linux/nospec.h>
#include <linux/string.h>
#include <linux/uio.h>
#include <linux/virtio_byteorder.h>

#include "console.h"

/* Little endian as of version 1 of the specification */
#define bao_le16(val)		__cpu_to_virtio16(true, val)
#define bao_le32(val)		__cpu_to_virtio32(true, val)
#define bao_le16_to_cpu(val)	__virtio16_to_cpu(true, val)
#define bao_le32_to_cpu(val)	__virtio32_to_cpu(true, val)

/**
 * struct bao_console_size - what follows a message VIRTIO_CONSOLE_RESIZE
 * @cols: columns
 * @rows: rows
 *
 * In this order by the specification, and in Linux from 6.15 on and in stable kernels of that time.
 * Older ones take one for the other.
 */
struct bao_console_size {
	__virtio16 cols;
	__virtio16 rows;
};

/**
 * struct bao_console_message - a message to the driver
 * @head: its fixed part
 * @size: follows VIRTIO_CONSOLE_RESIZE
 * @name: follows VIRTIO_CONSOLE_PORT_NAME, without a NUL
 */
struct bao_console_message {
	struct virtio_console_control head;
	union {
		struct bao_console_size size;
		char name[BAO_CONSOLE_NAME_SIZE];
	};
};

/**
 * bao_console_tell() - let the driver know of a change
 * @port: port
 * @event: what has changed
 *
 * Context: the port's lock held
 */
void bao_console_tell(struct bao_console_port *port, enum bao_console_event event)
{
	lockdep_assert_held(&port->lock);

	/* Otherwise it is told later, or has no ports */
	if (!port->ready)
		return;
	if (event == BAO_CONSOLE_SIZE &&
	    !bao_vdev_has_feature(&port->console->vdev, VIRTIO_CONSOLE_F_SIZE))
		return;

	port->events |= BIT(event);
	if (port->ctrl)
		bao_vq_wake(port->ctrl);
}

/**
 * bao_console_ctrl_reset() - forget what the driver knows
 * @console: device that is about to be started, or has been stopped
 *
 * Context: no queue is running; may sleep
 */
void bao_console_ctrl_reset(struct bao_console *console)
{
	struct bao_console_port *port;
	unsigned int i;

	for (i = 0; i < console->nr_ports; i++) {
		port = console->ports[i];
		spin_lock_irq(&port->lock);
		port->ready = false;
		port->connected = false;
		port->events = 0;
		spin_unlock_irq(&port->lock);
	}
}

/**
 * bao_console_ctrl_set_rx() - the queue of messages to the driver begins or ends to run
 * @console: device
 * @vq: queue; NULL when it ends
 *
 * Context: serve() is not running for the queue; may sleep
 */
void bao_console_ctrl_set_rx(struct bao_console *console, struct bao_vq *vq)
{
	struct bao_console_port *port;
	unsigned int i;

	for (i = 0; i < console->nr_ports; i++) {
		port = console->ports[i];
		spin_lock_irq(&port->lock);
		port->ctrl = vq;
		spin_unlock_irq(&port->lock);
	}
}

/* To the driver */

/* A port of which there is something to tell, or NULL */
static struct bao_console_port *bao_console_next_port(struct bao_console *console)
{
	struct bao_console_port *port;
	unsigned long events;
	unsigned int i;

	for (i = 0; i < console->nr_ports; i++) {
		port = console->ports[i];
		spin_lock_irq(&port->lock);
		events = port->events;
		spin_unlock_irq(&port->lock);
		if (events)
			return port;
	}

	return NULL;
}

/* Writes the next message about a port. Returns its length. */
static size_t bao_console_write_message(struct bao_console_port *port,
					struct bao_console_message *msg)
{
	size_t len = sizeof(msg->head);
	u16 event, value = 1;

	spin_lock_irq(&port->lock);
	/* Only we clear events, except while the queue does not run: there still is one */
	switch (__ffs(port->events)) {
	case BAO_CONSOLE_ADD:
		event = VIRTIO_CONSOLE_PORT_ADD;
		break;
	case BAO_CONSOLE_IS_CONSOLE:
		event = VIRTIO_CONSOLE_CONSOLE_PORT;
		break;
	case BAO_CONSOLE_SIZE:
		event = VIRTIO_CONSOLE_RESIZE;
		msg->size.cols = bao_le16(port->cols);
		msg->size.rows = bao_le16(port->rows);
		len += sizeof(msg->size);
		break;
	case BAO_CONSOLE_OPEN:
		event = VIRTIO_CONSOLE_PORT_OPEN;
		value = bao_console_port_is_open(port);
		break;
	default:
		event = VIRTIO_CONSOLE_PORT_NAME;
		len += strscpy(msg->name, port->console->names[port->nr], sizeof(msg->name));
		break;
	}
	port->events &= port->events - 1;
	spin_unlock_irq(&port->lock);

	msg->head.id = bao_le32(port->nr);
	msg->head.event = bao_le16(event);
	msg->head.value = bao_le16(value);

	return len;
}

/**
 * bao_console_ctrl_receive() - serve the queue of messages to the driver
 * @console: device
 * @vq: the queue
 *
 * Context: serve() of the queue
 * Return: as serve()
 */
enum bao_vq_state bao_console_ctrl_receive(struct bao_console *console, struct bao_vq *vq)
{
	struct bao_console_message msg;
	struct bao_console_port *port;
	struct bao_vchain chain;
	struct iov_iter iter;
	size_t len;

	while ((port = bao_console_next_port(console))) {
		if (bao_vq_pop(vq, &chain) <= 0)
			return BAO_VQ_EMPTY;

		/* The driver knows how long messages are: what does not fit is its loss */
		len = bao_console_write_message(port, &msg);
		iov_iter_kvec(&iter, ITER_DEST, chain.iov + chain.out, chain.in, chain.in_len);
		bao_vq_push(vq, chain.id, copy_to_iter(&msg, len, &iter));
		if (bao_vq_budget(vq))
			return BAO_VQ_MORE;
	}

	return BAO_VQ_STALLED;
}

/* From the driver */

static void bao_console_driver_ready(struct bao_console *console)
{
	struct bao_console_port *port;
	unsigned int i;

	for (i = 0; i < console->nr_ports; i++) {
		port = console->ports[i];
		spin_lock_irq(&port->lock);
		port->events |= BIT(BAO_CONSOLE_ADD);
		if (port->ctrl)
			bao_vq_wake(port->ctrl);
		spin_unlock_irq(&port->lock);
	}
}

static void bao_console_port_ready(struct bao_console_port *port, bool ready)
{
	port->ready = ready;
	if (!ready)
		port->connected = false;
	if (!port->nr) {
		bao_console_tell(port, BAO_CONSOLE_IS_CONSOLE);
		bao_console_tell(port, BAO_CONSOLE_SIZE);
	}
	if (bao_console_port_is_open(port))
		bao_console_tell(port, BAO_CONSOLE_OPEN);
	if (port->console->names[port->nr][0])
		bao_console_tell(port, BAO_CONSOLE_NAME);
}

static void bao_console_handle(struct bao_console *console,
			       const struct virtio_console_control *head)
{
	u16 event = bao_le16_to_cpu(head->event);
	u16 value = bao_le16_to_cpu(head->value);
	u32 id = bao_le32_to_cpu(head->id);
	struct bao_console_port *port;

	if (event == VIRTIO_CONSOLE_DEVICE_READY) {
		/* If it is not, there will be no more of it */
		if (value)
			bao_console_driver_ready(console);
		return;
	}

	if (id >= console->nr_ports)
		return;
	port = console->ports[array_index_nospec(id, BAO_CONSOLE_MAX_PORTS)];

	spin_lock_irq(&port->lock);
	if (event == VIRTIO_CONSOLE_PORT_READY) {
		bao_console_port_ready(port, value);
	} else if (event == VIRTIO_CONSOLE_PORT_OPEN) {
		port->connected = value;
		bao_console_port_wake_rx(port);
	}
	spin_unlock_irq(&port->lock);
}

/**
 * bao_console_ctrl_transmit() - serve the queue of messages from the driver
 * @console: device
 * @vq: the queue
 *
 * Messages that make no sense are ignored.
 *
 * Context: serve() of the queue
 * Return: as serve()
 */
enum bao_vq_state bao_console_ctrl_transmit(struct bao_console *console, struct bao_vq *vq)
{
	struct virtio_console_control head;
	struct bao_vchain chain;
	struct iov_iter iter;

	while (bao_vq_pop(vq, &chain) > 0) {
		iov_iter_kvec(&iter, ITER_SOURCE, chain.iov, chain.out, chain.out_len);
		if (copy_from_iter_full(&head, sizeof(head), &iter))
			bao_console_handle(console, &head);
		bao_vq_push(vq, chain.id, 0);
		if (bao_vq_budget(vq))
			return BAO_VQ_MORE;
	}

	return BAO_VQ_EMPTY;
}
