/* SPDX-License-Identifier: GPL-2.0 */
/*
 * /dev/bao-sim: a simulated Bao hypervisor, for tests only
 *
 * Each open file is a hypervisor of its own, with remote-I/O devices that the process adds and
 * removes. The ioctls play the frontends of these devices: any number of vCPUs that access
 * registers, and wait until the drivers under test have answered. What the drivers do is counted,
 * and what real Bao would punish is a violation. Faults can be injected at every hypercall.
 *
 * Only indices of devices (dm_id) are common to all: they are those of the drivers under test. The
 * last close takes everything away that is still there.
 *
 * The window of a device can be mapped at offset BAO_SIM_WINDOW_OFFSET(dm_id).
 *
 * IPC channels have ioctls of their own, BAO_SIM_IPC_*, which play the other VM: it rings, waits to
 * be rung, and sees the memory at offset BAO_SIM_IPC_OFFSET(id).
 *
 * This is no stable ABI. All ioctls fail with ENOENT if there is no device dm_id, or no channel id,
 * EINVAL if a field is out of range, and EFAULT.
 */
#ifndef _BAO_SIM_H
#define _BAO_SIM_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define BAO_SIM_DEVICES		64	/* at most, of an open file */
#define BAO_SIM_VCPUS		256	/* of a frontend */
#define BAO_SIM_FOR_EVER	0xffffffff
/* What a register holds before it is read, to tell an answer from none */
#define BAO_SIM_POISON		0x5a5aa5a5deadbeefULL

#define BAO_SIM_WINDOW_MAX	0x400000
#define BAO_SIM_WINDOW_OFFSET(dm_id)	((dm_id) * 1ULL * BAO_SIM_WINDOW_MAX)

#define BAO_SIM_IPCS		64	/* at most, of an open file */
#define BAO_SIM_IPC_EVENTS	4	/* interrupts of a channel, at most; also of the other VM */
#define BAO_SIM_IPC_OFFSET(id)	((BAO_SIM_DEVICES + (id)) * 1ULL * BAO_SIM_WINDOW_MAX)

/**
 * struct bao_sim_device - a remote-I/O device
 * @dm_id: its index; in
 * @irq: Linux interrupt; out
 * @shmem_addr: physical address of the window; out
 * @shmem_size: size of the window in bytes, whole pages and BAO_SIM_WINDOW_MAX at most; in
 */
struct bao_sim_device {
	__u32 dm_id;
	__u32 irq;
	__u64 shmem_addr;
	__u64 shmem_size;
};

/**
 * enum bao_sim_event - what happens to the endpoint of a device
 * @BAO_SIM_BIND: it comes into service
 * @BAO_SIM_UNBIND: it is taken out of service; the frontends stay
 * @BAO_SIM_SHUTDOWN: the system goes down; only UNBIND may follow
 * @BAO_SIM_SUSPEND: the system suspends
 * @BAO_SIM_RESUME: and resumes
 */
enum bao_sim_event {
	BAO_SIM_BIND,
	BAO_SIM_UNBIND,
	BAO_SIM_SHUTDOWN,
	BAO_SIM_SUSPEND,
	BAO_SIM_RESUME,
};

/**
 * struct bao_sim_life - let something happen to an endpoint
 * @dm_id: device
 * @event: enum bao_sim_event; EBUSY if it makes no sense now
 */
struct bao_sim_life {
	__u32 dm_id;
	__u32 event;
};

/**
 * struct bao_sim_access - accesses of a vCPU
 * @dm_id: device
 * @vcpu: below BAO_SIM_VCPUS
 * @addr: guest-physical address
 * @value: of a write, the whole register
 * @op: 0 write, 1 read
 * @width: in bytes, not looked at
 * @count: so many, each as soon as the one before has been answered; or BAO_SIM_FOR_EVER
 * @reserved: 0
 *
 * A vCPU that waits for an answer ignores it.
 */
struct bao_sim_access {
	__u32 dm_id;
	__u32 vcpu;
	__u64 addr;
	__u64 value;
	__u32 op;
	__u32 width;
	__u32 count;
	__u32 reserved;
};

/**
 * struct bao_sim_vcpu - state of a vCPU
 * @dm_id: device; in
 * @vcpu: in
 * @done: accesses answered since the start; out
 * @parked: one is outstanding; out
 * @result: register after the last one; out
 */
struct bao_sim_vcpu {
	__u32 dm_id;
	__u32 vcpu;
	__u32 done;
	__u32 parked;
	__u64 result;
};

