// SPDX-License-Identifier: GPL-2.0
/* Entropy devices in the kernel: random bytes arrive, but not more of them than they may */
#include <string.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "virtio_driver.h"

#define DM	0
#define SIZE	16
#define ROOM	65536

FIXTURE(rng) {
	struct virtio v;
	struct vqueue *q;
	char *data;
};

FIXTURE_SETUP(rng)
{
	VIRTIO_OR_SKIP("rng");
	ASSERT_EQ(0, virtio_make(&self->v, DM, "rng", "rng"));
	self->q = &self->v.queue[0];
	self->data = window_alloc(self->v.window, ROOM, 16);
	ASSERT_TRUE(!!self->data);
}

FIXTURE_TEARDOWN(rng)
{
	VIRTIO_TEAR_DOWN();
}

static int start(struct virtio *v)
{
	return virtio_set_live(v, true) ?: virtio_start(v, 0, 1, SIZE);
}

/* In so many bytes, each value comes; the probability that one does not is 256 * exp(-16) */
#define ENOUGH 4096

static unsigned int different_bytes(const char *data, unsigned int len)
{
	bool seen[256] = { false };
	unsigned int i, n = 0;

	for (i = 0; i < len; i++)
		seen[(__u8)data[i]] = true;
	for (i = 0; i < 256; i++)
		n += seen[i];
	return n;
}

TEST_F(rng, bytes_are_random)
{
	char before[ENOUGH];
	unsigned int i;

	ASSERT_EQ(0, start(&self->v));
	memset(self->data, 0, ENOUGH);
	for (i = 0; i < 2; i++) {
		memcpy(before, self->data, ENOUGH);
		ASSERT_EQ(ENOUGH, vq_read(self->q, self->data, ENOUGH));
		EXPECT_LE(250, different_bytes(self->data, ENOUGH));
		EXPECT_NE(0, memcmp(before, self->data, ENOUGH));
	}
}

TEST_F(rng, buffers_have_any_size)
{
	static const __u32 len[] = { 1, 2, 3, 15, 16, 17, 63, 64, 65, 4095, 4097, ROOM - 1 };
	unsigned int i;
	int ret;

	ASSERT_EQ(0, virtio_set(&self->v, "rate", "0"));
	ASSERT_EQ(0, start(&self->v));
	for (i = 0; i < ARRAY_SIZE(len); i++) {
		memset(self->data, 0, ROOM);
		ret = vq_read(self->q, self->data, len[i]);
		EXPECT_LT(0, ret);
		EXPECT_LE(ret, len[i]);
		EXPECT_EQ(0, self->data[len[i]]);
	}
}

TEST_F(rng, buffers_have_many_parts)
{
	struct vsegment segments[MAX_SEGMENTS];
	unsigned int i;
	__u32 len;

	ASSERT_EQ(0, start(&self->v));
	for (i = 0; i < MAX_SEGMENTS; i++)
		segments[i] = (struct vsegment){ self->data + i * 512, 1 + i };
	ASSERT_LE(0, vq_add(self->q, segments, 0, MAX_SEGMENTS));
	vq_submit(self->q);
	ASSERT_LE(0, vq_wait(self->q, &len));
	EXPECT_EQ(MAX_SEGMENTS * (MAX_SEGMENTS + 1) / 2, len);
	for (i = 0; i < MAX_SEGMENTS; i++)
		EXPECT_EQ(0, self->data[i * 512 + 1 + i]);
}

TEST_F(rng, what_it_may_not_write_stays)
{
	struct vsegment segment = { self->data, 64 };
	char before[64];
	__u32 len;

	ASSERT_EQ(0, start(&self->v));
	memset(before, 0x55, sizeof(before));
	memcpy(self->data, before, sizeof(before));
	ASSERT_LE(0, vq_add(self->q, &segment, 1, 0));
	vq_submit(self->q);
	ASSERT_LE(0, vq_wait(self->q, &len));
	EXPECT_EQ(0, len);
	EXPECT_EQ(0, memcmp(before, self->data, sizeof(before)));
	EXPECT_EQ(64, vq_read(self->q, self->data, 64));
}

TEST_F(rng, many_wait_in_the_queue)
{
	struct vsegment segment = { self->data, 64 };
	unsigned int i, round;
	__u32 len;

	ASSERT_EQ(0, start(&self->v));
	for (round = 0; round < 10; round++) {
		for (i = 0; i < SIZE; i++)
			ASSERT_LE(0, vq_add(self->q, &segment, 0, 1));
		ASSERT_EQ(-ENOSPC, vq_add(self->q, &segment, 0, 1));
		vq_submit(self->q);
		for (i = 0; i < SIZE; i++) {
			ASSERT_LE(0, vq_wait(self->q, &len));
			EXPECT_EQ(64, len);
		}
		EXPECT_EQ(-EAGAIN, vq_collect(self->q, NULL));
	}
}

#define RATE 32768

/* It begins with what has been saved within a second; twice the rate allows for slow clocks */
TEST_F(rng, has_a_rate)
{
	__u64 start_ms, total = 0;
	int ret;

	ASSERT_EQ(0, virtio_set(&self->v, "rate", "%u", RATE));
	EXPECT_EQ(RATE, virtio_get(&self->v, "rate"));
	ASSERT_EQ(0, start(&self->v));
	EXPECT_EQ(-EBUSY, virtio_set(&self->v, "rate", "0"));
	start_ms = now_ms();
	while (now_ms() < start_ms + 2000) {
		ret = vq_read(self->q, self->data, 4096);
		ASSERT_LT(0, ret);
		total += ret;
	}
	EXPECT_LE(total, RATE * (now_ms() - start_ms + 1000) / 1000 + 4096);
	EXPECT_LE(RATE, total);
}

TEST_F(rng, a_reset_does_not_refill_it)
{
	__u64 start_ms, total = 0;
	int ret;

	ASSERT_EQ(0, virtio_set(&self->v, "rate", "%u", RATE));
	ASSERT_EQ(0, start(&self->v));
	start_ms = now_ms();
	while (now_ms() < start_ms + 1000) {
		ret = vq_read(self->q, self->data, 16384);
		ASSERT_LT(0, ret);
		total += ret;
		ASSERT_EQ(0, virtio_start(&self->v, 0, 1, SIZE));
	}
	EXPECT_LE(total, RATE * (now_ms() - start_ms + 1000) / 1000 + 16384);
}

/* One byte a second: there is no end of waiting */
TEST_F(rng, who_waits_can_be_reset)
{
	struct vsegment segment = { self->data, 4096 };
	__u64 start_ms;

	ASSERT_EQ(0, virtio_set(&self->v, "rate", "1"));
	ASSERT_EQ(0, start(&self->v));
	ASSERT_LT(0, vq_read(self->q, self->data, 4096));
	ASSERT_LE(0, vq_add(self->q, &segment, 0, 1));
	vq_submit(self->q);
	usleep(50000);
	start_ms = now_ms();
	virtio_reset(&self->v);
	ASSERT_EQ(0, virtio_start(&self->v, 0, 1, SIZE));
	ASSERT_LE(0, vq_add(self->q, &segment, 0, 1));
	vq_submit(self->q);
	ASSERT_EQ(0, virtio_set_live(&self->v, false));
	EXPECT_LT(now_ms(), start_ms + TIME_LIMIT_MS / 2);
}

TEST_HARNESS_MAIN
