// SPDX-License-Identifier: GPL-2.0
/*
 * Endpoints: the life of a remote-I/O device of this VM
 */
#include <linux/export.h>
#include <linux/slab.h>

#include "transport.h"

static struct bao_endpoint *bao_device_endpoint(struct bao_device *dev)
{
	return container_of(dev, struct bao_endpoint, dev);
}

static void bao_endpoint_free(struct bao_device *dev)
{
	struct bao_endpoint *ep = bao_device_endpoint(dev);

	kvfree(rcu_dereference_protected(ep->table, true));
	free_percpu(ep->stats);
	kvfree(ep->slots);
	kfree(ep);
}

static struct bao_endpoint *bao_endpoint_alloc(const struct bao_endpoint_desc *desc)
{
	struct bao_endpoint *ep;

	ep = kzalloc(sizeof(*ep), GFP_KERNEL);
	if (!ep)
		return NULL;

	ep->slots = kvcalloc(BAO_NR_SLOTS, sizeof(*ep->slots), GFP_KERNEL);
	ep->stats = alloc_percpu(struct bao_stats);
	if (!ep->slots || !ep->stats) {
		free_percpu(ep->stats);
		kvfree(ep->slots);
		kfree(ep);
		return NULL;
	}

	ep->dev.kind = BAO_KIND_REMIO;
	ep->dev.id = desc->dm_id;
	ep->dev.ops = desc->ops;
	ep->dev.free = bao_endpoint_free;
	ep->dev.nr_regions = 1;
	ep->dev.region[0].start = desc->shmem_start;
	ep->dev.region[0].size = desc->shmem_size;
	ep->desc = *desc;
	snprintf(ep->irq_name, sizeof(ep->irq_name), "bao-remio.%u", desc->dm_id);
	bao_interrupt_init(ep);
	spin_lock_init(&ep->drain_lock);
	spin_lock_init(&ep->queue_lock);
	mutex_init(&ep->client_mutex);
	mutex_init(&ep->range_mutex);
	mutex_init(&ep->shmem_mutex);
	INIT_LIST_HEAD(&ep->clients);
	INIT_LIST_HEAD(&ep->ranges);
	INIT_LIST_HEAD(&ep->queue);
	INIT_LIST_HEAD(&ep->waiters);
	init_waitqueue_head(&ep->pollers);

	return ep;
}

/* Answer all that is outstanding, then leave the hypervisor alone. What was not asked for stays. */
static void bao_endpoint_stop(struct bao_endpoint *ep)
{
	spin_lock_irq(&ep->drain_lock);
	spin_lock(&ep->queue_lock);
	WRITE_ONCE(ep->gone, true);
	bao_queue_end_waits(ep);
	spin_unlock(&ep->queue_lock);
	spin_unlock_irq(&ep->drain_lock);
	bao_pollers_wake_all(ep);

	/*
	 * Who dispatches does so under drain_lock and sees gone from now on. Completions and
	 * notifications that did not see it end here.
	 */
	synchronize_rcu();
	bao_requests_answer_all(ep);
	bao_clients_gone(ep);
}

/**
 * bao_endpoint_find() - find an endpoint by its index
 * @dm_id: the hypervisor's index of the device
 *
 * For clients that are not bound to the auxiliary device. When the endpoint goes, &bao_client.gone
 * tells them.
 *
 * Context: may sleep
 * Return: the endpoint, with a reference for bao_endpoint_put(); NULL if there is none
 */
struct bao_endpoint *bao_endpoint_find(u32 dm_id)
{
	struct bao_device *dev = bao_device_find(BAO_KIND_REMIO, dm_id);

	return dev ? bao_device_endpoint(dev) : NULL;
}
EXPORT_SYMBOL_GPL(bao_endpoint_find);

/**
 * bao_endpoint_create() - bring a remote-I/O device into service
 * @parent: device that provides the endpoint
 * @desc: description, copied
 *
 * Requests the interrupt, starts asking, and adds the auxiliary device "bao.remio.<dm_id>" for
 * drivers to bind to. Requests that nobody answers yet wait.
 *
 * Context: may sleep
 * Return: the endpoint, for bao_endpoint_destroy(); an ERR_PTR() of what request_irq() or
 * auxiliary_device_add() returned, of -EEXIST if there is one of this dm_id, or of this memory,
 * already, of -ENODEV if the module that provides the hypercalls is going, or of -ENOMEM
 */
