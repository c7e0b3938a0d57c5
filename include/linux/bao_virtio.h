/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Virtio devices in the kernel, for frontends of a hypervisor: the interface between the generic
 * device side of virtio-mmio (bao_virtio.ko) and device models (disk, network, ...)
 *
 * A model says what its device is and serves its queues. It never sees registers, and rings only as
 * chains of buffers that lie inside the shared-memory window:
 *
 *	static enum bao_vq_state my_serve(struct bao_vq *vq)
 *	{
 *		struct bao_vchain chain;
 *		int ret;
 *
 *		while ((ret = bao_vq_pop(vq, &chain)) > 0) {
 *			size_t len = my_fill(chain.iov + chain.out, chain.in);
 *
 *			bao_vq_push(vq, chain.id, len);
 *			if (bao_vq_budget(vq))
 *				return BAO_VQ_MORE;
 *		}
 *		return BAO_VQ_EMPTY;
 *	}
 *
 * Life of a device: the directory in configfs is made (alloc), attributes are set, it goes live
 * (enable); then the frontend's driver starts it (start), resets it (stop), and so on; it is taken
 * down (stop, disable), and the directory is removed (free). A driver that uses it when it is taken
 * down gets errors (refuse) until it resets it.
 *
 * Nothing that comes from the frontend is trusted. A ring that makes no sense breaks the device:
 * DEVICE_NEEDS_RESET, and no ring is looked at before the driver has reset it. A request that makes
 * no sense is the model's to answer, with what its device has for errors.
 *
 * See the virtio specification, version 1.3, and Documentation/virt/bao/virtio.rst.
 */
#ifndef _LINUX_BAO_VIRTIO_H
#define _LINUX_BAO_VIRTIO_H

#include <linux/configfs.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/types.h>
#include <linux/uio.h>
#include <linux/workqueue.h>

struct bao_vdev;
struct bao_vdev_core;
struct bao_vdev_host;
struct bao_vq;
struct module;
struct page;

/* Entries of a queue at most, and as the default */
#define BAO_VQ_MAX_SIZE		1024
#define BAO_VQ_DEFAULT_SIZE	256

/* Queues of a device at most */
#define BAO_VDEV_MAX_QUEUES	64

/**
 * struct bao_vchain - a chain of buffers that the driver has made available
 * @id: names it for bao_vq_push()
 * @out: number of segments that the device reads
 * @in: number of segments that the device writes; they follow the others
 * @out_len: bytes that the device may read
 * @in_len: bytes that the device may write
 * @iov: the segments; valid until the next bao_vq_pop() of the queue
 *
 * All segments are inside the window. The driver can change their contents at any time: what is
 * looked at more than once has to be copied first.
 */
struct bao_vchain {
	u16 id;
	u16 out;
	u16 in;
	u32 out_len;
	u32 in_len;
	struct kvec *iov;
};

/**
 * enum bao_vq_state - how &bao_vdev_model.serve leaves a queue
 * @BAO_VQ_EMPTY: bao_vq_pop() has returned 0. The driver is asked to kick again, perhaps after the
 *		  core has polled the ring for a while, see &bao_vdev.poll_us.
 * @BAO_VQ_MORE: the budget is used up; serve() is called again soon
 * @BAO_VQ_STALLED: there is, or may be, more, but it cannot be served now. The driver need not
 *		    kick; the model calls bao_vq_wake() when it can go on.
 */
enum bao_vq_state {
	BAO_VQ_EMPTY,
	BAO_VQ_MORE,
	BAO_VQ_STALLED,
};

