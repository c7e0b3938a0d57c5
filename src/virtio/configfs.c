// SPDX-License-Identifier: GPL-2.0
/*
 * Devices as directories: /sys/kernel/config/bao-virtio/MODEL/NAME
 *
 * Three levels. The subsystem is there as long as the module. A model makes a directory for itself
 * when it is registered, and the administrator makes a directory in that for each device.
 *
 * configfs calls us under locks of its own, which are outside of ours: a fragment's semaphore
 * around show and store, the subsystem's mutex and those of directories around mkdir and rmdir.
 * Nothing of ours calls configfs with a lock held. The end of a directory excludes show and store:
 * they have ended when drop_item() is called, and do not begin any more.
 */
#include <linux/dcache.h>
#include <linux/fs.h>
#include <linux/kstrtox.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/virtio_config.h>

#include "core.h"

/**
 * struct bao_vdev_dir - the directory of a model
 * @group: in configfs
 * @model: model
 * @dir_type: of @group
 * @vdev_type: of the devices in it
 * @attrs: of the devices: the common ones, and the model's
 */
struct bao_vdev_dir {
	struct config_group group;
	const struct bao_vdev_model *model;
	struct config_item_type dir_type;
	struct config_item_type vdev_type;
	struct configfs_attribute *attrs[];
};

static const struct config_item_type bao_subsys_type = {
	.ct_owner = THIS_MODULE,
};

static struct configfs_subsystem bao_subsys = {
	.su_group = {
		.cg_item = {
			.ci_namebuf = "bao-virtio",
			.ci_type = &bao_subsys_type,
		},
	},
};

static struct bao_vdev_dir *to_bao_vdev_dir(struct config_item *item)
{
	return container_of(to_config_group(item), struct bao_vdev_dir, group);
}

static ssize_t bao_vdev_dm_show(struct config_item *item, char *page)
{
	struct bao_vdev *vdev = to_bao_vdev(item);
	ssize_t len;

	mutex_lock(&vdev->mutex);
	if (vdev->dm == BAO_VDEV_DM_UNSET)
		len = sprintf(page, "\n");
	else
		len = sprintf(page, "%u\n", vdev->dm);
	mutex_unlock(&vdev->mutex);

	return len;
}

static ssize_t bao_vdev_dm_store(struct config_item *item, const char *page, size_t len)
{
	struct bao_vdev *vdev = to_bao_vdev(item);
	u32 dm;
	int ret;

	ret = kstrtou32(page, 0, &dm);
	if (ret)
		return ret;

	ret = bao_vdev_configure(vdev);
	if (ret)
		return ret;
	if (dm != vdev->dm) {
		bao_vdev_leave(vdev);
		vdev->dm = dm;
	}
	bao_vdev_configured(vdev);

	return len;
}
CONFIGFS_ATTR(bao_vdev_, dm);

static ssize_t bao_vdev_addr_show(struct config_item *item, char *page)
{
	struct bao_vdev *vdev = to_bao_vdev(item);
	ssize_t len;

	mutex_lock(&vdev->mutex);
	if (vdev->addr == BAO_VDEV_ADDR_UNSET)
		len = sprintf(page, "\n");
	else
		len = sprintf(page, "0x%llx\n", vdev->addr);
	mutex_unlock(&vdev->mutex);

	return len;
}

static ssize_t bao_vdev_addr_store(struct config_item *item, const char *page, size_t len)
{
	struct bao_vdev *vdev = to_bao_vdev(item);
	u64 addr;
	int ret;

	ret = kstrtou64(page, 0, &addr);
	if (ret)
		return ret;

	ret = bao_vdev_configure(vdev);
	if (ret)
		return ret;
	if (addr != vdev->addr) {
		bao_vdev_leave(vdev);
		vdev->addr = addr;
	}
	bao_vdev_configured(vdev);

	return len;
}
CONFIGFS_ATTR(bao_vdev_, addr);

static ssize_t bao_vdev_size_show(struct config_item *item, char *page)
{
	struct bao_vdev *vdev = to_bao_vdev(item);
	ssize_t len;

	mutex_lock(&vdev->mutex);
	len = sprintf(page, "0x%x\n", vdev->size);
	mutex_unlock(&vdev->mutex);

	return len;
}

