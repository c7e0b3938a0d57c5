/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Inside of bao_virtio_console.ko: consoles of frontends, whose ports are terminals of this system
 *
 *   console.c		the device, as the core knows it: life, configuration space, queues
 *   console_attr.c	its attributes in configfs
 *   console_ctrl.c	the control queues, with which devices of several ports tell of them
 *   console_port.c	the bytes of a port, between its two queues and its terminal
 *   console_tty.c	the terminals
 *
 * Directions are the driver's, as in the specification: it receives what is written to the
 * terminal, and transmits what is read from it.
 *
 * A port and its terminal stay together while the directory in configfs exists, so that a device
 * that is taken down and goes live again has its terminals under the same names. And as somebody
 * may have the terminal open for longer than that, it is the terminal's reference count that keeps
 * the port.
 *
 * Locks, outermost first:
 *
 *   &bao_vdev.mutex		attributes; held while the device goes live and is taken down
 *   the terminal's locks	around the terminal's operations
 *   &bao_console_port.lock	of a port; never those of two ports at once
 *   &bao_vdev.lock		configuration space
 */
#ifndef _BAO_VIRTIO_CONSOLE_H
#define _BAO_VIRTIO_CONSOLE_H

#include <linux/bao_virtio.h>
#include <linux/kfifo.h>
#include <linux/spinlock.h>
#include <linux/tty_port.h>
#include <linux/virtio_console.h>
#include <linux/workqueue.h>

/* Ports of a device at most: two queues each, and two control queues */
#define BAO_CONSOLE_MAX_PORTS	(BAO_VDEV_MAX_QUEUES / 2 - 1)

/* Terminals are called this, and a number */
#define BAO_CONSOLE_TTY		"ttyBAO"

/* Bytes of a port's name at most, with the NUL */
#define BAO_CONSOLE_NAME_SIZE	64

/* Bytes from a terminal that wait for the driver at most */
#define BAO_CONSOLE_FIFO_SIZE	(16 * 1024)

/* Bytes of emergency writes that wait for the terminal at most */
#define BAO_CONSOLE_EMERGENCY_SIZE	1024

struct bao_console;

/**
 * enum bao_console_event - what the driver is to be told of a port, in this order
 * @BAO_CONSOLE_ADD: that there is one
 * @BAO_CONSOLE_IS_CONSOLE: that it is a console
 * @BAO_CONSOLE_SIZE: its size, as of when the message is written
 * @BAO_CONSOLE_OPEN: whether the terminal is open, or has left bytes behind, as of when the message
 *		      is written
 * @BAO_CONSOLE_NAME: its name
 */
enum bao_console_event {
	BAO_CONSOLE_ADD,
	BAO_CONSOLE_IS_CONSOLE,
	BAO_CONSOLE_SIZE,
	BAO_CONSOLE_OPEN,
	BAO_CONSOLE_NAME,
};

/**
 * struct bao_console_port - a port, and its terminal
 * @tty: what is left of the terminal when nobody has it open; its reference count keeps the port
 * @console: whose port it is; good while @live
 * @nr: its number in the device
 * @line: number of the terminal
 * @used: the terminal has been opened before; under the tty layer's mutex
 * @lock: protects what follows, up to @fifo
 * @live: the device is live
 * @open: somebody has the terminal open
 * @throttled: the terminal does not want more for now, and will say when it does
 * @stopped: somebody at the terminal has stopped its output
 * @ready: the driver knows the port, and is told of changes; with VIRTIO_CONSOLE_F_MULTIPORT
 * @connected: somebody in the frontend has the port open
 * @receiving: bytes have left @fifo, and the driver may not see them yet
 * @cols: columns of the terminal
 * @rows: rows of the terminal
 * @events: BIT() of enum bao_console_event to tell
 * @ctrl: queue of the messages about that; NULL unless it runs
 * @rx: queue that the driver receives from; NULL unless it runs
 * @tx: queue that the driver transmits to; NULL unless it runs
 * @blocked: @open, but has taken nothing since @blocked_since
 * @blocked_since: in jiffies
 * @retry_delay: in jiffies
 * @fifo: bytes for the driver
 * @retry: tries again whether the terminal takes something
 * @busy: @chain has been popped from @tx, and not been pushed yet. This and what follows belongs to
 *	  serve() of @tx, or to who starts and stops that.
 * @chain: what the driver is transmitting
 * @seg: current segment of it
 * @pos: bytes of the segment that are done with
 */
