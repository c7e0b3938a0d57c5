// SPDX-License-Identifier: GPL-2.0
/*
 * Consoles in the kernel that have several ports: control messages both ways, also those that make
 * no sense, and ports that do not disturb each other
 */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "prng.h"
#include "virtio_tty.h"

#define DM		0
#define SIZE		16
#define ALL_QUEUES	(2 * (PORTS + 1))

#define F_SIZE		FEATURE(VIRTIO_CONSOLE_F_SIZE)
#define F_MULTIPORT	FEATURE(VIRTIO_CONSOLE_F_MULTIPORT)

/* Longest message: with a name */
#define MESSAGE		(sizeof(struct virtio_console_control) + 64)

FIXTURE(ports) {
	struct virtio v;
	struct port port[PORTS];
	struct port ctrl;
	int tty[PORTS];
	char data[PORT_CHUNK];
	char message[MESSAGE];
	unsigned int len;
};

FIXTURE_SETUP(ports)
{
	unsigned int i;

	VIRTIO_OR_SKIP("console");
	ASSERT_EQ(0, virtio_make(&self->v, DM, "console", "ports"));
	ASSERT_EQ(0, virtio_set(&self->v, "ports", "%u", PORTS));
	ASSERT_EQ(0, virtio_set(&self->v, "names", "login data"));
	for (i = 0; i < PORTS; i++)
		ASSERT_EQ(0, port_init(&self->port[i], &self->v, i));
	ASSERT_EQ(0, port_init(&self->ctrl, &self->v, 0));
	self->ctrl.rx = &self->v.queue[2];
	self->ctrl.tx = &self->v.queue[3];
	ASSERT_EQ(0, virtio_set_live(&self->v, true));
}

FIXTURE_TEARDOWN(ports)
{
	VIRTIO_TEAR_DOWN();
}

/* Messages */

static int tell(struct port *ctrl, __u32 id, __u16 event, __u16 value)
{
	struct virtio_console_control head = {
		.id = htole32(id),
		.event = htole16(event),
		.value = htole16(value),
	};

	return port_send(ctrl, &head, sizeof(head));
}

#define TELL(id, event, value) \
	ASSERT_EQ(0, tell(&self->ctrl, id, VIRTIO_CONSOLE_##event, value))

/* The next message, and how long it is */
static int hear(struct port *ctrl, void *message)
{
	__u32 len;
	int id = vq_wait(ctrl->rx, &len);

	if (id < 0)
		return id;
	memcpy(message, ctrl->room[id].data, len);
	return port_give_back(ctrl, id) ?: (int)len;
}

static bool is_message(const char *message, unsigned int len, __u32 id, __u16 event, __u16 value)
{
	const struct virtio_console_control *head = (const void *)message;

	return len >= sizeof(*head) && le32toh(head->id) == id && le16toh(head->event) == event &&
	       le16toh(head->value) == value;
}

/* The next message is this one, with so many bytes behind it */
#define EXPECT_HEARS(id, event, value, extra) do {				\
	int _len = hear(&self->ctrl, self->message);				\
										\
	ASSERT_EQ(sizeof(struct virtio_console_control) + (extra), _len);	\
	EXPECT_TRUE(is_message(self->message, _len, id, VIRTIO_CONSOLE_##event, value))	\
		TH_LOG("%u of port %u, not " #event " of port %u",		\
		       self->message[4], self->message[0], (unsigned int)(id));	\
} while (0)

#define BEHIND (self->message + sizeof(struct virtio_console_control))

#define EXPECT_SILENCE() EXPECT_FALSE(vq_has_used(self->ctrl.rx))

#define START(features) do {							\
	ASSERT_EQ(0, virtio_start(&self->v, features, ALL_QUEUES, SIZE));	\
	ASSERT_EQ(0, port_give(&self->ctrl, 8, MESSAGE));			\
} while (0)

/* A driver that has made all ports, opened them, and has buffers */
#define START_ALL() do {							\
	unsigned int _i;							\
										\
	START(F_MULTIPORT);							\
	TELL(0, DEVICE_READY, 1);						\
	for (_i = 0; _i < PORTS; _i++)						\
		EXPECT_HEARS(_i, PORT_ADD, 1, 0);				\
	for (_i = 0; _i < PORTS; _i++) {					\
		TELL(_i, PORT_READY, 1);					\
		if (!_i)							\
			EXPECT_HEARS(0, CONSOLE_PORT, 1, 0);			\
		if (_i < 2)							\
			EXPECT_HEARS(_i, PORT_NAME, 1, _i ? 4 : 5);		\
		TELL(_i, PORT_OPEN, 1);						\
		ASSERT_EQ(0, port_give(&self->port[_i], 4, 256));		\
	}									\
} while (0)

#define OPEN(nr) do {								\
	self->tty[nr] = tty_open(&self->v, nr);					\
	ASSERT_LE(0, self->tty[nr]);						\
} while (0)