/**
 * struct bao_sim_wait - wait for a vCPU to be answered, or for interrupts of the frontend
 * @dm_id: device
 * @vcpu: vCPU
 * @done: return when it has so many answers since the start,
 * @notifies: and the frontend has had so many interrupts since the counters were reset
 * @timeout_ms: ETIMEDOUT after this time
 */
struct bao_sim_wait {
	__u32 dm_id;
	__u32 vcpu;
	__u32 done;
	__u32 notifies;
	__u32 timeout_ms;
};

/**
 * struct bao_sim_counters - what the hypervisor has counted
 * @dm_id: device; in
 * @accesses: accesses of the frontend
 * @interrupts: interrupts raised in the backend
 * @asks: hypercalls that asked for a request
 * @asks_empty: those of them that found none
 * @completes: requests completed
 * @complete_errors: completions that were refused
 * @notifies: interrupts sent to the frontend
 * @pending: requests that were not asked for yet
 * @processing: requests asked for and not completed
 * @violations: what Bao would have punished, or what breaks the rules of the transport
 * @bad_calls: hypercalls that were answered with an error
 */
struct bao_sim_counters {
	__u32 dm_id;
	__u32 accesses;
	__u32 interrupts;
	__u32 asks;
	__u32 asks_empty;
	__u32 completes;
	__u32 complete_errors;
	__u32 notifies;
	__u32 pending;
	__u32 processing;
	__u32 violations;
	__u32 bad_calls;
};

/**
 * enum bao_sim_point - where a fault is injected
 * @BAO_SIM_ASK: ASK is refused with this code
 * @BAO_SIM_COMPLETE: COMPLETE is refused with this code; the vCPU stays parked
 * @BAO_SIM_NOTIFY: NOTIFY is refused with this code
 * @BAO_SIM_ID: ASK hands out a request under this id
 * @BAO_SIM_WIDTH: ASK reports this access width
 * @BAO_SIM_OP: ASK reports this operation
 * @BAO_SIM_MORE: ASK says that more is pending (1) or nothing (0), whatever is. Where that hides a
 *		  request, another interrupt follows, as for one that came a moment later.
 * @BAO_SIM_IRQ: interrupts are held back, to merge with the next one or with BAO_SIM_RAISE
 * @BAO_SIM_NR_POINTS: how many there are
 */
enum bao_sim_point {
	BAO_SIM_ASK,
	BAO_SIM_COMPLETE,
	BAO_SIM_NOTIFY,
	BAO_SIM_ID,
	BAO_SIM_WIDTH,
	BAO_SIM_OP,
	BAO_SIM_MORE,
	BAO_SIM_IRQ,
	BAO_SIM_NR_POINTS,
};

/**
 * struct bao_sim_fault - inject a fault
 * @dm_id: device
 * @point: enum bao_sim_point; replaces what was there
 * @skip: so many times everything is well,
 * @count: and then so many times not
 * @value: sign-extended
 */
struct bao_sim_fault {
	__u32 dm_id;
	__u32 point;
	__u32 skip;
	__u32 count;
	__s64 value;
};

/* Values of bao_sim_ipc.flags */
#define BAO_SIM_IPC_SPLIT	0x1	/* both parts are regions of their own */
#define BAO_SIM_IPC_MAILBOX	0x2	/* offered to the mailbox framework */
#define BAO_SIM_IPC_UNALIGNED	0x4	/* mistake: the first region begins 1 KiB late */
#define BAO_SIM_IPC_WRAPS	0x8	/* mistake: it begins 4 KiB before all addresses end */

/**
 * struct bao_sim_ipc - an IPC channel
 * @id: its index; in
 * @flags: BAO_SIM_IPC_*; in
 * @events: number of interrupts of this VM; in
 * @peer_events: number of interrupts of the other VM; in
 * @irq: Linux interrupts; out
 * @addr: physical address of the memory; out
 * @size: size of the memory in bytes, whole pages and BAO_SIM_WINDOW_MAX at most; in
 * @rx_offset: part that this VM reads, from the start of the memory; in. Parts are not looked at:
 * @rx_size: what is wrong with them, the transport has to find.
 * @tx_offset: part that this VM writes; in
 * @tx_size: its size; in
 */
struct bao_sim_ipc {
	__u32 id;
	__u32 flags;
	__u32 events;
	__u32 peer_events;
	__u32 irq[BAO_SIM_IPC_EVENTS];
	__u64 addr;
	__u64 size;
	__u64 rx_offset;
	__u64 rx_size;
	__u64 tx_offset;
	__u64 tx_size;
};

