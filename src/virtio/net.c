// SPDX-License-Identifier: GPL-2.0
/*
 * Network cards of frontends whose other end is a network device of this system
 */
#include <linux/etherdevice.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/virtio_ids.h>

#include "net.h"

#define BAO_NET_FEATURES	(BIT_ULL(VIRTIO_NET_F_CSUM) |		\
				 BIT_ULL(VIRTIO_NET_F_GUEST_CSUM) |	\
				 BIT_ULL(VIRTIO_NET_F_MTU) |		\
				 BIT_ULL(VIRTIO_NET_F_MAC) |		\
				 BIT_ULL(VIRTIO_NET_F_GUEST_TSO4) |	\
				 BIT_ULL(VIRTIO_NET_F_GUEST_TSO6) |	\
				 BIT_ULL(VIRTIO_NET_F_GUEST_ECN) |	\
				 BIT_ULL(VIRTIO_NET_F_HOST_TSO4) |	\
				 BIT_ULL(VIRTIO_NET_F_HOST_TSO6) |	\
				 BIT_ULL(VIRTIO_NET_F_HOST_ECN) |	\
				 BIT_ULL(VIRTIO_NET_F_MRG_RXBUF) |	\
				 BIT_ULL(VIRTIO_NET_F_STATUS) |		\
				 BIT_ULL(VIRTIO_NET_F_CTRL_VQ) |	\
				 BIT_ULL(VIRTIO_NET_F_CTRL_RX) |	\
				 BIT_ULL(VIRTIO_NET_F_CTRL_VLAN) |	\
				 BIT_ULL(VIRTIO_NET_F_CTRL_RX_EXTRA) |	\
				 BIT_ULL(VIRTIO_NET_F_MQ) |		\
				 BIT_ULL(VIRTIO_NET_F_CTRL_MAC_ADDR))

/* &bao_net.acked holds them */
static_assert(!(BAO_NET_FEATURES >> 32));

/**
 * struct bao_net_dependency - a feature that others are nothing without
 * @features: these need
 * @one_of: one of these
 */
struct bao_net_dependency {
	u64 features;
	u64 one_of;
};

/* In such an order that what depends on something comes after what that depends on */
static const struct bao_net_dependency bao_net_dependencies[] = {
	{
		.features = BIT_ULL(VIRTIO_NET_F_GUEST_TSO4) | BIT_ULL(VIRTIO_NET_F_GUEST_TSO6),
		.one_of = BIT_ULL(VIRTIO_NET_F_GUEST_CSUM),
	},
	{
		.features = BIT_ULL(VIRTIO_NET_F_GUEST_ECN),
		.one_of = BIT_ULL(VIRTIO_NET_F_GUEST_TSO4) | BIT_ULL(VIRTIO_NET_F_GUEST_TSO6),
	},
	{
		.features = BIT_ULL(VIRTIO_NET_F_HOST_TSO4) | BIT_ULL(VIRTIO_NET_F_HOST_TSO6),
		.one_of = BIT_ULL(VIRTIO_NET_F_CSUM),
	},
	{
		.features = BIT_ULL(VIRTIO_NET_F_HOST_ECN),
		.one_of = BIT_ULL(VIRTIO_NET_F_HOST_TSO4) | BIT_ULL(VIRTIO_NET_F_HOST_TSO6),
	},
	{
		.features = BIT_ULL(VIRTIO_NET_F_CTRL_RX) | BIT_ULL(VIRTIO_NET_F_CTRL_VLAN) |
			    BIT_ULL(VIRTIO_NET_F_CTRL_RX_EXTRA) | BIT_ULL(VIRTIO_NET_F_MQ) |
			    BIT_ULL(VIRTIO_NET_F_CTRL_MAC_ADDR),
		.one_of = BIT_ULL(VIRTIO_NET_F_CTRL_VQ),
	},
};

/* Without what cannot be */
static u64 bao_net_possible(u64 features)
{
	const struct bao_net_dependency *dep;

	for (dep = bao_net_dependencies;
	     dep < bao_net_dependencies + ARRAY_SIZE(bao_net_dependencies); dep++)
		if (!(features & dep->one_of))
			features &= ~dep->features;

	return features;
}

static bool bao_net_features_ok(struct bao_vdev *vdev, u64 features)
{
	return bao_net_possible(features) == features;
}

/* Which queues there are depends on what the driver has negotiated, be it started or not */
static unsigned int bao_net_ctrl_index(const struct bao_net *net)
{
	return 2 * (bao_vdev_has_feature(&net->vdev, VIRTIO_NET_F_MQ) ? net->nr_pairs : 1);
}

static bool bao_net_is_pair(const struct bao_net *net, const struct bao_vq *vq)
{
	return bao_vq_index(vq) < bao_net_ctrl_index(net);
}

static bool bao_net_is_ctrl(const struct bao_net *net, const struct bao_vq *vq)
{
	return bao_vdev_has_feature(&net->vdev, VIRTIO_NET_F_CTRL_VQ) &&
	       bao_vq_index(vq) == bao_net_ctrl_index(net);
}

static int bao_net_vq_start(struct bao_vq *vq)
{
	struct bao_net *net = to_bao_net(bao_vq_vdev(vq));
	unsigned int index = bao_vq_index(vq);

	if (!bao_net_is_pair(net, vq))
		return 0;

	if (index % 2)
		bao_net_tx_start(&net->txq[index / 2], vq);
	else
		bao_net_rx_start(&net->rxq[index / 2], vq);

	return 0;
}

