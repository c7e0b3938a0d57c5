// SPDX-License-Identifier: GPL-2.0
/*
 * The network device of this system: the other end of the frontend's cable
 *
 * Each end has a say. The frontend sees a link (VIRTIO_NET_S_LINK_UP) while the network device is
 * up. The network device has a carrier while there is a driver in the frontend, and the stack has
 * been told what that driver can do.
 */
#include <linux/etherdevice.h>
#include <linux/ethtool.h>
#include <linux/netfilter.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>

#include "net.h"

/* Those that depend on the driver */
#define BAO_NET_OFFLOADS	(NETIF_F_HW_CSUM | NETIF_F_TSO | NETIF_F_TSO6 | NETIF_F_TSO_ECN)

/**
 * struct bao_net_priv - what belongs to a network device
 * @net: device
 */
struct bao_net_priv {
	struct bao_net *net;
};

static struct bao_net *bao_net_of(const struct net_device *dev)
{
	return ((struct bao_net_priv *)netdev_priv(dev))->net;
}

/* What the stack may leave to a driver with these features */
static netdev_features_t bao_net_offloads(u64 features)
{
	netdev_features_t offloads = NETIF_F_HW_CSUM;

	if (!(features & BIT_ULL(VIRTIO_NET_F_GUEST_CSUM)))
		return 0;
	if (features & BIT_ULL(VIRTIO_NET_F_GUEST_TSO4))
		offloads |= NETIF_F_TSO;
	if (features & BIT_ULL(VIRTIO_NET_F_GUEST_TSO6))
		offloads |= NETIF_F_TSO6;
	if (features & BIT_ULL(VIRTIO_NET_F_GUEST_ECN))
		offloads |= NETIF_F_TSO_ECN;

	return offloads;
}

static netdev_features_t bao_net_fix_features(struct net_device *dev, netdev_features_t features)
{
	u32 acked = READ_ONCE(bao_net_of(dev)->acked);

	return features & (~BAO_NET_OFFLOADS | bao_net_offloads(acked));
}

static bool bao_net_gso_ok(const struct bao_net *net, const struct sk_buff *skb)
{
	unsigned int index = skb_get_queue_mapping(skb);

	/* What the driver is to segment, it is to fill in the checksum of, so it is specified */
	if (skb->ip_summed != CHECKSUM_PARTIAL)
		return false;

	/* The stack may ask before it has chosen a queue; then it asks again */
	return index >= net->nr_pairs || skb->len <= READ_ONCE(net->rxq[index].gso_max);
}

static netdev_features_t bao_net_features_check(struct sk_buff *skb, struct net_device *dev,
						netdev_features_t features)
{
	if (skb_is_gso(skb) && !bao_net_gso_ok(bao_net_of(dev), skb))
		features &= ~NETIF_F_GSO_MASK;

	return vlan_features_check(skb, features);
}

/* Under rtnl */
static void bao_net_set_link(struct bao_net *net, bool up)
{
	__virtio16 status = __cpu_to_virtio16(true, up ? VIRTIO_NET_S_LINK_UP : 0);

	ASSERT_RTNL();

	if (!net->closing)
		bao_vdev_config_change(&net->vdev, offsetof(struct virtio_net_config, status),
				       &status, sizeof(status));
}

static int bao_net_open(struct net_device *dev)
{
	struct bao_net *net = bao_net_of(dev);
	unsigned int i;

	for (i = 0; i < net->nr_pairs; i++)
		bao_net_tx_open(&net->txq[i]);
	netif_tx_start_all_queues(dev);
	bao_net_set_link(net, true);

	return 0;
}

/* bao_net_xmit() has ended and is not called any more, because the stack sees to that */
static int bao_net_close(struct net_device *dev)
{
	struct bao_net *net = bao_net_of(dev);
	unsigned int i;

	bao_net_set_link(net, false);
	netif_tx_stop_all_queues(dev);
	for (i = 0; i < net->nr_pairs; i++) {
		bao_net_tx_close(&net->txq[i]);
		bao_net_rx_flush(&net->rxq[i]);
	}

	return 0;
}

static u16 bao_net_select_queue(struct net_device *dev, struct sk_buff *skb,
				struct net_device *sb_dev)
{
	return bao_net_steer(bao_net_of(dev), skb);
}

