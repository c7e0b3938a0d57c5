// SPDX-License-Identifier: GPL-2.0
/* /dev/baoipcN: everything that can be called, and every error */
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "backend.h"
#include "ipc_sim.h"
#include "sim.h"

#define ALL_EVENTS ((1u << IPC_EVENTS) - 1)

FIXTURE(ipc) {
	struct bao_sim_ipc config;
	int sim;
	int fd;
	unsigned char *peer;
};

FIXTURE_SETUP(ipc)
{
	SET_UP_OR_SKIP();
	SIM_OR_SKIP();
	self->config = ipc_config();
	self->sim = ipc_sim(&self->config);
	ASSERT_LE(0, self->sim);
	self->fd = ipc_open(IPC_ID, O_RDWR);
	ASSERT_LE(0, self->fd);
	self->peer = ipc_peer_map(self->sim, &self->config);
	ASSERT_NE(NULL, self->peer);
}

FIXTURE_TEARDOWN(ipc)
{
	EXPECT_EQ(0, ipc_counters(self->sim).violations);
	close(self->fd);
	munmap(self->peer, self->config.size);
	close(self->sim);
	TEAR_DOWN();
}

/* Replaces the channel by another one */
#define RECONFIGURE(change) do {						\
	close(self->fd);							\
	munmap(self->peer, self->config.size);					\
	close(self->sim);							\
	self->config = ipc_config();						\
	change;									\
	self->sim = ipc_sim(&self->config);					\
	ASSERT_LE(0, self->sim);						\
	self->fd = ipc_open(IPC_ID, O_RDWR);					\
	ASSERT_LE(0, self->fd);							\
	self->peer = ipc_peer_map(self->sim, &self->config);			\
	ASSERT_NE(NULL, self->peer);						\
} while (0)

/* Two pages, of which the second cannot be accessed */
static char *page_and_hole(void)
{
	long page = sysconf(_SC_PAGESIZE);
	char *map;

	map = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mprotect(map + page, page, PROT_NONE);
	return map + page;
}

/* read() and lseek() */

TEST_F(ipc, read_gives_bytes_at_the_position)
{
	char buf[16];

	memcpy(self->peer + IPC_RX, "0123456789", 10);
	ASSERT_EQ(4, read(self->fd, buf, 4));
	EXPECT_EQ(0, memcmp(buf, "0123", 4));
	ASSERT_EQ(4, read(self->fd, buf, 4));
	EXPECT_EQ(0, memcmp(buf, "4567", 4));
	ASSERT_EQ(3, pread(self->fd, buf, 3, 1));
	EXPECT_EQ(0, memcmp(buf, "123", 3));
	/* There is no such thing as a read byte: the memory stays */
	ASSERT_EQ(0, lseek(self->fd, 0, SEEK_SET));
	ASSERT_EQ(4, read(self->fd, buf, 4));
	EXPECT_EQ(0, memcmp(buf, "0123", 4));
}

TEST_F(ipc, read_ends_where_the_part_ends)
{
	char buf[16];

	self->peer[IPC_RX + IPC_RX_SIZE - 1] = 'z';
	self->peer[IPC_RX + IPC_RX_SIZE] = '!';
	ASSERT_EQ(1, pread(self->fd, buf, 16, IPC_RX_SIZE - 1));
	EXPECT_EQ('z', buf[0]);
	EXPECT_EQ(0, pread(self->fd, buf, 16, IPC_RX_SIZE));
	EXPECT_EQ(0, pread(self->fd, buf, 16, IPC_RX_SIZE + 1));
	EXPECT_EQ(0, pread(self->fd, buf, 16, LLONG_MAX - 16));
	EXPECT_EQ(0, read(self->fd, buf, 0));
}

TEST_F(ipc, read_into_bad_memory)
{
	char *hole = page_and_hole();
	ssize_t n;

	memcpy(self->peer + IPC_RX, "abcd", 4);
	EXPECT_EQ(-1, read(self->fd, hole, 4));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(0, lseek(self->fd, 0, SEEK_CUR));
	/* What can be copied is, or at least a part of it: arm64 does not go by bytes */
	n = read(self->fd, hole - 2, 4);
	EXPECT_LE(1, n);
	EXPECT_GE(2, n);
	EXPECT_EQ(0, memcmp(hole - 2, "ab", n));
	EXPECT_EQ(n, lseek(self->fd, 0, SEEK_CUR));
}

TEST_F(ipc, readv_and_preadv)
{
	char a[2], b[3];
	struct iovec iov[] = { { a, 2 }, { b, 3 } };

	memcpy(self->peer + IPC_RX, "vwxyz", 5);
	ASSERT_EQ(5, preadv(self->fd, iov, 2, 0));
	EXPECT_EQ(0, memcmp(a, "vw", 2));
	EXPECT_EQ(0, memcmp(b, "xyz", 3));
}

TEST_F(ipc, lseek)
{
	EXPECT_EQ(IPC_RX_SIZE, lseek(self->fd, 0, SEEK_END));
	EXPECT_EQ(IPC_RX_SIZE - 2, lseek(self->fd, -2, SEEK_CUR));
	EXPECT_EQ(100, lseek(self->fd, 100, SEEK_SET));
	EXPECT_EQ(-1, lseek(self->fd, -1, SEEK_SET));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, lseek(self->fd, IPC_RX_SIZE + 1, SEEK_SET));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(100, lseek(self->fd, 0, SEEK_CUR));
}

/* write() */

