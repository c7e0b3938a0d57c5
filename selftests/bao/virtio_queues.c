// SPDX-License-Identifier: GPL-2.0
/*
 * Queues of virtio devices in the kernel, as registers see them: how a driver sets them up, and
 * what it cannot set up; stopping and resetting them
 */
#include <unistd.h>

#include "../kselftest_harness.h"
#include "virtio_driver.h"

#define DM	0
#define SIZE	16

#define ALL_ONES	0xffffffff
#define NO_SUCH_QUEUE	100

FIXTURE(queues) {
	struct virtio v;
	struct vqueue *q;
	void *data;
};

FIXTURE_SETUP(queues)
{
	VIRTIO_OR_SKIP("rng");
	ASSERT_EQ(0, virtio_make(&self->v, DM, "rng", "queues"));
	ASSERT_EQ(0, virtio_set(&self->v, "queue_size", "64"));
	ASSERT_EQ(0, virtio_set_live(&self->v, true));
	self->q = &self->v.queue[0];
	self->q->v = &self->v;
	self->data = window_alloc(self->v.window, 4096, 16);
	ASSERT_TRUE(!!self->data);
}

FIXTURE_TEARDOWN(queues)
{
	VIRTIO_TEAR_DOWN();
}

static bool works(struct virtio *v, void *data)
{
	return !virtio_start(v, 0, 1, SIZE) && vq_read(&v->queue[0], data, 16) == 16;
}

TEST_F(queues, there_is_no_queue_out_of_range)
{
	static const __u32 sel[] = { 1, 2, NO_SUCH_QUEUE, 0x10000, 0x80000000, ALL_ONES };
	struct window *w = self->v.window;
	unsigned int i;

	EXPECT_EQ(64, virtio_read(&self->v, VIRTIO_MMIO_QUEUE_NUM_MAX));
	ASSERT_EQ(0, virtio_negotiate(&self->v, FEATURE(VIRTIO_F_RING_RESET)));
	ASSERT_EQ(0, vq_setup(&self->v, 0, SIZE));
	for (i = 0; i < ARRAY_SIZE(sel); i++) {
		virtio_write(&self->v, VIRTIO_MMIO_QUEUE_SEL, sel[i]);
		EXPECT_EQ(0, virtio_read(&self->v, VIRTIO_MMIO_QUEUE_NUM_MAX));
		EXPECT_EQ(0, virtio_read(&self->v, VIRTIO_MMIO_QUEUE_READY));
		EXPECT_EQ(0, virtio_read(&self->v, VIRTIO_MMIO_QUEUE_RESET));
		virtio_write(&self->v, VIRTIO_MMIO_QUEUE_NUM, SIZE);
		vq_write_areas(self->q, w->addr, w->addr + 4096, w->addr + 8192);
		virtio_write(&self->v, VIRTIO_MMIO_QUEUE_READY, 1);
		EXPECT_EQ(0, virtio_read(&self->v, VIRTIO_MMIO_QUEUE_READY));
		virtio_write(&self->v, VIRTIO_MMIO_QUEUE_READY, 0);
		virtio_write(&self->v, VIRTIO_MMIO_QUEUE_RESET, 1);
		EXPECT_EQ(0, virtio_read(&self->v, VIRTIO_MMIO_QUEUE_RESET));
	}
	virtio_write(&self->v, VIRTIO_MMIO_QUEUE_SEL, 0);
	EXPECT_EQ(1, virtio_read(&self->v, VIRTIO_MMIO_QUEUE_READY));
	ASSERT_EQ(0, virtio_driver_ok(&self->v));
	EXPECT_EQ(16, vq_read(self->q, self->data, 16));
}

