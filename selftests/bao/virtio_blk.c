// SPDX-License-Identifier: GPL-2.0
/*
 * Disks in the kernel: what requests do and how bad ones are answered, framing, configuration, and
 * backings that fail
 */
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "virtio_disk.h"

#define DM		0
#define SIZE		64
#define SECTORS		2048
#define DISK_SIZE	(SECTORS * SECTOR)
#define ROOM		65536

/* A field of the configuration space */
#define CONFIG(v, field)							\
	virtio_config(v, offsetof(struct virtio_blk_config, field),		\
		      sizeof(((struct virtio_blk_config *)NULL)->field))

#define IOERR		VIRTIO_BLK_S_IOERR
#define UNSUPP		VIRTIO_BLK_S_UNSUPP

#define F_PACKED	FEATURE(VIRTIO_F_RING_PACKED)
#define F_EVENT		FEATURE(VIRTIO_RING_F_EVENT_IDX)
#define F_INDIRECT	FEATURE(VIRTIO_RING_F_INDIRECT_DESC)
#define F_ORDER		FEATURE(VIRTIO_F_IN_ORDER)
#define F_DISCARD	FEATURE(VIRTIO_BLK_F_DISCARD)
#define F_ZEROES	FEATURE(VIRTIO_BLK_F_WRITE_ZEROES)
#define F_FLUSH		FEATURE(VIRTIO_BLK_F_FLUSH)

/* A RAM disk, where the kernel has one */
#define RAM_DISK	"/dev/ram0"

FIXTURE(blk) {
	struct disk d;
	struct virtio *v;
	struct vqueue *q;
	struct window *w;
	char *data;
};

FIXTURE_VARIANT(blk) {
	__u64 features;
	bool direct;
	const char *path;
};

FIXTURE_VARIANT_ADD(blk, file) {
	.features = F_EVENT | F_INDIRECT,
	.direct = true,
};

FIXTURE_VARIANT_ADD(blk, cached_file) {
	.features = F_PACKED | F_EVENT | F_INDIRECT,
	.direct = false,
};

FIXTURE_VARIANT_ADD(blk, block_device) {
	.features = F_PACKED | F_ORDER,
	.direct = true,
	.path = RAM_DISK,
};

FIXTURE_SETUP(blk)
{
	int ret;

	VIRTIO_OR_SKIP("blk");
	if (variant->path && access(variant->path, R_OK | W_OK))
		SKIP(_exit(0), "there is no %s", variant->path);
	self->v = &self->d.v;
	self->q = &self->v->queue[0];
	if (variant->path)
		ret = disk_make_on(&self->d, DM, "blk", variant->path);
	else
		ret = disk_make(&self->d, DM, "blk", DISK_SIZE);
	ASSERT_EQ(0, ret);
	ASSERT_LE(DISK_SIZE, self->d.size);
	ASSERT_EQ(0, virtio_set(self->v, "direct", "%d", variant->direct));
	ASSERT_EQ(0, virtio_set(self->v, "queue_size", "%u", SIZE));
	self->w = self->v->window;
	self->data = window_alloc(self->w, ROOM, 4096);
	ASSERT_TRUE(!!self->data);
}

FIXTURE_TEARDOWN(blk)
{
	disk_remove(&self->d);
	VIRTIO_TEAR_DOWN();
}

#define GO_LIVE_WITH(extra) do {						\
	ASSERT_EQ(0, disk_go_live(&self->d));					\
	ASSERT_EQ(0, virtio_start(self->v, variant->features | (extra), 1, SIZE));\
} while (0)

#define GO_LIVE()	GO_LIVE_WITH(0)

static int request(struct vqueue *q, __u32 type, __u64 sector, void *data, __u32 len)
{
	return disk_request(q, type, sector, data, len);
}

/* What is in the backing, seen from this side */
static bool backing_matches(struct disk *d, __u64 sector, unsigned int sectors, __u64 seed)
{
	char data[16 * SECTOR];

	return sectors <= 16 &&
	       pread(d->fd, data, sectors * SECTOR, sector * SECTOR) == sectors * SECTOR &&
	       disk_matches(data, sector, sectors, seed);
}

static bool backing_is_zero(struct disk *d, __u64 sector, unsigned int sectors)
{
	char data[SECTOR], zero[SECTOR] = { 0 };

	for (; sectors; sectors--, sector++) {
		if (pread(d->fd, data, SECTOR, sector * SECTOR) != SECTOR ||
		    memcmp(data, zero, SECTOR))
			return false;
	}
	return true;
}

/* Requests */

