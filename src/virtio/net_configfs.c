// SPDX-License-Identifier: GPL-2.0
/*
 * Attributes of network devices
 */
#include <linux/etherdevice.h>
#include <linux/kstrtox.h>
#include <linux/rtnetlink.h>

#include "net.h"

static ssize_t bao_net_ifname_show(struct config_item *item, char *page)
{
	struct bao_net *net = to_bao_net(to_bao_vdev(item));
	ssize_t len;

	/* The administrator may rename the network device, under rtnl */
	mutex_lock(&net->vdev.mutex);
	rtnl_lock();
	len = sprintf(page, "%s\n", net->dev ? net->dev->name : net->ifname);
	rtnl_unlock();
	mutex_unlock(&net->vdev.mutex);

	return len;
}

static ssize_t bao_net_ifname_store(struct config_item *item, const char *page, size_t len)
{
	struct bao_net *net = to_bao_net(to_bao_vdev(item));
	char ifname[IFNAMSIZ];
	size_t name_len = strcspn(page, "\n");
	int ret;

	if (name_len >= sizeof(ifname))
		return -EINVAL;
	memcpy(ifname, page, name_len);
	ifname[name_len] = '\0';
	if (!dev_valid_name(ifname))
		return -EINVAL;

	ret = bao_vdev_configure(&net->vdev);
	if (ret)
		return ret;
	strscpy(net->ifname, ifname, sizeof(net->ifname));
	bao_vdev_configured(&net->vdev);

	return len;
}
CONFIGFS_ATTR(bao_net_, ifname);

static int bao_net_parse_mac(const char *page, u8 *mac)
{
	/* What mac_pton() looks at is 17 characters long */
	if (strcspn(page, "\n") != 3 * ETH_ALEN - 1 || !mac_pton(page, mac))
		return -EINVAL;

	return is_valid_ether_addr(mac) ? 0 : -EINVAL;
}

static ssize_t bao_net_mac_show(struct config_item *item, char *page)
{
	struct bao_net *net = to_bao_net(to_bao_vdev(item));
	ssize_t len;

	mutex_lock(&net->vdev.mutex);
	len = sprintf(page, "%pM\n", net->mac);
	mutex_unlock(&net->vdev.mutex);

	return len;
}

static ssize_t bao_net_mac_store(struct config_item *item, const char *page, size_t len)
{
	struct bao_net *net = to_bao_net(to_bao_vdev(item));
	u8 mac[ETH_ALEN] __aligned(2);
	int ret;

	ret = bao_net_parse_mac(page, mac);
	if (ret)
		return ret;

	ret = bao_vdev_configure(&net->vdev);
	if (ret)
		return ret;
	ether_addr_copy(net->mac, mac);
	bao_vdev_configured(&net->vdev);

	return len;
}
CONFIGFS_ATTR(bao_net_, mac);

static ssize_t bao_net_host_mac_show(struct config_item *item, char *page)
{
	struct bao_net *net = to_bao_net(to_bao_vdev(item));
	ssize_t len;

	mutex_lock(&net->vdev.mutex);
	rtnl_lock();
	len = sprintf(page, "%pM\n", net->dev ? net->dev->dev_addr : net->host_mac);
	rtnl_unlock();
	mutex_unlock(&net->vdev.mutex);

	return len;
}

static ssize_t bao_net_host_mac_store(struct config_item *item, const char *page, size_t len)
{
	struct bao_net *net = to_bao_net(to_bao_vdev(item));
	u8 mac[ETH_ALEN] __aligned(2);
	int ret;

	ret = bao_net_parse_mac(page, mac);
	if (ret)
		return ret;

	ret = bao_vdev_configure(&net->vdev);
	if (ret)
		return ret;
	ether_addr_copy(net->host_mac, mac);
	net->host_mac_set = true;
	bao_vdev_configured(&net->vdev);

	return len;
}
CONFIGFS_ATTR(bao_net_, host_mac);

static ssize_t bao_net_mtu_show(struct config_item *item, char *page)
{
	struct bao_net *net = to_bao_net(to_bao_vdev(item));
	ssize_t len;

	mutex_lock(&net->vdev.mutex);
	len = sprintf(page, "%u\n", net->mtu);
	mutex_unlock(&net->vdev.mutex);

	return len;
}

static ssize_t bao_net_mtu_store(struct config_item *item, const char *page, size_t len)
{
	struct bao_net *net = to_bao_net(to_bao_vdev(item));
	u16 mtu;
	int ret;

	ret = kstrtou16(page, 0, &mtu);
	if (ret)
		return ret;
	if (mtu < ETH_MIN_MTU)
		return -EINVAL;

	ret = bao_vdev_configure(&net->vdev);
	if (ret)
		return ret;
	net->mtu = mtu;
	bao_vdev_configured(&net->vdev);

	return len;
}
CONFIGFS_ATTR(bao_net_, mtu);

static ssize_t bao_net_queues_show(struct config_item *item, char *page)
{
	struct bao_net *net = to_bao_net(to_bao_vdev(item));
	ssize_t len;

	mutex_lock(&net->vdev.mutex);
	len = sprintf(page, "%u\n", net->queues);
	mutex_unlock(&net->vdev.mutex);

	return len;
}

static ssize_t bao_net_queues_store(struct config_item *item, const char *page, size_t len)
{
	struct bao_net *net = to_bao_net(to_bao_vdev(item));
	unsigned int queues;
	int ret;

	ret = kstrtouint(page, 0, &queues);
	if (ret)
		return ret;
	if (!queues || queues > BAO_NET_MAX_PAIRS)
		return -EINVAL;

	ret = bao_vdev_configure(&net->vdev);
	if (ret)
		return ret;
	net->queues = queues;
	bao_vdev_configured(&net->vdev);

	return len;
}
CONFIGFS_ATTR(bao_net_, queues);

struct configfs_attribute *bao_net_attrs[] = {
	&bao_net_attr_ifname,
	&bao_net_attr_mac,
	&bao_net_attr_host_mac,
	&bao_net_attr_mtu,
	&bao_net_attr_queues,
	NULL,
};
