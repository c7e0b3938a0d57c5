/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Messages over an IPC channel, in both directions at once: what tests of one kernel and of two VMs
 * have in common. Each end has a ring of slots in the part that it writes; every message has a
 * number and a checksum.
 *
 * Functions return 0 or a negative errno.
 */
#ifndef SELFTESTS_BAO_IPC_LINK_H
#define SELFTESTS_BAO_IPC_LINK_H

#include <stddef.h>

#include <linux/types.h>

/* What an end takes of each part */
#define IPC_LINK_SIZE	4096

/**
 * struct ipc_link - an end
 * @fd: of the channel, or of what stands for it
 * @rx: what this end reads; NULL if by pread() and pwrite(), which also rings
 * @tx: what this end writes
 * @offset: by pread() and pwrite(): where in the parts the ends meet
 * @events: by mapping: those of the channel
 * @ring: rings the other end
 * @look: called before the memory is looked at; what rings after it, wait() must not miss
 * @wait: sleeps until the other end has rung
 * @ctx: for these
 */
struct ipc_link {
	int fd;
	void *rx;
	void *tx;
	size_t offset;
	__u32 events;
	int (*ring)(struct ipc_link *link);
	void (*look)(struct ipc_link *link);
	int (*wait)(struct ipc_link *link);
	void *ctx;
};

/* An end on /dev/baoipcN: by read, write and poll; or by mapping, doorbell and wait */
int ipc_link_by_calls(struct ipc_link *link, int fd, size_t offset);
int ipc_link_by_mapping(struct ipc_link *link, int fd, size_t offset);

/*
 * Sends and receives so many messages; -EBADMSG if one is lost, doubled or torn. The memory must be
 * zeroed before either end begins.
 */
int ipc_link_exchange(struct ipc_link *link, __u32 count);

#endif
