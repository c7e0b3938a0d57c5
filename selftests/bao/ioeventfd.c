// SPDX-License-Identifier: GPL-2.0
/* BAO_IOCTL_IOEVENTFD: a write signals an eventfd, and the process sees nothing of it */
#include <unistd.h>

#include "../kselftest_harness.h"
#include "backend.h"

#define DM 0
#define OTHER_DM 1

FIXTURE(ioeventfd) {
	int fd;
	int event;
	__u64 addr;
	struct access match;
};

FIXTURE_SETUP(ioeventfd)
{
	SET_UP_OR_SKIP();
	self->fd = dm_open(DM);
	ASSERT_LE(0, self->fd);
	self->event = new_eventfd(0);
	ASSERT_LE(0, self->event);
	/* QueueNotify; the data is the queue's index */
	self->addr = frontend_window(DM) + 0x50;
	self->match = write_of(self->addr, 4, 1);
}

FIXTURE_TEARDOWN(ioeventfd)
{
	TEAR_DOWN();
}

#define MATCH	BAO_IOEVENTFD_FLAG_DATAMATCH
#define REMOVE	BAO_IOEVENTFD_FLAG_DEASSIGN

/* One access of vCPU 0 that the kernel answers */
#define EXPECT_SIGNAL(event, how) do {					\
	frontend_start(DM, 0, how, 1);					\
	EXPECT_EQ(1, eventfd_wait(event));				\
	EXPECT_TRUE(wait_until(!frontend_parked(DM, 0)));		\
	EXPECT_EQ(1, frontend_done(DM, 0));				\
	EXPECT_FALSE(dm_waiting(self->fd));				\
} while (0)

/* One access of vCPU 0 that the process gets */
#define EXPECT_FALLS_THROUGH(how) do {					\
	struct access _access = how;					\
	struct bao_virtio_request _req;					\
									\
	frontend_start(DM, 0, _access, 1);				\
	ASSERT_EQ(0, dm_attach(self->fd, &_req));			\
	EXPECT_EQ(_access.addr, _req.addr);				\
	EXPECT_EQ(_access.width, _req.access_width);			\
	EXPECT_EQ(0, dm_complete(self->fd, _req));			\
	EXPECT_EQ(0, eventfd_poll(self->event));			\
} while (0)

TEST_F(ioeventfd, matching_write_signals)
{
	ASSERT_EQ(0, ioeventfd(self->fd, self->event, self->match, MATCH));
	EXPECT_SIGNAL(self->event, self->match);
	EXPECT_SIGNAL(self->event, self->match);
	EXPECT_EQ(0, eventfd_poll(self->event));
}

TEST_F(ioeventfd, every_matching_write_counts)
{
	ASSERT_EQ(0, ioeventfd(self->fd, self->event, self->match, MATCH));
	frontend_start(DM, 0, self->match, 10);
	ASSERT_TRUE(wait_done(DM, 0, 10));
	EXPECT_EQ(10, eventfd_poll(self->event));
}

TEST_F(ioeventfd, data_is_what_was_written_not_the_rest_of_the_register)
{
	ASSERT_EQ(0, ioeventfd(self->fd, self->event, self->match, MATCH));
	EXPECT_SIGNAL(self->event, write_of(self->addr, 4, 0xdeadbeef00000001));
}

TEST_F(ioeventfd, all_lengths_match)
{
	const struct {
		__u32 len;
		__u64 data;
	} all[] = {
		{ 1, 0xa1 }, { 2, 0xb1b2 }, { 4, 0xc1c2c3c4 },
		{ 8, 0xd1d2d3d4d5d6d7d8 & register_mask() },
	};
	struct access match[ARRAY_SIZE(all)];
	int event[ARRAY_SIZE(all)];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(all); i++) {
		match[i] = write_of(self->addr, all[i].len, all[i].data);
		event[i] = new_eventfd(0);
		ASSERT_EQ(0, ioeventfd(self->fd, event[i], match[i], MATCH));
	}
	for (i = 0; i < ARRAY_SIZE(all); i++)
		EXPECT_SIGNAL(event[i], match[i]);
}

