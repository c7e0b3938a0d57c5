/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Inside of bao_virtio_net.ko. A network card of the frontend and a network device of this system
 * are the two ends of a cable:
 *
 *	net.c		the model: life, features, which queue is what
 *	net_configfs.c	attributes
 *	net_dev.c	the network device
 *	net_rx.c	frames to the frontend
 *	net_tx.c	frames from the frontend
 *	net_frame.c	what a frontend says of a frame, and what of it can be believed
 *	net_ctrl.c	the control queue
 *	net_filter.c	frames that the frontend's card does not want
 *
 * rx and tx are seen from the frontend, as in the virtio specification; so what this system's
 * network device transmits goes to a receive queue.
 *
 * Locks, outermost first:
 *
 *	bao_vdev.mutex		the core's; with it held, rtnl is taken
 *	rtnl			what the network stack does with the device; feature updates
 *	bao_net_rxq.mutex	delivery of frames
 *	bao_net_rxq.lock	frames that wait for delivery
 *	bao_net_txq.lock	frames that wait for the stack
 *	bao_net.lock		the carrier
 *	bao_vdev.lock		the core's; contents of the configuration space
 *
 * The last four do not nest with each other.
 *
 * rtnl may be held for long by whoever has to do with any network device. So nothing that the
 * frontend waits for takes it: start() and stop() leave that to a work item. Nor does the worker of
 * a queue take it, which both they and what holds rtnl wait for.
 */
#ifndef _BAO_VIRTIO_NET_H
#define _BAO_VIRTIO_NET_H

#include <linux/bao_virtio.h>
#include <linux/if_ether.h>
#include <linux/if_vlan.h>
#include <linux/mutex.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/virtio_net.h>
#include <linux/workqueue.h>

/* Two queues for a pair, and the control queue */
#define BAO_NET_MAX_PAIRS	((BAO_VDEV_MAX_QUEUES - 1) / 2)

/* With VIRTIO_F_VERSION_1, the header is this one whether or not buffers are merged */
#define BAO_NET_HDR_LEN		sizeof(struct virtio_net_hdr_mrg_rxbuf)

/* Longest frame that a frontend may send: IPv6 without jumbograms, in two VLANs */
#define BAO_NET_MAX_FRAME	(ETH_HLEN + 2 * VLAN_HLEN + sizeof(struct ipv6hdr) + 65535)

/* Frames that wait, for each queue and direction, at most */
#define BAO_NET_QUEUE_LEN	256

/* The stack is told no more often what drivers can do, in jiffies */
#define BAO_NET_WORK_INTERVAL	(HZ / 10)

/* Frames that are handed to the stack together */
#define BAO_NET_TX_BATCH	64

/* Bits of a hash of addresses. A power of two */
#define BAO_NET_HASH_SIZE	256

/* Flows whose queue is remembered. A power of two */
#define BAO_NET_FLOWS		1024

struct bao_net;

/**
 * struct bao_net_buf - a buffer of the frontend that part of a frame has been copied to
 * @id: names it for bao_vq_push()
 * @len: bytes of it that are used
 */
struct bao_net_buf {
	u16 id;
	u32 len;
};

/**
 * struct bao_net_rxq - a receive queue of the frontend
 * @net: device
 * @index: number of the pair
 * @lock: protects what follows, up to @queue, with bottom halves off
 * @vq: queue while it is served, else NULL. Also read without @lock, as a hint.
 * @gso_max: longest frame to be segmented that the driver is sure to have buffers for. Read without
 *	     @lock.
 * @idle: the worker has found no frame, and does not come back unless it is woken
 * @queue: frames from the stack
 * @mutex: protects what follows; held by the worker
 * @batch: frames that the worker has taken out of @queue
 * @skb: the frame that is being delivered, or NULL
 * @copied: bytes of it that have been copied
 * @nr_bufs: buffers that the worker has popped and not pushed. If there is no @skb, that frame has
 *	     been given up, and the worker is to put them back.
 * @bufs: these; room for as many as the queue has
 * @num_buffers: where the bytes of that field of the frame's header are in the window
 */
struct bao_net_rxq {
	struct bao_net *net;
	unsigned int index;

	spinlock_t lock;	/* protects vq, gso_max, idle, queue */
	struct bao_vq *vq;
	unsigned int gso_max;
	bool idle;
	struct sk_buff_head queue;

	struct mutex mutex;	/* protects what follows */
	struct sk_buff_head batch;
	struct sk_buff *skb;
	u32 copied;
	unsigned int nr_bufs;
	struct bao_net_buf *bufs;
	u8 *num_buffers[sizeof(__virtio16)];
};

/**
 * struct bao_net_txq - a transmit queue of the frontend
 * @net: device
 * @index: number of the pair
 * @napi: hands frames to the stack
 * @lock: protects what follows, with bottom halves off
 * @vq: queue while it is served, else NULL
 * @stalled: the worker waits for room in @queue
 * @open: the stack takes frames. Also read without @lock, as a hint.
 * @queue: frames from the frontend
 */
struct bao_net_txq {
	struct bao_net *net;
	unsigned int index;
	struct napi_struct napi;

	spinlock_t lock;	/* protects what follows */
	struct bao_vq *vq;
	bool stalled;
	bool open;
	struct sk_buff_head queue;
};

/**
 * struct bao_net_filter - which frames the frontend wants
 * @mode: BIT() of VIRTIO_NET_CTRL_RX_*
 * @mac: hash of the card's own address
 * @uni: hashes of further unicast addresses
 * @multi: hashes of multicast addresses
 * @vlans: VLANs
 *
 * Written by the worker of the control queue, and while no queue is served. Read at any time and
 * without a lock: each word of it can change by itself, since to let a frame pass is never wrong,
 * and a frame that the frontend wanted before and after a change passes during it, too.
 */
