// SPDX-License-Identifier: GPL-2.0
/*
 * Users of IPC channels: who has one, its memory, and doorbells to other VMs
 */
#include <linux/export.h>
#include <linux/io.h>

#include "transport.h"
#include "trace.h"

/**
 * bao_ipc_claim() - become the user of a channel
 * @ipc: channel; the caller holds a reference until after the last call with @client
 * @client: client, with its public fields set
 *
 * Doorbells that came before are not told: look at the memory once this has returned.
 *
 * Context: may sleep
 * Return: 0; -EBUSY if the channel has a user, such as /dev/baoipcN while it is open; -ENODEV if it
 * is gone. Then @client is as before, and cannot ring.
 */
int bao_ipc_claim(struct bao_ipc *ipc, struct bao_ipc_client *client)
{
	int ret = 0;

	mutex_lock(&ipc->mutex);
	if (ipc->gone) {
		ret = -ENODEV;
	} else if (rcu_access_pointer(ipc->client)) {
		ret = -EBUSY;
	} else {
		client->ipc = ipc;
		client->told = false;
		WRITE_ONCE(client->released, false);
		rcu_assign_pointer(ipc->client, client);
	}
	mutex_unlock(&ipc->mutex);

	return ret;
}
EXPORT_SYMBOL_GPL(bao_ipc_claim);

/**
 * bao_ipc_release_nowait() - end being the user of a channel, but for doorbells under way
 * @client: client that has claimed it; releasing it twice is harmless
 *
 * As bao_ipc_release(), but doorbell() may run on until the caller has called synchronize_rcu(),
 * which it does when it holds no locks that others want.
 *
 * Context: may sleep; not from doorbell() or gone()
 */
void bao_ipc_release_nowait(struct bao_ipc_client *client)
{
	struct bao_ipc *ipc = client->ipc;

	/* Waits for gone() */
	mutex_lock(&ipc->mutex);
	WRITE_ONCE(client->released, true);
	if (rcu_access_pointer(ipc->client) == client)
		RCU_INIT_POINTER(ipc->client, NULL);
	mutex_unlock(&ipc->mutex);
}
EXPORT_SYMBOL_GPL(bao_ipc_release_nowait);

/**
 * bao_ipc_release() - end being the user of a channel
 * @client: client that has claimed it; releasing it twice is harmless
 *
 * When this returns, doorbell() and gone() are not running and will not be called, and
 * bao_ipc_ring() fails with -ENODEV.
 *
 * Context: may sleep; not from doorbell() or gone()
 */
void bao_ipc_release(struct bao_ipc_client *client)
{
	bao_ipc_release_nowait(client);
	/* doorbell() and hypercalls that passed the tests end here */
	synchronize_rcu();
}
EXPORT_SYMBOL_GPL(bao_ipc_release);

/**
 * bao_ipc_client_gone() - tell whether a client can do nothing any more
 * @client: client, whether it has claimed a channel or not
 *
 * Context: any
 * Return: true if it has not, if the channel is gone, or if the client has released it
 */
bool bao_ipc_client_gone(const struct bao_ipc_client *client)
{
	return !client->ipc || READ_ONCE(client->released) || READ_ONCE(client->ipc->gone);
}
EXPORT_SYMBOL_GPL(bao_ipc_client_gone);

static int bao_ipc_errno(long code)
{
	switch (code) {
	case BAO_HC_SUCCESS:
		return 0;
	case BAO_HC_INVAL_ID:
		return -EOPNOTSUPP;
	case BAO_HC_INVAL_ARGS:
		return -ENXIO;
	default:
		return -EIO;
	}
}

/**
 * bao_ipc_ring() - ring the doorbell of the other VMs on a channel
 * @client: client that has claimed the channel
 * @event: index into the receivers' lists of interrupts. A receiver that has no such interrupt
 *	   hears nothing; the hypervisor does not tell.
 *
 * What this CPU has read from and written to the memory before, others see so when they hear the
 * doorbell.
 *
 * Each call costs a message in a queue of the hypervisor, which is finite (253, in older versions
 * 128) and not flow controlled: do not ring where the others have not yet looked at what the last
 * doorbell was for.
 *
 * Context: any, but NMI
 * Return: 0; -ENODEV if the channel is gone, released, or was never had; -ENXIO if the hypervisor
 * knows no channel of this index, -EOPNOTSUPP if it has no channels at all, -EIO if it refuses for
 * another reason
 */
