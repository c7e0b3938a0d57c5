// SPDX-License-Identifier: GPL-2.0
/* Split rings, the driver's side */
#include "virtio_driver.h"

static __le16 *used_event(struct vqueue *q)
{
	return (__le16 *)&q->avail_ring->ring[q->size];
}

static __le16 *avail_event(struct vqueue *q)
{
	return (__le16 *)&q->used_ring->ring[q->size];
}

static size_t split_driver_size(unsigned int size)
{
	return sizeof(struct vring_avail) + (size + 1) * sizeof(__u16);
}

static size_t split_device_size(unsigned int size)
{
	return sizeof(struct vring_used) + size * sizeof(struct vring_used_elem) + sizeof(__u16);
}

static void split_start(struct vqueue *q)
{
	unsigned int i;

	q->avail = 0;
	q->used = 0;
	q->first_free = 0;
	for (i = 0; i < q->size; i++)
		q->next[i] = (i + 1) % q->size;
}

static void split_write_desc(struct vqueue *q, unsigned int index, struct vdesc desc)
{
	q->split_desc[index] = (struct vring_desc) {
		.addr = htole64(desc.addr),
		.len = htole32(desc.len),
		.flags = htole16(desc.flags),
		.next = htole16(desc.next),
	};
}

static void split_write_table(void *table, const struct vdesc *desc, unsigned int count)
{
	struct vring_desc *entry = table;
	unsigned int i;

	for (i = 0; i < count; i++) {
		entry[i] = (struct vring_desc) {
			.addr = htole64(desc[i].addr),
			.len = htole32(desc[i].len),
			.flags = htole16(desc[i].flags),
			.next = htole16(desc[i].next),
		};
	}
}

static void split_add(struct vqueue *q, const struct vdesc *desc, unsigned int count)
{
	unsigned int i, at = q->first_free;
	struct vdesc entry;

	PUT16(q->avail_ring->ring[q->avail % q->size], at);
	q->avail++;
	for (i = 0; i < count; i++) {
		entry = desc[i];
		/* It is said to be 0 in the last one of a chain, but nobody should look */
		entry.next = q->next[at];
		split_write_desc(q, at, entry);
		at = q->next[at];
	}
	q->first_free = at;
}

static void split_put(struct vqueue *q, unsigned int id)
{
	unsigned int i, last = id;

	/* In order, they are taken and come back in the order of the table */
	if (q->in_order)
		return;
	for (i = 1; i < q->buffers[id].descs; i++)
		last = q->next[last];
	q->next[last] = q->first_free;
	q->first_free = id;
}

static void split_publish(struct vqueue *q)
{
	RELEASE16(q->avail_ring->idx, q->avail);
}

static bool split_wants_kick(struct vqueue *q)
{
	if (!q->event_idx)
		return !(GET16(q->used_ring->flags) & VRING_USED_F_NO_NOTIFY);
	return passes(GET16(*avail_event(q)), q->avail, q->avail - q->added);
}

static bool split_awaits_kick(struct vqueue *q)
{
	if (!q->event_idx)
		return !(GET16(q->used_ring->flags) & VRING_USED_F_NO_NOTIFY);
	return GET16(*avail_event(q)) == q->avail;
}

static bool split_peek(struct vqueue *q, __u32 *id, __u32 *len)
{
	struct vring_used_elem *entry = &q->used_ring->ring[q->used % q->size];

	if (ACQUIRE16(q->used_ring->idx) == q->used)
		return false;
	*id = GET32(entry->id);
	*len = GET32(entry->len);
	return true;
}

static void split_skip(struct vqueue *q, unsigned int descs)
{
	q->used++;
}

static void split_want_interrupt(struct vqueue *q, unsigned int entries)
{
	if (q->event_idx)
		PUT16(*used_event(q), q->used + entries - 1);
	else
		PUT16(q->avail_ring->flags, entries ? 0 : VRING_AVAIL_F_NO_INTERRUPT);
}

static void split_offer(struct vqueue *q, const struct vdesc *desc, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		split_write_desc(q, i, desc[i]);
	PUT16(q->avail_ring->ring[q->avail % q->size], 0);
	q->avail++;
	split_publish(q);
}

const struct vq_format vq_split = {
	.driver_size = split_driver_size,
	.device_size = split_device_size,
	.start = split_start,
	.add = split_add,
	.put = split_put,
	.publish = split_publish,
	.wants_kick = split_wants_kick,
	.awaits_kick = split_awaits_kick,
	.peek = split_peek,
	.skip = split_skip,
	.want_interrupt = split_want_interrupt,
	.write_desc = split_write_desc,
	.write_table = split_write_table,
	.offer = split_offer,
};
