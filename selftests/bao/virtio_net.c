// SPDX-License-Identifier: GPL-2.0
/*
 * Network cards in the kernel: the network device comes and goes, link and carrier, frames both
 * ways in whatever buffers, and what is counted. Checksums, segmentation and what a frontend can
 * say about frames are in virtio_net_offload.c, the control queue in virtio_net_ctrl.c.
 */
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>

#include "../kselftest_harness.h"
#include "prng.h"
#include "virtio_card.h"

#define DM		0
#define SIZE		64
#define MTU		1500
/* The longest frame without a VLAN */
#define LONGEST		(ETH_HLEN + MTU)
#define ROOM		(CARD_HDR + LONGEST)

#define F_PACKED	FEATURE(VIRTIO_F_RING_PACKED)
#define F_EVENT		FEATURE(VIRTIO_RING_F_EVENT_IDX)
#define F_INDIRECT	FEATURE(VIRTIO_RING_F_INDIRECT_DESC)
#define F_MERGE		FEATURE(VIRTIO_NET_F_MRG_RXBUF)
#define F_STATUS	FEATURE(VIRTIO_NET_F_STATUS)

#define CONFIG(v, field)	virtio_config(v, offsetof(struct virtio_net_config, field),	\
					      sizeof(((struct virtio_net_config *)0)->field))

FIXTURE(net) {
	struct card *c;
	struct virtio *v;
	struct frame *f;
	struct frame *other;
	struct virtio_net_hdr_mrg_rxbuf hdr;
};

FIXTURE_VARIANT(net) {
	__u64 features;
};

FIXTURE_VARIANT_ADD(net, split) {
	.features = F_EVENT,
};

FIXTURE_VARIANT_ADD(net, packed) {
	.features = F_PACKED | F_EVENT | F_INDIRECT,
};

FIXTURE_SETUP(net)
{
	VIRTIO_OR_SKIP("net");
	self->c = calloc(1, sizeof(*self->c));
	self->f = calloc(1, sizeof(*self->f));
	self->other = calloc(1, sizeof(*self->other));
	ASSERT_TRUE(self->c && self->f && self->other);
	self->v = &self->c->v;
	ASSERT_EQ(0, card_make(self->c, DM, "test"));
}

FIXTURE_TEARDOWN(net)
{
	VIRTIO_TEAR_DOWN();
	free(self->c);
	free(self->f);
	free(self->other);
}

/* Live, started, and with buffers that any frame fits into */
#define START(add) do {								\
	ASSERT_EQ(0, card_go_live(self->c));					\
	ASSERT_EQ(0, card_start(self->c, variant->features | (add), 1, SIZE));	\
	ASSERT_EQ(0, card_give(self->c, 0, SIZE, ROOM));			\
} while (0)

#define EXPECT_SENDS(frame_len, seed) do {					\
	frame_fill(self->f, host_mac, card_mac, frame_len, seed);		\
	EXPECT_EQ(0, card_send(self->c, 0, NULL, self->f));			\
	EXPECT_GETS(host, self->c, self->f);					\
} while (0)

#define EXPECT_RECEIVES(frame_len, seed) do {					\
	frame_fill(self->f, card_mac, host_mac, frame_len, seed);		\
	EXPECT_EQ(0, host_send(self->c, NULL, self->f));			\
	EXPECT_GETS(card, self->c, 0, self->f);					\
} while (0)

#define EXPECT_WORKS() do {							\
	EXPECT_SENDS(100, 1);							\
	EXPECT_RECEIVES(100, 2);						\
} while (0)

/* Life */

TEST_F(net, its_other_end_comes_and_goes)
{
	EXPECT_FALSE(host_exists(self->c));
	START(0);
	EXPECT_TRUE(host_exists(self->c));
	EXPECT_WORKS();
	ASSERT_EQ(0, virtio_set_live(self->v, false));
	EXPECT_FALSE(host_exists(self->c));
	START(0);
	EXPECT_WORKS();
	ASSERT_EQ(0, virtio_remove(self->v));
	EXPECT_FALSE(host_exists(self->c));
}

