// SPDX-License-Identifier: GPL-2.0
/*
 * Registers of virtio devices in the kernel: what section "Virtio Over MMIO" of the specification
 * says, and what a driver may not do
 */
#include <string.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "virtio_disk.h"

#define DM	0
#define SIZE	16

/* Of the window that a device has in configfs unless told */
#define WINDOW_SIZE	0x200

#define ALL_ONES	0xffffffff
#define NO_SUCH_QUEUE	100

static bool works(struct virtio *v, void *data)
{
	return !virtio_start(v, 0, 1, SIZE) && vq_read(&v->queue[0], data, 16) == 16;
}

/* A buffer that lies nowhere */
static void break_ring(struct virtio *v)
{
	struct vdesc desc = { .addr = 16, .len = 16, .flags = VRING_DESC_F_WRITE };

	vq_offer(&v->queue[0], &desc, 1);
}

static bool is_broken(struct virtio *v)
{
	return virtio_status(v) & VIRTIO_CONFIG_S_NEEDS_RESET;
}

FIXTURE(mmio) {
	struct virtio v;
	struct vqueue *q;
	void *data;
};

FIXTURE_SETUP(mmio)
{
	VIRTIO_OR_SKIP("rng");
	ASSERT_EQ(0, virtio_make(&self->v, DM, "rng", "mmio"));
	ASSERT_EQ(0, virtio_set(&self->v, "queue_size", "64"));
	ASSERT_EQ(0, virtio_set_live(&self->v, true));
	self->q = &self->v.queue[0];
	self->data = window_alloc(self->v.window, 4096, 16);
	ASSERT_TRUE(!!self->data);
}

FIXTURE_TEARDOWN(mmio)
{
	VIRTIO_TEAR_DOWN();
}

/* Access */

TEST_F(mmio, tells_what_it_is)
{
	EXPECT_EQ(0x74726976, virtio_read(&self->v, VIRTIO_MMIO_MAGIC_VALUE));
	EXPECT_EQ(2, virtio_read(&self->v, VIRTIO_MMIO_VERSION));
	EXPECT_EQ(VIRTIO_ID_RNG, virtio_read(&self->v, VIRTIO_MMIO_DEVICE_ID));
	EXPECT_NE(0, virtio_read(&self->v, VIRTIO_MMIO_VENDOR_ID));
	EXPECT_EQ(0, virtio_status(&self->v));
}

TEST_F(mmio, works)
{
	EXPECT_TRUE(works(&self->v, self->data));
}

static const __u32 readable[] = {
	VIRTIO_MMIO_MAGIC_VALUE, VIRTIO_MMIO_VERSION, VIRTIO_MMIO_DEVICE_ID, VIRTIO_MMIO_VENDOR_ID,
	VIRTIO_MMIO_DEVICE_FEATURES, VIRTIO_MMIO_QUEUE_NUM_MAX, VIRTIO_MMIO_QUEUE_READY,
	VIRTIO_MMIO_INTERRUPT_STATUS, VIRTIO_MMIO_STATUS, VIRTIO_MMIO_SHM_LEN_LOW,
	VIRTIO_MMIO_SHM_LEN_HIGH, VIRTIO_MMIO_SHM_BASE_LOW, VIRTIO_MMIO_SHM_BASE_HIGH,
	VIRTIO_MMIO_QUEUE_RESET, VIRTIO_MMIO_CONFIG_GENERATION,
};

static const __u32 writable[] = {
	VIRTIO_MMIO_DEVICE_FEATURES_SEL, VIRTIO_MMIO_DRIVER_FEATURES,
	VIRTIO_MMIO_DRIVER_FEATURES_SEL, VIRTIO_MMIO_QUEUE_SEL, VIRTIO_MMIO_QUEUE_NUM,
	VIRTIO_MMIO_QUEUE_READY, VIRTIO_MMIO_QUEUE_NOTIFY, VIRTIO_MMIO_INTERRUPT_ACK,
	VIRTIO_MMIO_STATUS, VIRTIO_MMIO_QUEUE_DESC_LOW, VIRTIO_MMIO_QUEUE_DESC_HIGH,
	VIRTIO_MMIO_QUEUE_AVAIL_LOW, VIRTIO_MMIO_QUEUE_AVAIL_HIGH, VIRTIO_MMIO_QUEUE_USED_LOW,
	VIRTIO_MMIO_QUEUE_USED_HIGH, VIRTIO_MMIO_SHM_SEL, VIRTIO_MMIO_QUEUE_RESET,
};

