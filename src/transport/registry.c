// SPDX-License-Identifier: GPL-2.0
/*
 * Registry: the clients of an endpoint and the ranges they answer
 */
#include <linux/export.h>
#include <linux/overflow.h>

#include "transport.h"

/**
 * bao_registry_access() - offer a request to the ranges that match it
 * @ep: endpoint
 * @req: request in a slot that is ACTIVE
 *
 * Context: drain_lock held
 * Return: what the last range asked made of it; BAO_ACCESS_PASS if nobody wants it
 */
enum bao_access bao_registry_access(struct bao_endpoint *ep, struct bao_request *req)
{
	enum bao_access result = BAO_ACCESS_PASS;
	const struct bao_range_table *table;
	struct bao_range *range;

	/* bao_client_detach() and bao_range_del() wait for this section to end */
	rcu_read_lock();
	table = rcu_dereference(ep->table);
	range = bao_range_table_find_write(table, req);
	if (range) {
		result = range->access(range, req);
		if (result == BAO_ACCESS_DONE)
			bao_stat_inc(ep, SIGNALS);
	}
	if (result == BAO_ACCESS_PASS) {
		range = bao_range_table_find_window(table, req->addr);
		if (range)
			result = range->access(range, req);
	}
	rcu_read_unlock();

	return result;
}

/**
 * bao_registry_matches() - tell whether some range matches a request
 * @ep: endpoint
 * @req: request
 *
 * Context: any
 * Return: true if there is one; it may pass on the request all the same
 */
bool bao_registry_matches(struct bao_endpoint *ep, const struct bao_request *req)
{
	const struct bao_range_table *table;
	bool ret;

	rcu_read_lock();
	table = rcu_dereference(ep->table);
	ret = bao_range_table_find_write(table, req) ||
	      bao_range_table_find_window(table, req->addr);
	rcu_read_unlock();

	return ret;
}

/**
 * bao_client_attach() - become a client of an endpoint
 * @ep: endpoint; the caller holds a reference until after the last call with @client
 * @client: client, with its public fields set
 *
 * A client owns ranges and requests. It may have no range at all and take requests from the queue.
 *
 * Context: may sleep
 * Return: 0, or -ENODEV if the endpoint is gone
 */
int bao_client_attach(struct bao_endpoint *ep, struct bao_client *client)
{
	int ret;

	client->ep = ep;
	INIT_LIST_HEAD(&client->node);

	mutex_lock(&ep->client_mutex);
	spin_lock_irq(&ep->queue_lock);
	client->detached = ep->gone;
	ret = client->detached ? -ENODEV : 0;
	spin_unlock_irq(&ep->queue_lock);
	/* bao_clients_gone() comes after gone has been set: it finds those that have not seen it */
	if (!ret)
		list_add_tail(&client->node, &ep->clients);
	mutex_unlock(&ep->client_mutex);

	return ret;
}
EXPORT_SYMBOL_GPL(bao_client_attach);

/**
 * bao_clients_gone() - tell the clients that their endpoint is gone
 * @ep: endpoint that is gone, whose requests have been answered
 *
 * Context: may sleep
 */
void bao_clients_gone(struct bao_endpoint *ep)
{
	struct bao_client *client;

	mutex_lock(&ep->client_mutex);
	while ((client = list_first_entry_or_null(&ep->clients, struct bao_client, node))) {
		list_del_init(&client->node);
		if (client->gone)
			client->gone(client);
	}
	mutex_unlock(&ep->client_mutex);
}

static void bao_range_unpublish(struct bao_endpoint *ep, struct bao_range *range)
{
	lockdep_assert_held(&ep->range_mutex);

	/* Both bao_range_del() and bao_client_detach() may come */
	if (list_empty(&range->node))
		return;

	list_del_init(&range->node);
	ep->nr_ranges--;
	bao_range_table_forget(rcu_dereference_protected(ep->table,
							 lockdep_is_held(&ep->range_mutex)),
			       range);
}

/**
 * bao_client_detach() - end being a client
 * @client: client; detaching it twice is harmless
 *
 * Removes the client's ranges and returns its requests to the queue, in their order. When this
 * returns, access() is not running and will not be called, every other call with @client fails
 * with -ENODEV, and who sleeps on bao_request_waitqueue() has been woken.
 *
 * A request that goes back is not the client's any more, nor is its node: a client that keeps
 * requests in a list first removes its ranges with bao_range_del(), then empties the list, and
 * detaches last.
 *
 * Context: may sleep; not from access()
 */
