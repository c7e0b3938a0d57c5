// SPDX-License-Identifier: GPL-2.0
/*
 * The control queue of network cards in the kernel: which frames the frontend wants, its address,
 * and how many queues it uses
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "../kselftest_harness.h"
#include "virtio_card.h"

#define DM		0
#define SIZE		32
#define ROOM		2048

#define F_CTRL		FEATURE(VIRTIO_NET_F_CTRL_VQ)
#define F_RX		FEATURE(VIRTIO_NET_F_CTRL_RX)
#define F_EXTRA		FEATURE(VIRTIO_NET_F_CTRL_RX_EXTRA)
#define F_VLAN		FEATURE(VIRTIO_NET_F_CTRL_VLAN)
#define F_MAC		FEATURE(VIRTIO_NET_F_CTRL_MAC_ADDR)
#define F_MQ		FEATURE(VIRTIO_NET_F_MQ)
#define F_ALL		(F_CTRL | F_RX | F_EXTRA | F_VLAN | F_MAC)

#define OK		VIRTIO_NET_OK
#define ERR		VIRTIO_NET_ERR

/* Commands, as one number */
#define CMD(class, cmd)	((class) << 8 | (cmd))
#define PROMISC		CMD(VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC)
#define ALLMULTI	CMD(VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_ALLMULTI)
#define ALLUNI		CMD(VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_ALLUNI)
#define NOMULTI		CMD(VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_NOMULTI)
#define NOUNI		CMD(VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_NOUNI)
#define NOBCAST		CMD(VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_NOBCAST)
#define MAC_TABLE	CMD(VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET)
#define MAC_ADDR	CMD(VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET)
#define VLAN_ADD	CMD(VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_ADD)
#define VLAN_DEL	CMD(VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_DEL)
#define PAIRS		CMD(VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET)

FIXTURE(ctrl) {
	struct card *c;
	struct virtio *v;
	struct frame *f;
	char *command;
	unsigned int pairs;
};

FIXTURE_SETUP(ctrl)
{
	VIRTIO_OR_SKIP("net");
	self->c = calloc(1, sizeof(*self->c));
	self->f = calloc(1, sizeof(*self->f));
	ASSERT_TRUE(self->c && self->f);
	self->v = &self->c->v;
	ASSERT_EQ(0, card_make(self->c, DM, "ctrl"));
	self->command = window_alloc(self->v->window, 16384, 16);
	ASSERT_TRUE(!!self->command);
	self->pairs = 1;
}

FIXTURE_TEARDOWN(ctrl)
{
	VIRTIO_TEAR_DOWN();
	free(self->c);
	free(self->f);
}

#define START(features, nr_pairs) do {						\
	unsigned int _pair;							\
										\
	self->pairs = nr_pairs;							\
	ASSERT_EQ(0, virtio_set(self->v, "queues", "%u", nr_pairs));		\
	ASSERT_EQ(0, card_go_live(self->c));					\
	ASSERT_EQ(0, card_start(self->c, features, nr_pairs, SIZE));		\
	for (_pair = 0; _pair < (nr_pairs); _pair++)				\
		ASSERT_EQ(0, card_give(self->c, _pair, 8, ROOM));		\
} while (0)

/*
 * Gives a command, in one segment or cut after so many bytes. Returns the answer; -ENODATA if there
 * is none.
 */
static int command_cut(struct vqueue *q, char *place, unsigned int cmd, const void *data,
		       unsigned int len, unsigned int cut)
{
	struct vsegment segments[3] = { { place, cut }, { place + cut, 2 + len - cut } };
	unsigned int out = 2;
	__u32 used;
	__u8 *ack;
	int ret;

	place[0] = cmd >> 8;
	place[1] = cmd;
	memcpy(place + 2, data, len);
	ack = (__u8 *)place + 2 + len;
	*ack = 0x55;
	if (cut >= 2 + len) {
		segments[0].len = 2 + len;
		out = 1;
	}
	segments[out] = (struct vsegment){ ack, 1 };
	ret = vq_add(q, segments, out, 1);
	if (ret < 0)
		return ret;
	vq_submit(q);
	ret = vq_wait(q, &used);
	if (ret < 0)
		return ret;
	return used == 1 ? *ack : -ENODATA;
}

