// SPDX-License-Identifier: GPL-2.0
/*
 * Network cards in the kernel: checksums and segmentation that one side leaves to the other, what
 * becomes of frames for a driver that cannot do that, and headers that make no sense
 */
#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/ethtool.h>
#include <linux/sockios.h>

#include "../kselftest_harness.h"
#include "prng.h"
#include "virtio_card.h"

#define DM		0
#define SIZE		64
#define ROOM		2048

#define F_MERGE		FEATURE(VIRTIO_NET_F_MRG_RXBUF)
#define F_CSUM		FEATURE(VIRTIO_NET_F_CSUM)
#define F_TSO		(FEATURE(VIRTIO_NET_F_HOST_TSO4) | FEATURE(VIRTIO_NET_F_HOST_TSO6))
#define F_ECN		FEATURE(VIRTIO_NET_F_HOST_ECN)
#define F_GUEST_CSUM	FEATURE(VIRTIO_NET_F_GUEST_CSUM)
#define F_GUEST_TSO	(FEATURE(VIRTIO_NET_F_GUEST_TSO4) | FEATURE(VIRTIO_NET_F_GUEST_TSO6))
#define F_GUEST_ECN	FEATURE(VIRTIO_NET_F_GUEST_ECN)

#define GSO_NONE	VIRTIO_NET_HDR_GSO_NONE
#define GSO_ECN		VIRTIO_NET_HDR_GSO_ECN
#define NEEDS_CSUM	VIRTIO_NET_HDR_F_NEEDS_CSUM
#define DATA_VALID	VIRTIO_NET_HDR_F_DATA_VALID

/* Offsets in a TCP header, which has no options here */
#define TCP_SEQ		4
#define TCP_CSUM	16
#define TCP_LEN		20

FIXTURE(offload) {
	struct card *c;
	struct virtio *v;
	struct frame *f;
	struct frame *got;
	struct virtio_net_hdr_mrg_rxbuf hdr;
};

FIXTURE_VARIANT(offload) {
	unsigned int ip_len;
	__u8 gso_type;
};

FIXTURE_VARIANT_ADD(offload, ipv4) {
	.ip_len = 20,
	.gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
};

FIXTURE_VARIANT_ADD(offload, ipv6) {
	.ip_len = 40,
	.gso_type = VIRTIO_NET_HDR_GSO_TCPV6,
};

FIXTURE_SETUP(offload)
{
	VIRTIO_OR_SKIP("net");
	self->c = calloc(1, sizeof(*self->c));
	self->f = calloc(1, sizeof(*self->f));
	self->got = calloc(1, sizeof(*self->got));
	ASSERT_TRUE(self->c && self->f && self->got);
	self->v = &self->c->v;
	ASSERT_EQ(0, card_make(self->c, DM, "offload"));
}

FIXTURE_TEARDOWN(offload)
{
	VIRTIO_TEAR_DOWN();
	free(self->c);
	free(self->f);
	free(self->got);
}

#define START_SIZE(features, size) do {						\
	ASSERT_EQ(0, card_go_live(self->c));					\
	ASSERT_EQ(0, card_start(self->c, features, 1, size));			\
	ASSERT_EQ(0, card_give(self->c, 0, size, ROOM));			\
} while (0)

#define START(features) START_SIZE(features, SIZE)

/* Frames of TCP */

static __u32 sum(const __u8 *data, unsigned int len, __u32 sum)
{
	unsigned int i;

	for (i = 0; i + 1 < len; i += 2)
		sum += data[i] << 8 | data[i + 1];
	if (i < len)
		sum += data[i] << 8;
	return sum;
}

static __u16 fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

static void put16(__u8 *at, __u16 value)
{
	at[0] = value >> 8;
	at[1] = value;
}

static void put32(__u8 *at, __u32 value)
{
	put16(at, value >> 16);
	put16(at + 2, value);
}

static __u32 get32(const __u8 *at)
{
	return (__u32)at[0] << 24 | at[1] << 16 | at[2] << 8 | at[3];
}

static unsigned int ip_len_of(const struct frame *f)
{
	return f->data[12] == 0x08 ? 20 : 40;
}