static ssize_t bao_vdev_size_store(struct config_item *item, const char *page, size_t len)
{
	struct bao_vdev *vdev = to_bao_vdev(item);
	u32 size;
	int ret;

	ret = kstrtou32(page, 0, &size);
	if (ret)
		return ret;

	ret = bao_vdev_configure(vdev);
	if (ret)
		return ret;
	if (size != vdev->size) {
		bao_vdev_leave(vdev);
		vdev->size = size;
	}
	bao_vdev_configured(vdev);

	return len;
}
CONFIGFS_ATTR(bao_vdev_, size);

static ssize_t bao_vdev_queue_size_show(struct config_item *item, char *page)
{
	struct bao_vdev *vdev = to_bao_vdev(item);
	ssize_t len;

	mutex_lock(&vdev->mutex);
	len = sprintf(page, "%u\n", vdev->queue_size);
	mutex_unlock(&vdev->mutex);

	return len;
}

static ssize_t bao_vdev_queue_size_store(struct config_item *item, const char *page, size_t len)
{
	struct bao_vdev *vdev = to_bao_vdev(item);
	u32 size;
	int ret;

	ret = kstrtou32(page, 0, &size);
	if (ret)
		return ret;
	if (!is_power_of_2(size) || size > BAO_VQ_MAX_SIZE) {
		bao_vdev_err(vdev, "queue_size %u is no power of two up to %u\n", size,
			     BAO_VQ_MAX_SIZE);
		return -EINVAL;
	}

	ret = bao_vdev_configure(vdev);
	if (ret)
		return ret;
	vdev->queue_size = size;
	bao_vdev_configured(vdev);

	return len;
}
CONFIGFS_ATTR(bao_vdev_, queue_size);

static ssize_t bao_vdev_features_off_show(struct config_item *item, char *page)
{
	struct bao_vdev *vdev = to_bao_vdev(item);
	ssize_t len;

	mutex_lock(&vdev->mutex);
	len = sprintf(page, "0x%llx\n", vdev->features_off);
	mutex_unlock(&vdev->mutex);

	return len;
}

static ssize_t bao_vdev_features_off_store(struct config_item *item, const char *page, size_t len)
{
	struct bao_vdev *vdev = to_bao_vdev(item);
	u64 features;
	int ret;

	ret = kstrtou64(page, 0, &features);
	if (ret)
		return ret;
	if (features & BIT_ULL(VIRTIO_F_VERSION_1)) {
		bao_vdev_err(vdev, "no driver can use a device without feature %u\n",
			     VIRTIO_F_VERSION_1);
		return -EINVAL;
	}

	ret = bao_vdev_configure(vdev);
	if (ret)
		return ret;
	vdev->features_off = features;
	bao_vdev_configured(vdev);

	return len;
}
CONFIGFS_ATTR(bao_vdev_, features_off);

static ssize_t bao_vdev_poll_us_show(struct config_item *item, char *page)
{
	return sprintf(page, "%u\n", READ_ONCE(to_bao_vdev(item)->poll_us));
}

/* For tuning: also while live. Workers read it at their next look at a ring that is empty. */
static ssize_t bao_vdev_poll_us_store(struct config_item *item, const char *page, size_t len)
{
	struct bao_vdev *vdev = to_bao_vdev(item);
	u32 us;
	int ret;

	ret = kstrtou32(page, 0, &us);
	if (ret)
		return ret;
	if (us > BAO_VDEV_MAX_POLL_US) {
		bao_vdev_err(vdev, "poll_us %u is more than %u\n", us, BAO_VDEV_MAX_POLL_US);
		return -EINVAL;
	}

	WRITE_ONCE(vdev->poll_us, us);

	return len;
}
CONFIGFS_ATTR(bao_vdev_, poll_us);

static ssize_t bao_vdev_live_show(struct config_item *item, char *page)
{
	struct bao_vdev *vdev = to_bao_vdev(item);
	bool live;

	mutex_lock(&vdev->mutex);
	live = vdev->live;
	mutex_unlock(&vdev->mutex);

	return sprintf(page, "%u\n", live);
}

