// SPDX-License-Identifier: GPL-2.0
/*
 * What an access costs in interrupts and hypercalls: counted by the hypervisor, and by the driver,
 * over many accesses of one vCPU that come one at a time, as from a frontend that does other things
 * as well.
 *
 * An access is asked for once and completed once. Only a driver that has handed over to its thread
 * asks once more when it goes back to interrupts; it does so where the frontend takes too much of a
 * CPU, or where somebody else takes the CPU from both. On PREEMPT_RT that is always.
 */
#include <unistd.h>

#include "../kselftest_harness.h"
#include "backend.h"

#define DM 0

struct statistics {
	long long interrupts;
	long long requests;
	long long asks;
	long long completes;
	long long complete_errors;
	long long signals;
	long long deferrals;
};

static struct statistics read_statistics(void)
{
	return (struct statistics) {
		.interrupts = statistic(DM, "interrupts"),
		.requests = statistic(DM, "requests"),
		.asks = statistic(DM, "asks"),
		.completes = statistic(DM, "completes"),
		.complete_errors = statistic(DM, "complete_errors"),
		.signals = statistic(DM, "signals"),
		.deferrals = statistic(DM, "deferrals"),
	};
}

FIXTURE(counts) {
	int fd;
	__u64 addr;
	unsigned int rounds;
	struct statistics before;
};

FIXTURE_SETUP(counts)
{
	SET_UP_OR_SKIP();
	self->fd = dm_open(DM);
	ASSERT_LE(0, self->fd);
	self->addr = frontend_window(DM);
	self->rounds = rounds(1000);
	frontend_reset_counters(DM);
	self->before = read_statistics();
	ASSERT_LE(0, self->before.interrupts);
}

FIXTURE_TEARDOWN(counts)
{
	TEAR_DOWN();
}

/*
 * The hypervisor lets the frontend go on, and counts, before the driver does; and on PREEMPT_RT the
 * driver asks once more after that. Reads what both have counted; returns false if the driver is
 * not done yet.
 */
static bool is_settled(const struct statistics *before, struct statistics *now, struct counters *c)
{
	struct counters later;

	frontend_counters(DM, c);
	*now = read_statistics();
	frontend_counters(DM, &later);
	return c->asks == later.asks && now->asks - before->asks == c->asks &&
	       now->completes - before->completes == c->completes;
}

#define EXPECT_ONE_ASK_AND_COMPLETE_EACH() do {					\
	struct statistics _now;							\
	struct counters _c;							\
										\
	EXPECT_TRUE(wait_until(is_settled(&self->before, &_now, &_c)));		\
	EXPECT_EQ(self->rounds, _c.accesses);					\
	EXPECT_EQ(self->rounds, _c.asks - _c.asks_empty);			\
	if (!is_preempt_rt())							\
		EXPECT_LE(_c.asks_empty, _now.deferrals - self->before.deferrals);\
	EXPECT_EQ(self->rounds, _c.completes);					\
	EXPECT_EQ(0, _c.complete_errors);					\
	EXPECT_EQ(0, _c.bad_calls);						\
	EXPECT_EQ(0, _c.violations);						\
	EXPECT_LE(_c.interrupts, self->rounds);					\
	EXPECT_EQ(self->rounds, _now.requests - self->before.requests);		\
	EXPECT_EQ(_c.asks, _now.asks - self->before.asks);			\
	EXPECT_EQ(self->rounds, _now.completes - self->before.completes);	\
	EXPECT_EQ(0, _now.complete_errors - self->before.complete_errors);	\
	/* Interrupts merge, they do not multiply */				\
	EXPECT_LE(_now.interrupts - self->before.interrupts, _c.interrupts);	\
} while (0)

TEST_F_TIMEOUT(counts, register_read_by_a_process, LONG_TEST_S)
{
	struct bao_virtio_request req;
	unsigned int i;

	for (i = 0; i < self->rounds; i++) {
		frontend_start(DM, 0, read_of(self->addr, 4), 1);
		ASSERT_EQ(0, dm_attach(self->fd, &req));
		ASSERT_EQ(0, dm_answer(self->fd, req, i));
		ASSERT_EQ(i, frontend_result(DM, 0));
	}
	EXPECT_ONE_ASK_AND_COMPLETE_EACH();
	EXPECT_EQ(self->before.signals, statistic(DM, "signals"));
}

TEST_F_TIMEOUT(counts, write_to_an_ioeventfd, LONG_TEST_S)
{
	struct access kick = write_of(self->addr + 0x50, 4, 0);
	int event = new_eventfd(0);
	unsigned int i;

	ASSERT_EQ(0, ioeventfd(self->fd, event, kick, BAO_IOEVENTFD_FLAG_DATAMATCH));
	for (i = 0; i < self->rounds; i++) {
		frontend_start(DM, 0, kick, 1);
		ASSERT_TRUE(wait_until(!frontend_parked(DM, 0)));
	}
	EXPECT_EQ(self->rounds, eventfd_poll(event));
	EXPECT_ONE_ASK_AND_COMPLETE_EACH();
	EXPECT_EQ(self->rounds, statistic(DM, "signals") - self->before.signals);
}

TEST_HARNESS_MAIN
