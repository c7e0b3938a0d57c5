// SPDX-License-Identifier: GPL-2.0
/*
 * Devices that are live: workers of queues, and slow operations, that is, what register accesses
 * ask for and cannot do themselves
 *
 * While a slow operation is to be done, no register is accessible; the access that has asked for it
 * and those that come meanwhile are tried again when it is done. So there is one at a time.
 *
 * Wake-ups. A worker looks at its ring after it has been queued, and work that is queued while it
 * runs makes it run once more. So neither a kick nor bao_vq_wake() is lost, whatever the worker is
 * about to find.
 */
#include <linux/export.h>
#include <linux/idr.h>
#include <linux/slab.h>
#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>

#include "core.h"

/* Features that are the core's */
#define BAO_VDEV_FEATURES	(BIT_ULL(VIRTIO_F_VERSION_1) | BIT_ULL(VIRTIO_F_ACCESS_PLATFORM) | \
				 BIT_ULL(VIRTIO_F_RING_PACKED) | BIT_ULL(VIRTIO_F_IN_ORDER) |	 \
				 BIT_ULL(VIRTIO_F_RING_RESET) |					 \
				 BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC) |				 \
				 BIT_ULL(VIRTIO_RING_F_EVENT_IDX))

/* Names of workqueues */
static DEFINE_IDA(bao_vdev_ida);

/**
 * bao_vdev_err() - tell the administrator what is wrong with a device's configuration
 * @vdev: device
 * @fmt: as for printk(), with the newline
 *
 * Context: any
 */
void bao_vdev_err(const struct bao_vdev *vdev, const char *fmt, ...)
{
	struct va_format vaf = { .fmt = fmt };
	va_list args;

	va_start(args, fmt);
	vaf.va = &args;
	pr_err_ratelimited("bao-virtio: %s %s: %pV", vdev->model->name, bao_vdev_name(vdev), &vaf);
	va_end(args);
}
EXPORT_SYMBOL_GPL(bao_vdev_err);

/* Interrupts */

/*
 * Set bits of InterruptStatus; returns whether the frontend is to be interrupted. The driver
 * acknowledges a bit before it looks at what the bit is for. So where a bit is set already, it will
 * look after this, and needs no further interrupt, unless it has not got the last one.
 */
static bool bao_vdev_raise(struct bao_vdev_core *core, u32 bits)
{
	/* Fully ordered: what the interrupt is for has been written before */
	return (bits & ~atomic_fetch_or(bits, &core->interrupts)) ||
	       atomic_read(&core->unannounced);
}

static void bao_vdev_notify(struct bao_vdev_core *core)
{
	/* Before: of several at a time, one that fails is not forgotten for one that does not */
	atomic_set(&core->unannounced, 0);
	if (core->host->ops->notify(core->host))
		atomic_set(&core->unannounced, 1);
}

/**
 * bao_vdev_interrupt() - interrupt the frontend
 * @vdev: device that is started, and will be until this returns
 * @bits: VIRTIO_MMIO_INT_*
 *
 * Context: any, but NMI
 */
void bao_vdev_interrupt(struct bao_vdev *vdev, u32 bits)
{
	if (bao_vdev_raise(vdev->core, bits))
		bao_vdev_notify(vdev->core);
}

/**
 * bao_vdev_break() - the driver or the backing has done what there is no way back from
 * @vdev: device that is started
 * @why: for the log
 *
 * No ring is looked at until the driver has reset the device.
 *
 * Context: any, but NMI; on PREEMPT_RT, one that may sleep
 */
void bao_vdev_break(struct bao_vdev *vdev, const char *why)
{
	struct bao_vdev_core *core = vdev->core;
	unsigned long flags;
	bool first, tell;

	spin_lock_irqsave(&vdev->lock, flags);
	first = !(core->status & VIRTIO_CONFIG_S_NEEDS_RESET);
	WRITE_ONCE(core->status, core->status | VIRTIO_CONFIG_S_NEEDS_RESET);
	/* With the lock held, so that a reset clears the bit, and does not come before it is set */
	tell = first && core->status & VIRTIO_CONFIG_S_DRIVER_OK &&
	       bao_vdev_raise(core, VIRTIO_MMIO_INT_CONFIG);
	spin_unlock_irqrestore(&vdev->lock, flags);

	if (tell)
		bao_vdev_notify(core);
	if (first)
		pr_warn_ratelimited("bao-virtio: %s %s: needs a reset: %s\n", vdev->model->name,
				    bao_vdev_name(vdev), why);
}
EXPORT_SYMBOL_GPL(bao_vdev_break);