#define EXPECT_WORKS(nr) do {							\
	stream_fill(self->data, nr, 1000);					\
	EXPECT_EQ(0, port_send(&self->port[nr], self->data, 1000));		\
	EXPECT_EQ(0, tty_read(self->tty[nr], self->data, 1000));		\
	EXPECT_TRUE(stream_matches(self->data, nr, 1000));			\
	stream_fill(self->data, 100 + (nr), 1000);				\
	EXPECT_EQ(0, tty_write(self->tty[nr], self->data, 1000));		\
	EXPECT_EQ(0, port_receive(&self->port[nr], self->data, 1000));		\
	EXPECT_TRUE(stream_matches(self->data, 100 + (nr), 1000));		\
} while (0)

TEST_F(ports, are_told_one_by_one)
{
	struct winsize size = { .ws_col = 100, .ws_row = 40 };

	EXPECT_TRUE(virtio_offered(&self->v) & F_MULTIPORT);
	START(F_MULTIPORT | F_SIZE);
	OPEN(1);
	/* Nothing before it asks */
	EXPECT_SILENCE();
	TELL(0, DEVICE_READY, 0);
	EXPECT_SILENCE();
	TELL(0xffffffff, DEVICE_READY, 1);
	EXPECT_HEARS(0, PORT_ADD, 1, 0);
	EXPECT_HEARS(1, PORT_ADD, 1, 0);
	EXPECT_HEARS(2, PORT_ADD, 1, 0);
	EXPECT_SILENCE();
	TELL(1, PORT_READY, 1);
	EXPECT_HEARS(1, PORT_OPEN, 1, 0);
	EXPECT_HEARS(1, PORT_NAME, 1, 4);
	EXPECT_EQ(0, memcmp("data", BEHIND, 4));
	TELL(2, PORT_READY, 1);
	EXPECT_SILENCE();
	TELL(0, PORT_READY, 1);
	EXPECT_HEARS(0, CONSOLE_PORT, 1, 0);
	EXPECT_HEARS(0, RESIZE, 1, 4);
	EXPECT_EQ(0, memcmp("\120\0\30\0", BEHIND, 4));
	EXPECT_HEARS(0, PORT_NAME, 1, 5);
	EXPECT_EQ(0, memcmp("login", BEHIND, 5));
	/* Changes */
	OPEN(0);
	EXPECT_HEARS(0, PORT_OPEN, 1, 0);
	ASSERT_EQ(0, ioctl(self->tty[0], TIOCSWINSZ, &size));
	EXPECT_HEARS(0, RESIZE, 1, 4);
	EXPECT_EQ(0, memcmp("\144\0\50\0", BEHIND, 4));
	close(self->tty[0]);
	EXPECT_HEARS(0, PORT_OPEN, 0, 0);
	/* Only the console has a size for the frontend */
	ASSERT_EQ(0, ioctl(self->tty[1], TIOCSWINSZ, &size));
	close(self->tty[1]);
	EXPECT_HEARS(1, PORT_OPEN, 0, 0);
	EXPECT_SILENCE();
}

TEST_F(ports, all_of_them_work)
{
	unsigned int i, round;

	START_ALL();
	for (i = 0; i < PORTS; i++) {
		OPEN(i);
		EXPECT_HEARS(i, PORT_OPEN, 1, 0);
	}
	for (round = 0; round < 5; round++) {
		for (i = 0; i < PORTS; i++)
			EXPECT_WORKS(i);
	}
	EXPECT_EQ(0, virtio_get(&self->v, "dropped"));
}

