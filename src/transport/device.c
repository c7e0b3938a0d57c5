// SPDX-License-Identifier: GPL-2.0
/*
 * What endpoints of all kinds have in common: a device on the auxiliary bus, whose references are
 * the endpoint's; the operations, which stay as long; and the lists by which they are found.
 */
#include <linux/module.h>
#include <linux/wait.h>

#include "transport.h"

static const char * const bao_kind_names[] = {
	[BAO_KIND_REMIO] = BAO_REMIO_DEVICE,
	[BAO_KIND_IPC] = BAO_IPC_DEVICE,
};

/* As the log names them */
static const char * const bao_kind_words[] = {
	[BAO_KIND_REMIO] = "device",
	[BAO_KIND_IPC] = "channel",
};

/* All in service. Endpoints of different kinds have indices of their own. */
static LIST_HEAD(bao_devices);
static DEFINE_MUTEX(bao_devices_mutex);

/*
 * All that have not been freed. Who lets go last may do so late: the driver core, for one, drops
 * the references of device links in a work of its own.
 */
static atomic_t bao_nr_devices;
static DECLARE_WAIT_QUEUE_HEAD(bao_devices_freed);

static void bao_ops_release(const struct bao_hypercall_ops *ops)
{
	if (ops->release)
		ops->release(ops);
}

/**
 * bao_ops_get() - begin to use operations
 * @ops: operations
 *
 * Context: may sleep
 * Return: 0; -ENODEV if the module that provides them is going, and then they have been released
 */
int bao_ops_get(const struct bao_hypercall_ops *ops)
{
	if (try_module_get(ops->owner))
		return 0;
	bao_ops_release(ops);

	return -ENODEV;
}

/**
 * bao_ops_put() - the endpoint and its memory are gone
 * @ops: operations
 *
 * Context: may sleep
 */
void bao_ops_put(const struct bao_hypercall_ops *ops)
{
	struct module *owner = ops->owner;

	bao_ops_release(ops);
	module_put(owner);
}

static void bao_device_release(struct device *dev)
{
	struct bao_device *bdev = container_of(dev, struct bao_device, adev.dev);
	const struct bao_hypercall_ops *ops = bdev->ops;

	bdev->free(bdev);
	bao_ops_put(ops);

	/* The section lasts until the waiter has been woken */
	rcu_read_lock();
	if (atomic_dec_and_test(&bao_nr_devices))
		wake_up_all(&bao_devices_freed);
	rcu_read_unlock();
}

/**
 * bao_devices_wait() - wait until all devices have been freed
 *
 * To be called when none is made any more, and before the code goes that frees them.
 *
 * Context: may sleep
 */
void bao_devices_wait(void)
{
	wait_event(bao_devices_freed, !atomic_read(&bao_nr_devices));
	synchronize_rcu();
}

/**
 * bao_device_init() - make a device that nobody knows yet
 * @bdev: device; @kind, @id, @ops and @free are set, and bao_ops_get() has been called
 * @parent: who provides the endpoint
 * @groups: attributes
 *
 * Return: 0, and then auxiliary_device_uninit() drops the first reference; or an error, and then
 * @bdev has been freed
 */
int bao_device_init(struct bao_device *bdev, struct device *parent,
		    const struct attribute_group **groups)
{
	int ret;

	atomic_inc(&bao_nr_devices);
	bdev->adev.name = bao_kind_names[bdev->kind];
	bdev->adev.id = bdev->id;
	bdev->adev.dev.parent = parent;
	bdev->adev.dev.release = bao_device_release;
	bdev->adev.dev.groups = groups;
	ret = auxiliary_device_init(&bdev->adev);
	if (ret)
		bao_device_release(&bdev->adev.dev);

	return ret;
}

static struct bao_device *bao_device_lookup(enum bao_kind kind, u32 id)
{
	struct bao_device *bdev;

	lockdep_assert_held(&bao_devices_mutex);

	list_for_each_entry(bdev, &bao_devices, node)
		if (bdev->kind == kind && bdev->id == id)
			return bdev;

	return NULL;
}

static bool bao_device_shares(const struct bao_device *a, const struct bao_device *b)
{
	unsigned int i, j;

	for (i = 0; i < a->nr_regions; i++)
		for (j = 0; j < b->nr_regions; j++)
			if (bao_regions_overlap(&a->region[i], &b->region[j]))
				return true;

	return false;
}

/* The hypervisor gives no two endpoints the same memory of a VM: a description is wrong */
static int bao_device_check(const struct bao_device *bdev)
{
	const char *word = bao_kind_words[bdev->kind];
	struct device *parent = bdev->adev.dev.parent;
	const struct bao_device *other;

	lockdep_assert_held(&bao_devices_mutex);

	if (bao_device_lookup(bdev->kind, bdev->id)) {
		dev_err(parent, "%s %u: there is one already\n", word, bdev->id);
		return -EEXIST;
	}
	list_for_each_entry(other, &bao_devices, node) {
		if (!bao_device_shares(bdev, other))
			continue;
		dev_err(parent, "%s %u: its memory is also that of %s %u\n", word, bdev->id,
			bao_kind_words[other->kind], other->id);
		return -EEXIST;
	}

	return 0;
}

/**
 * bao_device_publish() - let a device be found
 * @bdev: device
 *
 * Makes the name of the auxiliary device unique as well.
 *
 * Context: may sleep
 * Return: 0; -EEXIST, and a line in the log, if there is one of this kind and index, or of the same
 * memory
 */
int bao_device_publish(struct bao_device *bdev)
{
	int ret;

	mutex_lock(&bao_devices_mutex);
	ret = bao_device_check(bdev);
	if (!ret)
		list_add_tail(&bdev->node, &bao_devices);
	mutex_unlock(&bao_devices_mutex);

	return ret;
}

/**
 * bao_device_unpublish() - undo bao_device_publish()
 * @bdev: device
 *
 * Context: may sleep
 */
void bao_device_unpublish(struct bao_device *bdev)
{
	mutex_lock(&bao_devices_mutex);
	list_del(&bdev->node);
	mutex_unlock(&bao_devices_mutex);
}

/**
 * bao_device_find() - find a device
 * @kind: its kind
 * @id: its index
 *
 * Context: may sleep
 * Return: the device, with a reference; NULL if there is none
 */
struct bao_device *bao_device_find(enum bao_kind kind, u32 id)
{
	struct bao_device *bdev;

	mutex_lock(&bao_devices_mutex);
	bdev = bao_device_lookup(kind, id);
	if (bdev)
		get_device(&bdev->adev.dev);
	mutex_unlock(&bao_devices_mutex);

	return bdev;
}
