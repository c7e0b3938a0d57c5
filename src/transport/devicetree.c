// SPDX-License-Identifier: GPL-2.0
/*
 * Devicetree: from nodes to endpoints
 *
 * Documentation/devicetree/bindings/bao/bao,io-dispatcher.yaml
 */
#include <linux/ioport.h>
#include <linux/mod_devicetable.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/pm.h>

#include "transport.h"

/* The binding's limit */
#define BAO_MAX_DEVICES		64

/**
 * struct bao_node - what one node describes
 * @nr: number of devices
 * @desc: their descriptions
 * @ep: their endpoints; NULL from the first one that could not be created
 */
struct bao_node {
	unsigned int nr;
	struct bao_endpoint_desc desc[BAO_MAX_DEVICES];
	struct bao_endpoint *ep[BAO_MAX_DEVICES];
};

static int bao_check_shmem(struct device *dev, const struct bao_node *node, unsigned int nr)
{
	const struct bao_endpoint_desc *a, *b = &node->desc[nr];
	unsigned int i;

	if (!b->shmem_size)
		return dev_err_probe(dev, -EINVAL, "reg: window of device %u is empty\n", nr);

	for (i = 0; i < nr; i++) {
		a = &node->desc[i];
		if (a->shmem_start < b->shmem_start + b->shmem_size &&
		    b->shmem_start < a->shmem_start + a->shmem_size)
			return dev_err_probe(dev, -EINVAL,
					     "reg: windows of devices %u and %u overlap\n", i, nr);
	}

	return 0;
}

/* One window in reg and one interrupt for each device; the position in the lists is the dm_id */
static int bao_parse_io_dispatcher(struct platform_device *pdev, struct bao_node *node)
{
	struct device *dev = &pdev->dev;
	struct bao_endpoint_desc *desc;
	struct resource *res;
	int nr_irqs, ret;

	while ((res = platform_get_resource(pdev, IORESOURCE_MEM, node->nr))) {
		if (node->nr == BAO_MAX_DEVICES)
			return dev_err_probe(dev, -EINVAL, "more than %d devices\n",
					     BAO_MAX_DEVICES);

		desc = &node->desc[node->nr];
		desc->dm_id = node->nr;
		desc->shmem_start = res->start;
		desc->shmem_size = resource_size(res);
		desc->ops = &bao_native_ops;
		ret = bao_check_shmem(dev, node, node->nr);
		if (ret)
			return ret;
		node->nr++;
	}

	nr_irqs = platform_irq_count(pdev);
	if (nr_irqs < 0)
		return nr_irqs;
	if (!node->nr || nr_irqs != node->nr)
		return dev_err_probe(dev, -EINVAL, "%u windows in reg, but %d interrupts\n",
				     node->nr, nr_irqs);

	for (desc = node->desc; desc < node->desc + node->nr; desc++) {
		desc->irq = platform_get_irq(pdev, desc->dm_id);
		if (desc->irq < 0)
			return desc->irq;
	}

	return 0;
}

static void bao_node_destroy(void *data)
{
	struct bao_node *node = data;
	unsigned int i;

	for (i = node->nr; i--;)
		if (node->ep[i])
			bao_endpoint_destroy(node->ep[i]);
}

static int bao_probe(struct platform_device *pdev)
{
	struct device *dev = &pdev->dev;
	struct bao_endpoint *ep;
	struct bao_node *node;
	unsigned int i;
	int ret;

	node = devm_kzalloc(dev, sizeof(*node), GFP_KERNEL);
	if (!node)
		return -ENOMEM;

	ret = bao_parse_io_dispatcher(pdev, node);
	if (ret)
		return ret;

	ret = bao_detect(dev);
	if (ret)
		return ret;

	platform_set_drvdata(pdev, node);
	ret = devm_add_action_or_reset(dev, bao_node_destroy, node);
	if (ret)
		return ret;

	for (i = 0; i < node->nr; i++) {
		ep = bao_endpoint_create(dev, &node->desc[i]);
		if (IS_ERR(ep))
			return PTR_ERR(ep);
		node->ep[i] = ep;
	}

	return 0;
}

static void bao_shutdown(struct platform_device *pdev)
{
	struct bao_node *node = platform_get_drvdata(pdev);
	unsigned int i;

	for (i = 0; i < node->nr; i++)
		bao_endpoint_shutdown(node->ep[i]);
}

static int bao_suspend(struct device *dev)
{
	struct bao_node *node = dev_get_drvdata(dev);
	unsigned int i;

	for (i = 0; i < node->nr; i++)
		bao_endpoint_suspend(node->ep[i]);

	return 0;
}

static int bao_resume(struct device *dev)
{
	struct bao_node *node = dev_get_drvdata(dev);
	unsigned int i;

	for (i = 0; i < node->nr; i++)
		bao_endpoint_resume(node->ep[i]);

	return 0;
}

static DEFINE_SIMPLE_DEV_PM_OPS(bao_pm_ops, bao_suspend, bao_resume);

static const struct of_device_id bao_of_match[] = {
	{ .compatible = "bao,io-dispatcher" },
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