struct bao_endpoint *bao_endpoint_create(struct device *parent,
					 const struct bao_endpoint_desc *desc)
{
	struct bao_endpoint *ep;
	int ret;

	ret = bao_ops_get(desc->ops);
	if (ret)
		return ERR_PTR(ret);
	ep = bao_endpoint_alloc(desc);
	if (!ep) {
		bao_ops_put(desc->ops);
		return ERR_PTR(-ENOMEM);
	}

	ret = bao_device_init(&ep->dev, parent, bao_endpoint_groups);
	if (ret)
		return ERR_PTR(ret);

	ret = bao_device_publish(&ep->dev);
	if (ret)
		goto err_uninit;

	ret = bao_interrupt_request(ep);
	if (ret) {
		dev_err(parent, "device %u: cannot request interrupt %d: %d\n", desc->dm_id,
			desc->irq, ret);
		goto err_unpublish;
	}

	ret = auxiliary_device_add(&ep->dev.adev);
	if (ret) {
		dev_err(parent, "device %u: cannot add auxiliary device: %d\n", desc->dm_id, ret);
		goto err_free_irq;
	}

	bao_interrupt_start(ep);

	return ep;

err_free_irq:
	bao_interrupt_free(ep);
err_unpublish:
	/* A client may have found it */
	bao_endpoint_stop(ep);
	bao_device_unpublish(&ep->dev);
err_uninit:
	auxiliary_device_uninit(&ep->dev.adev);
	return ERR_PTR(ret);
}
EXPORT_SYMBOL_GPL(bao_endpoint_create);

/**
 * bao_endpoint_destroy() - take a remote-I/O device out of service
 * @ep: endpoint
 *
 * Unbinds the driver of the auxiliary device. Every request that was asked for has been answered
 * when this returns, those that nobody had answered with the default (a read gets 0). The memory
 * goes with the last reference.
 *
 * Context: may sleep
 */
void bao_endpoint_destroy(struct bao_endpoint *ep)
{
	bao_interrupt_quiesce(ep);
	bao_interrupt_free(ep);
	auxiliary_device_delete(&ep->dev.adev);
	bao_endpoint_stop(ep);
	bao_device_unpublish(&ep->dev);
	auxiliary_device_uninit(&ep->dev.adev);
}
EXPORT_SYMBOL_GPL(bao_endpoint_destroy);

/**
 * bao_endpoint_shutdown() - answer what is outstanding before the system goes down
 * @ep: endpoint; only bao_endpoint_destroy() may follow
 *
 * For reboot and kexec. Requests that were not asked for wait for the next kernel.
 *
 * Context: may sleep
 */
void bao_endpoint_shutdown(struct bao_endpoint *ep)
{
	bao_interrupt_quiesce(ep);
	bao_endpoint_stop(ep);
}
EXPORT_SYMBOL_GPL(bao_endpoint_shutdown);

/**
 * bao_endpoint_suspend() - stop asking
 * @ep: endpoint
 *
 * What is outstanding, here and with the hypervisor, stays so; the frontend waits.
 *
 * Context: may sleep
 */
void bao_endpoint_suspend(struct bao_endpoint *ep)
{
	bao_interrupt_quiesce(ep);
}
EXPORT_SYMBOL_GPL(bao_endpoint_suspend);

/**
 * bao_endpoint_resume() - go on after bao_endpoint_suspend()
 * @ep: endpoint
 *
 * Context: may sleep
 */
void bao_endpoint_resume(struct bao_endpoint *ep)
{
	bao_interrupt_start(ep);
}
EXPORT_SYMBOL_GPL(bao_endpoint_resume);

/**
 * bao_endpoint_from_auxdev() - endpoint behind an auxiliary device
 * @adev: device named "bao." BAO_REMIO_DEVICE
 *
 * Return: the endpoint; the caller's reference to @adev is one to the endpoint
 */
struct bao_endpoint *bao_endpoint_from_auxdev(struct auxiliary_device *adev)
{
	return container_of(adev, struct bao_endpoint, dev.adev);
}
EXPORT_SYMBOL_GPL(bao_endpoint_from_auxdev);

/**
 * bao_endpoint_describe() - description of an endpoint
 * @ep: endpoint
 *
 * Return: what bao_endpoint_create() was given
 */
const struct bao_endpoint_desc *bao_endpoint_describe(const struct bao_endpoint *ep)
{
	return &ep->desc;
}
EXPORT_SYMBOL_GPL(bao_endpoint_describe);

/**
 * bao_endpoint_get() - take a reference
 * @ep: endpoint
 *
 * Return: @ep
 */
struct bao_endpoint *bao_endpoint_get(struct bao_endpoint *ep)
{
	get_device(&ep->dev.adev.dev);

	return ep;
}
EXPORT_SYMBOL_GPL(bao_endpoint_get);

/**
 * bao_endpoint_put() - drop a reference
 * @ep: endpoint
 *
 * Context: may sleep, if it is the last one
 */
void bao_endpoint_put(struct bao_endpoint *ep)
{
	put_device(&ep->dev.adev.dev);
}
EXPORT_SYMBOL_GPL(bao_endpoint_put);
