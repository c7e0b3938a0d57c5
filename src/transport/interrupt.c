// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupts of remote-I/O endpoints, and the thread that takes over from them
 *
 * The interrupt handler serves requests; where its budget ends it hands over to the work, a thread
 * that serves until nothing is pending. Until then the handler does nothing (ep->deferred). It does
 * not disable the interrupt: a frontend vCPU has one request at most, so there are no more
 * interrupts than the thread gives answers, and one that does nothing is short. And it must not:
 * see irq.c.
 */
#include <linux/interrupt.h>
#include <linux/sched.h>
#include <linux/sched/clock.h>

#include "transport.h"

/* Let the work serve; it clears deferred */
static void bao_interrupt_defer(struct bao_endpoint *ep)
{
	WRITE_ONCE(ep->deferred, true);
	queue_work(bao_wq, &ep->work);
}

/* Returns whether the work has to go on */
static bool bao_interrupt_serve(struct bao_endpoint *ep)
{
	u64 start = sched_clock();
	unsigned int done;
	bool more;

	if (unlikely(!bao_irq_allowed(BAO_KIND_REMIO, start)))
		return true;

	more = bao_drain(ep, BAO_IRQ_BATCH, &done);
	if (done > ep->max_batch)
		WRITE_ONCE(ep->max_batch, done);
	bao_irq_spent(BAO_KIND_REMIO, sched_clock() - start);

	return more;
}

/*
 * On PREEMPT_RT spinlocks sleep, and the handler leaves everything to the work. Elsewhere they do
 * not, and lockdep need not mind that a handler which is never threaded takes them.
 */
static DEFINE_WAIT_OVERRIDE_MAP(bao_irq_map, LD_WAIT_CONFIG);

static irqreturn_t bao_interrupt_handler(int irq, void *data)
{
	struct bao_endpoint *ep = data;
	bool more;

	bao_stat_inc_irqs_off(ep, BAO_STAT_INTERRUPTS);
	/*
	 * Pairs with the barrier in bao_interrupt_work(). The request that this interrupt is for is
	 * with the hypervisor; if we find the work serving, its last ASK finds the request.
	 */
	smp_mb();
	if (READ_ONCE(ep->deferred) || READ_ONCE(ep->quiesced))
		return IRQ_HANDLED;

	if (IS_ENABLED(CONFIG_PREEMPT_RT)) {
		bao_interrupt_defer(ep);
		return IRQ_HANDLED;
	}

	lock_map_acquire_try(&bao_irq_map);
	more = bao_interrupt_serve(ep);
	lock_map_release(&bao_irq_map);

	if (unlikely(more)) {
		bao_stat_inc(ep, DEFERRALS);
		bao_interrupt_defer(ep);
	}

	return IRQ_HANDLED;
}

static void bao_interrupt_work(struct work_struct *work)
{
	struct bao_endpoint *ep = container_of(work, struct bao_endpoint, work);
	unsigned int done;

	do {
		WRITE_ONCE(ep->deferred, true);
		while (!READ_ONCE(ep->quiesced) && bao_drain(ep, BAO_IRQ_BATCH, &done))
			cond_resched();

		/*
		 * From here on the handler serves. Interrupts that it has ignored were for requests
		 * that the hypervisor had queued before: ask once more. The same finds what an
		 * interrupt announced that got lost: RISC-V's AIA forgets those that were raised
		 * before the driver came.
		 */
		WRITE_ONCE(ep->deferred, false);
		smp_mb(); /* pairs with the one in bao_interrupt_handler() */
	} while (!READ_ONCE(ep->quiesced) && bao_drain(ep, 1, &done));
}

/**
 * bao_interrupt_init() - prepare the interrupt of an endpoint
 * @ep: endpoint
 */
void bao_interrupt_init(struct bao_endpoint *ep)
{
	INIT_WORK(&ep->work, bao_interrupt_work);
	ep->quiesced = true;
}

/**
 * bao_interrupt_request() - request the interrupt of an endpoint
 * @ep: endpoint; it serves after bao_interrupt_start()
 *
 * Context: may sleep
 * Return: 0 or an error of request_irq()
 */
int bao_interrupt_request(struct bao_endpoint *ep)
{
	return bao_irq_request(ep->desc.irq, bao_interrupt_handler, ep->irq_name, ep);
}

/**
 * bao_interrupt_free() - free the interrupt of an endpoint
 * @ep: endpoint that is quiesced
 *
 * Context: may sleep
 */
void bao_interrupt_free(struct bao_endpoint *ep)
{
	bao_irq_free(ep->desc.irq, ep);
}

/**
 * bao_interrupt_start() - serve requests
 * @ep: endpoint that is quiesced
 *
 * What came before is found by the work's first ASK.
 */
void bao_interrupt_start(struct bao_endpoint *ep)
{
	WRITE_ONCE(ep->quiesced, false);
	bao_interrupt_defer(ep);
}

/**
 * bao_interrupt_quiesce() - serve no more requests
 * @ep: endpoint; quiescing it twice is harmless
 *
 * When this returns, nobody asks.
 *
 * Context: may sleep
 */
void bao_interrupt_quiesce(struct bao_endpoint *ep)
{
	WRITE_ONCE(ep->quiesced, true);
	/* A handler that has not seen it may still queue the work; it has no thread to wait for */
	synchronize_hardirq(ep->desc.irq);
	cancel_work_sync(&ep->work);
}
