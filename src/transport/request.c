// SPDX-License-Identifier: GPL-2.0
/*
 * Requests that are not answered at once: slots, the queue, and what clients own
 *
 * Exactly once. A request is answered by the one who moves its slot out of ACTIVE, QUEUED or OWNED
 * towards FREE. For ACTIVE that is the holder of drain_lock alone; for the others it happens under
 * queue_lock, and who comes second finds another state or another id. The move comes BEFORE the
 * hypercall, on a copy of the request: the frontend frees the hypervisor's id before the hypercall
 * returns, and another CPU may be given the same id again and fill the slot. It does that with
 * drain_lock, so who answers while he holds that needs no copy.
 */
#include <linux/export.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>

#include "transport.h"

/* Results of a wait that is not over: it goes on, or there is something in the queue to take */
#define BAO_WAIT_ON	1
#define BAO_WAIT_LOOK	2

/**
 * struct bao_waiter - a thread that sleeps until there is a request
 * @node: in the list of the endpoint, while @result is BAO_WAIT_ON
 * @task: the thread
 * @client: who will own the request; neither detached nor is its endpoint gone
 * @taker: as in bao_request_take()
 * @req: where the request is copied to
 * @result: BAO_WAIT_ON, BAO_WAIT_LOOK, 0 if it has been given a request, or -ENODEV
 *
 * On the thread's stack. All of it is written under queue_lock; once @result is no more
 * BAO_WAIT_ON, it may be gone.
 */
struct bao_waiter {
	struct list_head node;
	struct task_struct *task;
	struct bao_client *client;
	const void *taker;
	struct bao_request *req;
	int result;
};

/**
 * bao_slot_receive() - find the slot for a request that the hypervisor just handed out
 * @ep: endpoint
 * @index: the hypervisor's id of the request
 *
 * Context: drain_lock held
 * Return: the slot, ACTIVE and with a fresh id; NULL if the hypervisor's id is not possible
 */
struct bao_slot *bao_slot_receive(struct bao_endpoint *ep, unsigned long index)
{
	struct bao_slot *slot;

	if (index >= BAO_NR_SLOTS)
		return NULL;

	/*
	 * Whoever completes moves the slot to FREE before the hypercall that makes the id available
	 * again, see bao_slot_release(), and we were given the id after that.
	 */
	slot = &ep->slots[index];
	if (READ_ONCE(slot->state) != BAO_SLOT_FREE)
		return NULL;

	slot->req.id = ++ep->seq << BAO_SLOT_BITS | index;
	WRITE_ONCE(slot->state, BAO_SLOT_ACTIVE);

	return slot;
}

/**
 * bao_slot_release() - give up a slot, before its request is answered
 * @slot: slot that is ACTIVE, or QUEUED or OWNED but in no list any more
 *
 * Unless drain_lock is held until after the answer, that is from a copy of the request.
 *
 * Context: drain_lock held, or else queue_lock
 */
void bao_slot_release(struct bao_slot *slot)
{
	/* Release: the copy has been read before the slot can be filled again */
	smp_store_release(&slot->state, BAO_SLOT_FREE);
	/*
	 * The hypercall that follows makes the id available again. The CPU that is given it next
	 * must not see the slot as taken; it got the id from the hypervisor, after this.
	 */
	smp_mb();
}

/* The list is in the order of arrival, and so is everything that is put back into it */
static void bao_queue_insert(struct bao_endpoint *ep, struct bao_slot *slot)
{
	struct bao_slot *pos;

	lockdep_assert_held(&ep->queue_lock);

	list_for_each_entry_reverse(pos, &ep->queue, node)
		if (pos->req.id < slot->req.id)
			break;
	list_add(&slot->node, &pos->node);
	WRITE_ONCE(slot->state, BAO_SLOT_QUEUED);
	WRITE_ONCE(ep->nr_queued, ep->nr_queued + 1);
}

static void bao_queue_remove(struct bao_endpoint *ep, struct bao_slot *slot)
{
	lockdep_assert_held(&ep->queue_lock);

	list_del(&slot->node);
	WRITE_ONCE(ep->nr_queued, ep->nr_queued - 1);
}

static void bao_own(struct bao_client *client, struct bao_slot *slot, const void *taker)
{
	lockdep_assert_held(&client->ep->queue_lock);

	slot->client = client;
	slot->taker = taker;
	WRITE_ONCE(slot->state, BAO_SLOT_OWNED);
	WRITE_ONCE(client->ep->nr_owned, client->ep->nr_owned + 1);
}

