/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Hypercalls: from a guest's registers to the function and back. Pure logic, all architectures are
 * always built, so that the host's unit tests cover them.
 */
#ifndef BAO_VMM_HYPERCALL_H
#define BAO_VMM_HYPERCALL_H

#include <stdbool.h>
#include <stdint.h>

#include "ipc.h"
#include "remio.h"

enum hypercall_abi {
	HYPERCALL_ARM64,
	HYPERCALL_ARM,
	HYPERCALL_RISCV,
};

#define HYPERCALL_REGS	8	/* x0..x7, r0..r7 or a0..a7 */
#define HYPERCALL_VMS	2

/**
 * struct hypervisor - everything that hypercalls reach
 * @remio: remote-I/O devices; both VMs have all of them, one the backend ends and the other the
 *	   frontend ends, in the same order. Bao does not tell the ends apart either.
 * @ipc: IPC objects
 * @bad_calls: for each VM, its calls that were answered with a negative code
 */
struct hypervisor {
	struct remio remio;
	struct ipc ipc;
	uint32_t bad_calls[HYPERCALL_VMS];
};

/**
 * hypercall() - carry out a hypercall that has trapped
 * @hv: the hypervisor, locked by the caller
 * @vm: the calling VM
 * @abi: how it calls
 * @reg: its first registers, updated as Bao would
 *
 * Return: bit mask of the registers that were written, which may be fewer than a normal function
 * call clobbers; 0 if the registers do not name one of Bao's calls.
 */
unsigned int hypercall(struct hypervisor *hv, unsigned int vm, enum hypercall_abi abi,
		       uint64_t reg[HYPERCALL_REGS]);

#endif
