// SPDX-License-Identifier: GPL-2.0
/*
 * virtio-blk requests on a disk image. Each is idempotent, which is what a restart relies on.
 */
#include <endian.h>
#include <string.h>
#include <unistd.h>

#include <linux/virtio_blk.h>
#include <linux/virtio_ids.h>

#include "dm.h"

static uint64_t blk_features(struct dm *dm)
{
	return 1ull << VIRTIO_BLK_F_SEG_MAX | 1ull << VIRTIO_BLK_F_BLK_SIZE |
	       1ull << VIRTIO_BLK_F_FLUSH | (dm->read_only ? 1ull << VIRTIO_BLK_F_RO : 0);
}

static void blk_config(struct dm *dm, uint8_t *config, size_t size)
{
	struct virtio_blk_config blk = {
		.capacity = htole64(dm->sectors),
		.seg_max = htole32(SEG_MAX),
		.blk_size = htole32(SECTOR_SIZE),
	};

	memcpy(config, &blk, size < sizeof(blk) ? size : sizeof(blk));
}

/* Moves the first len bytes of the segments to buf; false if there are fewer */
static bool take(struct iovec *seg, unsigned int nr, void *buf, size_t len)
{
	unsigned int i;

	for (i = 0; i < nr && len; i++) {
		size_t n = seg[i].iov_len < len ? seg[i].iov_len : len;

		memcpy(buf, seg[i].iov_base, n);
		seg[i].iov_base = (uint8_t *)seg[i].iov_base + n;
		seg[i].iov_len -= n;
		buf = (uint8_t *)buf + n;
		len -= n;
	}
	return !len;
}

/* Cuts the last byte off the segments, which is where the status goes */
static uint8_t *cut_status(struct iovec *seg, unsigned int nr)
{
	while (nr--) {
		if (seg[nr].iov_len)
			return (uint8_t *)seg[nr].iov_base + --seg[nr].iov_len;
	}
	return NULL;
}

static uint64_t length(const struct iovec *seg, unsigned int nr)
{
	uint64_t sum = 0;	/* at most QUEUE_MAX segments of 32 bits each */

	while (nr--)
		sum += seg[nr].iov_len;
	return sum;
}

/* All of a segment, whatever the number of system calls it takes */
static bool transfer(int fd, const struct iovec *seg, uint64_t pos, bool write)
{
	size_t done = 0;

	while (done < seg->iov_len) {
		uint8_t *buf = (uint8_t *)seg->iov_base + done;
		ssize_t n;

		if (write)
			n = pwrite(fd, buf, seg->iov_len - done, pos + done);
		else
			n = pread(fd, buf, seg->iov_len - done, pos + done);
		if (n <= 0)
			return false;
		done += n;
	}
	return true;
}

static uint8_t move(struct dm *dm, uint64_t sector, const struct iovec *seg, unsigned int nr,
		    bool write)
{
	uint64_t len = length(seg, nr);
	uint64_t pos = sector * SECTOR_SIZE;
	unsigned int i;

	if (len % SECTOR_SIZE || sector > dm->sectors || len / SECTOR_SIZE > dm->sectors - sector)
		return VIRTIO_BLK_S_IOERR;
	for (i = 0; i < nr; i++) {
		if (!transfer(dm->image, &seg[i], pos, write))
			return VIRTIO_BLK_S_IOERR;
		pos += seg[i].iov_len;
	}
	return VIRTIO_BLK_S_OK;
}

static uint8_t get_id(struct dm *dm, struct iovec *seg, unsigned int nr)
{
	char id[VIRTIO_BLK_ID_BYTES] = "bao-dm-";
	uint64_t len = length(seg, nr);
	size_t done = 0;
	unsigned int i;

	id[strlen(id)] = 'a' + dm->state->dm_id % 26;
	if (len < sizeof(id))
		return VIRTIO_BLK_S_IOERR;
	for (i = 0; i < nr && done < sizeof(id); i++) {
		size_t n = seg[i].iov_len;

		if (n > sizeof(id) - done)
			n = sizeof(id) - done;
		memcpy(seg[i].iov_base, id + done, n);
		done += n;
	}
	return VIRTIO_BLK_S_OK;
}

/* False if the chain cannot even take a status */
bool blk_serve(struct dm *dm, struct chain *chain, uint32_t *written)
{
	struct virtio_blk_outhdr hdr;
	uint8_t *status = cut_status(chain->in, chain->nr_in);
	uint64_t in = 0;
	uint8_t result;

	if (!status || !take(chain->out, chain->nr_out, &hdr, sizeof(hdr)))
		return false;

	switch (le32toh(hdr.type)) {
	case VIRTIO_BLK_T_IN:
		in = length(chain->in, chain->nr_in);
		result = move(dm, le64toh(hdr.sector), chain->in, chain->nr_in, false);
		break;
	case VIRTIO_BLK_T_OUT:
		if (dm->read_only)
			result = VIRTIO_BLK_S_IOERR;
		else
			result = move(dm, le64toh(hdr.sector), chain->out, chain->nr_out, true);
		break;
	case VIRTIO_BLK_T_FLUSH:
		result = fdatasync(dm->image) ? VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_OK;
		break;
	case VIRTIO_BLK_T_GET_ID:
		in = VIRTIO_BLK_ID_BYTES;
		result = get_id(dm, chain->in, chain->nr_in);
		break;
	default:
		result = VIRTIO_BLK_S_UNSUPP;
		break;
	}

	/* After an error, how much of the data was written is not said: then it is none */
	*written = 1 + (result == VIRTIO_BLK_S_OK ? in : 0);
	*status = result;
	return true;
}

const struct dm_model blk_model = {
	.device_id = VIRTIO_ID_BLOCK,
	.nr_queues = 1,
	.nr_kicked = 1,
	.features = blk_features,
	.config = blk_config,
	.start = queue_start,
	.stop = queue_stop,
};