/* Returns true if the driver is to be told, and is interested */
static bool bao_vdev_config_write(struct bao_vdev *vdev, u32 offset, const void *data, u32 len,
				  bool tell)
{
	struct bao_vdev_core *core = vdev->core;

	lockdep_assert_held(&vdev->lock);

	if (!memcmp(vdev->config + offset, data, len))
		return false;
	memcpy(vdev->config + offset, data, len);
	/* Models may have published what calls this before the device is up */
	if (!core)
		return false;
	core->generation++;

	/* With the lock held: see bao_vdev_break() */
	return tell && core->status & VIRTIO_CONFIG_S_DRIVER_OK &&
	       bao_vdev_raise(core, VIRTIO_MMIO_INT_CONFIG);
}

/**
 * bao_vdev_config_change() - change the configuration space
 * @vdev: device
 * @offset: where, inside of the space
 * @data: what is to be there
 * @len: how much of it, in bytes
 *
 * The driver sees all of it or nothing, and is told.
 *
 * Context: any, but NMI; on PREEMPT_RT, one that may sleep. Not from config_write().
 */
void bao_vdev_config_change(struct bao_vdev *vdev, u32 offset, const void *data, u32 len)
{
	unsigned long flags;
	bool tell;

	spin_lock_irqsave(&vdev->lock, flags);
	tell = bao_vdev_config_write(vdev, offset, data, len, true);
	spin_unlock_irqrestore(&vdev->lock, flags);

	if (tell)
		bao_vdev_notify(vdev->core);
}
EXPORT_SYMBOL_GPL(bao_vdev_config_change);

/**
 * bao_vdev_config_follow() - change the configuration space to what the driver has asked for
 * @vdev: device
 * @offset: where, inside of the space
 * @data: what is to be there
 * @len: how much of it, in bytes
 *
 * As bao_vdev_config_change(), but the driver knows it, and is not told.
 *
 * Context: any, but NMI; on PREEMPT_RT, one that may sleep. Not from config_write().
 */
void bao_vdev_config_follow(struct bao_vdev *vdev, u32 offset, const void *data, u32 len)
{
	unsigned long flags;

	spin_lock_irqsave(&vdev->lock, flags);
	bao_vdev_config_write(vdev, offset, data, len, false);
	spin_unlock_irqrestore(&vdev->lock, flags);
}
EXPORT_SYMBOL_GPL(bao_vdev_config_follow);

/**
 * bao_vdev_has_feature() - tell whether a feature has been negotiated
 * @vdev: device
 * @feature: number of its bit
 *
 * Return: true from before start() until after stop(), if it has; and while the device refuses
 */
bool bao_vdev_has_feature(const struct bao_vdev *vdev, unsigned int feature)
{
	const struct bao_vdev_core *core = READ_ONCE(vdev->core);

	return core && core->features & BIT_ULL(feature);
}
EXPORT_SYMBOL_GPL(bao_vdev_has_feature);

/**
 * bao_vdev_is_refusing() - tell whether a device was taken down while its driver used it
 * @vdev: device
 *
 * For vq_stop() of models that have a refuse(): if so, it answers what is under way.
 *
 * Context: any
 * Return: true from before vq_stop(), until the driver has let go of the device
 */
bool bao_vdev_is_refusing(const struct bao_vdev *vdev)
{
	const struct bao_vdev_core *core = READ_ONCE(vdev->core);

	return core && READ_ONCE(core->refusing);
}
EXPORT_SYMBOL_GPL(bao_vdev_is_refusing);

/**
 * bao_vdev_vq() - find a queue
 * @vdev: device that is live
 * @index: which, below &bao_vdev.nr_queues
 *
 * Return: the queue, good until disable()
 */
