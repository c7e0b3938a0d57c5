// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "../hypercall.h"
#include "test.h"

#define MARK	0x5a5a5a5a00000000ull	/* + number of the register */

static struct hypervisor hv;
static uint64_t reg[HYPERCALL_REGS];
static uint64_t old[HYPERCALL_REGS];
static unsigned int rings;

static void nothing(void *ctx, unsigned int device)
{
	(void)ctx;
	(void)device;
}

static void resume(struct remio_vcpu *vcpu)
{
	(void)vcpu;
}

static void ring(void *ctx, unsigned int vm, unsigned int object, unsigned int event)
{
	(void)ctx;
	(void)vm;
	(void)object;
	(void)event;
	rings++;
}

static const struct remio_ops ops = {
	.interrupt_backend = nothing,
	.interrupt_frontend = nothing,
};

static struct remio_vcpu vcpus[2] = { { .resume = resume }, { .resume = resume } };

static void setup(void)
{
	static const struct remio_access access = {
		.addr = 0x0a000250, .op = REMIO_WRITE, .width = 2,
	};

	memset(&hv, 0, sizeof(hv));
	rings = 0;
	remio_init(&hv.remio, 2, &ops, NULL);
	hv.ipc = (struct ipc) { .nr_objects = 1, .nr_vms = 2, .interrupt = ring };
	for (int i = 0; i < 2; i++) {
		vcpus[i].reg = 0x1122334455667788;
		remio_start_access(&hv.remio, 1, &vcpus[i], &access);
	}
}

/* fn goes to where the architecture has it, the other registers keep their marks */
static unsigned int call(enum hypercall_abi abi, uint64_t fn, uint64_t dm_id, uint64_t op,
			 uint64_t value, uint64_t request_id)
{
	const uint64_t args[] = { dm_id, 0, op, value, request_id };
	int first = abi == HYPERCALL_RISCV ? 0 : 1;

	for (int i = 0; i < HYPERCALL_REGS; i++)
		reg[i] = abi == HYPERCALL_ARM ? (uint32_t)i : MARK + i;
	for (int i = 0; i < 5; i++)
		reg[first + i] = args[i];
	if (abi == HYPERCALL_RISCV) {
		reg[6] = fn;
		reg[7] = 0x08000ba0;
	} else {
		reg[0] = fn;
	}
	memcpy(old, reg, sizeof(reg));
	return hypercall(&hv, 0, abi, reg);
}

static bool unchanged(unsigned int first, unsigned int last)
{
	for (unsigned int i = first; i <= last; i++)
		if (reg[i] != old[i])
			return false;
	return true;
}

static void test_arm64(void)
{
	setup();
	eq(call(HYPERCALL_ARM64, 0xc6000002, 1, REMIO_ASK, 0, 0), 0x7f, "arm64: ASK: x0..x6");
	eq(reg[0], BAO_OK, "x0: code");
	eq(reg[1], 0x0a000250, "x1: address");
	eq(reg[2], REMIO_WRITE, "x2: op");
	eq(reg[3], 0x1122334455667788, "x3: value");
	eq(reg[4], 2, "x4: width");
	eq(reg[5], 0, "x5: request");
	eq(reg[6], 1, "x6: more");
	ok(unchanged(7, 7), "x7 is preserved");

	eq(call(HYPERCALL_ARM64, 0xc6000002, 1, REMIO_WRITE, 0, 0), 1, "COMPLETE writes x0 only");
	eq(reg[0], BAO_OK, "x0: code");
	ok(unchanged(1, 7), "the rest is preserved");
	eq(call(HYPERCALL_ARM64, 0xc6000002, 1, REMIO_WRITE, 0, 0), 1, "once more");
	eq(reg[0], -1, "x0: -1 with all 64 bits");
	eq(call(HYPERCALL_ARM64, 0xc6000002, 0, REMIO_ASK, 0, 0), 1, "an empty ASK writes x0 only");
	eq(reg[0], 1, "x0: +1");
	ok(unchanged(1, 7), "the rest is preserved");
	eq(call(HYPERCALL_ARM64, 0xc6000002, ~0ull, REMIO_ASK, 0, 0), 1, "bad dm_id writes x0");
	eq(reg[0], -3, "x0: -3 with all 64 bits");
	call(HYPERCALL_ARM64, 0xc6000003, 1, REMIO_ASK, 0, 0);
	eq(reg[0], -2, "unknown function: -2");
	call(HYPERCALL_ARM64, 0xc6000000, 1, REMIO_ASK, 0, 0);
	eq(reg[0], -2, "function 0: -2");
	call(HYPERCALL_ARM64, 0x8600ff01, 1, REMIO_ASK, 0, 0);
	eq(reg[0], -2, "the UID query of a vendor hypervisor: -2");
	call(HYPERCALL_ARM64, 0x86000002, 1, REMIO_ASK, 0, 0);
	eq(reg[0], BAO_OK, "the 32-bit function id works as well");
	eq(reg[3], 0x1122334455667788, "with 64-bit registers");
	call(HYPERCALL_ARM64, 0xffffffffc6000002, 0, REMIO_ASK, 0, 0);
	eq(reg[0], 1, "the upper half of x0 does not count");
	eq(call(HYPERCALL_ARM64, 0xc4000003, 0, 0, 0, 0), 0, "PSCI is not Bao's");
	ok(unchanged(0, 7), "nothing is written then");
	eq(hv.bad_calls[0], 5, "negative codes are counted");
	eq(hv.bad_calls[1], 0, "for the VM that called");

	eq(call(HYPERCALL_ARM64, 0xc6000001, 0, 0, 0, 0), 1, "IPC writes x0 only");
	eq(reg[0], BAO_OK, "x0: code");
	eq(rings, 1, "the bell rings");
	call(HYPERCALL_ARM64, 0xc6000001, 1, 0, 0, 0);
	eq(reg[0], -3, "bad ipc_id: -3");
}