/* What QueueReady says after all of this */
static __u32 try_queue(struct virtio *v, __u32 num, __u64 desc, __u64 driver, __u64 device)
{
	virtio_write(v, VIRTIO_MMIO_QUEUE_SEL, 0);
	virtio_write(v, VIRTIO_MMIO_QUEUE_READY, 0);
	virtio_write(v, VIRTIO_MMIO_QUEUE_NUM, num);
	vq_write_areas(&v->queue[0], desc, driver, device);
	virtio_write(v, VIRTIO_MMIO_QUEUE_READY, 1);
	return virtio_read(v, VIRTIO_MMIO_QUEUE_READY);
}

static __u32 try_num(struct virtio *v, __u64 features, __u32 num)
{
	__u64 base = v->window->addr + 65536;

	if (virtio_negotiate(v, features))
		return ALL_ONES;
	return try_queue(v, num, base, base + 16384, base + 32768);
}

TEST_F(queues, have_these_sizes)
{
	static const struct {
		__u32 num;
		__u32 split;
		__u32 packed;
	} size[] = {
		{ 0, 0, 0 }, { 1, 1, 1 }, { 2, 1, 1 }, { 3, 0, 1 }, { 48, 0, 1 }, { 63, 0, 1 },
		{ 64, 1, 1 }, { 65, 0, 0 }, { 128, 0, 0 }, { 0x8000, 0, 0 }, { 0x10000, 0, 0 },
		{ 0x10040, 0, 0 }, { 0x80000000, 0, 0 }, { ALL_ONES, 0, 0 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(size); i++) {
		EXPECT_EQ(size[i].split, try_num(&self->v, 0, size[i].num))
			TH_LOG("%u entries", size[i].num);
		EXPECT_EQ(size[i].packed,
			  try_num(&self->v, FEATURE(VIRTIO_F_RING_PACKED), size[i].num))
			TH_LOG("%u entries", size[i].num);
	}
}

static const struct {
	const char *name;
	__u64 features;
	/* Of descriptors, and of the driver's and the device's area */
	__u32 align[3];
	__u32 bytes[3];
} format[] = {
	{ "split", 0, { 16, 2, 4 }, { 16 * SIZE, 6 + 2 * SIZE, 6 + 8 * SIZE } },
	{ "split with events", FEATURE(VIRTIO_RING_F_EVENT_IDX), { 16, 2, 4 },
	  { 16 * SIZE, 6 + 2 * SIZE, 6 + 8 * SIZE } },
	{ "packed", FEATURE(VIRTIO_F_RING_PACKED), { 16, 4, 4 }, { 16 * SIZE, 4, 4 } },
};

/* One of the areas is where it should not be, perhaps; the others are fine */
static __u32 try_area(struct virtio *v, unsigned int area, __u64 addr)
{
	__u64 base = v->window->addr + 65536;
	__u64 addrs[3] = { base, base + 4096, base + 8192 };

	addrs[area] = addr;
	return try_queue(v, SIZE, addrs[0], addrs[1], addrs[2]);
}

TEST_F(queues, areas_are_aligned)
{
	__u64 at = self->v.window->addr + 32768;
	unsigned int i, area;
	__u32 shift;

	for (i = 0; i < ARRAY_SIZE(format); i++) {
		ASSERT_EQ(0, virtio_negotiate(&self->v, format[i].features));
		for (area = 0; area < 3; area++) {
			for (shift = 0; shift < 32; shift++)
				EXPECT_EQ(shift % format[i].align[area] == 0,
					  try_area(&self->v, area, at + shift))
					TH_LOG("%s, area %u + %u", format[i].name, area, shift);
		}
	}
}

TEST_F(queues, areas_are_inside_the_window)
{
	struct window *w = self->v.window;
	__u64 end = w->addr + w->size, last;
	unsigned int i, area;

	for (i = 0; i < ARRAY_SIZE(format); i++) {
		ASSERT_EQ(0, virtio_negotiate(&self->v, format[i].features));
		for (area = 0; area < 3; area++) {
			__u32 align = format[i].align[area];
			const __u64 outside[] = {
				0, w->addr - align, end, end + (1ull << 32),
				w->addr + (1ull << 32), w->addr | 1ull << 63, 1ull << 63,
				-65536ull, -(__u64)align,
			};
			unsigned int k;

			last = (end - format[i].bytes[area]) / align * align;
			EXPECT_EQ(1, try_area(&self->v, area, w->addr));
			EXPECT_EQ(1, try_area(&self->v, area, last))
				TH_LOG("%s, area %u at the end", format[i].name, area);
			EXPECT_EQ(0, try_area(&self->v, area, last + align))
				TH_LOG("%s, area %u at the end + %u", format[i].name, area, align);
			for (k = 0; k < ARRAY_SIZE(outside); k++)
				EXPECT_EQ(0, try_area(&self->v, area, outside[k]))
					TH_LOG("%s, area %u at %#llx", format[i].name, area,
					       outside[k]);
		}
	}
}

TEST_F(queues, ready_has_to_wait_for_the_features)
{
	__u64 base = self->v.window->addr + 65536;

	/* Good for a split ring, which this will not be */
	EXPECT_EQ(0, try_queue(&self->v, SIZE, base, base + 4096 + 2, base + 8192));
	virtio_write(&self->v, VIRTIO_MMIO_STATUS, STATUS_DRIVER);
	EXPECT_EQ(0, try_queue(&self->v, SIZE, base, base + 4096 + 2, base + 8192));
	virtio_write_features(&self->v,
			      FEATURE(VIRTIO_F_VERSION_1) | FEATURE(VIRTIO_F_RING_PACKED));
	virtio_write(&self->v, VIRTIO_MMIO_STATUS, STATUS_FEATURES_OK);
	EXPECT_EQ(STATUS_FEATURES_OK, virtio_status(&self->v));
	EXPECT_EQ(0, try_queue(&self->v, SIZE, base, base + 4096 + 2, base + 8192));
	EXPECT_EQ(1, try_queue(&self->v, SIZE, base, base + 4096 + 4, base + 8192));
}

TEST_F(queues, stay_as_they_are_while_ready)
{
	__u64 elsewhere = self->v.window->addr + 65536;
	unsigned int i;

	ASSERT_EQ(0, virtio_start(&self->v, 0, 1, SIZE));
	virtio_write(&self->v, VIRTIO_MMIO_QUEUE_NUM, SIZE / 2);
	vq_write_areas(self->q, elsewhere, elsewhere, elsewhere);
	virtio_write(&self->v, VIRTIO_MMIO_QUEUE_READY, 1);
	EXPECT_EQ(1, virtio_read(&self->v, VIRTIO_MMIO_QUEUE_READY));
	for (i = 0; i < 3 * SIZE; i++)
		ASSERT_EQ(16, vq_read(self->q, self->data, 16));
}

TEST_F(queues, can_be_stopped)
{
	struct vsegment segment = { self->data, 16 };

	ASSERT_EQ(0, virtio_start(&self->v, 0, 1, SIZE));
	ASSERT_EQ(16, vq_read(self->q, self->data, 16));
	virtio_write(&self->v, VIRTIO_MMIO_QUEUE_READY, 0);
	EXPECT_EQ(0, virtio_read(&self->v, VIRTIO_MMIO_QUEUE_READY));
	ASSERT_LE(0, vq_add(self->q, &segment, 0, 1));
	vq_publish(self->q);
	virtio_notify(&self->v, 0);
	/* Whatever notifies do, they have done it by then */
	virtio_write(&self->v, VIRTIO_MMIO_STATUS, 0);
	EXPECT_FALSE(vq_has_used(self->q));
	EXPECT_TRUE(works(&self->v, self->data));
}

TEST_F(queues, can_be_reset)
{
	unsigned int i;

	ASSERT_EQ(0, virtio_start(&self->v, FEATURE(VIRTIO_F_RING_RESET), 1, SIZE));
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(16, vq_read(self->q, self->data, 16));
		ASSERT_EQ(0, vq_reset(self->q));
		EXPECT_EQ(STATUS_DRIVER_OK, virtio_status(&self->v));
		/* What described it is gone */
		virtio_write(&self->v, VIRTIO_MMIO_QUEUE_READY, 1);
		EXPECT_EQ(0, virtio_read(&self->v, VIRTIO_MMIO_QUEUE_READY));
		ASSERT_EQ(0, vq_setup(&self->v, 0, i % 2 ? SIZE : 2 * SIZE));
	}
	EXPECT_EQ(16, vq_read(self->q, self->data, 16));
}

