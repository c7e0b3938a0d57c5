/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Inside of bao_virtio.ko. The way of one register access through the files:
 *
 *   remio.c	client of the transport: the window, and accesses that have to wait
 *   mmio.c	registers
 *   vdev.c	what takes time: start, reset, stopping a queue; workers of queues
 *   poll.c	workers that look at their rings for a while before they end
 *   ring.c	queues, as models see them; ring_split.c and ring_packed.c are the two formats
 *
 * And the way of a device: configfs.c has it as a directory, main.c lets it go live and takes it
 * down.
 *
 * Only remio.c knows the hypervisor; the others see struct bao_vdev_host.
 *
 * Locks, outermost first:
 *
 *   vdev->mutex	attributes; live or not
 *   core->mutex	slow operations: they are done one at a time
 *   host's lock	accesses that wait (remio.c)
 *   vdev->lock		registers, configuration space, and the set-up of queues while they are not
 *			running
 *
 * A ring belongs to the worker of its queue while that may run, and to slow operations while it is
 * stopped; so it needs no lock.
 */
#ifndef _BAO_VIRTIO_CORE_H
#define _BAO_VIRTIO_CORE_H

#include <linux/bao_virtio.h>
#include <linux/types.h>
#include <asm/byteorder.h>	/* <linux/virtio_ring.h> does not include it on all architectures */
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <linux/workqueue.h>

/* A round of a worker ends after so many chains */
#define BAO_VQ_BUDGET	128

/* ... or after so many looks at the ring that found something in an empty one */
#define BAO_VQ_LOOKS	8

/* Attribute poll_us at most: an access costs some microseconds, and no poll is to be endless */
#define BAO_VDEV_MAX_POLL_US	100000

/* Size of the window in all known configurations of Bao */
#define BAO_VDEV_DEFAULT_SIZE	0x200

/* Attributes that have not been set: no endpoint and no window can have these values */
#define BAO_VDEV_DM_UNSET	U32_MAX
#define BAO_VDEV_ADDR_UNSET	U64_MAX

/* Of a device's workqueue, with its number. Administrators see it in sysfs. */
#define BAO_VDEV_WQ_NAME	"bao-virtio-%d"

struct bao_vdev_host;

/**
 * struct bao_vdev_host_ops - what a device needs of the hypervisor
 * @translate: Kernel address of @len bytes at the frontend's guest-physical @addr, or NULL unless
 *	       all of it is inside the shared-memory window. Any context.
 * @page: Page behind a kernel address that @translate has returned; NULL if there is none. Any
 *	  context.
 * @notify: Interrupt the frontend. Returns 0, or an error, which the host has reported and which
 *	    may go away. Any context.
 * @unblocked: A slow operation is over: accesses that bao_mmio_read() and bao_mmio_write() have
 *	       refused may be tried again, in their order. In a thread.
 */
struct bao_vdev_host_ops {
	void *(*translate)(struct bao_vdev_host *host, u64 addr, size_t len);
	struct page *(*page)(struct bao_vdev_host *host, const void *ptr);
	int (*notify)(struct bao_vdev_host *host);
	void (*unblocked)(struct bao_vdev_host *host);
};

/**
 * struct bao_vdev_host - the hypervisor's side of a device; embedded in the host's structure
 * @ops: operations
 */
struct bao_vdev_host {
	const struct bao_vdev_host_ops *ops;
};

/**
 * struct bao_vring_ops - a format of rings
 * @start: The areas have been translated, and the queue starts from the beginning. Must not sleep.
 * @pop: As bao_vq_pop(). Checks what the ring says of positions; segments go through
 *	 bao_vring_add_segment().
 * @unpop: As bao_vq_unpop().
 * @push: As bao_vq_push(); not visible before @publish.
 * @publish: Make what has been pushed visible to the driver. Returns whether the driver wants an
 *	     interrupt for it.
 * @disable_kick: The driver need not kick. A hint.
 * @enable_kick: The driver has to kick for what it adds from now on. Returns whether there is
 *		 something already; then the caller looks again.
 * @has_avail: Is there something to pop? A look without consequences, which the driver need not
 *	       have kicked for.
 *
 * All but @start are for whoever the ring belongs to, and may sleep.
 */
