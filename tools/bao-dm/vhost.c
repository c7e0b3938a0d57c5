// SPDX-License-Identifier: GPL-2.0
/*
 * Queues that the backend's kernel serves: vhost gets the window, the rings, and two eventfds for
 * each. One is an ioeventfd, by which the frontend kicks, the other the irqfd, which interrupts it.
 * After that, no access that matters for the flow of data comes to this process.
 */
#include <err.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include <linux/vhost.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#include "dm.h"

/* Of rings. What devices can do beyond that is left out, to stay small. */
#define FEATURES	(1ull << VIRTIO_F_VERSION_1 | 1ull << VIRTIO_RING_F_INDIRECT_DESC | \
			 1ull << VIRTIO_RING_F_EVENT_IDX)

void vhost_call(struct dm *dm, unsigned long request, void *arg, const char *what)
{
	if (ioctl(dm->vhost, request, arg) < 0)
		err(1, "%s", what);
}

void vhost_open(struct dm *dm, const char *path)
{
	struct vhost_memory *memory = calloc(1, sizeof(*memory) + sizeof(memory->regions[0]));

	if (!memory)
		err(1, "calloc");
	dm->vhost = open(path, O_RDWR | O_CLOEXEC);
	if (dm->vhost < 0)
		err(1, "%s", path);
	vhost_call(dm, VHOST_SET_OWNER, NULL, "SET_OWNER");

	/* Rings and buffers are in the window, and nowhere else */
	memory->nregions = 1;
	memory->regions[0].guest_phys_addr = dm->mem_addr;
	memory->regions[0].memory_size = dm->mem_size;
	memory->regions[0].userspace_addr = (uintptr_t)dm->mem;
	vhost_call(dm, VHOST_SET_MEM_TABLE, memory, "SET_MEM_TABLE");
	free(memory);
}

uint64_t vhost_features(struct dm *dm)
{
	uint64_t features;

	vhost_call(dm, VHOST_GET_FEATURES, &features, "GET_FEATURES");
	return features & FEATURES;
}

static void set_fd(struct dm *dm, unsigned int i, unsigned long request, int fd, const char *what)
{
	struct vhost_vring_file file = { .index = i, .fd = fd };

	vhost_call(dm, request, &file, what);
}

static void set_up_queue(struct dm *dm, unsigned int i)
{
	struct vhost_vring_state num = { .index = i, .num = dm->state->queues[i].num };
	struct vhost_vring_state base = { .index = i };
	struct vhost_vring_addr addr = {
		.index = i,
		.desc_user_addr = (uintptr_t)queue_desc(dm, i),
		.avail_user_addr = (uintptr_t)queue_avail(dm, i),
		.used_user_addr = (uintptr_t)queue_used(dm, i),
	};

	vhost_call(dm, VHOST_SET_VRING_NUM, &num, "SET_VRING_NUM");
	vhost_call(dm, VHOST_SET_VRING_BASE, &base, "SET_VRING_BASE");
	vhost_call(dm, VHOST_SET_VRING_ADDR, &addr, "SET_VRING_ADDR");
	set_fd(dm, i, VHOST_SET_VRING_KICK, dm->kickfds[i], "SET_VRING_KICK");
	set_fd(dm, i, VHOST_SET_VRING_CALL, dm->irqfd, "SET_VRING_CALL");
}

/*
 * Returns whether what the device does with the rings is to be started: all of them are ready, and
 * this has not been called since vhost_tear_down().
 */
bool vhost_set_up(struct dm *dm)
{
	uint64_t features = dm->state->driver_features[0] |
			    (uint64_t)dm->state->driver_features[1] << 32;
	unsigned int i;

	for (i = 0; i < dm->model->nr_kicked; i++)
		if (!dm->state->queues[i].ready)
			return false;
	if (dm->running)
		return false;
	dm->running = true;

	/* To vhost, ACCESS_PLATFORM stands for an IOMMU, which there is none of */
	features &= ~(1ull << VIRTIO_F_ACCESS_PLATFORM) & vhost_features(dm);
	vhost_call(dm, VHOST_SET_FEATURES, &features, "SET_FEATURES");
	for (i = 0; i < dm->model->nr_kicked; i++)
		set_up_queue(dm, i);
	return true;
}

/* It does nothing with them any more */
void vhost_tear_down(struct dm *dm)
{
	unsigned int i;

	for (i = 0; i < dm->model->nr_kicked; i++) {
		set_fd(dm, i, VHOST_SET_VRING_KICK, VHOST_FILE_UNBIND, "SET_VRING_KICK");
		set_fd(dm, i, VHOST_SET_VRING_CALL, VHOST_FILE_UNBIND, "SET_VRING_CALL");
	}
	dm->running = false;
}
