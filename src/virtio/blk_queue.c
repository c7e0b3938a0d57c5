// SPDX-License-Identifier: GPL-2.0
/*
 * Queues of a disk: requests come from the ring, go to the backing, and return with an answer
 *
 * The serving thread (&bao_vdev_model.serve) does all that concerns the ring, the answers, and the
 * lists of free requests and pages. A request that is under way is with the backing; who finishes
 * it puts it on the list of done ones and, unless the serving thread is at work, wakes that. The
 * serving thread rests only after it has seen under the lock that the list is empty, and has asked
 * to be woken in the same breath. So no request is forgotten.
 *
 * Stopping a queue
 *
 * The backing may take long, or never answer; the driver's reset must not wait for it. So
 * vq_stop() begins a new run of the queue. It is called while the queue is not served, and what is
 * under way then belongs to a former run: these are orphans.
 *
 * - A request that has not begun, but waits for a thread, is never begun: bao_blk_claim().
 *
 * - One that the backing works on in bounce pages goes on, with what it holds: the file, the pages,
 *   the request itself. All of these are the backing's (&struct bao_blk_backing), which outlives
 *   its orphans, also if the device is taken down or its directory is removed.
 *
 * - One for which somebody works on the window itself is pinned, and that is waited for. Who pins
 *   looks at the run under the same lock, so after vq_stop() nobody does any more.
 *
 * When an orphan is done, it finds under the lock that its run is over, and touches neither the
 * window nor the core's queue; the serving thread recycles it in a later run. For the core's queue
 * there is a second reason: @notify is set only by the serving thread, and vq_stop() clears it. So
 * bao_vq_wake() is called before vq_stop() returns, or for the next run.
 *
 * No overtaking
 *
 * An orphan may be a write that the backing does at any time. If the driver comes back after its
 * reset and writes to the same place, the old data must not overwrite the new ones. So nothing is
 * begun while there are orphans, of whatever queue: the ring waits. This also bounds memory,
 * however often a driver resets its device. Here, too, nobody is forgotten: a serving thread that
 * rests because of orphans looks at their number and asks to be woken, both under its queue's lock;
 * the last orphan changes the number, and after that looks under the same lock who has asked.
 *
 * The end
 *
 * A request that is done is not touched any more by who has finished it, nor is its queue once the
 * lock has been dropped. Orphans are counted (&bao_blk_backing.nr_orphans), and the last one of a
 * device that is not live lets the backing be closed, with a lock held that bao_blk_close_work()
 * takes first. That work pins the module, which so outlives all orphans; bao_blk_backing_exit()
 * waits for the last instructions of the work and of completions.
 */
#include <linux/mm.h>

#include "blk.h"

/* What a request has taken returns; the serving thread only */
static void bao_blk_recycle(struct bao_blk_request *req)
{
	struct bao_blk_queue *q = req->queue;

	while (req->nr_pages)
		q->pages[q->nr_pages++] = req->bvecs[--req->nr_pages].bv_page;
	list_add(&req->node, &q->free);
	req->taken = false;
	if (req->run == q->run)
		q->nr_taken--;
}

/**
 * bao_blk_take_pages() - get bounce pages for a request
 * @req: request that has none
 * @len: bytes that it has to transfer
 *
 * Context: the serving thread
 * Return: true; or false if there are too few for now. Then others have them, which are under way.
 */
bool bao_blk_take_pages(struct bao_blk_request *req, size_t len)
{
	unsigned int nr = DIV_ROUND_UP(min_t(size_t, len, BAO_BLK_BOUNCE_PART), PAGE_SIZE);
	struct bao_blk_queue *q = req->queue;

	if (nr > q->nr_pages)
		return false;
	while (req->nr_pages < nr)
		req->bvecs[req->nr_pages++].bv_page = q->pages[--q->nr_pages];

	return true;
}

/**
 * bao_blk_push() - answer a request, which is free after that
 * @req: request
 * @status: VIRTIO_BLK_S_*
 *
 * The status is the last byte of what the device may write, and a driver need not look at what is
 * beyond the length that it is told. So this is all there is, even if some of it has not been
 * written: after an error, data are not good.
 *
 * Context: the serving thread
 */
void bao_blk_push(struct bao_blk_request *req, u8 status)
{
	WRITE_ONCE(*req->status, status);
	bao_vq_push(req->queue->vq, req->id, req->in_len);
	bao_blk_recycle(req);
}

/* Somebody may sleep in bao_blk_vq_stop() until this */
static void bao_blk_unpin_locked(struct bao_blk_request *req)
{
	struct bao_blk_queue *q = req->queue;

	lockdep_assert_held(&q->lock);

	if (!req->pinned)
		return;
	req->pinned = false;
	if (!--q->pinned)
		wake_up(&q->unpinned);
}

