// SPDX-License-Identifier: GPL-2.0
/*
 * What is behind a disk: a block device or a file. And its queues' memory, which goes with it.
 *
 * Both are opened as files. That is the same in all versions of the kernel, and keeps a block
 * device from others who want it for themselves, such as mount.
 */
#include <linux/file.h>
#include <linux/gfp.h>
#include <linux/module.h>
#include <linux/namei.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "blk.h"

/* Backings of devices that are live, and of orphans */
static LIST_HEAD(bao_blk_backings);
static DEFINE_MUTEX(bao_blk_mutex);	/* protects the list */

static struct workqueue_struct *bao_blk_close_wq;

static int bao_blk_check_bdev(struct bao_blk *blk, struct block_device *bdev)
{
	if (bdev_is_zoned(bdev)) {
		bao_vdev_err(&blk->vdev, "%s has zones, which need other requests\n", blk->path);
		return -EOPNOTSUPP;
	}
	if (!blk->read_only && bdev_read_only(bdev)) {
		bao_vdev_err(&blk->vdev, "%s is read-only, and the device is not\n", blk->path);
		return -EROFS;
	}

	return 0;
}

static bool bao_blk_is_disk(const struct inode *inode)
{
	return S_ISREG(inode->i_mode) || S_ISBLK(inode->i_mode);
}

/* To open anything else may have effects, or take until somebody else does so, too */
static struct file *bao_blk_open_path(const char *name, int flags)
{
	struct path path;
	bool disk;
	int ret;

	ret = kern_path(name, LOOKUP_FOLLOW, &path);
	if (ret)
		return ERR_PTR(ret);
	disk = bao_blk_is_disk(d_backing_inode(path.dentry));
	path_put(&path);

	return disk ? filp_open(name, flags, 0) : ERR_PTR(-EINVAL);
}

static int bao_blk_open_file(struct bao_blk *blk)
{
	/* O_EXCL: of block devices only. Whoever just reads can share them. */
	int flags = O_LARGEFILE | (blk->read_only ? O_RDONLY : O_RDWR | O_EXCL);
	struct bao_blk_backing *backing = blk->backing;
	struct file *file;

	file = bao_blk_open_path(blk->path, flags);
	if (IS_ERR(file)) {
		bao_vdev_err(&blk->vdev, "cannot open %s as a disk: %pe\n", blk->path, file);
		return PTR_ERR(file);
	}
	backing->file = file;

	if (!bao_blk_is_disk(file_inode(file)) || !file->f_op->read_iter ||
	    !(blk->read_only || file->f_op->write_iter)) {
		bao_vdev_err(&blk->vdev, "%s can be no disk\n", blk->path);
		return -EINVAL;
	}

	backing->direct = blk->direct && file->f_mode & FMODE_CAN_ODIRECT;
	if (!S_ISBLK(file_inode(file)->i_mode))
		return 0;
	backing->bdev = I_BDEV(file->f_mapping->host);

	return bao_blk_check_bdev(blk, backing->bdev);
}

/*
 * Two disks that do not know of each other would destroy what is on them, and so would orphans.
 * Nothing else keeps a file from being opened twice.
 */
static int bao_blk_add(struct bao_blk *blk)
{
	struct bao_blk_backing *backing = blk->backing, *other;
	int ret = 0;

	mutex_lock(&bao_blk_mutex);
	list_for_each_entry(other, &bao_blk_backings, node)
		if (other->file->f_mapping->host == backing->file->f_mapping->host &&
		    !(other->read_only && backing->read_only))
			ret = -EBUSY;
	if (!ret)
		list_add_tail(&backing->node, &bao_blk_backings);
	mutex_unlock(&bao_blk_mutex);

	if (ret)
		bao_vdev_err(&blk->vdev, "%s is in use, or has not answered since it was\n",
			     blk->path);

	return ret;
}

