/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_ARM_BAO_H
#define _ASM_ARM_BAO_H

#include <linux/arm-smccc.h>
#include <linux/bao_hypercall.h>

#include <asm/opcodes-virt.h>

/**
 * bao_hypercall() - call the Bao hypervisor
 * @function: BAO_HC_*
 * @args: arguments and returned values
 *
 * An SMCCC fast call with 32-bit arguments: r0 holds the function and then the result code, r1..r5
 * the arguments, r1..r6 what an ASK returns. arm_smccc_hvc() returns r0..r3 only, hence the
 * assembly. Any context.
 *
 * Return: Bao's result code
 */
static inline long bao_hypercall(unsigned int function, struct bao_hypercall_args *args)
{
	register unsigned long r0 asm("r0") =
		ARM_SMCCC_CALL_VAL(ARM_SMCCC_FAST_CALL, ARM_SMCCC_SMC_32,
				   ARM_SMCCC_OWNER_VENDOR_HYP, function);
	register unsigned long r1 asm("r1") = args->arg[0];
	register unsigned long r2 asm("r2") = args->arg[1];
	register unsigned long r3 asm("r3") = args->arg[2];
	register unsigned long r4 asm("r4") = args->arg[3];
	register unsigned long r5 asm("r5") = args->arg[4];
	register unsigned long r6 asm("r6") = 0;

	asm volatile(__HVC(0)
		     : "+r" (r0), "+r" (r1), "+r" (r2), "+r" (r3), "+r" (r4), "+r" (r5), "+r" (r6)
		     : : "memory");

	args->ret[0] = r1;
	args->ret[1] = r2;
	args->ret[2] = r3;
	args->ret[3] = r4;
	args->ret[4] = r5;
	args->ret[5] = r6;

	return r0;
}

#endif /* _ASM_ARM_BAO_H */
