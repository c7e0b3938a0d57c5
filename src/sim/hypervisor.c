// SPDX-License-Identifier: GPL-2.0
/*
 * The simulated Bao: queues of requests, vCPUs that wait, and hypercalls with Bao's codes
 *
 * A vCPU is infinitely fast: the moment it is answered it makes its next access.
 */
#include <linux/jiffies.h>
#include <linux/printk.h>

#include "sim.h"

/* In a COMPLETE, Bao takes this for "the oldest pending request" and destroys that */
#define SIM_OLDEST_PENDING (-1)

/**
 * sim_violation() - the backend has done what Bao would punish, or what it must not do
 * @dev: device
 * @what: what, for the log
 *
 * Context: dev->lock held
 */
void sim_violation(struct sim_device *dev, const char *what)
{
	lockdep_assert_held(&dev->lock);

	dev->counters.violations++;
	pr_err_ratelimited("bao-sim: device %u: violation: %s\n", dev->dm_id, what);
}

/**
 * sim_fault_hits() - tell whether something goes wrong now
 * @fault: what
 * @value: out: the value to go wrong with
 *
 * Context: the lock of the device or channel held
 * Return: whether it does
 */
bool sim_fault_hits(struct bao_sim_fault *fault, s64 *value)
{
	if (!fault->count)
		return false;
	if (fault->skip) {
		fault->skip--;
		return false;
	}
	fault->count--;
	*value = fault->value;

	return true;
}

static bool sim_fault(struct sim_device *dev, enum bao_sim_point point, s64 *value)
{
	lockdep_assert_held(&dev->lock);

	return sim_fault_hits(&dev->fault[point], value);
}

/**
 * sim_raise_now() - an edge comes, whatever faults there are
 * @dev: device
 *
 * Context: dev->lock held
 */
void sim_raise_now(struct sim_device *dev)
{
	dev->counters.interrupts++;
	sim_irq_raise(&dev->irq);
}

static void sim_raise(struct sim_device *dev)
{
	s64 unused;

	if (!sim_fault(dev, BAO_SIM_IRQ, &unused))
		sim_raise_now(dev);
}

/* vCPUs */

static void sim_issue(struct sim_device *dev, unsigned int nr)
{
	struct sim_vcpu *vcpu = &dev->vcpu[nr];
	/* There are as many as vCPUs, and one that is parked does not come here */
	unsigned int index = find_first_zero_bit(dev->used, SIM_IDS);
	struct sim_request *req = &dev->request[index];

	__set_bit(index, dev->used);
	req->state = SIM_PENDING;
	req->vcpu = nr;
	req->id = index;
	list_add_tail(&req->node, &dev->queue);

	if (vcpu->left != BAO_SIM_FOR_EVER)
		vcpu->left--;
	vcpu->reg = vcpu->access.op == BAO_REMIO_READ ? BAO_SIM_POISON : vcpu->access.value;
	vcpu->parked = true;
	dev->counters.accesses++;
	sim_raise(dev);
}

static void sim_free(struct sim_device *dev, struct sim_request *req)
{
	req->state = SIM_FREE;
	__clear_bit(req - dev->request, dev->used);
}

static void sim_resume(struct sim_device *dev, struct sim_request *req)
{
	struct sim_vcpu *vcpu = &dev->vcpu[req->vcpu];

	sim_free(dev, req);
	vcpu->parked = false;
	vcpu->done++;
	vcpu->result = vcpu->reg;
	if (vcpu->left)
		sim_issue(dev, vcpu - dev->vcpu);
	irq_work_queue(&dev->wake);
}

/**
 * sim_start() - let a vCPU make accesses
 * @dev: device
 * @access: which; ignored if the vCPU is parked or count is 0
 */
void sim_start(struct sim_device *dev, const struct bao_sim_access *access)
{
	struct sim_vcpu *vcpu = &dev->vcpu[access->vcpu];
	unsigned long flags;

	raw_spin_lock_irqsave(&dev->lock, flags);
	if (!vcpu->parked && access->count) {
		vcpu->access = *access;
		vcpu->left = access->count;
		vcpu->done = 0;
		sim_issue(dev, access->vcpu);
	}
	raw_spin_unlock_irqrestore(&dev->lock, flags);
}

/**
 * sim_stop() - let a vCPU make no further access
 * @dev: device
 * @vcpu: which
 */
void sim_stop(struct sim_device *dev, unsigned int vcpu)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&dev->lock, flags);
	dev->vcpu[vcpu].left = 0;
	raw_spin_unlock_irqrestore(&dev->lock, flags);
}

/**
 * sim_read_vcpu() - look at a vCPU
 * @dev: device
 * @vcpu: which, and where to put it
 */
