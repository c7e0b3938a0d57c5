// SPDX-License-Identifier: GPL-2.0
/*
 * A split virtqueue in memory that the frontend can write to at any time.
 *
 * Nothing in the window is trusted: every range is checked against it, and every field is read
 * once. A ring that makes no sense sets NEEDS_RESET and is not looked at again before a reset.
 *
 * Requests are served one at a time in the order of the available ring, so the used index is the
 * position in it as well. A successor of this process takes it from there (see state.c).
 */
#include <endian.h>
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_ring.h>

#include "dm.h"

/* Reads a field of the window exactly once */
#define read_once(field) __atomic_load_n(&(field), __ATOMIC_RELAXED)

void *guest_memory(struct dm *dm, uint64_t addr, uint64_t len, uint64_t align)
{
	uint64_t offset = addr - dm->mem_addr;

	if (addr < dm->mem_addr || addr % align || len > dm->mem_size ||
	    offset > dm->mem_size - len)
		return NULL;
	return dm->mem + offset;
}

void *queue_desc(struct dm *dm, unsigned int index)
{
	const struct dm_queue *q = &dm->state->queues[index];

	return guest_memory(dm, q->desc, sizeof(struct vring_desc) * q->num,
			    VRING_DESC_ALIGN_SIZE);
}

void *queue_avail(struct dm *dm, unsigned int index)
{
	const struct dm_queue *q = &dm->state->queues[index];

	/* With the event index behind it, which vhost uses */
	return guest_memory(dm, q->driver,
			    sizeof(struct vring_avail) + sizeof(__virtio16) * (q->num + 1),
			    VRING_AVAIL_ALIGN_SIZE);
}

void *queue_used(struct dm *dm, unsigned int index)
{
	const struct dm_queue *q = &dm->state->queues[index];

	return guest_memory(dm, q->device,
			    sizeof(struct vring_used) +
			    sizeof(struct vring_used_elem) * q->num + sizeof(__virtio16),
			    VRING_USED_ALIGN_SIZE);
}

/* Once the queue is ready, its registers do not change: what is valid here stays so */
bool queue_valid(struct dm *dm, unsigned int index)
{
	uint32_t num = dm->state->queues[index].num;

	return num && num <= QUEUE_MAX && !(num & (num - 1)) && queue_desc(dm, index) &&
	       queue_avail(dm, index) && queue_used(dm, index);
}

/* What follows is about queue 0, the only one of a disk */

static struct vring_desc *desc_table(struct dm *dm)
{
	return queue_desc(dm, 0);
}

static struct vring_avail *avail_ring(struct dm *dm)
{
	return queue_avail(dm, 0);
}

static struct vring_used *used_ring(struct dm *dm)
{
	return queue_used(dm, 0);
}

void queue_start(struct dm *dm)
{
	pthread_mutex_lock(&dm->lock);
	if (!dm->running && dm->state->queues[0].ready && queue_valid(dm, 0) &&
	    !(dm->state->status & VIRTIO_CONFIG_S_NEEDS_RESET)) {
		dm->last_avail = le16toh(read_once(used_ring(dm)->idx));
		dm->running = true;
	}
	pthread_mutex_unlock(&dm->lock);
	/* The driver may have filled the ring before it set DRIVER_OK */
	queue_kick(dm, 0);
}

/* On return the worker is quiet: it holds the lock as long as it touches the ring or a buffer */
void queue_stop(struct dm *dm)
{
	pthread_mutex_lock(&dm->lock);
	dm->running = false;
	pthread_mutex_unlock(&dm->lock);
}

