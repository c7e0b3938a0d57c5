// SPDX-License-Identifier: GPL-2.0
/*
 * Counters of IPC channels in sysfs, see Documentation/ABI/testing/sysfs-bus-auxiliary-bao
 */
#include <linux/sysfs.h>

#include "transport.h"

static struct bao_ipc *bao_dev_ipc(struct device *dev)
{
	return bao_ipc_from_auxdev(to_auxiliary_dev(dev));
}

static ssize_t doorbells_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%lu\n", atomic_long_read(&bao_dev_ipc(dev)->doorbells));
}
static DEVICE_ATTR_RO(doorbells);

static ssize_t notifies_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%lu\n", atomic_long_read(&bao_dev_ipc(dev)->notifies));
}
static DEVICE_ATTR_RO(notifies);

static ssize_t notify_errors_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%lu\n", atomic_long_read(&bao_dev_ipc(dev)->notify_errors));
}
static DEVICE_ATTR_RO(notify_errors);

static struct attribute *bao_ipc_stat_attrs[] = {
	&dev_attr_doorbells.attr,
	&dev_attr_notifies.attr,
	&dev_attr_notify_errors.attr,
	NULL
};

static const struct attribute_group bao_ipc_stat_group = {
	.name = "statistics",
	.attrs = bao_ipc_stat_attrs,
};

const struct attribute_group *bao_ipc_groups[] = {
	&bao_ipc_stat_group,
	NULL
};
