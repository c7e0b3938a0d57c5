// SPDX-License-Identifier: GPL-2.0
/* Queues of the scripted virtio driver: what the formats have in common */
#include <string.h>

#include "virtio_driver.h"

/* Both formats have descriptors of this size */
#define DESC_SIZE	16
#define TABLE_SIZE	(MAX_SEGMENTS * DESC_SIZE)

/* Set-up */

/* The old place will do if there is one. Split rings take more than packed ones. */
static int make_room(struct vqueue *q, struct window *w, unsigned int size)
{
	if (q->room < size) {
		q->desc = window_alloc(w, size * DESC_SIZE, DESC_SIZE);
		q->driver = window_alloc(w, vq_split.driver_size(size), 4);
		q->device = window_alloc(w, vq_split.device_size(size), 4);
		q->tables = NULL;
		q->room = q->desc && q->driver && q->device ? size : 0;
	}
	if (q->indirect && !q->tables)
		q->tables = window_alloc(w, q->room * TABLE_SIZE, DESC_SIZE);
	return q->room >= size && (q->tables || !q->indirect) ? 0 : -ENOMEM;
}

int vq_place(struct virtio *v, unsigned int index, unsigned int size)
{
	struct vqueue *q = &v->queue[index];
	const struct vq_format *format;
	int ret;

	if (index >= MAX_QUEUES || size > MAX_SIZE)
		return -EINVAL;
	format = v->features & FEATURE(VIRTIO_F_RING_PACKED) ? &vq_packed : &vq_split;
	q->indirect = v->features & FEATURE(VIRTIO_RING_F_INDIRECT_DESC);
	ret = make_room(q, v->window, size);
	if (ret)
		return ret;
	memset(q->desc, 0, size * DESC_SIZE);
	memset(q->driver, 0, format->driver_size(size));
	memset(q->device, 0, format->device_size(size));
	memset(q->buffers, 0, sizeof(q->buffers));

	q->v = v;
	q->index = index;
	q->size = size;
	q->format = format;
	q->event_idx = v->features & FEATURE(VIRTIO_RING_F_EVENT_IDX);
	q->in_order = v->features & FEATURE(VIRTIO_F_IN_ORDER);
	q->free_descs = size;
	q->added = 0;
	q->order_head = 0;
	q->order_count = 0;
	q->last_id = -1;
	format->start(q);
	return 0;
}

static void write_area(struct virtio *v, __u32 low, __u64 addr)
{
	virtio_write(v, low, addr);
	virtio_write(v, low + 4, addr >> 32);
}

void vq_write_areas(struct vqueue *q, __u64 desc, __u64 driver, __u64 device)
{
	write_area(q->v, VIRTIO_MMIO_QUEUE_DESC_LOW, desc);
	write_area(q->v, VIRTIO_MMIO_QUEUE_AVAIL_LOW, driver);
	write_area(q->v, VIRTIO_MMIO_QUEUE_USED_LOW, device);
}

__u32 vq_enable(struct vqueue *q)
{
	struct window *w = q->v->window;

	virtio_write(q->v, VIRTIO_MMIO_QUEUE_SEL, q->index);
	virtio_write(q->v, VIRTIO_MMIO_QUEUE_NUM, q->size);
	vq_write_areas(q, window_addr(w, q->desc), window_addr(w, q->driver),
		       window_addr(w, q->device));
	virtio_write(q->v, VIRTIO_MMIO_QUEUE_READY, 1);
	return virtio_read(q->v, VIRTIO_MMIO_QUEUE_READY);
}

int vq_setup(struct virtio *v, unsigned int index, unsigned int size)
{
	int ret = vq_place(v, index, size);

	if (ret)
		return ret;
	return vq_enable(&v->queue[index]) == 1 ? 0 : -EINVAL;
}

static bool is_reset(struct virtio *v)
{
	return !virtio_read(v, VIRTIO_MMIO_QUEUE_RESET);
}

int vq_reset(struct vqueue *q)
{
	virtio_write(q->v, VIRTIO_MMIO_QUEUE_SEL, q->index);
	virtio_write(q->v, VIRTIO_MMIO_QUEUE_RESET, 1);
	if (!wait_until(is_reset(q->v)))
		return -ETIMEDOUT;
	return virtio_read(q->v, VIRTIO_MMIO_QUEUE_READY) ? -EPROTO : 0;
}

/* To the device */

static __u32 write_chain(struct vqueue *q, const struct vsegment *segments, unsigned int out,
			 unsigned int in, struct vdesc *desc)
{
	unsigned int i, count = out + in;
	__u32 in_len = 0;

	for (i = 0; i < count; i++) {
		desc[i].addr = window_addr(q->v->window, segments[i].data);
		desc[i].len = segments[i].len;
		desc[i].flags = i + 1 < count ? VRING_DESC_F_NEXT : 0;
		desc[i].next = i + 1;
		if (i < out)
			continue;
		desc[i].flags |= VRING_DESC_F_WRITE;
		in_len += segments[i].len;
	}
	return in_len;
}

/* The flag NEXT is not for indirect tables of packed rings: their order says it */
static void make_indirect(struct vqueue *q, struct vdesc *desc, unsigned int count)
{
	void *table = (char *)q->tables + q->first_free * TABLE_SIZE;
	unsigned int i;

	if (q->format == &vq_packed) {
		for (i = 0; i < count; i++)
			desc[i].flags &= ~VRING_DESC_F_NEXT;
	}
	q->format->write_table(table, desc, count);
	desc[0] = (struct vdesc) {
		.addr = window_addr(q->v->window, table),
		.len = count * DESC_SIZE,
		.flags = VRING_DESC_F_INDIRECT,
	};
}

