// SPDX-License-Identifier: GPL-2.0
/*
 * Requests of a disk: what the driver wants, whether it can have it, and its data on their way
 * through bounce pages. All of this is done by the serving thread.
 *
 * The driver decides how a request is cut into segments. What it reads are first the header, then
 * data; what it writes, first data, then the status in the last byte. Whatever is in the window is
 * copied before it is checked, but for data, which nothing depends on.
 */
#include <linux/mm.h>
#include <linux/sched.h>

#include "blk.h"

/**
 * bao_blk_find_status() - find where a request is answered
 * @chain: the request
 *
 * Context: any
 * Return: the last byte that we may write, or NULL if there is none
 */
u8 *bao_blk_find_status(const struct bao_vchain *chain)
{
	unsigned int i = chain->out + chain->in;

	while (i-- > chain->out)
		if (chain->iov[i].iov_len)
			return chain->iov[i].iov_base + chain->iov[i].iov_len - 1;

	return NULL;
}

/* Data are @len bytes of these segments, after @skip bytes; false if there are too many segments */
static bool bao_blk_set_segs(struct bao_blk_request *req, const struct kvec *iov, unsigned int nr,
			     size_t skip, size_t len)
{
	size_t n;

	req->nr_segs = 0;
	for (; nr && len; nr--, iov++) {
		if (skip >= iov->iov_len) {
			skip -= iov->iov_len;
			continue;
		}
		if (req->nr_segs == BAO_BLK_SEGMENTS)
			return false;
		n = min(iov->iov_len - skip, len);
		req->segs[req->nr_segs].iov_base = iov->iov_base + skip;
		req->segs[req->nr_segs].iov_len = n;
		req->nr_segs++;
		skip = 0;
		len -= n;
	}

	return true;
}

static bool bao_blk_has_sectors(struct bao_blk_backing *backing, u64 sector, u64 nr)
{
	u64 sectors = atomic64_read(&backing->sectors);

	return sector <= sectors && nr <= sectors - sector;
}

static u8 bao_blk_parse_data(struct bao_blk_request *req, const struct bao_vchain *chain,
			     u64 sector)
{
	struct bao_blk_backing *backing = req->queue->backing;
	bool write = req->op == BAO_BLK_WRITE, fits;
	u32 len;

	if (write && backing->read_only)
		return VIRTIO_BLK_S_IOERR;

	len = write ? chain->out_len - sizeof(struct virtio_blk_outhdr) : chain->in_len - 1;
	if (len % SECTOR_SIZE || !bao_blk_has_sectors(backing, sector, len >> SECTOR_SHIFT))
		return VIRTIO_BLK_S_IOERR;

	if (write)
		fits = bao_blk_set_segs(req, chain->iov, chain->out,
					sizeof(struct virtio_blk_outhdr), len);
	else
		fits = bao_blk_set_segs(req, chain->iov + chain->out, chain->in, 0, len);
	if (!fits)
		return VIRTIO_BLK_S_IOERR;

	req->pos = sector << SECTOR_SHIFT;
	req->left = len;
	iov_iter_kvec(&req->iter, write ? ITER_SOURCE : ITER_DEST, req->segs, req->nr_segs, len);
	if (!len)
		req->op = BAO_BLK_NOTHING;

	return VIRTIO_BLK_S_OK;
}

static u8 bao_blk_parse_range(struct bao_blk_request *req,
			      const struct virtio_blk_discard_write_zeroes *desc)
{
	bool discard = req->op == BAO_BLK_DISCARD;
	struct bao_blk_backing *backing = req->queue->backing;
	struct bao_blk_range *range = &req->ranges[req->nr_ranges];
	u64 sector = le64_to_cpu(desc->sector);
	u32 nr = le32_to_cpu(desc->num_sectors);
	u32 flags = le32_to_cpu(desc->flags);

	/* A discard has no flags at all */
	if (flags & ~(discard ? 0 : VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP))
		return VIRTIO_BLK_S_UNSUPP;
	if (nr > (discard ? backing->max_discard : backing->max_zeroes) ||
	    !bao_blk_has_sectors(backing, sector, nr))
		return VIRTIO_BLK_S_IOERR;
	if (!nr)
		return VIRTIO_BLK_S_OK;

	range->pos = sector << SECTOR_SHIFT;
	range->len = (loff_t)nr << SECTOR_SHIFT;
	range->unmap = flags & VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP;
	req->nr_ranges++;

	return VIRTIO_BLK_S_OK;
}

