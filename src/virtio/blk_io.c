// SPDX-License-Identifier: GPL-2.0
/*
 * What the backing does for requests of a disk
 *
 * Data are transferred in parts, each with a kiocb. The serving thread tries each part first, where
 * that is possible without blocking: what is in the page cache, or on fast hardware, costs no
 * switch to another thread. Else a worker does it, and there it may block for as long as it takes.
 */
#include <linux/types.h>	/* <linux/falloc.h> needs it first */
#include <linux/falloc.h>

#include "blk.h"

static bool bao_blk_writes_file(const struct bao_blk_request *req)
{
	return req->op == BAO_BLK_WRITE && S_ISREG(file_inode(req->iocb.ki_filp)->i_mode);
}

/*
 * Writes keep the file system from being frozen, until they are done, whoever is told so: lockdep
 * must not believe that this thread has a lock
 */
static bool bao_blk_start_write(struct bao_blk_request *req)
{
	struct super_block *sb = file_inode(req->iocb.ki_filp)->i_sb;

	if (!bao_blk_writes_file(req))
		return true;
	if (!req->nowait)
		sb_start_write(sb);
	else if (!sb_start_write_trylock(sb))
		return false;
	__sb_writers_release(sb, SB_FREEZE_WRITE);

	return true;
}

static void bao_blk_end_write(struct bao_blk_request *req)
{
	struct super_block *sb = file_inode(req->iocb.ki_filp)->i_sb;

	if (!bao_blk_writes_file(req))
		return;
	__sb_writers_acquired(sb, SB_FREEZE_WRITE);
	sb_end_write(sb);
}

/* Whether a part that is over has to be done once more, in a way that is more likely to work */
static bool bao_blk_again(struct bao_blk_request *req)
{
	struct bao_blk_backing *backing = req->queue->backing;

	if (req->nowait && req->result == -EAGAIN)
		return true;
	if (req->nowait && req->result == -EOPNOTSUPP) {
		WRITE_ONCE(backing->blocking[req->direct][req->op == BAO_BLK_WRITE], true);
		return true;
	}
	/* It is stricter about alignment than it has said */
	if (req->direct && req->result == -EINVAL) {
		req->direct = false;
		return true;
	}

	return false;
}

/*
 * Completion of a part. The submitter may look at the kiocb after that, so the one of us that is
 * the last to hold the request goes on with it.
 */
static void bao_blk_complete(struct kiocb *iocb, long result)
{
	struct bao_blk_request *req = container_of(iocb, struct bao_blk_request, iocb);

	req->result = result;
	if (!atomic_dec_and_test(&req->holders))
		return;

	bao_blk_end_write(req);
	if (bao_blk_again(req)) {
		bao_blk_unpin(req);
		queue_work(req->queue->backing->wq, &req->work);
	} else {
		bao_blk_finish(req);
	}
}

static void bao_blk_init_iocb(struct bao_blk_request *req, bool nowait)
{
	struct bao_blk_backing *backing = req->queue->backing;
	struct kiocb *iocb = &req->iocb;

	init_sync_kiocb(iocb, backing->file);
	iocb->ki_pos = req->pos;
	req->nowait = nowait;
	if (nowait)
		iocb->ki_flags |= IOCB_NOWAIT;
	if (req->op == BAO_BLK_WRITE && !READ_ONCE(backing->writeback))
		iocb->ki_flags |= IOCB_DSYNC;
	/* The page cache is always synchronous */
	if (req->direct) {
		iocb->ki_flags |= IOCB_DIRECT;
		iocb->ki_complete = bao_blk_complete;
	}
}

static void bao_blk_init_iter(struct bao_blk_request *req, struct iov_iter *iter)
{
	if (req->way == BAO_BLK_BOUNCE) {
		iov_iter_bvec(iter, req->op == BAO_BLK_WRITE ? ITER_SOURCE : ITER_DEST, req->bvecs,
			      req->nr_bvecs, req->part);
		return;
	}
	*iter = req->iter;
	iov_iter_truncate(iter, req->part);
}

/* Returns true if the part is over; else bao_blk_complete() goes on, or has done so */
static bool bao_blk_submit(struct bao_blk_request *req, bool nowait)
{
	const struct file_operations *fops = req->queue->backing->file->f_op;
	struct iov_iter iter;
	ssize_t ret;

	bao_blk_init_iocb(req, nowait);
	bao_blk_init_iter(req, &iter);
	if (!bao_blk_start_write(req)) {
		req->result = -EAGAIN;
		return true;
	}

	atomic_set(&req->holders, 2);
	if (req->op == BAO_BLK_WRITE)
		ret = fops->write_iter(&req->iocb, &iter);
	else
		ret = fops->read_iter(&req->iocb, &iter);
	if (ret != -EIOCBQUEUED)
		req->result = ret;
	else if (!atomic_dec_and_test(&req->holders))
		return false;
	bao_blk_end_write(req);

	return true;
}

