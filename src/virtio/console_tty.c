// SPDX-License-Identifier: GPL-2.0
/*
 * The terminals of consoles: /dev/ttyBAO*
 *
 * What an administrator runs on a terminal, a getty, a terminal emulator or a logger, stays when
 * the frontend reboots: the driver's reset is no hangup, just a time in which no bytes go through.
 * Nor is it one when the frontend closes a port; who wants to know has TIOCMGET: carrier detect
 * tells whether the port is open on the other side. When the device is taken down, its terminals
 * are hung up, and their files are dead: reading finds the end, everything else EIO.
 *
 * A new terminal is raw and does not echo. Were it otherwise, what a frontend prints would come
 * back to it as if somebody had typed it, before a program has set the terminal up; login prompts
 * of both sides talk to each other for ever. As with serial lines, settings stay when the terminal
 * is closed.
 *
 * Numbers are given to ports when their device goes live for the first time, lowest first.
 */
#include <linux/device.h>
#include <linux/idr.h>
#include <linux/minmax.h>
#include <linux/serial.h>
#include <linux/slab.h>
#include <linux/sysfs.h>
#include <linux/tty.h>
#include <linux/tty_driver.h>
#include <linux/tty_flip.h>
#include <linux/virtio_byteorder.h>

#include "compat.h"
#include "console.h"

/* Terminals at most */
#define BAO_CONSOLE_LINES	256

/*
 * Bytes that the terminal takes beyond what it has for its readers; closing it discards them. It
 * may be up to twice as many, as the tty layer has space for flags beside them and uses that, too.
 */
#define BAO_CONSOLE_FLIP_SIZE	(8 * 1024)

static struct tty_driver *bao_console_driver;

/* Ports by number. One is in here until it is freed, so a number is not given to two. */
static DEFINE_IDR(bao_console_lines);
static DEFINE_MUTEX(bao_console_lines_mutex);

static struct bao_console_port *bao_console_tty_port(struct tty_struct *tty)
{
	return to_bao_console_port(tty->port);
}

/* What there is of a terminal while nobody has it open */

/*
 * For the first of those who have it open, with the mutex of the tty_port held. What the frontend
 * sends from now on is for them; so is what came between the flush and the end of a hangup.
 */
static int bao_console_tty_activate(struct tty_port *tport, struct tty_struct *tty)
{
	struct bao_console_port *port = to_bao_console_port(tport);
	bool live;

	mutex_lock(&tty->winsize_mutex);
	spin_lock_irq(&port->lock);
	live = port->live;
	if (live) {
		tty->winsize.ws_col = port->cols;
		tty->winsize.ws_row = port->rows;
		port->open = true;
		port->throttled = false;
		port->stopped = READ_ONCE(tty->flow.stopped);
		port->blocked = false;
		tty_flip_buffer_push(tport);
		bao_console_tell(port, BAO_CONSOLE_OPEN);
		bao_console_port_wake_tx(port);
	}
	spin_unlock_irq(&port->lock);
	mutex_unlock(&tty->winsize_mutex);

	return live ? 0 : -ENODEV;
}

/*
 * For the last of them, or because of a hangup. Both queues are woken: what was written goes to the
 * driver now if it was stopped, and what a console's driver has transmitted is not for anybody.
 */
static void bao_console_tty_shutdown(struct tty_port *tport)
{
	struct bao_console_port *port = to_bao_console_port(tport);

	spin_lock_irq(&port->lock);
	port->open = false;
	port->stopped = false;
	bao_console_port_closed(port);
	bao_console_port_wake_rx(port);
	bao_console_port_wake_tx(port);
	spin_unlock_irq(&port->lock);
}

static void bao_console_tty_destruct(struct tty_port *tport)
{
	struct bao_console_port *port = to_bao_console_port(tport);

	if (port->line >= 0) {
		mutex_lock(&bao_console_lines_mutex);
		idr_remove(&bao_console_lines, port->line);
		mutex_unlock(&bao_console_lines_mutex);
	}
	kfifo_free(&port->fifo);
	kfree(port);
}

static const struct tty_port_operations bao_console_tty_port_ops = {
	.activate = bao_console_tty_activate,
	.shutdown = bao_console_tty_shutdown,
	.destruct = bao_console_tty_destruct,
};

/* Operations of a terminal that is open, or was before a hangup */