TEST_F(ioeventfd, what_does_not_match_exactly_falls_through)
{
	ASSERT_EQ(0, ioeventfd(self->fd, self->event, self->match, MATCH));
	EXPECT_FALLS_THROUGH(write_of(self->addr, 4, 0));
	EXPECT_FALLS_THROUGH(write_of(self->addr, 4, 2));
	EXPECT_FALLS_THROUGH(write_of(self->addr, 4, 0x80000001));
	EXPECT_FALLS_THROUGH(write_of(self->addr, 1, 1));
	EXPECT_FALLS_THROUGH(write_of(self->addr, 2, 1));
	EXPECT_FALLS_THROUGH(write_of(self->addr, 8, 1));
	EXPECT_FALLS_THROUGH(write_of(self->addr - 4, 4, 1));
	EXPECT_FALLS_THROUGH(write_of(self->addr + 4, 4, 1));
	EXPECT_FALLS_THROUGH(write_of(self->addr + 1, 1, 1));
	EXPECT_FALLS_THROUGH(read_of(self->addr, 4));
	EXPECT_SIGNAL(self->event, self->match);
}

TEST_F(ioeventfd, address_matches_in_all_its_bits)
{
	if (register_mask() >> 32 == 0)
		SKIP(return, "addresses of 32 bits");
	ASSERT_EQ(0, ioeventfd(self->fd, self->event, self->match, MATCH));
	EXPECT_FALLS_THROUGH(write_of(self->addr + (1ull << 32), 4, 1));
}

TEST_F(ioeventfd, without_datamatch_any_value_matches)
{
	ASSERT_EQ(0, ioeventfd(self->fd, self->event, self->match, 0));
	EXPECT_SIGNAL(self->event, write_of(self->addr, 4, 0));
	EXPECT_SIGNAL(self->event, write_of(self->addr, 4, 1));
	EXPECT_SIGNAL(self->event, write_of(self->addr, 4, 0xffffffff));
	EXPECT_FALLS_THROUGH(write_of(self->addr, 2, 1));
	EXPECT_FALLS_THROUGH(write_of(self->addr + 4, 4, 1));
	EXPECT_FALLS_THROUGH(read_of(self->addr, 4));
}

TEST_F(ioeventfd, several_at_one_address_are_told_apart_by_data)
{
	int event[4];
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(event); i++) {
		event[i] = new_eventfd(0);
		ASSERT_EQ(0, ioeventfd(self->fd, event[i], write_of(self->addr, 4, i), MATCH));
	}
	for (i = 0; i < ARRAY_SIZE(event); i++) {
		EXPECT_SIGNAL(event[i], write_of(self->addr, 4, i));
		for (j = 0; j < ARRAY_SIZE(event); j++)
			EXPECT_EQ(0, eventfd_poll(event[j]));
	}
	EXPECT_FALLS_THROUGH(write_of(self->addr, 4, ARRAY_SIZE(event)));
}

TEST_F(ioeventfd, device_models_use_the_same_address_independently)
{
	int other = dm_open(OTHER_DM);
	int other_event = new_eventfd(0);

	ASSERT_LE(0, other);
	ASSERT_EQ(0, ioeventfd(self->fd, self->event, self->match, MATCH));
	ASSERT_EQ(0, ioeventfd(other, other_event, self->match, MATCH));
	EXPECT_SIGNAL(self->event, self->match);
	EXPECT_EQ(0, eventfd_poll(other_event));
	frontend_start(OTHER_DM, 0, self->match, 1);
	EXPECT_EQ(1, eventfd_wait(other_event));
	EXPECT_EQ(0, eventfd_poll(self->event));
}

/* Conflicts */

