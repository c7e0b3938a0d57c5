// SPDX-License-Identifier: GPL-2.0
/*
 * IPC channels of the simulated hypervisor: memory, doorbells in both directions, and the life of
 * the endpoint
 */
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "sim.h"

static void sim_ipc_free(struct kref *ref)
{
	struct sim_ipc *ipc = container_of(ref, struct sim_ipc, ref);
	unsigned int i;

	irq_work_sync(&ipc->wake);
	for (i = 0; i < ipc->config.events; i++)
		sim_irq_destroy(&ipc->irq[i]);
	free_pages_exact(ipc->memory, ipc->config.size);
	mutex_destroy(&ipc->life);
	kfree(ipc);
}

/**
 * sim_ipc_get() - take a reference
 * @ipc: channel
 */
void sim_ipc_get(struct sim_ipc *ipc)
{
	kref_get(&ipc->ref);
}

/**
 * sim_ipc_put() - give up a reference
 * @ipc: channel
 *
 * Context: may sleep
 */
void sim_ipc_put(struct sim_ipc *ipc)
{
	kref_put(&ipc->ref, sim_ipc_free);
}

/* The endpoint's memory is gone, and with it every mapping through it */
static void sim_ipc_ops_release(const struct bao_hypercall_ops *ops)
{
	sim_ipc_put(container_of(ops, struct sim_ipc, ops));
}

static void sim_ipc_violation(struct sim_ipc *ipc, const char *what)
{
	lockdep_assert_held(&ipc->lock);

	ipc->counters.violations++;
	pr_err_ratelimited("bao-sim: channel %u: violation: %s\n", ipc->config.id, what);
}

static void sim_ipc_irq_violation(struct sim_irq *irq, const char *what)
{
	struct sim_ipc *ipc = container_of(irq->lock, struct sim_ipc, lock);

	sim_ipc_violation(ipc, what);
}

/* On PREEMPT_RT the lock of a wait queue sleeps, so the hypercalls leave it to this */
static void sim_ipc_wake(struct irq_work *work)
{
	wake_up_all(&container_of(work, struct sim_ipc, wake)->wait);
}

static long sim_ipc_call(struct sim_ipc *ipc, unsigned int function,
			 const struct bao_hypercall_args *args)
{
	unsigned long event = args->arg[BAO_IPC_ARG_EVENT];
	s64 value;

	lockdep_assert_held(&ipc->lock);

	ipc->counters.calls++;
	if (function != BAO_HC_IPC)
		return BAO_HC_INVAL_ID;
	if (args->arg[BAO_IPC_ARG_ID] != ipc->config.id)
		return BAO_HC_INVAL_ARGS;
	if (ipc->service == SIM_UNBOUND || ipc->service == SIM_SHUT_DOWN)
		sim_ipc_violation(ipc, "hypercall after the end");
	if (sim_fault_hits(&ipc->fault[BAO_SIM_NOTIFY], &value))
		return value;

	ipc->counters.last_event = event;
	if (event >= ipc->config.peer_events) {
		ipc->counters.unheard++;
		return BAO_HC_SUCCESS;
	}
	ipc->counters.notifies[event]++;
	irq_work_queue(&ipc->wake);

	return BAO_HC_SUCCESS;
}

static long sim_ipc_hypercall(const struct bao_hypercall_ops *ops, unsigned int function,
			      struct bao_hypercall_args *args)
{
	struct sim_ipc *ipc = container_of(ops, struct sim_ipc, ops);
	unsigned long flags;
	long code;

	raw_spin_lock_irqsave(&ipc->lock, flags);
	code = sim_ipc_call(ipc, function, args);
	if (code < 0)
		ipc->counters.bad_calls++;
	raw_spin_unlock_irqrestore(&ipc->lock, flags);

	return code;
}

static int sim_ipc_create_irqs(struct sim_ipc *ipc)
{
	unsigned int i;
	int ret;

	for (i = 0; i < ipc->config.events; i++) {
		ipc->irq[i].lock = &ipc->lock;
		ipc->irq[i].violation = sim_ipc_irq_violation;
		ret = sim_irq_create(&ipc->irq[i]);
		if (ret)
			goto err_destroy;
		ipc->config.irq[i] = ipc->irq[i].virq;
	}

	return 0;

err_destroy:
	while (i--)
		sim_irq_destroy(&ipc->irq[i]);
	return ret;
}

/**
 * sim_ipc_create() - make a channel that nobody serves yet
 * @config: in and out
 *
 * Context: may sleep
 * Return: the channel, for sim_ipc_put(); an ERR_PTR() of -EINVAL, -ENOSPC or -ENOMEM
 */