TEST_F(queues, can_be_reset_before_they_run)
{
	ASSERT_EQ(0, virtio_negotiate(&self->v, FEATURE(VIRTIO_F_RING_RESET)));
	ASSERT_EQ(0, vq_setup(&self->v, 0, SIZE));
	ASSERT_EQ(0, vq_reset(self->q));
	ASSERT_EQ(0, vq_reset(self->q));
	ASSERT_EQ(0, vq_setup(&self->v, 0, SIZE));
	ASSERT_EQ(0, virtio_driver_ok(&self->v));
	EXPECT_EQ(16, vq_read(self->q, self->data, 16));
}

TEST_F(queues, reset_has_to_be_negotiated)
{
	ASSERT_EQ(0, virtio_start(&self->v, 0, 1, SIZE));
	virtio_write(&self->v, VIRTIO_MMIO_QUEUE_RESET, 1);
	EXPECT_EQ(0, virtio_read(&self->v, VIRTIO_MMIO_QUEUE_RESET));
	EXPECT_EQ(1, virtio_read(&self->v, VIRTIO_MMIO_QUEUE_READY));
	EXPECT_EQ(16, vq_read(self->q, self->data, 16));
}

TEST_F(queues, may_come_late)
{
	ASSERT_EQ(0, virtio_negotiate(&self->v, 0));
	ASSERT_EQ(0, virtio_driver_ok(&self->v));
	virtio_notify(&self->v, 0);
	ASSERT_EQ(0, vq_setup(&self->v, 0, SIZE));
	EXPECT_EQ(16, vq_read(self->q, self->data, 16));
}

