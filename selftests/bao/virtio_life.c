// SPDX-License-Identifier: GPL-2.0
/*
 * Life of virtio devices in the kernel: directories in configfs and what can be wrong in them,
 * going live and being taken down, and endpoints that come and go
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "virtio_disk.h"

#define DM	0
#define SIZE	16

#define MAGIC	0x74726976

FIXTURE(life) {
	struct virtio v;
	int fd;
	void *data;
};

FIXTURE_SETUP(life)
{
	VIRTIO_OR_SKIP("rng");
	ASSERT_EQ(0, virtio_make(&self->v, DM, "rng", "life"));
	self->fd = dm_open(DM);
	ASSERT_LE(0, self->fd);
	self->data = window_alloc(self->v.window, 4096, 16);
	ASSERT_TRUE(!!self->data);
}

/* A test that failed halfway may have left the endpoints unbound */
FIXTURE_TEARDOWN(life)
{
	endpoints_bind();
	VIRTIO_TEAR_DOWN();
}

static bool works(struct virtio *v, void *data)
{
	return !virtio_start(v, 0, 1, SIZE) && vq_read(&v->queue[0], data, 16) == 16;
}

/* Whether an access comes to the process that serves the rest */
static bool waits_for_a_process(struct virtio *v, int fd)
{
	struct bao_virtio_request req;

	frontend_start(v->dm, 0, read_of(v->addr, 4), 1);
	return !dm_attach(fd, &req) && req.addr == v->addr && !dm_answer(fd, req, 0x55) &&
	       frontend_result(v->dm, 0) == 0x55;
}

static bool is_empty_slot(struct virtio *v)
{
	__u32 offset;

	if (virtio_read(v, VIRTIO_MMIO_MAGIC_VALUE) != MAGIC ||
	    virtio_read(v, VIRTIO_MMIO_VERSION) != 2)
		return false;
	for (offset = VIRTIO_MMIO_DEVICE_ID; offset < VIRTIO_SIZE; offset += 4) {
		virtio_write(v, offset, 0xffffffff);
		if (virtio_read(v, offset))
			return false;
	}
	return true;
}

/* The first word of a file */
static const char *word(const char *dir, const char *name)
{
	char path[256], *line;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	line = read_line(path);
	line[strcspn(line, " ")] = 0;
	return line;
}

static const char *state(struct virtio *v)
{
	return word(v->dir, "status");
}

/* Live or not */

TEST_F(life, before_it_is_live_accesses_are_for_others)
{
	EXPECT_TRUE(waits_for_a_process(&self->v, self->fd));
	EXPECT_EQ(0, virtio_get(&self->v, "live"));
	EXPECT_STREQ("down", state(&self->v));
}

TEST_F(life, answers_what_has_waited_for_it)
{
	frontend_start(DM, 1, read_of(self->v.addr, 4), 1);
	EXPECT_TRUE(frontend_parked(DM, 1));
	ASSERT_EQ(0, virtio_set_live(&self->v, true));
	EXPECT_EQ(1, virtio_get(&self->v, "live"));
	ASSERT_TRUE(wait_until(frontend_done(DM, 1)));
	EXPECT_EQ(MAGIC, frontend_result(DM, 1));
}

TEST_F(life, lives_between_other_things)
{
	struct bao_virtio_request req;

	ASSERT_EQ(0, virtio_set_live(&self->v, true));
	EXPECT_TRUE(works(&self->v, self->data));
	/* On both sides of it is the process */
	frontend_start(DM, 1, read_of(self->v.addr - 4, 4), 1);
	ASSERT_EQ(0, dm_attach(self->fd, &req));
	EXPECT_EQ(self->v.addr - 4, req.addr);
	EXPECT_EQ(0, dm_complete(self->fd, req));
	frontend_start(DM, 1, read_of(self->v.addr + VIRTIO_SIZE, 4), 1);
	ASSERT_EQ(0, dm_attach(self->fd, &req));
	EXPECT_EQ(self->v.addr + VIRTIO_SIZE, req.addr);
	EXPECT_EQ(0, dm_complete(self->fd, req));
}

