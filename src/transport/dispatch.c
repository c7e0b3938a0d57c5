// SPDX-License-Identifier: GPL-2.0
/*
 * Dispatch: ask the hypervisor for requests, offer them to clients, answer them
 *
 * Nothing here sleeps or allocates; a request that a range answers goes from ASK to COMPLETE on
 * the CPU that took the interrupt.
 */
#include <linux/export.h>

#include "transport.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

static long bao_remio(struct bao_endpoint *ep, struct bao_hypercall_args *args)
{
	args->arg[BAO_REMIO_ARG_DM_ID] = ep->desc.dm_id;

	return ep->desc.ops->call(ep->desc.ops, BAO_HC_REMIO, args);
}

static bool bao_ask(struct bao_endpoint *ep, struct bao_hypercall_args *args)
{
	long code;

	args->arg[BAO_REMIO_ARG_ADDR] = 0;
	args->arg[BAO_REMIO_ARG_OP] = BAO_REMIO_ASK;
	args->arg[BAO_REMIO_ARG_VALUE] = 0;
	args->arg[BAO_REMIO_ARG_REQUEST_ID] = 0;
	bao_stat_inc_irqs_off(ep, BAO_STAT_ASKS);
	code = bao_remio(ep, args);
	if (likely(code == BAO_HC_SUCCESS))
		return true;

	if (code != BAO_HC_EMPTY) {
		bao_stat_inc(ep, ASK_ERRORS);
		dev_warn_ratelimited(bao_endpoint_dev(ep), "hypervisor refuses ASK: %ld\n", code);
	}

	return false;
}

static long bao_complete(struct bao_endpoint *ep, unsigned long index, bool write, u64 addr,
			 u64 value)
{
	struct bao_hypercall_args args = {
		.arg[BAO_REMIO_ARG_ADDR] = addr,
		.arg[BAO_REMIO_ARG_OP] = write ? BAO_REMIO_WRITE : BAO_REMIO_READ,
		.arg[BAO_REMIO_ARG_VALUE] = value,
		.arg[BAO_REMIO_ARG_REQUEST_ID] = index,
	};
	long code;

	code = bao_remio(ep, &args);
	if (likely(code == BAO_HC_SUCCESS))
		bao_stat_inc(ep, COMPLETES);
	else
		bao_stat_inc(ep, COMPLETE_ERRORS);

	return code;
}

/**
 * bao_answer() - complete a request
 * @ep: endpoint
 * @req: request whose slot is free already; a copy unless drain_lock is held
 * @value: answer to a read, ignored for a write
 *
 * Context: drain_lock held, or rcu_read_lock() and the endpoint not gone, or the only one left
 * Return: 0, or -EIO if the hypervisor refused; then there is nothing left to answer
 */
int bao_answer(struct bao_endpoint *ep, const struct bao_request *req, u64 value)
{
	long code;

	/* The hypervisor puts the answer into the frontend's whole register */
	value = req->write ? 0 : value & bao_width_mask(req->width);
	code = bao_complete(ep, req->id & (BAO_NR_SLOTS - 1), req->write, req->addr, value);
	trace_bao_answer(ep->desc.dm_id, req, value, code);
	if (likely(code == BAO_HC_SUCCESS))
		return 0;

	/* No second try: it could hit the frontend's next request, which may have the id by now */
	dev_warn_ratelimited(bao_endpoint_dev(ep),
			     "hypervisor refuses answer to request %#llx: %ld\n", req->id, code);

	return -EIO;
}

/* Bring the request of an ACTIVE slot to whoever answers it, or to the queue */
static void bao_dispatch(struct bao_endpoint *ep, struct bao_slot *slot)
{
	lockdep_assert_held(&ep->drain_lock);

	switch (bao_registry_access(ep, &slot->req)) {
	case BAO_ACCESS_DONE:
		/* Free, but with what it holds: who fills slots does so under drain_lock */
		bao_slot_release(slot);
		bao_answer(ep, &slot->req, slot->req.value);
		break;
	case BAO_ACCESS_PASS:
		bao_queue_add(ep, slot);
		break;
	case BAO_ACCESS_PENDED:
		break;
	}
}

/*
 * The hypervisor has handed out a request under an id that it cannot have. If the id is in use, the
 * answer of the request that has it is the only one the hypervisor can tell. Otherwise answer at
 * once; but -1 means "the oldest pending request" to Bao, and would destroy that.
 */
static void bao_reject(struct bao_endpoint *ep, const struct bao_hypercall_args *args)
{
	unsigned long index = args->ret[BAO_ASK_RET_REQUEST_ID];

	bao_stat_inc(ep, ASK_ERRORS);
	dev_warn_ratelimited(bao_endpoint_dev(ep), "hypervisor hands out impossible id %#lx\n",
			     index);
	if (index < BAO_NR_SLOTS || (long)index < 0)
		return;

	bao_stat_inc(ep, DEFAULT_ANSWERS);
	bao_complete(ep, index, args->ret[BAO_ASK_RET_OP] == BAO_REMIO_WRITE,
		     args->ret[BAO_ASK_RET_ADDR], 0);
}

