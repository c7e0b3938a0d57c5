// SPDX-License-Identifier: GPL-2.0
/*
 * A socket device: streams between frontend and backend (AF_VSOCK), by vhost-vsock.
 */
#include <endian.h>
#include <string.h>

#include <linux/vhost.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_vsock.h>

#include "dm.h"

/* The third one is for events, of which there are none: the addresses do not change */
#define NR_QUEUES	3
#define NR_VHOST_QUEUES	2

static void vsock_config(struct dm *dm, uint8_t *config, size_t size)
{
	struct virtio_vsock_config vsock = { .guest_cid = htole64(dm->cid) };

	memcpy(config, &vsock, size < sizeof(vsock) ? size : sizeof(vsock));
}

static void set_running(struct dm *dm, int running)
{
	vhost_call(dm, VHOST_VSOCK_SET_RUNNING, &running, "VSOCK_SET_RUNNING");
}

static void vsock_stop(struct dm *dm)
{
	set_running(dm, 0);
	vhost_tear_down(dm);
}

static void vsock_start(struct dm *dm)
{
	if (vhost_set_up(dm))
		set_running(dm, 1);
}

void vsock_open(struct dm *dm)
{
	vhost_open(dm, "/dev/vhost-vsock");
	vhost_call(dm, VHOST_VSOCK_SET_GUEST_CID, &dm->cid, "VSOCK_SET_GUEST_CID");
}

const struct dm_model vsock_model = {
	.device_id = VIRTIO_ID_VSOCK,
	.nr_queues = NR_QUEUES,
	.nr_kicked = NR_VHOST_QUEUES,
	/* The kernel interrupts without asking: whenever the driver looks, there may be buffers */
	.int_status = VIRTIO_MMIO_INT_VRING,
	.features = vhost_features,
	.config = vsock_config,
	.start = vsock_start,
	.stop = vsock_stop,
};
