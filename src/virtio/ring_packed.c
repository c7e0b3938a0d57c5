// SPDX-License-Identifier: GPL-2.0
/*
 * Packed rings
 *
 * Chains are consecutive descriptors, which the driver makes available and we overwrite with used
 * ones, one for each chain. Both go round the ring, and flip their wrap counter each time: the two
 * flags of a descriptor tell by it whose turn it is. For a chain of n descriptors, we write one and
 * skip n - 1. As chains are used in another order than they came, the used descriptors are not
 * where the chains were, but all of them are behind @avail:
 *
 *	published + pushed = used, used + (descriptors of busy chains) = avail, avail + free =
 *	published + num
 *
 * So what we write is never part of a chain that has not been popped.
 */
#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/nospec.h>
#include <asm/barrier.h>

#include "ring.h"

#define BAO_PACKED_AVAIL	BIT(VRING_PACKED_DESC_F_AVAIL)
#define BAO_PACKED_USED		BIT(VRING_PACKED_DESC_F_USED)

/* An event suppression structure is read and written as one number, so that its parts match */
#define BAO_PACKED_OFF		GENMASK(VRING_PACKED_EVENT_F_WRAP_CTR - 1, 0)
#define BAO_PACKED_EVENT_SHIFT	16
#define BAO_PACKED_EVENT_MASK	GENMASK(1, 0)

static bool bao_packed_is_avail(u16 flags, bool wrap)
{
	return !!(flags & BAO_PACKED_AVAIL) == wrap && !!(flags & BAO_PACKED_USED) != wrap;
}

static void bao_packed_forward(const struct bao_vq *vq, u16 *pos, bool *wrap, u16 nr)
{
	*pos += nr;
	if (*pos >= vq->num) {
		*pos -= vq->num;
		*wrap = !*wrap;
	}
}

static u16 bao_packed_before(const struct bao_vq *vq, u16 pos)
{
	return pos ? pos - 1 : vq->num - 1;
}

static void bao_packed_start(struct bao_vq *vq)
{
	vq->packed = (struct bao_vring_packed) {
		.avail_wrap = true,
		.used_wrap = true,
		.free = vq->num,
	};
}

/* Only the writable flag means something in a table, and all of its descriptors belong to it */
static int bao_packed_walk_table(struct bao_vq *vq, struct bao_vchain *chain, u64 addr, u32 len,
				 u16 flags)
{
	const struct vring_packed_desc *desc = bao_vring_indirect(vq, addr, len, flags);
	unsigned int nr = len / sizeof(*desc);
	int ret;

	if (!desc)
		return -EIO;

	for (; nr; nr--, desc++) {
		ret = bao_vring_add_segment(vq, chain, le64_to_cpu(READ_ONCE(desc->addr)),
					    le32_to_cpu(READ_ONCE(desc->len)),
					    le16_to_cpu(READ_ONCE(desc->flags)) &
					    VRING_DESC_F_WRITE);
		if (ret)
			return ret;
	}

	return 0;
}

/* Returns the number of descriptors, with the id of the last one in @id; or -EIO */
static int bao_packed_walk(struct bao_vq *vq, struct bao_vchain *chain, u16 flags, u16 *id)
{
	const struct vring_packed_desc *ring = vq->desc_area, *desc;
	u16 pos = vq->packed.avail;
	bool wrap = vq->packed.avail_wrap;
	u16 nr;
	u64 addr;
	u32 len;
	int ret;

	for (nr = 1; nr <= vq->packed.free; nr++) {
		desc = &ring[pos];
		addr = le64_to_cpu(READ_ONCE(desc->addr));
		len = le32_to_cpu(READ_ONCE(desc->len));
		if (!(flags & VRING_DESC_F_INDIRECT))
			ret = bao_vring_add_segment(vq, chain, addr, len,
						    flags & VRING_DESC_F_WRITE);
		else if (nr == 1)
			ret = bao_packed_walk_table(vq, chain, addr, len, flags);
		else
			ret = bao_vring_bad(vq, "indirect descriptor in a chain of descriptors");
		if (ret)
			return ret;

		if (!(flags & VRING_DESC_F_NEXT)) {
			*id = le16_to_cpu(READ_ONCE(desc->id));
			return nr;
		}
		bao_packed_forward(vq, &pos, &wrap, 1);
		flags = le16_to_cpu(READ_ONCE(ring[pos].flags));
		if (!bao_packed_is_avail(flags, wrap))
			return bao_vring_bad(vq, "next descriptor is not available");
	}

	return bao_vring_bad(vq, "more descriptors are available than the ring has");
}

