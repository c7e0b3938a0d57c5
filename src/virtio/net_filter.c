// SPDX-License-Identifier: GPL-2.0
/*
 * Frames that the frontend's card does not want
 *
 * As real cards do, we compare hashes of addresses. The specification does not ask for more.
 */
#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/jhash.h>

#include "net.h"

static unsigned int bao_net_mac_hash(const u8 *mac)
{
	return jhash(mac, ETH_ALEN, 0) % BAO_NET_HASH_SIZE;
}

static bool bao_net_filter_is(const struct bao_net *net, unsigned int mode)
{
	return test_bit(mode, &net->filter.mode);
}

/**
 * bao_net_filter_reset() - let everything pass that the driver has not excluded
 * @net: device
 *
 * Drivers that know nothing of filters get all frames. From others we hear.
 *
 * Context: no queue is served
 */
void bao_net_filter_reset(struct bao_net *net)
{
	static const DECLARE_BITMAP(none, BAO_NET_HASH_SIZE);

	WRITE_ONCE(net->filter.mode, BIT(VIRTIO_NET_CTRL_RX_PROMISC));
	bao_net_filter_mac(net, net->mac);
	bao_net_filter_macs(net, none, none);
	bitmap_zero(net->filter.vlans, VLAN_N_VID);
}

/**
 * bao_net_filter_mode() - let a kind of frames pass, or not
 * @net: device
 * @mode: VIRTIO_NET_CTRL_RX_*
 * @on: whether it is to be so
 *
 * Context: one at a time
 */
void bao_net_filter_mode(struct bao_net *net, unsigned int mode, bool on)
{
	if (on)
		set_bit(mode, &net->filter.mode);
	else
		clear_bit(mode, &net->filter.mode);
}

/**
 * bao_net_filter_mac() - let frames to the card's own address pass
 * @net: device
 * @mac: address
 *
 * Context: one at a time
 */
void bao_net_filter_mac(struct bao_net *net, const u8 *mac)
{
	WRITE_ONCE(net->filter.mac, bao_net_mac_hash(mac));
}

/**
 * bao_net_filter_hash() - add an address to hashes
 * @bitmap: hashes, BAO_NET_HASH_SIZE bits
 * @mac: address
 */
void bao_net_filter_hash(unsigned long *bitmap, const u8 *mac)
{
	__set_bit(bao_net_mac_hash(mac), bitmap);
}

/**
 * bao_net_filter_macs() - let frames to further addresses pass
 * @net: device
 * @uni: hashes of all unicast addresses that may pass
 * @multi: hashes of all multicast addresses that may pass
 *
 * Context: one at a time
 */
void bao_net_filter_macs(struct bao_net *net, const unsigned long *uni, const unsigned long *multi)
{
	unsigned int i;

	for (i = 0; i < BITS_TO_LONGS(BAO_NET_HASH_SIZE); i++) {
		WRITE_ONCE(net->filter.uni[i], uni[i]);
		WRITE_ONCE(net->filter.multi[i], multi[i]);
	}
}

/**
 * bao_net_filter_vlan() - let frames of a VLAN pass, or not
 * @net: device
 * @vid: VLAN, below VLAN_N_VID
 * @on: whether they may
 *
 * Context: one at a time
 */
void bao_net_filter_vlan(struct bao_net *net, unsigned int vid, bool on)
{
	if (on)
		set_bit(vid, net->filter.vlans);
	else
		clear_bit(vid, net->filter.vlans);
}

/* Tags are in frames, as the network device does not offer to insert them */
static bool bao_net_vlan_pass(struct bao_net *net, const struct sk_buff *skb, __be16 proto)
{
	const struct vlan_hdr *vlan;
	struct vlan_hdr buf;
	u16 vid;

	if (proto != htons(ETH_P_8021Q) || !bao_net_has(net, VIRTIO_NET_F_CTRL_VLAN))
		return true;

	vlan = skb_header_pointer(skb, ETH_HLEN, sizeof(buf), &buf);
	if (!vlan)
		return false;
	vid = ntohs(vlan->h_vlan_TCI) & VLAN_VID_MASK;

	/* VLAN 0 is no VLAN, but a priority */
	return !vid || test_bit(vid, net->filter.vlans);
}

static bool bao_net_addr_pass(const struct bao_net *net, const u8 *mac)
{
	unsigned int hash;

	if (is_broadcast_ether_addr(mac))
		return !bao_net_filter_is(net, VIRTIO_NET_CTRL_RX_NOBCAST);

	hash = bao_net_mac_hash(mac);
	if (is_multicast_ether_addr(mac))
		return !bao_net_filter_is(net, VIRTIO_NET_CTRL_RX_NOMULTI) &&
		       (bao_net_filter_is(net, VIRTIO_NET_CTRL_RX_ALLMULTI) ||
			test_bit(hash, net->filter.multi));

	return !bao_net_filter_is(net, VIRTIO_NET_CTRL_RX_NOUNI) &&
	       (bao_net_filter_is(net, VIRTIO_NET_CTRL_RX_ALLUNI) ||
		hash == READ_ONCE(net->filter.mac) || test_bit(hash, net->filter.uni));
}

/**
 * bao_net_filter_pass() - does the frontend want a frame?
 * @net: device
 * @skb: frame, from its Ethernet header on, and at least as long as that
 *
 * Context: any
 * Return: whether it does
 */
bool bao_net_filter_pass(struct bao_net *net, const struct sk_buff *skb)
{
	const struct ethhdr *eth;
	struct ethhdr buf __aligned(2);

	if (bao_net_filter_is(net, VIRTIO_NET_CTRL_RX_PROMISC))
		return true;

	eth = skb_header_pointer(skb, 0, sizeof(buf), &buf);

	return eth && bao_net_addr_pass(net, eth->h_dest) &&
	       bao_net_vlan_pass(net, skb, eth->h_proto);
}
