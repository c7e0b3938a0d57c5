/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Inside of the transport. An endpoint is a remote-I/O device (struct bao_endpoint) or an IPC
 * channel (struct bao_ipc); device.c and irq.c are what they have in common, ipc.c is the latter.
 * The way of one access through the files:
 *
 *   interrupt.c handler, and the thread that takes over from it
 *   dispatch.c  ASK, offer to ranges, COMPLETE
 *   registry.c  clients and ranges; range_table.c is the lookup
 *   request.c   slots: requests that wait or that a client owns
 *
 * Locks, outermost first:
 *
 *   ep->client_mutex	the list of clients; gone() of all clients
 *   ep->range_mutex	the list of ranges, and who replaces the range table
 *   ep->drain_lock	who asks and dispatches; serialises access() of all clients
 *   ep->queue_lock	slots that wait or are owned, the counts of both, who waits, detached, gone
 *
 * Of a channel: ipc->mutex, then ipc->map_mutex.
 *
 * RCU: access(), hypercalls that complete or notify, and the range table. So synchronize_rcu()
 * waits for all that is in flight on an endpoint.
 */
#ifndef _BAO_TRANSPORT_H
#define _BAO_TRANSPORT_H

#include <linux/auxiliary_bus.h>
#include <linux/bits.h>
#include <linux/err.h>
#include <linux/interrupt.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include <linux/bao.h>
#include <linux/bao_ipc.h>

/* Bao's request ids fit 8 bits */
#define BAO_NR_SLOTS		256
#define BAO_SLOT_BITS		8

/* What the hypervisor maps */
#define BAO_PAGE		0x1000

/* Upper bounds of what an endpoint takes, to bound what a process can allocate */
#define BAO_MAX_RANGES		1024

/* Requests that one interrupt may answer before the thread goes on */
#define BAO_IRQ_BATCH		32

enum bao_stat {
	BAO_STAT_INTERRUPTS,
	BAO_STAT_REQUESTS,
	BAO_STAT_ASKS,
	BAO_STAT_ASK_ERRORS,
	BAO_STAT_COMPLETES,
	BAO_STAT_COMPLETE_ERRORS,
	BAO_STAT_NOTIFIES,
	BAO_STAT_NOTIFY_ERRORS,
	BAO_STAT_DEFAULT_ANSWERS,
	BAO_STAT_SIGNALS,
	BAO_STAT_DEFERRALS,
	BAO_NR_STATS,
};

struct bao_stats {
	unsigned long count[BAO_NR_STATS];
};

/**
 * enum bao_slot_state - where a request is
 * @BAO_SLOT_FREE: with the hypervisor or nowhere
 * @BAO_SLOT_ACTIVE: being dispatched, by whoever holds drain_lock
 * @BAO_SLOT_QUEUED: in the queue
 * @BAO_SLOT_OWNED: with a client
 *
 * The holder of drain_lock moves a slot from FREE to ACTIVE and back; everything that involves
 * QUEUED or OWNED happens under queue_lock. So a state that is read as QUEUED or OWNED under
 * queue_lock stays, and so does the rest of the slot.
 */
enum bao_slot_state {
	BAO_SLOT_FREE,
	BAO_SLOT_ACTIVE,
	BAO_SLOT_QUEUED,
	BAO_SLOT_OWNED,
};

/**
 * struct bao_slot - home of the request whose hypervisor's id is the slot's index
 * @req: the request; the low 8 bits of its id are the index, the bits above count the requests of
 *	 the endpoint, so that an id both tells the order and is never valid again
 * @state: where it is
 * @node: QUEUED: in the queue
 * @client: OWNED: by whom
 * @taker: OWNED: cookie of the process that took it
 */
struct bao_slot {
	struct bao_request req;
	enum bao_slot_state state;
	struct list_head node;
	struct bao_client *client;
	const void *taker;
};

struct bao_range_table;

enum bao_kind {
	BAO_KIND_REMIO,
	BAO_KIND_IPC,
	BAO_NR_KINDS,
};

/**
 * struct bao_device - what endpoints of all kinds have
 * @kind: which
 * @id: the hypervisor's index, unique among those of a kind
 * @ops: how to reach the hypervisor
 * @nr_regions: number of @region
 * @region: memory of this VM that is the endpoint's alone
 * @free: frees the endpoint, with the last reference
 * @adev: device that drivers for endpoints bind to; its reference count is the endpoint's
 * @node: in the list of all
 */
struct bao_device {
	enum bao_kind kind;
	u32 id;
	const struct bao_hypercall_ops *ops;
	unsigned int nr_regions;
	struct bao_ipc_region region[2];
	void (*free)(struct bao_device *bdev);
	struct auxiliary_device adev;
	struct list_head node;
};

