// SPDX-License-Identifier: GPL-2.0
/*
 * What a disk is like: its size, and what suits its backing; the configuration space, where the
 * driver reads that
 */
#include <linux/log2.h>
#include <linux/stat.h>
#include <linux/virtio_byteorder.h>

#include "blk.h"

/**
 * struct bao_blk_limits - what suits a backing
 * @logical: what direct I/O has to be aligned to, in bytes
 * @mem: the same, of addresses in memory
 * @physical: what is written without reading, in bytes
 * @io_min: bytes that are read or written without penalty
 * @io_opt: bytes that are read or written best, or 0
 * @offset: of the first sector from a physical block, in bytes
 * @discard: bytes that are discarded at once
 */
struct bao_blk_limits {
	u32 logical;
	u32 mem;
	u32 physical;
	u32 io_min;
	u32 io_opt;
	u32 offset;
	u32 discard;
};

static u64 bao_blk_size(const struct bao_blk_backing *backing)
{
	const struct file *file = backing->file;
	struct kstat stat;

	/* That of a file on a network has to be asked for */
	if (!backing->bdev && !vfs_getattr(&file->f_path, &stat, STATX_SIZE, AT_STATX_SYNC_AS_STAT))
		return stat.size;

	return i_size_read(file->f_mapping->host);
}

static void bao_blk_bdev_limits(struct bao_blk_backing *backing, struct bao_blk_limits *limits)
{
	struct block_device *bdev = backing->bdev;

	limits->logical = bdev_logical_block_size(bdev);
	limits->mem = bdev_dma_alignment(bdev) + 1;
	limits->physical = bdev_physical_block_size(bdev);
	limits->io_min = bdev_io_min(bdev);
	limits->io_opt = bdev_io_opt(bdev);
	limits->offset = max(bdev_alignment_offset(bdev), 0);
	limits->discard = max(bdev_discard_granularity(bdev), limits->logical);

	backing->block_size = limits->logical;
	backing->stable = bdev_stable_writes(bdev);
	backing->max_discard = min(bdev_max_discard_sectors(bdev), BAO_BLK_RANGE_SECTORS);
	backing->max_zeroes = min(bdev_write_zeroes_sectors(bdev), BAO_BLK_RANGE_SECTORS);
	if (!backing->max_zeroes)
		backing->max_zeroes = BAO_BLK_SLOW_SECTORS;
}

static void bao_blk_file_limits(struct bao_blk_backing *backing, struct bao_blk_limits *limits)
{
	const struct file *file = backing->file;
	struct super_block *sb = file_inode(file)->i_sb;
	u32 fs_block = i_blocksize(file_inode(file));
	struct kstat stat;

	limits->logical = sb->s_bdev ? bdev_logical_block_size(sb->s_bdev) : fs_block;
	limits->mem = limits->logical;
	if (!vfs_getattr(&file->f_path, &stat, STATX_DIOALIGN, AT_STATX_SYNC_AS_STAT) &&
	    stat.result_mask & STATX_DIOALIGN) {
		if (!stat.dio_offset_align)
			backing->direct = false;
		limits->logical = stat.dio_offset_align ?: limits->logical;
		limits->mem = stat.dio_mem_align ?: limits->mem;
	}
	limits->physical = max(fs_block, limits->logical);
	limits->io_min = limits->physical;
	limits->discard = fs_block;

	/* The file system, or what is below it, may take checksums of pages */
	backing->stable = !sb->s_bdev || bdev_stable_writes(sb->s_bdev) ||
			  sb->s_iflags & SB_I_STABLE_WRITES;
	if (file->f_op->fallocate) {
		backing->max_discard = BAO_BLK_RANGE_SECTORS;
		backing->max_zeroes = BAO_BLK_RANGE_SECTORS;
	}
}

/*
 * Blocks as the driver sees them. Those of a file do not depend on where it is kept, as partition
 * tables count them.
 */
static u32 bao_blk_block_size(const struct bao_blk *blk, const struct bao_blk_limits *limits)
{
	if (blk->block_size)
		return blk->block_size;

	return blk->backing->bdev ? min_t(u32, limits->logical, BAO_BLK_MAX_BLOCK) : SECTOR_SIZE;
}

/**
 * bao_blk_sectors() - capacity of a disk, by the size of its backing
 * @blk: disk whose @config is there
 *
 * Context: may sleep
 * Return: how many sectors there are now, in whole blocks
 */
u64 bao_blk_sectors(const struct bao_blk *blk)
{
	u32 block_size = __virtio32_to_cpu(true, blk->config.blk_size);

	return round_down(bao_blk_size(blk->backing), (u64)block_size) >> SECTOR_SHIFT;
}

static void bao_blk_describe_ranges(struct bao_blk *blk, const struct bao_blk_limits *limits)
{
	const struct bao_blk_backing *backing = blk->backing;
	struct virtio_blk_config *config = &blk->config;

	config->max_discard_sectors = __cpu_to_virtio32(true, backing->max_discard);
	config->max_discard_seg = __cpu_to_virtio32(true, BAO_BLK_RANGES);
	config->discard_sector_alignment =
		__cpu_to_virtio32(true, limits->discard >> SECTOR_SHIFT);
	config->max_write_zeroes_sectors = __cpu_to_virtio32(true, backing->max_zeroes);
	config->max_write_zeroes_seg = __cpu_to_virtio32(true, BAO_BLK_RANGES);
	config->write_zeroes_may_unmap = 1;
}

/**
 * bao_blk_describe() - find out what a disk is like, and fill its configuration space
 * @blk: disk whose backing has been opened
 *
 * Context: may sleep; &bao_vdev.mutex held
 * Return: 0; or -EINVAL, after a line in the log, if it has no sectors
 */
int bao_blk_describe(struct bao_blk *blk)
{
	struct bao_blk_backing *backing = blk->backing;
	struct virtio_blk_config *config = &blk->config;
	struct bao_blk_limits limits = {};
	u32 block, segments;
	u64 sectors;

	if (backing->bdev)
		bao_blk_bdev_limits(backing, &limits);
	else
		bao_blk_file_limits(backing, &limits);
	backing->dio_mask = limits.logical - 1;
	backing->mem_mask = limits.mem - 1;

	/* A chain has a header and a status, too */
	block = bao_blk_block_size(blk, &limits);
	segments = clamp_t(u32, blk->vdev.queue_size, 3, BAO_BLK_SEGMENTS + 2) - 2;
	*config = (struct virtio_blk_config) {
		.seg_max = __cpu_to_virtio32(true, segments),
		.blk_size = __cpu_to_virtio32(true, block),
		.physical_block_exp = ilog2(max(limits.physical / block, 1U)),
		.alignment_offset = limits.offset / block,
		.min_io_size = __cpu_to_virtio16(true, min_t(u32, limits.io_min / block, U16_MAX)),
		.opt_io_size = __cpu_to_virtio32(true, limits.io_opt / block),
		.wce = 1,
		.num_queues = __cpu_to_virtio16(true, backing->nr_queues),
	};
	bao_blk_describe_ranges(blk, &limits);

	sectors = bao_blk_sectors(blk);
	if (!sectors) {
		bao_vdev_err(&blk->vdev, "%s is empty\n", blk->path);
		return -EINVAL;
	}
	config->capacity = __cpu_to_virtio64(true, sectors);
	atomic64_set(&backing->sectors, sectors);

	return 0;
}