static bool is_among(__u32 offset, const __u32 *offsets, unsigned int count)
{
	while (count--) {
		if (offsets[count] == offset)
			return true;
	}
	return false;
}

/* All that a driver can see of the state */
struct snapshot {
	__u32 reg[ARRAY_SIZE(readable)];
};

static struct snapshot look(struct virtio *v)
{
	struct snapshot s;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(readable); i++)
		s.reg[i] = virtio_read(v, readable[i]);
	return s;
}

static bool unchanged(struct virtio *v, const struct snapshot *before)
{
	struct snapshot now = look(v);

	return !memcmp(&now, before, sizeof(now));
}

TEST_F(mmio, registers_that_cannot_be_read_are_0)
{
	__u32 offset;

	for (offset = 0; offset < VIRTIO_MMIO_CONFIG; offset += 4) {
		if (!is_among(offset, readable, ARRAY_SIZE(readable)))
			EXPECT_EQ(0, virtio_read(&self->v, offset))
				TH_LOG("offset %#x", offset);
	}
}

TEST_F(mmio, registers_that_cannot_be_written_stay)
{
	struct snapshot before;
	__u32 offset;

	ASSERT_EQ(0, virtio_start(&self->v, 0, 1, SIZE));
	before = look(&self->v);
	for (offset = 0; offset < VIRTIO_MMIO_CONFIG; offset += 4) {
		if (is_among(offset, writable, ARRAY_SIZE(writable)))
			continue;
		virtio_write(&self->v, offset, ALL_ONES);
		virtio_write(&self->v, offset, 0);
		EXPECT_TRUE(unchanged(&self->v, &before))
			TH_LOG("offset %#x", offset);
	}
	EXPECT_EQ(16, vq_read(self->q, self->data, 16));
}

static bool is_register(__u32 offset, __u32 width)
{
	return width == 4 && offset % 4 == 0;
}

TEST_F(mmio, reads_of_other_widths_or_not_aligned_are_0)
{
	long long before = virtio_get(&self->v, "bad_accesses");
	__u32 offset, width;
	unsigned int n = 0;

	/* Most of what can be read is not 0 */
	ASSERT_EQ(0, virtio_start(&self->v, 0, 1, SIZE));
	for (offset = 0; offset < VIRTIO_MMIO_CONFIG; offset++) {
		for (width = 1; width <= 8; width *= 2) {
			if (is_register(offset, width))
				continue;
			EXPECT_EQ(0, virtio_read_as(&self->v, offset, width))
				TH_LOG("%u bytes at %#x", width, offset);
			n++;
		}
	}
	EXPECT_EQ(before + n, virtio_get(&self->v, "bad_accesses"));
}

TEST_F(mmio, writes_of_other_widths_or_not_aligned_are_dropped)
{
	struct snapshot before;
	__u32 offset, width;

	ASSERT_EQ(0, virtio_start(&self->v, 0, 1, SIZE));
	before = look(&self->v);
	for (offset = 0; offset < VIRTIO_MMIO_CONFIG; offset++) {
		for (width = 1; width <= 8; width *= 2) {
			if (is_register(offset, width))
				continue;
			virtio_write_as(&self->v, offset, width, 0);
			virtio_write_as(&self->v, offset, width, ~0ull);
		}
	}
	EXPECT_TRUE(unchanged(&self->v, &before));
	EXPECT_EQ(16, vq_read(self->q, self->data, 16));
}