TEST_F(blk, tells_what_it_is)
{
	GO_LIVE();
	EXPECT_EQ(VIRTIO_ID_BLOCK, virtio_read(self->v, VIRTIO_MMIO_DEVICE_ID));
	EXPECT_EQ(self->d.size / SECTOR, CONFIG(self->v, capacity));
	EXPECT_TRUE(virtio_offered(self->v) & FEATURE(VIRTIO_BLK_F_SEG_MAX));
	EXPECT_LT(0, CONFIG(self->v, seg_max));
	EXPECT_TRUE(virtio_offered(self->v) & FEATURE(VIRTIO_BLK_F_BLK_SIZE));
	EXPECT_LE(SECTOR, CONFIG(self->v, blk_size));
	EXPECT_TRUE(virtio_offered(self->v) & F_FLUSH);
	EXPECT_FALSE(virtio_offered(self->v) & FEATURE(VIRTIO_BLK_F_RO));
}

TEST_F(blk, reads_what_is_there)
{
	disk_fill(self->data, 100, 16, 1);
	ASSERT_EQ(16 * SECTOR, pwrite(self->d.fd, self->data, 16 * SECTOR, 100 * SECTOR));
	ASSERT_EQ(0, fsync(self->d.fd));
	memset(self->data, 0, ROOM);
	GO_LIVE();
	EXPECT_EQ(0, request(self->q, VIRTIO_BLK_T_IN, 100, self->data, 16 * SECTOR));
	EXPECT_TRUE(disk_matches(self->data, 100, 16, 1));
	EXPECT_EQ(0, self->data[16 * SECTOR]);
}

TEST_F(blk, writes_what_it_is_given)
{
	unsigned int i;

	GO_LIVE();
	for (i = 1; i < 16; i++) {
		__u64 sector = i * 37;

		disk_fill(self->data, sector, i, i);
		EXPECT_EQ(0, request(self->q, VIRTIO_BLK_T_OUT, sector, self->data, i * SECTOR));
		EXPECT_EQ(0, request(self->q, VIRTIO_BLK_T_FLUSH, 0, NULL, 0));
		EXPECT_TRUE(backing_matches(&self->d, sector, i, i));
	}
}

/* The simulator's windows have pages, which a block device can work on */
TEST_F(blk, counts_what_it_transfers_and_copies)
{
	const unsigned int len = 16 * SECTOR;

	GO_LIVE();
	EXPECT_EQ(0, virtio_get(self->v, "transferred"));
	EXPECT_EQ(0, virtio_get(self->v, "copied"));
	disk_fill(self->data, 8, 16, 1);
	EXPECT_EQ(0, request(self->q, VIRTIO_BLK_T_OUT, 8, self->data, len));
	EXPECT_EQ(0, request(self->q, VIRTIO_BLK_T_IN, 8, self->data, len));
	EXPECT_EQ(2 * len, virtio_get(self->v, "transferred"));
	if (!variant->direct)
		EXPECT_EQ(2 * len, virtio_get(self->v, "copied"));
	if (variant->path)
		EXPECT_EQ(0, virtio_get(self->v, "copied"));

	/* Not as the backing wants it */
	EXPECT_EQ(0, request(self->q, VIRTIO_BLK_T_IN, 8, self->data + 4, len));
	EXPECT_TRUE(disk_matches(self->data + 4, 8, 16, 1));
	EXPECT_EQ(3 * len, virtio_get(self->v, "transferred"));
	if (variant->path)
		EXPECT_EQ(len, virtio_get(self->v, "copied"));

	/* What is no data, and what fails */
	EXPECT_EQ(0, request(self->q, VIRTIO_BLK_T_FLUSH, 0, NULL, 0));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR,
		  request(self->q, VIRTIO_BLK_T_IN, self->d.size / SECTOR, self->data, len));
	EXPECT_EQ(3 * len, virtio_get(self->v, "transferred"));
	ASSERT_EQ(0, virtio_set(self->v, "live", "0"));
	EXPECT_EQ(0, virtio_get(self->v, "transferred"));
	EXPECT_EQ(0, virtio_get(self->v, "copied"));
}

TEST_F(blk, reads_and_writes_at_both_ends)
{
	__u64 last;

	GO_LIVE();
	last = CONFIG(self->v, capacity) - 1;
	disk_fill(self->data, 0, 1, 7);
	EXPECT_EQ(0, request(self->q, VIRTIO_BLK_T_OUT, 0, self->data, SECTOR));
	disk_fill(self->data, last, 1, 7);
	EXPECT_EQ(0, request(self->q, VIRTIO_BLK_T_OUT, last, self->data, SECTOR));
	memset(self->data, 0, SECTOR);
	EXPECT_EQ(0, request(self->q, VIRTIO_BLK_T_IN, 0, self->data, SECTOR));
	EXPECT_TRUE(disk_matches(self->data, 0, 1, 7));
	EXPECT_EQ(0, request(self->q, VIRTIO_BLK_T_IN, last, self->data, SECTOR));
	EXPECT_TRUE(disk_matches(self->data, last, 1, 7));
}

