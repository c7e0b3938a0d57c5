// SPDX-License-Identifier: GPL-2.0
/*
 * The life of endpoints and modules in a storm: frontends access, device models serve and start
 * anew, and meanwhile everything below them comes, goes, sleeps and goes down.
 */
#include <unistd.h>

#include "../kselftest_harness.h"
#include "backend.h"
#include "load.h"
#include "modules.h"
#include "sim.h"

#define SERVERS	2	/* of each device */
#define VCPUS	4	/* that read */
#define KICKERS	2	/* and that kick, behind them */

/**
 * struct hook - a thread that has ioeventfds and irqfds whenever it can
 * @thread: it
 * @dm_id: device model
 * @stop: it shall end
 * @event: what the kicks signal, and what interrupts the frontend
 */
struct hook {
	pthread_t thread;
	unsigned int dm_id;
	bool stop;
	int event;
};

static struct access kick_of(unsigned int dm_id)
{
	return write_of(frontend_window(dm_id) + 0x50, 4, 0);
}

static void *hook_for_life(void *arg)
{
	struct hook *hook = arg;
	struct pollfd pfd = { .events = 0 };

	while (!__atomic_load_n(&hook->stop, __ATOMIC_ACQUIRE)) {
		pfd.fd = dm_open(hook->dm_id);
		if (pfd.fd < 0) {
			give_way();
			continue;
		}
		/* These fail if it has gone again, and then there is nothing to wait for */
		ioeventfd(pfd.fd, hook->event, kick_of(hook->dm_id), 0);
		irqfd(pfd.fd, hook->event, 0);
		while (!__atomic_load_n(&hook->stop, __ATOMIC_ACQUIRE) && !poll(&pfd, 1, 10))
			eventfd_add(hook->event, 1);
		close_fd(pfd.fd);
	}
	return NULL;
}

/* What keeps a device busy */
struct busy {
	unsigned int dm_id;
	struct server server[SERVERS];
	struct hook hook;
};

static int busy_start(struct busy *busy, unsigned int dm_id)
{
	unsigned int i;
	int ret = 0;

	*busy = (struct busy){ .dm_id = dm_id };
	busy->hook = (struct hook){ .dm_id = dm_id, .event = new_eventfd(0) };
	for (i = 0; !ret && i < SERVERS; i++)
		ret = server_start(&busy->server[i], dm_id, -1);
	if (!ret)
		ret = -pthread_create(&busy->hook.thread, NULL, hook_for_life, &busy->hook);
	load_start(dm_id, 0, VCPUS, read_of(frontend_window(dm_id) + 4, 4));
	load_start(dm_id, VCPUS, KICKERS, kick_of(dm_id));
	return ret;
}

static bool busy_goes_on(struct busy *busy, unsigned int answers)
{
	return load_goes_on(busy->dm_id, 0, VCPUS, answers) &&
	       load_goes_on(busy->dm_id, VCPUS, KICKERS, answers);
}

static bool none_parked(unsigned int dm_id)
{
	unsigned int i;

	for (i = 0; i < VCPUS + KICKERS; i++) {
		if (frontend_parked(dm_id, i))
			return false;
	}
	return true;
}

/* Returns whether all went well; the device is in service again */
static bool busy_stop(struct busy *busy)
{
	bool well = busy_goes_on(busy, 10);

	load_stop(busy->dm_id, 0, VCPUS + KICKERS);
	well &= wait_until(none_parked(busy->dm_id));
	__atomic_store_n(&busy->hook.stop, true, __ATOMIC_RELEASE);
	well &= !pthread_join(busy->hook.thread, NULL);
	return well && !servers_quit(busy->server, SERVERS);
}

FIXTURE(life) {
	struct prng prng;
};

FIXTURE_SETUP(life)
{
	STORM_SET_UP(&self->prng);
}

/* A test that failed halfway may have left things unbound */
FIXTURE_TEARDOWN(life)
{
	if (access("/sys/module/bao_remio", F_OK))
		load_module("bao_remio");
	endpoints_bind();
	remio_bind(0);
	STORM_TEAR_DOWN();
}

static bool all_parked_are_pending(unsigned int dm_id)
{
	unsigned int i, parked = 0;
	struct counters c;

	for (i = 0; i < VCPUS + KICKERS; i++)
		parked += frontend_parked(dm_id, i);
	frontend_counters(dm_id, &c);
	return !c.processing && c.pending == parked;
}

