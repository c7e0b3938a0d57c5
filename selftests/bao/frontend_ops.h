/* SPDX-License-Identifier: GPL-2.0 */
/* Where frontend.h is implemented: the test hypervisor, or the simulator */
#ifndef SELFTESTS_BAO_FRONTEND_OPS_H
#define SELFTESTS_BAO_FRONTEND_OPS_H

#include "frontend.h"

/* Each as the function of frontend.h that is named after it */
struct frontend_ops {
	const char *(*open)(void);
	unsigned int (*devices)(void);
	__u64 (*window)(unsigned int dev);
	__u64 (*shmem_addr)(unsigned int dev);
	__u64 (*shmem_size)(unsigned int dev);
	void (*start)(unsigned int dev, unsigned int vcpu, struct access access, __u32 count);
	void (*stop)(unsigned int dev, unsigned int vcpu);
	__u32 (*done)(unsigned int dev, unsigned int vcpu);
	bool (*parked)(unsigned int dev, unsigned int vcpu);
	__u64 (*result)(unsigned int dev, unsigned int vcpu);
	void (*reset_counters)(unsigned int dev);
	void (*counters)(unsigned int dev, struct counters *counters);
	int (*unbind)(void);
	int (*bind)(void);
	int (*suspend)(void);
};

extern const struct frontend_ops frontend_port;
extern const struct frontend_ops frontend_sim;

#endif
