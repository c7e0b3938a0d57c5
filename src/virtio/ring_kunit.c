// SPDX-License-Identifier: GPL-2.0
/* KUnit tests of rings whose driver follows the rules: one thing after the other */
#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include "ring_kunit.h"

KUNIT_ARRAY_PARAM(config, ring_configs, ring_config_name);
KUNIT_ARRAY_PARAM(small_config, ring_small_configs, ring_config_name);

static struct ring_test *start(struct kunit *test)
{
	return ring_test_start(test, test->param_value);
}

/* A chain of this many readable and writable segments, of 16 bytes each */
static int add(struct ring_test *t, unsigned int out, unsigned int in, bool indirect)
{
	struct ring_seg segs[RING_MAX_SEGS];
	unsigned int i;

	for (i = 0; i < out + in; i++)
		segs[i] = (struct ring_seg) { RING_BASE + RING_DATA + i * 0x20, 16, i >= out };

	return ring_test_add(t, segs, out + in, indirect);
}

static void pop_expect(struct kunit *test, int id)
{
	struct ring_test *t = test->priv;
	struct bao_vchain chain;

	KUNIT_ASSERT_GE(test, id, 0);
	KUNIT_ASSERT_EQ(test, bao_vq_pop(t->vq, &chain), 1);
	KUNIT_EXPECT_EQ(test, (int)chain.id, id);
}

static void get_expect(struct kunit *test, int id, u32 len)
{
	struct ring_test *t = test->priv;
	u32 got = 0;

	KUNIT_EXPECT_EQ(test, ring_test_get(t, &got), id);
	if (id >= 0)
		KUNIT_EXPECT_EQ(test, got, len);
}

static void ring_serves_a_chain(struct kunit *test)
{
	static const struct ring_seg segs[] = {
		{ RING_BASE + RING_DATA, 16, false },
		{ RING_BASE + RING_WINDOW - 512, 512, true },
		{ RING_BASE + RING_DATA + 77, 1, true },
	};
	struct ring_test *t = start(test);
	unsigned int i, indirect;
	struct bao_vchain chain;
	int id;

	for (i = 0; i < 100; i++) {
		for (indirect = 0; indirect < 2; indirect++) {
			KUNIT_EXPECT_EQ(test, bao_vq_pop(t->vq, &chain), 0);
			id = ring_test_add(t, segs, ARRAY_SIZE(segs), indirect);
			KUNIT_ASSERT_GE(test, id, 0);
			KUNIT_ASSERT_EQ(test, bao_vq_pop(t->vq, &chain), 1);
			KUNIT_EXPECT_EQ(test, (int)chain.id, id);
			ring_test_expect_segs(test, &chain, segs, ARRAY_SIZE(segs));
			KUNIT_EXPECT_EQ(test, bao_vq_pop(t->vq, &chain), 0);
			bao_vq_push(t->vq, id, 100 + i);
			get_expect(test, -EAGAIN, 0);
			bao_vq_publish(t->vq);
			get_expect(test, id, 100 + i);
			get_expect(test, -EAGAIN, 0);
		}
	}
	KUNIT_EXPECT_FALSE(test, bao_vq_broken(t->vq));
}

/* As many chains as there are descriptors, and none of them used before all are popped */
static void ring_can_be_full(struct kunit *test)
{
	struct ring_test *t = start(test);
	unsigned int num = t->config->num, i, round;
	struct bao_vchain chain;

	for (round = 0; round < 5; round++) {
		for (i = 0; i < num; i++)
			KUNIT_ASSERT_GE(test, add(t, 0, 1, false), 0);
		KUNIT_EXPECT_EQ(test, add(t, 0, 1, false), -ENOSPC);
		for (i = 0; i < num; i++)
			KUNIT_ASSERT_EQ(test, bao_vq_pop(t->vq, &chain), 1);
		KUNIT_EXPECT_EQ(test, bao_vq_pop(t->vq, &chain), 0);
		KUNIT_EXPECT_FALSE(test, t->vq->ops->enable_kick(t->vq));
		for (i = num; i; i--)
			bao_vq_push(t->vq, i - 1, i);
		bao_vq_publish(t->vq);
		for (i = 0; i < num; i++) {
			u32 len = 0;
			int id = ring_test_get(t, &len);

			KUNIT_ASSERT_GE(test, id, 0);
			KUNIT_EXPECT_EQ(test, len, min_t(u32, id + 1, 16));
		}
		get_expect(test, -EAGAIN, 0);
	}
	KUNIT_EXPECT_FALSE(test, bao_vq_broken(t->vq));
}

