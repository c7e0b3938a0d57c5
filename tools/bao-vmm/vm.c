// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "arch.h"
#include "kvm.h"
#include "machine.h"
#include "map.h"

void vm_set_interrupt(struct vm *vm, unsigned int interrupt, bool level)
{
	struct kvm_irq_level line = { .irq = arch_interrupt(interrupt), .level = level };

	kvm_ioctl(vm->fd, KVM_IRQ_LINE, &line, "KVM_IRQ_LINE");
}

void vm_pulse_interrupt(struct vm *vm, unsigned int interrupt)
{
	vm_set_interrupt(vm, interrupt, true);
	vm_set_interrupt(vm, interrupt, false);
}

void vm_map(struct vm *vm, uint64_t addr, uint64_t size, void *mem)
{
	kvm_map(vm->fd, vm->nr_slots++, addr, size, mem);
}

static void load(struct vm *vm, const char *path, uint64_t offset, uint64_t limit)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint64_t end;

	if (fd < 0 || fstat(fd, &st) < 0)
		die("%s", path);
	end = offset + st.st_size;
	if (end > limit) {
		errno = EFBIG;
		die("%s", path);
	}
	while (offset < end) {
		ssize_t n = read(fd, vm->ram + offset, end - offset);

		if (n <= 0)
			die("%s: cannot read", path);
		offset += n;
	}
	close(fd);
}

static void uart_interrupt(void *ctx, bool level)
{
	vm_set_interrupt(ctx, MAP_UART_IRQ, level);
}

static void resume(struct remio_vcpu *remio)
{
	/* remio is the first member */
	struct vcpu *vcpu = (struct vcpu *)remio;

	pthread_cond_signal(&vcpu->answered);
}