TEST_F(ipc, write_copies_and_rings_once)
{
	ASSERT_EQ(5, write(self->fd, "hello", 5));
	EXPECT_EQ(0, memcmp(self->peer + IPC_TX, "hello", 5));
	EXPECT_EQ(1, ipc_counters(self->sim).notifies[0]);
	ASSERT_EQ(2, write(self->fd, ", ", 2));
	EXPECT_EQ(0, memcmp(self->peer + IPC_TX, "hello, ", 7));
	EXPECT_EQ(2, ipc_counters(self->sim).notifies[0]);
	EXPECT_EQ(0, ipc_counters(self->sim).notifies[1]);
	EXPECT_EQ(7, lseek(self->fd, 0, SEEK_CUR));
	EXPECT_EQ(2, ipc_statistic(IPC_ID, "notifies"));
}

TEST_F(ipc, writev_rings_once)
{
	struct iovec iov[] = { { "ab", 2 }, { "cd", 2 } };

	ASSERT_EQ(4, pwritev(self->fd, iov, 2, 10));
	EXPECT_EQ(0, memcmp(self->peer + IPC_TX + 10, "abcd", 4));
	EXPECT_EQ(1, ipc_counters(self->sim).notifies[0]);
}

TEST_F(ipc, write_of_nothing_rings)
{
	struct iovec nothing = { "", 0 };

	EXPECT_EQ(0, write(self->fd, "", 0));
	EXPECT_EQ(1, ipc_counters(self->sim).notifies[0]);
	EXPECT_EQ(0, pwrite(self->fd, "", 0, 0));
	EXPECT_EQ(2, ipc_counters(self->sim).notifies[0]);
	/* The kernel does not pass it on */
	EXPECT_EQ(0, writev(self->fd, &nothing, 1));
	EXPECT_EQ(2, ipc_counters(self->sim).notifies[0]);
}

TEST_F(ipc, write_at_the_end_is_enospc)
{
	EXPECT_EQ(-1, pwrite(self->fd, "x", 1, IPC_TX_SIZE));
	EXPECT_EQ(ENOSPC, errno);
	EXPECT_EQ(-1, pwrite(self->fd, "x", 1, LLONG_MAX - 1));
	EXPECT_EQ(ENOSPC, errno);
	EXPECT_EQ(0, ipc_counters(self->sim).calls);
}

TEST_F(ipc, write_stays_in_the_part)
{
	ASSERT_EQ(2, pwrite(self->fd, "xyz", 3, IPC_TX_SIZE - 2));
	EXPECT_EQ('x', self->peer[IPC_TX + IPC_TX_SIZE - 2]);
	EXPECT_EQ('y', self->peer[IPC_TX + IPC_TX_SIZE - 1]);
	EXPECT_EQ(0, self->peer[IPC_TX + IPC_TX_SIZE]);
	EXPECT_EQ(1, ipc_counters(self->sim).notifies[0]);
}

TEST_F(ipc, write_from_bad_memory)
{
	/* So much that no processor copies it at once, and all or nothing */
	enum { GOOD = 256, BAD = 64 };
	char *hole = page_and_hole();
	char rest[BAD];
	ssize_t n;

	memset(self->peer + IPC_TX, 'o', GOOD + BAD);
	EXPECT_EQ(-1, write(self->fd, hole, 4));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(0, ipc_counters(self->sim).calls);
	EXPECT_EQ('o', self->peer[IPC_TX]);

	memset(hole - GOOD, 'a', GOOD);
	memset(rest, 'o', BAD);
	n = write(self->fd, hole - GOOD, GOOD + BAD);
	ASSERT_LE(1, n);
	EXPECT_GE(GOOD, n);
	EXPECT_EQ(0, memcmp(self->peer + IPC_TX, hole - GOOD, n));
	EXPECT_EQ(0, memcmp(self->peer + IPC_TX + GOOD, rest, BAD));
	EXPECT_EQ(1, ipc_counters(self->sim).notifies[0]);
	EXPECT_EQ(n, lseek(self->fd, 0, SEEK_CUR));
}

TEST_F(ipc, access_modes)
{
	int rd = ipc_open(IPC_ID, O_RDONLY), wr = ipc_open(IPC_ID, O_WRONLY);
	char byte = 0;

	ASSERT_LE(0, rd);
	ASSERT_LE(0, wr);
	EXPECT_EQ(-1, write(rd, &byte, 1));
	EXPECT_EQ(EBADF, errno);
	EXPECT_EQ(-EBADF, ipc_notify(rd, 0));
	EXPECT_EQ(-1, read(wr, &byte, 1));
	EXPECT_EQ(EBADF, errno);
	EXPECT_EQ(0, ipc_notify(wr, 0));
	EXPECT_EQ(1, ipc_counters(self->sim).calls);
	close(rd);
	close(wr);
}

/* mmap() */

#define EXPECT_MMAP(error, fd, len, prot, flags, offset) do {			\
	void *_map = mmap(NULL, len, prot, flags, fd, offset);			\
										\
	EXPECT_EQ(error, _map == MAP_FAILED ? errno : 0);			\
	if (_map != MAP_FAILED)							\
		munmap(_map, len);						\
} while (0)