TEST_F(mmio, beyond_the_registers_is_nothing)
{
	__u32 offset;

	/* It has no configuration space */
	for (offset = VIRTIO_MMIO_CONFIG; offset < WINDOW_SIZE; offset += 4) {
		EXPECT_EQ(0, virtio_read(&self->v, offset));
		virtio_write(&self->v, offset, ALL_ONES);
	}
	EXPECT_EQ(0, virtio_read_as(&self->v, VIRTIO_MMIO_CONFIG, 1));
	EXPECT_EQ(0, virtio_read_as(&self->v, WINDOW_SIZE - 2, 2));
	EXPECT_TRUE(works(&self->v, self->data));
}

TEST_F(mmio, has_no_shared_memory_regions)
{
	static const __u32 id[] = { 0, 1, 255, ALL_ONES };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(id); i++) {
		virtio_write(&self->v, VIRTIO_MMIO_SHM_SEL, id[i]);
		EXPECT_EQ(ALL_ONES, virtio_read(&self->v, VIRTIO_MMIO_SHM_LEN_LOW));
		EXPECT_EQ(ALL_ONES, virtio_read(&self->v, VIRTIO_MMIO_SHM_LEN_HIGH));
		EXPECT_EQ(ALL_ONES, virtio_read(&self->v, VIRTIO_MMIO_SHM_BASE_LOW));
		EXPECT_EQ(ALL_ONES, virtio_read(&self->v, VIRTIO_MMIO_SHM_BASE_HIGH));
	}
}

/* Since the counters were reset: no access took more than it has to */
#define EXPECT_NO_DETOURS(at_least, deferrals_before) do {			\
	struct counters _c;							\
										\
	frontend_counters(DM, &_c);						\
	EXPECT_LE(at_least, _c.accesses);					\
	EXPECT_EQ(_c.accesses, _c.asks - _c.asks_empty);			\
	EXPECT_EQ(_c.accesses, _c.completes);					\
	EXPECT_LE(_c.interrupts, _c.accesses);					\
	if (!is_preempt_rt())							\
		EXPECT_LE(_c.asks_empty,					\
			  statistic(DM, "deferrals") - (deferrals_before));	\
	EXPECT_EQ(0, _c.complete_errors);					\
	EXPECT_EQ(0, _c.bad_calls);						\
	EXPECT_EQ(0, _c.violations);						\
} while (0)

TEST_F_TIMEOUT(mmio, an_access_is_an_ask_and_a_complete, LONG_TEST_S)
{
	long long deferrals = statistic(DM, "deferrals");
	unsigned int i, total = rounds(500);

	ASSERT_EQ(0, virtio_start(&self->v, 0, 1, SIZE));
	virtio_reset_counters(&self->v);
	for (i = 0; i < total; i++) {
		virtio_read(&self->v, VIRTIO_MMIO_INTERRUPT_STATUS);
		virtio_notify(&self->v, 0);
	}
	EXPECT_NO_DETOURS(2 * total, deferrals);
}

/* Some take a thread, but neither an ASK nor an interrupt more */
TEST_F_TIMEOUT(mmio, a_slow_access_is_that_as_well, LONG_TEST_S)
{
	long long deferrals = statistic(DM, "deferrals");
	unsigned int i, total = rounds(50);

	virtio_reset_counters(&self->v);
	for (i = 0; i < total; i++)
		ASSERT_EQ(0, virtio_start(&self->v, 0, 1, SIZE));
	EXPECT_NO_DETOURS(2 * total, deferrals);
}

/* Features */

TEST_F(mmio, offers_what_rings_can)
{
	static const unsigned int wanted[] = {
		VIRTIO_F_VERSION_1, VIRTIO_F_ACCESS_PLATFORM, VIRTIO_F_RING_PACKED,
		VIRTIO_F_IN_ORDER, VIRTIO_F_RING_RESET, VIRTIO_RING_F_INDIRECT_DESC,
		VIRTIO_RING_F_EVENT_IDX,
	};
	__u64 offered = virtio_offered(&self->v);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(wanted); i++)
		EXPECT_TRUE(offered & FEATURE(wanted[i]))
			TH_LOG("feature %u", wanted[i]);
}

