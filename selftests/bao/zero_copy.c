// SPDX-License-Identifier: GPL-2.0
/*
 * The switch zero_copy of an endpoint: which windows can have pages, and that everything that used
 * a window without goes on with them. What disks make of it is for "make virtio".
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "backend.h"
#include "modules.h"
#include "sim.h"

#define DM	1
/* Nobody's */
#define NEW	63
#define CLIENT	"bao_test_client"

/* Registers of the client in the kernel */
#define REG_SCRATCH	0x08
#define REG_SHMEM	0x20

FIXTURE(zero_copy) {
	int fd;
	size_t size;
};

FIXTURE_SETUP(zero_copy)
{
	SET_UP_OR_SKIP();
	self->fd = dm_open(DM);
	ASSERT_LE(0, self->fd);
	self->size = frontend_shmem_size(DM);
}

static const char *attribute(unsigned int dm_id)
{
	static char path[80];

	snprintf(path, sizeof(path), "/sys/bus/auxiliary/devices/bao.remio.%u/zero_copy", dm_id);
	return path;
}

static int set(unsigned int dm_id, const char *value)
{
	return write_file(attribute(dm_id), value);
}

static bool is_on(unsigned int dm_id)
{
	return read_number(attribute(dm_id)) == 1;
}

FIXTURE_TEARDOWN(zero_copy)
{
	endpoints_bind();
	remove_module(CLIENT);
	set(DM, "0");
	TEAR_DOWN();
}

/* Where there is a window outside of all memory, and a kernel that can do it, it must work */
#define ON_OR_SKIP() do {							\
	int _ret;								\
										\
	if (frontend_is_simulated())						\
		SKIP(return, "the simulator's windows are the kernel's memory");\
	_ret = set(DM, "1");							\
	if (_ret == -EOPNOTSUPP && !machine_can())				\
		SKIP(return, "no pages for windows on this machine");		\
	ASSERT_EQ(0, _ret);							\
	EXPECT_TRUE(is_on(DM));							\
} while (0)

/* Those of the kernels that the tests come with */
static bool machine_can(void)
{
#ifdef __aarch64__
	return true;
#else
	return false;
#endif
}

static char *map_window(int fd, size_t size)
{
	char *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return map == MAP_FAILED ? NULL : map;
}

/* Pieces of memory that have pages, as /proc/iomem tells */
static int resources(void)
{
	FILE *file = fopen("/proc/iomem", "r");
	char line[128];
	int n = 0;

	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file))
		n += !!strstr(line, "Bao shared memory");
	fclose(file);
	return n;
}

TEST_F(zero_copy, is_off_unless_told)
{
	EXPECT_EQ(0, read_number(attribute(DM)));
	EXPECT_EQ(0, set(DM, "0"));
	EXPECT_EQ(-EINVAL, set(DM, "perhaps"));
	EXPECT_EQ(-EINVAL, set(DM, "2"));
	EXPECT_EQ(0, read_number(attribute(DM)));
}