/* The driver has been promised that no frame exceeds the MTU, but for those that it segments */
static bool bao_net_length_ok(const struct bao_net *net, const struct sk_buff *skb)
{
	return skb->len >= ETH_HLEN &&
	       (skb_is_gso(skb) || skb->len <= net->mtu + ETH_HLEN + VLAN_HLEN);
}

static netdev_tx_t bao_net_xmit(struct sk_buff *skb, struct net_device *dev)
{
	struct bao_net *net = bao_net_of(dev);
	struct bao_net_rxq *q = &net->rxq[skb_get_queue_mapping(skb)];

	if (!bao_net_length_ok(net, skb))
		goto drop;

	/* It has been sent. It is the frontend's card that lets it fall. */
	if (!bao_net_filter_pass(net, skb)) {
		dev_sw_netstats_tx_add(dev, 1, skb->len);
		consume_skb(skb);
		return NETDEV_TX_OK;
	}

	if (skb_orphan_frags_rx(skb, GFP_ATOMIC))
		goto drop;

	/* It may wait for a long time, because of the frontend: nobody else shall wait for it */
	skb_tx_timestamp(skb);
	skb_orphan(skb);
	nf_reset_ct(skb);

	if (bao_net_rx_enqueue(q, skb))
		return NETDEV_TX_OK;

drop:
	dev_core_stats_tx_dropped_inc(dev);
	kfree_skb(skb);
	return NETDEV_TX_OK;
}

/* All that the frontend sends arrives, whatever addresses the device has: nothing to be done */
static void bao_net_set_rx_mode(struct net_device *dev)
{
}

static const struct net_device_ops bao_net_dev_ops = {
	.ndo_open = bao_net_open,
	.ndo_stop = bao_net_close,
	.ndo_start_xmit = bao_net_xmit,
	.ndo_select_queue = bao_net_select_queue,
	.ndo_fix_features = bao_net_fix_features,
	.ndo_features_check = bao_net_features_check,
	.ndo_set_rx_mode = bao_net_set_rx_mode,
	.ndo_set_mac_address = eth_mac_addr,
	.ndo_validate_addr = eth_validate_addr,
	.ndo_get_stats64 = dev_get_tstats64,
};

static void bao_net_get_drvinfo(struct net_device *dev, struct ethtool_drvinfo *info)
{
	strscpy(info->driver, KBUILD_MODNAME, sizeof(info->driver));
	strscpy(info->bus_info, bao_vdev_name(&bao_net_of(dev)->vdev), sizeof(info->bus_info));
}

/* There is no such speed. But bridges, for one, derive the costs of paths from it. */
static int bao_net_get_link_ksettings(struct net_device *dev, struct ethtool_link_ksettings *cmd)
{
	cmd->base.speed = SPEED_10000;
	cmd->base.duplex = DUPLEX_FULL;
	cmd->base.port = PORT_OTHER;
	cmd->base.autoneg = AUTONEG_DISABLE;

	return 0;
}

static const struct ethtool_ops bao_net_ethtool_ops = {
	.get_drvinfo = bao_net_get_drvinfo,
	.get_link = ethtool_op_get_link,
	.get_link_ksettings = bao_net_get_link_ksettings,
	.get_ts_info = ethtool_op_get_ts_info,
};

/*
 * Offloads first, carrier second: so there are no frames that the driver cannot take. If it has
 * gone meanwhile and another one has come, this has been queued again; between the two runs there
 * may be such frames, and bao_net_rx_serve() deals with them.
 */
static void bao_net_work(struct work_struct *work)
{
	struct bao_net *net = container_of(to_delayed_work(work), struct bao_net, work);

	rtnl_lock();
	netdev_update_features(net->dev);
	rtnl_unlock();
	WRITE_ONCE(net->worked, jiffies);

	/* Not when bao_net_dev_stop() has taken it away for good */
	spin_lock(&net->lock);
	if (net->started)
		netif_carrier_on(net->dev);
	spin_unlock(&net->lock);
}

/**
 * bao_net_dev_start() - there is a driver: connect the cable, soon
 * @net: device; &bao_net.acked tells what the driver can do
 *
 * Context: may sleep
 */
void bao_net_dev_start(struct bao_net *net)
{
	unsigned long next, now = jiffies;

	spin_lock(&net->lock);
	net->started = true;
	spin_unlock(&net->lock);
	/*
	 * All of this system has to do with what that takes (rtnl), and a frontend can start its
	 * driver again and again. If it is pending, it will see what is now.
	 */
	next = READ_ONCE(net->worked) + BAO_NET_WORK_INTERVAL;
	schedule_delayed_work(&net->work, time_after(next, now) ? next - now : 0);
}

