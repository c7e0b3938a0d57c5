// SPDX-License-Identifier: GPL-2.0
/*
 * Nodes with mistakes: no device, -EINVAL, and a line for each that says what is wrong. And what is
 * made of those that have none.
 */
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "backend.h"
#include "ipc_sim.h"

#define BIND "/sys/bus/platform/drivers/bao/bind"
#define KERN_ERR 3

FIXTURE(node) {
	int kmsg;
	char path[256];
	const char *device;
};

/* Each mistake has its line, and so has a second object that is left without the first */
FIXTURE_VARIANT(node) {
	const char *name;
	unsigned int more_lines;
};

FIXTURE_VARIANT_ADD(node, counts_that_differ) { .name = "bao-io-dispatcher-bad-counts" };
FIXTURE_VARIANT_ADD(node, windows_that_overlap) { .name = "bao-io-dispatcher-bad-overlap" };
FIXTURE_VARIANT_ADD(node, empty_window) { .name = "bao-io-dispatcher-bad-zero" };
FIXTURE_VARIANT_ADD(node, unaligned_window) { .name = "bao-io-dispatcher-bad-align" };
FIXTURE_VARIANT_ADD(node, too_many_devices) { .name = "bao-io-dispatcher-bad-many" };

FIXTURE_VARIANT_ADD(node, parts_that_overlap) { .name = "bao-ipcshmem-bad-overlap" };
FIXTURE_VARIANT_ADD(node, part_behind_the_end) { .name = "bao-ipcshmem-bad-end" };
FIXTURE_VARIANT_ADD(node, part_that_wraps) { .name = "bao-ipcshmem-bad-wrap" };
FIXTURE_VARIANT_ADD(node, unaligned_memory) { .name = "bao-ipcshmem-bad-align" };
FIXTURE_VARIANT_ADD(node, small_memory) { .name = "bao-ipcshmem-bad-small" };
FIXTURE_VARIANT_ADD(node, half_a_part) { .name = "bao-ipcshmem-bad-cells" };
FIXTURE_VARIANT_ADD(node, channel_without_id) { .name = "bao-ipcshmem-bad-no-id" };
FIXTURE_VARIANT_ADD(node, nothing) { .name = "bao-hypervisor-bad-empty" };
FIXTURE_VARIANT_ADD(node, unknown_device) { .name = "bao-hypervisor-bad-device" };
FIXTURE_VARIANT_ADD(node, device_twice) { .name = "bao-hypervisor-bad-twice", .more_lines = 1 };
FIXTURE_VARIANT_ADD(node, memory_of_two_devices) {
	.name = "bao-hypervisor-bad-windows", .more_lines = 1
};

FIXTURE_VARIANT_ADD(node, unknown_channel) { .name = "bao-hypervisor-bad-channel" };
FIXTURE_VARIANT_ADD(node, regions_that_overlap) { .name = "bao-hypervisor-bad-regions" };
FIXTURE_VARIANT_ADD(node, regions_without_names) { .name = "bao-hypervisor-bad-names" };

FIXTURE_VARIANT_ADD(node, unaligned_window_of_a_device) { .name = "bao-hypervisor-bad-align" };
FIXTURE_VARIANT_ADD(node, index_of_two_cells) { .name = "bao-hypervisor-bad-cells" };
FIXTURE_VARIANT_ADD(node, interrupt_in_the_middle) { .name = "bao-hypervisor-bad-irqs" };

/* The kernel may have put an address in front of the name */
static bool find_node(const char *name, char *path, size_t size)
{
	char pattern[128];
	glob_t found;

	snprintf(pattern, sizeof(pattern), "/sys/bus/platform/devices/*%s", name);
	if (glob(pattern, 0, NULL, &found))
		return false;
	snprintf(path, size, "%s", found.gl_pathv[0]);
	globfree(&found);
	return true;
}

FIXTURE_SETUP(node)
{
	SET_UP_OR_SKIP();
	if (!find_node(variant->name, self->path, sizeof(self->path)))
		SKIP(return, "the device tree has no such node");
	self->device = strrchr(self->path, '/') + 1;
	self->kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ASSERT_LE(0, self->kmsg);
	ASSERT_EQ(0, lseek(self->kmsg, 0, SEEK_END));
}

FIXTURE_TEARDOWN(node)
{
	TEAR_DOWN();
}

/* What the log has got about the device since the setup, by the driver and by the driver core */
struct lines {
	unsigned int driver;
	unsigned int driver_errors;
	unsigned int core;
};

static struct lines read_log(int kmsg, const char *device)
{
	struct lines lines = { 0 };
	char record[2048];
	unsigned int prio;
	ssize_t n;

	for (;;) {
		n = read(kmsg, record, sizeof(record) - 1);
		if (n < 0 && errno == EPIPE)
			continue;	/* overwritten; the next read goes on */
		if (n <= 0)
			return lines;
		record[n] = '\0';
		/* After the message itself come lines about its origin */
		record[strcspn(record, "\n")] = '\0';
		if (!strstr(record, device) || sscanf(record, "%u,", &prio) != 1)
			continue;
		if (strstr(record, "failed with error")) {
			lines.core += !!strstr(record, "failed with error -22");
		} else {
			lines.driver++;
			lines.driver_errors += (prio & 7) == KERN_ERR;
		}
	}
}

TEST_F(node, is_not_bound)
{
	char link[300];

	snprintf(link, sizeof(link), "%s/driver", self->path);
	EXPECT_EQ(-1, access(link, F_OK));
}

TEST_F(node, probe_says_einval_in_one_line)
{
	struct lines lines;

	EXPECT_EQ(-EINVAL, write_file(BIND, self->device));
	lines = read_log(self->kmsg, self->device);
	EXPECT_EQ(1 + variant->more_lines, lines.driver);
	EXPECT_EQ(1 + variant->more_lines, lines.driver_errors);
	EXPECT_EQ(1, lines.core);
}

