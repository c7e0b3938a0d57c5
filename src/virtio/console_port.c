// SPDX-License-Identifier: GPL-2.0
/*
 * The bytes of a port, between its two queues and its terminal
 *
 * No byte is lost while both sides are there.
 *
 * What is written to the terminal waits in a fifo until the driver has buffers for it. If there is
 * no driver, or if it has not opened the port, or gives no buffers, the fifo becomes full and
 * writers wait. A reset of the driver leaves the fifo as it is, and so does closing the terminal:
 * what has been written is on its way. Only a hangup discards it, and flushing. For the driver, the
 * terminal is open until it has the last byte: who reads the port in the frontend finds the end
 * after that, and not before it.
 *
 * What the driver transmits goes to the terminal's flip buffer, and a chain of buffers is given
 * back when all of it is there. As long as the terminal takes nothing more, the chain is kept, and
 * the driver, which sees none of its buffers come back, has to wait.
 *
 * What if nobody has the terminal open? A port with a number other than 0 waits until somebody
 * does; the driver knows, as it is told when ports are opened and closed. But port 0 is a console,
 * and its output goes where that of a serial line goes that is not connected. Otherwise a frontend
 * could not boot before somebody looks. And Linux' console driver waits for its buffers in a loop,
 * with interrupts off; therefore the administrator may limit how long a console is held by a
 * terminal that is open but is not read (&bao_console.hold).
 *
 * Wake-ups. All that serve() looks at before it returns BAO_VQ_STALLED changes under the port's
 * lock, and whoever changes it so that serve() could go on wakes the queue after that. Either
 * serve() sees the change, or the wake-up comes after serve() has looked; and a queue that is woken
 * is served again, even if serve() had not returned yet.
 *
 * There is one thing that nobody tells us, that is when a full flip buffer has room again. The
 * terminal throttles us before its own buffer is full, and unthrottles us later. If the flip buffer
 * is full but we are not throttled, then as a rule a work item of the tty layer is about to empty
 * it, or to throttle us, or there is no memory. So we try again, soon, then ever more slowly.
 */
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/tty.h>
#include <linux/tty_flip.h>

#include "console.h"

/* Bytes that go to the terminal with interrupts off at most */
#define BAO_CONSOLE_CHUNK	1024

/* Bytes that a round of the worker takes from the driver at most */
#define BAO_CONSOLE_ROUND	(64 * 1024)

/* Slowest pace to try again whether there is room in the flip buffer, in jiffies */
#define BAO_CONSOLE_MAX_DELAY	(HZ / 4)

/**
 * bao_console_port_is_open() - tell whether the terminal is open, as far as the driver is concerned
 * @port: port
 *
 * Context: the port's lock held
 * Return: true if somebody has it open, or if the driver has not got all that was written to it
 */
bool bao_console_port_is_open(const struct bao_console_port *port)
{
	lockdep_assert_held(&port->lock);

	return port->open || port->receiving || !kfifo_is_empty(&port->fifo);
}

/**
 * bao_console_port_closed() - let the driver know if the terminal is closed
 * @port: port whose terminal has been closed, or which has got rid of bytes
 *
 * Context: the port's lock held
 */
void bao_console_port_closed(struct bao_console_port *port)
{
	if (!bao_console_port_is_open(port))
		bao_console_tell(port, BAO_CONSOLE_OPEN);
}

/**
 * bao_console_port_wake_rx() - there may be something for the driver now
 * @port: port
 *
 * Context: the port's lock held
 */
void bao_console_port_wake_rx(struct bao_console_port *port)
{
	lockdep_assert_held(&port->lock);

	if (port->rx)
		bao_vq_wake(port->rx);
}

/**
 * bao_console_port_wake_tx() - the terminal may take something now
 * @port: port
 *
 * Context: the port's lock held
 */
void bao_console_port_wake_tx(struct bao_console_port *port)
{
	lockdep_assert_held(&port->lock);

	if (port->tx)
		bao_vq_wake(port->tx);
}

/**
 * bao_console_port_set_rx() - the queue that the driver receives from begins or ends to run
 * @port: port
 * @vq: queue; NULL when it ends
 *
 * Context: serve() is not running for the queue; may sleep
 */
void bao_console_port_set_rx(struct bao_console_port *port, struct bao_vq *vq)
{
	spin_lock_irq(&port->lock);
	port->rx = vq;
	spin_unlock_irq(&port->lock);
}

static size_t bao_console_drop(struct bao_console_port *port, size_t len)
{
	atomic_long_add(len, &port->console->dropped);

	return len;
}