TEST_F(net, tells_what_it_is)
{
	unsigned int i;

	ASSERT_EQ(0, virtio_set(self->v, "mtu", "9000"));
	ASSERT_EQ(0, virtio_set(self->v, "queues", "2"));
	ASSERT_EQ(0, card_go_live(self->c));
	EXPECT_EQ(VIRTIO_ID_NET, virtio_read(self->v, VIRTIO_MMIO_DEVICE_ID));
	for (i = 0; i < ETH_ALEN; i++)
		EXPECT_EQ(card_mac[i], virtio_config(self->v, i, 1));
	EXPECT_EQ(9000, CONFIG(self->v, mtu));
	EXPECT_EQ(2, CONFIG(self->v, max_virtqueue_pairs));
	/* Two pairs, and the control queue */
	for (i = 0; i < 6; i++) {
		virtio_write(self->v, VIRTIO_MMIO_QUEUE_SEL, i);
		EXPECT_EQ(i < 5, !!virtio_read(self->v, VIRTIO_MMIO_QUEUE_NUM_MAX));
	}
	/* Nothing of it can be written */
	virtio_write_as(self->v, VIRTIO_MMIO_CONFIG, 1, 0x55);
	EXPECT_EQ(card_mac[0], virtio_config(self->v, 0, 1));
}

TEST_F(net, its_other_end_is_as_it_was_set)
{
	struct ifreq ifr = { .ifr_flags = 0 };

	ASSERT_EQ(0, virtio_set(self->v, "mtu", "1280"));
	ASSERT_EQ(0, card_go_live(self->c));
	EXPECT_EQ(1280, host_number(self->c, "mtu"));
	ASSERT_EQ(0, host_ioctl(self->c, SIOCGIFHWADDR, &ifr));
	EXPECT_EQ(0, memcmp(host_mac, ifr.ifr_hwaddr.sa_data, ETH_ALEN));
	/* More than the frontend has been told is not possible, less is */
	ifr.ifr_mtu = 1281;
	EXPECT_EQ(-EINVAL, host_ioctl(self->c, SIOCSIFMTU, &ifr));
	ifr.ifr_mtu = 1000;
	EXPECT_EQ(0, host_ioctl(self->c, SIOCSIFMTU, &ifr));
	EXPECT_EQ(1280, CONFIG(self->v, mtu));
	/* Addresses and names of the moment */
	ASSERT_EQ(0, host_ioctl(self->c, SIOCGIFHWADDR, &ifr));
	ifr.ifr_hwaddr.sa_data[5] = 0x77;
	ASSERT_EQ(0, host_ioctl(self->c, SIOCSIFHWADDR, &ifr));
	EXPECT_STREQ("02:ba:00:00:00:77", virtio_get_text(self->v, "host_mac"));
	ASSERT_EQ(0, host_set_up(self->c, false));
	snprintf(ifr.ifr_newname, sizeof(ifr.ifr_newname), "net-renamed");
	ASSERT_EQ(0, host_ioctl(self->c, SIOCSIFNAME, &ifr));
	EXPECT_STREQ("net-renamed", virtio_get_text(self->v, "ifname"));
	ASSERT_EQ(0, virtio_set_live(self->v, false));
	EXPECT_STREQ("net-test", virtio_get_text(self->v, "ifname"));
	EXPECT_STREQ("02:ba:00:00:00:02", virtio_get_text(self->v, "host_mac"));
}

TEST_F(net, attributes_are_checked)
{
	static const struct {
		const char *name;
		const char *value;
	} bad[] = {
		{ "ifname", "\n" }, { "ifname", "a/b" }, { "ifname", ".." }, { "ifname", "a b" },
		{ "ifname", "sixteen-letters-" }, { "mac", "\n" }, { "mac", "02:00:00:00:00" },
		{ "mac", "02:00:00:00:00:00:00" }, { "mac", "02-00-00-00-00-00" },
		{ "mac", "00:00:00:00:00:00" }, { "mac", "01:00:00:00:00:01" },
		{ "mac", "ff:ff:ff:ff:ff:ff" }, { "mac", "02:00:00:00:00:0g" },
		{ "host_mac", "33:33:00:00:00:01" }, { "host_mac", "here" }, { "mtu", "67" },
		{ "mtu", "0" }, { "mtu", "65536" }, { "mtu", "-1" }, { "mtu", "large" },
		{ "queues", "0" }, { "queues", "32" }, { "queues", "-1" }, { "queues", "many" },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		int ret = virtio_set(self->v, bad[i].name, "%s", bad[i].value);

		EXPECT_TRUE(ret == -EINVAL || ret == -ERANGE)
			TH_LOG("%s = %s: %d", bad[i].name, bad[i].value, ret);
	}
	START(0);
	EXPECT_WORKS();
}

