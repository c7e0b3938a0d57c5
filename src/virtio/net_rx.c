// SPDX-License-Identifier: GPL-2.0
/*
 * Frames to the frontend: its receive queues
 *
 * The stack puts a frame into a bounded queue, and a worker copies it from there into buffers of
 * the frontend. Who has nothing to do sleeps: the worker if there is no frame (&bao_net_rxq.idle),
 * or no buffer (then the driver kicks), and the stack if the queue is full. The first and the last
 * are about &bao_net_rxq.queue, and are decided under the lock that protects it. So
 *
 * - a frame is there when the worker looks for one, or it finds the worker idle and wakes it;
 * - the queue is full when the stack is stopped, and whoever takes frames out after that wakes the
 *   stack, see bao_net_rx_take().
 *
 * bao_vq_wake() may come before the worker has returned; then the worker is called once more.
 */
#include <linux/slab.h>
#include <linux/uio.h>

#include "net.h"

/* Progress with a frame */
enum bao_net_progress {
	BAO_NET_DELIVERED,
	BAO_NET_MORE_BUFFERS,
	BAO_NET_IMPOSSIBLE,
};

static struct netdev_queue *bao_net_rx_netdev_queue(const struct bao_net_rxq *q)
{
	return netdev_get_tx_queue(q->net->dev, q->index);
}

/* Move all frames to a list. There is room then: the stack goes on. */
static void bao_net_rx_take(struct bao_net_rxq *q, struct sk_buff_head *list)
{
	struct netdev_queue *txq = bao_net_rx_netdev_queue(q);

	lockdep_assert_held(&q->lock);

	skb_queue_splice_tail_init(&q->queue, list);
	/* If it is down, bao_net_open() will start it */
	if (netif_tx_queue_stopped(txq) && netif_running(q->net->dev))
		netif_tx_wake_queue(txq);
}

/**
 * bao_net_rx_enqueue() - let a frame wait for its delivery
 * @q: receive queue
 * @skb: frame, from its Ethernet header on
 *
 * Stops the stack's queue if it was the last one that there is room for.
 *
 * Context: ndo_start_xmit()
 * Return: true; false if the frontend does not use the queue, or if there is no room, and the frame
 *	   is still the caller's
 */
bool bao_net_rx_enqueue(struct bao_net_rxq *q, struct sk_buff *skb)
{
	struct netdev_queue *txq = bao_net_rx_netdev_queue(q);
	bool served;

	spin_lock(&q->lock);
	/* bao_net_rx_flush() is called after each change of pairs: none stays behind */
	served = q->vq && q->index < READ_ONCE(q->net->pairs) &&
		 skb_queue_len(&q->queue) < BAO_NET_QUEUE_LEN;
	if (served) {
		__skb_queue_tail(&q->queue, skb);
		if (skb_queue_len(&q->queue) == BAO_NET_QUEUE_LEN)
			netif_tx_stop_queue(txq);
		if (q->idle) {
			q->idle = false;
			bao_vq_wake(q->vq);
		}
	}
	spin_unlock(&q->lock);

	return served;
}

/* Put the buffers back that the frame in progress has got */
static void bao_net_rx_unpop(struct bao_net_rxq *q, struct bao_vq *vq)
{
	if (q->nr_bufs)
		bao_vq_unpop(vq, q->nr_bufs);
	q->nr_bufs = 0;
}

/* Make the next frame the one in progress, if it is not there yet. False: the worker is idle. */
static bool bao_net_rx_next(struct bao_net_rxq *q)
{
	if (q->skb)
		return true;

	if (skb_queue_empty(&q->batch)) {
		spin_lock_bh(&q->lock);
		bao_net_rx_take(q, &q->batch);
		q->idle = skb_queue_empty(&q->batch);
		spin_unlock_bh(&q->lock);
	}

	q->skb = __skb_dequeue(&q->batch);
	q->copied = 0;

	return q->skb;
}

/* Remember where num_buffers is: it is known only when the chain's segments are not any more */
static void bao_net_rx_note_num_buffers(struct bao_net_rxq *q, const struct bao_vchain *chain)
{
	size_t offset = offsetof(struct virtio_net_hdr_mrg_rxbuf, num_buffers);
	const struct kvec *seg = chain->iov + chain->out;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(q->num_buffers); i++, offset++) {
		while (offset >= seg->iov_len)
			offset -= seg++->iov_len;
		q->num_buffers[i] = (u8 *)seg->iov_base + offset;
	}
}

static void bao_net_rx_set_num_buffers(struct bao_net_rxq *q)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(q->num_buffers); i++)
		WRITE_ONCE(*q->num_buffers[i], (u8)(q->nr_bufs >> (8 * i)));
}

static bool bao_net_rx_put_header(struct bao_net_rxq *q, const struct bao_vchain *chain,
				  struct iov_iter *iter)
{
	struct virtio_net_hdr_mrg_rxbuf hdr;

