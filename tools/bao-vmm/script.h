/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Scripted frontend: vCPUs that need no virtual machine. Each repeats one access and issues the
 * next as soon as the last has been answered, from within the COMPLETE; so this frontend is faster
 * than any real one, and a backend sees the next request before its hypercall returns.
 */
#ifndef BAO_VMM_SCRIPT_H
#define BAO_VMM_SCRIPT_H

#include "remio.h"
#include "times.h"

/* In the register of a read until the answer comes, so that a missing answer shows */
#define SCRIPT_POISON	0xbadc0ffeebadc0deull

struct script;

/**
 * struct script_vcpu - one vCPU
 * @vcpu: what remote I/O knows of it
 * @script: the script it belongs to
 * @device: its device
 * @access: what it does
 * @value: for writes, the whole register
 * @count: how often
 * @remaining: accesses still to be issued after the outstanding one
 * @done: accesses answered since the start
 * @result: the register after the last answered access
 * @issued: when the outstanding access was made
 */
struct script_vcpu {
	struct remio_vcpu vcpu;
	struct script *script;
	unsigned int device;
	struct remio_access access;
	uint64_t value;
	uint32_t count;
	uint32_t remaining;
	uint32_t done;
	uint64_t result;
	uint64_t issued;
};

/**
 * struct script - the scripted frontend
 * @remio: the devices
 * @now: clock, in nanoseconds
 * @times: of each device, from an access to its COMPLETE
 * @vcpus: of each device
 */
struct script {
	struct remio *remio;
	uint64_t (*now)(void);
	struct times times[REMIO_MAX_DEVICES];
	struct script_vcpu vcpus[REMIO_MAX_DEVICES][REMIO_MAX_VCPUS];
};

void script_init(struct script *s, struct remio *remio, uint64_t (*now)(void));

/* Issue the first of @count accesses; ignored while an access is outstanding */
void script_start(struct script_vcpu *v);

/* Issue no more after the outstanding access */
void script_stop(struct script_vcpu *v);

#endif