TEST_F_TIMEOUT(life, endpoints_come_and_go_under_load, LONG_TEST_S)
{
	unsigned int i, round, total = rounds(12);
	struct busy busy[2];

	for (i = 0; i < ARRAY_SIZE(busy); i++)
		ASSERT_EQ(0, busy_start(&busy[i], i));
	for (round = 0; round < total; round++) {
		for (i = 0; i < ARRAY_SIZE(busy); i++)
			ASSERT_TRUE(busy_goes_on(&busy[i], prng_below(&self->prng, 20)));
		ASSERT_EQ(0, endpoints_unbind());
		for (i = 0; i < ARRAY_SIZE(busy); i++)
			EXPECT_TRUE(all_parked_are_pending(i));
		ASSERT_EQ(0, endpoints_bind());
	}
	for (i = 0; i < ARRAY_SIZE(busy); i++)
		EXPECT_TRUE(busy_stop(&busy[i]));
}

/* bao_remio alone: requests wait, and none gets the default */
TEST_F_TIMEOUT(life, remio_comes_and_goes_under_load, LONG_TEST_S)
{
	long long defaults = statistic(0, "default_answers");
	unsigned int round, total = rounds(20);
	struct busy busy;

	ASSERT_EQ(0, busy_start(&busy, 0));
	for (round = 0; round < total; round++) {
		ASSERT_TRUE(busy_goes_on(&busy, prng_below(&self->prng, 20)));
		ASSERT_EQ(0, remio_unbind(0));
		if (prng_one_in(&self->prng, 2))
			ASSERT_EQ(-ENOENT, dm_open(0));
		ASSERT_EQ(0, remio_bind(0));
	}
	EXPECT_TRUE(busy_stop(&busy));
	EXPECT_EQ(defaults, statistic(0, "default_answers"));
}

/* Opens, serves a little and closes, so that there are moments without a descriptor */
static void *serve_at_times(void *arg)
{
	struct bao_virtio_request req;
	struct hook *visitor = arg;
	unsigned int i;
	int fd;

	while (!__atomic_load_n(&visitor->stop, __ATOMIC_ACQUIRE)) {
		fd = dm_open(visitor->dm_id);
		for (i = 0; fd >= 0 && i < 5 && dm_waiting(fd) && !dm_take(fd, &req); i++)
			dm_answer(fd, req, answer_to(req.addr));
		if (fd >= 0)
			close_fd(fd);
		for (i = 0; i < 100; i++)
			give_way();
	}
	return NULL;
}

/* The visitor is there most of the time: on a slow machine it takes many tries to find it away */
static int remove_at_last(unsigned int *refused)
{
	unsigned int i;
	int ret = -EWOULDBLOCK;

	for (i = 0; i < 20 && ret == -EWOULDBLOCK; i++)
		wait_until((ret = remove_module("bao_remio")) != -EWOULDBLOCK || !++*refused);
	return ret;
}

TEST_F_TIMEOUT(life, modules_go_only_while_nobody_uses_them, LONG_TEST_S)
{
	unsigned int round, refused = 0, total = rounds(10);
	struct hook visitor = { .dm_id = 0 };
	struct server server;
	int fd;

	if (!modular())
		SKIP(return, "the driver is not modular");
	load_start(0, 0, VCPUS, read_of(frontend_window(0) + 4, 4));
	ASSERT_EQ(0, pthread_create(&visitor.thread, NULL, serve_at_times, &visitor));
	for (round = 0; round < total; round++) {
		/* The transport is in use as long as bao_remio is there */
		EXPECT_EQ(-EWOULDBLOCK, remove_module("bao"));
		ASSERT_EQ(0, remove_at_last(&refused));
		EXPECT_GT(0, dispatcher_open());
		ASSERT_EQ(0, load_module("bao_remio"));
	}
	__atomic_store_n(&visitor.stop, true, __ATOMIC_RELEASE);
	ASSERT_EQ(0, pthread_join(visitor.thread, NULL));
	fd = dm_open(0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, server_start(&server, 0, fd));
	EXPECT_TRUE(load_goes_on(0, 0, VCPUS, 10));
	load_stop(0, 0, VCPUS);
	ASSERT_TRUE(wait_until(none_parked(0)));
	ASSERT_EQ(0, servers_quit(&server, 1));
	printf("# the module was removed %u times, and stayed %u times\n", total, refused);
}

/* What only the simulator can do to a single endpoint */

FIXTURE(sim_life) {
	struct prng prng;
};

FIXTURE_SETUP(sim_life)
{
	STORM_SET_UP(&self->prng);
	SIM_OR_SKIP();
}

static void back_to_normal(unsigned int dm_id)
{
	/* Whatever it is in, this ends it; all but the last may fail */
	sim_life(sim_fd(), dm_id, BAO_SIM_UNBIND);
	sim_life(sim_fd(), dm_id, BAO_SIM_BIND);
}