TEST_F(life, tells_how_it_is)
{
	ASSERT_EQ(0, virtio_set_live(&self->v, true));
	EXPECT_STREQ("idle", state(&self->v));
	ASSERT_EQ(0, virtio_negotiate(&self->v, FEATURE(VIRTIO_RING_F_EVENT_IDX)));
	EXPECT_STREQ("starting", state(&self->v));
	EXPECT_EQ(FEATURE(VIRTIO_F_VERSION_1) | FEATURE(VIRTIO_RING_F_EVENT_IDX),
		  virtio_get(&self->v, "features"));
	ASSERT_EQ(0, virtio_driver_ok(&self->v));
	EXPECT_STREQ("running", state(&self->v));
	virtio_reset(&self->v);
	EXPECT_STREQ("idle", state(&self->v));
}

TEST_F(life, taken_down_it_is_an_empty_slot)
{
	ASSERT_EQ(0, virtio_set_live(&self->v, true));
	ASSERT_TRUE(works(&self->v, self->data));
	ASSERT_EQ(0, virtio_set_live(&self->v, false));
	EXPECT_TRUE(is_empty_slot(&self->v));
	EXPECT_STREQ("down", state(&self->v));
	ASSERT_EQ(0, virtio_set_live(&self->v, false));
	EXPECT_TRUE(is_empty_slot(&self->v));
	/* And back */
	ASSERT_EQ(0, virtio_set_live(&self->v, true));
	ASSERT_EQ(0, virtio_set_live(&self->v, true));
	EXPECT_EQ(0, virtio_status(&self->v));
	EXPECT_TRUE(works(&self->v, self->data));
}

TEST_F(life, removed_it_leaves_nothing)
{
	ASSERT_EQ(0, virtio_set_live(&self->v, true));
	ASSERT_TRUE(works(&self->v, self->data));
	ASSERT_EQ(0, virtio_set_live(&self->v, false));
	ASSERT_EQ(0, virtio_remove(&self->v));
	EXPECT_TRUE(waits_for_a_process(&self->v, self->fd));
}

TEST_F(life, can_be_removed_while_it_runs)
{
	ASSERT_EQ(0, virtio_set_live(&self->v, true));
	ASSERT_TRUE(works(&self->v, self->data));
	ASSERT_EQ(0, virtio_remove(&self->v));
	EXPECT_TRUE(waits_for_a_process(&self->v, self->fd));
}

TEST_F(life, is_elsewhere_with_another_address)
{
	__u64 before = self->v.addr;

	ASSERT_EQ(0, virtio_set_live(&self->v, true));
	ASSERT_EQ(0, virtio_set_live(&self->v, false));
	self->v.addr += 0x1000;
	ASSERT_EQ(0, virtio_set(&self->v, "addr", "%llu", self->v.addr));
	ASSERT_EQ(0, virtio_set_live(&self->v, true));
	EXPECT_TRUE(works(&self->v, self->data));
	/* Nothing is left where it was */
	self->v.addr = before;
	EXPECT_TRUE(waits_for_a_process(&self->v, self->fd));
}

TEST_F_TIMEOUT(life, comes_and_goes_while_it_is_accessed, LONG_TEST_S)
{
	unsigned int i, done, total = rounds(20);
	struct counters c;

	frontend_start(DM, 1, read_of(self->v.addr, 4), BAO_SIM_FOR_EVER);
	frontend_start(DM, 2, write_of(self->v.addr + VIRTIO_MMIO_STATUS, 4, 0), BAO_SIM_FOR_EVER);
	frontend_start(DM, 3, write_of(self->v.addr + VIRTIO_MMIO_QUEUE_NOTIFY, 4, 0),
		       BAO_SIM_FOR_EVER);
	for (i = 0; i < total; i++) {
		ASSERT_EQ(0, virtio_set_live(&self->v, true));
		done = frontend_done(DM, 1);
		EXPECT_TRUE(wait_until(frontend_done(DM, 1) > done + 10));
		ASSERT_EQ(0, virtio_set_live(&self->v, false));
		done = frontend_done(DM, 1);
		EXPECT_TRUE(wait_until(frontend_done(DM, 1) > done + 10));
	}
	frontend_stop(DM, 1);
	frontend_stop(DM, 2);
	frontend_stop(DM, 3);
	EXPECT_TRUE(wait_until(!frontend_parked(DM, 1) && !frontend_parked(DM, 2) &&
			       !frontend_parked(DM, 3)));
	frontend_counters(DM, &c);
	EXPECT_EQ(c.accesses, c.completes);
	EXPECT_EQ(0, c.violations);
}

