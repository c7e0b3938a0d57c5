/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How long accesses took, for medians and the like. Pure logic; the caller has the clock.
 */
#ifndef BAO_VMM_TIMES_H
#define BAO_VMM_TIMES_H

#include <stdbool.h>
#include <stdint.h>

/* Those that come after are not kept: what has been measured does not change any more. */
#define TIMES_MAX	16384

/**
 * struct times - times of some accesses
 * @nr: how many
 * @sorted: @ns are in ascending order
 * @ns: in nanoseconds, none longer than UINT32_MAX
 */
struct times {
	uint32_t nr;
	bool sorted;
	uint32_t ns[TIMES_MAX];
};

void times_reset(struct times *t);
void times_add(struct times *t, uint64_t ns);

/* The one that @rank others are shorter than, or as long; 0 if there is none */
uint32_t times_ranked(struct times *t, uint32_t rank);

#endif