struct bao_vq *bao_vdev_vq(struct bao_vdev *vdev, unsigned int index)
{
	return &vdev->core->vq[index];
}
EXPORT_SYMBOL_GPL(bao_vdev_vq);

/**
 * bao_vdev_page() - page behind a piece of the window
 * @vdev: device that is live
 * @ptr: kernel address inside the window
 *
 * Return: the page, or NULL if there is none: the window need not be memory that the kernel manages
 */
struct page *bao_vdev_page(struct bao_vdev *vdev, const void *ptr)
{
	return vdev->core->host->ops->page(vdev->core->host, ptr);
}
EXPORT_SYMBOL_GPL(bao_vdev_page);

/* Workers */

static bool bao_vq_broken(const struct bao_vq *vq)
{
	return READ_ONCE(vq->vdev->core->status) & VIRTIO_CONFIG_S_NEEDS_RESET;
}

/* The model has been stopped. All that it does any more is to refuse. */
static bool bao_vdev_only_refuses(const struct bao_vdev_core *core)
{
	/* Both are set only when no worker runs. One alone may come while some do. */
	return READ_ONCE(core->refusing) && READ_ONCE(core->halted);
}

/* As serve() of the model, of a device that has been taken down */
static enum bao_vq_state bao_vq_refuse(struct bao_vq *vq)
{
	struct bao_vchain chain;
	u32 len;

	while (bao_vq_pop(vq, &chain) > 0) {
		len = 0;
		if (!vq->vdev->model->refuse(vq, &chain, &len)) {
			/* It stays where it is, and so does what comes after it */
			bao_vq_unpop(vq, 1);
			return BAO_VQ_STALLED;
		}
		bao_vq_push(vq, chain.id, len);
		if (bao_vq_budget(vq))
			return BAO_VQ_MORE;
	}

	return BAO_VQ_EMPTY;
}

static enum bao_vq_state bao_vq_serve_once(struct bao_vq *vq)
{
	if (bao_vdev_only_refuses(vq->vdev->core))
		return bao_vq_refuse(vq);

	return vq->vdev->model->serve(vq);
}

/*
 * One round; returns whether the worker has to come again. A driver that makes buffers available
 * and takes them back is looked after a few times only.
 */
static bool bao_vq_serve(struct bao_vq *vq)
{
	enum bao_vq_poll_result poll;
	enum bao_vq_state state;
	unsigned int i;

	vq->popped = 0;
	bao_vq_poll_begin(vq);
	for (i = 0; i < BAO_VQ_LOOKS; i++) {
		vq->ops->disable_kick(vq);
		state = bao_vq_serve_once(vq);
		bao_vq_publish(vq);
		bao_vq_poll_learn(vq);
		if (state == BAO_VQ_MORE || bao_vq_broken(vq))
			return true;
		if (state == BAO_VQ_STALLED)
			return false;
		poll = bao_vq_poll(vq);
		/* With kicks off: the worker comes again */
		if (poll == BAO_VQ_POLL_WOKEN)
			return false;
		/* The driver kicks from when enable_kick() says that there is nothing */
		if (poll == BAO_VQ_POLL_NOTHING && !vq->ops->enable_kick(vq))
			return false;
		if (bao_vq_budget(vq))
			return true;
	}

	return true;
}

static void bao_vq_work(struct work_struct *work)
{
	struct bao_vq *vq = container_of(work, struct bao_vq, work);

	/*
	 * Queued by somebody who had looked before the queue was stopped; see bao_vq_end(). If it
	 * has been started again since, its set-up is seen as well: bao_vq_set_running().
	 */
	if (!smp_load_acquire(&vq->running) || bao_vq_broken(vq))
		return;
	/* Others want to be served as well */
	if (bao_vq_serve(vq))
		queue_work(vq->vdev->core->wq, &vq->work);
}

/**
 * bao_vq_wake() - let a queue be served
 * @vq: queue
 *
 * For models: what they have waited for is there. Nothing happens if the queue is not running.
 *
 * Context: any, but NMI
 */