static int bao_packed_pop(struct bao_vq *vq, struct bao_vchain *chain)
{
	struct bao_vring_packed *packed = &vq->packed;
	const struct vring_packed_desc *ring = vq->desc_area;
	u16 first = packed->avail;
	u16 flags, id;
	int nr, ret;

	/*
	 * Pairs with the driver's barrier before it makes the first descriptor of a chain
	 * available: what we read after this, it has written before.
	 */
	flags = le16_to_cpu(virt_load_acquire(&ring[first].flags));
	if (!bao_packed_is_avail(flags, packed->avail_wrap))
		return 0;

	nr = bao_packed_walk(vq, chain, flags, &id);
	if (nr < 0)
		return nr;
	if (id >= vq->num)
		return bao_vring_bad(vq, "buffer id is not below the size of the ring");
	id = array_index_nospec(id, vq->num);
	ret = bao_vring_take(vq, chain, id);
	if (ret < 0)
		return ret;

	packed->free -= nr;
	bao_packed_forward(vq, &packed->avail, &packed->avail_wrap, nr);
	vq->buffers[id].descs = nr;
	vq->buffers[first].id_at = id;
	vq->buffers[bao_packed_before(vq, packed->avail)].id_at = id;

	return 1;
}

static void bao_packed_unpop(struct bao_vq *vq, unsigned int nr)
{
	struct bao_vring_packed *packed = &vq->packed;

	for (; nr; nr--) {
		u16 id = vq->buffers[bao_packed_before(vq, packed->avail)].id_at;
		u16 descs = vq->buffers[id].descs;

		if (!bao_vring_give_back(vq, id))
			return;
		if (packed->avail < descs) {
			packed->avail += vq->num;
			packed->avail_wrap = !packed->avail_wrap;
		}
		packed->avail -= descs;
		packed->free += descs;
	}
}

static void bao_packed_write_used(struct bao_vq *vq, u16 pos, bool wrap, u16 id, u32 len)
{
	struct vring_packed_desc *ring = vq->desc_area;
	u16 flags = wrap ? BAO_PACKED_AVAIL | BAO_PACKED_USED : 0;

	if (len)
		flags |= VRING_DESC_F_WRITE;
	WRITE_ONCE(ring[pos].id, cpu_to_le16(id));
	WRITE_ONCE(ring[pos].len, cpu_to_le32(len));

	/* The driver looks at one after the other, so the first one hides those that follow */
	if (pos == vq->packed.published)
		vq->packed.flags = flags;
	else
		WRITE_ONCE(ring[pos].flags, cpu_to_le16(flags));
}

static void bao_packed_advance_used(struct bao_vq *vq, u16 descs)
{
	struct bao_vring_packed *packed = &vq->packed;

	bao_packed_forward(vq, &packed->used, &packed->used_wrap, descs);
	packed->pushed += descs;
}

static void bao_packed_push(struct bao_vq *vq, u16 id, u32 len)
{
	bao_packed_write_used(vq, vq->packed.used, vq->packed.used_wrap, id, len);
	bao_packed_advance_used(vq, vq->buffers[id].descs);
}

/* As in a split ring: a used descriptor stands for several chains, all but the last one filled */
static void bao_packed_push_in_order(struct bao_vq *vq)
{
	struct bao_vring_packed *packed = &vq->packed;
	u16 first = packed->used;
	bool wrap = packed->used_wrap;

	/* While a chain is popped and not in the ring again; the oldest one begins at @used */
	while (packed->free + packed->pushed < vq->num) {
		u16 id = vq->buffers[packed->used].id_at;
		struct bao_vq_buffer *buffer = &vq->buffers[id];

		if (buffer->state != BAO_BUFFER_DONE)
			return;
		buffer->state = BAO_BUFFER_FREE;
		bao_packed_write_used(vq, first, wrap, id, buffer->len);
		bao_packed_advance_used(vq, buffer->descs);
		if (buffer->len < buffer->in_len) {
			first = packed->used;
			wrap = packed->used_wrap;
		}
	}
}