#define COMMAND(cmd, data, len) \
	command_cut(&self->v->queue[2 * self->pairs], self->command, cmd, data, len, 2)

/* A number of 8 or 16 bits, little endian */
#define SET(cmd, number) ({							\
	__u16 _number = htole16(number);					\
										\
	COMMAND(cmd, &_number, (cmd) >> 8 == VIRTIO_NET_CTRL_RX ? 1 : 2);	\
})

static const __u8 mac_other[ETH_ALEN] = { 0x02, 0xcc, 0x00, 0x00, 0x00, 0x01 };
static const __u8 mac_third[ETH_ALEN] = { 0x02, 0xdd, 0x00, 0x00, 0x00, 0x01 };
static const __u8 mac_multi[ETH_ALEN] = { 0x33, 0x33, 0x00, 0x00, 0x00, 0x05 };
static const __u8 mac_broad[ETH_ALEN] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

/*
 * Sends a frame to an address, and one behind it that always comes. @sentinel: an address that the
 * frontend wants.
 */
static int wants_frame(struct card *c, struct frame *f, const __u8 *sentinel)
{
	static struct frame last, got;
	struct virtio_net_hdr_mrg_rxbuf hdr;
	int ret;

	frame_fill(&last, sentinel, host_mac, 80, 99);
	ret = host_send(c, NULL, f) ?: host_send(c, NULL, &last);
	if (ret)
		return ret;
	ret = card_receive(c, 0, &hdr, &got);
	if (ret < 0 || frame_equal(&got, &last))
		return ret < 0 ? ret : 0;
	if (!frame_equal(&got, f))
		return -EPROTO;
	ret = card_receive(c, 0, &hdr, &got);
	return ret < 0 ? ret : frame_equal(&got, &last) ? 1 : -EPROTO;
}

#define WANTS_BEFORE(to, sentinel) ({						\
	frame_fill(self->f, to, host_mac, 100, 5);				\
	wants_frame(self->c, self->f, sentinel);				\
})

#define WANTS(to) WANTS_BEFORE(to, card_mac)

/* Commands */

TEST_F(ctrl, commands_are_checked)
{
	static const __u8 zero[8];
	static const __u8 junk[64] = { [0 ... 63] = 0xff };
	const struct {
		unsigned int cmd;
		const void *data;
		unsigned int len;
		int ack;
	} cases[] = {
		/* Not all of it is there */
		{ PROMISC, zero, 0, ERR }, { MAC_ADDR, card_mac, 5, ERR },
		{ VLAN_ADD, zero, 1, ERR }, { MAC_TABLE, zero, 0, ERR },
		{ MAC_TABLE, zero, 3, ERR }, { MAC_TABLE, zero, 4, ERR },
		{ MAC_TABLE, zero, 7, ERR },
		/* No such class, no such command */
		{ CMD(VIRTIO_NET_CTRL_RX, 6), zero, 1, ERR },
		{ CMD(VIRTIO_NET_CTRL_RX, 255), zero, 1, ERR },
		{ CMD(VIRTIO_NET_CTRL_MAC, 2), card_mac, 6, ERR },
		{ CMD(VIRTIO_NET_CTRL_VLAN, 2), zero, 2, ERR },
		{ CMD(VIRTIO_NET_CTRL_ANNOUNCE, 0), zero, 0, ERR },
		{ CMD(VIRTIO_NET_CTRL_MQ, 0), "\1", 2, ERR }, { CMD(100, 0), zero, 4, ERR },
		{ CMD(255, 255), zero, 0, ERR },
		/* What is said makes no sense */
		{ MAC_ADDR, zero, 6, ERR }, { MAC_ADDR, mac_broad, 6, ERR },
		{ MAC_ADDR, mac_multi, 6, ERR }, { VLAN_ADD, "\0\20", 2, ERR },
		{ VLAN_ADD, junk, 2, ERR }, { VLAN_DEL, "\0\20", 2, ERR },
		{ MAC_TABLE, junk, 64, ERR }, { MAC_TABLE, "\1\0\0\0\2\0\0\0\0", 9, ERR },
		{ MAC_TABLE, "\1\0\0\0\2\0\0\0\0\1\377\377\377\377", 14, ERR },
		/* This is all right; what is too much is not looked at */
		{ PROMISC, "\1", 1, OK }, { PROMISC, "\1\1\1", 3, OK },
		{ MAC_TABLE, zero, 8, OK }, { VLAN_ADD, "\377\17", 2, OK },
		{ VLAN_DEL, "\377\17", 2, OK }, { MAC_ADDR, card_mac, 6, OK },
	};
	unsigned int i;

	START(F_ALL, 1);
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		EXPECT_EQ(cases[i].ack, COMMAND(cases[i].cmd, cases[i].data, cases[i].len))
			TH_LOG("case %u", i);
	EXPECT_EQ(STATUS_DRIVER_OK, virtio_status(self->v));
	EXPECT_EQ(1, WANTS(card_mac));
}

