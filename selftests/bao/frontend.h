/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The other VM, as the tests see it: a scripted frontend whose vCPUs access remote-I/O devices, and
 * the hypervisor's counters. Nothing else in the tests knows how they are reached.
 *
 * To be used by one thread of a test at a time.
 */
#ifndef SELFTESTS_BAO_FRONTEND_H
#define SELFTESTS_BAO_FRONTEND_H

#include <stdbool.h>

#include <linux/types.h>

#define FRONTEND_VCPUS	8

/**
 * struct access - what a vCPU does
 * @addr: guest-physical address
 * @value: of a write, the whole 64-bit register
 * @op: BAO_IO_WRITE or BAO_IO_READ
 * @width: in bytes
 */
struct access {
	__u64 addr;
	__u64 value;
	__u32 op;
	__u32 width;
};

/**
 * struct counters - what the hypervisor has counted for a device
 * @accesses: accesses of the frontend
 * @interrupts: interrupts raised in the backend
 * @asks: hypercalls that asked for a request
 * @asks_empty: those of them that found none
 * @completes: requests completed
 * @complete_errors: completions that were refused
 * @notifies: interrupts sent to the frontend
 * @pending: requests that were not asked for yet
 * @processing: requests asked for and not completed
 * @violations: hypercalls that a real hypervisor would have punished
 * @bad_calls: hypercalls of the whole VM that were answered with an error
 */
struct counters {
	__u32 accesses;
	__u32 interrupts;
	__u32 asks;
	__u32 asks_empty;
	__u32 completes;
	__u32 complete_errors;
	__u32 notifies;
	__u32 pending;
	__u32 processing;
	__u32 violations;
	__u32 bad_calls;
};

/* Returns NULL, or why there is no scripted frontend here */
const char *frontend_open(void);
/* By the simulator, in this system's kernel; else by the test hypervisor, below it */
bool frontend_is_simulated(void);

/* What the hypervisor's configuration says */
unsigned int frontend_devices(void);
__u64 frontend_window(unsigned int dev);
__u64 frontend_shmem_addr(unsigned int dev);
__u64 frontend_shmem_size(unsigned int dev);

/* The vCPU issues count accesses, each as soon as the one before is answered */
void frontend_start(unsigned int dev, unsigned int vcpu, struct access access, __u32 count);
/* It stops after the one that is outstanding, if any */
void frontend_stop(unsigned int dev, unsigned int vcpu);

/* Accesses answered since the start; whether one is outstanding; the register after the last one */
__u32 frontend_done(unsigned int dev, unsigned int vcpu);
bool frontend_parked(unsigned int dev, unsigned int vcpu);
__u64 frontend_result(unsigned int dev, unsigned int vcpu);

void frontend_reset_counters(unsigned int dev);
void frontend_counters(unsigned int dev, struct counters *counters);

/*
 * What happens to the endpoints of all devices on this side; 0 or a negative errno. They are taken
 * out of service and back; or suspended and resumed, -EOPNOTSUPP if the kernel cannot.
 */
int endpoints_unbind(void);
int endpoints_bind(void);
int endpoints_suspend(void);

#endif
