// SPDX-License-Identifier: GPL-2.0
/*
 * The frontend of the simulator: a hypervisor of our own, which goes with us
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "backend.h"
#include "frontend_ops.h"
#include "sim.h"

#define WINDOW_ADDR	0x0a000000
#define WINDOW_SIZE	0x200

static int sim = -1;
static struct bao_sim_device device[SIM_DEVICES];

int sim_open(void)
{
	return open("/dev/bao-sim", O_RDWR | O_CLOEXEC);
}

int sim_fd(void)
{
	return sim;
}

int sim_add(int fd, unsigned int dm_id, struct bao_sim_device *info)
{
	*info = (struct bao_sim_device){ .dm_id = dm_id, .shmem_size = SIM_WINDOW };
	return ioctl(fd, BAO_SIM_ADD, info) ? -errno : 0;
}

int sim_life(int fd, unsigned int dm_id, enum bao_sim_event event)
{
	struct bao_sim_life life = { .dm_id = dm_id, .event = event };

	return ioctl(fd, BAO_SIM_LIFE, &life) ? -errno : 0;
}

int sim_fault(unsigned int dm_id, enum bao_sim_point point, unsigned int skip, unsigned int count,
	      long long value)
{
	struct bao_sim_fault fault = {
		.dm_id = dm_id,
		.point = point,
		.skip = skip,
		.count = count,
		.value = value,
	};

	return ioctl(sim, BAO_SIM_FAULT, &fault) ? -errno : 0;
}

int sim_raise(unsigned int dm_id)
{
	return ioctl(sim, BAO_SIM_RAISE, &dm_id) ? -errno : 0;
}

/* All devices, or up to the first one that fails */
static int sim_all(enum bao_sim_event event)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < SIM_DEVICES; i++)
		ret = sim_life(sim, i, event);
	return ret;
}

/* A new endpoint asks twice for what came before it. That shall not disturb who counts. */
static bool sim_settled(unsigned int dm_id)
{
	struct bao_sim_counters counters = { .dm_id = dm_id };

	return !ioctl(sim, BAO_SIM_COUNTERS, &counters) && counters.asks >= 2;
}

static int sim_settle(void)
{
	unsigned int i;

	for (i = 0; i < SIM_DEVICES; i++) {
		if (!wait_until(sim_settled(i)))
			return -ETIMEDOUT;
	}
	return 0;
}

static const char *sim_frontend_open(void)
{
	static char why[64];
	unsigned int i;
	int ret = 0;

	if (sim >= 0)
		return NULL;
	sim = sim_open();
	if (sim < 0)
		return "neither on the test hypervisor nor with the simulator";
	for (i = 0; !ret && i < SIM_DEVICES; i++)
		ret = sim_add(sim, i, &device[i]);
	if (!ret)
		ret = sim_all(BAO_SIM_BIND);
	if (!ret)
		ret = sim_settle();
	if (!ret)
		return NULL;
	close(sim);
	sim = -1;
	snprintf(why, sizeof(why), "the simulator cannot be set up: %d", ret);
	return why;
}

static unsigned int sim_devices(void)
{
	return SIM_DEVICES;
}

static __u64 sim_window(unsigned int dev)
{
	return WINDOW_ADDR + dev * WINDOW_SIZE;
}

static __u64 sim_shmem_addr(unsigned int dev)
{
	return dev < SIM_DEVICES ? device[dev].shmem_addr : 0;
}

static __u64 sim_shmem_size(unsigned int dev)
{
	return dev < SIM_DEVICES ? device[dev].shmem_size : 0;
}

static void sim_start(unsigned int dev, unsigned int vcpu, struct access access, __u32 count)
{
	struct bao_sim_access args = {
		.dm_id = dev,
		.vcpu = vcpu,
		.addr = access.addr,
		.value = access.value,
		.op = access.op,
		.width = access.width,
		.count = count,
	};

	ioctl(sim, BAO_SIM_START, &args);
}

static void sim_stop(unsigned int dev, unsigned int vcpu)
{
	struct bao_sim_vcpu args = { .dm_id = dev, .vcpu = vcpu };

	ioctl(sim, BAO_SIM_STOP, &args);
}

static struct bao_sim_vcpu sim_vcpu(unsigned int dev, unsigned int vcpu)
{
	struct bao_sim_vcpu args = { .dm_id = dev, .vcpu = vcpu };

	ioctl(sim, BAO_SIM_VCPU, &args);
	return args;
}

static __u32 sim_done(unsigned int dev, unsigned int vcpu)
{
	return sim_vcpu(dev, vcpu).done;
}

static bool sim_parked(unsigned int dev, unsigned int vcpu)
{
	return sim_vcpu(dev, vcpu).parked;
}

static __u64 sim_result(unsigned int dev, unsigned int vcpu)
{
	return sim_vcpu(dev, vcpu).result;
}

static void sim_reset_counters(unsigned int dev)
{
	ioctl(sim, BAO_SIM_RESET, &dev);
}

static void sim_counters(unsigned int dev, struct counters *counters)
{
	struct bao_sim_counters c = { .dm_id = dev };

	ioctl(sim, BAO_SIM_COUNTERS, &c);
	*counters = (struct counters) {
		.accesses = c.accesses,
		.interrupts = c.interrupts,
		.asks = c.asks,
		.asks_empty = c.asks_empty,
		.completes = c.completes,
		.complete_errors = c.complete_errors,
		.notifies = c.notifies,
		.pending = c.pending,
		.processing = c.processing,
		.violations = c.violations,
		.bad_calls = c.bad_calls,
	};
}

static int sim_unbind(void)
{
	return sim_all(BAO_SIM_UNBIND);
}

static int sim_bind(void)
{
	return sim_all(BAO_SIM_BIND);
}

static int sim_suspend(void)
{
	return sim_all(BAO_SIM_SUSPEND) ?: sim_all(BAO_SIM_RESUME);
}

const struct frontend_ops frontend_sim = {
	.open = sim_frontend_open,
	.devices = sim_devices,
	.window = sim_window,
	.shmem_addr = sim_shmem_addr,
	.shmem_size = sim_shmem_size,
	.start = sim_start,
	.stop = sim_stop,
	.done = sim_done,
	.parked = sim_parked,
	.result = sim_result,
	.reset_counters = sim_reset_counters,
	.counters = sim_counters,
	.unbind = sim_unbind,
	.bind = sim_bind,
	.suspend = sim_suspend,
};
