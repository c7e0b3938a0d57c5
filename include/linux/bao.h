/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Remote I/O of the Bao hypervisor: the interface between the transport (bao.ko) and those who
 * answer accesses (clients), and between the transport and whoever provides endpoints.
 *
 * When a frontend VM touches the register window of a remote-I/O device, Bao parks its vCPU and
 * queues a request. The transport asks for it in the endpoint's interrupt and offers it to the
 * ranges that clients have added, in this order:
 *
 *  1. the BAO_RANGE_WRITE range that the access matches exactly (an ioeventfd),
 *  2. the BAO_RANGE_WINDOW range that the access lies in (an in-kernel device).
 *
 * What no range answers waits in the endpoint's queue until a client takes it with
 * bao_request_take() (a user process), or adds a range that matches. However it goes, the transport
 * sees to it that every request that Bao handed out is completed exactly once.
 *
 * A client that answers a register window from the kernel is four calls:
 *
 *	static enum bao_access my_access(struct bao_range *range, struct bao_request *req)
 *	{
 *		struct my_device *my = container_of(range, struct my_device, range);
 *
 *		if (!req->write)
 *			req->value = my->reg[(req->addr - range->addr) / 4];
 *		return BAO_ACCESS_DONE;
 *	}
 *
 *	ep = bao_endpoint_find(dm_id);
 *	bao_client_attach(ep, &my->client);
 *	my->range = (struct bao_range){
 *		.kind = BAO_RANGE_WINDOW, .addr = 0xa000000, .size = 0x200, .access = my_access,
 *	};
 *	bao_range_add(&my->client, &my->range);
 *	...
 *	bao_client_detach(&my->client);
 *	bao_endpoint_put(ep);
 *
 * src/test/ has a complete one. See Documentation/virt/bao/architecture.rst.
 */
#ifndef _LINUX_BAO_H
#define _LINUX_BAO_H

#include <linux/list.h>
#include <linux/types.h>
#include <linux/wait.h>

#include <linux/bao_hypercall.h>

struct auxiliary_device;
struct bao_client;
struct bao_endpoint;
struct bao_range;
struct device;
struct module;
struct page;

/**
 * struct bao_request - one access of a frontend
 * @addr: guest-physical address of the access in the frontend
 * @value: of a write: what was written, zero-extended from @width. Of a read: 0, to be replaced by
 *	   the answer; bits above @width are cut off.
 * @id: names the request for bao_request_complete(); never reused on an endpoint
 * @width: width of the access in bytes, as the hypervisor reports it. 1, 2, 4 or 8, but do not rely
 *	   on it; unaligned accesses occur.
 * @write: a write, else a read
 * @node: for the client, while it has the request pended
 */
struct bao_request {
	u64 addr;
	u64 value;
	u64 id;
	u32 width;
	bool write;
	struct list_head node;
};

/**
 * enum bao_access - what &bao_range.access made of a request
 * @BAO_ACCESS_DONE: answered; the transport completes it
 * @BAO_ACCESS_PASS: not mine; the transport looks further
 * @BAO_ACCESS_PENDED: the client has it and completes it later. Only bao_request_pend() returns it.
 */
enum bao_access {
	BAO_ACCESS_DONE,
	BAO_ACCESS_PASS,
	BAO_ACCESS_PENDED,
};

/**
 * enum bao_range_kind - what a range matches
 * @BAO_RANGE_WRITE: writes to exactly @addr, of exactly @size bytes, and of exactly @value unless
 *		     @any_value is set
 * @BAO_RANGE_WINDOW: every access that starts in [@addr, @addr + @size)
 */
enum bao_range_kind {
	BAO_RANGE_WRITE,
	BAO_RANGE_WINDOW,
};

/**
 * struct bao_range - accesses that a client answers
 * @kind: what matches
 * @any_value: BAO_RANGE_WRITE: match whatever @value
 * @addr: guest-physical address in the frontend
 * @size: in bytes; for BAO_RANGE_WRITE 1, 2, 4 or 8
 * @value: BAO_RANGE_WRITE: value that must be written
 * @access: Answer an access. Mandatory. Called in the endpoint's interrupt handler or in a thread
 *	    with interrupts off (on PREEMPT_RT in preemptible threads only), under rcu_read_lock(),
 *	    so it must not sleep; one call at a time for each endpoint. The thread may be one that
 *	    calls bao_range_add(), bao_client_detach() or bao_request_put_back(): access() must not
 *	    call these, nor bao_range_del().
 *	    Returns BAO_ACCESS_DONE with the answer to a read in @value of the request,
 *	    BAO_ACCESS_PASS, or the result of bao_request_pend().
 *
 * The fields are the caller's and are set before bao_range_add(); they must not change until
 * bao_range_del() or bao_client_detach() has returned.
 */
