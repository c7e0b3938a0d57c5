/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A virtio driver in the hands of a test: the frontend's half of a device that bao_virtio.ko
 * serves. Registers are accesses of a vCPU of frontend.h, rings and buffers lie in the window of a
 * simulator that both sides share, and interrupts are what the hypervisor has counted.
 *
 * It can do all that the specification allows, and leaves the rings open to tests that do something
 * else. It does not poll: an interrupt that does not come is an error.
 *
 * Functions that return int return a negative errno on failure. A register access that nobody
 * answers ends the process, with a line that says so.
 */
#ifndef SELFTESTS_BAO_VIRTIO_DRIVER_H
#define SELFTESTS_BAO_VIRTIO_DRIVER_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_ring.h>

#include "backend.h"
#include "sim.h"

/* What older headers do not have */
#ifndef VIRTIO_F_NOTIFICATION_DATA
#define VIRTIO_F_NOTIFICATION_DATA	38
#endif
#ifndef VIRTIO_F_RING_RESET
#define VIRTIO_F_RING_RESET		40
#endif
#ifndef VIRTIO_MMIO_QUEUE_RESET
#define VIRTIO_MMIO_QUEUE_RESET		0x0c0
#endif

#define FEATURE(bit)		(1ull << (bit))

/* Status, as far as a driver brings it */
#define STATUS_DRIVER		(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER)
#define STATUS_FEATURES_OK	(STATUS_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK)
#define STATUS_DRIVER_OK	(STATUS_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK)

/* Of the driver: queues of a device, and entries of a queue */
#define MAX_QUEUES		8
#define MAX_SIZE		1024
/* Segments of a chain that vq_add() takes */
#define MAX_SEGMENTS		16

/* Where the tests' devices have their registers, beside those that frontend.h knows */
#define VIRTIO_ADDR		0x0a100000
#define VIRTIO_SIZE		0x200

/**
 * struct window - shared memory of a device of the hypervisor
 * @map: here
 * @addr: guest-physical
 * @size: in bytes
 * @used: given away by window_alloc()
 */
struct window {
	char *map;
	__u64 addr;
	size_t size;
	size_t used;
};

/**
 * struct vsegment - a part of a buffer
 * @data: in the window
 * @len: in bytes
 */
struct vsegment {
	void *data;
	__u32 len;
};

/**
 * struct vdesc - a descriptor of either format
 * @addr: guest-physical
 * @len: in bytes
 * @flags: VRING_DESC_F_*; of a packed one not those that say whose it is
 * @next: next descriptor; of a packed one the id of its buffer
 */
struct vdesc {
	__u64 addr;
	__u32 len;
	__u16 flags;
	__u16 next;
};

/**
 * struct vbuffer - what the driver remembers of a buffer, by its id
 * @busy: with the device
 * @descs: entries of the ring that it takes
 * @in_len: bytes that the device may write
 */
struct vbuffer {
	bool busy;
	__u16 descs;
	__u32 in_len;
};

/**
 * struct vqueue - a queue
 * @v: device
 * @index: of the queue
 * @size: number of entries
 * @format: split or packed
 * @desc: Descriptor Area, as it is, and by format
 * @driver: Driver Area
 * @device: Device Area
 * @tables: indirect ones, MAX_SEGMENTS entries for each id
 * @room: entries that there is room for in these
 * @event_idx: negotiated
 * @in_order: negotiated
 * @indirect: vq_add() makes indirect descriptors
 * @avail: split: index of the next available entry, free running. Packed: next descriptor to fill.
 * @avail_wrap: packed: its wrap counter
 * @used: the same of what the device has used, as far as vq_collect() has come
 * @used_wrap: its wrap counter
 * @free_descs: entries that are not in use
 * @first_free: split: the first of them; packed: an id that is free. So it is the next buffer's id.
 * @next: the next one after each of them
 * @added: entries since vq_kick()
 * @batch: packed: the descriptor that stays invisible until vq_publish(), MAX_SIZE if there is none
 * @batch_flags: its flags
 * @buffers: by id
 * @order: ids in the order in which they were made available, a ring
 * @order_head: the oldest one
 * @order_count: how many there are
 * @last_id: IN_ORDER: buffers are used as far as this one, -1 if the ring has to tell
 * @last_len: its length
 */
struct vqueue {
	struct virtio *v;
	unsigned int index;
	unsigned int size;
	const struct vq_format *format;

	union {
		void *desc;
		struct vring_desc *split_desc;
		struct vring_packed_desc *packed_desc;
	};
	union {
		void *driver;
		struct vring_avail *avail_ring;
		struct vring_packed_desc_event *driver_event;
	};
	union {
		void *device;
		struct vring_used *used_ring;
		struct vring_packed_desc_event *device_event;
	};
	void *tables;
	unsigned int room;

	bool event_idx;
	bool in_order;
	bool indirect;

