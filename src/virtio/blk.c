// SPDX-License-Identifier: GPL-2.0
/*
 * Disks for frontends: the model of a virtio block device, section "Block Device" of the virtio
 * specification
 */
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/virtio_ids.h>

#include "blk.h"

/* The configuration space, up to what is for features that we do not have */
#define BAO_BLK_CONFIG_SIZE	offsetofend(struct virtio_blk_config, unused1)

static struct bao_vdev *bao_blk_alloc(void)
{
	struct bao_blk *blk = kzalloc(sizeof(*blk), GFP_KERNEL);

	if (!blk)
		return NULL;

	blk->vdev.queue_size = BAO_BLK_QUEUE_SIZE;
	blk->direct = true;
	blk->queues = 1;

	return &blk->vdev;
}

static void bao_blk_free(struct bao_vdev *vdev)
{
	struct bao_blk *blk = to_bao_blk(vdev);

	kfree(blk->path);
	kfree(blk);
}

static u64 bao_blk_features(const struct bao_blk *blk)
{
	const struct bao_blk_backing *backing = blk->backing;
	u64 features = BIT_ULL(VIRTIO_BLK_F_SEG_MAX) | BIT_ULL(VIRTIO_BLK_F_BLK_SIZE) |
		       BIT_ULL(VIRTIO_BLK_F_TOPOLOGY) | BIT_ULL(VIRTIO_BLK_F_FLUSH);

	if (backing->nr_queues > 1)
		features |= BIT_ULL(VIRTIO_BLK_F_MQ);
	if (backing->read_only)
		return features | BIT_ULL(VIRTIO_BLK_F_RO);

	/* Not without FLUSH: the specification forbids that */
	if (!(blk->vdev.features_off & BIT_ULL(VIRTIO_BLK_F_FLUSH)))
		features |= BIT_ULL(VIRTIO_BLK_F_CONFIG_WCE);
	if (backing->max_discard)
		features |= BIT_ULL(VIRTIO_BLK_F_DISCARD);
	if (backing->max_zeroes)
		features |= BIT_ULL(VIRTIO_BLK_F_WRITE_ZEROES);

	return features;
}

static int bao_blk_enable(struct bao_vdev *vdev)
{
	struct bao_blk *blk = to_bao_blk(vdev);
	int ret;

	ret = bao_blk_open(blk);
	if (ret)
		return ret;

	vdev->features = bao_blk_features(blk);
	vdev->nr_queues = blk->queues;
	vdev->config = &blk->config;
	vdev->config_size = BAO_BLK_CONFIG_SIZE;

	return 0;
}

static void bao_blk_disable(struct bao_vdev *vdev)
{
	bao_blk_close(to_bao_blk(vdev));
}

/* A driver that does not flush expects writes to be permanent when they are done */
static bool bao_blk_features_ok(struct bao_vdev *vdev, u64 features)
{
	to_bao_blk(vdev)->config.wce = !!(features & BIT_ULL(VIRTIO_BLK_F_FLUSH));

	return true;
}

static void bao_blk_set_cache_mode(struct bao_blk *blk)
{
	lockdep_assert_held(&blk->vdev.lock);

	WRITE_ONCE(blk->backing->writeback, blk->config.wce);
}

static int bao_blk_start(struct bao_vdev *vdev)
{
	spin_lock_irq(&vdev->lock);
	bao_blk_set_cache_mode(to_bao_blk(vdev));
	spin_unlock_irq(&vdev->lock);

	return 0;
}

/* For a write that is under way meanwhile, either mode is right */
static void bao_blk_config_write(struct bao_vdev *vdev, u32 offset, const void *data, u32 len)
{
	struct bao_blk *blk = to_bao_blk(vdev);
	const u8 *wce = data;

	if (offset != offsetof(struct virtio_blk_config, wce) || len != sizeof(*wce) ||
	    !bao_vdev_has_feature(vdev, VIRTIO_BLK_F_CONFIG_WCE))
		return;

	blk->config.wce = !!*wce;
	bao_blk_set_cache_mode(blk);
}

static const struct bao_vdev_model bao_blk_model = {
	.owner = THIS_MODULE,
	.name = "blk",
	.device_id = VIRTIO_ID_BLOCK,
	.attrs = bao_blk_attrs,
	.alloc = bao_blk_alloc,
	.free = bao_blk_free,
	.enable = bao_blk_enable,
	.disable = bao_blk_disable,
	.features_ok = bao_blk_features_ok,
	.start = bao_blk_start,
	.vq_start = bao_blk_vq_start,
	.vq_stop = bao_blk_vq_stop,
	.serve = bao_blk_serve,
	.refuse = bao_blk_refuse,
	.config_write = bao_blk_config_write,
};

static int __init bao_virtio_blk_init(void)
{
	int ret;

	ret = bao_blk_backing_init();
	if (ret)
		return ret;

	ret = bao_vdev_model_register(&bao_blk_model);
	if (ret)
		bao_blk_backing_exit();

	return ret;
}
module_init(bao_virtio_blk_init);

static void __exit bao_virtio_blk_exit(void)
{
	bao_vdev_model_unregister(&bao_blk_model);
	bao_blk_backing_exit();
}
module_exit(bao_virtio_blk_exit);

MODULE_DESCRIPTION("Virtio disks for frontends of the Bao hypervisor");
MODULE_LICENSE("GPL");