/*
 * While a slow operation is done, all accesses wait; when they are answered, the next ones are
 * there at once. There is an end to it all the same.
 */
TEST_F_TIMEOUT(life, slow_operations_end_while_others_access, LONG_TEST_S)
{
	unsigned int vcpu, round, total = rounds(20);
	struct counters c;

	ASSERT_EQ(0, virtio_set_live(&self->v, true));
	for (vcpu = 1; vcpu < FRONTEND_VCPUS; vcpu++)
		frontend_start(DM, vcpu, read_of(self->v.addr, 4), BAO_SIM_FOR_EVER);
	for (round = 0; round < total; round++) {
		ASSERT_EQ(0, virtio_start(&self->v, 0, 1, SIZE));
		virtio_reset(&self->v);
	}
	ASSERT_EQ(0, virtio_start(&self->v, 0, 1, SIZE));
	ASSERT_EQ(0, virtio_set_live(&self->v, false));
	for (vcpu = 1; vcpu < FRONTEND_VCPUS; vcpu++)
		frontend_stop(DM, vcpu);
	for (vcpu = 1; vcpu < FRONTEND_VCPUS; vcpu++)
		EXPECT_TRUE(wait_until(!frontend_parked(DM, vcpu)));
	frontend_counters(DM, &c);
	EXPECT_EQ(c.accesses, c.completes);
	EXPECT_EQ(0, c.violations);
}

TEST_F(life, an_interrupt_that_was_refused_is_made_up_for)
{
	struct vqueue *q = &self->v.queue[0];
	struct vsegment buffer = { self->data, 16 };
	__u32 len;

	ASSERT_EQ(0, virtio_set_live(&self->v, true));
	ASSERT_EQ(0, virtio_start(&self->v, 0, 1, SIZE));
	ASSERT_EQ(0, sim_fault(DM, BAO_SIM_NOTIFY, 0, 1, -1));
	ASSERT_LE(0, vq_add(q, &buffer, 0, 1));
	vq_submit(q);
	ASSERT_TRUE(wait_until(vq_has_used(q)));
	ASSERT_LE(0, vq_collect(q, &len));
	ASSERT_TRUE(wait_until(statistic(DM, "notify_errors") > 0));
	virtio_reset_counters(&self->v);

	/* InterruptStatus has not been acknowledged; the driver has not heard of it */
	ASSERT_LE(0, vq_add(q, &buffer, 0, 1));
	vq_submit(q);
	EXPECT_EQ(VIRTIO_MMIO_INT_VRING, virtio_wait(&self->v));
	EXPECT_LE(0, vq_collect(q, &len));
}

TEST_F(life, is_not_alone)
{
	struct virtio v[16];
	unsigned int i;
	char name[16];

	for (i = 0; i < ARRAY_SIZE(v); i++) {
		snprintf(name, sizeof(name), "rng%u", i);
		ASSERT_EQ(0, virtio_make(&v[i], i % SIM_DEVICES, "rng", name));
		ASSERT_EQ(0, virtio_set_live(&v[i], true));
	}
	for (i = 0; i < ARRAY_SIZE(v); i++) {
		void *data = window_alloc(v[i].window, 16, 16);

		ASSERT_TRUE(!!data);
		/* Others of the same device may have had interrupts since this was made */
		virtio_reset_counters(&v[i]);
		EXPECT_TRUE(works(&v[i], data));
	}
}

