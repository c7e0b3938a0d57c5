// SPDX-License-Identifier: GPL-2.0
/* Two network cards that are connected with each other, which busybox cannot make */
#include <err.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io.h"

struct message {
	struct nlmsghdr hdr;
	union {
		struct ifinfomsg link;
		struct nlmsgerr error;
	};
	char attributes[64];
};

/* Without a text, it is for the caller to make it longer by what is added after it */
static struct rtattr *add(struct message *m, unsigned short type, const char *text)
{
	struct rtattr *attr = (void *)((char *)m + NLMSG_ALIGN(m->hdr.nlmsg_len));
	size_t len = text ? strlen(text) + 1 : 0;

	attr->rta_type = type;
	attr->rta_len = RTA_LENGTH(len);
	if (text)
		memcpy(RTA_DATA(attr), text, len);
	m->hdr.nlmsg_len = NLMSG_ALIGN(m->hdr.nlmsg_len) + RTA_ALIGN(attr->rta_len);
	return attr;
}

/* One end is "cable", the other one gets the kernel's name: "veth0" if it is the first */
void cable(void)
{
	struct message m = {
		.hdr = {
			.nlmsg_len = NLMSG_LENGTH(sizeof(m.link)),
			.nlmsg_type = RTM_NEWLINK,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK,
		},
	};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	struct rtattr *info;

	add(&m, IFLA_IFNAME, "cable");
	info = add(&m, IFLA_LINKINFO, NULL);
	add(&m, IFLA_INFO_KIND, "veth");
	info->rta_len = (char *)&m + m.hdr.nlmsg_len - (char *)info;
	if (fd < 0 || send(fd, &m, m.hdr.nlmsg_len, 0) < 0 || recv(fd, &m, sizeof(m), 0) < 0)
		err(1, "netlink");
	if (m.hdr.nlmsg_type != NLMSG_ERROR || m.error.error) {
		errno = -m.error.error;
		err(1, "cable");
	}
	close(fd);
}