struct bao_net_filter {
	unsigned long mode;
	unsigned int mac;
	DECLARE_BITMAP(uni, BAO_NET_HASH_SIZE);
	DECLARE_BITMAP(multi, BAO_NET_HASH_SIZE);
	DECLARE_BITMAP(vlans, VLAN_N_VID);
};

/**
 * struct bao_net - a network device
 * @vdev: what the core sees of it
 * @ifname: attribute: name of this system's network device, or a pattern for it
 * @mac: attribute: address of the frontend's card
 * @host_mac: attribute: address of this system's network device
 * @host_mac_set: the administrator has chosen @host_mac
 * @mtu: attribute: MTU of the card, and the largest one of the network device
 * @queues: attribute: pairs of queues
 * @dev: network device while live
 * @nr_pairs: pairs of queues while live
 * @rxq: receive queues, @nr_pairs of them
 * @txq: transmit queues, @nr_pairs of them
 * @config: configuration space
 * @closing: about to be not live any more, and no driver looks: the configuration space does not
 *	     change; under rtnl
 * @acked: features that have been negotiated, as of the last start; all of ours are below 32
 * @pairs: pairs of queues that the driver wants to be used
 * @filter: which frames the driver wants
 * @flows: by hash of a flow: 1 + the pair that the frontend has last sent it on, or 0
 * @lock: protects @started
 * @started: there is a driver, so there may be a carrier
 * @work: tells the stack what a driver that has started can do
 * @worked: when it has done so last, in jiffies
 */
struct bao_net {
	struct bao_vdev vdev;

	char ifname[IFNAMSIZ];
	u8 mac[ETH_ALEN] __aligned(2);
	u8 host_mac[ETH_ALEN] __aligned(2);
	bool host_mac_set;
	u16 mtu;
	unsigned int queues;

	struct net_device *dev;
	unsigned int nr_pairs;
	struct bao_net_rxq *rxq;
	struct bao_net_txq *txq;
	struct virtio_net_config config __aligned(2);
	bool closing;

	u32 acked;
	unsigned int pairs;
	struct bao_net_filter filter;
	u8 flows[BAO_NET_FLOWS];

	spinlock_t lock;	/* protects started */
	bool started;
	struct delayed_work work;
	unsigned long worked;
};

static inline struct bao_net *to_bao_net(struct bao_vdev *vdev)
{
	return container_of(vdev, struct bao_net, vdev);
}

/* Has the driver negotiated a feature of ours? Stable from start() to stop() */
static inline bool bao_net_has(const struct bao_net *net, unsigned int feature)
{
	return READ_ONCE(net->acked) & BIT(feature);
}

/* net_configfs.c */
extern struct configfs_attribute *bao_net_attrs[];

/* net_dev.c */
int bao_net_dev_create(struct bao_net *net);
void bao_net_dev_destroy(struct bao_net *net);
void bao_net_dev_start(struct bao_net *net);
void bao_net_dev_stop(struct bao_net *net);

/* net_rx.c */
int bao_net_rx_init(struct bao_net *net);
void bao_net_rx_exit(struct bao_net *net);
void bao_net_rx_start(struct bao_net_rxq *q, struct bao_vq *vq);
void bao_net_rx_stop(struct bao_net_rxq *q);
void bao_net_rx_flush(struct bao_net_rxq *q);
bool bao_net_rx_enqueue(struct bao_net_rxq *q, struct sk_buff *skb);
enum bao_vq_state bao_net_rx_serve(struct bao_net_rxq *q, struct bao_vq *vq);

/* net_tx.c */
int bao_net_tx_init(struct bao_net *net);
void bao_net_tx_exit(struct bao_net *net);
void bao_net_tx_start(struct bao_net_txq *q, struct bao_vq *vq);
void bao_net_tx_stop(struct bao_net_txq *q);
void bao_net_tx_open(struct bao_net_txq *q);
void bao_net_tx_close(struct bao_net_txq *q);
enum bao_vq_state bao_net_tx_serve(struct bao_net_txq *q, struct bao_vq *vq);
unsigned int bao_net_steer(struct bao_net *net, struct sk_buff *skb);

/* net_frame.c */
struct sk_buff *bao_net_frame(struct bao_net *net, const struct bao_vchain *chain);
bool bao_net_frame_header(struct bao_net *net, struct sk_buff *skb,
			  struct virtio_net_hdr_mrg_rxbuf *hdr);

/* net_ctrl.c */
enum bao_vq_state bao_net_ctrl_serve(struct bao_net *net, struct bao_vq *vq);
u32 bao_net_ctrl_answer(const struct bao_vchain *chain, virtio_net_ctrl_ack ack);

/* net_filter.c */
void bao_net_filter_reset(struct bao_net *net);
void bao_net_filter_mode(struct bao_net *net, unsigned int mode, bool on);
void bao_net_filter_mac(struct bao_net *net, const u8 *mac);
void bao_net_filter_hash(unsigned long *bitmap, const u8 *mac);
void bao_net_filter_macs(struct bao_net *net, const unsigned long *uni, const unsigned long *multi);
void bao_net_filter_vlan(struct bao_net *net, unsigned int vid, bool on);
bool bao_net_filter_pass(struct bao_net *net, const struct sk_buff *skb);

#endif /* _BAO_VIRTIO_NET_H */