TEST_F(ipc, mmap_is_the_memory)
{
	unsigned char *map = mmap(NULL, IPC_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, self->fd, 0);

	ASSERT_TRUE(map != MAP_FAILED);
	strcpy((char *)self->peer + IPC_RX, "there");
	EXPECT_STREQ("there", (char *)map + IPC_RX);
	strcpy((char *)map + IPC_TX, "here");
	EXPECT_STREQ("here", (char *)self->peer + IPC_TX);
	map[IPC_SIZE - 1] = 1;
	EXPECT_EQ(1, self->peer[IPC_SIZE - 1]);
	munmap(map, IPC_SIZE);

	map = mmap(NULL, IPC_TX_SIZE, PROT_READ, MAP_SHARED, self->fd, IPC_TX);
	ASSERT_TRUE(map != MAP_FAILED);
	EXPECT_STREQ("here", (char *)map);
	munmap(map, IPC_TX_SIZE);
	EXPECT_EQ(0, ipc_counters(self->sim).calls);
}

TEST_F(ipc, mmap_stays_in_the_memory)
{
	long page = sysconf(_SC_PAGESIZE);
	void *map = mmap(NULL, page, PROT_READ, MAP_SHARED, self->fd, IPC_SIZE - page);
	unsigned int pages;

	ASSERT_TRUE(map != MAP_FAILED);
	munmap(map, page);
	EXPECT_MMAP(EINVAL, self->fd, 2 * page, PROT_READ, MAP_SHARED, IPC_SIZE - page);
	EXPECT_MMAP(EINVAL, self->fd, page, PROT_READ, MAP_SHARED, IPC_SIZE);
	EXPECT_MMAP(EINVAL, self->fd, IPC_SIZE + page, PROT_READ, MAP_SHARED, 0);
	/* Where a sum would wrap. On 32-bit systems, that is where files end. */
	for (pages = 1; pages <= 2; pages++) {
		map = mmap(NULL, pages * page, PROT_READ, MAP_SHARED, self->fd,
			   (1ull << 43) - 65536);
		EXPECT_TRUE(map == MAP_FAILED && (errno == EINVAL || errno == EOVERFLOW));
	}
}

TEST_F(ipc, mmap_is_shared_only)
{
	EXPECT_MMAP(EINVAL, self->fd, IPC_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, 0);
	EXPECT_MMAP(EINVAL, self->fd, IPC_SIZE, PROT_READ, MAP_PRIVATE, 0);
}