static __u8 *tcp_of(struct frame *f)
{
	return f->data + ETH_HLEN + ip_len_of(f);
}

static unsigned int tcp_len(const struct frame *f)
{
	return f->len - ETH_HLEN - ip_len_of(f);
}

/* Of the addresses, the length and the protocol */
static __u32 pseudo_sum(const struct frame *f)
{
	const __u8 *ip = f->data + ETH_HLEN;

	if (ip_len_of(f) == 20)
		return sum(ip + 12, 8, tcp_len(f) + 6);
	return sum(ip + 8, 32, tcp_len(f) + 6);
}

static void fill_ip(struct frame *f, unsigned int ip_len)
{
	__u8 *ip = f->data + ETH_HLEN;

	memset(ip, 0, ip_len);
	if (ip_len == 20) {
		put16(f->data + 12, ETH_P_IP);
		ip[0] = 0x45;
		put16(ip + 2, f->len - ETH_HLEN);
		ip[8] = 64;
		ip[9] = 6;
		put32(ip + 12, 0x0a000001);
		put32(ip + 16, 0x0a000002);
		put16(ip + 10, ~fold(sum(ip, 20, 0)));
	} else {
		put16(f->data + 12, ETH_P_IPV6);
		ip[0] = 0x60;
		put16(ip + 4, f->len - ETH_HLEN - 40);
		ip[6] = 6;
		ip[7] = 64;
		ip[8] = 0xfd;
		ip[23] = 1;
		ip[24] = 0xfd;
		ip[39] = 2;
	}
}

/* With so much behind the headers; the checksum is left to who gets it, or is there */
static void tcp_fill(struct frame *f, const __u8 *to, const __u8 *from, unsigned int ip_len,
		     unsigned int payload, bool partial)
{
	static __u64 seed;
	__u8 *tcp;

	frame_fill(f, to, from, ETH_HLEN + ip_len + TCP_LEN + payload, seed++);
	fill_ip(f, ip_len);
	tcp = tcp_of(f);
	memset(tcp, 0, TCP_LEN);
	put16(tcp, 1000);
	put16(tcp + 2, 2000);
	put32(tcp + TCP_SEQ, 0x12345678);
	tcp[12] = TCP_LEN / 4 << 4;
	tcp[13] = 0x10;
	put16(tcp + 14, 1000);
	put16(tcp + TCP_CSUM, partial ? fold(pseudo_sum(f)) :
	      ~fold(sum(tcp, tcp_len(f), pseudo_sum(f))));
}

static bool tcp_is_good(struct frame *f)
{
	__u8 *ip = f->data + ETH_HLEN;
	unsigned int ip_len = ip_len_of(f);

	if (ip_len == 20 && fold(sum(ip, 20, 0)) != 0xffff)
		return false;
	return fold(sum(tcp_of(f), tcp_len(f), pseudo_sum(f))) == 0xffff;
}

/* As a driver, or a program with a packet socket, would describe such a frame */
static struct virtio_net_hdr describe(const struct frame *f, __u8 gso_type, __u16 gso_size)
{
	unsigned int start = ETH_HLEN + ip_len_of(f);

	return (struct virtio_net_hdr) {
		.flags = NEEDS_CSUM,
		.gso_type = gso_type,
		.hdr_len = htole16(start + TCP_LEN),
		.gso_size = htole16(gso_size),
		.csum_start = htole16(start),
		.csum_offset = htole16(TCP_CSUM),
	};
}

/* The length of the header is a hint: whoever tells it may tell what it has in one piece */
static bool same_hdr(struct virtio_net_hdr a, struct virtio_net_hdr b)
{
	a.hdr_len = b.hdr_len;
	return !memcmp(&a, &b, sizeof(a));
}

/* The kernel segments frames only of protocols that it knows */
static bool can_segment(unsigned int ip_len)
{
	return ip_len == 20 || !access("/proc/sys/net/ipv6", F_OK);
}

/* To the frontend */