TEST_F(blk, nothing_is_beyond_the_end)
{
	struct {
		__u64 sector;
		unsigned int sectors;
	} bad[] = {
		{ 0, 1 }, { -1, 2 }, { -15, 16 }, { 1, 1 }, { 1ull << 32, 1 }, { 1ull << 54, 1 },
		{ 1ull << 55, 1 }, { 1ull << 63, 1 },
	};
	__u64 end, absolute[] = { -1ull, -2ull, 1ull << 55, 1ull << 63, 0xffffffff00000000 };
	unsigned int i;

	GO_LIVE();
	end = CONFIG(self->v, capacity);
	disk_fill(self->data, 0, 16, 9);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		__u32 len = bad[i].sectors * SECTOR;
		__u64 sector = end + bad[i].sector;

		EXPECT_EQ(IOERR, request(self->q, VIRTIO_BLK_T_IN, sector, self->data, len));
		EXPECT_EQ(IOERR, request(self->q, VIRTIO_BLK_T_OUT, sector, self->data, len));
	}
	for (i = 0; i < ARRAY_SIZE(absolute); i++) {
		EXPECT_EQ(IOERR, request(self->q, VIRTIO_BLK_T_IN, absolute[i], self->data, 1024));
		EXPECT_EQ(IOERR, request(self->q, VIRTIO_BLK_T_OUT, absolute[i], self->data, 1024));
	}
	/* Neither has a part of it been written, nor has a file grown */
	EXPECT_FALSE(backing_matches(&self->d, end - 1, 1, 9));
	EXPECT_EQ(self->d.size, lseek(self->d.fd, 0, SEEK_END));
	EXPECT_EQ(STATUS_DRIVER_OK, virtio_status(self->v));
}

TEST_F(blk, data_are_whole_sectors)
{
	static const __u32 bad[] = { 1, 511, 513, 1023, 4095 };
	unsigned int i;

	GO_LIVE();
	memset(self->data, 0x77, ROOM);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(IOERR, request(self->q, VIRTIO_BLK_T_IN, 1000, self->data, bad[i]));
		EXPECT_EQ(0x77, self->data[0]);
		EXPECT_EQ(IOERR, request(self->q, VIRTIO_BLK_T_OUT, 1000, self->data, bad[i]));
	}
	EXPECT_EQ(0, request(self->q, VIRTIO_BLK_T_IN, 1000, self->data, SECTOR));
	EXPECT_NE(0x77, self->data[0]);
}

TEST_F(blk, tells_its_id)
{
	GO_LIVE();
	memset(self->data, 0x77, 64);
	EXPECT_EQ(0, request(self->q, VIRTIO_BLK_T_GET_ID, 0, self->data, VIRTIO_BLK_ID_BYTES));
	EXPECT_EQ(0, strncmp(self->data, "blk", VIRTIO_BLK_ID_BYTES));
	EXPECT_EQ(0x77, self->data[VIRTIO_BLK_ID_BYTES]);
	EXPECT_EQ(IOERR, request(self->q, VIRTIO_BLK_T_GET_ID, 0, self->data,
				 VIRTIO_BLK_ID_BYTES - 1));
	EXPECT_EQ(IOERR, request(self->q, VIRTIO_BLK_T_GET_ID, 0, NULL, 0));
}

TEST_F(blk, has_the_serial_number_that_was_set)
{
	ASSERT_EQ(-EINVAL, virtio_set(self->v, "serial", "123456789012345678901"));
	ASSERT_EQ(0, virtio_set(self->v, "serial", "12345678901234567890"));
	GO_LIVE();
	EXPECT_EQ(-EBUSY, virtio_set(self->v, "serial", "0"));
	EXPECT_EQ(0, request(self->q, VIRTIO_BLK_T_GET_ID, 0, self->data, VIRTIO_BLK_ID_BYTES));
	EXPECT_EQ(0, memcmp(self->data, "12345678901234567890", VIRTIO_BLK_ID_BYTES));
}

TEST_F(blk, knows_what_it_does_not_know)
{
	static const __u32 type[] = {
		2, 3, 5, 6, 7, 9, 10, 12, 14, 15, 16, 26, 100, 0x80000000, 0xffffffff,
	};
	unsigned int i;

	GO_LIVE();
	for (i = 0; i < ARRAY_SIZE(type); i++)
		EXPECT_EQ(UNSUPP, request(self->q, type[i], 0, self->data, SECTOR))
			TH_LOG("type %u", type[i]);
	/* These have not been negotiated */
	EXPECT_EQ(UNSUPP, request(self->q, VIRTIO_BLK_T_DISCARD, 0, self->data, 16));
	EXPECT_EQ(UNSUPP, request(self->q, VIRTIO_BLK_T_WRITE_ZEROES, 0, self->data, 16));
	EXPECT_EQ(STATUS_DRIVER_OK, virtio_status(self->v));
}

/* Framing */

static int chain(struct vqueue *q, const struct vsegment *segments, unsigned int out,
		 unsigned int in, __u32 *len)
{
	int ret = vq_add(q, segments, out, in);

	if (ret < 0)
		return ret;
	vq_submit(q);
	return vq_wait(q, len);
}