static void ring_can_be_small_and_full(struct kunit *test)
{
	ring_can_be_full(test);
}

static void ring_segments_without_bytes_are_left_out(struct kunit *test)
{
	static const struct ring_seg segs[] = {
		{ 0, 0, false },
		{ RING_BASE + RING_DATA, 16, false },
		{ U64_MAX, 0, false },
		{ RING_BASE + RING_DATA + 16, 8, true },
		{ RING_BASE + RING_DATA, 0, true },
	};
	struct ring_test *t = start(test);
	unsigned int indirect;
	struct bao_vchain chain;

	for (indirect = 0; indirect < 2; indirect++) {
		KUNIT_ASSERT_GE(test, ring_test_add(t, segs, ARRAY_SIZE(segs), indirect), 0);
		KUNIT_ASSERT_EQ(test, bao_vq_pop(t->vq, &chain), 1);
		ring_test_expect_segs(test, &chain, segs, ARRAY_SIZE(segs));
		bao_vq_push(t->vq, chain.id, 0);
		bao_vq_publish(t->vq);
		get_expect(test, chain.id, 0);

		KUNIT_ASSERT_GE(test, ring_test_add(t, segs, 1, indirect), 0);
		KUNIT_ASSERT_EQ(test, bao_vq_pop(t->vq, &chain), 1);
		ring_test_expect_segs(test, &chain, segs, 1);
		bao_vq_push(t->vq, chain.id, 1);
		bao_vq_publish(t->vq);
		get_expect(test, chain.id, 0);
	}
}

static void ring_length_is_never_more_than_there_is(struct kunit *test)
{
	static const u32 lens[] = { 0, 1, 32, 33, U32_MAX };
	struct ring_test *t = start(test);
	unsigned int i;
	int id;

	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		id = add(t, 1, 2, i & 1);
		pop_expect(test, id);
		bao_vq_push(t->vq, id, lens[i]);
		bao_vq_publish(t->vq);
		get_expect(test, id, min_t(u32, lens[i], 32));
	}
}

static void ring_unpop(struct kunit *test)
{
	struct ring_test *t = start(test);
	unsigned int round;
	int a, b, c;

	for (round = 0; round < 10; round++) {
		a = add(t, 1, 1, false);
		b = add(t, 2, 1, false);
		c = add(t, 1, 0, true);
		pop_expect(test, a);
		bao_vq_unpop(t->vq, 1);
		pop_expect(test, a);
		pop_expect(test, b);
		pop_expect(test, c);
		bao_vq_unpop(t->vq, 0);
		bao_vq_unpop(t->vq, 2);
		/* There is more, and that is seen */
		KUNIT_EXPECT_TRUE(test, t->vq->ops->enable_kick(t->vq));
		pop_expect(test, b);
		bao_vq_push(t->vq, a, 1);
		bao_vq_publish(t->vq);
		get_expect(test, a, 1);
		bao_vq_unpop(t->vq, 1);
		pop_expect(test, b);
		pop_expect(test, c);
		bao_vq_push(t->vq, b, 2);
		bao_vq_push(t->vq, c, 3);
		bao_vq_publish(t->vq);
		get_expect(test, b, 2);
		get_expect(test, c, 0);
	}
}

/* A model may be wrong: it can lose its chains, but not more */
static void ring_model_is_wrong(struct kunit *test)
{
	struct ring_test *t = start(test);
	struct bao_vchain chain;
	int a, b;

	bao_vq_unpop(t->vq, 1);
	bao_vq_push(t->vq, 0, 1);
	bao_vq_push(t->vq, t->config->num, 1);
	bao_vq_push(t->vq, U16_MAX, 1);
	bao_vq_publish(t->vq);
	get_expect(test, -EAGAIN, 0);
	KUNIT_EXPECT_EQ(test, bao_vq_pop(t->vq, &chain), 0);

	a = add(t, 1, 1, false);
	b = add(t, 1, 2, false);
	pop_expect(test, a);
	pop_expect(test, b);
	bao_vq_push(t->vq, b, 7);
	bao_vq_push(t->vq, b, 9);
	/* The last one has been pushed */
	bao_vq_unpop(t->vq, 1);
	bao_vq_unpop(t->vq, 2);
	bao_vq_push(t->vq, a, 3);
	bao_vq_unpop(t->vq, 1);
	bao_vq_publish(t->vq);
	if (t->config->in_order) {
		get_expect(test, a, 3);
		get_expect(test, b, 7);
	} else {
		get_expect(test, b, 7);
		get_expect(test, a, 3);
	}
	get_expect(test, -EAGAIN, 0);
	bao_vq_unpop(t->vq, 1);
	KUNIT_EXPECT_EQ(test, bao_vq_pop(t->vq, &chain), 0);
	KUNIT_EXPECT_FALSE(test, bao_vq_broken(t->vq));
}

