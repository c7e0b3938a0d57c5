// SPDX-License-Identifier: GPL-2.0
/*
 * Endpoints: the life of a remote-I/O device of this VM
 */
#include <linux/export.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "transport.h"

/* All endpoints in service, to find them by dm_id */
static LIST_HEAD(bao_endpoints);
static DEFINE_MUTEX(bao_endpoints_mutex);

static void bao_ops_release(const struct bao_hypercall_ops *ops)
{
	if (ops->release)
		ops->release(ops);
}

static void bao_ops_put(const struct bao_hypercall_ops *ops)
{
	struct module *owner = ops->owner;

	bao_ops_release(ops);
	module_put(owner);
}

static void bao_endpoint_release(struct device *dev)
{
	struct bao_endpoint *ep = container_of(dev, struct bao_endpoint, adev.dev);
	const struct bao_hypercall_ops *ops = ep->desc.ops;

	kvfree(rcu_dereference_protected(ep->table, true));
	free_percpu(ep->stats);
	kvfree(ep->slots);
	kfree(ep);
	bao_ops_put(ops);
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
	init_waitqueue_head(&ep->takers);
	init_waitqueue_head(&ep->pollers);

	return ep;
}

/* Answer all that is outstanding, then leave the hypervisor alone. What was not asked for stays. */
static void bao_endpoint_stop(struct bao_endpoint *ep)
{
	spin_lock_irq(&ep->drain_lock);
	spin_lock(&ep->queue_lock);
	WRITE_ONCE(ep->gone, true);
	spin_unlock(&ep->queue_lock);
	spin_unlock_irq(&ep->drain_lock);
	bao_queue_wake_all(ep);

	/*
	 * Who dispatches does so under drain_lock and sees gone from now on. Completions and
	 * notifications that did not see it end here.
	 */
	synchronize_rcu();
	bao_requests_answer_all(ep);
	bao_clients_gone(ep);
}

static struct bao_endpoint *bao_endpoint_lookup(u32 dm_id)
{
	struct bao_endpoint *ep;

	lockdep_assert_held(&bao_endpoints_mutex);

	list_for_each_entry(ep, &bao_endpoints, node)
		if (ep->desc.dm_id == dm_id)
			return ep;

	return NULL;
}

/* Makes the name of the auxiliary device unique as well */
static int bao_endpoint_publish(struct bao_endpoint *ep)
{
	int ret = 0;

	mutex_lock(&bao_endpoints_mutex);
	if (bao_endpoint_lookup(ep->desc.dm_id))
		ret = -EEXIST;
	else
		list_add_tail(&ep->node, &bao_endpoints);
	mutex_unlock(&bao_endpoints_mutex);

	return ret;
}

static void bao_endpoint_unpublish(struct bao_endpoint *ep)
{
	mutex_lock(&bao_endpoints_mutex);
	list_del(&ep->node);
	mutex_unlock(&bao_endpoints_mutex);
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
	struct bao_endpoint *ep;

	mutex_lock(&bao_endpoints_mutex);
	ep = bao_endpoint_lookup(dm_id);
	if (ep)
		bao_endpoint_get(ep);
	mutex_unlock(&bao_endpoints_mutex);

	return ep;
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
 * auxiliary_device_add() returned, of -EEXIST if there is one of this dm_id already, of -ENODEV if
 * the module that provides the hypercalls is going, or of -ENOMEM
 */
struct bao_endpoint *bao_endpoint_create(struct device *parent,
					 const struct bao_endpoint_desc *desc)
{
	struct bao_endpoint *ep;
	int ret;

	if (!try_module_get(desc->ops->owner)) {
		bao_ops_release(desc->ops);
		return ERR_PTR(-ENODEV);
	}
	ep = bao_endpoint_alloc(desc);
	if (!ep) {
		bao_ops_put(desc->ops);
		return ERR_PTR(-ENOMEM);
	}

	ep->adev.name = BAO_REMIO_DEVICE;
	ep->adev.id = desc->dm_id;
	ep->adev.dev.parent = parent;
	ep->adev.dev.release = bao_endpoint_release;
	ep->adev.dev.groups = bao_endpoint_groups;
	ret = auxiliary_device_init(&ep->adev);
	if (ret) {
		bao_endpoint_release(&ep->adev.dev);
		return ERR_PTR(ret);
	}

	ret = bao_endpoint_publish(ep);
	if (ret) {
		dev_err(parent, "device %u: there is one already\n", desc->dm_id);
		goto err_uninit;
	}

	ret = bao_interrupt_request(ep);
	if (ret) {
		dev_err(parent, "device %u: cannot request interrupt %d: %d\n", desc->dm_id,
			desc->irq, ret);
		goto err_unpublish;
	}

	ret = auxiliary_device_add(&ep->adev);
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
	bao_endpoint_unpublish(ep);
err_uninit:
	auxiliary_device_uninit(&ep->adev);
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
	auxiliary_device_delete(&ep->adev);
	bao_endpoint_stop(ep);
	bao_endpoint_unpublish(ep);
	auxiliary_device_uninit(&ep->adev);
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
	return container_of(adev, struct bao_endpoint, adev);
}
EXPORT_SYMBOL_GPL(bao_endpoint_from_auxdev);

/**
 * bao_endpoint_desc() - description of an endpoint
 * @ep: endpoint
 *
 * Return: what bao_endpoint_create() was given
 */
const struct bao_endpoint_desc *bao_endpoint_desc(const struct bao_endpoint *ep)
{
	return &ep->desc;
}
EXPORT_SYMBOL_GPL(bao_endpoint_desc);

/**
 * bao_endpoint_get() - take a reference
 * @ep: endpoint
 *
 * Return: @ep
 */
struct bao_endpoint *bao_endpoint_get(struct bao_endpoint *ep)
{
	get_device(&ep->adev.dev);

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
	put_device(&ep->adev.dev);
}
EXPORT_SYMBOL_GPL(bao_endpoint_put);
