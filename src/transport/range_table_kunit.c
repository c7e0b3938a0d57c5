// SPDX-License-Identifier: GPL-2.0
/* KUnit tests of the range table */
#include <kunit/test.h>
#include <linux/err.h>

#include "transport.h"

#define NR_RANGES 64

/* Ranges of a test and the table of them; tables are freed with kfree_rcu() like real ones */
struct table_test {
	struct list_head ranges;
	unsigned int nr;
	struct bao_range range[NR_RANGES];
	struct bao_range_table *table;
};

static int table_init(struct kunit *test)
{
	struct table_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	if (!t)
		return -ENOMEM;
	INIT_LIST_HEAD(&t->ranges);
	test->priv = t;

	return 0;
}

static void table_exit(struct kunit *test)
{
	struct table_test *t = test->priv;

	if (t)
		bao_range_table_free_rcu(t->table);
}

static struct bao_range *add(struct table_test *t, struct bao_range range)
{
	struct bao_range *new = &t->range[t->nr++];

	*new = range;
	list_add_tail(&new->node, &t->ranges);

	return new;
}

static struct bao_range *add_write(struct table_test *t, u64 addr, u64 size, u64 value)
{
	return add(t, (struct bao_range){
		.kind = BAO_RANGE_WRITE, .addr = addr, .size = size, .value = value,
	});
}

static struct bao_range *add_any_write(struct table_test *t, u64 addr, u64 size)
{
	return add(t, (struct bao_range){
		.kind = BAO_RANGE_WRITE, .addr = addr, .size = size, .any_value = true,
	});
}

static struct bao_range *add_window(struct table_test *t, u64 addr, u64 size)
{
	return add(t, (struct bao_range){
		.kind = BAO_RANGE_WINDOW, .addr = addr, .size = size,
	});
}

static int build(struct table_test *t)
{
	struct bao_range_table *table = bao_range_table_create(&t->ranges, t->nr);

	if (IS_ERR(table))
		return PTR_ERR(table);
	bao_range_table_free_rcu(t->table);
	t->table = table;

	return 0;
}

static struct bao_range *find_write(struct table_test *t, u64 addr, u32 width, u64 value)
{
	const struct bao_request req = {
		.addr = addr, .width = width, .value = value, .write = true,
	};

	return bao_range_table_find_write(t->table, &req);
}

static void table_without_ranges(struct kunit *test)
{
	struct table_test *t = test->priv;

	/* There may be no table at all */
	KUNIT_EXPECT_NULL(test, find_write(t, 0, 4, 0));
	KUNIT_EXPECT_NULL(test, bao_range_table_find_window(NULL, 0));
	KUNIT_ASSERT_EQ(test, build(t), 0);
	KUNIT_EXPECT_NULL(test, find_write(t, 0, 4, 0));
	KUNIT_EXPECT_NULL(test, bao_range_table_find_window(t->table, 0));
}

static void table_write_matches_exactly(struct kunit *test)
{
	struct table_test *t = test->priv;
	struct bao_range *a = add_write(t, 0x1000, 4, 1);
	struct bao_range *b = add_write(t, 0x1000, 4, 2);
	struct bao_range *c = add_write(t, 0x1000, 2, 1);
	struct bao_range *any = add_any_write(t, 0x1004, 4);
	struct bao_request read = { .addr = 0x1000, .width = 4, .value = 1 };

	KUNIT_ASSERT_EQ(test, build(t), 0);
	KUNIT_EXPECT_PTR_EQ(test, find_write(t, 0x1000, 4, 1), a);
	KUNIT_EXPECT_PTR_EQ(test, find_write(t, 0x1000, 4, 2), b);
	KUNIT_EXPECT_PTR_EQ(test, find_write(t, 0x1000, 2, 1), c);
	KUNIT_EXPECT_PTR_EQ(test, find_write(t, 0x1004, 4, 0), any);
	KUNIT_EXPECT_PTR_EQ(test, find_write(t, 0x1004, 4, U32_MAX), any);
	KUNIT_EXPECT_NULL(test, find_write(t, 0x1000, 4, 3));
	KUNIT_EXPECT_NULL(test, find_write(t, 0x1000, 8, 1));
	KUNIT_EXPECT_NULL(test, find_write(t, 0x1001, 4, 1));
	KUNIT_EXPECT_NULL(test, find_write(t, 0x0fff, 4, 1));
	KUNIT_EXPECT_NULL(test, bao_range_table_find_write(t->table, &read));
}

static void table_write_conflicts(struct kunit *test)
{
	static const u64 values[] = { 0, 1, 7, U32_MAX };
	struct table_test *t = test->priv;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(values); i++)
		add_write(t, 0x1000, 4, values[i]);
	KUNIT_ASSERT_EQ(test, build(t), 0);

	add_write(t, 0x1000, 4, 7);
	KUNIT_EXPECT_EQ(test, build(t), -EEXIST);
	list_del(&t->range[--t->nr].node);

	add_any_write(t, 0x1000, 4);
	KUNIT_EXPECT_EQ(test, build(t), -EEXIST);
	list_del(&t->range[--t->nr].node);

	/* Neither of these could match the same write */
	add_any_write(t, 0x1000, 2);
	add_any_write(t, 0x1001, 4);
	add_window(t, 0x1000, 0x200);
	KUNIT_EXPECT_EQ(test, build(t), 0);
}

