// SPDX-License-Identifier: GPL-2.0
/*
 * What the hypervisor may do to the driver: refuse calls, interrupt for nothing, merge interrupts,
 * hand out nonsense. The driver counts it, loses no request that can be answered, and never does
 * what Bao would punish.
 */
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "backend.h"
#include "sim.h"

#define DM 0

FIXTURE(faults) {
	int fd;
	__u64 addr;
};

FIXTURE_SETUP(faults)
{
	SET_UP_OR_SKIP();
	SIM_OR_SKIP();
	self->fd = dm_open(DM);
	ASSERT_LE(0, self->fd);
	self->addr = frontend_window(DM);
	frontend_reset_counters(DM);
}

/* No TEAR_DOWN(): some requests here can never be answered. They go with the simulator's file. */
FIXTURE_TEARDOWN(faults)
{
	struct counters c;

	frontend_counters(DM, &c);
	EXPECT_EQ(0, c.violations);
}

/* A read that a process answers, by a vCPU that nobody else uses */
#define EXPECT_WORKS() do {							\
	struct bao_virtio_request _req;						\
										\
	frontend_start(DM, 99, read_of(self->addr + 0x99, 4), 1);		\
	ASSERT_EQ(0, dm_attach(self->fd, &_req));				\
	EXPECT_EQ(self->addr + 0x99, _req.addr);				\
	EXPECT_EQ(0, dm_answer(self->fd, _req, 0x600d));			\
	EXPECT_EQ(1, frontend_done(DM, 99));					\
	EXPECT_EQ(0x600d, frontend_result(DM, 99));				\
} while (0)

/* Codes that Bao has, and some that it does not have yet */
FIXTURE(codes) {
	int fd;
	__u64 addr;
};

FIXTURE_VARIANT(codes) {
	long long code;
};

FIXTURE_VARIANT_ADD(codes, failure) { -1 };
FIXTURE_VARIANT_ADD(codes, invalid_id) { -2 };
FIXTURE_VARIANT_ADD(codes, invalid_arguments) { -3 };
FIXTURE_VARIANT_ADD(codes, nothing_pending) { 1 };
FIXTURE_VARIANT_ADD(codes, like_an_errno) { -ENODEV };
FIXTURE_VARIANT_ADD(codes, huge) { INT_MAX };

FIXTURE_SETUP(codes)
{
	SET_UP_OR_SKIP();
	SIM_OR_SKIP();
	self->fd = dm_open(DM);
	ASSERT_LE(0, self->fd);
	self->addr = frontend_window(DM);
	frontend_reset_counters(DM);
}

FIXTURE_TEARDOWN(codes)
{
	struct counters c;

	frontend_counters(DM, &c);
	EXPECT_EQ(0, c.violations);
}

TEST_F(codes, refused_complete_is_eio_and_not_tried_again)
{
	long long errors = statistic(DM, "complete_errors");
	struct bao_virtio_request req;
	struct counters c;

	ASSERT_EQ(0, sim_fault(DM, BAO_SIM_COMPLETE, 0, 1, variant->code));
	frontend_start(DM, 0, read_of(self->addr, 4), 1);
	ASSERT_EQ(0, dm_attach(self->fd, &req));
	EXPECT_EQ(-EIO, dm_answer(self->fd, req, 1));
	EXPECT_EQ(-ENOENT, dm_answer(self->fd, req, 1));
	EXPECT_EQ(errors + 1, statistic(DM, "complete_errors"));
	frontend_counters(DM, &c);
	EXPECT_EQ(1, c.complete_errors);
	EXPECT_EQ(0, c.completes);
	EXPECT_WORKS();
}

TEST_F(codes, refused_complete_of_next_is_eio_and_takes_nothing)
{
	struct bao_virtio_request req, before;
	struct counters c;

	ASSERT_EQ(0, sim_fault(DM, BAO_SIM_COMPLETE, 0, 1, variant->code));
	frontend_start(DM, 0, read_of(self->addr, 4), 1);
	ASSERT_EQ(0, dm_attach(self->fd, &req));
	frontend_start(DM, 1, write_of(self->addr, 4, 7), 1);
	ASSERT_TRUE(wait_until(dm_waiting(self->fd)));
	before = req;
	EXPECT_EQ(-EIO, dm_next(self->fd, &req));
	EXPECT_EQ(-ENOENT, dm_complete(self->fd, before));
	before.op = BAO_IO_ASK;
	EXPECT_EQ(0, memcmp(&before, &req, sizeof(req)));
	/* There is nothing to complete any more */
	ASSERT_EQ(0, dm_next(self->fd, &req));
	EXPECT_EQ(7, req.value);
	EXPECT_EQ(0, dm_complete(self->fd, req));
	frontend_counters(DM, &c);
	EXPECT_EQ(1, c.complete_errors);
	EXPECT_EQ(1, c.completes);
	EXPECT_WORKS();
}

