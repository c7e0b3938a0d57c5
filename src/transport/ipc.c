// SPDX-License-Identifier: GPL-2.0
/*
 * IPC channels: what makes a description good, and the life of a channel of this VM
 */
#include <linux/export.h>
#include <linux/overflow.h>
#include <linux/property.h>
#include <linux/slab.h>

#include "transport.h"

static struct bao_ipc *bao_device_ipc(struct bao_device *dev)
{
	return container_of(dev, struct bao_ipc, dev);
}

/* Descriptions */

static bool bao_ipc_wraps(const struct bao_ipc_region *region)
{
	phys_addr_t last;

	return check_add_overflow(region->start, region->size - 1, &last);
}

/* Of what does not wrap */
static bool bao_ipc_within(const struct bao_ipc_region *part, const struct bao_ipc_region *whole)
{
	return part->start >= whole->start && part->size <= whole->size &&
	       part->start - whole->start <= whole->size - part->size;
}

static int bao_ipc_check_region(struct device *dev, const struct bao_ipc_desc *desc,
				const struct bao_ipc_region *region)
{
	if (!region->size)
		return dev_err_probe(dev, -EINVAL, "channel %u: memory is empty\n", desc->id);
	if (bao_ipc_wraps(region))
		return dev_err_probe(dev, -EINVAL, "channel %u: memory at %pa wraps\n", desc->id,
				     &region->start);
	if (!IS_ALIGNED(region->start, BAO_PAGE) || !IS_ALIGNED(region->size, BAO_PAGE))
		return dev_err_probe(dev, -EINVAL,
				     "channel %u: memory at %pa is not made of whole pages\n",
				     desc->id, &region->start);

	return 0;
}

static int bao_ipc_check_part(struct device *dev, const struct bao_ipc_desc *desc,
			      const struct bao_ipc_region *part, const char *what)
{
	unsigned int i;

	/* An empty one is of a channel that has one direction */
	if (!part->size || !bao_ipc_wraps(part))
		for (i = 0; i < desc->nr_regions; i++)
			if (bao_ipc_within(part, &desc->region[i]))
				return 0;

	return dev_err_probe(dev, -EINVAL, "channel %u: %s part is not inside of the memory\n",
			     desc->id, what);
}

/* One piece of memory for both directions */
static bool bao_ipc_is_shared(const struct bao_ipc_desc *desc)
{
	const struct bao_ipc_region *whole = &desc->region[0];

	return desc->nr_regions == 1 && bao_ipc_within(whole, &desc->rx) &&
	       bao_ipc_within(whole, &desc->tx);
}

/**
 * bao_ipc_check() - tell whether a description makes sense
 * @dev: who is to blame, and says so in the log
 * @desc: description
 *
 * Context: may sleep
 * Return: 0 or -EINVAL
 */
int bao_ipc_check(struct device *dev, const struct bao_ipc_desc *desc)
{
	unsigned int i;
	int ret;

	if (!desc->nr_regions || desc->nr_regions > ARRAY_SIZE(desc->region))
		return dev_err_probe(dev, -EINVAL, "channel %u: %u pieces of memory, not 1 or 2\n",
				     desc->id, desc->nr_regions);
	if (desc->nr_events > BAO_IPC_MAX_EVENTS)
		return dev_err_probe(dev, -EINVAL, "channel %u: more than %d interrupts\n",
				     desc->id, BAO_IPC_MAX_EVENTS);
	for (i = 0; i < desc->nr_regions; i++) {
		ret = bao_ipc_check_region(dev, desc, &desc->region[i]);
		if (ret)
			return ret;
	}
	if (desc->nr_regions == 2 && bao_regions_overlap(&desc->region[0], &desc->region[1]))
		return dev_err_probe(dev, -EINVAL, "channel %u: the pieces of memory overlap\n",
				     desc->id);
	ret = bao_ipc_check_part(dev, desc, &desc->rx, "read");
	if (!ret)
		ret = bao_ipc_check_part(dev, desc, &desc->tx, "write");
	if (ret)
		return ret;
	if (bao_regions_overlap(&desc->rx, &desc->tx) && !bao_ipc_is_shared(desc))
		return dev_err_probe(dev, -EINVAL, "channel %u: read and write part overlap\n",
				     desc->id);

	return 0;
}
EXPORT_SYMBOL_GPL(bao_ipc_check);

/* Life */

static void bao_ipc_free(struct bao_device *dev)
{
	struct bao_ipc *ipc = bao_device_ipc(dev);

	mutex_destroy(&ipc->map_mutex);
	mutex_destroy(&ipc->mutex);
	kfree(ipc);
}

static struct bao_ipc *bao_ipc_alloc(const struct bao_ipc_desc *desc)
{
	struct bao_ipc *ipc;

	ipc = kzalloc(sizeof(*ipc), GFP_KERNEL);
	if (!ipc)
		return NULL;

