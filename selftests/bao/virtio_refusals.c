// SPDX-License-Identifier: GPL-2.0
/*
 * What an administrator of devices in the kernel can do wrong. Each mistake has an error of its own
 * and one line in the kernel's log, which names the device and says what is wrong; and the device
 * is as it was before.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "modules.h"
#include "virtio_driver.h"

#define DM	0
#define SIZE	16

FIXTURE(refusals) {
	struct virtio v;
	int log;
};

FIXTURE_SETUP(refusals)
{
	VIRTIO_OR_SKIP("rng");
	ASSERT_EQ(0, virtio_make(&self->v, DM, "rng", "refused"));
	self->log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ASSERT_LE(0, self->log);
}

FIXTURE_TEARDOWN(refusals)
{
	close(self->log);
	VIRTIO_TEAR_DOWN();
}

/* Lines about devices since the last time: those that say something, and all of them */
static unsigned int log_lines(int fd, const char *what, unsigned int *all)
{
	unsigned int lines = 0;
	char line[1024];
	ssize_t len;

	*all = 0;
	for (;;) {
		len = read(fd, line, sizeof(line) - 1);
		/* One that was overwritten before it was read */
		if (len < 0 && errno == EPIPE)
			continue;
		if (len <= 0)
			return lines;
		line[len] = 0;
		if (!strstr(line, "bao-virtio: "))
			continue;
		*all += 1;
		lines += !!strstr(line, what);
	}
}

/* The kernel leaves out lines that come too fast: then it is done once more */
#define EXPECT_REFUSED(error, what, call) do {					\
	unsigned int _lines, _all;						\
	int _ret;								\
										\
	EXPECT_TRUE(wait_until(({						\
		log_lines(self->log, "", &_all);				\
		_ret = (call);							\
		_lines = log_lines(self->log, what, &_all);			\
		_ret != (error) || _all;					\
	})));									\
	EXPECT_EQ(error, _ret);							\
	EXPECT_EQ(1, _all);							\
	EXPECT_EQ(1, _lines)							\
		TH_LOG("no line says: %s", what);				\
} while (0)

#define EXPECT_NOT_LIVE(v) EXPECT_EQ(0, virtio_get(v, "live"))

/* A device of another model, with what all devices have */
#define MAKE(v, model) ASSERT_EQ(0, virtio_make(v, DM, model, "refused"))

TEST_F(refusals, there_is_no_such_endpoint)
{
	ASSERT_EQ(0, virtio_set(&self->v, "dm", "1000"));
	EXPECT_REFUSED(-ENODEV, "rng refused: there is no remote-I/O device 1000",
		       virtio_set_live(&self->v, true));
	EXPECT_NOT_LIVE(&self->v);
}

TEST_F(refusals, attributes_are_missing)
{
	struct virtio v = self->v;

	snprintf(v.dir, sizeof(v.dir), "/sys/kernel/config/bao-virtio/rng/empty");
	ASSERT_EQ(0, mkdir(v.dir, 0755));
	EXPECT_REFUSED(-EINVAL, "rng empty: dm is not set", virtio_set_live(&v, true));
	ASSERT_EQ(0, virtio_set(&v, "dm", "%u", DM));
	EXPECT_REFUSED(-EINVAL, "rng empty: addr is not set", virtio_set_live(&v, true));
	EXPECT_NOT_LIVE(&v);
}

TEST_F(refusals, windows_overlap)
{
	struct virtio v;

	ASSERT_EQ(0, virtio_set_live(&self->v, true));
	ASSERT_EQ(0, virtio_make(&v, DM, "rng", "second"));
	ASSERT_EQ(0, virtio_set(&v, "addr", "%#llx", self->v.addr + 0x100));
	EXPECT_REFUSED(-EEXIST, "overlaps that of another device", virtio_set_live(&v, true));
	EXPECT_NOT_LIVE(&v);
	EXPECT_EQ(1, virtio_get(&self->v, "live"));
}

TEST_F(refusals, windows_are_impossible)
{
	static const struct {
		const char *addr;
		const char *size;
		const char *what;
	} bad[] = {
		{ "0xa100002", "0x200", "is no multiple of 4" },
		{ "0xa100000", "0", "there is no window of 0x0 bytes" },
		{ "0xfffffffffffffff0", "0x200", "there is no window of 0x200 bytes" },
		{ "0xa100000", "0x80", "is too small" },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		ASSERT_EQ(0, virtio_set(&self->v, "addr", "%s", bad[i].addr));
		ASSERT_EQ(0, virtio_set(&self->v, "size", "%s", bad[i].size));
		EXPECT_REFUSED(-EINVAL, bad[i].what, virtio_set_live(&self->v, true));
		EXPECT_NOT_LIVE(&self->v);
	}
}

