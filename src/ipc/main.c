// SPDX-License-Identifier: GPL-2.0
/*
 * IPC channels for user space: /dev/baoipcN, and the life of a channel
 *
 * Descriptors live on when their channel is unbound; all they then can do is to say so. A channel
 * that is bound again is a new one.
 */
#include <linux/auxiliary_bus.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "ipc.h"

static void bao_ipc_chan_free(struct kref *ref)
{
	struct bao_ipc_chan *chan = container_of(ref, struct bao_ipc_chan, ref);

	if (chan->mapped)
		bao_ipc_unmap(chan->ipc);
	bao_ipc_put(chan->ipc);
	mutex_destroy(&chan->mutex);
	kfree(chan);
}

/* The first descriptor makes us the user of the channel, the last one ends that */
static int bao_ipc_chan_begin(struct bao_ipc_chan *chan)
{
	int ret;

	lockdep_assert_held(&chan->mutex);

	if (bao_ipc_dead(chan))
		return -ENODEV;
	if (chan->nr_files)
		return 0;
	if (!chan->mapped) {
		ret = bao_ipc_map(chan->ipc, &chan->memory);
		if (ret)
			return ret;
		chan->mapped = true;
	}

	return bao_ipc_claim(chan->ipc, &chan->client);
}

/**
 * bao_ipc_chan_open() - begin to use a channel by a descriptor
 * @misc: its character device
 *
 * Context: ->open() of @misc, whose lock keeps the channel from being unbound
 * Return: the channel, for bao_ipc_chan_close(); an ERR_PTR() of -ENODEV, or as bao_ipc_map() and
 * bao_ipc_claim() have it
 */
struct bao_ipc_chan *bao_ipc_chan_open(struct miscdevice *misc)
{
	struct bao_ipc_chan *chan = container_of(misc, struct bao_ipc_chan, misc);
	int ret;

	mutex_lock(&chan->mutex);
	ret = bao_ipc_chan_begin(chan);
	if (!ret) {
		chan->nr_files++;
		kref_get(&chan->ref);
	}
	mutex_unlock(&chan->mutex);

	return ret ? ERR_PTR(ret) : chan;
}

/**
 * bao_ipc_chan_close() - end the use of a channel by a descriptor
 * @chan: channel
 *
 * Context: may sleep
 */
void bao_ipc_chan_close(struct bao_ipc_chan *chan)
{
	bool last;

	mutex_lock(&chan->mutex);
	last = !--chan->nr_files;
	/* If it has been unbound, this comes a second time, and does no harm */
	if (last)
		bao_ipc_release_nowait(&chan->client);
	mutex_unlock(&chan->mutex);
	/*
	 * Who opens the channel waits for the mutex, with the lock of all misc devices. So what
	 * takes long comes after it; a doorbell under way needs the channel's memory, no more.
	 */
	if (last)
		synchronize_rcu();
	kref_put(&chan->ref, bao_ipc_chan_free);
}

/* No lock of ours: bao_ipc_claim() is called with the mutex held, and waits for this */
static void bao_ipc_chan_gone(struct bao_ipc_client *client)
{
	struct bao_ipc_chan *chan = container_of(client, struct bao_ipc_chan, client);

	WRITE_ONCE(chan->dead, true);
	wake_up_all(&chan->wait);
}

static int bao_ipc_probe(struct auxiliary_device *adev, const struct auxiliary_device_id *id)
{
	struct bao_ipc_chan *chan;
	int ret;

	chan = kzalloc(sizeof(*chan), GFP_KERNEL);
	if (!chan)
		return -ENOMEM;

	kref_init(&chan->ref);
	mutex_init(&chan->mutex);
	chan->ipc = bao_ipc_get(bao_ipc_from_auxdev(adev));
	chan->client.doorbell = bao_ipc_doorbell;
	chan->client.gone = bao_ipc_chan_gone;
	bao_ipc_doorbell_init(chan);

	snprintf(chan->name, sizeof(chan->name), "baoipc%u", bao_ipc_describe(chan->ipc)->id);
	chan->misc.minor = MISC_DYNAMIC_MINOR;
	chan->misc.name = chan->name;
	chan->misc.fops = &bao_ipc_fops;
	chan->misc.parent = &adev->dev;
	auxiliary_set_drvdata(adev, chan);
	ret = misc_register(&chan->misc);
	if (ret)
		kref_put(&chan->ref, bao_ipc_chan_free);

	return ret;
}

static void bao_ipc_remove(struct auxiliary_device *adev)
{
	struct bao_ipc_chan *chan = auxiliary_get_drvdata(adev);

	/* Waits for an ->open() that is under way, and lets no further one come */
	misc_deregister(&chan->misc);

	mutex_lock(&chan->mutex);
	WRITE_ONCE(chan->dead, true);
	if (chan->nr_files)
		bao_ipc_release(&chan->client);
	mutex_unlock(&chan->mutex);
	wake_up_all(&chan->wait);

	kref_put(&chan->ref, bao_ipc_chan_free);
}

static const struct auxiliary_device_id bao_ipc_ids[] = {
	{ .name = "bao." BAO_IPC_DEVICE },
	{ }
};
MODULE_DEVICE_TABLE(auxiliary, bao_ipc_ids);

static struct auxiliary_driver bao_ipc_driver = {
	.probe = bao_ipc_probe,
	.remove = bao_ipc_remove,
	.id_table = bao_ipc_ids,
};
module_auxiliary_driver(bao_ipc_driver);

MODULE_DESCRIPTION("IPC channels of the Bao hypervisor for user space");
MODULE_LICENSE("GPL");
