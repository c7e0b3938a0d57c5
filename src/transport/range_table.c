// SPDX-License-Identifier: GPL-2.0
/*
 * Range table: which range an access belongs to
 *
 * An array, sorted, that is built whole and never changes but for ranges that are forgotten.
 * Readers hold rcu_read_lock(). Removal must not fail, so it needs no memory: the entry stays and
 * loses its range; the next table is built without it.
 */
#include <linux/bsearch.h>
#include <linux/err.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include "transport.h"

struct bao_range_entry {
	u64 addr;
	u64 size;
	u64 value;
	bool any_value;
	struct bao_range *range;
};

/* Entries of kind BAO_RANGE_WRITE stand first, then those of kind BAO_RANGE_WINDOW */
struct bao_range_table {
	struct rcu_head rcu;
	unsigned int nr_writes;
	unsigned int nr_windows;
	struct bao_range_entry entries[];
};

static int bao_cmp(u64 a, u64 b)
{
	return a < b ? -1 : a > b;
}

/* Two entries that the same write could match are equal; so is a write and an entry it matches */
static int bao_write_cmp(const void *pa, const void *pb)
{
	const struct bao_range_entry *a = pa, *b = pb;
	int ret;

	ret = bao_cmp(a->addr, b->addr);
	if (!ret)
		ret = bao_cmp(a->size, b->size);
	if (!ret && !a->any_value && !b->any_value)
		ret = bao_cmp(a->value, b->value);

	return ret;
}

static int bao_window_cmp(const void *pa, const void *pb)
{
	const struct bao_range_entry *a = pa, *b = pb;

	return bao_cmp(a->addr, b->addr);
}

/* Only an order that any_value does not disturb is one that sort() can work with */
static int bao_write_sort_cmp(const void *pa, const void *pb)
{
	const struct bao_range_entry *a = pa, *b = pb;
	int ret;

	ret = bao_cmp(a->addr, b->addr);
	if (!ret)
		ret = bao_cmp(a->size, b->size);
	if (!ret)
		ret = bao_cmp(a->value, b->value);

	return ret;
}

static bool bao_has_conflict(const struct bao_range_table *table)
{
	const struct bao_range_entry *e = table->entries;
	unsigned int i;

	/*
	 * A range for any value stands somewhere among those of its address and size, so one
	 * neighbour of it conflicts if anybody does.
	 */
	for (i = 1; i < table->nr_writes; i++)
		if (!bao_write_cmp(&e[i - 1], &e[i]))
			return true;

	e += table->nr_writes;
	for (i = 1; i < table->nr_windows; i++)
		if (e[i].addr - e[i - 1].addr < e[i - 1].size)
			return true;

	return false;
}

static void bao_add_entries(struct bao_range_table *table, struct list_head *ranges,
			    enum bao_range_kind kind)
{
	struct bao_range *range;

	list_for_each_entry(range, ranges, node) {
		if (range->kind != kind)
			continue;
		table->entries[table->nr_writes + table->nr_windows] = (struct bao_range_entry) {
			.addr = range->addr,
			.size = range->size,
			.value = range->any_value ? 0 : range->value,
			.any_value = range->any_value,
			.range = range,
		};
		if (kind == BAO_RANGE_WRITE)
			table->nr_writes++;
		else
			table->nr_windows++;
	}
}

/**
 * bao_range_table_create() - make a table of ranges
 * @ranges: list of struct bao_range, all of them valid
 * @nr: length of the list
 *
 * Return: the table; -EEXIST if two ranges match the same access, -ENOMEM
 */
struct bao_range_table *bao_range_table_create(struct list_head *ranges, unsigned int nr)
{
	struct bao_range_table *table;

	table = kvzalloc(struct_size(table, entries, nr), GFP_KERNEL_ACCOUNT);
	if (!table)
		return ERR_PTR(-ENOMEM);

	bao_add_entries(table, ranges, BAO_RANGE_WRITE);
	bao_add_entries(table, ranges, BAO_RANGE_WINDOW);
	sort(table->entries, table->nr_writes, sizeof(table->entries[0]), bao_write_sort_cmp,
	     NULL);
	sort(table->entries + table->nr_writes, table->nr_windows, sizeof(table->entries[0]),
	     bao_window_cmp, NULL);

	if (bao_has_conflict(table)) {
		kvfree(table);
		return ERR_PTR(-EEXIST);
	}

	return table;
}

/**
 * bao_range_table_forget() - take a range out of a table
 * @table: table, may be NULL
 * @range: range; after a grace period no reader has it any more
 *
 * Context: writers of the table are serialised by the caller
 */
void bao_range_table_forget(struct bao_range_table *table, const struct bao_range *range)
{
	unsigned int i;

	for (i = 0; table && i < table->nr_writes + table->nr_windows; i++)
		if (table->entries[i].range == range)
			WRITE_ONCE(table->entries[i].range, NULL);
}

/**
 * bao_range_table_free_rcu() - free a table when its readers are done
 * @table: table that has been replaced, may be NULL
 */
void bao_range_table_free_rcu(struct bao_range_table *table)
{
	if (table)
		kvfree_rcu(table, rcu);
}

/**
 * bao_range_table_find_write() - find the range that a write matches exactly
 * @table: table, may be NULL
 * @req: any request
 *
 * Context: rcu_read_lock()
 * Return: the range or NULL
 */
struct bao_range *bao_range_table_find_write(const struct bao_range_table *table,
					     const struct bao_request *req)
{
	const struct bao_range_entry *e;
	struct bao_range_entry key;

	if (!table || !table->nr_writes || !req->write)
		return NULL;

	key = (struct bao_range_entry) {
		.addr = req->addr,
		.size = req->width,
		.value = req->value,
	};
	e = bsearch(&key, table->entries, table->nr_writes, sizeof(key), bao_write_cmp);

	return e ? READ_ONCE(e->range) : NULL;
}

/**
 * bao_range_table_find_window() - find the range that an address lies in
 * @table: table, may be NULL
 * @addr: guest-physical address in the frontend
 *
 * Context: rcu_read_lock()
 * Return: the range or NULL
 */
struct bao_range *bao_range_table_find_window(const struct bao_range_table *table, u64 addr)
{
	const struct bao_range_entry *e;
	unsigned int low = 0, high;

	if (!table)
		return NULL;

	/* The last entry that starts at or below addr is at low - 1 */
	e = table->entries + table->nr_writes;
	high = table->nr_windows;
	while (low < high) {
		unsigned int mid = low + (high - low) / 2;

		if (e[mid].addr <= addr)
			low = mid + 1;
		else
			high = mid;
	}

	if (!low || addr - e[low - 1].addr >= e[low - 1].size)
		return NULL;

	return READ_ONCE(e[low - 1].range);
}