	__u16 avail;
	bool avail_wrap;
	__u16 used;
	bool used_wrap;
	unsigned int free_descs;
	__u16 first_free;
	__u16 next[MAX_SIZE];
	__u16 added;
	unsigned int batch;
	__u16 batch_flags;

	struct vbuffer buffers[MAX_SIZE];
	__u16 order[MAX_SIZE];
	unsigned int order_head;
	unsigned int order_count;
	int last_id;
	__u32 last_len;
};

/**
 * struct virtio - a device, and its driver
 * @dm: index of the remote-I/O device
 * @vcpu: who accesses the registers
 * @addr: guest-physical address of the registers
 * @window: shared memory of @dm
 * @dir: its directory in configfs
 * @features: negotiated
 * @notifies: interrupts that virtio_wait() has reported
 * @queue: queues
 */
struct virtio {
	unsigned int dm;
	unsigned int vcpu;
	__u64 addr;
	struct window *window;
	char dir[128];
	__u64 features;
	__u32 notifies;
	struct vqueue queue[MAX_QUEUES];
};

/* Devices in configfs: virtio_configfs.c */

/* For FIXTURE_SETUP: needs the simulator, and device models of this name */
#define VIRTIO_OR_SKIP(model) do {						\
	SET_UP_OR_SKIP();							\
	SIM_OR_SKIP();							\
	if (!virtio_has_model(model))						\
		SKIP(_exit(0), "there is no bao_virtio_%s", model);		\
	ASSERT_EQ(0, virtio_clean());						\
} while (0)

#define VIRTIO_TEAR_DOWN() do {							\
	EXPECT_EQ(0, virtio_clean());						\
	TEAR_DOWN();								\
} while (0)

bool virtio_has_model(const char *model);
/* Removes all devices, also those that other tests have left behind */
int virtio_clean(void);

/*
 * A directory with its dm and addr, where no other device of this test has its registers. A dm that
 * frontend.h does not know needs window_map() first.
 */