int vq_add(struct vqueue *q, const struct vsegment *segments, unsigned int out, unsigned int in)
{
	unsigned int id = q->first_free, count = out + in;
	struct vdesc desc[MAX_SEGMENTS];
	__u32 in_len;

	if (count > MAX_SEGMENTS || !count)
		return -EINVAL;
	if (q->free_descs < (q->indirect ? 1 : count))
		return -ENOSPC;
	in_len = write_chain(q, segments, out, in, desc);
	if (q->indirect) {
		make_indirect(q, desc, count);
		count = 1;
	}
	q->buffers[id] = (struct vbuffer){ .busy = true, .descs = count, .in_len = in_len };
	q->order[(q->order_head + q->order_count) % q->size] = id;
	q->order_count++;
	q->free_descs -= count;
	q->added += q->format == &vq_packed ? count : 1;
	q->format->add(q, desc, count);
	return id;
}

void vq_publish(struct vqueue *q)
{
	q->format->publish(q);
}

bool vq_kick(struct vqueue *q)
{
	bool wanted;

	/* Either the device sees what was added, or we see that it wants to be told */
	FULL_BARRIER();
	wanted = q->format->wants_kick(q);
	q->added = 0;
	if (wanted)
		virtio_notify(q->v, q->index);
	return wanted;
}

bool vq_submit(struct vqueue *q)
{
	vq_publish(q);
	return vq_kick(q);
}

bool vq_awaits_kick(struct vqueue *q)
{
	return q->format->awaits_kick(q);
}

/* From the device */

/* It may be that not the oldest one was used, unless they are used in order */
static void forget_order(struct vqueue *q, unsigned int id)
{
	unsigned int at = q->order_head, before;

	while (q->order[at] != id)
		at = (at + 1) % q->size;
	for (; at != q->order_head; at = before) {
		before = (at + q->size - 1) % q->size;
		q->order[at] = q->order[before];
	}
	q->order_head = (q->order_head + 1) % q->size;
	q->order_count--;
}

static int take(struct vqueue *q, unsigned int id)
{
	struct vbuffer *buffer = &q->buffers[id];

	q->format->skip(q, buffer->descs);
	q->format->put(q, id);
	q->free_descs += buffer->descs;
	forget_order(q, id);
	buffer->busy = false;
	return id;
}

/*
 * In order, an entry of the ring can stand for all buffers as far as the one it names. The device
 * has then written all of the others.
 */
static int take_in_order(struct vqueue *q, __u32 *len)
{
	unsigned int id = q->order[q->order_head];

	if ((int)id == q->last_id) {
		*len = q->last_len;
		q->last_id = -1;
	} else {
		*len = q->buffers[id].in_len;
	}
	return take(q, id);
}

int vq_collect(struct vqueue *q, __u32 *len)
{
	__u32 id, unused;

	if (!len)
		len = &unused;
	if (q->last_id >= 0)
		return take_in_order(q, len);
	if (!q->format->peek(q, &id, len))
		return -EAGAIN;
	if (id >= q->size || !q->buffers[id].busy || *len > q->buffers[id].in_len)
		return -EPROTO;
	if (!q->in_order)
		return take(q, id);
	q->last_id = id;
	q->last_len = *len;
	return take_in_order(q, len);
}

bool vq_has_used(struct vqueue *q)
{
	__u32 id, len;

	return q->last_id >= 0 || q->format->peek(q, &id, &len);
}

bool vq_want_interrupt(struct vqueue *q, unsigned int entries)
{
	q->format->want_interrupt(q, entries);
	/* Either the device sees what we want, or we see what it has used before */
	FULL_BARRIER();
	return !vq_has_used(q);
}

void vq_want_no_interrupt(struct vqueue *q)
{
	q->format->want_interrupt(q, 0);
}

int vq_wait(struct vqueue *q, __u32 *len)
{
	int ret;

	for (;;) {
		ret = vq_collect(q, len);
		if (ret != -EAGAIN)
			return ret;
		if (!vq_want_interrupt(q, 1))
			continue;
		ret = virtio_wait(q->v);
		if (ret < 0)
			return ret;
		/* What a broken device has not used, it will not use */
		if (ret & VIRTIO_MMIO_INT_CONFIG &&
		    virtio_status(q->v) & VIRTIO_CONFIG_S_NEEDS_RESET)
			return -EIO;
	}
}

int vq_read(struct vqueue *q, void *data, __u32 len)
{
	struct vsegment segment = { data, len };
	__u32 used;
	int ret;

	ret = vq_add(q, &segment, 0, 1);
	if (ret < 0)
		return ret;
	vq_submit(q);
	ret = vq_wait(q, &used);
	return ret < 0 ? ret : used;
}

/* For tests that break rings */

void vq_offer(struct vqueue *q, const struct vdesc *desc, unsigned int count)
{
	q->format->offer(q, desc, count);
	virtio_notify(q->v, q->index);
}

void vq_write_desc(struct vqueue *q, unsigned int index, struct vdesc desc)
{
	q->format->write_desc(q, index, desc);
}

void vq_write_table(struct vqueue *q, void *table, const struct vdesc *desc, unsigned int count)
{
	q->format->write_table(table, desc, count);
}