static ssize_t bao_vdev_live_store(struct config_item *item, const char *page, size_t len)
{
	struct bao_vdev *vdev = to_bao_vdev(item);
	bool live;
	int ret;

	ret = kstrtobool(page, &live);
	if (ret)
		return ret;

	mutex_lock(&vdev->mutex);
	if (live)
		ret = bao_vdev_go_live(vdev);
	else
		bao_vdev_take_down(vdev);
	mutex_unlock(&vdev->mutex);

	return ret ?: len;
}
CONFIGFS_ATTR(bao_vdev_, live);

/**
 * struct bao_vdev_snapshot - what the driver has made of a device
 * @state: in a word
 * @status: register Status, 0 if there is none
 * @features: negotiated, 0 if there are none yet
 * @bad_accesses: of the device, since it has gone live
 * @polls_found: polls that have found something, since then
 * @polls_vain: polls that have not, since then
 */
struct bao_vdev_snapshot {
	const char *state;
	u32 status;
	u64 features;
	unsigned long bad_accesses;
	unsigned long polls_found;
	unsigned long polls_vain;
};

static const char *bao_vdev_state(u32 status)
{
	if (status & VIRTIO_CONFIG_S_FAILED)
		return "failed";
	if (status & VIRTIO_CONFIG_S_NEEDS_RESET)
		return "broken";
	if (status & VIRTIO_CONFIG_S_DRIVER_OK)
		return "running";

	return status ? "starting" : "idle";
}

static void bao_vdev_look_inside(struct bao_vdev *vdev, struct bao_vdev_snapshot *snapshot)
{
	struct bao_vdev_core *core = vdev->core;

	snapshot->state = "down";
	spin_lock_irq(&vdev->lock);
	if (vdev->live || core->refusing) {
		snapshot->status = bao_vdev_status(core);
		snapshot->features = core->features;
		snapshot->bad_accesses = atomic_long_read(&core->bad_accesses);
		snapshot->polls_found = atomic_long_read(&core->polls_found);
		snapshot->polls_vain = atomic_long_read(&core->polls_vain);
		snapshot->state = vdev->live ? bao_vdev_state(snapshot->status) : "refusing";
	}
	spin_unlock_irq(&vdev->lock);
}

static void bao_vdev_look(struct bao_vdev *vdev, struct bao_vdev_snapshot *snapshot)
{
	memset(snapshot, 0, sizeof(*snapshot));

	/* The mutex keeps the core's part where it is */
	mutex_lock(&vdev->mutex);
	if (vdev->core && !bao_vdev_gone(vdev))
		bao_vdev_look_inside(vdev, snapshot);
	else
		snapshot->state = vdev->live ? "gone" : "down";
	mutex_unlock(&vdev->mutex);
}

static ssize_t bao_vdev_status_show(struct config_item *item, char *page)
{
	struct bao_vdev_snapshot snapshot;

	bao_vdev_look(to_bao_vdev(item), &snapshot);

	return sprintf(page, "%s 0x%02x\n", snapshot.state, snapshot.status);
}
CONFIGFS_ATTR_RO(bao_vdev_, status);

static ssize_t bao_vdev_features_show(struct config_item *item, char *page)
{
	struct bao_vdev_snapshot snapshot;

	bao_vdev_look(to_bao_vdev(item), &snapshot);

	return sprintf(page, "0x%llx\n", snapshot.features);
}
CONFIGFS_ATTR_RO(bao_vdev_, features);

static ssize_t bao_vdev_bad_accesses_show(struct config_item *item, char *page)
{
	struct bao_vdev_snapshot snapshot;

	bao_vdev_look(to_bao_vdev(item), &snapshot);

	return sprintf(page, "%lu\n", snapshot.bad_accesses);
}
CONFIGFS_ATTR_RO(bao_vdev_, bad_accesses);

static ssize_t bao_vdev_polls_found_show(struct config_item *item, char *page)
{
	struct bao_vdev_snapshot snapshot;

	bao_vdev_look(to_bao_vdev(item), &snapshot);

	return sprintf(page, "%lu\n", snapshot.polls_found);
}
CONFIGFS_ATTR_RO(bao_vdev_, polls_found);

static ssize_t bao_vdev_polls_vain_show(struct config_item *item, char *page)
{
	struct bao_vdev_snapshot snapshot;

	bao_vdev_look(to_bao_vdev(item), &snapshot);

	return sprintf(page, "%lu\n", snapshot.polls_vain);
}
CONFIGFS_ATTR_RO(bao_vdev_, polls_vain);

