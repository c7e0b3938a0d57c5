// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "testport.h"

static uint64_t replace_lo(uint64_t old, uint32_t value)
{
	return (old & ~0xffffffffull) | value;
}

static uint64_t replace_hi(uint64_t old, uint32_t value)
{
	return (old & 0xffffffff) | (uint64_t)value << 32;
}

static struct script_vcpu *selected(const struct testport *t)
{
	if (t->frontend != FRONTEND_NONE || t->device >= t->hv->remio.nr_devices)
		return NULL;
	return &t->script->vcpus[t->device][t->vcpu];
}

static uint32_t read_counter(const struct testport *t, uint32_t offset)
{
	const struct remio *r = &t->hv->remio;
	const struct remio_counters *c = &r->devices[t->device].counters;

	switch (offset) {
	case TESTPORT_ACCESSES:
		return c->accesses;
	case TESTPORT_INTERRUPTS:
		return c->interrupts;
	case TESTPORT_ASKS:
		return c->asks;
	case TESTPORT_ASKS_EMPTY:
		return c->asks_empty;
	case TESTPORT_COMPLETES:
		return c->completes;
	case TESTPORT_COMPLETE_ERRORS:
		return c->complete_errors;
	case TESTPORT_NOTIFIES:
		return c->notifies;
	case TESTPORT_PENDING:
		return remio_count(r, t->device, REMIO_PENDING);
	case TESTPORT_PROCESSING:
		return remio_count(r, t->device, REMIO_PROCESSING);
	case TESTPORT_VIOLATIONS:
		return c->violations;
	case TESTPORT_BAD_CALLS:
		return t->hv->bad_calls[t->vm];
	case TESTPORT_TIMES:
		return t->script->times[t->device].nr;
	case TESTPORT_TIME:
		return times_ranked(&t->script->times[t->device], t->rank);
	default:
		return 0;
	}
}

static uint32_t read_vcpu(const struct script_vcpu *v, uint32_t offset)
{
	switch (offset) {
	case TESTPORT_ADDR_LO:
		return v->access.addr;
	case TESTPORT_ADDR_HI:
		return v->access.addr >> 32;
	case TESTPORT_VALUE_LO:
		return v->value;
	case TESTPORT_VALUE_HI:
		return v->value >> 32;
	case TESTPORT_OP:
		return v->access.op;
	case TESTPORT_WIDTH:
		return v->access.width;
	case TESTPORT_COUNT:
		return v->count;
	case TESTPORT_DONE:
		return v->done;
	case TESTPORT_PARKED:
		return v->vcpu.parked;
	case TESTPORT_RESULT_LO:
		return v->result;
	case TESTPORT_RESULT_HI:
		return v->result >> 32;
	default:
		return 0;
	}
}

uint32_t testport_read(const struct testport *t, uint32_t offset)
{
	const struct script_vcpu *v = selected(t);

	switch (offset) {
	case TESTPORT_MAGIC:
		return TESTPORT_VALUE_MAGIC;
	case TESTPORT_DEVICES:
		return t->hv->remio.nr_devices;
	case TESTPORT_DEVICE:
		return t->device;
	case TESTPORT_VCPU:
		return t->vcpu;
	case TESTPORT_FRONTEND:
		return t->frontend;
	case TESTPORT_RANK:
		return t->rank;
	case TESTPORT_ECHO:
		return t->hv->ipc.echo;
	case TESTPORT_ADDR_LO ... TESTPORT_RESULT_HI:
		return v ? read_vcpu(v, offset) : 0;
	case TESTPORT_SNAPSHOT_FIRST ... TESTPORT_SNAPSHOT_LAST:
		return t->snapshot[(offset - TESTPORT_SNAPSHOT_FIRST) / 4];
	default:
		return read_counter(t, offset);
	}
}

/* A parked vCPU's request is a copy: what is written here goes for the accesses after it. */
static void write_vcpu(struct script_vcpu *v, uint32_t offset, uint32_t value)
{
	switch (offset) {
	case TESTPORT_ADDR_LO:
		v->access.addr = replace_lo(v->access.addr, value);
		break;
	case TESTPORT_ADDR_HI:
		v->access.addr = replace_hi(v->access.addr, value);
		break;
	case TESTPORT_VALUE_LO:
		v->value = replace_lo(v->value, value);
		break;
	case TESTPORT_VALUE_HI:
		v->value = replace_hi(v->value, value);
		break;
	case TESTPORT_OP:
		v->access.op = value ? REMIO_READ : REMIO_WRITE;
		break;
	case TESTPORT_WIDTH:
		v->access.width = value;
		break;
	case TESTPORT_COUNT:
		v->count = value;
		break;
	case TESTPORT_START:
		if (value)
			script_start(v);
		else
			script_stop(v);
		break;
	}
}

void testport_write(struct testport *t, uint32_t offset, uint32_t value)
{
	struct script_vcpu *v = selected(t);

	switch (offset) {
	case TESTPORT_DEVICE:
		if (value < t->hv->remio.nr_devices)
			t->device = value;
		break;
	case TESTPORT_VCPU:
		if (value < REMIO_MAX_VCPUS)
			t->vcpu = value;
		break;
	case TESTPORT_ADDR_LO ... TESTPORT_START:
		if (v)
			write_vcpu(v, offset, value);
		break;
	case TESTPORT_RESET:
		memset(&t->hv->remio.devices[t->device].counters, 0,
		       sizeof(struct remio_counters));
		times_reset(&t->script->times[t->device]);
		t->hv->bad_calls[t->vm] = 0;
		break;
	case TESTPORT_RANK:
		t->rank = value;
		break;
	case TESTPORT_START_MASK:
		for (uint32_t i = 0; v && i < REMIO_MAX_VCPUS; i++)
			if (value & 1u << i)
				script_start(&t->script->vcpus[t->device][i]);
		break;
	case TESTPORT_ECHO:
		t->hv->ipc.echo = value;
		break;
	case TESTPORT_SNAPSHOT:
		for (uint32_t i = 0; i < TESTPORT_NR_COUNTERS; i++)
			t->snapshot[i] = read_counter(t, TESTPORT_ACCESSES + 4 * i);
		break;
	case TESTPORT_EXIT:
		t->exit(t->ctx, value & 0xff);
		break;
	}
}