static void bao_disown(struct bao_client *client, struct bao_slot *slot)
{
	lockdep_assert_held(&client->ep->queue_lock);

	slot->client = NULL;
	WRITE_ONCE(client->ep->nr_owned, client->ep->nr_owned - 1);
}

/* The slot of a request that the client owns, or NULL. The id may come from user space. */
static struct bao_slot *bao_find_owned(struct bao_client *client, u64 id)
{
	struct bao_slot *slot = &client->ep->slots[id & (BAO_NR_SLOTS - 1)];

	lockdep_assert_held(&client->ep->queue_lock);

	/* Only while OWNED do the other fields stand still under queue_lock */
	if (READ_ONCE(slot->state) != BAO_SLOT_OWNED)
		return NULL;

	return slot->client == client && slot->req.id == id ? slot : NULL;
}

/*
 * End the sleep of a waiter. It looks at the result without a lock and may be gone after that, but
 * its task is freed a grace period later, and queue_lock is a section of RCU.
 */
static void bao_waiter_end(struct bao_waiter *waiter, int result)
{
	struct task_struct *task = waiter->task;

	list_del(&waiter->node);
	/* Pairs with those in bao_waiter_sleep(): who sees the result sees the request, too */
	smp_store_release(&waiter->result, result);
	wake_up_process(task);
}

/* Each request that is put into the queue wakes one of those who sleep, to take it */
static void bao_queue_wake(struct bao_endpoint *ep)
{
	struct bao_waiter *waiter;

	lockdep_assert_held(&ep->queue_lock);

	waiter = list_first_entry_or_null(&ep->waiters, struct bao_waiter, node);
	if (waiter && !list_empty(&ep->queue))
		bao_waiter_end(waiter, BAO_WAIT_LOOK);
}

/**
 * bao_queue_end_waits() - let those go who wait for what they will not get
 * @ep: endpoint
 *
 * They return with -ENODEV. Who sets what makes a wait futile calls this before it gives up
 * queue_lock, so that no request is handed over afterwards.
 *
 * Context: queue_lock held
 */
void bao_queue_end_waits(struct bao_endpoint *ep)
{
	struct bao_waiter *waiter, *next;

	lockdep_assert_held(&ep->queue_lock);

	list_for_each_entry_safe(waiter, next, &ep->waiters, node)
		if (waiter->client->detached || ep->gone)
			bao_waiter_end(waiter, -ENODEV);
}

/* To be called after a request has been put into the queue */
static void bao_pollers_wake(struct bao_endpoint *ep)
{
	/*
	 * Who polls adds himself first and looks into the queue then, under queue_lock. If that was
	 * before our section, we find him here; if it was after, he finds the request.
	 */
	if (waitqueue_active(&ep->pollers))
		wake_up_poll(&ep->pollers, EPOLLIN | EPOLLRDNORM);
}

/**
 * bao_pollers_wake_all() - wake who polls, because a client or the endpoint goes
 * @ep: endpoint
 *
 * Context: any, but NMI
 */
void bao_pollers_wake_all(struct bao_endpoint *ep)
{
	/* Exclusive pollers, too, of whom wake_up_poll() would wake one */
	__wake_up(&ep->pollers, TASK_NORMAL, 0, poll_to_key(EPOLLERR | EPOLLHUP));
}

/**
 * bao_queue_add() - give a request to who sleeps, or let it wait for somebody to take it
 * @ep: endpoint
 * @slot: slot that is ACTIVE
 *
 * If nobody has anything to do, the one who has slept longest is given it, and need not look for it
 * when he runs. Otherwise somebody is awake, and may come for it before a sleeper is.
 *
 * Context: drain_lock held
 */
void bao_queue_add(struct bao_endpoint *ep, struct bao_slot *slot)
{
	struct bao_waiter *waiter;
	bool queued = false;

	/* Interrupts are off by drain_lock, where it is such a lock */
	spin_lock(&ep->queue_lock);
	waiter = list_first_entry_or_null(&ep->waiters, struct bao_waiter, node);
	if (waiter && list_empty(&ep->queue) && !ep->nr_owned) {
		bao_own(waiter->client, slot, waiter->taker);
		*waiter->req = slot->req;
		bao_waiter_end(waiter, 0);
	} else {
		bao_queue_insert(ep, slot);
		bao_queue_wake(ep);
		queued = true;
	}
	spin_unlock(&ep->queue_lock);

	if (queued)
		bao_pollers_wake(ep);
}

