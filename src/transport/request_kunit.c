// SPDX-License-Identifier: GPL-2.0
/* KUnit tests of request slots, on an endpoint whose hypervisor only counts */
#include <kunit/test.h>
#include <linux/percpu.h>

#include "transport.h"

/**
 * struct request_test - an endpoint that is in no service
 * @ep: endpoint
 * @ops: its hypervisor
 * @client: two clients
 * @completes: COMPLETEs so far
 * @last: arguments of the last one
 * @code: what the hypervisor answers
 */
struct request_test {
	struct bao_endpoint ep;
	struct bao_hypercall_ops ops;
	struct bao_client client[2];
	unsigned int completes;
	struct bao_hypercall_args last;
	long code;
};

static long count_completes(const struct bao_hypercall_ops *ops, unsigned int function,
			    struct bao_hypercall_args *args)
{
	struct request_test *t = container_of(ops, struct request_test, ops);

	t->completes++;
	t->last = *args;

	return t->code;
}

static int request_init(struct kunit *test)
{
	struct request_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	struct bao_endpoint *ep;
	unsigned int i;

	if (!t)
		return -ENOMEM;
	test->priv = t;
	ep = &t->ep;
	ep->slots = kunit_kcalloc(test, BAO_NR_SLOTS, sizeof(*ep->slots), GFP_KERNEL);
	ep->stats = alloc_percpu(struct bao_stats);
	if (!ep->slots || !ep->stats)
		return -ENOMEM;
	t->ops.call = count_completes;
	ep->desc.ops = &t->ops;
	spin_lock_init(&ep->drain_lock);
	spin_lock_init(&ep->queue_lock);
	mutex_init(&ep->client_mutex);
	INIT_LIST_HEAD(&ep->clients);
	INIT_LIST_HEAD(&ep->queue);
	INIT_LIST_HEAD(&ep->waiters);
	init_waitqueue_head(&ep->pollers);
	for (i = 0; i < ARRAY_SIZE(t->client); i++)
		KUNIT_EXPECT_EQ(test, bao_client_attach(ep, &t->client[i]), 0);

	return 0;
}

static void request_exit(struct kunit *test)
{
	struct request_test *t = test->priv;

	if (t)
		free_percpu(t->ep.stats);
}

/* As if the hypervisor had handed out a write under this id, and no range wanted it */
static u64 queue_write(struct kunit *test, unsigned long index)
{
	struct request_test *t = test->priv;
	struct bao_slot *slot = bao_slot_receive(&t->ep, index);

	KUNIT_ASSERT_NOT_NULL(test, slot);
	slot->req.write = true;
	slot->req.width = 4;
	bao_queue_add(&t->ep, slot);

	return slot->req.id;
}

static u64 take_oldest(struct kunit *test, unsigned int client, const void *taker)
{
	struct request_test *t = test->priv;
	struct bao_request req = {};

	KUNIT_EXPECT_EQ(test, bao_request_take(&t->client[client], taker, &req), 0);

	return req.id;
}

static int answer(struct kunit *test, unsigned int client, u64 id)
{
	struct request_test *t = test->priv;

	return bao_request_complete(&t->client[client], id, true, 0);
}

static void request_impossible_ids_have_no_slot(struct kunit *test)
{
	struct request_test *t = test->priv;

	KUNIT_EXPECT_NULL(test, bao_slot_receive(&t->ep, BAO_NR_SLOTS));
	KUNIT_EXPECT_NULL(test, bao_slot_receive(&t->ep, ULONG_MAX));
	KUNIT_EXPECT_NOT_NULL(test, bao_slot_receive(&t->ep, BAO_NR_SLOTS - 1));
	/* In use */
	KUNIT_EXPECT_NULL(test, bao_slot_receive(&t->ep, BAO_NR_SLOTS - 1));
}

static void request_ids_never_come_again(struct kunit *test)
{
	u64 id, last = 0;
	unsigned int i;

	for (i = 0; i < 1000; i++) {
		id = queue_write(test, 7);
		KUNIT_EXPECT_GT(test, id, last);
		KUNIT_EXPECT_EQ(test, id & (BAO_NR_SLOTS - 1), 7);
		KUNIT_ASSERT_EQ(test, take_oldest(test, 0, NULL), id);
		KUNIT_EXPECT_EQ(test, answer(test, 0, last), -ENOENT);
		KUNIT_ASSERT_EQ(test, answer(test, 0, id), 0);
		last = id;
	}
}