/* What it lacks, or that it has pages already */
TEST_F(zero_copy, memory_of_the_kernel_is_refused)
{
	struct bao_sim_device info;
	unsigned int new = NEW;
	char *map;
	int ret;

	SIM_OR_SKIP();
	ASSERT_EQ(0, sim_add(sim_fd(), NEW, &info));
	ASSERT_EQ(0, sim_life(sim_fd(), NEW, BAO_SIM_BIND));
	ret = set(NEW, "1");
	EXPECT_TRUE(ret == -EINVAL || ret == -EOPNOTSUPP)
		TH_LOG("%llu KiB at %#llx: %d", info.shmem_size >> 10, info.shmem_addr, ret);
	EXPECT_FALSE(is_on(NEW));
	ASSERT_EQ(0, do_ioctl(sim_fd(), BAO_SIM_DEL, &new));

	info = (struct bao_sim_device){ .dm_id = NEW, .shmem_size = BAO_SIM_WINDOW_MAX };
	ret = do_ioctl(sim_fd(), BAO_SIM_ADD, &info);
	if (ret == -ENOMEM)
		SKIP(return, "there is no piece of memory large enough");
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, sim_life(sim_fd(), NEW, BAO_SIM_BIND));
	ret = set(NEW, "1");
	EXPECT_TRUE(ret == -EEXIST || ret == -EOPNOTSUPP)
		TH_LOG("%llu KiB at %#llx: %d", info.shmem_size >> 10, info.shmem_addr, ret);
	EXPECT_FALSE(is_on(NEW));

	/* The window is as good as before */
	self->fd = dm_open(NEW);
	ASSERT_LE(0, self->fd);
	map = map_window(self->fd, info.shmem_size);
	ASSERT_NE(NULL, map);
	strcpy(map + info.shmem_size - 16, "here");
	EXPECT_STREQ("here", map + info.shmem_size - 16);
	munmap(map, info.shmem_size);
	close_fd(self->fd);
	ASSERT_EQ(0, do_ioctl(sim_fd(), BAO_SIM_DEL, &new));
}

TEST_F(zero_copy, goes_on_and_off)
{
	int i, before;

	ON_OR_SKIP();
	before = resources();
	EXPECT_LT(0, before);
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(0, set(DM, "1"));
		EXPECT_TRUE(is_on(DM));
		EXPECT_EQ(0, set(DM, "0"));
		EXPECT_FALSE(is_on(DM));
	}
	EXPECT_EQ(before, resources());
}

TEST_F(zero_copy, mappings_of_processes_go_on)
{
	char *before = map_window(self->fd, self->size), *after;
	size_t i;

	ASSERT_NE(NULL, before);
	for (i = 0; i < self->size; i += getpagesize())
		*(size_t *)(before + i) = i ^ 0x5aa5;
	ON_OR_SKIP();
	after = map_window(self->fd, self->size);
	ASSERT_NE(NULL, after);
	for (i = 0; i < self->size; i += getpagesize()) {
		ASSERT_EQ(i ^ 0x5aa5, *(size_t *)(before + i));
		ASSERT_EQ(i ^ 0x5aa5, *(size_t *)(after + i));
		*(size_t *)(after + i) = ~i;
	}
	for (i = 0; i < self->size; i += getpagesize())
		ASSERT_EQ(~i, *(size_t *)(before + i));
	munmap(before, self->size);
	EXPECT_EQ(~0UL, *(size_t *)after);
	munmap(after, self->size);
}

/* Nobody gets hold of the pages by the mapping of a process, before as after */
TEST_F(zero_copy, pages_are_not_those_of_processes)
{
	char *map = map_window(self->fd, self->size);
	struct iovec iov = { .iov_base = map, .iov_len = getpagesize() };
	int ends[2];

	ASSERT_NE(NULL, map);
	ASSERT_EQ(0, pipe(ends));
	EXPECT_EQ(-1, vmsplice(ends[1], &iov, 1, 0));
	EXPECT_EQ(EFAULT, errno);
	ON_OR_SKIP();
	EXPECT_EQ(-1, vmsplice(ends[1], &iov, 1, 0));
	EXPECT_EQ(EFAULT, errno);
	/* Copies work */
	strcpy(map, "copied");
	EXPECT_EQ(7, write(ends[1], map, 7));
	EXPECT_EQ(7, read(ends[0], map + 100, 7));
	EXPECT_STREQ("copied", map + 100);
	close(ends[0]);
	close(ends[1]);
	munmap(map, self->size);
}

static int load_client(void)
{
	char path[256], parameters[64];
	int fd, ret;

	snprintf(path, sizeof(path), "%s/" CLIENT ".ko", getenv("BAO_MODULES") ?: "/modules");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	snprintf(parameters, sizeof(parameters), "dm=%u window=%#llx", DM, frontend_window(DM));
	ret = syscall(SYS_finit_module, fd, parameters, 0) ? -errno : 0;
	close(fd);
	return ret;
}

