// SPDX-License-Identifier: GPL-2.0
/*
 * Drivers that break the rules of rings: the device needs a reset after that, says so, and works
 * again when it has had it. By means of a disk.
 */
#include <string.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "virtio_disk.h"

#define DM	0
#define SIZE	16
/* Of the device: entries that a queue can have, and so segments of a chain */
#define MAX_NUM	64

#define F_EVENT		FEATURE(VIRTIO_RING_F_EVENT_IDX)
#define F_INDIRECT	FEATURE(VIRTIO_RING_F_INDIRECT_DESC)
#define F_ORDER		FEATURE(VIRTIO_F_IN_ORDER)
#define F_PACKED	FEATURE(VIRTIO_F_RING_PACKED)

#define NEXT		VRING_DESC_F_NEXT
#define WRITE		VRING_DESC_F_WRITE
#define INDIRECT	VRING_DESC_F_INDIRECT

/* What follows has a fixture for both formats, and one for each */
struct hostile {
	struct disk d;
	struct virtio *v;
	struct vqueue *q;
	struct window *w;
	__u64 buffer;
	void *table;
};

static int set_up(struct hostile *h, __u64 features)
{
	void *buffer;
	int ret;

	h->v = &h->d.v;
	h->q = &h->v->queue[0];
	ret = disk_make(&h->d, DM, "hostile", 1 << 20) ?:
	      virtio_set(h->v, "queue_size", "%u", MAX_NUM) ?: virtio_set_live(h->v, true);
	if (ret)
		return ret;
	h->w = h->v->window;
	buffer = window_alloc(h->w, 4096, 4096);
	h->table = window_alloc(h->w, 4096, 16);
	if (!buffer || !h->table)
		return -ENOMEM;
	h->buffer = window_addr(h->w, buffer);
	return virtio_start(h->v, features, 1, SIZE);
}

FIXTURE(hostile) {
	struct hostile h;
};

FIXTURE_VARIANT(hostile) {
	__u64 features;
};

FIXTURE_VARIANT_ADD(hostile, split) { .features = F_INDIRECT };
FIXTURE_VARIANT_ADD(hostile, split_event) { .features = F_INDIRECT | F_EVENT };
FIXTURE_VARIANT_ADD(hostile, split_order) { .features = F_INDIRECT | F_ORDER };
FIXTURE_VARIANT_ADD(hostile, packed) { .features = F_PACKED | F_INDIRECT };
FIXTURE_VARIANT_ADD(hostile, packed_event) { .features = F_PACKED | F_INDIRECT | F_EVENT };
FIXTURE_VARIANT_ADD(hostile, packed_order) { .features = F_PACKED | F_INDIRECT | F_ORDER };

FIXTURE_SETUP(hostile)
{
	VIRTIO_OR_SKIP("blk");
	ASSERT_EQ(0, set_up(&self->h, variant->features));
}

FIXTURE_TEARDOWN(hostile)
{
	disk_remove(&self->h.d);
	VIRTIO_TEAR_DOWN();
}

FIXTURE(split) {
	struct hostile h;
};

FIXTURE_VARIANT(split) {
	__u64 features;
};

FIXTURE_VARIANT_ADD(split, plain) { .features = F_INDIRECT };
FIXTURE_VARIANT_ADD(split, event) { .features = F_INDIRECT | F_EVENT };
FIXTURE_VARIANT_ADD(split, order) { .features = F_INDIRECT | F_ORDER };

FIXTURE_SETUP(split)
{
	VIRTIO_OR_SKIP("blk");
	ASSERT_EQ(0, set_up(&self->h, variant->features));
}

FIXTURE_TEARDOWN(split)
{
	disk_remove(&self->h.d);
	VIRTIO_TEAR_DOWN();
}

FIXTURE(packed) {
	struct hostile h;
};

FIXTURE_VARIANT(packed) {
	__u64 features;
};

FIXTURE_VARIANT_ADD(packed, plain) { .features = F_PACKED | F_INDIRECT };
FIXTURE_VARIANT_ADD(packed, event) { .features = F_PACKED | F_INDIRECT | F_EVENT };
FIXTURE_VARIANT_ADD(packed, order) { .features = F_PACKED | F_INDIRECT | F_ORDER };

