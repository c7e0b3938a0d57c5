// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of rings whose driver breaks the rules
 *
 * Each case begins with a chain that is all right, changes one thing, and expects that the device
 * breaks. The chain has three descriptors, two of which are readable: 0, 1, 2 in either format, or
 * in a table.
 */
#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/string.h>

#include "ring_kunit.h"

#define NUM	8

static const struct ring_config split_config = { .name = "split", .num = NUM };
static const struct ring_config packed_config = { .name = "packed", .num = NUM, .packed = true };

/**
 * struct bad_case - a rule that is broken
 * @name: in the log
 * @packed: format
 * @table: the chain is in an indirect table
 * @no_indirect: VIRTIO_RING_F_INDIRECT_DESC has not been negotiated
 * @spoil: break it; pop() is the next thing to happen
 */
struct bad_case {
	const char *name;
	bool packed;
	bool table;
	bool no_indirect;
	void (*spoil)(struct kunit *test, struct ring_test *t);
};

static int add_chain(struct ring_test *t, bool table)
{
	static const struct ring_seg segs[] = {
		{ RING_BASE + RING_DATA, 16, false },
		{ RING_BASE + RING_DATA + 0x20, 16, false },
		{ RING_BASE + RING_DATA + 0x40, 16, true },
	};

	return ring_test_add(t, segs, ARRAY_SIZE(segs), table);
}

static void pop_one(struct kunit *test, struct ring_test *t)
{
	struct bao_vchain chain;

	KUNIT_ASSERT_EQ(test, bao_vq_pop(t->vq, &chain), 1);
}

static void avail_index_jumps(struct kunit *test, struct ring_test *t)
{
	ring_avail(t)->idx = ring_v16(NUM + 1);
}

static void avail_index_back(struct kunit *test, struct ring_test *t)
{
	pop_one(test, t);
	ring_avail(t)->idx = ring_v16(0);
}

/* Eight that are new, while the device has one */
static void avail_more_than_ring(struct kunit *test, struct ring_test *t)
{
	unsigned int i;

	pop_one(test, t);
	for (i = 1; i < NUM; i++) {
		ring_avail(t)->ring[i] = ring_v16(i);
		ring_desc(t)[i] = ring_desc(t)[2];
	}
	ring_avail(t)->idx = ring_v16(NUM + 1);
}

static void head_is_num(struct kunit *test, struct ring_test *t)
{
	ring_avail(t)->ring[0] = ring_v16(NUM);
}

static void head_is_huge(struct kunit *test, struct ring_test *t)
{
	ring_avail(t)->ring[0] = ring_v16(U16_MAX);
}

static void head_is_busy(struct kunit *test, struct ring_test *t)
{
	pop_one(test, t);
	ring_avail(t)->ring[1] = ring_avail(t)->ring[0];
	ring_avail(t)->idx = ring_v16(2);
}

static void next_is_num(struct kunit *test, struct ring_test *t)
{
	ring_desc(t)[1].next = ring_v16(NUM);
}

static void next_is_self(struct kunit *test, struct ring_test *t)
{
	ring_desc(t)[0].next = ring_v16(0);
}

/* No segment is added for these, so it is not their number that ends it */
static void next_is_empty_loop(struct kunit *test, struct ring_test *t)
{
	ring_desc(t)[1].len = 0;
	ring_desc(t)[1].next = ring_v16(1);
}

static void split_readable_last(struct kunit *test, struct ring_test *t)
{
	ring_desc(t)[0].flags |= ring_v16(VRING_DESC_F_WRITE);
}

static void split_overflow(struct kunit *test, struct ring_test *t)
{
	t->everywhere = true;
	ring_desc(t)[1].len = ring_v32(U32_MAX - 15);
}

static void split_below(struct kunit *test, struct ring_test *t)
{
	ring_desc(t)[0].addr = ring_v64(RING_BASE - 1);
}

static void split_behind(struct kunit *test, struct ring_test *t)
{
	ring_desc(t)[2].addr = ring_v64(RING_BASE + RING_WINDOW - 15);
}

