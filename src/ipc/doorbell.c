// SPDX-License-Identifier: GPL-2.0
/*
 * Doorbells of channels: who has seen which, and eventfds
 *
 * Doorbells are numbered, over all events of a channel. An event is unseen by a descriptor if its
 * last doorbell has another number than the one that the descriptor has seen last. Nothing is
 * taken away from anybody, and what rings while nobody looks is found by the next look.
 *
 * A descriptor has two ways to see, read() and BAO_IOCTL_IPC_WAIT, and each has its own numbers.
 * poll() does not know for which of them it is asked, so it reports what neither has seen: either
 * way, what it reports is there, and no more afterwards.
 */
#include <linux/bitops.h>
#include <linux/file.h>
#include <linux/rculist.h>
#include <linux/slab.h>

#include "compat.h"
#include "ipc.h"

/**
 * struct bao_ipc_eventfd_entry - an eventfd that doorbells signal
 * @node: in the list of the channel
 * @owner: descriptor that it was assigned to
 * @eventfd: what to signal; holds a reference
 * @events: for which doorbells
 * @ended: the next one to be freed, once it has left the list
 */
struct bao_ipc_eventfd_entry {
	struct list_head node;
	const struct bao_ipc_file *owner;
	struct eventfd_ctx *eventfd;
	u32 events;
	struct bao_ipc_eventfd_entry *ended;
};

/**
 * bao_ipc_doorbell_init() - prepare the doorbells of a channel
 * @chan: channel, zeroed
 *
 * All count as rung: a doorbell may have come when nobody was there to hear it, and some interrupt
 * controllers forget it then. Who opens the channel has seen none, and so looks at the memory.
 */
void bao_ipc_doorbell_init(struct bao_ipc_chan *chan)
{
	unsigned int i;

	spin_lock_init(&chan->lock);
	init_waitqueue_head(&chan->wait);
	INIT_LIST_HEAD(&chan->eventfds);
	for (i = 0; i < bao_ipc_describe(chan->ipc)->nr_events; i++)
		chan->last[i] = ++chan->seq;
}

/**
 * bao_ipc_doorbell() - &bao_ipc_client.doorbell
 * @client: of the channel
 * @event: which
 */
void bao_ipc_doorbell(struct bao_ipc_client *client, unsigned int event)
{
	struct bao_ipc_chan *chan = container_of(client, struct bao_ipc_chan, client);
	struct bao_ipc_eventfd_entry *entry;
	unsigned long flags;

	spin_lock_irqsave(&chan->lock, flags);
	chan->last[event] = ++chan->seq;
	spin_unlock_irqrestore(&chan->lock, flags);

	/*
	 * Who is about to sleep is in the queue before it looks under the lock, so it either sees
	 * the doorbell or is woken.
	 */
	wake_up_all(&chan->wait);

	/* The transport has called rcu_read_lock() */
	list_for_each_entry_rcu(entry, &chan->eventfds, node)
		if (entry->events & BIT(event))
			eventfd_signal(entry->eventfd);
}

/**
 * bao_ipc_all_events() - events that there are
 * @chan: channel
 *
 * Return: one bit for each
 */
u32 bao_ipc_all_events(const struct bao_ipc_chan *chan)
{
	return BIT_ULL(bao_ipc_describe(chan->ipc)->nr_events) - 1;
}

static u32 bao_ipc_unseen_locked(const struct bao_ipc_chan *chan, const u64 *seen, u32 events)
{
	unsigned long left = events;
	unsigned int i;
	u32 unseen = 0;

	lockdep_assert_held(&chan->lock);

	for_each_set_bit(i, &left, BAO_IPC_MAX_EVENTS)
		if (seen[i] != chan->last[i])
			unseen |= BIT(i);

	return unseen;
}

/**
 * bao_ipc_unseen() - tell which doorbells a descriptor has not seen, in any way
 * @bf: descriptor
 * @events: which to look at
 *
 * Return: those of @events that have rung
 */
u32 bao_ipc_unseen(struct bao_ipc_file *bf, u32 events)
{
	struct bao_ipc_chan *chan = bf->chan;
	unsigned long flags;
	u32 unseen;

	spin_lock_irqsave(&chan->lock, flags);
	unseen = bao_ipc_unseen_locked(chan, bf->read, events);
	unseen &= bao_ipc_unseen_locked(chan, bf->waited, events);
	spin_unlock_irqrestore(&chan->lock, flags);

	return unseen;
}

/**
 * bao_ipc_see() - make doorbells seen
 * @bf: descriptor
 * @seen: in which way: its @read or @waited
 * @events: which
 * @seq: out: number of doorbells so far; optional
 *
 * To be called before looking at the memory: what comes after this is unseen again.
 *
 * Return: those of @events that were unseen
 */
u32 bao_ipc_see(struct bao_ipc_file *bf, u64 *seen, u32 events, u64 *seq)
{
	struct bao_ipc_chan *chan = bf->chan;
	unsigned long flags, left;
	unsigned int i;
	u32 unseen;

	spin_lock_irqsave(&chan->lock, flags);
	unseen = bao_ipc_unseen_locked(chan, seen, events);
	left = unseen;
	for_each_set_bit(i, &left, BAO_IPC_MAX_EVENTS)
		seen[i] = chan->last[i];
	if (seq)
		*seq = chan->seq;
	spin_unlock_irqrestore(&chan->lock, flags);

	return unseen;
}

