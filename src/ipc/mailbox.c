// SPDX-License-Identifier: GPL-2.0
/*
 * IPC channels for the mailbox framework: a controller for each channel that is offered to it. Its
 * mailboxes are the events of the channel.
 *
 * A message is a doorbell. What it is about, the protocol of the client finds in the memory, which
 * bao_mailbox_memory() maps, or the client itself.
 *
 * While a client has a mailbox, we are the channel's user; /dev/baoipcN is busy then.
 */
#include <linux/auxiliary_bus.h>
#include <linux/bitops.h>
#include <linux/export.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mailbox_client.h>
#include <linux/mailbox_controller.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include <linux/bao_ipc.h>

#include "compat.h"

/**
 * struct bao_mailbox - a channel
 * @ref: the driver that is bound, and each bao_mailbox_request()
 * @node: in the list of all
 * @dev: what we are bound to; the framework goes on to name it. Holds a reference, which is one to
 *	 @ipc as well.
 * @ipc: endpoint
 * @client: what we are to the transport
 * @mapped: @memory is there, until the end, as clients may use it
 * @memory: the kernel's mapping
 * @mutex: protects @users, @mapped
 * @users: mailboxes in use; while there are any, the channel is claimed
 * @active: by event: whether a client wants to hear of it
 * @controller: what we are to the framework
 * @chan: mailboxes by event
 */
struct bao_mailbox {
	struct kref ref;
	struct list_head node;
	struct device *dev;
	struct bao_ipc *ipc;
	struct bao_ipc_client client;
	bool mapped;
	struct bao_ipc_memory memory;
	struct mutex mutex;	/* protects users, mapped */
	unsigned int users;
	unsigned long active;
	struct mbox_controller controller;
	struct mbox_chan chan[BAO_IPC_MAX_EVENTS];
};

/*
 * All that are bound. The mutex also keeps our freeing of a mailbox and the framework's, when its
 * controller goes, from each other: both drop the reference to the module.
 */
static LIST_HEAD(bao_mailboxes);
static DEFINE_MUTEX(bao_mailboxes_mutex);

static struct bao_mailbox *bao_mailbox_of(const struct mbox_chan *chan)
{
	return container_of(chan->mbox, struct bao_mailbox, controller);
}

static void bao_mailbox_release(struct kref *ref)
{
	struct bao_mailbox *mailbox = container_of(ref, struct bao_mailbox, ref);

	if (mailbox->mapped)
		bao_ipc_unmap(mailbox->ipc);
	put_device(mailbox->dev);
	mutex_destroy(&mailbox->mutex);
	kfree(mailbox);
}

static void bao_mailbox_doorbell(struct bao_ipc_client *client, unsigned int event)
{
	struct bao_mailbox *mailbox = container_of(client, struct bao_mailbox, client);

	/* bao_mailbox_shutdown() waits for us: the transport has called rcu_read_lock() */
	if (test_bit(event, &mailbox->active))
		mbox_chan_received_data(&mailbox->chan[event], NULL);
}

/*
 * The framework would keep a message that we refuse, ahead of all others, and has no way to tell
 * its client. So what the hypervisor refuses, or comes after the end, is lost, as any doorbell can
 * be; bao_ipc_ring() counts and logs it.
 */
static int bao_mailbox_send(struct mbox_chan *chan, void *data)
{
	struct bao_mailbox *mailbox = bao_mailbox_of(chan);

	bao_ipc_ring(&mailbox->client, chan - mailbox->chan);

	return 0;
}

static int bao_mailbox_startup(struct mbox_chan *chan)
{
	struct bao_mailbox *mailbox = bao_mailbox_of(chan);
	int ret = 0;

	mutex_lock(&mailbox->mutex);
	if (!mailbox->users)
		ret = bao_ipc_claim(mailbox->ipc, &mailbox->client);
	if (!ret) {
		mailbox->users++;
		set_bit(chan - mailbox->chan, &mailbox->active);
	}
	mutex_unlock(&mailbox->mutex);

	return ret;
}