static void ring_budget(struct kunit *test)
{
	struct ring_test *t = start(test);
	unsigned int i;
	int id;

	for (i = 0; i < BAO_VQ_BUDGET; i++) {
		KUNIT_EXPECT_FALSE(test, bao_vq_budget(t->vq));
		id = add(t, 1, 0, false);
		pop_expect(test, id);
		bao_vq_push(t->vq, id, 0);
		bao_vq_publish(t->vq);
		get_expect(test, id, 0);
	}
	KUNIT_EXPECT_TRUE(test, bao_vq_budget(t->vq));
}

static void ring_tells_what_it_is(struct kunit *test)
{
	struct ring_test *t = start(test);

	t->vq->index = 3;
	KUNIT_EXPECT_PTR_EQ(test, bao_vq_vdev(t->vq), &t->vdev);
	KUNIT_EXPECT_EQ(test, bao_vq_index(t->vq), 3);
	KUNIT_EXPECT_EQ(test, bao_vq_size(t->vq), t->config->num);
	KUNIT_EXPECT_NULL(test, bao_vq_priv(t->vq));
	bao_vq_set_priv(t->vq, test);
	KUNIT_EXPECT_PTR_EQ(test, bao_vq_priv(t->vq), (void *)test);
}

/* Nothing that was before a reset matters after it */
static void ring_starts_again(struct kunit *test)
{
	struct ring_test *t = start(test);
	struct bao_vchain chain;

	while (add(t, 1, 1, true) >= 0)
		KUNIT_ASSERT_EQ(test, bao_vq_pop(t->vq, &chain), 1);
	bao_vq_push(t->vq, chain.id, 1);
	ring_test_reset(t);
	KUNIT_ASSERT_TRUE(test, ring_test_setup(t));
	bao_vq_publish(t->vq);
	get_expect(test, -EAGAIN, 0);
	while (add(t, 1, 1, true) >= 0) {
		KUNIT_ASSERT_EQ(test, bao_vq_pop(t->vq, &chain), 1);
		bao_vq_push(t->vq, chain.id, 0);
	}
	bao_vq_publish(t->vq);
	get_expect(test, 0, 0);
	KUNIT_EXPECT_FALSE(test, bao_vq_broken(t->vq));
}

/* Several used chains in one entry of the ring: where it is, and what it says */
static void ring_batches_in_order(struct kunit *test)
{
	static const struct ring_config config[] = {
		{ .num = 8, .in_order = true },
		{ .num = 8, .in_order = true, .packed = true },
	};
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(config); i++) {
		struct ring_test *t = ring_test_start(test, &config[i]);
		struct vring_packed_desc *desc = ring_packed_desc(t);
		struct vring_used *used = ring_used(t);
		int id[5];

		for (j = 0; j < ARRAY_SIZE(id); j++) {
			id[j] = add(t, 0, 1, false);
			pop_expect(test, id[j]);
		}
		/* The first one is missing */
		bao_vq_push(t->vq, id[2], 5);
		bao_vq_push(t->vq, id[1], 16);
		bao_vq_push(t->vq, id[3], 16);
		bao_vq_publish(t->vq);
		get_expect(test, -EAGAIN, 0);
		bao_vq_push(t->vq, id[0], 16);
		bao_vq_publish(t->vq);
		/* 0 to 2 in one, as 2 is not full, and 3 */
		if (config[i].packed) {
			KUNIT_EXPECT_EQ(test, le16_to_cpu(desc[0].id), id[2]);
			KUNIT_EXPECT_EQ(test, le32_to_cpu(desc[0].len), 5);
			KUNIT_EXPECT_EQ(test, le16_to_cpu(desc[1].id), id[1]);
			KUNIT_EXPECT_EQ(test, le32_to_cpu(desc[1].len), 16);
			KUNIT_EXPECT_EQ(test, le16_to_cpu(desc[3].id), id[3]);
		} else {
			KUNIT_EXPECT_EQ(test, ring_cpu16(used->idx), 4);
			KUNIT_EXPECT_EQ(test, ring_cpu32(used->ring[0].id), id[2]);
			KUNIT_EXPECT_EQ(test, ring_cpu32(used->ring[0].len), 5);
			KUNIT_EXPECT_EQ(test, ring_cpu32(used->ring[1].len), 0);
			KUNIT_EXPECT_EQ(test, ring_cpu32(used->ring[3].id), id[3]);
		}
		get_expect(test, id[0], 16);
		get_expect(test, id[1], 16);
		get_expect(test, id[2], 5);
		get_expect(test, id[3], 16);
		get_expect(test, -EAGAIN, 0);
	}
}

