// SPDX-License-Identifier: GPL-2.0
/*
 * Consoles in the kernel: the terminal comes and goes, bytes both ways under flow control, sizes,
 * hangups, and what a driver can do wrong. Devices of several ports are in virtio_console_ports.c.
 */
#include <fcntl.h>
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

#define F_SIZE		FEATURE(VIRTIO_CONSOLE_F_SIZE)
#define F_MULTIPORT	FEATURE(VIRTIO_CONSOLE_F_MULTIPORT)
#define F_EMERGENCY	FEATURE(VIRTIO_CONSOLE_F_EMERG_WRITE)
#define F_PACKED	FEATURE(VIRTIO_F_RING_PACKED)
#define F_EVENT		FEATURE(VIRTIO_RING_F_EVENT_IDX)

#define CONFIG(v, field)	virtio_config(v, offsetof(struct virtio_console_config, field),	\
					      sizeof(((struct virtio_console_config *)0)->field))

/* What the device keeps of what is written to the terminal */
#define FIFO		(16 * 1024)

FIXTURE(console) {
	struct virtio v;
	struct port port;
	int tty;
	char *data;
};

FIXTURE_VARIANT(console) {
	__u64 features;
};

FIXTURE_VARIANT_ADD(console, split) {
	.features = 0,
};

FIXTURE_VARIANT_ADD(console, packed) {
	.features = F_PACKED | F_EVENT,
};

FIXTURE_SETUP(console)
{
	VIRTIO_OR_SKIP("console");
	ASSERT_EQ(0, virtio_make(&self->v, DM, "console", "console"));
	ASSERT_EQ(0, port_init(&self->port, &self->v, 0));
	self->data = malloc(1 << 20);
	ASSERT_TRUE(!!self->data);
	self->tty = -1;
}

FIXTURE_TEARDOWN(console)
{
	VIRTIO_TEAR_DOWN();
	free(self->data);
}

#define START(add) \
	ASSERT_EQ(0, virtio_start(&self->v, variant->features | (add), 2, SIZE))

#define GO_LIVE() do {								\
	ASSERT_EQ(0, virtio_set_live(&self->v, true));				\
	self->tty = tty_open(&self->v, 0);					\
	ASSERT_LE(0, self->tty);						\
} while (0)

#define EXPECT_SENDS(offset, len) do {						\
	stream_fill(self->data, offset, len);					\
	EXPECT_EQ(0, port_send(&self->port, self->data, len));			\
	memset(self->data, 0, len);						\
	EXPECT_EQ(0, tty_read(self->tty, self->data, len));			\
	EXPECT_TRUE(stream_matches(self->data, offset, len));			\
} while (0)

#define EXPECT_RECEIVES(offset, len) do {					\
	stream_fill(self->data, offset, len);					\
	EXPECT_EQ(0, tty_write(self->tty, self->data, len));			\
	memset(self->data, 0, len);						\
	EXPECT_EQ(0, port_receive(&self->port, self->data, len));		\
	EXPECT_TRUE(stream_matches(self->data, offset, len));			\
} while (0)

#define EXPECT_WORKS() do {							\
	EXPECT_SENDS(1, 100);							\
	EXPECT_RECEIVES(2, 100);						\
} while (0)

/* Life */

TEST_F(console, its_terminal_comes_and_goes)
{
	unsigned int i;

	EXPECT_EQ(-ENOENT, tty_open(&self->v, 0));
	for (i = 0; i < 3; i++) {
		GO_LIVE();
		START(0);
		ASSERT_EQ(0, port_give(&self->port, 4, 256));
		EXPECT_WORKS();
		close(self->tty);
		EXPECT_EQ(-ENOENT, tty_open(&self->v, 1));
		ASSERT_EQ(0, virtio_set_live(&self->v, false));
		EXPECT_EQ(-ENOENT, tty_open(&self->v, 0));
	}
}

TEST_F(console, tells_what_it_is)
{
	ASSERT_EQ(0, virtio_set(&self->v, "cols", "132"));
	ASSERT_EQ(0, virtio_set(&self->v, "rows", "50"));
	GO_LIVE();
	EXPECT_EQ(VIRTIO_ID_CONSOLE, virtio_read(&self->v, VIRTIO_MMIO_DEVICE_ID));
	EXPECT_EQ(132, CONFIG(&self->v, cols));
	EXPECT_EQ(50, CONFIG(&self->v, rows));
	EXPECT_EQ(1, CONFIG(&self->v, max_nr_ports));
	EXPECT_EQ(F_SIZE | F_EMERGENCY,
		  virtio_offered(&self->v) & (F_SIZE | F_EMERGENCY | F_MULTIPORT));
	virtio_write(&self->v, VIRTIO_MMIO_QUEUE_SEL, 1);
	EXPECT_NE(0, virtio_read(&self->v, VIRTIO_MMIO_QUEUE_NUM_MAX));
	virtio_write(&self->v, VIRTIO_MMIO_QUEUE_SEL, 2);
	EXPECT_EQ(0, virtio_read(&self->v, VIRTIO_MMIO_QUEUE_NUM_MAX));
}

