/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * User ABI of the Bao hypervisor's remote I/O and IPC channels.
 *
 * Remote I/O: a process opens /dev/bao-io-dispatcher, gets one file descriptor for each device
 * model (DM) that it serves with BAO_IOCTL_DM_GET_INFO, and uses the other ioctls, mmap(), lseek(),
 * poll() and fcntl(O_NONBLOCK) on that descriptor. See Documentation/virt/bao/architecture.rst.
 *
 * IPC channels have devices of their own, /dev/baoipcN, see below.
 *
 * On arm, arm64 and riscv all structures have the same layout for 32-bit and 64-bit processes.
 *
 * Errors that every ioctl can return:
 *  - ENOTTY: the command does not exist on this kind of descriptor
 *  - EFAULT: the argument cannot be read or written; nothing has been consumed or changed
 *  - ENODEV: the device has been unbound from its driver, which is final for this descriptor.
 *	      mmap() fails with it as well, poll() reports EPOLLERR | EPOLLHUP; mappings stay.
 */
#ifndef _UAPI_LINUX_BAO_H
#define _UAPI_LINUX_BAO_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Values of bao_virtio_request.op */
#define BAO_IO_WRITE	0	/* the frontend wrote to a register */
#define BAO_IO_READ	1	/* the frontend read from a register */
#define BAO_IO_ASK	2	/* NEXT: there is nothing to complete; ATTACH ignores it */
#define BAO_IO_NOTIFY	3	/* reserved: the kernel uses it towards the hypervisor */

/**
 * struct bao_virtio_request - one access of a frontend to its virtio-mmio window
 * @dm_id: device model that the access is for
 * @addr: frontend's guest-physical address of the access
 * @op: BAO_IO_WRITE or BAO_IO_READ
 * @value: value that was written, zero-extended from @access_width; on completion of a read, the
 *	   answer, of which the low @access_width bytes count. 0 in a read, ignored on completion of
 *	   a write.
 * @access_width: width of the access in bytes
 * @request_id: names the request until it is completed; opaque, must be handed back as it came
 *
 * The vCPU of the frontend stands still from the access until BAO_IOCTL_IO_REQUEST_COMPLETE or
 * BAO_IOCTL_IO_REQUEST_NEXT.
 */
struct bao_virtio_request {
	__u64 dm_id;
	__u64 addr;
	__u64 op;
	__u64 value;
	__u64 access_width;
	__u64 request_id;
};

/* Values of bao_ioeventfd.flags; all others must be 0 */
#define BAO_IOEVENTFD_FLAG_DATAMATCH	0x2	/* only writes of .data match */
#define BAO_IOEVENTFD_FLAG_DEASSIGN	0x4	/* remove instead of add */

/**
 * struct bao_ioeventfd - signal an eventfd when the frontend writes to an address
 * @fd: eventfd; the kernel holds a reference, so it may be closed at once
 * @flags: logical OR of BAO_IOEVENTFD_FLAG_*
 * @addr: frontend's guest-physical address that the write must start at
 * @len: width in bytes that the write must have: 1, 2, 4 or 8
 * @reserved: must be 0
 * @data: with BAO_IOEVENTFD_FLAG_DATAMATCH, the value that must be written; otherwise ignored
 */
struct bao_ioeventfd {
	__u32 fd;
	__u32 flags;
	__u64 addr;
	__u32 len;
	__u32 reserved;
	__u64 data;
};

/* Values of bao_irqfd.flags; all others must be 0 */
#define BAO_IRQFD_FLAG_DEASSIGN		0x1	/* remove instead of add */

/**
 * struct bao_irqfd - interrupt the frontend whenever an eventfd is signalled
 * @fd: eventfd; the irqfd ends when its last descriptor is closed
 * @flags: 0 or BAO_IRQFD_FLAG_DEASSIGN
 */
struct bao_irqfd {
	__s32 fd;
	__u32 flags;
};

/**
 * struct bao_dm_info - what a process needs to know to serve a device model
 * @id: in: index of the device model (dm_id)
 * @shmem_addr: out: guest-physical base of the shared-memory window, the same in both VMs
 * @shmem_size: out: size of the window in bytes
 * @irq: out: Linux interrupt number that announces requests; for information
 * @fd: out: new descriptor of the device model, opened O_RDWR and O_CLOEXEC
 */
struct bao_dm_info {
	__u32 id;
	__u64 shmem_addr;
	__u64 shmem_size;
	__u32 irq;
	__s32 fd;
};