TEST_F(net, live_attributes_are_busy)
{
	static const char *const attr[][2] = {
		{ "ifname", "net-other" }, { "mac", "02:00:00:00:00:01" },
		{ "host_mac", "02:00:00:00:00:02" }, { "mtu", "1000" }, { "queues", "2" },
	};
	unsigned int i;

	ASSERT_EQ(0, card_go_live(self->c));
	for (i = 0; i < ARRAY_SIZE(attr); i++)
		EXPECT_EQ(-EBUSY, virtio_set(self->v, attr[i][0], "%s", attr[i][1]))
			TH_LOG("%s", attr[i][0]);
	ASSERT_EQ(0, virtio_set_live(self->v, false));
	for (i = 0; i < ARRAY_SIZE(attr); i++)
		EXPECT_EQ(0, virtio_set(self->v, attr[i][0], "%s", attr[i][1]))
			TH_LOG("%s", attr[i][0]);
}

TEST_F(net, a_name_is_for_one)
{
	ASSERT_EQ(0, virtio_set(self->v, "ifname", "lo"));
	EXPECT_EQ(-EEXIST, virtio_set_live(self->v, true));
	EXPECT_EQ(0, virtio_get(self->v, "live"));
	/* "%d" is what makes names unlike, but only once */
	ASSERT_EQ(0, virtio_set(self->v, "ifname", "net-%%d-%%d"));
	EXPECT_EQ(-EINVAL, virtio_set_live(self->v, true));
	ASSERT_EQ(0, virtio_set(self->v, "ifname", "net-%%d"));
	ASSERT_EQ(0, virtio_set_live(self->v, true));
	EXPECT_STREQ("net-0", virtio_get_text(self->v, "ifname"));
	ASSERT_EQ(0, virtio_set_live(self->v, false));
	ASSERT_EQ(0, virtio_set(self->v, "ifname", "%s", self->c->ifname));
	START(0);
	EXPECT_WORKS();
}

/* Link and carrier */

TEST_F(net, the_link_is_the_other_end)
{
	__u32 generation;

	START(F_STATUS);
	EXPECT_EQ(VIRTIO_NET_S_LINK_UP, CONFIG(self->v, status));
	generation = virtio_read(self->v, VIRTIO_MMIO_CONFIG_GENERATION);
	ASSERT_EQ(0, host_set_up(self->c, false));
	EXPECT_EQ(0, virtio_wait_config(self->v));
	EXPECT_EQ(0, CONFIG(self->v, status));
	EXPECT_NE(generation, virtio_read(self->v, VIRTIO_MMIO_CONFIG_GENERATION));
	ASSERT_EQ(0, host_set_up(self->c, true));
	EXPECT_EQ(0, virtio_wait_config(self->v));
	EXPECT_EQ(VIRTIO_NET_S_LINK_UP, CONFIG(self->v, status));
	ASSERT_EQ(0, card_start(self->c, variant->features, 1, SIZE));
	ASSERT_EQ(0, card_give(self->c, 0, 4, ROOM));
	/* A socket says once that its device was down */
	EXPECT_EQ(-ENETDOWN, host_receive(self->c, &self->hdr.hdr, self->other));
	EXPECT_WORKS();
}

/* The driver is told, what it sends is lost, and it need not wait for anything */
TEST_F(net, taken_down_it_has_no_link)
{
	unsigned int i;

	START(F_STATUS);
	EXPECT_SENDS(100, 1);
	ASSERT_EQ(0, virtio_set_live(self->v, false));
	EXPECT_FALSE(host_exists(self->c));
	EXPECT_EQ(0, virtio_wait_config(self->v));
	EXPECT_EQ(0, CONFIG(self->v, status));
	frame_fill(self->f, host_mac, card_mac, 100, 3);
	for (i = 0; i < 2 * SIZE; i++)
		ASSERT_EQ(0, card_send(self->c, 0, NULL, self->f));
	EXPECT_FALSE(vq_has_used(card_rx(self->c, 0)));
	virtio_reset(self->v);
	EXPECT_EQ(0, virtio_read(self->v, VIRTIO_MMIO_DEVICE_ID));
	START(0);
	EXPECT_WORKS();
}

TEST_F(net, the_carrier_is_the_driver)
{
	ASSERT_EQ(0, card_go_live(self->c));
	EXPECT_EQ(0, host_carrier(self->c));
	ASSERT_EQ(0, virtio_negotiate(self->v, variant->features));
	EXPECT_EQ(0, host_carrier(self->c));
	ASSERT_EQ(0, card_start(self->c, variant->features, 1, SIZE));
	EXPECT_EQ(1, host_carrier(self->c));
	/* It is gone when the driver knows that the device has been reset */
	virtio_reset(self->v);
	EXPECT_EQ(0, host_carrier(self->c));
	ASSERT_EQ(0, card_start(self->c, variant->features, 1, SIZE));
	ASSERT_EQ(0, card_give(self->c, 0, 4, ROOM));
	EXPECT_WORKS();
}

