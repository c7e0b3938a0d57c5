/* SPDX-License-Identifier: GPL-2.0 */
/*
 * IPC channels of the simulator: the other VM, and /dev/baoipcN. Functions return a negative errno
 * on failure.
 */
#ifndef SELFTESTS_BAO_IPC_SIM_H
#define SELFTESTS_BAO_IPC_SIM_H

#include <linux/types.h>

#include "bao_sim.h"

/* What ipc_config() makes: one region with both parts, as the legacy devicetree node has it */
#define IPC_ID		7
#define IPC_SIZE	0x40000
#define IPC_RX		0x10000
#define IPC_RX_SIZE	0x8000
#define IPC_TX		0x20000
#define IPC_TX_SIZE	0x4000
#define IPC_EVENTS	2

struct bao_sim_ipc ipc_config(void);

/* Makes a channel and binds it; gives up the simulator's descriptor, or a negative errno */
int ipc_sim(struct bao_sim_ipc *config);
int ipc_sim_bind(int sim, __u32 id, enum bao_sim_event event);

/* The other VM */
int ipc_ring(int sim, __u32 event, __u32 count);
int ipc_rung(int sim, __u32 event, __u32 notifies);
struct bao_sim_ipc_counters ipc_counters(int sim);
int ipc_fault(int sim, enum bao_sim_point point, __u32 count, long long value);
void *ipc_peer_map(int sim, const struct bao_sim_ipc *config);

/* /dev/baoipcN */
int ipc_open(__u32 id, int flags);
int ipc_wait(int fd, __u32 *events, __u64 *seq);
int ipc_notify(int fd, __u32 event);
int ipc_eventfd(int fd, int eventfd, __u32 events, __u32 flags);
short ipc_poll(int fd, int timeout_ms);
/* Makes all doorbells seen, by a read only, or in every way */
void ipc_look(int fd);
void ipc_see(int fd);

/* A counter of the driver, or a negative errno */
long long ipc_statistic(__u32 id, const char *name);

#endif