TEST_F(ctrl, taken_down_it_refuses_commands)
{
	START(F_ALL, 1);
	ASSERT_EQ(OK, SET(PROMISC, 0));
	ASSERT_EQ(0, virtio_set_live(self->v, false));
	ASSERT_EQ(0, virtio_wait_config(self->v));
	EXPECT_EQ(ERR, SET(PROMISC, 0));
	EXPECT_EQ(ERR, SET(VLAN_ADD, 1));
	EXPECT_EQ(ERR, COMMAND(MAC_ADDR, mac_other, ETH_ALEN));
}

TEST_F(ctrl, commands_have_to_be_negotiated)
{
	static const __u8 zero[8];
	static const struct {
		unsigned int cmd;
		const void *data;
		unsigned int len;
		__u64 feature;
	} cases[] = {
		{ PROMISC, zero, 1, F_RX }, { ALLMULTI, zero, 1, F_RX },
		{ ALLUNI, zero, 1, F_EXTRA }, { NOMULTI, zero, 1, F_EXTRA },
		{ NOUNI, zero, 1, F_EXTRA }, { NOBCAST, zero, 1, F_EXTRA },
		{ MAC_TABLE, zero, 8, F_RX }, { VLAN_ADD, zero, 2, F_VLAN },
		{ VLAN_DEL, zero, 2, F_VLAN }, { MAC_ADDR, card_mac, 6, F_RX | F_MAC },
	};
	unsigned int i;

	ASSERT_EQ(0, card_go_live(self->c));
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		ASSERT_EQ(0, card_start(self->c, F_ALL & ~cases[i].feature, 1, SIZE));
		EXPECT_EQ(ERR, COMMAND(cases[i].cmd, cases[i].data, cases[i].len))
			TH_LOG("%#x", cases[i].cmd);
		ASSERT_EQ(0, card_start(self->c, F_ALL, 1, SIZE));
		EXPECT_EQ(OK, COMMAND(cases[i].cmd, cases[i].data, cases[i].len))
			TH_LOG("%#x", cases[i].cmd);
	}
}

TEST_F(ctrl, framing_is_the_drivers)
{
	struct vqueue *q = &self->v->queue[2];
	struct vsegment segment;
	unsigned int cut;
	__u32 len;

	START(F_ALL, 1);
	for (cut = 1; cut <= 2 + 6; cut++)
		EXPECT_EQ(OK, command_cut(q, self->command, MAC_ADDR, card_mac, 6, cut));
	/* No room for an answer, no command, and nothing at all that can be read */
	segment = (struct vsegment){ self->command, 3 };
	memcpy(self->command, "\0\0\0", 3);
	ASSERT_LE(0, vq_add(q, &segment, 1, 0));
	ASSERT_LE(0, vq_add(q, &segment, 0, 1));
	vq_submit(q);
	ASSERT_LE(0, vq_wait(q, &len));
	EXPECT_EQ(0, len);
	ASSERT_LE(0, vq_wait(q, &len));
	EXPECT_EQ(1, len);
	EXPECT_EQ(ERR, self->command[0]);
	/* The first one has been obeyed all the same */
	EXPECT_EQ(0, WANTS(mac_other));
	EXPECT_EQ(STATUS_DRIVER_OK, virtio_status(self->v));
}

/* Which frames the frontend wants */

TEST_F(ctrl, gets_everything_until_it_says_so)
{
	START(0, 1);
	EXPECT_EQ(1, WANTS(card_mac));
	EXPECT_EQ(1, WANTS(mac_other));
	EXPECT_EQ(1, WANTS(mac_multi));
	EXPECT_EQ(1, WANTS(mac_broad));
}