static int bao_blk_queue_init_pages(struct bao_blk_queue *q)
{
	struct page *page;

	q->pages = kvcalloc(BAO_BLK_BOUNCE_PAGES, sizeof(*q->pages), GFP_KERNEL);
	if (!q->pages)
		return -ENOMEM;

	while (q->nr_pages < BAO_BLK_BOUNCE_PAGES) {
		page = alloc_page(GFP_KERNEL);
		if (!page)
			return -ENOMEM;
		q->pages[q->nr_pages++] = page;
	}

	return 0;
}

/* bao_blk_queue_free() is to follow, also if this fails */
static int bao_blk_queue_init(struct bao_blk_queue *q, struct bao_blk_backing *backing, u16 size)
{
	struct bao_blk_request *req;
	unsigned int i;

	q->backing = backing;
	spin_lock_init(&q->lock);
	INIT_LIST_HEAD(&q->done);
	INIT_LIST_HEAD(&q->free);
	init_waitqueue_head(&q->unpinned);

	q->nr_requests = min_t(unsigned int, size, BAO_BLK_REQUESTS);
	/* More than a MiB, of which kmalloc() would make two. If that fails, one line tells it. */
	q->requests = __vcalloc(q->nr_requests, sizeof(*q->requests), GFP_KERNEL | __GFP_NOWARN);
	if (!q->requests)
		return -ENOMEM;

	for (i = 0; i < q->nr_requests; i++) {
		req = &q->requests[i];
		req->queue = q;
		INIT_WORK(&req->work, bao_blk_work);
		list_add_tail(&req->node, &q->free);
	}

	return backing->direct ? bao_blk_queue_init_pages(q) : 0;
}

/* Nothing is under way; or it is zeroed memory */
static void bao_blk_queue_free(struct bao_blk_queue *q)
{
	struct bao_blk_request *req;
	unsigned int i;

	/* Orphans have kept their pages */
	for (i = 0; q->requests && i < q->nr_requests; i++) {
		req = &q->requests[i];
		while (req->nr_pages)
			__free_page(req->bvecs[--req->nr_pages].bv_page);
	}
	while (q->nr_pages)
		__free_page(q->pages[--q->nr_pages]);
	kvfree(q->pages);
	vfree(q->requests);
}

static int bao_blk_init_queues(struct bao_blk *blk)
{
	struct bao_blk_backing *backing = blk->backing;
	unsigned int i;
	int ret = 0;

	/*
	 * Frozen while the system is suspended: the backing is, too. Not for memory reclaim: this
	 * system's memory does not depend on what frontends do, and file systems may wait for
	 * workqueues that are not for it either.
	 */
	backing->wq = alloc_workqueue("bao-blk-%.15s", WQ_UNBOUND | WQ_FREEZABLE, BAO_BLK_THREADS,
				      bao_vdev_name(&blk->vdev));
	if (!backing->wq)
		ret = -ENOMEM;
	for (i = 0; !ret && i < backing->nr_queues; i++)
		ret = bao_blk_queue_init(&backing->queues[i], backing, blk->vdev.queue_size);
	if (ret)
		bao_vdev_err(&blk->vdev, "cannot make %u queues\n", backing->nr_queues);

	return ret;
}

/* The serial number; the name of the device does if there is none */
static void bao_blk_init_serial(struct bao_blk *blk)
{
	const char *serial = *blk->serial ? blk->serial : bao_vdev_name(&blk->vdev);

	memcpy(blk->backing->serial, serial, strnlen(serial, VIRTIO_BLK_ID_BYTES));
}

static void bao_blk_backing_free(struct bao_blk_backing *backing)
{
	unsigned int i;

	/* Nothing is under way, but a worker that has finished the last request may yet return */
	if (backing->wq)
		destroy_workqueue(backing->wq);

	mutex_lock(&bao_blk_mutex);
	list_del(&backing->node);
	mutex_unlock(&bao_blk_mutex);

	for (i = 0; i < backing->nr_queues; i++)
		bao_blk_queue_free(&backing->queues[i]);
	if (backing->file)
		fput(backing->file);
	kvfree(backing);
}

