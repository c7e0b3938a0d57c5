// SPDX-License-Identifier: GPL-2.0
/*
 * Every allocation and every access to user memory fails once while an administrator makes a
 * device, sets its attributes, lets it go live, takes it down and removes it: those of the process
 * that does so, not of workers. After an error everything is as it was before: nothing of it is
 * there, and the same works when tried again.
 *
 * Needs a kernel with fault injection, as fail_nth.c does.
 */
#include <fcntl.h>
#include <glob.h>
#include <net/if.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "nth.h"
#include "virtio_driver.h"

#define DM		0
#define SIZE		16
/* More places to fail than any of these steps has */
#define LIMIT		5000

#define BACKING		"/tmp/bao-virtio-nth"
#define IFNAME		"net-nth"

FIXTURE(virtio_nth) {
	struct virtio v;
	unsigned int errors;
};

/* @attr: an attribute of the model's own, and two values for it */
FIXTURE_VARIANT(virtio_nth) {
	const char *model;
	const char *attr[3];
	unsigned int queues;
};

FIXTURE_VARIANT_ADD(virtio_nth, blk) {
	.model = "blk",
	.attr = { "serial", "one", "two" },
	.queues = 1,
};

FIXTURE_VARIANT_ADD(virtio_nth, net) {
	.model = "net",
	.attr = { "mac", "02:00:00:00:00:01", "02:00:00:00:00:02" },
	.queues = 2,
};

FIXTURE_VARIANT_ADD(virtio_nth, console) {
	.model = "console",
	.attr = { "names", "one", "two" },
	.queues = 2,
};

FIXTURE_VARIANT_ADD(virtio_nth, rng) {
	.model = "rng",
	.attr = { "rate", "1000", "2000" },
	.queues = 1,
};

/* What the model needs besides to go live */
static int set_up(struct virtio *v, const char *model)
{
	if (!strcmp(model, "blk"))
		return virtio_set(v, "path", BACKING);
	if (!strcmp(model, "net"))
		return virtio_set(v, "ifname", IFNAME);
	return 0;
}

FIXTURE_SETUP(virtio_nth)
{
	const char *why;
	int fd;

	VIRTIO_OR_SKIP(variant->model);
	why = nth_enable();
	if (why)
		SKIP(_exit(0), "%s", why);
	fd = open(BACKING, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ftruncate(fd, 65536));
	close(fd);
	ASSERT_EQ(0, virtio_make(&self->v, DM, variant->model, "nth"));
	ASSERT_EQ(0, set_up(&self->v, variant->model));
}

FIXTURE_TEARDOWN(virtio_nth)
{
	nth_fail(0);
	VIRTIO_TEAR_DOWN();
	unlink(BACKING);
}

/*
 * What a fault may lead to. The driver core says EINVAL if it has no memory for the name of a
 * network interface or terminal, and the network core ENOBUFS if it cannot tell others of a new
 * interface.
 */
static bool is_for_a_fault(int ret, const char *model)
{
	if (ret == -ENOMEM || ret == -EFAULT)
		return true;
	if (!strcmp(model, "console"))
		return ret == -EINVAL;
	return !strcmp(model, "net") && (ret == -EINVAL || ret == -ENOBUFS);
}

/*
 * A step with the first, second, ... fault, until it has no place left to fail. @after_error and
 * @after_success look at what there is, and bring it back to where it was.
 */
#define EACH_FAULT(step, after_error, after_success) do {			\
	unsigned int _nth;							\
	bool _failed = true;							\
	int _ret;								\
										\
	self->errors = 0;							\
	for (_nth = 1; _failed && _nth < LIMIT; _nth++) {			\
		nth_fail(_nth);							\
		_ret = (step);							\
		_failed = nth_has_failed();					\
		if (_ret) {							\
			self->errors++;						\
			ASSERT_TRUE(_failed)					\
				TH_LOG("fault %u: %d, and no fault", _nth, _ret);	\
			ASSERT_TRUE(is_for_a_fault(_ret, variant->model))	\
				TH_LOG("fault %u: %d", _nth, _ret);		\
			after_error;						\
		} else {							\
			after_success;						\
		}								\
	}									\
	EXPECT_LT(_nth, LIMIT);							\
} while (0)

static bool exists(struct virtio *v)
{
	return !access(v->dir, F_OK);
}

/* Whether the other end is there that a live device of these models has */
static bool has_other_end(const char *model)
{
	glob_t found;
	bool any;

	if (!strcmp(model, "net"))
		return if_nametoindex(IFNAME);
	any = !glob("/dev/ttyBAO*", 0, NULL, &found);
	if (any)
		globfree(&found);
	return any;
}

static int make_dir(struct virtio *v)
{
	return mkdir(v->dir, 0755) ? -errno : 0;
}

TEST_F_TIMEOUT(virtio_nth, make, 600)
{
	ASSERT_EQ(0, virtio_remove(&self->v));
	EACH_FAULT(make_dir(&self->v),
		   ASSERT_FALSE(exists(&self->v)),
		   ASSERT_EQ(0, virtio_remove(&self->v)));
	EXPECT_LT(0, self->errors);
}

