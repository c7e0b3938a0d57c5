// SPDX-License-Identifier: GPL-2.0
/*
 * Frames and their headers, struct virtio_net_hdr_mrg_rxbuf
 *
 * Of what a frontend says of a frame, virtio_net_hdr_to_skb() believes what does no harm by itself.
 * That is what the stack expects of taps. Here it is checked more strictly, by what the driver has
 * negotiated and by what the frame really is: the stack's own checks are the second ones.
 */
#include <linux/etherdevice.h>
#include <linux/ip.h>
#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <linux/uio.h>
#include <net/flow_dissector.h>

#include "net.h"

/* Of long frames: enough for headers */
#define BAO_NET_LINEAR		256

/* Reserved in front of a frame, as drivers of real cards do */
#define BAO_NET_HEADROOM	(NET_SKB_PAD + NET_IP_ALIGN)

/* Shortest segments: what TCP itself never goes below. Even so, one frame makes some thousands. */
#define BAO_NET_MIN_GSO_SIZE	8

/* From the frontend */

static struct sk_buff *bao_net_frame_alloc(size_t len)
{
	size_t linear = len <= SKB_MAX_HEAD(BAO_NET_HEADROOM) ? len : BAO_NET_LINEAR;
	struct sk_buff *skb;
	int err;

	skb = alloc_skb_with_frags(BAO_NET_HEADROOM + linear, len - linear,
				   PAGE_ALLOC_COSTLY_ORDER, &err, GFP_KERNEL | __GFP_NOWARN);
	if (!skb)
		return NULL;

	skb_reserve(skb, BAO_NET_HEADROOM);
	skb_put(skb, linear);
	skb->data_len = len - linear;
	skb->len = len;

	return skb;
}

static bool bao_net_gso_negotiated(const struct bao_net *net, u8 gso_type)
{
	if (gso_type & VIRTIO_NET_HDR_GSO_ECN && !bao_net_has(net, VIRTIO_NET_F_HOST_ECN))
		return false;

	switch (gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
		return bao_net_has(net, VIRTIO_NET_F_HOST_TSO4);
	case VIRTIO_NET_HDR_GSO_TCPV6:
		return bao_net_has(net, VIRTIO_NET_F_HOST_TSO6);
	default:
		return false;
	}
}

/* Is what the header says possible? Also removes from it what is to be ignored. */
static bool bao_net_header_ok(const struct bao_net *net, struct virtio_net_hdr *hdr)
{
	hdr->flags &= VIRTIO_NET_HDR_F_NEEDS_CSUM;
	if (hdr->flags && !bao_net_has(net, VIRTIO_NET_F_CSUM))
		return false;
	/* The stack has no other use for partial checksums */
	if (hdr->flags && __virtio16_to_cpu(true, hdr->csum_start) <
			  ETH_HLEN + sizeof(struct iphdr))
		return false;

	/* ECN is about segments, of which there are none */
	if (hdr->gso_type == VIRTIO_NET_HDR_GSO_ECN)
		hdr->gso_type = VIRTIO_NET_HDR_GSO_NONE;
	if (hdr->gso_type == VIRTIO_NET_HDR_GSO_NONE)
		return true;

	return hdr->flags && bao_net_gso_negotiated(net, hdr->gso_type) &&
	       __virtio16_to_cpu(true, hdr->gso_size) >= BAO_NET_MIN_GSO_SIZE;
}

/* A frame to be segmented has to be what it says: TCP, in the right version of IP, at that place */
static bool bao_net_segments_ok(const struct sk_buff *skb)
{
	__be16 proto = htons(skb_shinfo(skb)->gso_type & SKB_GSO_TCPV4 ? ETH_P_IP : ETH_P_IPV6);
	struct flow_keys_basic keys;

	if (!skb_flow_dissect_flow_keys_basic(NULL, skb, &keys, NULL, 0, 0, 0,
					      FLOW_DISSECTOR_F_STOP_AT_ENCAP))
		return false;

	return keys.basic.n_proto == proto && keys.basic.ip_proto == IPPROTO_TCP &&
	       !(keys.control.flags & FLOW_DIS_IS_FRAGMENT) &&
	       keys.control.thoff == skb_transport_offset(skb);
}