/**
 * bao_blk_claim() - begin work on a request, or on a part of it
 * @req: request
 *
 * If that means to work on the window, the request is pinned: bao_blk_unpin() or bao_blk_finish()
 * is to follow.
 *
 * Context: any
 * Return: false if it must not be begun because it is an orphan
 */
bool bao_blk_claim(struct bao_blk_request *req)
{
	struct bao_blk_queue *q = req->queue;
	unsigned long flags;
	bool ours;

	spin_lock_irqsave(&q->lock, flags);
	ours = req->run == q->run;
	if (ours && bao_blk_moves_data(req) && req->way != BAO_BLK_BOUNCE) {
		req->pinned = true;
		q->pinned++;
	}
	spin_unlock_irqrestore(&q->lock, flags);

	return ours;
}

/**
 * bao_blk_unpin() - end work on the window
 * @req: request; nothing happens if it is not pinned
 *
 * Context: any
 */
void bao_blk_unpin(struct bao_blk_request *req)
{
	struct bao_blk_queue *q = req->queue;
	unsigned long flags;

	spin_lock_irqsave(&q->lock, flags);
	bao_blk_unpin_locked(req);
	spin_unlock_irqrestore(&q->lock, flags);
}

static void bao_blk_wake_locked(struct bao_blk_queue *q)
{
	lockdep_assert_held(&q->lock);

	if (!q->notify)
		return;
	q->notify = false;
	bao_vq_wake(q->vq);
}

/* The last orphan is done: go on, or clean up after a device that is not live any more */
static void bao_blk_last_orphan(struct bao_blk_backing *backing)
{
	struct bao_blk_queue *q;
	unsigned int i;

	lockdep_assert_held(&backing->lock);

	if (!backing->live) {
		bao_blk_close_later(backing);
		return;
	}
	for (i = 0; i < backing->nr_queues; i++) {
		q = &backing->queues[i];
		spin_lock(&q->lock);
		bao_blk_wake_locked(q);
		spin_unlock(&q->lock);
	}
}

/* It is counted, so the backing is there until the lock is dropped: see bao_blk_close_work() */
static void bao_blk_orphan_done(struct bao_blk_backing *backing)
{
	unsigned long flags;

	spin_lock_irqsave(&backing->lock, flags);
	WRITE_ONCE(backing->nr_orphans, backing->nr_orphans - 1);
	if (!backing->nr_orphans)
		bao_blk_last_orphan(backing);
	spin_unlock_irqrestore(&backing->lock, flags);
}

/**
 * bao_blk_finish() - a request, or a part of it, is done: &bao_blk_request.result
 * @req: request; not the caller's any more
 *
 * Context: any; not the serving thread
 */
void bao_blk_finish(struct bao_blk_request *req)
{
	struct bao_blk_queue *q = req->queue;
	struct bao_blk_backing *backing = q->backing;
	unsigned long flags;
	bool orphan;

	spin_lock_irqsave(&q->lock, flags);
	bao_blk_unpin_locked(req);
	orphan = req->run != q->run;
	list_add_tail(&req->node, &q->done);
	if (!orphan)
		bao_blk_wake_locked(q);
	spin_unlock_irqrestore(&q->lock, flags);

	if (orphan)
		bao_blk_orphan_done(backing);
}

/* Look after what is done */
static void bao_blk_reap(struct bao_blk_queue *q)
{
	struct bao_blk_request *req, *next;
	LIST_HEAD(done);

	/* Whoever adds one now is seen by bao_blk_rest() */
	if (list_empty(&q->done))
		return;

	spin_lock_irq(&q->lock);
	list_splice_init(&q->done, &done);
	spin_unlock_irq(&q->lock);

	list_for_each_entry_safe(req, next, &done, node) {
		if (req->run == q->run)
			bao_blk_go_on(req);
		else
			bao_blk_recycle(req);
	}
}

/* Rest until woken; returns false if there is something to do */
static bool bao_blk_rest(struct bao_blk_queue *q, bool orphans)
{
	bool rest;

	spin_lock_irq(&q->lock);
	rest = list_empty(&q->done) && !(orphans && !READ_ONCE(q->backing->nr_orphans));
	q->notify = rest;
	spin_unlock_irq(&q->lock);

	return rest;
}

/* Serve one request; returns BAO_VQ_MORE if there was one, and what it takes */
static enum bao_vq_state bao_blk_serve_one(struct bao_blk_queue *q)
{
	struct bao_blk_request *req;
	struct bao_vchain chain;
	int ret;

	req = list_first_entry_or_null(&q->free, struct bao_blk_request, node);
	if (!req)
		return BAO_VQ_STALLED;

	if (bao_vq_pop(q->vq, &chain) <= 0)
		return BAO_VQ_EMPTY;

	list_del(&req->node);
	req->taken = true;
	q->nr_taken++;
	req->run = q->run;
	ret = bao_blk_begin(req, &chain);
	if (!ret)
		return BAO_VQ_MORE;