/* Take over what ASK returned; NULL if there is no slot for it */
static struct bao_slot *bao_receive(struct bao_endpoint *ep, const struct bao_hypercall_args *args)
{
	struct bao_slot *slot = bao_slot_receive(ep, args->ret[BAO_ASK_RET_REQUEST_ID]);
	struct bao_request *req;

	if (unlikely(!slot))
		return NULL;

	req = &slot->req;
	req->addr = args->ret[BAO_ASK_RET_ADDR];
	req->width = args->ret[BAO_ASK_RET_WIDTH];
	req->write = args->ret[BAO_ASK_RET_OP] == BAO_REMIO_WRITE;
	/* The hypervisor gives the frontend's whole register */
	req->value = req->write ? args->ret[BAO_ASK_RET_VALUE] & bao_width_mask(req->width) : 0;

	bao_stat_inc_irqs_off(ep, BAO_STAT_REQUESTS);
	trace_bao_request(ep->desc.dm_id, req);

	return slot;
}

/**
 * bao_drain() - serve what the hypervisor has queued
 * @ep: endpoint
 * @budget: serve that many requests at most, and ask at least once
 * @done: out: number of requests served
 *
 * Stops where the hypervisor says that nothing more is pending, which spares the ASK. What comes
 * after that raises its own interrupt: the hypervisor queues first and interrupts then.
 *
 * Context: the interrupt handler or a thread
 * Return: true if the budget has run out and more is pending
 */
bool bao_drain(struct bao_endpoint *ep, unsigned int budget, unsigned int *done)
{
	struct bao_hypercall_args *args = &ep->ask;
	struct bao_slot *slot;
	unsigned long flags;
	bool more = true;

	*done = 0;
	spin_lock_irqsave(&ep->drain_lock, flags);
	while (more && *done < budget && !ep->gone) {
		if (!bao_ask(ep, args)) {
			more = false;
			break;
		}
		++*done;
		more = args->ret[BAO_ASK_RET_MORE];
		slot = bao_receive(ep, args);
		if (likely(slot))
			bao_dispatch(ep, slot);
		else
			bao_reject(ep, args);
	}
	more = more && !ep->gone;
	spin_unlock_irqrestore(&ep->drain_lock, flags);

	return more;
}

/**
 * bao_dispatch_queued() - offer what waits in the queue to the ranges that match it by now
 * @ep: endpoint
 *
 * Context: a thread; not from access()
 */
void bao_dispatch_queued(struct bao_endpoint *ep)
{
	struct bao_slot *slot;
	unsigned long flags;
	u64 from = 0;

	/*
	 * Requests are looked at in their order and once each, so a range that passes on one does
	 * not make this endless; and none comes in meanwhile, since that takes drain_lock.
	 */
	spin_lock_irqsave(&ep->drain_lock, flags);
	while (!ep->gone && (slot = bao_queue_remove_matching(ep, from))) {
		from = slot->req.id + 1;
		bao_dispatch(ep, slot);
	}
	spin_unlock_irqrestore(&ep->drain_lock, flags);
}

/**
 * bao_notify() - interrupt the frontend
 * @ep: endpoint
 *
 * Each call costs a message in a queue of the hypervisor, which is finite (253, in older versions
 * 128) and not flow controlled: a client should not notify where the frontend has not yet looked at
 * the last notification.
 *
 * Context: any, but NMI
 * Return: 0; -ENODEV if the endpoint is gone, -EIO if the hypervisor refused
 */
int bao_notify(struct bao_endpoint *ep)
{
	struct bao_hypercall_args args = { .arg[BAO_REMIO_ARG_OP] = BAO_REMIO_NOTIFY };
	int ret = 0;
	long code;

	/* bao_endpoint_stop() sets gone and then waits for this section to end */
	rcu_read_lock();
	if (READ_ONCE(ep->gone)) {
		ret = -ENODEV;
	} else {
		code = bao_remio(ep, &args);
		trace_bao_notify(ep->desc.dm_id, code);
		if (likely(code == BAO_HC_SUCCESS)) {
			bao_stat_inc(ep, NOTIFIES);
		} else {
			bao_stat_inc(ep, NOTIFY_ERRORS);
			dev_warn_ratelimited(bao_endpoint_dev(ep),
					     "hypervisor refuses NOTIFY: %ld\n", code);
			ret = -EIO;
		}
	}
	rcu_read_unlock();

	return ret;
}
EXPORT_SYMBOL_GPL(bao_notify);
