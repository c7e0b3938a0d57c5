/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The simulator, for tests that need more of it than frontend.h has: devices of their own, and
 * faults. Functions return 0 or a negative errno.
 */
#ifndef SELFTESTS_BAO_SIM_H
#define SELFTESTS_BAO_SIM_H

#include "bao_sim.h"

/* What frontend.h has */
#define SIM_DEVICES	3
#define SIM_WINDOW	0x100000

/* For FIXTURE_SETUP, after SET_UP_OR_SKIP() */
#define SIM_OR_SKIP() do {						\
	if (!frontend_is_simulated())					\
		SKIP(_exit(0), "not with the simulator");			\
} while (0)

/* The hypervisor behind frontend.h, and a new one */
int sim_fd(void);
int sim_open(void);

int sim_add(int fd, unsigned int dm_id, struct bao_sim_device *info);
int sim_life(int fd, unsigned int dm_id, enum bao_sim_event event);
/* On the hypervisor behind frontend.h */
int sim_fault(unsigned int dm_id, enum bao_sim_point point, unsigned int skip, unsigned int count,
	      long long value);
int sim_raise(unsigned int dm_id);

#endif