TEST_F(net, what_comes_while_it_is_down_is_dropped)
{
	START(0);
	ASSERT_EQ(0, host_set_up(self->c, false));
	frame_fill(self->f, host_mac, card_mac, 100, 3);
	ASSERT_EQ(0, card_send(self->c, 0, NULL, self->f));
	ASSERT_TRUE(wait_until(host_statistic(self->c, "rx_dropped") == 1));
	EXPECT_EQ(0, host_statistic(self->c, "rx_packets"));
	EXPECT_EQ(0, host_statistic(self->c, "rx_errors"));
	ASSERT_EQ(0, host_set_up(self->c, true));
	ASSERT_EQ(0, card_start(self->c, variant->features, 1, SIZE));
	ASSERT_EQ(0, card_give(self->c, 0, 4, ROOM));
	EXPECT_EQ(-ENETDOWN, host_receive(self->c, &self->hdr.hdr, self->other));
	EXPECT_WORKS();
}

/* Frames */

static const unsigned int lengths[] = { 14, 15, 59, 60, 61, 64, 127, 256, 1000, 1513, 1514, 1518 };

TEST_F(net, sends_frames_of_all_lengths)
{
	unsigned int i;

	START(0);
	for (i = 0; i < ARRAY_SIZE(lengths); i++)
		EXPECT_SENDS(lengths[i], i);
	EXPECT_EQ(ARRAY_SIZE(lengths), host_statistic(self->c, "rx_packets"));
}

TEST_F(net, receives_frames_of_all_lengths)
{
	unsigned int i;

	START(0);
	for (i = 0; i < ARRAY_SIZE(lengths) - 1; i++)
		EXPECT_RECEIVES(lengths[i], i);
	EXPECT_EQ(ARRAY_SIZE(lengths) - 1, host_statistic(self->c, "tx_packets"));
}

TEST_F(net, too_short_and_too_long_is_an_error)
{
	static const unsigned int bad[] = { 0, 1, 13, 65535 + 63 };
	unsigned int i;

	START(0);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		frame_fill(self->f, host_mac, card_mac, bad[i] < ETH_HLEN ? ETH_HLEN : bad[i], i);
		self->f->len = bad[i];
		ASSERT_EQ(0, card_send(self->c, 0, NULL, self->f));
	}
	EXPECT_WORKS();
	EXPECT_EQ(ARRAY_SIZE(bad), host_statistic(self->c, "rx_length_errors"));
	EXPECT_EQ(ARRAY_SIZE(bad), host_statistic(self->c, "rx_errors"));
	EXPECT_EQ(ARRAY_SIZE(bad), host_statistic(self->c, "rx_dropped"));
	EXPECT_EQ(1, host_statistic(self->c, "rx_packets"));
}

/* Segments end in the header, with it, and behind it */
TEST_F(net, framing_is_the_drivers)
{
	static const __u32 cuts[][4] = {
		{ CARD_HDR + 100 }, { 1, CARD_HDR + 99 }, { 11, 1, 1, 99 }, { 12, 14, 86 },
		{ 3, 9, 50, 50 }, { 5, 6, 7, 94 }, { CARD_HDR, 1, 1, 98 },
	};
	struct vsegment segments[4];
	struct vqueue *q;
	unsigned int i, j;
	char *data;
	__u32 len;

	ASSERT_EQ(0, card_go_live(self->c));
	ASSERT_EQ(0, card_start(self->c, variant->features, 1, SIZE));
	data = window_alloc(self->v->window, 4096, 16);
	ASSERT_TRUE(!!data);
	for (i = 0; i < ARRAY_SIZE(cuts); i++) {
		frame_fill(self->f, host_mac, card_mac, 100, i);
		for (j = 0, len = 0; j < 4 && cuts[i][j]; len += cuts[i][j], j++)
			segments[j] = (struct vsegment){ data + len, cuts[i][j] };
		ASSERT_EQ(CARD_HDR + 100, len);
		memset(data, 0, CARD_HDR);
		memcpy(data + CARD_HDR, self->f->data, 100);
		q = card_tx(self->c, 0);
		ASSERT_LE(0, vq_add(q, segments, j, 0));
		vq_submit(q);
		ASSERT_LE(0, vq_wait(q, NULL));
		EXPECT_GETS(host, self->c, self->f);

		memset(data, 0x55, 4096);
		q = card_rx(self->c, 0);
		ASSERT_LE(0, vq_add(q, segments, 0, j));
		vq_submit(q);
		ASSERT_EQ(0, host_send(self->c, NULL, self->f));
		ASSERT_LE(0, vq_wait(q, &len));
		EXPECT_EQ(CARD_HDR + 100, len);
		EXPECT_EQ(0, memcmp(data + CARD_HDR, self->f->data, 100));
		EXPECT_EQ(1, le16toh(((struct virtio_net_hdr_mrg_rxbuf *)data)->num_buffers));
		EXPECT_EQ(0x55, data[CARD_HDR + 100]);
	}
}

