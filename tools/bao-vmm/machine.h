/* SPDX-License-Identifier: GPL-2.0 */
/* The whole: one or two VMs and what stands between them */
#ifndef BAO_VMM_MACHINE_H
#define BAO_VMM_MACHINE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "hypercall.h"
#include "kvm.h"
#include "options.h"
#include "script.h"
#include "testport.h"
#include "vm.h"

#define STATUS_FAILED	1
#define STATUS_WATCHDOG	124

/**
 * struct machine - the machine
 * @lock: protects everything below it but @last_sign. All hypercalls and all accesses of frontends
 *	  take it; interrupts are raised under it, KVM_IRQ_LINE does not wait for a vCPU.
 * @hv: remote I/O and IPC
 * @script: the scripted frontend, in use when there is no frontend VM
 * @port: test port
 * @changed: signalled when @ended is set
 * @ended: it is over; vCPUs that see it stop
 * @status: exit status
 * @nr_running: VMs that are not off yet
 * @nr_vms: 1 or 2
 * @rubbish: see &options.rubbish
 * @vms: the VMs
 * @last_sign: time of the last sign of life, in nanoseconds
 */
struct machine {
	pthread_mutex_t lock;
	struct hypervisor hv;
	struct script script;
	struct testport port;
	pthread_cond_t changed;
	bool ended;
	int status;
	unsigned int nr_running;
	unsigned int nr_vms;
	bool rubbish;
	struct vm vms[NR_VMS];
	atomic_int_fast64_t last_sign;
};

void machine_create(struct machine *m, const struct options *o);

/* Run until the VMs are off, the backend says EXIT or the watchdog fires; returns exit status */
int machine_run(struct machine *m, unsigned int watchdog);

/* What vCPU threads call */
unsigned int machine_hypercall(struct machine *m, unsigned int vm, enum hypercall_abi abi,
			       uint64_t reg[HYPERCALL_REGS]);
void machine_access(struct machine *m, struct vcpu *vcpu, unsigned int device,
		    const struct remio_access *access);
uint32_t machine_port_read(struct machine *m, uint32_t offset);
void machine_port_write(struct machine *m, uint32_t offset, uint32_t value);
void machine_vm_off(struct machine *m, unsigned int vm);
void machine_sign_of_life(struct machine *m);
bool machine_ended(struct machine *m);

/* A VM did what ends it all: print one line, end with STATUS_FAILED */
void __printf(2, 3) machine_fail(struct machine *m, const char *fmt, ...);

#endif
