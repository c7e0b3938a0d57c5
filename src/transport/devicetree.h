/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From nodes of the devicetree to descriptions of endpoints
 *
 *   devicetree.c         the driver: endpoints, and their life
 *   devicetree_legacy.c  parser of the nodes that deployed systems have
 *   devicetree_node.c    parser of the hypervisor node
 */
#ifndef _BAO_DEVICETREE_H
#define _BAO_DEVICETREE_H

#include <linux/platform_device.h>

#include "transport.h"

/* Limits of the bindings */
#define BAO_MAX_DEVICES		64
#define BAO_MAX_CHANNELS	64

/**
 * struct bao_node_device - a remote-I/O device
 * @desc: description
 * @bad: it makes no sense; the others do without it
 * @ep: endpoint; NULL if there is none
 */
struct bao_node_device {
	struct bao_endpoint_desc desc;
	bool bad;
	struct bao_endpoint *ep;
};

/**
 * struct bao_node_channel - an IPC channel
 * @desc: description
 * @bad: it makes no sense; the others do without it
 * @ipc: endpoint; NULL if there is none
 */
struct bao_node_channel {
	struct bao_ipc_desc desc;
	bool bad;
	struct bao_ipc *ipc;
};

/**
 * struct bao_node - what a node describes
 * @nr_devices: number of @device
 * @device: remote-I/O devices
 * @nr_channels: number of @channel
 * @channel: IPC channels
 * @strict: an index that the hypervisor does not know is a mistake, where deployed systems may have
 *	    lived with it
 * @apart: a mistake costs the object that has it, not the node
 * @error: the first mistake that did
 */
struct bao_node {
	unsigned int nr_devices;
	struct bao_node_device *device;
	unsigned int nr_channels;
	struct bao_node_channel *channel;
	bool strict;
	bool apart;
	int error;
};

/* devicetree.c */
int bao_node_alloc(struct device *dev, struct bao_node *node, unsigned int nr_devices,
		   unsigned int nr_channels);
int bao_node_mistake(struct bao_node *node, bool *bad, int error);
int bao_parse_irqs(struct device *dev, struct device_node *np, int *irqs, unsigned int max);

/* devicetree_legacy.c */
int bao_parse_io_dispatcher(struct platform_device *pdev, struct bao_node *node);
int bao_parse_ipcshmem(struct platform_device *pdev, struct bao_node *node);

/* devicetree_node.c */
int bao_parse_hypervisor(struct platform_device *pdev, struct bao_node *node);

#endif /* _BAO_DEVICETREE_H */