	bao_blk_recycle(req);
	if (ret != -EAGAIN)
		return BAO_VQ_EMPTY;

	/* When those that have the pages are done, it is taken from the ring once more */
	bao_vq_unpop(q->vq, 1);

	return BAO_VQ_STALLED;
}

static enum bao_vq_state bao_blk_serve_some(struct bao_blk_queue *q, bool *orphans)
{
	enum bao_vq_state state;
	struct blk_plug plug;

	blk_start_plug(&plug);
	do {
		bao_blk_reap(q);
		state = BAO_VQ_STALLED;
		*orphans = READ_ONCE(q->backing->nr_orphans);
		if (*orphans)
			break;
		state = BAO_VQ_MORE;
		if (bao_vq_budget(q->vq) || q->moved >= BAO_BLK_ROUND)
			break;
		state = bao_blk_serve_one(q);
	} while (state == BAO_VQ_MORE);
	blk_finish_plug(&plug);

	return state;
}

/**
 * bao_blk_serve() - &bao_vdev_model.serve
 * @vq: queue
 *
 * Return: BAO_VQ_STALLED if all requests or pages are under way, or there are orphans
 */
enum bao_vq_state bao_blk_serve(struct bao_vq *vq)
{
	struct bao_blk_queue *q = bao_vq_priv(vq);
	enum bao_vq_state state;
	bool orphans;

	q->moved = 0;
	/* We look at the list before we rest; who finishes a request meanwhile need not wake us */
	spin_lock_irq(&q->lock);
	q->notify = false;
	spin_unlock_irq(&q->lock);

	do {
		state = bao_blk_serve_some(q, &orphans);
	} while (state != BAO_VQ_MORE && !bao_blk_rest(q, orphans));

	return state;
}

/**
 * bao_blk_vq_start() - &bao_vdev_model.vq_start
 * @vq: queue
 *
 * Return: 0
 */
int bao_blk_vq_start(struct bao_vq *vq)
{
	struct bao_blk *blk = to_bao_blk(bao_vq_vdev(vq));
	struct bao_blk_queue *q = &blk->backing->queues[bao_vq_index(vq)];

	q->vq = vq;
	bao_vq_set_priv(vq, q);

	return 0;
}

/**
 * bao_blk_refuse() - &bao_vdev_model.refuse
 * @vq: queue
 * @chain: request
 * @len: out: as for bao_blk_push()
 *
 * Return: true
 */
bool bao_blk_refuse(struct bao_vq *vq, const struct bao_vchain *chain, u32 *len)
{
	u8 *status = bao_blk_find_status(chain);

	if (status) {
		WRITE_ONCE(*status, VIRTIO_BLK_S_IOERR);
		*len = chain->in_len;
	}

	return true;
}

/*
 * What was under way in the run that is over. Orphans have their own copies of the data, and only
 * the serving thread looks at the answer's place: so the driver can have it all back at once.
 */
static void bao_blk_refuse_run(struct bao_blk_queue *q, unsigned int run)
{
	struct bao_blk_request *req;
	unsigned int i;

	for (i = 0; i < q->nr_requests; i++) {
		req = &q->requests[i];
		if (!req->taken || req->run != run)
			continue;
		WRITE_ONCE(*req->status, VIRTIO_BLK_S_IOERR);
		bao_vq_push(q->vq, req->id, req->in_len);
	}
	bao_vq_publish(q->vq);
}

/**
 * bao_blk_vq_stop() - &bao_vdev_model.vq_stop
 * @vq: queue
 *
 * Makes orphans of what is under way. Waits only for those who work on the window. If the device is
 * taken down, the driver gets an answer to all of it.
 */
void bao_blk_vq_stop(struct bao_vq *vq)
{
	struct bao_blk_queue *q = bao_vq_priv(vq);
	struct bao_blk_backing *backing = q->backing;
	struct bao_blk_request *req;
	unsigned int orphans, run;

	/* Together, so that none of them is done in between: each is counted once */
	spin_lock_irq(&backing->lock);
	spin_lock(&q->lock);
	orphans = q->nr_taken;
	list_for_each_entry(req, &q->done, node)
		if (req->run == q->run)
			orphans--;
	q->nr_taken = 0;
	run = q->run++;
	q->notify = false;
	WRITE_ONCE(backing->nr_orphans, backing->nr_orphans + orphans);
	spin_unlock(&q->lock);
	spin_unlock_irq(&backing->lock);

	/* No new ones: the run is over */
	spin_lock_irq(&q->lock);
	wait_event_lock_irq(q->unpinned, !q->pinned, q->lock);
	spin_unlock_irq(&q->lock);

	if (bao_vdev_is_refusing(bao_vq_vdev(vq)))
		bao_blk_refuse_run(q, run);
}