/**
 * bao_ipc_unsee() - the caller could not be told of doorbells
 * @bf: descriptor
 * @seen: its @read or @waited
 * @events: those that bao_ipc_see() returned
 */
void bao_ipc_unsee(struct bao_ipc_file *bf, u64 *seen, u32 events)
{
	unsigned long flags, left = events;
	unsigned int i;

	spin_lock_irqsave(&bf->chan->lock, flags);
	/* No doorbell has the number 0 */
	for_each_set_bit(i, &left, BAO_IPC_MAX_EVENTS)
		seen[i] = 0;
	spin_unlock_irqrestore(&bf->chan->lock, flags);

	/* Another thread may have gone to sleep because of us */
	wake_up_all(&bf->chan->wait);
}

/* Eventfds */

static struct bao_ipc_eventfd_entry *bao_ipc_eventfd_find(const struct bao_ipc_file *bf,
							  const struct eventfd_ctx *eventfd)
{
	struct bao_ipc_eventfd_entry *entry;

	lockdep_assert_held(&bf->chan->mutex);

	list_for_each_entry(entry, &bf->chan->eventfds, node)
		if (entry->owner == bf && entry->eventfd == eventfd)
			return entry;

	return NULL;
}

/* After a grace period */
static void bao_ipc_eventfd_free(struct bao_ipc_eventfd_entry *entry)
{
	eventfd_ctx_put(entry->eventfd);
	kfree(entry);
}

static int bao_ipc_eventfd_add(struct bao_ipc_eventfd_entry *entry)
{
	struct bao_ipc_chan *chan = entry->owner->chan;
	int ret = 0;

	mutex_lock(&chan->mutex);
	if (bao_ipc_eventfd_find(entry->owner, entry->eventfd)) {
		ret = -EBUSY;
	} else if (chan->nr_eventfds >= BAO_MAX_EVENTFDS) {
		ret = -ENOSPC;
	} else {
		list_add_tail_rcu(&entry->node, &chan->eventfds);
		chan->nr_eventfds++;
	}
	mutex_unlock(&chan->mutex);

	return ret;
}

static int bao_ipc_eventfd_assign(struct bao_ipc_file *bf, struct eventfd_ctx *eventfd, u32 events)
{
	struct bao_ipc_eventfd_entry *entry;
	int ret;

	entry = kzalloc(sizeof(*entry), GFP_KERNEL_ACCOUNT);
	if (!entry) {
		eventfd_ctx_put(eventfd);
		return -ENOMEM;
	}

	entry->owner = bf;
	entry->eventfd = eventfd;
	entry->events = events;
	ret = bao_ipc_eventfd_add(entry);
	if (ret)
		bao_ipc_eventfd_free(entry);

	return ret;
}

static int bao_ipc_eventfd_deassign(struct bao_ipc_file *bf, struct eventfd_ctx *eventfd)
{
	struct bao_ipc_chan *chan = bf->chan;
	struct bao_ipc_eventfd_entry *entry;

	mutex_lock(&chan->mutex);
	entry = bao_ipc_eventfd_find(bf, eventfd);
	if (entry) {
		list_del_rcu(&entry->node);
		chan->nr_eventfds--;
	}
	mutex_unlock(&chan->mutex);
	eventfd_ctx_put(eventfd);
	if (!entry)
		return -ENOENT;

	/* No signal comes once we return */
	synchronize_rcu();
	bao_ipc_eventfd_free(entry);

	return 0;
}

/**
 * bao_ipc_eventfd_config() - BAO_IOCTL_IPC_EVENTFD
 * @bf: descriptor
 * @config: argument, from user space
 *
 * Context: may sleep
 * Return: 0 or an error as in <uapi/linux/bao.h>
 */
int bao_ipc_eventfd_config(struct bao_ipc_file *bf, const struct bao_ipc_eventfd *config)
{
	bool deassign = config->flags & BAO_IPC_EVENTFD_FLAG_DEASSIGN;
	u32 all = bao_ipc_all_events(bf->chan);
	struct eventfd_ctx *eventfd;

	if (config->flags & ~BAO_IPC_EVENTFD_FLAG_DEASSIGN || config->reserved)
		return -EINVAL;
	if (!all)
		return -EOPNOTSUPP;
	if (!deassign && (!config->events || config->events & ~all))
		return -EINVAL;

	eventfd = eventfd_ctx_fdget(config->fd);
	if (IS_ERR(eventfd))
		return PTR_ERR(eventfd);

	if (deassign)
		return bao_ipc_eventfd_deassign(bf, eventfd);

	return bao_ipc_eventfd_assign(bf, eventfd, config->events);
}

/**
 * bao_ipc_eventfds_release() - deassign all eventfds of a descriptor
 * @bf: descriptor that is being released
 *
 * Context: may sleep
 */
void bao_ipc_eventfds_release(struct bao_ipc_file *bf)
{
	struct bao_ipc_eventfd_entry *entry, *next, *ended = NULL;
	struct bao_ipc_chan *chan = bf->chan;

	mutex_lock(&chan->mutex);
	list_for_each_entry_safe(entry, next, &chan->eventfds, node) {
		if (entry->owner != bf)
			continue;
		list_del_rcu(&entry->node);
		chan->nr_eventfds--;
		entry->ended = ended;
		ended = entry;
	}
	mutex_unlock(&chan->mutex);
	if (!ended)
		return;

	synchronize_rcu();
	while ((entry = ended)) {
		ended = entry->ended;
		bao_ipc_eventfd_free(entry);
	}
}