TEST_F(blk, framing_is_the_drivers)
{
	struct disk_io *io = window_alloc(self->w, sizeof(*io), 16);
	char *hdr = (char *)&io->hdr, *data = self->data;
	/* Header and data in one, and data and status; then each header byte in two parts */
	const struct vsegment write_in_two[] = { { data, 16 + SECTOR }, { &io->status, 1 } };
	const struct vsegment read_in_two[] = { { hdr, 16 }, { data, SECTOR + 1 } };
	const struct vsegment in_pieces[] = {
		{ hdr, 1 }, { hdr + 1, 6 }, { hdr + 7, 8 }, { hdr + 15, 1 }, { data, 1 },
		{ data + 1, 510 }, { data + 511, 2 }, { data + 513, 511 }, { &io->status, 1 },
	};
	const struct vsegment across[] = {
		{ hdr, 10 }, { hdr + 10, 6 }, { data, 100 }, { data + 100, 412 + 1 },
	};
	__u32 len;

	GO_LIVE();
	io->hdr.type = htole32(VIRTIO_BLK_T_OUT);
	io->hdr.sector = htole64(3);
	memcpy(data, hdr, 16);
	disk_fill(data + 16, 3, 1, 11);
	io->status = DISK_NO_STATUS;
	ASSERT_LE(0, chain(self->q, write_in_two, 1, 1, &len));
	EXPECT_EQ(0, io->status);
	EXPECT_EQ(1, len);

	io->hdr.type = htole32(VIRTIO_BLK_T_IN);
	memset(data, 0x77, 2 * SECTOR);
	ASSERT_LE(0, chain(self->q, read_in_two, 1, 1, &len));
	EXPECT_EQ(0, data[SECTOR]);
	EXPECT_EQ(SECTOR + 1, len);
	EXPECT_TRUE(disk_matches(data, 3, 1, 11));

	memset(data, 0x77, 2 * SECTOR);
	ASSERT_LE(0, chain(self->q, across, 2, 2, &len));
	EXPECT_EQ(0, data[SECTOR]);
	EXPECT_TRUE(disk_matches(data, 3, 1, 11));
	EXPECT_EQ(0x77, data[SECTOR + 1]);

	memset(data, 0x77, 3 * SECTOR);
	io->status = DISK_NO_STATUS;
	ASSERT_LE(0, chain(self->q, in_pieces, 4, 5, &len));
	EXPECT_EQ(0, io->status);
	EXPECT_EQ(2 * SECTOR + 1, len);
	EXPECT_TRUE(disk_matches(data, 3, 1, 11));

	disk_fill(data, 5, 2, 12);
	io->hdr.type = htole32(VIRTIO_BLK_T_OUT);
	io->hdr.sector = htole64(5);
	io->status = DISK_NO_STATUS;
	ASSERT_LE(0, chain(self->q, in_pieces, 8, 1, &len));
	EXPECT_EQ(0, io->status);
	EXPECT_EQ(0, request(self->q, VIRTIO_BLK_T_FLUSH, 0, NULL, 0));
	EXPECT_TRUE(backing_matches(&self->d, 5, 2, 12));
}

TEST_F(blk, a_header_is_as_long_as_it_is)
{
	struct disk_io *io = window_alloc(self->w, sizeof(*io), 16);
	const struct vsegment whole[] = { { &io->hdr, 15 }, { &io->status, 1 } };
	const struct vsegment parts[] = { { &io->hdr, 8 }, { &io->hdr, 7 }, { &io->status, 1 } };
	__u32 len;

	GO_LIVE();
	io->hdr.type = htole32(VIRTIO_BLK_T_FLUSH);
	io->status = DISK_NO_STATUS;
	ASSERT_LE(0, chain(self->q, whole, 1, 1, &len));
	EXPECT_EQ(IOERR, io->status);
	io->status = DISK_NO_STATUS;
	ASSERT_LE(0, chain(self->q, parts, 2, 1, &len));
	EXPECT_EQ(IOERR, io->status);
	/* None at all */
	io->status = DISK_NO_STATUS;
	ASSERT_LE(0, chain(self->q, whole + 1, 0, 1, &len));
	EXPECT_EQ(IOERR, io->status);
	EXPECT_EQ(STATUS_DRIVER_OK, virtio_status(self->v));
}

TEST_F(blk, who_takes_no_answer_gets_none)
{
	struct disk_io *io = window_alloc(self->w, sizeof(*io), 16);
	const struct vsegment segment = { &io->hdr, sizeof(io->hdr) };
	__u32 len;

	GO_LIVE();
	io->hdr.type = htole32(VIRTIO_BLK_T_FLUSH);
	/* There is no way to tell that this is wrong, but by a reset */
	EXPECT_EQ(-EIO, chain(self->q, &segment, 1, 0, &len));
	EXPECT_DISK_WORKS(&self->d, variant->features);
}