static void bao_mailbox_shutdown(struct mbox_chan *chan)
{
	struct bao_mailbox *mailbox = bao_mailbox_of(chan);

	mutex_lock(&mailbox->mutex);
	/* The framework calls us for all mailboxes when we go, and where startup has failed */
	if (test_and_clear_bit(chan - mailbox->chan, &mailbox->active)) {
		if (--mailbox->users)
			synchronize_rcu();
		else
			bao_ipc_release(&mailbox->client);
	}
	mutex_unlock(&mailbox->mutex);
}

/* The hypercall has delivered it. Clients that know better say so themselves. */
static bool bao_mailbox_last_tx_done(struct mbox_chan *chan)
{
	return true;
}

static const struct mbox_chan_ops bao_mailbox_ops = {
	.send_data = bao_mailbox_send,
	.startup = bao_mailbox_startup,
	.shutdown = bao_mailbox_shutdown,
	.last_tx_done = bao_mailbox_last_tx_done,
};

/**
 * bao_mailbox_memory() - memory of the channel behind a mailbox
 * @chan: a mailbox that the caller has requested
 * @memory: out: the kernel's mapping; stays until bao_mailbox_free() or mbox_free_channel(),
 *	    whichever is right for @chan
 *
 * As normal cacheable memory. A client that maps it in another way, or whose peer does, does not
 * call this: two mappings of one memory have to agree.
 *
 * Context: may sleep
 * Return: 0; -EINVAL if the mailbox is not one of an IPC channel; or as bao_ipc_map() has it
 */
int bao_mailbox_memory(struct mbox_chan *chan, struct bao_ipc_memory *memory)
{
	struct bao_mailbox *mailbox;
	int ret = 0;

	if (chan->mbox->ops != &bao_mailbox_ops)
		return -EINVAL;

	mailbox = bao_mailbox_of(chan);
	mutex_lock(&mailbox->mutex);
	if (!mailbox->mapped)
		ret = bao_ipc_map(mailbox->ipc, &mailbox->memory);
	if (!ret) {
		mailbox->mapped = true;
		*memory = mailbox->memory;
	}
	mutex_unlock(&mailbox->mutex);

	return ret;
}
EXPORT_SYMBOL_GPL(bao_mailbox_memory);

static struct bao_mailbox *bao_mailbox_find(u32 id)
{
	struct bao_mailbox *mailbox;

	lockdep_assert_held(&bao_mailboxes_mutex);

	list_for_each_entry(mailbox, &bao_mailboxes, node)
		if (bao_ipc_describe(mailbox->ipc)->id == id)
			return mailbox;

	return NULL;
}

/**
 * bao_mailbox_request() - request a mailbox by the index of its channel
 * @cl: mailbox client
 * @id: the hypervisor's index of the channel
 * @event: mailbox of it: the event that is sent and received
 *
 * For clients that no node of a devicetree stands for; the others call mbox_request_channel().
 *
 * If the channel is unbound, the framework takes the mailbox away from its client: rx_callback() is
 * not called any more, and mbox_send_message() fails with -EINVAL. It has no lock against a call
 * of mbox_send_message() that is under way. The mailbox itself stays until bao_mailbox_free().
 *
 * Context: may sleep
 * Return: the mailbox, for bao_mailbox_free(); an ERR_PTR() of -ENODEV if there is no such
 * channel, -EINVAL if it has no such event, -EBUSY if the mailbox or the channel is in use,
 * -EOPNOTSUPP before Linux 6.4
 */
struct mbox_chan *bao_mailbox_request(struct mbox_client *cl, u32 id, u32 event)
{
	struct bao_mailbox *mailbox;
	int ret = -ENODEV;

	if (event >= BAO_IPC_MAX_EVENTS)
		return ERR_PTR(-EINVAL);

