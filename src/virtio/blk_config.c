// SPDX-License-Identifier: GPL-2.0
/*
 * Attributes of disks in configfs
 */
#include <linux/kstrtox.h>
#include <linux/log2.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/virtio_byteorder.h>

#include "blk.h"

static struct bao_blk *bao_blk_of(struct config_item *item)
{
	return to_bao_blk(to_bao_vdev(item));
}

/* What has been written, without the newline that echo appends */
static size_t bao_blk_text_len(const char *page, size_t len)
{
	len = strnlen(page, len);

	return len && page[len - 1] == '\n' ? len - 1 : len;
}

static ssize_t bao_blk_path_show(struct config_item *item, char *page)
{
	struct bao_blk *blk = bao_blk_of(item);
	ssize_t len;

	mutex_lock(&blk->vdev.mutex);
	len = scnprintf(page, PAGE_SIZE, "%s\n", blk->path ?: "");
	mutex_unlock(&blk->vdev.mutex);

	return len;
}

static ssize_t bao_blk_path_store(struct config_item *item, const char *page, size_t len)
{
	size_t text_len = bao_blk_text_len(page, len);
	struct bao_blk *blk = bao_blk_of(item);
	char *path = NULL;
	int ret;

	if (text_len) {
		path = kmemdup_nul(page, text_len, GFP_KERNEL);
		if (!path)
			return -ENOMEM;
	}

	ret = bao_vdev_configure(&blk->vdev);
	if (ret) {
		kfree(path);
		return ret;
	}
	swap(blk->path, path);
	bao_vdev_configured(&blk->vdev);
	kfree(path);

	return len;
}
CONFIGFS_ATTR(bao_blk_, path);

static ssize_t bao_blk_serial_show(struct config_item *item, char *page)
{
	struct bao_blk *blk = bao_blk_of(item);
	ssize_t len;

	mutex_lock(&blk->vdev.mutex);
	len = sprintf(page, "%s\n", blk->serial);
	mutex_unlock(&blk->vdev.mutex);

	return len;
}

static ssize_t bao_blk_serial_store(struct config_item *item, const char *page, size_t len)
{
	size_t text_len = bao_blk_text_len(page, len);
	struct bao_blk *blk = bao_blk_of(item);
	int ret;

	if (text_len > VIRTIO_BLK_ID_BYTES)
		return -EINVAL;

	ret = bao_vdev_configure(&blk->vdev);
	if (ret)
		return ret;
	memcpy(blk->serial, page, text_len);
	blk->serial[text_len] = '\0';
	bao_vdev_configured(&blk->vdev);

	return len;
}
CONFIGFS_ATTR(bao_blk_, serial);

static ssize_t bao_blk_show_bool(struct config_item *item, const bool *value, char *page)
{
	struct bao_vdev *vdev = to_bao_vdev(item);
	ssize_t len;

	mutex_lock(&vdev->mutex);
	len = sprintf(page, "%d\n", *value);
	mutex_unlock(&vdev->mutex);

	return len;
}

static ssize_t bao_blk_store_bool(struct config_item *item, bool *value, const char *page,
				  size_t len)
{
	struct bao_vdev *vdev = to_bao_vdev(item);
	bool new;
	int ret;

	ret = kstrtobool(page, &new);
	if (ret)
		return ret;

	ret = bao_vdev_configure(vdev);
	if (ret)
		return ret;
	*value = new;
	bao_vdev_configured(vdev);

	return len;
}

static ssize_t bao_blk_read_only_show(struct config_item *item, char *page)
{
	return bao_blk_show_bool(item, &bao_blk_of(item)->read_only, page);
}

static ssize_t bao_blk_read_only_store(struct config_item *item, const char *page, size_t len)
{
	return bao_blk_store_bool(item, &bao_blk_of(item)->read_only, page, len);
}
CONFIGFS_ATTR(bao_blk_, read_only);

static ssize_t bao_blk_direct_show(struct config_item *item, char *page)
{
	return bao_blk_show_bool(item, &bao_blk_of(item)->direct, page);
}

static ssize_t bao_blk_direct_store(struct config_item *item, const char *page, size_t len)
{
	return bao_blk_store_bool(item, &bao_blk_of(item)->direct, page, len);
}
CONFIGFS_ATTR(bao_blk_, direct);