static void split_wraps(struct kunit *test, struct ring_test *t)
{
	ring_desc(t)[0].addr = ring_v64(U64_MAX - 3);
}

static void split_32_bits(struct kunit *test, struct ring_test *t)
{
	ring_desc(t)[0].addr = ring_v64((RING_BASE + RING_DATA) & U32_MAX);
}

static void split_no_indirect(struct kunit *test, struct ring_test *t)
{
	struct vring_desc *desc = ring_desc(t);

	desc->flags = ring_v16(VRING_DESC_F_INDIRECT);
}

static void split_indirect_next(struct kunit *test, struct ring_test *t)
{
	ring_desc(t)->flags |= ring_v16(VRING_DESC_F_NEXT);
}

static void split_table_empty(struct kunit *test, struct ring_test *t)
{
	ring_desc(t)->len = 0;
}

static void split_table_odd(struct kunit *test, struct ring_test *t)
{
	ring_desc(t)->len = ring_v32(3 * 16 + 8);
}

static void split_table_large(struct kunit *test, struct ring_test *t)
{
	ring_desc(t)->len = ring_v32((NUM + 1) * 16);
}

static void split_table_huge(struct kunit *test, struct ring_test *t)
{
	t->everywhere = true;
	ring_desc(t)->len = ring_v32(U32_MAX - 15);
}

static void split_table_unaligned(struct kunit *test, struct ring_test *t)
{
	ring_desc(t)->addr = ring_v64(ring_table_addr(0) + 4);
}

static void split_table_outside(struct kunit *test, struct ring_test *t)
{
	ring_desc(t)->addr = ring_v64(RING_BASE + RING_WINDOW - 2 * 16);
}

static void split_table_nested(struct kunit *test, struct ring_test *t)
{
	struct vring_desc *table = ring_table(t, 0);

	table[2].flags = ring_v16(VRING_DESC_F_INDIRECT);
}

static void split_table_next_is_nr(struct kunit *test, struct ring_test *t)
{
	struct vring_desc *table = ring_table(t, 0);

	table[1].next = ring_v16(3);
}

static void split_table_loop(struct kunit *test, struct ring_test *t)
{
	struct vring_desc *table = ring_table(t, 0);

	table[1].next = ring_v16(0);
}

/* Six descriptors in the ring, and three in a table, are more than eight */
static void split_table_too_many(struct kunit *test, struct ring_test *t)
{
	struct vring_desc *desc = ring_desc(t);
	unsigned int i;

	desc[6] = desc[0];
	for (i = 0; i < 6; i++) {
		desc[i].addr = ring_v64(RING_BASE + RING_DATA);
		desc[i].len = ring_v32(1);
		desc[i].flags = ring_v16(VRING_DESC_F_NEXT);
		desc[i].next = ring_v16(i + 1);
	}
}

static void packed_id_is_num(struct kunit *test, struct ring_test *t)
{
	ring_packed_desc(t)[2].id = cpu_to_le16(NUM);
}

static void packed_id_is_huge(struct kunit *test, struct ring_test *t)
{
	ring_packed_desc(t)[2].id = cpu_to_le16(U16_MAX);
}

static void packed_id_is_busy(struct kunit *test, struct ring_test *t)
{
	pop_one(test, t);
	KUNIT_ASSERT_GE(test, add_chain(t, false), 0);
	ring_packed_desc(t)[5].id = ring_packed_desc(t)[2].id;
}

static void packed_next_is_not_available(struct kunit *test, struct ring_test *t)
{
	ring_packed_desc(t)[1].flags &= cpu_to_le16(~BIT(VRING_PACKED_DESC_F_AVAIL));
}