#define BURST	16

/* Frames of any length, in bursts both ways. All arrive, in their order. */
TEST_F_TIMEOUT(net, all_frames_arrive, LONG_TEST_S)
{
	unsigned int i, len, total = rounds(500);
	struct prng prng = { .state = 7 };
	__u64 seed = 0, first;

	START(0);
	while (total--) {
		first = seed;
		for (i = 0; i < BURST; i++, seed++) {
			len = ETH_HLEN + prng_below(&prng, MTU + 1);
			frame_fill(self->f, host_mac, card_mac, len, seed);
			ASSERT_EQ(0, card_send(self->c, 0, NULL, self->f));
			frame_fill(self->f, card_mac, host_mac, len, seed);
			ASSERT_EQ(0, host_send(self->c, NULL, self->f));
		}
		for (i = 0; i < BURST; i++, first++) {
			ASSERT_EQ(1, card_receive(self->c, 0, &self->hdr, self->other));
			frame_fill(self->f, card_mac, host_mac, self->other->len, first);
			ASSERT_TRUE(frame_equal(self->f, self->other));
			ASSERT_EQ(0, host_receive(self->c, &self->hdr.hdr, self->other));
			frame_fill(self->f, host_mac, card_mac, self->other->len, first);
			ASSERT_TRUE(frame_equal(self->f, self->other));
		}
	}
	EXPECT_EQ(0, host_statistic(self->c, "rx_dropped"));
	EXPECT_EQ(0, host_statistic(self->c, "tx_dropped"));
	EXPECT_EQ(seed, host_statistic(self->c, "rx_packets"));
	EXPECT_EQ(seed, host_statistic(self->c, "tx_packets"));
}

/*
 * It keeps a bounded number of frames, and then lets the stack wait, which is asked to refuse here
 * what it would keep otherwise.
 */
TEST_F(net, frames_wait_for_buffers)
{
	unsigned int i, kept = 0;
	int one = 1, ret = 0;

	ASSERT_EQ(0, card_go_live(self->c));
	ASSERT_EQ(0, card_start(self->c, variant->features, 1, SIZE));
	ASSERT_EQ(0, setsockopt(self->c->socket, SOL_PACKET, PACKET_QDISC_BYPASS, &one,
				sizeof(one)));
	while (!ret && kept < 2000) {
		frame_fill(self->f, card_mac, host_mac, 60 + kept, kept);
		ret = host_send(self->c, NULL, self->f);
		kept += !ret;
	}
	EXPECT_EQ(-ENOBUFS, ret);
	EXPECT_LE(256, kept);
	EXPECT_LE(kept, 2 * 256);
	EXPECT_EQ(0, host_statistic(self->c, "tx_packets"));
	ASSERT_EQ(0, card_give(self->c, 0, 8, ROOM));
	for (i = 0; i < kept; i++) {
		frame_fill(self->f, card_mac, host_mac, 60 + i, i);
		EXPECT_GETS(card, self->c, 0, self->f);
	}
	EXPECT_EQ(kept, host_statistic(self->c, "tx_packets"));
	EXPECT_RECEIVES(100, 1);
}

/* Buffers */