	ipc->dev.kind = BAO_KIND_IPC;
	ipc->dev.id = desc->id;
	ipc->dev.ops = desc->ops;
	ipc->dev.free = bao_ipc_free;
	ipc->dev.nr_regions = desc->nr_regions;
	memcpy(ipc->dev.region, desc->region, sizeof(ipc->dev.region));
	ipc->desc = *desc;
	mutex_init(&ipc->mutex);
	mutex_init(&ipc->map_mutex);
	bao_ipc_events_init(ipc);

	return ipc;
}

static void bao_ipc_mailbox_release(struct device *dev)
{
	struct bao_ipc *ipc = container_of(dev, struct bao_ipc, mailbox.dev);

	fwnode_handle_put(dev_fwnode(dev));
	bao_ipc_put(ipc);
}

static int bao_ipc_mailbox_add(struct bao_ipc *ipc)
{
	int ret;

	if (!ipc->desc.mailbox)
		return 0;

	ipc->mailbox.name = BAO_MAILBOX_DEVICE;
	ipc->mailbox.id = ipc->desc.id;
	ipc->mailbox.dev.parent = bao_ipc_dev(ipc);
	ipc->mailbox.dev.release = bao_ipc_mailbox_release;
	/* By it, the mailbox framework finds the controller that a client names */
	device_set_node(&ipc->mailbox.dev, fwnode_handle_get(ipc->desc.fwnode));
	bao_ipc_get(ipc);
	ret = auxiliary_device_init(&ipc->mailbox);
	if (ret) {
		bao_ipc_mailbox_release(&ipc->mailbox.dev);
		return ret;
	}
	ret = auxiliary_device_add(&ipc->mailbox);
	if (ret)
		auxiliary_device_uninit(&ipc->mailbox);

	return ret;
}

static void bao_ipc_mailbox_del(struct bao_ipc *ipc)
{
	if (!ipc->desc.mailbox)
		return;
	auxiliary_device_delete(&ipc->mailbox);
	auxiliary_device_uninit(&ipc->mailbox);
}

/* No doorbell in either direction any more */
static void bao_ipc_stop(struct bao_ipc *ipc)
{
	struct bao_ipc_client *client;

	/* Under the mutex, so that who claims it either sees this or is told below */
	mutex_lock(&ipc->mutex);
	WRITE_ONCE(ipc->gone, true);
	mutex_unlock(&ipc->mutex);

	/* Doorbells that did not see it end here */
	synchronize_rcu();

	mutex_lock(&ipc->mutex);
	client = rcu_dereference_protected(ipc->client, lockdep_is_held(&ipc->mutex));
	if (client && !client->told) {
		client->told = true;
		if (client->gone)
			client->gone(client);
	}
	mutex_unlock(&ipc->mutex);
}

static int bao_ipc_add(struct bao_ipc *ipc)
{
	int ret;

	ret = auxiliary_device_add(&ipc->dev.adev);
	if (ret)
		return ret;
	ret = bao_ipc_mailbox_add(ipc);
	if (ret)
		auxiliary_device_delete(&ipc->dev.adev);

	return ret;
}

/**
 * bao_ipc_create() - bring an IPC channel into service
 * @parent: device that provides it
 * @desc: description, copied
 *
 * Requests the interrupts and adds the auxiliary device "bao.ipc.<id>" for drivers to bind to, and,
 * if the channel is offered to the mailbox framework, "bao.mailbox.<id>" below it.
 *
 * Context: may sleep
 * Return: the channel, for bao_ipc_destroy(); an ERR_PTR() of -EINVAL as bao_ipc_check(), of what
 * request_irq() or auxiliary_device_add() returned, of -EEXIST if there is one of this index, or of
 * this memory, already, of -ENODEV if the module that provides the hypercalls is going, or of
 * -ENOMEM
 */
struct bao_ipc *bao_ipc_create(struct device *parent, const struct bao_ipc_desc *desc)
{
	struct bao_ipc *ipc;
	int ret;

	ret = bao_ops_get(desc->ops);
	if (ret)
		return ERR_PTR(ret);
	ret = bao_ipc_check(parent, desc);
	if (ret) {
		bao_ops_put(desc->ops);
		return ERR_PTR(ret);
	}
	ipc = bao_ipc_alloc(desc);
	if (!ipc) {
		bao_ops_put(desc->ops);
		return ERR_PTR(-ENOMEM);
	}
	ret = bao_device_init(&ipc->dev, parent, bao_ipc_groups);
	if (ret)
		return ERR_PTR(ret);

	ret = bao_device_publish(&ipc->dev);
	if (ret)
		goto err_uninit;

	ret = bao_ipc_events_request(ipc);
	if (ret)
		goto err_free_irqs;

