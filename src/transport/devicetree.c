// SPDX-License-Identifier: GPL-2.0
/*
 * Devicetree: from nodes to endpoints
 *
 * Documentation/devicetree/bindings/bao/
 */
#include <linux/mod_devicetable.h>
#include <linux/module.h>
#include <linux/of.h>
#include <linux/of_irq.h>
#include <linux/overflow.h>
#include <linux/pm.h>
#include <linux/property.h>

#include "compat.h"
#include "devicetree.h"

typedef int (*bao_parser)(struct platform_device *pdev, struct bao_node *node);

/**
 * bao_node_alloc() - make room for descriptions
 * @dev: device of the node, with whose driver they go
 * @node: node
 * @nr_devices: number of remote-I/O devices
 * @nr_channels: number of IPC channels
 *
 * Context: may sleep
 * Return: 0; -EINVAL if there are too many or none at all, -ENOMEM
 */
int bao_node_alloc(struct device *dev, struct bao_node *node, unsigned int nr_devices,
		   unsigned int nr_channels)
{
	if (nr_devices > BAO_MAX_DEVICES)
		return dev_err_probe(dev, -EINVAL, "more than %d devices\n", BAO_MAX_DEVICES);
	if (nr_channels > BAO_MAX_CHANNELS)
		return dev_err_probe(dev, -EINVAL, "more than %d channels\n", BAO_MAX_CHANNELS);
	if (!nr_devices && !nr_channels)
		return dev_err_probe(dev, -EINVAL, "neither devices nor channels\n");

	node->device = devm_kcalloc(dev, nr_devices, sizeof(*node->device), GFP_KERNEL);
	node->channel = devm_kcalloc(dev, nr_channels, sizeof(*node->channel), GFP_KERNEL);
	if (!node->device || !node->channel)
		return -ENOMEM;
	node->nr_devices = nr_devices;
	node->nr_channels = nr_channels;

	return 0;
}

/**
 * bao_node_mistake() - an object of a node is not as it should be, and the log says so
 * @node: node
 * @bad: that of the object
 * @error: what to return for it; 0 if it is good after all
 *
 * One mailbox that is described badly must not take all disks with it. But what a later probe may
 * bring right, or needs memory, is no mistake.
 *
 * Return: 0 if the others can do without it, else @error
 */
int bao_node_mistake(struct bao_node *node, bool *bad, int error)
{
	if (!error || !node->apart || error == -EPROBE_DEFER || error == -ENOMEM)
		return error;
	*bad = true;
	if (!node->error)
		node->error = error;

	return 0;
}

/* What the property has: an entry that cannot be read is not the end of the list */
static int bao_count_irqs(struct device_node *np)
{
	struct device_node *parent;
	u32 cells = 0;
	int nr;

	nr = of_count_phandle_with_args(np, "interrupts-extended", "#interrupt-cells");
	if (nr != -ENOENT)
		return nr;
	if (!of_property_present(np, "interrupts"))
		return 0;

	nr = of_property_count_u32_elems(np, "interrupts");
	parent = of_irq_find_parent(np);
	if (parent)
		of_property_read_u32(parent, "#interrupt-cells", &cells);
	of_node_put(parent);
	if (nr <= 0 || !cells || nr % cells)
		return -EINVAL;

	return nr / cells;
}

/**
 * bao_parse_irqs() - get all interrupts of a node
 * @dev: device that the log names
 * @np: node
 * @irqs: out: Linux interrupts
 * @max: room in @irqs
 *
 * Context: may sleep
 * Return: how many there are; -EPROBE_DEFER, or -EINVAL, and a line in the log, if any of them is
 * of no use
 */
int bao_parse_irqs(struct device *dev, struct device_node *np, int *irqs, unsigned int max)
{
	int nr = bao_count_irqs(np), i;

	if (nr < 0)
		return dev_err_probe(dev, -EINVAL, "%pOFn: interrupts: cannot be read\n", np);
	if (nr > max)
		return dev_err_probe(dev, -EINVAL, "%pOFn: interrupts: more than %u\n", np, max);

	for (i = 0; i < nr; i++) {
		irqs[i] = of_irq_get(np, i);
		if (irqs[i] == -EPROBE_DEFER)
			return irqs[i];
		if (irqs[i] <= 0)
			return dev_err_probe(dev, -EINVAL,
					     "%pOFn: interrupts: number %d is of no use\n", np, i);
	}

	return nr;
}