/**
 * bao_queue_remove_matching() - get the oldest waiting request that some range matches
 * @ep: endpoint
 * @from: smallest id to consider
 *
 * Context: drain_lock held
 * Return: its slot, ACTIVE; NULL if there is none
 */
struct bao_slot *bao_queue_remove_matching(struct bao_endpoint *ep, u64 from)
{
	struct bao_slot *slot, *found = NULL;
	unsigned long flags;

	spin_lock_irqsave(&ep->queue_lock, flags);
	list_for_each_entry(slot, &ep->queue, node) {
		if (slot->req.id < from || !bao_registry_matches(ep, &slot->req))
			continue;
		bao_queue_remove(ep, slot);
		WRITE_ONCE(slot->state, BAO_SLOT_ACTIVE);
		found = slot;
		break;
	}
	spin_unlock_irqrestore(&ep->queue_lock, flags);

	return found;
}

/**
 * bao_request_pend() - keep a request, to complete it later
 * @client: client whose range was asked
 * @req: the request that access() was called with
 *
 * From now on the request may be completed, by anybody, in any context; so what else access() does
 * with it comes before. @req stays readable until it is completed, and its node is the client's.
 *
 * Context: within access() only
 * Return: BAO_ACCESS_PENDED, for access() to return
 */
enum bao_access bao_request_pend(struct bao_client *client, struct bao_request *req)
{
	struct bao_slot *slot = container_of(req, struct bao_slot, req);
	struct bao_endpoint *ep = client->ep;
	unsigned long flags;

	spin_lock_irqsave(&ep->queue_lock, flags);
	bao_own(client, slot, NULL);
	spin_unlock_irqrestore(&ep->queue_lock, flags);

	return BAO_ACCESS_PENDED;
}
EXPORT_SYMBOL_GPL(bao_request_pend);

/**
 * bao_request_complete() - answer a request that the client pended or took
 * @client: client that owns it
 * @id: the request's id
 * @write: whether the request is a write, as the client knows it
 * @value: answer to a read, ignored for a write
 *
 * Context: any; on PREEMPT_RT, one that may sleep
 * Return: 0; -ENOENT if the client owns no such request (any more), -EINVAL if @write is wrong (the
 * request is kept), -EIO if the hypervisor refused the answer (the request is gone), -ENODEV if the
 * client is detached or the endpoint is gone
 */
int bao_request_complete(struct bao_client *client, u64 id, bool write, u64 value)
{
	struct bao_endpoint *ep = client->ep;
	struct bao_request req;
	struct bao_slot *slot;
	unsigned long flags;
	int ret = 0;

	/* The hypercall is part of the section, so that synchronize_rcu() waits for it */
	rcu_read_lock();
	spin_lock_irqsave(&ep->queue_lock, flags);
	slot = bao_find_owned(client, id);
	if (client->detached || ep->gone) {
		ret = -ENODEV;
	} else if (!slot) {
		ret = -ENOENT;
	} else if (slot->req.write != write) {
		ret = -EINVAL;
	} else {
		bao_disown(client, slot);
		req = slot->req;
		bao_slot_release(slot);
	}
	spin_unlock_irqrestore(&ep->queue_lock, flags);

	if (!ret)
		ret = bao_answer(ep, &req, value);
	rcu_read_unlock();

	return ret;
}
EXPORT_SYMBOL_GPL(bao_request_complete);

/* Take the oldest request from the queue; errors as of bao_request_take() */
static int bao_queue_take(struct bao_client *client, const void *taker, struct bao_request *req)
{
	struct bao_endpoint *ep = client->ep;
	struct bao_slot *slot;

	lockdep_assert_held(&ep->queue_lock);

	if (client->detached || ep->gone)
		return -ENODEV;
	slot = list_first_entry_or_null(&ep->queue, struct bao_slot, node);
	if (!slot)
		return -EAGAIN;

	bao_queue_remove(ep, slot);
	bao_own(client, slot, taker);
	*req = slot->req;

	return 0;
}