/* What has no mistake does without what has */

#define UNBIND "/sys/bus/platform/drivers/bao/unbind"
#define CHANNEL "/sys/bus/auxiliary/devices/bao.ipc."

TEST(mistakes_cost_only_the_objects_that_have_them)
{
	struct lines lines;
	const char *device;
	char path[256];
	int kmsg;

	SET_UP_OR_SKIP();
	if (!find_node("bao-hypervisor-partly", path, sizeof(path)))
		SKIP(return, "the device tree has no such node");
	device = strrchr(path, '/') + 1;
	ASSERT_EQ(0, write_file(UNBIND, device));
	EXPECT_EQ(-1, access(CHANNEL "1", F_OK));
	kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ASSERT_LE(0, kmsg);
	ASSERT_EQ(0, lseek(kmsg, 0, SEEK_END));
	ASSERT_EQ(0, write_file(BIND, device));
	lines = read_log(kmsg, device);
	EXPECT_EQ(3, lines.driver);
	EXPECT_EQ(3, lines.driver_errors);
	EXPECT_EQ(0, lines.core);
	EXPECT_EQ(0, access(CHANNEL "1", F_OK));
	EXPECT_EQ(0, access(CHANNEL "2", F_OK));
	EXPECT_EQ(-1, access(CHANNEL "3", F_OK));
	close(kmsg);
	TEAR_DOWN();
}

/* Both bindings: the same channel, whichever describes it */

#define SAME_ID		4
#define SAME_SIZE	0x100000

/* What a process sees of the channel; its parts get, or have, one byte each */
static int look_at_channel(struct bao_ipc_info *info, bool first, unsigned char *rx,
			   unsigned char *tx)
{
	int fd = ipc_open(SAME_ID, O_RDWR), ret;
	unsigned char *map;

	if (fd < 0)
		return fd;
	ret = do_ioctl(fd, BAO_IOCTL_IPC_GET_INFO, info);
	map = mmap(NULL, SAME_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, info->rx_offset);
	if (!ret && map == MAP_FAILED)
		ret = -errno;
	if (!ret && first)
		map[SAME_SIZE - 1] = *rx;
	if (!ret && pread(fd, rx, 1, SAME_SIZE - 1) != 1)
		ret = -EIO;
	munmap(map, SAME_SIZE);
	map = mmap(NULL, SAME_SIZE, PROT_READ, MAP_SHARED, fd, info->tx_offset);
	if (!ret && map == MAP_FAILED)
		ret = -errno;
	if (!ret && first && pwrite(fd, tx, 1, SAME_SIZE - 1) != 1)
		ret = -EIO;
	if (!ret)
		*tx = map[SAME_SIZE - 1];
	munmap(map, SAME_SIZE);
	close(fd);
	return ret;
}

TEST(both_bindings_describe_the_same)
{
	static const char * const names[] = { "bao-ipcshmem-same", "bao-hypervisor-same" };
	unsigned char rx = 0x5a, tx = 0xa5;
	struct bao_ipc_info info[2];
	char path[2][256];
	unsigned int i;

	SET_UP_OR_SKIP();
	for (i = 0; i < 2; i++)
		if (!find_node(names[i], path[i], sizeof(path[i])))
			SKIP(return, "the device tree has no such node");
	/* One of them has it */
	for (i = 0; i < 2; i++)
		write_file(UNBIND, strrchr(path[i], '/') + 1);
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, write_file(BIND, strrchr(path[i], '/') + 1));
		ASSERT_EQ(0, look_at_channel(&info[i], !i, &rx, &tx));
		EXPECT_EQ(0x5a, rx);
		EXPECT_EQ(0xa5, tx);
		EXPECT_EQ(SAME_ID, info[i].id);
		EXPECT_EQ(3, info[i].events);
		EXPECT_EQ(SAME_SIZE, info[i].rx_size);
		EXPECT_EQ(SAME_SIZE, info[i].tx_size);
		EXPECT_EQ(2 * SAME_SIZE, info[i].map_size);
		/* The other one cannot have it as well */
		EXPECT_EQ(-EEXIST, write_file(BIND, strrchr(path[!i], '/') + 1));
		ASSERT_EQ(0, write_file(UNBIND, strrchr(path[i], '/') + 1));
	}
	TEAR_DOWN();
}

TEST(a_channel_of_the_first_series)
{
	struct bao_ipc_info info;
	__u32 events = 1;
	char path[256];
	int fd;

	SET_UP_OR_SKIP();
	if (!find_node("f0000000.bao-ipc", path, sizeof(path)))
		SKIP(return, "the device tree has no such node");
	fd = ipc_open(0, O_RDWR);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, do_ioctl(fd, BAO_IOCTL_IPC_GET_INFO, &info));
	EXPECT_EQ(0, info.id);
	EXPECT_EQ(0, info.events);
	EXPECT_EQ(0x10000, info.map_size);
	EXPECT_EQ(0, info.rx_offset);
	EXPECT_EQ(0x2000, info.rx_size);
	EXPECT_EQ(0x2000, info.tx_offset);
	EXPECT_EQ(0x2000, info.tx_size);
	/* There is no interrupt to wait for, but the other VM may have one */
	EXPECT_EQ(POLLIN | POLLOUT, ipc_poll(fd, 0));
	EXPECT_EQ(-EOPNOTSUPP, ipc_wait(fd, &events, NULL));
	EXPECT_EQ(0, ipc_notify(fd, 0));
	EXPECT_EQ(1, ipc_statistic(0, "notifies"));
	close(fd);
	TEAR_DOWN();
}

TEST_HARNESS_MAIN