/* The chain that the terminal has not taken all of, if any of it */
static void bao_console_port_give_up(struct bao_console_port *port)
{
	const struct bao_vchain *chain = &port->chain;
	unsigned int seg;

	for (seg = port->seg; seg < chain->out; seg++)
		bao_console_drop(port, chain->iov[seg].iov_len);
	atomic_long_sub(port->pos, &port->console->dropped);
	bao_vq_push(port->tx, chain->id, 0);
	bao_vq_publish(port->tx);
}

/**
 * bao_console_port_set_tx() - the queue that the driver transmits to begins or ends to run
 * @port: port
 * @vq: queue; NULL when it ends. What it has popped is forgotten; if the device is taken down, it
 *	is lost, and the driver gets its buffers back.
 *
 * Context: serve() is not running for the queue; may sleep
 */
void bao_console_port_set_tx(struct bao_console_port *port, struct bao_vq *vq)
{
	if (port->busy && bao_vdev_is_refusing(&port->console->vdev))
		bao_console_port_give_up(port);
	port->busy = false;
	spin_lock_irq(&port->lock);
	port->tx = vq;
	spin_unlock_irq(&port->lock);
}

static void bao_console_port_retry(struct work_struct *work)
{
	struct bao_console_port *port = container_of(to_delayed_work(work),
						     struct bao_console_port, retry);

	spin_lock_irq(&port->lock);
	bao_console_port_wake_tx(port);
	spin_unlock_irq(&port->lock);
}

/* From the driver */

static size_t bao_console_insert(struct bao_console_port *port, const u8 *data, size_t len)
{
	lockdep_assert_held(&port->lock);

	len = tty_insert_flip_string(&port->tty, data, min_t(size_t, len, BAO_CONSOLE_CHUNK));
	if (len)
		tty_flip_buffer_push(&port->tty);

	return len;
}

/*
 * The terminal has not taken anything. Returns whether that has been so for too long; if not, sees
 * to it that we try again in time, unless unthrottle() is all that there is to wait for.
 */
static bool bao_console_held_too_long(struct bao_console_port *port)
{
	unsigned long hold = port->nr ? 0 : msecs_to_jiffies(port->console->hold);
	unsigned long delay = ULONG_MAX;

	lockdep_assert_held(&port->lock);

	if (!port->blocked) {
		port->blocked = true;
		port->blocked_since = jiffies;
		port->retry_delay = 1;
	}

	if (hold) {
		unsigned long held = jiffies - port->blocked_since;

		if (held >= hold)
			return true;
		delay = hold - held;
	}
	if (!port->throttled) {
		delay = min(delay, port->retry_delay);
		port->retry_delay = min_t(unsigned long, 2 * port->retry_delay,
					  BAO_CONSOLE_MAX_DELAY);
	}
	if (delay != ULONG_MAX) {
		/* One may be armed for later than that. Only we arm it, with the lock held. */
		cancel_delayed_work(&port->retry);
		schedule_delayed_work(&port->retry, delay);
	}

	return false;
}

/*
 * Bytes that the driver has transmitted. Returns how many of them are done with; if it is none, the
 * queue is woken when it is worth another try.
 */
static size_t bao_console_take(struct bao_console_port *port, const u8 *data, size_t len)
{
	size_t taken = 0;

	lockdep_assert_held(&port->lock);

	/* Opening wakes the queue */
	if (!port->open)
		return port->nr ? 0 : bao_console_drop(port, len);

	if (!port->throttled)
		taken = bao_console_insert(port, data, len);
	if (taken) {
		port->blocked = false;
		return taken;
	}

	return bao_console_held_too_long(port) ? bao_console_drop(port, len) : 0;
}

/* Goes on with the chain. Returns how many bytes it has got rid of: at most about @max. */
static size_t bao_console_transmit_chain(struct bao_console_port *port, size_t max)
{
	const struct bao_vchain *chain = &port->chain;
	const struct kvec *seg;
	size_t total = 0, len;

	while (port->seg < chain->out && total < max) {
		seg = &chain->iov[port->seg];
		if (port->pos == seg->iov_len) {
			port->seg++;
			port->pos = 0;
			continue;
		}

		spin_lock_irq(&port->lock);
		len = bao_console_take(port, seg->iov_base + port->pos, seg->iov_len - port->pos);
		spin_unlock_irq(&port->lock);
		if (!len)
			break;
		total += len;
		port->pos += len;
	}

	return total;
}

