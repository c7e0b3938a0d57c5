// SPDX-License-Identifier: GPL-2.0
/* The life of an IPC channel: it comes, sleeps, goes; users in the kernel; mistakes */
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "backend.h"
#include "ipc_sim.h"
#include "modules.h"
#include "sim.h"

#define ALL_EVENTS	((1u << IPC_EVENTS) - 1)
#define TEST_MODULE	"bao_test_ipc"
#define TEST_LEN	64

FIXTURE(life) {
	struct bao_sim_ipc config;
	int sim;
	int fd;
	unsigned char *peer;
};

FIXTURE_SETUP(life)
{
	SET_UP_OR_SKIP();
	SIM_OR_SKIP();
	self->config = ipc_config();
	self->config.flags = BAO_SIM_IPC_MAILBOX;
	self->sim = ipc_sim(&self->config);
	ASSERT_LE(0, self->sim);
	self->fd = ipc_open(IPC_ID, O_RDWR);
	ASSERT_LE(0, self->fd);
	self->peer = ipc_peer_map(self->sim, &self->config);
	ASSERT_NE(NULL, self->peer);
}

FIXTURE_TEARDOWN(life)
{
	EXPECT_EQ(0, ipc_counters(self->sim).violations);
	remove_module(TEST_MODULE);
	close(self->fd);
	munmap(self->peer, self->config.size);
	close(self->sim);
	TEAR_DOWN();
}

static int life(int sim, enum bao_sim_event event)
{
	return ipc_sim_bind(sim, IPC_ID, event);
}

/* Of one driver, as an administrator does it */
static int driver_control(const char *driver, const char *what, const char *device)
{
	char path[160];
	glob_t found;

	snprintf(path, sizeof(path), "/sys/bus/auxiliary/drivers/%s*", driver);
	if (glob(path, 0, NULL, &found))
		return -ENODEV;
	snprintf(path, sizeof(path), "%s/%s", found.gl_pathv[0], what);
	globfree(&found);
	return write_file(path, device);
}

#define DEVICE "bao.ipc.7"

#define EXPECT_DEAD(fd) do {							\
	struct bao_ipc_info _info;						\
	__u32 _events = 1;							\
	char _byte = 0;								\
	int _fd = (fd);								\
										\
	EXPECT_EQ(-1, read(_fd, &_byte, 1));					\
	EXPECT_EQ(ENODEV, errno);						\
	EXPECT_EQ(-1, write(_fd, &_byte, 1));					\
	EXPECT_EQ(ENODEV, errno);						\
	EXPECT_EQ(-ENODEV, ipc_wait(_fd, &_events, NULL));			\
	EXPECT_EQ(-ENODEV, ipc_notify(_fd, 0));					\
	EXPECT_EQ(-ENODEV, ipc_eventfd(_fd, 0, 1, 0));				\
	EXPECT_EQ(-ENODEV, do_ioctl(_fd, BAO_IOCTL_IPC_GET_INFO, &_info));	\
	EXPECT_TRUE(mmap(NULL, 4096, PROT_READ, MAP_SHARED, _fd, 0) == MAP_FAILED);\
	EXPECT_EQ(ENODEV, errno);						\
	EXPECT_EQ(POLLERR | POLLHUP, ipc_poll(_fd, 0));			\
	EXPECT_EQ(0, lseek(_fd, 0, SEEK_SET));					\
} while (0)

/* Comes and goes */

TEST_F(life, descriptors_survive_unbind)
{
	int i, calls, event = new_eventfd(0);
	char *map;

	ASSERT_EQ(0, ipc_eventfd(self->fd, event, 1, 0));
	map = mmap(NULL, IPC_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, self->fd, 0);
	ASSERT_TRUE(map != MAP_FAILED);
	for (i = 0; i < 3; i++) {
		calls = ipc_counters(self->sim).calls;
		ASSERT_EQ(0, life(self->sim, BAO_SIM_UNBIND));
		EXPECT_DEAD(self->fd);
		EXPECT_EQ(-ENOENT, ipc_open(IPC_ID, O_RDWR));
		strcpy(map, "still there");
		EXPECT_STREQ("still there", (char *)self->peer);
		ASSERT_EQ(0, life(self->sim, BAO_SIM_BIND));
		/* A descriptor does not come back to life */
		EXPECT_DEAD(self->fd);
		EXPECT_EQ(calls, ipc_counters(self->sim).calls);
		close(self->fd);
		self->fd = ipc_open(IPC_ID, O_RDWR);
		ASSERT_LE(0, self->fd);
		EXPECT_EQ(0, ipc_notify(self->fd, 0));
	}
	munmap(map, IPC_SIZE);
}

