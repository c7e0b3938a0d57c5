// SPDX-License-Identifier: GPL-2.0
/*
 * Disks in the kernel under load: queues in depth and in number, and resets and ends in the middle
 * of it, after which nothing of the window is touched any more
 */
#include <string.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "prng.h"
#include "virtio_disk.h"

#define DM		0
#define SIZE		64
#define SECTORS		2048
#define DISK_SIZE	(SECTORS * SECTOR)

#define F_PACKED	FEATURE(VIRTIO_F_RING_PACKED)
#define F_EVENT		FEATURE(VIRTIO_RING_F_EVENT_IDX)
#define F_INDIRECT	FEATURE(VIRTIO_RING_F_INDIRECT_DESC)
#define F_ORDER		FEATURE(VIRTIO_F_IN_ORDER)

/* A RAM disk, where the kernel has one */
#define RAM_DISK	"/dev/ram0"

FIXTURE(load) {
	struct disk d;
	struct virtio *v;
	struct vqueue *q;
	struct window *w;
};

FIXTURE_VARIANT(load) {
	__u64 features;
	bool direct;
	const char *path;
};

FIXTURE_VARIANT_ADD(load, file) {
	.features = F_EVENT | F_INDIRECT,
	.direct = true,
};

FIXTURE_VARIANT_ADD(load, cached_file) {
	.features = F_PACKED | F_EVENT | F_INDIRECT,
	.direct = false,
};

FIXTURE_VARIANT_ADD(load, block_device) {
	.features = F_PACKED | F_ORDER,
	.direct = true,
	.path = RAM_DISK,
};

FIXTURE_SETUP(load)
{
	int ret;

	VIRTIO_OR_SKIP("blk");
	if (variant->path && access(variant->path, R_OK | W_OK))
		SKIP(_exit(0), "there is no %s", variant->path);
	self->v = &self->d.v;
	self->q = &self->v->queue[0];
	if (variant->path)
		ret = disk_make_on(&self->d, DM, "load", variant->path);
	else
		ret = disk_make(&self->d, DM, "load", DISK_SIZE);
	ASSERT_EQ(0, ret);
	ASSERT_LE(DISK_SIZE, self->d.size);
	ASSERT_EQ(0, virtio_set(self->v, "direct", "%d", variant->direct));
	ASSERT_EQ(0, virtio_set(self->v, "queue_size", "%u", SIZE));
	self->w = self->v->window;
}

FIXTURE_TEARDOWN(load)
{
	disk_remove(&self->d);
	VIRTIO_TEAR_DOWN();
}

#define GO_LIVE() do {								\
	ASSERT_EQ(0, disk_go_live(&self->d));					\
	ASSERT_EQ(0, virtio_start(self->v, variant->features, 1, SIZE));	\
} while (0)

/* Depth */

#define DEPTH	32
#define LOAD	2048

/* Requests of 512 bytes to 4 KiB, wherever; each is checked by disk_add() and its status */
struct load {
	struct disk_io *io[DEPTH];
	char *data[DEPTH];
	int id[DEPTH];
	unsigned int started;
	unsigned int done;
	unsigned int failed;
};

static bool load_init(struct load *load, struct window *w)
{
	unsigned int i;

	memset(load, 0, sizeof(*load));
	for (i = 0; i < DEPTH; i++) {
		load->id[i] = -1;
		load->io[i] = window_alloc(w, sizeof(*load->io[i]), 16);
		load->data[i] = window_alloc(w, 4096, 16);
		if (!load->io[i] || !load->data[i])
			return false;
	}
	return true;
}

static void load_add(struct load *load, struct vqueue *q, struct prng *prng, unsigned int total)
{
	struct vsegment data;
	unsigned int i;

	for (i = 0; i < DEPTH && load->started < total; i++) {
		if (load->id[i] >= 0)
			continue;
		data = (struct vsegment){ load->data[i], SECTOR * (1 + prng_below(prng, 8)) };
		load->id[i] = disk_add(q, load->io[i],
				       prng_one_in(prng, 2) ? VIRTIO_BLK_T_IN : VIRTIO_BLK_T_OUT,
				       prng_below(prng, SECTORS - 8), &data, 1);
		if (load->id[i] < 0)
			return;
		load->started++;
	}
}

static void load_collect(struct load *load, struct vqueue *q)
{
	unsigned int i;
	int id;

	while ((id = vq_collect(q, NULL)) >= 0) {
		for (i = 0; i < DEPTH && load->id[i] != id; i++)
			;
		if (i == DEPTH || load->io[i]->status)
			load->failed++;
		if (i < DEPTH)
			load->id[i] = -1;
		load->done++;
	}
	if (id != -EAGAIN)
		load->failed++;
}

static bool load_step(struct load *load, struct vqueue *q)
{
	load_collect(load, q);
	return load->done == load->started;
}

