// SPDX-License-Identifier: GPL-2.0
/* Which frontend there is: that of the test hypervisor, or else that of the simulator */
#include <stddef.h>

#include "frontend_ops.h"

static const struct frontend_ops *ops;

const char *frontend_open(void)
{
	const char *why;

	why = frontend_port.open();
	if (!why) {
		ops = &frontend_port;
		return NULL;
	}
	why = frontend_sim.open();
	if (!why)
		ops = &frontend_sim;
	return why;
}

bool frontend_is_simulated(void)
{
	return ops == &frontend_sim;
}

unsigned int frontend_devices(void)
{
	return ops->devices();
}

__u64 frontend_window(unsigned int dev)
{
	return ops->window(dev);
}

__u64 frontend_shmem_addr(unsigned int dev)
{
	return ops->shmem_addr(dev);
}

__u64 frontend_shmem_size(unsigned int dev)
{
	return ops->shmem_size(dev);
}

void frontend_start(unsigned int dev, unsigned int vcpu, struct access access, __u32 count)
{
	ops->start(dev, vcpu, access, count);
}

void frontend_stop(unsigned int dev, unsigned int vcpu)
{
	ops->stop(dev, vcpu);
}

__u32 frontend_done(unsigned int dev, unsigned int vcpu)
{
	return ops->done(dev, vcpu);
}

bool frontend_parked(unsigned int dev, unsigned int vcpu)
{
	return ops->parked(dev, vcpu);
}

__u64 frontend_result(unsigned int dev, unsigned int vcpu)
{
	return ops->result(dev, vcpu);
}

void frontend_reset_counters(unsigned int dev)
{
	ops->reset_counters(dev);
}

void frontend_counters(unsigned int dev, struct counters *counters)
{
	ops->counters(dev, counters);
}

int endpoints_unbind(void)
{
	return ops->unbind();
}

int endpoints_bind(void)
{
	return ops->bind();
}

int endpoints_suspend(void)
{
	return ops->suspend();
}