/**
 * struct bao_sim_ipc_ring - the other VM rings
 * @id: channel
 * @event: of this VM; one that it does not have is success and does nothing
 * @count: so many times in a row
 */
struct bao_sim_ipc_ring {
	__u32 id;
	__u32 event;
	__u32 count;
};

/**
 * struct bao_sim_ipc_wait - wait until the other VM has been rung
 * @id: channel
 * @event: its event
 * @notifies: return when it has come so often since the start
 * @timeout_ms: ETIMEDOUT after this time
 */
struct bao_sim_ipc_wait {
	__u32 id;
	__u32 event;
	__u32 notifies;
	__u32 timeout_ms;
};

/**
 * struct bao_sim_ipc_counters - what the hypervisor has counted
 * @id: channel; in
 * @interrupts: raised in this VM
 * @calls: hypercalls of this VM
 * @notifies: ... that rang the other VM, by event
 * @unheard: ... with an event that the other VM does not have
 * @last_event: event of the last one
 * @bad_calls: hypercalls that were answered with an error
 * @violations: what breaks the rules of the transport
 */
struct bao_sim_ipc_counters {
	__u32 id;
	__u32 interrupts;
	__u32 calls;
	__u32 notifies[BAO_SIM_IPC_EVENTS];
	__u32 unheard;
	__u32 last_event;
	__u32 bad_calls;
	__u32 violations;
};

#define BAO_SIM_TYPE 0xA6

/* ENOSPC: too many devices; EEXIST: this file has one of this dm_id; ENOMEM */
#define BAO_SIM_ADD		_IOWR(BAO_SIM_TYPE, 0x80, struct bao_sim_device)
/* The argument is a dm_id; what is bound is unbound first. Parked vCPUs are gone. */
#define BAO_SIM_DEL		_IOW(BAO_SIM_TYPE, 0x81, __u32)
/* Errors of bao_endpoint_create() as they are */
#define BAO_SIM_LIFE		_IOW(BAO_SIM_TYPE, 0x82, struct bao_sim_life)
#define BAO_SIM_START		_IOW(BAO_SIM_TYPE, 0x83, struct bao_sim_access)
/* It stops after the access that is outstanding, if any; out fields are not written */
#define BAO_SIM_STOP		_IOW(BAO_SIM_TYPE, 0x84, struct bao_sim_vcpu)
#define BAO_SIM_VCPU		_IOWR(BAO_SIM_TYPE, 0x85, struct bao_sim_vcpu)
#define BAO_SIM_WAIT		_IOW(BAO_SIM_TYPE, 0x86, struct bao_sim_wait)
#define BAO_SIM_COUNTERS	_IOWR(BAO_SIM_TYPE, 0x87, struct bao_sim_counters)
/* The argument is a dm_id */
#define BAO_SIM_RESET		_IOW(BAO_SIM_TYPE, 0x88, __u32)
#define BAO_SIM_FAULT		_IOW(BAO_SIM_TYPE, 0x89, struct bao_sim_fault)
/* An interrupt, whether there is a request or not; the argument is a dm_id */
#define BAO_SIM_RAISE		_IOW(BAO_SIM_TYPE, 0x8a, __u32)

/* ENOSPC: too many channels; EEXIST: this file has one of this id; ENOMEM */
#define BAO_SIM_IPC_ADD		_IOWR(BAO_SIM_TYPE, 0x90, struct bao_sim_ipc)
/* The argument is an id; what is bound is unbound first */
#define BAO_SIM_IPC_DEL		_IOW(BAO_SIM_TYPE, 0x91, __u32)
/* Of a channel; errors of bao_ipc_create() as they are */
#define BAO_SIM_IPC_LIFE	_IOW(BAO_SIM_TYPE, 0x92, struct bao_sim_life)
#define BAO_SIM_IPC_RING	_IOW(BAO_SIM_TYPE, 0x93, struct bao_sim_ipc_ring)
#define BAO_SIM_IPC_WAIT	_IOW(BAO_SIM_TYPE, 0x94, struct bao_sim_ipc_wait)
#define BAO_SIM_IPC_COUNTERS	_IOWR(BAO_SIM_TYPE, 0x95, struct bao_sim_ipc_counters)
/* Of a channel; BAO_SIM_NOTIFY and BAO_SIM_IRQ */
#define BAO_SIM_IPC_FAULT	_IOW(BAO_SIM_TYPE, 0x96, struct bao_sim_fault)

#endif /* _BAO_SIM_H */
