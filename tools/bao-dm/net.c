// SPDX-License-Identifier: GPL-2.0
/*
 * A network card: its queues are served by vhost-net, and its other end is a tap interface.
 */
#include <err.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/vhost.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_net.h>

#include "dm.h"

#define NR_QUEUES	2	/* to receive and to transmit */

static uint64_t net_features(struct dm *dm)
{
	return vhost_features(dm) | 1ull << VIRTIO_NET_F_MAC;
}

static void net_config(struct dm *dm, uint8_t *config, size_t size)
{
	struct virtio_net_config net = {
		/* Administered locally */
		.mac = { 0x02, 0x62, 0x61, 0x6f, 0x00, dm->state->dm_id },
	};

	memcpy(config, &net, size < sizeof(net) ? size : sizeof(net));
}

static void set_backends(struct dm *dm, int fd)
{
	struct vhost_vring_file backend = { .fd = fd };

	for (; backend.index < NR_QUEUES; backend.index++)
		vhost_call(dm, VHOST_NET_SET_BACKEND, &backend, "NET_SET_BACKEND");
}

static void net_stop(struct dm *dm)
{
	set_backends(dm, VHOST_FILE_UNBIND);
	vhost_tear_down(dm);
}

static void net_start(struct dm *dm)
{
	if (vhost_set_up(dm))
		set_backends(dm, dm->tap);
}

void net_open(struct dm *dm, const char *name)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	/* Since version 1 of virtio, each frame has this before it */
	int header = sizeof(struct virtio_net_hdr_mrg_rxbuf);

	if (strlen(name) >= sizeof(ifr.ifr_name))
		errx(1, "%s: too long for an interface", name);
	strcpy(ifr.ifr_name, name);
	dm->tap = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (dm->tap < 0)
		err(1, "/dev/net/tun");
	if (ioctl(dm->tap, TUNSETIFF, &ifr) || ioctl(dm->tap, TUNSETVNETHDRSZ, &header))
		err(1, "%s", name);
	vhost_open(dm, "/dev/vhost-net");
}

const struct dm_model net_model = {
	.device_id = VIRTIO_ID_NET,
	.nr_queues = NR_QUEUES,
	.nr_kicked = NR_QUEUES,
	/* The kernel interrupts without asking: whenever the driver looks, there may be buffers */
	.int_status = VIRTIO_MMIO_INT_VRING,
	.features = net_features,
	.config = net_config,
	.start = net_start,
	.stop = net_stop,
};
