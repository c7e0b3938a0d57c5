// SPDX-License-Identifier: GPL-2.0
/*
 * Rings of virtio devices in the kernel, by means of a disk: all variants that a driver can choose
 * move data, and lose neither a kick nor an interrupt
 */
#include <string.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "prng.h"
#include "virtio_disk.h"

#define DM		0

#define DISK_SIZE	(16 << 20)
#define DISK_SECTORS	(DISK_SIZE / SECTOR)
#define DEPTH		12
#define MAX_SECTORS	128

/* A request that is under way */
struct slot {
	struct disk_io *io;
	char *data;
	__u64 sector;
	unsigned int sectors;
	int id;
};

FIXTURE(transfer) {
	struct disk d;
	struct vqueue *q;
	struct slot slot[DEPTH];
	struct prng prng;
};

FIXTURE_VARIANT(transfer) {
	__u64 features;
};

#define F_EVENT		FEATURE(VIRTIO_RING_F_EVENT_IDX)
#define F_INDIRECT	FEATURE(VIRTIO_RING_F_INDIRECT_DESC)
#define F_ORDER		FEATURE(VIRTIO_F_IN_ORDER)
#define F_RESET		FEATURE(VIRTIO_F_RING_RESET)
#define F_PACKED	FEATURE(VIRTIO_F_RING_PACKED)

FIXTURE_VARIANT_ADD(transfer, split) { .features = 0 };
FIXTURE_VARIANT_ADD(transfer, split_event) { .features = F_EVENT };
FIXTURE_VARIANT_ADD(transfer, split_indirect) { .features = F_INDIRECT };
FIXTURE_VARIANT_ADD(transfer, split_indirect_event) { .features = F_INDIRECT | F_EVENT };
FIXTURE_VARIANT_ADD(transfer, split_order) { .features = F_ORDER };
FIXTURE_VARIANT_ADD(transfer, split_order_event) { .features = F_ORDER | F_EVENT };
FIXTURE_VARIANT_ADD(transfer, split_order_indirect) { .features = F_ORDER | F_INDIRECT };
FIXTURE_VARIANT_ADD(transfer, split_order_indirect_event) {
	.features = F_ORDER | F_INDIRECT | F_EVENT
};

FIXTURE_VARIANT_ADD(transfer, split_reset) { .features = F_RESET };
FIXTURE_VARIANT_ADD(transfer, split_reset_event) { .features = F_RESET | F_EVENT };
FIXTURE_VARIANT_ADD(transfer, split_reset_indirect) { .features = F_RESET | F_INDIRECT };
FIXTURE_VARIANT_ADD(transfer, split_reset_indirect_event) {
	.features = F_RESET | F_INDIRECT | F_EVENT
};

FIXTURE_VARIANT_ADD(transfer, split_reset_order) { .features = F_RESET | F_ORDER };
FIXTURE_VARIANT_ADD(transfer, split_reset_order_event) { .features = F_RESET | F_ORDER | F_EVENT };
FIXTURE_VARIANT_ADD(transfer, split_reset_order_indirect) {
	.features = F_RESET | F_ORDER | F_INDIRECT
};

FIXTURE_VARIANT_ADD(transfer, split_reset_order_indirect_event) {
	.features = F_RESET | F_ORDER | F_INDIRECT | F_EVENT
};

FIXTURE_VARIANT_ADD(transfer, packed) { .features = F_PACKED };
FIXTURE_VARIANT_ADD(transfer, packed_event) { .features = F_PACKED | F_EVENT };
FIXTURE_VARIANT_ADD(transfer, packed_indirect) { .features = F_PACKED | F_INDIRECT };
FIXTURE_VARIANT_ADD(transfer, packed_indirect_event) {
	.features = F_PACKED | F_INDIRECT | F_EVENT
};

FIXTURE_VARIANT_ADD(transfer, packed_order) { .features = F_PACKED | F_ORDER };
FIXTURE_VARIANT_ADD(transfer, packed_order_event) { .features = F_PACKED | F_ORDER | F_EVENT };
FIXTURE_VARIANT_ADD(transfer, packed_order_indirect) {
	.features = F_PACKED | F_ORDER | F_INDIRECT
};

FIXTURE_VARIANT_ADD(transfer, packed_order_indirect_event) {
	.features = F_PACKED | F_ORDER | F_INDIRECT | F_EVENT
};

