/* SPDX-License-Identifier: GPL-2.0 */
/* What differs between the architectures; one of arch-*.c is built. */
#ifndef BAO_VMM_ARCH_H
#define BAO_VMM_ARCH_H

#include "hypercall.h"
#include "vm.h"

uint64_t arch_ram_base(void);
uint64_t arch_kernel_offset(const struct vm *vm);

/* The steps of vm_create(): before there are vCPUs, for each of them, and after */
void arch_create_irqchip(struct vm *vm);
void arch_init_vcpu(struct vcpu *vcpu);
void arch_finish(struct vm *vm);

/* The number that KVM_IRQ_LINE wants for an interrupt of map.h */
uint32_t arch_interrupt(unsigned int interrupt);

uint64_t arch_pc(const struct vcpu *vcpu);

/* Handle an exit that only this architecture has; false if it is not known */
bool arch_exit(struct vcpu *vcpu);

#endif