/* Before publish() the driver sees nothing, and after it everything */
static void ring_packed_first_flags_come_last(struct kunit *test)
{
	static const struct ring_config config = { .num = 8, .packed = true };
	struct ring_test *t = ring_test_start(test, &config);
	struct vring_packed_desc *desc = ring_packed_desc(t);
	const u16 used = BIT(VRING_PACKED_DESC_F_AVAIL) | BIT(VRING_PACKED_DESC_F_USED);
	u16 before;
	int a, b;

	a = add(t, 1, 2, false);
	b = add(t, 1, 0, false);
	before = le16_to_cpu(desc[0].flags);
	pop_expect(test, a);
	pop_expect(test, b);
	bao_vq_push(t->vq, a, 32);
	bao_vq_push(t->vq, b, 0);
	KUNIT_EXPECT_EQ(test, le16_to_cpu(desc[0].flags), before);
	KUNIT_EXPECT_EQ(test, le16_to_cpu(desc[3].flags), used);
	KUNIT_EXPECT_EQ(test, le16_to_cpu(desc[3].id), b);
	bao_vq_publish(t->vq);
	KUNIT_EXPECT_EQ(test, le16_to_cpu(desc[0].flags), used | VRING_DESC_F_WRITE);
	get_expect(test, a, 32);
	get_expect(test, b, 0);
}

/* The device may not use the flags if there are events */
static void ring_split_flags(struct kunit *test)
{
	static const struct ring_config config[] = {
		{ .num = 8 }, { .num = 8, .event_idx = true },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(config); i++) {
		struct ring_test *t = ring_test_start(test, &config[i]);

		t->vq->ops->disable_kick(t->vq);
		KUNIT_EXPECT_EQ(test, ring_cpu16(ring_used(t)->flags),
				config[i].event_idx ? 0 : VRING_USED_F_NO_NOTIFY);
		t->vq->ops->enable_kick(t->vq);
		KUNIT_EXPECT_EQ(test, ring_cpu16(ring_used(t)->flags), 0);
	}
}

/* An interrupt too many is better than one too few */
static void ring_packed_event_flags(struct kunit *test)
{
	static const struct {
		bool event_idx;
		u16 flags;
		u16 off_wrap;
		bool interrupt;
	} cases[] = {
		{ false, VRING_PACKED_EVENT_FLAG_ENABLE, 0, true },
		{ false, VRING_PACKED_EVENT_FLAG_DISABLE, 0, false },
		{ false, VRING_PACKED_EVENT_FLAG_DESC, 3, true },
		{ false, 3, 0, true },
		{ true, VRING_PACKED_EVENT_FLAG_ENABLE, 3, true },
		{ true, VRING_PACKED_EVENT_FLAG_DISABLE, 0x8000, false },
		{ true, VRING_PACKED_EVENT_FLAG_DESC, 0x8000, true },
		{ true, VRING_PACKED_EVENT_FLAG_DESC, 0x8001, false },
		{ true, VRING_PACKED_EVENT_FLAG_DESC, 0, false },
		{ true, 3, 0, true },
		{ true, VRING_PACKED_EVENT_FLAG_DISABLE | 0xfffc, 0x8000, false },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct ring_config config = {
			.num = 8, .packed = true, .event_idx = cases[i].event_idx,
		};
		struct ring_test *t = ring_test_start(test, &config);
		struct vring_packed_desc_event *event = ring_event(t, RING_DRIVER);

		event->off_wrap = cpu_to_le16(cases[i].off_wrap);
		event->flags = cpu_to_le16(cases[i].flags);
		pop_expect(test, add(t, 1, 0, false));
		bao_vq_push(t->vq, 0, 0);
		bao_vq_publish(t->vq);
		KUNIT_EXPECT_EQ_MSG(test, ring_test_interrupts(t), cases[i].interrupt, "case %u",
				    i);
	}
}