struct bao_console_port {
	struct tty_port tty;
	struct bao_console *console;
	unsigned int nr;
	int line;
	bool used;

	spinlock_t lock;	/* protects what follows, up to fifo */
	bool live;
	bool open;
	bool throttled;
	bool stopped;
	bool ready;
	bool connected;
	bool receiving;
	u16 cols;
	u16 rows;
	unsigned long events;
	struct bao_vq *ctrl;
	struct bao_vq *rx;
	struct bao_vq *tx;
	bool blocked;
	unsigned long blocked_since;
	unsigned long retry_delay;
	DECLARE_KFIFO_PTR(fifo, u8);
	struct delayed_work retry;

	bool busy;
	struct bao_vchain chain;
	unsigned int seg;
	size_t pos;
};

/**
 * struct bao_console - a console device
 * @vdev: what the core knows
 * @nr_ports: attribute: number of ports
 * @cols: attribute: columns, until a terminal's size is changed
 * @rows: attribute: rows, likewise
 * @hold: attribute: milliseconds that a console's driver is held for at most, 0 for no limit
 * @names: attribute: names of ports, empty where there is none
 * @nr_names: number of names that have been set
 * @ports: first @nr_ports of them while live; others are left from when there were more
 * @config: configuration space
 * @dropped: bytes that were transmitted and had no terminal to go to, since it has gone live
 * @emergency: bytes of emergency writes
 * @emergency_work: brings them to the terminal of port 0
 */
struct bao_console {
	struct bao_vdev vdev;

	u32 nr_ports;
	u32 cols;
	u32 rows;
	u32 hold;
	char names[BAO_CONSOLE_MAX_PORTS][BAO_CONSOLE_NAME_SIZE];
	u32 nr_names;

	struct bao_console_port *ports[BAO_CONSOLE_MAX_PORTS];
	struct virtio_console_config config;
	atomic_long_t dropped;
	DECLARE_KFIFO(emergency, u8, BAO_CONSOLE_EMERGENCY_SIZE);
	struct work_struct emergency_work;
};

static inline struct bao_console *to_bao_console(struct bao_vdev *vdev)
{
	return container_of(vdev, struct bao_console, vdev);
}

static inline struct bao_console_port *to_bao_console_port(struct tty_port *tty)
{
	return container_of(tty, struct bao_console_port, tty);
}

/* console_attr.c */
extern struct configfs_attribute *bao_console_attrs[];

/* console_ctrl.c */
void bao_console_ctrl_reset(struct bao_console *console);
void bao_console_ctrl_set_rx(struct bao_console *console, struct bao_vq *vq);
void bao_console_tell(struct bao_console_port *port, enum bao_console_event event);
enum bao_vq_state bao_console_ctrl_receive(struct bao_console *console, struct bao_vq *vq);
enum bao_vq_state bao_console_ctrl_transmit(struct bao_console *console, struct bao_vq *vq);

/* console_port.c */
void bao_console_port_init(struct bao_console_port *port);
bool bao_console_port_is_open(const struct bao_console_port *port);
void bao_console_port_closed(struct bao_console_port *port);
void bao_console_port_wake_rx(struct bao_console_port *port);
void bao_console_port_wake_tx(struct bao_console_port *port);
void bao_console_port_set_rx(struct bao_console_port *port, struct bao_vq *vq);
void bao_console_port_set_tx(struct bao_console_port *port, struct bao_vq *vq);
enum bao_vq_state bao_console_port_receive(struct bao_console_port *port, struct bao_vq *vq);
enum bao_vq_state bao_console_port_transmit(struct bao_console_port *port, struct bao_vq *vq);
void bao_console_port_emergency(struct bao_console_port *port, const u8 *data, size_t len);

/* console_tty.c */
struct bao_console_port *bao_console_tty_create(struct bao_console *console, unsigned int nr);
int bao_console_tty_register(struct bao_console_port *port);
void bao_console_tty_unregister(struct bao_console_port *port);
int bao_console_tty_init(void);
void bao_console_tty_exit(void);

#endif /* _BAO_VIRTIO_CONSOLE_H */
