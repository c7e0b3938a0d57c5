/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Fault injection into the calls of this thread, see Documentation/fault-injection/ in the kernel
 */
#ifndef SELFTESTS_BAO_NTH_H
#define SELFTESTS_BAO_NTH_H

#include <stdbool.h>

/* NULL, or why faults cannot be injected */
const char *nth_enable(void);
/* From here on, the nth allocation or copy fails */
void nth_fail(unsigned int nth);
/* Ends that, and tells whether something has failed */
bool nth_has_failed(void);

#endif