#define DIGITS50 "01234567890123456789012345678901234567890123456789"

TEST_F(console, attributes_are_checked)
{
	static const struct {
		const char *name;
		const char *value;
		int ret;
	} cases[] = {
		{ "ports", "0", -ERANGE }, { "ports", "32", -ERANGE }, { "ports", "-1", -EINVAL },
		{ "ports", "some", -EINVAL }, { "cols", "65536", -ERANGE },
		{ "cols", "-1", -EINVAL },
		{ "rows", "65536", -ERANGE }, { "rows", "high", -EINVAL },
		{ "hold_ms", "86400001", -ERANGE }, { "hold_ms", "-1", -EINVAL },
		{ "names", "a b\1c", -EINVAL },
		{ "names", DIGITS50 "01234567890123", -EINVAL },
		{ "names", DIGITS50 "0123456789012", 0 },
		{ "cols", "0", 0 }, { "rows", "65535", 0 }, { "hold_ms", "86400000", 0 },
	};
	static const char *const names[] = { "ports", "names", "cols", "rows", "hold_ms" };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		EXPECT_EQ(cases[i].ret, virtio_set(&self->v, cases[i].name, "%s", cases[i].value))
			TH_LOG("%s = %s", cases[i].name, cases[i].value);
	GO_LIVE();
	for (i = 0; i < ARRAY_SIZE(names); i++)
		EXPECT_EQ(-EBUSY, virtio_set(&self->v, names[i], "1"))
			TH_LOG("%s", names[i]);
	START(0);
	ASSERT_EQ(0, port_give(&self->port, 4, 256));
	EXPECT_WORKS();
	/* Names are for ports */
	ASSERT_EQ(0, virtio_set_live(&self->v, false));
	ASSERT_EQ(0, virtio_set(&self->v, "names", "one two"));
	EXPECT_EQ(-EINVAL, virtio_set_live(&self->v, true));
	EXPECT_EQ(0, virtio_get(&self->v, "live"));
}

/* Bytes */

static const unsigned int lengths[] = { 1, 2, 3, 7, 64, 255, 256, 257, 1023, 1024, 1025, 4096 };

TEST_F(console, all_lengths_arrive)
{
	unsigned int i;

	GO_LIVE();
	START(0);
	ASSERT_EQ(0, port_give(&self->port, 4, 256));
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		EXPECT_SENDS(i, lengths[i]);
		EXPECT_RECEIVES(i, lengths[i]);
	}
	EXPECT_EQ(0, virtio_get(&self->v, "dropped"));
}

#define STREAM (256 * 1024)

/*
 * The driver fills its queue whenever it can, and the terminal is read only when it cannot. There
 * is more in the queue than everybody in between has room for.
 */
TEST_F_TIMEOUT(console, no_output_is_lost, LONG_TEST_S)
{
	struct prng prng = { .state = 3 };
	unsigned int sent = 0, read = 0, len;
	struct vsegment segment;
	char *ring;
	int id;

	GO_LIVE();
	START(0);
	ring = window_alloc(self->v.window, SIZE * PORT_CHUNK, 16);
	ASSERT_TRUE(!!ring);
	while (read < STREAM) {
		len = 1 + prng_below(&prng, PORT_CHUNK);
		id = self->port.tx->first_free;
		segment = (struct vsegment){ ring + id * PORT_CHUNK, len };
		if (sent < STREAM && self->port.tx->free_descs) {
			stream_fill(segment.data, sent, len);
			ASSERT_EQ(id, vq_add(self->port.tx, &segment, 1, 0));
			vq_submit(self->port.tx);
			sent += len;
		} else {
			len = len > sent - read ? sent - read : len;
			ASSERT_EQ(0, tty_read(self->tty, self->data, len));
			ASSERT_TRUE(stream_matches(self->data, read, len));
			read += len;
		}
		while (vq_collect(self->port.tx, NULL) >= 0)
			;
	}
	EXPECT_EQ(0, virtio_get(&self->v, "dropped"));
	EXPECT_EQ(STATUS_DRIVER_OK, virtio_status(&self->v));
}

