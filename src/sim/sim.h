/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Inside of the simulator
 *
 *   main.c        /dev/bao-sim
 *   device.c      remote-I/O devices: window, endpoint, life
 *   hypervisor.c  requests, vCPUs, hypercalls: the simulated Bao
 *   ipc.c         IPC channels: memory, doorbells, endpoint, life
 *   irq.c         interrupts of the backend
 */
#ifndef _SIM_H
#define _SIM_H

#include <linux/bitmap.h>
#include <linux/irq_work.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include <linux/bao.h>
#include <linux/bao_ipc.h>

#include "bao_sim.h"

/* Request ids of a device; one for each vCPU */
#define SIM_IDS		BAO_SIM_VCPUS

enum sim_state {
	SIM_FREE,
	SIM_PENDING,
	SIM_PROCESSING,
	SIM_LOST,	/* nobody will ever answer it, and that is the wish of the test */
};

/**
 * struct sim_request - an access that is under way
 * @state: where it is
 * @vcpu: whose
 * @id: the id that the backend was given; its index unless a fault was injected
 * @node: PENDING: in the queue
 */
struct sim_request {
	enum sim_state state;
	unsigned int vcpu;
	long id;
	struct list_head node;
};

/**
 * struct sim_vcpu - a vCPU of a frontend
 * @access: what it does
 * @left: accesses to come
 * @done: accesses answered
 * @parked: one is outstanding
 * @reg: the register that it accesses with
 * @result: @reg after the last answer
 */
struct sim_vcpu {
	struct bao_sim_access access;
	u32 left;
	u32 done;
	bool parked;
	u64 reg;
	u64 result;
};

/**
 * struct sim_irq - an interrupt of the backend
 * @lock: protects the rest; innermost
 * @violation: the backend must not do this; called with @lock held
 * @virq: Linux interrupt
 * @raise: delivers it
 * @latched: an edge has come and was not delivered
 * @masked: by the interrupt core
 * @active: the handler runs,
 * @active_cpu: on this CPU
 */
struct sim_irq {
	raw_spinlock_t *lock;
	void (*violation)(struct sim_irq *irq, const char *what);
	unsigned int virq;
	struct irq_work raise;
	bool latched;
	bool masked;
	bool active;
	int active_cpu;
};

/**
 * enum sim_service - state of the endpoint, and so what the backend may do
 * @SIM_UNBOUND: nothing
 * @SIM_BOUND: everything
 * @SIM_SUSPENDED: everything but ASK
 * @SIM_SHUT_DOWN: nothing
 */
enum sim_service {
	SIM_UNBOUND,
	SIM_BOUND,
	SIM_SUSPENDED,
	SIM_SHUT_DOWN,
};

/**
 * struct sim_device - a remote-I/O device
 * @ref: the file, the endpoint while its memory lives, and mappings
 * @ops: what the endpoint calls
 * @dm_id: index
 * @window: memory
 * @size: its size in bytes
 * @life: serialises what happens to the endpoint
 * @ep: endpoint, NULL if unbound; under @life
 * @removed: no endpoint may come any more; under @life
 * @lock: protects everything below
 * @service: what the backend may do
 * @queue: requests that were not asked for, oldest first
 * @request: by index
 * @used: which of @request are not free
 * @vcpu: all
 * @counters: but for pending and processing
 * @fault: what goes wrong
 * @wait: who waits for vCPUs and interrupts
 * @wake: wakes @wait
 * @irq: interrupt
 */
struct sim_device {
	struct kref ref;
	struct bao_hypercall_ops ops;
	u32 dm_id;
	void *window;
	size_t size;

	struct mutex life;	/* protects ep, removed */
	struct bao_endpoint *ep;
	bool removed;

	raw_spinlock_t lock;	/* protects the rest; innermost, also in interrupts */
	enum sim_service service;
	struct list_head queue;
	struct sim_request request[SIM_IDS];
	DECLARE_BITMAP(used, SIM_IDS);
	struct sim_vcpu vcpu[BAO_SIM_VCPUS];
	struct bao_sim_counters counters;
	struct bao_sim_fault fault[BAO_SIM_NR_POINTS];