TEST_F(life, descriptors_survive_the_driver)
{
	ASSERT_EQ(0, driver_control("bao_ipc", "unbind", DEVICE));
	EXPECT_DEAD(self->fd);
	EXPECT_EQ(-ENOENT, ipc_open(IPC_ID, O_RDWR));
	ASSERT_EQ(0, driver_control("bao_ipc", "bind", DEVICE));
	EXPECT_DEAD(self->fd);
	close(self->fd);
	self->fd = ipc_open(IPC_ID, O_RDWR);
	ASSERT_LE(0, self->fd);
	EXPECT_EQ(0, ipc_notify(self->fd, 0));
	ipc_see(self->fd);
	ASSERT_EQ(0, ipc_ring(self->sim, 0, 1));
	EXPECT_EQ(POLLIN, ipc_poll(self->fd, TIME_LIMIT_MS));
}

TEST_F(life, mappings_survive_everything)
{
	__u32 id = IPC_ID;
	char *map;

	map = mmap(NULL, IPC_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, self->fd, 0);
	ASSERT_TRUE(map != MAP_FAILED);
	ASSERT_EQ(0, do_ioctl(self->sim, BAO_SIM_IPC_DEL, &id));
	close(self->fd);
	self->fd = -1;
	strcpy(map, "still there");
	EXPECT_STREQ("still there", (char *)self->peer);
	map[IPC_SIZE - 1] = 1;
	munmap(map, IPC_SIZE);
}

static int sleep_for_doorbell(void *arg)
{
	__u32 events = ALL_EVENTS;

	return -ipc_wait(*(int *)arg, &events, NULL);
}

static int poll_for_end(void *arg)
{
	return ipc_poll(*(int *)arg, TIME_LIMIT_MS) != (POLLERR | POLLHUP);
}

TEST_F(life, unbind_wakes_all)
{
	pid_t sleeper[2], poller;
	int i;

	ipc_see(self->fd);
	for (i = 0; i < 2; i++) {
		sleeper[i] = spawn(sleep_for_doorbell, &self->fd);
		ASSERT_TRUE(wait_until(sleeps_in_ioctl(sleeper[i], BAO_IOCTL_IPC_WAIT)));
	}
	poller = spawn(poll_for_end, &self->fd);
	usleep(100000);
	ASSERT_EQ(0, life(self->sim, BAO_SIM_UNBIND));
	for (i = 0; i < 2; i++)
		EXPECT_EQ(ENODEV, reap(sleeper[i]));
	EXPECT_EQ(0, reap(poller));
	ASSERT_EQ(0, life(self->sim, BAO_SIM_BIND));
}

TEST_F(life, a_new_descriptor_has_seen_nothing)
{
	__u32 events = ALL_EVENTS;
	int fd;

	ASSERT_EQ(0, life(self->sim, BAO_SIM_UNBIND));
	/* As RISC-V's AIA does with interrupts that come before somebody wants them */
	ASSERT_EQ(0, ipc_fault(self->sim, BAO_SIM_IRQ, 1, 0));
	ASSERT_EQ(0, ipc_ring(self->sim, 1, 1));
	ASSERT_EQ(0, life(self->sim, BAO_SIM_BIND));
	EXPECT_EQ(0, ipc_statistic(IPC_ID, "doorbells"));
	fd = ipc_open(IPC_ID, O_RDONLY);
	ASSERT_LE(0, fd);
	EXPECT_EQ(POLLIN | POLLOUT, ipc_poll(fd, 0));
	ASSERT_EQ(0, ipc_wait(fd, &events, NULL));
	EXPECT_EQ(ALL_EVENTS, events);
	close(fd);
}