struct bao_vring_ops {
	void (*start)(struct bao_vq *vq);
	int (*pop)(struct bao_vq *vq, struct bao_vchain *chain);
	void (*unpop)(struct bao_vq *vq, unsigned int nr);
	void (*push)(struct bao_vq *vq, u16 id, u32 len);
	bool (*publish)(struct bao_vq *vq);
	void (*disable_kick)(struct bao_vq *vq);
	bool (*enable_kick)(struct bao_vq *vq);
	bool (*has_avail)(const struct bao_vq *vq);
};

extern const struct bao_vring_ops bao_vring_split_ops;
extern const struct bao_vring_ops bao_vring_packed_ops;

/**
 * struct bao_vring_split - position in a split ring
 * @avail: next entry of the available ring to look at, free running
 * @seen: the driver's available index as it was last seen, and found possible
 * @used: next entry of the used ring to write, free running
 * @published: the used index that the driver sees
 */
struct bao_vring_split {
	u16 avail;
	u16 seen;
	u16 used;
	u16 published;
};

/**
 * struct bao_vring_packed - position in a packed ring
 * @avail: next descriptor to look at
 * @avail_wrap: its wrap counter
 * @used: next descriptor to write
 * @used_wrap: its wrap counter
 * @published: as @used, of what the driver sees
 * @free: descriptors that are not part of a popped chain. Chains remain popped until their used
 *	  descriptor is published.
 * @pushed: descriptors from @published to @used
 * @flags: of the used descriptor at @published, which makes it and those behind it visible. Not
 *	   in the ring yet, but valid if @pushed is not 0.
 */
struct bao_vring_packed {
	u16 avail;
	bool avail_wrap;
	u16 used;
	bool used_wrap;
	u16 published;
	u16 free;
	u16 pushed;
	u16 flags;
};

/**
 * enum bao_vq_buffer_state - where a buffer is
 * @BAO_BUFFER_FREE: with the driver, or available, or used
 * @BAO_BUFFER_BUSY: popped, and not pushed yet
 * @BAO_BUFFER_DONE: with VIRTIO_F_IN_ORDER: pushed, and not in the ring yet, for example as one
 *		     that was popped before it is still busy
 */
enum bao_vq_buffer_state {
	BAO_BUFFER_FREE,
	BAO_BUFFER_BUSY,
	BAO_BUFFER_DONE,
};

/**
 * struct bao_vq_buffer - what the ring keeps of a buffer, by its id
 * @state: where it is
 * @in_len: bytes that the device may write
 * @len: bytes that it has written, if the state is BAO_BUFFER_DONE
 * @descs: packed: descriptors of the ring that it takes up
 * @id_at: not of this buffer, but of the entry of the ring with this number: id of the chain that
 *	   was popped there. Packed: where the chain begins, and where it ends.
 */
struct bao_vq_buffer {
	enum bao_vq_buffer_state state;
	u32 in_len;
	u32 len;
	u16 descs;
	u16 id_at;
};

/**
 * struct bao_vq_poll_state - how a worker polls, and what for
 * @rested: when the ring was found empty after something had been given back; 0 if the driver has
 *	    made something available since, and before the first time. In ns.
 * @begun: if @rested is not 0: when the worker's round has begun, or when a poll of it has ended
 *	   in vain, in ns
 * @ns: how long the next poll lasts at most, &bao_vdev.poll_us aside
 * @vain: the last one was in vain, and the driver has made nothing available since: there is none
 */
struct bao_vq_poll_state {
	u64 rested;
	u64 begun;
	u64 ns;
	bool vain;
};

