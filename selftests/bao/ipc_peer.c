// SPDX-License-Identifier: GPL-2.0
/*
 * One end of an exchange of messages with another VM, over /dev/baoipc0:
 *
 *	ipc_peer calls|mapping OFFSET COUNT	the other VM runs the same; OFFSET of each part
 *	ipc_peer echo 0 COUNT			the other VM has bao_test_ipc.ko, maybe later
 *
 * The memory must be zeroed there.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipc_link.h"

/* See the head of bao_test_ipc.c */
#define ECHO_LEN	64
#define ECHO_WAIT_MS	1000
#define ECHO_RETRIES	60

static bool is_echo(const struct ipc_link *link)
{
	const volatile unsigned char *rx = link->rx, *tx = link->tx;
	unsigned int i;

	for (i = 0; i < ECHO_LEN; i++) {
		if ((rx[i] ^ tx[i]) != 0xff)
			return false;
	}
	return true;
}

/* The first message may be too early for anybody to hear: it is rung again and again */
static int echo_one(struct ipc_link *link, __u32 seq)
{
	struct pollfd pfd = { .fd = link->fd, .events = POLLIN };
	unsigned int i, retries = 0;
	int ret;

	for (i = 0; i < ECHO_LEN; i++)
		((volatile unsigned char *)link->tx)[i] = seq * (i + 1) + (seq >> 8);
	ret = link->ring(link);
	while (!ret && !is_echo(link)) {
		if (poll(&pfd, 1, ECHO_WAIT_MS) == 1)
			ret = link->wait(link);
		else if (++retries > ECHO_RETRIES)
			ret = -ETIMEDOUT;
		else if (seq == 1)
			ret = link->ring(link);
	}
	if (ret)
		fprintf(stderr, "message %u: no answer\n", seq);
	return ret;
}

static int echo(struct ipc_link *link, __u32 count)
{
	__u32 seq;
	int ret = 0;

	for (seq = 1; !ret && seq <= count; seq++)
		ret = echo_one(link, seq);
	return ret;
}

int main(int argc, char **argv)
{
	struct ipc_link link;
	__u32 count;
	int fd, ret;

	if (argc != 4)
		return 2;
	fd = open("/dev/baoipc0", O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		perror("/dev/baoipc0");
		return 1;
	}
	count = strtoul(argv[3], NULL, 0);
	if (!strcmp(argv[1], "calls"))
		ret = ipc_link_by_calls(&link, fd, strtoul(argv[2], NULL, 0));
	else
		ret = ipc_link_by_mapping(&link, fd, strtoul(argv[2], NULL, 0));
	if (!ret && !strcmp(argv[1], "echo"))
		ret = echo(&link, count);
	else if (!ret)
		ret = ipc_link_exchange(&link, count);
	if (ret)
		fprintf(stderr, "by %s: %s\n", argv[1], strerror(-ret));
	return !!ret;
}
