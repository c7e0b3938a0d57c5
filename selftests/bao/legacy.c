// SPDX-License-Identifier: GPL-2.0
/*
 * A device model that knows nothing of this driver (legacy_dm.c, built against the header of the
 * first public series if $BAO_V2_UAPI names it), and what a driver does to it
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "backend.h"

#define DM 1

FIXTURE(legacy) {
	volatile __u32 *shmem;
	pid_t pid;
};

static int run_legacy_dm(void *arg)
{
	char dm[16], window[32];

	(void)arg;
	snprintf(dm, sizeof(dm), "%u", DM);
	snprintf(window, sizeof(window), "%#llx", frontend_window(DM));
	execl("./legacy_dm", "legacy_dm", dm, window, NULL);
	return 127;
}

FIXTURE_SETUP(legacy)
{
	int fd;

	SET_UP_OR_SKIP();
	fd = dm_open(DM);
	ASSERT_LE(0, fd);
	self->shmem = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_TRUE(self->shmem != MAP_FAILED);
	close_fd(fd);
	self->shmem[0] = 0;
	frontend_reset_counters(DM);
	self->pid = spawn(run_legacy_dm, NULL);
	ASSERT_LT(0, self->pid);
}

FIXTURE_TEARDOWN(legacy)
{
	TEAR_DOWN();
}

static bool do_access(struct access access, __u32 count)
{
	frontend_start(DM, 0, access, count);
	return wait_until(frontend_done(DM, 0) == count && !frontend_parked(DM, 0));
}

static __u64 read_register(unsigned int offset)
{
	if (!do_access(read_of(frontend_window(DM) + offset, 4), 1))
		return ~0ull;
	return frontend_result(DM, 0);
}

static bool write_register(unsigned int offset, __u32 value)
{
	return do_access(write_of(frontend_window(DM) + offset, 4, value), 1);
}

static __u32 notifies(void)
{
	struct counters counters;

	frontend_counters(DM, &counters);
	return counters.notifies;
}

TEST_F(legacy, registers)
{
	EXPECT_EQ(0x74726976, read_register(0x00));
	EXPECT_TRUE(write_register(0x70, 3));
	EXPECT_EQ(3, read_register(0x70));
}

TEST_F(legacy, kicks_and_interrupts)
{
	unsigned int i;

	ASSERT_TRUE(write_register(0x70, 0xf));
	for (i = 1; i <= 10; i++) {
		__u32 before = notifies();

		ASSERT_TRUE(write_register(0x50, 0));
		ASSERT_TRUE(wait_until(notifies() == before + 1));
		EXPECT_EQ(i, self->shmem[0]);
		EXPECT_EQ(1, read_register(0x60));
		ASSERT_TRUE(write_register(0x64, 1));
		EXPECT_EQ(0, read_register(0x60));
	}
}

TEST_F(legacy, restarts_after_being_killed)
{
	unsigned int i;

	for (i = 1; i <= 5; i++) {
		/* No kick goes to the dead process' eventfd */
		ASSERT_TRUE(write_register(0x70, 0xf));
		ASSERT_TRUE(write_register(0x50, 0));
		ASSERT_TRUE(wait_until(self->shmem[0] == i));
		kill_child(self->pid);
		self->pid = spawn(run_legacy_dm, NULL);
		ASSERT_LT(0, self->pid);
	}
	EXPECT_EQ(0x74726976, read_register(0x00));
}

TEST_HARNESS_MAIN