/* One access of vCPU 0 that the kernel answers; yields the frontend's register */
#define ACCESS(what) ({							\
	frontend_start(DM, 0, what, 1);					\
	ASSERT_TRUE(wait_until(frontend_done(DM, 0) == 1));		\
	frontend_result(DM, 0);						\
})

#define KERNEL_SEES(offset) ({						\
	ACCESS(write_of(frontend_window(DM) + REG_SCRATCH, 8,		\
			frontend_shmem_addr(DM) + (offset)));		\
	ACCESS(read_of(frontend_window(DM) + REG_SHMEM, 8));		\
})

TEST_F(zero_copy, is_busy_while_the_kernel_has_it_mapped)
{
	char *map = map_window(self->fd, self->size);
	int i;

	ASSERT_NE(NULL, map);
	ON_OR_SKIP();
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, load_client());
		*(__u64 *)map = 0x1122334455667788 + i;
		*(__u64 *)(map + self->size - 8) = 0x8877665544332211 + i;
		EXPECT_EQ(0x1122334455667788 + i, KERNEL_SEES(0));
		EXPECT_EQ(0x8877665544332211 + i, KERNEL_SEES(self->size - 8));
		EXPECT_EQ(-EBUSY, set(DM, is_on(DM) ? "0" : "1"));
		EXPECT_EQ(0, set(DM, is_on(DM) ? "1" : "0"));
		ASSERT_EQ(0, remove_module(CLIENT));
		/* And once more without */
		ASSERT_EQ(0, set(DM, "0"));
	}
	munmap(map, self->size);
}

TEST_F(zero_copy, a_new_endpoint_finds_the_pages)
{
	char *map = map_window(self->fd, self->size);
	int before;

	ASSERT_NE(NULL, map);
	ON_OR_SKIP();
	before = resources();
	strcpy(map, "of the old one");
	ASSERT_EQ(0, endpoints_unbind());
	ASSERT_EQ(0, endpoints_bind());
	EXPECT_FALSE(is_on(DM));
	ASSERT_EQ(0, set(DM, "1"));
	EXPECT_TRUE(is_on(DM));
	EXPECT_EQ(before, resources());
	EXPECT_STREQ("of the old one", map);
	ASSERT_EQ(0, load_client());
	EXPECT_EQ(*(__u64 *)map, KERNEL_SEES(0));
	munmap(map, self->size);
}

TEST_F(zero_copy, a_new_module_finds_the_pages)
{
	bool channels = is_loaded("bao_ipc");
	char *map = map_window(self->fd, self->size);
	int before;

	ASSERT_NE(NULL, map);
	ON_OR_SKIP();
	if (!modular())
		SKIP(return, "the driver is not modular");
	before = resources();
	strcpy(map, "before");
	munmap(map, self->size);
	close_fd(self->fd);
	ASSERT_EQ(0, remove_module("bao_remio"));
	if (channels)
		ASSERT_EQ(0, remove_module("bao_ipc"));
	ASSERT_EQ(0, remove_module("bao"));
	/* Its name is nobody's memory */
	EXPECT_EQ(before, resources());
	ASSERT_EQ(0, load_module("bao"));
	ASSERT_EQ(0, load_module("bao_remio"));
	if (channels)
		ASSERT_EQ(0, load_module("bao_ipc"));
	ASSERT_EQ(0, set(DM, "1"));
	EXPECT_EQ(before, resources());
	self->fd = dm_open(DM);
	ASSERT_LE(0, self->fd);
	map = map_window(self->fd, self->size);
	ASSERT_NE(NULL, map);
	EXPECT_STREQ("before", map);
	munmap(map, self->size);
}

TEST_HARNESS_MAIN