TEST_F(queues, notifies_of_what_is_not_there_are_nothing)
{
	static const __u32 queue[] = { 1, 2, NO_SUCH_QUEUE, 0x10000, 0xffff0000, ALL_ONES };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(queue); i++)
		virtio_notify(&self->v, queue[i]);
	virtio_notify(&self->v, 0);
	ASSERT_EQ(0, virtio_negotiate(&self->v, 0));
	virtio_notify(&self->v, 0);
	ASSERT_EQ(0, virtio_driver_ok(&self->v));
	virtio_notify(&self->v, 0);
	for (i = 0; i < ARRAY_SIZE(queue); i++)
		virtio_notify(&self->v, queue[i]);
	EXPECT_EQ(STATUS_DRIVER_OK, virtio_status(&self->v));
	EXPECT_EQ(0, virtio_read(&self->v, VIRTIO_MMIO_INTERRUPT_STATUS));
	EXPECT_FALSE(virtio_interrupted(&self->v));
	EXPECT_TRUE(works(&self->v, self->data));
}

TEST_F(queues, rest_until_driver_ok)
{
	struct vsegment segment = { self->data, 16 };
	__u32 len;

	ASSERT_EQ(0, virtio_negotiate(&self->v, 0));
	ASSERT_EQ(0, vq_setup(&self->v, 0, SIZE));
	ASSERT_LE(0, vq_add(self->q, &segment, 0, 1));
	vq_publish(self->q);
	virtio_notify(&self->v, 0);
	usleep(20000);
	EXPECT_FALSE(vq_has_used(self->q));
	EXPECT_FALSE(virtio_interrupted(&self->v));
	/* And then they are looked at, without a notify */
	ASSERT_EQ(0, virtio_driver_ok(&self->v));
	ASSERT_LE(0, vq_wait(self->q, &len));
	EXPECT_EQ(16, len);
}

TEST_HARNESS_MAIN