TEST_F(net, long_frames_take_several_buffers)
{
	static const struct {
		__u32 size;
		unsigned int len;
	} cases[] = {
		{ 256, 1000 }, { 256, 244 }, { 256, 245 }, { 13, 14 }, { 64, 1514 }, { 512, 9014 },
		{ 1536, 9014 },
	};
	unsigned int i, left;

	ASSERT_EQ(0, virtio_set(self->v, "mtu", "9000"));
	ASSERT_EQ(0, card_go_live(self->c));
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		ASSERT_EQ(0, card_start(self->c, variant->features | F_MERGE, 1, SIZE));
		ASSERT_EQ(0, card_give(self->c, 0, SIZE, cases[i].size));
		left = CARD_HDR + cases[i].len;
		frame_fill(self->f, card_mac, host_mac, cases[i].len, i);
		ASSERT_EQ(0, host_send(self->c, NULL, self->f));
		EXPECT_EQ((left + cases[i].size - 1) / cases[i].size,
			  card_receive(self->c, 0, &self->hdr, self->other));
		EXPECT_TRUE(frame_equal(self->f, self->other));
		/* And the buffers can be used again */
		EXPECT_RECEIVES(cases[i].len, 100 + i);
	}
	EXPECT_EQ(0, host_statistic(self->c, "tx_dropped"));
}

/* It keeps those that it has, and goes on when there are more */
TEST_F(net, a_long_frame_waits_for_its_last_buffer)
{
	unsigned int i;

	ASSERT_EQ(0, card_go_live(self->c));
	ASSERT_EQ(0, card_start(self->c, variant->features | F_MERGE, 1, SIZE));
	frame_fill(self->f, card_mac, host_mac, 1000, 1);
	ASSERT_EQ(0, host_send(self->c, NULL, self->f));
	for (i = 0; i < 7; i++) {
		ASSERT_EQ(0, card_give(self->c, 0, 1, 128));
		EXPECT_EQ(-EAGAIN, vq_collect(card_rx(self->c, 0), NULL));
	}
	ASSERT_EQ(0, card_give(self->c, 0, 1, 128));
	EXPECT_GETS(card, self->c, 0, self->f);
	EXPECT_RECEIVES(60, 2);
}

TEST_F(net, too_small_buffers_lose_frames)
{
	START(0);
	/* The first one of the queue is too small for it, and is used for the next one */
	ASSERT_EQ(0, card_start(self->c, variant->features, 1, SIZE));
	ASSERT_EQ(0, card_give(self->c, 0, 1, CARD_HDR + 100));
	frame_fill(self->f, card_mac, host_mac, 101, 1);
	ASSERT_EQ(0, host_send(self->c, NULL, self->f));
	EXPECT_RECEIVES(100, 2);
	EXPECT_EQ(1, host_statistic(self->c, "tx_dropped"));
	EXPECT_EQ(1, host_statistic(self->c, "tx_packets"));
}

TEST_F(net, frames_that_take_more_than_all_buffers_are_lost)
{
	ASSERT_EQ(0, card_go_live(self->c));
	ASSERT_EQ(0, card_start(self->c, variant->features | F_MERGE, 1, 8));
	ASSERT_EQ(0, card_give(self->c, 0, 8, 64));
	frame_fill(self->f, card_mac, host_mac, 8 * 64 - CARD_HDR + 1, 1);
	ASSERT_EQ(0, host_send(self->c, NULL, self->f));
	EXPECT_RECEIVES(8 * 64 - CARD_HDR, 2);
	EXPECT_EQ(1, host_statistic(self->c, "tx_dropped"));
}

/* Without room for a header, it is used without anything in it; so is one to be read */
TEST_F(net, useless_buffers_come_back)
{
	struct vsegment segment;
	struct vqueue *q;
	__u32 len;

	ASSERT_EQ(0, card_go_live(self->c));
	ASSERT_EQ(0, card_start(self->c, variant->features | F_MERGE, 1, SIZE));
	q = card_rx(self->c, 0);
	segment = (struct vsegment){ window_alloc(self->v->window, 2048, 16), CARD_HDR - 1 };
	ASSERT_TRUE(!!segment.data);
	ASSERT_LE(0, vq_add(q, &segment, 0, 1));
	segment.len = 2048;
	ASSERT_LE(0, vq_add(q, &segment, 1, 0));
	vq_submit(q);
	frame_fill(self->f, card_mac, host_mac, 100, 1);
	ASSERT_EQ(0, host_send(self->c, NULL, self->f));
	ASSERT_LE(0, vq_wait(q, &len));
	EXPECT_EQ(0, len);
	ASSERT_LE(0, vq_wait(q, &len));
	EXPECT_EQ(0, len);
	ASSERT_EQ(0, card_give(self->c, 0, 1, ROOM));
	EXPECT_GETS(card, self->c, 0, self->f);
	EXPECT_EQ(0, host_statistic(self->c, "tx_dropped"));
}