/* Discard, write zeroes */

static int range(struct vqueue *q, __u32 type, void *data, __u64 sector, __u32 sectors,
		 __u32 flags)
{
	struct virtio_blk_discard_write_zeroes *r = data;

	r->sector = htole64(sector);
	r->num_sectors = htole32(sectors);
	r->flags = htole32(flags);
	return disk_request(q, type, 0, data, sizeof(*r));
}

#define UNMAP VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP

TEST_F(blk, zeroes_are_written)
{
	GO_LIVE_WITH(F_ZEROES);
	disk_fill(self->data, 0, 64, 21);
	ASSERT_EQ(0, request(self->q, VIRTIO_BLK_T_OUT, 0, self->data, 64 * SECTOR));
	EXPECT_EQ(0, range(self->q, VIRTIO_BLK_T_WRITE_ZEROES, self->data, 8, 16, UNMAP));
	EXPECT_EQ(0, range(self->q, VIRTIO_BLK_T_WRITE_ZEROES, self->data, 37, 5, UNMAP));
	EXPECT_EQ(0, range(self->q, VIRTIO_BLK_T_WRITE_ZEROES, self->data, 60, 0, UNMAP));
	EXPECT_EQ(0, request(self->q, VIRTIO_BLK_T_FLUSH, 0, NULL, 0));
	EXPECT_TRUE(backing_matches(&self->d, 0, 8, 21));
	EXPECT_TRUE(backing_is_zero(&self->d, 8, 16));
	EXPECT_TRUE(backing_matches(&self->d, 24, 13, 21));
	EXPECT_TRUE(backing_is_zero(&self->d, 37, 5));
	EXPECT_TRUE(backing_matches(&self->d, 42, 16, 21));
}

/* Not every backing can do it and keep the storage. Then it is the driver who writes zeroes. */
TEST_F(blk, zeroes_are_written_or_not_supported)
{
	int ret;

	GO_LIVE_WITH(F_ZEROES);
	disk_fill(self->data, 0, 32, 22);
	ASSERT_EQ(0, request(self->q, VIRTIO_BLK_T_OUT, 0, self->data, 32 * SECTOR));
	ret = range(self->q, VIRTIO_BLK_T_WRITE_ZEROES, self->data, 5, 13, 0);
	EXPECT_TRUE(ret == 0 || ret == UNSUPP);
	EXPECT_EQ(0, request(self->q, VIRTIO_BLK_T_FLUSH, 0, NULL, 0));
	EXPECT_TRUE(backing_matches(&self->d, 0, 5, 22));
	EXPECT_TRUE(ret ? backing_matches(&self->d, 5, 13, 22) :
		    backing_is_zero(&self->d, 5, 13));
	EXPECT_TRUE(backing_matches(&self->d, 18, 14, 22));
}

TEST_F(blk, what_is_discarded_is_no_more_than_that)
{
	ASSERT_EQ(0, disk_go_live(&self->d));
	if (!(virtio_offered(self->v) & F_DISCARD))
		SKIP(return, "the backing cannot discard");
	GO_LIVE_WITH(F_DISCARD);
	disk_fill(self->data, 0, 64, 23);
	ASSERT_EQ(0, request(self->q, VIRTIO_BLK_T_OUT, 0, self->data, 64 * SECTOR));
	EXPECT_EQ(0, range(self->q, VIRTIO_BLK_T_DISCARD, self->data, 16, 16, 0));
	EXPECT_EQ(0, range(self->q, VIRTIO_BLK_T_DISCARD, self->data, 51, 1, 0));
	EXPECT_EQ(0, range(self->q, VIRTIO_BLK_T_DISCARD, self->data, 60, 0, 0));
	EXPECT_EQ(0, request(self->q, VIRTIO_BLK_T_FLUSH, 0, NULL, 0));
	EXPECT_TRUE(backing_matches(&self->d, 0, 16, 23));
	EXPECT_TRUE(backing_matches(&self->d, 32, 16, 23));
	EXPECT_TRUE(backing_matches(&self->d, 48, 3, 23));
	EXPECT_TRUE(backing_matches(&self->d, 52, 12, 23));
	EXPECT_EQ(self->d.size, lseek(self->d.fd, 0, SEEK_END));
}