void sim_read_vcpu(struct sim_device *dev, struct bao_sim_vcpu *vcpu)
{
	const struct sim_vcpu *v = &dev->vcpu[vcpu->vcpu];
	unsigned long flags;

	raw_spin_lock_irqsave(&dev->lock, flags);
	vcpu->done = v->done;
	vcpu->parked = v->parked;
	vcpu->result = v->result;
	raw_spin_unlock_irqrestore(&dev->lock, flags);
}

/* On PREEMPT_RT the lock of a wait queue sleeps, so the hypercalls leave it to this */
static void sim_wake(struct irq_work *work)
{
	struct sim_device *dev = container_of(work, struct sim_device, wake);

	wake_up_all(&dev->wait);
}

static bool sim_has_come(struct sim_device *dev, const struct bao_sim_wait *wait)
{
	return READ_ONCE(dev->vcpu[wait->vcpu].done) >= wait->done &&
	       READ_ONCE(dev->counters.notifies) >= wait->notifies;
}

/**
 * sim_wait() - sleep until a vCPU has been answered and the frontend has been interrupted
 * @dev: device
 * @wait: how often
 *
 * Context: may sleep, interruptibly
 * Return: 0, -ETIMEDOUT or -ERESTARTSYS
 */
int sim_wait(struct sim_device *dev, const struct bao_sim_wait *wait)
{
	long left = msecs_to_jiffies(wait->timeout_ms);

	left = wait_event_interruptible_timeout(dev->wait, sim_has_come(dev, wait), left);
	if (left < 0)
		return left;

	return left ? 0 : -ETIMEDOUT;
}

/* Hypercalls */

static long sim_ask(struct sim_device *dev, struct bao_hypercall_args *args)
{
	struct sim_request *req;
	struct sim_vcpu *vcpu;
	s64 value;

	dev->counters.asks++;
	if (sim_fault(dev, BAO_SIM_ASK, &value))
		return value;
	if (args->arg[BAO_REMIO_ARG_ADDR] || args->arg[BAO_REMIO_ARG_VALUE])
		sim_violation(dev, "ASK with an address or a value");

	req = list_first_entry_or_null(&dev->queue, struct sim_request, node);
	if (!req) {
		dev->counters.asks_empty++;
		return BAO_HC_EMPTY;
	}
	list_del(&req->node);
	req->state = SIM_PROCESSING;
	if (sim_fault(dev, BAO_SIM_ID, &value))
		req->id = value;

	vcpu = &dev->vcpu[req->vcpu];
	args->ret[BAO_ASK_RET_ADDR] = vcpu->access.addr;
	args->ret[BAO_ASK_RET_OP] = sim_fault(dev, BAO_SIM_OP, &value) ? value : vcpu->access.op;
	/* Of a read, Bao gives nothing on purpose, but the register may hold anything */
	args->ret[BAO_ASK_RET_VALUE] = vcpu->reg;
	args->ret[BAO_ASK_RET_WIDTH] = sim_fault(dev, BAO_SIM_WIDTH, &value) ? value :
				       vcpu->access.width;
	args->ret[BAO_ASK_RET_REQUEST_ID] = req->id;
	args->ret[BAO_ASK_RET_MORE] = !list_empty(&dev->queue);
	if (sim_fault(dev, BAO_SIM_MORE, &value)) {
		if (!value && args->ret[BAO_ASK_RET_MORE])
			sim_raise_now(dev);
		args->ret[BAO_ASK_RET_MORE] = value;
	}

	return BAO_HC_SUCCESS;
}

static struct sim_request *sim_find_processing(struct sim_device *dev, long id)
{
	struct sim_request *req;
	unsigned int i;

	if (id == SIM_OLDEST_PENDING) {
		sim_violation(dev, "COMPLETE of id -1");
		req = list_first_entry_or_null(&dev->queue, struct sim_request, node);
		if (req) {
			list_del(&req->node);
			req->state = SIM_LOST;
		}
		return NULL;
	}

	for_each_set_bit(i, dev->used, SIM_IDS) {
		req = &dev->request[i];
		if (req->state == SIM_PROCESSING && req->id == id)
			return req;
	}

	return NULL;
}

static long sim_complete(struct sim_device *dev, struct bao_hypercall_args *args)
{
	unsigned long op = args->arg[BAO_REMIO_ARG_OP];
	struct sim_request *req;
	struct sim_vcpu *vcpu;
	s64 value;

	req = sim_find_processing(dev, args->arg[BAO_REMIO_ARG_REQUEST_ID]);
	if (!req) {
		dev->counters.complete_errors++;
		return BAO_HC_FAILURE;
	}
	if (sim_fault(dev, BAO_SIM_COMPLETE, &value)) {
		dev->counters.complete_errors++;
		req->state = SIM_LOST;
		return value;
	}

	vcpu = &dev->vcpu[req->vcpu];
	if (op != vcpu->access.op)
		sim_violation(dev, "COMPLETE of the wrong operation");
	/* Bao believes the backend: what says that it was a read writes the register */
	if (op == BAO_REMIO_READ)
		vcpu->reg = args->arg[BAO_REMIO_ARG_VALUE];
	dev->counters.completes++;
	sim_resume(dev, req);

	return BAO_HC_SUCCESS;
}

