// SPDX-License-Identifier: GPL-2.0
/*
 * Eventfds in a storm: ioeventfds and irqfds come and go while they are used, and the counts of
 * kicks, signals, writes and interrupts add up.
 */
#include <unistd.h>

#include "../kselftest_harness.h"
#include "backend.h"
#include "load.h"

#define DM 0

FIXTURE(kicks) {
	struct prng prng;
	int fd;
	struct access kick;
};

FIXTURE_VARIANT(kicks) {
	unsigned int flags;
	unsigned int assigners;
};

FIXTURE_VARIANT_ADD(kicks, of_one_value) {
	.flags = BAO_IOEVENTFD_FLAG_DATAMATCH, .assigners = 1,
};

FIXTURE_VARIANT_ADD(kicks, of_any_value) { .flags = 0, .assigners = 1 };

FIXTURE_VARIANT_ADD(kicks, that_many_want) {
	.flags = BAO_IOEVENTFD_FLAG_DATAMATCH, .assigners = 3,
};

FIXTURE_SETUP(kicks)
{
	STORM_SET_UP(&self->prng);
	self->fd = dm_open(DM);
	ASSERT_LE(0, self->fd);
	self->kick = write_of(frontend_window(DM) + 0x50, 4, 1);
}

FIXTURE_TEARDOWN(kicks)
{
	STORM_TEAR_DOWN();
}

/**
 * struct assigner - a thread that assigns an ioeventfd and takes it back, again and again
 * @thread: it
 * @prng: what decides how it is taken back, and when
 * @match: its match, which others may want as well
 * @flags: of the assignment
 * @rounds: so often
 * @signals: what the eventfd got
 * @late: what of it came after the end of an ioeventfd
 * @error: what it should not have got, if any
 */
struct assigner {
	pthread_t thread;
	struct prng prng;
	struct access match;
	unsigned int flags;
	unsigned int rounds;
	unsigned int signals;
	unsigned int late;
	int error;
};

static void dawdle(struct prng *prng, unsigned int most)
{
	unsigned int n = prng_below(prng, most);

	while (n--)
		give_way();
}

static int assign_once(struct assigner *a, int event)
{
	unsigned int remove = BAO_IOEVENTFD_FLAG_DEASSIGN;
	bool deassign = !prng_one_in(&a->prng, 3);
	int fd = dm_open(DM);
	int ret;

	if (fd < 0)
		return fd;
	a->late += eventfd_poll(event);
	do {
		ret = ioeventfd(fd, event, a->match, a->flags);
		if (ret == -EEXIST)
			give_way();
	} while (ret == -EEXIST);
	dawdle(&a->prng, 200);
	if (!ret && deassign)
		ret = ioeventfd(fd, event, a->match, a->flags | remove);
	if (!deassign)
		close_fd(fd);
	a->signals += eventfd_poll(event);
	if (deassign)
		close_fd(fd);
	return ret;
}

static void *assign_often(void *arg)
{
	struct assigner *a = arg;
	int event = new_eventfd(0);

	while (!a->error && a->rounds--) {
		a->error = assign_once(a, event);
		dawdle(&a->prng, 100);
	}
	return NULL;
}