/**
 * bao_net_frame() - copy a frame of the frontend
 * @net: device
 * @chain: its buffers
 *
 * Counts what is wrong with it.
 *
 * Context: may sleep
 * Return: the frame as the stack wants it, with its protocol, and without its Ethernet header; NULL
 * if there is no memory, or it makes no sense
 */
struct sk_buff *bao_net_frame(struct bao_net *net, const struct bao_vchain *chain)
{
	struct virtio_net_hdr_mrg_rxbuf hdr;
	struct iov_iter iter;
	struct sk_buff *skb;
	size_t len;

	iov_iter_kvec(&iter, ITER_SOURCE, chain->iov, chain->out, chain->out_len);
	/* The only look at it: the frontend may change it */
	if (!copy_from_iter_full(&hdr, sizeof(hdr), &iter))
		goto err_length;
	len = iov_iter_count(&iter);
	if (len < ETH_HLEN || len > BAO_NET_MAX_FRAME)
		goto err_length;
	if (!bao_net_header_ok(net, &hdr.hdr))
		goto err_frame;

	skb = bao_net_frame_alloc(len);
	if (!skb)
		return NULL;
	if (skb_copy_datagram_from_iter(skb, 0, &iter, len))
		goto err_free;
	if (virtio_net_hdr_to_skb(skb, &hdr.hdr, true))
		goto err_free;

	skb->protocol = eth_type_trans(skb, net->dev);
	skb_reset_network_header(skb);
	if (skb_is_gso(skb) && !bao_net_segments_ok(skb))
		goto err_free;

	return skb;

err_free:
	kfree_skb(skb);
err_frame:
	DEV_STATS_INC(net->dev, rx_frame_errors);
	DEV_STATS_INC(net->dev, rx_errors);
	return NULL;
err_length:
	DEV_STATS_INC(net->dev, rx_length_errors);
	DEV_STATS_INC(net->dev, rx_errors);
	return NULL;
}

/* To the frontend */

static bool bao_net_gso_acceptable(const struct bao_net *net, u8 gso_type)
{
	if (gso_type & VIRTIO_NET_HDR_GSO_ECN && !bao_net_has(net, VIRTIO_NET_F_GUEST_ECN))
		return false;

	switch (gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_NONE:
		return true;
	case VIRTIO_NET_HDR_GSO_TCPV4:
		return bao_net_has(net, VIRTIO_NET_F_GUEST_TSO4);
	case VIRTIO_NET_HDR_GSO_TCPV6:
		return bao_net_has(net, VIRTIO_NET_F_GUEST_TSO6);
	default:
		return false;
	}
}

/**
 * bao_net_frame_header() - make the header of a frame to the frontend
 * @net: device
 * @skb: frame, from its Ethernet header on. Its checksum may be filled in.
 * @hdr: the header, for a single buffer
 *
 * The stack respects the features of the network device. But they follow those of a new driver with
 * delay, so there may be frames that this one cannot take.
 *
 * Context: may sleep
 * Return: whether the driver can take the frame
 */
bool bao_net_frame_header(struct bao_net *net, struct sk_buff *skb,
			  struct virtio_net_hdr_mrg_rxbuf *hdr)
{
	bool csum = bao_net_has(net, VIRTIO_NET_F_GUEST_CSUM);

	if (skb->ip_summed == CHECKSUM_PARTIAL && !csum) {
		if (skb_is_gso(skb) || skb_checksum_help(skb))
			return false;
	}
	if (virtio_net_hdr_from_skb(skb, &hdr->hdr, true, csum, 0))
		return false;
	if (!bao_net_gso_acceptable(net, hdr->hdr.gso_type))
		return false;
	hdr->num_buffers = __cpu_to_virtio16(true, 1);

	return true;
}