/* Where its queues are served, the administrator decides */
TEST_F(life, has_threads_of_its_own)
{
	char dir[128], path[160];

	EXPECT_STREQ("", word(self->v.dir, "workqueue"));
	ASSERT_EQ(0, virtio_set_live(&self->v, true));
	snprintf(dir, sizeof(dir), "/sys/devices/virtual/workqueue/%s",
		 word(self->v.dir, "workqueue"));
	snprintf(path, sizeof(path), "%s/cpumask", dir);
	ASSERT_EQ(0, write_file(path, "1"));
	EXPECT_EQ(1, strtoul(word(dir, "cpumask"), NULL, 16));
	EXPECT_TRUE(works(&self->v, self->data));
	/* It ends with the device */
	ASSERT_EQ(0, virtio_set_live(&self->v, false));
	EXPECT_STREQ("", word(self->v.dir, "workqueue"));
	EXPECT_EQ(-1, access(path, F_OK));
}

/* Configuration that is wrong */

TEST_F(life, needs_an_endpoint)
{
	ASSERT_EQ(0, virtio_set(&self->v, "dm", "%u", SIM_DEVICES + 100));
	EXPECT_EQ(-ENODEV, virtio_set_live(&self->v, true));
	EXPECT_EQ(0, virtio_get(&self->v, "live"));
	/* It can be put right */
	ASSERT_EQ(0, virtio_set(&self->v, "dm", "%u", DM));
	ASSERT_EQ(0, virtio_set_live(&self->v, true));
	EXPECT_TRUE(works(&self->v, self->data));
}

TEST_F(life, needs_dm_and_addr)
{
	struct virtio v = self->v;

	snprintf(v.dir, sizeof(v.dir), "/sys/kernel/config/bao-virtio/rng/empty");
	ASSERT_EQ(0, mkdir(v.dir, 0755));
	EXPECT_EQ(-EINVAL, virtio_set_live(&v, true));
	ASSERT_EQ(0, virtio_set(&v, "dm", "%u", DM));
	EXPECT_EQ(-EINVAL, virtio_set_live(&v, true));
	ASSERT_EQ(0, virtio_set(&v, "addr", "%llu", v.addr));
	EXPECT_EQ(0, virtio_set_live(&v, true));
}

TEST_F(life, windows_do_not_overlap)
{
	static const struct {
		long long offset;
		__u32 size;
		int ret;
	} window[] = {
		{ 0, 0x200, -EEXIST }, { 4, 0x200, -EEXIST }, { -4, 0x200, -EEXIST },
		{ 0x1fc, 0x200, -EEXIST }, { -0x1fc, 0x200, -EEXIST }, { 0, 0x100, -EEXIST },
		{ 0x200, 0x200, 0 }, { -0x100, 0x100, 0 },
	};
	struct virtio v;
	unsigned int i;

	ASSERT_EQ(0, virtio_set_live(&self->v, true));
	ASSERT_EQ(0, virtio_make(&v, DM, "rng", "other"));
	for (i = 0; i < ARRAY_SIZE(window); i++) {
		v.addr = self->v.addr + window[i].offset;
		ASSERT_EQ(0, virtio_set(&v, "addr", "%#llx", v.addr));
		ASSERT_EQ(0, virtio_set(&v, "size", "%#x", window[i].size));
		EXPECT_EQ(window[i].ret, virtio_set_live(&v, true))
			TH_LOG("%#x bytes at %lld", window[i].size, window[i].offset);
		EXPECT_EQ(0, virtio_set_live(&v, false));
	}
	EXPECT_TRUE(works(&self->v, self->data));
	/* An empty slot is a window as well */
	ASSERT_EQ(0, virtio_set_live(&self->v, false));
	v.addr = self->v.addr;
	ASSERT_EQ(0, virtio_set(&v, "addr", "%#llx", v.addr));
	EXPECT_EQ(-EEXIST, virtio_set_live(&v, true));
	/* That of another frontend is somewhere else */
	ASSERT_EQ(0, virtio_set(&v, "dm", "%u", DM + 1));
	EXPECT_EQ(0, virtio_set_live(&v, true));
}