TEST_F(ipc, mmap_of_a_read_only_descriptor_stays_read_only)
{
	int fd = ipc_open(IPC_ID, O_RDONLY);
	char *map;

	ASSERT_LE(0, fd);
	EXPECT_MMAP(EACCES, fd, IPC_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
	map = mmap(NULL, IPC_SIZE, PROT_READ, MAP_SHARED, fd, 0);
	ASSERT_TRUE(map != MAP_FAILED);
	strcpy((char *)self->peer + IPC_RX, "readable");
	EXPECT_STREQ("readable", map + IPC_RX);
	EXPECT_EQ(-1, mprotect(map, IPC_SIZE, PROT_READ | PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
	munmap(map, IPC_SIZE);
	close(fd);
}

TEST_F(ipc, info_of_one_region)
{
	struct bao_ipc_info info;

	ASSERT_EQ(0, do_ioctl(self->fd, BAO_IOCTL_IPC_GET_INFO, &info));
	EXPECT_EQ(IPC_ID, info.id);
	EXPECT_EQ(IPC_EVENTS, info.events);
	EXPECT_EQ(IPC_SIZE, info.map_size);
	EXPECT_EQ(IPC_RX, info.rx_offset);
	EXPECT_EQ(IPC_RX_SIZE, info.rx_size);
	EXPECT_EQ(IPC_TX, info.tx_offset);
	EXPECT_EQ(IPC_TX_SIZE, info.tx_size);
	EXPECT_EQ(-EFAULT, do_ioctl(self->fd, BAO_IOCTL_IPC_GET_INFO, NULL));
}

TEST_F(ipc, regions_of_their_own)
{
	struct bao_ipc_info info;
	char *map, buf[4];

	RECONFIGURE(self->config.flags = BAO_SIM_IPC_SPLIT);
	ASSERT_EQ(0, do_ioctl(self->fd, BAO_IOCTL_IPC_GET_INFO, &info));
	EXPECT_EQ(0, info.rx_offset);
	EXPECT_EQ(IPC_RX_SIZE, info.rx_size);
	EXPECT_EQ(IPC_RX_SIZE, info.tx_offset);
	EXPECT_EQ(IPC_TX_SIZE, info.tx_size);
	EXPECT_EQ(IPC_RX_SIZE + IPC_TX_SIZE, info.map_size);

	ASSERT_EQ(3, write(self->fd, "abc", 3));
	EXPECT_EQ(0, memcmp(self->peer + IPC_TX, "abc", 3));
	map = mmap(NULL, IPC_TX_SIZE, PROT_READ, MAP_SHARED, self->fd, info.tx_offset);
	ASSERT_TRUE(map != MAP_FAILED);
	EXPECT_EQ(0, memcmp(map, "abc", 3));
	munmap(map, IPC_TX_SIZE);

	strcpy((char *)self->peer + IPC_RX, "xyz");
	ASSERT_EQ(4, pread(self->fd, buf, 4, 0));
	EXPECT_STREQ("xyz", buf);
	map = mmap(NULL, IPC_RX_SIZE, PROT_READ, MAP_SHARED, self->fd, info.rx_offset);
	ASSERT_TRUE(map != MAP_FAILED);
	EXPECT_STREQ("xyz", map);
	munmap(map, IPC_RX_SIZE);

	/* What lies between them is not ours */
	EXPECT_MMAP(EINVAL, self->fd, IPC_RX_SIZE + IPC_TX_SIZE, PROT_READ, MAP_SHARED, 0);
	EXPECT_MMAP(EINVAL, self->fd, 2 * IPC_TX_SIZE, PROT_READ, MAP_SHARED, info.tx_offset);
	EXPECT_MMAP(EINVAL, self->fd, IPC_TX_SIZE, PROT_READ, MAP_SHARED, info.map_size);
}

TEST_F(ipc, one_region_for_both_directions)
{
	struct bao_ipc_info info;
	char buf[4] = "";

	RECONFIGURE({
		self->config.rx_offset = 0;
		self->config.tx_offset = 0;
		self->config.rx_size = IPC_SIZE;
		self->config.tx_size = IPC_SIZE;
	});
	ASSERT_EQ(0, do_ioctl(self->fd, BAO_IOCTL_IPC_GET_INFO, &info));
	EXPECT_EQ(IPC_SIZE, info.map_size);
	EXPECT_EQ(0, info.rx_offset);
	EXPECT_EQ(0, info.tx_offset);
	ASSERT_EQ(3, pwrite(self->fd, "abc", 3, 100));
	ASSERT_EQ(3, pread(self->fd, buf, 3, 100));
	EXPECT_STREQ("abc", buf);
	EXPECT_EQ(0, memcmp(self->peer + 100, "abc", 3));
}

/* Deployed systems have channels of one direction */

TEST_F(ipc, nothing_to_write)
{
	struct bao_ipc_info info;
	char byte;

	RECONFIGURE({
		self->config.tx_offset = IPC_SIZE;
		self->config.tx_size = 0;
	});
	ASSERT_EQ(0, do_ioctl(self->fd, BAO_IOCTL_IPC_GET_INFO, &info));
	EXPECT_EQ(0, info.tx_size);
	EXPECT_EQ(-1, write(self->fd, "x", 1));
	EXPECT_EQ(ENOSPC, errno);
	EXPECT_EQ(0, ipc_counters(self->sim).calls);
	EXPECT_EQ(0, write(self->fd, "", 0));
	EXPECT_EQ(1, ipc_counters(self->sim).notifies[0]);
	self->peer[IPC_RX] = 'r';
	ASSERT_EQ(1, read(self->fd, &byte, 1));
	EXPECT_EQ('r', byte);
	EXPECT_EQ(IPC_RX_SIZE, lseek(self->fd, 0, SEEK_END));
}

TEST_F(ipc, nothing_to_read)
{
	struct bao_ipc_info info;
	char byte;

	RECONFIGURE({
		self->config.rx_offset = 0;
		self->config.rx_size = 0;
	});
	ASSERT_EQ(0, do_ioctl(self->fd, BAO_IOCTL_IPC_GET_INFO, &info));
	EXPECT_EQ(0, info.rx_size);
	EXPECT_EQ(0, read(self->fd, &byte, 1));
	ASSERT_EQ(1, write(self->fd, "w", 1));
	EXPECT_EQ('w', self->peer[IPC_TX]);
	EXPECT_EQ(IPC_TX_SIZE, lseek(self->fd, 0, SEEK_END));
}

/* poll(), and who has seen what */

TEST_F(ipc, poll_reports_doorbells_until_they_are_seen)
{
	/* What was before it is not known */
	EXPECT_EQ(POLLIN | POLLOUT, ipc_poll(self->fd, 0));
	ipc_look(self->fd);
	EXPECT_EQ(POLLOUT, ipc_poll(self->fd, 0));
	ASSERT_EQ(0, ipc_ring(self->sim, 0, 1));
	EXPECT_EQ(POLLIN, ipc_poll(self->fd, TIME_LIMIT_MS));
	EXPECT_EQ(POLLIN, ipc_poll(self->fd, TIME_LIMIT_MS));
	ipc_look(self->fd);
	EXPECT_EQ(POLLOUT, ipc_poll(self->fd, 0));
	ASSERT_EQ(0, ipc_ring(self->sim, 1, 1));
	EXPECT_EQ(POLLIN, ipc_poll(self->fd, TIME_LIMIT_MS));
}

TEST_F(ipc, a_read_at_the_end_sees_as_well)
{
	char byte;

	EXPECT_EQ(0, pread(self->fd, &byte, 1, IPC_RX_SIZE));
	EXPECT_EQ(POLLOUT, ipc_poll(self->fd, 0));
}

TEST_F(ipc, descriptors_see_for_themselves)
{
	int other = ipc_open(IPC_ID, O_RDWR);

	ASSERT_LE(0, other);
	ipc_see(self->fd);
	EXPECT_EQ(POLLIN | POLLOUT, ipc_poll(other, 0));
	ipc_see(other);
	ASSERT_EQ(0, ipc_ring(self->sim, 0, 1));
	EXPECT_EQ(POLLIN, ipc_poll(self->fd, TIME_LIMIT_MS));
	ipc_see(self->fd);
	EXPECT_EQ(POLLIN, ipc_poll(other, TIME_LIMIT_MS));
	close(other);
}

static int poll_for_doorbell(void *arg)
{
	return ipc_poll(*(int *)arg, TIME_LIMIT_MS) != POLLIN;
}

TEST_F(ipc, a_doorbell_wakes_all_pollers)
{
	pid_t poller[3];
	int i;

	ipc_see(self->fd);
	for (i = 0; i < 3; i++) {
		poller[i] = spawn(poll_for_doorbell, &self->fd);
		ASSERT_LT(0, poller[i]);
	}
	usleep(100000);
	ASSERT_EQ(0, ipc_ring(self->sim, 1, 1));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, reap(poller[i]));
}

TEST_F(ipc, epoll_edges)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET }, out;
	int epoll = epoll_create1(EPOLL_CLOEXEC), i;

	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, self->fd, &event));
	EXPECT_EQ(1, epoll_wait(epoll, &out, 1, 0));
	EXPECT_EQ(0, epoll_wait(epoll, &out, 1, 0));
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(0, ipc_ring(self->sim, 0, 1));
		EXPECT_EQ(1, epoll_wait(epoll, &out, 1, TIME_LIMIT_MS));
		ipc_look(self->fd);
	}
	close(epoll);
}

