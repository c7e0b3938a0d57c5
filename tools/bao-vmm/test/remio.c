// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "../remio.h"
#include "test.h"

#define WINDOW	0x0a000000ull

static struct remio remio;
static unsigned int backend_irqs[REMIO_MAX_DEVICES];
static unsigned int frontend_irqs[REMIO_MAX_DEVICES];
static unsigned int queued_at_irq;
static struct remio_answer answer;
static bool asked;

struct vcpu {
	struct remio_vcpu remio;
	unsigned int resumed;
	bool parked_at_resume;
};

static struct vcpu vcpus[REMIO_MAX_REQUESTS];

static void resume(struct remio_vcpu *vcpu)
{
	struct vcpu *v = (struct vcpu *)vcpu;

	v->resumed++;
	v->parked_at_resume = vcpu->parked;
}

static void interrupt_backend(void *ctx, unsigned int device)
{
	struct remio *r = ctx;

	backend_irqs[device]++;
	queued_at_irq = remio_count(r, device, REMIO_PENDING);
}

static void interrupt_frontend(void *ctx, unsigned int device)
{
	(void)ctx;
	frontend_irqs[device]++;
}

static const struct remio_ops ops = {
	.interrupt_backend = interrupt_backend,
	.interrupt_frontend = interrupt_frontend,
};

static void setup(unsigned int nr_devices)
{
	remio_init(&remio, nr_devices, &ops, &remio);
	memset(backend_irqs, 0, sizeof(backend_irqs));
	memset(frontend_irqs, 0, sizeof(frontend_irqs));
	memset(vcpus, 0, sizeof(vcpus));
	for (int i = 0; i < REMIO_MAX_REQUESTS; i++)
		vcpus[i].remio.resume = resume;
}

static void do_read(unsigned int device, struct vcpu *v, uint64_t addr)
{
	struct remio_access access = { .addr = addr, .op = REMIO_READ, .width = 4 };

	remio_start_access(&remio, device, &v->remio, &access);
}

static void do_write(unsigned int device, struct vcpu *v, uint64_t addr, uint64_t value,
		     uint64_t width)
{
	struct remio_access access = { .addr = addr, .op = REMIO_WRITE, .width = width };

	v->remio.reg = value;
	remio_start_access(&remio, device, &v->remio, &access);
}

static int call(uint64_t dm_id, uint64_t op, uint64_t value, int64_t request_id)
{
	struct remio_call c = {
		.dm_id = dm_id, .op = op, .value = value, .request_id = request_id,
	};

	return remio_hypercall(&remio, &c, &answer, &asked);
}

static int ask(uint64_t dm_id)
{
	return call(dm_id, REMIO_ASK, 0, 0);
}

static void test_bad_arguments(void)
{
	struct remio_call c = { .dm_id = 0, .addr = 1, .op = REMIO_ASK };
	struct vcpu *v = &vcpus[0];

	setup(2);
	eq(ask(2), BAO_INVAL_ARGS, "dm_id behind the last device: -3");
	eq(ask(~0ull), BAO_INVAL_ARGS, "dm_id ~0: -3");
	eq(ask(0x100000000ull), BAO_INVAL_ARGS, "dm_id counts with all of its 64 bits");
	eq(call(0, 4, 0, 0), BAO_INVAL_ARGS, "unknown operation: -3");
	eq(call(0, 0x100000002ull, 0, 0), BAO_INVAL_ARGS, "op counts with all of its 64 bits");
	eq(call(2, 4, 0, 0), BAO_INVAL_ARGS, "bad dm_id and op: -3");
	eq(ask(0), BAO_NOTHING, "ASK with nothing pending: +1");
	ok(!asked, "an empty ASK has no results");

	do_read(0, v, WINDOW);
	eq(remio_hypercall(&remio, &c, &answer, &asked), BAO_NOTHING, "ASK with addr != 0: +1");
	eq(call(0, REMIO_ASK, 1, 0), BAO_NOTHING, "ASK with value != 0: +1");
	eq(remio_count(&remio, 0, REMIO_PENDING), 1, "neither takes the request");
	eq(call(0, REMIO_ASK, 0, 77), BAO_OK, "ASK does not look at request_id");
	eq(remio.devices[0].counters.asks, 4, "all ASKs counted");
	eq(remio.devices[0].counters.asks_empty, 3, "all answered +1 counted");
}