/* A port that nobody reads holds its own driver, and not the others */
TEST_F(ports, one_that_is_not_read_holds_nobody_else)
{
	struct vsegment segment = { self->port[1].out, PORT_CHUNK };
	unsigned int i, sent = 0;

	START_ALL();
	OPEN(2);
	EXPECT_HEARS(2, PORT_OPEN, 1, 0);
	/* Its terminal is not open: nothing of it is lost, it is kept by its driver */
	stream_fill(segment.data, 0, PORT_CHUNK);
	for (i = 0; i < SIZE; i++)
		ASSERT_LE(0, vq_add(self->port[1].tx, &segment, 1, 0));
	vq_submit(self->port[1].tx);
	EXPECT_WORKS(2);
	EXPECT_EQ(-EAGAIN, vq_collect(self->port[1].tx, NULL));
	OPEN(1);
	EXPECT_HEARS(1, PORT_OPEN, 1, 0);
	for (i = 0; i < SIZE; i++) {
		ASSERT_EQ(0, tty_read(self->tty[1], self->data, PORT_CHUNK));
		EXPECT_TRUE(stream_matches(self->data, 0, PORT_CHUNK));
		sent += PORT_CHUNK;
	}
	EXPECT_EQ(0, virtio_get(&self->v, "dropped"));
	for (i = 0; i < SIZE; i++)
		EXPECT_LE(0, vq_wait(self->port[1].tx, NULL));
	EXPECT_WORKS(1);
}

/* A driver discards what comes before it has opened the port: so nothing does */
TEST_F(ports, input_waits_until_the_driver_opens)
{
	int bits;

	START(F_MULTIPORT);
	OPEN(1);
	ASSERT_EQ(0, port_give(&self->port[1], 4, 256));
	ASSERT_EQ(0, tty_write(self->tty[1], "hello", 5));
	TELL(1, PORT_READY, 1);
	EXPECT_HEARS(1, PORT_OPEN, 1, 0);
	EXPECT_HEARS(1, PORT_NAME, 1, 4);
	EXPECT_FALSE(vq_has_used(self->port[1].rx));
	ASSERT_EQ(0, ioctl(self->tty[1], TIOCMGET, &bits));
	EXPECT_EQ(0, bits & TIOCM_CAR);
	TELL(1, PORT_OPEN, 1);
	EXPECT_EQ(0, port_receive(&self->port[1], self->data, 5));
	EXPECT_EQ(0, memcmp("hello", self->data, 5));
	ASSERT_EQ(0, ioctl(self->tty[1], TIOCMGET, &bits));
	EXPECT_EQ(TIOCM_CAR, bits & TIOCM_CAR);
	EXPECT_WORKS(1);
	TELL(1, PORT_OPEN, 0);
	ASSERT_EQ(0, ioctl(self->tty[1], TIOCMGET, &bits));
	EXPECT_EQ(0, bits & TIOCM_CAR);
	ASSERT_EQ(0, tty_write(self->tty[1], "again", 5));
	TELL(1, PORT_OPEN, 1);
	EXPECT_EQ(0, port_receive(&self->port[1], self->data, 5));
	EXPECT_EQ(0, memcmp("again", self->data, 5));
}

/* The driver hears that a terminal is closed when it has the last bytes, and not before that */
TEST_F(ports, the_end_comes_after_the_last_byte)
{
	START_ALL();
	OPEN(2);
	EXPECT_HEARS(2, PORT_OPEN, 1, 0);
	/* More than there are buffers for */
	stream_fill(self->data, 0, PORT_CHUNK);
	ASSERT_EQ(0, tty_write(self->tty[2], self->data, PORT_CHUNK));
	close(self->tty[2]);
	/* Something that is told for certain, of another port */
	OPEN(1);
	EXPECT_HEARS(1, PORT_OPEN, 1, 0);
	EXPECT_EQ(0, port_receive(&self->port[2], self->data, PORT_CHUNK));
	EXPECT_TRUE(stream_matches(self->data, 0, PORT_CHUNK));
	EXPECT_HEARS(2, PORT_OPEN, 0, 0);
	/* Who opens it again meanwhile has it open */
	OPEN(2);
	EXPECT_HEARS(2, PORT_OPEN, 1, 0);
	ASSERT_EQ(0, tty_write(self->tty[2], self->data, PORT_CHUNK));
	close(self->tty[2]);
	OPEN(2);
	EXPECT_HEARS(2, PORT_OPEN, 1, 0);
	EXPECT_EQ(0, port_receive(&self->port[2], self->data, PORT_CHUNK));
	EXPECT_WORKS(2);
	EXPECT_SILENCE();
}

