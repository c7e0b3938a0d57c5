// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>

#include "times.h"

void times_reset(struct times *t)
{
	t->nr = 0;
	t->sorted = true;
}

void times_add(struct times *t, uint64_t ns)
{
	if (t->nr == TIMES_MAX)
		return;
	t->ns[t->nr++] = ns < UINT32_MAX ? ns : UINT32_MAX;
	t->sorted = false;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a;
	uint32_t y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

uint32_t times_ranked(struct times *t, uint32_t rank)
{
	if (!t->sorted)
		qsort(t->ns, t->nr, sizeof(t->ns[0]), compare);
	t->sorted = true;
	return rank < t->nr ? t->ns[rank] : 0;
}