/* What the specification tells the device to ignore, and a layout that no known driver uses */
static void ring_odd_but_allowed(struct kunit *test)
{
	static const struct ring_seg segs[] = {
		{ RING_BASE + RING_DATA, 16, false },
		{ RING_BASE + RING_DATA + 0x20, 16, false },
		{ RING_BASE + RING_DATA + 0x40, 16, true },
		{ RING_BASE + RING_DATA + 0x60, 16, true },
	};
	static const struct ring_config config[] = { { .num = 4 }, { .num = 4, .packed = true } };
	struct vring_packed_desc *packed;
	struct bao_vchain chain;
	struct vring_desc *desc;
	struct ring_test *t;

	/* Descriptors, the last of which refers to a table; and that one is said to be writable */
	t = ring_test_start(test, &config[0]);
	KUNIT_ASSERT_EQ(test, ring_test_add(t, segs + 1, 3, true), 0);
	desc = ring_desc(t);
	desc[1] = desc[0];
	desc[1].flags |= ring_v16(VRING_DESC_F_WRITE);
	desc[0].addr = ring_v64(segs[0].addr);
	desc[0].len = ring_v32(segs[0].len);
	desc[0].flags = ring_v16(VRING_DESC_F_NEXT);
	desc[0].next = ring_v16(1);
	KUNIT_ASSERT_EQ(test, bao_vq_pop(t->vq, &chain), 1);
	ring_test_expect_segs(test, &chain, segs, 4);

	/* Flags, and ids, in the table of a packed ring */
	t = ring_test_start(test, &config[1]);
	KUNIT_ASSERT_EQ(test, ring_test_add(t, segs, 4, true), 0);
	ring_packed_desc(t)->flags |= cpu_to_le16(VRING_DESC_F_WRITE);
	packed = ring_table(t, 0);
	packed[0].flags |= cpu_to_le16(VRING_DESC_F_INDIRECT | BIT(VRING_PACKED_DESC_F_USED));
	packed[1].flags |= cpu_to_le16(VRING_DESC_F_NEXT | BIT(VRING_PACKED_DESC_F_AVAIL));
	packed[3].flags |= cpu_to_le16(VRING_DESC_F_NEXT);
	packed[3].id = cpu_to_le16(1234);
	KUNIT_ASSERT_EQ(test, bao_vq_pop(t->vq, &chain), 1);
	ring_test_expect_segs(test, &chain, segs, 4);

	/* A descriptor that is used, and not available, though nobody has used it */
	ring_packed_desc(t)[1].flags = cpu_to_le16(BIT(VRING_PACKED_DESC_F_AVAIL) |
						   BIT(VRING_PACKED_DESC_F_USED));
	KUNIT_EXPECT_EQ(test, bao_vq_pop(t->vq, &chain), 0);
}

static struct kunit_case ring_cases[] = {
	KUNIT_CASE_PARAM(ring_serves_a_chain, config_gen_params),
	KUNIT_CASE_PARAM(ring_can_be_full, config_gen_params),
	KUNIT_CASE_PARAM(ring_can_be_small_and_full, small_config_gen_params),
	KUNIT_CASE_PARAM(ring_segments_without_bytes_are_left_out, config_gen_params),
	KUNIT_CASE_PARAM(ring_length_is_never_more_than_there_is, config_gen_params),
	KUNIT_CASE_PARAM(ring_unpop, config_gen_params),
	KUNIT_CASE_PARAM(ring_model_is_wrong, config_gen_params),
	KUNIT_CASE_PARAM(ring_budget, config_gen_params),
	KUNIT_CASE_PARAM(ring_tells_what_it_is, config_gen_params),
	KUNIT_CASE_PARAM(ring_starts_again, config_gen_params),
	KUNIT_CASE(ring_batches_in_order),
	KUNIT_CASE(ring_packed_first_flags_come_last),
	KUNIT_CASE(ring_split_flags),
	KUNIT_CASE(ring_packed_event_flags),
	KUNIT_CASE(ring_odd_but_allowed),
	{ }
};

static struct kunit_suite ring_suite = {
	.name = "bao_ring",
	.test_cases = ring_cases,
};

kunit_test_suite(ring_suite);