TEST_F(ioeventfd, same_match_again_is_eexist)
{
	int other_event = new_eventfd(0);
	int other = dm_open(DM);

	ASSERT_LE(0, other);
	ASSERT_EQ(0, ioeventfd(self->fd, self->event, self->match, MATCH));
	EXPECT_EQ(-EEXIST, ioeventfd(self->fd, self->event, self->match, MATCH));
	EXPECT_EQ(-EEXIST, ioeventfd(self->fd, other_event, self->match, MATCH));
	EXPECT_EQ(-EEXIST, ioeventfd(other, other_event, self->match, MATCH));
	EXPECT_SIGNAL(self->event, self->match);
	EXPECT_EQ(0, eventfd_poll(other_event));
}

TEST_F(ioeventfd, any_value_conflicts_with_every_value)
{
	int other_event = new_eventfd(0);

	ASSERT_EQ(0, ioeventfd(self->fd, self->event, self->match, MATCH));
	EXPECT_EQ(-EEXIST, ioeventfd(self->fd, other_event, self->match, 0));
	ASSERT_EQ(0, ioeventfd(self->fd, self->event, self->match, MATCH | REMOVE));
	ASSERT_EQ(0, ioeventfd(self->fd, self->event, self->match, 0));
	EXPECT_EQ(-EEXIST, ioeventfd(self->fd, other_event, self->match, MATCH));
	EXPECT_EQ(-EEXIST, ioeventfd(self->fd, other_event, self->match, 0));
}

TEST_F(ioeventfd, one_eventfd_may_serve_several_matches)
{
	ASSERT_EQ(0, ioeventfd(self->fd, self->event, write_of(self->addr, 4, 0), MATCH));
	ASSERT_EQ(0, ioeventfd(self->fd, self->event, write_of(self->addr, 4, 1), MATCH));
	EXPECT_SIGNAL(self->event, write_of(self->addr, 4, 0));
	EXPECT_SIGNAL(self->event, write_of(self->addr, 4, 1));
}

TEST_F_TIMEOUT(ioeventfd, too_many_are_enospc, LONG_TEST_S)
{
	const unsigned int limit = 10000;
	unsigned int n;
	int ret = 0;

	for (n = 0; n < limit; n++) {
		ret = ioeventfd(self->fd, self->event, write_of(self->addr, 4, n), MATCH);
		if (ret)
			break;
	}
	EXPECT_EQ(-ENOSPC, ret);
	ASSERT_LT(1, n);
	EXPECT_SIGNAL(self->event, write_of(self->addr, 4, 0));
	EXPECT_SIGNAL(self->event, write_of(self->addr, 4, n - 1));
	EXPECT_FALLS_THROUGH(write_of(self->addr, 4, n));
	EXPECT_EQ(0, ioeventfd(self->fd, self->event, write_of(self->addr, 4, 1), MATCH | REMOVE));
	EXPECT_EQ(0, ioeventfd(self->fd, self->event, write_of(self->addr, 4, n), MATCH));
	EXPECT_SIGNAL(self->event, write_of(self->addr, 4, n));
}

/* Deassignment */

TEST_F(ioeventfd, deassigned_falls_through)
{
	ASSERT_EQ(0, ioeventfd(self->fd, self->event, self->match, MATCH));
	EXPECT_SIGNAL(self->event, self->match);
	ASSERT_EQ(0, ioeventfd(self->fd, self->event, self->match, MATCH | REMOVE));
	EXPECT_FALLS_THROUGH(self->match);
	ASSERT_EQ(0, ioeventfd(self->fd, self->event, self->match, MATCH));
	EXPECT_SIGNAL(self->event, self->match);
}

TEST_F_TIMEOUT(ioeventfd, signals_no_more_once_deassigned, LONG_TEST_S)
{
	unsigned int i, total = rounds(50);

	frontend_start(DM, 0, self->match, 0xffffffff);
	for (i = 0; i < total; i++) {
		/* Takes the write that waits, and from then on each one at once */
		ASSERT_EQ(0, ioeventfd(self->fd, self->event, self->match, MATCH));
		ASSERT_LT(0, eventfd_wait(self->event));
		ASSERT_EQ(0, ioeventfd(self->fd, self->event, self->match, MATCH | REMOVE));
		ASSERT_LE(0, eventfd_poll(self->event));
		/* Once the next write is here, none that came earlier is under way */
		ASSERT_TRUE(wait_until(dm_waiting(self->fd)));
		ASSERT_EQ(0, eventfd_poll(self->event));
	}
}

