/* SPDX-License-Identifier: GPL-2.0 */
/* Just enough of TAP for the unit tests */
#ifndef BAO_VMM_TEST_H
#define BAO_VMM_TEST_H

#include <stdbool.h>
#include <stdint.h>

/* One line of TAP; a failed one also shows where and what */
void tap_ok(bool passed, const char *what, const char *file, int line);
void tap_eq(uint64_t got, uint64_t want, const char *what, const char *file, int line);

#define ok(cond, what)		tap_ok(cond, what, __FILE__, __LINE__)
#define eq(got, want, what)	tap_eq((uint64_t)(got), (uint64_t)(want), what, __FILE__, __LINE__)

void test_remio(void);
void test_ipc(void);
void test_hypercall(void);
void test_script(void);
void test_times(void);
void test_testport(void);
void test_uart(void);
void test_options(void);

#endif
