// SPDX-License-Identifier: GPL-2.0
/*
 * Queues, as models see them, and what the formats of rings have in common
 *
 * A ring is memory that the driver may change at any time, also against all rules. So each field is
 * read once, and it is the copy that is checked and used. What is remembered of chains that are
 * with the model is kept outside of the window. A ring that makes no sense breaks the device.
 */
#include <linux/align.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/limits.h>
#include <linux/lockdep.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/printk.h>
#include <linux/string.h>
#include <uapi/linux/virtio_mmio.h>

#include "ring.h"

static void *bao_vring_ptr(const struct bao_vq *vq, u64 addr, size_t len)
{
	struct bao_vdev_host *host = vq->vdev->core->host;

	return host->ops->translate(host, addr, len);
}

static void *bao_vring_area(const struct bao_vq *vq, u64 addr, size_t len, unsigned int align)
{
	return IS_ALIGNED(addr, align) ? bao_vring_ptr(vq, addr, len) : NULL;
}

static bool bao_vring_areas(struct bao_vq *vq, bool packed)
{
	size_t driver = sizeof(struct vring_packed_desc_event), device = driver;
	unsigned int driver_align = __alignof__(__le32);

	/* The events at the ends belong to the areas, whether they have been negotiated or not */
	if (!packed) {
		driver = sizeof(struct vring_avail) + vq->num * sizeof(__le16) + sizeof(__le16);
		device = sizeof(struct vring_used) + vq->num * sizeof(struct vring_used_elem) +
			 sizeof(__le16);
		driver_align = VRING_AVAIL_ALIGN_SIZE;
	}

	vq->desc_area = bao_vring_area(vq, vq->desc, vq->num * sizeof(struct vring_desc),
				       VRING_DESC_ALIGN_SIZE);
	vq->driver_area = bao_vring_area(vq, vq->driver, driver, driver_align);
	vq->device_area = bao_vring_area(vq, vq->device, device, VRING_USED_ALIGN_SIZE);

	return vq->desc_area && vq->driver_area && vq->device_area;
}

/**
 * bao_vring_setup() - check what the driver has configured, and start a ring from its beginning
 * @vq: queue that is not running, with the registers set
 *
 * Context: &bao_vdev.lock is held; FEATURES_OK is set
 * Return: whether the queue can be ready: false if its size is not possible, or an area is not
 *	   aligned, or not inside the window
 */
bool bao_vring_setup(struct bao_vq *vq)
{
	struct bao_vdev *vdev = vq->vdev;
	u64 features = vdev->core->features;
	bool packed = features & BIT_ULL(VIRTIO_F_RING_PACKED);

	lockdep_assert_held(&vdev->lock);

	if (!vq->num || vq->num > vdev->core->queue_size)
		return false;
	if (!packed && !is_power_of_2(vq->num))
		return false;
	if (!bao_vring_areas(vq, packed))
		return false;

	vq->event_idx = features & BIT_ULL(VIRTIO_RING_F_EVENT_IDX);
	vq->indirect = features & BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC);
	vq->in_order = features & BIT_ULL(VIRTIO_F_IN_ORDER);
	vq->popped = 0;
	vq->pushed = 0;
	vq->poll = (struct bao_vq_poll_state) {};
	memset(vq->buffers, 0, vq->num * sizeof(*vq->buffers));
	vq->ops = packed ? &bao_vring_packed_ops : &bao_vring_split_ops;
	vq->ops->start(vq);

	return true;
}

/**
 * bao_vring_bad() - break the device, as its ring makes no sense
 * @vq: queue
 * @why: one line for the log
 *
 * Context: whoever the ring belongs to
 * Return: -EIO
 */
int bao_vring_bad(struct bao_vq *vq, const char *why)
{
	bao_vdev_break(vq->vdev, why);

	return -EIO;
}

/**
 * bao_vring_add_segment() - add what a descriptor describes to a chain
 * @vq: queue
 * @chain: chain so far
 * @addr: guest-physical address, from the driver
 * @len: length in bytes, from the driver. May be 0, as the specification does not forbid it: there
 *	 is no segment then.
 * @write: whether the device writes it
 *
 * A chain has as many segments as the queue could have entries at most. That may be more than the
 * driver has made it: Linux does not heed its own choice when it fills indirect tables.
 *
 * Context: whoever the ring belongs to
 * Return: 0; -EIO, and the device is broken
 */