struct bao_range {
	enum bao_range_kind kind;
	bool any_value;
	u64 addr;
	u64 size;
	u64 value;
	enum bao_access (*access)(struct bao_range *range, struct bao_request *req);
	/* private: */
	struct bao_client *client;
	struct list_head node;
};

/**
 * struct bao_client - whoever answers requests of an endpoint
 * @gone: The endpoint has been taken out of service: all that was asked for has been answered, and
 *	  what the client calls from now on returns -ENODEV. Optional; set before
 *	  bao_client_attach(). Called once at most, and not after bao_client_detach() has returned,
 *	  which waits for it. In a thread; may sleep, but must not detach the client.
 *
 * Embedded in an object of the client, which needs no locks of its own to call the transport. The
 * other fields are private.
 */
struct bao_client {
	void (*gone)(struct bao_client *client);
	/* private: */
	struct bao_endpoint *ep;
	struct list_head node;
	bool detached;
};

/* Clients: bring ranges and requests together */
int bao_client_attach(struct bao_endpoint *ep, struct bao_client *client);
void bao_client_detach(struct bao_client *client);
bool bao_client_gone(const struct bao_client *client);
int bao_range_add(struct bao_client *client, struct bao_range *range);
void bao_range_del(struct bao_range *range);

/* Requests that are not answered within access() */
enum bao_access bao_request_pend(struct bao_client *client, struct bao_request *req);
int bao_request_complete(struct bao_client *client, u64 id, bool write, u64 value);

/* The queue of requests that no range answers */
int bao_request_take(struct bao_client *client, const void *taker, struct bao_request *req);
int bao_request_wait(struct bao_client *client, const void *taker, struct bao_request *req);
void bao_request_put_back(struct bao_client *client, const void *taker, u64 id);
void bao_request_put_back_taker(struct bao_client *client, const void *taker);
int bao_request_waiting(struct bao_client *client);
wait_queue_head_t *bao_request_waitqueue(struct bao_client *client);

/* The other direction */
int bao_notify(struct bao_endpoint *ep);

/* The shared-memory window */
int bao_shmem_map(struct bao_endpoint *ep);
void bao_shmem_unmap(struct bao_endpoint *ep);
void *bao_shmem_ptr(struct bao_endpoint *ep, u64 addr, size_t len);
struct page *bao_shmem_page(struct bao_endpoint *ep, const void *ptr);

/**
 * struct bao_hypercall_ops - how an endpoint reaches its hypervisor
 * @owner: module of the functions, which stays while the endpoint's memory does; NULL for the
 *	   transport's own
 * @release: Optional. Called once for each bao_endpoint_create(), be it successful or not, when
 *	     nobody uses the endpoint's memory, these operations and its window any more: processes
 *	     may have them mapped longer than the endpoint is in service. In a thread.
 * @call: Issue hypercall @function (BAO_HC_*) and return the hypervisor's code; see struct
 *	  bao_hypercall_args. Any context, any CPU, several at once.
 */
struct bao_hypercall_ops {
	struct module *owner;
	void (*release)(const struct bao_hypercall_ops *ops);
	long (*call)(const struct bao_hypercall_ops *ops, unsigned int function,
		     struct bao_hypercall_args *args);
};

/**
 * struct bao_endpoint_desc - description of a remote-I/O device of this (backend) VM
 * @dm_id: the hypervisor's index of the device
 * @irq: Linux interrupt that announces requests; edge-triggered, owned by the endpoint
 * @shmem_start: guest-physical base of the shared-memory window
 * @shmem_size: its size in bytes
 * @ops: how to reach the hypervisor; stays until its release()
 */
struct bao_endpoint_desc {
	u32 dm_id;
	int irq;
	phys_addr_t shmem_start;
	u64 shmem_size;
	const struct bao_hypercall_ops *ops;
};

/* The way to an endpoint: bind to its auxiliary device "bao." BAO_REMIO_DEVICE, or find it */
#define BAO_REMIO_DEVICE "remio"

struct bao_endpoint *bao_endpoint_from_auxdev(struct auxiliary_device *adev);
struct bao_endpoint *bao_endpoint_find(u32 dm_id);
const struct bao_endpoint_desc *bao_endpoint_describe(const struct bao_endpoint *ep);
struct bao_endpoint *bao_endpoint_get(struct bao_endpoint *ep);
void bao_endpoint_put(struct bao_endpoint *ep);

/* For providers of endpoints: the devicetree driver, the simulator */
struct bao_endpoint *bao_endpoint_create(struct device *parent,
					 const struct bao_endpoint_desc *desc);
void bao_endpoint_destroy(struct bao_endpoint *ep);
void bao_endpoint_shutdown(struct bao_endpoint *ep);
void bao_endpoint_suspend(struct bao_endpoint *ep);
void bao_endpoint_resume(struct bao_endpoint *ep);

#endif /* _LINUX_BAO_H */
