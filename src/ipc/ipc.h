/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Inside of IPC channels for user space
 *
 *   main.c      which channels there are: /dev/baoipcN, and their life
 *   file.c      what a descriptor does: read, write, mmap, poll, ioctls
 *   doorbell.c  doorbells: who has seen which, and eventfds
 *
 * Locks, outermost first: that of misc devices, bao_ipc_chan.mutex, then those of the transport. A
 * doorbell takes bao_ipc_chan.lock, and walks the eventfds under RCU.
 */
#ifndef _BAO_IPC_CHAN_H
#define _BAO_IPC_CHAN_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include <linux/bao_ipc.h>
#include <uapi/linux/bao.h>

/* Eventfds of a channel: each doorbell signals them in the interrupt handler */
#define BAO_MAX_EVENTFDS	32

/**
 * struct bao_ipc_chan - a channel that processes can use: /dev/baoipcN
 * @ref: the driver that is bound, and each descriptor
 * @ipc: endpoint; holds a reference
 * @misc: the character device
 * @name: its name
 * @mutex: protects @nr_files, @mapped, @eventfds, @nr_eventfds
 * @dead: unbound, or the endpoint is gone: for descriptors this is the end
 * @nr_files: open descriptors; while there are any and it is not unbound, the channel is claimed
 * @mapped: @memory is there, until the end of the channel, since a read may take its time
 * @client: what we are to the transport
 * @memory: the kernel's mapping
 * @lock: protects @seq, @last, and what descriptors have seen
 * @seq: doorbells so far
 * @last: by event: what @seq was when it last rang
 * @wait: who waits for doorbells. All are woken: each descriptor has its own idea of what is new.
 * @eventfds: struct bao_ipc_eventfd_entry; readers under RCU
 * @nr_eventfds: how many
 */
struct bao_ipc_chan {
	struct kref ref;
	struct bao_ipc *ipc;
	struct miscdevice misc;
	char name[20];

	struct mutex mutex;	/* protects nr_files, mapped, eventfds, nr_eventfds */
	bool dead;
	unsigned int nr_files;
	bool mapped;
	struct bao_ipc_client client;
	struct bao_ipc_memory memory;

	spinlock_t lock;	/* protects seq, last; what descriptors have seen */
	u64 seq;
	u64 last[BAO_IPC_MAX_EVENTS];
	wait_queue_head_t wait;

	struct list_head eventfds;
	unsigned int nr_eventfds;
};

/**
 * struct bao_ipc_file - a descriptor
 * @chan: channel; holds a reference
 * @read: by event: the last doorbell that a read() has seen
 * @waited: by event: the last doorbell that BAO_IOCTL_IPC_WAIT has told of. Not the same: a read()
 *	    of one thread would take it from another one that sleeps for it.
 */
struct bao_ipc_file {
	struct bao_ipc_chan *chan;
	u64 read[BAO_IPC_MAX_EVENTS];
	u64 waited[BAO_IPC_MAX_EVENTS];
};

static inline bool bao_ipc_dead(const struct bao_ipc_chan *chan)
{
	return READ_ONCE(chan->dead);
}

/* main.c */
struct bao_ipc_chan *bao_ipc_chan_open(struct miscdevice *misc);
void bao_ipc_chan_close(struct bao_ipc_chan *chan);

/* file.c */
extern const struct file_operations bao_ipc_fops;

/* doorbell.c */
void bao_ipc_doorbell_init(struct bao_ipc_chan *chan);
void bao_ipc_doorbell(struct bao_ipc_client *client, unsigned int event);
u32 bao_ipc_all_events(const struct bao_ipc_chan *chan);
u32 bao_ipc_unseen(struct bao_ipc_file *bf, u32 events);
u32 bao_ipc_see(struct bao_ipc_file *bf, u64 *seen, u32 events, u64 *seq);
void bao_ipc_unsee(struct bao_ipc_file *bf, u64 *seen, u32 events);
int bao_ipc_eventfd_config(struct bao_ipc_file *bf, const struct bao_ipc_eventfd *config);
void bao_ipc_eventfds_release(struct bao_ipc_file *bf);

#endif /* _BAO_IPC_CHAN_H */