/* What has been made available a round ago is not any more */
static void packed_next_is_of_the_round_before(struct kunit *test, struct ring_test *t)
{
	struct bao_vq *vq = t->vq;
	unsigned int i;
	u32 len;

	for (i = 0; i < 2; i++) {
		pop_one(test, t);
		bao_vq_push(vq, i, 0);
		bao_vq_publish(vq);
		KUNIT_ASSERT_EQ(test, ring_test_get(t, &len), i);
		KUNIT_ASSERT_GE(test, add_chain(t, false), 0);
	}
	/* 6, 7 and 0 */
	ring_packed_desc(t)[0].flags ^= cpu_to_le16(BIT(VRING_PACKED_DESC_F_AVAIL) |
						    BIT(VRING_PACKED_DESC_F_USED));
}

/* It ends nowhere */
static void packed_loop(struct kunit *test, struct ring_test *t)
{
	unsigned int i;

	for (i = 0; i < NUM; i++) {
		ring_packed_desc(t)[i] = ring_packed_desc(t)[0];
		ring_packed_desc(t)[i].len = 0;
	}
}

/* All others, and those that have been popped a second time */
static void packed_more_than_ring(struct kunit *test, struct ring_test *t)
{
	struct vring_packed_desc *desc = ring_packed_desc(t);
	unsigned int i;

	pop_one(test, t);
	for (i = 3; i < NUM; i++)
		desc[i] = desc[0];
	for (i = 0; i < 3; i++)
		desc[i].flags ^= cpu_to_le16(BIT(VRING_PACKED_DESC_F_AVAIL) |
					     BIT(VRING_PACKED_DESC_F_USED));
}

static void packed_available_while_full(struct kunit *test, struct ring_test *t)
{
	static const struct ring_seg seg = { RING_BASE + RING_DATA, 16, false };
	unsigned int i;

	pop_one(test, t);
	for (i = 3; i < NUM; i++) {
		KUNIT_ASSERT_GE(test, ring_test_add(t, &seg, 1, false), 0);
		pop_one(test, t);
	}
	ring_packed_desc(t)[0].flags ^= cpu_to_le16(BIT(VRING_PACKED_DESC_F_AVAIL) |
						    BIT(VRING_PACKED_DESC_F_USED) |
						    VRING_DESC_F_NEXT);
}

static void packed_readable_last(struct kunit *test, struct ring_test *t)
{
	ring_packed_desc(t)[0].flags |= cpu_to_le16(VRING_DESC_F_WRITE);
}

static void packed_overflow(struct kunit *test, struct ring_test *t)
{
	t->everywhere = true;
	ring_packed_desc(t)[2].len = cpu_to_le32(U32_MAX - 31);
}

static void packed_below(struct kunit *test, struct ring_test *t)
{
	ring_packed_desc(t)[2].addr = cpu_to_le64(RING_BASE - 16);
}

static void packed_behind(struct kunit *test, struct ring_test *t)
{
	ring_packed_desc(t)[1].addr = cpu_to_le64(RING_BASE + RING_WINDOW);
}

static void packed_indirect_in_chain(struct kunit *test, struct ring_test *t)
{
	ring_packed_desc(t)[2].flags |= cpu_to_le16(VRING_DESC_F_INDIRECT);
}

static void packed_no_indirect(struct kunit *test, struct ring_test *t)
{
	ring_packed_desc(t)[0].flags |= cpu_to_le16(VRING_DESC_F_INDIRECT);
}

static void packed_indirect_next(struct kunit *test, struct ring_test *t)
{
	ring_packed_desc(t)[0].flags |= cpu_to_le16(VRING_DESC_F_NEXT);
}

static void packed_table_empty(struct kunit *test, struct ring_test *t)
{
	ring_packed_desc(t)[0].len = 0;
}

static void packed_table_odd(struct kunit *test, struct ring_test *t)
{
	ring_packed_desc(t)[0].len = cpu_to_le32(17);
}

static void packed_table_large(struct kunit *test, struct ring_test *t)
{
	ring_packed_desc(t)[0].len = cpu_to_le32((NUM + 1) * 16);
}

