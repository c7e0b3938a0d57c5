/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_ARM64_BAO_H
#define _ASM_ARM64_BAO_H

#include <linux/arm-smccc.h>
#include <linux/bao_hypercall.h>

/**
 * bao_hypercall() - call the Bao hypervisor
 * @function: BAO_HC_*
 * @args: arguments and returned values
 *
 * An SMCCC fast call with 64-bit arguments: x0 holds the function and then the result code,
 * x1..x5 the arguments, x1..x6 what an ASK returns. Any context.
 *
 * Return: Bao's result code
 */
static inline long bao_hypercall(unsigned int function, struct bao_hypercall_args *args)
{
	struct arm_smccc_1_2_regs regs = {
		.a0 = ARM_SMCCC_CALL_VAL(ARM_SMCCC_FAST_CALL, ARM_SMCCC_SMC_64,
					 ARM_SMCCC_OWNER_VENDOR_HYP, function),
		.a1 = args->arg[0],
		.a2 = args->arg[1],
		.a3 = args->arg[2],
		.a4 = args->arg[3],
		.a5 = args->arg[4],
	};

	arm_smccc_1_2_hvc(&regs, &regs);

	args->ret[0] = regs.a1;
	args->ret[1] = regs.a2;
	args->ret[2] = regs.a3;
	args->ret[3] = regs.a4;
	args->ret[4] = regs.a5;
	args->ret[5] = regs.a6;

	return regs.a0;
}

#endif /* _ASM_ARM64_BAO_H */
