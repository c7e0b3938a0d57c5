// SPDX-License-Identifier: GPL-2.0
/*
 * Registers of a virtio-mmio device, version 2: section "Virtio Over MMIO" of the virtio
 * specification
 *
 * Everything here is atomic. What takes time is left to vdev.c: the access is refused, and tried
 * again when that is done. So each write that leads there has nothing left to do the second time.
 */
#include <linux/nospec.h>
#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>

#include "core.h"

#define BAO_MMIO_MAGIC		0x74726976	/* "virt" */
#define BAO_MMIO_VERSION	2
#define BAO_MMIO_VENDOR		0x006f6142	/* "Bao" */

/* Bits of Status that the driver may set */
#define BAO_MMIO_STATUS_DRIVER	(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |	\
				 VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK |	\
				 VIRTIO_CONFIG_S_FAILED)

/* Of version 1.2 of the specification; <linux/virtio_mmio.h> does not have it yet */
#ifndef VIRTIO_MMIO_QUEUE_RESET
#define VIRTIO_MMIO_QUEUE_RESET	0x0c0
#endif

static struct bao_vq *bao_mmio_vq(struct bao_vdev *vdev, u32 index)
{
	if (index >= vdev->nr_queues)
		return NULL;

	return &vdev->core->vq[array_index_nospec(index, vdev->nr_queues)];
}

static u32 bao_mmio_feature_word(u64 features, u32 sel)
{
	return sel < 2 ? features >> (32 * array_index_nospec(sel, 2)) : 0;
}

static void bao_mmio_bad_access(struct bao_vdev *vdev)
{
	atomic_long_inc(&vdev->core->bad_accesses);
}

/* Reading */

static u64 bao_mmio_read_config(struct bao_vdev *vdev, u64 offset, u32 width)
{
	__le64 value = 0;

	if (width > sizeof(value) || offset > vdev->config_size ||
	    width > vdev->config_size - offset) {
		bao_mmio_bad_access(vdev);
		return 0;
	}
	memcpy(&value, vdev->config + offset, width);

	return le64_to_cpu(value);
}

static u32 bao_mmio_read_register(struct bao_vdev *vdev, u64 offset)
{
	struct bao_vdev_core *core = vdev->core;
	struct bao_vq *vq = bao_mmio_vq(vdev, core->queue_sel);

	switch (offset) {
	case VIRTIO_MMIO_MAGIC_VALUE:
		return BAO_MMIO_MAGIC;
	case VIRTIO_MMIO_VERSION:
		return BAO_MMIO_VERSION;
	case VIRTIO_MMIO_DEVICE_ID:
		return vdev->model->device_id;
	case VIRTIO_MMIO_VENDOR_ID:
		return BAO_MMIO_VENDOR;
	case VIRTIO_MMIO_DEVICE_FEATURES:
		return bao_mmio_feature_word(core->offered, core->features_sel);
	case VIRTIO_MMIO_QUEUE_NUM_MAX:
		return vq ? core->queue_size : 0;
	case VIRTIO_MMIO_QUEUE_READY:
		return vq && vq->ready;
	case VIRTIO_MMIO_QUEUE_RESET:
		return vq && vq->resetting;
	case VIRTIO_MMIO_INTERRUPT_STATUS:
		return atomic_read(&core->interrupts);
	case VIRTIO_MMIO_STATUS:
		return bao_vdev_status(core);
	case VIRTIO_MMIO_CONFIG_GENERATION:
		return core->generation;
	case VIRTIO_MMIO_SHM_LEN_LOW:
	case VIRTIO_MMIO_SHM_LEN_HIGH:
	case VIRTIO_MMIO_SHM_BASE_LOW:
	case VIRTIO_MMIO_SHM_BASE_HIGH:
		return U32_MAX;	/* no such region, whatever SHMSel says */
	default:
		bao_mmio_bad_access(vdev);
		return 0;
	}
}

/**
 * bao_mmio_read() - the driver reads
 * @vdev: device that is live
 * @offset: from the beginning of the window, in bytes
 * @width: of the access, in bytes
 * @value: out: what it gets
 *
 * Context: any, but NMI; on PREEMPT_RT, one that may sleep
 * Return: false if a slow operation is under way: to be tried again, see
 * &bao_vdev_host_ops.unblocked
 */
bool bao_mmio_read(struct bao_vdev *vdev, u64 offset, u32 width, u64 *value)
{
	unsigned long flags;
	bool ret;

	*value = 0;
	spin_lock_irqsave(&vdev->lock, flags);
	ret = !vdev->core->ops;
	if (unlikely(!ret))
		; /* later */
	else if (unlikely(vdev->core->empty))
		*value = bao_mmio_read_empty(offset, width);
	else if (offset >= VIRTIO_MMIO_CONFIG)
		*value = bao_mmio_read_config(vdev, offset - VIRTIO_MMIO_CONFIG, width);
	else if (width == sizeof(u32) && IS_ALIGNED(offset, sizeof(u32)))
		*value = bao_mmio_read_register(vdev, offset);
	else
		bao_mmio_bad_access(vdev);
	spin_unlock_irqrestore(&vdev->lock, flags);

	return ret;
}