TEST_F(life, comes_once)
{
	struct bao_sim_ipc config = ipc_config();

	EXPECT_EQ(-EBUSY, life(self->sim, BAO_SIM_BIND));
	/* Another hypervisor cannot have one of the same index, a remote-I/O device can */
	EXPECT_EQ(-EEXIST, ipc_sim(&config));
	config.id = 0;
	EXPECT_LE(0, ipc_sim(&config));
}

TEST_F(life, mistakes_are_refused)
{
	struct bao_sim_ipc config;
	unsigned int i;

	for (i = 0; i < 12; i++) {
		config = ipc_config();
		config.id = 8;
		switch (i) {
		case 0:	/* an empty part behind the end */
			config.rx_size = 0;
			config.rx_offset = IPC_SIZE + 1;
			break;
		case 1:	/* or in front of the memory */
			config.tx_size = 0;
			config.tx_offset = -1ll;
			break;
		case 2:	/* too large by one byte */
			config.rx_size = IPC_SIZE - IPC_RX + 1;
			break;
		case 3:	/* behind the end */
			config.tx_offset = IPC_SIZE;
			break;
		case 4:	/* where a sum of 64 bits wraps */
			config.tx_offset = 16;
			config.tx_size = ~0ull - 15;
			break;
		case 5:	/* in front of the memory */
			config.rx_offset = -4096ll;
			break;
		case 6:	/* overlap by a byte */
			config.rx_size = IPC_TX - IPC_RX + 1;
			break;
		case 7:
			config.tx_offset = IPC_RX - IPC_TX_SIZE + 1;
			break;
		case 8:	/* the same, but not all of the memory */
			config.tx_offset = IPC_RX;
			config.tx_size = IPC_RX_SIZE;
			break;
		case 9:	/* no whole pages */
			config.flags = BAO_SIM_IPC_UNALIGNED;
			break;
		case 10: /* memory that wraps */
			config.flags = BAO_SIM_IPC_WRAPS;
			break;
		case 11: /* regions that overlap */
			config.flags = BAO_SIM_IPC_SPLIT;
			config.tx_offset = IPC_RX + 0x1000;
			break;
		}
		EXPECT_EQ(-EINVAL, ipc_sim(&config))
			TH_LOG("mistake %u", i);
	}
	/* What touches does not overlap */
	config = ipc_config();
	config.id = 8;
	config.rx_size = IPC_TX - IPC_RX;
	config.tx_size = IPC_SIZE - IPC_TX;
	EXPECT_LE(0, ipc_sim(&config));
}

/* Sleep and shutdown */

TEST_F(life, a_doorbell_while_suspended_is_not_lost)
{
	__u32 events = ALL_EVENTS;

	ipc_see(self->fd);
	ASSERT_EQ(0, life(self->sim, BAO_SIM_SUSPEND));
	ASSERT_EQ(0, ipc_ring(self->sim, 1, 1));
	usleep(20000);
	EXPECT_EQ(POLLOUT, ipc_poll(self->fd, 0));
	ASSERT_EQ(0, life(self->sim, BAO_SIM_RESUME));
	EXPECT_EQ(POLLIN, ipc_poll(self->fd, TIME_LIMIT_MS));
	ASSERT_EQ(0, ipc_wait(self->fd, &events, NULL));
	EXPECT_TRUE(events);
	ASSERT_EQ(0, ipc_ring(self->sim, 0, 1));
	EXPECT_EQ(POLLIN, ipc_poll(self->fd, TIME_LIMIT_MS));
}

TEST_F(life, shutdown_is_the_end)
{
	pid_t sleeper;
	int calls;

	ipc_see(self->fd);
	sleeper = spawn(sleep_for_doorbell, &self->fd);
	ASSERT_TRUE(wait_until(sleeps_in_ioctl(sleeper, BAO_IOCTL_IPC_WAIT)));
	ASSERT_EQ(0, life(self->sim, BAO_SIM_SHUTDOWN));
	EXPECT_EQ(ENODEV, reap(sleeper));
	calls = ipc_counters(self->sim).calls;
	EXPECT_DEAD(self->fd);
	EXPECT_EQ(calls, ipc_counters(self->sim).calls);
	close(self->fd);
	self->fd = -1;
	EXPECT_EQ(-ENODEV, ipc_open(IPC_ID, O_RDWR));
	ASSERT_EQ(0, life(self->sim, BAO_SIM_UNBIND));
	ASSERT_EQ(0, life(self->sim, BAO_SIM_BIND));
	self->fd = ipc_open(IPC_ID, O_RDWR);
	EXPECT_LE(0, self->fd);
}