TEST_F_TIMEOUT(kicks, signal_or_reach_the_process, LONG_TEST_S)
{
	unsigned int i, signals = 0, served = 0;
	struct assigner assigner[3];
	struct server server[3];
	struct counters c;

	for (i = 0; i < ARRAY_SIZE(server); i++)
		ASSERT_EQ(0, server_start(&server[i], DM, self->fd));
	/* Some match, some do not, depending on the value and on who looks */
	for (i = 0; i < 4; i++) {
		struct access kick = self->kick;

		kick.value = i % 2;
		load_start(DM, i, 1, kick);
	}
	for (i = 0; i < variant->assigners; i++) {
		assigner[i] = (struct assigner) {
			.prng = { prng_next(&self->prng) },
			.match = self->kick,
			.flags = variant->flags,
			.rounds = rounds(30),
		};
		ASSERT_EQ(0, pthread_create(&assigner[i].thread, NULL, assign_often,
					    &assigner[i]));
	}
	for (i = 0; i < variant->assigners; i++) {
		ASSERT_EQ(0, pthread_join(assigner[i].thread, NULL));
		EXPECT_EQ(0, assigner[i].error);
		EXPECT_EQ(0, assigner[i].late);
		signals += assigner[i].signals;
	}
	EXPECT_TRUE(load_goes_on(DM, 0, 4, 10));
	load_stop(DM, 0, 4);
	for (i = 0; i < 4; i++)
		ASSERT_TRUE(wait_until(!frontend_parked(DM, i)));
	ASSERT_EQ(0, servers_quit(server, ARRAY_SIZE(server)));
	for (i = 0; i < ARRAY_SIZE(server); i++)
		served += server[i].served;
	frontend_counters(DM, &c);
	EXPECT_EQ(c.accesses, signals + served + ARRAY_SIZE(server));
	EXPECT_LT(0, signals);
	printf("# %u signals, %u for the process\n", signals, served);
}

/* irqfds */

enum end {
	DEASSIGN,
	RELEASE_DM,
	CLOSE_EVENTFD,
};

FIXTURE(irqs) {
	struct prng prng;
};

FIXTURE_VARIANT(irqs) {
	enum end end;
};

FIXTURE_VARIANT_ADD(irqs, deassigned) { .end = DEASSIGN };
FIXTURE_VARIANT_ADD(irqs, released) { .end = RELEASE_DM };
FIXTURE_VARIANT_ADD(irqs, closed) { .end = CLOSE_EVENTFD };

FIXTURE_SETUP(irqs)
{
	STORM_SET_UP(&self->prng);
}

FIXTURE_TEARDOWN(irqs)
{
	STORM_TEAR_DOWN();
}

/**
 * struct writer - a thread that writes to an eventfd
 * @thread: it
 * @barrier: before each round and after it
 * @event: its own descriptor, which it closes after the round; -1: quit
 * @count: writes in a round
 * @error: what failed, if anything
 */
struct writer {
	pthread_t thread;
	pthread_barrier_t *barrier;
	int event;
	unsigned int count;
	int error;
};

static void *write_often(void *arg)
{
	struct writer *writer = arg;
	unsigned int i;

	for (;;) {
		pthread_barrier_wait(writer->barrier);
		if (writer->event < 0)
			return NULL;
		for (i = 0; i < writer->count; i++)
			writer->error = eventfd_add(writer->event, 1) ?: writer->error;
		close(writer->event);
		pthread_barrier_wait(writer->barrier);
	}
}

#define WRITERS	3

static int writers_start(struct writer *writer, pthread_barrier_t *barrier, unsigned int nr)
{
	unsigned int i;
	int ret;

	ret = -pthread_barrier_init(barrier, NULL, nr + 1);
	for (i = 0; !ret && i < nr; i++) {
		writer[i] = (struct writer){ .barrier = barrier, .count = 20 };
		ret = -pthread_create(&writer[i].thread, NULL, write_often, &writer[i]);
	}
	return ret;
}

static int writers_quit(struct writer *writer, pthread_barrier_t *barrier, unsigned int nr)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < nr; i++)
		writer[i].event = -1;
	pthread_barrier_wait(barrier);
	for (i = 0; i < nr; i++)
		ret = -pthread_join(writer[i].thread, NULL) ?: writer[i].error ?: ret;
	pthread_barrier_destroy(barrier);
	return ret;
}

static __u32 notifies(void)
{
	struct counters c;

	frontend_counters(DM, &c);
	return c.notifies;
}

