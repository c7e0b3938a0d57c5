// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/bao.h>

#include "ipc_link.h"

#define SLOTS		16
#define WAIT_MS		120000	/* the other VM may still be booting */

/**
 * struct message - what is sent
 * @seq: its number
 * @sum: checksum of the rest
 * @data: depends on @seq
 */
struct message {
	__u32 seq;
	__u32 sum;
	__u32 data[14];
};

/**
 * struct counts - how far an end is
 * @sent: messages that are in the slots
 * @received: messages of the other end that have been read, so that their slots are free
 * @sum: checksum of both
 */
struct counts {
	__u32 sent;
	__u32 received;
	__u32 sum;
};

/**
 * struct part - what an end writes
 * @counts: how far it is
 * @slot: messages, each at its number modulo SLOTS
 */
struct part {
	struct counts counts;
	__u32 unused[13];
	struct message slot[SLOTS];
};

static __u32 checksum(const struct message *message)
{
	__u32 sum = message->seq * 2654435761u;
	unsigned int i;

	for (i = 0; i < sizeof(message->data) / sizeof(message->data[0]); i++)
		sum = (sum << 5 | sum >> 27) ^ message->data[i];
	return sum;
}

static void compose(struct message *message, __u32 seq)
{
	unsigned int i;

	message->seq = seq;
	for (i = 0; i < sizeof(message->data) / sizeof(message->data[0]); i++)
		message->data[i] = (seq + 1) * (i + 0x01234567);
	message->sum = checksum(message);
}

static bool is_right(const struct message *message, __u32 seq)
{
	struct message expected;

	compose(&expected, seq);
	return message->sum == checksum(message) && !memcmp(message, &expected, sizeof(expected));
}

/* The memory of an end, by mapping or by calls */

static int get(struct ipc_link *link, size_t at, void *buf, size_t len)
{
	ssize_t n;

	if (link->rx) {
		memcpy(buf, link->rx + at, len);
		return 0;
	}
	n = pread(link->fd, buf, len, link->offset + at);
	if (n < 0)
		return -errno;
	return n == len ? 0 : -EIO;
}

static int put(struct ipc_link *link, size_t at, const void *buf, size_t len)
{
	ssize_t n;

	if (link->tx) {
		memcpy(link->tx + at, buf, len);
		return 0;
	}
	n = pwrite(link->fd, buf, len, link->offset + at);
	if (n < 0)
		return -errno;
	return n == len ? 0 : -EIO;
}

/*
 * read() and write() promise nothing about words: some architectures copy short pieces byte by
 * byte, and the other end may see, or we, a half of each of two numbers. Hence the sum. What is not
 * whole is no news: who writes it rings when it is done.
 */
static __u32 counts_sum(const struct counts *counts)
{
	__u32 r = counts->received * 0x85ebca6bu;

	/* 0 in memory that is all zeroes */
	return counts->sent * 2654435761u ^ (r << 15 | r >> 17);
}

static int get_counts(struct ipc_link *link, struct counts *last)
{
	const struct part *part = link->rx;
	struct counts counts;
	int ret;

	if (part) {
		counts.sent = __atomic_load_n(&part->counts.sent, __ATOMIC_ACQUIRE);
		counts.received = __atomic_load_n(&part->counts.received, __ATOMIC_ACQUIRE);
		counts.sum = __atomic_load_n(&part->counts.sum, __ATOMIC_ACQUIRE);
	} else {
		ret = get(link, 0, &counts, sizeof(counts));
		if (ret)
			return ret;
	}
	if (counts.sum == counts_sum(&counts))
		*last = counts;
	return 0;
}

static int put_counts(struct ipc_link *link, __u32 sent, __u32 received)
{
	struct counts counts = { .sent = sent, .received = received };
	struct part *part = link->tx;

	counts.sum = counts_sum(&counts);
	if (!part)
		return put(link, 0, &counts, sizeof(counts));
	__atomic_store_n(&part->counts.sent, counts.sent, __ATOMIC_RELEASE);
	__atomic_store_n(&part->counts.received, counts.received, __ATOMIC_RELEASE);
	__atomic_store_n(&part->counts.sum, counts.sum, __ATOMIC_RELEASE);
	return 0;
}

static size_t slot_offset(__u32 seq)
{
	return offsetof(struct part, slot) + seq % SLOTS * sizeof(struct message);
}