TEST_F(codes, refused_complete_of_an_ioeventfd_is_not_tried_again)
{
	struct access kick = write_of(self->addr + 0x50, 4, 0);
	int event = new_eventfd(0);
	struct counters c;

	ASSERT_EQ(0, ioeventfd(self->fd, event, kick, 0));
	ASSERT_EQ(0, sim_fault(DM, BAO_SIM_COMPLETE, 0, 1, variant->code));
	frontend_start(DM, 0, kick, 1);
	EXPECT_EQ(1, eventfd_wait(event));
	frontend_start(DM, 1, kick, 1);
	EXPECT_EQ(1, eventfd_wait(event));
	ASSERT_TRUE(wait_done(DM, 1, 1));
	frontend_counters(DM, &c);
	EXPECT_EQ(1, c.complete_errors);
	EXPECT_EQ(1, c.completes);
	EXPECT_EQ(2, c.asks - c.asks_empty);
}

TEST_F(codes, refused_notify_is_counted)
{
	long long errors = statistic(DM, "notify_errors");
	int event = new_eventfd(0);
	struct counters c;

	ASSERT_EQ(0, irqfd(self->fd, event, 0));
	ASSERT_EQ(0, sim_fault(DM, BAO_SIM_NOTIFY, 0, 1, variant->code));
	EXPECT_EQ(0, eventfd_add(event, 1));
	EXPECT_EQ(errors + 1, statistic(DM, "notify_errors"));
	EXPECT_EQ(0, eventfd_add(event, 1));
	frontend_counters(DM, &c);
	EXPECT_EQ(1, c.notifies);
	EXPECT_EQ(errors + 1, statistic(DM, "notify_errors"));
}

TEST_F(codes, refused_ask_leaves_the_request_for_the_next_interrupt)
{
	long long errors = statistic(DM, "ask_errors");
	struct bao_virtio_request req;
	/* On PREEMPT_RT, the thread asks once more before it stops */
	unsigned int asks = is_preempt_rt() ? 2 : 1;
	bool refused = variant->code != 1;
	struct counters c;

	ASSERT_EQ(0, sim_fault(DM, BAO_SIM_ASK, 0, asks, variant->code));
	frontend_start(DM, 0, read_of(self->addr, 4), 1);
	ASSERT_TRUE(wait_until((frontend_counters(DM, &c), c.asks == asks)));
	EXPECT_TRUE(wait_until(statistic(DM, "ask_errors") == errors + refused * asks));
	frontend_counters(DM, &c);
	EXPECT_EQ(1, c.pending);
	ASSERT_EQ(0, sim_raise(DM));
	ASSERT_EQ(0, dm_attach(self->fd, &req));
	EXPECT_EQ(0, dm_answer(self->fd, req, 42));
	EXPECT_EQ(42, frontend_result(DM, 0));
}

/* Interrupts */

TEST_F(faults, interrupts_for_nothing_do_nothing)
{
	struct counters c;
	unsigned int i;

	for (i = 1; i <= 10; i++) {
		ASSERT_EQ(0, sim_raise(DM));
		ASSERT_TRUE(wait_until((frontend_counters(DM, &c), c.asks_empty >= i)));
	}
	if (!is_preempt_rt())
		EXPECT_EQ(10, c.asks);
	EXPECT_EQ(0, c.completes);
	EXPECT_EQ(0, c.bad_calls);
	EXPECT_WORKS();
}

TEST_F(faults, merged_interrupts_lose_nothing)
{
	struct access kick = write_of(self->addr + 0x50, 4, 0);
	int event = new_eventfd(0);
	struct counters c;
	unsigned int i;

	ASSERT_EQ(0, ioeventfd(self->fd, event, kick, 0));
	ASSERT_EQ(0, sim_fault(DM, BAO_SIM_IRQ, 0, 20, 0));
	for (i = 0; i < 20; i++)
		frontend_start(DM, i, kick, 1);
	frontend_counters(DM, &c);
	EXPECT_EQ(20, c.pending);
	ASSERT_EQ(0, sim_raise(DM));
	for (i = 0; i < 20; i++)
		EXPECT_TRUE(wait_done(DM, i, 1));
	EXPECT_EQ(20, eventfd_poll(event));
	frontend_counters(DM, &c);
	EXPECT_EQ(1, c.interrupts);
	if (!is_preempt_rt())
		EXPECT_EQ(20, c.asks);
}