TEST_F(offload, checksums_are_left_to_the_frontend)
{
	struct virtio_net_hdr hdr;

	START(F_GUEST_CSUM);
	tcp_fill(self->f, card_mac, host_mac, variant->ip_len, 1000, true);
	hdr = describe(self->f, GSO_NONE, 0);
	ASSERT_EQ(0, host_send(self->c, &hdr, self->f));
	ASSERT_EQ(1, card_receive(self->c, 0, &self->hdr, self->got));
	EXPECT_TRUE(same_hdr(hdr, self->hdr.hdr));
	EXPECT_TRUE(frame_equal(self->f, self->got));
}

TEST_F(offload, checksums_are_there_for_who_cannot)
{
	static const struct virtio_net_hdr none;
	struct virtio_net_hdr hdr;

	START(0);
	tcp_fill(self->f, card_mac, host_mac, variant->ip_len, 1000, true);
	hdr = describe(self->f, GSO_NONE, 0);
	ASSERT_EQ(0, host_send(self->c, &hdr, self->f));
	ASSERT_EQ(1, card_receive(self->c, 0, &self->hdr, self->got));
	EXPECT_TRUE(same_hdr(none, self->hdr.hdr));
	EXPECT_EQ(self->f->len, self->got->len);
	EXPECT_TRUE(tcp_is_good(self->got));
}

TEST_F(offload, segmentation_is_left_to_the_frontend)
{
	struct virtio_net_hdr hdr;

	START(F_MERGE | F_GUEST_CSUM | F_GUEST_TSO);
	tcp_fill(self->f, card_mac, host_mac, variant->ip_len, 20000, true);
	hdr = describe(self->f, variant->gso_type, 1000);
	ASSERT_EQ(0, host_send(self->c, &hdr, self->f));
	EXPECT_EQ((CARD_HDR + self->f->len + ROOM - 1) / ROOM,
		  card_receive(self->c, 0, &self->hdr, self->got));
	EXPECT_TRUE(same_hdr(hdr, self->hdr.hdr));
	EXPECT_TRUE(frame_equal(self->f, self->got));
	EXPECT_EQ(1, host_statistic(self->c, "tx_packets"));
}

/*
 * The frame arrives in segments of that size, and those together are its payload. Returns NULL, or
 * what is wrong.
 */
static const char *gets_segments(struct card *c, struct frame *f, unsigned int size, bool partial)
{
	unsigned int headers = f->len - (tcp_len(f) - TCP_LEN), at = headers, len;
	struct virtio_net_hdr_mrg_rxbuf hdr;
	static struct frame got;

	for (; at < f->len; at += len) {
		if (card_receive(c, 0, &hdr, &got) < 0)
			return "a segment does not come";
		if (hdr.hdr.gso_type != GSO_NONE)
			return "a segment is to be segmented";
		len = got.len - headers;
		if (got.len < headers || len != (f->len - at < size ? f->len - at : size))
			return "a segment has another length";
		if (memcmp(got.data + headers, f->data + at, len))
			return "a segment has another content";
		if (get32(tcp_of(&got) + TCP_SEQ) - get32(tcp_of(f) + TCP_SEQ) != at - headers)
			return "a segment has another number";
		if (hdr.hdr.flags != (partial ? NEEDS_CSUM : 0))
			return "the checksum of a segment is somebody else's";
		if (!partial && !tcp_is_good(&got))
			return "a segment has a bad checksum";
	}
	return NULL;
}

#define EXPECT_SEGMENTS(size, partial) do {					\
	const char *_why = gets_segments(self->c, self->f, size, partial);	\
										\
	EXPECT_TRUE(!_why)							\
		TH_LOG("%s", _why);						\
} while (0)

TEST_F(offload, segments_are_there_for_who_cannot)
{
	struct virtio_net_hdr hdr;

	if (!can_segment(variant->ip_len))
		SKIP(return, "a kernel without IPv6");
	START(F_GUEST_CSUM);
	tcp_fill(self->f, card_mac, host_mac, variant->ip_len, 20100, true);
	hdr = describe(self->f, variant->gso_type, 1000);
	ASSERT_EQ(0, host_send(self->c, &hdr, self->f));
	EXPECT_SEGMENTS(1000, true);
	ASSERT_EQ(0, card_start(self->c, 0, 1, SIZE));
	ASSERT_EQ(0, card_give(self->c, 0, SIZE, ROOM));
	ASSERT_EQ(0, host_send(self->c, &hdr, self->f));
	EXPECT_SEGMENTS(1000, false);
	EXPECT_EQ(0, host_statistic(self->c, "tx_dropped"));
}