static long sim_notify(struct sim_device *dev)
{
	s64 value;

	if (sim_fault(dev, BAO_SIM_NOTIFY, &value))
		return value;
	dev->counters.notifies++;
	irq_work_queue(&dev->wake);

	return BAO_HC_SUCCESS;
}

static long sim_call(struct sim_device *dev, unsigned int function, struct bao_hypercall_args *args)
{
	if (function != BAO_HC_REMIO)
		return BAO_HC_INVAL_ID;
	if (args->arg[BAO_REMIO_ARG_DM_ID] != dev->dm_id)
		return BAO_HC_INVAL_ARGS;
	if (dev->service == SIM_UNBOUND || dev->service == SIM_SHUT_DOWN)
		sim_violation(dev, "hypercall after the end");

	switch (args->arg[BAO_REMIO_ARG_OP]) {
	case BAO_REMIO_WRITE:
	case BAO_REMIO_READ:
		return sim_complete(dev, args);
	case BAO_REMIO_ASK:
		if (dev->service == SIM_SUSPENDED)
			sim_violation(dev, "ASK while suspended");
		return sim_ask(dev, args);
	case BAO_REMIO_NOTIFY:
		return sim_notify(dev);
	default:
		return BAO_HC_INVAL_ARGS;
	}
}

/**
 * sim_hypercall() - &bao_hypercall_ops.call
 * @ops: of the device
 * @function: BAO_HC_*
 * @args: arguments and results
 *
 * Context: any, but NMI
 * Return: Bao's code
 */
long sim_hypercall(const struct bao_hypercall_ops *ops, unsigned int function,
		   struct bao_hypercall_args *args)
{
	struct sim_device *dev = container_of(ops, struct sim_device, ops);
	unsigned long flags;
	long code;

	raw_spin_lock_irqsave(&dev->lock, flags);
	code = sim_call(dev, function, args);
	if (code < 0)
		dev->counters.bad_calls++;
	raw_spin_unlock_irqrestore(&dev->lock, flags);

	return code;
}

/**
 * sim_set_service() - the endpoint has been brought into another state
 * @dev: device
 * @service: the state
 *
 * Who has gone out of service must have answered everything before.
 */
void sim_set_service(struct sim_device *dev, enum sim_service service)
{
	unsigned long flags;
	unsigned int i;

	raw_spin_lock_irqsave(&dev->lock, flags);
	dev->service = service;
	if (service == SIM_UNBOUND || service == SIM_SHUT_DOWN) {
		for_each_set_bit(i, dev->used, SIM_IDS) {
			if (dev->request[i].state != SIM_PROCESSING)
				continue;
			/* An id that the backend cannot use: see SIM_OLDEST_PENDING */
			if (dev->request[i].id == (long)i)
				sim_violation(dev, "request left behind");
			dev->request[i].state = SIM_LOST;
		}
	}
	raw_spin_unlock_irqrestore(&dev->lock, flags);
}

/* Counters and faults */

static unsigned int sim_count(const struct sim_device *dev, enum sim_state state)
{
	unsigned int i, nr = 0;

	for_each_set_bit(i, dev->used, SIM_IDS)
		nr += dev->request[i].state == state;

	return nr;
}

/**
 * sim_read_counters() - look at the counters
 * @dev: device
 * @counters: where to put them
 */
void sim_read_counters(struct sim_device *dev, struct bao_sim_counters *counters)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&dev->lock, flags);
	*counters = dev->counters;
	counters->dm_id = dev->dm_id;
	counters->pending = sim_count(dev, SIM_PENDING);
	counters->processing = sim_count(dev, SIM_PROCESSING);
	raw_spin_unlock_irqrestore(&dev->lock, flags);
}

/**
 * sim_reset_counters() - start to count anew
 * @dev: device
 */
void sim_reset_counters(struct sim_device *dev)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&dev->lock, flags);
	dev->counters = (struct bao_sim_counters) {};
	raw_spin_unlock_irqrestore(&dev->lock, flags);
}

/**
 * sim_inject() - let something go wrong
 * @dev: device
 * @fault: what, and when
 */
void sim_inject(struct sim_device *dev, const struct bao_sim_fault *fault)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&dev->lock, flags);
	dev->fault[fault->point] = *fault;
	raw_spin_unlock_irqrestore(&dev->lock, flags);
}

/**
 * sim_hypervisor_init() - prepare a device
 * @dev: device, zeroed
 */
void sim_hypervisor_init(struct sim_device *dev)
{
	raw_spin_lock_init(&dev->lock);
	INIT_LIST_HEAD(&dev->queue);
	init_waitqueue_head(&dev->wait);
	dev->wake = IRQ_WORK_INIT(sim_wake);
}