/**
 * struct bao_vq - a queue
 * @vdev: whose
 * @index: which
 * @num: register QueueNum
 * @desc: registers QueueDesc
 * @driver: registers QueueDriver
 * @device: registers QueueDevice
 * @ready: register QueueReady; changes under &bao_vdev.lock
 * @running: between the model's vq_start() and vq_stop(); the worker may run. Changes under
 *	     &bao_vdev_core.mutex and &bao_vdev.lock.
 * @resetting: register QueueReset
 * @ops: format of the ring
 * @event_idx: VIRTIO_F_EVENT_IDX has been negotiated
 * @indirect: VIRTIO_F_INDIRECT_DESC has been negotiated
 * @in_order: VIRTIO_F_IN_ORDER has been negotiated
 * @desc_area: Descriptor Area in the window
 * @driver_area: Driver Area in the window
 * @device_area: Device Area in the window
 * @split: position
 * @packed: position
 * @popped: chains since the worker's round has begun
 * @pushed: chains since that, and since the last poll
 * @poll: the worker's polling
 * @buffers: by id, &bao_vdev_core.queue_size of them; @num of them valid
 * @iov: segments of the last chain, &bao_vdev_core.queue_size at most
 * @work: the worker
 * @priv: the model's
 */
struct bao_vq {
	struct bao_vdev *vdev;
	unsigned int index;

	u32 num;
	u64 desc;
	u64 driver;
	u64 device;
	bool ready;
	bool running;
	bool resetting;

	const struct bao_vring_ops *ops;
	bool event_idx;
	bool indirect;
	bool in_order;
	void *desc_area;
	void *driver_area;
	void *device_area;
	union {
		struct bao_vring_split split;
		struct bao_vring_packed packed;
	};
	unsigned int popped;
	unsigned int pushed;
	struct bao_vq_poll_state poll;
	struct bao_vq_buffer *buffers;
	struct kvec *iov;

	struct work_struct work;
	void *priv;
};

/**
 * enum bao_vdev_op - slow operations, in the order in which they are done
 * @BAO_VDEV_OP_RESET: the driver has written 0 to Status
 * @BAO_VDEV_OP_START: the driver has set DRIVER_OK
 * @BAO_VDEV_OP_QUEUE: queues are to be stopped or started, see &bao_vq.ready
 */
enum bao_vdev_op {
	BAO_VDEV_OP_RESET,
	BAO_VDEV_OP_START,
	BAO_VDEV_OP_QUEUE,
};

/**
 * struct bao_vdev_core - the core's part of a device that is live
 * @vdev: the model's part
 * @host: the hypervisor
 * @wq: for the workers, and @slow
 * @id: of @wq
 * @mutex: held by slow operations
 * @started: the model's start() has been called, and stop() has not; or the driver has not let go
 *	     since it was taken down. Changes under @mutex and &bao_vdev.lock.
 * @halted: it never starts again; under @mutex
 * @refusing: it has been taken down while the driver used it, and has to answer requests with
 *	      errors until the driver lets go of it; changes under @mutex and &bao_vdev.lock
 * @empty: the driver has let go of it after that; under &bao_vdev.lock
 * @slow: does slow operations
 * @ops: BIT() of enum bao_vdev_op to do; under &bao_vdev.lock. While there is one, no register is
 *	 accessible.
 * @offered: register DeviceFeatures
 * @acked: register DriverFeatures
 * @acked_unknown: not 0 if the driver has accepted features beyond those that fit @acked
 * @features: @acked as of FEATURES_OK, else 0
 * @features_sel: register DeviceFeaturesSel
 * @acked_sel: register DriverFeaturesSel
 * @queue_sel: register QueueSel
 * @status: register Status
 * @interrupts: register InterruptStatus
 * @unannounced: not 0 if the hypervisor has refused the last interrupt
 * @generation: register ConfigGeneration
 * @bad_accesses: accesses to registers that there are not, or of a width that they do not have
 * @polls_found: polls of all queues that have found something
 * @polls_vain: polls that have lasted to their end
 * @nr_queues: as &bao_vdev.nr_queues was when this was made
 * @queue_size: as &bao_vdev.queue_size was then
 * @vq: queues
 */
