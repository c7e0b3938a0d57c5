// SPDX-License-Identifier: GPL-2.0
#include "../times.h"
#include "test.h"

void test_times(void)
{
	static struct times t;

	times_reset(&t);
	eq(times_ranked(&t, 0), 0, "no time, no rank");
	times_add(&t, 30);
	times_add(&t, 10);
	times_add(&t, 20);
	eq(times_ranked(&t, 0), 10, "the shortest");
	eq(times_ranked(&t, 1), 20, "the median");
	eq(times_ranked(&t, 2), 30, "the longest");
	eq(times_ranked(&t, 3), 0, "there is no fourth");
	times_add(&t, 15);
	eq(times_ranked(&t, 1), 15, "one more is sorted in");
	times_add(&t, 1ull << 32);
	eq(times_ranked(&t, 4), UINT32_MAX, "what is too long does not wrap");
	while (t.nr < TIMES_MAX)
		times_add(&t, 40);
	times_add(&t, 1);
	eq(t.nr, TIMES_MAX, "no more than there is room for");
	eq(times_ranked(&t, 0), 10, "the first ones are kept");
	times_reset(&t);
	eq(t.nr, 0, "reset");
}
