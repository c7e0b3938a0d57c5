// SPDX-License-Identifier: GPL-2.0
/* BAO_IOCTL_IRQFD: a write to an eventfd interrupts the frontend */
#include <sys/syscall.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "backend.h"

#define DM 0
#define OTHER_DM 1
#define REMOVE BAO_IRQFD_FLAG_DEASSIGN

FIXTURE(irqfd) {
	int fd;
	int event;
};

FIXTURE_SETUP(irqfd)
{
	SET_UP_OR_SKIP();
	self->fd = dm_open(DM);
	ASSERT_LE(0, self->fd);
	self->event = new_eventfd(0);
	ASSERT_LE(0, self->event);
	frontend_reset_counters(DM);
	frontend_reset_counters(OTHER_DM);
}

FIXTURE_TEARDOWN(irqfd)
{
	TEAR_DOWN();
}

static __u32 notifies(unsigned int dm_id)
{
	struct counters counters;

	frontend_counters(dm_id, &counters);
	return counters.notifies;
}

/* A write has notified when write() returns; so what it has not done by then, it does not do */

TEST_F(irqfd, every_write_notifies)
{
	ASSERT_EQ(0, irqfd(self->fd, self->event, 0));
	EXPECT_EQ(0, notifies(DM));
	ASSERT_EQ(0, eventfd_add(self->event, 1));
	EXPECT_EQ(1, notifies(DM));
	ASSERT_EQ(0, eventfd_add(self->event, 1));
	EXPECT_EQ(2, notifies(DM));
	/* Whatever the value */
	ASSERT_EQ(0, eventfd_add(self->event, 1000));
	EXPECT_EQ(3, notifies(DM));
	EXPECT_EQ(0, notifies(OTHER_DM));
}

TEST_F(irqfd, counter_is_drained)
{
	ASSERT_EQ(0, irqfd(self->fd, self->event, 0));
	ASSERT_EQ(0, eventfd_add(self->event, 5));
	EXPECT_EQ(1, notifies(DM));
	EXPECT_EQ(0, eventfd_poll(self->event));
	/* Otherwise the second of these would block, and this one fail */
	ASSERT_EQ(0, eventfd_add(self->event, 0xfffffffffffffffe));
	EXPECT_EQ(0, eventfd_add(self->event, 0xfffffffffffffffe));
	EXPECT_EQ(3, notifies(DM));
}

/* A semaphore counts down by one for each interrupt, and keeps the rest */
TEST_F(irqfd, deassignment_leaves_the_counter_alone)
{
	int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);

	ASSERT_LE(0, event);
	ASSERT_EQ(0, irqfd(self->fd, event, 0));
	ASSERT_EQ(0, eventfd_add(event, 3));
	EXPECT_EQ(1, notifies(DM));
	ASSERT_EQ(0, irqfd(self->fd, event, REMOVE));
	EXPECT_EQ(1, notifies(DM));
	EXPECT_EQ(1, eventfd_poll(event));
	EXPECT_EQ(1, eventfd_poll(event));
	EXPECT_EQ(0, eventfd_poll(event));
	close(event);
}

TEST_F(irqfd, what_was_signalled_before_notifies_at_once)
{
	ASSERT_EQ(0, eventfd_add(self->event, 3));
	ASSERT_EQ(0, irqfd(self->fd, self->event, 0));
	EXPECT_EQ(1, notifies(DM));
	EXPECT_EQ(0, eventfd_poll(self->event));
}

static int write_once(void *arg)
{
	return -eventfd_add(*(int *)arg, 1);
}

TEST_F(irqfd, assignment_releases_a_blocked_writer)
{
	int event = eventfd(0, EFD_CLOEXEC);
	pid_t pid;

	ASSERT_LE(0, event);
	ASSERT_EQ(0, eventfd_add(event, 0xfffffffffffffffe));
	pid = spawn(write_once, &event);
	ASSERT_LT(0, pid);
	ASSERT_TRUE(wait_until(sleeps_in_call(pid, SYS_write)));
	ASSERT_EQ(0, irqfd(self->fd, event, 0));
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(2, notifies(DM));
}