TEST_F(ipc, a_read_that_fails_has_not_seen)
{
	char *hole = page_and_hole();

	ipc_look(self->fd);
	ASSERT_EQ(0, ipc_ring(self->sim, 1, 1));
	EXPECT_EQ(POLLIN, ipc_poll(self->fd, TIME_LIMIT_MS));
	EXPECT_EQ(-1, pread(self->fd, hole, 4, 0));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(POLLIN | POLLOUT, ipc_poll(self->fd, 0));
	ipc_look(self->fd);
	/* Nor does it bring back what was seen before */
	EXPECT_EQ(-1, pread(self->fd, hole, 4, 0));
	EXPECT_EQ(POLLOUT, ipc_poll(self->fd, 0));
}

/* The blocking wait */

TEST_F(ipc, wait_tells_what_has_rung)
{
	__u32 events = ALL_EVENTS;
	__u64 seq, later;

	ASSERT_EQ(0, ipc_wait(self->fd, &events, &seq));
	EXPECT_EQ(ALL_EVENTS, events);
	EXPECT_EQ(POLLOUT, ipc_poll(self->fd, 0));

	ASSERT_EQ(0, ipc_ring(self->sim, 1, 1));
	ASSERT_EQ(0, ipc_wait(self->fd, &events, &later));
	EXPECT_EQ(2, events);
	EXPECT_EQ(seq + 1, later);

	events = ALL_EVENTS;
	ASSERT_EQ(0, ipc_ring(self->sim, 0, 1));
	ASSERT_TRUE(wait_until(ipc_statistic(IPC_ID, "doorbells") == 2));
	ASSERT_EQ(0, ipc_ring(self->sim, 1, 1));
	ASSERT_TRUE(wait_until(ipc_statistic(IPC_ID, "doorbells") == 3));
	ASSERT_EQ(0, ipc_wait(self->fd, &events, &later));
	EXPECT_EQ(ALL_EVENTS, events);
	EXPECT_EQ(seq + 3, later);
}

TEST_F(ipc, wait_for_some_leaves_others)
{
	__u32 events = 1;

	ASSERT_EQ(0, ipc_wait(self->fd, &events, NULL));
	EXPECT_EQ(1, events);
	EXPECT_EQ(POLLIN | POLLOUT, ipc_poll(self->fd, 0));
	events = 2;
	ASSERT_EQ(0, ipc_wait(self->fd, &events, NULL));
	EXPECT_EQ(2, events);
	EXPECT_EQ(POLLOUT, ipc_poll(self->fd, 0));
}

TEST_F(ipc, wait_without_blocking)
{
	__u32 events = ALL_EVENTS;

	ipc_see(self->fd);
	fcntl(self->fd, F_SETFL, O_NONBLOCK);
	EXPECT_EQ(-EAGAIN, ipc_wait(self->fd, &events, NULL));
	EXPECT_EQ(ALL_EVENTS, events);
	ASSERT_EQ(0, ipc_ring(self->sim, 0, 1));
	ASSERT_EQ(POLLIN, ipc_poll(self->fd, TIME_LIMIT_MS) & POLLIN);
	EXPECT_EQ(0, ipc_wait(self->fd, &events, NULL));
	EXPECT_EQ(1, events);
}

static int sleep_for_doorbell(void *arg)
{
	__u32 events = 2;

	return -ipc_wait(*(int *)arg, &events, NULL) ?: events;
}

TEST_F(ipc, wait_sleeps_until_its_event_rings)
{
	pid_t pid;

	ipc_see(self->fd);
	pid = spawn(sleep_for_doorbell, &self->fd);
	ASSERT_LT(0, pid);
	ASSERT_TRUE(wait_until(sleeps_in_ioctl(pid, BAO_IOCTL_IPC_WAIT)));
	ASSERT_EQ(0, ipc_ring(self->sim, 0, 1));
	usleep(50000);
	EXPECT_TRUE(wait_until(sleeps_in_ioctl(pid, BAO_IOCTL_IPC_WAIT)));
	ASSERT_EQ(0, ipc_ring(self->sim, 1, 1));
	EXPECT_EQ(2, reap(pid));
}