struct sim_ipc *sim_ipc_create(struct bao_sim_ipc *config)
{
	struct sim_ipc *ipc;
	int ret = -ENOMEM;

	if (!config->size || config->size > BAO_SIM_WINDOW_MAX || !PAGE_ALIGNED(config->size))
		return ERR_PTR(-EINVAL);
	if (config->events > BAO_SIM_IPC_EVENTS || config->peer_events > BAO_SIM_IPC_EVENTS)
		return ERR_PTR(-EINVAL);

	ipc = kzalloc(sizeof(*ipc), GFP_KERNEL);
	if (!ipc)
		return ERR_PTR(-ENOMEM);

	kref_init(&ipc->ref);
	mutex_init(&ipc->life);
	raw_spin_lock_init(&ipc->lock);
	init_waitqueue_head(&ipc->wait);
	ipc->wake = IRQ_WORK_INIT(sim_ipc_wake);
	ipc->ops.owner = THIS_MODULE;
	ipc->ops.call = sim_ipc_hypercall;
	ipc->ops.release = sim_ipc_ops_release;
	ipc->config = *config;

	ipc->memory = alloc_pages_exact(config->size, GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN);
	if (!ipc->memory)
		goto err_free;
	ipc->config.addr = virt_to_phys(ipc->memory);

	ret = sim_ipc_create_irqs(ipc);
	if (ret)
		goto err_memory;
	*config = ipc->config;

	return ipc;

err_memory:
	free_pages_exact(ipc->memory, config->size);
err_free:
	mutex_destroy(&ipc->life);
	kfree(ipc);
	return ERR_PTR(ret);
}

/* Life */

static void sim_ipc_set_service(struct sim_ipc *ipc, enum sim_service service)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&ipc->lock, flags);
	ipc->service = service;
	raw_spin_unlock_irqrestore(&ipc->lock, flags);
}

static void sim_ipc_describe(const struct sim_ipc *ipc, struct bao_ipc_desc *desc)
{
	const struct bao_sim_ipc *config = &ipc->config;
	phys_addr_t start = config->addr;
	unsigned int i;

	*desc = (struct bao_ipc_desc) {
		.id = config->id,
		.nr_regions = 1,
		.region[0] = { .start = start, .size = config->size },
		.rx = { .start = start + config->rx_offset, .size = config->rx_size },
		.tx = { .start = start + config->tx_offset, .size = config->tx_size },
		.nr_events = config->events,
		.mailbox = config->flags & BAO_SIM_IPC_MAILBOX,
		.ops = &ipc->ops,
	};
	for (i = 0; i < config->events; i++)
		desc->irq[i] = ipc->irq[i].virq;
	if (config->flags & BAO_SIM_IPC_SPLIT) {
		desc->nr_regions = 2;
		desc->region[0] = desc->rx;
		desc->region[1] = desc->tx;
	}
	if (config->flags & BAO_SIM_IPC_UNALIGNED)
		desc->region[0].start += SZ_1K;
	if (config->flags & BAO_SIM_IPC_WRAPS)
		desc->region[0].start = -(phys_addr_t)SZ_4K;
}

static int sim_ipc_bind(struct sim_ipc *ipc, struct device *parent)
{
	struct bao_ipc_desc desc;
	struct bao_ipc *endpoint;

	sim_ipc_describe(ipc, &desc);
	sim_ipc_set_service(ipc, SIM_BOUND);
	/* The endpoint's reference, see sim_ipc_ops_release() */
	sim_ipc_get(ipc);
	endpoint = bao_ipc_create(parent, &desc);
	if (IS_ERR(endpoint)) {
		sim_ipc_set_service(ipc, SIM_UNBOUND);
		return PTR_ERR(endpoint);
	}
	ipc->ipc = endpoint;

	return 0;
}

static void sim_ipc_unbind(struct sim_ipc *ipc)
{
	bao_ipc_destroy(ipc->ipc);
	ipc->ipc = NULL;
	sim_ipc_set_service(ipc, SIM_UNBOUND);
}

