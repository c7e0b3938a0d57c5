// SPDX-License-Identifier: GPL-2.0
/*
 * Doorbells of IPC channels that other VMs ring: from the interrupt to the client
 *
 * The handler tells the client; on PREEMPT_RT, where what clients do there takes locks that sleep,
 * and where interrupts have become a load, the work does. A storm of doorbells so costs a CPU no
 * more than the entries of its interrupts, whatever the client does; but these may be all that the
 * CPU can do. Doorbells that come meanwhile merge. The interrupts are never masked, see irq.c.
 */
#include <linux/bitops.h>
#include <linux/sched/clock.h>

#include "transport.h"
#include "trace.h"

static void bao_ipc_tell(struct bao_ipc *ipc, unsigned int event)
{
	struct bao_ipc_client *client;

	/*
	 * What was written before the doorbell was rung is to be seen by who reads from now on. An
	 * interrupt alone does not order that.
	 */
	rmb();

	/* bao_ipc_release() waits for this section to end */
	rcu_read_lock();
	client = rcu_dereference(ipc->client);
	if (client && !READ_ONCE(ipc->gone))
		client->doorbell(client, event);
	rcu_read_unlock();
}

static void bao_ipc_defer(struct bao_ipc *ipc, unsigned int event)
{
	set_bit(event, &ipc->pending);
	queue_work(bao_wq, &ipc->work);
}

static void bao_ipc_work(struct work_struct *work)
{
	struct bao_ipc *ipc = container_of(work, struct bao_ipc, work);
	unsigned int event;

	/* A bit that is set behind our back comes with a new queue_work() */
	for (event = 0; event < ipc->desc.nr_events; event++) {
		if (!test_and_clear_bit(event, &ipc->pending))
			continue;
		/* The client may have locks that it takes in the handler as well */
		if (!IS_ENABLED(CONFIG_PREEMPT_RT))
			local_irq_disable();
		bao_ipc_tell(ipc, event);
		if (!IS_ENABLED(CONFIG_PREEMPT_RT))
			local_irq_enable();
		cond_resched();
	}
}

/* See interrupt.c */
static DEFINE_WAIT_OVERRIDE_MAP(bao_ipc_irq_map, LD_WAIT_CONFIG);

static irqreturn_t bao_ipc_handler(int irq, void *data)
{
	struct bao_ipc_event *event = data;
	struct bao_ipc *ipc = event->ipc;
	unsigned int nr = event - ipc->event;
	u64 start;

	atomic_long_inc(&ipc->doorbells);
	trace_bao_ipc_doorbell(ipc->desc.id, nr);
	if (READ_ONCE(ipc->quiesced))
		return IRQ_HANDLED;

	start = sched_clock();
	if (IS_ENABLED(CONFIG_PREEMPT_RT) || !bao_irq_allowed(BAO_KIND_IPC, start)) {
		bao_ipc_defer(ipc, nr);
		return IRQ_HANDLED;
	}

	lock_map_acquire_try(&bao_ipc_irq_map);
	bao_ipc_tell(ipc, nr);
	lock_map_release(&bao_ipc_irq_map);
	bao_irq_spent(BAO_KIND_IPC, sched_clock() - start);

	return IRQ_HANDLED;
}

/**
 * bao_ipc_events_init() - prepare the doorbells of a channel
 * @ipc: channel
 */
void bao_ipc_events_init(struct bao_ipc *ipc)
{
	unsigned int i;

	INIT_WORK(&ipc->work, bao_ipc_work);
	ipc->quiesced = true;
	for (i = 0; i < ipc->desc.nr_events; i++) {
		ipc->event[i].ipc = ipc;
		snprintf(ipc->event[i].irq_name, sizeof(ipc->event[i].irq_name), "bao-ipc.%u.%u",
			 ipc->desc.id, i);
	}
}

/**
 * bao_ipc_events_request() - request the interrupts of a channel
 * @ipc: channel; it is quiesced
 *
 * Context: may sleep
 * Return: 0 or an error of request_irq(); then bao_ipc_events_free() is still to be called
 */
int bao_ipc_events_request(struct bao_ipc *ipc)
{
	unsigned int i;
	int ret;

	for (i = 0; i < ipc->desc.nr_events; i++) {
		ret = bao_irq_request(ipc->desc.irq[i], bao_ipc_handler, ipc->event[i].irq_name,
				      &ipc->event[i]);
		if (ret) {
			dev_err(ipc->dev.adev.dev.parent,
				"channel %u: cannot request interrupt %d: %d\n", ipc->desc.id,
				ipc->desc.irq[i], ret);
			return ret;
		}
		ipc->nr_requested++;
	}

	return 0;
}

/**
 * bao_ipc_events_free() - free the interrupts of a channel
 * @ipc: channel that is quiesced
 *
 * Context: may sleep
 */
void bao_ipc_events_free(struct bao_ipc *ipc)
{
	while (ipc->nr_requested) {
		ipc->nr_requested--;
		bao_irq_free(ipc->desc.irq[ipc->nr_requested], &ipc->event[ipc->nr_requested]);
	}
}

/**
 * bao_ipc_events_start() - let doorbells through
 * @ipc: channel that is quiesced
 */
void bao_ipc_events_start(struct bao_ipc *ipc)
{
	WRITE_ONCE(ipc->quiesced, false);
}

/**
 * bao_ipc_events_quiesce() - let no doorbell through
 * @ipc: channel; quiescing it twice is harmless
 *
 * When this returns, the client is not being told, and will not be.
 *
 * Context: may sleep
 */
void bao_ipc_events_quiesce(struct bao_ipc *ipc)
{
	unsigned int i;

	WRITE_ONCE(ipc->quiesced, true);
	for (i = 0; i < ipc->nr_requested; i++)
		synchronize_hardirq(ipc->desc.irq[i]);
	cancel_work_sync(&ipc->work);
}

/**
 * bao_ipc_events_ring_all() - tell the client all events
 * @ipc: channel that is started
 *
 * For doorbells that were ignored or got lost.
 *
 * Context: any
 */
void bao_ipc_events_ring_all(struct bao_ipc *ipc)
{
	unsigned int i;

	for (i = 0; i < ipc->desc.nr_events; i++)
		bao_ipc_defer(ipc, i);
}
