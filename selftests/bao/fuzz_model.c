// SPDX-License-Identifier: GPL-2.0
/*
 * What must come out: the hypervisor and the driver over again, without time, without memory that
 * can be short, and without anything that happens at the same time.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "fuzz.h"

static bool model_fault(struct fuzz_device *dev, enum bao_sim_point point, long long *value)
{
	struct bao_sim_fault *fault = &dev->fault[point];

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

/* vCPUs */

static void model_issue(struct fuzz_device *dev, unsigned int nr)
{
	struct fuzz_vcpu *vcpu = &dev->vcpu[nr];
	unsigned int index = 0;

	while (dev->request[index].state != REQ_FREE)
		index++;
	dev->request[index] = (struct fuzz_request){ REQ_PENDING, nr, index };
	dev->pending[dev->nr_pending++] = index;
	vcpu->left--;
	vcpu->reg = vcpu->access.op == BAO_IO_READ ? BAO_SIM_POISON : vcpu->access.value;
	vcpu->parked = true;
	dev->counters.accesses++;
}

/* Whether the vCPU takes it; serving is the caller's business */
bool model_start(struct fuzz_device *dev, const struct bao_sim_access *access)
{
	struct fuzz_vcpu *vcpu = &dev->vcpu[access->vcpu];

	if (vcpu->parked || !access->count)
		return false;
	vcpu->access = *access;
	vcpu->left = access->count;
	vcpu->done = 0;
	model_issue(dev, access->vcpu);
	return true;
}

static void model_resume(struct fuzz_device *dev, struct fuzz_request *req)
{
	struct fuzz_vcpu *vcpu = &dev->vcpu[req->vcpu];

	req->state = REQ_FREE;
	vcpu->parked = false;
	vcpu->done++;
	vcpu->result = vcpu->reg;
	if (vcpu->left)
		model_issue(dev, req->vcpu);
}

/* COMPLETE */

static struct fuzz_request *find_processing(struct fuzz_device *dev, long id)
{
	unsigned int i;

	for (i = 0; i < FUZZ_IDS; i++) {
		if (dev->request[i].state == REQ_PROCESSING && dev->request[i].id == id)
			return &dev->request[i];
	}
	return NULL;
}

static long long call_hypervisor(struct fuzz_device *dev, long id, bool write, __u64 value)
{
	struct fuzz_request *req = find_processing(dev, id);
	struct fuzz_vcpu *vcpu;
	long long code;

	if (!req) {
		dev->counters.complete_errors++;
		return -1;
	}
	if (model_fault(dev, BAO_SIM_COMPLETE, &code)) {
		dev->counters.complete_errors++;
		req->state = REQ_LOST;
		return code;
	}
	vcpu = &dev->vcpu[req->vcpu];
	/* The hypervisor has lied about the operation, or about the id */
	if (vcpu->access.op != (write ? BAO_IO_WRITE : BAO_IO_READ))
		dev->counters.violations++;
	if (!write)
		vcpu->reg = value;
	dev->counters.completes++;
	model_resume(dev, req);
	return 0;
}

static long answer(struct fuzz_device *dev, long id, bool write, __u32 width, __u64 value)
{
	long long code;

	if (write)
		value = 0;
	else if (width < 8)
		value &= (1ull << 8 * width) - 1;
	code = call_hypervisor(dev, id, write, value & register_mask());
	dev->stats[code ? FUZZ_COMPLETE_ERRORS : FUZZ_COMPLETES]++;
	return code ? -EIO : 0;
}

static long answer_slot(struct fuzz_device *dev, struct fuzz_slot *slot, __u64 value)
{
	slot->state = SLOT_FREE;
	return answer(dev, slot - dev->slot, slot->write, slot->width, value);
}

long model_complete(struct fuzz_device *dev, struct fuzz_slot *slot, __u64 value)
{
	long ret = answer_slot(dev, slot, value);

	dev->stale[slot->id % FUZZ_STALE] = slot->id;
	model_serve(dev);
	return ret;
}

static void answer_all(struct fuzz_device *dev)
{
	unsigned int i;

	for (i = 0; i < FUZZ_IDS; i++) {
		if (dev->slot[i].state == SLOT_FREE)
			continue;
		dev->stats[FUZZ_DEFAULT_ANSWERS]++;
		answer_slot(dev, &dev->slot[i], 0);
	}
}

/* Eventfds */

static void notify(struct fuzz_device *dev)
{
	long long code;

	if (dev->service == FUZZ_SHUT_DOWN)
		return;
	if (model_fault(dev, BAO_SIM_NOTIFY, &code)) {
		dev->stats[FUZZ_NOTIFY_ERRORS]++;
		return;
	}
	dev->counters.notifies++;
	dev->stats[FUZZ_NOTIFIES]++;
}