static void test_read(void)
{
	struct vcpu *v = &vcpus[0];

	setup(2);
	v->remio.reg = 0x1111111111111111;
	do_read(1, v, WINDOW + 0x204);
	eq(backend_irqs[1], 1, "an access interrupts the backend");
	eq(backend_irqs[0], 0, "on its own device only");
	eq(queued_at_irq, 1, "the request is queued before the interrupt");
	ok(v->remio.parked, "the vCPU is parked");

	eq(ask(0), BAO_NOTHING, "the other device has nothing");
	eq(ask(1), BAO_OK, "ASK");
	ok(asked, "ASK has results");
	eq(answer.addr, WINDOW + 0x204, "absolute address");
	eq(answer.op, REMIO_READ, "op");
	eq(answer.value, 0, "value of a read is 0");
	eq(answer.width, 4, "access width");
	eq(answer.request_id, 0, "lowest id");
	eq(answer.more, 0, "nothing more");
	ok(v->remio.parked, "still parked");
	eq(ask(1), BAO_NOTHING, "asked for once");

	eq(call(1, REMIO_READ, 0x8877665544332211, 0), BAO_OK, "COMPLETE");
	ok(!asked, "COMPLETE has no results");
	eq(v->remio.reg, 0x8877665544332211, "the answer replaces all 64 bits");
	eq(v->resumed, 1, "the vCPU is resumed");
	ok(!v->parked_at_resume, "and not parked by then");
	eq(call(1, REMIO_READ, 0, 0), BAO_FAILURE, "COMPLETE twice: -1");
	eq(v->resumed, 1, "without effect");
	eq(remio.devices[1].counters.completes, 1, "successful COMPLETEs counted");
	eq(remio.devices[1].counters.complete_errors, 1, "failed COMPLETEs counted");
	eq(remio.devices[1].counters.violations, 0, "no violation");
	eq(remio.devices[0].counters.accesses, 0, "the other device's counters stand still");
}

static void test_write(void)
{
	struct vcpu *v = &vcpus[0];

	setup(1);
	do_write(0, v, WINDOW + 0x51, 0xfedcba9876543210, 1);
	eq(ask(0), BAO_OK, "ASK");
	eq(answer.op, REMIO_WRITE, "op");
	eq(answer.value, 0xfedcba9876543210, "a write's value is the whole register");
	eq(answer.width, 1, "whatever its width");
	eq(answer.addr, WINDOW + 0x51, "unaligned addresses pass");
	eq(call(0, REMIO_WRITE, 0x1234, 0), BAO_OK, "COMPLETE");
	eq(v->remio.reg, 0xfedcba9876543210, "completing a write leaves the register alone");
	eq(v->resumed, 1, "the vCPU is resumed");
}

static void test_bad_completes(void)
{
	struct vcpu *v = &vcpus[0];

	setup(2);
	do_read(0, v, WINDOW);
	eq(call(0, REMIO_READ, 0, 0), BAO_FAILURE, "COMPLETE before ASK: -1");
	eq(ask(0), BAO_OK, "ASK");
	eq(call(1, REMIO_READ, 0, 0), BAO_FAILURE, "COMPLETE on another device: -1");
	eq(call(0, REMIO_READ, 0, 1), BAO_FAILURE, "COMPLETE of a free request: -1");
	eq(call(0, REMIO_READ, 0, REMIO_MAX_REQUESTS), BAO_FAILURE, "id behind the pool: -1");
	eq(call(0, REMIO_READ, 0, 0x100), BAO_FAILURE, "ids are not cut to 8 bits");
	eq(call(0, REMIO_READ, 0, 0x100000000), BAO_FAILURE, "nor to 32 bits");
	eq(call(0, REMIO_READ, 0, -2), BAO_FAILURE, "id -2: -1");
	eq(call(0, REMIO_READ, 0, INT64_MIN), BAO_FAILURE, "smallest id: -1");
	ok(v->remio.parked, "none of them resumes the vCPU");
	eq(remio.devices[0].counters.complete_errors, 7, "errors counted");
	eq(remio.devices[1].counters.complete_errors, 1, "each on the device that was named");
	eq(remio.devices[0].counters.violations, 0, "they do no harm");
	eq(call(0, REMIO_READ, 5, 0), BAO_OK, "the request can still be completed");
	eq(v->remio.reg, 5, "with the right value");
}