TEST_F(life, the_module_stays_while_a_descriptor_is_open)
{
	if (!modular())
		SKIP(return, "the driver is not modular");
	EXPECT_EQ(-EWOULDBLOCK, remove_module("bao_ipc"));
	close(self->fd);
	self->fd = -1;
	ASSERT_EQ(0, remove_module("bao_ipc"));
	EXPECT_EQ(-ENOENT, ipc_open(IPC_ID, O_RDWR));
	ASSERT_EQ(0, load_module("bao_ipc"));
	self->fd = ipc_open(IPC_ID, O_RDWR);
	EXPECT_LE(0, self->fd);
}

/* Doorbells, opens, waits and writes, while it comes and goes */

static int ring_for_ever(void *arg)
{
	while (!ipc_ring(*(int *)arg, rand() % IPC_EVENTS, 10))
		;
	return 0;
}

static int use_for_ever(void *arg)
{
	__u32 events;
	int fd, event = eventfd(0, EFD_NONBLOCK);

	for (;;) {
		fd = ipc_open(IPC_ID, O_RDWR);
		if (fd < 0)
			continue;
		ipc_eventfd(fd, event, ALL_EVENTS, 0);
		do {
			events = ALL_EVENTS;
			(void)!pwrite(fd, "bytes", 5, rand() % 100);
			ipc_see(fd);
		} while (rand() % 8 && !ipc_wait(fd, &events, NULL));
		close(fd);
	}
	return 0;
}

TEST_F_TIMEOUT(life, storm, LONG_TEST_S)
{
	unsigned int round, total = rounds(50);
	pid_t pid[4];
	int i;

	pid[0] = spawn(ring_for_ever, &self->sim);
	for (i = 1; i < 4; i++)
		pid[i] = spawn(use_for_ever, NULL);
	for (round = 0; round < total; round++) {
		usleep(2000);
		if (round % 3 == 0) {
			ASSERT_EQ(0, driver_control("bao_ipc", "unbind", DEVICE));
			ASSERT_EQ(0, driver_control("bao_ipc", "bind", DEVICE));
		} else if (round % 3 == 1) {
			ASSERT_EQ(0, life(self->sim, BAO_SIM_SUSPEND));
			ASSERT_EQ(0, life(self->sim, BAO_SIM_RESUME));
		} else {
			ASSERT_EQ(0, life(self->sim, BAO_SIM_UNBIND));
			ASSERT_EQ(0, life(self->sim, BAO_SIM_BIND));
		}
	}
	for (i = 0; i < 4; i++)
		kill_child(pid[i]);
	EXPECT_EQ(0, ipc_counters(self->sim).bad_calls);
	close(self->fd);
	self->fd = ipc_open(IPC_ID, O_RDWR);
	ASSERT_LE(0, self->fd);
	ipc_see(self->fd);
	ASSERT_EQ(0, ipc_ring(self->sim, 0, 1));
	EXPECT_EQ(POLLIN, ipc_poll(self->fd, TIME_LIMIT_MS));
}

/* Users in the kernel; the head of bao_test_ipc.c says what it does */

static int load_user(__u32 id, int mailbox)
{
	char path[256], parameters[64];
	int fd, ret;

	snprintf(path, sizeof(path), "%s/" TEST_MODULE ".ko", getenv("BAO_MODULES") ?: "/modules");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	snprintf(parameters, sizeof(parameters), "ipc=%u mailbox=%d", id, mailbox);
	ret = syscall(SYS_finit_module, fd, parameters, 0) ? -errno : 0;
	close(fd);
	return ret;
}