static void packed_table_unaligned(struct kunit *test, struct ring_test *t)
{
	ring_packed_desc(t)[0].addr = cpu_to_le64(ring_table_addr(0) + 1);
}

static void packed_table_outside(struct kunit *test, struct ring_test *t)
{
	ring_packed_desc(t)[0].addr = cpu_to_le64(RING_BASE - 16);
}

static void packed_table_readable_last(struct kunit *test, struct ring_test *t)
{
	struct vring_packed_desc *table = ring_table(t, 0);

	table[1].flags = cpu_to_le16(VRING_DESC_F_WRITE);
	table[2].flags = 0;
}

static void packed_table_behind(struct kunit *test, struct ring_test *t)
{
	struct vring_packed_desc *table = ring_table(t, 0);

	table[2].len = cpu_to_le32(RING_WINDOW - RING_DATA - 0x40 + 1);
}

#define SPLIT(_spoil)		{ .name = #_spoil, .spoil = _spoil }
#define SPLIT_TABLE(_spoil)	{ .name = #_spoil, .spoil = _spoil, .table = true }
#define PACKED(_spoil)		{ .name = #_spoil, .spoil = _spoil, .packed = true }
#define PACKED_TABLE(_spoil)	{ .name = #_spoil, .spoil = _spoil, .packed = true, .table = true }

static const struct bad_case bad_cases[] = {
	SPLIT(avail_index_jumps),
	SPLIT(avail_index_back),
	SPLIT(avail_more_than_ring),
	SPLIT(head_is_num),
	SPLIT(head_is_huge),
	SPLIT(head_is_busy),
	SPLIT(next_is_num),
	SPLIT(next_is_self),
	SPLIT(next_is_empty_loop),
	SPLIT(split_readable_last),
	SPLIT(split_overflow),
	SPLIT(split_below),
	SPLIT(split_behind),
	SPLIT(split_wraps),
	SPLIT(split_32_bits),
	{ .name = "split_no_indirect", .spoil = split_no_indirect, .no_indirect = true },
	SPLIT_TABLE(split_indirect_next),
	SPLIT_TABLE(split_table_empty),
	SPLIT_TABLE(split_table_odd),
	SPLIT_TABLE(split_table_large),
	SPLIT_TABLE(split_table_huge),
	SPLIT_TABLE(split_table_unaligned),
	SPLIT_TABLE(split_table_outside),
	SPLIT_TABLE(split_table_nested),
	SPLIT_TABLE(split_table_next_is_nr),
	SPLIT_TABLE(split_table_loop),
	SPLIT_TABLE(split_table_too_many),
	PACKED(packed_id_is_num),
	PACKED(packed_id_is_huge),
	PACKED(packed_id_is_busy),
	PACKED(packed_next_is_not_available),
	PACKED(packed_next_is_of_the_round_before),
	PACKED(packed_loop),
	PACKED(packed_more_than_ring),
	PACKED(packed_available_while_full),
	PACKED(packed_readable_last),
	PACKED(packed_overflow),
	PACKED(packed_below),
	PACKED(packed_behind),
	PACKED(packed_indirect_in_chain),
	{ .name = "packed_no_indirect", .spoil = packed_no_indirect, .packed = true,
	  .no_indirect = true },
	PACKED_TABLE(packed_indirect_next),
	PACKED_TABLE(packed_table_empty),
	PACKED_TABLE(packed_table_odd),
	PACKED_TABLE(packed_table_large),
	PACKED_TABLE(packed_table_unaligned),
	PACKED_TABLE(packed_table_outside),
	PACKED_TABLE(packed_table_readable_last),
	PACKED_TABLE(packed_table_behind),
};