int bao_vring_add_segment(struct bao_vq *vq, struct bao_vchain *chain, u64 addr, u32 len,
			  bool write)
{
	unsigned int nr = chain->out + chain->in;
	struct kvec *seg;

	if (!write && chain->in)
		return bao_vring_bad(vq, "readable descriptor after a writable one");
	if (!len)
		return 0;
	if (nr == vq->vdev->core->queue_size)
		return bao_vring_bad(vq, "chain has more segments than the queue has entries");
	if (len > U32_MAX - chain->out_len - chain->in_len)
		return bao_vring_bad(vq, "length of a chain overflows");

	seg = &chain->iov[nr];
	seg->iov_base = bao_vring_ptr(vq, addr, len);
	seg->iov_len = len;
	if (!seg->iov_base)
		return bao_vring_bad(vq, "buffer is not inside the window");

	if (write) {
		chain->in++;
		chain->in_len += len;
	} else {
		chain->out++;
		chain->out_len += len;
	}

	return 0;
}

/**
 * bao_vring_indirect() - check an indirect descriptor
 * @vq: queue
 * @addr: guest-physical address of the table, from the driver
 * @len: its length in bytes, from the driver
 * @flags: of the descriptor
 *
 * The specification asks for no alignment of the table. But no compiler places its 64-bit fields
 * where not all processors can read them.
 *
 * Context: whoever the ring belongs to
 * Return: the table, of @len / 16 descriptors; NULL, and the device is broken
 */
void *bao_vring_indirect(struct bao_vq *vq, u64 addr, u32 len, u16 flags)
{
	const char *why = NULL;
	void *table = NULL;

	if (!vq->indirect)
		why = "indirect descriptor, which was not negotiated";
	else if (flags & VRING_DESC_F_NEXT)
		why = "indirect descriptor with a next one";
	else if (!len)
		why = "indirect table is empty";
	else if (len % sizeof(struct vring_desc))
		why = "indirect table is not made of whole descriptors";
	else if (len / sizeof(struct vring_desc) > vq->vdev->core->queue_size)
		why = "indirect table has more entries than the queue";
	else if (!IS_ALIGNED(addr, sizeof(u64)))
		why = "indirect table is not aligned";
	else
		table = bao_vring_ptr(vq, addr, len);

	if (!table)
		bao_vring_bad(vq, why ?: "indirect table is not inside the window");

	return table;
}

/**
 * bao_vring_take() - a chain is with the model from now on
 * @vq: queue
 * @chain: chain, complete but for its id
 * @id: its id, less than &bao_vq.num, but else from the driver
 *
 * Context: whoever the ring belongs to
 * Return: 1; -EIO, and the device is broken
 */
int bao_vring_take(struct bao_vq *vq, struct bao_vchain *chain, u16 id)
{
	struct bao_vq_buffer *buffer = &vq->buffers[id];

	if (buffer->state != BAO_BUFFER_FREE)
		return bao_vring_bad(vq, "buffer is available, but the device has it already");

	buffer->state = BAO_BUFFER_BUSY;
	buffer->in_len = chain->in_len;
	chain->id = id;

	return 1;
}

/**
 * bao_vring_give_back() - undo bao_vring_take()
 * @vq: queue
 * @id: of the chain that was popped last
 *
 * Context: whoever the ring belongs to
 * Return: whether the model had it
 */
bool bao_vring_give_back(struct bao_vq *vq, u16 id)
{
	struct bao_vq_buffer *buffer = &vq->buffers[id];

	if (buffer->state != BAO_BUFFER_BUSY) {
		pr_err_ratelimited("bao-virtio: %s: unpop of a chain that has been pushed, or of none\n",
				   vq->vdev->model->name);
		return false;
	}
	buffer->state = BAO_BUFFER_FREE;

	return true;
}

/**
 * bao_vq_vdev() - the device of a queue
 * @vq: queue
 *
 * Context: any
 * Return: device
 */
struct bao_vdev *bao_vq_vdev(const struct bao_vq *vq)
{
	return vq->vdev;
}
EXPORT_SYMBOL_GPL(bao_vq_vdev);

/**
 * bao_vq_index() - number of a queue
 * @vq: queue
 *
 * Context: any
 * Return: the number, as the driver knows it
 */
unsigned int bao_vq_index(const struct bao_vq *vq)
{
	return vq->index;
}
EXPORT_SYMBOL_GPL(bao_vq_index);

/**
 * bao_vq_size() - size of a queue
 * @vq: queue
 *
 * Context: between vq_start() and vq_stop()
 * Return: entries, as the driver has chosen. Ids of chains are below, and no more chains than that
 *	   can be with the model.
 */