static void signal_eventfd(int fd)
{
	uint64_t one = 1;

	/* EAGAIN: the counter is full, which signals as well */
	if (write(fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
		err(1, "eventfd");
}

void queue_kick(struct dm *dm, unsigned int index)
{
	signal_eventfd(dm->kickfds[index]);
}

/* The frontend may read InterruptStatus before write() returns, so that comes first */
void queue_interrupt(struct dm *dm, uint32_t bit)
{
	__atomic_or_fetch(&dm->state->interrupt_status, bit, __ATOMIC_SEQ_CST);
	signal_eventfd(dm->irqfd);
}

static void broken(struct dm *dm, const char *what)
{
	warnx("%s: the device needs a reset", what);
	dm->running = false;
	__atomic_or_fetch(&dm->state->status, VIRTIO_CONFIG_S_NEEDS_RESET, __ATOMIC_SEQ_CST);
	queue_interrupt(dm, VIRTIO_MMIO_INT_CONFIG);
}

/* Returns what is wrong with the chain, or NULL */
static const char *collect(struct dm *dm, struct chain *chain)
{
	struct vring_desc *table = desc_table(dm);
	uint32_t num = dm->state->queues[0].num;
	uint16_t i = chain->head;
	unsigned int n;

	chain->nr_out = 0;
	chain->nr_in = 0;
	for (n = 0; n < num; n++) {
		struct iovec *seg;
		uint64_t addr;
		uint32_t len;
		uint16_t flags;

		if (i >= num)
			return "descriptor index beyond the queue";
		addr = le64toh(read_once(table[i].addr));
		len = le32toh(read_once(table[i].len));
		flags = le16toh(read_once(table[i].flags));

		if (flags & VRING_DESC_F_INDIRECT)
			return "indirect descriptor that was not negotiated";
		if (flags & VRING_DESC_F_WRITE)
			seg = &chain->in[chain->nr_in++];
		else if (!chain->nr_in)
			seg = &chain->out[chain->nr_out++];
		else
			return "readable descriptor after a writable one";
		seg->iov_base = guest_memory(dm, addr, len, 1);
		seg->iov_len = len;
		if (!seg->iov_base)
			return "buffer outside the window";

		if (!(flags & VRING_DESC_F_NEXT))
			return NULL;
		i = le16toh(read_once(table[i].next));
	}
	return "descriptor chain longer than the queue";
}

static void put_used(struct dm *dm, uint16_t head, uint32_t written)
{
	struct vring_used *used = used_ring(dm);
	struct vring_used_elem *elem = &used->ring[dm->last_avail % dm->state->queues[0].num];

	elem->id = htole32(head);
	elem->len = htole32(written);
	dm->last_avail++;
	/* Whoever sees the index sees the element and the data as well */
	__atomic_store_n(&used->idx, htole16(dm->last_avail), __ATOMIC_RELEASE);
}

/* Serves one request; false if there is none. Under dm->lock. */
static bool serve_one(struct dm *dm, struct chain *chain)
{
	struct vring_avail *avail;
	const char *problem;
	uint32_t written;
	uint16_t waiting;

	if (!dm->running)
		return false;
	avail = avail_ring(dm);
	/* Whatever the driver wrote before it moved the index is visible after this */
	waiting = le16toh(__atomic_load_n(&avail->idx, __ATOMIC_ACQUIRE)) - dm->last_avail;
	if (!waiting)
		return false;
	if (waiting > dm->state->queues[0].num) {
		broken(dm, "available index jumped");
		return false;
	}

	chain->head = le16toh(read_once(avail->ring[dm->last_avail % dm->state->queues[0].num]));
	problem = collect(dm, chain);
	if (problem) {
		broken(dm, problem);
		return false;
	}
	if (!blk_serve(dm, chain, &written)) {
		broken(dm, "request without room for header or status");
		return false;
	}
	put_used(dm, chain->head, written);

	/*
	 * Pairs with the driver's barrier between allowing interrupts and looking at the ring once
	 * more: one of the two sees what the other wrote.
	 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!(le16toh(read_once(avail->flags)) & VRING_AVAIL_F_NO_INTERRUPT))
		queue_interrupt(dm, VIRTIO_MMIO_INT_VRING);
	return true;
}

/*
 * The counter is read before the ring: a kick that comes while the ring is served leaves the
 * counter at 1, and the ring is looked at again.
 */
void *queue_worker(void *arg)
{
	static struct chain chain;
	struct dm *dm = arg;

	for (;;) {
		struct pollfd kick = { .fd = dm->kickfds[0], .events = POLLIN };
		uint64_t count;
		bool again;

		if (poll(&kick, 1, -1) < 0 && errno != EINTR)
			err(1, "poll");
		if (read(dm->kickfds[0], &count, sizeof(count)) < 0)
			continue;
		do {
			pthread_mutex_lock(&dm->lock);
			again = serve_one(dm, &chain);
			pthread_mutex_unlock(&dm->lock);
		} while (again);
	}
	return NULL;
}