/* Not even if it comes between the doorbell and the sleeper's first look */
TEST_F(ipc, a_read_takes_nothing_from_wait)
{
	__u32 events = ALL_EVENTS;
	unsigned int i;
	int status;
	pid_t pid;

	ipc_look(self->fd);
	ASSERT_EQ(0, ipc_wait(self->fd, &events, NULL));
	EXPECT_EQ(ALL_EVENTS, events);
	for (i = 0; i < 2; i++) {
		pid = spawn(sleep_for_doorbell, &self->fd);
		ASSERT_TRUE(wait_until(sleeps_in_ioctl(pid, BAO_IOCTL_IPC_WAIT)));
		kill(pid, SIGSTOP);
		ASSERT_EQ(pid, waitpid(pid, &status, WUNTRACED));
		ASSERT_EQ(0, ipc_ring(self->sim, 1, 1));
		ASSERT_TRUE(wait_until(ipc_statistic(IPC_ID, "doorbells") == i + 1));
		ipc_look(self->fd);
		kill(pid, SIGCONT);
		EXPECT_EQ(2, reap(pid));
	}
}

/* Whichever of them follows a poll, there is something to see, and no more afterwards */
TEST_F(ipc, poll_goes_with_read_and_with_wait)
{
	__u32 events;
	int i;

	ipc_see(self->fd);
	fcntl(self->fd, F_SETFL, O_NONBLOCK);
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(0, ipc_ring(self->sim, 0, 1));
		EXPECT_EQ(POLLIN, ipc_poll(self->fd, TIME_LIMIT_MS));
		ipc_look(self->fd);
		EXPECT_EQ(POLLOUT, ipc_poll(self->fd, 0));

		ASSERT_EQ(0, ipc_ring(self->sim, 1, 1));
		EXPECT_EQ(POLLIN, ipc_poll(self->fd, TIME_LIMIT_MS));
		events = 2;
		EXPECT_EQ(0, ipc_wait(self->fd, &events, NULL));
		EXPECT_EQ(2, events);
		EXPECT_EQ(POLLOUT, ipc_poll(self->fd, 0));
	}
}

TEST_F(ipc, of_threads_that_wait_with_a_descriptor_one_gets_a_doorbell)
{
	pid_t pid[2];
	int i;

	ipc_see(self->fd);
	for (i = 0; i < 2; i++) {
		pid[i] = spawn(sleep_for_doorbell, &self->fd);
		ASSERT_LT(0, pid[i]);
		ASSERT_TRUE(wait_until(sleeps_in_ioctl(pid[i], BAO_IOCTL_IPC_WAIT)));
	}
	ASSERT_EQ(0, ipc_ring(self->sim, 1, 1));
	EXPECT_TRUE(wait_until(!sleeps_in_ioctl(pid[0], BAO_IOCTL_IPC_WAIT) ||
			       !sleeps_in_ioctl(pid[1], BAO_IOCTL_IPC_WAIT)));
	usleep(50000);
	EXPECT_TRUE(sleeps_in_ioctl(pid[0], BAO_IOCTL_IPC_WAIT) ||
		    sleeps_in_ioctl(pid[1], BAO_IOCTL_IPC_WAIT));
	ASSERT_EQ(0, ipc_ring(self->sim, 1, 1));
	EXPECT_EQ(2, reap(pid[0]));
	EXPECT_EQ(2, reap(pid[1]));
}

static void on_signal(int sig)
{
}

static int wait_with_handler(int fd, int flags)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = flags };

	sigaction(SIGUSR1, &action, NULL);
	return sleep_for_doorbell(&fd);
}

static int wait_interruptibly(void *arg)
{
	return wait_with_handler(*(int *)arg, 0);
}

static int wait_restartably(void *arg)
{
	return wait_with_handler(*(int *)arg, SA_RESTART);
}

TEST_F(ipc, wait_and_signals)
{
	pid_t pid;

	ipc_see(self->fd);
	pid = spawn(wait_interruptibly, &self->fd);
	ASSERT_TRUE(wait_until(sleeps_in_ioctl(pid, BAO_IOCTL_IPC_WAIT)));
	kill(pid, SIGUSR1);
	EXPECT_EQ(EINTR, reap(pid));

	pid = spawn(wait_restartably, &self->fd);
	ASSERT_TRUE(wait_until(sleeps_in_ioctl(pid, BAO_IOCTL_IPC_WAIT)));
	kill(pid, SIGUSR1);
	usleep(50000);
	ASSERT_TRUE(wait_until(sleeps_in_ioctl(pid, BAO_IOCTL_IPC_WAIT)));
	ASSERT_EQ(0, ipc_ring(self->sim, 1, 1));
	EXPECT_EQ(2, reap(pid));
}

TEST_F(ipc, wait_refuses_nonsense)
{
	struct bao_ipc_wait wait = { .events = ALL_EVENTS, .reserved = 1 };
	__u32 events = 0;

	EXPECT_EQ(-EINVAL, ipc_wait(self->fd, &events, NULL));
	events = 1 << IPC_EVENTS;
	EXPECT_EQ(-EINVAL, ipc_wait(self->fd, &events, NULL));
	events = ~0;
	EXPECT_EQ(-EINVAL, ipc_wait(self->fd, &events, NULL));
	EXPECT_EQ(-EINVAL, do_ioctl(self->fd, BAO_IOCTL_IPC_WAIT, &wait));
	EXPECT_EQ(-EFAULT, do_ioctl(self->fd, BAO_IOCTL_IPC_WAIT, NULL));
}

TEST_F(ipc, wait_that_cannot_tell_has_not_seen)
{
	long page = sysconf(_SC_PAGESIZE);
	struct bao_ipc_wait *wait;

	wait = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(wait != MAP_FAILED);
	wait->events = 2;
	mprotect(wait, page, PROT_READ);
	ipc_see(self->fd);
	ASSERT_EQ(0, ipc_ring(self->sim, 1, 1));
	EXPECT_EQ(-EFAULT, do_ioctl(self->fd, BAO_IOCTL_IPC_WAIT, wait));
	EXPECT_EQ(POLLIN | POLLOUT, ipc_poll(self->fd, 0));
	munmap(wait, page);
}