	mutex_lock(&bao_mailboxes_mutex);
	mailbox = bao_mailbox_find(id);
	if (mailbox)
		ret = bao_mbox_bind_client(&mailbox->chan[event], cl);
	if (!ret)
		kref_get(&mailbox->ref);
	mutex_unlock(&bao_mailboxes_mutex);

	return ret ? ERR_PTR(ret) : &mailbox->chan[event];
}
EXPORT_SYMBOL_GPL(bao_mailbox_request);

/**
 * bao_mailbox_free() - undo bao_mailbox_request()
 * @chan: mailbox, whether its channel is still bound or not
 *
 * When this returns, rx_callback() is not running and will not be called.
 *
 * Context: may sleep
 */
void bao_mailbox_free(struct mbox_chan *chan)
{
	struct bao_mailbox *mailbox = bao_mailbox_of(chan);

	mutex_lock(&bao_mailboxes_mutex);
	/* Does nothing if the framework has taken it away */
	mbox_free_channel(chan);
	mutex_unlock(&bao_mailboxes_mutex);
	kref_put(&mailbox->ref, bao_mailbox_release);
}
EXPORT_SYMBOL_GPL(bao_mailbox_free);

static int bao_mailbox_register(struct bao_mailbox *mailbox)
{
	struct mbox_controller *controller = &mailbox->controller;

	controller->dev = mailbox->dev;
	controller->ops = &bao_mailbox_ops;
	controller->chans = mailbox->chan;
	/* All: what the other VMs have, nobody tells us */
	controller->num_chans = BAO_IPC_MAX_EVENTS;
	controller->txdone_poll = true;
	controller->txpoll_period = 1;

	return mbox_controller_register(controller);
}

static int bao_mailbox_probe(struct auxiliary_device *adev, const struct auxiliary_device_id *id)
{
	struct bao_mailbox *mailbox;
	int ret;

	mailbox = kzalloc(sizeof(*mailbox), GFP_KERNEL);
	if (!mailbox)
		return -ENOMEM;

	kref_init(&mailbox->ref);
	mutex_init(&mailbox->mutex);
	mailbox->client.doorbell = bao_mailbox_doorbell;
	mailbox->dev = get_device(&adev->dev);
	mailbox->ipc = bao_ipc_from_auxdev(adev);
	ret = bao_mailbox_register(mailbox);
	if (ret) {
		kref_put(&mailbox->ref, bao_mailbox_release);
		return ret;
	}

	auxiliary_set_drvdata(adev, mailbox);
	mutex_lock(&bao_mailboxes_mutex);
	list_add_tail(&mailbox->node, &bao_mailboxes);
	mutex_unlock(&bao_mailboxes_mutex);

	return 0;
}

static void bao_mailbox_remove(struct auxiliary_device *adev)
{
	struct bao_mailbox *mailbox = auxiliary_get_drvdata(adev);

	mutex_lock(&bao_mailboxes_mutex);
	list_del(&mailbox->node);
	/* Takes the mailboxes away from their clients */
	mbox_controller_unregister(&mailbox->controller);
	mutex_unlock(&bao_mailboxes_mutex);

	kref_put(&mailbox->ref, bao_mailbox_release);
}

static const struct auxiliary_device_id bao_mailbox_ids[] = {
	{ .name = "bao." BAO_MAILBOX_DEVICE },
	{ }
};
MODULE_DEVICE_TABLE(auxiliary, bao_mailbox_ids);

static struct auxiliary_driver bao_mailbox_driver = {
	.probe = bao_mailbox_probe,
	.remove = bao_mailbox_remove,
	.id_table = bao_mailbox_ids,
};
module_auxiliary_driver(bao_mailbox_driver);

MODULE_DESCRIPTION("IPC channels of the Bao hypervisor as mailboxes");
MODULE_LICENSE("GPL");