TEST_F(mmio, there_are_64_features)
{
	static const __u32 sel[] = { 2, 3, 64, 0x80000000, 0x80000001, ALL_ONES };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sel); i++) {
		virtio_write(&self->v, VIRTIO_MMIO_DEVICE_FEATURES_SEL, sel[i]);
		EXPECT_EQ(0, virtio_read(&self->v, VIRTIO_MMIO_DEVICE_FEATURES));
	}
}

/* Status after an attempt to negotiate exactly these */
static __u32 try_features(struct virtio *v, __u64 features)
{
	virtio_reset(v);
	virtio_write(v, VIRTIO_MMIO_STATUS, STATUS_DRIVER);
	virtio_write_features(v, features);
	virtio_write(v, VIRTIO_MMIO_STATUS, STATUS_FEATURES_OK);
	return virtio_status(v);
}

TEST_F(mmio, takes_what_it_offers)
{
	__u64 offered = virtio_offered(&self->v);
	unsigned int bit;

	EXPECT_EQ(STATUS_FEATURES_OK, try_features(&self->v, FEATURE(VIRTIO_F_VERSION_1)));
	EXPECT_EQ(STATUS_FEATURES_OK, try_features(&self->v, offered));
	for (bit = 0; bit < 64; bit++) {
		__u64 features = FEATURE(VIRTIO_F_VERSION_1) | FEATURE(bit);

		EXPECT_EQ(offered & FEATURE(bit) ? STATUS_FEATURES_OK : STATUS_DRIVER,
			  try_features(&self->v, features))
			TH_LOG("feature %u", bit);
	}
}

TEST_F(mmio, refuses_legacy_drivers)
{
	__u64 offered = virtio_offered(&self->v);

	EXPECT_EQ(STATUS_DRIVER, try_features(&self->v, 0));
	EXPECT_EQ(STATUS_DRIVER,
		  try_features(&self->v, offered & ~FEATURE(VIRTIO_F_VERSION_1)));
}

TEST_F(mmio, refuses_features_beyond_64)
{
	virtio_write(&self->v, VIRTIO_MMIO_STATUS, STATUS_DRIVER);
	virtio_write_features(&self->v, FEATURE(VIRTIO_F_VERSION_1));
	virtio_write(&self->v, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 2);
	virtio_write(&self->v, VIRTIO_MMIO_DRIVER_FEATURES, 1);
	virtio_write(&self->v, VIRTIO_MMIO_STATUS, STATUS_FEATURES_OK);
	EXPECT_EQ(STATUS_DRIVER, virtio_status(&self->v));
}

TEST_F(mmio, features_can_be_tried_again)
{
	EXPECT_EQ(STATUS_DRIVER, try_features(&self->v, 0));
	virtio_write_features(&self->v, FEATURE(VIRTIO_F_VERSION_1));
	virtio_write(&self->v, VIRTIO_MMIO_STATUS, STATUS_FEATURES_OK);
	EXPECT_EQ(STATUS_FEATURES_OK, virtio_status(&self->v));
}