FIXTURE_SETUP(packed)
{
	VIRTIO_OR_SKIP("blk");
	ASSERT_EQ(0, set_up(&self->h, variant->features));
}

FIXTURE_TEARDOWN(packed)
{
	disk_remove(&self->h.d);
	VIRTIO_TEAR_DOWN();
}

/* Whether the device has refused what it was offered. Returns NULL, or what it has done instead. */
static const char *refusal(struct virtio *v)
{
	struct vqueue *q = &v->queue[0];

	if (virtio_wait_config(v) < 0)
		return "there is no config interrupt";
	if (!(virtio_status(v) & VIRTIO_CONFIG_S_NEEDS_RESET))
		return "it does not need a reset";
	if (vq_has_used(q))
		return "something has been used";
	virtio_notify(v, 0);
	virtio_status(v);
	/*
	 * The bits, and not the interrupts: if that of the last request came first, the bit for
	 * this one was read with it, and its interrupt may come now.
	 */
	if (vq_has_used(q) || virtio_read(v, VIRTIO_MMIO_INTERRUPT_STATUS))
		return "it goes on after that";
	return NULL;
}

#define EXPECT_REFUSED() do {							\
	const char *_refusal = refusal(self->h.v);				\
										\
	EXPECT_TRUE(!_refusal)							\
		TH_LOG("%s", _refusal);						\
	EXPECT_DISK_WORKS(&self->h.d, variant->features);			\
	ASSERT_EQ(0, virtio_start(self->h.v, variant->features, 1, SIZE));	\
} while (0)

#define OFFER(...) do {								\
	const struct vdesc _desc[] = { __VA_ARGS__ };				\
										\
	vq_offer(self->h.q, _desc, ARRAY_SIZE(_desc));				\
} while (0)

static struct vdesc desc(__u64 addr, __u32 len, __u16 flags, __u16 next)
{
	return (struct vdesc){ .addr = addr, .len = len, .flags = flags, .next = next };
}

/* Positions */

TEST_F(split, available_index_jumps)
{
	static const __u16 jump[] = { SIZE + 1, MAX_NUM, 0x8000, 0xfffe, 0xffff };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(jump); i++) {
		RELEASE16(self->h.q->avail_ring->idx, jump[i]);
		virtio_notify(self->h.v, 0);
		EXPECT_REFUSED();
	}
}

/* Not from the beginning, but after some requests */
TEST_F(split, available_index_jumps_later)
{
	unsigned int i;

	for (i = 0; i < SIZE / 2; i++)
		ASSERT_EQ(0, disk_request(self->h.q, VIRTIO_BLK_T_FLUSH, 0, NULL, 0));
	RELEASE16(self->h.q->avail_ring->idx, self->h.q->avail + SIZE + 1);
	virtio_notify(self->h.v, 0);
	EXPECT_REFUSED();
	for (i = 0; i < SIZE / 2; i++)
		ASSERT_EQ(0, disk_request(self->h.q, VIRTIO_BLK_T_FLUSH, 0, NULL, 0));
	RELEASE16(self->h.q->avail_ring->idx, self->h.q->avail - 1);
	virtio_notify(self->h.v, 0);
	EXPECT_REFUSED();
}

TEST_F(split, head_is_not_in_the_table)
{
	static const __u16 head[] = { SIZE, SIZE + 1, MAX_NUM, 0x8000, 0xffff };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(head); i++) {
		PUT16(self->h.q->avail_ring->ring[0], head[i]);
		RELEASE16(self->h.q->avail_ring->idx, 1);
		virtio_notify(self->h.v, 0);
		EXPECT_REFUSED();
	}
}

TEST_F(packed, id_is_not_one_of_the_ring)
{
	static const __u16 id[] = { SIZE, SIZE + 1, MAX_NUM, 0x8000, 0xffff };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(id); i++) {
		OFFER(desc(self->h.buffer, 16, NEXT, id[i]), desc(self->h.buffer, 1, WRITE, id[i]));
		EXPECT_REFUSED();
	}
}

TEST_F(split, next_is_not_in_the_table)
{
	static const __u16 next[] = { SIZE, SIZE + 1, MAX_NUM, 0x8000, 0xffff };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(next); i++) {
		OFFER(desc(self->h.buffer, 16, NEXT, next[i]));
		EXPECT_REFUSED();
	}
}

