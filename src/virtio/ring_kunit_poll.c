// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of polling: when it looks, what it finds, and what it learns
 *
 * The time that a poll takes is long enough never to be over in the middle of a test, or over at
 * once.
 */
#include <linux/errno.h>
#include <linux/ktime.h>

#include "ring_kunit.h"

#define POLL_US		BAO_VDEV_MAX_POLL_US
#define POLL_NS		((u64)POLL_US * NSEC_PER_USEC)

KUNIT_ARRAY_PARAM(config, ring_configs, ring_config_name);

static const struct ring_seg segs[] = {
	{ RING_BASE + RING_DATA, 16, false },
	{ RING_BASE + RING_DATA + 16, 16, true },
};

/* It would poll now, if it had given something back */
static struct ring_test *start(struct kunit *test)
{
	struct ring_test *t = ring_test_start(test, test->param_value);

	t->vdev.poll_us = POLL_US;
	t->vq->poll.ns = POLL_NS;

	return t;
}

/* The chain that the driver has made available comes back to it */
static void serve(struct kunit *test)
{
	struct ring_test *t = test->priv;
	struct bao_vchain chain;
	u32 len;

	KUNIT_ASSERT_EQ(test, bao_vq_pop(t->vq, &chain), 1);
	bao_vq_push(t->vq, chain.id, 16);
	bao_vq_publish(t->vq);
	KUNIT_ASSERT_GE(test, ring_test_get(t, &len), 0);
}

static void serve_one(struct kunit *test)
{
	struct ring_test *t = test->priv;

	KUNIT_ASSERT_GE(test, ring_test_add(t, segs, 2, false), 0);
	serve(test);
}

static long polls(const struct ring_test *t)
{
	return atomic_long_read(&t->core->polls_found) + atomic_long_read(&t->core->polls_vain);
}

static void poll_sees_what_is_available(struct kunit *test)
{
	struct ring_test *t = start(test);
	const struct bao_vring_ops *ops = t->vq->ops;
	struct bao_vchain chain;
	unsigned int i;

	/* Several times round the ring */
	for (i = 0; i < 600; i++) {
		KUNIT_ASSERT_FALSE(test, ops->has_avail(t->vq));
		KUNIT_ASSERT_GE(test, ring_test_add(t, segs, 2, i & 1), 0);
		KUNIT_ASSERT_TRUE(test, ops->has_avail(t->vq));
		KUNIT_ASSERT_EQ(test, bao_vq_pop(t->vq, &chain), 1);
		KUNIT_ASSERT_FALSE(test, ops->has_avail(t->vq));
		bao_vq_unpop(t->vq, 1);
		KUNIT_ASSERT_TRUE(test, ops->has_avail(t->vq));
		serve(test);
	}
}

/* What the driver adds meanwhile needs no kick, and is found */
static void poll_finds_without_a_kick(struct kunit *test)
{
	struct ring_test *t = start(test);
	unsigned int i;

	t->vq->ops->disable_kick(t->vq);
	serve_one(test);
	/* With events, there is a kick when the first one is passed, and no more */
	ring_test_must_kick(t);
	for (i = 0; i < 100; i++) {
		KUNIT_ASSERT_GE(test, ring_test_add(t, segs, 2, false), 0);
		KUNIT_EXPECT_FALSE(test, ring_test_must_kick(t));
		KUNIT_ASSERT_EQ(test, (int)bao_vq_poll(t->vq), (int)BAO_VQ_POLL_FOUND);
		serve(test);
	}
	KUNIT_EXPECT_EQ(test, atomic_long_read(&t->core->polls_found), 100L);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&t->core->polls_vain), 0L);
}

static void poll_is_only_for_who_gets_something(struct kunit *test)
{
	struct ring_test *t = start(test);

	/* There is something, and a poll would find it */
	serve_one(test);
	KUNIT_ASSERT_GE(test, ring_test_add(t, segs, 2, false), 0);

	WRITE_ONCE(t->vdev.poll_us, 0);
	KUNIT_EXPECT_EQ(test, (int)bao_vq_poll(t->vq), (int)BAO_VQ_POLL_NOTHING);
	WRITE_ONCE(t->vdev.poll_us, POLL_US);

	t->vq->pushed = 0;
	KUNIT_EXPECT_EQ(test, (int)bao_vq_poll(t->vq), (int)BAO_VQ_POLL_NOTHING);

	/* It has learnt that it does not pay */
	t->vq->pushed = 1;
	t->vq->poll.ns = 0;
	KUNIT_EXPECT_EQ(test, (int)bao_vq_poll(t->vq), (int)BAO_VQ_POLL_NOTHING);
	KUNIT_EXPECT_NE(test, t->vq->poll.rested, 0ULL);
	KUNIT_EXPECT_EQ(test, polls(t), 0L);

	t->vq->pushed = 1;
	t->vq->poll.ns = POLL_NS;
	t->vq->poll.vain = true;
	KUNIT_EXPECT_EQ(test, (int)bao_vq_poll(t->vq), (int)BAO_VQ_POLL_NOTHING);

	t->vq->pushed = 1;
	t->vq->poll.vain = false;
	KUNIT_EXPECT_EQ(test, (int)bao_vq_poll(t->vq), (int)BAO_VQ_POLL_FOUND);
	KUNIT_EXPECT_EQ(test, t->vq->poll.rested, 0ULL);
	KUNIT_EXPECT_EQ(test, polls(t), 1L);
}

