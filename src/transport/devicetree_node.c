// SPDX-License-Identifier: GPL-2.0
/*
 * The hypervisor node: remote-I/O devices and IPC channels, each with the hypervisor's index in reg
 *
 * Documentation/devicetree/bindings/bao/bao,hypervisor.yaml
 */
#include <linux/ioport.h>
#include <linux/of.h>
#include <linux/of_address.h>
#include <linux/of_irq.h>

#include "devicetree.h"

static int bao_parse_index(struct device *dev, struct device_node *np, u32 *id)
{
	if (of_property_read_u32(np, "reg", id))
		return dev_err_probe(dev, -EINVAL, "%pOFn: reg: missing\n", np);

	return 0;
}

static int bao_parse_memory(struct device *dev, struct device_node *np, unsigned int index,
			    struct bao_ipc_region *region)
{
	struct device_node *memory;
	struct resource res;
	int ret;

	memory = of_parse_phandle(np, "memory-region", index);
	if (!memory)
		return dev_err_probe(dev, -EINVAL, "%pOFn: memory-region: no such node\n", np);
	ret = of_address_to_resource(memory, 0, &res);
	of_node_put(memory);
	if (ret)
		return dev_err_probe(dev, -EINVAL, "%pOFn: memory-region: has no reg\n", np);

	region->start = res.start;
	region->size = resource_size(&res);

	return 0;
}

/* What an interrupt that is not there looks like depends on the kernel and the property */
static bool bao_no_irq(int error)
{
	return error == -EINVAL || error == -ENODATA || error == -ENOENT || error == -EOVERFLOW;
}

/* Number of interrupts */
static int bao_parse_irqs(struct device *dev, struct device_node *np, int *irqs, unsigned int max)
{
	unsigned int nr;
	int irq;

	for (nr = 0; ; nr++) {
		irq = of_irq_get(np, nr);
		if (bao_no_irq(irq))
			break;
		if (irq <= 0)
			return dev_err_probe(dev, irq ?: -EINVAL,
					     "%pOFn: interrupts: number %u is of no use\n", np, nr);
		if (nr == max)
			return dev_err_probe(dev, -EINVAL, "%pOFn: interrupts: more than %u\n", np,
					     max);
		irqs[nr] = irq;
	}
	if (!nr && of_find_property(np, "interrupts", NULL))
		return dev_err_probe(dev, -EINVAL, "%pOFn: interrupts: cannot be read\n", np);

	return nr;
}

static int bao_parse_device(struct device *dev, struct device_node *np,
			    struct bao_endpoint_desc *desc)
{
	struct bao_ipc_region window;
	int ret;

	ret = bao_parse_index(dev, np, &desc->dm_id);
	if (ret)
		return ret;
	if (of_count_phandle_with_args(np, "memory-region", NULL) != 1)
		return dev_err_probe(dev, -EINVAL, "%pOFn: memory-region: not one\n", np);
	ret = bao_parse_memory(dev, np, 0, &window);
	if (ret)
		return ret;
	ret = bao_parse_irqs(dev, np, &desc->irq, 1);
	if (ret < 0)
		return ret;
	if (!ret)
		return dev_err_probe(dev, -EINVAL, "%pOFn: interrupts: missing\n", np);

	desc->shmem_start = window.start;
	desc->shmem_size = window.size;
	desc->ops = &bao_native_ops;

	return 0;
}

static int bao_parse_part(struct device *dev, struct device_node *np, const char *name,
			  struct bao_ipc_region *part)
{
	int index = of_property_match_string(np, "memory-region-names", name);

	if (index < 0)
		return dev_err_probe(dev, -EINVAL, "%pOFn: memory-region-names: no \"%s\"\n", np,
				     name);

	return bao_parse_memory(dev, np, index, part);
}

/* One region for both directions, or one for each */
static int bao_parse_regions(struct device *dev, struct device_node *np, struct bao_ipc_desc *desc)
{
	int ret, nr = of_count_phandle_with_args(np, "memory-region", NULL);

	switch (nr) {
	case 1:
		ret = bao_parse_memory(dev, np, 0, &desc->rx);
		desc->tx = desc->rx;
		break;
	case 2:
		ret = bao_parse_part(dev, np, "rx", &desc->rx);
		if (!ret)
			ret = bao_parse_part(dev, np, "tx", &desc->tx);
		break;
	default:
		return dev_err_probe(dev, -EINVAL, "%pOFn: memory-region: neither 1 nor 2\n", np);
	}
	desc->nr_regions = nr;
	desc->region[0] = desc->rx;
	desc->region[1] = desc->tx;

	return ret;
}

static void bao_put_node(void *data)
{
	of_node_put(data);
}

static int bao_parse_channel(struct device *dev, struct device_node *np, struct bao_ipc_desc *desc)
{
	int ret;

	ret = bao_parse_index(dev, np, &desc->id);
	if (!ret)
		ret = bao_parse_regions(dev, np, desc);
	if (ret)
		return ret;

	ret = bao_parse_irqs(dev, np, desc->irq, BAO_IPC_MAX_EVENTS);
	if (ret < 0)
		return ret;
	desc->nr_events = ret;
	desc->ops = &bao_native_ops;

	desc->mailbox = of_find_property(np, "#mbox-cells", NULL);
	if (!desc->mailbox)
		return 0;
	desc->fwnode = of_fwnode_handle(of_node_get(np));

	return devm_add_action_or_reset(dev, bao_put_node, np);
}

static int bao_parse_devices(struct device *dev, struct device_node *group, struct bao_node *node)
{
	struct bao_node_device *device = node->device;
	struct device_node *np;
	int ret;

	for_each_available_child_of_node(group, np) {
		ret = bao_parse_device(dev, np, &device->desc);
		if (ret) {
			of_node_put(np);
			return ret;
		}
		device++;
	}

	return 0;
}

static int bao_parse_channels(struct device *dev, struct device_node *group, struct bao_node *node)
{
	struct bao_node_channel *channel = node->channel;
	struct device_node *np;
	int ret;

	for_each_available_child_of_node(group, np) {
		ret = bao_parse_channel(dev, np, &channel->desc);
		if (ret) {
			of_node_put(np);
			return ret;
		}
		channel++;
	}

	return 0;
}

/**
 * bao_parse_hypervisor() - describe the devices and channels of a "bao,hypervisor" node
 * @pdev: device of the node
 * @node: out
 *
 * Context: may sleep
 * Return: 0; -EINVAL, and a line in the log, if the node makes no sense, or an error of what is
 * called
 */
int bao_parse_hypervisor(struct platform_device *pdev, struct bao_node *node)
{
	struct device_node *devices, *channels;
	struct device *dev = &pdev->dev;
	int ret;

	node->strict = true;
	devices = of_get_child_by_name(dev->of_node, "remote-io");
	channels = of_get_child_by_name(dev->of_node, "ipc");

	ret = bao_node_alloc(dev, node, devices ? of_get_available_child_count(devices) : 0,
			     channels ? of_get_available_child_count(channels) : 0);
	if (!ret && devices)
		ret = bao_parse_devices(dev, devices, node);
	if (!ret && channels)
		ret = bao_parse_channels(dev, channels, node);

	of_node_put(channels);
	of_node_put(devices);

	return ret;
}
