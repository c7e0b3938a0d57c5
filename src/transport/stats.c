// SPDX-License-Identifier: GPL-2.0
/*
 * Counters of remote-I/O endpoints in sysfs, see Documentation/ABI/testing/sysfs-bus-auxiliary-bao
 */
#include <linux/sysfs.h>

#include "transport.h"

static struct bao_endpoint *bao_dev_endpoint(struct device *dev)
{
	return bao_endpoint_from_auxdev(to_auxiliary_dev(dev));
}

static ssize_t bao_stat_show(struct device *dev, enum bao_stat stat, char *buf)
{
	struct bao_endpoint *ep = bao_dev_endpoint(dev);
	unsigned long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(ep->stats, cpu)->count[stat]);

	return sysfs_emit(buf, "%lu\n", sum);
}

#define BAO_STAT_ATTR(name, stat)							\
static ssize_t name##_show(struct device *dev, struct device_attribute *attr, char *buf)\
{											\
	return bao_stat_show(dev, BAO_STAT_##stat, buf);				\
}											\
static DEVICE_ATTR_RO(name)

BAO_STAT_ATTR(interrupts, INTERRUPTS);
BAO_STAT_ATTR(requests, REQUESTS);
BAO_STAT_ATTR(asks, ASKS);
BAO_STAT_ATTR(ask_errors, ASK_ERRORS);
BAO_STAT_ATTR(completes, COMPLETES);
BAO_STAT_ATTR(complete_errors, COMPLETE_ERRORS);
BAO_STAT_ATTR(notifies, NOTIFIES);
BAO_STAT_ATTR(notify_errors, NOTIFY_ERRORS);
BAO_STAT_ATTR(default_answers, DEFAULT_ANSWERS);
BAO_STAT_ATTR(signals, SIGNALS);
BAO_STAT_ATTR(deferrals, DEFERRALS);

static ssize_t max_batch_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", READ_ONCE(bao_dev_endpoint(dev)->max_batch));
}
static DEVICE_ATTR_RO(max_batch);

static ssize_t waiting_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", READ_ONCE(bao_dev_endpoint(dev)->nr_queued));
}
static DEVICE_ATTR_RO(waiting);

static ssize_t owned_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", READ_ONCE(bao_dev_endpoint(dev)->nr_owned));
}
static DEVICE_ATTR_RO(owned);

static struct attribute *bao_stat_attrs[] = {
	&dev_attr_interrupts.attr,
	&dev_attr_requests.attr,
	&dev_attr_asks.attr,
	&dev_attr_ask_errors.attr,
	&dev_attr_completes.attr,
	&dev_attr_complete_errors.attr,
	&dev_attr_notifies.attr,
	&dev_attr_notify_errors.attr,
	&dev_attr_default_answers.attr,
	&dev_attr_signals.attr,
	&dev_attr_deferrals.attr,
	&dev_attr_max_batch.attr,
	&dev_attr_waiting.attr,
	&dev_attr_owned.attr,
	NULL
};

static const struct attribute_group bao_stat_group = {
	.name = "statistics",
	.attrs = bao_stat_attrs,
};

const struct attribute_group *bao_endpoint_groups[] = {
	&bao_stat_group,
	&bao_shmem_group,
	NULL
};