/* Ringing */

TEST_F(ipc, notify_rings_the_event)
{
	ASSERT_EQ(0, ipc_notify(self->fd, 1));
	EXPECT_EQ(1, ipc_counters(self->sim).notifies[1]);
	EXPECT_EQ(0, ipc_counters(self->sim).notifies[0]);
	ASSERT_EQ(0, ipc_notify(self->fd, 0));
	EXPECT_EQ(1, ipc_counters(self->sim).notifies[0]);
}

TEST_F(ipc, an_event_that_nobody_has_is_success)
{
	ASSERT_EQ(0, ipc_notify(self->fd, IPC_EVENTS));
	ASSERT_EQ(0, ipc_notify(self->fd, ~0u));
	EXPECT_EQ(2, ipc_counters(self->sim).unheard);
	EXPECT_EQ(~0u, ipc_counters(self->sim).last_event);
	EXPECT_EQ(0, ipc_counters(self->sim).notifies[0]);
	EXPECT_EQ(0, ipc_counters(self->sim).bad_calls);
	/* Nor is there an interrupt here that the other VM could ring */
	ASSERT_EQ(0, ipc_ring(self->sim, IPC_EVENTS, 1));
	EXPECT_EQ(0, ipc_statistic(IPC_ID, "doorbells"));
}

TEST_F(ipc, notify_refuses_nonsense)
{
	struct bao_ipc_notify notify = { .reserved = 1 };

	EXPECT_EQ(-EINVAL, do_ioctl(self->fd, BAO_IOCTL_IPC_NOTIFY, &notify));
	EXPECT_EQ(-EFAULT, do_ioctl(self->fd, BAO_IOCTL_IPC_NOTIFY, NULL));
	EXPECT_EQ(0, ipc_counters(self->sim).calls);
}

TEST_F(ipc, codes_of_the_hypervisor_become_errors)
{
	static const struct { int code, error; } map[] = {
		{ -1, EIO }, { -2, EOPNOTSUPP }, { -3, ENXIO }, { -4, EIO }, { 1, EIO },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(map); i++) {
		ASSERT_EQ(0, ipc_fault(self->sim, BAO_SIM_NOTIFY, 2, map[i].code));
		EXPECT_EQ(-map[i].error, ipc_notify(self->fd, 0));
		/* The bytes are there, but nobody knows */
		EXPECT_EQ(-1, write(self->fd, "bytes", 5));
		EXPECT_EQ(map[i].error, errno);
		EXPECT_EQ(0, memcmp(self->peer + IPC_TX, "bytes", 5));
		memset(self->peer + IPC_TX, 0, 5);
		EXPECT_EQ(0, lseek(self->fd, 0, SEEK_CUR));
	}
	EXPECT_EQ(0, ipc_statistic(IPC_ID, "notifies"));
	EXPECT_EQ(2 * ARRAY_SIZE(map), ipc_statistic(IPC_ID, "notify_errors"));
	EXPECT_EQ(0, ipc_notify(self->fd, 0));
}

/* Eventfds */

TEST_F(ipc, eventfd_counts_doorbells)
{
	int first = new_eventfd(0), both = new_eventfd(0), i;

	ASSERT_EQ(0, ipc_eventfd(self->fd, first, 1, 0));
	ASSERT_EQ(0, ipc_eventfd(self->fd, both, 3, 0));
	for (i = 1; i <= 3; i++) {
		ASSERT_EQ(0, ipc_ring(self->sim, i & 1, 1));
		ASSERT_TRUE(wait_until(ipc_statistic(IPC_ID, "doorbells") == i));
	}
	EXPECT_EQ(1, eventfd_wait(first));
	EXPECT_EQ(3, eventfd_wait(both));
	/* Whether they have been seen or not */
	ipc_see(self->fd);
	ASSERT_EQ(0, ipc_ring(self->sim, 0, 1));
	EXPECT_EQ(1, eventfd_wait(first));
}

TEST_F(ipc, eventfd_may_be_closed)
{
	int event = new_eventfd(0), copy = dup(event);

	ASSERT_EQ(0, ipc_eventfd(self->fd, event, 1, 0));
	close_fd(event);
	ASSERT_EQ(0, ipc_ring(self->sim, 0, 1));
	EXPECT_EQ(1, eventfd_wait(copy));
	close(copy);
	ASSERT_EQ(0, ipc_ring(self->sim, 0, 1));
	EXPECT_EQ(POLLIN, ipc_poll(self->fd, TIME_LIMIT_MS));
}

TEST_F(ipc, eventfd_deassign)
{
	int event = new_eventfd(0), other = ipc_open(IPC_ID, O_RDWR);

	ASSERT_LE(0, other);
	ASSERT_EQ(0, ipc_eventfd(self->fd, event, 1, 0));
	EXPECT_EQ(-EBUSY, ipc_eventfd(self->fd, event, 2, 0));
	/* Another descriptor's is another matter */
	EXPECT_EQ(-ENOENT, ipc_eventfd(other, event, 0, BAO_IPC_EVENTFD_FLAG_DEASSIGN));
	ASSERT_EQ(0, ipc_eventfd(other, event, 1, 0));
	ASSERT_EQ(0, ipc_eventfd(self->fd, event, 0, BAO_IPC_EVENTFD_FLAG_DEASSIGN));
	EXPECT_EQ(-ENOENT, ipc_eventfd(self->fd, event, 0, BAO_IPC_EVENTFD_FLAG_DEASSIGN));
	ASSERT_EQ(0, ipc_ring(self->sim, 0, 1));
	EXPECT_EQ(1, eventfd_wait(event));
	/* A release deassigns */
	close(other);
	ASSERT_EQ(0, ipc_ring(self->sim, 0, 1));
	ASSERT_TRUE(wait_until(ipc_statistic(IPC_ID, "doorbells") == 2));
	EXPECT_EQ(0, eventfd_poll(event));
}