/**
 * bao_request_take() - take the oldest request from the queue
 * @client: client that will own it
 * @taker: cookie of who takes it, for bao_request_put_back_taker()
 * @req: where to put a copy of the request; node is not for use
 *
 * Context: any; on PREEMPT_RT, one that may sleep
 * Return: 0; -EAGAIN if none waits, -ENODEV if the client is detached or the endpoint is gone
 */
int bao_request_take(struct bao_client *client, const void *taker, struct bao_request *req)
{
	struct bao_endpoint *ep = client->ep;
	unsigned long flags;
	int ret;

	spin_lock_irqsave(&ep->queue_lock, flags);
	ret = bao_queue_take(client, taker, req);
	spin_unlock_irqrestore(&ep->queue_lock, flags);

	return ret;
}
EXPORT_SYMBOL_GPL(bao_request_take);

/* Sleep until the wait is over, or for a signal */
static int bao_waiter_sleep(struct bao_waiter *waiter)
{
	int ret;

	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		/* Pairs with the one in bao_waiter_end() */
		ret = smp_load_acquire(&waiter->result);
		if (ret != BAO_WAIT_ON || signal_pending(current))
			break;
		schedule();
		/* Mostly that is it, and the state is that of one who runs */
		ret = smp_load_acquire(&waiter->result);
		if (ret != BAO_WAIT_ON)
			return ret;
	}
	__set_current_state(TASK_RUNNING);

	return ret;
}

/**
 * bao_request_wait() - take the oldest request from the queue, or wait for one
 * @client: client that will own it
 * @taker: as in bao_request_take()
 * @req: as in bao_request_take()
 *
 * Who sleeps while nobody has anything to do is given the request by the one who receives it from
 * the hypervisor: it is his before he runs, and he needs no lock any more.
 *
 * Context: may sleep, interruptibly
 * Return: 0; -ERESTARTSYS if a signal came and no request, -ENODEV if the client is detached or the
 * endpoint is gone
 */
int bao_request_wait(struct bao_client *client, const void *taker, struct bao_request *req)
{
	struct bao_endpoint *ep = client->ep;
	struct bao_waiter waiter;
	int ret;

	might_sleep();

	waiter.task = current;
	waiter.client = client;
	waiter.taker = taker;
	waiter.req = req;

	spin_lock_irq(&ep->queue_lock);
	while ((ret = bao_queue_take(client, taker, req)) == -EAGAIN) {
		if (signal_pending(current)) {
			ret = -ERESTARTSYS;
			break;
		}
		waiter.result = BAO_WAIT_ON;
		list_add_tail(&waiter.node, &ep->waiters);
		spin_unlock_irq(&ep->queue_lock);

		ret = bao_waiter_sleep(&waiter);
		if (ret <= 0)
			return ret;

		/* A signal may have come together with something else: now it is decided */
		spin_lock_irq(&ep->queue_lock);
		ret = waiter.result;
		if (ret <= 0)
			break;
		if (ret == BAO_WAIT_ON)
			list_del(&waiter.node);
	}
	/* Who has been woken to take something and may not any more passes that on */
	if (ret == -ENODEV)
		bao_queue_wake(ep);
	spin_unlock_irq(&ep->queue_lock);

	return ret;
}
EXPORT_SYMBOL_GPL(bao_request_wait);

/* Return what the client owns and @match accepts to the queue, then to ranges that match by now */
static void bao_put_back(struct bao_client *client,
			 bool (*match)(const struct bao_slot *slot, const void *arg),
			 const void *arg)
{
	struct bao_endpoint *ep = client->ep;
	unsigned int i, nr_woken, nr = 0;
	struct bao_slot *slot;
	unsigned long flags;

	spin_lock_irqsave(&ep->queue_lock, flags);
	/* A list of what a client owns would cost each request more than this costs the few */
	for (i = 0; i < BAO_NR_SLOTS && ep->nr_owned; i++) {
		slot = &ep->slots[i];
		if (READ_ONCE(slot->state) != BAO_SLOT_OWNED || slot->client != client ||
		    !match(slot, arg))
			continue;
		bao_disown(client, slot);
		bao_queue_insert(ep, slot);
		nr++;
	}
	spin_unlock_irqrestore(&ep->queue_lock, flags);

	if (!nr)
		return;

	bao_dispatch_queued(ep);

	/* One of each kind for each request; too many wake-ups do no harm */
	spin_lock_irqsave(&ep->queue_lock, flags);
	for (nr_woken = 0; nr_woken < nr; nr_woken++)
		bao_queue_wake(ep);
	spin_unlock_irqrestore(&ep->queue_lock, flags);
	while (nr--)
		bao_pollers_wake(ep);
}