/* A write either interrupts the frontend or stays in the counter */
TEST_F_TIMEOUT(irqs, end_without_losing_or_doubling_a_write, LONG_TEST_S)
{
	unsigned int i, round, total = rounds(60);
	struct writer writer[WRITERS];
	pthread_barrier_t barrier;

	ASSERT_EQ(0, writers_start(writer, &barrier, WRITERS));
	for (round = 0; round < total; round++) {
		int fd = dm_open(DM), event = new_eventfd(0);
		__u32 before = notifies(), after;
		unsigned int left = 0;

		ASSERT_LE(0, fd);
		ASSERT_EQ(0, irqfd(fd, event, 0));
		for (i = 0; i < WRITERS; i++)
			writer[i].event = dup(event);
		pthread_barrier_wait(&barrier);
		dawdle(&self->prng, 20);
		switch (variant->end) {
		case DEASSIGN:
			EXPECT_EQ(0, irqfd(fd, event, BAO_IRQFD_FLAG_DEASSIGN));
			break;
		case RELEASE_DM:
			close_fd(fd);
			break;
		case CLOSE_EVENTFD:
			close_fd(event);
			break;
		}
		after = notifies();
		pthread_barrier_wait(&barrier);
		if (variant->end != CLOSE_EVENTFD) {
			/* No interrupt came after the end */
			EXPECT_EQ(after, notifies());
			left = eventfd_poll(event);
			close_fd(event);
		}
		ASSERT_EQ(WRITERS * 20, notifies() - before + left);
		if (variant->end != RELEASE_DM)
			close_fd(fd);
	}
	EXPECT_EQ(0, writers_quit(writer, &barrier, WRITERS));
}

FIXTURE(irq) {
	struct prng prng;
};

FIXTURE_SETUP(irq)
{
	STORM_SET_UP(&self->prng);
}

FIXTURE_TEARDOWN(irq)
{
	STORM_TEAR_DOWN();
}

/* Of several writes before it, assignment makes one interrupt; so there is one */
TEST_F_TIMEOUT(irq, assignment_sees_a_write_once, LONG_TEST_S)
{
	int fd = dm_open(DM), event = new_eventfd(0);
	unsigned int round, total = rounds(200);
	pthread_barrier_t barrier;
	struct writer writer;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, writers_start(&writer, &barrier, 1));
	writer.count = 1;
	for (round = 0; round < total; round++) {
		__u32 before = notifies();

		writer.event = dup(event);
		pthread_barrier_wait(&barrier);
		dawdle(&self->prng, 3);
		ASSERT_EQ(0, irqfd(fd, event, 0));
		pthread_barrier_wait(&barrier);
		ASSERT_EQ(before + 1, notifies());
		ASSERT_EQ(0, eventfd_poll(event));
		ASSERT_EQ(0, irqfd(fd, event, BAO_IRQFD_FLAG_DEASSIGN));
	}
	EXPECT_EQ(0, writers_quit(&writer, &barrier, 1));
}

/* Each descriptor has its own irqfd of the same eventfd, and each comes and goes at its time */
TEST_F_TIMEOUT(irq, of_one_eventfd_for_many_descriptors, LONG_TEST_S)
{
	int steady = dm_open(DM), event = new_eventfd(0);
	unsigned int i, round, total = rounds(40);
	struct writer writer[WRITERS];
	pthread_barrier_t barrier;

	ASSERT_LE(0, steady);
	ASSERT_EQ(0, irqfd(steady, event, 0));
	ASSERT_EQ(0, writers_start(writer, &barrier, WRITERS));
	for (round = 0; round < total; round++) {
		unsigned int writes = WRITERS * 20;
		__u32 before = notifies();
		int fd = dm_open(DM);

		ASSERT_LE(0, fd);
		for (i = 0; i < WRITERS; i++)
			writer[i].event = dup(event);
		pthread_barrier_wait(&barrier);
		dawdle(&self->prng, 10);
		EXPECT_EQ(0, irqfd(fd, event, 0));
		dawdle(&self->prng, 10);
		close_fd(fd);
		pthread_barrier_wait(&barrier);
		EXPECT_LE(writes, notifies() - before);
		EXPECT_GE(2 * writes, notifies() - before);
		EXPECT_EQ(0, eventfd_poll(event));
	}
	EXPECT_EQ(0, writers_quit(writer, &barrier, WRITERS));
	ASSERT_EQ(0, eventfd_add(event, 1));
	EXPECT_EQ(0, eventfd_poll(event));
}

TEST_HARNESS_MAIN