TEST_F_TIMEOUT(load, interrupts_and_kicks_are_few_in_depth, LONG_TEST_S)
{
	unsigned int kicks = 0, total = rounds(LOAD);
	struct prng prng = { .state = 1 };
	struct counters c;
	struct load load;

	if (!(variant->features & F_EVENT))
		SKIP(return, "without EVENT_IDX it is the device that decides");
	ASSERT_TRUE(load_init(&load, self->w));
	GO_LIVE();
	virtio_reset_counters(self->v);
	while (load.done < total) {
		load_add(&load, self->q, &prng, total);
		kicks += vq_submit(self->q);
		/* As Linux' drivers do: there are always some to go on with */
		if (vq_want_interrupt(self->q, (load.started - load.done) / 2 + 1))
			ASSERT_LE(0, virtio_wait(self->v));
		load_collect(&load, self->q);
		ASSERT_EQ(0, load.failed);
	}
	frontend_counters(DM, &c);
	TH_LOG("%u requests, %u kicks, %u interrupts", total, kicks, c.notifies);
	EXPECT_LE(kicks, total / 6);
	EXPECT_LE(c.notifies, total / 6);
	EXPECT_EQ(0, c.violations);
}

TEST_F_TIMEOUT(load, without_interrupts_there_are_none, LONG_TEST_S)
{
	struct prng prng = { .state = 2 };
	unsigned int total = rounds(200);
	struct counters c;
	struct load load;

	ASSERT_TRUE(load_init(&load, self->w));
	GO_LIVE();
	virtio_reset_counters(self->v);
	vq_want_no_interrupt(self->q);
	while (load.done < total) {
		load_add(&load, self->q, &prng, total);
		vq_submit(self->q);
		ASSERT_TRUE(wait_until(load_step(&load, self->q)));
	}
	EXPECT_EQ(0, load.failed);
	frontend_counters(DM, &c);
	EXPECT_EQ(0, c.notifies);
}

TEST_F(load, a_ring_can_be_full_of_requests)
{
	struct prng prng = { .state = 3 };
	unsigned int round;
	struct load load;

	ASSERT_TRUE(load_init(&load, self->w));
	ASSERT_EQ(0, disk_go_live(&self->d));
	/* One request takes all that there is, or most of it */
	ASSERT_EQ(0, virtio_start(self->v, variant->features & ~F_INDIRECT, 1, 4));
	for (round = 0; round < 50; round++) {
		load_add(&load, self->q, &prng, 50);
		vq_submit(self->q);
		ASSERT_TRUE(wait_until(load_step(&load, self->q)));
	}
	EXPECT_EQ(0, load.failed);
	EXPECT_EQ(50, load.done);
}

#define QUEUES 4

/* One round; whether there is something to wait for */
static bool serve_all(struct load *load, struct virtio *v, struct prng *prng, unsigned int total)
{
	bool wait = true;
	unsigned int i;

	for (i = 0; i < QUEUES; i++) {
		load_collect(&load[i], &v->queue[i]);
		load_add(&load[i], &v->queue[i], prng, total);
		vq_submit(&v->queue[i]);
		wait &= vq_want_interrupt(&v->queue[i], 1);
	}
	return wait;
}

static unsigned int all_done(const struct load *load)
{
	unsigned int i, done = 0;

	for (i = 0; i < QUEUES; i++)
		done += load[i].done;
	return done;
}

TEST_F_TIMEOUT(load, there_are_several_queues, LONG_TEST_S)
{
	unsigned int i, total = rounds(300);
	struct prng prng = { .state = 4 };
	struct load load[QUEUES];

	ASSERT_EQ(0, virtio_set(self->v, "queues", "%u", QUEUES));
	ASSERT_EQ(0, disk_go_live(&self->d));
	EXPECT_TRUE(virtio_offered(self->v) & FEATURE(VIRTIO_BLK_F_MQ));
	EXPECT_EQ(QUEUES, virtio_config(self->v, offsetof(struct virtio_blk_config, num_queues),
					2));
	ASSERT_EQ(0, virtio_start(self->v, variant->features | FEATURE(VIRTIO_BLK_F_MQ), QUEUES,
				  SIZE));
	for (i = 0; i < QUEUES; i++)
		ASSERT_TRUE(load_init(&load[i], self->w));
	/* One interrupt is for all of them */
	while (all_done(load) < QUEUES * total) {
		if (serve_all(load, self->v, &prng, total) &&
		    all_done(load) < QUEUES * total)
			ASSERT_LE(0, virtio_wait(self->v));
	}
	for (i = 0; i < QUEUES; i++)
		EXPECT_EQ(0, load[i].failed);
}

/* Resets and ends */

#define PATTERN 0x3c

/* Nothing of the window changes any more, though requests were under way */
static bool is_at_rest(struct load *load)
{
	unsigned int i, k;

	for (i = 0; i < DEPTH; i++)
		memset(load->data[i], PATTERN, 4096);
	usleep(2000);
	for (i = 0; i < DEPTH; i++) {
		for (k = 0; k < 4096; k++) {
			if (load->data[i][k] != PATTERN)
				return false;
		}
	}
	return true;
}

