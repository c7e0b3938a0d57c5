// SPDX-License-Identifier: GPL-2.0
/*
 * One end of an exchange of messages with another VM, over /dev/baoipc0:
 *
 *	ipc_peer calls|mapping OFFSET COUNT	the other VM runs the same; OFFSET of each part
 *	ipc_peer storm OFFSET COUNT		the same, while both ring another event all the time
 *	ipc_peer events OFFSET COUNT		the same: each event by itself, and those of nobody
 *	ipc_peer echo 0 COUNT			the other VM has bao_test_ipc.ko, maybe later
 *
 * The memory must be zeroed there.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/bao.h>

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

static int notify(const struct ipc_link *link, __u32 event)
{
	struct bao_ipc_notify args = { .event = event };

	return ioctl(link->fd, BAO_IOCTL_IPC_NOTIFY, &args) ? -errno : 0;
}

/* Which of these events have rung; sleeps for them, or -EAGAIN */
static int heard(const struct ipc_link *link, __u32 events)
{
	struct bao_ipc_wait wait = { .events = events };

	return ioctl(link->fd, BAO_IOCTL_IPC_WAIT, &wait) ? -errno : (int)wait.events;
}

/* Both write the number of the round, ring its event, and wait for the other one to be there */
static int meet(const struct ipc_link *link, __u32 round, __u32 event)
{
	const __u32 *rx = link->rx;
	__u32 *tx = link->tx;
	int ret;

	__atomic_store_n(tx, round, __ATOMIC_RELEASE);
	ret = notify(link, event);
	while (ret >= 0 && __atomic_load_n(rx, __ATOMIC_ACQUIRE) < round)
		ret = heard(link, 1u << event);
	return ret < 0 ? ret : 0;
}

/* Which have rung, and have not been asked for */
static __u32 unheard(const struct ipc_link *link, __u32 events)
{
	int ret;

	fcntl(link->fd, F_SETFL, O_RDWR | O_NONBLOCK);
	ret = heard(link, events);
	fcntl(link->fd, F_SETFL, O_RDWR);
	return ret < 0 ? 0 : ret;
}

static int events(struct ipc_link *link, __u32 count)
{
	static const __u32 nobodys[] = { 64, 129, 254, 255, 0x7fffff00, 0xffffff02 };
	struct bao_ipc_info info;
	__u32 round, i;
	int ret = 0;

	if (ioctl(link->fd, BAO_IOCTL_IPC_GET_INFO, &info))
		return -errno;
	for (round = 1; !ret && round <= count; round++)
		ret = meet(link, round, round % info.events);
	/*
	 * The other one may be seen in the memory before it is heard. Two hypercalls later, all
	 * that it has rung before has arrived.
	 */
	if (!ret)
		ret = meet(link, count + 1, 0) ?: meet(link, count + 2, 0);
	if (ret)
		return ret;
	unheard(link, (1u << info.events) - 1);
	ret = meet(link, count + 3, 0);
	for (i = 0; !ret && i < sizeof(nobodys) / sizeof(nobodys[0]); i++)
		ret = notify(link, nobodys[i]);
	if (!ret)
		ret = meet(link, count + 4, 0) ?: meet(link, count + 5, 0);
	if (ret)
		return ret;
	ret = unheard(link, (1u << info.events) - 2);
	if (ret)
		fprintf(stderr, "heard what nobody has rung: %#x\n", ret);
	return ret ? -EBADMSG : 0;
}

static int storm(struct ipc_link *link, __u32 count)
{
	pid_t pid = fork();
	int ret;

	if (!pid) {
		while (!notify(link, 1))
			;
		_exit(0);
	}
	ret = ipc_link_exchange(link, count);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
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
	else if (!ret && !strcmp(argv[1], "events"))
		ret = events(&link, count);
	else if (!ret && !strcmp(argv[1], "storm"))
		ret = storm(&link, count);
	else if (!ret)
		ret = ipc_link_exchange(&link, count);
	if (ret)
		fprintf(stderr, "by %s: %s\n", argv[1], strerror(-ret));
	return !!ret;
}
