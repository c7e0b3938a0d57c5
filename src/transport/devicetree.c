// SPDX-License-Identifier: GPL-2.0
/*
 * Devicetree: from nodes to endpoints
 *
 * Documentation/devicetree/bindings/bao/
 */
#include <linux/mod_devicetable.h>
#include <linux/module.h>
#include <linux/pm.h>
#include <linux/property.h>

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

static int bao_check_device(struct device *dev, const struct bao_node *node, unsigned int nr)
{
	const struct bao_endpoint_desc *a, *b = &node->device[nr].desc;
	unsigned int i;

	if (!b->shmem_size)
		return dev_err_probe(dev, -EINVAL, "window of device %u is empty\n", b->dm_id);

	for (i = 0; i < nr; i++) {
		a = &node->device[i].desc;
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
		if (node->channel[i].desc.id == desc->id)
			return dev_err_probe(dev, -EINVAL, "channel %u is there twice\n", desc->id);

	return bao_ipc_check(dev, desc);
}

static int bao_check_node(struct device *dev, const struct bao_node *node)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < node->nr_devices; i++)
		ret = bao_check_device(dev, node, i);
	for (i = 0; !ret && i < node->nr_channels; i++)
		ret = bao_check_channel(dev, node, i);

	return ret;
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

static int bao_check_hypervisor(struct device *dev, const struct bao_node *node)
{
	unsigned int i;
	int ret = 0;

	if (node->nr_devices)
		ret = bao_detect(dev, BAO_HC_REMIO);
	if (!ret && node->nr_channels)
		ret = bao_detect(dev, BAO_HC_IPC);

	for (i = 0; !ret && node->strict && i < node->nr_devices; i++)
		ret = bao_check_index(dev, node, BAO_HC_REMIO, node->device[i].desc.dm_id,
				      "device");
	for (i = 0; !ret && i < node->nr_channels; i++)
		ret = bao_check_index(dev, node, BAO_HC_IPC, node->channel[i].desc.id, "channel");

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

static int bao_node_create(struct device *dev, struct bao_node *node)
{
	struct bao_endpoint *ep;
	struct bao_ipc *ipc;
	unsigned int i;

	for (i = 0; i < node->nr_devices; i++) {
		ep = bao_endpoint_create(dev, &node->device[i].desc);
		if (IS_ERR(ep))
			return PTR_ERR(ep);
		node->device[i].ep = ep;
	}
	for (i = 0; i < node->nr_channels; i++) {
		ipc = bao_ipc_create(dev, &node->channel[i].desc);
		if (IS_ERR(ipc))
			return PTR_ERR(ipc);
		node->channel[i].ipc = ipc;
	}

	return 0;
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
		ret = bao_check_node(dev, node);
	if (!ret)
		ret = bao_check_hypervisor(dev, node);
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
		bao_ipc_shutdown(node->channel[i].ipc);
	for (i = 0; i < node->nr_devices; i++)
		bao_endpoint_shutdown(node->device[i].ep);
}

static int bao_suspend(struct device *dev)
{
	struct bao_node *node = dev_get_drvdata(dev);
	unsigned int i;

	for (i = 0; i < node->nr_channels; i++)
		bao_ipc_suspend(node->channel[i].ipc);
	for (i = 0; i < node->nr_devices; i++)
		bao_endpoint_suspend(node->device[i].ep);

	return 0;
}

static int bao_resume(struct device *dev)
{
	struct bao_node *node = dev_get_drvdata(dev);
	unsigned int i;

	for (i = 0; i < node->nr_devices; i++)
		bao_endpoint_resume(node->device[i].ep);
	for (i = 0; i < node->nr_channels; i++)
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
