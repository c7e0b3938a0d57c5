// SPDX-License-Identifier: GPL-2.0
/*
 * Virtio console device: serial ports of a frontend whose other ends are terminals of this system
 *
 * See console.h for the parts. A device with several ports offers VIRTIO_CONSOLE_F_MULTIPORT. For a
 * driver that does not take it, as for a device with one port, there is port 0 only, and no queue
 * but the first two.
 */
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/tty_port.h>
#include <linux/virtio_byteorder.h>
#include <linux/virtio_ids.h>

#include "console.h"

#define BAO_CONSOLE_DEFAULT_COLS	80
#define BAO_CONSOLE_DEFAULT_ROWS	24

/* Queues: of port 0, of control messages, of port 1, and so on */
enum {
	BAO_CONSOLE_VQ_CTRL_RX = 2,
	BAO_CONSOLE_VQ_CTRL_TX = 3,
	BAO_CONSOLE_VQ_PORT_1 = 4,
};

/* Queues */

/* The port that a queue belongs to, or NULL for control queues */
static struct bao_console_port *bao_console_vq_port(const struct bao_vq *vq)
{
	struct bao_console *console = to_bao_console(bao_vq_vdev(vq));
	unsigned int index = bao_vq_index(vq);

	if (index >= BAO_CONSOLE_VQ_PORT_1)
		return console->ports[index / 2 - 1];

	return index < BAO_CONSOLE_VQ_CTRL_RX ? console->ports[0] : NULL;
}

/* Of each two queues, the driver receives from the one with the even number */
static bool bao_console_vq_is_rx(const struct bao_vq *vq)
{
	return bao_vq_index(vq) % 2 == 0;
}

/* Whether there is such a queue, as far as the driver knows */
static bool bao_console_vq_exists(const struct bao_vq *vq)
{
	return bao_vq_index(vq) < BAO_CONSOLE_VQ_CTRL_RX ||
	       bao_vdev_has_feature(bao_vq_vdev(vq), VIRTIO_CONSOLE_F_MULTIPORT);
}

static void bao_console_vq_set(struct bao_vq *vq, bool running)
{
	struct bao_console_port *port = bao_console_vq_port(vq);
	struct bao_vq *value = running ? vq : NULL;

	if (!port && bao_console_vq_is_rx(vq))
		bao_console_ctrl_set_rx(to_bao_console(bao_vq_vdev(vq)), value);
	else if (port && bao_console_vq_is_rx(vq))
		bao_console_port_set_rx(port, value);
	else if (port)
		bao_console_port_set_tx(port, value);
}

static int bao_console_vq_start(struct bao_vq *vq)
{
	if (bao_console_vq_exists(vq))
		bao_console_vq_set(vq, true);

	return 0;
}

static void bao_console_vq_stop(struct bao_vq *vq)
{
	bao_console_vq_set(vq, false);
}

static enum bao_vq_state bao_console_serve(struct bao_vq *vq)
{
	struct bao_console *console = to_bao_console(bao_vq_vdev(vq));
	struct bao_console_port *port = bao_console_vq_port(vq);
	bool rx = bao_console_vq_is_rx(vq);

	/* Nobody will ever wake it */
	if (!bao_console_vq_exists(vq))
		return BAO_VQ_STALLED;

	if (!port)
		return rx ? bao_console_ctrl_receive(console, vq) :
			    bao_console_ctrl_transmit(console, vq);

	return rx ? bao_console_port_receive(port, vq) : bao_console_port_transmit(port, vq);
}

/* What the driver transmits is lost, and there is nothing to receive */
static bool bao_console_refuse(struct bao_vq *vq, const struct bao_vchain *chain, u32 *len)
{
	struct bao_console *console = to_bao_console(bao_vq_vdev(vq));

	if (!bao_console_vq_exists(vq) || bao_console_vq_is_rx(vq))
		return false;
	if (bao_vq_index(vq) != BAO_CONSOLE_VQ_CTRL_TX)
		atomic_long_add(chain->out_len, &console->dropped);

	return true;
}

/* The driver */

static int bao_console_start(struct bao_vdev *vdev)
{
	struct bao_console *console = to_bao_console(vdev);
	struct bao_console_port *port = console->ports[0];

	bao_console_ctrl_reset(console);
	if (bao_vdev_has_feature(vdev, VIRTIO_CONSOLE_F_MULTIPORT))
		return 0;

	/* There are no messages with which the driver could open a port */
	spin_lock_irq(&port->lock);
	port->connected = true;
	spin_unlock_irq(&port->lock);

	return 0;
}

static void bao_console_stop(struct bao_vdev *vdev)
{
	bao_console_ctrl_reset(to_bao_console(vdev));
}

/*
 * The only field that can be written is that of emergency writes, which take one character at a
 * time, and work before anything has been set up. What the driver writes faster than we get around
 * to it is lost. Calls are serialized, as is the work, so the fifo needs no lock.
 */
static void bao_console_config_write(struct bao_vdev *vdev, u32 offset, const void *data, u32 len)
{
	struct bao_console *console = to_bao_console(vdev);

	if (offset != offsetof(struct virtio_console_config, emerg_wr) ||
	    vdev->features_off & BIT_ULL(VIRTIO_CONSOLE_F_EMERG_WRITE))
		return;

	/* Little endian: the character is in the first byte */
	if (!kfifo_put(&console->emergency, *(const u8 *)data))
		atomic_long_inc(&console->dropped);
	schedule_work(&console->emergency_work);
}

