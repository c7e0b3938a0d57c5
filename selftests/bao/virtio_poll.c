// SPDX-License-Identifier: GPL-2.0
/*
 * Devices in the kernel that look at their rings for a while before they ask for kicks, by means of
 * a disk
 *
 * Whether a request comes while the device looks depends on how busy this machine is. So tests try
 * again until one has. What is expected of a device that does not look, or not any more, holds
 * always.
 */
#include <unistd.h>

#include "../kselftest_harness.h"
#include "prng.h"
#include "virtio_disk.h"

#define DM		0
#define SIZE		16
#define DISK_SIZE	(2048 * SECTOR)
#define DEPTH		4

/* As long as it can be, and one more */
#define POLL_US		100000
#define POLL_TOO_LONG	"100001"

#define F_PACKED	FEATURE(VIRTIO_F_RING_PACKED)
#define F_EVENT		FEATURE(VIRTIO_RING_F_EVENT_IDX)

FIXTURE(poll) {
	struct disk d;
	struct virtio *v;
	struct vqueue *q;
	struct disk_io *io[DEPTH];
	char *id;
};

FIXTURE_VARIANT(poll) {
	__u64 features;
};

FIXTURE_VARIANT_ADD(poll, split) { .features = 0 };
FIXTURE_VARIANT_ADD(poll, split_event) { .features = F_EVENT };
FIXTURE_VARIANT_ADD(poll, packed) { .features = F_PACKED };
FIXTURE_VARIANT_ADD(poll, packed_event) { .features = F_PACKED | F_EVENT };

FIXTURE_SETUP(poll)
{
	unsigned int i;

	VIRTIO_OR_SKIP("blk");
	ASSERT_EQ(0, disk_make(&self->d, DM, "poll", DISK_SIZE));
	self->v = &self->d.v;
	self->q = &self->v->queue[0];
	for (i = 0; i < DEPTH; i++) {
		self->io[i] = window_alloc(self->v->window, sizeof(*self->io[i]), 16);
		ASSERT_TRUE(!!self->io[i]);
	}
	self->id = window_alloc(self->v->window, VIRTIO_BLK_ID_BYTES, 16);
	ASSERT_TRUE(!!self->id);
}

FIXTURE_TEARDOWN(poll)
{
	disk_remove(&self->d);
	VIRTIO_TEAR_DOWN();
}

/* A device does not look while somebody else, such as this test, wants the processor */
static bool no_processor_to_look_on(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN) < 2;
}

#define GO_LIVE_WITH(extra) do {						\
	ASSERT_EQ(0, virtio_set_live(self->v, true));				\
	ASSERT_EQ(0, virtio_start(self->v, variant->features | (extra), 1, SIZE));\
} while (0)

#define GO_LIVE()	GO_LIVE_WITH(0)

/* The device answers these at once, and a flush when its backing has */
static int add_get_id(struct vqueue *q, struct disk_io *io, char *id)
{
	struct vsegment data = { id, VIRTIO_BLK_ID_BYTES };

	return disk_add(q, io, VIRTIO_BLK_T_GET_ID, 0, &data, 1);
}

static int add_flush(struct vqueue *q, struct disk_io *io)
{
	return disk_add(q, io, VIRTIO_BLK_T_FLUSH, 0, NULL, 0);
}

/* One request; returns whether it took a kick, or a negative errno */
static int request(struct vqueue *q, struct disk_io *io, char *id)
{
	bool kicked;
	int ret;

	ret = id ? add_get_id(q, io, id) : add_flush(q, io);
	if (ret < 0)
		return ret;
	kicked = vq_submit(q);
	ret = vq_wait(q, NULL);
	if (ret < 0)
		return ret;
	return io->status ? -EIO : kicked;
}

/*
 * Requests until the device has found so many of them by itself. Returns how many took no kick, or
 * a negative errno.
 */
static int requests(struct virtio *v, struct disk_io *io, char *id, unsigned int found)
{
	__u64 end = now_ms() + TIME_LIMIT_MS;
	long long goal = virtio_get(v, "polls_found") + found;
	int ret, without_kick = 0;

	while (virtio_get(v, "polls_found") < goal) {
		if (now_ms() > end)
			return -ETIME;
		ret = request(&v->queue[0], io, id);
		if (ret < 0)
			return ret;
		without_kick += !ret;
	}
	return without_kick;
}

/*
 * That is no matter of the device alone: on a busy host, its processor and ours may hardly ever be
 * there at the same time. The unit tests of rings look at the same without a clock.
 */
#define FIND_OR_SKIP(id, found) do {						\
	int n = requests(self->v, self->io[0], id, found);			\
										\
	if (n == -ETIME)							\
		SKIP(return, "device and driver do not run at the same time");	\
	ASSERT_LE(found, n);							\
} while (0)