static void reset_count(struct fuzz_event *event)
{
	if (event->semaphore && event->count)
		event->count--;
	else
		event->count = 0;
}

/* Somebody has written to it */
void model_wake(struct fuzz_event *event)
{
	unsigned int i;

	for (i = 0; i < event->nr_irqfds; i++) {
		reset_count(event);
		notify(event->irqfd[i]->dev);
	}
}

void model_signal(struct fuzz_event *event)
{
	if (event->count < ULLONG_MAX)
		event->count++;
	model_wake(event);
}

void model_irqfd_add(struct fuzz_event *event, struct fuzz_file *file)
{
	event->irqfd[event->nr_irqfds++] = file;
	if (event->count) {
		reset_count(event);
		notify(file->dev);
	}
}

/* Whether there was one */
bool model_irqfd_del(struct fuzz_event *event, struct fuzz_file *file)
{
	unsigned int i;

	for (i = 0; i < event->nr_irqfds; i++) {
		if (event->irqfd[i] != file)
			continue;
		event->irqfd[i] = event->irqfd[--event->nr_irqfds];
		return true;
	}
	return false;
}

void model_event_put(struct fuzz_event *event)
{
	if (!--event->refs)
		free(event);
}

/* Ranges */

static bool same_write(const struct fuzz_range *a, const struct fuzz_range *b)
{
	return a->addr == b->addr && a->size == b->size &&
	       (a->any_value || b->any_value || a->value == b->value);
}

bool model_has_conflict(struct fuzz_device *dev, const struct fuzz_range *range)
{
	unsigned int i;

	for (i = 0; i < dev->nr_ranges; i++) {
		if (same_write(&dev->range[i], range))
			return true;
	}
	return false;
}

static struct fuzz_range *find_range(struct fuzz_device *dev, const struct fuzz_slot *slot)
{
	struct fuzz_range key = { .addr = slot->addr, .size = slot->width, .value = slot->value };
	unsigned int i;

	for (i = 0; slot->write && i < dev->nr_ranges; i++) {
		if (same_write(&dev->range[i], &key))
			return &dev->range[i];
	}
	return NULL;
}

static void dispatch(struct fuzz_device *dev, struct fuzz_slot *slot)
{
	struct fuzz_range *range = find_range(dev, slot);

	if (!range) {
		slot->state = SLOT_QUEUED;
		return;
	}
	model_signal(range->event);
	dev->stats[FUZZ_SIGNALS]++;
	answer_slot(dev, slot, 0);
}

/* The oldest request that waits */
struct fuzz_slot *model_head(struct fuzz_device *dev)
{
	struct fuzz_slot *head = NULL;
	unsigned int i;

	for (i = 0; i < FUZZ_IDS; i++) {
		struct fuzz_slot *slot = &dev->slot[i];

		if (slot->state == SLOT_QUEUED && (!head || slot->seq < head->seq))
			head = slot;
	}
	return head;
}

static void dispatch_queued(struct fuzz_device *dev)
{
	struct fuzz_slot *next;
	unsigned int i;

	do {
		for (i = 0, next = NULL; i < FUZZ_IDS; i++) {
			struct fuzz_slot *slot = &dev->slot[i];

			if (slot->state == SLOT_QUEUED && find_range(dev, slot) &&
			    (!next || slot->seq < next->seq))
				next = slot;
		}
		if (next)
			dispatch(dev, next);
	} while (next);
}

void model_range_add(struct fuzz_device *dev, const struct fuzz_range *range)
{
	range->event->refs++;
	dev->range[dev->nr_ranges++] = *range;
	dispatch_queued(dev);
	model_serve(dev);
}

void model_range_del(struct fuzz_device *dev, unsigned int i)
{
	model_event_put(dev->range[i].event);
	dev->range[i] = dev->range[--dev->nr_ranges];
}

/* ASK */

static bool refuses_to_be_asked(struct fuzz_device *dev)
{
	return dev->fault[BAO_SIM_ASK].count;
}