static void request_is_completed_once_and_by_its_owner(struct kunit *test)
{
	struct request_test *t = test->priv;
	u64 id = queue_write(test, 3);

	KUNIT_EXPECT_EQ(test, answer(test, 0, id), -ENOENT);
	KUNIT_EXPECT_EQ(test, take_oldest(test, 0, NULL), id);
	KUNIT_EXPECT_EQ(test, answer(test, 1, id), -ENOENT);
	KUNIT_EXPECT_EQ(test, bao_request_complete(&t->client[0], id, false, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, t->completes, 0);
	KUNIT_EXPECT_EQ(test, answer(test, 0, id), 0);
	KUNIT_EXPECT_EQ(test, t->completes, 1);
	KUNIT_EXPECT_EQ(test, t->last.arg[BAO_REMIO_ARG_REQUEST_ID], 3);
	KUNIT_EXPECT_EQ(test, answer(test, 0, id), -ENOENT);
	KUNIT_EXPECT_EQ(test, t->completes, 1);
}

static void request_that_is_refused_is_gone(struct kunit *test)
{
	struct request_test *t = test->priv;
	u64 id = queue_write(test, 3);

	t->code = BAO_HC_FAILURE;
	/* A warning goes to the log, and needs a name */
	t->ep.dev.adev.dev.init_name = "kunit";
	take_oldest(test, 0, NULL);
	KUNIT_EXPECT_EQ(test, answer(test, 0, id), -EIO);
	KUNIT_EXPECT_EQ(test, answer(test, 0, id), -ENOENT);
	KUNIT_EXPECT_EQ(test, t->completes, 1);
}

/* Whatever is taken and given back, the queue stays in the order of arrival */
static void request_order_survives_giving_back(struct kunit *test)
{
	struct request_test *t = test->priv;
	u64 id[8];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(id); i++)
		id[i] = queue_write(test, 100 - i);
	for (i = 0; i < ARRAY_SIZE(id); i++)
		KUNIT_EXPECT_EQ(test, take_oldest(test, i % 2, NULL), id[i]);
	KUNIT_EXPECT_EQ(test, t->ep.nr_queued, 0);
	KUNIT_EXPECT_EQ(test, t->ep.nr_owned, 8);
	for (i = 0; i < ARRAY_SIZE(id); i++)
		bao_request_put_back(&t->client[(i * 5) % 8 % 2], NULL, id[(i * 5) % 8]);
	KUNIT_EXPECT_EQ(test, t->ep.nr_queued, 8);
	KUNIT_EXPECT_EQ(test, t->ep.nr_owned, 0);
	for (i = 0; i < ARRAY_SIZE(id); i++)
		KUNIT_EXPECT_EQ(test, take_oldest(test, 0, NULL), id[i]);
}

static void request_of_a_taker_goes_back_alone(struct kunit *test)
{
	struct request_test *t = test->priv;
	u64 a = queue_write(test, 0), b = queue_write(test, 1), c = queue_write(test, 2);

	KUNIT_EXPECT_EQ(test, take_oldest(test, 0, &a), a);
	KUNIT_EXPECT_EQ(test, take_oldest(test, 0, &b), b);
	KUNIT_EXPECT_EQ(test, take_oldest(test, 1, &a), c);
	bao_request_put_back_taker(&t->client[0], &a);
	KUNIT_EXPECT_EQ(test, t->ep.nr_queued, 1);
	KUNIT_EXPECT_EQ(test, answer(test, 0, b), 0);
	KUNIT_EXPECT_EQ(test, answer(test, 1, c), 0);
	KUNIT_EXPECT_EQ(test, take_oldest(test, 1, NULL), a);
}

static void request_put_back_of_what_is_not_owned(struct kunit *test)
{
	struct request_test *t = test->priv;
	u64 id = queue_write(test, 5);

	bao_request_put_back(&t->client[0], NULL, id);
	KUNIT_EXPECT_EQ(test, t->ep.nr_queued, 1);
	take_oldest(test, 0, NULL);
	bao_request_put_back(&t->client[1], NULL, id);
	bao_request_put_back(&t->client[0], NULL, id + BAO_NR_SLOTS);
	/* Somebody else has it by now */
	bao_request_put_back(&t->client[0], &id, id);
	KUNIT_EXPECT_EQ(test, t->ep.nr_queued, 0);
	KUNIT_EXPECT_EQ(test, answer(test, 0, id), 0);
}

static void request_none_left_when_gone(struct kunit *test)
{
	struct request_test *t = test->priv;
	struct bao_request req;
	u64 id = queue_write(test, 0);

	queue_write(test, 1);
	queue_write(test, 200);
	take_oldest(test, 0, NULL);
	t->ep.gone = true;
	bao_requests_answer_all(&t->ep);
	KUNIT_EXPECT_EQ(test, t->completes, 3);
	KUNIT_EXPECT_EQ(test, t->ep.nr_queued, 0);
	KUNIT_EXPECT_EQ(test, t->ep.nr_owned, 0);
	KUNIT_EXPECT_EQ(test, answer(test, 0, id), -ENODEV);
	KUNIT_EXPECT_EQ(test, bao_request_take(&t->client[1], NULL, &req), -ENODEV);
	KUNIT_EXPECT_TRUE(test, bao_client_gone(&t->client[1]));
}

static struct kunit_case request_cases[] = {
	KUNIT_CASE(request_impossible_ids_have_no_slot),
	KUNIT_CASE(request_ids_never_come_again),
	KUNIT_CASE(request_is_completed_once_and_by_its_owner),
	KUNIT_CASE(request_that_is_refused_is_gone),
	KUNIT_CASE(request_order_survives_giving_back),
	KUNIT_CASE(request_of_a_taker_goes_back_alone),
	KUNIT_CASE(request_put_back_of_what_is_not_owned),
	KUNIT_CASE(request_none_left_when_gone),
	{ }
};

static struct kunit_suite request_suite = {
	.name = "bao_request",
	.init = request_init,
	.exit = request_exit,
	.test_cases = request_cases,
};

kunit_test_suite(request_suite);