static u8 bao_blk_parse_ranges(struct bao_blk_request *req, struct iov_iter *out,
			       unsigned int feature)
{
	struct virtio_blk_discard_write_zeroes desc;
	size_t len = iov_iter_count(out);
	u8 status = VIRTIO_BLK_S_OK;

	if (!bao_vdev_has_feature(bao_vq_vdev(req->queue->vq), feature))
		return VIRTIO_BLK_S_UNSUPP;
	if (!len || len % sizeof(desc) || len / sizeof(desc) > BAO_BLK_RANGES)
		return VIRTIO_BLK_S_IOERR;

	req->nr_ranges = 0;
	while (status == VIRTIO_BLK_S_OK && copy_from_iter_full(&desc, sizeof(desc), out))
		status = bao_blk_parse_range(req, &desc);

	return status;
}

static u8 bao_blk_parse_get_id(struct bao_blk_request *req, const struct bao_vchain *chain)
{
	const char *serial = req->queue->backing->serial;
	struct iov_iter in;

	if (chain->in_len - 1 < VIRTIO_BLK_ID_BYTES)
		return VIRTIO_BLK_S_IOERR;

	iov_iter_kvec(&in, ITER_DEST, chain->iov + chain->out, chain->in, VIRTIO_BLK_ID_BYTES);
	if (copy_to_iter(serial, VIRTIO_BLK_ID_BYTES, &in) != VIRTIO_BLK_ID_BYTES)
		return VIRTIO_BLK_S_IOERR;

	return VIRTIO_BLK_S_OK;
}

/* Sets @op, and what belongs to it; anything but VIRTIO_BLK_S_OK is the answer */
static u8 bao_blk_parse(struct bao_blk_request *req, const struct bao_vchain *chain)
{
	struct virtio_blk_outhdr hdr;
	struct iov_iter out;

	req->op = BAO_BLK_NOTHING;
	iov_iter_kvec(&out, ITER_SOURCE, chain->iov, chain->out, chain->out_len);
	if (!copy_from_iter_full(&hdr, sizeof(hdr), &out))
		return VIRTIO_BLK_S_IOERR;

	switch (__virtio32_to_cpu(true, hdr.type)) {
	case VIRTIO_BLK_T_IN:
		req->op = BAO_BLK_READ;
		return bao_blk_parse_data(req, chain, __virtio64_to_cpu(true, hdr.sector));
	case VIRTIO_BLK_T_OUT:
		req->op = BAO_BLK_WRITE;
		return bao_blk_parse_data(req, chain, __virtio64_to_cpu(true, hdr.sector));
	case VIRTIO_BLK_T_FLUSH:
		req->op = BAO_BLK_FLUSH;
		return VIRTIO_BLK_S_OK;
	case VIRTIO_BLK_T_GET_ID:
		return bao_blk_parse_get_id(req, chain);
	case VIRTIO_BLK_T_DISCARD:
		req->op = BAO_BLK_DISCARD;
		return bao_blk_parse_ranges(req, &out, VIRTIO_BLK_F_DISCARD);
	case VIRTIO_BLK_T_WRITE_ZEROES:
		req->op = BAO_BLK_ZERO;
		return bao_blk_parse_ranges(req, &out, VIRTIO_BLK_F_WRITE_ZEROES);
	default:
		return VIRTIO_BLK_S_UNSUPP;
	}
}

/* Let the backing work on the window's pages, if that has some, and if they suit it */
static bool bao_blk_map_window(struct bao_blk_request *req)
{
	struct bao_blk_backing *backing = req->queue->backing;
	struct bao_vdev *vdev = bao_vq_vdev(req->queue->vq);
	bool write = req->op == BAO_BLK_WRITE;
	unsigned int i;

	if ((write && backing->stable) || (req->pos | req->left) & backing->dio_mask)
		return false;

	for (i = 0; i < req->nr_segs; i++) {
		void *base = req->segs[i].iov_base;
		size_t len = req->segs[i].iov_len;
		struct page *page = bao_vdev_page(vdev, base);

		if (!page || !bao_vdev_page(vdev, base + len - 1))
			return false;
		if ((uintptr_t)base & backing->mem_mask || len & backing->dio_mask)
			return false;
		req->bvecs[i] = (struct bio_vec) {
			.bv_page = page,
			.bv_len = len,
			.bv_offset = offset_in_page(base),
		};
	}
	iov_iter_bvec(&req->iter, write ? ITER_SOURCE : ITER_DEST, req->bvecs, req->nr_segs,
		      req->left);

	return true;
}

/* Choose the way of the data; returns false if there are no pages for it now */
static bool bao_blk_choose_way(struct bao_blk_request *req)
{
	if (!req->queue->backing->direct) {
		req->way = BAO_BLK_PLAIN;
		return true;
	}
	if (bao_blk_map_window(req)) {
		req->way = BAO_BLK_ZERO_COPY;
		return true;
	}
	req->way = BAO_BLK_BOUNCE;

	return bao_blk_take_pages(req, req->left);
}