FIXTURE_VARIANT_ADD(transfer, packed_reset) { .features = F_PACKED | F_RESET };
FIXTURE_VARIANT_ADD(transfer, packed_reset_event) { .features = F_PACKED | F_RESET | F_EVENT };
FIXTURE_VARIANT_ADD(transfer, packed_reset_indirect) {
	.features = F_PACKED | F_RESET | F_INDIRECT
};

FIXTURE_VARIANT_ADD(transfer, packed_reset_indirect_event) {
	.features = F_PACKED | F_RESET | F_INDIRECT | F_EVENT
};

FIXTURE_VARIANT_ADD(transfer, packed_reset_order) { .features = F_PACKED | F_RESET | F_ORDER };
FIXTURE_VARIANT_ADD(transfer, packed_reset_order_event) {
	.features = F_PACKED | F_RESET | F_ORDER | F_EVENT
};

FIXTURE_VARIANT_ADD(transfer, packed_reset_order_indirect) {
	.features = F_PACKED | F_RESET | F_ORDER | F_INDIRECT
};

FIXTURE_VARIANT_ADD(transfer, packed_reset_order_indirect_event) {
	.features = F_PACKED | F_RESET | F_ORDER | F_INDIRECT | F_EVENT
};

FIXTURE_SETUP(transfer)
{
	struct window *w;
	unsigned int i;

	VIRTIO_OR_SKIP("blk");
	ASSERT_EQ(0, disk_make(&self->d, DM, "transfer", DISK_SIZE));
	ASSERT_EQ(0, virtio_set_live(&self->d.v, true));
	w = self->d.v.window;
	self->q = &self->d.v.queue[0];
	self->prng.state = variant->features;
	for (i = 0; i < DEPTH; i++) {
		struct slot *slot = &self->slot[i];

		slot->id = -1;
		slot->io = window_alloc(w, sizeof(*slot->io), 16);
		slot->data = window_alloc(w, MAX_SECTORS * SECTOR, 16);
		ASSERT_TRUE(slot->io && slot->data);
	}
}

FIXTURE_TEARDOWN(transfer)
{
	disk_remove(&self->d);
	VIRTIO_TEAR_DOWN();
}

/* In pieces of any size, so that their ends are anywhere */
static unsigned int cut(struct prng *prng, char *data, __u32 len, struct vsegment *segments)
{
	unsigned int n = 0;
	__u32 piece;

	while (len) {
		piece = n == 4 ? len : 1 + prng_below(prng, len);
		segments[n++] = (struct vsegment){ data, piece };
		data += piece;
		len -= piece;
	}
	return n;
}

static int submit(struct vqueue *q, struct slot *slot, __u32 type, struct prng *prng)
{
	struct vsegment segments[MAX_SEGMENTS];
	unsigned int n = cut(prng, slot->data, slot->sectors * SECTOR, segments);

	slot->id = disk_add(q, slot->io, type, slot->sector, segments, n);
	return slot->id;
}

static struct slot *find_slot(struct slot *slot, int id)
{
	unsigned int i;

	for (i = 0; i < DEPTH; i++) {
		if (slot[i].id == id)
			return &slot[i];
	}
	return NULL;
}

/* What has come back; its status or a negative errno */
static int check(struct slot *slots, int id, __u32 len, __u32 type, __u64 seed)
{
	struct slot *slot = find_slot(slots, id);

	if (!slot)
		return -ENOENT;
	slot->id = -1;
	if (slot->io->status)
		return slot->io->status;
	if (len != 1 + (type == VIRTIO_BLK_T_IN ? slot->sectors * SECTOR : 0))
		return -EMSGSIZE;
	if (type == VIRTIO_BLK_T_IN &&
	    !disk_matches(slot->data, slot->sector, slot->sectors, seed))
		return -EILSEQ;
	return 0;
}

/* Waits for the next one, and takes all that are there then; 0 or what went wrong */
static int finish(struct vqueue *q, struct slot *slots, __u32 type, __u64 seed,
		  unsigned int *done)
{
	int id, ret = 0;
	__u32 len;

	id = vq_wait(q, &len);
	while (!ret && id >= 0) {
		++*done;
		ret = check(slots, id, len, type, seed);
		id = ret ? 0 : vq_collect(q, &len);
	}
	if (ret)
		return ret;
	return id == -EAGAIN ? 0 : id;
}

