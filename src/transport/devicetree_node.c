// SPDX-License-Identifier: GPL-2.0
/*
 * The hypervisor node: remote-I/O devices and IPC channels, each with the hypervisor's index in reg
 *
 * Documentation/devicetree/bindings/bao/bao,hypervisor.yaml
 */
#include <linux/ioport.h>
#include <linux/of.h>
#include <linux/of_address.h>

#include "compat.h"
#include "devicetree.h"

static int bao_parse_index(struct device *dev, struct device_node *np, u32 *id)
{
	/* The first cell of several is something else, or only the half of it */
	if (of_property_count_u32_elems(np, "reg") != 1 || of_property_read_u32(np, "reg", id))
		return dev_err_probe(dev, -EINVAL, "%pOFn: reg: not one index\n", np);

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

	desc->mailbox = of_property_present(np, "#mbox-cells");
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
		ret = bao_node_mistake(node, &device->bad, ret);
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
		ret = bao_node_mistake(node, &channel->bad, ret);
		if (ret) {
			of_node_put(np);
			return ret;
		}
		channel++;
	}

	return 0;
}

/* One of the two groups; NULL if there is none, or not for us */
static struct device_node *bao_get_group(struct device *dev, const char *name)
{
	struct device_node *group = of_get_child_by_name(dev->of_node, name);

	if (group && !of_device_is_available(group)) {
		of_node_put(group);
		return NULL;
	}

	return group;
}

/**
 * bao_parse_hypervisor() - describe the devices and channels of a "bao,hypervisor" node
 * @pdev: device of the node
 * @node: out
 *
 * An object that makes no sense is left out, with a line in the log.
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
	node->apart = true;
	devices = bao_get_group(dev, "remote-io");
	channels = bao_get_group(dev, "ipc");

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
