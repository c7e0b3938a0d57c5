// SPDX-License-Identifier: GPL-2.0
/* KUnit test of rings: driver and device at the same time, so that barriers matter */
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/kthread.h>
#include <linux/processor.h>
#include <linux/string.h>
#include <linux/time64.h>
#include <linux/wait.h>
#include <asm/barrier.h>

#include "ring_kunit.h"

KUNIT_ARRAY_PARAM(config, ring_configs, ring_config_name);

/**
 * struct ring_race - driver and device on two processors
 * @t: ring
 * @wq: both wait here
 * @kicked: device: the driver has kicked
 * @interrupted: driver: the device has interrupted
 * @polls: the device polls before it asks for kicks
 * @naps: how often the device has waited
 */
struct ring_race {
	struct ring_test *t;
	wait_queue_head_t wq;
	bool kicked;
	bool interrupted;
	bool polls;
	unsigned int naps;
};

static struct ring_race race;

static void race_interrupt(struct ring_test *t)
{
	WRITE_ONCE(race.interrupted, true);
	wake_up(&race.wq);
}

/* The answer to a number is the next one */
static void race_answer(const struct bao_vchain *chain)
{
	u32 value;

	memcpy(&value, chain->iov[0].iov_base, sizeof(value));
	value++;
	memcpy(chain->iov[1].iov_base, &value, sizeof(value));
}

/* Sleeping takes long, and while one sleeps there is no race */
static void race_spin(const bool *flag)
{
	unsigned int i;

	for (i = 0; i < 10000 && !READ_ONCE(*flag); i++)
		cpu_relax();
}

/* For so short a time that it often ends just when the driver comes */
static bool race_poll(struct bao_vq *vq)
{
	vq->poll.ns = 2 * NSEC_PER_USEC;

	return race.polls && bao_vq_poll(vq) == BAO_VQ_POLL_FOUND;
}

static int race_device(void *unused)
{
	struct bao_vq *vq = race.t->vq;
	struct bao_vchain chain;

	while (!kthread_should_stop()) {
		WRITE_ONCE(race.kicked, false);
		vq->ops->disable_kick(vq);
		do {
			while (bao_vq_pop(vq, &chain) > 0) {
				race_answer(&chain);
				bao_vq_push(vq, chain.id, 4);
			}
			bao_vq_publish(vq);
		} while (race_poll(vq) || vq->ops->enable_kick(vq));
		race.naps++;
		race_spin(&race.kicked);
		wait_event(race.wq, READ_ONCE(race.kicked) || kthread_should_stop());
	}

	return 0;
}

static bool race_add(struct ring_test *t, u32 value)
{
	u16 slot = value % RING_MAX_NUM;
	u64 addr = RING_BASE + RING_DATA + slot * 8;
	struct ring_seg segs[] = { { addr, 4, false }, { addr + 4, 4, true } };

	memcpy(t->window + RING_DATA + slot * 8, &value, sizeof(value));

	return ring_test_add(t, segs, 2, value % 3 == 0) >= 0;
}

static bool race_wait(void)
{
	struct ring_test *t = race.t;

	if (ring_test_want_interrupt(t, 0))
		return true;
	race_spin(&race.interrupted);
	if (!wait_event_timeout(race.wq, READ_ONCE(race.interrupted), 10 * HZ))
		return false;
	WRITE_ONCE(race.interrupted, false);
	atomic_set(&t->core->interrupts, 0);
	/* Whatever was used before this is seen now */
	smp_mb();
	ring_test_no_interrupts(t);

	return true;
}

static void race_driver(struct kunit *test, u32 rounds)
{
	struct ring_test *t = race.t;
	u32 sent = 0, got = 0, len, answer;
	int id;

	while (got < rounds) {
		while (sent < rounds && race_add(t, sent))
			sent++;
		if (ring_test_must_kick(t)) {
			WRITE_ONCE(race.kicked, true);
			wake_up(&race.wq);
		}
		while ((id = ring_test_get(t, &len)) >= 0) {
			u8 *data = t->window + RING_DATA + got % RING_MAX_NUM * 8;

			memcpy(&answer, data + 4, sizeof(answer));
			KUNIT_ASSERT_EQ(test, len, 4);
			KUNIT_ASSERT_EQ(test, answer, got + 1);
			got++;
		}
		KUNIT_ASSERT_EQ(test, id, -EAGAIN);
		if (got < sent && !race_wait()) {
			KUNIT_FAIL(test, "nothing more comes after %u of %u", got, sent);
			return;
		}
	}
}

static void race_stop(struct kunit *test)
{
	struct task_struct *task = race.t ? race.t->vq->priv : NULL;

	if (task)
		kthread_stop(task);
	race.t = NULL;
}

static void race_run(struct kunit *test, bool polls)
{
	struct task_struct *task;
	struct ring_test *t = ring_test_start(test, test->param_value);

	init_waitqueue_head(&race.wq);
	race.kicked = false;
	race.interrupted = false;
	race.naps = 0;
	race.polls = polls;
	t->vdev.poll_us = 1000;
	t->interrupt = race_interrupt;
	race.t = t;
	task = kthread_run(race_device, NULL, "ring_kunit");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	t->vq->priv = task;
	race_driver(test, 500);
	kunit_info(test, "the device has waited %u times\n", race.naps);
}

/* Driver and device at the same time: no kick and no interrupt is lost */
static void ring_two_processors(struct kunit *test)
{
	race_run(test, false);
}

static void ring_two_processors_and_polling(struct kunit *test)
{
	race_run(test, true);
}

static struct kunit_case ring_race_cases[] = {
	KUNIT_CASE_PARAM(ring_two_processors, config_gen_params),
	KUNIT_CASE_PARAM(ring_two_processors_and_polling, config_gen_params),
	{ }
};

static struct kunit_suite ring_race_suite = {
	.name = "bao_ring_race",
	.exit = race_stop,
	.test_cases = ring_race_cases,
};

kunit_test_suite(ring_race_suite);
