// SPDX-License-Identifier: GPL-2.0
/* Virtual machines on an arm64 host: of 64 bits, and with AArch32 at EL1 */
#include <stddef.h>

#include "arch.h"
#include "kvm.h"
#include "machine.h"
#include "map.h"

#define CORE_REG(name)	(KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | \
			 KVM_REG_ARM_CORE_REG(regs.name))
#define REG_PC		CORE_REG(pc)
/* Registers are numbered in units of 32 bits. r0..r7 of AArch32 are the lower halves of x0..x7. */
#define REG_X(n)	(CORE_REG(regs[0]) + (n) * (sizeof(uint64_t) / sizeof(uint32_t)))

#define NR_PRIVATE_INTERRUPTS	32
#define NR_INPUTS		6	/* function id and arguments */

uint64_t arch_ram_base(void)
{
	return MAP_RAM_ARM;
}

uint64_t arch_kernel_offset(const struct vm *vm)
{
	return vm->a32 ? MAP_KERNEL_ARM : MAP_KERNEL_ARM64;
}

void arch_create_irqchip(struct vm *vm)
{
	uint64_t gicd = MAP_GICD;
	uint64_t gicr = MAP_GICR;

	vm->irqchip = kvm_create_device(vm->fd, KVM_DEV_TYPE_ARM_VGIC_V3, "GICv3");
	kvm_set_attr(vm->irqchip, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_DIST, &gicd,
		     "GICv3 distributor");
	kvm_set_attr(vm->irqchip, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST, &gicr,
		     "GICv3 redistributors");
}

void arch_init_vcpu(struct vcpu *vcpu)
{
	struct kvm_vcpu_init init = {};

	kvm_ioctl(vcpu->vm->fd, KVM_ARM_PREFERRED_TARGET, &init, "KVM_ARM_PREFERRED_TARGET");
	init.features[0] = 1u << KVM_ARM_VCPU_PSCI_0_2;
	if (vcpu->id)
		init.features[0] |= 1u << KVM_ARM_VCPU_POWER_OFF;
	if (vcpu->vm->a32)
		init.features[0] |= 1u << KVM_ARM_VCPU_EL1_32BIT;
	kvm_ioctl(vcpu->fd, KVM_ARM_VCPU_INIT, &init,
		  vcpu->vm->a32 ? "KVM_ARM_VCPU_INIT (32 bits)" : "KVM_ARM_VCPU_INIT");
}

/*
 * Bao owns all calls of the vendor-specific hypervisor service. KVM has some of its own in the
 * 32-bit half: they would shadow Bao's, and a guest of Bao must not find KVM there.
 */
static void forward_calls(struct vm *vm, uint32_t base)
{
	struct kvm_smccc_filter filter = {
		.base = base,
		.nr_functions = 0x10000,
		.action = KVM_SMCCC_FILTER_FWD_TO_USER,
	};

	kvm_set_attr(vm->fd, KVM_ARM_VM_SMCCC_CTRL, KVM_ARM_VM_SMCCC_FILTER, &filter,
		     "SMCCC filter (needs Linux 6.4)");
}

void arch_finish(struct vm *vm)
{
	uint32_t nr_interrupts = NR_PRIVATE_INTERRUPTS + MAP_INTERRUPTS;
	int boot = vm->vcpus[0].fd;

	kvm_set_attr(vm->irqchip, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &nr_interrupts,
		     "GICv3 interrupts");
	kvm_set_attr(vm->irqchip, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, NULL,
		     "GICv3 init");
	forward_calls(vm, 0x86000000);
	forward_calls(vm, 0xc6000000);

	kvm_set_reg(boot, REG_PC, arch_ram_base() + arch_kernel_offset(vm));
	if (vm->a32) {
		kvm_set_reg(boot, REG_X(0), 0);
		kvm_set_reg(boot, REG_X(1), 0xffffffff);	/* no machine number */
		kvm_set_reg(boot, REG_X(2), arch_ram_base() + MAP_DTB);
	} else {
		kvm_set_reg(boot, REG_X(0), arch_ram_base() + MAP_DTB);
	}
}

uint32_t arch_interrupt(unsigned int interrupt)
{
	return KVM_ARM_IRQ_TYPE_SPI << KVM_ARM_IRQ_TYPE_SHIFT | (NR_PRIVATE_INTERRUPTS + interrupt);
}

uint64_t arch_pc(const struct vcpu *vcpu)
{
	return kvm_get_reg(vcpu->fd, REG_PC);
}

bool arch_exit(struct vcpu *vcpu)
{
	enum hypercall_abi abi = vcpu->vm->a32 ? HYPERCALL_ARM : HYPERCALL_ARM64;
	uint64_t reg[HYPERCALL_REGS] = {};
	unsigned int mask;

	if (vcpu->run->exit_reason != KVM_EXIT_HYPERCALL)
		return false;

	/* KVM has stepped over the instruction already */
	for (int i = 0; i < NR_INPUTS; i++)
		reg[i] = kvm_get_reg(vcpu->fd, REG_X(i));
	mask = machine_hypercall(vcpu->vm->machine, vcpu->vm->index, abi, reg);
	for (int i = 0; i < HYPERCALL_REGS; i++)
		if (mask & 1u << i)
			kvm_set_reg(vcpu->fd, REG_X(i), reg[i]);
	return mask;
}