unsigned int bao_vq_size(const struct bao_vq *vq)
{
	return vq->num;
}
EXPORT_SYMBOL_GPL(bao_vq_size);

/**
 * bao_vq_priv() - what the model has attached to a queue
 * @vq: queue
 *
 * Context: any
 * Return: the pointer, NULL at first
 */
void *bao_vq_priv(const struct bao_vq *vq)
{
	return vq->priv;
}
EXPORT_SYMBOL_GPL(bao_vq_priv);

/**
 * bao_vq_set_priv() - attach something to a queue
 * @vq: queue
 * @priv: the model's
 *
 * Context: any
 */
void bao_vq_set_priv(struct bao_vq *vq, void *priv)
{
	vq->priv = priv;
}
EXPORT_SYMBOL_GPL(bao_vq_set_priv);

/**
 * bao_vq_pop() - take the next chain that the driver has made available
 * @vq: queue
 * @chain: is filled. It is the model's until bao_vq_push() or bao_vq_unpop(), or until the queue is
 *	   stopped.
 *
 * Context: the model's serve()
 * Return: 1; 0 if there is none; -EIO if the device is broken, and then there will be none before
 *	   a reset
 */
int bao_vq_pop(struct bao_vq *vq, struct bao_vchain *chain)
{
	int ret;

	if (bao_vq_broken(vq))
		return -EIO;

	*chain = (struct bao_vchain) { .iov = vq->iov };
	ret = vq->ops->pop(vq, chain);
	if (ret > 0)
		vq->popped++;

	return ret;
}
EXPORT_SYMBOL_GPL(bao_vq_pop);

/**
 * bao_vq_unpop() - give chains back, as they cannot be served yet
 * @vq: queue
 * @nr: how many: the last ones that were popped. None of them has been pushed. They will be popped
 *	again, in the same order.
 *
 * Context: the model's serve()
 */
void bao_vq_unpop(struct bao_vq *vq, unsigned int nr)
{
	if (!bao_vq_broken(vq))
		vq->ops->unpop(vq, nr);
}
EXPORT_SYMBOL_GPL(bao_vq_unpop);

/**
 * bao_vq_push() - a chain has been served
 * @vq: queue
 * @id: &bao_vchain.id
 * @len: bytes that have been written, from the beginning of the first segment that the device
 *	 writes. More than there is room for counts as all of it.
 *
 * Chains may be pushed in any order. The driver sees it after the next bao_vq_publish(), or when
 * serve() has returned. With VIRTIO_F_IN_ORDER it sees it only after all chains that were popped
 * before.
 *
 * Context: the model's serve(), and its vq_stop()
 */
void bao_vq_push(struct bao_vq *vq, u16 id, u32 len)
{
	struct bao_vq_buffer *buffer;

	if (bao_vq_broken(vq))
		return;
	if (id >= vq->num || vq->buffers[id].state != BAO_BUFFER_BUSY) {
		pr_err_ratelimited("bao-virtio: %s: push of a chain that has not been popped\n",
				   vq->vdev->model->name);
		return;
	}

	buffer = &vq->buffers[id];
	len = min(len, buffer->in_len);
	vq->pushed++;
	if (vq->in_order) {
		/* publish() finds out whose turn it is */
		buffer->state = BAO_BUFFER_DONE;
		buffer->len = len;
		return;
	}
	buffer->state = BAO_BUFFER_FREE;
	vq->ops->push(vq, id, len);
}
EXPORT_SYMBOL_GPL(bao_vq_push);

/**
 * bao_vq_publish() - let the driver see what has been pushed, and interrupt it if it wants that
 * @vq: queue
 *
 * Happens anyway when serve() returns. A model calls it if it goes on for long.
 *
 * Context: the model's serve(), and its vq_stop()
 */
void bao_vq_publish(struct bao_vq *vq)
{
	if (!bao_vq_broken(vq) && vq->ops->publish(vq))
		bao_vdev_interrupt(vq->vdev, VIRTIO_MMIO_INT_VRING);
}
EXPORT_SYMBOL_GPL(bao_vq_publish);

/**
 * bao_vq_budget() - has serve() done enough for now?
 * @vq: queue
 *
 * Context: the model's serve()
 * Return: whether it shall return BAO_VQ_MORE, so that others get the processor, or because the
 * queue is about to be stopped
 */
bool bao_vq_budget(struct bao_vq *vq)
{
	return vq->popped >= BAO_VQ_BUDGET || !READ_ONCE(vq->running);
}
EXPORT_SYMBOL_GPL(bao_vq_budget);