static int sim_ipc_happen(struct sim_ipc *ipc, struct device *parent, u32 event)
{
	lockdep_assert_held(&ipc->life);

	switch (event) {
	case BAO_SIM_BIND:
		if (ipc->removed)
			return -ENOENT;
		return ipc->ipc ? -EBUSY : sim_ipc_bind(ipc, parent);
	case BAO_SIM_UNBIND:
		if (!ipc->ipc)
			return -EBUSY;
		sim_ipc_unbind(ipc);
		return 0;
	case BAO_SIM_SHUTDOWN:
		if (!ipc->ipc || ipc->service == SIM_SHUT_DOWN)
			return -EBUSY;
		bao_ipc_shutdown(ipc->ipc);
		sim_ipc_set_service(ipc, SIM_SHUT_DOWN);
		return 0;
	case BAO_SIM_SUSPEND:
		if (ipc->service != SIM_BOUND)
			return -EBUSY;
		bao_ipc_suspend(ipc->ipc);
		sim_ipc_set_service(ipc, SIM_SUSPENDED);
		return 0;
	case BAO_SIM_RESUME:
		if (ipc->service != SIM_SUSPENDED)
			return -EBUSY;
		sim_ipc_set_service(ipc, SIM_BOUND);
		bao_ipc_resume(ipc->ipc);
		return 0;
	default:
		return -EINVAL;
	}
}

/**
 * sim_ipc_remove() - take a channel away from its endpoint
 * @ipc: channel, which nothing can be bound to after this
 *
 * Gives up a reference.
 *
 * Context: may sleep
 */
void sim_ipc_remove(struct sim_ipc *ipc)
{
	mutex_lock(&ipc->life);
	ipc->removed = true;
	if (ipc->ipc)
		sim_ipc_unbind(ipc);
	mutex_unlock(&ipc->life);
	sim_ipc_put(ipc);
}

/**
 * sim_ipc_life() - let something happen to the endpoint of a channel
 * @ipc: channel
 * @parent: device that the endpoint's hangs below
 * @event: enum bao_sim_event
 *
 * Context: may sleep
 * Return: 0, -EBUSY if it makes no sense now, -EINVAL, or an error of bao_ipc_create()
 */
int sim_ipc_life(struct sim_ipc *ipc, struct device *parent, u32 event)
{
	int ret;

	mutex_lock(&ipc->life);
	ret = sim_ipc_happen(ipc, parent, event);
	mutex_unlock(&ipc->life);

	return ret;
}

/* The other VM */

/**
 * sim_ipc_ring() - the other VM rings
 * @ipc: channel
 * @ring: what, and how often
 *
 * Context: may sleep
 * Return: 0
 */
int sim_ipc_ring(struct sim_ipc *ipc, const struct bao_sim_ipc_ring *ring)
{
	unsigned long flags;
	s64 unused;
	u32 i;

	for (i = 0; ring->event < ipc->config.events && i < ring->count; i++) {
		raw_spin_lock_irqsave(&ipc->lock, flags);
		if (!sim_fault_hits(&ipc->fault[BAO_SIM_IRQ], &unused)) {
			ipc->counters.interrupts++;
			sim_irq_raise(&ipc->irq[ring->event]);
		}
		raw_spin_unlock_irqrestore(&ipc->lock, flags);
		cond_resched();
	}

	return 0;
}

/**
 * sim_ipc_wait() - sleep until the other VM has been rung
 * @ipc: channel
 * @wait: how often
 *
 * Context: may sleep, interruptibly
 * Return: 0, -EINVAL, -ETIMEDOUT or -ERESTARTSYS
 */
int sim_ipc_wait(struct sim_ipc *ipc, const struct bao_sim_ipc_wait *wait)
{
	long left = msecs_to_jiffies(wait->timeout_ms);
	const u32 *notifies;

	if (wait->event >= BAO_SIM_IPC_EVENTS)
		return -EINVAL;
	notifies = &ipc->counters.notifies[wait->event];
	left = wait_event_interruptible_timeout(ipc->wait, READ_ONCE(*notifies) >= wait->notifies,
						left);
	if (left < 0)
		return left;

	return left ? 0 : -ETIMEDOUT;
}

/**
 * sim_ipc_read_counters() - look at the counters
 * @ipc: channel
 * @counters: where to put them
 */
void sim_ipc_read_counters(struct sim_ipc *ipc, struct bao_sim_ipc_counters *counters)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&ipc->lock, flags);
	*counters = ipc->counters;
	counters->id = ipc->config.id;
	raw_spin_unlock_irqrestore(&ipc->lock, flags);
}

/**
 * sim_ipc_inject() - let something go wrong
 * @ipc: channel
 * @fault: what, and when
 *
 * Return: 0 or -EINVAL
 */
int sim_ipc_inject(struct sim_ipc *ipc, const struct bao_sim_fault *fault)
{
	unsigned long flags;

	if (fault->point != BAO_SIM_NOTIFY && fault->point != BAO_SIM_IRQ)
		return -EINVAL;
	raw_spin_lock_irqsave(&ipc->lock, flags);
	ipc->fault[fault->point] = *fault;
	raw_spin_unlock_irqrestore(&ipc->lock, flags);

	return 0;
}