/* Until no more fits or all is under way; how many requests */
static unsigned int fill(struct vqueue *q, struct slot *slots, __u32 type, __u64 seed,
			 struct prng *prng, __u64 *sector)
{
	struct slot *slot;
	unsigned int n = 0;

	while (*sector < DISK_SECTORS && (slot = find_slot(slots, -1))) {
		slot->sector = *sector;
		slot->sectors = 1 + prng_below(prng, MAX_SECTORS);
		if (slot->sectors > DISK_SECTORS - *sector)
			slot->sectors = DISK_SECTORS - *sector;
		if (type == VIRTIO_BLK_T_OUT)
			disk_fill(slot->data, slot->sector, slot->sectors, seed);
		else
			memset(slot->data, 0, slot->sectors * SECTOR);
		if (submit(q, slot, type, prng) < 0) {
			slot->id = -1;
			break;
		}
		*sector += slot->sectors;
		n++;
	}
	return n;
}

/* The queue runs dry after so many requests, and starts again from its beginning if it can */
#define DRY 64

/* The whole disk; 0 or what went wrong */
static int move(struct vqueue *q, struct slot *slots, __u32 type, __u64 seed, struct prng *prng)
{
	unsigned int started = 0, done = 0;
	__u64 sector = 0;
	int ret = 0;

	while (!ret && (sector < DISK_SECTORS || done < started)) {
		if (started < DRY) {
			started += fill(q, slots, type, seed, prng, &sector);
			vq_submit(q);
		}
		ret = finish(q, slots, type, seed, &done);
		if (ret || started < DRY || done < started)
			continue;
		started = 0;
		done = 0;
		if (q->v->features & F_RESET)
			ret = vq_reset(q) ?: vq_setup(q->v, q->index, q->size);
	}
	return ret;
}

static bool file_matches(int fd, __u64 seed)
{
	static char data[256 * SECTOR];
	__u64 sector;

	for (sector = 0; sector < DISK_SECTORS; sector += 256) {
		if (pread(fd, data, sizeof(data), sector * SECTOR) != sizeof(data) ||
		    !disk_matches(data, sector, 256, seed))
			return false;
	}
	return true;
}

TEST_F_TIMEOUT(transfer, of_a_whole_disk, LONG_TEST_S)
{
	__u64 seed = variant->features ^ 0x5eed;
	/* A packed ring need not be a power of two */
	unsigned int size = variant->features & F_PACKED ? 43 : 32;
	struct counters c;

	ASSERT_EQ(0, virtio_start(&self->d.v, variant->features, 1, size));
	ASSERT_EQ(0, move(self->q, self->slot, VIRTIO_BLK_T_OUT, seed, &self->prng));
	EXPECT_TRUE(file_matches(self->d.fd, seed));
	ASSERT_EQ(0, move(self->q, self->slot, VIRTIO_BLK_T_IN, seed, &self->prng));
	EXPECT_EQ(STATUS_DRIVER_OK, virtio_status(&self->d.v));
	EXPECT_EQ(0, virtio_get(&self->d.v, "bad_accesses"));
	frontend_counters(DM, &c);
	EXPECT_EQ(c.accesses, c.asks - c.asks_empty);
	EXPECT_EQ(c.accesses, c.completes);
	EXPECT_EQ(0, c.violations);
}

/*
 * Both sides rest after each of these, so each of them needs a kick and an interrupt, or somebody
 * who looks again just before that
 */
TEST_F_TIMEOUT(transfer, in_small_steps, LONG_TEST_S)
{
	unsigned int i, k, n, total = rounds(200);

	ASSERT_EQ(0, virtio_start(&self->d.v, variant->features, 1, 16));
	for (i = 0; i < total; i++) {
		n = 1 + prng_below(&self->prng, 3);
		for (k = 0; k < n; k++) {
			ASSERT_LE(0, disk_add(self->q, self->slot[k].io, VIRTIO_BLK_T_FLUSH, 0,
					      NULL, 0));
			vq_submit(self->q);
		}
		for (k = 0; k < n; k++)
			ASSERT_LE(0, vq_wait(self->q, NULL));
		for (k = 0; k < n; k++)
			ASSERT_EQ(0, self->slot[k].io->status);
	}
}

TEST_HARNESS_MAIN
