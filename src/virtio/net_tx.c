// SPDX-License-Identifier: GPL-2.0
/*
 * Frames from the frontend: its transmit queues
 *
 * A worker copies frames into a bounded queue, and NAPI hands them to the stack from there. If the
 * queue is full, the worker stalls, and NAPI wakes it when there is room again. Both is decided
 * under the queue's lock: either NAPI finds the worker stalled, or the worker finds the room.
 */
#include <linux/netdevice.h>
#include <linux/slab.h>

#include "net.h"

/* Is there room? If not, the worker has to stall, and is woken. */
static bool bao_net_tx_room(struct bao_net_txq *q)
{
	lockdep_assert_held(&q->lock);

	q->stalled = skb_queue_len(&q->queue) >= BAO_NET_QUEUE_LEN;

	return !q->stalled;
}

/* There is room again */
static void bao_net_tx_unstall(struct bao_net_txq *q)
{
	lockdep_assert_held(&q->lock);

	if (q->stalled) {
		q->stalled = false;
		bao_vq_wake(q->vq);
	}
}

/* Frames for one round of NAPI */
static void bao_net_tx_take(struct bao_net_txq *q, struct sk_buff_head *list, int budget)
{
	spin_lock_bh(&q->lock);
	while (budget-- > 0 && !skb_queue_empty(&q->queue))
		__skb_queue_tail(list, __skb_dequeue(&q->queue));
	if (skb_queue_len(&q->queue) <= BAO_NET_QUEUE_LEN / 2)
		bao_net_tx_unstall(q);
	spin_unlock_bh(&q->lock);
}

static int bao_net_tx_poll(struct napi_struct *napi, int budget)
{
	struct bao_net_txq *q = container_of(napi, struct bao_net_txq, napi);
	struct sk_buff_head list;
	struct sk_buff *skb;
	int done = 0;

	__skb_queue_head_init(&list);
	bao_net_tx_take(q, &list, budget);
	while ((skb = __skb_dequeue(&list))) {
		dev_sw_netstats_rx_add(q->net->dev, skb->len + ETH_HLEN);
		skb_record_rx_queue(skb, q->index);
		napi_gro_receive(napi, skb);
		done++;
	}

	/* Frames that have come since have scheduled us again, or do so after this */
	if (done < budget)
		napi_complete_done(napi, done);

	return done;
}

/* Hand frames to NAPI. Returns whether there is room for more. */
static bool bao_net_tx_submit(struct bao_net_txq *q, struct sk_buff_head *list)
{
	bool room;

	spin_lock_bh(&q->lock);
	if (q->open)
		skb_queue_splice_tail_init(list, &q->queue);
	room = bao_net_tx_room(q);
	spin_unlock_bh(&q->lock);

	/* The network device is down */
	__skb_queue_purge(list);

	/* Runs when bottom halves are on again. Nothing happens if it has been closed meanwhile. */
	local_bh_disable();
	napi_schedule(&q->napi);
	local_bh_enable();

	return room;
}

static unsigned int bao_net_flow(const struct sk_buff *skb, u32 *hash)
{
	/* The same for both directions of a flow */
	*hash = __skb_get_hash_symmetric(skb);

	return *hash % BAO_NET_FLOWS;
}

/* Remember which queue the driver uses for a flow */
static void bao_net_learn(struct bao_net_txq *q, const struct sk_buff *skb)
{
	u32 hash;

	if (READ_ONCE(q->net->pairs) > 1)
		WRITE_ONCE(q->net->flows[bao_net_flow(skb, &hash)], q->index + 1);
}

/**
 * bao_net_steer() - choose a receive queue for a frame
 * @net: device
 * @skb: frame, from the stack
 *
 * Where a flow's frames have come from, there its frames go to.
 *
 * Context: any, RCU read lock held by the stack
 * Return: number of the pair; if the driver uses any queue, it uses that one
 */
unsigned int bao_net_steer(struct bao_net *net, struct sk_buff *skb)
{
	unsigned int pairs = READ_ONCE(net->pairs), flow, i;
	u32 hash;

	if (pairs == 1)
		return 0;

	flow = READ_ONCE(net->flows[bao_net_flow(skb, &hash)]);
	i = flow && flow <= pairs ? flow - 1 : reciprocal_scale(hash, pairs);
	if (READ_ONCE(net->rxq[i].vq))
		return i;

	/* It is being reset, say */
	for (i = 0; i < pairs; i++)
		if (READ_ONCE(net->rxq[i].vq))
			return i;

	return 0;
}