static void create_vcpu(struct vm *vm, unsigned int id, size_t run_size)
{
	struct vcpu *vcpu = &vm->vcpus[id];

	vcpu->vm = vm;
	vcpu->id = id;
	vcpu->remio.resume = resume;
	pthread_cond_init(&vcpu->answered, NULL);
	vcpu->fd = kvm_ioctl_int(vm->fd, KVM_CREATE_VCPU, id, "KVM_CREATE_VCPU");
	vcpu->run = mmap(NULL, run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	if (vcpu->run == MAP_FAILED)
		die("vCPU");
	arch_init_vcpu(vcpu);
}

void vm_create(struct vm *vm, struct machine *machine, unsigned int index, int kvm,
	       const struct vm_options *options)
{
	int run_size = kvm_ioctl_int(kvm, KVM_GET_VCPU_MMAP_SIZE, 0, "KVM_GET_VCPU_MMAP_SIZE");

	vm->machine = machine;
	vm->index = index;
	vm->name = index == VM_BACKEND ? "be" : "fe";
	vm->a32 = options->a32;
	vm->mem = options->mem;
	vm->nr_vcpus = options->cpus;
	vm->uart.interrupt = uart_interrupt;
	vm->uart.ctx = vm;
	vm->uart.prefix = index == VM_BACKEND ? "[be] " : "[fe] ";
	vm->uart.out = stdout;
	pthread_mutex_init(&vm->uart_lock, NULL);

	vm->ram = mmap(NULL, vm->mem, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (vm->ram == MAP_FAILED)
		die("RAM");
	load(vm, options->kernel, arch_kernel_offset(vm), MAP_INITRD);
	load(vm, options->initrd, MAP_INITRD, MAP_DTB);
	load(vm, options->dtb, MAP_DTB, MAP_DTB_END);

	vm->fd = kvm_ioctl_int(kvm, KVM_CREATE_VM, 0, "KVM_CREATE_VM");
	vm_map(vm, arch_ram_base(), vm->mem, vm->ram);
	arch_create_irqchip(vm);
	for (unsigned int i = 0; i < vm->nr_vcpus; i++)
		create_vcpu(vm, i, run_size);
	arch_finish(vm);
}

static bool access_uart(struct vm *vm, struct kvm_run *run, uint32_t offset)
{
	bool line = false;

	pthread_mutex_lock(&vm->uart_lock);
	if (run->mmio.is_write)
		line = uart_write(&vm->uart, offset, run->mmio.data[0]);
	else
		run->mmio.data[0] = uart_read(&vm->uart, offset);
	pthread_mutex_unlock(&vm->uart_lock);
	if (line)
		machine_sign_of_life(vm->machine);
	return true;
}

static bool access_port(struct vm *vm, struct kvm_run *run, uint32_t offset)
{
	uint32_t value;

	if (run->mmio.len != sizeof(value) || offset % sizeof(value))
		return false;
	if (run->mmio.is_write) {
		memcpy(&value, run->mmio.data, sizeof(value));
		machine_port_write(vm->machine, offset, value);
	} else {
		value = machine_port_read(vm->machine, offset);
		memcpy(run->mmio.data, &value, sizeof(value));
	}
	return true;
}

static bool access_window(struct vcpu *vcpu, struct kvm_run *run, uint32_t offset)
{
	struct remio_access access = {
		.addr = run->mmio.phys_addr,
		.op = run->mmio.is_write ? REMIO_WRITE : REMIO_READ,
		.width = run->mmio.len,
	};

	/*
	 * KVM gives only as many bytes as the access has, but Bao hands over the whole register,
	 * and a read that is not answered leaves it as it was: fill it with something that shows,
	 * but for drivers that do not get along with that.
	 */
	vcpu->remio.reg = vcpu->vm->machine->rubbish ? SCRIPT_POISON : 0;
	if (run->mmio.is_write)
		memcpy(&vcpu->remio.reg, run->mmio.data, run->mmio.len);
	machine_access(vcpu->vm->machine, vcpu, offset / MAP_VIRTIO_SIZE, &access);
	if (!run->mmio.is_write)
		memcpy(run->mmio.data, &vcpu->remio.reg, run->mmio.len);
	return true;
}

static bool mmio(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	struct vm *vm = vcpu->vm;
	uint64_t addr = run->mmio.phys_addr;

	if (addr - MAP_UART < MAP_UART_SIZE)
		return access_uart(vm, run, addr - MAP_UART);
	if (vm->index == VM_BACKEND && addr - MAP_TESTPORT < MAP_TESTPORT_SIZE)
		return access_port(vm, run, addr - MAP_TESTPORT);
	if (vm->index == VM_FRONTEND &&
	    addr - MAP_VIRTIO < vm->machine->hv.remio.nr_devices * MAP_VIRTIO_SIZE)
		return access_window(vcpu, run, addr - MAP_VIRTIO);
	return false;
}

static void system_event(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;

	switch (vcpu->run->system_event.type) {
	case KVM_SYSTEM_EVENT_SHUTDOWN:
		machine_vm_off(vm->machine, vm->index);
		break;
	case KVM_SYSTEM_EVENT_RESET:
		machine_fail(vm->machine, "[%s] has reset itself, most likely by a panic",
			     vm->name);
		break;
	default:
		machine_fail(vm->machine, "[%s] system event %u", vm->name,
			     vcpu->run->system_event.type);
	}
}

static void *run_vcpu(void *arg)
{
	struct vcpu *vcpu = arg;
	struct machine *machine = vcpu->vm->machine;
	struct kvm_run *run = vcpu->run;
	const char *name = vcpu->vm->name;

	while (!machine_ended(machine)) {
		if (ioctl(vcpu->fd, KVM_RUN, 0) < 0) {
			if (errno == EINTR || errno == EAGAIN)
				continue;
			die("[%s] KVM_RUN at pc 0x%llx", name, (unsigned long long)arch_pc(vcpu));
		}
		errno = 0;
		switch (run->exit_reason) {
		case KVM_EXIT_MMIO:
			/* Bao stops the whole machine, too */
			if (!mmio(vcpu))
				machine_fail(machine, "[%s] no device: %u byte %s 0x%llx", name,
					     run->mmio.len, run->mmio.is_write ? "to" : "from",
					     run->mmio.phys_addr);
			break;
		case KVM_EXIT_SYSTEM_EVENT:
			system_event(vcpu);
			return NULL;
		default:
			if (!arch_exit(vcpu))
				die("[%s] unexpected exit %u at pc 0x%llx", name, run->exit_reason,
				    (unsigned long long)arch_pc(vcpu));
		}
	}
	return NULL;
}

void vm_start(struct vm *vm)
{
	for (unsigned int i = 0; i < vm->nr_vcpus; i++) {
		pthread_t thread;

		errno = pthread_create(&thread, NULL, run_vcpu, &vm->vcpus[i]);
		if (errno)
			die("thread");
		pthread_detach(thread);
	}
}