	if (!bao_net_frame_header(q->net, q->skb, &hdr))
		return false;
	bao_net_rx_note_num_buffers(q, chain);

	return copy_to_iter(&hdr, sizeof(hdr), iter) == sizeof(hdr);
}

/* Fill a buffer, which has been counted already */
static bool bao_net_rx_fill(struct bao_net_rxq *q, const struct bao_vchain *chain)
{
	struct bao_net_buf *buf = &q->bufs[q->nr_bufs - 1];
	struct iov_iter iter;
	size_t len;

	iov_iter_kvec(&iter, ITER_DEST, chain->iov + chain->out, chain->in, chain->in_len);
	if (q->nr_bufs == 1 && !bao_net_rx_put_header(q, chain, &iter))
		return false;

	len = min_t(size_t, iov_iter_count(&iter), q->skb->len - q->copied);
	if (skb_copy_datagram_iter(q->skb, q->copied, &iter, len))
		return false;
	q->copied += len;
	buf->len = chain->in_len - iov_iter_count(&iter);

	return true;
}

static enum bao_net_progress bao_net_rx_use(struct bao_net_rxq *q, struct bao_vq *vq,
					    const struct bao_vchain *chain)
{
	/* Its header would not fit: of no use, so it goes back as it is */
	if (!q->nr_bufs && chain->in_len < BAO_NET_HDR_LEN) {
		bao_vq_push(vq, chain->id, 0);
		return BAO_NET_MORE_BUFFERS;
	}

	/* There is room: the queue has no more buffers than that, see below */
	q->bufs[q->nr_bufs++].id = chain->id;
	if (!bao_net_rx_fill(q, chain))
		return BAO_NET_IMPOSSIBLE;
	if (q->copied == q->skb->len)
		return BAO_NET_DELIVERED;
	if (!bao_net_has(q->net, VIRTIO_NET_F_MRG_RXBUF) || q->nr_bufs == bao_vq_size(vq))
		return BAO_NET_IMPOSSIBLE;

	return BAO_NET_MORE_BUFFERS;
}

static void bao_net_rx_delivered(struct bao_net_rxq *q, struct bao_vq *vq)
{
	unsigned int i;

	if (q->nr_bufs > 1)
		bao_net_rx_set_num_buffers(q);
	for (i = 0; i < q->nr_bufs; i++)
		bao_vq_push(vq, q->bufs[i].id, q->bufs[i].len);
	q->nr_bufs = 0;

	consume_skb(q->skb);
	q->skb = NULL;
}

static void bao_net_rx_drop(struct bao_net_rxq *q, struct bao_vq *vq)
{
	bao_net_rx_unpop(q, vq);
	dev_core_stats_tx_dropped_inc(q->net->dev);
	kfree_skb(q->skb);
	q->skb = NULL;
}

/*
 * Go on with the frame in progress. If there are not enough buffers, it keeps those that it has:
 * if they were put back, the driver would be asked to kick though there were buffers already, and
 * the worker would be called again at once. BAO_NET_MORE_BUFFERS is returned then, and *state is
 * what the worker returns.
 *
 * But drivers refill their queue when it is half empty, say. If the device had more than half of
 * it, and waited, both would wait for ever. Then the frame is dropped, as if there were no buffers.
 */
static enum bao_net_progress bao_net_rx_deliver(struct bao_net_rxq *q, struct bao_vq *vq,
						enum bao_vq_state *state)
{
	enum bao_net_progress progress = BAO_NET_MORE_BUFFERS;
	struct bao_vchain chain;
	int ret;

	while (progress == BAO_NET_MORE_BUFFERS) {
		if (bao_vq_budget(vq)) {
			*state = BAO_VQ_MORE;
			break;
		}
		ret = bao_vq_pop(vq, &chain);
		if (!ret && q->nr_bufs && q->nr_bufs >= bao_vq_size(vq) / 2)
			return BAO_NET_IMPOSSIBLE;
		if (ret <= 0) {
			*state = BAO_VQ_EMPTY;
			break;
		}
		progress = bao_net_rx_use(q, vq, &chain);
	}

	return progress;
}

/**
 * bao_net_rx_serve() - deliver frames
 * @q: receive queue
 * @vq: the same
 *
 * Context: the model's serve()
 * Return: how the queue is left. BAO_VQ_STALLED if there is no frame, BAO_VQ_EMPTY if there is no
 * buffer for one.
 */
enum bao_vq_state bao_net_rx_serve(struct bao_net_rxq *q, struct bao_vq *vq)
{
	enum bao_vq_state state = BAO_VQ_STALLED;
	enum bao_net_progress progress;
	unsigned int frames = 0, bytes = 0;

	mutex_lock(&q->mutex);
	/* Of a frame that bao_net_rx_flush() has taken away */
	if (!q->skb)
		bao_net_rx_unpop(q, vq);

