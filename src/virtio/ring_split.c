// SPDX-License-Identifier: GPL-2.0
/*
 * Split rings
 *
 * The driver lists heads of chains in the available ring and moves its index; we list them, with
 * what has been written, in the used ring and move its index. Indices run freely, modulo 65536.
 * A chain counts from when it is seen in the available ring until the used index that the driver
 * sees is past it. There can only be as many as descriptors:
 *
 *	published <= used <= avail <= seen <= published + num
 */
#include <linux/errno.h>
#include <linux/nospec.h>
#include <asm/barrier.h>

#include "ring.h"

/* What a descriptor said when it was read */
struct bao_split_desc {
	u64 addr;
	u32 len;
	u16 flags;
	u16 next;
};

static u16 bao_split_read16(const __virtio16 *field)
{
	return __virtio16_to_cpu(true, READ_ONCE(*field));
}

static void bao_split_write16(__virtio16 *field, u16 value)
{
	WRITE_ONCE(*field, __cpu_to_virtio16(true, value));
}

static void bao_split_read_desc(const struct vring_desc *from, struct bao_split_desc *to)
{
	to->addr = __virtio64_to_cpu(true, READ_ONCE(from->addr));
	to->len = __virtio32_to_cpu(true, READ_ONCE(from->len));
	to->flags = bao_split_read16(&from->flags);
	to->next = bao_split_read16(&from->next);
}

static unsigned int bao_split_slot(const struct bao_vq *vq, u16 index)
{
	return index & (vq->num - 1);
}

static __virtio16 *bao_split_used_event(const struct bao_vq *vq)
{
	struct vring_avail *avail = vq->driver_area;

	return &avail->ring[vq->num];
}

static __virtio16 *bao_split_avail_event(const struct bao_vq *vq)
{
	struct vring_used *used = vq->device_area;

	return (__virtio16 *)&used->ring[vq->num];
}

static void bao_split_start(struct bao_vq *vq)
{
	vq->split = (struct bao_vring_split) {};
}

/* Is there more in the available ring than has been seen? Returns 1, 0, or -EIO */
static int bao_split_look(struct bao_vq *vq)
{
	struct bao_vring_split *split = &vq->split;
	struct vring_avail *avail = vq->driver_area;
	u16 with_us = split->avail - split->published;
	u16 seen;

	/*
	 * Pairs with the driver's barrier before it moves the index: what we read after this, it
	 * has written before.
	 */
	seen = __virtio16_to_cpu(true, virt_load_acquire(&avail->idx));
	if (seen == split->avail)
		return 0;
	/* Too far, or backwards */
	if ((u16)(seen - split->avail) > vq->num - with_us)
		return bao_vring_bad(vq, "available index jumps");
	split->seen = seen;

	return 1;
}

/*
 * Follow descriptors of a table from one to the last of the chain. Returns 0; 1 if the last one is
 * in @desc and is an indirect one; or -EIO.
 */
static int bao_split_walk(struct bao_vq *vq, struct bao_vchain *chain,
			  const struct vring_desc *table, unsigned int nr, unsigned int next,
			  struct bao_split_desc *desc)
{
	unsigned int i;
	int ret;

	for (i = 0; i < nr; i++) {
		bao_split_read_desc(&table[next], desc);
		if (desc->flags & VRING_DESC_F_INDIRECT)
			return 1;
		ret = bao_vring_add_segment(vq, chain, desc->addr, desc->len,
					    desc->flags & VRING_DESC_F_WRITE);
		if (ret)
			return ret;
		if (!(desc->flags & VRING_DESC_F_NEXT))
			return 0;
		if (desc->next >= nr)
			return bao_vring_bad(vq, "next descriptor is not in the table");
		next = array_index_nospec(desc->next, nr);
	}

	return bao_vring_bad(vq, "chain of descriptors is a loop");
}

static int bao_split_chain(struct bao_vq *vq, struct bao_vchain *chain, u16 head)
{
	const struct vring_desc *table;
	struct bao_split_desc desc;
	int ret;

	ret = bao_split_walk(vq, chain, vq->desc_area, vq->num, head, &desc);
	if (ret <= 0)
		return ret;

	/* An indirect table is the last descriptor, and need not be the first */
	table = bao_vring_indirect(vq, desc.addr, desc.len, desc.flags);
	if (!table)
		return -EIO;
	ret = bao_split_walk(vq, chain, table, desc.len / sizeof(*table), 0, &desc);
	if (ret > 0)
		return bao_vring_bad(vq, "indirect descriptor in an indirect table");

	return ret;
}