static int bao_check_window(struct device *dev, const struct bao_endpoint_desc *desc)
{
	phys_addr_t last;

	if (!desc->shmem_size)
		return dev_err_probe(dev, -EINVAL, "window of device %u is empty\n", desc->dm_id);
	if (check_add_overflow(desc->shmem_start, desc->shmem_size - 1, &last))
		return dev_err_probe(dev, -EINVAL, "window of device %u wraps\n", desc->dm_id);
	if (!IS_ALIGNED(desc->shmem_start, BAO_PAGE) || !IS_ALIGNED(desc->shmem_size, BAO_PAGE))
		return dev_err_probe(dev, -EINVAL,
				     "window of device %u is not made of whole pages\n",
				     desc->dm_id);

	return 0;
}

static int bao_check_device(struct device *dev, const struct bao_node *node, unsigned int nr)
{
	const struct bao_endpoint_desc *a, *b = &node->device[nr].desc;
	unsigned int i;
	int ret;

	ret = bao_check_window(dev, b);
	if (ret)
		return ret;

	for (i = 0; i < nr; i++) {
		a = &node->device[i].desc;
		if (node->device[i].bad)
			continue;
		if (a->dm_id == b->dm_id)
			return dev_err_probe(dev, -EINVAL, "device %u is there twice\n", b->dm_id);
		if (a->shmem_start <= b->shmem_start + (b->shmem_size - 1) &&
		    b->shmem_start <= a->shmem_start + (a->shmem_size - 1))
			return dev_err_probe(dev, -EINVAL, "windows of devices %u and %u overlap\n",
					     a->dm_id, b->dm_id);
	}

	return 0;
}

static int bao_check_channel(struct device *dev, const struct bao_node *node, unsigned int nr)
{
	const struct bao_ipc_desc *desc = &node->channel[nr].desc;
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (!node->channel[i].bad && node->channel[i].desc.id == desc->id)
			return dev_err_probe(dev, -EINVAL, "channel %u is there twice\n", desc->id);

	return bao_ipc_check(dev, desc);
}

/* Only the hypervisor knows which indices are right */
static int bao_check_index(struct device *dev, const struct bao_node *node, unsigned int function,
			   u32 id, const char *what)
{
	if (bao_has(function, id))
		return 0;
	if (node->strict)
		return dev_err_probe(dev, -EINVAL, "the hypervisor has no %s %u\n", what, id);
	dev_warn(dev, "the hypervisor has no %s %u\n", what, id);

	return 0;
}

static int bao_check_devices(struct device *dev, struct bao_node *node)
{
	struct bao_node_device *device;
	unsigned int i;
	int ret = 0, absent = 0;

	if (node->nr_devices)
		absent = bao_detect(dev, BAO_HC_REMIO);
	for (i = 0; !ret && i < node->nr_devices; i++) {
		device = &node->device[i];
		if (device->bad)
			continue;
		ret = absent ?: bao_check_device(dev, node, i);
		if (!ret && node->strict)
			ret = bao_check_index(dev, node, BAO_HC_REMIO, device->desc.dm_id,
					      "device");
		ret = bao_node_mistake(node, &device->bad, ret);
	}

	return ret;
}

static int bao_check_channels(struct device *dev, struct bao_node *node)
{
	struct bao_node_channel *channel;
	unsigned int i;
	int ret = 0, absent = 0;

	if (node->nr_channels)
		absent = bao_detect(dev, BAO_HC_IPC);
	for (i = 0; !ret && i < node->nr_channels; i++) {
		channel = &node->channel[i];
		if (channel->bad)
			continue;
		ret = absent ?: bao_check_channel(dev, node, i);
		if (!ret)
			ret = bao_check_index(dev, node, BAO_HC_IPC, channel->desc.id, "channel");
		ret = bao_node_mistake(node, &channel->bad, ret);
	}

	return ret;
}

static void bao_node_destroy(void *data)
{
	struct bao_node *node = data;
	unsigned int i;

	for (i = node->nr_channels; i--;)
		if (node->channel[i].ipc)
			bao_ipc_destroy(node->channel[i].ipc);
	for (i = node->nr_devices; i--;)
		if (node->device[i].ep)
			bao_endpoint_destroy(node->device[i].ep);
}