TEST_F(blk, ranges_are_checked)
{
	struct virtio_blk_discard_write_zeroes *r = (void *)self->data;
	__u64 wanted = F_DISCARD | F_ZEROES, end;
	__u32 type, max;
	unsigned int i;

	ASSERT_EQ(0, disk_go_live(&self->d));
	wanted &= virtio_offered(self->v);
	GO_LIVE_WITH(wanted);
	end = CONFIG(self->v, capacity);
	for (type = VIRTIO_BLK_T_DISCARD; type <= VIRTIO_BLK_T_WRITE_ZEROES; type += 2) {
		bool zeroes = type == VIRTIO_BLK_T_WRITE_ZEROES;

		if (!(wanted & (zeroes ? F_ZEROES : F_DISCARD)))
			continue;
		EXPECT_EQ(IOERR, range(self->q, type, r, end, 1, 0));
		EXPECT_EQ(IOERR, range(self->q, type, r, end - 1, 2, 0));
		EXPECT_EQ(IOERR, range(self->q, type, r, -1ull, 2, 0));
		EXPECT_EQ(IOERR, range(self->q, type, r, 1ull << 55, 8, 0));
		EXPECT_EQ(IOERR, range(self->q, type, r, 0, 0xffffffff, 0));
		EXPECT_EQ(UNSUPP, range(self->q, type, r, 0, 8, 2));
		EXPECT_EQ(UNSUPP, range(self->q, type, r, 0, 8, 0x80000000));
		EXPECT_EQ(zeroes ? 0 : UNSUPP, range(self->q, type, r, 0, 8, UNMAP));
		/* Not whole ranges, and none */
		for (i = 0; i <= 33; i++) {
			if (i && i % sizeof(*r) == 0)
				continue;
			EXPECT_EQ(IOERR, disk_request(self->q, type, 0, r, i))
				TH_LOG("type %u, %u bytes", type, i);
		}
		/* Too many */
		if (zeroes)
			max = CONFIG(self->v, max_write_zeroes_seg);
		else
			max = CONFIG(self->v, max_discard_seg);
		ASSERT_LE((max + 1) * sizeof(*r), ROOM);
		memset(r, 0, (max + 1) * sizeof(*r));
		EXPECT_EQ(0, disk_request(self->q, type, 0, r, max * sizeof(*r)));
		EXPECT_EQ(IOERR, disk_request(self->q, type, 0, r, (max + 1) * sizeof(*r)));
	}
	EXPECT_EQ(self->d.size, lseek(self->d.fd, 0, SEEK_END));
	EXPECT_EQ(STATUS_DRIVER_OK, virtio_status(self->v));
}

/* Attributes */

TEST_F(blk, read_only)
{
	ASSERT_EQ(0, virtio_set(self->v, "read_only", "1"));
	GO_LIVE();
	EXPECT_TRUE(virtio_offered(self->v) & FEATURE(VIRTIO_BLK_F_RO));
	EXPECT_FALSE(virtio_offered(self->v) & (F_DISCARD | F_ZEROES));
	disk_fill(self->data, 0, 1, 31);
	EXPECT_EQ(IOERR, request(self->q, VIRTIO_BLK_T_OUT, 0, self->data, SECTOR));
	EXPECT_FALSE(backing_matches(&self->d, 0, 1, 31));
	EXPECT_EQ(UNSUPP, request(self->q, VIRTIO_BLK_T_DISCARD, 0, self->data, 16));
	EXPECT_EQ(UNSUPP, request(self->q, VIRTIO_BLK_T_WRITE_ZEROES, 0, self->data, 16));
	EXPECT_EQ(0, request(self->q, VIRTIO_BLK_T_IN, 0, self->data, SECTOR));
	EXPECT_EQ(0, request(self->q, VIRTIO_BLK_T_FLUSH, 0, NULL, 0));
}

TEST_F(blk, cache_mode_is_negotiated)
{
	__u64 wce = FEATURE(VIRTIO_BLK_F_CONFIG_WCE);

	GO_LIVE_WITH(F_FLUSH | wce);
	EXPECT_EQ(1, CONFIG(self->v, wce));
	virtio_write_as(self->v, VIRTIO_MMIO_CONFIG + offsetof(struct virtio_blk_config, wce), 1,
			0);
	EXPECT_EQ(0, CONFIG(self->v, wce));
	EXPECT_EQ(0, request(self->q, VIRTIO_BLK_T_OUT, 0, self->data, SECTOR));
	/* Who cannot flush has to be able to rely on writes */
	ASSERT_EQ(0, virtio_start(self->v, variant->features | wce, 1, SIZE));
	EXPECT_EQ(0, CONFIG(self->v, wce));
	EXPECT_EQ(0, request(self->q, VIRTIO_BLK_T_OUT, 0, self->data, SECTOR));
	virtio_write_as(self->v, VIRTIO_MMIO_CONFIG + offsetof(struct virtio_blk_config, wce), 1,
			1);
	EXPECT_EQ(1, CONFIG(self->v, wce));
}