static ssize_t bao_vdev_workqueue_show(struct config_item *item, char *page)
{
	struct bao_vdev *vdev = to_bao_vdev(item);
	ssize_t len;

	/* The mutex keeps the core's part where it is. Who refuses needs processors as well. */
	mutex_lock(&vdev->mutex);
	if (vdev->core && vdev->core->id >= 0)
		len = sprintf(page, BAO_VDEV_WQ_NAME "\n", vdev->core->id);
	else
		len = sprintf(page, "\n");
	mutex_unlock(&vdev->mutex);

	return len;
}
CONFIGFS_ATTR_RO(bao_vdev_, workqueue);

static struct configfs_attribute *const bao_vdev_attrs[] = {
	&bao_vdev_attr_dm,
	&bao_vdev_attr_addr,
	&bao_vdev_attr_size,
	&bao_vdev_attr_queue_size,
	&bao_vdev_attr_features_off,
	&bao_vdev_attr_poll_us,
	&bao_vdev_attr_live,
	&bao_vdev_attr_status,
	&bao_vdev_attr_features,
	&bao_vdev_attr_bad_accesses,
	&bao_vdev_attr_polls_found,
	&bao_vdev_attr_polls_vain,
	&bao_vdev_attr_workqueue,
};

static void bao_vdev_release(struct config_item *item)
{
	struct bao_vdev *vdev = to_bao_vdev(item);
	struct module *owner = vdev->model->owner;

	mutex_destroy(&vdev->mutex);
	vdev->model->free(vdev);
	module_put(owner);
}

static struct configfs_item_operations bao_vdev_item_ops = {
	.release = bao_vdev_release,
};

static struct bao_vdev *bao_vdev_alloc(const struct bao_vdev_model *model)
{
	struct bao_vdev *vdev = model->alloc();

	if (!vdev)
		return NULL;

	vdev->model = model;
	mutex_init(&vdev->mutex);
	spin_lock_init(&vdev->lock);
	vdev->dm = BAO_VDEV_DM_UNSET;
	vdev->addr = BAO_VDEV_ADDR_UNSET;
	/* Of these, a model may have defaults of its own */
	if (!vdev->size)
		vdev->size = BAO_VDEV_DEFAULT_SIZE;
	if (!vdev->queue_size)
		vdev->queue_size = BAO_VQ_DEFAULT_SIZE;

	return vdev;
}

/* mkdir; the subsystem's mutex is held */
static struct config_group *bao_vdev_make(struct config_group *group, const char *name)
{
	struct bao_vdev_dir *dir = to_bao_vdev_dir(&group->cg_item);
	const struct bao_vdev_model *model = dir->model;
	struct bao_vdev *vdev;

	/*
	 * Because of ct_owner configfs holds the model's module while there is a directory. We do
	 * so while there is a device, which is longer. The module may be going right now, but not
	 * before mkdir has ended, see bao_vdev_dir_close().
	 */
	if (!try_module_get(model->owner))
		return ERR_PTR(-ENODEV);

	vdev = bao_vdev_alloc(model);
	if (!vdev) {
		module_put(model->owner);
		return ERR_PTR(-ENOMEM);
	}

	config_group_init_type_name(&vdev->group, name, &dir->vdev_type);
	/* A long name takes memory, and this function does not tell that there was none */
	if (!vdev->group.cg_item.ci_name) {
		config_group_put(&vdev->group);
		return ERR_PTR(-ENOMEM);
	}

	return &vdev->group;
}

/*
 * rmdir, which cannot be refused, or the end of mkdir if that has failed. Not in release(): rmdir
 * is to return when the device is gone, whoever else may have a reference; and there the device has
 * no name any more, which the model may want when it cleans up.
 */
static void bao_vdev_drop(struct config_group *group, struct config_item *item)
{
	struct bao_vdev *vdev = to_bao_vdev(item);

	mutex_lock(&vdev->mutex);
	bao_vdev_take_down(vdev);
	bao_vdev_leave(vdev);
	mutex_unlock(&vdev->mutex);

	config_item_put(item);
}

static struct configfs_group_operations bao_vdev_dir_group_ops = {
	.make_group = bao_vdev_make,
	.drop_item = bao_vdev_drop,
};

