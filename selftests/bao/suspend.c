// SPDX-License-Identifier: GPL-2.0
/*
 * Suspend and resume of the endpoints: by the kernel's test mode that suspends all devices and
 * resumes them after a moment, or by the simulator
 */
#include <signal.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "backend.h"

#define DM	0

FIXTURE(suspend) {
	int fd;
	__u64 addr;
};

FIXTURE_SETUP(suspend)
{
	SET_UP_OR_SKIP();
	if (endpoints_suspend() == -EOPNOTSUPP)
		SKIP(return, "the kernel cannot test suspend (CONFIG_PM_SLEEP_DEBUG)");
	self->fd = dm_open(DM);
	ASSERT_LE(0, self->fd);
	self->addr = frontend_window(DM);
}

FIXTURE_TEARDOWN(suspend)
{
	TEAR_DOWN();
}

TEST_F(suspend, a_frontend_goes_on_after_resume)
{
	struct access kick = write_of(self->addr + 0x50, 4, 0);
	struct counters counters;
	__u32 done;

	frontend_reset_counters(DM);
	ASSERT_EQ(0, ioeventfd(self->fd, new_eventfd(0), kick, BAO_IOEVENTFD_FLAG_DATAMATCH));
	frontend_start(DM, 0, kick, ~0U);
	frontend_start(DM, 1, kick, ~0U);
	ASSERT_TRUE(wait_until(frontend_done(DM, 0) && frontend_done(DM, 1)));
	ASSERT_EQ(0, endpoints_suspend());
	done = frontend_done(DM, 0);
	EXPECT_TRUE(wait_until(frontend_done(DM, 0) > done));
	done = frontend_done(DM, 1);
	EXPECT_TRUE(wait_until(frontend_done(DM, 1) > done));
	frontend_stop(DM, 0);
	frontend_stop(DM, 1);
	EXPECT_TRUE(wait_until(!frontend_parked(DM, 0) && !frontend_parked(DM, 1)));
	frontend_counters(DM, &counters);
	EXPECT_EQ(counters.accesses, counters.completes);
	EXPECT_EQ(0, counters.violations);
}

TEST_F(suspend, an_owned_request_survives)
{
	struct bao_virtio_request req;

	frontend_start(DM, 0, read_of(self->addr, 4), 1);
	ASSERT_EQ(0, dm_attach(self->fd, &req));
	ASSERT_EQ(0, endpoints_suspend());
	EXPECT_EQ(0, frontend_done(DM, 0));
	EXPECT_EQ(0, dm_answer(self->fd, req, 0x5afe));
	EXPECT_EQ(1, frontend_done(DM, 0));
	EXPECT_EQ(0x5afe, frontend_result(DM, 0));
}

static int answer_one(void *arg)
{
	struct bao_virtio_request req;
	int fd = *(int *)arg;

	return dm_take(fd, &req) || dm_answer(fd, req, 42);
}

TEST_F(suspend, a_sleeper_goes_on_sleeping)
{
	pid_t pid = spawn(answer_one, &self->fd);

	ASSERT_LT(0, pid);
	ASSERT_TRUE(wait_until(sleeps_in_ioctl(pid, BAO_IOCTL_IO_CLIENT_ATTACH)));
	ASSERT_EQ(0, endpoints_suspend());
	ASSERT_TRUE(wait_until(sleeps_in_ioctl(pid, BAO_IOCTL_IO_CLIENT_ATTACH)));
	frontend_start(DM, 0, read_of(self->addr, 4), 1);
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(42, frontend_result(DM, 0));
}

TEST_HARNESS_MAIN