struct bao_vdev_core {
	struct bao_vdev *vdev;
	struct bao_vdev_host *host;
	struct workqueue_struct *wq;
	int id;
	struct mutex mutex;	/* slow operations */
	bool started;
	bool halted;
	bool refusing;
	bool empty;
	struct work_struct slow;
	unsigned long ops;

	u64 offered;
	u64 acked;
	u32 acked_unknown;
	u64 features;
	u32 features_sel;
	u32 acked_sel;
	u32 queue_sel;
	u32 status;
	atomic_t interrupts;
	atomic_t unannounced;
	u32 generation;
	atomic_long_t bad_accesses;
	atomic_long_t polls_found;
	atomic_long_t polls_vain;
	unsigned int nr_queues;
	u16 queue_size;
	struct bao_vq vq[];
};

/* Register Status, as the driver reads it */
static inline u32 bao_vdev_status(const struct bao_vdev_core *core)
{
	return core->status | (core->refusing ? VIRTIO_CONFIG_S_NEEDS_RESET : 0);
}

/* mmio.c; atomic. False: not now, see &bao_vdev_host_ops.unblocked */
bool bao_mmio_read(struct bao_vdev *vdev, u64 offset, u32 width, u64 *value);
bool bao_mmio_write(struct bao_vdev *vdev, u64 offset, u32 width, u64 value);
u64 bao_mmio_read_empty(u64 offset, u32 width);

/* vdev.c, from outermost to innermost */
int bao_vdev_up(struct bao_vdev *vdev, struct bao_vdev_host *host);
bool bao_vdev_refuse(struct bao_vdev *vdev);
void bao_vdev_drain(struct bao_vdev *vdev);
void bao_vdev_down(struct bao_vdev *vdev);
void bao_vdev_forget(struct bao_vdev *vdev);
void bao_vdev_halt(struct bao_vdev *vdev, const char *why);
bool bao_vdev_reset(struct bao_vdev *vdev);
void bao_vdev_slow(struct bao_vdev *vdev, enum bao_vdev_op op);
void bao_vq_reset_registers(struct bao_vq *vq);
void bao_vdev_interrupt(struct bao_vdev *vdev, u32 bits);
void bao_vq_kick(struct bao_vq *vq);

/**
 * enum bao_vq_poll_result - what a poll has found
 * @BAO_VQ_POLL_NOTHING: nothing: the driver is to be asked to kick
 * @BAO_VQ_POLL_FOUND: the driver has made something available
 * @BAO_VQ_POLL_WOKEN: the worker has been queued again, and will look at the ring
 */
enum bao_vq_poll_result {
	BAO_VQ_POLL_NOTHING,
	BAO_VQ_POLL_FOUND,
	BAO_VQ_POLL_WOKEN,
};

/* poll.c */
void bao_vq_poll_begin(struct bao_vq *vq);
void bao_vq_poll_learn(struct bao_vq *vq);
enum bao_vq_poll_result bao_vq_poll(struct bao_vq *vq);

/* ring.c */
bool bao_vring_setup(struct bao_vq *vq);
int bao_vring_add_segment(struct bao_vq *vq, struct bao_vchain *chain, u64 addr, u32 len,
			  bool write);

/*
 * remio.c; vdev->mutex is held. go_live comes after enable(), take_down before disable(), and then
 * bao_vdev_forget(); if take_down says that the device refuses, empty_slot comes in between.
 */
int bao_remio_go_live(struct bao_vdev *vdev);
bool bao_remio_take_down(struct bao_vdev *vdev);
void bao_remio_empty_slot(struct bao_vdev *vdev);
void bao_remio_forget(struct bao_vdev *vdev);

/* main.c; vdev->mutex is held */
int bao_vdev_go_live(struct bao_vdev *vdev);
void bao_vdev_take_down(struct bao_vdev *vdev);
void bao_vdev_leave(struct bao_vdev *vdev);
bool bao_vdev_gone(const struct bao_vdev *vdev);

/* configfs.c */
int bao_configfs_init(void);
void bao_configfs_exit(void);

#endif /* _BAO_VIRTIO_CORE_H */