TEST_F(net, what_it_is_to_send_but_cannot_read_is_an_error)
{
	struct vsegment segment = { self->c->tx_data, ROOM };
	struct vqueue *q;
	__u32 len;

	START(0);
	q = card_tx(self->c, 0);
	memset(segment.data, 0x55, ROOM);
	ASSERT_LE(0, vq_add(q, &segment, 0, 1));
	vq_submit(q);
	ASSERT_LE(0, vq_wait(q, &len));
	EXPECT_EQ(0, len);
	EXPECT_EQ(0x55, *(char *)segment.data);
	segment.len = CARD_HDR - 1;
	ASSERT_LE(0, vq_add(q, &segment, 1, 0));
	vq_submit(q);
	ASSERT_LE(0, vq_wait(q, &len));
	EXPECT_EQ(2, host_statistic(self->c, "rx_length_errors"));
	EXPECT_WORKS();
	EXPECT_EQ(STATUS_DRIVER_OK, virtio_status(self->v));
}

/* What is counted, and what ethtool says */

TEST_F(net, bytes_are_counted)
{
	START(0);
	EXPECT_SENDS(1000, 1);
	EXPECT_SENDS(60, 2);
	EXPECT_RECEIVES(500, 3);
	EXPECT_EQ(2, host_statistic(self->c, "rx_packets"));
	EXPECT_EQ(1060, host_statistic(self->c, "rx_bytes"));
	EXPECT_EQ(1, host_statistic(self->c, "tx_packets"));
	EXPECT_EQ(500, host_statistic(self->c, "tx_bytes"));
	EXPECT_EQ(0, host_statistic(self->c, "rx_dropped"));
	EXPECT_EQ(0, host_statistic(self->c, "tx_dropped"));
	EXPECT_EQ(0, host_statistic(self->c, "rx_errors"));
}

TEST_F(net, ethtool_knows_it)
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	struct ifreq ifr = { .ifr_data = (void *)&info };
	__u32 link = 55;

	ASSERT_EQ(0, card_go_live(self->c));
	ASSERT_EQ(0, host_ioctl(self->c, SIOCETHTOOL, &ifr));
	EXPECT_STREQ("bao_virtio_net", info.driver);
	/* Whose device it is */
	EXPECT_STREQ("test", info.bus_info);
	EXPECT_EQ(0, host_ethtool(self->c, ETHTOOL_GLINK, &link));
	EXPECT_EQ(0, link);
	ASSERT_EQ(0, card_start(self->c, variant->features, 1, SIZE));
	EXPECT_EQ(0, host_ethtool(self->c, ETHTOOL_GLINK, &link));
	EXPECT_EQ(1, link);
	EXPECT_EQ(10000, host_number(self->c, "speed"));
}

/* The end in the middle of it */

/* A process that sends to the network device as fast as it can, while there is one */
struct flood {
	const char *ifname;
	__u32 sent;
};

static int flood(void *arg)
{
	struct sockaddr_ll addr = { .sll_family = AF_PACKET, .sll_halen = ETH_ALEN };
	struct flood *flood = arg;
	static struct frame f;
	char path[64];
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return 1;
	frame_fill(&f, card_mac, host_mac, 1000, 1);
	snprintf(path, sizeof(path), "/sys/class/net/%s/ifindex", flood->ifname);
	for (;;) {
		/* if_nametoindex() has a module looked for if there is none, which takes long */
		addr.sll_ifindex = read_number(path);
		sendto(fd, f.data, f.len, 0, (struct sockaddr *)&addr, sizeof(addr));
		__atomic_add_fetch(&flood->sent, 1, __ATOMIC_RELAXED);
	}
}

static struct flood *start_flood(struct card *c)
{
	struct flood *args = shared_memory(sizeof(*args));

	if (!args)
		return NULL;
	args->ifname = c->ifname;
	return spawn(flood, args) > 0 ? args : NULL;
}

static __u32 flood_sent(struct flood *flood)
{
	return __atomic_load_n(&flood->sent, __ATOMIC_RELAXED);
}

/* Some frames come, and some go, whether anybody wants them or not */
static bool is_loaded(struct card *c)
{
	struct vsegment segments[] = { { c->tx_hdr, CARD_HDR }, { c->tx_data, 1000 } };
	struct vqueue *q = card_tx(c, 0);
	unsigned int i;

	memset(c->tx_hdr, 0, CARD_HDR);
	for (i = 0; i < SIZE / 2; i++)
		vq_add(q, segments, 2, 0);
	vq_submit(q);
	return vq_wait(card_rx(c, 0), NULL) >= 0;
}

#define PATTERN 0x5a

