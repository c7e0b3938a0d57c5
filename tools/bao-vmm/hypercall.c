// SPDX-License-Identifier: GPL-2.0
#include "hypercall.h"

/* SMC Calling Convention: fast call, owner 6 (vendor hypervisor), of 32 and of 64 bits */
#define SMCCC_OWNER_MASK	0xffff0000u
#define SMCCC_VENDOR_HYP_32	0x86000000u
#define SMCCC_VENDOR_HYP_64	0xc6000000u
#define SMCCC_FN_MASK		0x0000ffffu

/* In the range of experimental SBI extensions */
#define SBI_EXT_BAO		0x08000ba0u

#define NR_ARGS		5
#define NR_RESULTS	6

/**
 * struct layout - which register is what
 * @code: Bao's code
 * @arg: the first argument; the others follow
 * @result: the first result of an ASK; the others follow
 */
struct layout {
	unsigned int code;
	unsigned int arg;
	unsigned int result;
};

static const struct layout layouts[] = {
	[HYPERCALL_ARM64] = { .code = 0, .arg = 1, .result = 1 },
	[HYPERCALL_ARM] = { .code = 0, .arg = 1, .result = 1 },
	/* a0 is the SBI error */
	[HYPERCALL_RISCV] = { .code = 1, .arg = 0, .result = 2 },
};

static bool function_number(enum hypercall_abi abi, const uint64_t *reg, uint64_t *fn)
{
	uint32_t id;

	if (abi == HYPERCALL_RISCV) {
		*fn = reg[6];
		return reg[7] == SBI_EXT_BAO;
	}
	/* The upper half does not count, in a W register's stead */
	id = reg[0];
	*fn = id & SMCCC_FN_MASK;
	return (id & SMCCC_OWNER_MASK) == SMCCC_VENDOR_HYP_32 ||
	       (id & SMCCC_OWNER_MASK) == SMCCC_VENDOR_HYP_64;
}

static unsigned int set_register(enum hypercall_abi abi, uint64_t *reg, unsigned int n,
				 uint64_t value)
{
	reg[n] = abi == HYPERCALL_ARM ? (uint32_t)value : value;
	return 1u << n;
}

unsigned int hypercall(struct hypervisor *hv, unsigned int vm, enum hypercall_abi abi,
		       uint64_t reg[HYPERCALL_REGS])
{
	const struct layout *l = &layouts[abi];
	struct remio_answer answer = {};
	struct remio_call call;
	uint64_t arg[NR_ARGS];
	unsigned int mask = 0;
	bool asked = false;
	uint64_t fn;
	int code;

	if (!function_number(abi, reg, &fn))
		return 0;

	for (int i = 0; i < NR_ARGS; i++)
		arg[i] = abi == HYPERCALL_ARM ? (uint32_t)reg[l->arg + i] : reg[l->arg + i];

	switch (fn) {
	case BAO_FN_IPC:
		code = ipc_hypercall(&hv->ipc, vm, arg[0], arg[1]);
		break;
	case BAO_FN_REMIO:
		call = (struct remio_call) {
			.dm_id = arg[0],
			.addr = arg[1],
			.op = arg[2],
			.value = arg[3],
			/* the one signed argument: -1 has a meaning of its own */
			.request_id = abi == HYPERCALL_ARM ? (int32_t)arg[4] : (int64_t)arg[4],
		};
		code = remio_hypercall(&hv->remio, &call, &answer, &asked);
		break;
	default:
		code = BAO_INVAL_ID;
	}
	if (code < 0)
		hv->bad_calls[vm]++;

	if (asked) {
		const uint64_t result[NR_RESULTS] = {
			answer.addr, answer.op, answer.value, answer.width, answer.request_id,
			answer.more,
		};

		for (int i = 0; i < NR_RESULTS; i++)
			mask |= set_register(abi, reg, l->result + i, result[i]);
	}
	if (abi == HYPERCALL_RISCV)
		mask |= set_register(abi, reg, 0, 0);
	mask |= set_register(abi, reg, l->code, (int64_t)code);
	return mask;
}