static void bao_console_emergency(struct work_struct *work)
{
	struct bao_console *console = container_of(work, struct bao_console, emergency_work);
	unsigned int len;
	u8 buf[64];

	while ((len = kfifo_out(&console->emergency, buf, sizeof(buf))))
		bao_console_port_emergency(console->ports[0], buf, len);
}

/* Life */

static struct bao_vdev *bao_console_alloc(void)
{
	struct bao_console *console;

	console = kzalloc(sizeof(*console), GFP_KERNEL);
	if (!console)
		return NULL;

	console->nr_ports = 1;
	console->cols = BAO_CONSOLE_DEFAULT_COLS;
	console->rows = BAO_CONSOLE_DEFAULT_ROWS;
	INIT_KFIFO(console->emergency);
	INIT_WORK(&console->emergency_work, bao_console_emergency);

	return &console->vdev;
}

static void bao_console_put_ports(struct bao_console *console, unsigned int from)
{
	unsigned int i;

	for (i = from; i < BAO_CONSOLE_MAX_PORTS; i++) {
		if (console->ports[i])
			tty_port_put(&console->ports[i]->tty);
		console->ports[i] = NULL;
	}
}

static void bao_console_free(struct bao_vdev *vdev)
{
	struct bao_console *console = to_bao_console(vdev);

	bao_console_put_ports(console, 0);
	kfree(console);
}

static void bao_console_describe(struct bao_console *console)
{
	struct bao_vdev *vdev = &console->vdev;

	console->config = (struct virtio_console_config) {
		.cols = __cpu_to_virtio16(true, console->cols),
		.rows = __cpu_to_virtio16(true, console->rows),
		.max_nr_ports = __cpu_to_virtio32(true, console->nr_ports),
	};
	vdev->config = &console->config;
	vdev->config_size = sizeof(console->config);
	vdev->features = BIT_ULL(VIRTIO_CONSOLE_F_SIZE) | BIT_ULL(VIRTIO_CONSOLE_F_EMERG_WRITE);
	vdev->nr_queues = BAO_CONSOLE_VQ_CTRL_RX;
	if (console->nr_ports > 1) {
		vdev->features |= BIT_ULL(VIRTIO_CONSOLE_F_MULTIPORT);
		vdev->nr_queues = 2 * (console->nr_ports + 1);
	}
}

static int bao_console_make_port(struct bao_console *console, unsigned int nr)
{
	struct bao_console_port *port = console->ports[nr];

	if (!port) {
		port = bao_console_tty_create(console, nr);
		if (IS_ERR(port))
			return PTR_ERR(port);
		console->ports[nr] = port;
	}

	return bao_console_tty_register(port);
}

static void bao_console_remove_ports(struct bao_console *console, unsigned int nr)
{
	while (nr--)
		bao_console_tty_unregister(console->ports[nr]);
	cancel_work_sync(&console->emergency_work);
}

static int bao_console_enable(struct bao_vdev *vdev)
{
	struct bao_console *console = to_bao_console(vdev);
	unsigned int i;
	int ret;

	if (console->nr_names > console->nr_ports) {
		bao_vdev_err(vdev, "there are %u names, but only %u ports\n", console->nr_names,
			     console->nr_ports);
		return -EINVAL;
	}

	bao_console_put_ports(console, console->nr_ports);
	bao_console_describe(console);
	kfifo_reset(&console->emergency);
	atomic_long_set(&console->dropped, 0);

	for (i = 0; i < console->nr_ports; i++) {
		ret = bao_console_make_port(console, i);
		if (!ret)
			continue;
		bao_vdev_err(vdev, "cannot make a terminal for port %u: %d\n", i, ret);
		bao_console_remove_ports(console, i);
		return ret;
	}

	return 0;
}

static void bao_console_disable(struct bao_vdev *vdev)
{
	struct bao_console *console = to_bao_console(vdev);

	bao_console_remove_ports(console, console->nr_ports);
}

static const struct bao_vdev_model bao_console_model = {
	.owner = THIS_MODULE,
	.name = "console",
	.device_id = VIRTIO_ID_CONSOLE,
	.attrs = bao_console_attrs,
	.alloc = bao_console_alloc,
	.free = bao_console_free,
	.enable = bao_console_enable,
	.disable = bao_console_disable,
	.start = bao_console_start,
	.stop = bao_console_stop,
	.vq_start = bao_console_vq_start,
	.vq_stop = bao_console_vq_stop,
	.serve = bao_console_serve,
	.refuse = bao_console_refuse,
	.config_write = bao_console_config_write,
};

static int __init bao_console_init(void)
{
	int ret;

	ret = bao_console_tty_init();
	if (ret)
		return ret;

	ret = bao_vdev_model_register(&bao_console_model);
	if (ret)
		bao_console_tty_exit();

	return ret;
}
module_init(bao_console_init);

static void __exit bao_console_exit(void)
{
	bao_vdev_model_unregister(&bao_console_model);
	bao_console_tty_exit();
}
module_exit(bao_console_exit);

MODULE_DESCRIPTION("Virtio consoles for frontends of the Bao hypervisor");
MODULE_LICENSE("GPL");
