// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of rings: driver and device do anything in any order. Either both follow the rules,
 * and a model tells what has to come of it; or the driver does not, and the device only survives.
 */
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/prandom.h>
#include <linux/string.h>

#include "ring_kunit.h"

KUNIT_ARRAY_PARAM(config, ring_configs, ring_config_name);
KUNIT_ARRAY_PARAM(small_config, ring_small_configs, ring_config_name);

/**
 * struct ring_model - what should happen on a ring, in numbers that do not wrap
 * @t: the real one
 * @rnd: random numbers
 * @added: chains, in the order in which they were added; the first ones are not popped yet
 * @popped: chains, in the order in which they were popped, up to the oldest one that is not pushed
 *	    (in order: not published)
 * @pushed: chains, in the order in which they were pushed, and not published; not if in order
 * @done: for each entry of @popped: whether it has been pushed
 * @used: chains, in the order in which the driver has to get them
 * @segs: by id
 * @nr: by id: number of segments
 * @len: by id: what was pushed
 * @avail_pos: how many have been added
 * @pop_pos: how many have been popped
 * @used_pos: how many are used, and published
 * @get_pos: how many the driver has got
 * @kick_at: position for which the device wants a kick
 * @kick: for each, for the one at @kick_at, or for none
 * @interrupt_at: position for which the driver wants an interrupt
 * @interrupt: as @kick
 */
struct ring_model {
	struct ring_test *t;
	struct rnd_state rnd;
	struct ring_list added;
	struct ring_list popped;
	struct ring_list pushed;
	bool done[RING_MAX_NUM];
	struct ring_list used;
	struct ring_seg segs[RING_MAX_NUM][RING_MAX_SEGS];
	unsigned int nr[RING_MAX_NUM];
	u32 len[RING_MAX_NUM];
	unsigned int avail_pos;
	unsigned int pop_pos;
	unsigned int used_pos;
	unsigned int get_pos;
	unsigned int kick_at;
	enum { NEVER, ALWAYS, ONCE } kick;
	unsigned int interrupt_at;
	unsigned int interrupt;
};

static u32 roll_state(struct rnd_state *rnd, u32 below)
{
	return prandom_u32_state(rnd) % below;
}

static u32 roll(struct ring_model *m, u32 below)
{
	return roll_state(&m->rnd, below);
}

static unsigned int list_len(const struct ring_list *list)
{
	return list->end - list->first;
}

/* What a chain counts in positions */
static unsigned int weight(const struct ring_model *m, u16 id)
{
	return m->t->config->packed ? m->t->driver.chain[id].descs : 1;
}

/* An event stays where it is. Positions come again: that is what wrapping means. */
static bool expect_event(const struct ring_model *m, unsigned int when, unsigned int at,
			 unsigned int old, unsigned int new)
{
	unsigned int period = m->t->config->packed ? 2 * m->t->config->num : 0x10000;

	if (when != ONCE)
		return when == ALWAYS && new != old;

	return (at % period + period - old % period) % period < new - old;
}

static void model_add(struct kunit *test, struct ring_model *m)
{
	struct ring_seg segs[RING_MAX_SEGS];
	unsigned int nr = 1 + roll(m, min_t(u32, RING_MAX_SEGS, m->t->config->num));
	unsigned int out = roll(m, nr + 1), old = m->avail_pos, i, more = 1 + roll(m, 3);
	int id = 0;

	while (more-- && id >= 0) {
		for (i = 0; i < nr; i++)
			segs[i] = (struct ring_seg) {
				RING_BASE + RING_DATA + roll(m, 0x8000), roll(m, 8) * 3, i >= out,
			};
		id = ring_test_add(m->t, segs, nr, roll(m, 2));
		if (id < 0)
			break;
		memcpy(m->segs[id], segs, sizeof(segs));
		m->nr[id] = nr;
		ring_list_add(&m->added, id);
		m->avail_pos += weight(m, id);
	}
	/* Who adds nothing does not ask */
	if (m->avail_pos == old)
		return;
	KUNIT_ASSERT_EQ(test, ring_test_must_kick(m->t),
			expect_event(m, m->kick, m->kick_at, old, m->avail_pos));
}

