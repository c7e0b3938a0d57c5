// SPDX-License-Identifier: GPL-2.0
#include "../ipc.h"
#include "test.h"

static unsigned int nr_rings;
static unsigned int last_vm;
static unsigned int last_object;
static unsigned int last_event;

static void interrupt(void *ctx, unsigned int vm, unsigned int object, unsigned int event)
{
	(void)ctx;
	nr_rings++;
	last_vm = vm;
	last_object = object;
	last_event = event;
}

void test_ipc(void)
{
	struct ipc ipc = { .nr_objects = 3, .nr_vms = 2, .interrupt = interrupt };

	nr_rings = 0;
	eq(ipc_hypercall(&ipc, 0, 2, 0), BAO_OK, "ring");
	eq(nr_rings, 1, "one interrupt");
	eq(last_vm, 1, "the other VM's");
	eq(last_object, 2, "of that object");
	eq(last_event, 0, "and event");
	eq(ipc_hypercall(&ipc, 1, 0, 0), BAO_OK, "ring back");
	eq(last_vm, 0, "the first VM is interrupted");
	eq(nr_rings, 2, "one interrupt");

	eq(ipc_hypercall(&ipc, 0, 0, IPC_MAX_EVENTS), BAO_OK, "event the receiver lacks: success");
	eq(ipc_hypercall(&ipc, 0, 0, ~0ull), BAO_OK, "event ~0: success");
	eq(nr_rings, 2, "and nothing is delivered");
	eq(ipc_hypercall(&ipc, 0, 0, 0x100000000), BAO_OK, "only 32 bits of the event travel");
	eq(nr_rings, 3, "so this one is delivered");

	eq(ipc_hypercall(&ipc, 0, 3, 0), BAO_INVAL_ARGS, "object behind the last: -3");
	eq(ipc_hypercall(&ipc, 0, ~0ull, 0), BAO_INVAL_ARGS, "object ~0: -3");
	eq(ipc_hypercall(&ipc, 0, 3, IPC_MAX_EVENTS), BAO_INVAL_ARGS, "object and event bad: -3");
	eq(nr_rings, 3, "nothing is delivered");

	ipc.nr_vms = 1;
	eq(ipc_hypercall(&ipc, 0, 0, 0), BAO_OK, "without a peer: success");
	eq(nr_rings, 3, "and nothing is delivered");
	ipc.echo = true;
	eq(ipc_hypercall(&ipc, 0, 0, 2), BAO_OK, "with an echo: success");
	eq(nr_rings, 4, "and it comes back");
	eq(last_vm, 0, "to who has rung");
	eq(last_event, 2, "the same event");
	ipc.nr_vms = 2;
	eq(ipc_hypercall(&ipc, 0, 0, 2), BAO_OK, "where there is a peer: success");
	eq(nr_rings, 5, "one interrupt");
	eq(last_vm, 1, "and it is not an echo");
}