void bao_vq_wake(struct bao_vq *vq)
{
	if (READ_ONCE(vq->running))
		queue_work(vq->vdev->core->wq, &vq->work);
}
EXPORT_SYMBOL_GPL(bao_vq_wake);

/**
 * bao_vq_kick() - the driver has made buffers available
 * @vq: queue, in whatever state
 *
 * Context: &bao_vdev.lock held
 */
void bao_vq_kick(struct bao_vq *vq)
{
	bao_vq_wake(vq);
}

/* Slow operations */

/* Who sees it running without the lock sees all that vq_start() and slow operations have set up */
static void bao_vq_set_running(struct bao_vq *vq, bool running)
{
	lockdep_assert_held(&vq->vdev->lock);

	/* Pairs with the one in bao_vq_work() */
	smp_store_release(&vq->running, running);
}

static int bao_vq_begin(struct bao_vq *vq)
{
	const struct bao_vdev_model *model = vq->vdev->model;

	if (!model->vq_start || bao_vdev_only_refuses(vq->vdev->core))
		return 0;

	return model->vq_start(vq);
}

static void bao_vq_end(struct bao_vq *vq)
{
	const struct bao_vdev_model *model = vq->vdev->model;

	/*
	 * Who has seen it running may queue the worker after it has been cancelled, but then the
	 * worker sees that it is not running any more.
	 */
	spin_lock_irq(&vq->vdev->lock);
	bao_vq_set_running(vq, false);
	spin_unlock_irq(&vq->vdev->lock);
	cancel_work_sync(&vq->work);
	if (model->vq_stop && !bao_vdev_only_refuses(vq->vdev->core))
		model->vq_stop(vq);
}

/* Stop all that the model has started */
static void bao_vdev_end_model(struct bao_vdev *vdev)
{
	struct bao_vdev_core *core = vdev->core;
	unsigned int i;

	lockdep_assert_held(&core->mutex);

	for (i = 0; i < vdev->nr_queues; i++)
		if (core->vq[i].running)
			bao_vq_end(&core->vq[i]);
	if (core->started && vdev->model->stop && !bao_vdev_only_refuses(core))
		vdev->model->stop(vdev);
}

/* Stop all that has been started */
static void bao_vdev_end(struct bao_vdev *vdev)
{
	bao_vdev_end_model(vdev);
	spin_lock_irq(&vdev->lock);
	vdev->core->started = false;
	spin_unlock_irq(&vdev->lock);
}

static int bao_vdev_begin(struct bao_vdev *vdev)
{
	struct bao_vdev_core *core = vdev->core;
	unsigned int i;
	int ret = 0;

	if (vdev->model->start && !bao_vdev_only_refuses(core))
		ret = vdev->model->start(vdev);
	if (ret)
		return ret;

	spin_lock_irq(&vdev->lock);
	core->started = true;
	spin_unlock_irq(&vdev->lock);
	for (i = 0; !ret && i < vdev->nr_queues; i++)
		if (core->vq[i].ready)
			ret = bao_vq_begin(&core->vq[i]);
	if (!ret)
		return 0;

	/* None of them is running, so bao_vdev_end() will not stop those that have begun */
	for (i--; i--;)
		if (core->vq[i].ready)
			bao_vq_end(&core->vq[i]);

	return ret;
}

/*
 * No queue runs before all have begun, and the driver is interrupted only after DRIVER_OK. What it
 * has made available before is served without a kick.
 */
static void bao_vdev_do_start(struct bao_vdev *vdev)
{
	struct bao_vdev_core *core = vdev->core;
	unsigned int i;
	int ret;

	ret = bao_vdev_begin(vdev);

	spin_lock_irq(&vdev->lock);
	WRITE_ONCE(core->status, core->status | VIRTIO_CONFIG_S_DRIVER_OK);
	for (i = 0; !ret && i < vdev->nr_queues; i++)
		if (core->vq[i].ready)
			bao_vq_set_running(&core->vq[i], true);
	spin_unlock_irq(&vdev->lock);
	if (ret) {
		bao_vdev_break(vdev, "it cannot start");
		return;
	}
	for (i = 0; i < vdev->nr_queues; i++)
		bao_vq_wake(&core->vq[i]);
}

