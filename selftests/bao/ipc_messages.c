// SPDX-License-Identifier: GPL-2.0
/* Many messages both ways: each once, in order, whole. The other VM is a process, too. */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "backend.h"
#include "ipc_link.h"
#include "ipc_sim.h"
#include "sim.h"

FIXTURE(messages) {
	struct bao_sim_ipc config;
	int sim;
	int fd;
	unsigned char *peer;
};

FIXTURE_VARIANT(messages) {
	int (*link)(struct ipc_link *link, int fd, size_t offset);
	__u32 flags;
};

FIXTURE_VARIANT_ADD(messages, by_read_write_and_poll) { ipc_link_by_calls, 0 };
FIXTURE_VARIANT_ADD(messages, by_mapping_and_doorbell) { ipc_link_by_mapping, 0 };
FIXTURE_VARIANT_ADD(messages, by_mapping_of_two_regions) {
	ipc_link_by_mapping, BAO_SIM_IPC_SPLIT
};

FIXTURE_SETUP(messages)
{
	SET_UP_OR_SKIP();
	SIM_OR_SKIP();
	self->config = ipc_config();
	self->config.flags = variant->flags;
	self->sim = ipc_sim(&self->config);
	ASSERT_LE(0, self->sim);
	self->fd = ipc_open(IPC_ID, O_RDWR);
	ASSERT_LE(0, self->fd);
	self->peer = ipc_peer_map(self->sim, &self->config);
	ASSERT_NE(NULL, self->peer);
}

FIXTURE_TEARDOWN(messages)
{
	close(self->fd);
	munmap(self->peer, self->config.size);
	close(self->sim);
	TEAR_DOWN();
}

/* The other VM */

struct peer {
	struct ipc_link link;
	int sim;
	__u32 heard;
	__u32 count;
};

static int peer_ring(struct ipc_link *link)
{
	struct peer *peer = link->ctx;

	return ipc_ring(peer->sim, 0, 1);
}

static void peer_look(struct ipc_link *link)
{
	struct peer *peer = link->ctx;

	peer->heard = ipc_counters(peer->sim).notifies[0];
}

static int peer_wait(struct ipc_link *link)
{
	struct peer *peer = link->ctx;

	return ipc_rung(peer->sim, 0, peer->heard + 1);
}

static int run_peer(void *arg)
{
	struct peer *peer = arg;

	return -ipc_link_exchange(&peer->link, peer->count);
}

/* It may be behind by what its last messages take, several limits of reap() long */
static int reap_late(pid_t pid)
{
	int ret = -ETIMEDOUT, tries;

	for (tries = 0; ret == -ETIMEDOUT && tries < 4; tries++)
		ret = reap(pid);
	return ret;
}

TEST_F_TIMEOUT(messages, each_arrives_once_and_whole, LONG_TEST_S)
{
	__u32 count = rounds(100000);
	struct peer peer = {
		.sim = self->sim,
		.count = count,
		.link = {
			/* They read what we write */
			.rx = self->peer + IPC_TX,
			.tx = self->peer + IPC_RX,
			.ring = peer_ring,
			.look = peer_look,
			.wait = peer_wait,
			.ctx = &peer,
		},
	};
	struct bao_sim_ipc_counters c;
	struct ipc_link link;
	pid_t pid;

	ASSERT_EQ(0, variant->link(&link, self->fd, 0));
	pid = spawn(run_peer, &peer);
	ASSERT_LT(0, pid);
	EXPECT_EQ(0, ipc_link_exchange(&link, count));
	EXPECT_EQ(0, reap_late(pid));
	c = ipc_counters(self->sim);
	EXPECT_EQ(0, c.violations);
	EXPECT_EQ(0, c.bad_calls);
	TH_LOG("%u messages each way, %u doorbells out, %u in", count, c.calls, c.interrupts);
}

TEST_HARNESS_MAIN
