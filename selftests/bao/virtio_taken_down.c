// SPDX-License-Identifier: GPL-2.0
/*
 * Disks that are taken down while their driver uses them: it gets errors until it lets go, and
 * there is an end to that. What other devices do then is in the tests of these.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "modules.h"
#include "virtio_disk.h"

#define DM		0
#define SIZE		256
#define DISK_SIZE	(2048 * SECTOR)

#define NEEDS_RESET	(STATUS_DRIVER_OK | VIRTIO_CONFIG_S_NEEDS_RESET)
#define IOERR		VIRTIO_BLK_S_IOERR

#define F_PACKED	FEATURE(VIRTIO_F_RING_PACKED)
#define F_EVENT		FEATURE(VIRTIO_RING_F_EVENT_IDX)
#define F_INDIRECT	FEATURE(VIRTIO_RING_F_INDIRECT_DESC)
#define F_ORDER		FEATURE(VIRTIO_F_IN_ORDER)
#define F_RING_RESET	FEATURE(VIRTIO_F_RING_RESET)

FIXTURE(taken_down) {
	struct disk d;
	struct virtio *v;
	struct vqueue *q;
	struct disk_io *io;
	char *data;
	int fd;
};

FIXTURE_VARIANT(taken_down) {
	__u64 features;
};

FIXTURE_VARIANT_ADD(taken_down, split) {
	.features = 0,
};

FIXTURE_VARIANT_ADD(taken_down, packed) {
	.features = F_PACKED | F_EVENT | F_INDIRECT,
};

FIXTURE_VARIANT_ADD(taken_down, packed_in_order) {
	.features = F_PACKED | F_ORDER,
};

FIXTURE_SETUP(taken_down)
{
	VIRTIO_OR_SKIP("blk");
	self->v = &self->d.v;
	self->q = &self->v->queue[0];
	ASSERT_EQ(0, disk_make(&self->d, DM, "down", DISK_SIZE));
	ASSERT_EQ(0, virtio_set(self->v, "queue_size", "%u", SIZE));
	ASSERT_EQ(0, virtio_set(self->v, "queues", "2"));
	self->io = window_alloc(self->v->window, SIZE * sizeof(*self->io), 16);
	self->data = window_alloc(self->v->window, 4096, 4096);
	ASSERT_TRUE(self->io && self->data);
	self->fd = dm_open(DM);
	ASSERT_LE(0, self->fd);
}

/* A test that failed halfway may have left the endpoints unbound */
FIXTURE_TEARDOWN(taken_down)
{
	endpoints_bind();
	disk_remove(&self->d);
	VIRTIO_TEAR_DOWN();
}

static const char *state(struct virtio *v)
{
	char *line = (char *)virtio_get_text(v, "status");

	line[strcspn(line, " ")] = 0;
	return line;
}

static bool is_empty_slot(struct virtio *v)
{
	return !virtio_read(v, VIRTIO_MMIO_DEVICE_ID) && !virtio_status(v) &&
	       virtio_read(v, VIRTIO_MMIO_MAGIC_VALUE) == 0x74726976;
}

/* Whether an access comes to the process that serves the rest */
static bool waits_for_a_process(struct virtio *v, int fd)
{
	struct bao_virtio_request req;

	frontend_start(v->dm, 1, read_of(v->addr, 4), 1);
	return !dm_attach(fd, &req) && req.addr == v->addr && !dm_answer(fd, req, 0x55) &&
	       frontend_result(v->dm, 1) == 0x55;
}

#define RUN_WITH(extra) do {							\
	ASSERT_EQ(0, disk_go_live(&self->d));					\
	ASSERT_EQ(0, virtio_start(self->v, variant->features | (extra), 1, SIZE));\
} while (0)

/* A driver that knows what that is hears of it */
#define TAKE_DOWN() do {							\
	ASSERT_EQ(0, virtio_set_live(self->v, false));				\
	ASSERT_STREQ("refusing", state(self->v));				\
	ASSERT_EQ(0, virtio_wait_config(self->v));				\
} while (0)