/* Documentation/userspace-api/ioctl/ioctl-number.rst */
#define BAO_IOCTL_TYPE 0xA6

/**
 * BAO_IOCTL_DM_GET_INFO - open a device model; on /dev/bao-io-dispatcher
 *
 * Each call yields an independent descriptor. Descriptors of the same device model compete for its
 * requests; each owns the requests that it took and the ioeventfds and irqfds that it assigned.
 * They outlive the descriptor of the dispatcher.
 *
 * Errors:
 *  - ENOENT: there is no device model with this id
 *  - EBUSY: too many descriptors of the device model are open
 *  - EMFILE, ENFILE: no descriptor to be had
 *  - ENOMEM: out of memory
 */
#define BAO_IOCTL_DM_GET_INFO \
	_IOWR(BAO_IOCTL_TYPE, 0x01, struct bao_dm_info)

/**
 * BAO_IOCTL_IO_CLIENT_ATTACH - wait for the next request and take it; on a DM descriptor
 *
 * The argument is only written to. Requests come first in, first out. One that the caller took
 * and did not complete returns to its place in the queue when the descriptor is released, or when
 * the process that took it has closed its last copy of the descriptor or exits, even if others have
 * inherited it. poll() reports EPOLLIN while a request waits.
 *
 * Errors:
 *  - EAGAIN: O_NONBLOCK is set and no request waits
 *  - EINTR: a signal was handled; without a handler or under SA_RESTART the call is restarted
 *  - EBADF: another thread has closed the process' last copy of the descriptor meanwhile; nothing
 *	     was taken
 */
#define BAO_IOCTL_IO_CLIENT_ATTACH \
	_IOWR(BAO_IOCTL_TYPE, 0x02, struct bao_virtio_request)

/**
 * BAO_IOCTL_IO_REQUEST_COMPLETE - answer a request; on the DM descriptor that took it
 *
 * Takes the structure as ATTACH gave it, with value changed for a read. addr and access_width are
 * not looked at: the kernel remembers them. A request can be completed once.
 *
 * Errors:
 *  - EINVAL: op is not the request's, or dm_id is not the descriptor's; the request stays owned
 *  - ENOENT: this descriptor does not own a request of this request_id (any more)
 *  - EIO: the hypervisor refused the answer; the request is gone all the same
 */
#define BAO_IOCTL_IO_REQUEST_COMPLETE \
	_IOW(BAO_IOCTL_TYPE, 0x03, struct bao_virtio_request)

/**
 * BAO_IOCTL_IOEVENTFD - assign or deassign an ioeventfd; on a DM descriptor
 *
 * A write that matches exactly in address, length and data is completed by the kernel and signals
 * the eventfd; anything else takes its usual way. When deassignment returns, no further signal
 * comes. Release of the descriptor deassigns all of its ioeventfds.
 *
 * Errors:
 *  - EINVAL: unknown flags, reserved not 0, len not 1, 2, 4 or 8, addr + len wraps, data does not
 *	      fit into len bytes, or fd is no eventfd
 *  - EBADF: fd is not open
 *  - EEXIST: an ioeventfd of this device model would match the same write
 *  - ENOENT: deassign: this descriptor has no such ioeventfd (fd, addr, len, data)
 *  - ENOSPC: too many ioeventfds on this device model
 *  - ENOMEM: out of memory
 */
#define BAO_IOCTL_IOEVENTFD \
	_IOW(BAO_IOCTL_TYPE, 0x04, struct bao_ioeventfd)

/**
 * BAO_IOCTL_IRQFD - assign or deassign an irqfd; on a DM descriptor
 *
 * Each write to the eventfd interrupts the frontend, also from kernel threads; the kernel resets
 * its counter (under EFD_SEMAPHORE it counts down by one). If it is not 0 on assignment, the
 * frontend is interrupted at once. When deassignment returns, no further interrupt comes. Release
 * of the descriptor deassigns all of its irqfds.
 *
 * Errors:
 *  - EINVAL: unknown flags, or fd is no eventfd
 *  - EBADF: fd is not open
 *  - EBUSY: the eventfd is an irqfd of this descriptor already
 *  - ENOENT: deassign: the eventfd is no irqfd of this descriptor
 *  - ENOSPC: too many irqfds on this descriptor
 *  - ENOMEM: out of memory
 */
#define BAO_IOCTL_IRQFD \
	_IOW(BAO_IOCTL_TYPE, 0x05, struct bao_irqfd)