#define EXPECT_ECHO(event) do {							\
	unsigned int _event = (event), _heard, _i;				\
										\
	for (_i = 0; _i < TEST_LEN; _i++)					\
		self->peer[IPC_RX + _i] = rand();				\
	_heard = ipc_counters(self->sim).notifies[_event];			\
	ASSERT_EQ(0, ipc_ring(self->sim, _event, 1));				\
	ASSERT_EQ(0, ipc_rung(self->sim, _event, _heard + 1));			\
	for (_i = 0; _i < TEST_LEN; _i++)					\
		EXPECT_EQ(0xff, self->peer[IPC_RX + _i] ^ self->peer[IPC_TX + _i]);\
} while (0)

TEST_F(life, a_user_in_the_kernel_has_the_channel_alone)
{
	int ret = load_user(IPC_ID, 0), i;

	if (ret == -ENOENT)
		SKIP(return, "there is no " TEST_MODULE);
	/* Ours is open */
	EXPECT_EQ(-EBUSY, ret);
	close(self->fd);
	self->fd = -1;
	EXPECT_EQ(-ENODEV, load_user(IPC_ID + 1, 0));
	ASSERT_EQ(0, load_user(IPC_ID, 0));
	EXPECT_EQ(-EBUSY, ipc_open(IPC_ID, O_RDWR));
	EXPECT_EQ(-EBUSY, ipc_open(IPC_ID, O_RDONLY));
	for (i = 0; i < 100; i++)
		EXPECT_ECHO(i % IPC_EVENTS);
	ASSERT_EQ(0, remove_module(TEST_MODULE));
	self->fd = ipc_open(IPC_ID, O_RDWR);
	EXPECT_LE(0, self->fd);
}

TEST_F(life, a_user_in_the_kernel_survives_unbind)
{
	int calls;

	close(self->fd);
	self->fd = -1;
	if (load_user(IPC_ID, 0) == -ENOENT)
		SKIP(return, "there is no " TEST_MODULE);
	EXPECT_ECHO(0);
	ASSERT_EQ(0, life(self->sim, BAO_SIM_UNBIND));
	calls = ipc_counters(self->sim).calls;
	ASSERT_EQ(0, ipc_ring(self->sim, 0, 1));
	ASSERT_EQ(0, life(self->sim, BAO_SIM_BIND));
	/* The channel is a new one, which the user does not have */
	ASSERT_EQ(0, ipc_ring(self->sim, 1, 1));
	self->fd = ipc_open(IPC_ID, O_RDWR);
	EXPECT_LE(0, self->fd);
	EXPECT_EQ(calls, ipc_counters(self->sim).calls);
	ASSERT_EQ(0, remove_module(TEST_MODULE));
}

TEST_F(life, a_mailbox_client_has_the_channel_alone)
{
	int ret = load_user(IPC_ID, 1), i;

	if (ret == -ENOENT || ret == -EOPNOTSUPP)
		SKIP(return, "no mailbox to be requested");
	EXPECT_EQ(-EBUSY, ret);
	close(self->fd);
	self->fd = -1;
	ASSERT_EQ(0, load_user(IPC_ID, 1));
	EXPECT_EQ(-EBUSY, ipc_open(IPC_ID, O_RDWR));
	EXPECT_EQ(-EWOULDBLOCK, remove_module("bao_mailbox"));
	for (i = 0; i < 100; i++)
		EXPECT_ECHO(0);
	ASSERT_EQ(0, remove_module(TEST_MODULE));
	self->fd = ipc_open(IPC_ID, O_RDWR);
	EXPECT_LE(0, self->fd);
}

/* What the hypervisor refuses is lost, and nothing but that */
TEST_F(life, a_mailbox_client_goes_on_after_errors)
{
	unsigned int i;
	int ret;

	close(self->fd);
	self->fd = -1;
	ret = load_user(IPC_ID, 1);
	if (ret == -ENOENT || ret == -EOPNOTSUPP)
		SKIP(return, "no mailbox to be requested");
	ASSERT_EQ(0, ret);
	/* More than the framework has room for */
	ASSERT_EQ(0, ipc_fault(self->sim, BAO_SIM_NOTIFY, 30, -1));
	for (i = 1; i <= 30; i++) {
		ASSERT_EQ(0, ipc_ring(self->sim, 0, 1));
		ASSERT_TRUE(wait_until(ipc_statistic(IPC_ID, "notify_errors") == i));
	}
	EXPECT_EQ(0, ipc_counters(self->sim).notifies[0]);
	for (i = 1; i <= 10; i++) {
		EXPECT_ECHO(0);
		EXPECT_EQ(i, ipc_counters(self->sim).notifies[0]);
	}
	ASSERT_EQ(0, remove_module(TEST_MODULE));
}

