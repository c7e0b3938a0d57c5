// SPDX-License-Identifier: GPL-2.0
/* The shared-memory window: lseek() and mmap() of a DM descriptor */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "backend.h"

#define DM 1

FIXTURE(window) {
	int fd;
	off_t size;
	long page;
};

FIXTURE_SETUP(window)
{
	SET_UP_OR_SKIP();
	self->fd = dm_open(DM);
	ASSERT_LE(0, self->fd);
	self->size = frontend_shmem_size(DM);
	self->page = getpagesize();
}

FIXTURE_TEARDOWN(window)
{
	TEAR_DOWN();
}

static void *map_shared(int fd, size_t size, off_t offset)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);
}

/* For what must not work */
static int map_error(int fd, size_t size, off_t offset, int prot, int flags)
{
	void *map = mmap(NULL, size, prot, flags, fd, offset);

	if (map == MAP_FAILED)
		return -errno;
	munmap(map, size);
	return 0;
}

TEST_F(window, seek_end_is_its_size)
{
	EXPECT_EQ(self->size, lseek(self->fd, 0, SEEK_END));
	EXPECT_EQ(0, lseek(self->fd, 0, SEEK_SET));
}

TEST_F(window, seek_moves_within_it)
{
	EXPECT_EQ(100, lseek(self->fd, 100, SEEK_SET));
	EXPECT_EQ(160, lseek(self->fd, 60, SEEK_CUR));
	EXPECT_EQ(150, lseek(self->fd, -10, SEEK_CUR));
	EXPECT_EQ(self->size - 1, lseek(self->fd, -1, SEEK_END));
	EXPECT_EQ(self->size, lseek(self->fd, self->size, SEEK_SET));
	EXPECT_EQ(0, lseek(self->fd, -self->size, SEEK_END));
}

TEST_F(window, seek_beyond_it_is_einval_and_moves_nothing)
{
	static const struct {
		int whence;
		off_t past_size;
	} bad[] = {
		{ SEEK_SET, 1 },
		{ SEEK_END, 1 },
		{ SEEK_CUR, 1 },
	};
	unsigned int i;

	ASSERT_EQ(64, lseek(self->fd, 64, SEEK_SET));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		off_t offset = bad[i].past_size + (bad[i].whence == SEEK_END ? 0 : self->size);

		EXPECT_EQ(-1, lseek(self->fd, offset, bad[i].whence));
		EXPECT_EQ(EINVAL, errno);
	}
	EXPECT_EQ(-1, lseek(self->fd, -1, SEEK_SET));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, lseek(self->fd, -65, SEEK_CUR));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, lseek(self->fd, -self->size - 1, SEEK_END));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, lseek(self->fd, 0, 42));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(64, lseek(self->fd, 0, SEEK_CUR));
}

TEST_F(window, maps_as_a_whole)
{
	char *map = map_shared(self->fd, self->size, 0);

	ASSERT_TRUE(map != MAP_FAILED);
	map[0] = 1;
	map[self->size - 1] = 2;
	EXPECT_EQ(1, map[0]);
	EXPECT_EQ(2, map[self->size - 1]);
}

TEST_F(window, maps_at_an_offset)
{
	char *whole = map_shared(self->fd, self->size, 0);
	char *page = map_shared(self->fd, self->page, 3 * self->page);
	char *last = map_shared(self->fd, self->page, self->size - self->page);

	ASSERT_TRUE(whole != MAP_FAILED);
	ASSERT_TRUE(page != MAP_FAILED);
	ASSERT_TRUE(last != MAP_FAILED);
	strcpy(whole + 3 * self->page, "third page");
	strcpy(last, "last page");
	EXPECT_STREQ("third page", page);
	EXPECT_STREQ("last page", whole + self->size - self->page);
}

TEST_F(window, mapping_beyond_it_is_einval)
{
	const struct {
		size_t size;
		off_t offset;
	} bad[] = {
		{ self->size + self->page, 0 },
		{ self->size, self->page },
		{ self->page, self->size },
		{ 2 * self->page, self->size - self->page },
		{ self->page, 2 * self->size },
		/* Within it, if somebody counts in 32 bits */
		{ self->page, 1ll << 32 },
		{ self->page, (1ll << 32) + self->size - self->page },
		{ 2 * self->page, (1ll << 32) - self->page },
#if __SIZEOF_LONG__ == 8
		{ self->page, 0x7ffffffffffff000 },
#endif
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		int ret = map_error(self->fd, bad[i].size, bad[i].offset, PROT_READ | PROT_WRITE,
				    MAP_SHARED);

		/* What no file can have on this kernel is refused before the driver hears of it */
		if (ret == -EOVERFLOW && (bad[i].offset > 1ll << 60 ||
					  bad[i].offset + bad[i].size > register_mask()))
			continue;
		EXPECT_EQ(-EINVAL, ret)
			TH_LOG("%zu bytes at %lld", bad[i].size, (long long)bad[i].offset);
	}
}

TEST_F(window, mapping_cannot_grow_beyond_it)
{
	char *map = map_shared(self->fd, self->size, 0);

	ASSERT_TRUE(map != MAP_FAILED);
	EXPECT_TRUE(mremap(map, self->size, 2 * self->size, MREMAP_MAYMOVE) == MAP_FAILED);
}

TEST_F(window, private_mapping_is_einval)
{
	EXPECT_EQ(-EINVAL, map_error(self->fd, self->page, 0, PROT_READ | PROT_WRITE, MAP_PRIVATE));
	EXPECT_EQ(-EINVAL, map_error(self->fd, self->page, 0, PROT_READ, MAP_PRIVATE));
}

TEST_F(window, is_shared_by_all_descriptors)
{
	int other = dm_open(DM);
	char *a = map_shared(self->fd, self->page, 0);
	char *b;

	ASSERT_LE(0, other);
	b = map_shared(other, self->page, 0);
	ASSERT_TRUE(a != MAP_FAILED);
	ASSERT_TRUE(b != MAP_FAILED);
	strcpy(a, "written through one");
	EXPECT_STREQ("written through one", b);
}

TEST_F(window, is_not_that_of_another_device_model)
{
	int other = dm_open(DM + 1);
	char *a = map_shared(self->fd, self->page, 0);
	char *b;

	ASSERT_LE(0, other);
	b = map_shared(other, self->page, 0);
	ASSERT_TRUE(a != MAP_FAILED);
	ASSERT_TRUE(b != MAP_FAILED);
	strcpy(a, "mine");
	strcpy(b, "yours");
	EXPECT_STREQ("mine", a);
}

TEST_F(window, mapping_outlives_the_descriptor)
{
	char *map = map_shared(self->fd, self->size, 0);

	ASSERT_TRUE(map != MAP_FAILED);
	strcpy(map + self->page, "before");
	close_fd(self->fd);
	EXPECT_STREQ("before", map + self->page);
	/* A page that was not touched yet */
	strcpy(map + 5 * self->page, "after");
	EXPECT_STREQ("after", map + 5 * self->page);
}

TEST_F(window, is_normal_memory)
{
	char *map = map_shared(self->fd, self->page, 0);
	__u64 value = 0x0123456789abcdef, seen;

	ASSERT_TRUE(map != MAP_FAILED);
	/* Device memory takes neither an unaligned nor an exclusive access */
	memcpy(map + 13, &value, sizeof(value));
	memcpy(&seen, map + 13, sizeof(seen));
	EXPECT_EQ(value, seen);
	memset(map, 0, 64);
	EXPECT_EQ(1, __atomic_add_fetch((int *)map, 1, __ATOMIC_SEQ_CST));
}

TEST_HARNESS_MAIN
