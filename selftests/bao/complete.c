// SPDX-License-Identifier: GPL-2.0
/*
 * BAO_IOCTL_IO_REQUEST_COMPLETE: each test has one read of vCPU 0 in its hands, does something that
 * it must not, and shows that the hypervisor heard nothing of it and that the request can still be
 * answered.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "backend.h"

#define DM 0
#define OTHER_DM 1
#define ANSWER 0x600df00d

FIXTURE(complete) {
	int fd;
	struct bao_virtio_request req;
	struct counters before;
};

FIXTURE_SETUP(complete)
{
	SET_UP_OR_SKIP();
	self->fd = dm_open(DM);
	ASSERT_LE(0, self->fd);
	frontend_start(DM, 0, read_of(frontend_window(DM), 4), 1);
	ASSERT_EQ(0, dm_attach(self->fd, &self->req));
	frontend_counters(DM, &self->before);
}

FIXTURE_TEARDOWN(complete)
{
	TEAR_DOWN();
}

#define EXPECT_UNHEARD() do {						\
	struct counters _now;						\
									\
	frontend_counters(DM, &_now);					\
	EXPECT_EQ(self->before.completes, _now.completes);		\
	EXPECT_EQ(self->before.complete_errors, _now.complete_errors);	\
	EXPECT_EQ(self->before.notifies, _now.notifies);		\
	EXPECT_EQ(self->before.bad_calls, _now.bad_calls);		\
	EXPECT_EQ(self->before.violations, _now.violations);		\
	EXPECT_TRUE(frontend_parked(DM, 0));				\
} while (0)

#define EXPECT_ANSWERABLE() do {					\
	EXPECT_EQ(0, dm_answer(self->fd, self->req, ANSWER));		\
	EXPECT_FALSE(frontend_parked(DM, 0));				\
	EXPECT_EQ(ANSWER, frontend_result(DM, 0));			\
} while (0)

TEST_F(complete, answers_a_read)
{
	struct counters now;

	EXPECT_ANSWERABLE();
	frontend_counters(DM, &now);
	EXPECT_EQ(self->before.completes + 1, now.completes);
	EXPECT_EQ(self->before.bad_calls, now.bad_calls);
	EXPECT_EQ(self->before.violations, now.violations);
}

TEST_F(complete, address_and_width_are_not_looked_at)
{
	struct bao_virtio_request req = self->req;

	req.addr = ~0ull;
	req.access_width = 1;
	req.value = ANSWER;
	EXPECT_EQ(0, dm_complete(self->fd, req));
	EXPECT_EQ(ANSWER, frontend_result(DM, 0));
}

struct heritage {
	int fd;
	struct bao_virtio_request req;
};

static int answer_in_child(void *arg)
{
	struct heritage *heritage = arg;

	return -dm_answer(heritage->fd, heritage->req, ANSWER);
}

TEST_F(complete, process_that_inherited_the_descriptor_may)
{
	struct heritage heritage = { self->fd, self->req };
	pid_t pid = spawn(answer_in_child, &heritage);

	ASSERT_LT(0, pid);
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(ANSWER, frontend_result(DM, 0));
}

TEST_F(complete, twice_is_enoent)
{
	EXPECT_ANSWERABLE();
	frontend_counters(DM, &self->before);
	EXPECT_EQ(-ENOENT, dm_answer(self->fd, self->req, ANSWER + 1));
	EXPECT_EQ(-ENOENT, dm_answer(self->fd, self->req, ANSWER + 1));
	/* The vCPU waits for something else now */
	frontend_start(DM, 0, read_of(frontend_window(DM), 4), 1);
	EXPECT_UNHEARD();
}

TEST_F(complete, stale_request_id_is_enoent)
{
	struct bao_virtio_request stale = self->req;
	unsigned int i;

	/* The hypervisor reuses its own ids at once */
	for (i = 0; i < 300; i++) {
		ASSERT_EQ(0, dm_answer(self->fd, self->req, ANSWER));
		frontend_start(DM, 0, read_of(frontend_window(DM), 4), 1);
		ASSERT_EQ(0, dm_attach(self->fd, &self->req));
		ASSERT_NE(stale.request_id, self->req.request_id);
		ASSERT_EQ(-ENOENT, dm_answer(self->fd, stale, ANSWER + 1));
	}
	frontend_counters(DM, &self->before);
	EXPECT_EQ(-ENOENT, dm_answer(self->fd, stale, ANSWER + 1));
	EXPECT_UNHEARD();
	EXPECT_ANSWERABLE();
}

TEST_F(complete, from_another_descriptor_is_enoent)
{
	int other = dm_open(DM);

	ASSERT_LE(0, other);
	EXPECT_EQ(-ENOENT, dm_answer(other, self->req, ANSWER + 1));
	EXPECT_UNHEARD();
	EXPECT_ANSWERABLE();
}