TEST_F(ctrl, modes_choose_frames)
{
	START(F_ALL, 1);
	EXPECT_EQ(1, WANTS(mac_other));
	ASSERT_EQ(OK, SET(PROMISC, 0));
	EXPECT_EQ(1, WANTS(card_mac));
	EXPECT_EQ(0, WANTS(mac_other));
	EXPECT_EQ(0, WANTS(mac_multi));
	EXPECT_EQ(1, WANTS(mac_broad));

	ASSERT_EQ(OK, SET(ALLMULTI, 1));
	EXPECT_EQ(1, WANTS(mac_multi));
	EXPECT_EQ(0, WANTS(mac_other));
	ASSERT_EQ(OK, SET(NOMULTI, 1));
	EXPECT_EQ(0, WANTS(mac_multi));
	ASSERT_EQ(OK, SET(ALLUNI, 1));
	EXPECT_EQ(1, WANTS(mac_other));
	ASSERT_EQ(OK, SET(NOUNI, 1));
	EXPECT_EQ(0, WANTS_BEFORE(mac_other, mac_broad));
	EXPECT_EQ(0, WANTS_BEFORE(card_mac, mac_broad));
	ASSERT_EQ(OK, SET(NOUNI, 0));
	ASSERT_EQ(OK, SET(NOBCAST, 1));
	EXPECT_EQ(0, WANTS(mac_broad));
	ASSERT_EQ(OK, SET(PROMISC, 1));
	EXPECT_EQ(1, WANTS(mac_broad));
	EXPECT_EQ(1, WANTS(mac_multi));
	/* What is not wanted has been sent, it is not lost by this system */
	EXPECT_EQ(0, host_statistic(self->c, "tx_dropped"));
	/* And it begins anew with a new driver */
	ASSERT_EQ(OK, SET(PROMISC, 0));
	ASSERT_EQ(0, card_start(self->c, F_ALL, 1, SIZE));
	ASSERT_EQ(0, card_give(self->c, 0, 8, ROOM));
	EXPECT_EQ(1, WANTS(mac_other));
}

TEST_F(ctrl, tables_of_addresses_choose_frames)
{
	__u8 table[20] = { 1 };

	memcpy(table + 4, mac_other, ETH_ALEN);
	table[10] = 1;
	memcpy(table + 14, mac_multi, ETH_ALEN);
	START(F_ALL, 1);
	ASSERT_EQ(OK, SET(PROMISC, 0));
	ASSERT_EQ(OK, COMMAND(MAC_TABLE, table, sizeof(table)));
	EXPECT_EQ(1, WANTS(card_mac));
	EXPECT_EQ(1, WANTS(mac_other));
	EXPECT_EQ(1, WANTS(mac_multi));
	EXPECT_EQ(0, WANTS(mac_third));
	/* One that makes no sense changes nothing */
	table[10] = 2;
	ASSERT_EQ(ERR, COMMAND(MAC_TABLE, table, sizeof(table)));
	EXPECT_EQ(1, WANTS(mac_other));
	EXPECT_EQ(1, WANTS(mac_multi));
	memset(table, 0, sizeof(table));
	ASSERT_EQ(OK, COMMAND(MAC_TABLE, table, 8));
	EXPECT_EQ(0, WANTS(mac_other));
	EXPECT_EQ(0, WANTS(mac_multi));
}

/* More addresses than anybody looks at: then all pass */
TEST_F(ctrl, a_table_may_be_long)
{
	static __u8 table[8 + 1025 * ETH_ALEN];
	unsigned int i;

	table[0] = 1025 & 0xff;
	table[1] = 1025 >> 8;
	for (i = 0; i < 1025; i++)
		memcpy(table + 4 + i * ETH_ALEN, mac_other, ETH_ALEN);
	START(F_ALL, 1);
	ASSERT_EQ(OK, SET(PROMISC, 0));
	ASSERT_EQ(OK, COMMAND(MAC_TABLE, table, sizeof(table)));
	EXPECT_EQ(1, WANTS(mac_third));
	EXPECT_EQ(0, WANTS(mac_multi));
}