	wait_queue_head_t wait;
	struct irq_work wake;

	struct sim_irq irq;
};

/**
 * struct sim_ipc - an IPC channel
 * @ref: the file, the endpoint while its memory lives, and mappings
 * @ops: what the endpoint calls
 * @config: what it is like
 * @memory: memory
 * @life: serialises what happens to the endpoint
 * @ipc: endpoint, NULL if unbound; under @life
 * @removed: no endpoint may come any more; under @life
 * @lock: protects everything below
 * @service: what this VM may do
 * @counters: all
 * @fault: BAO_SIM_NOTIFY and BAO_SIM_IRQ
 * @wait: who waits for doorbells of this VM
 * @wake: wakes @wait
 * @irq: interrupts by event
 */
struct sim_ipc {
	struct kref ref;
	struct bao_hypercall_ops ops;
	struct bao_sim_ipc config;
	void *memory;

	struct mutex life;	/* protects ipc, removed */
	struct bao_ipc *ipc;
	bool removed;

	raw_spinlock_t lock;	/* protects the rest; innermost, also in interrupts */
	enum sim_service service;
	struct bao_sim_ipc_counters counters;
	struct bao_sim_fault fault[BAO_SIM_NR_POINTS];
	wait_queue_head_t wait;
	struct irq_work wake;
	struct sim_irq irq[BAO_SIM_IPC_EVENTS];
};

/* device.c */
struct sim_device *sim_device_create(struct bao_sim_device *args);
void sim_device_get(struct sim_device *dev);
void sim_device_put(struct sim_device *dev);
void sim_device_remove(struct sim_device *dev);
int sim_device_life(struct sim_device *dev, struct device *parent, u32 event);

/* hypervisor.c */
void sim_hypervisor_init(struct sim_device *dev);
long sim_hypercall(const struct bao_hypercall_ops *ops, unsigned int function,
		   struct bao_hypercall_args *args);
void sim_set_service(struct sim_device *dev, enum sim_service service);
void sim_start(struct sim_device *dev, const struct bao_sim_access *access);
void sim_stop(struct sim_device *dev, unsigned int vcpu);
void sim_read_vcpu(struct sim_device *dev, struct bao_sim_vcpu *vcpu);
int sim_wait(struct sim_device *dev, const struct bao_sim_wait *wait);
void sim_read_counters(struct sim_device *dev, struct bao_sim_counters *counters);
void sim_reset_counters(struct sim_device *dev);
void sim_inject(struct sim_device *dev, const struct bao_sim_fault *fault);
void sim_violation(struct sim_device *dev, const char *what);
bool sim_fault_hits(struct bao_sim_fault *fault, s64 *value);
void sim_raise_now(struct sim_device *dev);

/* irq.c */
int sim_irq_init(void);
void sim_irq_exit(void);
int sim_irq_create(struct sim_irq *irq);
void sim_irq_destroy(struct sim_irq *irq);
void sim_irq_raise(struct sim_irq *irq);

/* ipc.c */
struct sim_ipc *sim_ipc_create(struct bao_sim_ipc *config);
void sim_ipc_get(struct sim_ipc *ipc);
void sim_ipc_put(struct sim_ipc *ipc);
void sim_ipc_remove(struct sim_ipc *ipc);
int sim_ipc_life(struct sim_ipc *ipc, struct device *parent, u32 event);
int sim_ipc_ring(struct sim_ipc *ipc, const struct bao_sim_ipc_ring *ring);
int sim_ipc_wait(struct sim_ipc *ipc, const struct bao_sim_ipc_wait *wait);
void sim_ipc_read_counters(struct sim_ipc *ipc, struct bao_sim_ipc_counters *counters);
int sim_ipc_inject(struct sim_ipc *ipc, const struct bao_sim_fault *fault);

#endif /* _SIM_H */
