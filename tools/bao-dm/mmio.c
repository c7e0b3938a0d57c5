// SPDX-License-Identifier: GPL-2.0
/*
 * The registers of a virtio-mmio device, version 2. Called by the I/O thread only.
 */
#include <err.h>
#include <errno.h>
#include <string.h>

#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_mmio.h>

#include "dm.h"

#define MAGIC_VALUE	0x74726976	/* "virt" */
#define VENDOR_ID	0x006f6142	/* "Bao" */

/* Registers that are newer than the oldest headers this is built with */
#define REG_SHM_LEN_LOW		0x0b0
#define REG_SHM_BASE_HIGH	0x0bc

static uint64_t device_features(struct dm *dm)
{
	return 1ull << VIRTIO_F_VERSION_1 | 1ull << VIRTIO_F_ACCESS_PLATFORM |
	       dm->model->features(dm);
}

static uint64_t driver_features(struct dm *dm)
{
	return dm->state->driver_features[0] | (uint64_t)dm->state->driver_features[1] << 32;
}

static bool features_valid(struct dm *dm)
{
	uint64_t features = driver_features(dm);

	return !(features & ~device_features(dm)) && (features & 1ull << VIRTIO_F_VERSION_1);
}

/* From now on, the kernel turns QueueNotify into a signal of the queue's eventfd */
static void assign_kicks(struct dm *dm, bool assign)
{
	struct bao_ioeventfd args = {
		.flags = BAO_IOEVENTFD_FLAG_DATAMATCH,
		.addr = dm->state->window + VIRTIO_MMIO_QUEUE_NOTIFY,
		.len = 4,
	};
	unsigned int i;

	if (dm->kick_assigned == assign)
		return;
	if (!assign)
		args.flags |= BAO_IOEVENTFD_FLAG_DEASSIGN;
	for (i = 0; i < dm->model->nr_kicked; i++) {
		args.fd = dm->kickfds[i];
		args.data = i;
		if (ioctl(dm->fd, BAO_IOCTL_IOEVENTFD, &args))
			err(1, "IOEVENTFD");
	}
	dm->kick_assigned = assign;
}

static void start(struct dm *dm)
{
	assign_kicks(dm, true);
	dm->model->start(dm);
}

/*
 * The driver takes a completed reset for the end of all access to its memory, so the worker stops
 * first. Status is cleared last: a successor of a process that was killed halfway sees a device
 * that is yet to be reset, and the same write again.
 */
static void reset(struct dm *dm)
{
	struct dm_state *s = dm->state;

	assign_kicks(dm, false);
	dm->model->stop(dm);
	memset(s->queues, 0, sizeof(s->queues));
	s->queue_sel = 0;
	s->device_features_sel = 0;
	s->driver_features_sel = 0;
	s->driver_features[0] = 0;
	s->driver_features[1] = 0;
	__atomic_store_n(&s->interrupt_status, 0, __ATOMIC_SEQ_CST);
	__atomic_store_n(&s->status, 0, __ATOMIC_SEQ_CST);
}

static void write_status(struct dm *dm, uint32_t value)
{
	struct dm_state *s = dm->state;
	uint32_t old = __atomic_load_n(&s->status, __ATOMIC_SEQ_CST);

	if (!value) {
		reset(dm);
		return;
	}
	/* NEEDS_RESET is the device's bit; none of the others goes away but by a reset */
	value &= ~VIRTIO_CONFIG_S_NEEDS_RESET;
	if (!(old & VIRTIO_CONFIG_S_FEATURES_OK) && !features_valid(dm))
		value &= ~VIRTIO_CONFIG_S_FEATURES_OK;
	if (!((old | value) & VIRTIO_CONFIG_S_FEATURES_OK))
		value &= ~VIRTIO_CONFIG_S_DRIVER_OK;
	__atomic_or_fetch(&s->status, value, __ATOMIC_SEQ_CST);

	if ((value & VIRTIO_CONFIG_S_DRIVER_OK) && !dm->kick_assigned)
		start(dm);
}

static void write_queue_ready(struct dm *dm, uint32_t value)
{
	struct dm_state *s = dm->state;
	struct dm_queue *q = &s->queues[s->queue_sel];

	if (!value) {
		dm->model->stop(dm);
		q->ready = 0;
	} else if (value == 1 && queue_valid(dm, s->queue_sel)) {
		q->ready = 1;
		if (s->status & VIRTIO_CONFIG_S_DRIVER_OK)
			dm->model->start(dm);
	}
}

static void set_half(uint64_t *reg, bool high, uint32_t value)
{
	if (high)
		*reg = (*reg & 0xffffffff) | (uint64_t)value << 32;
	else
		*reg = (*reg & ~0xffffffffull) | value;
}