static int bao_console_tty_install(struct tty_driver *driver, struct tty_struct *tty)
{
	struct bao_console_port *port;
	struct tty_port *tport = NULL;
	int ret;

	/* Who frees a port takes the mutex first */
	mutex_lock(&bao_console_lines_mutex);
	port = idr_find(&bao_console_lines, tty->index);
	if (port)
		tport = tty_port_get(&port->tty);
	mutex_unlock(&bao_console_lines_mutex);
	if (!tport)
		return -ENODEV;

	/* Until cleanup() */
	ret = tty_port_install(tport, driver, tty);
	if (ret) {
		tty_port_put(tport);
		return ret;
	}

	/* Not the settings of who had the number before */
	if (!port->used)
		tty->termios = driver->init_termios;
	port->used = true;

	return 0;
}

static void bao_console_tty_cleanup(struct tty_struct *tty)
{
	tty_port_put(tty->port);
}

static int bao_console_tty_open(struct tty_struct *tty, struct file *file)
{
	return tty_port_open(tty->port, tty, file);
}

static void bao_console_tty_close(struct tty_struct *tty, struct file *file)
{
	tty_port_close(tty->port, tty, file);
}

static void bao_console_tty_hangup(struct tty_struct *tty)
{
	tty_port_hangup(tty->port);
}

static bao_tty_ssize_t bao_console_tty_write(struct tty_struct *tty, const u8 *data,
					     bao_tty_size_t len)
{
	struct bao_console_port *port = bao_console_tty_port(tty);
	bao_tty_ssize_t ret = -EIO;
	unsigned long flags;

	spin_lock_irqsave(&port->lock, flags);
	if (port->live) {
		ret = kfifo_in(&port->fifo, data, len);
		bao_console_port_wake_rx(port);
	}
	spin_unlock_irqrestore(&port->lock, flags);

	return ret;
}

static unsigned int bao_console_tty_write_room(struct tty_struct *tty)
{
	struct bao_console_port *port = bao_console_tty_port(tty);
	unsigned long flags;
	unsigned int room;

	spin_lock_irqsave(&port->lock, flags);
	room = port->live ? kfifo_avail(&port->fifo) : 0;
	spin_unlock_irqrestore(&port->lock, flags);

	return room;
}

static unsigned int bao_console_tty_chars_in_buffer(struct tty_struct *tty)
{
	struct bao_console_port *port = bao_console_tty_port(tty);
	unsigned long flags;
	unsigned int len;

	spin_lock_irqsave(&port->lock, flags);
	len = kfifo_len(&port->fifo);
	spin_unlock_irqrestore(&port->lock, flags);

	return len;
}

static void bao_console_tty_flush_buffer(struct tty_struct *tty)
{
	struct bao_console_port *port = bao_console_tty_port(tty);
	unsigned long flags;

	/*
	 * A line discipline that gets an interrupt character calls us, and discards its input, too,
	 * but does not unthrottle us afterwards. Who does not read it would never get more. If it
	 * is just the output that is discarded, the flip buffer becomes full, which is no harm.
	 */
	spin_lock_irqsave(&port->lock, flags);
	kfifo_reset(&port->fifo);
	port->throttled = false;
	bao_console_port_closed(port);
	bao_console_port_wake_tx(port);
	spin_unlock_irqrestore(&port->lock, flags);

	tty_wakeup(tty);
}

/* The line has neither speed nor parity. Programs that ask for a speed shall think they got it. */
static void bao_console_tty_set_termios(struct tty_struct *tty, const struct ktermios *old)
{
	tty->termios.c_cflag &= ~(CSIZE | CSTOPB | PARENB | CMSPAR | CRTSCTS);
	tty->termios.c_cflag |= CS8 | CREAD;
}

static void bao_console_tty_throttle(struct tty_struct *tty)
{
	struct bao_console_port *port = bao_console_tty_port(tty);
	unsigned long flags;

	spin_lock_irqsave(&port->lock, flags);
	port->throttled = true;
	spin_unlock_irqrestore(&port->lock, flags);
}

static void bao_console_tty_unthrottle(struct tty_struct *tty)
{
	struct bao_console_port *port = bao_console_tty_port(tty);
	unsigned long flags;

	spin_lock_irqsave(&port->lock, flags);
	port->throttled = false;
	bao_console_port_wake_tx(port);
	spin_unlock_irqrestore(&port->lock, flags);
}

/* Within a spinlock of the tty layer, as is start() */
static void bao_console_tty_stop(struct tty_struct *tty)
{
	struct bao_console_port *port = bao_console_tty_port(tty);
	unsigned long flags;

	spin_lock_irqsave(&port->lock, flags);
	port->stopped = true;
	spin_unlock_irqrestore(&port->lock, flags);
}