static void model_pop(struct kunit *test, struct ring_model *m)
{
	struct bao_vchain chain;
	u16 id;

	if (list_len(&m->popped) == RING_MAX_NUM)
		return;
	if (!list_len(&m->added)) {
		KUNIT_ASSERT_EQ(test, bao_vq_pop(m->t->vq, &chain), 0);
		return;
	}
	id = ring_list_take(&m->added);
	KUNIT_ASSERT_EQ(test, bao_vq_pop(m->t->vq, &chain), 1);
	KUNIT_ASSERT_EQ(test, chain.id, id);
	ring_test_expect_segs(test, &chain, m->segs[id], m->nr[id]);
	m->done[m->popped.end % RING_MAX_NUM] = false;
	ring_list_add(&m->popped, id);
	m->pop_pos += weight(m, id);
}

static void model_unpop(struct kunit *test, struct ring_model *m)
{
	struct ring_list *popped = &m->popped;
	unsigned int nr = 0, max = roll(m, 4);

	while (nr < max && list_len(popped)) {
		unsigned int last = (popped->end - 1) % RING_MAX_NUM;
		u16 id = popped->entry[last];

		if (m->done[last])
			break;
		popped->end--;
		m->pop_pos -= weight(m, id);
		m->added.entry[--m->added.first % RING_MAX_NUM] = id;
		nr++;
	}
	bao_vq_unpop(m->t->vq, nr);
}

/* Push any of those that the device has */
static void model_push(struct kunit *test, struct ring_model *m)
{
	struct ring_list *popped = &m->popped;
	unsigned int len = list_len(popped), i;
	u32 in_len;
	u16 id;

	if (!len)
		return;
	/* The oldest one often enough, or the list gets too long */
	i = (popped->first + roll(m, 2) * roll(m, len)) % RING_MAX_NUM;
	if (m->done[i])
		return;
	m->done[i] = true;
	id = popped->entry[i];
	in_len = m->t->driver.chain[id].in_len;
	m->len[id] = roll(m, 2) ? in_len : roll(m, in_len + 1);
	bao_vq_push(m->t->vq, id, m->len[id] + (m->len[id] == in_len ? roll(m, 2) * 1000 : 0));
	if (m->t->config->in_order)
		return;
	ring_list_add(&m->pushed, id);
	while (list_len(popped) && m->done[popped->first % RING_MAX_NUM])
		popped->first++;
}

static bool model_next_used(struct ring_model *m, u16 *id)
{
	bool in_order = m->t->config->in_order;
	struct ring_list *from = in_order ? &m->popped : &m->pushed;

	if (!list_len(from) || (in_order && !m->done[from->first % RING_MAX_NUM]))
		return false;
	*id = ring_list_take(from);

	return true;
}

static void model_publish(struct kunit *test, struct ring_model *m)
{
	unsigned int old = m->used_pos;
	u16 id;

	while (model_next_used(m, &id)) {
		ring_list_add(&m->used, id);
		m->used_pos += weight(m, id);
	}
	bao_vq_publish(m->t->vq);
	KUNIT_ASSERT_EQ(test, !!ring_test_interrupts(m->t),
			expect_event(m, m->interrupt, m->interrupt_at, old, m->used_pos));
}

static void model_get(struct kunit *test, struct ring_model *m)
{
	u32 len = 0;
	u16 id;

	if (!list_len(&m->used)) {
		KUNIT_ASSERT_EQ(test, ring_test_get(m->t, &len), -EAGAIN);
		return;
	}
	id = ring_list_take(&m->used);
	m->get_pos += weight(m, id);
	KUNIT_ASSERT_EQ(test, ring_test_get(m->t, &len), id);
	KUNIT_ASSERT_EQ(test, len, m->len[id]);
}