/* The registers of a queue do not change while it is ready */
static void write_queue(struct dm *dm, uint64_t offset, uint32_t value)
{
	struct dm_state *s = dm->state;
	struct dm_queue *q;

	if (s->queue_sel >= dm->model->nr_queues)
		return;
	if (offset == VIRTIO_MMIO_QUEUE_READY) {
		write_queue_ready(dm, value);
		return;
	}
	q = &s->queues[s->queue_sel];
	if (q->ready)
		return;

	switch (offset) {
	case VIRTIO_MMIO_QUEUE_NUM:
		q->num = value;
		break;
	case VIRTIO_MMIO_QUEUE_DESC_LOW:
	case VIRTIO_MMIO_QUEUE_DESC_HIGH:
		set_half(&q->desc, offset == VIRTIO_MMIO_QUEUE_DESC_HIGH, value);
		break;
	case VIRTIO_MMIO_QUEUE_AVAIL_LOW:
	case VIRTIO_MMIO_QUEUE_AVAIL_HIGH:
		set_half(&q->driver, offset == VIRTIO_MMIO_QUEUE_AVAIL_HIGH, value);
		break;
	case VIRTIO_MMIO_QUEUE_USED_LOW:
	case VIRTIO_MMIO_QUEUE_USED_HIGH:
		set_half(&q->device, offset == VIRTIO_MMIO_QUEUE_USED_HIGH, value);
		break;
	}
}

static uint64_t read_config(struct dm *dm, uint64_t offset, uint64_t width)
{
	uint8_t config[64] = { 0 };
	uint64_t value = 0;

	dm->model->config(dm, config, sizeof(config));
	if (width > sizeof(value) || offset > sizeof(config) - width)
		return 0;
	memcpy(&value, config + offset, width);	/* both are little endian */
	return value;
}

uint64_t mmio_read(struct dm *dm, uint64_t offset, uint64_t width)
{
	struct dm_state *s = dm->state;
	bool queue = s->queue_sel < dm->model->nr_queues;

	if (offset >= VIRTIO_MMIO_CONFIG)
		return read_config(dm, offset - VIRTIO_MMIO_CONFIG, width);
	if (width != 4 || offset % 4)
		return 0;

	switch (offset) {
	case VIRTIO_MMIO_MAGIC_VALUE:
		return MAGIC_VALUE;
	case VIRTIO_MMIO_VERSION:
		return 2;
	case VIRTIO_MMIO_DEVICE_ID:
		return dm->model->device_id;
	case VIRTIO_MMIO_VENDOR_ID:
		return VENDOR_ID;
	case VIRTIO_MMIO_DEVICE_FEATURES:
		if (s->device_features_sel > 1)
			return 0;
		return (uint32_t)(device_features(dm) >> 32 * s->device_features_sel);
	case VIRTIO_MMIO_QUEUE_NUM_MAX:
		return queue ? QUEUE_MAX : 0;
	case VIRTIO_MMIO_QUEUE_READY:
		return queue ? s->queues[s->queue_sel].ready : 0;
	case VIRTIO_MMIO_INTERRUPT_STATUS:
		return __atomic_load_n(&s->interrupt_status, __ATOMIC_SEQ_CST) |
		       dm->model->int_status;
	case VIRTIO_MMIO_STATUS:
		return __atomic_load_n(&s->status, __ATOMIC_SEQ_CST);
	case REG_SHM_LEN_LOW ... REG_SHM_BASE_HIGH:
		return 0xffffffff;	/* there is no such region */
	}
	return 0;	/* ConfigGeneration too: the configuration does not change */
}

void mmio_write(struct dm *dm, uint64_t offset, uint64_t width, uint64_t value)
{
	struct dm_state *s = dm->state;

	if (width != 4 || offset % 4 || offset >= VIRTIO_MMIO_CONFIG)
		return;

	switch (offset) {
	case VIRTIO_MMIO_DEVICE_FEATURES_SEL:
		s->device_features_sel = value;
		break;
	case VIRTIO_MMIO_DRIVER_FEATURES_SEL:
		s->driver_features_sel = value;
		break;
	case VIRTIO_MMIO_DRIVER_FEATURES:
		if (s->driver_features_sel < 2 && (s->status & VIRTIO_CONFIG_S_DRIVER) &&
		    !(s->status & VIRTIO_CONFIG_S_FEATURES_OK))
			s->driver_features[s->driver_features_sel] = value;
		break;
	case VIRTIO_MMIO_QUEUE_SEL:
		s->queue_sel = value;
		break;
	case VIRTIO_MMIO_QUEUE_NOTIFY:
		if (value < dm->model->nr_kicked)
			queue_kick(dm, value);
		break;
	case VIRTIO_MMIO_INTERRUPT_ACK:
		__atomic_and_fetch(&s->interrupt_status, ~(uint32_t)value, __ATOMIC_SEQ_CST);
		break;
	case VIRTIO_MMIO_STATUS:
		write_status(dm, value);
		break;
	default:
		write_queue(dm, offset, value);
		break;
	}
}

/* A predecessor was killed: go on with the queue if the driver believes that it is served */
void mmio_resume(struct dm *dm)
{
	if (!(dm->state->status & VIRTIO_CONFIG_S_DRIVER_OK))
		return;
	start(dm);
	if (dm->running)
		queue_interrupt(dm, VIRTIO_MMIO_INT_VRING);
}