/* Data go to bounce pages. @iter stays: the backing may take less than it is offered. */
static void bao_blk_fill_pages(struct bao_blk_request *req)
{
	struct iov_iter iter = req->iter;
	size_t left = req->part;
	struct bio_vec *bvec;

	for (bvec = req->bvecs; left; bvec++) {
		bvec->bv_offset = 0;
		bvec->bv_len = min_t(size_t, left, PAGE_SIZE);
		if (req->op == BAO_BLK_WRITE)
			copy_page_from_iter(bvec->bv_page, 0, bvec->bv_len, &iter);
		left -= bvec->bv_len;
	}
	req->nr_bvecs = bvec - req->bvecs;
}

static void bao_blk_next_part(struct bao_blk_request *req)
{
	struct bao_blk_backing *backing = req->queue->backing;

	if (req->way == BAO_BLK_BOUNCE) {
		req->part = min_t(size_t, req->left, (size_t)req->nr_pages << PAGE_SHIFT);
		bao_blk_fill_pages(req);
	} else {
		req->part = min_t(size_t, req->left, BAO_BLK_WINDOW_PART);
	}
	req->direct = req->way != BAO_BLK_PLAIN &&
		      !((req->pos | req->part) & backing->dio_mask);
}

/* The page cache copies, too */
static void bao_blk_count(struct bao_blk_request *req, size_t len)
{
	atomic64_t *count = req->queue->count;

	atomic64_add(len, &count[BAO_BLK_TRANSFERRED]);
	if (req->way != BAO_BLK_ZERO_COPY || !req->direct)
		atomic64_add(len, &count[BAO_BLK_COPIED]);
}

/* A part is over, with success */
static void bao_blk_end_part(struct bao_blk_request *req)
{
	size_t left = min_t(size_t, req->result, req->part), n;
	struct bio_vec *bvec;

	bao_blk_count(req, left);
	req->pos += left;
	req->left -= left;
	if (req->op == BAO_BLK_WRITE || req->way != BAO_BLK_BOUNCE) {
		iov_iter_advance(&req->iter, left);
		return;
	}

	for (bvec = req->bvecs; left; bvec++) {
		n = min_t(size_t, left, bvec->bv_len);
		copy_page_to_iter(bvec->bv_page, 0, n, &req->iter);
		left -= n;
	}
}

static u8 bao_blk_status(const struct bao_blk_request *req)
{
	if (!req->result)
		return VIRTIO_BLK_S_OK;

	return req->result == -EOPNOTSUPP ? VIRTIO_BLK_S_UNSUPP : VIRTIO_BLK_S_IOERR;
}

/**
 * bao_blk_go_on() - go on with a request whose last part is over
 * @req: request
 *
 * A backing may transfer less than it is told to. If it transfers nothing, a file has been cut
 * short: that is an error, as what the driver has written there is lost.
 *
 * Context: the serving thread
 */
void bao_blk_go_on(struct bao_blk_request *req)
{
	if (!bao_blk_moves_data(req)) {
		bao_blk_push(req, bao_blk_status(req));
		return;
	}

	do {
		if (req->result <= 0) {
			bao_blk_push(req, VIRTIO_BLK_S_IOERR);
			return;
		}
		bao_blk_end_part(req);
		if (!req->left) {
			bao_blk_push(req, VIRTIO_BLK_S_OK);
			return;
		}
		cond_resched();
		bao_blk_next_part(req);
	} while (bao_blk_try(req));
}

/**
 * bao_blk_begin() - begin a request
 * @req: unused request
 * @chain: what the driver has made available
 *
 * Context: the serving thread
 * Return: 0 if it has been begun, or answered; -EAGAIN if there is not enough memory for it now;
 * -EPROTO if there is no room for an answer: the device is broken
 */
int bao_blk_begin(struct bao_blk_request *req, const struct bao_vchain *chain)
{
	u8 status;

	req->id = chain->id;
	req->in_len = chain->in_len;
	req->status = bao_blk_find_status(chain);
	if (!req->status) {
		bao_vdev_break(bao_vq_vdev(req->queue->vq), "a request has no room for its status");
		return -EPROTO;
	}

	status = bao_blk_parse(req, chain);
	if (status != VIRTIO_BLK_S_OK || req->op == BAO_BLK_NOTHING) {
		bao_blk_push(req, status);
		return 0;
	}

	if (bao_blk_moves_data(req)) {
		if (!bao_blk_choose_way(req))
			return -EAGAIN;
		bao_blk_next_part(req);
	}
	if (bao_blk_try(req))
		bao_blk_go_on(req);

	return 0;
}
