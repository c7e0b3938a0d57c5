/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the storms share: device models under load, and the books that must balance afterwards.
 */
#ifndef SELFTESTS_BAO_LOAD_H
#define SELFTESTS_BAO_LOAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>

#include "backend.h"
#include "prng.h"

#define FOR_EVER	0xffffffff

/* Write here makes one server quit */
#define QUIT_OFFSET	0x1f0

/* What servers answer to a read, of any width */
__u64 answer_to(__u64 addr);

/**
 * struct server - a thread that answers requests
 * @thread: it
 * @dm_id: device model
 * @fd: its descriptor; -1: it opens one, and another one when that is dead
 * @served: requests answered so far
 * @error: why it has stopped, if not by QUIT
 * @quits: whether it shall not open another one
 */
struct server {
	pthread_t thread;
	unsigned int dm_id;
	int fd;
	unsigned int served;
	int error;
	bool quits;
};

int server_start(struct server *server, unsigned int dm_id, int fd);
/* By a QUIT for each, from vCPUs that have nothing else to do; they must be servers of one DM */
int servers_quit(struct server *servers, unsigned int nr);

/* Reads and kicks without end, by vCPUs from first on */
void load_start(unsigned int dm_id, unsigned int first, unsigned int nr, struct access access);
void load_stop(unsigned int dm_id, unsigned int first, unsigned int nr);
/* Waits until these vCPUs together have got so many answers more */
bool load_goes_on(unsigned int dm_id, unsigned int first, unsigned int nr, unsigned int answers);

/*
 * Books of a device that nobody uses any more, since the counters were reset: all accesses have
 * been completed, nothing waits, nothing went wrong. NULL, or what is not so.
 */
const char *books_balance(unsigned int dm_id);

/* For FIXTURE_SETUP and FIXTURE_TEARDOWN of all storms */
#define STORM_SET_UP(generator) do {						\
	struct prng *_prng = (generator);					\
	unsigned int _dm;							\
										\
	SET_UP_OR_SKIP();							\
	_prng->state = prng_seed();						\
	printf("# BAO_SEED=%llu\n", _prng->state);				\
	for (_dm = 0; _dm < frontend_devices(); _dm++)				\
		frontend_reset_counters(_dm);					\
} while (0)

#define STORM_TEAR_DOWN() do {							\
	unsigned int _dm;							\
										\
	TEAR_DOWN();								\
	for (_dm = 0; _dm < frontend_devices(); _dm++) {			\
		const char *_wrong = books_balance(_dm);			\
										\
		EXPECT_TRUE(!_wrong)						\
			TH_LOG("device %u: %s", _dm, _wrong);			\
	}									\
} while (0)

#endif