static bool bao_blk_can_try(const struct bao_blk_request *req)
{
	const struct bao_blk_backing *backing = req->queue->backing;
	bool write = req->op == BAO_BLK_WRITE;

	if (!bao_blk_moves_data(req) || !(backing->file->f_mode & FMODE_NOWAIT))
		return false;
	/* Through the page cache and onto the disk: that takes time */
	if (write && !req->direct && !READ_ONCE(backing->writeback))
		return false;

	/* Much of it, and others get the processor: workers move the rest of this round */
	if (req->queue->moved >= BAO_BLK_ROUND)
		return false;

	return !READ_ONCE(backing->blocking[req->direct][write]);
}

/**
 * bao_blk_try() - do what a request is for, or the next part of it
 * @req: request
 *
 * Context: the serving thread
 * Return: true if that is over, see &bao_blk_request.result; false if it is under way, and
 * bao_blk_finish() has been or will be called
 */
bool bao_blk_try(struct bao_blk_request *req)
{
	bool pin = req->way == BAO_BLK_ZERO_COPY;

	if (bao_blk_can_try(req)) {
		/* While we serve it is no orphan; but it may still be under way after that */
		if (pin)
			bao_blk_claim(req);
		if (!bao_blk_submit(req, true))
			return false;
		if (pin)
			bao_blk_unpin(req);
		if (!bao_blk_again(req)) {
			req->queue->moved += req->part;
			return true;
		}
	}
	queue_work(req->queue->backing->wq, &req->work);

	return false;
}

/* A discard is a hint: what is no whole block of the device may stay */
static int bao_blk_discard_blocks(const struct bao_blk_backing *backing,
				  const struct bao_blk_range *range)
{
	u64 pos = round_up((u64)range->pos, (u64)backing->block_size);
	u64 end = round_down((u64)(range->pos + range->len), (u64)backing->block_size);

	if (pos >= end)
		return 0;

	return blkdev_issue_discard(backing->bdev, pos >> SECTOR_SHIFT,
				    (end - pos) >> SECTOR_SHIFT, GFP_KERNEL);
}

static int bao_blk_discard(const struct bao_blk_backing *backing,
			   const struct bao_blk_range *range)
{
	if (backing->bdev)
		return bao_blk_discard_blocks(backing, range);

	return vfs_fallocate(backing->file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			     range->pos, range->len);
}

static int bao_blk_zero(const struct bao_blk_backing *backing, const struct bao_blk_range *range)
{
	int ret = -EOPNOTSUPP;

	/* Parts of blocks have to be written as data; the driver can do that as well as we */
	if (backing->bdev && (range->pos | range->len) & (backing->block_size - 1))
		return ret;

	if (range->unmap)
		ret = vfs_fallocate(backing->file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				    range->pos, range->len);
	if (ret == -EOPNOTSUPP)
		ret = vfs_fallocate(backing->file, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE,
				    range->pos, range->len);

	return ret;
}

static int bao_blk_do_ranges(struct bao_blk_request *req)
{
	const struct bao_blk_backing *backing = req->queue->backing;
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < req->nr_ranges; i++) {
		if (!bao_blk_claim(req))
			return -ECANCELED;
		if (req->op == BAO_BLK_DISCARD)
			ret = bao_blk_discard(backing, &req->ranges[i]);
		else
			ret = bao_blk_zero(backing, &req->ranges[i]);
	}

	return ret;
}

/* Returns false if somebody else finishes the request */
static bool bao_blk_do(struct bao_blk_request *req)
{
	switch (req->op) {
	case BAO_BLK_READ:
	case BAO_BLK_WRITE:
		do {
			if (!bao_blk_submit(req, false))
				return false;
		} while (bao_blk_again(req));
		break;
	case BAO_BLK_FLUSH:
		req->result = vfs_fsync(req->queue->backing->file, 1);
		break;
	default:
		req->result = bao_blk_do_ranges(req);
		break;
	}

	return true;
}

/**
 * bao_blk_work() - &bao_blk_request.work: do what a request is for, or the next part of it
 * @work: in the request
 *
 * Context: a worker of the backing
 */
void bao_blk_work(struct work_struct *work)
{
	struct bao_blk_request *req = container_of(work, struct bao_blk_request, work);

	if (!bao_blk_claim(req))
		req->result = -ECANCELED;
	else if (!bao_blk_do(req))
		return;
	bao_blk_finish(req);
}