TEST_F(mmio, features_are_not_for_before_driver)
{
	virtio_write_features(&self->v, FEATURE(VIRTIO_F_VERSION_1));
	virtio_write(&self->v, VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	virtio_write_features(&self->v, FEATURE(VIRTIO_F_VERSION_1));
	virtio_write(&self->v, VIRTIO_MMIO_STATUS, STATUS_DRIVER);
	virtio_write(&self->v, VIRTIO_MMIO_STATUS, STATUS_FEATURES_OK);
	EXPECT_EQ(STATUS_DRIVER, virtio_status(&self->v));
}

TEST_F(mmio, features_are_not_for_after_features_ok)
{
	ASSERT_EQ(0, virtio_negotiate(&self->v, 0));
	virtio_write_features(&self->v, virtio_offered(&self->v));
	virtio_write(&self->v, VIRTIO_MMIO_STATUS, STATUS_FEATURES_OK);
	EXPECT_EQ(FEATURE(VIRTIO_F_VERSION_1), virtio_get(&self->v, "features"));
	/* Still a split ring */
	ASSERT_EQ(0, vq_setup(&self->v, 0, SIZE));
	ASSERT_EQ(0, virtio_driver_ok(&self->v));
	EXPECT_EQ(16, vq_read(self->q, self->data, 16));
}

/* Status */

TEST_F(mmio, status_bits_only_grow)
{
	ASSERT_EQ(0, virtio_start(&self->v, 0, 1, SIZE));
	virtio_write(&self->v, VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	EXPECT_EQ(STATUS_DRIVER_OK, virtio_status(&self->v));
	EXPECT_EQ(16, vq_read(self->q, self->data, 16));
	virtio_write(&self->v, VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_FAILED);
	EXPECT_EQ(STATUS_DRIVER_OK | VIRTIO_CONFIG_S_FAILED, virtio_status(&self->v));
	virtio_write(&self->v, VIRTIO_MMIO_STATUS, STATUS_DRIVER_OK);
	EXPECT_EQ(STATUS_DRIVER_OK | VIRTIO_CONFIG_S_FAILED, virtio_status(&self->v));
	virtio_reset(&self->v);
	EXPECT_EQ(0, virtio_status(&self->v));
}

TEST_F(mmio, needs_reset_is_not_the_drivers)
{
	virtio_write(&self->v, VIRTIO_MMIO_STATUS,
		     STATUS_DRIVER | VIRTIO_CONFIG_S_NEEDS_RESET);
	EXPECT_EQ(STATUS_DRIVER, virtio_status(&self->v));
}

TEST_F(mmio, status_has_no_other_bits)
{
	virtio_write(&self->v, VIRTIO_MMIO_STATUS, 0xffffff30 | STATUS_DRIVER);
	EXPECT_EQ(STATUS_DRIVER, virtio_status(&self->v));
}

TEST_F(mmio, driver_ok_needs_features_ok)
{
	virtio_write(&self->v, VIRTIO_MMIO_STATUS, STATUS_DRIVER | VIRTIO_CONFIG_S_DRIVER_OK);
	EXPECT_EQ(0, virtio_status(&self->v) & VIRTIO_CONFIG_S_DRIVER_OK);
	/* And not the features that it refuses */
	virtio_write(&self->v, VIRTIO_MMIO_STATUS, STATUS_DRIVER_OK);
	EXPECT_EQ(STATUS_DRIVER, virtio_status(&self->v));
	EXPECT_TRUE(works(&self->v, self->data));
}

TEST_F(mmio, reset_clears_everything)
{
	__u32 first = virtio_read(&self->v, VIRTIO_MMIO_DEVICE_FEATURES);
	struct vsegment segment = { self->data, 16 };

	ASSERT_EQ(0, virtio_start(&self->v, 0, 1, SIZE));
	ASSERT_LE(0, vq_add(self->q, &segment, 0, 1));
	vq_submit(self->q);
	ASSERT_TRUE(wait_until(virtio_read(&self->v, VIRTIO_MMIO_INTERRUPT_STATUS)));
	virtio_write(&self->v, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
	virtio_write(&self->v, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	virtio_write(&self->v, VIRTIO_MMIO_QUEUE_SEL, NO_SUCH_QUEUE);

	virtio_write(&self->v, VIRTIO_MMIO_STATUS, 0);
	EXPECT_EQ(0, virtio_status(&self->v));
	EXPECT_EQ(0, virtio_read(&self->v, VIRTIO_MMIO_INTERRUPT_STATUS));
	EXPECT_EQ(0, virtio_read(&self->v, VIRTIO_MMIO_QUEUE_READY));
	EXPECT_EQ(64, virtio_read(&self->v, VIRTIO_MMIO_QUEUE_NUM_MAX));
	EXPECT_EQ(first, virtio_read(&self->v, VIRTIO_MMIO_DEVICE_FEATURES));
	EXPECT_EQ(0, virtio_get(&self->v, "features"));

	/* Neither are the driver's features there any more, */
	virtio_write(&self->v, VIRTIO_MMIO_STATUS, STATUS_DRIVER);
	virtio_write(&self->v, VIRTIO_MMIO_STATUS, STATUS_FEATURES_OK);
	EXPECT_EQ(STATUS_DRIVER, virtio_status(&self->v));
	/* nor is what described the queue */
	ASSERT_EQ(0, virtio_negotiate(&self->v, 0));
	virtio_write(&self->v, VIRTIO_MMIO_QUEUE_READY, 1);
	EXPECT_EQ(0, virtio_read(&self->v, VIRTIO_MMIO_QUEUE_READY));
}

TEST_F_TIMEOUT(mmio, is_reset_many_times, LONG_TEST_S)
{
	unsigned int i, total = rounds(100);

	for (i = 0; i < total; i++)
		ASSERT_TRUE(works(&self->v, self->data));
	for (i = 0; i < total; i++)
		virtio_reset(&self->v);
	EXPECT_TRUE(works(&self->v, self->data));
}

/* The second access comes when the first one has not been answered yet */
TEST_F_TIMEOUT(mmio, accesses_during_a_reset_come_after_it, LONG_TEST_S)
{
	__u64 status = self->v.addr + VIRTIO_MMIO_STATUS;
	unsigned int i, vcpu, total = rounds(50);

	for (i = 0; i < total; i++) {
		ASSERT_EQ(0, virtio_start(&self->v, 0, 1, SIZE));
		frontend_start(DM, 1, write_of(status, 4, 0), 1);
		frontend_start(DM, 2, read_of(status, 4), 1);
		frontend_start(DM, 3, write_of(status, 4, VIRTIO_CONFIG_S_ACKNOWLEDGE), 1);
		frontend_start(DM, 4, read_of(status, 4), 1);
		for (vcpu = 1; vcpu <= 4; vcpu++)
			ASSERT_TRUE(wait_until(frontend_done(DM, vcpu)));
		/* Of those that are under way at a time, any may be the next after the reset */
		EXPECT_EQ(0, frontend_result(DM, 2) & ~VIRTIO_CONFIG_S_ACKNOWLEDGE);
		EXPECT_EQ(0, frontend_result(DM, 4) & ~VIRTIO_CONFIG_S_ACKNOWLEDGE);
		EXPECT_EQ(VIRTIO_CONFIG_S_ACKNOWLEDGE, virtio_status(&self->v));
	}
}

TEST_F_TIMEOUT(mmio, many_vcpus_access_it_while_it_is_reset, LONG_TEST_S)
{
	static const __u32 offset[FRONTEND_VCPUS] = {
		0, VIRTIO_MMIO_STATUS, VIRTIO_MMIO_QUEUE_READY, VIRTIO_MMIO_INTERRUPT_STATUS,
		VIRTIO_MMIO_QUEUE_NOTIFY, VIRTIO_MMIO_CONFIG, VIRTIO_MMIO_QUEUE_NUM_MAX, 1,
	};
	unsigned int i, total = rounds(10);
	struct counters c;

	for (i = 1; i < FRONTEND_VCPUS; i++) {
		struct access access = read_of(self->v.addr + offset[i], 4);

		if (offset[i] == VIRTIO_MMIO_QUEUE_NOTIFY)
			access.op = BAO_IO_WRITE;
		frontend_start(DM, i, access, BAO_SIM_FOR_EVER);
	}
	for (i = 0; i < total; i++)
		ASSERT_TRUE(works(&self->v, self->data));
	for (i = 1; i < FRONTEND_VCPUS; i++)
		frontend_stop(DM, i);
	for (i = 1; i < FRONTEND_VCPUS; i++) {
		EXPECT_TRUE(wait_until(!frontend_parked(DM, i)));
		EXPECT_LT(1, frontend_done(DM, i));
	}
	frontend_counters(DM, &c);
	EXPECT_EQ(c.accesses, c.completes);
	EXPECT_EQ(0, c.violations);
}

/* Interrupts */

TEST_F(mmio, interrupts_are_acknowledged)
{
	struct vsegment segment = { self->data, 16 };

	ASSERT_EQ(0, virtio_start(&self->v, 0, 1, SIZE));
	EXPECT_EQ(0, virtio_read(&self->v, VIRTIO_MMIO_INTERRUPT_STATUS));
	ASSERT_LE(0, vq_add(self->q, &segment, 0, 1));
	vq_submit(self->q);
	ASSERT_TRUE(wait_until(virtio_interrupted(&self->v)));
	EXPECT_EQ(VIRTIO_MMIO_INT_VRING, virtio_read(&self->v, VIRTIO_MMIO_INTERRUPT_STATUS));
	/* To look does not change it, nor does the other bit */
	EXPECT_EQ(VIRTIO_MMIO_INT_VRING, virtio_read(&self->v, VIRTIO_MMIO_INTERRUPT_STATUS));
	virtio_write(&self->v, VIRTIO_MMIO_INTERRUPT_ACK, ~VIRTIO_MMIO_INT_VRING);
	EXPECT_EQ(VIRTIO_MMIO_INT_VRING, virtio_read(&self->v, VIRTIO_MMIO_INTERRUPT_STATUS));
	virtio_write(&self->v, VIRTIO_MMIO_INTERRUPT_ACK, 0);
	EXPECT_EQ(VIRTIO_MMIO_INT_VRING, virtio_read(&self->v, VIRTIO_MMIO_INTERRUPT_STATUS));
	virtio_write(&self->v, VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_MMIO_INT_VRING);
	EXPECT_EQ(0, virtio_read(&self->v, VIRTIO_MMIO_INTERRUPT_STATUS));
}

TEST_F(mmio, an_interrupt_that_waits_is_not_sent_again)
{
	struct vsegment segment = { self->data, 16 };
	struct counters c;
	unsigned int i;

	ASSERT_EQ(0, virtio_start(&self->v, 0, 1, SIZE));
	virtio_reset_counters(&self->v);
	for (i = 0; i < 5; i++) {
		ASSERT_LE(0, vq_add(self->q, &segment, 0, 1));
		vq_submit(self->q);
		ASSERT_TRUE(wait_until(vq_has_used(self->q)));
		ASSERT_LE(0, vq_collect(self->q, NULL));
	}
	ASSERT_TRUE(wait_until(virtio_interrupted(&self->v)));
	frontend_counters(DM, &c);
	EXPECT_EQ(1, c.notifies);
	/* The next one is sent when this one has been seen */
	ASSERT_LT(0, virtio_wait(&self->v));
	EXPECT_EQ(16, vq_read(self->q, self->data, 16));
	frontend_counters(DM, &c);
	EXPECT_EQ(2, c.notifies);
}

TEST_F(mmio, a_broken_ring_needs_a_reset)
{
	unsigned int i;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, virtio_start(&self->v, 0, 1, SIZE));
		break_ring(&self->v);
		ASSERT_LE(0, virtio_wait(&self->v));
		EXPECT_TRUE(is_broken(&self->v));
		/* The driver cannot talk it out of that, */
		virtio_write(&self->v, VIRTIO_MMIO_STATUS, STATUS_DRIVER_OK);
		EXPECT_EQ(STATUS_DRIVER_OK | VIRTIO_CONFIG_S_NEEDS_RESET, virtio_status(&self->v));
		virtio_notify(&self->v, 0);
		EXPECT_FALSE(vq_has_used(self->q));
		EXPECT_FALSE(virtio_interrupted(&self->v));
		/* but by a reset */
		virtio_reset(&self->v);
		EXPECT_EQ(0, virtio_status(&self->v));
		EXPECT_TRUE(works(&self->v, self->data));
	}
}

TEST_F(mmio, a_broken_ring_is_a_config_interrupt)
{
	ASSERT_EQ(0, virtio_start(&self->v, 0, 1, SIZE));
	break_ring(&self->v);
	EXPECT_EQ(VIRTIO_MMIO_INT_CONFIG, virtio_wait(&self->v));
}

/* Queues of a broken device are at rest as well */
TEST_F(mmio, a_broken_device_takes_no_queue)
{
	ASSERT_EQ(0, virtio_start(&self->v, FEATURE(VIRTIO_F_RING_RESET), 1, SIZE));
	break_ring(&self->v);
	ASSERT_LE(0, virtio_wait(&self->v));
	virtio_write(&self->v, VIRTIO_MMIO_QUEUE_RESET, 1);
	ASSERT_TRUE(wait_until(!virtio_read(&self->v, VIRTIO_MMIO_QUEUE_RESET)));
	vq_setup(&self->v, 0, SIZE);
	EXPECT_TRUE(is_broken(&self->v));
	vq_add(self->q, &(struct vsegment){ self->data, 16 }, 0, 1);
	vq_publish(self->q);
	virtio_notify(&self->v, 0);
	virtio_write(&self->v, VIRTIO_MMIO_STATUS, 0);
	EXPECT_FALSE(vq_has_used(self->q));
	EXPECT_TRUE(works(&self->v, self->data));
}

/* Configuration space: that of a disk */

#define CAPACITY	0
#define SECTORS		4096

FIXTURE(config) {
	struct disk d;
	struct virtio *v;
};

FIXTURE_SETUP(config)
{
	VIRTIO_OR_SKIP("blk");
	self->v = &self->d.v;
	ASSERT_EQ(0, disk_make(&self->d, DM, "config", SECTORS * SECTOR));
	ASSERT_EQ(0, virtio_set_live(self->v, true));
}

FIXTURE_TEARDOWN(config)
{
	disk_remove(&self->d);
	VIRTIO_TEAR_DOWN();
}

TEST_F(config, is_little_endian_and_has_all_widths)
{
	unsigned int i;
	__u64 bytes = 0, halves = 0;

	EXPECT_EQ(SECTORS, virtio_config(self->v, CAPACITY, 8));
	EXPECT_EQ(SECTORS, virtio_config(self->v, CAPACITY, 4));
	for (i = 0; i < 8; i++)
		bytes |= virtio_config(self->v, CAPACITY + i, 1) << 8 * i;
	for (i = 0; i < 8; i += 2)
		halves |= virtio_config(self->v, CAPACITY + i, 2) << 8 * i;
	EXPECT_EQ(SECTORS, bytes);
	EXPECT_EQ(SECTORS, halves);
}

TEST_F(config, has_an_end)
{
	__u32 offset, width;

	for (offset = sizeof(struct virtio_blk_config); offset < WINDOW_SIZE - VIRTIO_MMIO_CONFIG;
	     offset += 4)
		EXPECT_EQ(0, virtio_config(self->v, offset, 4));
	/* Over the end of the window, up to where the sky is */
	for (width = 2; width <= 8; width *= 2)
		EXPECT_EQ(0, virtio_read_as(self->v, WINDOW_SIZE - width, width));
}

TEST_F(config, capacity_cannot_be_written)
{
	__u32 width;

	for (width = 1; width <= 8; width *= 2)
		virtio_write_as(self->v, VIRTIO_MMIO_CONFIG + CAPACITY, width, ~0ull);
	EXPECT_EQ(SECTORS, virtio_config(self->v, CAPACITY, 8));
	EXPECT_DISK_WORKS(&self->d, 0);
}

TEST_F(config, everything_can_be_written_at)
{
	__u32 offset, width;

	for (offset = 0; offset < WINDOW_SIZE - VIRTIO_MMIO_CONFIG; offset++) {
		for (width = 1; width <= 8; width *= 2)
			virtio_write_as(self->v, VIRTIO_MMIO_CONFIG + offset, width, ~0ull);
	}
	EXPECT_EQ(SECTORS, virtio_config(self->v, CAPACITY, 8));
	EXPECT_DISK_WORKS(&self->d, 0);
}

TEST_F(config, generation_stays_with_the_contents)
{
	__u32 generation = virtio_read(self->v, VIRTIO_MMIO_CONFIG_GENERATION);

	EXPECT_DISK_WORKS(&self->d, 0);
	virtio_reset(self->v);
	EXPECT_EQ(generation, virtio_read(self->v, VIRTIO_MMIO_CONFIG_GENERATION));
}

TEST_HARNESS_MAIN
