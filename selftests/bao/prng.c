// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <sys/random.h>

#include "prng.h"

static const char *given(void)
{
	const char *seed = getenv("BAO_SEED");

	return seed && *seed ? seed : NULL;
}

bool prng_seed_is_given(void)
{
	return given();
}

__u64 prng_seed(void)
{
	__u32 seed;

	if (given())
		return strtoull(given(), NULL, 0);
	/* 32 bits are enough, and can be typed */
	return getrandom(&seed, sizeof(seed), 0) == sizeof(seed) ? seed : 1;
}

/* splitmix64, see https://prng.di.unimi.it/splitmix64.c: every state is good, also a small seed */
__u64 prng_next(struct prng *prng)
{
	__u64 z = prng->state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

__u32 prng_below(struct prng *prng, __u32 limit)
{
	return prng_next(prng) % limit;
}

bool prng_one_in(struct prng *prng, __u32 times)
{
	return !prng_below(prng, times);
}