static void bao_vdev_do_queues(struct bao_vdev *vdev)
{
	struct bao_vq *vq;
	unsigned int i;

	for (i = 0; i < vdev->nr_queues; i++) {
		vq = &vdev->core->vq[i];
		if (vq->running && !vq->ready)
			bao_vq_end(vq);
		if (vq->resetting) {
			spin_lock_irq(&vdev->lock);
			bao_vq_reset_registers(vq);
			spin_unlock_irq(&vdev->lock);
		}
		if (!vq->ready || vq->running)
			continue;
		if (bao_vq_begin(vq)) {
			bao_vdev_break(vdev, "a queue cannot start");
			continue;
		}
		spin_lock_irq(&vdev->lock);
		bao_vq_set_running(vq, true);
		spin_unlock_irq(&vdev->lock);
		bao_vq_wake(vq);
	}
}

/**
 * bao_vq_reset_registers() - bring a queue to where it is after a reset
 * @vq: queue that is not running
 *
 * Context: &bao_vdev.lock held
 */
void bao_vq_reset_registers(struct bao_vq *vq)
{
	lockdep_assert_held(&vq->vdev->lock);

	vq->ready = false;
	vq->resetting = false;
	vq->num = 0;
	vq->desc = 0;
	vq->driver = 0;
	vq->device = 0;
}

/* ConfigGeneration goes on: the driver may compare it across a reset */
static void bao_vdev_reset_registers(struct bao_vdev *vdev)
{
	struct bao_vdev_core *core = vdev->core;
	unsigned int i;

	lockdep_assert_held(&vdev->lock);

	for (i = 0; i < vdev->nr_queues; i++)
		bao_vq_reset_registers(&core->vq[i]);
	core->acked = 0;
	core->acked_unknown = 0;
	core->features = 0;
	core->features_sel = 0;
	core->acked_sel = 0;
	core->queue_sel = 0;
	atomic_set(&core->interrupts, 0);
	atomic_set(&core->unannounced, 0);
	WRITE_ONCE(core->status, 0);
	/* There is no device any more for the next driver */
	core->empty |= core->refusing;
	WRITE_ONCE(core->refusing, false);
}

static void bao_vdev_do_reset(struct bao_vdev *vdev)
{
	bao_vdev_end(vdev);
	spin_lock_irq(&vdev->lock);
	bao_vdev_reset_registers(vdev);
	spin_unlock_irq(&vdev->lock);
}

static void bao_vdev_slow_work(struct work_struct *work)
{
	struct bao_vdev_core *core = container_of(work, struct bao_vdev_core, slow);
	struct bao_vdev *vdev = core->vdev;
	unsigned long ops;

	mutex_lock(&core->mutex);
	spin_lock_irq(&vdev->lock);
	ops = core->ops;
	spin_unlock_irq(&vdev->lock);

	/* The device has been halted: a reset is all that it answers, unless it refuses */
	if (core->halted && !core->refusing)
		ops &= BIT(BAO_VDEV_OP_RESET);
	if (ops & BIT(BAO_VDEV_OP_RESET))
		bao_vdev_do_reset(vdev);
	if (ops & BIT(BAO_VDEV_OP_START))
		bao_vdev_do_start(vdev);
	if (ops & BIT(BAO_VDEV_OP_QUEUE))
		bao_vdev_do_queues(vdev);
	mutex_unlock(&core->mutex);

	/* None has been added meanwhile: that takes a register access */
	spin_lock_irq(&vdev->lock);
	core->ops = 0;
	spin_unlock_irq(&vdev->lock);
	core->host->ops->unblocked(core->host);
}

/**
 * bao_vdev_slow() - let a slow operation be done
 * @vdev: device
 * @op: which
 *
 * Context: &bao_vdev.lock held
 */
void bao_vdev_slow(struct bao_vdev *vdev, enum bao_vdev_op op)
{
	lockdep_assert_held(&vdev->lock);

	vdev->core->ops |= BIT(op);
	queue_work(vdev->core->wq, &vdev->core->slow);
}

/**
 * bao_vdev_reset() - the driver resets the device
 * @vdev: device
 *
 * Context: &bao_vdev.lock held
 * Return: true if that is done; false if it takes a slow operation, after which it is
 */
