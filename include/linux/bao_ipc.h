/* SPDX-License-Identifier: GPL-2.0 */
/*
 * IPC channels of the Bao hypervisor: the interface between the transport (bao.ko) and those who
 * use channels, and between the transport and whoever provides them.
 *
 * A channel is memory that VMs share, and doorbells. Each VM has a list of interrupts for it; who
 * rings names an index into the list of the receiver, the event. What is in the memory, and how its
 * users agree about it, is theirs.
 *
 * A channel has one user at a time. That is /dev/baoipcN while it is open, or who has claimed it:
 *
 *	static void my_doorbell(struct bao_ipc_client *client, unsigned int event)
 *	{
 *		struct my_device *my = container_of(client, struct my_device, client);
 *
 *		schedule_work(&my->work);
 *	}
 *
 *	ipc = bao_ipc_find(id);
 *	bao_ipc_map(ipc, &my->memory);
 *	my->client = (struct bao_ipc_client){ .doorbell = my_doorbell };
 *	bao_ipc_claim(ipc, &my->client);
 *	schedule_work(&my->work);
 *	...
 *	memcpy(my->memory.tx, message, len);
 *	bao_ipc_ring(&my->client, 0);
 *	...
 *	bao_ipc_release(&my->client);
 *	cancel_work_sync(&my->work);
 *	bao_ipc_unmap(ipc);
 *	bao_ipc_put(ipc);
 *
 * See Documentation/virt/bao/ipc.rst.
 */
#ifndef _LINUX_BAO_IPC_H
#define _LINUX_BAO_IPC_H

#include <linux/types.h>

#include <linux/bao_hypercall.h>

struct auxiliary_device;
struct bao_hypercall_ops;
struct bao_ipc;
struct bao_ipc_client;
struct device;
struct fwnode_handle;
struct mbox_chan;
struct mbox_client;

/* Length of this VM's list of interrupts, at most */
#define BAO_IPC_MAX_EVENTS	32

/**
 * struct bao_ipc_region - a piece of guest-physical memory
 * @start: its address
 * @size: its size in bytes
 */
struct bao_ipc_region {
	phys_addr_t start;
	u64 size;
};

/**
 * struct bao_ipc_desc - description of an IPC channel
 * @id: the hypervisor's index of it
 * @nr_regions: number of @region
 * @region: the memory: one piece, or one for each direction. Whole pages of 4 KiB that do not
 *	    overlap.
 * @rx: what this VM reads, inside of one of @region; may be empty
 * @tx: what this VM writes, inside of one of @region; may be empty; it does not overlap @rx, but if
 *	there is one region both may be all of it
 * @nr_events: number of @irq; none if nobody can ring
 * @irq: Linux interrupts by event; edge-triggered, owned by the endpoint
 * @mailbox: the channel is offered to the mailbox framework as well
 * @fwnode: node of the mailbox controller, NULL if there is none; the creator holds a reference as
 *	    long as the endpoint is in service
 * @ops: how to reach the hypervisor; stays until its release()
 */
struct bao_ipc_desc {
	u32 id;
	unsigned int nr_regions;
	struct bao_ipc_region region[2];
	struct bao_ipc_region rx;
	struct bao_ipc_region tx;
	unsigned int nr_events;
	int irq[BAO_IPC_MAX_EVENTS];
	bool mailbox;
	struct fwnode_handle *fwnode;
	const struct bao_hypercall_ops *ops;
};

/**
 * struct bao_ipc_memory - the kernel's mapping of a channel's memory
 * @rx: what this VM reads
 * @tx: what this VM writes; the same as @rx if the channel has one region for both directions
 * @rx_size: size of @rx in bytes
 * @tx_size: size of @tx in bytes
 *
 * Normal cacheable memory. The other VMs can change all of it at any time: read only once
 * what you check.
 */
struct bao_ipc_memory {
	void *rx;
	void *tx;
	size_t rx_size;
	size_t tx_size;
};

/**
 * struct bao_ipc_client - who uses a channel
 * @doorbell: Another VM has rung: look at the memory. Doorbells merge, and one may come that nobody
 *	      has rung (after suspend, for those that got lost); none is left out. Mandatory. Called
 *	      in an interrupt handler or in a thread with interrupts off (on PREEMPT_RT in
 *	      preemptible threads only), under rcu_read_lock(), so it must not sleep; on several
 *	      CPUs at once, also for the same event. It may call bao_ipc_ring().
 * @gone: The channel has been taken out of service: what the client calls from now on returns
 *	  -ENODEV, and no doorbell comes. Optional. Called once at most, and not after
 *	  bao_ipc_release() has returned, which waits for it. In a thread; may sleep and unmap the
 *	  memory, but must not release the channel.
 *
 * Embedded in an object of the client, and set before bao_ipc_claim(). Other fields are private.
 */
struct bao_ipc_client {
	void (*doorbell)(struct bao_ipc_client *client, unsigned int event);
	void (*gone)(struct bao_ipc_client *client);
	/* private: */
	struct bao_ipc *ipc;
	bool released;
	bool told;
};

/* Using a channel */
int bao_ipc_claim(struct bao_ipc *ipc, struct bao_ipc_client *client);
void bao_ipc_release(struct bao_ipc_client *client);
void bao_ipc_release_nowait(struct bao_ipc_client *client);
bool bao_ipc_client_gone(const struct bao_ipc_client *client);
int bao_ipc_ring(struct bao_ipc_client *client, u32 event);
int bao_ipc_map(struct bao_ipc *ipc, struct bao_ipc_memory *memory);
void bao_ipc_unmap(struct bao_ipc *ipc);

/*
 * The way to a channel: bind to its auxiliary device "bao." BAO_IPC_DEVICE, or, if the channel is
 * offered to the mailbox framework, "bao." BAO_MAILBOX_DEVICE; or find it
 */
#define BAO_IPC_DEVICE		"ipc"
#define BAO_MAILBOX_DEVICE	"mailbox"

struct bao_ipc *bao_ipc_from_auxdev(struct auxiliary_device *adev);
struct bao_ipc *bao_ipc_find(u32 id);
const struct bao_ipc_desc *bao_ipc_describe(const struct bao_ipc *ipc);
struct bao_ipc *bao_ipc_get(struct bao_ipc *ipc);
void bao_ipc_put(struct bao_ipc *ipc);

/* For providers of channels: the devicetree driver, the simulator */
int bao_ipc_check(struct device *dev, const struct bao_ipc_desc *desc);
struct bao_ipc *bao_ipc_create(struct device *parent, const struct bao_ipc_desc *desc);
void bao_ipc_destroy(struct bao_ipc *ipc);
void bao_ipc_shutdown(struct bao_ipc *ipc);
void bao_ipc_suspend(struct bao_ipc *ipc);
void bao_ipc_resume(struct bao_ipc *ipc);

/* Channels of the mailbox framework (bao_mailbox.ko) */
struct mbox_chan *bao_mailbox_request(struct mbox_client *cl, u32 id, u32 event);
void bao_mailbox_free(struct mbox_chan *chan);
int bao_mailbox_memory(struct mbox_chan *chan, struct bao_ipc_memory *memory);

#endif /* _LINUX_BAO_IPC_H */