/* Messages from seq on that lie side by side, of so many */
static __u32 run_length(__u32 seq, __u32 messages)
{
	__u32 room = SLOTS - seq % SLOTS;

	return messages < room ? messages : room;
}

static int receive(struct ipc_link *link, __u32 sent, __u32 *received)
{
	struct message message[SLOTS];
	__u32 i, n;
	int ret;

	if (sent - *received > SLOTS)
		return -EBADMSG;
	for (; *received != sent; *received += n) {
		n = run_length(*received, sent - *received);
		ret = get(link, slot_offset(*received), message, n * sizeof(*message));
		if (ret)
			return ret;
		for (i = 0; i < n; i++) {
			if (!is_right(&message[i], *received + i))
				return -EBADMSG;
		}
	}
	return 0;
}

static int send(struct ipc_link *link, __u32 *sent, __u32 received, __u32 count)
{
	struct message message[SLOTS];
	__u32 i, n, free;
	int ret;

	if (*sent - received > SLOTS)
		return -EBADMSG;
	free = SLOTS - (*sent - received);
	if (free > count - *sent)
		free = count - *sent;
	for (; free; free -= n, *sent += n) {
		n = run_length(*sent, free);
		for (i = 0; i < n; i++)
			compose(&message[i], *sent + i);
		ret = put(link, slot_offset(*sent), message, n * sizeof(*message));
		if (ret)
			return ret;
	}
	return 0;
}

int ipc_link_exchange(struct ipc_link *link, __u32 count)
{
	__u32 sent = 0, received = 0, told_sent = 0, told_received = 0;
	struct counts their = {};
	int ret;

	for (;;) {
		if (link->look)
			link->look(link);
		ret = get_counts(link, &their);
		if (!ret)
			ret = receive(link, their.sent, &received);
		if (!ret)
			ret = send(link, &sent, their.received, count);
		if (!ret && (sent != told_sent || received != told_received)) {
			ret = put_counts(link, sent, received);
			told_sent = sent;
			told_received = received;
			if (!ret && link->tx)
				ret = link->ring(link);
		} else if (!ret) {
			if (received == count && their.received == count)
				return 0;
			ret = link->wait(link);
		}
		if (ret)
			return ret;
	}
}

/* On /dev/baoipcN */

static int wait_by_poll(struct ipc_link *link)
{
	struct pollfd pfd = { .fd = link->fd, .events = POLLIN };
	int ret = poll(&pfd, 1, WAIT_MS);

	if (ret < 0)
		return -errno;
	return ret ? 0 : -ETIMEDOUT;
}

int ipc_link_by_calls(struct ipc_link *link, int fd, size_t offset)
{
	*link = (struct ipc_link){ .fd = fd, .offset = offset, .wait = wait_by_poll };
	return 0;
}

static int ring_by_ioctl(struct ipc_link *link)
{
	struct bao_ipc_notify notify = { .event = 0 };

	return ioctl(link->fd, BAO_IOCTL_IPC_NOTIFY, &notify) ? -errno : 0;
}

/* poll() only for its time limit. It looks at all events, so all have to be seen. */
static int wait_by_ioctl(struct ipc_link *link)
{
	struct bao_ipc_wait wait = { .events = link->events };
	int ret = wait_by_poll(link);

	if (ret)
		return ret;
	return ioctl(link->fd, BAO_IOCTL_IPC_WAIT, &wait) ? -errno : 0;
}

static void *map_part(int fd, size_t offset, int prot)
{
	size_t in_page = offset % sysconf(_SC_PAGESIZE);
	char *map = mmap(NULL, in_page + IPC_LINK_SIZE, prot, MAP_SHARED, fd, offset - in_page);

	return map == MAP_FAILED ? NULL : map + in_page;
}

int ipc_link_by_mapping(struct ipc_link *link, int fd, size_t offset)
{
	struct bao_ipc_info info;

	if (ioctl(fd, BAO_IOCTL_IPC_GET_INFO, &info))
		return -errno;
	*link = (struct ipc_link){
		.fd = fd,
		.rx = map_part(fd, info.rx_offset + offset, PROT_READ),
		.tx = map_part(fd, info.tx_offset + offset, PROT_READ | PROT_WRITE),
		.events = info.events < 32 ? (1u << info.events) - 1 : ~0u,
		.ring = ring_by_ioctl,
		.wait = wait_by_ioctl,
	};
	return link->rx && link->tx ? 0 : -ENOMEM;
}