TEST_F(ioeventfd, deassigning_what_is_not_there_is_enoent)
{
	int other_event = new_eventfd(0);
	int other = dm_open(DM);

	ASSERT_LE(0, other);
	EXPECT_EQ(-ENOENT, ioeventfd(self->fd, self->event, self->match, MATCH | REMOVE));
	ASSERT_EQ(0, ioeventfd(self->fd, self->event, self->match, MATCH));
	EXPECT_EQ(-ENOENT, ioeventfd(self->fd, other_event, self->match, MATCH | REMOVE));
	EXPECT_EQ(-ENOENT, ioeventfd(other, self->event, self->match, MATCH | REMOVE));
	EXPECT_EQ(-ENOENT, ioeventfd(self->fd, self->event, write_of(self->addr, 4, 2),
				     MATCH | REMOVE));
	EXPECT_EQ(-ENOENT, ioeventfd(self->fd, self->event, write_of(self->addr, 2, 1),
				     MATCH | REMOVE));
	EXPECT_EQ(-ENOENT, ioeventfd(self->fd, self->event, write_of(self->addr + 4, 4, 1),
				     MATCH | REMOVE));
	EXPECT_SIGNAL(self->event, self->match);
	EXPECT_EQ(0, ioeventfd(self->fd, self->event, self->match, MATCH | REMOVE));
	EXPECT_EQ(-ENOENT, ioeventfd(self->fd, self->event, self->match, MATCH | REMOVE));
}

/* Lifetimes */

TEST_F(ioeventfd, closing_the_eventfd_is_no_deassignment)
{
	int event = new_eventfd(0);
	int other = dm_open(DM);

	ASSERT_LE(0, other);
	ASSERT_EQ(0, ioeventfd(other, event, self->match, MATCH));
	close_fd(event);
	frontend_start(DM, 0, self->match, 1);
	EXPECT_TRUE(wait_until(frontend_done(DM, 0) == 1));
	EXPECT_FALSE(dm_waiting(self->fd));
	/* This is */
	close_fd(other);
	EXPECT_FALLS_THROUGH(self->match);
}

TEST_F(ioeventfd, release_deassigns)
{
	int event = new_eventfd(0);
	int other = dm_open(DM);

	ASSERT_LE(0, other);
	ASSERT_EQ(0, ioeventfd(other, event, self->match, MATCH));
	close_fd(other);
	EXPECT_EQ(0, ioeventfd(self->fd, self->event, self->match, MATCH));
	EXPECT_SIGNAL(self->event, self->match);
	EXPECT_EQ(0, eventfd_poll(event));
}

TEST_F(ioeventfd, full_counter_does_not_stop_the_frontend)
{
	ASSERT_EQ(0, ioeventfd(self->fd, self->event, self->match, MATCH));
	ASSERT_EQ(0, eventfd_add(self->event, 0xfffffffffffffffe));
	frontend_start(DM, 0, self->match, 3);
	EXPECT_TRUE(wait_done(DM, 0, 3));
}

/* Requests on their way */

TEST_F(ioeventfd, can_be_assigned_while_a_request_is_owned)
{
	struct bao_virtio_request req;

	frontend_start(DM, 0, write_of(frontend_window(DM) + 0x70, 4, 0xf), 1);
	ASSERT_EQ(0, dm_attach(self->fd, &req));
	EXPECT_EQ(0, ioeventfd(self->fd, self->event, self->match, MATCH));
	EXPECT_EQ(0, dm_complete(self->fd, req));
	EXPECT_SIGNAL(self->event, self->match);
}