int virtio_make(struct virtio *v, unsigned int dm, const char *model, const char *name);
int virtio_set(struct virtio *v, const char *attr, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* A number */
long long virtio_get(struct virtio *v, const char *attr);
/* As read_line() */
const char *virtio_get_text(struct virtio *v, const char *attr);
int virtio_set_live(struct virtio *v, bool live);
int virtio_remove(struct virtio *v);

/* Shared memory: virtio_driver.c */

/*
 * That of a device that frontend.h knows, and of one that the test has added to the same
 * hypervisor. It stays where it is; NULL if it cannot be mapped.
 */
struct window *window_of(unsigned int dm);
struct window *window_map(unsigned int dm, __u64 addr, size_t size);
/* Zeroed memory for the rest of the test; NULL if there is no more */
void *window_alloc(struct window *w, size_t size, size_t align);
__u64 window_addr(const struct window *w, const void *data);

/* Registers */

__u64 virtio_read_as(struct virtio *v, __u32 offset, __u32 width);
void virtio_write_as(struct virtio *v, __u32 offset, __u32 width, __u64 value);
__u32 virtio_read(struct virtio *v, __u32 offset);
void virtio_write(struct virtio *v, __u32 offset, __u32 value);
__u32 virtio_status(struct virtio *v);
/* A field of the configuration space, of 1, 2, 4 or 8 bytes */
__u64 virtio_config(struct virtio *v, __u32 offset, __u32 width);
__u64 virtio_offered(struct virtio *v);
void virtio_write_features(struct virtio *v, __u64 features);
/* The driver does not look whether it may */
void virtio_notify(struct virtio *v, unsigned int queue);

/* The way to a device that works; each step waits for the one before */

void virtio_reset(struct virtio *v);
/*
 * Reset, and on as far as FEATURES_OK. VERSION_1 need not be said. -EOPNOTSUPP: the device does not
 * offer that; -EPROTO: it does not take it.
 */
int virtio_negotiate(struct virtio *v, __u64 features);
/* -EINVAL: the device does not take the queue */
int vq_setup(struct virtio *v, unsigned int index, unsigned int size);
int virtio_driver_ok(struct virtio *v);
/* All of it, with the first queues */
int virtio_start(struct virtio *v, __u64 features, unsigned int queues, unsigned int size);

/* Interrupts */

/* Starts to count anew, and forgets interrupts of the past */
void virtio_reset_counters(struct virtio *v);
/* Whether there are interrupts that virtio_wait() has not reported */
bool virtio_interrupted(struct virtio *v);
/* Waits for an interrupt and does as a handler does. Returns what was in InterruptStatus. */
int virtio_wait(struct virtio *v);
/*
 * Waits for one that is because of the configuration. There may be others before it, of buffers
 * that have been found without waiting.
 */
int virtio_wait_config(struct virtio *v);

/* Queues: virtio_queue.c */

/* Memory and the driver's state; registers are not touched */
int vq_place(struct virtio *v, unsigned int index, unsigned int size);
/* Tells the device; returns what QueueReady says then */
__u32 vq_enable(struct vqueue *q);
void vq_write_areas(struct vqueue *q, __u64 desc, __u64 driver, __u64 device);
/* By the register QueueReset; the buffers are the driver's again. Then vq_setup(). */
int vq_reset(struct vqueue *q);

/*
 * Makes a chain available, invisible until vq_publish(): out segments that the device reads, and
 * in that it writes. Returns its id, or -ENOSPC.
 */
int vq_add(struct vqueue *q, const struct vsegment *segments, unsigned int out, unsigned int in);
void vq_publish(struct vqueue *q);
/* Notifies the device if it wants that; whether it did */
bool vq_kick(struct vqueue *q);
/* Both */
bool vq_submit(struct vqueue *q);
/* Whether the device rests until it is notified, when nothing is added yet */
bool vq_awaits_kick(struct vqueue *q);

/*
 * Takes the next buffer that was used. Returns its id; -EAGAIN if there is none; -EPROTO if the
 * ring makes no sense.
 */
int vq_collect(struct vqueue *q, __u32 *len);
/* Waits for one, by interrupts */
int vq_wait(struct vqueue *q, __u32 *len);
bool vq_has_used(struct vqueue *q);
/* Lets the device fill a buffer, and waits for it. Returns how much it has filled. */
int vq_read(struct vqueue *q, void *data, __u32 len);

/*
 * An interrupt is wanted when so many entries of the ring have been used, without EVENT_IDX from
 * the next one on. Returns false if one is there already, so that no interrupt need come.
 */
bool vq_want_interrupt(struct vqueue *q, unsigned int entries);
void vq_want_no_interrupt(struct vqueue *q);

/* For tests that break rings */

/*
 * Writes descriptors as they are, from where the driver is in a packed ring, else from the start of
 * the table, makes the first one available, and notifies the device. The driver forgets about them.
 */
void vq_offer(struct vqueue *q, const struct vdesc *desc, unsigned int count);
/* The same without availability, anywhere */
void vq_write_desc(struct vqueue *q, unsigned int index, struct vdesc desc);
/* Entries of an indirect table */
void vq_write_table(struct vqueue *q, void *table, const struct vdesc *desc, unsigned int count);

/* Formats of rings: virtio_split.c, virtio_packed.c */

/**
 * struct vq_format - a format
 * @driver_size: of the Driver Area of a queue
 * @device_size: of the Device Area
 * @start: the rings are empty
 * @add: a chain, whose id is @first_free of the queue; there is room
 * @put: entries of a buffer are free again
 * @publish: show the device what was added
 * @wants_kick: whether the device wants to be notified of it
 * @awaits_kick: whether it wants to be notified of what comes next
 * @peek: whether a buffer has been used, and which
 * @skip: over the entries of a buffer that has been used
 * @want_interrupt: after so many entries, 0 for none
 * @write_desc: any descriptor
 * @write_table: any indirect one
 * @offer: descriptors that were written are available
 */
struct vq_format {
	size_t (*driver_size)(unsigned int size);
	size_t (*device_size)(unsigned int size);
	void (*start)(struct vqueue *q);
	void (*add)(struct vqueue *q, const struct vdesc *desc, unsigned int count);
	void (*put)(struct vqueue *q, unsigned int id);
	void (*publish)(struct vqueue *q);
	bool (*wants_kick)(struct vqueue *q);
	bool (*awaits_kick)(struct vqueue *q);
	bool (*peek)(struct vqueue *q, __u32 *id, __u32 *len);
	void (*skip)(struct vqueue *q, unsigned int descs);
	void (*want_interrupt)(struct vqueue *q, unsigned int entries);
	void (*write_desc)(struct vqueue *q, unsigned int index, struct vdesc desc);
	void (*write_table)(void *table, const struct vdesc *desc, unsigned int count);
	void (*offer)(struct vqueue *q, const struct vdesc *desc, unsigned int count);
};

extern const struct vq_format vq_split;
extern const struct vq_format vq_packed;

/* Memory that the other side sees: little endian, and each access is one */
#define PUT16(place, value)	__atomic_store_n(&(place), htole16(value), __ATOMIC_RELAXED)
#define GET16(place)		le16toh(__atomic_load_n(&(place), __ATOMIC_RELAXED))
#define GET32(place)		le32toh(__atomic_load_n(&(place), __ATOMIC_RELAXED))
/* Everything before it is seen before it; it is seen before everything after it */
#define RELEASE16(place, value)	__atomic_store_n(&(place), htole16(value), __ATOMIC_RELEASE)
#define ACQUIRE16(place)	le16toh(__atomic_load_n(&(place), __ATOMIC_ACQUIRE))
/* Between what one side writes and what it then reads of the other */
#define FULL_BARRIER()		__atomic_thread_fence(__ATOMIC_SEQ_CST)

/* Whether going from old to new passes the event */
static inline bool passes(__u16 event, __u16 new, __u16 old)
{
	return (__u16)(new - event - 1) < (__u16)(new - old);
}

#endif
