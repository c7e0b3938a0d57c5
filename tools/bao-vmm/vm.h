/* SPDX-License-Identifier: GPL-2.0 */
/* One virtual machine in KVM and its vCPU threads */
#ifndef BAO_VMM_VM_H
#define BAO_VMM_VM_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "options.h"
#include "remio.h"
#include "uart.h"

struct kvm_run;
struct machine;
struct vm;

/**
 * struct vcpu - one vCPU, run by a thread of its own
 * @remio: as a frontend's vCPU; under the machine's lock
 * @answered: signalled when @remio is no longer parked
 * @vm: the VM
 * @id: its number
 * @fd: KVM's descriptor
 * @run: shared with KVM
 */
struct vcpu {
	struct remio_vcpu remio;
	pthread_cond_t answered;
	struct vm *vm;
	unsigned int id;
	int fd;
	struct kvm_run *run;
};

enum {
	VM_BACKEND,
	VM_FRONTEND,
	NR_VMS,
};

/**
 * struct vm - one VM
 * @machine: what it is part of
 * @index: VM_BACKEND or VM_FRONTEND
 * @name: for messages
 * @a32: a 32-bit arm VM
 * @fd: KVM's descriptor
 * @irqchip: KVM's descriptor of the interrupt controller
 * @nr_slots: memory slots in use
 * @ram: its RAM
 * @mem: bytes of RAM
 * @nr_vcpus: number of vCPUs
 * @vcpus: vCPUs
 * @uart: console
 * @uart_lock: of @uart, which all vCPUs can reach
 */
struct vm {
	struct machine *machine;
	unsigned int index;
	const char *name;
	bool a32;
	int fd;
	int irqchip;
	uint32_t nr_slots;
	uint8_t *ram;
	uint64_t mem;
	unsigned int nr_vcpus;
	struct vcpu vcpus[REMIO_MAX_VCPUS];
	struct uart uart;
	pthread_mutex_t uart_lock;
};

/* Create it, load its files; vm_map() adds memory, vm_start() sets it going. */
void vm_create(struct vm *vm, struct machine *machine, unsigned int index, int kvm,
	       const struct vm_options *options);
void vm_map(struct vm *vm, uint64_t addr, uint64_t size, void *mem);
void vm_start(struct vm *vm);

void vm_set_interrupt(struct vm *vm, unsigned int interrupt, bool level);
void vm_pulse_interrupt(struct vm *vm, unsigned int interrupt);

#endif