/*
 * Adds one without a kick, then kicks. Returns whether the device has left it alone until then, or
 * a negative errno. When a device has just asked for kicks, it looks once more.
 */
static int needs_a_kick(struct vqueue *q, struct disk_io *io, char *id)
{
	bool alone;
	int ret;

	if (!wait_until(vq_awaits_kick(q)))
		return -ETIME;
	ret = add_get_id(q, io, id);
	if (ret < 0)
		return ret;
	vq_publish(q);
	usleep(1000);
	alone = !vq_has_used(q);
	alone &= vq_kick(q);
	ret = vq_wait(q, NULL);
	if (ret < 0)
		return ret;
	return io->status ? -EIO : alone;
}

TEST_F(poll, is_what_the_administrator_wants)
{
	EXPECT_EQ(0, virtio_get(self->v, "poll_us"));
	EXPECT_EQ(0, virtio_set(self->v, "poll_us", "50"));
	EXPECT_EQ(-EINVAL, virtio_set(self->v, "poll_us", POLL_TOO_LONG));
	EXPECT_EQ(-EINVAL, virtio_set(self->v, "poll_us", "-1"));
	EXPECT_EQ(-EINVAL, virtio_set(self->v, "poll_us", "soon"));
	EXPECT_EQ(-ERANGE, virtio_set(self->v, "poll_us", "4294967296"));
	EXPECT_EQ(50, virtio_get(self->v, "poll_us"));
	GO_LIVE();
	EXPECT_EQ(0, virtio_set(self->v, "poll_us", "%u", POLL_US));
	EXPECT_EQ(-EINVAL, virtio_set(self->v, "poll_us", POLL_TOO_LONG));
	EXPECT_EQ(POLL_US, virtio_get(self->v, "poll_us"));
	EXPECT_LE(0, request(self->q, self->io[0], self->id));
	EXPECT_EQ(0, virtio_set(self->v, "poll_us", "0"));
	EXPECT_EQ(0, virtio_get(self->v, "poll_us"));
	EXPECT_LE(0, request(self->q, self->io[0], self->id));
}

TEST_F(poll, is_off_unless_it_is_wanted)
{
	unsigned int i;
	int ret = 0;

	GO_LIVE();
	for (i = 0; i < 20; i++) {
		ASSERT_TRUE(wait_until((ret = needs_a_kick(self->q, self->io[0], self->id))));
		ASSERT_EQ(1, ret);
		ASSERT_LE(0, request(self->q, self->io[0], NULL));
	}
	EXPECT_EQ(0, virtio_get(self->v, "polls_found"));
	EXPECT_EQ(0, virtio_get(self->v, "polls_vain"));
}

TEST_F_TIMEOUT(poll, serves_without_a_kick, LONG_TEST_S)
{
	if (no_processor_to_look_on())
		SKIP(return, "there is but one processor");
	ASSERT_EQ(0, virtio_set(self->v, "poll_us", "%u", POLL_US));
	GO_LIVE();
	FIND_OR_SKIP(self->id, 5);
	/* As does what comes after an answer that the backing has given */
	FIND_OR_SKIP(NULL, 5);
}

TEST_F_TIMEOUT(poll, begins_and_ends_while_live, LONG_TEST_S)
{
	long long found;
	unsigned int i;

	if (no_processor_to_look_on())
		SKIP(return, "there is but one processor");
	GO_LIVE();
	ASSERT_EQ(0, virtio_set(self->v, "poll_us", "%u", POLL_US));
	FIND_OR_SKIP(self->id, 5);
	ASSERT_EQ(0, virtio_set(self->v, "poll_us", "0"));
	/* The one that has begun before ends when it has found something */
	ASSERT_LE(0, request(self->q, self->io[0], self->id));
	ASSERT_TRUE(wait_until(vq_awaits_kick(self->q)));
	found = virtio_get(self->v, "polls_found");
	for (i = 0; i < 20; i++)
		ASSERT_LE(0, request(self->q, self->io[0], self->id));
	EXPECT_EQ(found, virtio_get(self->v, "polls_found"));
}

TEST_F_TIMEOUT(poll, ends_when_there_is_nothing, LONG_TEST_S)
{
	long long found, vain;
	unsigned int i;
	int ret = 0;

	if (no_processor_to_look_on())
		SKIP(return, "there is but one processor");
	ASSERT_EQ(0, virtio_set(self->v, "poll_us", "%u", POLL_US));
	GO_LIVE();
	for (i = 0; i < 5; i++) {
		FIND_OR_SKIP(self->id, 1);
		ASSERT_TRUE(wait_until(vq_awaits_kick(self->q)));
		found = virtio_get(self->v, "polls_found");
		vain = virtio_get(self->v, "polls_vain");
		usleep(1000);
		EXPECT_EQ(found, virtio_get(self->v, "polls_found"));
		EXPECT_EQ(vain, virtio_get(self->v, "polls_vain"));
		ASSERT_TRUE(wait_until((ret = needs_a_kick(self->q, self->io[0], self->id))));
		EXPECT_EQ(1, ret);
	}
}