static void bao_console_tty_start(struct tty_struct *tty)
{
	struct bao_console_port *port = bao_console_tty_port(tty);
	unsigned long flags;

	spin_lock_irqsave(&port->lock, flags);
	port->stopped = false;
	bao_console_port_wake_rx(port);
	spin_unlock_irqrestore(&port->lock, flags);
}

static int bao_console_tty_tiocmget(struct tty_struct *tty)
{
	struct bao_console_port *port = bao_console_tty_port(tty);
	bool connected;

	spin_lock_irq(&port->lock);
	connected = port->connected;
	spin_unlock_irq(&port->lock);

	return connected ? TIOCM_CAR : 0;
}

/*
 * The configuration space has the size of port 0 for drivers that do not know of ports, and those
 * that do get a message. Ports that are no consoles have no size for the frontend.
 */
static void bao_console_resized(struct bao_console_port *port)
{
	__virtio16 size[] = {
		__cpu_to_virtio16(true, port->cols),
		__cpu_to_virtio16(true, port->rows),
	};

	lockdep_assert_held(&port->lock);

	if (!port->live || port->nr)
		return;

	bao_vdev_config_change(&port->console->vdev,
			       offsetof(struct virtio_console_config, cols), size, sizeof(size));
	bao_console_tell(port, BAO_CONSOLE_SIZE);
}

static int bao_console_tty_resize(struct tty_struct *tty, struct winsize *ws)
{
	struct bao_console_port *port = bao_console_tty_port(tty);
	int ret;

	/* Of two that come at once, the same one is the last for the tty layer and for us */
	mutex_lock(&port->tty.mutex);
	ret = tty_do_resize(tty, ws);
	spin_lock_irq(&port->lock);
	if (!ret && (port->cols != ws->ws_col || port->rows != ws->ws_row)) {
		port->cols = ws->ws_col;
		port->rows = ws->ws_row;
		bao_console_resized(port);
	}
	spin_unlock_irq(&port->lock);
	mutex_unlock(&port->tty.mutex);

	return ret;
}

static const struct tty_operations bao_console_tty_ops = {
	.install = bao_console_tty_install,
	.cleanup = bao_console_tty_cleanup,
	.open = bao_console_tty_open,
	.close = bao_console_tty_close,
	.hangup = bao_console_tty_hangup,
	.write = bao_console_tty_write,
	.write_room = bao_console_tty_write_room,
	.chars_in_buffer = bao_console_tty_chars_in_buffer,
	.flush_buffer = bao_console_tty_flush_buffer,
	.set_termios = bao_console_tty_set_termios,
	.throttle = bao_console_tty_throttle,
	.unthrottle = bao_console_tty_unthrottle,
	.stop = bao_console_tty_stop,
	.start = bao_console_tty_start,
	.tiocmget = bao_console_tty_tiocmget,
	.resize = bao_console_tty_resize,
};

/* For rules of udev, which give terminals names that do not depend on their numbers */

static ssize_t bao_device_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct bao_console_port *port = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%s\n", bao_vdev_name(&port->console->vdev));
}
static DEVICE_ATTR_RO(bao_device);

static ssize_t bao_port_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct bao_console_port *port = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%u\n", port->nr);
}
static DEVICE_ATTR_RO(bao_port);

static ssize_t bao_port_name_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct bao_console_port *port = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%s\n", port->console->names[port->nr]);
}
static DEVICE_ATTR_RO(bao_port_name);

static struct attribute *bao_console_tty_attrs[] = {
	&dev_attr_bao_device.attr,
	&dev_attr_bao_port.attr,
	&dev_attr_bao_port_name.attr,
	NULL
};
ATTRIBUTE_GROUPS(bao_console_tty);

/* Life */

/**
 * bao_console_tty_create() - make a port, and give its terminal a number
 * @console: device
 * @nr: the port's number in it
 *
 * Context: may sleep
 * Return: port, to be put with tty_port_put(); or ERR_PTR(): -ENOMEM, or -ENOSPC if there are no
 * more numbers
 */
struct bao_console_port *bao_console_tty_create(struct bao_console *console, unsigned int nr)
{
	struct bao_console_port *port;
	int ret;

	port = kzalloc(sizeof(*port), GFP_KERNEL);
	if (!port)
		return ERR_PTR(-ENOMEM);

	ret = kfifo_alloc(&port->fifo, BAO_CONSOLE_FIFO_SIZE, GFP_KERNEL);
	if (ret) {
		kfree(port);
		return ERR_PTR(ret);
	}

