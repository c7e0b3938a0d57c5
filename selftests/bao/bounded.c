// SPDX-License-Identifier: GPL-2.0
/*
 * Two vCPUs that are infinitely fast: whenever one is answered, the next access of the other waits
 * already, so that the queue never gets empty. A CPU of the backend must not be theirs.
 */
#include <unistd.h>

#include "../kselftest_harness.h"
#include "backend.h"

#define DM 0
#define VCPUS 2
/* What the driver promises to answer in one interrupt at most */
#define MAX_BATCH 32

FIXTURE(bounded) {
	int fd;
	int event;
	struct access kick;
};

FIXTURE_SETUP(bounded)
{
	SET_UP_OR_SKIP();
	self->fd = dm_open(DM);
	ASSERT_LE(0, self->fd);
	self->event = new_eventfd(0);
	self->kick = write_of(frontend_window(DM) + 0x50, 4, 0);
	frontend_reset_counters(DM);
}

FIXTURE_TEARDOWN(bounded)
{
	TEAR_DOWN();
}

/*
 * Nobody answers until all vCPUs wait, so that none of them is done before the next one starts.
 * From then on, the kernel answers.
 */
static int start_together(int fd, int event, struct access kick, __u32 count)
{
	unsigned int i;

	for (i = 0; i < VCPUS; i++)
		frontend_start(DM, i, kick, count);
	if (!wait_until(statistic(DM, "waiting") == VCPUS))
		return -ETIMEDOUT;
	return ioeventfd(fd, event, kick, BAO_IOEVENTFD_FLAG_DATAMATCH);
}

static bool any_parked(void)
{
	unsigned int i;

	for (i = 0; i < VCPUS; i++) {
		if (frontend_parked(DM, i))
			return true;
	}
	return false;
}

TEST_F_TIMEOUT(bounded, interrupts_answer_a_bounded_number, LONG_TEST_S)
{
	long long deferrals = statistic(DM, "deferrals");
	unsigned int i, total = rounds(2000);
	struct counters counters;

	ASSERT_EQ(0, start_together(self->fd, self->event, self->kick, total));
	for (i = 0; i < VCPUS; i++) {
		ASSERT_TRUE(wait_done(DM, i, total));
		EXPECT_FALSE(frontend_parked(DM, i));
	}
	EXPECT_EQ(VCPUS * total, eventfd_poll(self->event));

	frontend_counters(DM, &counters);
	EXPECT_EQ(VCPUS * total, counters.accesses);
	EXPECT_EQ(VCPUS * total, counters.completes);
	EXPECT_EQ(0, counters.bad_calls);
	EXPECT_EQ(0, counters.violations);
	if (is_preempt_rt())
		return;

	deferrals = statistic(DM, "deferrals") - deferrals;
	EXPECT_LT(0, deferrals);
	EXPECT_LE(counters.asks, counters.accesses + counters.interrupts + deferrals);
	EXPECT_LT(0, statistic(DM, "max_batch"));
	EXPECT_LE(statistic(DM, "max_batch"), MAX_BATCH);
}

/* No interrupt is long, but the next one comes at once */
TEST_F(bounded, one_vcpu_does_not_hold_a_cpu)
{
	long long deferrals = statistic(DM, "deferrals");
	unsigned int i, done;

	ASSERT_EQ(0, ioeventfd(self->fd, self->event, self->kick, BAO_IOEVENTFD_FLAG_DATAMATCH));
	frontend_start(DM, 0, self->kick, 0xffffffff);
	/* On the CPU that takes the interrupts, this process gets here only if they end */
	for (i = 0; i < 20; i++) {
		done = frontend_done(DM, 0);
		EXPECT_TRUE(wait_until(frontend_done(DM, 0) > done));
	}
	/*
	 * Others take longer from an access to the next one than the driver to answer it; and where
	 * interrupts are threads, there is nothing to hand over to another one.
	 */
	if (frontend_is_simulated() && !is_preempt_rt())
		EXPECT_TRUE(wait_until(statistic(DM, "deferrals") > deferrals));
	frontend_stop(DM, 0);
	EXPECT_TRUE(wait_until(!any_parked()));
}

TEST_F(bounded, processes_run_while_it_goes_on)
{
	unsigned int i, done;

	ASSERT_EQ(0, start_together(self->fd, self->event, self->kick, 0xffffffff));
	/* This process gets here, and so does another, while the frontend is served */
	for (i = 0; i < 20; i++) {
		done = frontend_done(DM, 0);
		EXPECT_TRUE(wait_until(frontend_done(DM, 0) > done));
		EXPECT_TRUE(any_parked());
	}
	for (i = 0; i < VCPUS; i++)
		frontend_stop(DM, i);
	EXPECT_TRUE(wait_until(!any_parked()));
}

TEST_HARNESS_MAIN
