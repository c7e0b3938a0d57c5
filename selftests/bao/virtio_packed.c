// SPDX-License-Identifier: GPL-2.0
/* Packed rings, the driver's side */
#include "virtio_driver.h"

#define AVAIL	(1 << VRING_PACKED_DESC_F_AVAIL)
#define USED	(1 << VRING_PACKED_DESC_F_USED)

#define EVENT_WRAP	(1 << VRING_PACKED_EVENT_F_WRAP_CTR)
#define EVENT_FLAGS	3

static size_t packed_event_size(unsigned int size)
{
	return sizeof(struct vring_packed_desc_event);
}

static void packed_start(struct vqueue *q)
{
	unsigned int i;

	q->avail = 0;
	q->avail_wrap = true;
	q->used = 0;
	q->used_wrap = true;
	q->batch = MAX_SIZE;
	q->first_free = 0;
	for (i = 0; i < q->size; i++)
		q->next[i] = (i + 1) % q->size;
}

static void packed_write_desc(struct vqueue *q, unsigned int index, struct vdesc desc)
{
	struct vring_packed_desc *entry = &q->packed_desc[index];

	entry->addr = htole64(desc.addr);
	entry->len = htole32(desc.len);
	entry->id = htole16(desc.next);
	/* The device may look at these at any time */
	PUT16(entry->flags, desc.flags);
}

static void packed_write_table(void *table, const struct vdesc *desc, unsigned int count)
{
	struct vring_packed_desc *entry = table;
	unsigned int i;

	for (i = 0; i < count; i++) {
		entry[i] = (struct vring_packed_desc) {
			.addr = htole64(desc[i].addr),
			.len = htole32(desc[i].len),
			.id = htole16(desc[i].next),
			.flags = htole16(desc[i].flags),
		};
	}
}

static void packed_step(struct vqueue *q, __u16 *at, bool *wrap, unsigned int steps)
{
	*at += steps;
	if (*at >= q->size) {
		*at -= q->size;
		*wrap = !*wrap;
	}
}

/*
 * The device stops at the first descriptor that is not available: the one that the batch begins
 * with, until packed_publish(). So the others may be seen in any order.
 */
static void packed_append(struct vqueue *q, struct vdesc desc)
{
	desc.flags |= q->avail_wrap ? AVAIL : USED;
	if (q->batch == MAX_SIZE) {
		q->batch = q->avail;
		q->batch_flags = desc.flags;
		/* As they are: not available */
		desc.flags = GET16(q->packed_desc[q->avail].flags);
	}
	packed_write_desc(q, q->avail, desc);
	packed_step(q, &q->avail, &q->avail_wrap, 1);
}

static void packed_add(struct vqueue *q, const struct vdesc *desc, unsigned int count)
{
	unsigned int i, id = q->first_free;
	struct vdesc entry;

	q->first_free = q->next[id];
	for (i = 0; i < count; i++) {
		entry = desc[i];
		entry.next = id;
		packed_append(q, entry);
	}
}

static void packed_put(struct vqueue *q, unsigned int id)
{
	q->next[id] = q->first_free;
	q->first_free = id;
}

static void packed_publish(struct vqueue *q)
{
	if (q->batch == MAX_SIZE)
		return;
	RELEASE16(q->packed_desc[q->batch].flags, q->batch_flags);
	q->batch = MAX_SIZE;
}

static bool packed_wants_kick(struct vqueue *q)
{
	/* The device may be about to change both */
	__u32 both = GET32(*(__le32 *)q->device_event);
	__u16 event = both & 0xffff, flags = both >> 16 & EVENT_FLAGS;
	__u16 at = event & ~EVENT_WRAP;

	if (flags != VRING_PACKED_EVENT_FLAG_DESC)
		return flags != VRING_PACKED_EVENT_FLAG_DISABLE;
	/* Of the round before: as far behind as the ring is long */
	if (!!(event & EVENT_WRAP) != q->avail_wrap)
		at -= q->size;
	return passes(at, q->avail, q->avail - q->added);
}

static bool packed_awaits_kick(struct vqueue *q)
{
	__u32 both = GET32(*(__le32 *)q->device_event);
	__u16 event = both & 0xffff, flags = both >> 16 & EVENT_FLAGS;

	if (flags != VRING_PACKED_EVENT_FLAG_DESC)
		return flags != VRING_PACKED_EVENT_FLAG_DISABLE;
	return event == (q->avail | (q->avail_wrap ? EVENT_WRAP : 0));
}

static bool packed_peek(struct vqueue *q, __u32 *id, __u32 *len)
{
	struct vring_packed_desc *entry = &q->packed_desc[q->used];
	__u16 flags = ACQUIRE16(entry->flags);

	if (!!(flags & AVAIL) != q->used_wrap || !!(flags & USED) != q->used_wrap)
		return false;
	*id = GET16(entry->id);
	*len = GET32(entry->len);
	return true;
}

static void packed_skip(struct vqueue *q, unsigned int descs)
{
	packed_step(q, &q->used, &q->used_wrap, descs);
}

static void packed_want_interrupt(struct vqueue *q, unsigned int entries)
{
	struct vring_packed_desc_event *event = q->driver_event;
	__u16 at = q->used;
	bool wrap = q->used_wrap;

	if (!entries) {
		PUT16(event->flags, VRING_PACKED_EVENT_FLAG_DISABLE);
		return;
	}
	if (!q->event_idx) {
		PUT16(event->flags, VRING_PACKED_EVENT_FLAG_ENABLE);
		return;
	}
	packed_step(q, &at, &wrap, entries - 1);
	PUT16(event->off_wrap, at | (wrap ? EVENT_WRAP : 0));
	RELEASE16(event->flags, VRING_PACKED_EVENT_FLAG_DESC);
}

static void packed_offer(struct vqueue *q, const struct vdesc *desc, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		packed_append(q, desc[i]);
	packed_publish(q);
}

const struct vq_format vq_packed = {
	.driver_size = packed_event_size,
	.device_size = packed_event_size,
	.start = packed_start,
	.add = packed_add,
	.put = packed_put,
	.publish = packed_publish,
	.wants_kick = packed_wants_kick,
	.awaits_kick = packed_awaits_kick,
	.peek = packed_peek,
	.skip = packed_skip,
	.want_interrupt = packed_want_interrupt,
	.write_desc = packed_write_desc,
	.write_table = packed_write_table,
	.offer = packed_offer,
};