static void bao_blk_close_work(struct work_struct *work)
{
	struct bao_blk_backing *backing = container_of(work, struct bao_blk_backing, close);

	/* The last orphan has queued us under this lock: now it has dropped it */
	spin_lock_irq(&backing->lock);
	spin_unlock_irq(&backing->lock);

	bao_blk_backing_free(backing);
	module_put(THIS_MODULE);
}

/**
 * bao_blk_close_later() - close a backing, from where it is not possible to sleep
 * @backing: backing of a device that is not live, without orphans; not the caller's any more
 *
 * Context: any; &bao_blk_backing.lock held
 */
void bao_blk_close_later(struct bao_blk_backing *backing)
{
	lockdep_assert_held(&backing->lock);

	queue_work(bao_blk_close_wq, &backing->close);
}

/**
 * bao_blk_close() - undo bao_blk_open()
 * @blk: device whose queues are stopped
 *
 * If there are orphans, the last one does it, whenever that is. Until then they keep the module.
 *
 * Context: may sleep
 */
void bao_blk_close(struct bao_blk *blk)
{
	struct bao_blk_backing *backing = blk->backing;
	unsigned int orphans;

	blk->backing = NULL;

	spin_lock_irq(&backing->lock);
	backing->live = false;
	orphans = backing->nr_orphans;
	if (orphans)
		__module_get(THIS_MODULE);
	spin_unlock_irq(&backing->lock);

	if (!orphans)
		bao_blk_backing_free(backing);
	else
		pr_notice("bao-virtio: blk %s: %s has not answered %u requests yet\n",
			  bao_vdev_name(&blk->vdev), blk->path, orphans);
}

/**
 * bao_blk_open() - open the backing of a disk, and make its queues and its configuration space
 * @blk: device that is not live
 *
 * Context: may sleep; &bao_vdev.mutex held
 * Return: 0; or, after one line in the log: -EINVAL if the backing cannot be a disk, -EBUSY if it
 * is another one's, -EROFS if it is read-only and the device is not, -EOPNOTSUPP if it has zones,
 * -ENOMEM, or why it cannot be opened
 */
int bao_blk_open(struct bao_blk *blk)
{
	struct bao_blk_backing *backing;
	int ret;

	if (!blk->path) {
		bao_vdev_err(&blk->vdev, "path is not set\n");
		return -EINVAL;
	}

	backing = kvzalloc(struct_size(backing, queues, blk->queues), GFP_KERNEL);
	if (!backing)
		return -ENOMEM;

	INIT_LIST_HEAD(&backing->node);
	spin_lock_init(&backing->lock);
	INIT_WORK(&backing->close, bao_blk_close_work);
	backing->nr_queues = blk->queues;
	backing->read_only = blk->read_only;
	backing->live = true;
	blk->backing = backing;

	bao_blk_init_serial(blk);
	ret = bao_blk_open_file(blk);
	if (!ret)
		ret = bao_blk_add(blk);
	if (!ret)
		ret = bao_blk_describe(blk);
	if (!ret)
		ret = bao_blk_init_queues(blk);
	if (ret) {
		bao_blk_backing_free(backing);
		blk->backing = NULL;
	}

	return ret;
}

/**
 * bao_blk_backing_init() - before anything else in this file
 *
 * Return: 0 or -ENOMEM
 */
int __init bao_blk_backing_init(void)
{
	bao_blk_close_wq = alloc_workqueue("bao-blk-close", WQ_UNBOUND, 0);

	return bao_blk_close_wq ? 0 : -ENOMEM;
}

/**
 * bao_blk_backing_exit() - undo bao_blk_backing_init()
 *
 * Waits until nobody executes code of this module any more, though they may have been preempted
 * just before they return: the work that has closed a backing, and completions of I/O.
 *
 * Context: there are no devices, and no orphans
 */
void bao_blk_backing_exit(void)
{
	destroy_workqueue(bao_blk_close_wq);
	synchronize_rcu();
	synchronize_rcu_tasks();
}
