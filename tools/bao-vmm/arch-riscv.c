// SPDX-License-Identifier: GPL-2.0
#include <stddef.h>

#include "arch.h"
#include "kvm.h"
#include "machine.h"
#include "map.h"

#define CORE_REG(name)	(KVM_REG_RISCV | KVM_REG_SIZE_U64 | KVM_REG_RISCV_CORE | \
			 KVM_REG_RISCV_CORE_REG(regs.name))
#define REG_PC		CORE_REG(pc)
#define REG_A(n)	(CORE_REG(a0) + (n))

#define SBI_EXT_BASE		0x10
#define SBI_BASE_PROBE		3
#define NR_SBI_ARGS		6

uint64_t arch_ram_base(void)
{
	return MAP_RAM_RISCV;
}

uint64_t arch_kernel_offset(const struct vm *vm)
{
	if (vm->a32)
		die("a32 is for arm only");
	return MAP_KERNEL_RISCV;
}

void arch_create_irqchip(struct vm *vm)
{
	vm->irqchip = kvm_create_device(vm->fd, KVM_DEV_TYPE_RISCV_AIA, "AIA");
}

void arch_init_vcpu(struct vcpu *vcpu)
{
	/* All but the first wait for their hart_start call from the beginning. */
	(void)vcpu;
}

static void configure_aia(struct vm *vm, uint64_t attr, uint32_t value, const char *what)
{
	kvm_set_attr(vm->irqchip, KVM_DEV_RISCV_AIA_GRP_CONFIG, attr, &value, what);
}

static void place_aia(struct vm *vm, uint64_t attr, uint64_t addr, const char *what)
{
	kvm_set_attr(vm->irqchip, KVM_DEV_RISCV_AIA_GRP_ADDR, attr, &addr, what);
}

void arch_finish(struct vm *vm)
{
	int boot = vm->vcpus[0].fd;
	uint32_t hart_bits = 0;

	while (1u << hart_bits < vm->nr_vcpus)
		hart_bits++;
	configure_aia(vm, KVM_DEV_RISCV_AIA_CONFIG_MODE, KVM_DEV_RISCV_AIA_MODE_EMUL, "AIA mode");
	configure_aia(vm, KVM_DEV_RISCV_AIA_CONFIG_IDS, MAP_IMSIC_IDS, "AIA identities");
	configure_aia(vm, KVM_DEV_RISCV_AIA_CONFIG_SRCS, MAP_INTERRUPTS, "AIA sources");
	configure_aia(vm, KVM_DEV_RISCV_AIA_CONFIG_HART_BITS, hart_bits, "AIA hart bits");
	place_aia(vm, KVM_DEV_RISCV_AIA_ADDR_APLIC, MAP_APLIC, "APLIC");
	for (unsigned int i = 0; i < vm->nr_vcpus; i++)
		place_aia(vm, KVM_DEV_RISCV_AIA_ADDR_IMSIC(i), MAP_IMSIC + i * MAP_IMSIC_SIZE,
			  "IMSIC");
	kvm_set_attr(vm->irqchip, KVM_DEV_RISCV_AIA_GRP_CTRL, KVM_DEV_RISCV_AIA_CTRL_INIT, NULL,
		     "AIA init");

	kvm_set_reg(boot, REG_PC, arch_ram_base() + arch_kernel_offset(vm));
	kvm_set_reg(boot, REG_A(0), 0);
	kvm_set_reg(boot, REG_A(1), arch_ram_base() + MAP_DTB);
}

uint32_t arch_interrupt(unsigned int interrupt)
{
	return interrupt;
}

uint64_t arch_pc(const struct vcpu *vcpu)
{
	return kvm_get_reg(vcpu->fd, REG_PC);
}

bool arch_exit(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	uint64_t reg[HYPERCALL_REGS];
	unsigned int mask;

	if (run->exit_reason != KVM_EXIT_RISCV_SBI)
		return false;

	/* Bao does not know its own extension when it is probed for it. */
	if (run->riscv_sbi.extension_id == SBI_EXT_BASE &&
	    run->riscv_sbi.function_id == SBI_BASE_PROBE) {
		run->riscv_sbi.ret[0] = 0;
		run->riscv_sbi.ret[1] = 0;
		return true;
	}

	for (int i = 0; i < NR_SBI_ARGS; i++)
		reg[i] = run->riscv_sbi.args[i];
	reg[6] = run->riscv_sbi.function_id;
	reg[7] = run->riscv_sbi.extension_id;
	mask = machine_hypercall(vcpu->vm->machine, vcpu->vm->index, HYPERCALL_RISCV, reg);
	/* 0: not Bao's; KVM has put "not supported" into ret[] */
	if (!mask)
		return true;
	/* The next KVM_RUN writes a0 and a1 and steps over the instruction. */
	run->riscv_sbi.ret[0] = reg[0];
	run->riscv_sbi.ret[1] = reg[1];
	for (int i = 2; i < HYPERCALL_REGS; i++)
		if (mask & 1u << i)
			kvm_set_reg(vcpu->fd, REG_A(i), reg[i]);
	return true;
}