/* Requests at all times, also just when the device ceases to look, and in whatever it does then */
TEST_F_TIMEOUT(poll, loses_nothing, LONG_TEST_S)
{
	static const unsigned int poll_us[] = { POLL_US, 200, 20, 1, 0 };
	unsigned int i, k, n, total = rounds(1000), kicks = 0, sent = 0;
	struct prng prng = { .state = variant->features };

	GO_LIVE();
	for (i = 0; i < total; i++) {
		if (i % 50 == 0)
			ASSERT_EQ(0, virtio_set(self->v, "poll_us", "%u", poll_us[i / 50 % 5]));
		n = 1 + prng_below(&prng, DEPTH);
		for (k = 0; k < n; k++) {
			ASSERT_LE(0, prng_one_in(&prng, 2) ?
				     add_flush(self->q, self->io[k]) :
				     add_get_id(self->q, self->io[k], self->id));
			kicks += vq_submit(self->q);
		}
		for (k = 0; k < n; k++)
			ASSERT_LE(0, vq_wait(self->q, NULL));
		for (k = 0; k < n; k++)
			ASSERT_EQ(0, self->io[k]->status);
		sent += n;
		if (prng_one_in(&prng, 4))
			usleep(prng_below(&prng, 300));
	}
	TH_LOG("%u requests, %u kicks, %lld polls found something, %lld did not", sent, kicks,
	       virtio_get(self->v, "polls_found"), virtio_get(self->v, "polls_vain"));
	EXPECT_EQ(STATUS_DRIVER_OK, virtio_status(self->v));
}

/* It looks when its queue is stopped, or has just looked; and does not after that */
TEST_F_TIMEOUT(poll, ends_when_the_device_is_reset, LONG_TEST_S)
{
	unsigned int i;

	if (no_processor_to_look_on())
		SKIP(return, "there is but one processor");
	ASSERT_EQ(0, virtio_set(self->v, "poll_us", "%u", POLL_US));
	ASSERT_EQ(0, virtio_set_live(self->v, true));
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, virtio_start(self->v, variant->features, 1, SIZE));
		FIND_OR_SKIP(self->id, 1);
		virtio_reset(self->v);
		EXPECT_EQ(0, virtio_status(self->v));
		ASSERT_LE(0, add_get_id(self->q, self->io[0], self->id));
		vq_publish(self->q);
		usleep(1000);
		EXPECT_FALSE(vq_has_used(self->q));
	}
}

TEST_F_TIMEOUT(poll, ends_when_the_queue_is_reset, LONG_TEST_S)
{
	unsigned int i;

	if (no_processor_to_look_on())
		SKIP(return, "there is but one processor");
	ASSERT_EQ(0, virtio_set(self->v, "poll_us", "%u", POLL_US));
	GO_LIVE_WITH(FEATURE(VIRTIO_F_RING_RESET));
	for (i = 0; i < 20; i++) {
		FIND_OR_SKIP(self->id, 1);
		ASSERT_EQ(0, vq_reset(self->q));
		ASSERT_LE(0, add_get_id(self->q, self->io[0], self->id));
		vq_publish(self->q);
		usleep(1000);
		EXPECT_FALSE(vq_has_used(self->q));
		ASSERT_EQ(0, vq_setup(self->v, 0, SIZE));
	}
	EXPECT_EQ(STATUS_DRIVER_OK, virtio_status(self->v));
}

TEST_F_TIMEOUT(poll, ends_when_the_device_is_taken_down, LONG_TEST_S)
{
	unsigned int i;

	if (no_processor_to_look_on())
		SKIP(return, "there is but one processor");
	ASSERT_EQ(0, virtio_set(self->v, "poll_us", "%u", POLL_US));
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(0, disk_go_live(&self->d));
		ASSERT_EQ(0, virtio_start(self->v, variant->features, 1, SIZE));
		FIND_OR_SKIP(self->id, 1);
		ASSERT_EQ(0, virtio_set_live(self->v, false));
		ASSERT_LE(0, add_get_id(self->q, self->io[0], self->id));
		vq_publish(self->q);
		usleep(1000);
		EXPECT_FALSE(vq_has_used(self->q));
	}
}

TEST_HARNESS_MAIN