void bao_client_detach(struct bao_client *client)
{
	struct bao_endpoint *ep = client->ep;
	struct bao_range *range, *next;

	mutex_lock(&ep->client_mutex);
	list_del_init(&client->node);
	mutex_unlock(&ep->client_mutex);

	mutex_lock(&ep->range_mutex);
	list_for_each_entry_safe(range, next, &ep->ranges, node)
		if (range->client == client)
			bao_range_unpublish(ep, range);
	spin_lock_irq(&ep->queue_lock);
	WRITE_ONCE(client->detached, true);
	bao_queue_end_waits(ep);
	spin_unlock_irq(&ep->queue_lock);
	mutex_unlock(&ep->range_mutex);

	/*
	 * Accesses that found a range before it was unpublished, and completions that passed the
	 * test of detached, end here. So nobody pends a request for this client after it, and what
	 * the client owns now is all there will ever be.
	 */
	synchronize_rcu();

	bao_client_put_back_all(client);
	bao_pollers_wake_all(ep);
}
EXPORT_SYMBOL_GPL(bao_client_detach);

/**
 * bao_client_gone() - tell whether a client can do nothing any more
 * @client: client
 *
 * For those who want to refuse something before they look at it. That it is not gone yet promises
 * nothing about the next call.
 *
 * Context: any
 * Return: true if every other call fails with -ENODEV, because the client is detached or the
 * endpoint is gone
 */
bool bao_client_gone(const struct bao_client *client)
{
	return READ_ONCE(client->detached) || READ_ONCE(client->ep->gone);
}
EXPORT_SYMBOL_GPL(bao_client_gone);

static bool bao_range_valid(const struct bao_range *range)
{
	u64 last;

	if (!range->access || !range->size)
		return false;
	if (check_add_overflow(range->addr, range->size - 1, &last))
		return false;

	switch (range->kind) {
	case BAO_RANGE_WRITE:
		if (range->size != 1 && range->size != 2 && range->size != 4 && range->size != 8)
			return false;
		return range->any_value || !(range->value & ~bao_width_mask(range->size));
	case BAO_RANGE_WINDOW:
		return !range->any_value;
	default:
		return false;
	}
}

static int bao_range_publish(struct bao_endpoint *ep, struct bao_range *range)
{
	struct bao_range_table *old, *new;

	lockdep_assert_held(&ep->range_mutex);

	/* detach sets it under range_mutex too: no range appears after it has removed all */
	if (range->client->detached || READ_ONCE(ep->gone))
		return -ENODEV;
	if (ep->nr_ranges >= BAO_MAX_RANGES)
		return -ENOSPC;

	list_add_tail(&range->node, &ep->ranges);
	new = bao_range_table_create(&ep->ranges, ep->nr_ranges + 1);
	if (IS_ERR(new)) {
		list_del_init(&range->node);
		return PTR_ERR(new);
	}

	ep->nr_ranges++;
	old = rcu_replace_pointer(ep->table, new, lockdep_is_held(&ep->range_mutex));
	bao_range_table_free_rcu(old);

	return 0;
}

/**
 * bao_range_add() - answer accesses to a range
 * @client: attached client
 * @range: range, its public fields filled in; stays the client's
 *
 * Requests that wait in the queue and match are offered to the range before this returns.
 *
 * Context: may sleep; not from access()
 * Return: 0; -EINVAL if the range makes no sense (see struct bao_range) or wraps, -EEXIST if a
 * range of the same kind matches the same access, -ENOSPC if the endpoint has too many, -ENODEV if
 * the client is detached or the endpoint is gone, -ENOMEM
 */
int bao_range_add(struct bao_client *client, struct bao_range *range)
{
	struct bao_endpoint *ep = client->ep;
	int ret;

	if (!bao_range_valid(range))
		return -EINVAL;

	range->client = client;
	mutex_lock(&ep->range_mutex);
	ret = bao_range_publish(ep, range);
	mutex_unlock(&ep->range_mutex);

	/*
	 * A request that was looked up before the range appeared may still be on its way to the
	 * queue, but then its dispatcher holds drain_lock, which this takes.
	 */
	if (!ret)
		bao_dispatch_queued(ep);

	return ret;
}
EXPORT_SYMBOL_GPL(bao_range_add);

/**
 * bao_range_del() - stop answering accesses to a range
 * @range: range that bao_range_add() has accepted; deleting it twice is harmless
 *
 * When this returns, access() is not running for the range and will not be called. Requests that
 * it has pended remain the client's.
 *
 * Context: may sleep; not from access()
 */
void bao_range_del(struct bao_range *range)
{
	struct bao_endpoint *ep = range->client->ep;

	mutex_lock(&ep->range_mutex);
	bao_range_unpublish(ep, range);
	mutex_unlock(&ep->range_mutex);

	synchronize_rcu();
}
EXPORT_SYMBOL_GPL(bao_range_del);