	/* Before drivers bind, so that a doorbell that they cause themselves is not ignored */
	bao_ipc_events_start(ipc);
	ret = bao_ipc_add(ipc);
	if (ret) {
		dev_err(parent, "channel %u: cannot add auxiliary device: %d\n", desc->id, ret);
		goto err_quiesce;
	}

	return ipc;

err_quiesce:
	bao_ipc_events_quiesce(ipc);
err_free_irqs:
	bao_ipc_events_free(ipc);
	/* A client may have found it */
	bao_ipc_stop(ipc);
	bao_device_unpublish(&ipc->dev);
err_uninit:
	auxiliary_device_uninit(&ipc->dev.adev);
	return ERR_PTR(ret);
}
EXPORT_SYMBOL_GPL(bao_ipc_create);

/**
 * bao_ipc_destroy() - take an IPC channel out of service
 * @ipc: channel
 *
 * Unbinds the drivers of its auxiliary devices. The memory goes with the last reference.
 *
 * Context: may sleep
 */
void bao_ipc_destroy(struct bao_ipc *ipc)
{
	bao_ipc_events_quiesce(ipc);
	bao_ipc_events_free(ipc);
	bao_ipc_mailbox_del(ipc);
	auxiliary_device_delete(&ipc->dev.adev);
	bao_ipc_stop(ipc);
	bao_device_unpublish(&ipc->dev);
	auxiliary_device_uninit(&ipc->dev.adev);
}
EXPORT_SYMBOL_GPL(bao_ipc_destroy);

/**
 * bao_ipc_shutdown() - stop doorbells before the system goes down
 * @ipc: channel; only bao_ipc_destroy() may follow
 *
 * Context: may sleep
 */
void bao_ipc_shutdown(struct bao_ipc *ipc)
{
	bao_ipc_events_quiesce(ipc);
	bao_ipc_stop(ipc);
}
EXPORT_SYMBOL_GPL(bao_ipc_shutdown);

/**
 * bao_ipc_suspend() - tell the client no doorbells
 * @ipc: channel
 *
 * Context: may sleep
 */
void bao_ipc_suspend(struct bao_ipc *ipc)
{
	bao_ipc_events_quiesce(ipc);
}
EXPORT_SYMBOL_GPL(bao_ipc_suspend);

/**
 * bao_ipc_resume() - go on after bao_ipc_suspend()
 * @ipc: channel
 *
 * Tells the client each event once, whether it was rung or not.
 *
 * Context: may sleep
 */
void bao_ipc_resume(struct bao_ipc *ipc)
{
	bao_ipc_events_start(ipc);
	bao_ipc_events_ring_all(ipc);
}
EXPORT_SYMBOL_GPL(bao_ipc_resume);

/**
 * bao_ipc_find() - find a channel by its index
 * @id: the hypervisor's index of it
 *
 * For users that are not bound to an auxiliary device. When the channel goes, &bao_ipc_client.gone
 * tells them.
 *
 * Context: may sleep
 * Return: the channel, with a reference for bao_ipc_put(); NULL if there is none
 */
struct bao_ipc *bao_ipc_find(u32 id)
{
	struct bao_device *dev = bao_device_find(BAO_KIND_IPC, id);

	return dev ? bao_device_ipc(dev) : NULL;
}
EXPORT_SYMBOL_GPL(bao_ipc_find);

/**
 * bao_ipc_from_auxdev() - channel behind an auxiliary device
 * @adev: device named "bao." BAO_IPC_DEVICE or "bao." BAO_MAILBOX_DEVICE
 *
 * Return: the channel; the caller's reference to @adev is one to the channel
 */
struct bao_ipc *bao_ipc_from_auxdev(struct auxiliary_device *adev)
{
	if (!strcmp(adev->name, BAO_MAILBOX_DEVICE))
		return container_of(adev, struct bao_ipc, mailbox);

	return container_of(adev, struct bao_ipc, dev.adev);
}
EXPORT_SYMBOL_GPL(bao_ipc_from_auxdev);

/**
 * bao_ipc_describe() - description of a channel
 * @ipc: channel
 *
 * Return: what bao_ipc_create() was given
 */
const struct bao_ipc_desc *bao_ipc_describe(const struct bao_ipc *ipc)
{
	return &ipc->desc;
}
EXPORT_SYMBOL_GPL(bao_ipc_describe);

/**
 * bao_ipc_get() - take a reference
 * @ipc: channel
 *
 * Return: @ipc
 */
struct bao_ipc *bao_ipc_get(struct bao_ipc *ipc)
{
	get_device(bao_ipc_dev(ipc));

	return ipc;
}
EXPORT_SYMBOL_GPL(bao_ipc_get);

/**
 * bao_ipc_put() - drop a reference
 * @ipc: channel
 *
 * Context: may sleep, if it is the last one
 */
void bao_ipc_put(struct bao_ipc *ipc)
{
	put_device(bao_ipc_dev(ipc));
}
EXPORT_SYMBOL_GPL(bao_ipc_put);