TEST_F(life, attributes_are_checked)
{
	static const struct {
		const char *name;
		const char *value;
	} bad[] = {
		{ "queue_size", "0" }, { "queue_size", "3" }, { "queue_size", "2048" },
		{ "queue_size", "65536" }, { "queue_size", "4294967297" }, { "queue_size", "many" },
		{ "queue_size", "-1" }, { "dm", "first" }, { "dm", "-1" }, { "addr", "here" },
		{ "size", "large" }, { "live", "perhaps" }, { "features_off", "some" },
		/* VERSION_1 */
		{ "features_off", "0x100000000" },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		int ret = virtio_set(&self->v, bad[i].name, "%s", bad[i].value);

		EXPECT_TRUE(ret == -EINVAL || ret == -ERANGE)
			TH_LOG("%s = %s: %d", bad[i].name, bad[i].value, ret);
	}
	ASSERT_EQ(0, virtio_set_live(&self->v, true));
	EXPECT_TRUE(works(&self->v, self->data));
}

TEST_F(life, the_window_is_checked)
{
	static const struct {
		const char *addr;
		const char *size;
	} bad[] = {
		{ "0x0a100001", "0x200" }, { "0x0a100002", "0x200" }, { "0x0a100000", "0" },
		{ "0x0a100000", "4" }, { "0x0a100000", "0xff" }, { "0xfffffffffffffffc", "0x200" },
		{ "0xffffffffffffff00", "0x200" },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		ASSERT_EQ(0, virtio_set(&self->v, "addr", "%s", bad[i].addr));
		ASSERT_EQ(0, virtio_set(&self->v, "size", "%s", bad[i].size));
		EXPECT_EQ(-EINVAL, virtio_set_live(&self->v, true))
			TH_LOG("%s bytes at %s", bad[i].size, bad[i].addr);
	}
}

TEST_F(life, live_attributes_are_busy)
{
	static const char *const attr[] = { "dm", "addr", "size", "queue_size", "features_off" };
	unsigned int i;

	ASSERT_EQ(0, virtio_set_live(&self->v, true));
	for (i = 0; i < ARRAY_SIZE(attr); i++)
		EXPECT_EQ(-EBUSY, virtio_set(&self->v, attr[i], "256"))
			TH_LOG("%s", attr[i]);
	ASSERT_EQ(0, virtio_set_live(&self->v, false));
	for (i = 0; i < ARRAY_SIZE(attr); i++)
		EXPECT_EQ(0, virtio_set(&self->v, attr[i], "256"))
			TH_LOG("%s", attr[i]);
}

TEST_F(life, features_can_be_left_out)
{
	__u64 off = FEATURE(VIRTIO_F_RING_PACKED) | FEATURE(VIRTIO_RING_F_EVENT_IDX);
	__u64 all;

	ASSERT_EQ(0, virtio_set_live(&self->v, true));
	all = virtio_offered(&self->v);
	ASSERT_EQ(0, virtio_set_live(&self->v, false));
	ASSERT_EQ(0, virtio_set(&self->v, "features_off", "%#llx", off));
	ASSERT_EQ(0, virtio_set_live(&self->v, true));
	EXPECT_EQ(all & ~off, virtio_offered(&self->v));
	EXPECT_EQ(-EOPNOTSUPP, virtio_negotiate(&self->v, off));
	EXPECT_TRUE(works(&self->v, self->data));
}

TEST_F(life, queues_have_the_size_that_was_set)
{
	ASSERT_EQ(0, virtio_set(&self->v, "queue_size", "1024"));
	ASSERT_EQ(0, virtio_set_live(&self->v, true));
	EXPECT_EQ(1024, virtio_read(&self->v, VIRTIO_MMIO_QUEUE_NUM_MAX));
	ASSERT_EQ(0, virtio_start(&self->v, 0, 1, 1024));
	EXPECT_EQ(16, vq_read(&self->v.queue[0], self->data, 16));
	ASSERT_EQ(0, virtio_set_live(&self->v, false));
	ASSERT_EQ(0, virtio_set(&self->v, "queue_size", "1"));
	ASSERT_EQ(0, virtio_set_live(&self->v, true));
	EXPECT_EQ(1, virtio_read(&self->v, VIRTIO_MMIO_QUEUE_NUM_MAX));
	ASSERT_EQ(0, virtio_start(&self->v, 0, 1, 1));
	EXPECT_EQ(16, vq_read(&self->v.queue[0], self->data, 16));
	EXPECT_EQ(16, vq_read(&self->v.queue[0], self->data, 16));
}