TEST_F(packed, next_is_not_available)
{
	OFFER(desc(self->h.buffer, 16, NEXT, 0));
	EXPECT_REFUSED();
}

TEST_F(split, chain_is_a_loop)
{
	OFFER(desc(self->h.buffer, 16, NEXT, 0));
	EXPECT_REFUSED();
	OFFER(desc(self->h.buffer, 16, NEXT, 1), desc(self->h.buffer, 16, NEXT, 0));
	EXPECT_REFUSED();
	OFFER(desc(self->h.buffer, 16, NEXT, 1), desc(self->h.buffer, 1, WRITE | NEXT, 2),
	      desc(self->h.buffer, 1, WRITE | NEXT, 1));
	EXPECT_REFUSED();
	/* Without bytes it would go on for ever */
	OFFER(desc(self->h.buffer, 0, NEXT, 0));
	EXPECT_REFUSED();
}

TEST_F(hostile, chain_has_no_end)
{
	struct vdesc all[SIZE];
	unsigned int i;

	for (i = 0; i < SIZE; i++)
		all[i] = desc(self->h.buffer, 16, NEXT, i + 1);
	vq_offer(self->h.q, all, SIZE);
	EXPECT_REFUSED();
	for (i = 0; i < SIZE; i++)
		all[i] = desc(self->h.buffer, 0, NEXT, (i + 1) % SIZE);
	vq_offer(self->h.q, all, SIZE);
	EXPECT_REFUSED();
}

/* Indirect descriptors */

TEST_F(hostile, indirect_was_not_negotiated)
{
	const struct vdesc entry = desc(self->h.buffer, 16, 0, 0);

	ASSERT_EQ(0, virtio_start(self->h.v, variant->features & ~F_INDIRECT, 1, SIZE));
	vq_write_table(self->h.q, self->h.table, &entry, 1);
	OFFER(desc(window_addr(self->h.w, self->h.table), 16, INDIRECT, 0));
	EXPECT_REFUSED();
}

TEST_F(split, indirect_within_indirect)
{
	__u64 table = window_addr(self->h.w, self->h.table);
	const struct vdesc entry[] = {
		desc(self->h.buffer, 16, NEXT | WRITE, 1), desc(table + 1024, 16, INDIRECT, 0),
	};

	/* Of these, packed rings look at nothing but WRITE in a table */
	vq_write_table(self->h.q, self->h.table, entry, 2);
	OFFER(desc(table, 2 * 16, INDIRECT, 0));
	EXPECT_REFUSED();
	/* It refers to itself */
	vq_write_table(self->h.q, self->h.table, &(struct vdesc){ table, 16, INDIRECT, 0 }, 1);
	OFFER(desc(table, 16, INDIRECT, 0));
	EXPECT_REFUSED();
}

TEST_F(hostile, indirect_with_a_next_one)
{
	__u64 table = window_addr(self->h.w, self->h.table);
	const struct vdesc entry = desc(self->h.buffer, 16, 0, 0);

	vq_write_table(self->h.q, self->h.table, &entry, 1);
	OFFER(desc(table, 16, INDIRECT | NEXT, 1), desc(self->h.buffer, 1, WRITE, 0));
	EXPECT_REFUSED();
}

TEST_F(packed, indirect_after_another_one)
{
	__u64 table = window_addr(self->h.w, self->h.table);
	const struct vdesc entry = desc(self->h.buffer, 16, 0, 0);

	/* That is allowed in split rings */
	vq_write_table(self->h.q, self->h.table, &entry, 1);
	OFFER(desc(self->h.buffer, 16, NEXT, 1), desc(table, 16, INDIRECT, 0));
	EXPECT_REFUSED();
}

TEST_F(hostile, indirect_table_has_an_odd_size)
{
	static const __u32 len[] = {
		0, 1, 8, 15, 17, 24, 0x80000000, 0x80000001, 0xfffffff0, 0xffffffff,
		(MAX_NUM + 1) * 16,
	};
	__u64 table = window_addr(self->h.w, self->h.table);
	struct vdesc entry[MAX_NUM + 1];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(entry); i++)
		entry[i] = desc(self->h.buffer, 16, i < MAX_NUM ? NEXT : 0, i + 1);
	for (i = 0; i < ARRAY_SIZE(len); i++) {
		vq_write_table(self->h.q, self->h.table, entry, ARRAY_SIZE(entry));
		OFFER(desc(table, len[i], INDIRECT, 0));
		EXPECT_REFUSED();
	}
}