static void test_fifo(void)
{
	setup(1);
	for (int i = 0; i < 4; i++)
		do_read(0, &vcpus[i], WINDOW + i);
	for (int i = 0; i < 4; i++) {
		eq(ask(0), BAO_OK, "ASK of four");
		eq(answer.addr, WINDOW + i, "first in, first out");
		eq(answer.request_id, i, "ids ascend");
		eq(answer.more, i < 3, "more-pending is a boolean");
	}
	eq(ask(0), BAO_NOTHING, "queue empty");
	eq(call(0, REMIO_READ, 102, 2), BAO_OK, "complete the third");
	eq(call(0, REMIO_READ, 100, 0), BAO_OK, "complete the first");
	eq(vcpus[2].remio.reg, 102, "each answer");
	eq(vcpus[0].remio.reg, 100, "reaches its vCPU");
	ok(vcpus[1].remio.parked && vcpus[3].remio.parked, "the others stay parked");
	eq(remio_count(&remio, 0, REMIO_PROCESSING), 2, "two are being processed");

	/* the lowest id comes first, however old it is */
	do_read(0, &vcpus[0], WINDOW + 4);
	do_read(0, &vcpus[2], WINDOW + 5);
	eq(ask(0), BAO_OK, "ASK");
	eq(answer.request_id, 0, "lowest free id is reused at once");
	eq(answer.addr, WINDOW + 4, "for the next access");
	eq(ask(0), BAO_OK, "ASK");
	eq(answer.request_id, 2, "then the next free one");
	eq(backend_irqs[0], 6, "one interrupt per access");
	eq(remio.devices[0].counters.interrupts, 6, "and counted");
	eq(remio.devices[0].counters.accesses, 6, "as are accesses");
}

static void test_two_devices_share_ids(void)
{
	setup(2);
	do_read(0, &vcpus[0], WINDOW);
	do_read(1, &vcpus[1], WINDOW + 0x200);
	do_read(0, &vcpus[2], WINDOW + 8);
	eq(ask(1), BAO_OK, "ASK of the second device");
	eq(answer.request_id, 1, "ids come from one pool");
	eq(answer.more, 0, "more-pending is per device");
	eq(ask(0), BAO_OK, "ASK of the first device");
	eq(answer.request_id, 0, "its oldest");
	eq(answer.more, 1, "more-pending");
}

static void test_pool(void)
{
	setup(REMIO_MAX_DEVICES);
	for (int i = 0; i < REMIO_MAX_REQUESTS; i++)
		do_read(i % REMIO_MAX_DEVICES, &vcpus[i], WINDOW + i);
	eq(remio_count(&remio, 3, REMIO_PENDING), REMIO_MAX_VCPUS, "all vCPUs parked at once");
	for (int i = 0; i < REMIO_MAX_REQUESTS; i++) {
		unsigned int device = i % REMIO_MAX_DEVICES;

		if (ask(device) || answer.request_id != (uint64_t)i ||
		    call(device, REMIO_READ, i, i) || vcpus[i].remio.reg != (uint64_t)i) {
			ok(false, "one of them goes wrong");
			return;
		}
	}
	ok(true, "all of them answered");
}