static void bao_net_vq_stop(struct bao_vq *vq)
{
	struct bao_net *net = to_bao_net(bao_vq_vdev(vq));
	unsigned int index = bao_vq_index(vq);

	if (!bao_net_is_pair(net, vq))
		return;

	if (index % 2)
		bao_net_tx_stop(&net->txq[index / 2]);
	else
		bao_net_rx_stop(&net->rxq[index / 2]);
}

static enum bao_vq_state bao_net_serve(struct bao_vq *vq)
{
	struct bao_net *net = to_bao_net(bao_vq_vdev(vq));
	unsigned int index = bao_vq_index(vq);

	if (bao_net_is_ctrl(net, vq))
		return bao_net_ctrl_serve(net, vq);
	/* With the features that the driver has chosen, there is no such queue */
	if (!bao_net_is_pair(net, vq))
		return BAO_VQ_STALLED;

	if (index % 2)
		return bao_net_tx_serve(&net->txq[index / 2], vq);

	return bao_net_rx_serve(&net->rxq[index / 2], vq);
}

/* Frames of the driver are lost, commands fail, and there is nothing to receive */
static bool bao_net_refuse(struct bao_vq *vq, const struct bao_vchain *chain, u32 *len)
{
	struct bao_net *net = to_bao_net(bao_vq_vdev(vq));

	if (bao_net_is_ctrl(net, vq)) {
		*len = bao_net_ctrl_answer(chain, VIRTIO_NET_ERR);
		return true;
	}

	return bao_net_is_pair(net, vq) && bao_vq_index(vq) % 2;
}

static int bao_net_start(struct bao_vdev *vdev)
{
	struct bao_net *net = to_bao_net(vdev);
	u32 acked = 0;
	unsigned int i;

	for (i = 0; i < BITS_PER_TYPE(acked); i++)
		if (bao_vdev_has_feature(vdev, i))
			acked |= BIT(i);
	WRITE_ONCE(net->acked, acked);

	/* Until the driver asks for more */
	WRITE_ONCE(net->pairs, 1);
	memset(net->flows, 0, sizeof(net->flows));
	bao_net_filter_reset(net);
	bao_net_dev_start(net);

	return 0;
}

static void bao_net_stop(struct bao_vdev *vdev)
{
	struct bao_net *net = to_bao_net(vdev);

	bao_net_dev_stop(net);

	/* The address that the driver has given itself ends with it */
	bao_vdev_config_follow(vdev, offsetof(struct virtio_net_config, mac), net->mac, ETH_ALEN);
}

static void bao_net_offer(struct bao_net *net)
{
	struct bao_vdev *vdev = &net->vdev;
	u64 features = BAO_NET_FEATURES & ~vdev->features_off;

	if (net->queues == 1)
		features &= ~BIT_ULL(VIRTIO_NET_F_MQ);
	/* To offer what depends on something that is not offered makes drivers fail */
	vdev->features = bao_net_possible(features);

	net->nr_pairs = vdev->features & BIT_ULL(VIRTIO_NET_F_MQ) ? net->queues : 1;
	vdev->nr_queues = 2 * net->nr_pairs;
	if (vdev->features & BIT_ULL(VIRTIO_NET_F_CTRL_VQ))
		vdev->nr_queues++;

	memset(&net->config, 0, sizeof(net->config));
	ether_addr_copy(net->config.mac, net->mac);
	net->config.max_virtqueue_pairs = __cpu_to_virtio16(true, net->nr_pairs);
	net->config.mtu = __cpu_to_virtio16(true, net->mtu);
	vdev->config = &net->config;
	vdev->config_size = offsetofend(struct virtio_net_config, mtu);
}

static int bao_net_enable(struct bao_vdev *vdev)
{
	struct bao_net *net = to_bao_net(vdev);
	int ret;

	bao_net_offer(net);
	ret = bao_net_dev_create(net);
	if (ret)
		bao_vdev_err(vdev, "cannot make network device %s: error %d\n", net->ifname, ret);

	return ret;
}

static void bao_net_disable(struct bao_vdev *vdev)
{
	bao_net_dev_destroy(to_bao_net(vdev));
}

static struct bao_vdev *bao_net_alloc(void)
{
	struct bao_net *net;

	net = kzalloc(sizeof(*net), GFP_KERNEL);
	if (!net)
		return NULL;

	strscpy(net->ifname, "baonet%d", sizeof(net->ifname));
	eth_random_addr(net->mac);
	eth_random_addr(net->host_mac);
	net->mtu = ETH_DATA_LEN;
	net->queues = 1;
	spin_lock_init(&net->lock);

	return &net->vdev;
}

static void bao_net_free(struct bao_vdev *vdev)
{
	kfree(to_bao_net(vdev));
}

static const struct bao_vdev_model bao_net_model = {
	.owner = THIS_MODULE,
	.name = "net",
	.device_id = VIRTIO_ID_NET,
	.attrs = bao_net_attrs,
	.alloc = bao_net_alloc,
	.free = bao_net_free,
	.enable = bao_net_enable,
	.disable = bao_net_disable,
	.features_ok = bao_net_features_ok,
	.start = bao_net_start,
	.stop = bao_net_stop,
	.vq_start = bao_net_vq_start,
	.vq_stop = bao_net_vq_stop,
	.serve = bao_net_serve,
	.refuse = bao_net_refuse,
};

static int __init bao_net_init(void)
{
	return bao_vdev_model_register(&bao_net_model);
}
module_init(bao_net_init);

static void __exit bao_net_exit(void)
{
	bao_vdev_model_unregister(&bao_net_model);
}
module_exit(bao_net_exit);

MODULE_DESCRIPTION("Virtio network cards for frontends of the Bao hypervisor");
MODULE_LICENSE("GPL");