TEST_F(hostile, indirect_table_is_outside)
{
	__u64 end = self->h.w->addr + self->h.w->size;
	const __u64 addr[] = {
		0, self->h.w->addr - 16, self->h.w->addr - 8, end - 16, end - 8, end, 1ull << 63,
		-16ull, -8ull,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(addr); i++) {
		OFFER(desc(addr[i], 32, INDIRECT, 0));
		EXPECT_REFUSED();
	}
}

TEST_F(split, indirect_next_is_not_in_the_table)
{
	static const __u16 next[] = { 2, SIZE, MAX_NUM, 0x8000, 0xffff };
	__u64 table = window_addr(self->h.w, self->h.table);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(next); i++) {
		const struct vdesc entry[] = {
			desc(self->h.buffer, 16, NEXT, next[i]), desc(self->h.buffer, 1, WRITE, 0),
		};

		vq_write_table(self->h.q, self->h.table, entry, 2);
		OFFER(desc(table, 32, INDIRECT, 0));
		EXPECT_REFUSED();
	}
}

TEST_F(split, indirect_table_is_a_loop)
{
	__u64 table = window_addr(self->h.w, self->h.table);
	const struct vdesc entry[] = {
		desc(self->h.buffer, 16, NEXT, 1), desc(self->h.buffer, 0, NEXT, 0),
	};

	vq_write_table(self->h.q, self->h.table, entry, 2);
	OFFER(desc(table, 32, INDIRECT, 0));
	EXPECT_REFUSED();
	vq_write_table(self->h.q, self->h.table, entry + 1, 1);
	OFFER(desc(table, 16, INDIRECT, 0));
	EXPECT_REFUSED();
}

/* Segments */

TEST_F(hostile, readable_after_writable)
{
	__u64 table = window_addr(self->h.w, self->h.table);
	const struct vdesc entry[] = {
		desc(self->h.buffer, 16, NEXT, 1), desc(self->h.buffer, 16, WRITE | NEXT, 2),
		desc(self->h.buffer, 16, 0, 0),
	};

	vq_offer(self->h.q, entry, ARRAY_SIZE(entry));
	EXPECT_REFUSED();
	vq_write_table(self->h.q, self->h.table, entry, ARRAY_SIZE(entry));
	OFFER(desc(table, ARRAY_SIZE(entry) * 16, INDIRECT, 0));
	EXPECT_REFUSED();
}

TEST_F(hostile, buffers_are_outside)
{
	__u64 start = self->h.w->addr, end = start + self->h.w->size;
	const struct {
		__u64 addr;
		__u32 len;
	} outside[] = {
		{ 0, 16 }, { 0, 0xffffffff }, { start - 1, 16 }, { start - 16, 16 },
		{ start - 16, 32 }, { end - 15, 16 }, { end - 1, 2 }, { end, 1 },
		{ start, self->h.w->size + 1 }, { start, 0xffffffff }, { start + 1, 0xffffffff },
		{ end + 4096, 1 }, { 1ull << 63, 16 }, { start | 1ull << 63, 16 },
		{ start + (1ull << 32), 16 },
		{ -16ull, 16 }, { -16ull, 17 }, { -16ull, 0xffffffff }, { -1ull, 1 }, { -1ull, 2 },
	};
	__u64 table = window_addr(self->h.w, self->h.table);
	unsigned int i, flags;

	for (i = 0; i < ARRAY_SIZE(outside); i++) {
		for (flags = 0; flags <= WRITE; flags += WRITE) {
			struct vdesc bad = desc(outside[i].addr, outside[i].len, flags, 0);

			OFFER(bad);
			EXPECT_REFUSED();
			vq_write_table(self->h.q, self->h.table, &bad, 1);
			OFFER(desc(table, 16, INDIRECT, 0));
			EXPECT_REFUSED();
			/* After one that is fine */
			OFFER(desc(self->h.buffer, 16, NEXT, 1), bad);
			EXPECT_REFUSED();
		}
	}
}

