// SPDX-License-Identifier: GPL-2.0
/*
 * Page structures for a shared-memory window that lies outside of all memory of this kernel, so
 * that others can work on it: a disk's hardware, say, without a copy.
 *
 * They stay until the system goes down, whatever becomes of the endpoint and of this module. Who
 * works on a page has a reference to it, but for memory of this type memunmap_pages() waits for
 * nobody who has one: it would free structures that a disk's driver, or the network, goes on to
 * use. Nothing of what stays is this module's text or data: the kernel finds struct dev_pagemap,
 * which has no operations, and the name of the resource in memory that is never freed. A later
 * endpoint with the same memory, and the module when it is loaded again, find the pages.
 *
 * The kernel adds memory in sections, one after the other, and leaves those that it has added when
 * it fails in the next one: with page structures that hold anything. So this asks for one section
 * at a time. Then the kernel has either added all that it was asked for, or nothing; and pages of
 * the first sections of a window of which the last one has failed are as good as others.
 *
 * memremap_pages() warns of memory that it cannot do this with, and for some of it does harm before
 * it fails. So whatever it could object to is refused before: see bao_shmem_make_pages().
 */
#include <linux/err.h>
#include <linux/ioport.h>
#include <linux/memory_hotplug.h>
#include <linux/memremap.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/numa.h>
#include <linux/slab.h>

#include "compat.h"
#include "transport.h"

/**
 * struct bao_shmem_section - the part of a window in one section of memory; never freed once it has
 *			      pages
 * @name: of the resource
 * @pgmap: what the kernel knows of it; &dev_pagemap.owner is the structure itself
 */
struct bao_shmem_section {
	char name[20];
	struct dev_pagemap pgmap;
};

/* Between the look at what there is and the making; an endpoint may go while its successor comes */
static DEFINE_MUTEX(bao_shmem_pages_mutex);

/* End of the part of a window that begins at @start */
static u64 bao_shmem_section_end(u64 start, u64 end)
{
	return min(end, round_down(start, BIT_ULL(PA_SECTION_SHIFT)) + BIT_ULL(PA_SECTION_SHIFT));
}

/*
 * Whether this memory has pages that were made here, be it before the module was loaded. They never
 * go, so no reference to the pagemap is needed. Other drivers' pagemaps are not their own owners.
 */
static bool bao_shmem_has_pages(u64 start, u64 end)
{
	struct dev_pagemap *pgmap = bao_get_dev_pagemap(PHYS_PFN(start));
	bool ours;

	if (!pgmap)
		return false;
	ours = pgmap->owner == pgmap && pgmap->range.start <= start && pgmap->range.end >= end - 1;
	put_dev_pagemap(pgmap);

	return ours;
}

/*
 * Whether the kernel knows some of this memory: as RAM, as memory that it has been told to leave
 * alone (no-map within a memory node), or as that of a device. It has page structures of that, or
 * of what surrounds it. arm64 would even forget that it has to leave it alone.
 */
static bool bao_shmem_is_known(u64 start, u64 end)
{
	u64 addr;

	if (region_intersects(start, end - start, IORESOURCE_SYSTEM_RAM, IORES_DESC_NONE) !=
	    REGION_DISJOINT)
		return true;

	for (addr = start; addr < end; addr += SUBSECTION_SIZE)
		if (pfn_valid(PHYS_PFN(addr)))
			return true;

	return false;
}

/*
 * The resource keeps drivers, and the hotplug of memory, off this memory from before the look of
 * bao_shmem_is_known() has become old until the system goes down.
 */
static int bao_shmem_make_section(u64 start, u64 end)
{
	struct bao_shmem_section *section;
	void *addr;

	section = kzalloc(sizeof(*section), GFP_KERNEL);
	if (!section)
		return -ENOMEM;

	strscpy(section->name, "Bao shared memory", sizeof(section->name));
	if (!request_mem_region(start, end - start, section->name)) {
		kfree(section);
		return -EEXIST;
	}

	section->pgmap.type = MEMORY_DEVICE_GENERIC;
	section->pgmap.owner = &section->pgmap;
	section->pgmap.range.start = start;
	section->pgmap.range.end = end - 1;
	section->pgmap.nr_range = 1;
	addr = memremap_pages(&section->pgmap, NUMA_NO_NODE);
	if (IS_ERR(addr)) {
		/* Nobody has seen it: it returns with no reference left */
		release_mem_region(start, end - start);
		kfree(section);
		return PTR_ERR(addr);
	}

	return 0;
}

static int bao_shmem_check(u64 start, u64 size)
{
	struct range range = mhp_get_pluggable_range(true);
	u64 end = start + size, addr, next;

	if (!BAO_SECTIONS_CAN_BE_SHARED)
		return -EOPNOTSUPP;
	if (!size || !IS_ALIGNED(start | size, memremap_compat_align()))
		return -EINVAL;
	if (end < start || start < range.start || end - 1 > range.end)
		return -ERANGE;

	for (addr = start; addr < end; addr = next) {
		next = bao_shmem_section_end(addr, end);
		if (!bao_shmem_has_pages(addr, next) && bao_shmem_is_known(addr, next))
			return -EEXIST;
	}

	return 0;
}

/**
 * bao_shmem_make_pages() - see to it that a shared-memory window has page structures
 * @start: physical address of the window
 * @size: its size in bytes
 *
 * The memory becomes part of the kernel's linear mapping, as normal cacheable memory. The pages
 * stay for good. Those of a window that has some already, made by this function, are taken.
 *
 * Context: may sleep
 * Return: kernel address of the window; an ERR_PTR() of -EINVAL if start or size are not aligned to
 * what the kernel can add, -ERANGE if the linear mapping does not reach there, -EEXIST if the
 * kernel or another driver knows some of the memory, -EOPNOTSUPP if the kernel is too old, -ENOMEM
 */
void *bao_shmem_make_pages(u64 start, u64 size)
{
	u64 end = start + size, addr, next;
	int ret;

	mutex_lock(&bao_shmem_pages_mutex);
	ret = bao_shmem_check(start, size);
	for (addr = start; !ret && addr < end; addr = next) {
		next = bao_shmem_section_end(addr, end);
		if (!bao_shmem_has_pages(addr, next))
			ret = bao_shmem_make_section(addr, next);
	}
	mutex_unlock(&bao_shmem_pages_mutex);

	return ret ? ERR_PTR(ret) : page_address(pfn_to_page(PHYS_PFN(start)));
}
