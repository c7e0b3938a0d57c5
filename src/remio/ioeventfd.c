// SPDX-License-Identifier: GPL-2.0
/*
 * ioeventfd: a write of the frontend signals an eventfd
 *
 * A range of the transport that matches one kind of write exactly. The transport decides what
 * matches; here the eventfd is signalled.
 */
#include <linux/err.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include "compat.h"
#include "remio.h"

#define BAO_IOEVENTFD_FLAGS (BAO_IOEVENTFD_FLAG_DATAMATCH | BAO_IOEVENTFD_FLAG_DEASSIGN)

/**
 * struct bao_ioeventfd_entry - an ioeventfd
 * @range: which writes
 * @eventfd: what they signal; holds a reference
 * @node: in the list of its descriptor
 */
struct bao_ioeventfd_entry {
	struct bao_range range;
	struct eventfd_ctx *eventfd;
	struct list_head node;
};

static enum bao_access bao_ioeventfd_access(struct bao_range *range, struct bao_request *req)
{
	struct bao_ioeventfd_entry *entry = container_of(range, struct bao_ioeventfd_entry, range);

	eventfd_signal(entry->eventfd);

	return BAO_ACCESS_DONE;
}

static void bao_ioeventfd_free(struct bao_ioeventfd_entry *entry)
{
	eventfd_ctx_put(entry->eventfd);
	kfree(entry);
}

static int bao_ioeventfd_assign(struct bao_dm_file *dmf, const struct bao_ioeventfd *config,
				struct eventfd_ctx *eventfd)
{
	struct bao_ioeventfd_entry *entry;
	int ret;

	entry = kzalloc(sizeof(*entry), GFP_KERNEL_ACCOUNT);
	if (!entry)
		return -ENOMEM;

	entry->eventfd = eventfd;
	entry->range = (struct bao_range) {
		.kind = BAO_RANGE_WRITE,
		.any_value = !(config->flags & BAO_IOEVENTFD_FLAG_DATAMATCH),
		.addr = config->addr,
		.size = config->len,
		.value = config->data,
		.access = bao_ioeventfd_access,
	};

	ret = bao_range_add(&dmf->client, &entry->range);
	if (ret) {
		kfree(entry);
		return ret;
	}

	list_add_tail(&entry->node, &dmf->ioeventfds);

	return 0;
}

static bool bao_ioeventfd_is(const struct bao_ioeventfd_entry *entry,
			     const struct bao_ioeventfd *config, const struct eventfd_ctx *eventfd)
{
	bool any_value = !(config->flags & BAO_IOEVENTFD_FLAG_DATAMATCH);

	return entry->eventfd == eventfd && entry->range.addr == config->addr &&
	       entry->range.size == config->len && entry->range.any_value == any_value &&
	       (any_value || entry->range.value == config->data);
}

static int bao_ioeventfd_deassign(struct bao_dm_file *dmf, const struct bao_ioeventfd *config,
				  const struct eventfd_ctx *eventfd)
{
	struct bao_ioeventfd_entry *entry;

	list_for_each_entry(entry, &dmf->ioeventfds, node) {
		if (!bao_ioeventfd_is(entry, config, eventfd))
			continue;

		/* When this returns, nobody signals the eventfd any more */
		bao_range_del(&entry->range);
		list_del(&entry->node);
		bao_ioeventfd_free(entry);
		return 0;
	}

	return -ENOENT;
}

/**
 * bao_ioeventfd_config() - BAO_IOCTL_IOEVENTFD
 * @dmf: descriptor
 * @config: argument, from user space
 *
 * Context: the descriptor's mutex held
 * Return: 0 or an error as in <uapi/linux/bao.h>
 */
int bao_ioeventfd_config(struct bao_dm_file *dmf, const struct bao_ioeventfd *config)
{
	struct eventfd_ctx *eventfd;
	u64 last;
	int ret;

	lockdep_assert_held(&dmf->mutex);

	if (config->flags & ~BAO_IOEVENTFD_FLAGS || config->reserved)
		return -EINVAL;
	if (!config->len || check_add_overflow(config->addr, (u64)config->len - 1, &last))
		return -EINVAL;

	eventfd = eventfd_ctx_fdget(config->fd);
	if (IS_ERR(eventfd))
		return PTR_ERR(eventfd);

	if (config->flags & BAO_IOEVENTFD_FLAG_DEASSIGN) {
		ret = bao_ioeventfd_deassign(dmf, config, eventfd);
		eventfd_ctx_put(eventfd);
		return ret;
	}

	/* On success the entry has the reference */
	ret = bao_ioeventfd_assign(dmf, config, eventfd);
	if (ret)
		eventfd_ctx_put(eventfd);

	return ret;
}

/**
 * bao_ioeventfds_free() - free all ioeventfds of a descriptor
 * @dmf: descriptor whose client is detached, so that nobody signals them
 *
 * Context: the descriptor's mutex held
 */
void bao_ioeventfds_free(struct bao_dm_file *dmf)
{
	struct bao_ioeventfd_entry *entry, *next;

	lockdep_assert_held(&dmf->mutex);

	list_for_each_entry_safe(entry, next, &dmf->ioeventfds, node) {
		list_del(&entry->node);
		bao_ioeventfd_free(entry);
	}
}