static void model_kicks(struct kunit *test, struct ring_model *m)
{
	const struct ring_config *config = m->t->config;

	if (roll(m, 2)) {
		m->t->vq->ops->disable_kick(m->t->vq);
		/* A split ring with events has no flag, but an event may be in the past */
		m->kick = config->packed || !config->event_idx ? NEVER : ONCE;
		m->kick_at = m->pop_pos - 1;
		return;
	}
	KUNIT_ASSERT_EQ(test, m->t->vq->ops->enable_kick(m->t->vq), !!list_len(&m->added));
	m->kick = config->event_idx ? ONCE : ALWAYS;
	m->kick_at = m->pop_pos;
}

static void model_interrupts(struct kunit *test, struct ring_model *m)
{
	const struct ring_config *config = m->t->config;
	u16 delay = roll(m, min_t(u32, config->num, 6));

	/* In the middle of a batch the driver would be wrong about where it is */
	if (m->t->driver.batch >= 0)
		return;
	if (roll(m, 2)) {
		ring_test_no_interrupts(m->t);
		if (config->packed || !config->event_idx)
			m->interrupt = NEVER;
		return;
	}
	KUNIT_ASSERT_EQ(test, ring_test_want_interrupt(m->t, delay), !!list_len(&m->used));
	m->interrupt = config->event_idx ? ONCE : ALWAYS;
	m->interrupt_at = m->get_pos + delay;
}

static void (* const model_steps[])(struct kunit *test, struct ring_model *m) = {
	model_add, model_pop, model_pop, model_unpop, model_push, model_push, model_publish,
	model_get, model_get, model_kicks, model_interrupts,
};

/* Both sides are at the same place, and it is near the end of 16 bits */
static void model_start(struct kunit *test, struct ring_model *m)
{
	const u16 pos = 0xff00;

	m->kick = m->t->config->event_idx && !m->t->config->packed ? ONCE : ALWAYS;
	m->interrupt = m->kick;
	if (m->t->config->packed)
		return;

	m->t->vq->split = (struct bao_vring_split) { pos, pos, pos, pos };
	m->t->driver.avail = pos;
	m->t->driver.used = pos;
	ring_avail(m->t)->idx = ring_v16(pos);
	ring_used(m->t)->idx = ring_v16(pos);
	m->avail_pos = pos;
	m->pop_pos = pos;
	m->used_pos = pos;
	m->get_pos = pos;
}

/* Anything in any order, against a model of what should happen */
static void ring_random(struct kunit *test)
{
	struct ring_model *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, m);
	m->t = ring_test_start(test, test->param_value);
	prandom_seed_state(&m->rnd, 20250101);
	model_start(test, m);
	for (i = 0; i < 20000 && !bao_vq_broken(m->t->vq); i++)
		model_steps[roll(m, ARRAY_SIZE(model_steps))](test, m);
	KUNIT_EXPECT_FALSE(test, bao_vq_broken(m->t->vq));
	/* It has gone around often */
	KUNIT_EXPECT_GT(test, m->get_pos - (m->t->config->packed ? 0 : 0xff00),
			4 * m->t->config->num);
}

static void ring_random_small(struct kunit *test)
{
	ring_random(test);
}

/* Somewhere in what the ring consists of, something else, which is often a bit like it */
static void noise_write(struct ring_test *t, struct rnd_state *rnd)
{
	static const unsigned int areas[] = {
		RING_DESC, RING_DESC, RING_DRIVER, RING_DEVICE, RING_TABLES,
	};
	static const u16 values[] = {
		0, 1, 2, 3, 4, 6, 7, 8, 9, 16, 32, 48, 0x80, 0x83, 0x8000, 0x8003, U16_MAX,
	};
	unsigned int offset = roll_state(rnd, 8 * t->config->num + 3) * 2;
	__virtio16 *at = (__virtio16 *)(t->window + areas[roll_state(rnd, ARRAY_SIZE(areas))] +
					offset);

	switch (roll_state(rnd, 3)) {
	case 0:
		*at = ring_v16(values[roll_state(rnd, ARRAY_SIZE(values))]);
		break;
	case 1:
		*at ^= ring_v16(1 << roll_state(rnd, 16));
		break;
	default:
		*at = ring_v16(roll_state(rnd, U16_MAX + 1));
		break;
	}
}