FIXTURE_TEARDOWN(sim_life)
{
	unsigned int i;

	for (i = 0; i < SIM_DEVICES; i++)
		back_to_normal(i);
	STORM_TEAR_DOWN();
}

TEST_F_TIMEOUT(sim_life, sleeps_and_wakes_under_load, LONG_TEST_S)
{
	unsigned int round, total = rounds(40);
	struct counters before, c;
	struct busy busy;

	ASSERT_EQ(0, busy_start(&busy, 0));
	for (round = 0; round < total; round++) {
		ASSERT_TRUE(busy_goes_on(&busy, prng_below(&self->prng, 20)));
		ASSERT_EQ(0, sim_life(sim_fd(), 0, BAO_SIM_SUSPEND));
		frontend_counters(0, &before);
		/* What it has, it answers; then all stand still */
		ASSERT_TRUE(wait_until(all_parked_are_pending(0)));
		frontend_counters(0, &c);
		EXPECT_EQ(before.asks, c.asks);
		EXPECT_EQ(VCPUS + KICKERS, c.pending);
		ASSERT_EQ(0, sim_life(sim_fd(), 0, BAO_SIM_RESUME));
	}
	EXPECT_TRUE(busy_stop(&busy));
}

TEST_F_TIMEOUT(sim_life, goes_down_under_load, LONG_TEST_S)
{
	unsigned int round, total = rounds(15);
	struct counters before, c;
	struct busy busy;

	ASSERT_EQ(0, busy_start(&busy, 0));
	for (round = 0; round < total; round++) {
		ASSERT_TRUE(busy_goes_on(&busy, prng_below(&self->prng, 20)));
		ASSERT_EQ(0, sim_life(sim_fd(), 0, BAO_SIM_SHUTDOWN));
		frontend_counters(0, &before);
		EXPECT_TRUE(all_parked_are_pending(0));
		EXPECT_EQ(-ENODEV, dm_open(0));
		frontend_counters(0, &c);
		EXPECT_EQ(before.asks, c.asks);
		EXPECT_EQ(before.completes, c.completes);
		EXPECT_EQ(before.notifies, c.notifies);
		/* The next kernel finds what there is */
		ASSERT_EQ(0, sim_life(sim_fd(), 0, BAO_SIM_UNBIND));
		ASSERT_EQ(0, sim_life(sim_fd(), 0, BAO_SIM_BIND));
	}
	EXPECT_TRUE(busy_stop(&busy));
}

struct fate {
	pthread_t thread;
	struct prng prng;
	unsigned int events;
	int error;
};

/* Events as they come. Most make no sense where they come, and many come at the same time. */
static void *strike(void *arg)
{
	struct fate *fate = arg;
	unsigned int dm_id;
	int ret;

	while (!fate->error && fate->events--) {
		dm_id = prng_below(&fate->prng, SIM_DEVICES);
		switch (prng_below(&fate->prng, 8)) {
		case 0:
			ret = remio_unbind(dm_id);
			break;
		case 1:
			ret = remio_bind(dm_id);
			break;
		case 2:
			ret = sim_raise(dm_id);
			break;
		default:
			ret = sim_life(sim_fd(), dm_id,
				       prng_below(&fate->prng, BAO_SIM_RESUME + 1));
			break;
		}
		/*
		 * ENODEV, EBUSY: there is no endpoint, or it is in that state already. EAGAIN: it
		 * comes just now, and the driver core will bind it by itself.
		 */
		if (ret && ret != -EBUSY && ret != -ENODEV && ret != -EAGAIN)
			fate->error = ret;
	}
	return NULL;
}

TEST_F_TIMEOUT(sim_life, anything_may_happen_at_any_time, LONG_TEST_S)
{
	struct busy busy[SIM_DEVICES];
	struct fate fate[3];
	unsigned int i;

	for (i = 0; i < SIM_DEVICES; i++)
		ASSERT_EQ(0, busy_start(&busy[i], i));
	for (i = 0; i < ARRAY_SIZE(fate); i++) {
		fate[i] = (struct fate) {
			.prng = { prng_next(&self->prng) },
			.events = rounds(50),
		};
		ASSERT_EQ(0, pthread_create(&fate[i].thread, NULL, strike, &fate[i]));
	}
	for (i = 0; i < ARRAY_SIZE(fate); i++) {
		ASSERT_EQ(0, pthread_join(fate[i].thread, NULL));
		EXPECT_EQ(0, fate[i].error);
	}
	for (i = 0; i < SIM_DEVICES; i++)
		back_to_normal(i);
	for (i = 0; i < SIM_DEVICES; i++)
		EXPECT_TRUE(busy_stop(&busy[i]));
}

TEST_HARNESS_MAIN