TEST_F(irqfd, notifies_only_its_own_frontend)
{
	int other = dm_open(OTHER_DM);
	int other_event = new_eventfd(0);

	ASSERT_LE(0, other);
	ASSERT_EQ(0, irqfd(self->fd, self->event, 0));
	ASSERT_EQ(0, irqfd(other, other_event, 0));
	ASSERT_EQ(0, eventfd_add(other_event, 1));
	EXPECT_EQ(0, notifies(DM));
	EXPECT_EQ(1, notifies(OTHER_DM));
}

TEST_F(irqfd, another_process_may_write)
{
	pid_t pid;

	ASSERT_EQ(0, irqfd(self->fd, self->event, 0));
	pid = spawn(write_once, &self->event);
	ASSERT_LT(0, pid);
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(1, notifies(DM));
}

TEST_F(irqfd, several_eventfds_notify)
{
	int more = new_eventfd(0);

	ASSERT_EQ(0, irqfd(self->fd, self->event, 0));
	ASSERT_EQ(0, irqfd(self->fd, more, 0));
	ASSERT_EQ(0, eventfd_add(self->event, 1));
	ASSERT_EQ(0, eventfd_add(more, 1));
	EXPECT_EQ(2, notifies(DM));
}

TEST_F(irqfd, kick_to_interrupt_loop)
{
	struct access kick = write_of(frontend_window(DM) + 0x50, 4, 0);

	/* The signal comes from the endpoint's interrupt handler */
	ASSERT_EQ(0, irqfd(self->fd, self->event, 0));
	ASSERT_EQ(0, ioeventfd(self->fd, self->event, kick, BAO_IOEVENTFD_FLAG_DATAMATCH));
	frontend_start(DM, 0, kick, 100);
	EXPECT_TRUE(wait_done(DM, 0, 100));
	EXPECT_TRUE(wait_until(notifies(DM) == 100));
}

TEST_F(irqfd, deassigned_notifies_no_more)
{
	ASSERT_EQ(0, irqfd(self->fd, self->event, 0));
	ASSERT_EQ(0, eventfd_add(self->event, 1));
	ASSERT_EQ(0, irqfd(self->fd, self->event, REMOVE));
	ASSERT_EQ(0, eventfd_add(self->event, 1));
	EXPECT_EQ(1, notifies(DM));
	/* And nobody drains it */
	EXPECT_EQ(1, eventfd_poll(self->event));
	ASSERT_EQ(0, irqfd(self->fd, self->event, 0));
	ASSERT_EQ(0, eventfd_add(self->event, 1));
	EXPECT_EQ(2, notifies(DM));
}

TEST_F(irqfd, deassigning_what_is_not_there_is_enoent)
{
	int other = dm_open(DM);

	ASSERT_LE(0, other);
	EXPECT_EQ(-ENOENT, irqfd(self->fd, self->event, REMOVE));
	ASSERT_EQ(0, irqfd(self->fd, self->event, 0));
	EXPECT_EQ(-ENOENT, irqfd(other, self->event, REMOVE));
	EXPECT_EQ(-ENOENT, irqfd(self->fd, new_eventfd(0), REMOVE));
	EXPECT_EQ(0, irqfd(self->fd, self->event, REMOVE));
	EXPECT_EQ(-ENOENT, irqfd(self->fd, self->event, REMOVE));
}

TEST_F(irqfd, same_eventfd_again_is_ebusy)
{
	ASSERT_EQ(0, irqfd(self->fd, self->event, 0));
	EXPECT_EQ(-EBUSY, irqfd(self->fd, self->event, 0));
	EXPECT_EQ(-EBUSY, irqfd(self->fd, dup(self->event), 0));
	ASSERT_EQ(0, eventfd_add(self->event, 1));
	EXPECT_EQ(1, notifies(DM));
}

struct heritage {
	int fd;
	int event;
};

static int assign_and_deassign(void *arg)
{
	struct heritage *heritage = arg;
	unsigned int i;
	int ret;

	for (i = 0; i < 200; i++) {
		ret = irqfd(heritage->fd, heritage->event, 0);
		if (ret && ret != -EBUSY)
			return 1;
		ret = irqfd(heritage->fd, heritage->event, REMOVE);
		if (ret && ret != -ENOENT)
			return 2;
	}
	return 0;
}

