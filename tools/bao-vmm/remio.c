// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "remio.h"

/* In a COMPLETE, Bao takes this for "the oldest pending request" and pops it from the queue. */
#define NEXT_PENDING (-1)

void remio_init(struct remio *r, unsigned int nr_devices, const struct remio_ops *ops, void *ctx)
{
	memset(r, 0, sizeof(*r));
	r->ops = ops;
	r->ctx = ctx;
	r->nr_devices = nr_devices;
	for (unsigned int i = 0; i < nr_devices; i++)
		r->devices[i].tail = &r->devices[i].head;
}

static struct remio_request *pop(struct remio_device *dev)
{
	struct remio_request *req = dev->head;

	if (!req)
		return NULL;
	dev->head = req->next;
	if (!dev->head)
		dev->tail = &dev->head;
	req->next = NULL;
	return req;
}

static struct remio_request *alloc_lowest(struct remio *r)
{
	for (int i = 0; i < REMIO_MAX_REQUESTS; i++)
		if (r->requests[i].state == REMIO_FREE)
			return &r->requests[i];
	/* one for each vCPU, and a parked vCPU does not come here */
	fprintf(stderr, "bao-vmm: more accesses than vCPUs\n");
	abort();
}

void remio_start_access(struct remio *r, unsigned int device, struct remio_vcpu *vcpu,
			const struct remio_access *access)
{
	struct remio_device *dev = &r->devices[device];
	struct remio_request *req = alloc_lowest(r);

	*req = (struct remio_request) {
		.state = REMIO_PENDING,
		.device = device,
		.access = *access,
		.vcpu = vcpu,
	};
	*dev->tail = req;
	dev->tail = &req->next;
	vcpu->parked = true;
	dev->counters.accesses++;
	dev->counters.interrupts++;
	r->ops->interrupt_backend(r->ctx, device);
}

static int ask(struct remio *r, const struct remio_call *call, struct remio_answer *answer,
	       bool *asked)
{
	struct remio_device *dev = &r->devices[call->dm_id];
	struct remio_request *req = NULL;

	dev->counters.asks++;
	if (call->addr == 0 && call->value == 0)
		req = pop(dev);
	if (!req) {
		dev->counters.asks_empty++;
		return BAO_NOTHING;
	}
	req->state = REMIO_PROCESSING;
	*answer = (struct remio_answer) {
		.addr = req->access.addr,
		.op = req->access.op,
		.value = req->access.op == REMIO_WRITE ? req->vcpu->reg : 0,
		.width = req->access.width,
		.request_id = req - r->requests,
		.more = !!dev->head,
	};
	*asked = true;
	return BAO_OK;
}

static struct remio_request *find_processing(struct remio *r, const struct remio_call *call)
{
	struct remio_device *dev = &r->devices[call->dm_id];
	struct remio_request *req;

	if (call->request_id == NEXT_PENDING) {
		dev->counters.violations++;
		req = pop(dev);
		if (req)
			req->state = REMIO_DESTROYED;
		return NULL;
	}
	if (call->request_id < 0 || call->request_id >= REMIO_MAX_REQUESTS)
		return NULL;
	req = &r->requests[call->request_id];
	if (req->state != REMIO_PROCESSING || req->device != call->dm_id)
		return NULL;
	return req;
}

static int complete(struct remio *r, const struct remio_call *call)
{
	struct remio_device *dev = &r->devices[call->dm_id];
	struct remio_request *req = find_processing(r, call);
	struct remio_vcpu *vcpu;

	if (!req) {
		dev->counters.complete_errors++;
		return BAO_FAILURE;
	}
	vcpu = req->vcpu;
	/* Bao believes the caller: a COMPLETE that says READ writes the register. */
	if (call->op != req->access.op)
		dev->counters.violations++;
	if (call->op == REMIO_READ)
		vcpu->reg = call->value;
	dev->counters.completes++;
	req->state = REMIO_FREE;
	/* From here on the id may be reused, possibly by resume() itself. */
	vcpu->parked = false;
	vcpu->resume(vcpu);
	return BAO_OK;
}

int remio_hypercall(struct remio *r, const struct remio_call *call, struct remio_answer *answer,
		    bool *asked)
{
	*asked = false;
	if (call->dm_id >= r->nr_devices)
		return BAO_INVAL_ARGS;

	switch (call->op) {
	case REMIO_WRITE:
	case REMIO_READ:
		return complete(r, call);
	case REMIO_ASK:
		return ask(r, call, answer, asked);
	case REMIO_NOTIFY:
		r->devices[call->dm_id].counters.notifies++;
		r->ops->interrupt_frontend(r->ctx, call->dm_id);
		return BAO_OK;
	default:
		return BAO_INVAL_ARGS;
	}
}

unsigned int remio_count(const struct remio *r, unsigned int device, enum remio_state state)
{
	unsigned int n = 0;

	for (int i = 0; i < REMIO_MAX_REQUESTS; i++)
		if (r->requests[i].state == state && r->requests[i].device == device)
			n++;
	return n;
}

void remio_print_counters(const struct remio *r, unsigned int device, FILE *f)
{
	const struct remio_counters *c = &r->devices[device].counters;

	fprintf(f, "dm %u: accesses %u interrupts %u asks %u empty %u completes %u errors %u",
		device, c->accesses, c->interrupts, c->asks, c->asks_empty, c->completes,
		c->complete_errors);
	fprintf(f, " notifies %u pending %u processing %u violations %u", c->notifies,
		remio_count(r, device, REMIO_PENDING), remio_count(r, device, REMIO_PROCESSING),
		c->violations);
}

void remio_print_requests(const struct remio *r, FILE *f)
{
	static const char * const names[] = {
		[REMIO_PENDING] = "pending",
		[REMIO_PROCESSING] = "processing",
		[REMIO_DESTROYED] = "destroyed",
	};
	const char *separator = "";

	for (int i = 0; i < REMIO_MAX_REQUESTS; i++) {
		const struct remio_request *req = &r->requests[i];

		if (req->state == REMIO_FREE)
			continue;
		fprintf(f, "%srequest %d dm %u %s 0x%llx/%llu %s", separator, i, req->device,
			req->access.op == REMIO_WRITE ? "write" : "read",
			(unsigned long long)req->access.addr,
			(unsigned long long)req->access.width, names[req->state]);
		separator = ", ";
	}
	if (!*separator)
		fprintf(f, "no requests");
}