/* Nothing writes to the buffers any more, though there are frames for them */
static bool is_at_rest(struct card *c, struct flood *flood, char *room)
{
	__u32 before;
	unsigned int i;

	memset(room, PATTERN, SIZE * ROOM);
	before = flood_sent(flood);
	if (!wait_until(flood_sent(flood) - before > 20))
		return false;
	for (i = 0; i < SIZE * ROOM; i++) {
		if (room[i] != PATTERN)
			return false;
	}
	return true;
}

/* Buffers of the same memory each time. Those of a ring that has gone are nobody's. */
#define START_AT(mark, features) do {						\
	self->v->window->used = mark;						\
	ASSERT_EQ(0, card_start(self->c, features, 1, SIZE));			\
	ASSERT_EQ(0, card_give(self->c, 0, SIZE, ROOM));			\
} while (0)

TEST_F_TIMEOUT(net, is_reset_in_the_middle_of_it, LONG_TEST_S)
{
	unsigned int i, total = rounds(20);
	struct flood *flood;
	size_t used;

	START(F_MERGE);
	used = self->v->window->used - SIZE * ROOM;
	flood = start_flood(self->c);
	ASSERT_TRUE(!!flood);
	for (i = 0; i < total; i++) {
		START_AT(used, variant->features | F_MERGE);
		EXPECT_TRUE(is_loaded(self->c));
		virtio_reset(self->v);
		ASSERT_TRUE(is_at_rest(self->c, flood, self->v->window->map + used));
	}
}

TEST_F_TIMEOUT(net, a_queue_is_reset_in_the_middle_of_it, LONG_TEST_S)
{
	__u64 features = variant->features | F_MERGE | FEATURE(VIRTIO_F_RING_RESET);
	unsigned int i, total = rounds(20);
	struct flood *flood;
	size_t used;

	START(0);
	used = self->v->window->used - SIZE * ROOM;
	flood = start_flood(self->c);
	ASSERT_TRUE(!!flood);
	START_AT(used, features);
	for (i = 0; i < total; i++) {
		EXPECT_TRUE(is_loaded(self->c));
		ASSERT_EQ(0, vq_reset(card_rx(self->c, 0)));
		ASSERT_TRUE(is_at_rest(self->c, flood, self->v->window->map + used));
		ASSERT_EQ(0, vq_reset(card_tx(self->c, 0)));
		ASSERT_EQ(0, vq_setup(self->v, 0, SIZE));
		ASSERT_EQ(0, vq_setup(self->v, 1, SIZE));
		self->v->window->used = used;
		ASSERT_EQ(0, card_give(self->c, 0, SIZE, ROOM));
	}
	EXPECT_EQ(STATUS_DRIVER_OK, virtio_status(self->v));
}

TEST_F_TIMEOUT(net, is_taken_down_in_the_middle_of_it, LONG_TEST_S)
{
	unsigned int i, total = rounds(20);
	struct flood *flood;
	size_t used;

	START(F_MERGE);
	used = self->v->window->used - SIZE * ROOM;
	flood = start_flood(self->c);
	ASSERT_TRUE(!!flood);
	for (i = 0; i < total; i++) {
		ASSERT_EQ(0, card_go_live(self->c));
		START_AT(used, variant->features | F_MERGE);
		EXPECT_TRUE(is_loaded(self->c));
		ASSERT_EQ(0, virtio_set_live(self->v, false));
		ASSERT_TRUE(is_at_rest(self->c, flood, self->v->window->map + used));
	}
}

TEST_F_TIMEOUT(net, its_endpoint_goes_in_the_middle_of_it, LONG_TEST_S)
{
	unsigned int i, total = rounds(10);
	struct flood *flood;
	size_t used;

	START(F_MERGE);
	used = self->v->window->used - SIZE * ROOM;
	flood = start_flood(self->c);
	ASSERT_TRUE(!!flood);
	for (i = 0; i < total; i++) {
		ASSERT_EQ(0, card_go_live(self->c));
		virtio_reset_counters(self->v);
		START_AT(used, variant->features | F_MERGE);
		EXPECT_TRUE(is_loaded(self->c));
		ASSERT_EQ(0, sim_life(sim_fd(), DM, BAO_SIM_UNBIND));
		ASSERT_TRUE(is_at_rest(self->c, flood, self->v->window->map + used));
		ASSERT_EQ(0, host_carrier(self->c));
		ASSERT_EQ(0, sim_life(sim_fd(), DM, BAO_SIM_BIND));
		ASSERT_EQ(0, virtio_set_live(self->v, false));
	}
}

TEST_HARNESS_MAIN