TEST_F(irqfd, assignments_do_not_disturb_each_other)
{
	struct heritage heritage = { self->fd, self->event };
	pid_t pid[2];
	unsigned int i;

	for (i = 0; i < 2; i++) {
		pid[i] = spawn(assign_and_deassign, &heritage);
		ASSERT_LT(0, pid[i]);
	}
	for (i = 0; i < 2; i++)
		EXPECT_EQ(0, reap(pid[i]));
	/* Both have ended with a deassignment */
	ASSERT_EQ(0, eventfd_add(self->event, 1));
	EXPECT_EQ(0, notifies(DM));
	ASSERT_EQ(0, irqfd(self->fd, self->event, 0));
	EXPECT_EQ(1, notifies(DM));
}

TEST_F(irqfd, too_many_are_enospc)
{
	int event[900], n, ret = 0;

	for (n = 0; n < ARRAY_SIZE(event); n++) {
		event[n] = new_eventfd(0);
		ASSERT_LE(0, event[n]);
		ret = irqfd(self->fd, event[n], 0);
		if (ret)
			break;
	}
	EXPECT_EQ(-ENOSPC, ret);
	ASSERT_LT(1, n);
	EXPECT_EQ(0, irqfd(self->fd, event[0], REMOVE));
	EXPECT_EQ(0, irqfd(self->fd, event[n], 0));
	ASSERT_EQ(0, eventfd_add(event[n], 1));
	EXPECT_EQ(1, notifies(DM));
}

TEST_F(irqfd, ends_with_the_last_descriptor_of_its_eventfd)
{
	unsigned int i;

	ASSERT_EQ(0, irqfd(self->fd, self->event, 0));
	close_fd(self->event);
	/*
	 * Each at the same number again, and in the same memory if it is freed; and more of them
	 * than there can be at a time, see too_many_are_enospc
	 */
	for (i = 1; i <= 900; i++) {
		int event = new_eventfd(0);

		EXPECT_EQ(self->event, event);
		ASSERT_EQ(0, irqfd(self->fd, event, 0));
		ASSERT_EQ(0, eventfd_add(event, 1));
		ASSERT_EQ(i, notifies(DM));
		close_fd(event);
	}
}

/* The ioeventfd keeps the eventfd, but that has no descriptor any more */
TEST_F(irqfd, ended_one_does_not_notify_for_an_ioeventfd)
{
	struct access kick = write_of(frontend_window(DM) + 0x50, 4, 0);
	unsigned int i;

	for (i = 1; i <= 50; i++) {
		int fd = dm_open(DM), event = new_eventfd(0);

		ASSERT_LE(0, fd);
		ASSERT_EQ(0, ioeventfd(fd, event, kick, 0));
		ASSERT_EQ(0, irqfd(fd, event, 0));
		frontend_start(DM, 0, kick, 1);
		ASSERT_TRUE(wait_until(!frontend_parked(DM, 0)));
		ASSERT_EQ(i, notifies(DM));
		close_fd(event);
		frontend_start(DM, 0, kick, 1);
		ASSERT_TRUE(wait_until(!frontend_parked(DM, 0)));
		ASSERT_EQ(i, notifies(DM));
		close_fd(fd);
	}
}

TEST_F(irqfd, release_deassigns)
{
	int other = dm_open(DM);

	ASSERT_LE(0, other);
	ASSERT_EQ(0, irqfd(other, self->event, 0));
	close_fd(other);
	ASSERT_EQ(0, eventfd_add(self->event, 1));
	EXPECT_EQ(0, notifies(DM));
	EXPECT_EQ(1, eventfd_poll(self->event));
}

TEST_F(irqfd, unknown_flags_are_einval)
{
	unsigned int bit;

	for (bit = 1; bit < 32; bit++)
		EXPECT_EQ(-EINVAL, irqfd(self->fd, self->event, 1u << bit));
	EXPECT_EQ(-EINVAL, irqfd(self->fd, self->event, REMOVE | 2));
}

TEST_F(irqfd, what_is_no_eventfd_is_einval)
{
	EXPECT_EQ(-EINVAL, irqfd(self->fd, self->fd, 0));
}

TEST_F(irqfd, what_is_not_open_is_ebadf)
{
	close_fd(self->event);
	EXPECT_EQ(-EBADF, irqfd(self->fd, self->event, 0));
	EXPECT_EQ(-EBADF, irqfd(self->fd, -1, 0));
}

TEST_F(irqfd, bad_pointer_is_efault)
{
	EXPECT_EQ(-EFAULT, do_ioctl(self->fd, BAO_IOCTL_IRQFD, NULL));
}

TEST_HARNESS_MAIN