/**
 * struct bao_endpoint - a remote-I/O device of this VM
 * @dev: what drivers for endpoints bind to
 * @desc: where it is
 * @irq_name: for /proc/interrupts
 * @work: the thread that goes on where an interrupt stops
 * @quiesced: nobody is to ask; the work returns soon
 * @deferred: the work serves, or will; the interrupt handler does nothing
 * @drain_lock: see above
 * @seq: requests received so far; under @drain_lock
 * @ask: registers of the last ASK; under @drain_lock. Here, since memory on the stack is cleared
 *	 first, as most kernels are configured.
 * @max_batch: most requests that an interrupt answered; written by its handler
 * @client_mutex: see above
 * @clients: who is to be told that the endpoint goes
 * @range_mutex: see above
 * @ranges: all ranges
 * @nr_ranges: how many
 * @table: sorted @ranges for lookup
 * @queue_lock: see above
 * @gone: nothing reaches the hypervisor any more; written under @drain_lock and @queue_lock
 * @queue: requests that wait, oldest first
 * @nr_queued: length of @queue
 * @nr_owned: requests that clients own
 * @waiters: threads that sleep until there is a request, longest first
 * @pollers: who polls for @queue
 * @slots: requests by the hypervisor's id
 * @stats: counters
 * @shmem_mutex: protects @shmem_users, @shmem_pages and the making of @shmem
 * @shmem_users: calls of bao_shmem_map()
 * @shmem_pages: kernel's linear mapping of the shared-memory window, if it is to be used by its
 *		 pages; NULL if not. Does not change while there are users.
 * @shmem: kernel's mapping of the shared-memory window
 */
struct bao_endpoint {
	struct bao_device dev;
	struct bao_endpoint_desc desc;
	char irq_name[24];
	struct work_struct work;
	bool quiesced;
	bool deferred;

	spinlock_t drain_lock;	/* protects seq, ask; dispatch */
	u64 seq;
	struct bao_hypercall_args ask;
	unsigned int max_batch;

	struct mutex client_mutex;	/* protects clients */
	struct list_head clients;

	struct mutex range_mutex;	/* protects ranges, nr_ranges, writers of table */
	struct list_head ranges;
	unsigned int nr_ranges;
	struct bao_range_table __rcu *table;

	spinlock_t queue_lock;	/* protects gone, queue, waiters, nr_*, slots in both */
	bool gone;
	struct list_head queue;
	unsigned int nr_queued;
	unsigned int nr_owned;
	struct list_head waiters;
	wait_queue_head_t pollers;

	struct bao_slot *slots;
	struct bao_stats __percpu *stats;

	struct mutex shmem_mutex;	/* protects shmem, shmem_users, shmem_pages */
	unsigned int shmem_users;
	void *shmem_pages;
	void *shmem;
};

/**
 * struct bao_ipc_event - a doorbell of this VM
 * @ipc: its channel
 * @irq_name: for /proc/interrupts
 */
struct bao_ipc_event {
	struct bao_ipc *ipc;
	char irq_name[24];
};

/**
 * struct bao_ipc - an IPC channel of this VM
 * @dev: what drivers for channels bind to
 * @mailbox: what the mailbox driver binds to, if the channel is offered to it; holds a reference
 * @desc: where it is
 * @event: by index
 * @nr_requested: interrupts that we have requested
 * @quiesced: doorbells are ignored; what is to be known of them bao_ipc_resume() makes good
 * @gone: nothing reaches the hypervisor any more
 * @mutex: protects @client; gone() of the client
 * @client: who uses it
 * @map_mutex: protects @map and @map_users; gone() may map and unmap
 * @map_users: calls of bao_ipc_map()
 * @map: kernel's mapping of each region
 * @pending: events that @work has to tell
 * @work: tells doorbells where the interrupt handler may not
 * @doorbells: interrupts
 * @notifies: doorbells rung
 * @notify_errors: ... that the hypervisor refused
 */
struct bao_ipc {
	struct bao_device dev;
	struct auxiliary_device mailbox;
	struct bao_ipc_desc desc;
	struct bao_ipc_event event[BAO_IPC_MAX_EVENTS];
	unsigned int nr_requested;
	bool quiesced;
	bool gone;

	struct mutex mutex;	/* protects client */
	struct bao_ipc_client __rcu *client;

	struct mutex map_mutex;	/* protects map, map_users */
	unsigned int map_users;
	void *map[2];

	unsigned long pending;
	struct work_struct work;

	atomic_long_t doorbells;
	atomic_long_t notifies;
	atomic_long_t notify_errors;
};

#define bao_stat_inc(ep, stat)	this_cpu_inc((ep)->stats->count[BAO_STAT_##stat])

/*
 * The same, cheaper, for what is counted nowhere but where interrupts are off: in the handler, and
 * under drain_lock. On PREEMPT_RT that turns nothing off.
 */
static inline void bao_stat_inc_irqs_off(struct bao_endpoint *ep, enum bao_stat stat)
{
	unsigned long *count;

	if (IS_ENABLED(CONFIG_PREEMPT_RT)) {
		this_cpu_inc(ep->stats->count[stat]);
	} else {
		count = &this_cpu_ptr(ep->stats)->count[stat];
		WRITE_ONCE(*count, *count + 1);
	}
}

static inline struct device *bao_endpoint_dev(struct bao_endpoint *ep)
{
	return &ep->dev.adev.dev;
}