TEST_F(complete, from_another_device_model_is_einval)
{
	int other = dm_open(OTHER_DM);

	ASSERT_LE(0, other);
	EXPECT_EQ(-EINVAL, dm_answer(other, self->req, ANSWER + 1));
	EXPECT_UNHEARD();
	EXPECT_ANSWERABLE();
}

TEST_F(complete, from_another_device_model_with_its_dm_id_is_enoent)
{
	struct bao_virtio_request forged = self->req;
	int other = dm_open(OTHER_DM);

	ASSERT_LE(0, other);
	forged.dm_id = OTHER_DM;
	EXPECT_EQ(-ENOENT, dm_answer(other, forged, ANSWER + 1));
	EXPECT_UNHEARD();
	EXPECT_ANSWERABLE();
}

TEST_F(complete, wrong_dm_id_is_einval)
{
	const __u64 ids[] = { OTHER_DM, frontend_devices(), ~0ull, DM + (1ull << 32) };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ids); i++) {
		struct bao_virtio_request forged = self->req;

		forged.dm_id = ids[i];
		EXPECT_EQ(-EINVAL, dm_answer(self->fd, forged, ANSWER + 1));
	}
	EXPECT_UNHEARD();
	EXPECT_ANSWERABLE();
}

TEST_F(complete, wrong_op_is_einval)
{
	static const __u64 ops[] = {
		BAO_IO_WRITE, BAO_IO_ASK, BAO_IO_NOTIFY, 4, ~0ull, BAO_IO_READ + (1ull << 32),
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		struct bao_virtio_request forged = self->req;

		forged.op = ops[i];
		EXPECT_EQ(-EINVAL, dm_answer(self->fd, forged, ANSWER + 1))
			TH_LOG("op %llu", ops[i]);
	}
	EXPECT_UNHEARD();
	EXPECT_ANSWERABLE();
}

TEST_F(complete, write_as_read_is_einval)
{
	struct bao_virtio_request req, forged;

	frontend_start(DM, 1, write_of(frontend_window(DM), 4, 1), 1);
	ASSERT_EQ(0, dm_attach(self->fd, &req));
	frontend_counters(DM, &self->before);
	forged = req;
	forged.op = BAO_IO_READ;
	EXPECT_EQ(-EINVAL, dm_complete(self->fd, forged));
	EXPECT_UNHEARD();
	EXPECT_EQ(0, dm_complete(self->fd, req));
}

TEST_F(complete, unknown_request_id_is_enoent)
{
	struct bao_virtio_request forged = self->req;
	unsigned int bit;

	/* All ones would make the hypervisor drop the oldest request */
	forged.request_id = ~0ull;
	EXPECT_EQ(-ENOENT, dm_answer(self->fd, forged, ANSWER + 1));
	forged.request_id = 0xffffffff;
	EXPECT_EQ(-ENOENT, dm_answer(self->fd, forged, ANSWER + 1));
	for (bit = 0; bit < 64; bit++) {
		forged.request_id = self->req.request_id ^ (1ull << bit);
		EXPECT_EQ(-ENOENT, dm_answer(self->fd, forged, ANSWER + 1))
			TH_LOG("bit %u", bit);
	}
	EXPECT_UNHEARD();
	EXPECT_ANSWERABLE();
}

TEST_F(complete, request_that_nobody_took_is_enoent)
{
	struct bao_virtio_request forged = self->req, req;

	frontend_start(DM, 1, read_of(frontend_window(DM), 4), 1);
	ASSERT_TRUE(wait_until(dm_waiting(self->fd)));
	/* Where it will be, give or take */
	for (forged.request_id = self->req.request_id + 1;
	     forged.request_id < self->req.request_id + 600; forged.request_id++)
		ASSERT_EQ(-ENOENT, dm_answer(self->fd, forged, ANSWER + 1));
	EXPECT_UNHEARD();
	EXPECT_TRUE(frontend_parked(DM, 1));
	ASSERT_EQ(0, dm_attach(self->fd, &req));
	EXPECT_EQ(0, dm_answer(self->fd, req, 1));
	EXPECT_ANSWERABLE();
}

TEST_F(complete, bad_pointer_is_efault)
{
	void *hole = mmap(NULL, getpagesize(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_TRUE(hole != MAP_FAILED);
	EXPECT_EQ(-EFAULT, do_ioctl(self->fd, BAO_IOCTL_IO_REQUEST_COMPLETE, NULL));
	EXPECT_EQ(-EFAULT, do_ioctl(self->fd, BAO_IOCTL_IO_REQUEST_COMPLETE, hole));
	EXPECT_UNHEARD();
	EXPECT_ANSWERABLE();
}

TEST_HARNESS_MAIN
