// SPDX-License-Identifier: GPL-2.0
/*
 * Remote-I/O devices of the simulated hypervisor: the window, and the life of the endpoint
 */
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "sim.h"

static void sim_device_free(struct kref *ref)
{
	struct sim_device *dev = container_of(ref, struct sim_device, ref);

	irq_work_sync(&dev->wake);
	sim_irq_destroy(&dev->irq);
	free_pages_exact(dev->window, dev->size);
	mutex_destroy(&dev->life);
	kvfree(dev);
}

/**
 * sim_device_get() - take a reference
 * @dev: device
 */
void sim_device_get(struct sim_device *dev)
{
	kref_get(&dev->ref);
}

/**
 * sim_device_put() - give up a reference
 * @dev: device
 *
 * Context: may sleep
 */
void sim_device_put(struct sim_device *dev)
{
	kref_put(&dev->ref, sim_device_free);
}

/* The endpoint's memory is gone, and with it every mapping of the window through it */
static void sim_release(const struct bao_hypercall_ops *ops)
{
	sim_device_put(container_of(ops, struct sim_device, ops));
}

static void sim_irq_violation(struct sim_irq *irq, const char *what)
{
	sim_violation(container_of(irq, struct sim_device, irq), what);
}

/**
 * sim_device_create() - make a device that nobody serves yet
 * @args: in and out
 *
 * Context: may sleep
 * Return: the device, for sim_device_put(); an ERR_PTR() of -EINVAL, -ENOSPC or -ENOMEM
 */
struct sim_device *sim_device_create(struct bao_sim_device *args)
{
	struct sim_device *dev;
	int ret = -ENOMEM;

	if (!args->shmem_size || args->shmem_size > BAO_SIM_WINDOW_MAX ||
	    !PAGE_ALIGNED(args->shmem_size))
		return ERR_PTR(-EINVAL);

	dev = kvzalloc(sizeof(*dev), GFP_KERNEL);
	if (!dev)
		return ERR_PTR(-ENOMEM);

	kref_init(&dev->ref);
	mutex_init(&dev->life);
	dev->dm_id = args->dm_id;
	dev->size = args->shmem_size;
	dev->ops.owner = THIS_MODULE;
	dev->ops.call = sim_hypercall;
	dev->ops.release = sim_release;
	sim_hypervisor_init(dev);

	dev->window = alloc_pages_exact(dev->size, GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN);
	if (!dev->window)
		goto err_free;

	dev->irq.lock = &dev->lock;
	dev->irq.violation = sim_irq_violation;
	ret = sim_irq_create(&dev->irq);
	if (ret)
		goto err_window;

	args->irq = dev->irq.virq;
	args->shmem_addr = virt_to_phys(dev->window);

	return dev;

err_window:
	free_pages_exact(dev->window, dev->size);
err_free:
	mutex_destroy(&dev->life);
	kvfree(dev);
	return ERR_PTR(ret);
}

static int sim_bind(struct sim_device *dev, struct device *parent)
{
	const struct bao_endpoint_desc desc = {
		.dm_id = dev->dm_id,
		.irq = dev->irq.virq,
		.shmem_start = virt_to_phys(dev->window),
		.shmem_size = dev->size,
		.ops = &dev->ops,
	};
	struct bao_endpoint *ep;

	sim_set_service(dev, SIM_BOUND);
	/* The endpoint's reference, see sim_release() */
	sim_device_get(dev);
	ep = bao_endpoint_create(parent, &desc);
	if (IS_ERR(ep)) {
		sim_set_service(dev, SIM_UNBOUND);
		return PTR_ERR(ep);
	}
	dev->ep = ep;

	return 0;
}

static void sim_unbind(struct sim_device *dev)
{
	bao_endpoint_destroy(dev->ep);
	dev->ep = NULL;
	sim_set_service(dev, SIM_UNBOUND);
}

static int sim_happen(struct sim_device *dev, struct device *parent, u32 event)
{
	lockdep_assert_held(&dev->life);

	switch (event) {
	case BAO_SIM_BIND:
		if (dev->removed)
			return -ENOENT;
		return dev->ep ? -EBUSY : sim_bind(dev, parent);
	case BAO_SIM_UNBIND:
		if (!dev->ep)
			return -EBUSY;
		sim_unbind(dev);
		return 0;
	case BAO_SIM_SHUTDOWN:
		if (!dev->ep || dev->service == SIM_SHUT_DOWN)
			return -EBUSY;
		bao_endpoint_shutdown(dev->ep);
		sim_set_service(dev, SIM_SHUT_DOWN);
		return 0;
	case BAO_SIM_SUSPEND:
		if (dev->service != SIM_BOUND)
			return -EBUSY;
		bao_endpoint_suspend(dev->ep);
		sim_set_service(dev, SIM_SUSPENDED);
		return 0;
	case BAO_SIM_RESUME:
		if (dev->service != SIM_SUSPENDED)
			return -EBUSY;
		sim_set_service(dev, SIM_BOUND);
		bao_endpoint_resume(dev->ep);
		return 0;
	default:
		return -EINVAL;
	}
}

/**
 * sim_device_remove() - take a device away from its frontends and its endpoint
 * @dev: device, which nothing can be bound to after this
 *
 * Gives up a reference.
 *
 * Context: may sleep
 */
void sim_device_remove(struct sim_device *dev)
{
	mutex_lock(&dev->life);
	dev->removed = true;
	if (dev->ep)
		sim_unbind(dev);
	mutex_unlock(&dev->life);
	sim_device_put(dev);
}

/**
 * sim_device_life() - let something happen to the endpoint of a device
 * @dev: device
 * @parent: device that the endpoint's hangs below
 * @event: enum bao_sim_event
 *
 * Context: may sleep
 * Return: 0, -EBUSY if it makes no sense now, -EINVAL, or an error of bao_endpoint_create()
 */
int sim_device_life(struct sim_device *dev, struct device *parent, u32 event)
{
	int ret;

	mutex_lock(&dev->life);
	ret = sim_happen(dev, parent, event);
	mutex_unlock(&dev->life);

	return ret;
}