/* A driver that comes later finds the port open, if there is something in it */
TEST_F(ports, a_closed_terminal_may_have_left_something)
{
	OPEN(1);
	ASSERT_EQ(0, tty_write(self->tty[1], "hello", 5));
	close(self->tty[1]);
	START(F_MULTIPORT);
	ASSERT_EQ(0, port_give(&self->port[1], 4, 256));
	TELL(1, PORT_READY, 1);
	EXPECT_HEARS(1, PORT_OPEN, 1, 0);
	EXPECT_HEARS(1, PORT_NAME, 1, 4);
	EXPECT_SILENCE();
	TELL(1, PORT_OPEN, 1);
	EXPECT_EQ(0, port_receive(&self->port[1], self->data, 5));
	EXPECT_EQ(0, memcmp("hello", self->data, 5));
	EXPECT_HEARS(1, PORT_OPEN, 0, 0);
	/* What is discarded is no reason to be open either */
	START_ALL();
	TELL(1, PORT_OPEN, 0);
	OPEN(1);
	EXPECT_HEARS(1, PORT_OPEN, 1, 0);
	ASSERT_EQ(0, tty_write(self->tty[1], "hello", 5));
	ASSERT_EQ(0, tcflush(self->tty[1], TCOFLUSH));
	close(self->tty[1]);
	EXPECT_HEARS(1, PORT_OPEN, 0, 0);
}

TEST_F(ports, without_messages_there_is_the_first_one)
{
	ASSERT_EQ(0, virtio_start(&self->v, 0, 2, SIZE));
	ASSERT_EQ(0, port_give(&self->port[0], 4, 256));
	OPEN(0);
	EXPECT_WORKS(0);
	/* The other queues are nobody's */
	ASSERT_EQ(0, virtio_start(&self->v, 0, ALL_QUEUES, SIZE));
	ASSERT_EQ(0, port_give(&self->ctrl, 4, MESSAGE));
	ASSERT_EQ(0, port_give(&self->port[1], 4, 256));
	ASSERT_EQ(0, port_give(&self->port[0], 4, 256));
	OPEN(1);
	ASSERT_EQ(0, tty_write(self->tty[1], "hello", 5));
	EXPECT_WORKS(0);
	EXPECT_SILENCE();
	EXPECT_FALSE(vq_has_used(self->port[1].rx));
	EXPECT_EQ(STATUS_DRIVER_OK, virtio_status(&self->v));
}

/* Terminals that are opened and closed faster than the driver hears of it: the end counts */
TEST_F(ports, who_opens_and_closes_is_told_in_the_end)
{
	unsigned int i, messages = 0;
	bool open = true;

	START_ALL();
	for (i = 0; i < 100; i++) {
		OPEN(1);
		close(self->tty[1]);
	}
	/* The name is told after everything else */
	TELL(1, PORT_READY, 1);
	for (;;) {
		ASSERT_LE(8, hear(&self->ctrl, self->message));
		if (is_message(self->message, 8, 1, VIRTIO_CONSOLE_PORT_NAME, 1))
			break;
		open = is_message(self->message, 8, 1, VIRTIO_CONSOLE_PORT_OPEN, 1);
		EXPECT_TRUE(open || is_message(self->message, 8, 1, VIRTIO_CONSOLE_PORT_OPEN, 0));
		messages++;
	}
	EXPECT_FALSE(open);
	EXPECT_LT(0, messages);
	EXPECT_LE(messages, 200);
	OPEN(1);
	EXPECT_HEARS(1, PORT_OPEN, 1, 0);
	EXPECT_WORKS(1);
}

/* Messages that make no sense */