TEST_F(blk, attributes_are_checked)
{
	static const struct {
		const char *name;
		const char *value;
	} bad[] = {
		{ "queues", "0" }, { "queues", "1000" }, { "queues", "4294967297" },
		{ "queues", "two" }, { "read_only", "maybe" }, { "direct", "-" },
		{ "block_size", "1" }, { "block_size", "513" }, { "block_size", "1000" },
		{ "block_size", "8192" },
	};
	static const struct {
		const char *name;
		const char *value;
	} busy[] = {
		{ "path", "/tmp" }, { "queues", "1" }, { "read_only", "0" }, { "direct", "0" },
		{ "block_size", "512" }, { "serial", "1" },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		int ret = virtio_set(self->v, bad[i].name, "%s", bad[i].value);

		EXPECT_TRUE(ret == -EINVAL || ret == -ERANGE)
			TH_LOG("%s = %s: %d", bad[i].name, bad[i].value, ret);
	}
	GO_LIVE();
	for (i = 0; i < ARRAY_SIZE(busy); i++)
		EXPECT_EQ(-EBUSY, virtio_set(self->v, busy[i].name, "%s", busy[i].value))
			TH_LOG("%s", busy[i].name);
	EXPECT_DISK_WORKS(&self->d, variant->features);
}

TEST_F(blk, blocks_have_the_size_that_was_set)
{
	ASSERT_EQ(0, virtio_set(self->v, "block_size", "4096"));
	GO_LIVE();
	EXPECT_EQ(4096, CONFIG(self->v, blk_size));
	EXPECT_EQ(self->d.size / SECTOR, CONFIG(self->v, capacity));
	EXPECT_DISK_WORKS(&self->d, variant->features);
}

TEST_F(blk, needs_something_behind_it)
{
	static const struct {
		const char *path;
		int ret;
	} bad[] = {
		{ "", -EINVAL }, { "/tmp/there-is-no-such-file", -ENOENT }, { "/tmp", -EINVAL },
		{ "/dev/null", -EINVAL }, { "/dev/bao-sim", -EINVAL },
		{ "/tmp/bao-disk-empty", -EINVAL },
	};
	unsigned int i;

	close(open("/tmp/bao-disk-empty", O_RDWR | O_CREAT | O_TRUNC, 0600));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		/* No bytes are no write: what clears it is a newline */
		ASSERT_EQ(0, virtio_set(self->v, "path", "%s\n", bad[i].path));
		EXPECT_EQ(bad[i].ret, virtio_set_live(self->v, true))
			TH_LOG("%s", bad[i].path);
		EXPECT_EQ(0, virtio_get(self->v, "live"));
	}
	unlink("/tmp/bao-disk-empty");
	ASSERT_EQ(0, virtio_set(self->v, "path", "%s", self->d.path));
	GO_LIVE();
	EXPECT_DISK_WORKS(&self->d, variant->features);
}

TEST_F(blk, is_the_only_one_that_writes)
{
	struct disk other;

	GO_LIVE();
	ASSERT_EQ(0, disk_make_on(&other, DM, "twin", self->d.path));
	EXPECT_EQ(-EBUSY, virtio_set_live(&other.v, true));
	ASSERT_EQ(0, virtio_set(&other.v, "read_only", "1"));
	EXPECT_EQ(-EBUSY, virtio_set_live(&other.v, true));
	ASSERT_EQ(0, virtio_set_live(self->v, false));
	ASSERT_EQ(0, virtio_set(self->v, "read_only", "1"));
	EXPECT_EQ(0, virtio_set_live(&other.v, true));
	EXPECT_EQ(0, virtio_set_live(self->v, true));
	ASSERT_EQ(0, virtio_remove(&other.v));
}

/* Backings that fail */

FIXTURE(backing) {
	struct disk d;
	struct virtio *v;
	struct vqueue *q;
	char *data;
};

FIXTURE_SETUP(backing)
{
	VIRTIO_OR_SKIP("blk");
	self->v = &self->d.v;
	self->q = &self->v->queue[0];
	self->data = window_alloc(window_of(DM), ROOM, 4096);
	ASSERT_TRUE(!!self->data);
}

#define SMALL_FS	"/tmp/bao-small"
#define SMALL_FILE	SMALL_FS "/file"

FIXTURE_TEARDOWN(backing)
{
	disk_remove(&self->d);
	umount2(SMALL_FS, MNT_DETACH);
	VIRTIO_TEAR_DOWN();
}

TEST_F(backing, full_file_systems_are_errors)
{
	unsigned int i, failed = 0, good = 0;
	int fd, ret;

	mkdir(SMALL_FS, 0700);
	if (mount("tmpfs", SMALL_FS, "tmpfs", 0, "size=128k"))
		SKIP(return, "cannot mount a tmpfs");
	fd = open(SMALL_FILE, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ftruncate(fd, DISK_SIZE));
	close(fd);
	ASSERT_EQ(0, disk_make_on(&self->d, DM, "small", SMALL_FILE));
	ASSERT_EQ(0, disk_go_live(&self->d));
	ASSERT_EQ(0, virtio_start(self->v, 0, 1, SIZE));
	for (i = 0; i < SECTORS; i += 8) {
		disk_fill(self->data, i, 8, 41);
		ret = disk_request(self->q, VIRTIO_BLK_T_OUT, i, self->data, 4096);
		ASSERT_TRUE(ret == 0 || ret == IOERR);
		if (ret)
			failed++;
		else
			good++;
	}
	EXPECT_LT(0, good);
	EXPECT_LT(0, failed);
	/* Nothing but these requests is the worse for it */
	EXPECT_EQ(STATUS_DRIVER_OK, virtio_status(self->v));
	EXPECT_EQ(0, disk_request(self->q, VIRTIO_BLK_T_IN, 0, self->data, 4096));
	EXPECT_TRUE(disk_matches(self->data, 0, 8, 41));
	EXPECT_EQ(0, disk_request(self->q, VIRTIO_BLK_T_IN, SECTORS - 8, self->data, 4096));
}