TEST_F(refusals, sizes_of_queues_are_impossible)
{
	EXPECT_REFUSED(-EINVAL, "queue_size 3 is no power of two",
		       virtio_set(&self->v, "queue_size", "3"));
	EXPECT_REFUSED(-EINVAL, "queue_size 0 is no power of two",
		       virtio_set(&self->v, "queue_size", "0"));
	EXPECT_REFUSED(-EINVAL, "queue_size 2048 is no power of two up to 1024",
		       virtio_set(&self->v, "queue_size", "2048"));
	EXPECT_EQ(256, virtio_get(&self->v, "queue_size"));
}

TEST_F(refusals, polls_have_an_end)
{
	EXPECT_REFUSED(-EINVAL, "poll_us 100001 is more than 100000",
		       virtio_set(&self->v, "poll_us", "100001"));
	EXPECT_EQ(0, virtio_get(&self->v, "poll_us"));
}

TEST_F(refusals, features_cannot_be_missed)
{
	EXPECT_REFUSED(-EINVAL, "no driver can use a device without feature 32",
		       virtio_set(&self->v, "features_off", "0x100000000"));
	EXPECT_EQ(0, virtio_get(&self->v, "features_off"));
}

TEST_F(refusals, live_attributes_stay)
{
	static const char *const attr[] = {
		"dm", "addr", "size", "queue_size", "features_off", "rate",
	};
	long long before;
	unsigned int i;

	ASSERT_EQ(0, virtio_set_live(&self->v, true));
	for (i = 0; i < ARRAY_SIZE(attr); i++) {
		before = virtio_get(&self->v, attr[i]);
		EXPECT_REFUSED(-EBUSY, "rng refused: it is live",
			       virtio_set(&self->v, attr[i], "512"));
		EXPECT_EQ(before, virtio_get(&self->v, attr[i]));
	}
}

TEST_F(refusals, there_is_nothing_behind_a_disk)
{
	struct virtio v;

	if (!virtio_has_model("blk"))
		SKIP(return, "there is no bao_virtio_blk");
	MAKE(&v, "blk");
	EXPECT_REFUSED(-EINVAL, "blk refused: path is not set", virtio_set_live(&v, true));
	ASSERT_EQ(0, virtio_set(&v, "path", "/tmp/there-is-no-such-file"));
	EXPECT_REFUSED(-ENOENT, "cannot open /tmp/there-is-no-such-file",
		       virtio_set_live(&v, true));
	ASSERT_EQ(0, virtio_set(&v, "path", "/tmp"));
	EXPECT_REFUSED(-EINVAL, "/tmp", virtio_set_live(&v, true));
	EXPECT_NOT_LIVE(&v);
}

TEST_F(refusals, names_are_taken)
{
	struct virtio v;

	if (!virtio_has_model("net"))
		SKIP(return, "there is no bao_virtio_net");
	MAKE(&v, "net");
	ASSERT_EQ(0, virtio_set(&v, "ifname", "lo"));
	EXPECT_REFUSED(-EEXIST, "cannot make network device lo", virtio_set_live(&v, true));
	EXPECT_NOT_LIVE(&v);
}

TEST_F(refusals, ports_are_missing)
{
	struct virtio v;

	if (!virtio_has_model("console"))
		SKIP(return, "there is no bao_virtio_console");
	MAKE(&v, "console");
	ASSERT_EQ(0, virtio_set(&v, "names", "one two three"));
	EXPECT_REFUSED(-EINVAL, "there are 3 names, but only 1 ports", virtio_set_live(&v, true));
	EXPECT_NOT_LIVE(&v);
}

/* Neither while it is live nor while there is a directory; and what they need stays as well */
TEST_F(refusals, modules_are_in_use)
{
	unsigned int live;

	if (access("/sys/module/bao_virtio_rng/initstate", F_OK))
		SKIP(return, "the drivers are not modules");
	for (live = 0; live < 2; live++) {
		ASSERT_EQ(0, virtio_set_live(&self->v, live));
		EXPECT_EQ(-EWOULDBLOCK, remove_module("bao_virtio_rng"));
		EXPECT_EQ(-EWOULDBLOCK, remove_module("bao_virtio"));
		EXPECT_EQ(-EWOULDBLOCK, remove_module("bao"));
	}
	EXPECT_EQ(0, virtio_start(&self->v, 0, 1, SIZE));
	ASSERT_EQ(0, virtio_remove(&self->v));
	/* Somebody may look at the module for a moment */
	EXPECT_TRUE(wait_until(!remove_module("bao_virtio_rng")));
	EXPECT_EQ(0, load_module("bao_virtio_rng"));
}

TEST_HARNESS_MAIN
