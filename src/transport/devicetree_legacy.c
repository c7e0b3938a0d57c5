// SPDX-License-Identifier: GPL-2.0
/*
 * The nodes that deployed systems have
 *
 * Documentation/devicetree/bindings/bao/bao,io-dispatcher.yaml and bao,ipcshmem.yaml
 */
#include <linux/ioport.h>
#include <linux/of.h>

#include "devicetree.h"

/**
 * bao_parse_io_dispatcher() - describe the devices of a "bao,io-dispatcher" node
 * @pdev: device of the node
 * @node: out
 *
 * One window in reg and one interrupt for each device; the position in the lists is the dm_id.
 *
 * Context: may sleep
 * Return: 0; -EINVAL, and a line in the log, if the node makes no sense, or an error of what is
 * called
 */
int bao_parse_io_dispatcher(struct platform_device *pdev, struct bao_node *node)
{
	struct device *dev = &pdev->dev;
	struct bao_endpoint_desc *desc;
	struct resource *res;
	unsigned int i, nr = 0;
	int nr_irqs, ret;

	while (platform_get_resource(pdev, IORESOURCE_MEM, nr))
		nr++;
	nr_irqs = platform_irq_count(pdev);
	if (nr_irqs < 0)
		return nr_irqs;
	if (nr_irqs != nr)
		return dev_err_probe(dev, -EINVAL, "%u windows in reg, but %d interrupts\n", nr,
				     nr_irqs);
	ret = bao_node_alloc(dev, node, nr, 0);
	if (ret)
		return ret;

	for (i = 0; i < nr; i++) {
		desc = &node->device[i].desc;
		res = platform_get_resource(pdev, IORESOURCE_MEM, i);
		desc->dm_id = i;
		desc->shmem_start = res->start;
		desc->shmem_size = resource_size(res);
		desc->ops = &bao_native_ops;
		desc->irq = platform_get_irq(pdev, i);
		if (desc->irq < 0)
			return desc->irq;
	}

	return 0;
}

/* A part of the memory: offset and size in bytes */
static int bao_parse_part(struct device *dev, const char *property,
			  const struct bao_ipc_region *memory, struct bao_ipc_region *part)
{
	u32 cells[2];

	if (of_property_read_u32_array(dev->of_node, property, cells, ARRAY_SIZE(cells)))
		return dev_err_probe(dev, -EINVAL, "%s: not an offset and a size\n", property);
	/* Where this cannot be added, it cannot be inside either */
	if (cells[0] > memory->size)
		return dev_err_probe(dev, -EINVAL, "%s: not inside of the memory\n", property);

	part->start = memory->start + cells[0];
	part->size = cells[1];

	return 0;
}

/**
 * bao_parse_ipcshmem() - describe the channel of a "bao,ipcshmem" node
 * @pdev: device of the node
 * @node: out
 *
 * Context: may sleep
 * Return: 0; -EINVAL, and a line in the log, if the node makes no sense, or an error of what is
 * called
 */
int bao_parse_ipcshmem(struct platform_device *pdev, struct bao_node *node)
{
	struct device *dev = &pdev->dev;
	struct bao_ipc_desc *desc;
	struct resource *res;
	int ret;

	ret = bao_node_alloc(dev, node, 0, 1);
	if (ret)
		return ret;
	desc = &node->channel[0].desc;
	desc->ops = &bao_native_ops;

	if (of_property_read_u32(dev->of_node, "id", &desc->id))
		return dev_err_probe(dev, -EINVAL, "id: missing\n");
	res = platform_get_resource(pdev, IORESOURCE_MEM, 0);
	if (!res)
		return dev_err_probe(dev, -EINVAL, "reg: missing\n");
	desc->nr_regions = 1;
	desc->region[0].start = res->start;
	desc->region[0].size = resource_size(res);

	ret = bao_parse_part(dev, "read-channel", &desc->region[0], &desc->rx);
	if (!ret)
		ret = bao_parse_part(dev, "write-channel", &desc->region[0], &desc->tx);
	if (ret)
		return ret;

	ret = bao_parse_irqs(dev, dev->of_node, desc->irq, BAO_IPC_MAX_EVENTS);
	if (ret < 0)
		return ret;
	desc->nr_events = ret;

	return 0;
}