static void test_arm(void)
{
	setup();
	eq(call(HYPERCALL_ARM, 0x86000002, 1, REMIO_ASK, 0, 0), 0x7f, "arm: ASK: r0..r6");
	eq(reg[0], BAO_OK, "r0: code");
	eq(reg[1], 0x0a000250, "r1: address");
	eq(reg[3], 0x55667788, "r3: 32 bits of the value");
	eq(reg[4], 2, "r4: width");
	eq(reg[5], 0, "r5: request");
	eq(reg[6], 1, "r6: more");
	ok(unchanged(7, 7), "r7 is preserved");
	call(HYPERCALL_ARM, 0x86000002, 2, REMIO_ASK, 0, 0);
	eq(reg[0], 0xfffffffd, "-3 in 32 bits");
	call(HYPERCALL_ARM, 0x86000009, 1, REMIO_ASK, 0, 0);
	eq(reg[0], 0xfffffffe, "-2 in 32 bits");
	call(HYPERCALL_ARM, 0xc6000002, 1, REMIO_WRITE, 0, 7);
	eq(reg[0], 0xffffffff, "-1 in 32 bits; the 64-bit function id works as well");
	eq(hv.remio.devices[1].counters.violations, 0, "an unknown request is no violation");
	call(HYPERCALL_ARM, 0x86000002, 1, REMIO_WRITE, 0, 0xffffffff);
	eq(reg[0], 0xffffffff, "request 0xffffffff: -1");
	eq(hv.remio.devices[1].counters.violations, 1, "that is request -1 there");
	eq(call(HYPERCALL_ARM, 0x86000002, 1, REMIO_READ, 0x89abcdef, 0), 1, "COMPLETE: r0 only");
	eq(vcpus[0].reg, 0x89abcdef, "an answer of 32 bits is not sign-extended");
	eq(call(HYPERCALL_ARM, 0x86000001, 0, 0, 0, 0), 1, "IPC");
	eq(rings, 1, "the bell rings");
}

static void test_riscv(void)
{
	setup();
	eq(call(HYPERCALL_RISCV, 2, 1, REMIO_ASK, 0, 0), 0xff, "riscv: ASK: a0..a7");
	eq(reg[0], 0, "a0: SBI error");
	eq(reg[1], BAO_OK, "a1: code");
	eq(reg[2], 0x0a000250, "a2: address");
	eq(reg[3], REMIO_WRITE, "a3: op");
	eq(reg[4], 0x1122334455667788, "a4: value");
	eq(reg[5], 2, "a5: width");
	eq(reg[6], 0, "a6: request");
	eq(reg[7], 1, "a7: more");

	eq(call(HYPERCALL_RISCV, 2, 1, REMIO_WRITE, 0, 0), 3, "COMPLETE writes a0 and a1 only");
	eq(reg[0], 0, "a0: SBI error");
	eq(reg[1], BAO_OK, "a1: code");
	ok(unchanged(2, 7), "the rest keeps its inputs");
	call(HYPERCALL_RISCV, 2, 1, REMIO_WRITE, 0, 0);
	eq(reg[0], 0, "a0 is 0 in any case");
	eq(reg[1], -1, "a1: -1");
	eq(call(HYPERCALL_RISCV, 2, 0, REMIO_ASK, 0, 0), 3, "an empty ASK writes a0 and a1 only");
	eq(reg[1], 1, "a1: +1");
	ok(unchanged(2, 7), "the rest keeps its inputs");
	call(HYPERCALL_RISCV, 2, ~0ull, REMIO_ASK, 0, 0);
	eq(reg[0], 0, "a0 is 0 in any case");
	eq(reg[1], -3, "a1: -3");
	call(HYPERCALL_RISCV, 3, 1, REMIO_ASK, 0, 0);
	eq(reg[1], -2, "unknown function: -2");
	call(HYPERCALL_RISCV, 0x100000002, 1, REMIO_ASK, 0, 0);
	eq(reg[1], -2, "all bits of a6 count");
	call(HYPERCALL_RISCV, 1, 0, 0, 0, 0);
	eq(reg[1], BAO_OK, "IPC");
	eq(rings, 1, "the bell rings");
	eq(hv.bad_calls[0], 4, "negative codes are counted");

	reg[7] = 0x08000ba1;
	eq(hypercall(&hv, 0, HYPERCALL_RISCV, reg), 0, "another extension is not Bao's");
}

static void test_second_vm(void)
{
	setup();
	call(HYPERCALL_ARM64, 0xc6000002, 9, REMIO_ASK, 0, 0);
	memcpy(reg, old, sizeof(reg));
	hypercall(&hv, 1, HYPERCALL_ARM64, reg);
	eq(hv.bad_calls[0], 1, "bad calls are counted");
	eq(hv.bad_calls[1], 1, "for each VM");

	/* Bao does not tell a frontend's end of a device from the backend's */
	call(HYPERCALL_ARM64, 0xc6000002, 1, REMIO_ASK, 0, 0);
	reg[0] = 0xc6000002;
	reg[1] = 1;
	reg[2] = 0;
	reg[3] = REMIO_ASK;
	reg[4] = 0;
	hypercall(&hv, 1, HYPERCALL_ARM64, reg);
	eq(reg[0], BAO_OK, "a frontend may ask, too");
	eq(reg[5], 1, "and gets a request");
}

void test_hypercall(void)
{
	test_arm64();
	test_arm();
	test_riscv();
	test_second_vm();
}