static void receive(struct fuzz_device *dev, struct fuzz_request *req)
{
	const struct bao_sim_access *access = &dev->vcpu[req->vcpu].access;
	long long op = access->op, width = access->width, id;
	struct fuzz_slot *slot;
	bool write;

	req->state = REQ_PROCESSING;
	if (model_fault(dev, BAO_SIM_ID, &id))
		req->id = id;
	model_fault(dev, BAO_SIM_OP, &op);
	model_fault(dev, BAO_SIM_WIDTH, &width);
	write = op == BAO_IO_WRITE;

	if (req->id < 0)
		return;
	if (req->id >= FUZZ_IDS) {
		dev->stats[FUZZ_DEFAULT_ANSWERS]++;
		answer(dev, req->id, write, 0, 0);
		return;
	}
	slot = &dev->slot[req->id];
	if (slot->state != SLOT_FREE)
		return;
	*slot = (struct fuzz_slot) {
		.write = write,
		.addr = access->addr & register_mask(),
		.width = width,
		.seq = ++dev->seq,
	};
	if (write)
		slot->value = dev->vcpu[req->vcpu].reg & register_mask();
	if (slot->width < 8)
		slot->value &= (1ull << 8 * slot->width) - 1;
	dev->stats[FUZZ_REQUESTS]++;
	dispatch(dev, slot);
}

/* There has been an interrupt */
void model_serve(struct fuzz_device *dev)
{
	while (dev->service == FUZZ_BOUND && !refuses_to_be_asked(dev) && dev->nr_pending) {
		unsigned int index = dev->pending[0];

		dev->nr_pending--;
		memmove(&dev->pending[0], &dev->pending[1],
			dev->nr_pending * sizeof(dev->pending[0]));
		receive(dev, &dev->request[index]);
	}
}

/* Lives */

bool model_file_dead(const struct fuzz_file *file)
{
	return file->dead || file->dev->service == FUZZ_SHUT_DOWN;
}

static void put_back(struct fuzz_file *file)
{
	struct fuzz_device *dev = file->dev;
	unsigned int i;

	for (i = 0; i < FUZZ_IDS; i++) {
		if (dev->slot[i].state == SLOT_OWNED && dev->slot[i].owner == file)
			dev->slot[i].state = SLOT_QUEUED;
	}
	dispatch_queued(dev);
}

static void detach(struct fuzz *f, struct fuzz_file *file)
{
	struct fuzz_device *dev = file->dev;
	unsigned int i;

	for (i = 0; i < FUZZ_HANDLES; i++) {
		if (f->handle[i].kind == FUZZ_EVENT)
			model_irqfd_del(f->handle[i].event, file);
	}
	for (i = 0; i < dev->nr_ranges;) {
		if (dev->range[i].file == file)
			model_range_del(dev, i);
		else
			i++;
	}
	put_back(file);
	file->dead = true;
}

/* Its last descriptor has been closed: the process gives back, though mappings may keep the file */
void model_close(struct fuzz_file *file)
{
	if (file->dead)
		return;
	put_back(file);
	model_serve(file->dev);
}

void model_file_put(struct fuzz *f, struct fuzz_file *file)
{
	struct fuzz_device *dev = file->dev;
	unsigned int i;

	if (--file->refs)
		return;
	if (!file->dead) {
		detach(f, file);
		for (i = 0; dev->file[i] != file; i++)
			;
		dev->nr_files--;
		memmove(&dev->file[i], &dev->file[i + 1],
			(dev->nr_files - i) * sizeof(dev->file[0]));
	}
	free(file);
}

void model_remio_unbind(struct fuzz *f, struct fuzz_device *dev)
{
	unsigned int i;

	for (i = 0; i < dev->nr_files; i++)
		detach(f, dev->file[i]);
	dev->nr_files = 0;
	dev->remio = false;
	model_serve(dev);
}

void model_bind(struct fuzz_device *dev)
{
	dev->service = FUZZ_BOUND;
	dev->remio = true;
	memset(dev->slot, 0, sizeof(dev->slot));
	memset(dev->stats, 0, sizeof(dev->stats));
	memset(dev->stale, 0, sizeof(dev->stale));
	model_serve(dev);
}

/* What the driver cannot know of is lost; and what it should have known of is a violation */
static void lose_the_rest(struct fuzz_device *dev)
{
	unsigned int i;

	for (i = 0; i < FUZZ_IDS; i++) {
		if (dev->request[i].state != REQ_PROCESSING)
			continue;
		dev->counters.violations += dev->request[i].id == i;
		dev->request[i].state = REQ_LOST;
	}
}

void model_unbind(struct fuzz *f, struct fuzz_device *dev)
{
	/* Nobody asks any more, but what a file gives back may be what an ioeventfd waits for */
	if (dev->service == FUZZ_BOUND)
		dev->service = FUZZ_SUSPENDED;
	model_remio_unbind(f, dev);
	answer_all(dev);
	dev->service = FUZZ_UNBOUND;
	lose_the_rest(dev);
}

void model_shutdown(struct fuzz_device *dev)
{
	dev->service = FUZZ_SHUT_DOWN;
	answer_all(dev);
	lose_the_rest(dev);
}
