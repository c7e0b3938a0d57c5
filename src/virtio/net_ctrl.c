// SPDX-License-Identifier: GPL-2.0
/*
 * The control queue: commands of the driver
 *
 * A command is a class, a number and data, and is answered with one byte. How they are cut into
 * segments is the driver's choice.
 */
#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/uio.h>

#include "net.h"

/* Addresses in a table, above which all of the kind pass, so that to read it takes no long time */
#define BAO_NET_MAX_MACS	1024

static bool bao_net_ctrl_rx(struct bao_net *net, unsigned int cmd, struct iov_iter *data)
{
	bool extra = cmd != VIRTIO_NET_CTRL_RX_PROMISC && cmd != VIRTIO_NET_CTRL_RX_ALLMULTI;
	u8 on;

	if (cmd > VIRTIO_NET_CTRL_RX_NOBCAST)
		return false;
	if (!bao_net_has(net, extra ? VIRTIO_NET_F_CTRL_RX_EXTRA : VIRTIO_NET_F_CTRL_RX))
		return false;
	if (!copy_from_iter_full(&on, sizeof(on), data))
		return false;
	bao_net_filter_mode(net, cmd, on);

	return true;
}

/* One of the two tables of VIRTIO_NET_CTRL_MAC_TABLE_SET */
static bool bao_net_ctrl_macs(struct iov_iter *data, unsigned long *bitmap)
{
	u8 mac[ETH_ALEN];
	__le32 entries;
	u32 nr;

	if (!copy_from_iter_full(&entries, sizeof(entries), data))
		return false;
	nr = le32_to_cpu(entries);
	if (nr > iov_iter_count(data) / ETH_ALEN)
		return false;

	if (nr > BAO_NET_MAX_MACS) {
		bitmap_fill(bitmap, BAO_NET_HASH_SIZE);
		iov_iter_advance(data, (size_t)nr * ETH_ALEN);
		return true;
	}
	for (; nr; nr--) {
		if (!copy_from_iter_full(mac, sizeof(mac), data))
			return false;
		bao_net_filter_hash(bitmap, mac);
	}

	return true;
}

static bool bao_net_ctrl_mac_table(struct bao_net *net, struct iov_iter *data)
{
	DECLARE_BITMAP(uni, BAO_NET_HASH_SIZE) = {};
	DECLARE_BITMAP(multi, BAO_NET_HASH_SIZE) = {};

	if (!bao_net_has(net, VIRTIO_NET_F_CTRL_RX))
		return false;
	if (!bao_net_ctrl_macs(data, uni) || !bao_net_ctrl_macs(data, multi))
		return false;
	bao_net_filter_macs(net, uni, multi);

	return true;
}

static bool bao_net_ctrl_mac_addr(struct bao_net *net, struct iov_iter *data)
{
	u8 mac[ETH_ALEN] __aligned(2);

	/* The specification has it with the one, drivers with the other */
	if (!bao_net_has(net, VIRTIO_NET_F_CTRL_RX) &&
	    !bao_net_has(net, VIRTIO_NET_F_CTRL_MAC_ADDR))
		return false;
	if (!copy_from_iter_full(mac, sizeof(mac), data) || !is_valid_ether_addr(mac))
		return false;

	bao_vdev_config_follow(&net->vdev, offsetof(struct virtio_net_config, mac), mac, ETH_ALEN);
	bao_net_filter_mac(net, mac);

	return true;
}

static bool bao_net_ctrl_vlan(struct bao_net *net, unsigned int cmd, struct iov_iter *data)
{
	__le16 id;
	u16 vid;

	if (cmd > VIRTIO_NET_CTRL_VLAN_DEL || !bao_net_has(net, VIRTIO_NET_F_CTRL_VLAN))
		return false;
	if (!copy_from_iter_full(&id, sizeof(id), data))
		return false;
	vid = le16_to_cpu(id);
	if (vid >= VLAN_N_VID)
		return false;
	bao_net_filter_vlan(net, vid, cmd == VIRTIO_NET_CTRL_VLAN_ADD);

	return true;
}

static bool bao_net_ctrl_pairs(struct bao_net *net, struct iov_iter *data)
{
	struct virtio_net_ctrl_mq mq;
	unsigned int pairs;

	if (!bao_net_has(net, VIRTIO_NET_F_MQ))
		return false;
	if (!copy_from_iter_full(&mq, sizeof(mq), data))
		return false;
	pairs = __virtio16_to_cpu(true, mq.virtqueue_pairs);
	if (!pairs || pairs > net->nr_pairs)
		return false;

	/* Once the driver knows, nothing comes from the others: see bao_net_rx_enqueue() */
	WRITE_ONCE(net->pairs, pairs);
	for (; pairs < net->nr_pairs; pairs++)
		bao_net_rx_flush(&net->rxq[pairs]);

	return true;
}

static bool bao_net_ctrl_command(struct bao_net *net, struct iov_iter *data)
{
	struct virtio_net_ctrl_hdr hdr;

	if (!copy_from_iter_full(&hdr, sizeof(hdr), data))
		return false;

	switch (hdr.class) {
	case VIRTIO_NET_CTRL_RX:
		return bao_net_ctrl_rx(net, hdr.cmd, data);
	case VIRTIO_NET_CTRL_MAC:
		if (hdr.cmd == VIRTIO_NET_CTRL_MAC_TABLE_SET)
			return bao_net_ctrl_mac_table(net, data);
		return hdr.cmd == VIRTIO_NET_CTRL_MAC_ADDR_SET &&
		       bao_net_ctrl_mac_addr(net, data);
	case VIRTIO_NET_CTRL_VLAN:
		return bao_net_ctrl_vlan(net, hdr.cmd, data);
	case VIRTIO_NET_CTRL_MQ:
		return hdr.cmd == VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET && bao_net_ctrl_pairs(net, data);
	default:
		return false;
	}
}

/**
 * bao_net_ctrl_answer() - answer a command
 * @chain: command
 * @ack: VIRTIO_NET_OK or VIRTIO_NET_ERR
 *
 * If there is no room for an answer, there is none.
 *
 * Context: serve() or refuse() of the model
 * Return: bytes that have been written
 */
u32 bao_net_ctrl_answer(const struct bao_vchain *chain, virtio_net_ctrl_ack ack)
{
	struct iov_iter iter;

	iov_iter_kvec(&iter, ITER_DEST, chain->iov + chain->out, chain->in, chain->in_len);

	return copy_to_iter(&ack, sizeof(ack), &iter);
}

/**
 * bao_net_ctrl_serve() - do what the driver asks for
 * @net: device
 * @vq: control queue
 *
 * Context: the model's serve()
 * Return: how the queue is left
 */
enum bao_vq_state bao_net_ctrl_serve(struct bao_net *net, struct bao_vq *vq)
{
	virtio_net_ctrl_ack ack;
	struct bao_vchain chain;
	struct iov_iter iter;

	while (bao_vq_pop(vq, &chain) > 0) {
		iov_iter_kvec(&iter, ITER_SOURCE, chain.iov, chain.out, chain.out_len);
		ack = bao_net_ctrl_command(net, &iter) ? VIRTIO_NET_OK : VIRTIO_NET_ERR;
		bao_vq_push(vq, chain.id, bao_net_ctrl_answer(&chain, ack));
		if (bao_vq_budget(vq))
			return BAO_VQ_MORE;
	}

	return BAO_VQ_EMPTY;
}