	port->console = console;
	port->nr = nr;
	bao_console_port_init(port);
	tty_port_init(&port->tty);
	port->tty.ops = &bao_console_tty_port_ops;
	/*
	 * Closing need not wait until everything is with the driver: the fifo stays, and the driver
	 * hears of it afterwards. It would wait for nothing where there is no driver yet.
	 */
	port->tty.closing_wait = ASYNC_CLOSING_WAIT_NONE;
	tty_buffer_set_limit(&port->tty, BAO_CONSOLE_FLIP_SIZE);

	mutex_lock(&bao_console_lines_mutex);
	port->line = idr_alloc(&bao_console_lines, port, 0, BAO_CONSOLE_LINES, GFP_KERNEL);
	mutex_unlock(&bao_console_lines_mutex);
	if (port->line < 0) {
		ret = port->line;
		tty_port_put(&port->tty);
		return ERR_PTR(ret);
	}

	return port;
}

/**
 * bao_console_tty_register() - let there be a terminal
 * @port: port whose terminal it is
 *
 * Somebody may have it open when this returns.
 *
 * Context: may sleep
 * Return: 0 or a negative errno
 */
int bao_console_tty_register(struct bao_console_port *port)
{
	struct device *dev;

	spin_lock_irq(&port->lock);
	port->live = true;
	port->cols = port->console->cols;
	port->rows = port->console->rows;
	spin_unlock_irq(&port->lock);

	dev = tty_register_device_attr(bao_console_driver, port->line, NULL, port,
				       bao_console_tty_groups);
	if (!IS_ERR(dev))
		return 0;

	spin_lock_irq(&port->lock);
	port->live = false;
	spin_unlock_irq(&port->lock);

	return PTR_ERR(dev);
}

/**
 * bao_console_tty_unregister() - undo bao_console_tty_register()
 * @port: port
 *
 * Who has the terminal open finds it hung up. When this returns, nothing that happens at the
 * terminal reaches the device any more, nor its queues.
 *
 * Context: may sleep
 */
void bao_console_tty_unregister(struct bao_console_port *port)
{
	struct tty_struct *tty;

	/* No new ones, but by the controlling terminal of a session */
	tty_unregister_device(bao_console_driver, port->line);

	/*
	 * Who opens it has set port->tty.tty, and then takes the mutex for activate(). If that was
	 * before us, we find the tty here; otherwise activate() fails.
	 */
	mutex_lock(&port->tty.mutex);
	spin_lock_irq(&port->lock);
	port->live = false;
	spin_unlock_irq(&port->lock);
	tty = tty_port_tty_get(&port->tty);
	mutex_unlock(&port->tty.mutex);

	/* Discards what is in the fifo, too; but a port that nobody has open keeps it */
	if (tty) {
		tty_vhangup(tty);
		tty_kref_put(tty);
	}

	spin_lock_irq(&port->lock);
	kfifo_reset(&port->fifo);
	spin_unlock_irq(&port->lock);
	cancel_delayed_work_sync(&port->retry);
}

/**
 * bao_console_tty_init() - let there be a driver of terminals
 *
 * Return: 0 or a negative errno
 */
int __init bao_console_tty_init(void)
{
	struct tty_driver *driver;
	int ret;

	driver = tty_alloc_driver(BAO_CONSOLE_LINES, TTY_DRIVER_REAL_RAW | TTY_DRIVER_DYNAMIC_DEV);
	if (IS_ERR(driver))
		return PTR_ERR(driver);

	driver->driver_name = "bao_console";
	driver->name = BAO_CONSOLE_TTY;
	driver->type = TTY_DRIVER_TYPE_SERIAL;
	driver->subtype = SERIAL_TYPE_NORMAL;
	driver->init_termios = tty_std_termios;
	driver->init_termios.c_iflag = 0;
	driver->init_termios.c_oflag = 0;
	driver->init_termios.c_lflag = 0;
	driver->init_termios.c_cflag |= CLOCAL;
	tty_set_operations(driver, &bao_console_tty_ops);

	ret = tty_register_driver(driver);
	if (ret) {
		tty_driver_kref_put(driver);
		return ret;
	}
	bao_console_driver = driver;

	return 0;
}

/**
 * bao_console_tty_exit() - undo bao_console_tty_init()
 *
 * Context: may sleep; there is no port
 */
void bao_console_tty_exit(void)
{
	tty_unregister_driver(bao_console_driver);
	tty_driver_kref_put(bao_console_driver);
	idr_destroy(&bao_console_lines);
}