static void bao_vdev_dir_release(struct config_item *item)
{
	kfree(to_bao_vdev_dir(item));
}

static struct configfs_item_operations bao_vdev_dir_item_ops = {
	.release = bao_vdev_dir_release,
};

static struct bao_vdev_dir *bao_vdev_dir_create(const struct bao_vdev_model *model)
{
	size_t common = ARRAY_SIZE(bao_vdev_attrs), own = 0;
	struct bao_vdev_dir *dir;

	while (model->attrs && model->attrs[own])
		own++;

	/* The last one stays NULL */
	dir = kzalloc(struct_size(dir, attrs, common + own + 1), GFP_KERNEL);
	if (!dir)
		return NULL;

	memcpy(dir->attrs, bao_vdev_attrs, sizeof(bao_vdev_attrs));
	if (own)
		memcpy(dir->attrs + common, model->attrs, own * sizeof(*dir->attrs));
	dir->model = model;
	dir->vdev_type.ct_owner = model->owner;
	dir->vdev_type.ct_item_ops = &bao_vdev_item_ops;
	dir->vdev_type.ct_attrs = dir->attrs;
	dir->dir_type.ct_owner = THIS_MODULE;
	dir->dir_type.ct_item_ops = &bao_vdev_dir_item_ops;
	dir->dir_type.ct_group_ops = &bao_vdev_dir_group_ops;
	config_group_init_type_name(&dir->group, model->name, &dir->dir_type);

	return dir;
}

/**
 * bao_vdev_model_register() - let there be devices of a model
 * @model: model; stays until bao_vdev_model_unregister()
 *
 * Makes the directory in which devices are made. Devices may be there when this returns, and the
 * model's module stays as long as they do: so this is the last that may fail in module_init().
 *
 * Context: may sleep
 * Return: 0, -EEXIST if there is a model of that name, -ENOMEM
 */
int bao_vdev_model_register(const struct bao_vdev_model *model)
{
	struct bao_vdev_dir *dir;
	int ret;

	dir = bao_vdev_dir_create(model);
	if (!dir)
		return -ENOMEM;

	ret = configfs_register_group(&bao_subsys.su_group, &dir->group);
	if (ret)
		config_group_put(&dir->group);

	return ret;
}
EXPORT_SYMBOL_GPL(bao_vdev_model_register);

/*
 * From here on, nothing is made in the directory of a model, nor is anything on its way in or out.
 *
 * configfs_unregister_group() does not lock the directory, where mkdir and rmdir are, as rmdir of
 * the directory itself would do, and configfs_unregister_subsystem(). So mkdir could find that it
 * has no parent. The flag is what these set under the lock, and what the VFS looks at.
 */
static void bao_vdev_dir_close(struct bao_vdev_dir *dir)
{
	struct inode *inode = d_inode(dir->group.cg_item.ci_dentry);

	inode_lock(inode);
	inode->i_flags |= S_DEAD;
	inode_unlock(inode);
}

/**
 * bao_vdev_model_unregister() - undo bao_vdev_model_register()
 * @model: model
 *
 * There are no devices of the model when its module goes, and there will not be any. For
 * module_exit() only.
 *
 * Context: may sleep
 */
void bao_vdev_model_unregister(const struct bao_vdev_model *model)
{
	struct bao_vdev_dir *dir;

	mutex_lock(&bao_subsys.su_mutex);
	dir = to_bao_vdev_dir(config_group_find_item(&bao_subsys.su_group, model->name));
	mutex_unlock(&bao_subsys.su_mutex);

	bao_vdev_dir_close(dir);
	configfs_unregister_group(&dir->group);
	/* That of the search, and the first one */
	config_group_put(&dir->group);
	config_group_put(&dir->group);
}
EXPORT_SYMBOL_GPL(bao_vdev_model_unregister);

/**
 * bao_configfs_init() - make the directory of all models
 *
 * Return: 0 or a negative errno
 */
int __init bao_configfs_init(void)
{
	config_group_init(&bao_subsys.su_group);
	mutex_init(&bao_subsys.su_mutex);

	return configfs_register_subsystem(&bao_subsys);
}

/**
 * bao_configfs_exit() - undo bao_configfs_init()
 *
 * Context: no model is registered
 */
void bao_configfs_exit(void)
{
	configfs_unregister_subsystem(&bao_subsys);
}