/* A range for any value is found in conflict wherever the values sort it */
static void table_any_value_conflicts_with_each(struct kunit *test)
{
	struct table_test *t = test->priv;
	unsigned int i;

	add_any_write(t, 0x1000, 4);
	for (i = 0; i < 32; i++) {
		add_write(t, 0x1000, 4, 1ULL << i);
		KUNIT_EXPECT_EQ(test, build(t), -EEXIST);
		list_del(&t->range[--t->nr].node);
	}
	add_any_write(t, 0x1000, 4);
	KUNIT_EXPECT_EQ(test, build(t), -EEXIST);
}

static void table_window_bounds(struct kunit *test)
{
	struct table_test *t = test->priv;
	struct bao_range *low = add_window(t, 0, 1);
	struct bao_range *a = add_window(t, 0x1000, 0x200);
	struct bao_range *b = add_window(t, 0x1200, 0x200);
	struct bao_range *high = add_window(t, U64_MAX, 1);

	KUNIT_ASSERT_EQ(test, build(t), 0);
	KUNIT_EXPECT_PTR_EQ(test, bao_range_table_find_window(t->table, 0), low);
	KUNIT_EXPECT_NULL(test, bao_range_table_find_window(t->table, 1));
	KUNIT_EXPECT_NULL(test, bao_range_table_find_window(t->table, 0xfff));
	KUNIT_EXPECT_PTR_EQ(test, bao_range_table_find_window(t->table, 0x1000), a);
	KUNIT_EXPECT_PTR_EQ(test, bao_range_table_find_window(t->table, 0x11ff), a);
	KUNIT_EXPECT_PTR_EQ(test, bao_range_table_find_window(t->table, 0x1200), b);
	KUNIT_EXPECT_PTR_EQ(test, bao_range_table_find_window(t->table, 0x13ff), b);
	KUNIT_EXPECT_NULL(test, bao_range_table_find_window(t->table, 0x1400));
	KUNIT_EXPECT_NULL(test, bao_range_table_find_window(t->table, U64_MAX - 1));
	KUNIT_EXPECT_PTR_EQ(test, bao_range_table_find_window(t->table, U64_MAX), high);
}

static void table_window_conflicts(struct kunit *test)
{
	static const struct {
		u64 addr, size;
		int result;
	} other[] = {
		{ 0x0f00, 0x100, 0 },
		{ 0x0f00, 0x101, -EEXIST },
		{ 0x1000, 0x200, -EEXIST },
		{ 0x1100, 0x10, -EEXIST },
		{ 0x11ff, 1, -EEXIST },
		{ 0x1200, 1, 0 },
		{ 0, U64_MAX, -EEXIST },
	};
	struct table_test *t = test->priv;
	unsigned int i;

	add_window(t, 0x1000, 0x200);
	for (i = 0; i < ARRAY_SIZE(other); i++) {
		add_window(t, other[i].addr, other[i].size);
		KUNIT_EXPECT_EQ_MSG(test, build(t), other[i].result, "%#llx + %#llx",
				    other[i].addr, other[i].size);
		list_del(&t->range[--t->nr].node);
	}
}

static void table_finds_each_of_many(struct kunit *test)
{
	struct table_test *t = test->priv;
	unsigned int i;

	/* In no order */
	for (i = 0; i < NR_RANGES / 2; i++) {
		u64 nr = (i * 13) % (NR_RANGES / 2);

		add_write(t, 0x1000 + 4 * (nr / 4), 4, nr % 4);
		add_window(t, 0x100000 + 0x200 * nr, 0x200);
	}
	KUNIT_ASSERT_EQ(test, build(t), 0);
	for (i = 0; i < t->nr; i++) {
		struct bao_range *r = &t->range[i];

		if (r->kind == BAO_RANGE_WRITE)
			KUNIT_EXPECT_PTR_EQ(test, find_write(t, r->addr, 4, r->value), r);
		else
			KUNIT_EXPECT_PTR_EQ(test, bao_range_table_find_window(t->table,
									      r->addr + i), r);
	}
}

static void table_forgets(struct kunit *test)
{
	struct table_test *t = test->priv;
	struct bao_range *a = add_write(t, 0x1000, 4, 1);
	struct bao_range *b = add_write(t, 0x1000, 4, 2);
	struct bao_range *w = add_window(t, 0x2000, 0x200);

	bao_range_table_forget(NULL, a);
	KUNIT_ASSERT_EQ(test, build(t), 0);
	bao_range_table_forget(t->table, a);
	bao_range_table_forget(t->table, w);
	KUNIT_EXPECT_NULL(test, find_write(t, 0x1000, 4, 1));
	KUNIT_EXPECT_PTR_EQ(test, find_write(t, 0x1000, 4, 2), b);
	KUNIT_EXPECT_NULL(test, bao_range_table_find_window(t->table, 0x2000));
}

static struct kunit_case table_cases[] = {
	KUNIT_CASE(table_without_ranges),
	KUNIT_CASE(table_write_matches_exactly),
	KUNIT_CASE(table_write_conflicts),
	KUNIT_CASE(table_any_value_conflicts_with_each),
	KUNIT_CASE(table_window_bounds),
	KUNIT_CASE(table_window_conflicts),
	KUNIT_CASE(table_finds_each_of_many),
	KUNIT_CASE(table_forgets),
	{ }
};

static struct kunit_suite table_suite = {
	.name = "bao_range_table",
	.init = table_init,
	.exit = table_exit,
	.test_cases = table_cases,
};

kunit_test_suite(table_suite);