static int bao_node_create_device(struct device *dev, struct bao_node_device *device)
{
	struct bao_endpoint *ep = bao_endpoint_create(dev, &device->desc);

	if (IS_ERR(ep))
		return PTR_ERR(ep);
	device->ep = ep;

	return 0;
}

static int bao_node_create_channel(struct device *dev, struct bao_node_channel *channel)
{
	struct bao_ipc *ipc = bao_ipc_create(dev, &channel->desc);

	if (IS_ERR(ipc))
		return PTR_ERR(ipc);
	channel->ipc = ipc;

	return 0;
}

/* What is left must be something */
static int bao_node_create(struct device *dev, struct bao_node *node)
{
	unsigned int i, nr = 0;
	int ret = 0;

	for (i = 0; !ret && i < node->nr_devices; i++) {
		if (node->device[i].bad)
			continue;
		ret = bao_node_create_device(dev, &node->device[i]);
		ret = bao_node_mistake(node, &node->device[i].bad, ret);
		nr += !node->device[i].bad;
	}
	for (i = 0; !ret && i < node->nr_channels; i++) {
		if (node->channel[i].bad)
			continue;
		ret = bao_node_create_channel(dev, &node->channel[i]);
		ret = bao_node_mistake(node, &node->channel[i].bad, ret);
		nr += !node->channel[i].bad;
	}
	if (!ret && !nr)
		ret = node->error;

	return ret;
}

static int bao_probe(struct platform_device *pdev)
{
	struct device *dev = &pdev->dev;
	bao_parser parse = device_get_match_data(dev);
	struct bao_node *node;
	int ret;

	node = devm_kzalloc(dev, sizeof(*node), GFP_KERNEL);
	if (!node)
		return -ENOMEM;

	ret = parse(pdev, node);
	if (!ret)
		ret = bao_check_devices(dev, node);
	if (!ret)
		ret = bao_check_channels(dev, node);
	if (ret)
		return ret;

	platform_set_drvdata(pdev, node);
	ret = devm_add_action_or_reset(dev, bao_node_destroy, node);
	if (ret)
		return ret;

	return bao_node_create(dev, node);
}

static void bao_shutdown(struct platform_device *pdev)
{
	struct bao_node *node = platform_get_drvdata(pdev);
	unsigned int i;

	for (i = 0; i < node->nr_channels; i++)
		if (node->channel[i].ipc)
			bao_ipc_shutdown(node->channel[i].ipc);
	for (i = 0; i < node->nr_devices; i++)
		if (node->device[i].ep)
			bao_endpoint_shutdown(node->device[i].ep);
}

static int bao_suspend(struct device *dev)
{
	struct bao_node *node = dev_get_drvdata(dev);
	unsigned int i;

	for (i = 0; i < node->nr_channels; i++)
		if (node->channel[i].ipc)
			bao_ipc_suspend(node->channel[i].ipc);
	for (i = 0; i < node->nr_devices; i++)
		if (node->device[i].ep)
			bao_endpoint_suspend(node->device[i].ep);

	return 0;
}

static int bao_resume(struct device *dev)
{
	struct bao_node *node = dev_get_drvdata(dev);
	unsigned int i;

	for (i = 0; i < node->nr_devices; i++)
		if (node->device[i].ep)
			bao_endpoint_resume(node->device[i].ep);
	for (i = 0; i < node->nr_channels; i++)
		if (node->channel[i].ipc)
			bao_ipc_resume(node->channel[i].ipc);

	return 0;
}

static DEFINE_SIMPLE_DEV_PM_OPS(bao_pm_ops, bao_suspend, bao_resume);

static const struct of_device_id bao_of_match[] = {
	{ .compatible = "bao,hypervisor", .data = bao_parse_hypervisor },
	{ .compatible = "bao,io-dispatcher", .data = bao_parse_io_dispatcher },
	{ .compatible = "bao,ipcshmem", .data = bao_parse_ipcshmem },
	{ }
};
MODULE_DEVICE_TABLE(of, bao_of_match);

struct platform_driver bao_platform_driver = {
	.probe = bao_probe,
	.shutdown = bao_shutdown,
	.driver = {
		.name = "bao",
		.of_match_table = bao_of_match,
		.pm = pm_sleep_ptr(&bao_pm_ops),
	},
};