/* The terminal is written until it does not take more, and then the driver takes some of it */
TEST_F_TIMEOUT(console, no_input_is_lost, LONG_TEST_S)
{
	struct prng prng = { .state = 4 };
	unsigned int sent = 0, read = 0, len, full = 0;
	ssize_t n;

	GO_LIVE();
	START(0);
	while (read < STREAM) {
		len = 1 + prng_below(&prng, PORT_CHUNK);
		stream_fill(self->data, sent, len);
		n = sent < STREAM ? write(self->tty, self->data, len) : -1;
		if (n > 0) {
			sent += n;
			continue;
		}
		full++;
		ASSERT_LE(1, sent - read);
		/* Buffers are there, or come only now */
		if (full == 1) {
			EXPECT_LE(FIFO, sent);
			ASSERT_EQ(0, port_give(&self->port, SIZE, 100));
		}
		n = sent - read;
		n = n > 2000 ? 2000 : n;
		while (n > 0) {
			int id = vq_wait(self->port.rx, &len);

			ASSERT_LE(0, id);
			ASSERT_TRUE(stream_matches(self->port.room[id].data, read, len));
			read += len;
			n -= len;
			ASSERT_EQ(0, port_give_back(&self->port, id));
		}
	}
	EXPECT_LT(1, full);
}

TEST_F(console, a_terminal_can_stop)
{
	GO_LIVE();
	START(0);
	ASSERT_EQ(0, port_give(&self->port, 4, 256));
	ASSERT_EQ(0, tcflow(self->tty, TCOOFF));
	/* What is written is kept then; what the frontend sends is something else */
	ASSERT_EQ(0, tty_write(self->tty, "kept", 4));
	EXPECT_SENDS(1, 100);
	EXPECT_FALSE(vq_has_used(self->port.rx));
	ASSERT_EQ(0, tcflow(self->tty, TCOON));
	EXPECT_EQ(0, port_receive(&self->port, self->data, 4));
	EXPECT_EQ(0, memcmp("kept", self->data, 4));
	EXPECT_RECEIVES(2, 100);
}

/* What has been written before a driver is there, or before it gives buffers, waits for it */
TEST_F(console, input_waits_for_a_driver)
{
	GO_LIVE();
	stream_fill(self->data, 5, 1000);
	ASSERT_EQ(0, tty_write(self->tty, self->data, 1000));
	START(0);
	virtio_reset(&self->v);
	START(0);
	EXPECT_FALSE(vq_has_used(self->port.rx));
	close(self->tty);
	ASSERT_EQ(0, port_give(&self->port, 4, 100));
	memset(self->data, 0, 1000);
	EXPECT_EQ(0, port_receive(&self->port, self->data, 1000));
	EXPECT_TRUE(stream_matches(self->data, 5, 1000));
}

TEST_F(console, output_to_nobody_is_counted)
{
	GO_LIVE();
	START(0);
	ASSERT_EQ(0, port_give(&self->port, 4, 256));
	EXPECT_WORKS();
	close(self->tty);
	EXPECT_EQ(0, port_send(&self->port, self->data, 1000));
	EXPECT_EQ(1000, virtio_get(&self->v, "dropped"));
	self->tty = tty_open(&self->v, 0);
	ASSERT_LE(0, self->tty);
	/* What was for nobody is not for who comes later */
	EXPECT_WORKS();
	EXPECT_EQ(1000, virtio_get(&self->v, "dropped"));
}

/* With a limit, who has the terminal open but does not read it does not hold the frontend */
TEST_F(console, who_does_not_read_holds_it_for_a_time)
{
	unsigned int i;

	ASSERT_EQ(0, virtio_set(&self->v, "hold_ms", "50"));
	GO_LIVE();
	START(0);
	ASSERT_EQ(0, port_give(&self->port, 4, 256));
	for (i = 0; i < 32; i++)
		ASSERT_EQ(0, port_send(&self->port, self->data, PORT_CHUNK));
	EXPECT_LT(0, virtio_get(&self->v, "dropped"));
	ASSERT_EQ(0, tcflush(self->tty, TCIFLUSH));
	EXPECT_RECEIVES(2, 100);
}

TEST_F(console, tells_whether_there_is_a_driver)
{
	int bits = 55;

	GO_LIVE();
	ASSERT_EQ(0, ioctl(self->tty, TIOCMGET, &bits));
	EXPECT_EQ(0, bits & TIOCM_CAR);
	START(0);
	ASSERT_EQ(0, ioctl(self->tty, TIOCMGET, &bits));
	EXPECT_EQ(TIOCM_CAR, bits & TIOCM_CAR);
	virtio_reset(&self->v);
	ASSERT_EQ(0, ioctl(self->tty, TIOCMGET, &bits));
	EXPECT_EQ(0, bits & TIOCM_CAR);
}