TEST_F(ipc, eventfds_are_bounded)
{
	int event, n;

	for (n = 0; n < 1000; n++) {
		event = new_eventfd(0);
		ASSERT_LE(0, event);
		if (ipc_eventfd(self->fd, event, 1, 0))
			break;
	}
	EXPECT_EQ(-ENOSPC, ipc_eventfd(self->fd, event, 1, 0));
	EXPECT_EQ(32, n);
}

TEST_F(ipc, eventfd_refuses_nonsense)
{
	struct bao_ipc_eventfd args = { .fd = new_eventfd(0), .events = 1, .reserved = 1 };
	int event = args.fd;

	EXPECT_EQ(-EINVAL, do_ioctl(self->fd, BAO_IOCTL_IPC_EVENTFD, &args));
	EXPECT_EQ(-EINVAL, ipc_eventfd(self->fd, event, 0, 0));
	EXPECT_EQ(-EINVAL, ipc_eventfd(self->fd, event, 1 << IPC_EVENTS, 0));
	EXPECT_EQ(-EINVAL, ipc_eventfd(self->fd, event, 1, 2));
	EXPECT_EQ(-EINVAL, ipc_eventfd(self->fd, event, 1, ~0));
	EXPECT_EQ(-EBADF, ipc_eventfd(self->fd, -1, 1, 0));
	EXPECT_EQ(-EINVAL, ipc_eventfd(self->fd, self->fd, 1, 0));
	EXPECT_EQ(-EFAULT, do_ioctl(self->fd, BAO_IOCTL_IPC_EVENTFD, NULL));
}

/* A channel without interrupts, as deployed systems have them */

TEST_F(ipc, without_interrupts)
{
	int event = new_eventfd(0);
	__u32 events = 1;
	char byte;

	RECONFIGURE(self->config.events = 0);
	EXPECT_EQ(POLLIN | POLLOUT, ipc_poll(self->fd, 0));
	ASSERT_EQ(1, read(self->fd, &byte, 1));
	EXPECT_EQ(POLLIN | POLLOUT, ipc_poll(self->fd, 0));
	EXPECT_EQ(-EOPNOTSUPP, ipc_wait(self->fd, &events, NULL));
	EXPECT_EQ(-EOPNOTSUPP, ipc_eventfd(self->fd, event, 1, 0));
	EXPECT_EQ(-EOPNOTSUPP, ipc_eventfd(self->fd, event, 0, BAO_IPC_EVENTFD_FLAG_DEASSIGN));
	EXPECT_EQ(5, write(self->fd, "hello", 5));
	EXPECT_EQ(1, ipc_counters(self->sim).notifies[0]);
	EXPECT_EQ(0, ipc_notify(self->fd, 1));
}

TEST_F(ipc, unknown_ioctls)
{
	struct bao_virtio_request req;
	struct bao_dm_info info = {};

	EXPECT_EQ(-ENOTTY, do_ioctl(self->fd, BAO_IOCTL_DM_GET_INFO, &info));
	EXPECT_EQ(-ENOTTY, do_ioctl(self->fd, BAO_IOCTL_IO_CLIENT_ATTACH, &req));
	EXPECT_EQ(-ENOTTY, do_ioctl(self->fd, _IO(BAO_IOCTL_TYPE, 0x14), NULL));
}

/* As fast as the other VM can */

TEST_F_TIMEOUT(ipc, storm_of_doorbells, LONG_TEST_S)
{
	unsigned int i, total = rounds(100000), batch = 1000;
	struct bao_sim_ipc_counters c;
	__u32 events = ALL_EVENTS;
	int event = new_eventfd(0);
	__u64 first, last;

	ASSERT_EQ(0, ipc_eventfd(self->fd, event, 1, 0));
	ASSERT_EQ(0, ipc_wait(self->fd, &events, &first));
	for (i = 0; i < total; i += batch) {
		ASSERT_EQ(0, ipc_ring(self->sim, 0, batch));
		events = ALL_EVENTS;
		ASSERT_EQ(POLLIN, ipc_poll(self->fd, TIME_LIMIT_MS));
		ASSERT_EQ(0, ipc_wait(self->fd, &events, &last));
		EXPECT_EQ(1, events);
	}
	c = ipc_counters(self->sim);
	EXPECT_EQ(total, c.interrupts);
	/* They merge, and none is made up */
	EXPECT_GE(total, last - first);
	EXPECT_LE(total / batch, last - first);
	EXPECT_LT(0, eventfd_wait(event));
	/* The last one is never lost */
	ipc_see(self->fd);
	ASSERT_EQ(0, ipc_ring(self->sim, 1, 1));
	events = 2;
	EXPECT_EQ(0, ipc_wait(self->fd, &events, NULL));
}

TEST_HARNESS_MAIN