/**
 * bao_mmio_read_empty() - the driver reads where there is no device
 * @offset: from the beginning of the window, in bytes
 * @width: of the access, in bytes
 *
 * Return: what it gets: DeviceID 0, as the specification has it for a placeholder
 */
u64 bao_mmio_read_empty(u64 offset, u32 width)
{
	if (width != sizeof(u32))
		return 0;

	switch (offset) {
	case VIRTIO_MMIO_MAGIC_VALUE:
		return BAO_MMIO_MAGIC;
	case VIRTIO_MMIO_VERSION:
		return BAO_MMIO_VERSION;
	default:
		return 0;
	}
}

/* Writing: false means that the access has to be tried again */

static bool bao_mmio_features_ok(struct bao_vdev *vdev)
{
	struct bao_vdev_core *core = vdev->core;

	if (core->acked & ~core->offered || core->acked_unknown ||
	    !(core->acked & BIT_ULL(VIRTIO_F_VERSION_1)))
		return false;

	return !vdev->model->features_ok || vdev->model->features_ok(vdev, core->acked);
}

static bool bao_mmio_write_status(struct bao_vdev *vdev, u32 value)
{
	struct bao_vdev_core *core = vdev->core;
	u32 status;

	if (!value)
		return bao_vdev_reset(vdev);

	/* No bit goes away but by a reset, and NEEDS_RESET is ours */
	status = core->status | (value & BAO_MMIO_STATUS_DRIVER);
	if (status & ~core->status & VIRTIO_CONFIG_S_FEATURES_OK) {
		if (bao_mmio_features_ok(vdev))
			core->features = core->acked;
		else
			status &= ~VIRTIO_CONFIG_S_FEATURES_OK;
	}
	if (!(status & VIRTIO_CONFIG_S_FEATURES_OK))
		status &= ~VIRTIO_CONFIG_S_DRIVER_OK;

	if (status & ~core->status & VIRTIO_CONFIG_S_DRIVER_OK) {
		core->status = status & ~VIRTIO_CONFIG_S_DRIVER_OK;
		bao_vdev_slow(vdev, BAO_VDEV_OP_START);
		return false;
	}
	core->status = status;

	return true;
}

static void bao_mmio_write_features(struct bao_vdev *vdev, u32 value)
{
	struct bao_vdev_core *core = vdev->core;
	unsigned int shift;

	if (!(core->status & VIRTIO_CONFIG_S_DRIVER) ||
	    core->status & VIRTIO_CONFIG_S_FEATURES_OK)
		return;

	/* There are none beyond the second word; who believes in one has to start anew */
	if (core->acked_sel > 1) {
		core->acked_unknown |= value;
		return;
	}

	shift = 32 * core->acked_sel;
	core->acked = (core->acked & ~((u64)U32_MAX << shift)) | (u64)value << shift;
}

static bool bao_mmio_write_ready(struct bao_vq *vq, u32 value)
{
	struct bao_vdev_core *core = vq->vdev->core;

	/* Other values are not defined */
	if (value > 1 || vq->ready == value)
		return true;

	if (value) {
		if (!(core->status & VIRTIO_CONFIG_S_FEATURES_OK) ||
		    core->status & VIRTIO_CONFIG_S_NEEDS_RESET || !bao_vring_setup(vq))
			return true;
		vq->ready = true;
		if (!core->started)
			return true;
	} else {
		vq->ready = false;
		if (!vq->running)
			return true;
	}
	bao_vdev_slow(vq->vdev, BAO_VDEV_OP_QUEUE);

	return false;
}

static bool bao_mmio_write_queue_reset(struct bao_vq *vq, u32 value)
{
	if (value != 1 || !bao_vdev_has_feature(vq->vdev, VIRTIO_F_RING_RESET))
		return true;

	vq->ready = false;
	if (!vq->running) {
		bao_vq_reset_registers(vq);
		return true;
	}
	vq->resetting = true;
	bao_vdev_slow(vq->vdev, BAO_VDEV_OP_QUEUE);

	return false;
}

static void bao_mmio_write_half(u64 *reg, bool high, u32 value)
{
	if (high)
		*reg = lower_32_bits(*reg) | (u64)value << 32;
	else
		*reg = (*reg & ~(u64)U32_MAX) | value;
}