TEST_F(ports, bad_messages_are_nothing)
{
	static const struct {
		__u32 id;
		__u16 event;
		__u16 value;
	} bad[] = {
		{ PORTS, VIRTIO_CONSOLE_PORT_READY, 1 }, { PORTS, VIRTIO_CONSOLE_PORT_OPEN, 1 },
		{ 31, VIRTIO_CONSOLE_PORT_READY, 1 }, { 32, VIRTIO_CONSOLE_PORT_OPEN, 1 },
		{ 0x7fffffff, VIRTIO_CONSOLE_PORT_READY, 1 },
		{ 0x80000000, VIRTIO_CONSOLE_PORT_OPEN, 1 },
		{ 0xffffffff, VIRTIO_CONSOLE_PORT_READY, 0xffff },
		{ 0, VIRTIO_CONSOLE_PORT_ADD, 1 }, { 0, VIRTIO_CONSOLE_PORT_REMOVE, 1 },
		{ 0, VIRTIO_CONSOLE_CONSOLE_PORT, 1 }, { 0, VIRTIO_CONSOLE_RESIZE, 1 },
		{ 0, VIRTIO_CONSOLE_PORT_NAME, 1 }, { 0, 8, 1 }, { 0, 0x8000, 1 }, { 0, 0xffff, 1 },
	};
	struct vsegment segment = { self->ctrl.out, 8 };
	unsigned int i;
	__u32 len;

	START_ALL();
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		ASSERT_EQ(0, tell(&self->ctrl, bad[i].id, bad[i].event, bad[i].value));
	/* Too short, and nothing at all that can be read */
	for (i = 1; i < 8; i++)
		ASSERT_EQ(0, port_send(&self->ctrl, "\1\0\0\0\6\0\0", i));
	ASSERT_LE(0, vq_add(self->ctrl.tx, &segment, 0, 1));
	vq_submit(self->ctrl.tx);
	ASSERT_LE(0, vq_wait(self->ctrl.tx, &len));
	EXPECT_EQ(0, len);
	/* Too long is all right */
	ASSERT_EQ(0, port_send(&self->ctrl, "\2\0\0\0\6\0\1\0and so on", 17));
	EXPECT_SILENCE();
	OPEN(1);
	EXPECT_HEARS(1, PORT_OPEN, 1, 0);
	EXPECT_WORKS(1);
	EXPECT_EQ(STATUS_DRIVER_OK, virtio_status(&self->v));
}

/* What does not fit is the driver's loss, and what it asks for without buffers is bounded */
TEST_F_TIMEOUT(ports, buffers_for_messages_may_be_small_or_late, LONG_TEST_S)
{
	unsigned int i;

	ASSERT_EQ(0, virtio_start(&self->v, F_MULTIPORT, ALL_QUEUES, SIZE));
	for (i = 0; i < 100; i++) {
		TELL(0, DEVICE_READY, 1);
		TELL(i % PORTS, PORT_READY, 1);
	}
	ASSERT_EQ(0, port_give(&self->ctrl, 1, 4));
	ASSERT_EQ(4, hear(&self->ctrl, self->message));
	/* ADD of three, that the first is a console, and two names; one has been heard */
	for (i = 0; i < 5; i++)
		ASSERT_EQ(4, hear(&self->ctrl, self->message));
	EXPECT_SILENCE();
	EXPECT_EQ(STATUS_DRIVER_OK, virtio_status(&self->v));
}

TEST_F_TIMEOUT(ports, junk_does_no_harm, LONG_TEST_S)
{
	struct prng prng = { .state = prng_seed() };
	unsigned int i, total = rounds(1000);

	TH_LOG("BAO_SEED=%llu", (unsigned long long)prng.state);
	START_ALL();
	OPEN(1);
	for (i = 0; i < total; i++) {
		ASSERT_EQ(0, tell(&self->ctrl, prng_below(&prng, PORTS + 2), prng_below(&prng, 10),
				  prng_below(&prng, 3)));
		while (vq_has_used(self->ctrl.rx))
			ASSERT_LE(8, hear(&self->ctrl, self->message));
	}
	EXPECT_EQ(STATUS_DRIVER_OK, virtio_status(&self->v));
	/* Beginning anew, everything is as ever */
	close(self->tty[1]);
	START_ALL();
	OPEN(1);
	EXPECT_HEARS(1, PORT_OPEN, 1, 0);
	EXPECT_WORKS(1);
}

TEST_F(ports, taken_down_all_hang_up)
{
	unsigned int i;
	char c;

	START_ALL();
	for (i = 0; i < PORTS; i++)
		OPEN(i);
	ASSERT_EQ(0, virtio_set_live(&self->v, false));
	for (i = 0; i < PORTS; i++)
		EXPECT_EQ(0, read(self->tty[i], &c, 1));
	/* With fewer ports, the others have no terminal any more */
	ASSERT_EQ(0, virtio_set(&self->v, "names", "\n"));
	ASSERT_EQ(0, virtio_set(&self->v, "ports", "1"));
	ASSERT_EQ(0, virtio_set_live(&self->v, true));
	EXPECT_EQ(-ENOENT, tty_open(&self->v, 1));
	ASSERT_EQ(0, virtio_start(&self->v, 0, 2, SIZE));
	ASSERT_EQ(0, port_give(&self->port[0], 4, 256));
	OPEN(0);
	EXPECT_WORKS(0);
}

TEST_HARNESS_MAIN