/* Does the driver want an interrupt, after @pushed descriptors have become used? */
static bool bao_packed_need_interrupt(const struct bao_vq *vq, u16 pushed)
{
	u32 event = le32_to_cpu(READ_ONCE(*(__le32 *)vq->driver_area));
	u16 used = vq->packed.used;
	u16 off;

	switch (event >> BAO_PACKED_EVENT_SHIFT & BAO_PACKED_EVENT_MASK) {
	case VRING_PACKED_EVENT_FLAG_DISABLE:
		return false;
	case VRING_PACKED_EVENT_FLAG_DESC:
		if (!vq->event_idx)
			return true;
		/* Positions relative to the start of the current round; they may be before it */
		off = event & BAO_PACKED_OFF;
		if (!!(event & BIT(VRING_PACKED_EVENT_F_WRAP_CTR)) != vq->packed.used_wrap)
			off -= vq->num;
		return vring_need_event(off, used, used - pushed);
	default:
		return true;
	}
}

static bool bao_packed_publish(struct bao_vq *vq)
{
	struct bao_vring_packed *packed = &vq->packed;
	struct vring_packed_desc *ring = vq->desc_area;
	u16 pushed;

	if (vq->in_order)
		bao_packed_push_in_order(vq);
	pushed = packed->pushed;
	if (!pushed)
		return false;

	/*
	 * Pairs with the driver's barrier after it has read the flags: the other used descriptors,
	 * and the contents of the buffers, are complete, and we do not read those any more either.
	 */
	virt_store_release(&ring[packed->published].flags, cpu_to_le16(packed->flags));
	packed->published = packed->used;
	packed->pushed = 0;
	packed->free += pushed;

	/*
	 * Either we see below that the driver wants an interrupt, or the driver, which has a
	 * barrier between asking for it and looking at the flags again, sees the flags.
	 */
	virt_mb();

	return bao_packed_need_interrupt(vq, pushed);
}

static void bao_packed_write_event(const struct bao_vq *vq, u32 flags, u16 off_wrap)
{
	WRITE_ONCE(*(__le32 *)vq->device_area,
		   cpu_to_le32(flags << BAO_PACKED_EVENT_SHIFT | off_wrap));
}

static void bao_packed_disable_kick(struct bao_vq *vq)
{
	if (!bao_vq_broken(vq))
		bao_packed_write_event(vq, VRING_PACKED_EVENT_FLAG_DISABLE, 0);
}

static bool bao_packed_has_avail(const struct bao_vq *vq)
{
	const struct bao_vring_packed *packed = &vq->packed;
	const struct vring_packed_desc *ring = vq->desc_area;

	return bao_packed_is_avail(le16_to_cpu(READ_ONCE(ring[packed->avail].flags)),
				   packed->avail_wrap);
}

static bool bao_packed_enable_kick(struct bao_vq *vq)
{
	const struct bao_vring_packed *packed = &vq->packed;
	u16 off_wrap = packed->avail | packed->avail_wrap << VRING_PACKED_EVENT_F_WRAP_CTR;

	if (bao_vq_broken(vq))
		return false;

	if (vq->event_idx)
		bao_packed_write_event(vq, VRING_PACKED_EVENT_FLAG_DESC, off_wrap);
	else
		bao_packed_write_event(vq, VRING_PACKED_EVENT_FLAG_ENABLE, 0);

	/*
	 * The driver makes a descriptor available, then a barrier, then it looks whether it has to
	 * kick. Either it sees what we have written, or we see its descriptor.
	 */
	virt_mb();

	return bao_packed_has_avail(vq);
}

const struct bao_vring_ops bao_vring_packed_ops = {
	.start = bao_packed_start,
	.pop = bao_packed_pop,
	.unpop = bao_packed_unpop,
	.push = bao_packed_push,
	.publish = bao_packed_publish,
	.disable_kick = bao_packed_disable_kick,
	.enable_kick = bao_packed_enable_kick,
	.has_avail = bao_packed_has_avail,
};
