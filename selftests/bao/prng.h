/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Random numbers that can be had again: who prints the seed of a run tells how to repeat it.
 */
#ifndef SELFTESTS_BAO_PRNG_H
#define SELFTESTS_BAO_PRNG_H

#include <stdbool.h>

#include <linux/types.h>

struct prng {
	__u64 state;
};

/* $BAO_SEED, or a new one */
__u64 prng_seed(void);
/* Whether it was given, so that somebody wants a run repeated */
bool prng_seed_is_given(void);

__u64 prng_next(struct prng *prng);
/* Less than limit, which is not 0 */
__u32 prng_below(struct prng *prng, __u32 limit);
/* True once in so many times */
bool prng_one_in(struct prng *prng, __u32 times);

#endif
