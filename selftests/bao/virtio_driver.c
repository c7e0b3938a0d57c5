// SPDX-License-Identifier: GPL-2.0
/* The scripted virtio driver: shared memory, registers, interrupts */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "virtio_driver.h"

/* Shared memory */

static struct window windows[BAO_SIM_DEVICES];

struct window *window_map(unsigned int dm, __u64 addr, size_t size)
{
	struct window *w = &windows[dm];
	void *map;

	if (w->map)
		return w;
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, sim_fd(),
		   BAO_SIM_WINDOW_OFFSET(dm));
	if (map == MAP_FAILED)
		return NULL;
	*w = (struct window){ .map = map, .addr = addr, .size = size };
	return w;
}

struct window *window_of(unsigned int dm)
{
	return window_map(dm, frontend_shmem_addr(dm), frontend_shmem_size(dm));
}

void *window_alloc(struct window *w, size_t size, size_t align)
{
	size_t start = (w->used + align - 1) / align * align;

	if (start > w->size || size > w->size - start)
		return NULL;
	w->used = start + size;
	return memset(w->map + start, 0, size);
}

__u64 window_addr(const struct window *w, const void *data)
{
	return w->addr + ((const char *)data - w->map);
}

/* Registers */

/* Both conditions; 0 is always true */
static int sim_wait(struct virtio *v, __u32 done, __u32 notifies)
{
	struct bao_sim_wait wait = {
		.dm_id = v->dm,
		.vcpu = v->vcpu,
		.done = done,
		.notifies = notifies,
		.timeout_ms = TIME_LIMIT_MS,
	};

	return do_ioctl(sim_fd(), BAO_SIM_WAIT, &wait);
}

static __u64 finish(struct virtio *v, struct access access)
{
	frontend_start(v->dm, v->vcpu, access, 1);
	if (!sim_wait(v, 1, 0))
		return frontend_result(v->dm, v->vcpu);
	printf("# nobody answers the %s of %u bytes at %#llx\n",
	       access.op == BAO_IO_READ ? "read" : "write", access.width, access.addr);
	fflush(stdout);
	_exit(1);
}

__u64 virtio_read_as(struct virtio *v, __u32 offset, __u32 width)
{
	return finish(v, read_of(v->addr + offset, width));
}

void virtio_write_as(struct virtio *v, __u32 offset, __u32 width, __u64 value)
{
	finish(v, write_of(v->addr + offset, width, value));
}

__u32 virtio_read(struct virtio *v, __u32 offset)
{
	return virtio_read_as(v, offset, 4);
}

void virtio_write(struct virtio *v, __u32 offset, __u32 value)
{
	virtio_write_as(v, offset, 4, value);
}

__u32 virtio_status(struct virtio *v)
{
	return virtio_read(v, VIRTIO_MMIO_STATUS);
}

__u64 virtio_config(struct virtio *v, __u32 offset, __u32 width)
{
	__u32 before, after;
	__u64 value;

	offset += VIRTIO_MMIO_CONFIG;
	do {
		before = virtio_read(v, VIRTIO_MMIO_CONFIG_GENERATION);
		if (width == 8)
			value = virtio_read_as(v, offset, 4) |
				(__u64)virtio_read_as(v, offset + 4, 4) << 32;
		else
			value = virtio_read_as(v, offset, width);
		after = virtio_read(v, VIRTIO_MMIO_CONFIG_GENERATION);
	} while (before != after);
	return value;
}

__u64 virtio_offered(struct virtio *v)
{
	__u64 features;

	virtio_write(v, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
	features = virtio_read(v, VIRTIO_MMIO_DEVICE_FEATURES);
	virtio_write(v, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
	return features << 32 | virtio_read(v, VIRTIO_MMIO_DEVICE_FEATURES);
}

void virtio_write_features(struct virtio *v, __u64 features)
{
	virtio_write(v, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	virtio_write(v, VIRTIO_MMIO_DRIVER_FEATURES, features);
	virtio_write(v, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	virtio_write(v, VIRTIO_MMIO_DRIVER_FEATURES, features >> 32);
}

/* With NOTIFICATION_DATA, where the next entry of the available ring will be */
static __u32 notification_data(const struct vqueue *q)
{
	if (!q->format || !(q->v->features & FEATURE(VIRTIO_F_NOTIFICATION_DATA)))
		return 0;
	if (q->format == &vq_split)
		return q->avail << 16;
	return q->avail << 16 | (__u32)q->avail_wrap << 31;
}

void virtio_notify(struct virtio *v, unsigned int queue)
{
	__u32 data = queue < MAX_QUEUES ? notification_data(&v->queue[queue]) : 0;

	virtio_write(v, VIRTIO_MMIO_QUEUE_NOTIFY, queue | data);
}

/* The way to a device that works */

static __u32 notifies(struct virtio *v)
{
	struct counters c;

	frontend_counters(v->dm, &c);
	return c.notifies;
}

void virtio_reset(struct virtio *v)
{
	virtio_write(v, VIRTIO_MMIO_STATUS, 0);
	v->features = 0;
	/* There are no more to come of what was before */
	v->notifies = notifies(v);
}

int virtio_negotiate(struct virtio *v, __u64 features)
{
	features |= FEATURE(VIRTIO_F_VERSION_1);
	virtio_reset(v);
	virtio_write(v, VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	virtio_write(v, VIRTIO_MMIO_STATUS, STATUS_DRIVER);
	if (features & ~virtio_offered(v))
		return -EOPNOTSUPP;
	virtio_write_features(v, features);
	virtio_write(v, VIRTIO_MMIO_STATUS, STATUS_FEATURES_OK);
	if (virtio_status(v) != STATUS_FEATURES_OK)
		return -EPROTO;
	v->features = features;
	return 0;
}

int virtio_driver_ok(struct virtio *v)
{
	virtio_write(v, VIRTIO_MMIO_STATUS, STATUS_DRIVER_OK);
	return virtio_status(v) == STATUS_DRIVER_OK ? 0 : -EPROTO;
}

int virtio_start(struct virtio *v, __u64 features, unsigned int queues, unsigned int size)
{
	int ret = virtio_negotiate(v, features);
	unsigned int i;

	for (i = 0; !ret && i < queues; i++)
		ret = vq_setup(v, i, size);
	return ret ?: virtio_driver_ok(v);
}

/* Interrupts */

void virtio_reset_counters(struct virtio *v)
{
	frontend_reset_counters(v->dm);
	v->notifies = 0;
}

bool virtio_interrupted(struct virtio *v)
{
	return notifies(v) != v->notifies;
}

int virtio_wait(struct virtio *v)
{
	__u32 bits;
	int ret;

	ret = sim_wait(v, 0, v->notifies + 1);
	if (ret)
		return ret;
	/* One that comes after this is reported next time; its bit may have been read by then */
	v->notifies = notifies(v);
	bits = virtio_read(v, VIRTIO_MMIO_INTERRUPT_STATUS);
	if (bits)
		virtio_write(v, VIRTIO_MMIO_INTERRUPT_ACK, bits);
	return bits;
}

int virtio_wait_config(struct virtio *v)
{
	int bits;

	do {
		bits = virtio_wait(v);
	} while (bits >= 0 && !(bits & VIRTIO_MMIO_INT_CONFIG));
	return bits < 0 ? bits : 0;
}