/* Doorbells come from the moment that it is there, and until it is not */
TEST_F_TIMEOUT(life, users_in_the_kernel_come_and_go_while_it_rings, LONG_TEST_S)
{
	unsigned int i, total = rounds(20);
	pid_t pid;
	int ret;

	close(self->fd);
	self->fd = -1;
	pid = spawn(ring_for_ever, &self->sim);
	for (i = 0; i < total; i++) {
		ret = load_user(IPC_ID, i % 2);
		if (ret == -ENOENT)
			SKIP(return, "there is no " TEST_MODULE);
		if (ret == -EOPNOTSUPP)
			continue;
		ASSERT_EQ(0, ret);
		ASSERT_EQ(0, remove_module(TEST_MODULE));
	}
	kill_child(pid);
	self->fd = ipc_open(IPC_ID, O_RDWR);
	EXPECT_LE(0, self->fd);
}

/* Whoever takes the channel from under it, the mailbox stays until its client frees it */

static int unbind_mailboxes(int sim)
{
	return driver_control("bao_mailbox", "unbind", "bao.mailbox.7");
}

static int bind_mailboxes(int sim)
{
	return driver_control("bao_mailbox", "bind", "bao.mailbox.7");
}

static int unbind_channel(int sim)
{
	return life(sim, BAO_SIM_UNBIND);
}

static int bind_channel(int sim)
{
	return life(sim, BAO_SIM_BIND);
}

TEST_F(life, a_mailbox_client_survives_unbind)
{
	static const struct {
		int (*unbind)(int sim);
		int (*bind)(int sim);
	} way[] = { { unbind_mailboxes, bind_mailboxes }, { unbind_channel, bind_channel } };
	unsigned int i;
	bool late;
	int ret;

	close(self->fd);
	self->fd = -1;
	for (i = 0; i < 2 * ARRAY_SIZE(way); i++) {
		ret = load_user(IPC_ID, 1);
		if (ret == -ENOENT || ret == -EOPNOTSUPP)
			SKIP(return, "no mailbox to be requested");
		ASSERT_EQ(0, ret);
		EXPECT_ECHO(0);
		ASSERT_EQ(0, way[i / 2].unbind(self->sim));
		/* Its mailbox is freed before there is a new one, which may be in its place */
		late = i % 2;
		if (late)
			ASSERT_EQ(0, remove_module(TEST_MODULE));
		ASSERT_EQ(0, way[i / 2].bind(self->sim));
		/* It has lost the channel, which another one can have at once */
		self->fd = ipc_open(IPC_ID, O_RDWR);
		EXPECT_LE(0, self->fd);
		close(self->fd);
		if (!late)
			ASSERT_EQ(0, remove_module(TEST_MODULE));
		ASSERT_EQ(0, load_user(IPC_ID, 1));
		EXPECT_ECHO(0);
		ASSERT_EQ(0, remove_module(TEST_MODULE));
	}
	self->fd = ipc_open(IPC_ID, O_RDWR);
	EXPECT_LE(0, self->fd);
}

TEST_F(life, only_what_is_offered_is_a_mailbox)
{
	struct bao_sim_ipc config = ipc_config();
	int sim;

	config.id = 8;
	sim = ipc_sim(&config);
	ASSERT_LE(0, sim);
	EXPECT_EQ(-1, access("/sys/bus/auxiliary/devices/bao.mailbox.8", F_OK));
	EXPECT_EQ(0, access("/sys/bus/auxiliary/devices/bao.mailbox.7", F_OK));
	close(sim);
}

TEST_HARNESS_MAIN