	while (bao_net_rx_next(q)) {
		progress = bao_net_rx_deliver(q, vq, &state);
		if (progress == BAO_NET_MORE_BUFFERS)
			break;
		if (progress == BAO_NET_IMPOSSIBLE) {
			bao_net_rx_drop(q, vq);
			continue;
		}
		frames++;
		bytes += q->skb->len;
		bao_net_rx_delivered(q, vq);
	}
	mutex_unlock(&q->mutex);

	/* Bottom halves write the same statistics, those of this CPU */
	local_bh_disable();
	dev_sw_netstats_tx_add(q->net->dev, frames, bytes);
	local_bh_enable();

	return state;
}

/**
 * bao_net_rx_flush() - drop the frames that wait for their delivery
 * @q: receive queue
 *
 * None is being delivered when this returns. If q->index < &bao_net.pairs does not hold any more,
 * none will be.
 *
 * Context: may sleep; at any time
 */
void bao_net_rx_flush(struct bao_net_rxq *q)
{
	mutex_lock(&q->mutex);
	spin_lock_bh(&q->lock);
	bao_net_rx_take(q, &q->batch);
	spin_unlock_bh(&q->lock);

	__skb_queue_purge(&q->batch);
	kfree_skb(q->skb);
	q->skb = NULL;
	mutex_unlock(&q->mutex);

	/* The buffers of the frame that was in progress are for the next one, which may be there */
	spin_lock_bh(&q->lock);
	if (q->vq)
		bao_vq_wake(q->vq);
	spin_unlock_bh(&q->lock);
}

/*
 * Some buffers are no longer than a frame of usual size, and bao_net_rx_deliver() drops what needs
 * more than half of a queue. So what is too long for a small one is segmented before.
 */
static unsigned int bao_net_rxq_gso_max(const struct bao_net_rxq *q, const struct bao_vq *vq)
{
	if (!bao_net_has(q->net, VIRTIO_NET_F_MRG_RXBUF))
		return UINT_MAX;

	return bao_vq_size(vq) / 2 * ETH_DATA_LEN;
}

/**
 * bao_net_rx_start() - the queue is served from now on
 * @q: receive queue
 * @vq: the same
 *
 * Context: the model's vq_start(). @q->idle is false: the worker comes without being woken.
 */
void bao_net_rx_start(struct bao_net_rxq *q, struct bao_vq *vq)
{
	spin_lock_bh(&q->lock);
	WRITE_ONCE(q->gso_max, bao_net_rxq_gso_max(q, vq));
	WRITE_ONCE(q->vq, vq);
	spin_unlock_bh(&q->lock);
}

/**
 * bao_net_rx_stop() - the queue is not served any more
 * @q: receive queue
 *
 * Context: the model's vq_stop()
 */
void bao_net_rx_stop(struct bao_net_rxq *q)
{
	/* From here on, no frame comes and nobody wakes the worker */
	spin_lock_bh(&q->lock);
	WRITE_ONCE(q->vq, NULL);
	q->idle = false;
	spin_unlock_bh(&q->lock);

	bao_net_rx_flush(q);

	/* The ring starts anew */
	mutex_lock(&q->mutex);
	q->nr_bufs = 0;
	mutex_unlock(&q->mutex);
}

static int bao_net_rxq_init(struct bao_net_rxq *q, struct bao_net *net, unsigned int index)
{
	q->net = net;
	q->index = index;
	spin_lock_init(&q->lock);
	__skb_queue_head_init(&q->queue);
	mutex_init(&q->mutex);
	__skb_queue_head_init(&q->batch);
	q->bufs = kvcalloc(net->vdev.queue_size, sizeof(*q->bufs), GFP_KERNEL);

	return q->bufs ? 0 : -ENOMEM;
}

/**
 * bao_net_rx_init() - make receive queues
 * @net: device; there is a network device, which is not registered yet
 *
 * Context: may sleep
 * Return: 0 or -ENOMEM
 */
int bao_net_rx_init(struct bao_net *net)
{
	unsigned int i;
	int ret = 0;

	net->rxq = kvcalloc(net->nr_pairs, sizeof(*net->rxq), GFP_KERNEL);
	if (!net->rxq)
		return -ENOMEM;

	for (i = 0; !ret && i < net->nr_pairs; i++)
		ret = bao_net_rxq_init(&net->rxq[i], net, i);
	if (ret)
		bao_net_rx_exit(net);

	return ret;
}

/**
 * bao_net_rx_exit() - undo bao_net_rx_init()
 * @net: device; its network device is not registered any more, and its queues are stopped
 *
 * Context: may sleep
 */
void bao_net_rx_exit(struct bao_net *net)
{
	unsigned int i;

	for (i = 0; i < net->nr_pairs; i++)
		kvfree(net->rxq[i].bufs);
	kvfree(net->rxq);
	net->rxq = NULL;
}