TEST_F(offload, congestion_marks_have_to_be_negotiated)
{
	struct virtio_net_hdr hdr;

	if (!can_segment(variant->ip_len))
		SKIP(return, "a kernel without IPv6");
	START(F_MERGE | F_GUEST_CSUM | F_GUEST_TSO);
	tcp_fill(self->f, card_mac, host_mac, variant->ip_len, 3000, true);
	hdr = describe(self->f, variant->gso_type | GSO_ECN, 1000);
	ASSERT_EQ(0, host_send(self->c, &hdr, self->f));
	EXPECT_SEGMENTS(1000, true);
	ASSERT_EQ(0, card_start(self->c, F_MERGE | F_GUEST_CSUM | F_GUEST_TSO | F_GUEST_ECN, 1,
				SIZE));
	ASSERT_EQ(0, card_give(self->c, 0, SIZE, ROOM));
	ASSERT_EQ(0, host_send(self->c, &hdr, self->f));
	EXPECT_LT(0, card_receive(self->c, 0, &self->hdr, self->got));
	EXPECT_TRUE(same_hdr(hdr, self->hdr.hdr));
	EXPECT_TRUE(frame_equal(self->f, self->got));
}

/* A driver that refills half of a small queue would wait for ever, and so would the frame */
TEST_F(offload, what_is_too_long_for_the_ring_is_segmented)
{
	struct virtio_net_hdr hdr;

	if (!can_segment(variant->ip_len))
		SKIP(return, "a kernel without IPv6");
	START_SIZE(F_MERGE | F_GUEST_CSUM | F_GUEST_TSO, 16);
	tcp_fill(self->f, card_mac, host_mac, variant->ip_len, 8 * 1500 - 100, true);
	hdr = describe(self->f, variant->gso_type, 1000);
	ASSERT_EQ(0, host_send(self->c, &hdr, self->f));
	EXPECT_LT(1, card_receive(self->c, 0, &self->hdr, self->got));
	EXPECT_TRUE(frame_equal(self->f, self->got));
	tcp_fill(self->f, card_mac, host_mac, variant->ip_len, 8 * 1500, true);
	ASSERT_EQ(0, host_send(self->c, &hdr, self->f));
	EXPECT_SEGMENTS(1000, true);
}

TEST_F(offload, ethtool_knows_what_the_driver_can)
{
	__u32 on = 55;

	START(0);
	EXPECT_EQ(0, host_ethtool(self->c, ETHTOOL_GTXCSUM, &on));
	EXPECT_EQ(0, on);
	EXPECT_EQ(0, host_ethtool(self->c, ETHTOOL_GTSO, &on));
	EXPECT_EQ(0, on);
	ASSERT_EQ(0, card_start(self->c, F_GUEST_CSUM | F_GUEST_TSO, 1, SIZE));
	EXPECT_EQ(0, host_ethtool(self->c, ETHTOOL_GTXCSUM, &on));
	EXPECT_EQ(1, on);
	EXPECT_EQ(0, host_ethtool(self->c, ETHTOOL_GTSO, &on));
	EXPECT_EQ(1, on);
	ASSERT_EQ(0, card_start(self->c, F_GUEST_CSUM, 1, SIZE));
	EXPECT_EQ(0, host_ethtool(self->c, ETHTOOL_GTXCSUM, &on));
	EXPECT_EQ(1, on);
	EXPECT_EQ(0, host_ethtool(self->c, ETHTOOL_GTSO, &on));
	EXPECT_EQ(0, on);
}

/* From the frontend */

TEST_F(offload, checksums_are_left_to_this_system)
{
	struct virtio_net_hdr hdr, seen;

	START(F_CSUM);
	tcp_fill(self->f, host_mac, card_mac, variant->ip_len, 1000, true);
	hdr = describe(self->f, GSO_NONE, 0);
	ASSERT_EQ(0, card_send(self->c, 0, &hdr, self->f));
	ASSERT_EQ(0, host_receive(self->c, &seen, self->got));
	EXPECT_TRUE(same_hdr(hdr, seen));
	EXPECT_TRUE(frame_equal(self->f, self->got));
}