/* Another request comes right after the hypervisor has said that there is none */
TEST_F(faults, late_request_comes_with_its_own_interrupt)
{
	struct access kick = write_of(self->addr + 0x50, 4, 0);
	int event = new_eventfd(0);

	ASSERT_EQ(0, ioeventfd(self->fd, event, kick, 0));
	ASSERT_EQ(0, sim_fault(DM, BAO_SIM_IRQ, 0, 3, 0));
	frontend_start(DM, 0, kick, 1);
	frontend_start(DM, 1, kick, 1);
	frontend_start(DM, 2, kick, 1);
	ASSERT_EQ(0, sim_fault(DM, BAO_SIM_MORE, 0, 3, 0));
	ASSERT_EQ(0, sim_raise(DM));
	EXPECT_TRUE(wait_done(DM, 0, 1));
	EXPECT_TRUE(wait_done(DM, 1, 1));
	EXPECT_TRUE(wait_done(DM, 2, 1));
	EXPECT_EQ(3, eventfd_poll(event));
}

TEST_F(faults, more_that_is_not_there_costs_one_ask)
{
	struct bao_virtio_request req;
	struct counters c;

	ASSERT_EQ(0, sim_fault(DM, BAO_SIM_MORE, 0, 1, 1));
	frontend_start(DM, 0, read_of(self->addr, 4), 1);
	ASSERT_EQ(0, dm_attach(self->fd, &req));
	EXPECT_EQ(0, dm_complete(self->fd, req));
	ASSERT_TRUE(wait_until((frontend_counters(DM, &c), c.asks_empty >= 1)));
	if (!is_preempt_rt())
		EXPECT_EQ(2, c.asks);
	EXPECT_EQ(0, c.bad_calls);
}

/* Accesses */

static const unsigned int widths[] = { 1, 2, 4, 8 };

static __u64 mask_of(unsigned int width)
{
	return width >= 8 ? ~0ull : (1ull << 8 * width) - 1;
}

#define JUNK 0xfedcba9876543210ull

TEST_F(faults, every_width_and_alignment)
{
	struct bao_virtio_request req;
	unsigned int i, offset;

	for (i = 0; i < ARRAY_SIZE(widths); i++) {
		__u64 mask = mask_of(widths[i]) & register_mask();

		for (offset = 0; offset < 9; offset++) {
			__u64 addr = self->addr + 0x100 + offset;

			frontend_start(DM, 0, write_of(addr, widths[i], JUNK), 1);
			ASSERT_EQ(0, dm_attach(self->fd, &req));
			EXPECT_EQ(addr, req.addr);
			EXPECT_EQ(widths[i], req.access_width);
			EXPECT_EQ(BAO_IO_WRITE, req.op);
			EXPECT_EQ(JUNK & mask, req.value);
			EXPECT_EQ(0, dm_complete(self->fd, req));

			frontend_start(DM, 0, read_of(addr, widths[i]), 1);
			ASSERT_EQ(0, dm_attach(self->fd, &req));
			EXPECT_EQ(addr, req.addr);
			EXPECT_EQ(widths[i], req.access_width);
			EXPECT_EQ(BAO_IO_READ, req.op);
			/* Whatever the register held */
			EXPECT_EQ(0, req.value);
			EXPECT_EQ(0, dm_answer(self->fd, req, JUNK));
			EXPECT_EQ(JUNK & mask, frontend_result(DM, 0));
		}
	}
}

TEST_F(faults, impossible_widths_harm_nobody)
{
	static const long long bad[] = { 0, 3, 5, 7, 9, 16, 255, 0x7fffffff };
	struct bao_virtio_request req;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		ASSERT_EQ(0, sim_fault(DM, BAO_SIM_WIDTH, 0, 2, bad[i]));
		frontend_start(DM, 0, write_of(self->addr, 4, JUNK), 1);
		ASSERT_EQ(0, dm_attach(self->fd, &req));
		EXPECT_EQ(bad[i], req.access_width);
		EXPECT_EQ(JUNK & mask_of(bad[i]) & register_mask(), req.value);
		EXPECT_EQ(0, dm_complete(self->fd, req));
		frontend_start(DM, 0, read_of(self->addr, 4), 1);
		ASSERT_EQ(0, dm_attach(self->fd, &req));
		EXPECT_EQ(0, dm_answer(self->fd, req, JUNK));
		EXPECT_EQ(JUNK & mask_of(bad[i]) & register_mask(), frontend_result(DM, 0));
	}
}

