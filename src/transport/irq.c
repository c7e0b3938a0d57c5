// SPDX-License-Identifier: GPL-2.0
/*
 * What interrupts of endpoints of all kinds have in common
 *
 * Bao's virtual GIC never again delivers an interrupt that has been masked while it was active.
 * That is what a lazy disable_irq() comes to, what a threaded handler (IRQF_ONESHOT) does each
 * time, and what a change of the affinity or free_irq() may do when the interrupt is being handled
 * on another CPU. So nothing here masks an active interrupt, and nobody else may.
 */
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/jiffies.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/smp.h>

#include "transport.h"

/**
 * struct bao_irq_load - what the interrupts of all endpoints cost a CPU
 * @tick: jiffies that this is about
 * @start: when the first of them came
 * @ns: time spent serving, by kind of endpoint
 */
struct bao_irq_load {
	unsigned long tick;
	u64 start;
	u64 ns[BAO_NR_KINDS];
};

static DEFINE_PER_CPU(struct bao_irq_load, bao_irq_load);

/**
 * bao_irq_allowed() - tell whether an interrupt may do work now, or must leave it to a thread
 * @kind: of its endpoint
 * @now: sched_clock()
 *
 * Frontends must not hold a CPU of ours, be it with one long interrupt or with many short ones that
 * come one after the other. A CPU that has spent three quarters of a tick on them leaves the rest
 * of it to the work. One vCPU that does nothing but access a device stays below that, as it needs
 * time itself.
 *
 * Doorbells, which nothing holds back, get no more than one of these quarters: a VM that rings must
 * not turn the disks of another one over to the work.
 *
 * The clock is that of the CPU itself. local_clock() would not do: where clocks of CPUs may differ,
 * it goes no further than a tick after the CPU's last one. If interrupts come back to back and
 * leave no room for a tick, it stands still, and so would what they have spent: they would never
 * end.
 *
 * What it costs to take an interrupt comes on top of the time that we can see, and may be as much
 * again. So if there is something else to run, and we see that the interrupts are a load, the last
 * quarter of the tick is not theirs, whatever they have cost so far.
 *
 * Context: interrupt handler
 * Return: true if it may, and then bao_irq_spent() is told the time
 */
bool bao_irq_allowed(enum bao_kind kind, u64 now)
{
	struct bao_irq_load *load = this_cpu_ptr(&bao_irq_load);
	unsigned long tick = jiffies;
	u64 elapsed;

	if (load->tick != tick)
		*load = (struct bao_irq_load) { .tick = tick, .start = now };

	if (load->ns[BAO_KIND_REMIO] + load->ns[BAO_KIND_IPC] >= TICK_NSEC / 4 * 3)
		return false;
	if (kind == BAO_KIND_IPC && load->ns[kind] >= TICK_NSEC / 4)
		return false;
	elapsed = now - load->start;
	if (elapsed < TICK_NSEC / 4 * 3 || load->ns[kind] < elapsed / 8)
		return true;

	return is_idle_task(current) && !need_resched();
}

/**
 * bao_irq_spent() - account for what an interrupt has done
 * @kind: of its endpoint
 * @ns: time that it took
 *
 * Context: interrupt handler
 */
void bao_irq_spent(enum bao_kind kind, u64 ns)
{
	this_cpu_ptr(&bao_irq_load)->ns[kind] += ns;
}

/**
 * bao_irq_request() - request an interrupt of an endpoint
 * @irq: Linux interrupt, edge-triggered
 * @handler: its handler
 * @name: for /proc/interrupts; stays
 * @data: for @handler
 *
 * Context: may sleep
 * Return: 0 or an error of request_irq()
 */
int bao_irq_request(unsigned int irq, irq_handler_t handler, const char *name, void *data)
{
	const struct cpumask *cpus = irq_get_affinity_mask(irq);

	/*
	 * Choose its CPU as long as it is masked. IRQF_NOBALANCING keeps the core from doing so: it
	 * would after it has unmasked the interrupt, and a GICv3 masks it for that. Interrupt
	 * controllers that cannot choose refuse, and that is fine.
	 */
	if (cpus && irq_set_affinity(irq, cpus))
		irq_set_affinity(irq, cpu_online_mask);

	/*
	 * Never threaded, disabled in suspend, or moved: see above. Between suspend and resume of
	 * an endpoint its handler does nothing; IRQF_NO_SUSPEND wakes nobody.
	 */
	return request_irq(irq, handler, IRQF_NO_THREAD | IRQF_NO_SUSPEND | IRQF_NOBALANCING, name,
			   data);
}

static void bao_irq_mask(void *data)
{
	disable_irq_nosync(*(unsigned int *)data);
}

/**
 * bao_irq_free() - free an interrupt of an endpoint
 * @irq: Linux interrupt
 * @data: as given to bao_irq_request()
 *
 * Context: may sleep
 */
void bao_irq_free(unsigned int irq, void *data)
{
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
	if (cpu >= nr_cpu_ids || smp_call_function_single(cpu, bao_irq_mask, &irq, true))
		bao_irq_mask(&irq);

	free_irq(irq, data);
}