/**
 * bao_net_dev_stop() - there is no driver any more: disconnect the cable
 * @net: device
 *
 * Context: may sleep
 */
void bao_net_dev_stop(struct bao_net *net)
{
	spin_lock(&net->lock);
	net->started = false;
	netif_carrier_off(net->dev);
	spin_unlock(&net->lock);
}

static void bao_net_dev_setup(struct net_device *dev, struct bao_net *net)
{
	netdev_features_t offloads = bao_net_offloads(net->vdev.features);

	dev->netdev_ops = &bao_net_dev_ops;
	dev->ethtool_ops = &bao_net_ethtool_ops;
	/* Locks are taken with interrupts on: nothing for a console that prints from interrupts */
	dev->priv_flags |= IFF_LIVE_ADDR_CHANGE | IFF_UNICAST_FLT | IFF_DISABLE_NETPOLL;

	/* Frames are copied, wherever their pieces are */
	dev->hw_features = NETIF_F_SG | NETIF_F_FRAGLIST | offloads;
	dev->features = dev->hw_features | NETIF_F_HIGHDMA;
	dev->vlan_features = dev->features;

	dev->mtu = net->mtu;
	dev->min_mtu = ETH_MIN_MTU;
	dev->max_mtu = net->mtu;
	eth_hw_addr_set(dev, net->host_mac);
	dev->addr_assign_type = net->host_mac_set ? NET_ADDR_SET : NET_ADDR_RANDOM;
}

static int bao_net_dev_register(struct bao_net *net)
{
	int ret;

	ret = bao_net_tx_init(net);
	if (ret)
		return ret;

	ret = bao_net_rx_init(net);
	if (ret)
		goto err_tx;

	netif_carrier_off(net->dev);
	ret = register_netdev(net->dev);
	if (ret)
		goto err_rx;

	return 0;

err_rx:
	bao_net_rx_exit(net);
err_tx:
	bao_net_tx_exit(net);
	return ret;
}

static void bao_net_dev_free(struct bao_net *net)
{
	free_percpu(net->dev->tstats);
	free_netdev(net->dev);
	net->dev = NULL;
}

/**
 * bao_net_dev_create() - make the network device
 * @net: device with its attributes, its features and &bao_net.nr_pairs
 *
 * The stack may use it before this returns. It has no carrier.
 *
 * Context: &bao_vdev.mutex held; takes rtnl
 * Return: 0; -ENOMEM; an error of register_netdev(), such as -EEXIST if the name is taken
 */
int bao_net_dev_create(struct bao_net *net)
{
	unsigned char assigned = strchr(net->ifname, '%') ? NET_NAME_ENUM : NET_NAME_USER;
	struct net_device *dev;
	int ret;

	dev = alloc_netdev_mqs(sizeof(struct bao_net_priv), net->ifname, assigned, ether_setup,
			       net->nr_pairs, net->nr_pairs);
	if (!dev)
		return -ENOMEM;

	net->dev = dev;
	((struct bao_net_priv *)netdev_priv(dev))->net = net;
	WRITE_ONCE(net->acked, 0);
	WRITE_ONCE(net->pairs, 1);
	net->closing = false;
	INIT_DELAYED_WORK(&net->work, bao_net_work);
	net->worked = jiffies - BAO_NET_WORK_INTERVAL;
	bao_net_dev_setup(dev, net);

	ret = -ENOMEM;
	dev->tstats = netdev_alloc_pcpu_stats(struct pcpu_sw_netstats);
	if (dev->tstats)
		ret = bao_net_dev_register(net);
	if (ret)
		bao_net_dev_free(net);

	return ret;
}

/**
 * bao_net_dev_destroy() - undo bao_net_dev_create()
 * @net: device; it is stopped
 *
 * Context: &bao_vdev.mutex held; takes rtnl
 */
void bao_net_dev_destroy(struct bao_net *net)
{
	/* It takes rtnl, so not under it. The device is stopped: nobody queues it again. */
	cancel_delayed_work_sync(&net->work);

	/* If a driver still uses what is left of the frontend's card, the link goes down for it */
	rtnl_lock();
	net->closing = !bao_vdev_is_refusing(&net->vdev);
	rtnl_unlock();

	unregister_netdev(net->dev);
	bao_net_rx_exit(net);
	bao_net_tx_exit(net);
	bao_net_dev_free(net);
}
