// SPDX-License-Identifier: GPL-2.0
/*
 * Shared-memory window: the kernel's mapping of it, and addresses that a frontend gives
 */
#include <linux/export.h>
#include <linux/io.h>
#include <linux/mm.h>

#include "transport.h"

/**
 * bao_shmem_map() - map the shared-memory window into the kernel
 * @ep: endpoint
 *
 * Normal cacheable memory, mapped once for all callers. Clients in user space do not need it, so a
 * 32-bit kernel spends no address space on them.
 *
 * Context: may sleep
 * Return: 0; -EFBIG if the kernel cannot address all of it, -ENOMEM
 */
int bao_shmem_map(struct bao_endpoint *ep)
{
	int ret = 0;

	if (ep->desc.shmem_size != (size_t)ep->desc.shmem_size)
		return -EFBIG;

	mutex_lock(&ep->shmem_mutex);
	if (!ep->shmem_users)
		ep->shmem = memremap(ep->desc.shmem_start, ep->desc.shmem_size, MEMREMAP_WB);
	if (ep->shmem)
		ep->shmem_users++;
	else
		ret = -ENOMEM;
	mutex_unlock(&ep->shmem_mutex);

	return ret;
}
EXPORT_SYMBOL_GPL(bao_shmem_map);

/**
 * bao_shmem_unmap() - undo one bao_shmem_map()
 * @ep: endpoint
 *
 * Context: may sleep
 */
void bao_shmem_unmap(struct bao_endpoint *ep)
{
	mutex_lock(&ep->shmem_mutex);
	if (!--ep->shmem_users) {
		memunmap(ep->shmem);
		ep->shmem = NULL;
	}
	mutex_unlock(&ep->shmem_mutex);
}
EXPORT_SYMBOL_GPL(bao_shmem_unmap);

/**
 * bao_shmem_ptr() - kernel address of a piece of the shared-memory window
 * @ep: endpoint, mapped by bao_shmem_map()
 * @addr: guest-physical address, the same in both VMs; may come from the frontend
 * @len: length of the piece in bytes
 *
 * The frontend can change the memory at any time: read each field once.
 *
 * Context: any
 * Return: address, or NULL unless all of the piece is inside the window
 */
void *bao_shmem_ptr(struct bao_endpoint *ep, u64 addr, size_t len)
{
	u64 offset = addr - ep->desc.shmem_start;
	u64 size = ep->desc.shmem_size;

	if (addr < ep->desc.shmem_start || offset > size || len > size - offset)
		return NULL;

	return ep->shmem + offset;
}
EXPORT_SYMBOL_GPL(bao_shmem_ptr);

/**
 * bao_shmem_page() - page behind an address that bao_shmem_ptr() has returned
 * @ep: endpoint, mapped by bao_shmem_map()
 * @ptr: address inside the window
 *
 * A window that is memory of this kernel has pages, and other parts of the kernel can work on them.
 * In a typical backend it lies outside of all memory and has none.
 *
 * Context: any
 * Return: page, or NULL if there is none
 */
struct page *bao_shmem_page(struct bao_endpoint *ep, const void *ptr)
{
	return virt_addr_valid(ptr) ? virt_to_page(ptr) : NULL;
}
EXPORT_SYMBOL_GPL(bao_shmem_page);