bool bao_vdev_reset(struct bao_vdev *vdev)
{
	/* Queues run only while it is started */
	if (vdev->core->started) {
		bao_vdev_slow(vdev, BAO_VDEV_OP_RESET);
		return false;
	}
	bao_vdev_reset_registers(vdev);

	return true;
}

/* Life */

static int bao_vq_init(struct bao_vq *vq, struct bao_vdev *vdev, unsigned int index)
{
	vq->vdev = vdev;
	vq->index = index;
	INIT_WORK(&vq->work, bao_vq_work);
	vq->buffers = kvcalloc(vdev->core->queue_size, sizeof(*vq->buffers), GFP_KERNEL);
	vq->iov = kvcalloc(vdev->core->queue_size, sizeof(*vq->iov), GFP_KERNEL);

	return vq->buffers && vq->iov ? 0 : -ENOMEM;
}

static int bao_vdev_init(struct bao_vdev *vdev)
{
	struct bao_vdev_core *core = vdev->core;
	unsigned int i;
	int ret = 0;

	core->id = ida_alloc(&bao_vdev_ida, GFP_KERNEL);
	if (core->id < 0)
		return core->id;

	/*
	 * Administrators choose its CPUs in sysfs. Freezable: no hypercalls while suspended. Not
	 * for memory reclaim: this system's memory does not depend on what frontends do, and models
	 * wait for workqueues that are not for it either.
	 */
	core->wq = alloc_workqueue(BAO_VDEV_WQ_NAME, WQ_UNBOUND | WQ_SYSFS | WQ_FREEZABLE, 0,
				   core->id);
	if (!core->wq)
		return -ENOMEM;

	for (i = 0; !ret && i < core->nr_queues; i++)
		ret = bao_vq_init(&core->vq[i], vdev, i);

	return ret;
}

/**
 * bao_vdev_up() - make registers and queues
 * @vdev: device that enable() has returned success for
 * @host: the hypervisor, which may allow accesses from when this returns
 *
 * Context: &bao_vdev.mutex held; may sleep
 * Return: 0, or -ENOMEM, or -ENOSPC if there are too many devices; bao_vdev_forget() is to follow
 * in either case
 */
int bao_vdev_up(struct bao_vdev *vdev, struct bao_vdev_host *host)
{
	struct bao_vdev_core *core;

	core = kvzalloc(struct_size(core, vq, vdev->nr_queues), GFP_KERNEL);
	if (!core)
		return -ENOMEM;

	core->vdev = vdev;
	core->host = host;
	core->nr_queues = vdev->nr_queues;
	core->queue_size = vdev->queue_size;
	mutex_init(&core->mutex);
	INIT_WORK(&core->slow, bao_vdev_slow_work);
	core->offered = (vdev->features | BAO_VDEV_FEATURES) & ~vdev->features_off;
	core->id = -1;
	/* Models may look for it already, see bao_vdev_config_change() */
	spin_lock_irq(&vdev->lock);
	WRITE_ONCE(vdev->core, core);
	spin_unlock_irq(&vdev->lock);

	return bao_vdev_init(vdev);
}

/**
 * bao_vdev_halt() - serve no queue any more, whatever the driver does
 * @vdev: device that is up
 * @why: for the log, if the driver was using it
 *
 * Context: may sleep
 */
void bao_vdev_halt(struct bao_vdev *vdev, const char *why)
{
	struct bao_vdev_core *core = vdev->core;

	mutex_lock(&core->mutex);
	core->halted = true;
	/* Who refuses has told the driver already */
	if (core->started && !core->refusing)
		bao_vdev_break(vdev, why);
	bao_vdev_end(vdev);
	spin_lock_irq(&vdev->lock);
	WRITE_ONCE(core->refusing, false);
	spin_unlock_irq(&vdev->lock);
	mutex_unlock(&core->mutex);
}