TEST_F(offload, segmentation_is_left_to_this_system)
{
	static const unsigned int payload[] = { 1001, 5000, 20000, 65000 };
	struct virtio_net_hdr hdr, seen;
	unsigned int i, ecn;

	START(F_CSUM | F_TSO | F_ECN);
	for (i = 0; i < ARRAY_SIZE(payload); i++) {
		for (ecn = 0; ecn <= GSO_ECN; ecn += GSO_ECN) {
			tcp_fill(self->f, host_mac, card_mac, variant->ip_len, payload[i], true);
			hdr = describe(self->f, variant->gso_type | ecn, 1000);
			ASSERT_EQ(0, card_send(self->c, 0, &hdr, self->f));
			ASSERT_EQ(0, host_receive(self->c, &seen, self->got));
			EXPECT_TRUE(same_hdr(hdr, seen))
				TH_LOG("%u bytes", payload[i]);
			EXPECT_TRUE(frame_equal(self->f, self->got));
		}
	}
	EXPECT_EQ(0, host_statistic(self->c, "rx_errors"));
}

/* Headers that make no sense */

#define EXPECT_REFUSED(bad_frame, hdr, what) do {				\
	long long _before = host_statistic(self->c, "rx_frame_errors");	\
										\
	EXPECT_EQ(0, card_send(self->c, 0, hdr, bad_frame));			\
	/* Nothing comes before the next one */					\
	frame_fill(self->got, host_mac, card_mac, 100, 1);			\
	EXPECT_EQ(0, card_send(self->c, 0, NULL, self->got));			\
	EXPECT_GETS(host, self->c, self->got);					\
	EXPECT_EQ(_before + 1, host_statistic(self->c, "rx_frame_errors"))	\
		TH_LOG("%s", what);						\
} while (0)

TEST_F(offload, bad_headers_are_errors)
{
	unsigned int start = ETH_HLEN + variant->ip_len, end = start + TCP_LEN + 5000;
	const __u8 type = variant->gso_type, flags = NEEDS_CSUM;
	const struct {
		const char *what;
		__u8 flags;
		__u8 type;
		__u16 size;
		__u16 start;
		__u16 offset;
	} bad[] = {
		{ "checksum behind the end", flags, type, 1000, end, TCP_CSUM },
		{ "checksum at the end", flags, type, 1000, end - TCP_CSUM - 1, TCP_CSUM },
		{ "checksum far behind the end", flags, type, 1000, 0xffff, TCP_CSUM },
		{ "checksum at an offset far behind", flags, type, 1000, start, 0xffff },
		{ "checksum that wraps", flags, type, 1000, 0xffff, 0xffff },
		{ "checksum at the beginning", flags, type, 1000, 0, 0 },
		{ "checksum in the Ethernet header", flags, type, 1000, 13, TCP_CSUM },
		{ "checksum in the IP header", flags, type, 1000, ETH_HLEN + 19, TCP_CSUM },
		{ "checksum of something else", flags, type, 1000, start + 1, TCP_CSUM },
		{ "checksum within TCP's header", flags, type, 1000, start + 4, TCP_CSUM },
		{ "segments without checksum", 0, type, 1000, start, TCP_CSUM },
		{ "segments with a good one", DATA_VALID, type, 1000, start, TCP_CSUM },
		{ "segments of 0 bytes", flags, type, 0, start, TCP_CSUM },
		{ "segments of 1 byte", flags, type, 1, start, TCP_CSUM },
		{ "segments of 7 bytes", flags, type, 7, start, TCP_CSUM },
		{ "type 2", flags, 2, 1000, start, TCP_CSUM },
		{ "UDP", flags, VIRTIO_NET_HDR_GSO_UDP, 1000, start, 6 },
		{ "UDP segments", flags, 5, 1000, start, 6 },
		{ "the other type", flags, type ^ 5, 1000, start, TCP_CSUM },
		{ "type 0x7f", flags, 0x7f, 1000, start, TCP_CSUM },
		{ "type 0xff", flags, 0xff, 1000, start, TCP_CSUM },
	};
	struct virtio_net_hdr hdr;
	unsigned int i;

	START(F_CSUM | F_TSO | F_ECN);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		tcp_fill(self->f, host_mac, card_mac, variant->ip_len, 5000, true);
		hdr = (struct virtio_net_hdr) {
			.flags = bad[i].flags,
			.gso_type = bad[i].type,
			.hdr_len = htole16(start + TCP_LEN),
			.gso_size = htole16(bad[i].size),
			.csum_start = htole16(bad[i].start),
			.csum_offset = htole16(bad[i].offset),
		};
		EXPECT_REFUSED(self->f, &hdr, bad[i].what);
	}
	EXPECT_EQ(ARRAY_SIZE(bad), host_statistic(self->c, "rx_errors"));
	EXPECT_EQ(ARRAY_SIZE(bad), host_statistic(self->c, "rx_dropped"));
	EXPECT_EQ(ARRAY_SIZE(bad), host_statistic(self->c, "rx_packets"));
	EXPECT_EQ(STATUS_DRIVER_OK, virtio_status(self->v));
}