/* Endpoints */

TEST_F(life, its_endpoint_goes_and_comes)
{
	ASSERT_EQ(0, virtio_set_live(&self->v, true));
	ASSERT_TRUE(works(&self->v, self->data));
	close_fd(self->fd);
	ASSERT_EQ(0, sim_life(sim_fd(), DM, BAO_SIM_UNBIND));
	EXPECT_STREQ("gone", state(&self->v));
	ASSERT_EQ(0, sim_life(sim_fd(), DM, BAO_SIM_BIND));
	EXPECT_STREQ("gone", state(&self->v));
	/* The new one is not known to it, */
	self->fd = dm_open(DM);
	ASSERT_LE(0, self->fd);
	EXPECT_TRUE(waits_for_a_process(&self->v, self->fd));
	/* until the administrator says so */
	ASSERT_EQ(0, virtio_set_live(&self->v, false));
	ASSERT_EQ(0, virtio_set_live(&self->v, true));
	virtio_reset_counters(&self->v);
	EXPECT_TRUE(works(&self->v, self->data));
}

TEST_F(life, is_removed_after_its_endpoint)
{
	ASSERT_EQ(0, virtio_set_live(&self->v, true));
	ASSERT_TRUE(works(&self->v, self->data));
	close_fd(self->fd);
	ASSERT_EQ(0, sim_life(sim_fd(), DM, BAO_SIM_UNBIND));
	EXPECT_EQ(-ENODEV, virtio_set_live(&self->v, false) ?: virtio_set_live(&self->v, true));
	EXPECT_EQ(0, virtio_remove(&self->v));
	ASSERT_EQ(0, sim_life(sim_fd(), DM, BAO_SIM_BIND));
}

TEST_F_TIMEOUT(life, its_endpoint_goes_while_it_is_accessed, LONG_TEST_S)
{
	unsigned int i, done, total = rounds(10);
	struct counters c;

	close_fd(self->fd);
	frontend_start(DM, 1, read_of(self->v.addr, 4), BAO_SIM_FOR_EVER);
	frontend_start(DM, 2, write_of(self->v.addr + VIRTIO_MMIO_STATUS, 4, 0), BAO_SIM_FOR_EVER);
	for (i = 0; i < total; i++) {
		ASSERT_EQ(0, virtio_set_live(&self->v, true));
		done = frontend_done(DM, 1);
		EXPECT_TRUE(wait_until(frontend_done(DM, 1) > done + 10));
		ASSERT_EQ(0, sim_life(sim_fd(), DM, BAO_SIM_UNBIND));
		ASSERT_EQ(0, sim_life(sim_fd(), DM, BAO_SIM_BIND));
		ASSERT_EQ(0, virtio_set_live(&self->v, false));
	}
	ASSERT_EQ(0, virtio_set_live(&self->v, true));
	frontend_stop(DM, 1);
	frontend_stop(DM, 2);
	EXPECT_TRUE(wait_until(!frontend_parked(DM, 1) && !frontend_parked(DM, 2)));
	frontend_counters(DM, &c);
	EXPECT_EQ(c.accesses, c.completes);
	EXPECT_EQ(0, c.violations);
}

TEST_F(life, sleeps_with_its_endpoint)
{
	ASSERT_EQ(0, virtio_set_live(&self->v, true));
	ASSERT_EQ(0, virtio_start(&self->v, 0, 1, SIZE));
	ASSERT_EQ(16, vq_read(&self->v.queue[0], self->data, 16));
	ASSERT_EQ(0, sim_life(sim_fd(), DM, BAO_SIM_SUSPEND));
	frontend_start(DM, 1, read_of(self->v.addr, 4), 1);
	ASSERT_EQ(0, sim_life(sim_fd(), DM, BAO_SIM_RESUME));
	ASSERT_TRUE(wait_until(frontend_done(DM, 1)));
	EXPECT_EQ(MAGIC, frontend_result(DM, 1));
	EXPECT_EQ(16, vq_read(&self->v.queue[0], self->data, 16));
}

TEST_HARNESS_MAIN