static inline struct device *bao_ipc_dev(struct bao_ipc *ipc)
{
	return &ipc->dev.adev.dev;
}

/* Of regions that do not wrap */
static inline bool bao_regions_overlap(const struct bao_ipc_region *a,
				       const struct bao_ipc_region *b)
{
	return a->size && b->size && a->start <= b->start + (b->size - 1) &&
	       b->start <= a->start + (a->size - 1);
}

static inline u64 bao_width_mask(unsigned int width)
{
	return width >= sizeof(u64) ? U64_MAX : BIT_ULL(8 * width) - 1;
}

/* main.c */
extern struct workqueue_struct *bao_wq;

/* device.c */
int bao_ops_get(const struct bao_hypercall_ops *ops);
void bao_ops_put(const struct bao_hypercall_ops *ops);
int bao_device_init(struct bao_device *bdev, struct device *parent,
		    const struct attribute_group **groups);
int bao_device_publish(struct bao_device *bdev);
void bao_device_unpublish(struct bao_device *bdev);
struct bao_device *bao_device_find(enum bao_kind kind, u32 id);
void bao_devices_wait(void);

/* irq.c */
bool bao_irq_allowed(enum bao_kind kind, u64 now);
void bao_irq_spent(enum bao_kind kind, u64 ns);
int bao_irq_request(unsigned int irq, irq_handler_t handler, const char *name, void *data);
void bao_irq_free(unsigned int irq, void *data);

/* interrupt.c */
void bao_interrupt_init(struct bao_endpoint *ep);
int bao_interrupt_request(struct bao_endpoint *ep);
void bao_interrupt_free(struct bao_endpoint *ep);
void bao_interrupt_start(struct bao_endpoint *ep);
void bao_interrupt_quiesce(struct bao_endpoint *ep);

/* dispatch.c */
bool bao_drain(struct bao_endpoint *ep, unsigned int budget, unsigned int *done);
void bao_dispatch_queued(struct bao_endpoint *ep);
int bao_answer(struct bao_endpoint *ep, const struct bao_request *req, u64 value);

/* registry.c */
enum bao_access bao_registry_access(struct bao_endpoint *ep, struct bao_request *req);
bool bao_registry_matches(struct bao_endpoint *ep, const struct bao_request *req);
void bao_clients_gone(struct bao_endpoint *ep);

/* request.c */
struct bao_slot *bao_slot_receive(struct bao_endpoint *ep, unsigned long index);
void bao_slot_release(struct bao_slot *slot);
void bao_queue_add(struct bao_endpoint *ep, struct bao_slot *slot);
struct bao_slot *bao_queue_remove_matching(struct bao_endpoint *ep, u64 from);
void bao_queue_end_waits(struct bao_endpoint *ep);
void bao_pollers_wake_all(struct bao_endpoint *ep);
void bao_client_put_back_all(struct bao_client *client);
void bao_requests_answer_all(struct bao_endpoint *ep);

/* range_table.c */
struct bao_range_table *bao_range_table_create(struct list_head *ranges, unsigned int nr);
void bao_range_table_forget(struct bao_range_table *table, const struct bao_range *range);
void bao_range_table_free_rcu(struct bao_range_table *table);
struct bao_range *bao_range_table_find_write(const struct bao_range_table *table,
					     const struct bao_request *req);
struct bao_range *bao_range_table_find_window(const struct bao_range_table *table, u64 addr);

/* stats.c */
extern const struct attribute_group *bao_endpoint_groups[];

/* shmem.c */
extern const struct attribute_group bao_shmem_group;

/* shmem_pages.c */
#if IS_ENABLED(CONFIG_BAO_SHMEM_PAGES)
void *bao_shmem_make_pages(u64 start, u64 size);
#else
static inline void *bao_shmem_make_pages(u64 start, u64 size)
{
	return ERR_PTR(-EOPNOTSUPP);
}
#endif

/* ipc_stats.c */
extern const struct attribute_group *bao_ipc_groups[];

/* ipc_event.c */
void bao_ipc_events_init(struct bao_ipc *ipc);
int bao_ipc_events_request(struct bao_ipc *ipc);
void bao_ipc_events_free(struct bao_ipc *ipc);
void bao_ipc_events_start(struct bao_ipc *ipc);
void bao_ipc_events_quiesce(struct bao_ipc *ipc);
void bao_ipc_events_ring_all(struct bao_ipc *ipc);

/* hypercall.c */
extern const struct bao_hypercall_ops bao_native_ops;
int bao_detect(struct device *dev, unsigned int function);
bool bao_has(unsigned int function, u32 id);

/* devicetree.c; the simulator's endpoints need no hypervisor and no devicetree */
#if IS_ENABLED(CONFIG_BAO_NATIVE)
extern struct platform_driver bao_platform_driver;

static inline int bao_native_register(void)
{
	return platform_driver_register(&bao_platform_driver);
}

static inline void bao_native_unregister(void)
{
	platform_driver_unregister(&bao_platform_driver);
}
#else
static inline int bao_native_register(void)
{
	return 0;
}

static inline void bao_native_unregister(void)
{
}
#endif

#endif /* _BAO_TRANSPORT_H */