TEST_F(ctrl, it_has_another_address)
{
	unsigned int i;

	START(F_ALL, 1);
	ASSERT_EQ(OK, SET(PROMISC, 0));
	ASSERT_EQ(OK, COMMAND(MAC_ADDR, mac_other, ETH_ALEN));
	EXPECT_EQ(1, WANTS_BEFORE(mac_other, mac_broad));
	EXPECT_EQ(0, WANTS_BEFORE(card_mac, mac_broad));
	for (i = 0; i < ETH_ALEN; i++)
		EXPECT_EQ(mac_other[i], virtio_config(self->v, i, 1));
	/* Until it is reset */
	ASSERT_EQ(0, card_start(self->c, F_ALL, 1, SIZE));
	ASSERT_EQ(0, card_give(self->c, 0, 8, ROOM));
	for (i = 0; i < ETH_ALEN; i++)
		EXPECT_EQ(card_mac[i], virtio_config(self->v, i, 1));
	ASSERT_EQ(OK, SET(PROMISC, 0));
	EXPECT_EQ(1, WANTS(card_mac));
}

/* VLANs */

static void tag(struct frame *f, __u16 vid)
{
	__u16 vlan[] = { htons(ETH_P_8021Q), htons(vid) };

	memmove(f->data + 16, f->data + 12, f->len - 12);
	memcpy(f->data + 12, vlan, sizeof(vlan));
	f->len += sizeof(vlan);
}

#define WANTS_VLAN(vid) ({							\
	frame_fill(self->f, card_mac, host_mac, 100, 6);			\
	tag(self->f, vid);							\
	wants_frame(self->c, self->f, card_mac);				\
})

TEST_F(ctrl, vlans_choose_frames)
{
	START(F_ALL, 1);
	EXPECT_EQ(1, WANTS_VLAN(5));
	ASSERT_EQ(OK, SET(PROMISC, 0));
	EXPECT_EQ(0, WANTS_VLAN(5));
	/* That is no VLAN, but a priority */
	EXPECT_EQ(1, WANTS_VLAN(0x2000));
	ASSERT_EQ(OK, SET(VLAN_ADD, 5));
	ASSERT_EQ(OK, SET(VLAN_ADD, 4095));
	EXPECT_EQ(1, WANTS_VLAN(5));
	EXPECT_EQ(1, WANTS_VLAN(0x4005));
	EXPECT_EQ(1, WANTS_VLAN(4095));
	EXPECT_EQ(0, WANTS_VLAN(4));
	ASSERT_EQ(OK, SET(VLAN_DEL, 5));
	EXPECT_EQ(0, WANTS_VLAN(5));
	EXPECT_EQ(1, WANTS_VLAN(4095));
	/* A driver that does not filter gets them all */
	ASSERT_EQ(0, card_start(self->c, F_ALL & ~F_VLAN, 1, SIZE));
	ASSERT_EQ(0, card_give(self->c, 0, 8, ROOM));
	ASSERT_EQ(OK, SET(PROMISC, 0));
	EXPECT_EQ(1, WANTS_VLAN(5));
}

/* Several queues */

/* An UDP packet of a flow; its other direction has another @to */
static void flow_fill(struct frame *f, const __u8 *to, const __u8 *from, __u16 to_port,
		      __u16 from_port)
{
	__u8 *ip = f->data + ETH_HLEN, *udp = ip + 20;
	bool there = to_port < from_port;
	__u16 ports[2] = { htons(from_port), htons(to_port) };

	frame_fill(f, to, from, ETH_HLEN + 28 + 20, to_port);
	f->data[12] = 0x08;
	f->data[13] = 0x00;
	memset(ip, 0, 28);
	ip[0] = 0x45;
	ip[3] = 48;
	ip[8] = 64;
	ip[9] = 17;
	memcpy(ip + 12, there ? "\12\0\0\1\12\0\0\2" : "\12\0\0\2\12\0\0\1", 8);
	memcpy(udp, ports, 4);
	udp[5] = 28;
}

#define FLOW_PORT 1000

TEST_F(ctrl, uses_one_pair_until_it_says_so)
{
	unsigned int i;

	START(F_ALL | F_MQ, 3);
	for (i = 0; i < 32; i++) {
		flow_fill(self->f, card_mac, host_mac, FLOW_PORT + i, 1);
		ASSERT_EQ(0, host_send(self->c, NULL, self->f));
		EXPECT_GETS(card, self->c, 0, self->f);
	}
	EXPECT_FALSE(vq_has_used(card_rx(self->c, 1)));
	EXPECT_FALSE(vq_has_used(card_rx(self->c, 2)));
}