TEST_F(offload, what_was_not_negotiated_is_an_error)
{
	struct virtio_net_hdr hdr;

	START(0);
	tcp_fill(self->f, host_mac, card_mac, variant->ip_len, 1000, true);
	hdr = describe(self->f, GSO_NONE, 0);
	EXPECT_REFUSED(self->f, &hdr, "checksum");
	ASSERT_EQ(0, card_start(self->c, F_CSUM, 1, SIZE));
	hdr = describe(self->f, variant->gso_type, 100);
	EXPECT_REFUSED(self->f, &hdr, "segments");
	ASSERT_EQ(0, card_start(self->c, F_CSUM | F_TSO, 1, SIZE));
	hdr.gso_type |= GSO_ECN;
	EXPECT_REFUSED(self->f, &hdr, "congestion marks");
	EXPECT_EQ(STATUS_DRIVER_OK, virtio_status(self->v));
}

/* Frames that are not what their header says */
TEST_F(offload, only_tcp_is_segmented)
{
	unsigned int proto = ETH_HLEN + (variant->ip_len == 20 ? 9 : 6);
	struct virtio_net_hdr hdr;

	START(F_CSUM | F_TSO);
	tcp_fill(self->f, host_mac, card_mac, variant->ip_len, 5000, true);
	hdr = describe(self->f, variant->gso_type, 1000);
	self->f->data[proto] = 17;
	EXPECT_REFUSED(self->f, &hdr, "UDP");
	self->f->data[proto] = 6;
	put16(self->f->data + 12, CARD_PROTOCOL);
	EXPECT_REFUSED(self->f, &hdr, "no IP");
	if (variant->ip_len == 20) {
		put16(self->f->data + 12, ETH_P_IP);
		self->f->data[ETH_HLEN + 6] = 0x20;
		EXPECT_REFUSED(self->f, &hdr, "a fragment");
		self->f->data[ETH_HLEN + 6] = 0;
		self->f->data[ETH_HLEN] = 0x4f;
		EXPECT_REFUSED(self->f, &hdr, "options where TCP is to be");
	}
	/* The frame ends within its headers */
	tcp_fill(self->f, host_mac, card_mac, variant->ip_len, 0, true);
	self->f->len -= 4;
	EXPECT_REFUSED(self->f, &hdr, "a short one");
	self->f->len = ETH_HLEN + variant->ip_len;
	EXPECT_REFUSED(self->f, &hdr, "one without TCP");
	EXPECT_EQ(STATUS_DRIVER_OK, virtio_status(self->v));
}

/* It is a hint, and so nothing that can be wrong; nor are flags that nobody knows */
TEST_F(offload, the_length_of_the_header_is_a_hint)
{
	static const __u16 len[] = { 0, 1, 13, 33, 0x7fff, 0xffff };
	struct virtio_net_hdr hdr, seen;
	unsigned int i;

	START(F_CSUM | F_TSO);
	for (i = 0; i < ARRAY_SIZE(len); i++) {
		tcp_fill(self->f, host_mac, card_mac, variant->ip_len, 5000, true);
		hdr = describe(self->f, variant->gso_type, 1000);
		hdr.hdr_len = htole16(len[i]);
		hdr.flags |= 0xfc;
		ASSERT_EQ(0, card_send(self->c, 0, &hdr, self->f));
		ASSERT_EQ(0, host_receive(self->c, &seen, self->got));
		EXPECT_TRUE(frame_equal(self->f, self->got));
		EXPECT_EQ(variant->gso_type, seen.gso_type);
		EXPECT_EQ(NEEDS_CSUM, seen.flags);
	}
	EXPECT_EQ(0, host_statistic(self->c, "rx_errors"));
}