static void noise_add(struct ring_test *t, struct rnd_state *rnd)
{
	struct ring_seg segs[RING_MAX_SEGS];
	unsigned int nr = 1 + roll_state(rnd, 4), i;

	for (i = 0; i < nr; i++)
		segs[i] = (struct ring_seg) { RING_BASE + RING_DATA + i * 16, 16, i > 1 };
	ring_test_add(t, segs, nr, roll_state(rnd, 2));
}

/* Whatever is popped can be used without fear */
static void noise_pop(struct kunit *test, struct ring_test *t)
{
	u64 out_len = 0, in_len = 0;
	struct bao_vchain chain;
	unsigned int i;
	int ret;

	ret = bao_vq_pop(t->vq, &chain);
	KUNIT_ASSERT_EQ(test, ret == -EIO, bao_vq_broken(t->vq));
	if (ret <= 0)
		return;
	KUNIT_ASSERT_LT(test, chain.id, t->config->num);
	KUNIT_ASSERT_LE(test, chain.out + chain.in, t->config->num);
	for (i = 0; i < chain.out + chain.in; i++) {
		const struct kvec *seg = &chain.iov[i];
		size_t offset = (u8 *)seg->iov_base - t->window;

		KUNIT_ASSERT_LE(test, offset, RING_WINDOW);
		KUNIT_ASSERT_LE(test, seg->iov_len, RING_WINDOW - offset);
		if (i < chain.out)
			out_len += seg->iov_len;
		else
			in_len += seg->iov_len;
	}
	KUNIT_ASSERT_EQ(test, chain.out_len, out_len);
	KUNIT_ASSERT_EQ(test, chain.in_len, in_len);
}

static void noise_device(struct kunit *test, struct ring_test *t, struct rnd_state *rnd)
{
	u16 id = roll_state(rnd, t->config->num);

	switch (roll_state(rnd, 6)) {
	case 0:
		if (t->vq->buffers[id].state == BAO_BUFFER_BUSY)
			bao_vq_push(t->vq, id, roll_state(rnd, 100));
		break;
	case 1:
		bao_vq_publish(t->vq);
		break;
	case 2:
		t->vq->ops->enable_kick(t->vq);
		break;
	default:
		noise_pop(test, t);
		break;
	}
}

static void ring_noise(struct kunit *test)
{
	struct ring_test *t = ring_test_start(test, test->param_value);
	struct rnd_state rnd;
	unsigned int i;

	prandom_seed_state(&rnd, 20250102);
	for (i = 0; i < 20000; i++) {
		if (bao_vq_broken(t->vq) || i % 50 == 0) {
			ring_test_reset(t);
			KUNIT_ASSERT_TRUE(test, ring_test_setup(t));
		}
		if (roll_state(&rnd, 3) == 0)
			noise_add(t, &rnd);
		if (roll_state(&rnd, 5) == 0)
			noise_write(t, &rnd);
		noise_device(test, t, &rnd);
	}
}

static struct kunit_case random_ring_cases[] = {
	KUNIT_CASE_PARAM(ring_random, config_gen_params),
	KUNIT_CASE_PARAM(ring_random_small, small_config_gen_params),
	KUNIT_CASE_PARAM(ring_noise, config_gen_params),
	{ }
};

static struct kunit_suite random_ring_suite = {
	.name = "bao_ring_random",
	.test_cases = random_ring_cases,
};

kunit_test_suite(random_ring_suite);
