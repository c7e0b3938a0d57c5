/* SPDX-License-Identifier: GPL-2.0 */
/*
 * IPC doorbells between the VMs. Pure logic. The shared memory itself needs no code here: it is
 * mapped into both VMs.
 */
#ifndef BAO_VMM_IPC_H
#define BAO_VMM_IPC_H

#include <stdbool.h>
#include <stdint.h>

#include "codes.h"
#include "map.h"

#define IPC_MAX_OBJECTS	8
#define IPC_MAX_EVENTS	MAP_IPC_EVENTS	/* length of each list of interrupts of an object */

/**
 * struct ipc - the IPC objects; every VM has all of them, in the same order
 * @nr_objects: how many there are
 * @nr_vms: VMs on each object, numbered from 0
 * @echo: a VM that is alone on its objects hears its own doorbells, as from one that rings back
 * @interrupt: raise the interrupt that stands at index @event of the list of @vm for @object
 * @ctx: first argument of @interrupt
 */
struct ipc {
	unsigned int nr_objects;
	unsigned int nr_vms;
	bool echo;
	void (*interrupt)(void *ctx, unsigned int vm, unsigned int object, unsigned int event);
	void *ctx;
};

/* @vm rings: returns Bao's code */
int ipc_hypercall(struct ipc *ipc, unsigned int vm, uint64_t ipc_id, uint64_t event_id);

#endif