TEST_F_TIMEOUT(offload, junk_does_no_harm, LONG_TEST_S)
{
	unsigned int i, j, total = rounds(500);
	struct prng prng = { .state = prng_seed() };
	struct virtio_net_hdr hdr;

	TH_LOG("BAO_SEED=%llu", (unsigned long long)prng.state);
	START(F_CSUM | F_TSO | F_ECN);
	for (i = 0; i < total; i++) {
		tcp_fill(self->f, host_mac, card_mac, variant->ip_len, prng_below(&prng, 3000),
			 true);
		hdr = describe(self->f, variant->gso_type, 1000);
		/* Some bytes of the header, and some of those of the frame */
		for (j = prng_below(&prng, 3); j; j--)
			((__u8 *)&hdr)[prng_below(&prng, sizeof(hdr))] = prng_next(&prng);
		for (j = prng_below(&prng, 3); j; j--)
			self->f->data[2 * ETH_ALEN + prng_below(&prng, 64)] = prng_next(&prng);
		ASSERT_EQ(0, card_send(self->c, 0, &hdr, self->f));
	}
	/* Each is one or the other. The last ones are on their way. */
	EXPECT_TRUE(wait_until(host_statistic(self->c, "rx_packets") +
			       host_statistic(self->c, "rx_dropped") == total));
	EXPECT_LT(0, host_statistic(self->c, "rx_packets"));
	EXPECT_LT(0, host_statistic(self->c, "rx_errors"));
	EXPECT_EQ(STATUS_DRIVER_OK, virtio_status(self->v));
}

/* From one frontend to another, over a bridge */

#define BRIDGE "net-bridge"

FIXTURE(bridged) {
	struct card *from;
	struct card *to;
	struct frame *f;
	struct frame *got;
	struct virtio_net_hdr_mrg_rxbuf hdr;
};

static int bridge_call(unsigned long command, void *arg)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int ret = do_ioctl(fd, command, arg);

	close(fd);
	return ret;
}

static void bridge_remove(void)
{
	struct ifreq ifr = { .ifr_name = BRIDGE };

	bridge_call(SIOCSIFFLAGS, &ifr);
	bridge_call(SIOCBRDELBR, BRIDGE);
}

static int bridge_make(void)
{
	struct ifreq ifr = { .ifr_name = BRIDGE, .ifr_flags = IFF_UP };
	int ret = bridge_call(SIOCBRADDBR, BRIDGE);

	write_file("/proc/sys/net/ipv6/conf/" BRIDGE "/disable_ipv6", "1");
	return ret ?: bridge_call(SIOCSIFFLAGS, &ifr);
}

static int bridge_add(struct card *c)
{
	struct ifreq ifr = { .ifr_name = BRIDGE, .ifr_ifindex = if_nametoindex(c->ifname) };

	return bridge_call(SIOCBRADDIF, &ifr);
}

FIXTURE_SETUP(bridged)
{
	VIRTIO_OR_SKIP("net");
	bridge_remove();
	if (bridge_make())
		SKIP(_exit(0), "a kernel without bridges");
	self->from = calloc(1, sizeof(*self->from));
	self->to = calloc(1, sizeof(*self->to));
	self->f = calloc(1, sizeof(*self->f));
	self->got = calloc(1, sizeof(*self->got));
	ASSERT_TRUE(self->from && self->to && self->f && self->got);
	ASSERT_EQ(0, card_make(self->from, DM, "from"));
	ASSERT_EQ(0, card_make(self->to, DM + 1, "to"));
	ASSERT_EQ(0, card_go_live(self->from));
	ASSERT_EQ(0, card_go_live(self->to));
	ASSERT_EQ(0, bridge_add(self->from));
	ASSERT_EQ(0, bridge_add(self->to));
}