static void bad_name(const struct bad_case *bad, char *name)
{
	strscpy(name, bad->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(bad, bad_cases, bad_name);

static struct ring_test *start(struct kunit *test, const struct bad_case *bad)
{
	u64 features = bad->no_indirect ? 0 : BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC);
	struct ring_test *t;

	t = ring_test_create(test, bad->packed ? &packed_config : &split_config, features);
	KUNIT_ASSERT_TRUE(test, ring_test_setup(t));
	KUNIT_ASSERT_EQ(test, add_chain(t, bad->table), 0);

	return t;
}

/* Once broken, nothing touches the ring, whatever is called, and even if the ring is good again */
static void expect_hands_off(struct kunit *test, struct ring_test *t)
{
	const struct bao_vring_ops *ops = t->vq->ops;
	struct bao_vchain chain;
	unsigned int i;
	u8 *before;

	before = kunit_kzalloc(test, RING_WINDOW, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, before);
	memcpy(before, t->window, RING_WINDOW);
	ring_test_interrupts(t);

	KUNIT_EXPECT_EQ(test, bao_vq_pop(t->vq, &chain), -EIO);
	bao_vq_unpop(t->vq, 1);
	for (i = 0; i < NUM; i++)
		bao_vq_push(t->vq, i, 1);
	bao_vq_publish(t->vq);
	ops->disable_kick(t->vq);
	KUNIT_EXPECT_FALSE(test, ops->enable_kick(t->vq));

	KUNIT_EXPECT_EQ(test, memcmp(before, t->window, RING_WINDOW), 0);
	KUNIT_EXPECT_EQ(test, ring_test_interrupts(t), 0);
}

/* If nothing is spoilt, nothing breaks */
static void ring_good(struct kunit *test)
{
	const struct bad_case *bad = test->param_value;
	struct ring_test *t = start(test, bad);

	pop_one(test, t);
	bao_vq_push(t->vq, 0, 16);
	bao_vq_publish(t->vq);
	KUNIT_EXPECT_FALSE(test, bao_vq_broken(t->vq));
	KUNIT_EXPECT_EQ(test, ring_test_interrupts(t), 1);
}

static void ring_bad(struct kunit *test)
{
	const struct bad_case *bad = test->param_value;
	struct ring_test *t = start(test, bad);
	struct bao_vchain chain;

	bad->spoil(test, t);
	KUNIT_EXPECT_FALSE(test, bao_vq_broken(t->vq));
	KUNIT_EXPECT_EQ(test, bao_vq_pop(t->vq, &chain), -EIO);
	KUNIT_EXPECT_TRUE(test, bao_vq_broken(t->vq));
	expect_hands_off(test, t);
}

/* Somebody else breaks it, while a chain is with the model and another one is pushed */
static void ring_broken_elsewhere(struct kunit *test)
{
	const struct ring_config *configs[] = { &split_config, &packed_config };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(configs); i++) {
		struct ring_test *t = ring_test_create(test, configs[i], 0);

		KUNIT_ASSERT_TRUE(test, ring_test_setup(t));
		KUNIT_ASSERT_EQ(test, add_chain(t, false), 0);
		pop_one(test, t);
		KUNIT_ASSERT_GE(test, add_chain(t, false), 0);
		pop_one(test, t);
		bao_vq_push(t->vq, 0, 16);
		bao_vdev_break(&t->vdev, "KUnit test");
		expect_hands_off(test, t);
	}
}

/**
 * struct setup_case - what the driver has configured
 * @packed: format
 * @num: register QueueNum
 * @desc: register QueueDesc, from the beginning of the window
 * @driver: register QueueDriver, likewise
 * @device: register QueueDevice, likewise
 * @ready: whether that is possible; the queue's maximum size is 8
 */
struct setup_case {
	bool packed;
	u32 num;
	u64 desc;
	u64 driver;
	u64 device;
	bool ready;
};

#define END	RING_WINDOW

