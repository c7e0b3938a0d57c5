/* SPDX-License-Identifier: GPL-2.0 */
/*
 * KUnit tests of rings: a device without a model, on a hypervisor that only counts, and a driver on
 * the other side. What the driver does, it does as the specification says and not as ring_*.c do.
 */
#ifndef _BAO_VIRTIO_RING_KUNIT_H
#define _BAO_VIRTIO_RING_KUNIT_H

#include <kunit/test.h>

#include "ring.h"

/* The window, and what is where in it. It is above 4 GiB for the frontend. */
#define RING_BASE	0x150000000ULL
#define RING_DESC	0x0
#define RING_DRIVER	0x4000
#define RING_DEVICE	0x5000
#define RING_TABLES	0x8000
#define RING_DATA	0x10000
#define RING_WINDOW	0x20000

#define RING_MAX_NUM	256
#define RING_MAX_SEGS	8
#define RING_TABLE_SIZE	(RING_MAX_SEGS * sizeof(struct vring_desc))

/**
 * struct ring_config - a kind of ring
 * @name: of the test
 * @packed: with VIRTIO_F_RING_PACKED
 * @event_idx: with VIRTIO_RING_F_EVENT_IDX
 * @in_order: with VIRTIO_F_IN_ORDER
 * @num: size
 */
struct ring_config {
	const char *name;
	bool packed;
	bool event_idx;
	bool in_order;
	u16 num;
};

#define RING_NR_CONFIGS		10
#define RING_NR_SMALL_CONFIGS	8

/* Those of the second array have hardly any place */
extern const struct ring_config ring_configs[RING_NR_CONFIGS];
extern const struct ring_config ring_small_configs[RING_NR_SMALL_CONFIGS];

/**
 * struct ring_seg - a segment of a chain
 * @addr: guest-physical address
 * @len: bytes
 * @write: whether the device writes it
 */
struct ring_seg {
	u64 addr;
	u32 len;
	bool write;
};

/**
 * struct ring_chain - what the driver remembers of a chain that the device has
 * @added: it has it
 * @descs: descriptors of the ring
 * @in_len: bytes that the device may write
 */
struct ring_chain {
	bool added;
	u16 descs;
	u32 in_len;
};

/**
 * struct ring_list - numbers, first in, first out
 * @first: index of the first one, free running
 * @end: one behind the last one
 * @entry: numbers
 */
struct ring_list {
	unsigned int first;
	unsigned int end;
	u16 entry[RING_MAX_NUM];
};

/**
 * struct ring_driver - the driver's state
 * @free: descriptors (split) or ids (packed) that are free. In this order they become free again
 *	  if the device goes in order, so that the driver does too.
 * @free_descs: descriptors that are free
 * @avail: index (split) or descriptor (packed) that it makes available next
 * @avail_wrap: wrap counter
 * @added: how many since it has last looked whether to kick
 * @used: index or descriptor that it expects to be used next
 * @used_wrap: wrap counter
 * @order: ids that have been made available and not been used, oldest first
 * @batch: in order: id at the end of the batch, or -1
 * @batch_len: bytes written in the last chain of the batch
 * @chain: by id
 */
struct ring_driver {
	struct ring_list free;
	unsigned int free_descs;
	u16 avail;
	bool avail_wrap;
	u16 added;
	u16 used;
	bool used_wrap;
	struct ring_list order;
	int batch;
	u32 batch_len;
	struct ring_chain chain[RING_MAX_NUM];
};

/**
 * struct ring_test - everything
 * @vdev: device
 * @model: its model, which has a name and nothing else
 * @host: its hypervisor
 * @core: the core's part
 * @vq: its only queue
 * @config: what kind it is
 * @window: memory
 * @driver: the driver
 * @everywhere: the window has no end; its memory has
 * @interrupts: interrupts that the driver has got
 * @interrupt: is called for each, in any context; optional
 */
struct ring_test {
	struct bao_vdev vdev;
	struct bao_vdev_model model;
	struct bao_vdev_host host;
	struct bao_vdev_core *core;
	struct bao_vq *vq;
	const struct ring_config *config;
	u8 *window;
	struct ring_driver driver;
	bool everywhere;
	unsigned int interrupts;
	void (*interrupt)(struct ring_test *t);
};

static inline struct vring_desc *ring_desc(struct ring_test *t)
{
	return (struct vring_desc *)(t->window + RING_DESC);
}

static inline struct vring_packed_desc *ring_packed_desc(struct ring_test *t)
{
	return (struct vring_packed_desc *)(t->window + RING_DESC);
}

static inline struct vring_avail *ring_avail(struct ring_test *t)
{
	return (struct vring_avail *)(t->window + RING_DRIVER);
}

static inline struct vring_used *ring_used(struct ring_test *t)
{
	return (struct vring_used *)(t->window + RING_DEVICE);
}

/* Of driver (RING_DRIVER) or device (RING_DEVICE) */
static inline struct vring_packed_desc_event *ring_event(struct ring_test *t, unsigned int area)
{
	return (struct vring_packed_desc_event *)(t->window + area);
}

static inline u64 ring_table_addr(u16 id)
{
	return RING_BASE + RING_TABLES + id * RING_TABLE_SIZE;
}

/* The indirect table of a chain, of either format */
static inline void *ring_table(struct ring_test *t, u16 id)
{
	return t->window + RING_TABLES + id * RING_TABLE_SIZE;
}

static inline __virtio16 ring_v16(u16 value)
{
	return __cpu_to_virtio16(true, value);
}

static inline __virtio32 ring_v32(u32 value)
{
	return __cpu_to_virtio32(true, value);
}

static inline __virtio64 ring_v64(u64 value)
{
	return __cpu_to_virtio64(true, value);
}

static inline u16 ring_cpu16(__virtio16 value)
{
	return __virtio16_to_cpu(true, value);
}

static inline u32 ring_cpu32(__virtio32 value)
{
	return __virtio32_to_cpu(true, value);
}

static inline void ring_list_add(struct ring_list *list, u16 value)
{
	list->entry[list->end++ % RING_MAX_NUM] = value;
}

static inline u16 ring_list_take(struct ring_list *list)
{
	return list->entry[list->first++ % RING_MAX_NUM];
}

void ring_config_name(const struct ring_config *config, char *name);
struct ring_test *ring_test_create(struct kunit *test, const struct ring_config *config,
				   u64 features);
void ring_test_reset(struct ring_test *t);
bool ring_test_setup(struct ring_test *t);
struct ring_test *ring_test_start(struct kunit *test, const struct ring_config *config);
int ring_test_add(struct ring_test *t, const struct ring_seg *segs, unsigned int nr,
		  bool indirect);
bool ring_test_must_kick(struct ring_test *t);
int ring_test_get(struct ring_test *t, u32 *len);
void ring_test_no_interrupts(struct ring_test *t);
bool ring_test_want_interrupt(struct ring_test *t, u16 delay);
unsigned int ring_test_interrupts(struct ring_test *t);
void ring_test_expect_segs(struct kunit *test, const struct bao_vchain *chain,
			   const struct ring_seg *segs, unsigned int nr);

#endif /* _BAO_VIRTIO_RING_KUNIT_H */
