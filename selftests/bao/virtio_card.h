/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A network card of bao_virtio_net.ko behind the scripted driver, and the network device that is
 * its other end, with a packet socket, so that a test sees both: the frontend's end is card_*(),
 * the end of this system is host_*().
 *
 * Functions that return int return a negative errno on failure.
 */
#ifndef SELFTESTS_BAO_VIRTIO_CARD_H
#define SELFTESTS_BAO_VIRTIO_CARD_H

#include <linux/if_ether.h>
#include <linux/virtio_net.h>

#include "virtio_driver.h"

/* With VERSION_1, there is only this one */
#define CARD_HDR		sizeof(struct virtio_net_hdr_mrg_rxbuf)
#define CARD_MAX_FRAME		(65535 + 256)
#define CARD_PAIRS		((MAX_QUEUES - 1) / 2)
#define CARD_NAME_SIZE		16

/* Of the frontend and of this system; and a frame of nobody's protocol */
extern const __u8 card_mac[ETH_ALEN];
extern const __u8 host_mac[ETH_ALEN];
#define CARD_PROTOCOL		0x88b5

/**
 * struct frame - an Ethernet frame
 * @len: in bytes
 * @data: from its Ethernet header on
 */
struct frame {
	unsigned int len;
	__u8 data[CARD_MAX_FRAME];
};

/**
 * struct card - a card, and its other end
 * @v: device
 * @ifname: name of the network device
 * @socket: packet socket on it, from card_go_live() on
 * @size: entries of each queue
 * @tx_hdr: header of what the frontend sends; in the window
 * @tx_data: the frame behind it; in the window
 * @room: buffers of receive queues, by pair and id
 */
struct card {
	struct virtio v;
	char ifname[CARD_NAME_SIZE];
	int socket;
	unsigned int size;
	struct virtio_net_hdr_mrg_rxbuf *tx_hdr;
	char *tx_data;
	struct vsegment room[CARD_PAIRS][MAX_SIZE];
};

/* A directory with addresses and a name. Not live. */
int card_make(struct card *c, unsigned int dm, const char *name);
/* And a socket, and the network device is up */
int card_go_live(struct card *c);
/*
 * Resets and starts it with so many pairs of queues, and the control queue if that is negotiated,
 * and waits until the network device has its carrier.
 */
int card_start(struct card *c, __u64 features, unsigned int pairs, unsigned int size);

/* Queues */
struct vqueue *card_rx(struct card *c, unsigned int pair);
struct vqueue *card_tx(struct card *c, unsigned int pair);

/* The frontend */

/* Sends a frame and waits until the device is done with it. A NULL header is one of zeroes. */
int card_send(struct card *c, unsigned int pair, const struct virtio_net_hdr *hdr,
	      const struct frame *f);
/* New buffers for a receive queue, the header's room included in their size */
int card_give(struct card *c, unsigned int pair, unsigned int count, __u32 size);
/* Waits for a frame, whose buffers are given back. Returns the number of buffers. */
int card_receive(struct card *c, unsigned int pair, struct virtio_net_hdr_mrg_rxbuf *hdr,
		 struct frame *f);
/* A frame that is this one comes next. Returns NULL, or what is wrong. */
const char *card_gets(struct card *c, unsigned int pair, const struct frame *wanted);

/* This system */

/* A NULL header is one of zeroes */
int host_send(struct card *c, const struct virtio_net_hdr *hdr, const struct frame *f);
int host_receive(struct card *c, struct virtio_net_hdr *hdr, struct frame *f);
const char *host_gets(struct card *c, const struct frame *wanted);

/* The network device */
int host_set_up(struct card *c, bool up);
bool host_exists(struct card *c);
/* -EINVAL while it is down */
int host_carrier(struct card *c);
/* A file of its directory in sysfs, as a number */
long long host_number(struct card *c, const char *file);
long long host_statistic(struct card *c, const char *name);
/* An ioctl of sockets, with the device's name filled in */
struct ifreq;
int host_ioctl(struct card *c, unsigned long command, struct ifreq *ifr);
/* What ethtool says: a command without arguments, which yields a number */
int host_ethtool(struct card *c, __u32 command, __u32 *value);

/* Frames of @len bytes, whose content depends on the seed */
void frame_fill(struct frame *f, const __u8 *to, const __u8 *from, unsigned int len, __u64 seed);
bool frame_equal(const struct frame *a, const struct frame *b);

#define EXPECT_GETS(end, ...) do {						\
	const char *_why = end##_gets(__VA_ARGS__);				\
										\
	EXPECT_TRUE(!_why)							\
		TH_LOG("%s", _why);						\
} while (0)

#endif