/* Registers of the selected queue. What describes it stands still while it is ready. */
static bool bao_mmio_write_queue(struct bao_vdev *vdev, u64 offset, u32 value)
{
	struct bao_vq *vq = bao_mmio_vq(vdev, vdev->core->queue_sel);

	if (!vq)
		return true;
	if (offset == VIRTIO_MMIO_QUEUE_READY)
		return bao_mmio_write_ready(vq, value);
	if (offset == VIRTIO_MMIO_QUEUE_RESET)
		return bao_mmio_write_queue_reset(vq, value);
	if (vq->ready)
		return true;

	switch (offset) {
	case VIRTIO_MMIO_QUEUE_NUM:
		if (value && value <= vdev->core->queue_size)
			vq->num = value;
		break;
	case VIRTIO_MMIO_QUEUE_DESC_LOW:
	case VIRTIO_MMIO_QUEUE_DESC_HIGH:
		bao_mmio_write_half(&vq->desc, offset == VIRTIO_MMIO_QUEUE_DESC_HIGH, value);
		break;
	case VIRTIO_MMIO_QUEUE_AVAIL_LOW:
	case VIRTIO_MMIO_QUEUE_AVAIL_HIGH:
		bao_mmio_write_half(&vq->driver, offset == VIRTIO_MMIO_QUEUE_AVAIL_HIGH, value);
		break;
	case VIRTIO_MMIO_QUEUE_USED_LOW:
	case VIRTIO_MMIO_QUEUE_USED_HIGH:
		bao_mmio_write_half(&vq->device, offset == VIRTIO_MMIO_QUEUE_USED_HIGH, value);
		break;
	default:
		bao_mmio_bad_access(vdev);
		break;
	}

	return true;
}

static void bao_mmio_write_notify(struct bao_vdev *vdev, u32 value)
{
	struct bao_vq *vq = bao_mmio_vq(vdev, value);

	if (vq)
		bao_vq_kick(vq);
	else
		bao_mmio_bad_access(vdev);
}

static void bao_mmio_write_config(struct bao_vdev *vdev, u64 offset, u32 width, u64 value)
{
	__le64 bytes = cpu_to_le64(value);

	if (!vdev->model->config_write || width > sizeof(bytes) || offset > vdev->config_size ||
	    width > vdev->config_size - offset) {
		bao_mmio_bad_access(vdev);
		return;
	}
	/* The model may be disabled already */
	if (!vdev->core->refusing)
		vdev->model->config_write(vdev, offset, &bytes, width);
}

static bool bao_mmio_write_register(struct bao_vdev *vdev, u64 offset, u32 value)
{
	struct bao_vdev_core *core = vdev->core;

	switch (offset) {
	case VIRTIO_MMIO_QUEUE_NOTIFY:
		bao_mmio_write_notify(vdev, value);
		return true;
	case VIRTIO_MMIO_INTERRUPT_ACK:
		atomic_andnot(value, &core->interrupts);
		return true;
	case VIRTIO_MMIO_DEVICE_FEATURES_SEL:
		core->features_sel = value;
		return true;
	case VIRTIO_MMIO_DRIVER_FEATURES_SEL:
		core->acked_sel = value;
		return true;
	case VIRTIO_MMIO_DRIVER_FEATURES:
		bao_mmio_write_features(vdev, value);
		return true;
	case VIRTIO_MMIO_QUEUE_SEL:
		core->queue_sel = value;
		return true;
	case VIRTIO_MMIO_SHM_SEL:
		return true;
	case VIRTIO_MMIO_STATUS:
		return bao_mmio_write_status(vdev, value);
	default:
		return bao_mmio_write_queue(vdev, offset, value);
	}
}

/**
 * bao_mmio_write() - the driver writes
 * @vdev: device that is live
 * @offset: from the beginning of the window, in bytes
 * @width: of the access, in bytes
 * @value: what, zero-extended
 *
 * Context: any, but NMI; on PREEMPT_RT, one that may sleep
 * Return: false if a slow operation is under way, perhaps because of this write: to be tried again,
 * see &bao_vdev_host_ops.unblocked
 */
bool bao_mmio_write(struct bao_vdev *vdev, u64 offset, u32 width, u64 value)
{
	unsigned long flags;
	bool ret;

	spin_lock_irqsave(&vdev->lock, flags);
	ret = !vdev->core->ops;
	if (unlikely(!ret))
		; /* later */
	else if (unlikely(vdev->core->empty))
		; /* nobody is there */
	else if (offset >= VIRTIO_MMIO_CONFIG)
		bao_mmio_write_config(vdev, offset - VIRTIO_MMIO_CONFIG, width, value);
	else if (width == sizeof(u32) && IS_ALIGNED(offset, sizeof(u32)))
		ret = bao_mmio_write_register(vdev, offset, value);
	else
		bao_mmio_bad_access(vdev);
	spin_unlock_irqrestore(&vdev->lock, flags);

	return ret;
}