/* Queues run on without the model; see bao_vq_serve_once() */
static void bao_vdev_do_refuse(struct bao_vdev *vdev)
{
	struct bao_vdev_core *core = vdev->core;
	unsigned int i;
	bool tell;

	bao_vdev_end_model(vdev);
	core->halted = true;

	spin_lock_irq(&vdev->lock);
	/* If the driver has not set DRIVER_OK yet, they begin to run when it does */
	for (i = 0; core->started && i < vdev->nr_queues; i++)
		if (core->vq[i].ready)
			bao_vq_set_running(&core->vq[i], true);
	tell = core->started && bao_vdev_raise(core, VIRTIO_MMIO_INT_CONFIG);
	spin_unlock_irq(&vdev->lock);

	for (i = 0; i < vdev->nr_queues; i++)
		bao_vq_wake(&core->vq[i]);
	if (tell)
		bao_vdev_notify(core);
	pr_notice_ratelimited("bao-virtio: %s %s: it is taken down, and refuses what its driver requests\n",
			      vdev->model->name, bao_vdev_name(vdev));
}

/**
 * bao_vdev_refuse() - answer all requests with errors, until the driver lets go
 * @vdev: device that is up
 *
 * Registers go on as before, but Status has DEVICE_NEEDS_RESET. When the driver resets the device,
 * an empty slot is all that is left. No function of the model is called any more but refuse().
 *
 * A driver looks whether the device is there for the last time when it reads back FEATURES_OK. One
 * that has got so far goes on, and requests something after DRIVER_OK, which it does not read back.
 *
 * Context: &bao_vdev.mutex held; may sleep
 * Return: true; false if there is nothing to refuse, or no way to: the driver does not use the
 *	   device, or has broken it, or the model has no refuse(). Then nothing has happened.
 */
bool bao_vdev_refuse(struct bao_vdev *vdev)
{
	struct bao_vdev_core *core = vdev->core;
	bool refuse;

	if (!vdev->model->refuse)
		return false;

	mutex_lock(&core->mutex);
	spin_lock_irq(&vdev->lock);
	refuse = core->status & VIRTIO_CONFIG_S_FEATURES_OK &&
		 !(core->status & VIRTIO_CONFIG_S_NEEDS_RESET);
	WRITE_ONCE(core->refusing, refuse);
	spin_unlock_irq(&vdev->lock);
	if (refuse)
		bao_vdev_do_refuse(vdev);
	mutex_unlock(&core->mutex);

	return refuse;
}

/**
 * bao_vdev_drain() - wait until what the driver has requested by now has been refused
 * @vdev: device, after bao_vdev_refuse()
 *
 * Context: &bao_vdev.mutex held; may sleep
 */
void bao_vdev_drain(struct bao_vdev *vdev)
{
	struct bao_vdev_core *core = vdev->core;
	unsigned int i, round;

	/* A full ring takes no more rounds; and a driver that goes on cannot keep us for longer */
	for (i = 0; i < core->nr_queues; i++)
		for (round = 0; round <= core->queue_size / BAO_VQ_BUDGET; round++)
			if (!flush_work(&core->vq[i].work))
				break;
}

/**
 * bao_vdev_down() - end what a device does
 * @vdev: device that is up, whose registers are not accessed any more
 *
 * Its queues are still there: a model may wake them until its disable() has returned.
 *
 * Context: &bao_vdev.mutex held; may sleep
 */
void bao_vdev_down(struct bao_vdev *vdev)
{
	bao_vdev_halt(vdev, "it is taken down");
	flush_work(&vdev->core->slow);
}

/**
 * bao_vdev_forget() - free registers and queues
 * @vdev: device that is down, after the model's disable(); nothing happens if there are none
 *
 * Context: &bao_vdev.mutex held; may sleep
 */
void bao_vdev_forget(struct bao_vdev *vdev)
{
	struct bao_vdev_core *core = vdev->core;
	unsigned int i;

	if (!core)
		return;

	WRITE_ONCE(vdev->core, NULL);
	if (core->wq)
		destroy_workqueue(core->wq);
	for (i = 0; i < core->nr_queues; i++) {
		kvfree(core->vq[i].buffers);
		kvfree(core->vq[i].iov);
	}
	if (core->id >= 0)
		ida_free(&bao_vdev_ida, core->id);
	mutex_destroy(&core->mutex);
	kvfree(core);
}