TEST_F(hostile, others_work_while_it_is_broken)
{
	struct virtio other;
	void *data = window_alloc(self->h.w, 16, 16);

	if (!virtio_has_model("rng"))
		SKIP(return, "there is no bao_virtio_rng");
	ASSERT_EQ(0, virtio_make(&other, DM, "rng", "other"));
	ASSERT_EQ(0, virtio_set_live(&other, true));
	OFFER(desc(16, 16, 0, 0));
	ASSERT_LE(0, virtio_wait_config(self->h.v));
	virtio_reset_counters(&other);
	ASSERT_EQ(0, virtio_start(&other, variant->features, 1, SIZE));
	EXPECT_EQ(16, vq_read(&other.queue[0], data, 16));
	EXPECT_TRUE(virtio_status(self->h.v) & VIRTIO_CONFIG_S_NEEDS_RESET);
}

/* The largest window times the longest chain is one byte more than 32 bits can tell */
TEST_F(hostile, length_overflows)
{
	struct bao_sim_device sim = { .dm_id = SIM_DEVICES, .shmem_size = BAO_SIM_WINDOW_MAX };
	unsigned int i, entries = (1ull << 32) / BAO_SIM_WINDOW_MAX;
	static struct vdesc all[MAX_SIZE];
	struct window *w;
	struct disk d;

	if (do_ioctl(sim_fd(), BAO_SIM_ADD, &sim))
		SKIP(return, "no memory for a large window");
	ASSERT_EQ(0, sim_life(sim_fd(), SIM_DEVICES, BAO_SIM_BIND));
	w = window_map(SIM_DEVICES, sim.shmem_addr, sim.shmem_size);
	ASSERT_TRUE(!!w);
	ASSERT_EQ(0, disk_make(&d, SIM_DEVICES, "large", 1 << 20));
	ASSERT_EQ(0, virtio_set(&d.v, "queue_size", "1024"));
	ASSERT_EQ(0, virtio_set_live(&d.v, true));
	ASSERT_EQ(0, virtio_start(&d.v, variant->features, 1, 1024));
	for (i = 0; i < entries; i++)
		all[i] = desc(w->addr, w->size, i + 1 < entries ? NEXT : 0, i + 1);
	/* Its id, in a packed ring */
	all[entries - 1].next = 0;
	vq_offer(&d.v.queue[0], all, entries);
	EXPECT_TRUE(!refusal(&d.v));
	EXPECT_DISK_WORKS(&d, variant->features);
	disk_remove(&d);
}

/* What looks odd, and is allowed */

TEST_F(hostile, not_all_that_is_odd_is_forbidden)
{
	struct disk_io *io = window_alloc(self->h.w, sizeof(*io), 16);
	__u64 hdr = window_addr(self->h.w, &io->hdr), status = window_addr(self->h.w, &io->status);
	__u64 table = window_addr(self->h.w, self->h.table);
	struct vdesc entry[SIZE + 2];
	unsigned int i;

	io->hdr.type = htole32(VIRTIO_BLK_T_FLUSH);
	/* The flag WRITE of what refers to a table means nothing */
	io->status = DISK_NO_STATUS;
	entry[0] = desc(hdr, sizeof(io->hdr), NEXT, 1);
	entry[1] = desc(status, 1, WRITE, 0);
	vq_write_table(self->h.q, self->h.table, entry, 2);
	OFFER(desc(table, 32, INDIRECT | WRITE, 0));
	ASSERT_TRUE(wait_until(vq_has_used(self->h.q)));
	EXPECT_EQ(0, io->status);
	/* Descriptors without bytes, and tables longer than the ring */
	ASSERT_EQ(0, virtio_start(self->h.v, variant->features, 1, SIZE));
	io->status = DISK_NO_STATUS;
	for (i = 1; i <= SIZE; i++)
		entry[i] = desc(self->h.buffer, 0, NEXT, i + 1);
	entry[SIZE + 1] = desc(status, 1, WRITE, 0);
	vq_write_table(self->h.q, self->h.table, entry, SIZE + 2);
	OFFER(desc(table, (SIZE + 2) * 16, INDIRECT, 0));
	ASSERT_TRUE(wait_until(vq_has_used(self->h.q)));
	EXPECT_EQ(0, io->status);
	EXPECT_EQ(STATUS_DRIVER_OK, virtio_status(self->h.v));
	EXPECT_DISK_WORKS(&self->h.d, variant->features);
}

TEST_HARNESS_MAIN