/* The ring is empty, and each of these ends the poll before its time is over */
static void poll_ends_for_others(struct kunit *test)
{
	struct ring_test *t = start(test);

	serve_one(test);
	WRITE_ONCE(t->vq->running, false);
	KUNIT_EXPECT_EQ(test, (int)bao_vq_poll(t->vq), (int)BAO_VQ_POLL_NOTHING);
	WRITE_ONCE(t->vq->running, true);

	t->vq->pushed = 1;
	t->core->status |= VIRTIO_CONFIG_S_NEEDS_RESET;
	KUNIT_EXPECT_EQ(test, (int)bao_vq_poll(t->vq), (int)BAO_VQ_POLL_NOTHING);
	t->core->status = 0;

	/* As queue_work() leaves it */
	t->vq->pushed = 1;
	set_bit(WORK_STRUCT_PENDING_BIT, work_data_bits(&t->vq->work));
	KUNIT_EXPECT_EQ(test, (int)bao_vq_poll(t->vq), (int)BAO_VQ_POLL_WOKEN);

	KUNIT_EXPECT_EQ(test, polls(t), 0L);
	KUNIT_EXPECT_EQ(test, t->vq->poll.ns, POLL_NS);
}

/* One that is over is in vain, unless somebody else has ended it before */
static void poll_in_vain(struct kunit *test)
{
	struct ring_test *t = start(test);

	serve_one(test);
	t->vq->poll.ns = 1;
	KUNIT_EXPECT_EQ(test, (int)bao_vq_poll(t->vq), (int)BAO_VQ_POLL_NOTHING);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&t->core->polls_found), 0L);
	KUNIT_EXPECT_EQ(test, t->vq->poll.vain, polls(t) == 1);
}

static void learn(struct kunit *test, u64 before, u64 took, unsigned int popped, u64 after)
{
	struct ring_test *t = test->priv;

	t->vq->popped = popped;
	t->vq->poll = (struct bao_vq_poll_state) {
		.rested = 1000,
		.begun = 1000 + took,
		.ns = before,
		.vain = true,
	};
	bao_vq_poll_learn(t->vq);
	KUNIT_EXPECT_EQ(test, t->vq->poll.vain, !popped);
	KUNIT_EXPECT_EQ(test, t->vq->poll.ns, after);
	/* Once for each time that the ring was found empty */
	KUNIT_EXPECT_EQ(test, t->vq->poll.rested, popped ? 0ULL : 1000ULL);
	t->vq->poll.begun += POLL_NS;
	if (popped)
		bao_vq_poll_learn(t->vq);
	KUNIT_EXPECT_EQ(test, t->vq->poll.ns, after);
}

static void poll_learns(struct kunit *test)
{
	struct ring_test *t = start(test);

	/* From nothing; twice what it would have taken, but no more than there may be */
	learn(test, 0, 30, 1, 60);
	learn(test, 0, POLL_NS / 2, 1, POLL_NS);
	learn(test, 0, POLL_NS, 1, POLL_NS);
	/* Too late for any poll */
	learn(test, POLL_NS, POLL_NS + 1, 1, 0);
	/* It grows, and one that comes early is no reason to shrink */
	learn(test, 50, 30, 1, 60);
	learn(test, 100, 30, 1, 100);
	/* A completion says nothing of the driver */
	learn(test, 0, 30, 0, 0);
	learn(test, 100, POLL_NS + 1, 0, 100);
	/* Somebody has made it shorter meanwhile */
	WRITE_ONCE(t->vdev.poll_us, 1);
	learn(test, 0, 900, 1, 1000);
	learn(test, 0, 1001, 1, 0);
	WRITE_ONCE(t->vdev.poll_us, 0);
	learn(test, 100, 30, 1, 0);
}

static struct kunit_case ring_poll_cases[] = {
	KUNIT_CASE_PARAM(poll_sees_what_is_available, config_gen_params),
	KUNIT_CASE_PARAM(poll_finds_without_a_kick, config_gen_params),
	KUNIT_CASE_PARAM(poll_is_only_for_who_gets_something, config_gen_params),
	KUNIT_CASE_PARAM(poll_ends_for_others, config_gen_params),
	KUNIT_CASE_PARAM(poll_in_vain, config_gen_params),
	KUNIT_CASE_PARAM(poll_learns, config_gen_params),
	{ }
};

static struct kunit_suite ring_poll_suite = {
	.name = "bao_ring_poll",
	.test_cases = ring_poll_cases,
};

kunit_test_suite(ring_poll_suite);