static ssize_t bao_blk_show_uint(struct config_item *item, const unsigned int *value, char *page)
{
	struct bao_vdev *vdev = to_bao_vdev(item);
	ssize_t len;

	mutex_lock(&vdev->mutex);
	len = sprintf(page, "%u\n", *value);
	mutex_unlock(&vdev->mutex);

	return len;
}

static ssize_t bao_blk_store_uint(struct config_item *item, unsigned int *value, unsigned int new,
				  size_t len)
{
	struct bao_vdev *vdev = to_bao_vdev(item);
	int ret;

	ret = bao_vdev_configure(vdev);
	if (ret)
		return ret;
	*value = new;
	bao_vdev_configured(vdev);

	return len;
}

static ssize_t bao_blk_queues_show(struct config_item *item, char *page)
{
	return bao_blk_show_uint(item, &bao_blk_of(item)->queues, page);
}

static ssize_t bao_blk_queues_store(struct config_item *item, const char *page, size_t len)
{
	unsigned int queues;
	int ret;

	ret = kstrtouint(page, 0, &queues);
	if (ret)
		return ret;
	if (!queues || queues > BAO_BLK_MAX_QUEUES)
		return -EINVAL;

	return bao_blk_store_uint(item, &bao_blk_of(item)->queues, queues, len);
}
CONFIGFS_ATTR(bao_blk_, queues);

static ssize_t bao_blk_block_size_show(struct config_item *item, char *page)
{
	return bao_blk_show_uint(item, &bao_blk_of(item)->block_size, page);
}

static ssize_t bao_blk_block_size_store(struct config_item *item, const char *page, size_t len)
{
	unsigned int size;
	int ret;

	ret = kstrtouint(page, 0, &size);
	if (ret)
		return ret;
	if (size && (size < SECTOR_SIZE || size > BAO_BLK_MAX_BLOCK || !is_power_of_2(size)))
		return -EINVAL;

	return bao_blk_store_uint(item, &bao_blk_of(item)->block_size, size, len);
}
CONFIGFS_ATTR(bao_blk_, block_size);

/*
 * The driver is told last: requests for sectors that it has heard of are served. If there are fewer
 * now, it finds out by errors.
 */
static ssize_t bao_blk_resize_store(struct config_item *item, const char *page, size_t len)
{
	struct bao_blk *blk = bao_blk_of(item);
	__virtio64 capacity;
	ssize_t ret = len;
	u64 sectors;
	bool resize;

	if (kstrtobool(page, &resize) || !resize)
		return -EINVAL;

	mutex_lock(&blk->vdev.mutex);
	if (blk->vdev.live) {
		sectors = bao_blk_sectors(blk);
		capacity = __cpu_to_virtio64(true, sectors);
		atomic64_set(&blk->backing->sectors, sectors);
		bao_vdev_config_change(&blk->vdev, offsetof(struct virtio_blk_config, capacity),
				       &capacity, sizeof(capacity));
	} else {
		ret = -ENODEV;
	}
	mutex_unlock(&blk->vdev.mutex);

	return ret;
}
CONFIGFS_ATTR_WO(bao_blk_, resize);

static ssize_t bao_blk_show_count(struct config_item *item, enum bao_blk_count count, char *page)
{
	struct bao_blk *blk = bao_blk_of(item);
	unsigned int i;
	s64 sum = 0;

	mutex_lock(&blk->vdev.mutex);
	for (i = 0; blk->backing && i < blk->backing->nr_queues; i++)
		sum += atomic64_read(&blk->backing->queues[i].count[count]);
	mutex_unlock(&blk->vdev.mutex);

	return sprintf(page, "%lld\n", sum);
}

static ssize_t bao_blk_transferred_show(struct config_item *item, char *page)
{
	return bao_blk_show_count(item, BAO_BLK_TRANSFERRED, page);
}
CONFIGFS_ATTR_RO(bao_blk_, transferred);

static ssize_t bao_blk_copied_show(struct config_item *item, char *page)
{
	return bao_blk_show_count(item, BAO_BLK_COPIED, page);
}
CONFIGFS_ATTR_RO(bao_blk_, copied);

struct configfs_attribute *bao_blk_attrs[] = {
	&bao_blk_attr_path,
	&bao_blk_attr_read_only,
	&bao_blk_attr_serial,
	&bao_blk_attr_queues,
	&bao_blk_attr_direct,
	&bao_blk_attr_block_size,
	&bao_blk_attr_resize,
	&bao_blk_attr_transferred,
	&bao_blk_attr_copied,
	NULL,
};