TEST_F_TIMEOUT(load, is_reset_in_the_middle_of_it, LONG_TEST_S)
{
	unsigned int i, total = rounds(50);
	struct prng prng = { .state = 5 };
	struct load load;

	ASSERT_TRUE(load_init(&load, self->w));
	ASSERT_EQ(0, disk_go_live(&self->d));
	for (i = 0; i < total; i++) {
		ASSERT_EQ(0, virtio_start(self->v, variant->features, 1, SIZE));
		memset(load.id, 0xff, sizeof(load.id));
		load.started = 0;
		load_add(&load, self->q, &prng, DEPTH);
		vq_submit(self->q);
		if (prng_one_in(&prng, 2))
			usleep(prng_below(&prng, 1000));
		virtio_reset(self->v);
		ASSERT_TRUE(is_at_rest(&load));
	}
	EXPECT_DISK_WORKS(&self->d, variant->features);
}

/* With one queue that goes, the others go on */
TEST_F_TIMEOUT(load, a_queue_is_reset_in_the_middle_of_it, LONG_TEST_S)
{
	unsigned int i, total = rounds(50);
	struct prng prng = { .state = 6 };
	struct load load[2];

	ASSERT_TRUE(load_init(&load[0], self->w));
	ASSERT_TRUE(load_init(&load[1], self->w));
	ASSERT_EQ(0, virtio_set(self->v, "queues", "2"));
	ASSERT_EQ(0, disk_go_live(&self->d));
	ASSERT_EQ(0, virtio_start(self->v, variant->features | FEATURE(VIRTIO_F_RING_RESET) |
				  FEATURE(VIRTIO_BLK_F_MQ), 2, SIZE));
	for (i = 0; i < total; i++) {
		memset(load[1].id, 0xff, sizeof(load[1].id));
		load[1].started = 0;
		load_add(&load[0], self->q, &prng, -1);
		vq_submit(self->q);
		load_add(&load[1], &self->v->queue[1], &prng, DEPTH);
		vq_submit(&self->v->queue[1]);
		if (prng_one_in(&prng, 2))
			usleep(prng_below(&prng, 1000));
		ASSERT_EQ(0, vq_reset(&self->v->queue[1]));
		ASSERT_TRUE(is_at_rest(&load[1]));
		ASSERT_EQ(0, vq_setup(self->v, 1, SIZE));
		ASSERT_TRUE(wait_until(load_step(&load[0], self->q)));
		ASSERT_EQ(0, load[0].failed);
	}
	EXPECT_EQ(STATUS_DRIVER_OK, virtio_status(self->v));
	EXPECT_DISK_WORKS(&self->d, variant->features);
}

/* What was under way or waited is answered when it is down, and so is what comes later */
TEST_F_TIMEOUT(load, is_taken_down_in_the_middle_of_it, LONG_TEST_S)
{
	unsigned int i, k, total = rounds(20), first;
	struct prng prng = { .state = 7 };
	struct load load;

	ASSERT_TRUE(load_init(&load, self->w));
	for (i = 0; i < total; i++) {
		GO_LIVE();
		memset(load.id, 0xff, sizeof(load.id));
		load.started = 0;
		load_add(&load, self->q, &prng, DEPTH);
		vq_submit(self->q);
		if (prng_one_in(&prng, 2))
			usleep(prng_below(&prng, 1000));
		ASSERT_EQ(0, virtio_set_live(self->v, false));
		load.done = 0;
		load_collect(&load, self->q);
		/* As many as the ring has room for */
		first = load.started;
		ASSERT_LT(0, first);
		ASSERT_EQ(first, load.done);
		for (k = 0; k < first; k++)
			ASSERT_TRUE(load.io[k]->status == VIRTIO_BLK_S_OK ||
				    load.io[k]->status == VIRTIO_BLK_S_IOERR);
		ASSERT_TRUE(is_at_rest(&load));
		load_add(&load, self->q, &prng, 2 * DEPTH);
		vq_submit(self->q);
		ASSERT_TRUE(wait_until(load_step(&load, self->q)));
		ASSERT_EQ(2 * first, load.done);
	}
	ASSERT_EQ(0, disk_go_live(&self->d));
	EXPECT_DISK_WORKS(&self->d, variant->features);
}

TEST_F_TIMEOUT(load, its_endpoint_goes_in_the_middle_of_it, LONG_TEST_S)
{
	unsigned int i, total = rounds(10);
	struct prng prng = { .state = 8 };
	struct load load;

	ASSERT_TRUE(load_init(&load, self->w));
	for (i = 0; i < total; i++) {
		ASSERT_EQ(0, disk_go_live(&self->d));
		virtio_reset_counters(self->v);
		ASSERT_EQ(0, virtio_start(self->v, variant->features, 1, SIZE));
		memset(load.id, 0xff, sizeof(load.id));
		load.started = 0;
		load_add(&load, self->q, &prng, DEPTH);
		vq_submit(self->q);
		ASSERT_EQ(0, sim_life(sim_fd(), DM, BAO_SIM_UNBIND));
		ASSERT_TRUE(is_at_rest(&load));
		ASSERT_EQ(0, sim_life(sim_fd(), DM, BAO_SIM_BIND));
		ASSERT_EQ(0, virtio_set_live(self->v, false));
	}
}

TEST_HARNESS_MAIN