/* Sizes */

TEST_F(console, sizes_are_told)
{
	struct winsize size = { .ws_col = 100, .ws_row = 40 }, now;
	__u32 generation;

	GO_LIVE();
	START(F_SIZE);
	ASSERT_EQ(0, ioctl(self->tty, TIOCGWINSZ, &now));
	EXPECT_EQ(80, now.ws_col);
	EXPECT_EQ(24, now.ws_row);
	generation = virtio_read(&self->v, VIRTIO_MMIO_CONFIG_GENERATION);
	ASSERT_EQ(0, ioctl(self->tty, TIOCSWINSZ, &size));
	EXPECT_EQ(0, virtio_wait_config(&self->v));
	EXPECT_NE(generation, virtio_read(&self->v, VIRTIO_MMIO_CONFIG_GENERATION));
	EXPECT_EQ(100, CONFIG(&self->v, cols));
	EXPECT_EQ(40, CONFIG(&self->v, rows));
	/* What is as it was is no news */
	ASSERT_EQ(0, ioctl(self->tty, TIOCSWINSZ, &size));
	EXPECT_EQ(0, virtio_read(&self->v, VIRTIO_MMIO_INTERRUPT_STATUS));
	/* It stays when the terminal is closed, and ends with the device */
	close(self->tty);
	EXPECT_EQ(100, CONFIG(&self->v, cols));
	ASSERT_EQ(0, virtio_set_live(&self->v, false));
	ASSERT_EQ(0, virtio_set_live(&self->v, true));
	EXPECT_EQ(80, CONFIG(&self->v, cols));
}

/* Emergency writes take no queue and no driver */
TEST_F(console, emergency_writes_arrive)
{
	__u32 offset = VIRTIO_MMIO_CONFIG + offsetof(struct virtio_console_config, emerg_wr);
	static const char text[] = "panic";
	unsigned int i;

	GO_LIVE();
	for (i = 0; i < sizeof(text); i++)
		virtio_write(&self->v, offset, text[i]);
	EXPECT_EQ(0, tty_read(self->tty, self->data, sizeof(text)));
	EXPECT_EQ(0, memcmp(text, self->data, sizeof(text)));
	/* Nothing else can be written */
	virtio_write_as(&self->v, VIRTIO_MMIO_CONFIG, 2, 1);
	EXPECT_EQ(80, CONFIG(&self->v, cols));
	EXPECT_EQ(0, virtio_get(&self->v, "dropped"));
	close(self->tty);
	virtio_write(&self->v, offset, 'x');
	EXPECT_TRUE(wait_until(virtio_get(&self->v, "dropped") == 1));
}

/* Ends */

TEST_F(console, taken_down_it_hangs_up)
{
	struct pollfd pfd;
	char c;

	GO_LIVE();
	START(0);
	ASSERT_EQ(0, port_give(&self->port, 4, 256));
	EXPECT_WORKS();
	ASSERT_EQ(0, virtio_set_live(&self->v, false));
	pfd = (struct pollfd){ .fd = self->tty, .events = POLLIN };
	EXPECT_EQ(1, poll(&pfd, 1, TIME_LIMIT_MS));
	EXPECT_TRUE(pfd.revents & POLLHUP);
	EXPECT_EQ(0, read(self->tty, &c, 1));
	EXPECT_EQ(-1, write(self->tty, "x", 1));
	EXPECT_EQ(EIO, errno);
	/* The file is dead, also when there is a device again */
	ASSERT_EQ(0, virtio_set_live(&self->v, true));
	EXPECT_EQ(-1, write(self->tty, "x", 1));
	close(self->tty);
	self->tty = tty_open(&self->v, 0);
	ASSERT_LE(0, self->tty);
	START(0);
	ASSERT_EQ(0, port_give(&self->port, 4, 256));
	EXPECT_WORKS();
	ASSERT_EQ(0, virtio_remove(&self->v));
	EXPECT_EQ(0, read(self->tty, &c, 1));
}

/*
 * A driver that is held by a terminal is let go, and so is one that sends afterwards. It is all
 * counted.
 */