/* A name that does not fit into what configfs has for it */
TEST_F_TIMEOUT(virtio_nth, make_with_a_long_name, 600)
{
	ASSERT_EQ(0, virtio_remove(&self->v));
	strcat(self->v.dir, "-which-is-a-name-that-is-longer-than-others");
	EACH_FAULT(make_dir(&self->v),
		   ASSERT_FALSE(exists(&self->v)),
		   ASSERT_EQ(0, virtio_remove(&self->v)));
	EXPECT_LT(0, self->errors);
}

#define IS_SET_BACK(attr) do {							\
	ASSERT_STREQ((attr)[2], virtio_get_text(&self->v, (attr)[0]));		\
	ASSERT_EQ(0, virtio_set(&self->v, (attr)[0], "%s", (attr)[1]));		\
} while (0)

TEST_F_TIMEOUT(virtio_nth, set, 600)
{
	const char *const attr[][3] = {
		{ "dm", "0", "1" }, { "addr", "0xa200000", "0xa300000" },
		{ "size", "0x200", "0x400" }, { "queue_size", "64", "128" },
		{ "features_off", "0x0", "0x20000000" },
		{ variant->attr[0], variant->attr[1], variant->attr[2] },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(attr); i++) {
		ASSERT_EQ(0, virtio_set(&self->v, attr[i][0], "%s", attr[i][1]));
		EACH_FAULT(virtio_set(&self->v, attr[i][0], "%s", attr[i][2]),
			   ASSERT_STREQ(attr[i][1], virtio_get_text(&self->v, attr[i][0])),
			   IS_SET_BACK(attr[i]));
		EXPECT_LT(0, self->errors);
	}
}

#define IS_NOT_LIVE() do {							\
	ASSERT_EQ(0, virtio_get(&self->v, "live"));				\
	ASSERT_STREQ("down 0x00", virtio_get_text(&self->v, "status"));		\
	ASSERT_FALSE(has_other_end(variant->model));				\
} while (0)

#define MAKE_AGAIN() do {							\
	ASSERT_FALSE(exists(&self->v));						\
	ASSERT_FALSE(has_other_end(variant->model));				\
	ASSERT_EQ(0, make_dir(&self->v));					\
	ASSERT_EQ(0, virtio_set(&self->v, "dm", "%u", DM));			\
	ASSERT_EQ(0, virtio_set(&self->v, "addr", "%#llx", self->v.addr));	\
	ASSERT_EQ(0, set_up(&self->v, variant->model));				\
} while (0)

/* Not from an empty slot: so it is removed each time */
#define IS_LIVE_FOR_THE_FIRST_TIME() do {					\
	ASSERT_EQ(1, virtio_get(&self->v, "live"));				\
	ASSERT_EQ(0, virtio_remove(&self->v));					\
	MAKE_AGAIN();								\
} while (0)

TEST_F_TIMEOUT(virtio_nth, live, 1800)
{
	EACH_FAULT(virtio_set_live(&self->v, true), IS_NOT_LIVE(), IS_LIVE_FOR_THE_FIRST_TIME());
	EXPECT_LT(0, self->errors);
	ASSERT_EQ(0, virtio_set_live(&self->v, true));
	EXPECT_EQ(0, virtio_start(&self->v, 0, variant->queues, SIZE));
}

/* Where it was before is an empty slot, and stays one after an error */
#define IS_EMPTY_SLOT() do {							\
	IS_NOT_LIVE();								\
	ASSERT_EQ(0, virtio_read(&self->v, VIRTIO_MMIO_DEVICE_ID));		\
} while (0)

#define IS_NO_EMPTY_SLOT() do {							\
	ASSERT_NE(0, virtio_read(&self->v, VIRTIO_MMIO_DEVICE_ID));		\
	ASSERT_EQ(0, virtio_set_live(&self->v, false));				\
} while (0)

TEST_F_TIMEOUT(virtio_nth, live_again, 1800)
{
	ASSERT_EQ(0, virtio_set_live(&self->v, true));
	ASSERT_EQ(0, virtio_set_live(&self->v, false));
	EACH_FAULT(virtio_set_live(&self->v, true), IS_EMPTY_SLOT(), IS_NO_EMPTY_SLOT());
	EXPECT_LT(0, self->errors);
}

#define START_AGAIN() do {							\
	ASSERT_EQ(0, virtio_set_live(&self->v, true));				\
	ASSERT_EQ(0, virtio_start(&self->v, 0, variant->queues, SIZE));		\
} while (0)

/* Some refuse until their driver lets go */
#define IS_TAKEN_DOWN() do {							\
	virtio_reset(&self->v);							\
	IS_NOT_LIVE();								\
	START_AGAIN();								\
} while (0)

/* It fails before it begins, or not at all */
TEST_F_TIMEOUT(virtio_nth, take_down, 600)
{
	START_AGAIN();
	EACH_FAULT(virtio_set_live(&self->v, false),
		   ASSERT_EQ(STATUS_DRIVER_OK, virtio_status(&self->v)), IS_TAKEN_DOWN());
	EXPECT_LT(0, self->errors);
}

#define IS_REMOVED() do {							\
	MAKE_AGAIN();								\
	START_AGAIN();								\
} while (0)

TEST_F_TIMEOUT(virtio_nth, remove_live, 600)
{
	START_AGAIN();
	EACH_FAULT(virtio_remove(&self->v),
		   ASSERT_EQ(STATUS_DRIVER_OK, virtio_status(&self->v)), IS_REMOVED());
}

TEST_HARNESS_MAIN
