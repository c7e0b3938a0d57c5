// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupts of endpoints, and the thread that takes over from them
 *
 * The interrupt handler serves requests; where its budget ends it hands over to the work, a thread
 * that serves until nothing is pending. Until then the handler does nothing (ep->deferred). It does
 * not disable the interrupt: a frontend vCPU has one request at most, so there are no more
 * interrupts than the thread gives answers, and one that does nothing is short.
 *
 * There is a second reason. Bao's virtual GIC never again delivers an interrupt that has been
 * masked while it was active. That is what a lazy disable_irq() comes to, what a threaded handler
 * (IRQF_ONESHOT) does each time, and what a change of the affinity or free_irq() may do when the
 * interrupt is being handled on another CPU. So nothing here masks an active interrupt.
 */
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/jiffies.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/sched/clock.h>
#include <linux/smp.h>

#include "transport.h"

/**
 * struct bao_irq_load - what the interrupts of all endpoints cost a CPU
 * @tick: jiffies that this is about
 * @start: when the first of them came
 * @ns: time spent serving
 */
struct bao_irq_load {
	unsigned long tick;
	u64 start;
	u64 ns;
};

static DEFINE_PER_CPU(struct bao_irq_load, bao_irq_load);

/*
 * Frontends must not hold a CPU of ours, be it with one long interrupt or with many short ones that
 * come one after the other. A CPU that has spent three quarters of a tick on them leaves the rest
 * of it to the work. One vCPU that does nothing but access a device stays below that, as it needs
 * time itself.
 *
 * What it costs to take an interrupt comes on top of the time that we can see, and may be as much
 * again. So if there is something else to run, and we see that the interrupts are a load, the last
 * quarter of the tick is not theirs, whatever they have cost so far.
 */
static bool bao_irq_allowed(struct bao_irq_load *load, u64 now)
{
	unsigned long tick = jiffies;
	u64 elapsed;

	if (load->tick != tick)
		*load = (struct bao_irq_load) { .tick = tick, .start = now };

	if (load->ns >= TICK_NSEC / 4 * 3)
		return false;
	elapsed = now - load->start;
	if (elapsed < TICK_NSEC / 4 * 3 || load->ns < elapsed / 8)
		return true;

	return is_idle_task(current) && !need_resched();
}

/* Let the work serve; it clears deferred */
static void bao_interrupt_defer(struct bao_endpoint *ep)
{
	WRITE_ONCE(ep->deferred, true);
	queue_work(bao_wq, &ep->work);
}

/* Returns whether the work has to go on */
static bool bao_interrupt_serve(struct bao_endpoint *ep)
{
	struct bao_irq_load *load = this_cpu_ptr(&bao_irq_load);
	u64 start = local_clock();
	unsigned int done;
	bool more;

	if (unlikely(!bao_irq_allowed(load, start)))
		return true;

	more = bao_drain(ep, BAO_IRQ_BATCH, &done);
	if (done > ep->max_batch)
		WRITE_ONCE(ep->max_batch, done);
	load->ns += local_clock() - start;

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

	bao_stat_inc(ep, INTERRUPTS);
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
	const struct cpumask *cpus = irq_get_affinity_mask(ep->desc.irq);

	/*
	 * Choose its CPU as long as it is masked. IRQF_NOBALANCING keeps the core from doing so: it
	 * would after it has unmasked the interrupt, and a GICv3 masks it for that. Interrupt
	 * controllers that cannot choose refuse, and that is fine.
	 */
	if (cpus && irq_set_affinity(ep->desc.irq, cpus))
		irq_set_affinity(ep->desc.irq, cpu_online_mask);

	/*
	 * Never threaded, disabled in suspend, or moved: see above. Between bao_endpoint_suspend()
	 * and bao_endpoint_resume() the handler does nothing; IRQF_NO_SUSPEND wakes nobody.
	 */
	return request_irq(ep->desc.irq, bao_interrupt_handler,
			   IRQF_NO_THREAD | IRQF_NO_SUSPEND | IRQF_NOBALANCING, ep->irq_name, ep);
}

static void bao_interrupt_mask(void *data)
{
	struct bao_endpoint *ep = data;

	disable_irq_nosync(ep->desc.irq);
}

/**
 * bao_interrupt_free() - free the interrupt of an endpoint
 * @ep: endpoint that is quiesced
 *
 * Context: may sleep
 */
void bao_interrupt_free(struct bao_endpoint *ep)
{
	unsigned int irq = ep->desc.irq;
	const struct cpumask *cpus;
	unsigned int cpu;

	/*
	 * On the CPU that takes it, the interrupt is not active while something else runs. So mask
	 * it there, and at once. free_irq() finds it masked, and undoes both. If the CPU goes away
	 * meanwhile, it is not handling the interrupt either.
	 */
	irq_set_status_flags(irq, IRQ_DISABLE_UNLAZY);
	cpus = irq_get_effective_affinity_mask(irq);
	cpu = cpus ? cpumask_any_and(cpus, cpu_online_mask) : nr_cpu_ids;
	if (cpu >= nr_cpu_ids || smp_call_function_single(cpu, bao_interrupt_mask, ep, true))
		bao_interrupt_mask(ep);

	free_irq(irq, ep);
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