TEST_F(console, taken_down_it_swallows)
{
	struct vsegment out = { self->port.out, PORT_CHUNK };
	unsigned int sent, used;

	GO_LIVE();
	START(0);
	ASSERT_EQ(0, port_give(&self->port, 4, 256));
	for (sent = 0; sent < SIZE; sent++)
		ASSERT_LE(0, vq_add(self->port.tx, &out, 1, 0));
	vq_submit(self->port.tx);
	/* The terminal takes some of it, and then no more: it is not read */
	ASSERT_LE(0, vq_wait(self->port.tx, NULL));
	ASSERT_EQ(0, virtio_set_live(&self->v, false));
	ASSERT_EQ(0, virtio_wait_config(&self->v));
	for (used = 1; vq_collect(self->port.tx, NULL) >= 0; used++)
		;
	EXPECT_EQ(sent, used);
	EXPECT_LT(0, virtio_get(&self->v, "dropped"));
	EXPECT_GT(SIZE * PORT_CHUNK, virtio_get(&self->v, "dropped"));
	used = virtio_get(&self->v, "dropped");
	EXPECT_EQ(0, port_send(&self->port, self->data, 1000));
	EXPECT_EQ(used + 1000, virtio_get(&self->v, "dropped"));
	EXPECT_FALSE(vq_has_used(self->port.rx));
	virtio_reset(&self->v);
	EXPECT_EQ(0, virtio_read(&self->v, VIRTIO_MMIO_DEVICE_ID));
}

/* A process that writes and reads as much as it can, whenever there is a terminal */
static int shove(void *arg)
{
	struct virtio *v = arg;
	char data[1000];
	int fd = -1;

	memset(data, 'x', sizeof(data));
	while (getppid() != 1) {
		if (fd < 0) {
			fd = tty_open(v, 0);
		} else if ((write(fd, data, sizeof(data)) < 0 && errno != EAGAIN) ||
			   !read(fd, data, sizeof(data))) {
			close(fd);
			fd = -1;
		}
	}
	return 0;
}

#define PATTERN	0x5a
#define ROOM	256

/* By the driver, or by the administrator */
static void virtio_end(struct virtio *v, bool down)
{
	if (!down)
		virtio_reset(v);
	else
		virtio_set_live(v, false);
}

/* The end comes while bytes go both ways; then nothing writes to the buffers any more */
TEST_F_TIMEOUT(console, ends_in_the_middle_of_it, LONG_TEST_S)
{
	unsigned int i, j, total = rounds(20);
	struct vsegment out;
	size_t used;
	char *room;

	ASSERT_EQ(0, virtio_set_live(&self->v, true));
	START(0);
	used = self->v.window->used;
	out = (struct vsegment){ self->port.out, PORT_CHUNK };
	ASSERT_LT(0, spawn(shove, &self->v));
	for (i = 0; i < total; i++) {
		ASSERT_EQ(0, virtio_set_live(&self->v, true));
		START(0);
		self->v.window->used = used;
		ASSERT_EQ(0, port_give(&self->port, SIZE, ROOM));
		room = self->v.window->map + used;
		for (j = 0; j < SIZE; j++)
			ASSERT_LE(0, vq_add(self->port.tx, &out, 1, 0));
		vq_submit(self->port.tx);
		EXPECT_LE(0, vq_wait(self->port.rx, NULL));
		virtio_end(&self->v, i % 2);
		memset(room, PATTERN, SIZE * ROOM);
		ASSERT_EQ(0, virtio_set_live(&self->v, true));
		ASSERT_EQ(0, virtio_negotiate(&self->v, 0));
		for (j = 0; j < SIZE * ROOM; j++)
			ASSERT_EQ(PATTERN, room[j]);
	}
}

/* What a driver can do wrong */

TEST_F(console, odd_buffers_come_back)
{
	struct vsegment segment = { self->port.out, 100 };
	__u32 len;

	GO_LIVE();
	START(0);
	memset(self->port.out, 0x55, 100);
	/* To transmit, but it can only be written */
	ASSERT_LE(0, vq_add(self->port.tx, &segment, 0, 1));
	vq_submit(self->port.tx);
	ASSERT_LE(0, vq_wait(self->port.tx, &len));
	EXPECT_EQ(0, len);
	EXPECT_EQ(0x55, self->port.out[0]);
	/* To receive, but it can only be read; the bytes are for the next one */
	ASSERT_LE(0, vq_add(self->port.rx, &segment, 1, 0));
	vq_submit(self->port.rx);
	ASSERT_EQ(0, tty_write(self->tty, "hello", 5));
	ASSERT_LE(0, vq_wait(self->port.rx, &len));
	EXPECT_EQ(0, len);
	ASSERT_EQ(0, port_give(&self->port, 4, 256));
	EXPECT_EQ(0, port_receive(&self->port, self->data, 5));
	EXPECT_EQ(0, memcmp("hello", self->data, 5));
	EXPECT_WORKS();
	EXPECT_EQ(STATUS_DRIVER_OK, virtio_status(&self->v));
}

TEST_HARNESS_MAIN
