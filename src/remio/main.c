// SPDX-License-Identifier: GPL-2.0
/*
 * Remote I/O for user space: /dev/bao-io-dispatcher, and the endpoints behind it
 */
#include <linux/auxiliary_bus.h>
#include <linux/compat.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "remio.h"

/* Protects the list, and the lists of descriptors in it */
static DEFINE_MUTEX(bao_dm_mutex);
static LIST_HEAD(bao_dms);

static struct bao_dm *bao_dm_find(u32 id)
{
	struct bao_dm *dm;

	lockdep_assert_held(&bao_dm_mutex);

	list_for_each_entry(dm, &bao_dms, node)
		if (bao_endpoint_describe(dm->ep)->dm_id == id)
			return dm;

	return NULL;
}

/**
 * bao_dm_file_forget() - take a descriptor out of the list of its DM
 * @dmf: descriptor that is being released
 *
 * Context: may sleep
 */
void bao_dm_file_forget(struct bao_dm_file *dmf)
{
	mutex_lock(&bao_dm_mutex);
	if (dmf->dm) {
		list_del(&dmf->node);
		dmf->dm->nr_files--;
		dmf->dm = NULL;
	}
	mutex_unlock(&bao_dm_mutex);
}

static int bao_dm_bind(struct file *file, u32 id, struct bao_dm_info *info)
{
	const struct bao_endpoint_desc *desc;
	struct bao_dm *dm;
	int ret = -ENOENT;

	mutex_lock(&bao_dm_mutex);
	dm = bao_dm_find(id);
	if (dm) {
		desc = bao_endpoint_describe(dm->ep);
		info->id = desc->dm_id;
		info->shmem_addr = desc->shmem_start;
		info->shmem_size = desc->shmem_size;
		info->irq = desc->irq;
		ret = bao_dm_file_bind(file, dm);
	}
	mutex_unlock(&bao_dm_mutex);

	return ret;
}

static int bao_dm_get_info(struct bao_dm_info __user *arg)
{
	struct bao_dm_info info;
	struct file *file;
	int fd, ret;
	u32 id;

	if (get_user(id, &arg->id))
		return -EFAULT;

	/* The padding goes to user space, too */
	memset(&info, 0, sizeof(info));

	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;

	file = bao_dm_file_create(id);
	if (IS_ERR(file)) {
		ret = PTR_ERR(file);
		goto err_fd;
	}

	ret = bao_dm_bind(file, id, &info);
	if (ret)
		goto err_file;

	info.fd = fd;
	if (copy_to_user(arg, &info, sizeof(info))) {
		ret = -EFAULT;
		goto err_file;
	}

	/* From here on the process owns it; nothing may fail any more */
	fd_install(fd, file);

	return 0;

err_file:
	fput(file);
err_fd:
	put_unused_fd(fd);
	return ret;
}

static long bao_dispatcher_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case BAO_IOCTL_DM_GET_INFO:
		return bao_dm_get_info((struct bao_dm_info __user *)arg);
	default:
		return -ENOTTY;
	}
}

static const struct file_operations bao_dispatcher_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = bao_dispatcher_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

static struct miscdevice bao_dispatcher = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "bao-io-dispatcher",
	.fops = &bao_dispatcher_fops,
};

static int bao_remio_probe(struct auxiliary_device *adev, const struct auxiliary_device_id *id)
{
	struct bao_dm *dm;

	dm = kzalloc(sizeof(*dm), GFP_KERNEL);
	if (!dm)
		return -ENOMEM;

	dm->ep = bao_endpoint_from_auxdev(adev);
	INIT_LIST_HEAD(&dm->files);
	auxiliary_set_drvdata(adev, dm);

	mutex_lock(&bao_dm_mutex);
	list_add_tail(&dm->node, &bao_dms);
	mutex_unlock(&bao_dm_mutex);

	return 0;
}

static void bao_remio_remove(struct auxiliary_device *adev)
{
	struct bao_dm *dm = auxiliary_get_drvdata(adev);
	struct bao_dm_file *dmf, *next;

	/*
	 * The descriptors live on, without us: what they do fails with ENODEV. One that is in its
	 * release has left the list or waits for the mutex to do so, and shuts itself down.
	 */
	mutex_lock(&bao_dm_mutex);
	list_del(&dm->node);
	list_for_each_entry_safe(dmf, next, &dm->files, node) {
		bao_dm_file_shutdown(dmf);
		list_del(&dmf->node);
		dmf->dm = NULL;
	}
	mutex_unlock(&bao_dm_mutex);

	kfree(dm);
}

static const struct auxiliary_device_id bao_remio_ids[] = {
	{ .name = "bao." BAO_REMIO_DEVICE },
	{ }
};
MODULE_DEVICE_TABLE(auxiliary, bao_remio_ids);

static struct auxiliary_driver bao_remio_driver = {
	.probe = bao_remio_probe,
	.remove = bao_remio_remove,
	.id_table = bao_remio_ids,
};

static int __init bao_remio_init(void)
{
	int ret;

	ret = bao_irqfd_init();
	if (ret)
		return ret;

	ret = auxiliary_driver_register(&bao_remio_driver);
	if (ret)
		goto err_irqfd;

	/* Last: whoever finds the device finds the endpoints that there are */
	ret = misc_register(&bao_dispatcher);
	if (ret)
		goto err_driver;

	return 0;

err_driver:
	auxiliary_driver_unregister(&bao_remio_driver);
err_irqfd:
	bao_irqfd_exit();
	return ret;
}
module_init(bao_remio_init);

static void __exit bao_remio_exit(void)
{
	misc_deregister(&bao_dispatcher);
	auxiliary_driver_unregister(&bao_remio_driver);
	bao_irqfd_exit();
}
module_exit(bao_remio_exit);

MODULE_DESCRIPTION("Remote I/O of the Bao hypervisor for user space");
MODULE_LICENSE("GPL");