/**
 * struct bao_vdev_model - a kind of device
 * @owner: module of the functions
 * @name: of the directory in configfs below which devices are made
 * @device_id: VIRTIO_ID_*
 * @attrs: attributes in configfs besides the common ones, NULL-terminated; optional. Their store
 *	   functions go through bao_vdev_configure(), their show functions get the device with
 *	   to_bao_vdev().
 * @alloc: Make a device that is not live. Mandatory. May sleep. Returns the &struct bao_vdev in the
 *	   model's own structure, zeroed but for the defaults of attributes, or NULL.
 * @free: Free what @alloc has made. Mandatory. May sleep. Not live.
 * @enable: Go live: check the attributes, get the backing, and set the fields of &struct bao_vdev
 *	    that are for it. Mandatory. May sleep; @mutex of the device is held. Returns 0 or a
 *	    negative errno, after one clear bao_vdev_err() line; -ERESTARTSYS for a signal.
 * @disable: Undo @enable. Mandatory. May sleep; @mutex of the device is held. All queues are
 *	     stopped, and no function of the model is running or will be called but @enable, @free
 *	     and @refuse.
 * @features_ok: Are the driver's features possible together? Optional: the core has checked that
 *		 they are among those that were offered. Within a register access: must not sleep.
 * @start: The driver has set DRIVER_OK: bao_vdev_has_feature() holds from now on. Optional. May
 *	   sleep. The driver's write completes when it returns; then @serve is called for each queue
 *	   that is ready.
 * @stop: The driver resets the device, or it is taken down, or its endpoint goes. Called once for
 *	  each @start, after @vq_stop of all queues that were ready; optional. May sleep.
 * @vq_start: A queue is served from now on, because of @start or because the driver has re-enabled
 *	      it. Optional. May sleep.
 * @vq_stop: A queue is not served any more: @serve is not running for it. From when this returns,
 *	     the model must not touch memory of the window that it has from this queue, nor push
 *	     what it has popped. Optional, if the model keeps nothing between calls of @serve. May
 *	     sleep, but not wait for the backing of the device, which may never answer: forget
 *	     what is under way instead, unless the backing itself works on the window's memory.
 * @serve: Serve a queue. Mandatory. Called in a thread, one at a time for a queue, but at the same
 *	   time for several queues: after a kick, and after bao_vq_wake(). May sleep, but other
 *	   work of the queue, such as stopping it, waits.
 * @refuse: Answer a chain with the error that the device has for it, without the backing. Optional:
 *	    without it, a device that is taken down is an empty slot at once, and what its driver
 *	    has requested is never answered. With it, the device has to answer in @vq_stop what is
 *	    under way if bao_vdev_is_refusing(), and &bao_vdev.config stays readable as it is until
 *	    @enable or @free. Called as @serve is, but from after @stop, also while @disable runs
 *	    and after it, until the driver has reset the device, its endpoint goes, or it is live
 *	    again. bao_vdev_has_feature() holds. Sets @len, which is 0, to the bytes that it has
 *	    written. Returns false for a chain that no driver waits for, such as a buffer to receive
 *	    something in: it stays available, and so do those after it, so a queue that has such
 *	    chains must have no others.
 * @config_write: The driver writes its configuration space. Optional: then it cannot. Within a
 *		  register access, under &bao_vdev.lock: must not sleep, and must change
 *		  &bao_vdev.config itself. @offset and @len are inside the space.
 *
 * An error of @start or @vq_start breaks the device. Functions of one device are called one at a
 * time, except @serve, @features_ok and @config_write.
 */
struct bao_vdev_model {
	struct module *owner;
	const char *name;
	u32 device_id;
	struct configfs_attribute **attrs;

	struct bao_vdev *(*alloc)(void);
	void (*free)(struct bao_vdev *vdev);
	int (*enable)(struct bao_vdev *vdev);
	void (*disable)(struct bao_vdev *vdev);
	bool (*features_ok)(struct bao_vdev *vdev, u64 features);
	int (*start)(struct bao_vdev *vdev);
	void (*stop)(struct bao_vdev *vdev);
	int (*vq_start)(struct bao_vq *vq);
	void (*vq_stop)(struct bao_vq *vq);
	enum bao_vq_state (*serve)(struct bao_vq *vq);
	bool (*refuse)(struct bao_vq *vq, const struct bao_vchain *chain, u32 *len);
	void (*config_write)(struct bao_vdev *vdev, u32 offset, const void *data, u32 len);
};