TEST_F(backing, files_that_are_cut_short_are_errors)
{
	ASSERT_EQ(0, disk_make(&self->d, DM, "short", DISK_SIZE));
	ASSERT_EQ(0, disk_go_live(&self->d));
	ASSERT_EQ(0, virtio_start(self->v, 0, 1, SIZE));
	ASSERT_EQ(0, ftruncate(self->d.fd, DISK_SIZE / 2));
	EXPECT_EQ(IOERR, disk_request(self->q, VIRTIO_BLK_T_IN, SECTORS - 1, self->data, SECTOR));
	EXPECT_EQ(IOERR, disk_request(self->q, VIRTIO_BLK_T_IN, SECTORS / 2 - 1, self->data, 1024));
	EXPECT_EQ(0, disk_request(self->q, VIRTIO_BLK_T_IN, SECTORS / 2 - 1, self->data, SECTOR));
	EXPECT_EQ(STATUS_DRIVER_OK, virtio_status(self->v));
}

/* Of pages that lie anywhere. In its chain there are a header and a status, too. */
TEST_F(backing, a_mib_is_one_request_unless_queues_are_smaller)
{
	ASSERT_EQ(0, disk_make(&self->d, DM, "large", DISK_SIZE));
	ASSERT_EQ(0, disk_go_live(&self->d));
	EXPECT_EQ(256, CONFIG(self->v, seg_max));
	EXPECT_LE(256 + 2, virtio_read(self->v, VIRTIO_MMIO_QUEUE_NUM_MAX));
	ASSERT_EQ(0, virtio_set_live(self->v, false));
	ASSERT_EQ(0, virtio_set(self->v, "queue_size", "16"));
	ASSERT_EQ(0, disk_go_live(&self->d));
	EXPECT_EQ(16 - 2, CONFIG(self->v, seg_max));
}

TEST_F(backing, it_grows_and_shrinks)
{
	__u32 generation;

	ASSERT_EQ(0, disk_make(&self->d, DM, "growing", DISK_SIZE));
	EXPECT_EQ(-ENODEV, virtio_set(self->v, "resize", "1"));
	ASSERT_EQ(0, disk_go_live(&self->d));
	ASSERT_EQ(0, virtio_start(self->v, 0, 1, SIZE));
	generation = virtio_read(self->v, VIRTIO_MMIO_CONFIG_GENERATION);

	ASSERT_EQ(0, ftruncate(self->d.fd, 2 * DISK_SIZE));
	EXPECT_EQ(SECTORS, CONFIG(self->v, capacity));
	EXPECT_EQ(IOERR, disk_request(self->q, VIRTIO_BLK_T_IN, SECTORS, self->data, SECTOR));
	ASSERT_EQ(0, virtio_set(self->v, "resize", "1"));
	EXPECT_EQ(0, virtio_wait_config(self->v));
	EXPECT_NE(generation, virtio_read(self->v, VIRTIO_MMIO_CONFIG_GENERATION));
	EXPECT_EQ(2 * SECTORS, CONFIG(self->v, capacity));
	EXPECT_EQ(0, disk_request(self->q, VIRTIO_BLK_T_IN, SECTORS, self->data, SECTOR));

	/* What is as it was is no news */
	generation = virtio_read(self->v, VIRTIO_MMIO_CONFIG_GENERATION);
	ASSERT_EQ(0, virtio_set(self->v, "resize", "1"));
	EXPECT_EQ(generation, virtio_read(self->v, VIRTIO_MMIO_CONFIG_GENERATION));
	EXPECT_FALSE(virtio_read(self->v, VIRTIO_MMIO_INTERRUPT_STATUS) & VIRTIO_MMIO_INT_CONFIG);

	ASSERT_EQ(0, ftruncate(self->d.fd, DISK_SIZE));
	ASSERT_EQ(0, virtio_set(self->v, "resize", "1"));
	EXPECT_EQ(0, virtio_wait_config(self->v));
	EXPECT_EQ(SECTORS, CONFIG(self->v, capacity));
	EXPECT_EQ(IOERR, disk_request(self->q, VIRTIO_BLK_T_IN, SECTORS, self->data, SECTOR));
}

TEST_HARNESS_MAIN
