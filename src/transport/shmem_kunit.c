// SPDX-License-Identifier: GPL-2.0
/* KUnit tests of the bounds of the shared-memory window, and of memory that must not get pages */
#include <kunit/test.h>
#include <linux/io.h>
#include <linux/limits.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/sizes.h>

#include "compat.h"
#include "transport.h"

#define START	0x60000000ULL
#define SIZE	0x100000ULL

static void shmem_bounds(struct kunit *test)
{
	static const struct {
		u64 addr;
		size_t len;
		bool inside;
	} tries[] = {
		{ START, 1, true },
		{ START, SIZE, true },
		{ START, 0, true },
		{ START + SIZE - 1, 1, true },
		{ START + SIZE, 0, true },
		{ START + 8, SIZE - 8, true },
		{ START - 1, 1, false },
		{ START - 1, 0, false },
		{ START - 1, 2, false },
		{ START, SIZE + 1, false },
		{ START + 1, SIZE, false },
		{ START + SIZE, 1, false },
		{ START + SIZE + 1, 0, false },
		{ START + SIZE - 1, 2, false },
		{ START + 1, SIZE_MAX, false },
		{ START + SIZE, SIZE_MAX, false },
		{ 0, 1, false },
		{ 0, SIZE_MAX, false },
		{ U64_MAX, 1, false },
		{ U64_MAX, 2, false },
		{ U64_MAX - SIZE, SIZE_MAX, false },
	};
	struct bao_endpoint *ep = kunit_kzalloc(test, sizeof(*ep), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, ep);
	ep->desc.shmem_start = START;
	ep->desc.shmem_size = SIZE;
	/* Only compared, never followed */
	ep->shmem = (void *)0x10000;
	for (i = 0; i < ARRAY_SIZE(tries); i++) {
		void *want = NULL;

		if (tries[i].inside)
			want = ep->shmem + (tries[i].addr - START);
		KUNIT_EXPECT_PTR_EQ_MSG(test, bao_shmem_ptr(ep, tries[i].addr, tries[i].len), want,
					"%#llx + %#zx", tries[i].addr, tries[i].len);
	}
}

static void width_masks(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, bao_width_mask(0), 0);
	KUNIT_EXPECT_EQ(test, bao_width_mask(1), 0xff);
	KUNIT_EXPECT_EQ(test, bao_width_mask(2), 0xffff);
	KUNIT_EXPECT_EQ(test, bao_width_mask(4), 0xffffffff);
	KUNIT_EXPECT_EQ(test, bao_width_mask(7), 0xffffffffffffffULL);
	KUNIT_EXPECT_EQ(test, bao_width_mask(8), U64_MAX);
	KUNIT_EXPECT_EQ(test, bao_width_mask(UINT_MAX), U64_MAX);
}

/* Whatever is refused here is refused before the kernel is asked for anything */
static void pages_refused(struct kunit *test)
{
	const u64 memory = round_down(page_to_phys(ZERO_PAGE(0)), SZ_2M);
	const struct {
		u64 start;
		u64 size;
		int error;
	} tries[] = {
		{ START, 0, -EINVAL },
		{ START, SZ_1M, -EINVAL },
		{ START + SZ_1M, SZ_2M, -EINVAL },
		{ START + PAGE_SIZE, SZ_2M - PAGE_SIZE, -EINVAL },
		{ START, SZ_2M + PAGE_SIZE, -EINVAL },
		{ -(u64)SZ_2M, SZ_4M, -ERANGE },
		{ -(u64)SZ_2M, SZ_2M, -ERANGE },
		{ 1ULL << 62, SZ_2M, -ERANGE },
		{ memory, SZ_2M, -EEXIST },
		{ memory, SZ_4M, -EEXIST },
	};
	const bool can = IS_ENABLED(CONFIG_BAO_SHMEM_PAGES) && BAO_SECTIONS_CAN_BE_SHARED;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(tries); i++) {
		void *pages = bao_shmem_make_pages(tries[i].start, tries[i].size);
		int want = can ? tries[i].error : -EOPNOTSUPP;

		KUNIT_EXPECT_EQ_MSG(test, PTR_ERR(pages), want, "%#llx + %#llx", tries[i].start,
				    tries[i].size);
	}
}

static struct kunit_case shmem_cases[] = {
	KUNIT_CASE(shmem_bounds),
	KUNIT_CASE(pages_refused),
	KUNIT_CASE(width_masks),
	{ }
};

static struct kunit_suite shmem_suite = {
	.name = "bao_shmem",
	.test_cases = shmem_cases,
};

kunit_test_suite(shmem_suite);