#define EXPECT_REFUSED(type) \
	EXPECT_EQ(IOERR, disk_request(self->q, VIRTIO_BLK_T_##type, 0, self->data, SECTOR))

/* As many writes as there is room for, which the device is not notified of. Returns how many. */
static unsigned int add_writes(struct vqueue *q, struct disk_io *io, void *data)
{
	struct vsegment segment = { data, SECTOR };
	unsigned int n = 0;

	while (n < SIZE && disk_add(q, &io[n], VIRTIO_BLK_T_OUT, n, &segment, 1) >= 0)
		n++;
	vq_publish(q);
	return n;
}

TEST_F(taken_down, requests_fail)
{
	char sector[SECTOR], zero[SECTOR] = { 0 };

	RUN_WITH(0);
	TAKE_DOWN();
	EXPECT_EQ(0, virtio_get(self->v, "live"));
	EXPECT_STREQ("refusing 0x4f", virtio_get_text(self->v, "status"));
	EXPECT_EQ(FEATURE(VIRTIO_F_VERSION_1) | variant->features,
		  virtio_get(self->v, "features"));
	EXPECT_EQ(NEEDS_RESET, virtio_status(self->v));
	EXPECT_EQ(0, virtio_read(self->v, VIRTIO_MMIO_INTERRUPT_STATUS));

	/* Others go on and fail, and get nothing from the disk, nor does it from them */
	disk_fill(self->data, 0, 1, 1);
	EXPECT_REFUSED(OUT);
	EXPECT_REFUSED(IN);
	EXPECT_REFUSED(FLUSH);
	EXPECT_REFUSED(GET_ID);
	EXPECT_EQ(IOERR, disk_request(self->q, 0x1234, 0, NULL, 0));
	EXPECT_TRUE(disk_matches(self->data, 0, 1, 1));
	ASSERT_EQ(SECTOR, pread(self->d.fd, sector, SECTOR, 0));
	EXPECT_EQ(0, memcmp(sector, zero, SECTOR));

	/* It is still there */
	EXPECT_EQ(VIRTIO_ID_BLOCK, virtio_read(self->v, VIRTIO_MMIO_DEVICE_ID));
	EXPECT_EQ(DISK_SIZE / SECTOR,
		  virtio_config(self->v, offsetof(struct virtio_blk_config, capacity), 8));
	ASSERT_EQ(0, virtio_set_live(self->v, false));
	EXPECT_REFUSED(IN);
}

/* What waits in the ring has been answered when the device is down, without a kick */
TEST_F(taken_down, what_waits_is_answered)
{
	unsigned int n, i;

	RUN_WITH(0);
	n = add_writes(self->q, self->io, self->data);
	ASSERT_LT(64, n);
	TAKE_DOWN();
	for (i = 0; i < n; i++) {
		ASSERT_LE(0, vq_collect(self->q, NULL));
		EXPECT_NE(DISK_NO_STATUS, self->io[i].status);
	}
	EXPECT_REFUSED(IN);
}

/* Interrupts are as few, and kicks as possible, as with a device that works */
TEST_F(taken_down, a_full_ring_is_refused)
{
	unsigned int round, n, i;

	RUN_WITH(0);
	TAKE_DOWN();
	for (round = 0; round < 4; round++) {
		n = add_writes(self->q, self->io, self->data);
		vq_kick(self->q);
		for (i = 0; i < n; i++) {
			ASSERT_LE(0, vq_wait(self->q, NULL));
			EXPECT_EQ(IOERR, self->io[i].status);
		}
	}
}

TEST_F(taken_down, who_takes_no_answer_gets_none)
{
	struct vsegment hdr = { &self->io[0].hdr, sizeof(self->io[0].hdr) };
	__u32 len;

	RUN_WITH(0);
	TAKE_DOWN();
	ASSERT_LE(0, vq_add(self->q, &hdr, 1, 0));
	vq_submit(self->q);
	ASSERT_LE(0, vq_wait(self->q, &len));
	EXPECT_EQ(0, len);
	EXPECT_REFUSED(IN);
}

TEST_F(taken_down, bad_rings_end_it)
{
	RUN_WITH(0);
	TAKE_DOWN();
	/* No memory of the window */
	vq_offer(self->q, &(struct vdesc){ .addr = 16, .len = 16, .flags = VRING_DESC_F_WRITE }, 1);
	EXPECT_EQ(0, virtio_wait_config(self->v));
	EXPECT_STREQ("refusing", state(self->v));
	EXPECT_EQ(NEEDS_RESET, virtio_status(self->v));
	virtio_reset(self->v);
	EXPECT_TRUE(is_empty_slot(self->v));
	EXPECT_STREQ("down", state(self->v));
}

/* A driver does not look any more once the device has accepted its features */
TEST_F(taken_down, a_driver_that_starts_is_refused)
{
	ASSERT_EQ(0, disk_go_live(&self->d));
	ASSERT_EQ(0, virtio_negotiate(self->v, variant->features));
	ASSERT_EQ(0, virtio_set_live(self->v, false));
	EXPECT_STREQ("refusing", state(self->v));
	ASSERT_EQ(0, vq_setup(self->v, 0, SIZE));
	virtio_driver_ok(self->v);
	EXPECT_REFUSED(IN);
	EXPECT_REFUSED(OUT);
	EXPECT_EQ(NEEDS_RESET, virtio_status(self->v));
	virtio_reset(self->v);
	EXPECT_TRUE(is_empty_slot(self->v));
}

/* The end of it: the driver */

TEST_F(taken_down, a_reset_leaves_an_empty_slot)
{
	RUN_WITH(0);
	TAKE_DOWN();
	EXPECT_REFUSED(IN);
	virtio_reset(self->v);
	EXPECT_TRUE(is_empty_slot(self->v));
	EXPECT_STREQ("down 0x00", virtio_get_text(self->v, "status"));
	EXPECT_EQ(0, virtio_get(self->v, "features"));
	/* Nobody looks at rings any more */
	add_writes(self->q, self->io, self->data);
	virtio_notify(self->v, 0);
	virtio_write(self->v, VIRTIO_MMIO_STATUS, STATUS_DRIVER_OK);
	EXPECT_TRUE(is_empty_slot(self->v));
	EXPECT_FALSE(vq_has_used(self->q));
	ASSERT_EQ(0, disk_go_live(&self->d));
	EXPECT_DISK_WORKS(&self->d, variant->features);
}

TEST_F(taken_down, queues_can_be_stopped)
{
	struct vqueue *other = &self->v->queue[1];

	ASSERT_EQ(0, disk_go_live(&self->d));
	ASSERT_EQ(0, virtio_start(self->v, variant->features | F_RING_RESET |
				  FEATURE(VIRTIO_BLK_F_MQ), 2, SIZE));
	TAKE_DOWN();
	ASSERT_EQ(0, vq_reset(self->q));
	EXPECT_EQ(IOERR, disk_request(other, VIRTIO_BLK_T_IN, 0, self->data, SECTOR));
	/* And back: the same as before */
	ASSERT_EQ(0, vq_setup(self->v, 0, SIZE));
	EXPECT_REFUSED(IN);
	virtio_reset(self->v);
	EXPECT_TRUE(is_empty_slot(self->v));
}

/* A device that has no driver, or one that has broken it, has nothing to refuse */
TEST_F(taken_down, without_a_driver_the_slot_is_empty_at_once)
{
	ASSERT_EQ(0, disk_go_live(&self->d));
	/* It has yet to read back whether its features are accepted */
	virtio_write(self->v, VIRTIO_MMIO_STATUS, STATUS_DRIVER);
	ASSERT_EQ(0, virtio_set_live(self->v, false));
	EXPECT_TRUE(is_empty_slot(self->v));
	EXPECT_STREQ("down", state(self->v));

	RUN_WITH(0);
	vq_offer(self->q, &(struct vdesc){ .addr = 16, .len = 16, .flags = VRING_DESC_F_WRITE }, 1);
	EXPECT_EQ(0, virtio_wait_config(self->v));
	ASSERT_EQ(0, virtio_set_live(self->v, false));
	EXPECT_TRUE(is_empty_slot(self->v));
	EXPECT_STREQ("down", state(self->v));
}

/* The end of it: the administrator */

TEST_F(taken_down, it_goes_live_again)
{
	unsigned int i;

	for (i = 0; i < 3; i++) {
		RUN_WITH(0);
		TAKE_DOWN();
		EXPECT_REFUSED(IN);
	}
	ASSERT_EQ(0, disk_go_live(&self->d));
	EXPECT_STREQ("idle", state(self->v));
	EXPECT_EQ(0, virtio_status(self->v));
	EXPECT_DISK_WORKS(&self->d, variant->features);
}

/* Nothing of the backing is in use, and attributes that can change do no harm */
TEST_F(taken_down, it_can_be_changed)
{
	RUN_WITH(0);
	TAKE_DOWN();
	ASSERT_EQ(0, ftruncate(self->d.fd, 0));
	ASSERT_EQ(0, virtio_set(self->v, "queue_size", "1"));
	ASSERT_EQ(0, virtio_set(self->v, "queues", "32"));
	ASSERT_EQ(0, virtio_set(self->v, "path", "/nowhere"));
	EXPECT_REFUSED(OUT);
	ASSERT_EQ(0, virtio_set(self->v, "queue_size", "1024"));
	EXPECT_REFUSED(OUT);
	EXPECT_EQ(SIZE, virtio_read(self->v, VIRTIO_MMIO_QUEUE_NUM_MAX));
	/* What cannot go live is nothing any more */
	EXPECT_EQ(-ENOENT, virtio_set_live(self->v, true));
	EXPECT_STREQ("down", state(self->v));
	EXPECT_TRUE(is_empty_slot(self->v));
}

TEST_F(taken_down, its_window_is_left)
{
	RUN_WITH(0);
	TAKE_DOWN();
	EXPECT_REFUSED(IN);
	ASSERT_EQ(0, virtio_set(self->v, "addr", "%llu", self->v->addr + 0x1000));
	EXPECT_STREQ("down", state(self->v));
	EXPECT_TRUE(waits_for_a_process(self->v, self->fd));
}

TEST_F(taken_down, its_directory_is_removed)
{
	unsigned int n, i;

	RUN_WITH(0);
	TAKE_DOWN();
	EXPECT_REFUSED(IN);
	ASSERT_EQ(0, virtio_remove(self->v));
	EXPECT_TRUE(waits_for_a_process(self->v, self->fd));

	/* In one step; what was requested before is answered all the same */
	disk_remove(&self->d);
	ASSERT_EQ(0, disk_make(&self->d, DM, "down", DISK_SIZE));
	RUN_WITH(0);
	n = add_writes(self->q, self->io, self->data);
	ASSERT_EQ(0, virtio_remove(self->v));
	for (i = 0; i < n; i++)
		ASSERT_LE(0, vq_collect(self->q, NULL));
	EXPECT_TRUE(waits_for_a_process(self->v, self->fd));
}

TEST_F(taken_down, its_endpoint_goes)
{
	RUN_WITH(0);
	TAKE_DOWN();
	EXPECT_REFUSED(IN);
	close_fd(self->fd);
	ASSERT_EQ(0, sim_life(sim_fd(), DM, BAO_SIM_UNBIND));
	EXPECT_STREQ("down", state(self->v));
	/* The window is somebody else's */
	add_writes(self->q, self->io, self->data);
	ASSERT_EQ(0, sim_life(sim_fd(), DM, BAO_SIM_BIND));
	EXPECT_FALSE(vq_has_used(self->q));
	self->fd = dm_open(DM);
	ASSERT_LE(0, self->fd);
	EXPECT_TRUE(waits_for_a_process(self->v, self->fd));
	ASSERT_EQ(0, disk_go_live(&self->d));
	virtio_reset_counters(self->v);
	EXPECT_DISK_WORKS(&self->d, variant->features);
}

TEST_F(taken_down, its_code_stays)
{
	if (!modular())
		SKIP(return, "the driver is not made of modules");
	RUN_WITH(0);
	TAKE_DOWN();
	EXPECT_EQ(-EWOULDBLOCK, remove_module("bao_virtio_blk"));
	EXPECT_REFUSED(IN);
}

/* All of it while the frontend accesses registers: each access is answered once */
TEST_F_TIMEOUT(taken_down, comes_and_goes_while_it_is_accessed, LONG_TEST_S)
{
	unsigned int i, vcpu, total = rounds(20);
	struct counters c;

	for (i = 0; i < total; i++) {
		RUN_WITH(0);
		frontend_start(DM, 1, read_of(self->v->addr + VIRTIO_MMIO_STATUS, 4),
			       BAO_SIM_FOR_EVER);
		frontend_start(DM, 2, write_of(self->v->addr + VIRTIO_MMIO_QUEUE_NOTIFY, 4, 0),
			       BAO_SIM_FOR_EVER);
		frontend_start(DM, 3, write_of(self->v->addr + VIRTIO_MMIO_INTERRUPT_ACK, 4, 0),
			       BAO_SIM_FOR_EVER);
		/* In the middle of it, the driver lets go */
		if (i % 2)
			frontend_start(DM, 4, write_of(self->v->addr + VIRTIO_MMIO_STATUS, 4, 0),
				       BAO_SIM_FOR_EVER);
		ASSERT_EQ(0, virtio_set_live(self->v, false));
		if (i % 2)
			EXPECT_TRUE(wait_until(!strcmp("down", state(self->v))));
		for (vcpu = 1; vcpu <= 4; vcpu++)
			frontend_stop(DM, vcpu);
		for (vcpu = 1; vcpu <= 4; vcpu++)
			EXPECT_TRUE(wait_until(!frontend_parked(DM, vcpu)));
		if (!(i % 2)) {
			ASSERT_EQ(0, virtio_wait_config(self->v));
			EXPECT_REFUSED(IN);
		}
	}
	frontend_counters(DM, &c);
	EXPECT_EQ(c.accesses, c.completes);
	EXPECT_EQ(0, c.violations);
}

TEST_HARNESS_MAIN