/* One frame, to the end of @list if it is good */
static void bao_net_tx_one(struct bao_net_txq *q, struct bao_vq *vq,
			   const struct bao_vchain *chain, struct sk_buff_head *list)
{
	struct sk_buff *skb = NULL;

	if (READ_ONCE(q->open))
		skb = bao_net_frame(q->net, chain);
	/* It has been copied, or is lost */
	bao_vq_push(vq, chain->id, 0);

	if (!skb) {
		dev_core_stats_rx_dropped_inc(q->net->dev);
		return;
	}
	bao_net_learn(q, skb);
	__skb_queue_tail(list, skb);
}

/**
 * bao_net_tx_serve() - take frames of the frontend
 * @q: transmit queue
 * @vq: the same
 *
 * Context: the model's serve()
 * Return: how the queue is left
 */
enum bao_vq_state bao_net_tx_serve(struct bao_net_txq *q, struct bao_vq *vq)
{
	enum bao_vq_state state = BAO_VQ_EMPTY;
	struct bao_vchain chain;
	struct sk_buff_head list;
	bool room;

	spin_lock_bh(&q->lock);
	room = bao_net_tx_room(q);
	spin_unlock_bh(&q->lock);

	__skb_queue_head_init(&list);
	while (room && bao_vq_pop(vq, &chain) > 0) {
		bao_net_tx_one(q, vq, &chain, &list);
		if (bao_vq_budget(vq)) {
			state = BAO_VQ_MORE;
			break;
		}
		if (skb_queue_len(&list) == BAO_NET_TX_BATCH)
			room = bao_net_tx_submit(q, &list);
	}
	if (!skb_queue_empty(&list))
		room = bao_net_tx_submit(q, &list);

	return room ? state : BAO_VQ_STALLED;
}

/**
 * bao_net_tx_start() - the queue is served from now on
 * @q: transmit queue
 * @vq: the same
 *
 * Context: the model's vq_start()
 */
void bao_net_tx_start(struct bao_net_txq *q, struct bao_vq *vq)
{
	spin_lock_bh(&q->lock);
	q->vq = vq;
	spin_unlock_bh(&q->lock);
}

/**
 * bao_net_tx_stop() - the queue is not served any more
 * @q: transmit queue
 *
 * The frames that have been taken are copies, and go their way.
 *
 * Context: the model's vq_stop()
 */
void bao_net_tx_stop(struct bao_net_txq *q)
{
	/* Nobody wakes the worker from here on */
	spin_lock_bh(&q->lock);
	q->vq = NULL;
	q->stalled = false;
	spin_unlock_bh(&q->lock);
}

/**
 * bao_net_tx_open() - let the stack have frames
 * @q: transmit queue
 *
 * Context: ndo_open()
 */
void bao_net_tx_open(struct bao_net_txq *q)
{
	napi_enable(&q->napi);
	spin_lock_bh(&q->lock);
	WRITE_ONCE(q->open, true);
	spin_unlock_bh(&q->lock);
}

/**
 * bao_net_tx_close() - drop frames from now on
 * @q: transmit queue
 *
 * Context: ndo_stop()
 */
void bao_net_tx_close(struct bao_net_txq *q)
{
	struct sk_buff_head list;

	__skb_queue_head_init(&list);
	spin_lock_bh(&q->lock);
	WRITE_ONCE(q->open, false);
	skb_queue_splice_tail_init(&q->queue, &list);
	bao_net_tx_unstall(q);
	spin_unlock_bh(&q->lock);

	__skb_queue_purge(&list);
	napi_disable(&q->napi);
}

/**
 * bao_net_tx_init() - make transmit queues
 * @net: device; there is a network device, which is not registered yet
 *
 * Context: may sleep
 * Return: 0 or -ENOMEM
 */
int bao_net_tx_init(struct bao_net *net)
{
	struct bao_net_txq *q;
	unsigned int i;

	net->txq = kvcalloc(net->nr_pairs, sizeof(*net->txq), GFP_KERNEL);
	if (!net->txq)
		return -ENOMEM;

	for (i = 0; i < net->nr_pairs; i++) {
		q = &net->txq[i];
		q->net = net;
		q->index = i;
		spin_lock_init(&q->lock);
		__skb_queue_head_init(&q->queue);
		netif_napi_add(net->dev, &q->napi, bao_net_tx_poll);
	}

	return 0;
}

/**
 * bao_net_tx_exit() - undo bao_net_tx_init()
 * @net: device; its network device is not registered any more, and its queues are stopped
 *
 * Context: may sleep
 */
void bao_net_tx_exit(struct bao_net *net)
{
	unsigned int i;

	for (i = 0; i < net->nr_pairs; i++)
		__netif_napi_del(&net->txq[i].napi);
	/* Once for all of them, where netif_napi_del() would wait each time */
	synchronize_net();
	kvfree(net->txq);
	net->txq = NULL;
}