TEST_F(ctrl, numbers_of_pairs_are_checked)
{
	START(F_ALL | F_MQ, 3);
	EXPECT_EQ(ERR, SET(PAIRS, 0));
	EXPECT_EQ(ERR, SET(PAIRS, 4));
	EXPECT_EQ(ERR, SET(PAIRS, 0x8000));
	EXPECT_EQ(ERR, SET(PAIRS, 0xffff));
	EXPECT_EQ(ERR, COMMAND(PAIRS, "\1", 1));
	EXPECT_EQ(ERR, COMMAND(CMD(VIRTIO_NET_CTRL_MQ, 1), "\1\0", 2));
	EXPECT_EQ(OK, SET(PAIRS, 3));
	EXPECT_EQ(OK, SET(PAIRS, 1));
	EXPECT_EQ(1, WANTS(card_mac));
}

/* What is sent on a queue is answered on it */
TEST_F(ctrl, flows_stay_on_their_pair)
{
	unsigned int i, round, pair;

	START(F_ALL | F_MQ, 3);
	ASSERT_EQ(OK, SET(PAIRS, 3));
	for (round = 0; round < 3; round++) {
		for (i = 0; i < 12; i++) {
			pair = (i + round) % 3;
			flow_fill(self->f, host_mac, card_mac, 1, FLOW_PORT + i);
			ASSERT_EQ(0, card_send(self->c, pair, NULL, self->f));
			EXPECT_GETS(host, self->c, self->f);
			flow_fill(self->f, card_mac, host_mac, FLOW_PORT + i, 1);
			ASSERT_EQ(0, host_send(self->c, NULL, self->f));
			EXPECT_GETS(card, self->c, pair, self->f);
		}
	}
}

/* Those that it has not sent anything on come anywhere, but only where it wants them */
TEST_F(ctrl, new_flows_are_spread)
{
	unsigned int i, pair, pairs, seen;
	struct virtio_net_hdr_mrg_rxbuf hdr;
	static struct frame got;

	START(F_ALL | F_MQ, 3);
	for (pairs = 3; pairs >= 2; pairs--) {
		ASSERT_EQ(OK, SET(PAIRS, pairs));
		for (i = 0, seen = 0; i < 64; i++) {
			flow_fill(self->f, card_mac, host_mac, FLOW_PORT + i, 1);
			ASSERT_EQ(0, host_send(self->c, NULL, self->f));
			ASSERT_TRUE(wait_until(vq_has_used(card_rx(self->c, 0)) ||
					       vq_has_used(card_rx(self->c, 1)) ||
					       vq_has_used(card_rx(self->c, 2))));
			for (pair = 0; !vq_has_used(card_rx(self->c, pair)); pair++)
				;
			ASSERT_EQ(1, card_receive(self->c, pair, &hdr, &got));
			EXPECT_TRUE(frame_equal(self->f, &got));
			seen |= 1 << pair;
		}
		EXPECT_EQ((1 << pairs) - 1, seen);
	}
}

/* Then there is one pair, and the control queue is behind it */
TEST_F(ctrl, the_control_queue_depends_on_what_is_negotiated)
{
	struct vqueue *q = &self->v->queue[2];

	ASSERT_EQ(0, virtio_set(self->v, "queues", "3"));
	ASSERT_EQ(0, card_go_live(self->c));
	ASSERT_EQ(0, card_start(self->c, F_ALL, 1, SIZE));
	ASSERT_EQ(0, card_give(self->c, 0, 8, ROOM));
	EXPECT_EQ(OK, command_cut(q, self->command, PROMISC, "\0", 1, 2));
	EXPECT_EQ(ERR, command_cut(q, self->command, PAIRS, "\1\0", 2, 2));
	EXPECT_EQ(1, WANTS(card_mac));
	EXPECT_EQ(0, WANTS(mac_other));
	/* Nothing depends on what is not there */
	EXPECT_EQ(-EPROTO, virtio_negotiate(self->v, F_MQ));
	EXPECT_EQ(-EPROTO, virtio_negotiate(self->v, F_RX));
	EXPECT_EQ(-EPROTO, virtio_negotiate(self->v, F_MAC));
}

TEST_HARNESS_MAIN