/**
 * struct bao_vdev - a device
 * @group: directory in configfs; its name is the device's
 * @model: what it is
 * @mutex: protects attributes and @live
 * @live: whether frontends can see it
 * @dm: attribute: index of the remote-I/O device
 * @addr: attribute: guest-physical address of the register window in the frontend
 * @size: attribute: its size in bytes
 * @queue_size: attribute: entries of each queue at most, a power of two
 * @features_off: attribute: features that are not offered, though there is support for them
 * @poll_us: attribute: how long a queue's ring is polled at most after work, in microseconds; 0 for
 *	     not at all. Changes at any time, without a lock.
 * @features: set by enable(): features of the model that are offered. Those of rings and of the
 *	      transport are the core's to add.
 * @nr_queues: set by enable()
 * @config: set by enable(): the device's configuration space as the driver reads it, or NULL.
 *	    Changed by bao_vdev_config_change() while live.
 * @config_size: set by enable(): its size
 * @lock: protects registers, and the contents of @config
 * @host: the hypervisor's side, from the first time it is live; the core's
 * @core: registers and queues, from the first time it is live; the core's
 *
 * Embedded in the model's structure.
 */
struct bao_vdev {
	struct config_group group;
	const struct bao_vdev_model *model;
	struct mutex mutex;	/* protects attributes, live */
	bool live;

	u32 dm;
	u64 addr;
	u32 size;
	u16 queue_size;
	u64 features_off;
	u32 poll_us;

	u64 features;
	unsigned int nr_queues;
	void *config;
	u32 config_size;

	spinlock_t lock;	/* protects registers, contents of config */
	struct bao_vdev_host *host;
	struct bao_vdev_core *core;
};

static inline struct bao_vdev *to_bao_vdev(struct config_item *item)
{
	return container_of(to_config_group(item), struct bao_vdev, group);
}

/* Models */
int bao_vdev_model_register(const struct bao_vdev_model *model);
void bao_vdev_model_unregister(const struct bao_vdev_model *model);

/* Configuration */
int bao_vdev_configure(struct bao_vdev *vdev);
void bao_vdev_configured(struct bao_vdev *vdev);
const char *bao_vdev_name(const struct bao_vdev *vdev);
__printf(2, 3) void bao_vdev_err(const struct bao_vdev *vdev, const char *fmt, ...);

/* Device */
bool bao_vdev_has_feature(const struct bao_vdev *vdev, unsigned int feature);
bool bao_vdev_is_refusing(const struct bao_vdev *vdev);
void bao_vdev_config_change(struct bao_vdev *vdev, u32 offset, const void *data, u32 len);
void bao_vdev_config_follow(struct bao_vdev *vdev, u32 offset, const void *data, u32 len);
void bao_vdev_break(struct bao_vdev *vdev, const char *why);
struct bao_vq *bao_vdev_vq(struct bao_vdev *vdev, unsigned int index);
struct page *bao_vdev_page(struct bao_vdev *vdev, const void *ptr);

/* Queues */
struct bao_vdev *bao_vq_vdev(const struct bao_vq *vq);
unsigned int bao_vq_index(const struct bao_vq *vq);
unsigned int bao_vq_size(const struct bao_vq *vq);
void *bao_vq_priv(const struct bao_vq *vq);
void bao_vq_set_priv(struct bao_vq *vq, void *priv);
int bao_vq_pop(struct bao_vq *vq, struct bao_vchain *chain);
void bao_vq_unpop(struct bao_vq *vq, unsigned int nr);
void bao_vq_push(struct bao_vq *vq, u16 id, u32 len);
void bao_vq_publish(struct bao_vq *vq);
bool bao_vq_budget(struct bao_vq *vq);
void bao_vq_wake(struct bao_vq *vq);

#endif /* _LINUX_BAO_VIRTIO_H */