FIXTURE_TEARDOWN(bridged)
{
	VIRTIO_TEAR_DOWN();
	bridge_remove();
	free(self->from);
	free(self->to);
	free(self->f);
	free(self->got);
}

#define FORWARDING 3

#define CONNECT(features_from, features_to) do {				\
	ASSERT_EQ(0, card_start(self->from, features_from, 1, SIZE));		\
	ASSERT_EQ(0, card_start(self->to, features_to, 1, SIZE));		\
	ASSERT_EQ(0, card_give(self->to, 0, SIZE, ROOM));			\
	ASSERT_TRUE(wait_until(host_number(self->from, "brport/state") == FORWARDING &&	\
			       host_number(self->to, "brport/state") == FORWARDING));	\
} while (0)

#define PASS(header) do {							\
	ASSERT_EQ(0, card_send(self->from, 0, header, self->f));		\
	ASSERT_LT(0, card_receive(self->to, 0, &self->hdr, self->got));		\
} while (0)

TEST_F(bridged, frames_pass)
{
	unsigned int i;

	CONNECT(0, 0);
	for (i = 0; i < 100; i++) {
		frame_fill(self->f, card_mac, host_mac, 60 + 14 * i, i);
		PASS(NULL);
		EXPECT_TRUE(frame_equal(self->f, self->got));
	}
}

TEST_F(bridged, work_is_left_to_the_other_frontend)
{
	struct virtio_net_hdr hdr;

	CONNECT(F_CSUM | F_TSO, F_MERGE | F_GUEST_CSUM | F_GUEST_TSO);
	tcp_fill(self->f, card_mac, host_mac, 20, 1000, true);
	hdr = describe(self->f, GSO_NONE, 0);
	PASS(&hdr);
	EXPECT_TRUE(same_hdr(hdr, self->hdr.hdr));
	EXPECT_TRUE(frame_equal(self->f, self->got));
	tcp_fill(self->f, card_mac, host_mac, 20, 20000, true);
	hdr = describe(self->f, VIRTIO_NET_HDR_GSO_TCPV4, 1400);
	PASS(&hdr);
	EXPECT_TRUE(same_hdr(hdr, self->hdr.hdr));
	EXPECT_TRUE(frame_equal(self->f, self->got));
}

TEST_F(bridged, work_is_done_in_between)
{
	struct virtio_net_hdr hdr;
	const char *why;

	CONNECT(F_CSUM | F_TSO, 0);
	tcp_fill(self->f, card_mac, host_mac, 20, 1000, true);
	hdr = describe(self->f, GSO_NONE, 0);
	PASS(&hdr);
	EXPECT_EQ(0, self->hdr.hdr.flags);
	EXPECT_TRUE(tcp_is_good(self->got));
	tcp_fill(self->f, card_mac, host_mac, 20, 20000, true);
	hdr = describe(self->f, VIRTIO_NET_HDR_GSO_TCPV4, 1400);
	ASSERT_EQ(0, card_send(self->from, 0, &hdr, self->f));
	why = gets_segments(self->to, self->f, 1400, false);
	EXPECT_TRUE(!why)
		TH_LOG("%s", why);
}

/* This system has looked at the checksum, which saves the frontend that, if it wants to know */
TEST_F(bridged, good_checksums_are_known)
{
	CONNECT(0, F_GUEST_CSUM);
	tcp_fill(self->f, card_mac, host_mac, 20, 1000, false);
	PASS(NULL);
	EXPECT_EQ(DATA_VALID, self->hdr.hdr.flags);
	EXPECT_TRUE(frame_equal(self->f, self->got));
	/* Nobody says so of one that is wrong */
	self->f->data[100] ^= 1;
	PASS(NULL);
	EXPECT_EQ(0, self->hdr.hdr.flags);
	EXPECT_TRUE(frame_equal(self->f, self->got));
	CONNECT(0, 0);
	self->f->data[100] ^= 1;
	PASS(NULL);
	EXPECT_EQ(0, self->hdr.hdr.flags);
}

TEST_HARNESS_MAIN