static void test_next_pending(void)
{
	setup(1);
	eq(call(0, REMIO_READ, 0, -1), BAO_FAILURE, "COMPLETE of -1 with nothing pending: -1");
	eq(remio.devices[0].counters.violations, 1, "a violation");

	do_read(0, &vcpus[0], WINDOW);
	do_read(0, &vcpus[1], WINDOW + 4);
	eq(call(0, REMIO_WRITE, 0, -1), BAO_FAILURE, "COMPLETE of -1: -1");
	eq(remio.devices[0].counters.violations, 2, "a violation");
	eq(remio_count(&remio, 0, REMIO_PENDING), 1, "one request is gone");
	eq(ask(0), BAO_OK, "ASK");
	eq(answer.addr, WINDOW + 4, "it was the oldest");
	ok(vcpus[0].remio.parked && !vcpus[0].resumed, "its vCPU hangs");
	eq(call(0, REMIO_READ, 0, 0), BAO_FAILURE, "and cannot be rescued");
	eq(call(0, REMIO_READ, 9, 1), BAO_OK, "the other is answered");
	do_read(0, &vcpus[1], WINDOW + 8);
	eq(ask(0), BAO_OK, "ASK");
	eq(answer.request_id, 1, "the destroyed one's id is lost");

	/* the queue's end must have survived the pop of its only entry */
	eq(call(0, REMIO_READ, 0, 1), BAO_OK, "COMPLETE");
	do_read(0, &vcpus[2], WINDOW);
	eq(call(0, REMIO_READ, 0, -1), BAO_FAILURE, "pop the only one");
	do_read(0, &vcpus[3], WINDOW + 12);
	eq(ask(0), BAO_OK, "ASK");
	eq(answer.addr, WINDOW + 12, "the queue goes on");
}

static void test_wrong_direction(void)
{
	setup(1);
	vcpus[0].remio.reg = 0xaaaa;
	do_read(0, &vcpus[0], WINDOW);
	ask(0);
	eq(call(0, REMIO_WRITE, 0x5555, 0), BAO_OK, "a READ completed as WRITE succeeds");
	eq(vcpus[0].resumed, 1, "frees the vCPU");
	eq(vcpus[0].remio.reg, 0xaaaa, "with a stale register");
	eq(remio.devices[0].counters.violations, 1, "a violation");

	do_write(0, &vcpus[0], WINDOW, 0xaaaa, 4);
	ask(0);
	eq(call(0, REMIO_READ, 0x5555, 0), BAO_OK, "a WRITE completed as READ succeeds");
	eq(vcpus[0].remio.reg, 0x5555, "and overwrites the register");
	eq(remio.devices[0].counters.violations, 2, "a violation");
	eq(remio.devices[0].counters.completes, 2, "both counted as successful");
}

static void test_notify(void)
{
	setup(2);
	eq(call(1, REMIO_NOTIFY, 0, 0), BAO_OK, "NOTIFY");
	eq(frontend_irqs[1], 1, "interrupts the frontend");
	eq(frontend_irqs[0], 0, "on that device");
	eq(remio.devices[1].counters.notifies, 1, "counted");
	eq(call(1, REMIO_NOTIFY, 7, -1), BAO_OK, "NOTIFY does not look at the other arguments");
	eq(frontend_irqs[1], 2, "each one interrupts");
	eq(backend_irqs[1], 0, "the backend is left alone");
	eq(call(2, REMIO_NOTIFY, 0, 0), BAO_INVAL_ARGS, "NOTIFY of an unknown device: -3");
}

static void test_print(void)
{
	static const char requests[] =
		"request 0 dm 0 read 0x50/4 pending, request 1 dm 1 write 0x270/2 processing";
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	setup(2);
	remio_print_requests(&remio, f);
	fflush(f);
	ok(!strcmp(text, "no requests"), "no requests");
	rewind(f);
	do_read(0, &vcpus[0], 0x50);
	do_write(1, &vcpus[1], 0x270, 1, 2);
	ask(1);
	remio_print_requests(&remio, f);
	fflush(f);
	ok(!strcmp(text, requests), "requests as text");
	rewind(f);
	remio_print_counters(&remio, 1, f);
	fflush(f);
	ok(!strncmp(text, "dm 1: accesses 1 interrupts 1 asks 1 empty 0 ", 45), "counters");
	ok(strstr(text, " pending 0 processing 1 violations 0"), "and states as text");
	fclose(f);
	free(text);
}

void test_remio(void)
{
	test_bad_arguments();
	test_read();
	test_write();
	test_bad_completes();
	test_fifo();
	test_two_devices_share_ids();
	test_pool();
	test_next_pending();
	test_wrong_direction();
	test_notify();
	test_print();
}
