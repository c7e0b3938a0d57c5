/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_RISCV_BAO_H
#define _ASM_RISCV_BAO_H

#include <linux/bao_hypercall.h>

/*
 * Bao has no SBI implementation id yet, so its extension stands in the experimental space
 * (0x08000000..0x08ffffff). With an id, it becomes 0x0a000000 | id and only this line changes.
 */
#define BAO_SBI_EXT_ID	0x08000ba0

/**
 * bao_hypercall() - call the Bao hypervisor
 * @function: BAO_HC_*
 * @args: arguments and returned values
 *
 * An SBI call: a7 holds the extension, a6 the function, a0..a4 the arguments. The SBI error in a0
 * is always 0, Bao's result code is in a1. An ASK also returns values in a2..a7, which the SBI does
 * not provide for, so sbi_ecall() cannot serve here. Any context.
 *
 * Return: Bao's result code
 */
static inline long bao_hypercall(unsigned int function, struct bao_hypercall_args *args)
{
	register unsigned long a0 asm("a0") = args->arg[0];
	register unsigned long a1 asm("a1") = args->arg[1];
	register unsigned long a2 asm("a2") = args->arg[2];
	register unsigned long a3 asm("a3") = args->arg[3];
	register unsigned long a4 asm("a4") = args->arg[4];
	register unsigned long a5 asm("a5") = 0;
	register unsigned long a6 asm("a6") = function;
	register unsigned long a7 asm("a7") = BAO_SBI_EXT_ID;

	asm volatile("ecall"
		     : "+r" (a0), "+r" (a1), "+r" (a2), "+r" (a3), "+r" (a4), "+r" (a5), "+r" (a6),
		       "+r" (a7)
		     : : "memory");

	args->ret[0] = a2;
	args->ret[1] = a3;
	args->ret[2] = a4;
	args->ret[3] = a5;
	args->ret[4] = a6;
	args->ret[5] = a7;

	return a1;
}

#endif /* _ASM_RISCV_BAO_H */