/**
 * BAO_IOCTL_IO_REQUEST_NEXT - answer a request, wait for the next one and take it; on the DM
 * descriptor that took the first
 *
 * BAO_IOCTL_IO_REQUEST_COMPLETE and BAO_IOCTL_IO_CLIENT_ATTACH in one call, for the loop of a
 * device model: it takes the structure as COMPLETE does and returns the next request in it. If op
 * is BAO_IO_ASK, as in the first call of a loop, there is nothing to complete and nothing else in
 * the structure matters.
 *
 * When it fails, op tells what has become of the request that was handed in. If it is BAO_IO_ASK
 * now, the request is completed, or gone with EIO; nothing else in the structure has changed. If op
 * is what it was, nothing is completed, and the request stays owned if it was. No request has been
 * taken in either case. So to call again with the same structure never completes a request twice,
 * which is how the call is restarted after a signal.
 *
 * Errors, op unchanged:
 *  - EINVAL: op is not the request's, or dm_id is not the descriptor's
 *  - ENOENT: this descriptor does not own a request of this request_id (any more)
 *
 * Errors, op is BAO_IO_ASK:
 *  - EIO: the hypervisor refused the answer; the request is gone all the same
 *  - EAGAIN: O_NONBLOCK is set and no request waits
 *  - EINTR: a signal was handled; without a handler or under SA_RESTART the call is restarted
 *  - EBADF: another thread has closed the process' last copy of the descriptor meanwhile
 *
 * Errors, op tells:
 *  - ENODEV: as everywhere
 *  - EFAULT: as everywhere, and op unchanged, if the memory cannot be read or written when the call
 *	      begins. If another thread takes it away later, a request may have been completed, and
 *	      op does not tell.
 */
#define BAO_IOCTL_IO_REQUEST_NEXT \
	_IOWR(BAO_IOCTL_TYPE, 0x06, struct bao_virtio_request)

/*
 * mmap() of a DM descriptor maps the shared-memory window, MAP_SHARED, at offsets up to shmem_size,
 * as normal cacheable memory; EINVAL beyond it or for MAP_PRIVATE. lseek() moves within the window:
 * SEEK_END is its size; EINVAL beyond it.
 */

/*
 * IPC channels: memory that VMs share, and doorbells. /dev/baoipcN is the one with the hypervisor's
 * index N. See Documentation/virt/bao/ipc.rst, also for what several descriptors do at once.
 *
 *  - read() returns what is in the part that this VM reads, at the file position; it never blocks.
 *    0 at the end.
 *  - write() puts bytes into the part that this VM writes, at the file position, and then rings
 *    event 0 of the other VMs. At the end, ENOSPC; where fewer bytes have room, or can be read from
 *    the caller's memory, it writes these and returns their number. 0 bytes only ring. An error of
 *    BAO_IOCTL_IPC_NOTIFY tells that the bytes are there and nobody was rung; the position stays.
 *  - lseek(): SEEK_END is the size of the larger part.
 *  - mmap() maps the memory, MAP_SHARED, at the offsets that BAO_IOCTL_IPC_GET_INFO tells, as
 *    normal cacheable memory, in whole pages and no more than one piece at a time; else EINVAL.
 *    Writable only if the descriptor is: EACCES.
 *  - poll(): POLLIN if a doorbell has rung that the descriptor has not seen, neither by read() nor
 *    by BAO_IOCTL_IPC_WAIT, which do not take doorbells from each other; always if this VM has no
 *    interrupts on the channel. POLLOUT always. A new descriptor has seen none, and all count as
 *    rung.
 *  - open(): EBUSY if something in the kernel has claimed the channel, EFBIG if it does not fit
 *    into the kernel's address space.
 *
 * Once the channel is unbound from its driver, which is final for a descriptor, all of this fails
 * with ENODEV, but lseek(); poll() reports POLLERR | POLLHUP; mappings stay.
 */

/**
 * struct bao_ipc_info - what a process needs to know of a channel
 * @id: the hypervisor's index of it
 * @events: number of doorbells that other VMs can ring here; theirs are not known
 * @map_size: end of the offsets that mmap() knows
 * @rx_offset: where the part that read() reads is in a mapping
 * @rx_size: its size in bytes
 * @tx_offset: where the part that write() writes is in a mapping
 * @tx_size: its size in bytes
 *
 * Both parts can be the same memory.
 */
struct bao_ipc_info {
	__u32 id;
	__u32 events;
	__u64 map_size;
	__u64 rx_offset;
	__u64 rx_size;
	__u64 tx_offset;
	__u64 tx_size;
};