static int bao_split_pop(struct bao_vq *vq, struct bao_vchain *chain)
{
	struct bao_vring_split *split = &vq->split;
	const struct vring_avail *avail = vq->driver_area;
	unsigned int slot = bao_split_slot(vq, split->avail);
	u16 head;
	int ret;

	if (split->avail == split->seen) {
		ret = bao_split_look(vq);
		if (ret <= 0)
			return ret;
	}

	head = bao_split_read16(&avail->ring[slot]);
	if (head >= vq->num)
		return bao_vring_bad(vq, "head of a chain is not in the table");
	head = array_index_nospec(head, vq->num);
	ret = bao_split_chain(vq, chain, head);
	if (ret)
		return ret;
	ret = bao_vring_take(vq, chain, head);
	if (ret < 0)
		return ret;

	vq->buffers[slot].id_at = head;
	split->avail++;

	return 1;
}

static void bao_split_unpop(struct bao_vq *vq, unsigned int nr)
{
	struct bao_vring_split *split = &vq->split;

	for (; nr; nr--) {
		unsigned int slot = bao_split_slot(vq, split->avail - 1);

		if (!bao_vring_give_back(vq, vq->buffers[slot].id_at))
			return;
		split->avail--;
	}
}

static void bao_split_write_used(struct bao_vq *vq, u16 index, u16 id, u32 len)
{
	struct vring_used *used = vq->device_area;
	struct vring_used_elem *elem = &used->ring[bao_split_slot(vq, index)];

	WRITE_ONCE(elem->id, __cpu_to_virtio32(true, id));
	WRITE_ONCE(elem->len, __cpu_to_virtio32(true, len));
}

static void bao_split_push(struct bao_vq *vq, u16 id, u32 len)
{
	bao_split_write_used(vq, vq->split.used++, id, len);
}

/*
 * Push those whose turn it is. An entry, at the place of the first one, stands for several: it has
 * the id of the last one, and the driver takes the others for filled completely. So each that is
 * not is the last of its entry.
 */
static void bao_split_push_in_order(struct bao_vq *vq)
{
	struct bao_vring_split *split = &vq->split;
	u16 first = split->used;

	while (split->used != split->avail) {
		u16 id = vq->buffers[bao_split_slot(vq, split->used)].id_at;
		struct bao_vq_buffer *buffer = &vq->buffers[id];

		if (buffer->state != BAO_BUFFER_DONE)
			return;
		buffer->state = BAO_BUFFER_FREE;
		bao_split_write_used(vq, first, id, buffer->len);
		split->used++;
		if (buffer->len < buffer->in_len)
			first = split->used;
	}
}

static bool bao_split_publish(struct bao_vq *vq)
{
	struct bao_vring_split *split = &vq->split;
	const struct vring_avail *avail = vq->driver_area;
	struct vring_used *used = vq->device_area;
	u16 published = split->published;

	if (vq->in_order)
		bao_split_push_in_order(vq);
	if (split->used == published)
		return false;

	/*
	 * Pairs with the driver's barrier after it has read the index: the entries, and the
	 * contents of the buffers, are complete, and we do not read those any more either.
	 */
	virt_store_release(&used->idx, __cpu_to_virtio16(true, split->used));
	split->published = split->used;

	/*
	 * Either we see below that the driver wants an interrupt, or the driver, which has a
	 * barrier between asking for it and looking at the index again, sees the index.
	 */
	virt_mb();

	if (vq->event_idx)
		return vring_need_event(bao_split_read16(bao_split_used_event(vq)),
					split->used, published);

	return !(bao_split_read16(&avail->flags) & VRING_AVAIL_F_NO_INTERRUPT);
}

static void bao_split_disable_kick(struct bao_vq *vq)
{
	struct vring_used *used = vq->device_area;

	if (bao_vq_broken(vq))
		return;

	/*
	 * With events there is no flag, but the driver does not kick for an entry that it has added
	 * before. The next one may be what enable_kick() has asked for, in vain: while the backing
	 * works, say.
	 */
	if (vq->event_idx)
		bao_split_write16(bao_split_avail_event(vq), vq->split.avail - 1);
	else
		bao_split_write16(&used->flags, VRING_USED_F_NO_NOTIFY);
}

static bool bao_split_has_avail(const struct bao_vq *vq)
{
	const struct vring_avail *avail = vq->driver_area;

	return bao_split_read16(&avail->idx) != vq->split.avail;
}

static bool bao_split_enable_kick(struct bao_vq *vq)
{
	struct vring_used *used = vq->device_area;

	if (bao_vq_broken(vq))
		return false;

	if (vq->event_idx)
		bao_split_write16(bao_split_avail_event(vq), vq->split.avail);
	else
		bao_split_write16(&used->flags, 0);

	/*
	 * The driver moves its index, then a barrier, then it looks whether it has to kick. Either
	 * it sees what we have written, or we see its index.
	 */
	virt_mb();

	return bao_split_has_avail(vq);
}

const struct bao_vring_ops bao_vring_split_ops = {
	.start = bao_split_start,
	.pop = bao_split_pop,
	.unpop = bao_split_unpop,
	.push = bao_split_push,
	.publish = bao_split_publish,
	.disable_kick = bao_split_disable_kick,
	.enable_kick = bao_split_enable_kick,
	.has_avail = bao_split_has_avail,
};
