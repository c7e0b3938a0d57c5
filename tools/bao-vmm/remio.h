/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Remote I/O: the state machine between the accesses of frontend vCPUs and the hypercalls of the
 * backend. Pure logic: it knows neither KVM nor threads. The caller serialises all calls (with one
 * mutex) and supplies what has to happen outside as callbacks, which run inside that mutex.
 */
#ifndef BAO_VMM_REMIO_H
#define BAO_VMM_REMIO_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "codes.h"

#define REMIO_MAX_DEVICES	8
#define REMIO_MAX_VCPUS		8	/* frontend vCPUs of a device */

/*
 * Bao has one request for each physical CPU, so that the pool cannot run dry: a vCPU stands still
 * while its request exists. The same holds here with one request for each possible vCPU.
 */
#define REMIO_MAX_REQUESTS	(REMIO_MAX_DEVICES * REMIO_MAX_VCPUS)

/**
 * struct remio_vcpu - a vCPU of a frontend, be it a thread in KVM or a script
 * @reg: the register that the trapped instruction names: what a write writes, where a read's answer
 *	 lands (all 64 bits of it, whatever the width of the access was)
 * @parked: its access is outstanding; set and cleared by the state machine
 * @resume: called when the access has been answered and the request is free again; it may issue the
 *	    next access at once
 */
struct remio_vcpu {
	uint64_t reg;
	bool parked;
	void (*resume)(struct remio_vcpu *vcpu);
};

/**
 * struct remio_access - what a frontend's vCPU does
 * @addr: guest-physical address
 * @op: REMIO_WRITE or REMIO_READ
 * @width: in bytes; handed to the backend as it is
 */
struct remio_access {
	uint64_t addr;
	unsigned int op;
	uint64_t width;
};

enum remio_state {
	REMIO_FREE,
	REMIO_PENDING,		/* in its device's queue */
	REMIO_PROCESSING,	/* asked for, not completed */
	REMIO_DESTROYED,	/* popped by a COMPLETE of request -1: its vCPU hangs for good */
};

struct remio_request {
	enum remio_state state;
	unsigned int device;
	struct remio_access access;
	struct remio_vcpu *vcpu;
	struct remio_request *next;
};

struct remio_counters {
	uint32_t accesses;
	uint32_t interrupts;		/* raised towards the backend */
	uint32_t asks;
	uint32_t asks_empty;		/* answered with BAO_NOTHING */
	uint32_t completes;		/* successful ones */
	uint32_t complete_errors;
	uint32_t notifies;
	uint32_t violations;		/* COMPLETEs that Bao punishes */
};

struct remio_device {
	struct remio_counters counters;
	struct remio_request *head;
	struct remio_request **tail;
};

/**
 * struct remio_ops - the world outside
 * @interrupt_backend: raise the device's edge interrupt in the backend VM; called once the request
 *		       is queued. With struct remio_vcpu.resume it brackets an access: timestamps
 *		       of a measurement belong into these two.
 * @interrupt_frontend: raise the device's interrupt in the frontend; a script has nothing to do
 */
struct remio_ops {
	void (*interrupt_backend)(void *ctx, unsigned int device);
	void (*interrupt_frontend)(void *ctx, unsigned int device);
};

struct remio {
	const struct remio_ops *ops;
	void *ctx;
	unsigned int nr_devices;
	struct remio_device devices[REMIO_MAX_DEVICES];
	struct remio_request requests[REMIO_MAX_REQUESTS];
};

/**
 * struct remio_call - arguments of a remote-I/O hypercall
 */
struct remio_call {
	uint64_t dm_id;
	uint64_t addr;
	uint64_t op;
	uint64_t value;
	int64_t request_id;
};

/**
 * struct remio_answer - what a successful ASK tells
 * @more: further requests wait in the queue
 */
struct remio_answer {
	uint64_t addr;
	uint64_t op;
	uint64_t value;
	uint64_t width;
	uint64_t request_id;
	uint64_t more;
};

void remio_init(struct remio *r, unsigned int nr_devices, const struct remio_ops *ops, void *ctx);

/* A vCPU that is not parked accesses a device's window: park it until the access is answered. */
void remio_start_access(struct remio *r, unsigned int device, struct remio_vcpu *vcpu,
			const struct remio_access *access);

/* Returns Bao's code; @answer is written only by a successful ASK, *@asked tells whether it was. */
int remio_hypercall(struct remio *r, const struct remio_call *call, struct remio_answer *answer,
		    bool *asked);

unsigned int remio_count(const struct remio *r, unsigned int device, enum remio_state state);

/* One line without a line feed each: a device's counters, all requests that exist. */
void remio_print_counters(const struct remio *r, unsigned int device, FILE *f);
void remio_print_requests(const struct remio *r, FILE *f);

#endif