int bao_ipc_ring(struct bao_ipc_client *client, u32 event)
{
	struct bao_hypercall_args args = {
		.arg[BAO_IPC_ARG_EVENT] = event,
	};
	struct bao_ipc *ipc = client->ipc;
	int ret = -ENODEV;
	long code;

	/*
	 * A hypercall is no store: to be in front of it, memory accesses must have been completed.
	 * Reads as well, since a doorbell may say that something has been read and can be reused.
	 */
	mb();

	/* bao_ipc_stop() and bao_ipc_release() set what is tested and wait for this section */
	rcu_read_lock();
	if (!bao_ipc_client_gone(client)) {
		args.arg[BAO_IPC_ARG_ID] = ipc->desc.id;
		code = ipc->desc.ops->call(ipc->desc.ops, BAO_HC_IPC, &args);
		trace_bao_ipc_notify(ipc->desc.id, event, code);
		ret = bao_ipc_errno(code);
		if (likely(!ret)) {
			atomic_long_inc(&ipc->notifies);
		} else {
			atomic_long_inc(&ipc->notify_errors);
			dev_warn_ratelimited(bao_ipc_dev(ipc),
					     "hypervisor refuses doorbell %u: %ld\n", event, code);
		}
	}
	rcu_read_unlock();

	return ret;
}
EXPORT_SYMBOL_GPL(bao_ipc_ring);

static int bao_ipc_map_regions(struct bao_ipc *ipc)
{
	const struct bao_ipc_region *region;
	unsigned int i;

	for (i = 0; i < ipc->desc.nr_regions; i++) {
		region = &ipc->desc.region[i];
		if (region->size != (size_t)region->size)
			return -EFBIG;
		ipc->map[i] = memremap(region->start, region->size, MEMREMAP_WB);
		if (!ipc->map[i])
			return -ENOMEM;
	}

	return 0;
}

static void bao_ipc_unmap_regions(struct bao_ipc *ipc)
{
	unsigned int i;

	for (i = 0; i < ipc->desc.nr_regions; i++) {
		if (ipc->map[i])
			memunmap(ipc->map[i]);
		ipc->map[i] = NULL;
	}
}

/* Each part lies in one region, see bao_ipc_check(); an empty one maybe at its end */
static void *bao_ipc_ptr(struct bao_ipc *ipc, const struct bao_ipc_region *part)
{
	const struct bao_ipc_region *region = &ipc->desc.region[0];

	if (ipc->desc.nr_regions == 2 &&
	    (part->start < region->start || part->start - region->start >= region->size))
		region++;

	return ipc->map[region - ipc->desc.region] + (part->start - region->start);
}

/**
 * bao_ipc_map() - map the memory of a channel into the kernel
 * @ipc: channel
 * @memory: out: where it is
 *
 * Normal cacheable memory, mapped once for all callers, whether they are the channel's user or not.
 *
 * Context: may sleep
 * Return: 0; -EFBIG if the kernel cannot address all of it, -ENOMEM
 */
int bao_ipc_map(struct bao_ipc *ipc, struct bao_ipc_memory *memory)
{
	int ret = 0;

	mutex_lock(&ipc->map_mutex);
	if (!ipc->map_users)
		ret = bao_ipc_map_regions(ipc);
	if (ret)
		bao_ipc_unmap_regions(ipc);
	else
		ipc->map_users++;
	mutex_unlock(&ipc->map_mutex);
	if (ret)
		return ret;

	*memory = (struct bao_ipc_memory) {
		.rx = bao_ipc_ptr(ipc, &ipc->desc.rx),
		.rx_size = ipc->desc.rx.size,
		.tx = bao_ipc_ptr(ipc, &ipc->desc.tx),
		.tx_size = ipc->desc.tx.size,
	};

	return 0;
}
EXPORT_SYMBOL_GPL(bao_ipc_map);

/**
 * bao_ipc_unmap() - undo one bao_ipc_map()
 * @ipc: channel
 *
 * Context: may sleep, also in gone()
 */
void bao_ipc_unmap(struct bao_ipc *ipc)
{
	mutex_lock(&ipc->map_mutex);
	if (!--ipc->map_users)
		bao_ipc_unmap_regions(ipc);
	mutex_unlock(&ipc->map_mutex);
}
EXPORT_SYMBOL_GPL(bao_ipc_unmap);
