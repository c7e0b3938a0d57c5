// SPDX-License-Identifier: GPL-2.0
#include "../script.h"
#include "test.h"

static struct remio remio;
static struct script script;
static unsigned int irqs;
static struct remio_answer answer;

static uint64_t now(void)
{
	return 0;
}

static void count(void *ctx, unsigned int device)
{
	(void)ctx;
	(void)device;
	irqs++;
}

static const struct remio_ops ops = { .interrupt_backend = count, .interrupt_frontend = count };

static int call(uint64_t dm_id, uint64_t op, uint64_t value, int64_t request_id)
{
	struct remio_call c = {
		.dm_id = dm_id, .op = op, .value = value, .request_id = request_id,
	};
	bool asked;

	return remio_hypercall(&remio, &c, &answer, &asked);
}

static struct script_vcpu *setup(unsigned int op, uint32_t nr_accesses)
{
	struct script_vcpu *v = &script.vcpus[1][2];

	irqs = 0;
	remio_init(&remio, 2, &ops, NULL);
	script_init(&script, &remio, now);
	v->access = (struct remio_access) { .addr = 0x0a000270, .op = op, .width = 4 };
	v->value = 0xffffffff0000000f;
	v->count = nr_accesses;
	return v;
}

static void test_reads(void)
{
	struct script_vcpu *v = setup(REMIO_READ, 1000);
	unsigned int i;

	script_start(v);
	ok(v->vcpu.parked, "a started vCPU is parked");
	eq(irqs, 1, "and the backend interrupted");
	eq(v->result, SCRIPT_POISON, "the result of a read is poisoned");
	for (i = 0; i < 1000; i++) {
		if (call(1, REMIO_ASK, 0, 0) || answer.request_id || answer.more)
			break;
		if (call(1, REMIO_READ, i, 0) || v->result != i || v->done != i + 1)
			break;
		/* infinitely fast: the next one is there before the hypercall is over */
		if (i < 999 && (!v->vcpu.parked || irqs != i + 2))
			break;
	}
	eq(i, 1000, "1000 reads, each queued as the one before it was answered");
	ok(!v->vcpu.parked, "then it rests");
	eq(irqs, 1000, "one interrupt each");
	eq(remio.devices[1].counters.accesses, 1000, "accesses counted");
	eq(call(1, REMIO_ASK, 0, 0), BAO_NOTHING, "nothing more comes");

	script_start(v);
	eq(v->done, 0, "a new start counts anew");
	eq(v->result, SCRIPT_POISON, "and poisons anew");
}

static void test_poison(void)
{
	struct script_vcpu *v = setup(REMIO_READ, 2);

	script_start(v);
	call(1, REMIO_ASK, 0, 0);
	call(1, REMIO_READ, 1, 0);
	call(1, REMIO_ASK, 0, 0);
	call(1, REMIO_WRITE, 2, 0);
	eq(v->result, SCRIPT_POISON, "a READ completed as WRITE shows, also after good ones");
	eq(remio.devices[1].counters.violations, 1, "and is a violation");
}

static void test_writes(void)
{
	struct script_vcpu *v = setup(REMIO_WRITE, 2);

	script_start(v);
	eq(call(1, REMIO_ASK, 0, 0), BAO_OK, "ASK");
	eq(answer.value, 0xffffffff0000000f, "the whole register");
	eq(call(1, REMIO_WRITE, 0, 0), BAO_OK, "COMPLETE");
	eq(v->result, 0xffffffff0000000f, "the register stays");
	eq(v->done, 1, "one done");
	eq(call(1, REMIO_ASK, 0, 0), BAO_OK, "ASK");
	eq(call(1, REMIO_READ, 3, 0), BAO_OK, "COMPLETE as READ");
	eq(v->result, 3, "overwrites it");
	eq(v->done, 2, "two done");
}

static void test_stop(void)
{
	struct script_vcpu *v = setup(REMIO_READ, 100);

	script_start(v);
	script_stop(v);
	ok(v->vcpu.parked, "a stop leaves the outstanding access");
	call(1, REMIO_ASK, 0, 0);
	call(1, REMIO_READ, 0, 0);
	ok(!v->vcpu.parked, "and ends after it");
	eq(v->done, 1, "one done");

	v->count = 5;
	script_start(v);
	call(1, REMIO_ASK, 0, 0);
	call(1, REMIO_READ, 0, 0);
	script_start(v);
	eq(v->done, 1, "a start while an access is outstanding is ignored");
	eq(remio_count(&remio, 1, REMIO_PENDING), 1, "and queues nothing");

	v = setup(REMIO_READ, 0);
	script_start(v);
	ok(!v->vcpu.parked, "a count of 0 does nothing");
}

static void test_several(void)
{
	struct script_vcpu *a = setup(REMIO_READ, 2);
	struct script_vcpu *b = &script.vcpus[1][3];
	struct script_vcpu *c = &script.vcpus[0][3];

	*b = *a;
	c->access = a->access;
	c->count = 1;
	script_start(a);
	script_start(b);
	script_start(c);
	eq(call(1, REMIO_ASK, 0, 0), BAO_OK, "ASK");
	eq(answer.request_id, 0, "first vCPU");
	eq(answer.more, 1, "the second waits");
	call(1, REMIO_READ, 10, 0);
	eq(call(1, REMIO_ASK, 0, 0), BAO_OK, "ASK");
	eq(answer.request_id, 1, "the second goes before the first one's next");
	eq(answer.more, 1, "which waits");
	eq(a->result, 10, "each vCPU has its own result");
	eq(b->result, SCRIPT_POISON, "and waits for it");
	eq(remio_count(&remio, 0, REMIO_PENDING), 1, "devices do not disturb each other");
}

void test_script(void)
{
	test_reads();
	test_poison();
	test_writes();
	test_stop();
	test_several();
}
