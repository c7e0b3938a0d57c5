// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>

#include "test.h"

static unsigned int nr_passed;
static unsigned int nr_failed;

void tap_ok(bool passed, const char *what, const char *file, int line)
{
	if (passed)
		nr_passed++;
	else
		nr_failed++;
	printf("%sok %u - %s\n", passed ? "" : "not ", nr_passed + nr_failed, what);
	if (!passed)
		printf("# at %s:%d\n", file, line);
}

void tap_eq(uint64_t got, uint64_t want, const char *what, const char *file, int line)
{
	tap_ok(got == want, what, file, line);
	if (got != want)
		printf("# got 0x%llx, want 0x%llx\n", (unsigned long long)got,
		       (unsigned long long)want);
}

int main(void)
{
	printf("TAP version 13\n");
	test_remio();
	test_ipc();
	test_hypercall();
	test_script();
	test_times();
	test_testport();
	test_uart();
	test_options();
	printf("1..%u\n", nr_passed + nr_failed);
	printf("%u passed, %u failed\n", nr_passed, nr_failed);
	return nr_failed ? 1 : 0;
}