static const struct setup_case setup_cases[] = {
	{ false, 8, 0, 0x4000, 0x5000, true },
	{ false, 1, 0, 0x4000, 0x5000, true },
	{ false, 4, 0, 0x4000, 0x5000, true },
	{ false, 0, 0, 0x4000, 0x5000, false },
	{ false, 3, 0, 0x4000, 0x5000, false },
	{ false, 9, 0, 0x4000, 0x5000, false },
	{ false, 16, 0, 0x4000, 0x5000, false },
	{ false, U32_MAX, 0, 0x4000, 0x5000, false },
	{ false, 0x80000000, 0, 0x4000, 0x5000, false },
	{ false, 8, 0x10, 0x4002, 0x5004, true },
	{ false, 8, 0x8, 0x4000, 0x5000, false },
	{ false, 8, 0, 0x4001, 0x5000, false },
	{ false, 8, 0, 0x4000, 0x5002, false },
	{ false, 8, END - 8 * 16, 0x4000, 0x5000, true },
	{ false, 8, END - 8 * 16 + 16, 0x4000, 0x5000, false },
	{ false, 8, 0, END - (6 + 2 * 8), 0x5000, true },
	{ false, 8, 0, END - (6 + 2 * 8) + 2, 0x5000, false },
	{ false, 8, 0, 0x4000, END - (6 + 8 * 8) - 2, true },
	{ false, 8, 0, 0x4000, END - (6 + 8 * 8) + 2, false },
	{ false, 8, -16, 0x4000, 0x5000, false },
	{ false, 8, 0, -2, 0x5000, false },
	{ false, 8, 0, 0x4000, -4, false },
	{ false, 8, -(RING_BASE + 16), 0x4000, 0x5000, false },
	{ false, 8, 0, END, 0x5000, false },
	{ true, 8, 0, 0x4000, 0x5000, true },
	{ true, 1, 0, 0x4000, 0x5000, true },
	{ true, 7, 0, 0x4000, 0x5000, true },
	{ true, 0, 0, 0x4000, 0x5000, false },
	{ true, 9, 0, 0x4000, 0x5000, false },
	{ true, U32_MAX, 0, 0x4000, 0x5000, false },
	{ true, 8, 0x10, 0x4004, 0x5004, true },
	{ true, 8, 0x8, 0x4000, 0x5000, false },
	{ true, 8, 0, 0x4002, 0x5000, false },
	{ true, 8, 0, 0x4000, 0x5002, false },
	{ true, 8, END - 8 * 16, 0x4000, 0x5000, true },
	{ true, 8, END - 8 * 16 + 16, 0x4000, 0x5000, false },
	{ true, 8, 0, END - 4, 0x5000, true },
	{ true, 8, 0, END, 0x5000, false },
	{ true, 8, 0, 0x4000, END - 4, true },
	{ true, 8, 0, 0x4000, END, false },
};

static void setup_name(const struct setup_case *c, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%s, %u, %#llx, %#llx, %#llx",
		 c->packed ? "packed" : "split", c->num, c->desc, c->driver, c->device);
}

KUNIT_ARRAY_PARAM(setup, setup_cases, setup_name);

static void ring_setup(struct kunit *test)
{
	const struct setup_case *c = test->param_value;
	struct ring_test *t;

	t = ring_test_create(test, c->packed ? &packed_config : &split_config, 0);
	t->vq->num = c->num;
	t->vq->desc = RING_BASE + c->desc;
	t->vq->driver = RING_BASE + c->driver;
	t->vq->device = RING_BASE + c->device;
	KUNIT_EXPECT_EQ(test, ring_test_setup(t), c->ready);
	KUNIT_EXPECT_FALSE(test, bao_vq_broken(t->vq));
	if (c->ready)
		KUNIT_EXPECT_PTR_EQ(test, t->vq->desc_area, (void *)(t->window + c->desc));
}

static struct kunit_case bad_ring_cases[] = {
	KUNIT_CASE_PARAM(ring_good, bad_gen_params),
	KUNIT_CASE_PARAM(ring_bad, bad_gen_params),
	KUNIT_CASE(ring_broken_elsewhere),
	KUNIT_CASE_PARAM(ring_setup, setup_gen_params),
	{ }
};

static struct kunit_suite bad_ring_suite = {
	.name = "bao_ring_bad",
	.test_cases = bad_ring_cases,
};

kunit_test_suite(bad_ring_suite);