struct bao_taken {
	const void *taker;
	u64 id;
};

static bool bao_match_taken(const struct bao_slot *slot, const void *arg)
{
	const struct bao_taken *taken = arg;

	return slot->req.id == taken->id && slot->taker == taken->taker;
}

static bool bao_match_taker(const struct bao_slot *slot, const void *taker)
{
	return slot->taker == taker;
}

static bool bao_match_all(const struct bao_slot *slot, const void *unused)
{
	return true;
}

/**
 * bao_request_put_back() - return a request to where it stood in the queue
 * @client: client that took it
 * @taker: cookie that it was taken with
 * @id: the request's id
 *
 * Nothing happens if the client does not own it any more, or if it has been given back meanwhile
 * and taken anew by somebody else.
 *
 * Context: a thread; not from access()
 */
void bao_request_put_back(struct bao_client *client, const void *taker, u64 id)
{
	const struct bao_taken taken = { .taker = taker, .id = id };

	bao_put_back(client, bao_match_taken, &taken);
}
EXPORT_SYMBOL_GPL(bao_request_put_back);

/**
 * bao_request_put_back_taker() - return all requests that somebody took to the queue
 * @client: client that took them
 * @taker: cookie that they were taken with
 *
 * Context: a thread; not from access()
 */
void bao_request_put_back_taker(struct bao_client *client, const void *taker)
{
	bao_put_back(client, bao_match_taker, taker);
}
EXPORT_SYMBOL_GPL(bao_request_put_back_taker);

/**
 * bao_client_put_back_all() - return all that a client owns to the queue
 * @client: client
 *
 * Context: a thread; not from access()
 */
void bao_client_put_back_all(struct bao_client *client)
{
	bao_put_back(client, bao_match_all, NULL);
}

/**
 * bao_request_waiting() - tell whether bao_request_take() would find something
 * @client: client
 *
 * Context: any; on PREEMPT_RT, one that may sleep
 * Return: 1 if a request waits, 0 if none does, -ENODEV if the client is detached or the endpoint
 * is gone
 */
int bao_request_waiting(struct bao_client *client)
{
	struct bao_endpoint *ep = client->ep;
	unsigned long flags;
	int ret;

	spin_lock_irqsave(&ep->queue_lock, flags);
	if (client->detached || ep->gone)
		ret = -ENODEV;
	else
		ret = !list_empty(&ep->queue);
	spin_unlock_irqrestore(&ep->queue_lock, flags);

	return ret;
}
EXPORT_SYMBOL_GPL(bao_request_waiting);

/**
 * bao_request_waitqueue() - what to poll for requests
 * @client: client
 *
 * Woken for every request that enters the queue, which one does not that is given to a thread in
 * bao_request_wait(), and when a client is detached or the endpoint goes.
 *
 * Return: the wait queue, good as long as the client's reference to the endpoint
 */
wait_queue_head_t *bao_request_waitqueue(struct bao_client *client)
{
	return &client->ep->pollers;
}
EXPORT_SYMBOL_GPL(bao_request_waitqueue);

/**
 * bao_requests_answer_all() - answer all that waits or is owned with the default
 * @ep: endpoint that is gone, a grace period ago, and asks no more
 *
 * A read gets 0, a write is dropped.
 *
 * Context: may sleep
 */
void bao_requests_answer_all(struct bao_endpoint *ep)
{
	struct bao_request req;
	struct bao_slot *slot;
	unsigned int i;
	bool found;

	for (i = 0; i < BAO_NR_SLOTS; i++) {
		slot = &ep->slots[i];
		spin_lock_irq(&ep->queue_lock);
		found = slot->state == BAO_SLOT_QUEUED || slot->state == BAO_SLOT_OWNED;
		if (found) {
			if (slot->state == BAO_SLOT_QUEUED)
				bao_queue_remove(ep, slot);
			else
				bao_disown(slot->client, slot);
			req = slot->req;
			bao_slot_release(slot);
		}
		spin_unlock_irq(&ep->queue_lock);

		if (found) {
			bao_stat_inc(ep, DEFAULT_ANSWERS);
			bao_answer(ep, &req, 0);
		}
	}
}