/**
 * bao_console_port_transmit() - serve the queue that the driver transmits to
 * @port: port
 * @vq: its queue
 *
 * The segments of a chain stay valid until the next one is popped, so a chain that the terminal
 * does not take all of is just kept.
 *
 * Context: serve() of the queue
 * Return: as serve()
 */
enum bao_vq_state bao_console_port_transmit(struct bao_console_port *port, struct bao_vq *vq)
{
	size_t left = BAO_CONSOLE_ROUND, len;

	for (;;) {
		if (!port->busy) {
			if (bao_vq_pop(vq, &port->chain) <= 0)
				return BAO_VQ_EMPTY;
			port->busy = true;
			port->seg = 0;
			port->pos = 0;
		}

		len = bao_console_transmit_chain(port, left);
		left -= min(len, left);
		if (port->seg == port->chain.out) {
			port->busy = false;
			bao_vq_push(vq, port->chain.id, 0);
		} else if (left) {
			return BAO_VQ_STALLED;
		}
		if (!left || bao_vq_budget(vq))
			return BAO_VQ_MORE;
	}
}

/**
 * bao_console_port_emergency() - bytes that the driver has written to the configuration space
 * @port: port
 * @data: bytes
 * @len: how many
 *
 * They do not wait for anything: what the terminal does not take is lost. So they ignore that it is
 * throttled, which leaves them the flip buffer.
 *
 * Context: may sleep
 */
void bao_console_port_emergency(struct bao_console_port *port, const u8 *data, size_t len)
{
	size_t taken = 1;

	spin_lock_irq(&port->lock);
	for (; port->open && len && taken; data += taken, len -= taken)
		taken = bao_console_insert(port, data, len);
	bao_console_drop(port, len);
	spin_unlock_irq(&port->lock);
}

/* To the driver */

/* Whether there are bytes that the driver wants */
static bool bao_console_may_receive(const struct bao_console_port *port)
{
	lockdep_assert_held(&port->lock);

	/* A driver discards what comes before it has opened the port */
	return port->connected && !port->stopped && !kfifo_is_empty(&port->fifo);
}

static size_t bao_console_receive_chain(struct bao_console_port *port,
					const struct bao_vchain *chain)
{
	const struct kvec *seg = chain->iov + chain->out, *end = seg + chain->in;
	size_t total = 0;

	/* The fifo is the bound of what is done with interrupts off */
	spin_lock_irq(&port->lock);
	for (; seg < end && bao_console_may_receive(port); seg++)
		total += kfifo_out(&port->fifo, (u8 *)seg->iov_base, seg->iov_len);
	port->receiving |= total > 0;
	spin_unlock_irq(&port->lock);

	return total;
}

/* The driver sees bytes before it may hear, by another queue, that they were the last ones */
static void bao_console_received(struct bao_console_port *port, struct bao_vq *vq)
{
	bao_vq_publish(vq);
	spin_lock_irq(&port->lock);
	port->receiving = false;
	bao_console_port_closed(port);
	spin_unlock_irq(&port->lock);
	tty_port_tty_wakeup(&port->tty);
}

/**
 * bao_console_port_receive() - serve the queue that the driver receives from
 * @port: port
 * @vq: its queue
 *
 * Context: serve() of the queue
 * Return: as serve()
 */
enum bao_vq_state bao_console_port_receive(struct bao_console_port *port, struct bao_vq *vq)
{
	enum bao_vq_state state;
	struct bao_vchain chain;
	bool any = false, may;
	size_t len;

	for (;;) {
		spin_lock_irq(&port->lock);
		may = bao_console_may_receive(port);
		spin_unlock_irq(&port->lock);
		state = BAO_VQ_STALLED;
		if (!may)
			break;

		state = BAO_VQ_EMPTY;
		if (bao_vq_pop(vq, &chain) <= 0)
			break;

		len = bao_console_receive_chain(port, &chain);
		if (!len && chain.in_len) {
			/* Flushed or stopped meanwhile; to drivers an empty buffer is the end */
			bao_vq_unpop(vq, 1);
			state = BAO_VQ_STALLED;
			break;
		}
		bao_vq_push(vq, chain.id, len);
		any |= len > 0;

		state = BAO_VQ_MORE;
		if (bao_vq_budget(vq))
			break;
	}
	if (any)
		bao_console_received(port, vq);

	return state;
}

/**
 * bao_console_port_init() - begin with a port
 * @port: port, zeroed
 */
void bao_console_port_init(struct bao_console_port *port)
{
	spin_lock_init(&port->lock);
	INIT_DELAYED_WORK(&port->retry, bao_console_port_retry);
}
