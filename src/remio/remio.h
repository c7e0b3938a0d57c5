/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Inside of remote I/O for user space
 *
 *   main.c       /dev/bao-io-dispatcher, and which endpoints there are
 *   dm.c         DM descriptors: requests, shared-memory window, life
 *   ioeventfd.c  frontend's writes that signal eventfds
 *   irqfd.c      eventfds that interrupt the frontend
 *
 * Locks, outermost first: bao_dm_mutex (main.c), bao_dm_file.mutex, then those of the transport.
 */
#ifndef _BAO_REMIO_H
#define _BAO_REMIO_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>

#include <linux/bao.h>
#include <uapi/linux/bao.h>

/*
 * Upper bounds. Ending a descriptor or an irqfd takes time, and one eventfd can be an irqfd of all
 * descriptors: without bounds a process could stall unbinding, or flood a frontend with one write.
 */
#define BAO_MAX_FILES	64	/* of a device model */
#define BAO_MAX_IRQFDS	256	/* of a descriptor */

/**
 * struct bao_dm - a device model that processes can serve: an endpoint we are bound to
 * @node: in the list of all; under bao_dm_mutex
 * @ep: endpoint; we are bound to it
 * @files: open descriptors, struct bao_dm_file; under bao_dm_mutex
 * @nr_files: how many
 */
struct bao_dm {
	struct list_head node;
	struct bao_endpoint *ep;
	struct list_head files;
	unsigned int nr_files;
};

/**
 * struct bao_dm_file - a DM descriptor
 * @dm: device model, NULL if it is not or no longer bound; under bao_dm_mutex
 * @node: in the list of @dm; under bao_dm_mutex
 * @ep: endpoint; holds a reference
 * @desc: of @ep
 * @client: what this descriptor is to the transport: the owner of requests and ioeventfds
 * @mutex: serialises assignment and the end
 * @dead: unbound; nothing is assigned any more
 * @ioeventfds: struct bao_ioeventfd_entry
 * @irqfd_lock: also taken where an eventfd is closed
 * @irqfds: active struct bao_irqfd_entry
 * @nr_irqfds: length of @irqfds
 * @last_fd: number that it had in the process that last took a request; it may have others
 */
struct bao_dm_file {
	struct bao_dm *dm;
	struct list_head node;
	struct bao_endpoint *ep;
	const struct bao_endpoint_desc *desc;
	struct bao_client client;

	struct mutex mutex;	/* protects dead and ioeventfds */
	bool dead;
	struct list_head ioeventfds;

	spinlock_t irqfd_lock;	/* protects irqfds, nr_irqfds */
	struct list_head irqfds;
	unsigned int nr_irqfds;

	unsigned int last_fd;
};

/* main.c */
void bao_dm_file_forget(struct bao_dm_file *dmf);

/* dm.c */
struct file *bao_dm_file_create(u32 id);
int bao_dm_file_bind(struct file *file, struct bao_dm *dm);
void bao_dm_file_shutdown(struct bao_dm_file *dmf);

/* ioeventfd.c */
int bao_ioeventfd_config(struct bao_dm_file *dmf, const struct bao_ioeventfd *config);
void bao_ioeventfds_free(struct bao_dm_file *dmf);

/* irqfd.c */
int bao_irqfd_config(struct bao_dm_file *dmf, const struct bao_irqfd *config);
void bao_irqfds_release(struct bao_dm_file *dmf);
int bao_irqfd_init(void);
void bao_irqfd_exit(void);

#endif /* _BAO_REMIO_H */