/**
 * struct bao_ipc_wait - wait for doorbells
 * @events: in: which ones, bit n for event n; out: those of them that have rung
 * @reserved: must be 0
 * @seq: out: number of the channel's last doorbell. It grows by one with each, of all events, and
 *	 tells nothing but whether there were more since the last call: it does not begin at 0, and
 *	 interrupts merge, so there may be fewer of them than there were rings.
 */
struct bao_ipc_wait {
	__u32 events;
	__u32 reserved;
	__u64 seq;
};

/**
 * struct bao_ipc_notify - ring a doorbell
 * @event: index into the list of interrupts that the receiving VM has for this channel
 * @reserved: must be 0
 */
struct bao_ipc_notify {
	__u32 event;
	__u32 reserved;
};

/* Values of bao_ipc_eventfd.flags; all others must be 0 */
#define BAO_IPC_EVENTFD_FLAG_DEASSIGN	0x1	/* remove instead of add */

/**
 * struct bao_ipc_eventfd - signal an eventfd when doorbells ring
 * @fd: eventfd; the kernel holds a reference, so it may be closed at once
 * @flags: 0 or BAO_IPC_EVENTFD_FLAG_DEASSIGN
 * @events: which doorbells, bit n for event n; ignored when deassigning
 * @reserved: must be 0
 */
struct bao_ipc_eventfd {
	__s32 fd;
	__u32 flags;
	__u32 events;
	__u32 reserved;
};

/**
 * BAO_IOCTL_IPC_GET_INFO - describe the channel; on /dev/baoipcN
 */
#define BAO_IOCTL_IPC_GET_INFO \
	_IOR(BAO_IOCTL_TYPE, 0x10, struct bao_ipc_info)

/**
 * BAO_IOCTL_IPC_WAIT - wait for a doorbell that this descriptor has not seen; on /dev/baoipcN
 *
 * Returns when one of the events has rung since this call last told of it, whether a read() has
 * seen it or not, and makes those that have rung seen. Of several threads that wait with one
 * descriptor, one gets a doorbell; descriptors do not take doorbells away from each other.
 *
 * Errors:
 *  - EINVAL: no events, events that are not there, or reserved not 0
 *  - EOPNOTSUPP: this VM has no interrupts on the channel
 *  - EAGAIN: O_NONBLOCK is set and none has rung
 *  - EINTR: a signal was handled; without a handler or under SA_RESTART the call is restarted
 */
#define BAO_IOCTL_IPC_WAIT \
	_IOWR(BAO_IOCTL_TYPE, 0x11, struct bao_ipc_wait)

/**
 * BAO_IOCTL_IPC_NOTIFY - ring a doorbell of the other VMs; on /dev/baoipcN
 *
 * What the caller has read from and written to the memory before, the others see so when they hear
 * it. An event that a VM does not have is no error: that VM hears nothing. But hypervisors up to
 * version 1.0.0 look at the low 8 bits of an event only, so 256 rings 0 there.
 *
 * Errors:
 *  - EINVAL: reserved not 0
 *  - EBADF: the descriptor is not open for writing
 *  - ENXIO: the hypervisor knows no channel of this index
 *  - EOPNOTSUPP: the hypervisor has no channels at all
 *  - EIO: the hypervisor refuses for another reason
 */
#define BAO_IOCTL_IPC_NOTIFY \
	_IOW(BAO_IOCTL_TYPE, 0x12, struct bao_ipc_notify)

/**
 * BAO_IOCTL_IPC_EVENTFD - assign or deassign an eventfd; on /dev/baoipcN
 *
 * Each doorbell of the events signals the eventfd, whether it is seen or not. When deassignment
 * returns, no further signal comes. Release of the descriptor deassigns all of its eventfds.
 *
 * Errors:
 *  - EINVAL: unknown flags, reserved not 0, no events or events that are not there, or fd is no
 *	      eventfd
 *  - EBADF: fd is not open
 *  - EBUSY: the eventfd is assigned to this descriptor already
 *  - ENOENT: deassign: it is not
 *  - ENOSPC: too many eventfds on the channel
 *  - EOPNOTSUPP: this VM has no interrupts on the channel
 *  - ENOMEM: out of memory
 */
#define BAO_IOCTL_IPC_EVENTFD \
	_IOW(BAO_IOCTL_TYPE, 0x13, struct bao_ipc_eventfd)

#endif /* _UAPI_LINUX_BAO_H */