TEST_F(ioeventfd, assignment_answers_the_match_that_waits)
{
	struct bao_virtio_request req;

	frontend_start(DM, 0, self->match, 1);
	frontend_start(DM, 1, write_of(self->addr, 4, 2), 1);
	ASSERT_TRUE(wait_until(statistic(DM, "waiting") == 2));
	EXPECT_EQ(0, ioeventfd(self->fd, self->event, self->match, MATCH));
	EXPECT_EQ(1, eventfd_wait(self->event));
	EXPECT_TRUE(wait_until(frontend_done(DM, 0) == 1));
	/* The other one goes on waiting */
	ASSERT_EQ(0, dm_attach(self->fd, &req));
	EXPECT_EQ(2, req.value);
	EXPECT_EQ(0, dm_complete(self->fd, req));
}

/* Arguments */

FIXTURE(ioeventfd_args) {
	int fd;
	struct bao_ioeventfd args;
};

FIXTURE_SETUP(ioeventfd_args)
{
	SET_UP_OR_SKIP();
	self->fd = dm_open(DM);
	ASSERT_LE(0, self->fd);
	self->args = (struct bao_ioeventfd) {
		.fd = new_eventfd(0),
		.flags = MATCH,
		.addr = frontend_window(DM) + 0x50,
		.len = 4,
		.data = 1,
	};
}

FIXTURE_TEARDOWN(ioeventfd_args)
{
	TEAR_DOWN();
}

#define ASSIGN(args) do_ioctl(self->fd, BAO_IOCTL_IOEVENTFD, &(args))

TEST_F(ioeventfd_args, unknown_flags_are_einval)
{
	unsigned int bit;

	for (bit = 0; bit < 32; bit++) {
		struct bao_ioeventfd args = self->args;

		if ((1u << bit) & (MATCH | REMOVE))
			continue;
		args.flags |= 1u << bit;
		EXPECT_EQ(-EINVAL, ASSIGN(args))
			TH_LOG("bit %u", bit);
	}
	EXPECT_EQ(0, ASSIGN(self->args));
}

TEST_F(ioeventfd_args, reserved_is_einval)
{
	self->args.reserved = 1;
	EXPECT_EQ(-EINVAL, ASSIGN(self->args));
}

TEST_F(ioeventfd_args, lengths_that_no_access_has_are_einval)
{
	static const __u32 lens[] = { 0, 3, 5, 6, 7, 9, 16, 0xffffffff };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		struct bao_ioeventfd args = self->args;

		args.len = lens[i];
		EXPECT_EQ(-EINVAL, ASSIGN(args))
			TH_LOG("len %u", lens[i]);
	}
}

TEST_F(ioeventfd_args, address_that_wraps_is_einval)
{
	self->args.addr = ~0ull - 2;
	EXPECT_EQ(-EINVAL, ASSIGN(self->args));
}

TEST_F(ioeventfd_args, data_wider_than_the_length_is_einval)
{
	struct bao_ioeventfd args = self->args;

	args.data = 0x100000000;
	EXPECT_EQ(-EINVAL, ASSIGN(args));
	args.len = 2;
	args.data = 0x10000;
	EXPECT_EQ(-EINVAL, ASSIGN(args));
	args.len = 1;
	args.data = 0x100;
	EXPECT_EQ(-EINVAL, ASSIGN(args));
}

TEST_F(ioeventfd_args, data_is_ignored_without_datamatch)
{
	self->args.flags = 0;
	self->args.data = ~0ull;
	EXPECT_EQ(0, ASSIGN(self->args));
}

TEST_F(ioeventfd_args, what_is_no_eventfd_is_einval)
{
	self->args.fd = self->fd;
	EXPECT_EQ(-EINVAL, ASSIGN(self->args));
}

TEST_F(ioeventfd_args, what_is_not_open_is_ebadf)
{
	close_fd(self->args.fd);
	EXPECT_EQ(-EBADF, ASSIGN(self->args));
	self->args.fd = -1;
	EXPECT_EQ(-EBADF, ASSIGN(self->args));
}

TEST_F(ioeventfd_args, bad_pointer_is_efault)
{
	EXPECT_EQ(-EFAULT, do_ioctl(self->fd, BAO_IOCTL_IOEVENTFD, NULL));
}

TEST_HARNESS_MAIN