TEST_F(faults, an_unknown_operation_is_a_read)
{
	struct bao_virtio_request req;

	ASSERT_EQ(0, sim_fault(DM, BAO_SIM_OP, 0, 1, 5));
	frontend_start(DM, 0, read_of(self->addr, 4), 1);
	ASSERT_EQ(0, dm_attach(self->fd, &req));
	EXPECT_EQ(BAO_IO_READ, req.op);
	EXPECT_EQ(0, dm_answer(self->fd, req, 7));
	EXPECT_EQ(7, frontend_result(DM, 0));
}

/* Ids */

TEST_F(faults, ids_that_are_too_large_are_answered_at_once)
{
	static const long long bad[] = { 256, 257, 1000, INT_MAX };
	struct counters c;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		ASSERT_EQ(0, sim_fault(DM, BAO_SIM_ID, 0, 1, bad[i]));
		frontend_start(DM, 0, read_of(self->addr, 4), 1);
		EXPECT_TRUE(wait_done(DM, 0, 1));
		EXPECT_EQ(0, frontend_result(DM, 0));
	}
	EXPECT_FALSE(dm_waiting(self->fd));
	frontend_counters(DM, &c);
	EXPECT_EQ(ARRAY_SIZE(bad), c.completes);
	EXPECT_EQ(0, c.bad_calls);
	EXPECT_WORKS();
}

/* -1 in a COMPLETE would destroy another request, and the others are nobody's */
TEST_F(faults, negative_ids_are_not_answered)
{
	static const long long bad[] = { -1, -2, INT_MIN };
	long long errors = statistic(DM, "ask_errors");
	struct counters c;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		ASSERT_EQ(0, sim_fault(DM, BAO_SIM_ID, 0, 1, bad[i]));
		frontend_start(DM, i, read_of(self->addr, 4), 1);
		EXPECT_TRUE(wait_until(statistic(DM, "ask_errors") == errors + i + 1));
	}
	frontend_counters(DM, &c);
	EXPECT_EQ(0, c.completes);
	EXPECT_EQ(0, c.bad_calls);
	EXPECT_WORKS();
}

TEST_F(faults, an_id_that_is_in_use_changes_nothing_for_its_owner)
{
	long long errors = statistic(DM, "ask_errors");
	struct bao_virtio_request req;

	frontend_start(DM, 0, read_of(self->addr, 4), 1);
	ASSERT_EQ(0, dm_attach(self->fd, &req));
	ASSERT_EQ(0, sim_fault(DM, BAO_SIM_ID, 0, 1, req.request_id & 0xff));
	frontend_start(DM, 1, read_of(self->addr + 4, 4), 1);
	EXPECT_TRUE(wait_until(statistic(DM, "ask_errors") == errors + 1));
	EXPECT_EQ(0, dm_answer(self->fd, req, 42));
	EXPECT_EQ(42, frontend_result(DM, 0));
	EXPECT_EQ(-ENOENT, dm_answer(self->fd, req, 43));
	EXPECT_WORKS();
}

TEST_F(faults, all_ids_at_once)
{
	static struct bao_virtio_request req[BAO_SIM_VCPUS];
	struct counters c;
	unsigned int i;

	for (i = 0; i < BAO_SIM_VCPUS; i++)
		frontend_start(DM, i, write_of(self->addr, 4, i), 1);
	for (i = 0; i < BAO_SIM_VCPUS; i++) {
		ASSERT_EQ(0, dm_attach(self->fd, &req[i]));
		ASSERT_EQ(i, req[i].value);
	}
	for (i = BAO_SIM_VCPUS; i-- > 0;) {
		ASSERT_EQ(0, dm_complete(self->fd, req[i]));
		ASSERT_EQ(1, frontend_done(DM, i));
	}
	frontend_counters(DM, &c);
	EXPECT_EQ(BAO_SIM_VCPUS, c.completes);
	EXPECT_EQ(0, c.bad_calls);
}

TEST_HARNESS_MAIN
