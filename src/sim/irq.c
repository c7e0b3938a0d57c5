// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupts of the simulated hypervisor
 *
 * They behave as those of a GIC behind Bao: an edge that comes while the interrupt is masked or
 * active is kept and delivered after that. Delivery is by irq_work, that is, in a real interrupt of
 * the CPU where the access was made.
 */
#include <linux/irq.h>
#include <linux/irqdomain.h>
#include <linux/smp.h>

#include "sim.h"

/* Interrupts of all files together at a time */
#define SIM_IRQS 256

static struct fwnode_handle *sim_fwnode;
static struct irq_domain *sim_domain;
static DECLARE_BITMAP(sim_hwirqs, SIM_IRQS);
static DEFINE_MUTEX(sim_hwirqs_mutex);

static void sim_irq_mask(struct irq_data *data)
{
	struct sim_irq *irq = irq_data_get_irq_chip_data(data);
	unsigned long flags;

	raw_spin_lock_irqsave(irq->lock, flags);
	irq->masked = true;
	/* This is what Bao's virtual GIC does not survive. Here, the handler itself is to blame. */
	if (irq->active && irq->active_cpu == smp_processor_id())
		irq->violation(irq, "interrupt masked while active");
	raw_spin_unlock_irqrestore(irq->lock, flags);
}

static void sim_irq_unmask(struct irq_data *data)
{
	struct sim_irq *irq = irq_data_get_irq_chip_data(data);
	unsigned long flags;

	raw_spin_lock_irqsave(irq->lock, flags);
	irq->masked = false;
	if (irq->latched)
		irq_work_queue(&irq->raise);
	raw_spin_unlock_irqrestore(irq->lock, flags);
}

static void sim_irq_eoi(struct irq_data *data)
{
	struct sim_irq *irq = irq_data_get_irq_chip_data(data);
	unsigned long flags;

	raw_spin_lock_irqsave(irq->lock, flags);
	irq->active = false;
	if (irq->latched && !irq->masked)
		irq_work_queue(&irq->raise);
	raw_spin_unlock_irqrestore(irq->lock, flags);
}

static struct irq_chip sim_irq_chip = {
	.name = "bao-sim",
	.irq_mask = sim_irq_mask,
	.irq_unmask = sim_irq_unmask,
	.irq_eoi = sim_irq_eoi,
};

static int sim_irq_map(struct irq_domain *domain, unsigned int virq, irq_hw_number_t hwirq)
{
	irq_set_chip_and_handler(virq, &sim_irq_chip, handle_fasteoi_irq);
	irq_set_noprobe(virq);

	return 0;
}

static void sim_irq_unmap(struct irq_domain *domain, unsigned int virq)
{
	irq_set_chip_and_handler(virq, NULL, NULL);
}

static const struct irq_domain_ops sim_domain_ops = {
	.map = sim_irq_map,
	.unmap = sim_irq_unmap,
};

static void sim_irq_deliver(struct irq_work *work)
{
	struct sim_irq *irq = container_of(work, struct sim_irq, raise);
	unsigned long flags;
	bool deliver;

	raw_spin_lock_irqsave(irq->lock, flags);
	deliver = irq->latched && !irq->masked && !irq->active;
	if (deliver) {
		irq->latched = false;
		irq->active = true;
		irq->active_cpu = smp_processor_id();
	}
	raw_spin_unlock_irqrestore(irq->lock, flags);

	/* If it is masked meanwhile, the interrupt core keeps it and ends it with sim_irq_eoi() */
	if (deliver)
		generic_handle_irq(irq->virq);
}

/**
 * sim_irq_raise() - an edge comes
 * @irq: interrupt
 *
 * Context: its lock held
 */
void sim_irq_raise(struct sim_irq *irq)
{
	lockdep_assert_held(irq->lock);

	irq->latched = true;
	if (!irq->masked && !irq->active)
		irq_work_queue(&irq->raise);
}

/**
 * sim_irq_create() - make an interrupt
 * @irq: zeroed, but for @lock and @violation
 *
 * Return: 0, -ENOSPC or -ENOMEM
 */
int sim_irq_create(struct sim_irq *irq)
{
	unsigned int hwirq;

	irq->masked = true;
	irq->raise = IRQ_WORK_INIT_HARD(sim_irq_deliver);

	mutex_lock(&sim_hwirqs_mutex);
	hwirq = find_first_zero_bit(sim_hwirqs, SIM_IRQS);
	if (hwirq < SIM_IRQS)
		__set_bit(hwirq, sim_hwirqs);
	mutex_unlock(&sim_hwirqs_mutex);
	if (hwirq == SIM_IRQS)
		return -ENOSPC;

	irq->virq = irq_create_mapping(sim_domain, hwirq);
	if (!irq->virq) {
		mutex_lock(&sim_hwirqs_mutex);
		__clear_bit(hwirq, sim_hwirqs);
		mutex_unlock(&sim_hwirqs_mutex);
		return -ENOMEM;
	}
	irq_set_chip_data(irq->virq, irq);

	return 0;
}

/**
 * sim_irq_destroy() - undo sim_irq_create(), when nobody has requested the interrupt any more
 * @irq: interrupt that is not raised any more
 */
void sim_irq_destroy(struct sim_irq *irq)
{
	unsigned int hwirq = irqd_to_hwirq(irq_get_irq_data(irq->virq));

	irq_work_sync(&irq->raise);
	irq_dispose_mapping(irq->virq);

	mutex_lock(&sim_hwirqs_mutex);
	__clear_bit(hwirq, sim_hwirqs);
	mutex_unlock(&sim_hwirqs_mutex);
}

/**
 * sim_irq_init() - prepare for interrupts
 *
 * Return: 0 or -ENOMEM
 */
int __init sim_irq_init(void)
{
	sim_fwnode = irq_domain_alloc_named_fwnode("bao-sim");
	if (!sim_fwnode)
		return -ENOMEM;

	sim_domain = irq_domain_create_linear(sim_fwnode, SIM_IRQS, &sim_domain_ops, NULL);
	if (!sim_domain) {
		irq_domain_free_fwnode(sim_fwnode);
		return -ENOMEM;
	}

	return 0;
}

/**
 * sim_irq_exit() - undo sim_irq_init()
 */
void sim_irq_exit(void)
{
	irq_domain_remove(sim_domain);
	irq_domain_free_fwnode(sim_fwnode);
}
