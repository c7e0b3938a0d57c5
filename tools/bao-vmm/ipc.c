// SPDX-License-Identifier: GPL-2.0
#include "ipc.h"

int ipc_hypercall(struct ipc *ipc, unsigned int vm, uint64_t ipc_id, uint64_t event_id)
{
	/* 32 bits of it travel to the receiver, who alone knows how long its list is. */
	uint32_t event = event_id;

	if (ipc_id >= ipc->nr_objects)
		return BAO_INVAL_ARGS;

	for (unsigned int peer = 0; peer < ipc->nr_vms; peer++)
		if ((peer != vm || (ipc->echo && ipc->nr_vms == 1)) && event < IPC_MAX_EVENTS)
			ipc->interrupt(ipc->ctx, peer, ipc_id, event);
	return BAO_OK;
}
