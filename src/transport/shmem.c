// SPDX-License-Identifier: GPL-2.0
/*
 * Shared-memory window: the kernel's mapping of it, and addresses that a frontend gives; whether
 * others may work on its pages, see Documentation/ABI/testing/sysfs-bus-auxiliary-bao
 */
#include <linux/export.h>
#include <linux/io.h>
#include <linux/kstrtox.h>
#include <linux/mm.h>
#include <linux/sysfs.h>

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
		ep->shmem = ep->shmem_pages ?: memremap(ep->desc.shmem_start, ep->desc.shmem_size,
							MEMREMAP_WB);
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
		if (!ep->shmem_pages)
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
 * In a typical backend it lies outside of all memory and has none, unless the administrator wants
 * some (the attribute zero_copy). Who takes a reference to a page may keep it as long as he likes,
 * also beyond bao_shmem_unmap(): pages of either kind are not freed under him. But the memory
 * belongs to whoever serves the frontend.
 *
 * Context: any
 * Return: page, or NULL if there is none
 */
struct page *bao_shmem_page(struct bao_endpoint *ep, const void *ptr)
{
	/* virt_addr_valid() of arm64 does not know of them */
	if (ep->shmem_pages)
		return pfn_to_page(PHYS_PFN(ep->desc.shmem_start + (ptr - ep->shmem)));

	return virt_addr_valid(ptr) ? virt_to_page(ptr) : NULL;
}
EXPORT_SYMBOL_GPL(bao_shmem_page);

static int bao_shmem_use_pages(struct bao_endpoint *ep)
{
	struct device *dev = bao_endpoint_dev(ep);
	void *pages = bao_shmem_make_pages(ep->desc.shmem_start, ep->desc.shmem_size);

	if (IS_ERR(pages)) {
		dev_err_ratelimited(dev, "the window, %#llx bytes at %#llx, cannot have pages: %pe\n",
				    ep->desc.shmem_size, ep->desc.shmem_start, pages);
		return PTR_ERR(pages);
	}
	dev_info_ratelimited(dev, "the window, %#llx bytes at %#llx, has pages until reboot\n",
			     ep->desc.shmem_size, ep->desc.shmem_start);
	WRITE_ONCE(ep->shmem_pages, pages);

	return 0;
}

static ssize_t zero_copy_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct bao_endpoint *ep = bao_endpoint_from_auxdev(to_auxiliary_dev(dev));

	return sysfs_emit(buf, "%d\n", !!READ_ONCE(ep->shmem_pages));
}

static ssize_t zero_copy_store(struct device *dev, struct device_attribute *attr, const char *buf,
			       size_t len)
{
	struct bao_endpoint *ep = bao_endpoint_from_auxdev(to_auxiliary_dev(dev));
	bool on;
	int ret;

	ret = kstrtobool(buf, &on);
	if (ret)
		return ret;

	mutex_lock(&ep->shmem_mutex);
	if (on == !!ep->shmem_pages)
		ret = 0;
	else if (ep->shmem_users)
		ret = -EBUSY;
	else if (on)
		ret = bao_shmem_use_pages(ep);
	else
		WRITE_ONCE(ep->shmem_pages, NULL);
	mutex_unlock(&ep->shmem_mutex);

	return ret ?: len;
}
static DEVICE_ATTR_RW(zero_copy);

static struct attribute *bao_shmem_attrs[] = {
	&dev_attr_zero_copy.attr,
	NULL
};

const struct attribute_group bao_shmem_group = {
	.attrs = bao_shmem_attrs,
};
