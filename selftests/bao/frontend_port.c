// SPDX-License-Identifier: GPL-2.0
/*
 * The scripted frontend of the test hypervisor (tools/bao-vmm): a page of registers in the backend
 * VM, which is reached through /dev/mem.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backend.h"
#include "frontend_ops.h"

#define PORT_ADDR	0x0b000000
#define PORT_SIZE	0x1000
#define PORT_NODE	"/proc/device-tree/test-port@b000000"

#define SHMEM_ADDR	0x60000000
#define SHMEM_SIZE	0x01000000
#define WINDOW_ADDR	0x0a000000
#define WINDOW_SIZE	0x200

/* Registers, 32 bits wide */
enum {
	MAGIC		= 0x000,
	DEVICES		= 0x004,
	DEVICE		= 0x008,
	VCPU		= 0x00c,
	ADDR		= 0x010,
	VALUE		= 0x018,
	OP		= 0x020,
	WIDTH		= 0x024,
	COUNT		= 0x028,
	START		= 0x02c,
	DONE		= 0x030,
	PARKED		= 0x034,
	RESULT		= 0x038,
	ACCESSES	= 0x040,
	INTERRUPTS	= 0x044,
	ASKS		= 0x048,
	ASKS_EMPTY	= 0x04c,
	COMPLETES	= 0x050,
	COMPLETE_ERRORS	= 0x054,
	NOTIFIES	= 0x058,
	PENDING		= 0x05c,
	PROCESSING	= 0x060,
	VIOLATIONS	= 0x064,
	BAD_CALLS	= 0x068,
	RESET		= 0x06c,
	SNAPSHOT	= 0x08c,
};

/* Where the snapshot of a counter is, from the counter */
#define SNAPSHOT_OFFSET	0x100

#define PORT_MAGIC	0x544f4142

static char *port;

/*
 * Never inlined: what is left is a plain load or store, which the processor decodes for the
 * hypervisor.
 */
static __attribute__((noinline)) __u32 get(unsigned int reg)
{
	return *(volatile __u32 *)(port + reg);
}

static __attribute__((noinline)) void set(unsigned int reg, __u32 value)
{
	*(volatile __u32 *)(port + reg) = value;
}

static void set64(unsigned int reg, __u64 value)
{
	set(reg, value);
	set(reg + 4, value >> 32);
}

static const char *port_open(void)
{
	void *map;
	int fd;

	if (port)
		return NULL;
	/* On anything but the test hypervisor, an access to that address could do harm */
	if (access(PORT_NODE, F_OK))
		return "not on the test hypervisor";
	fd = open("/dev/mem", O_RDWR | O_SYNC | O_CLOEXEC);
	if (fd < 0)
		return "no access to /dev/mem";
	map = mmap(NULL, PORT_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, PORT_ADDR);
	close(fd);
	if (map == MAP_FAILED)
		return "the test port cannot be mapped";
	port = map;
	if (get(MAGIC) != PORT_MAGIC) {
		munmap(map, PORT_SIZE);
		port = NULL;
		return "there is no test port";
	}
	return NULL;
}

static unsigned int port_devices(void)
{
	return get(DEVICES);
}

static __u64 port_window(unsigned int dev)
{
	return WINDOW_ADDR + dev * WINDOW_SIZE;
}

static __u64 port_shmem_addr(unsigned int dev)
{
	return SHMEM_ADDR + (__u64)dev * SHMEM_SIZE;
}

static __u64 port_shmem_size(unsigned int dev)
{
	return dev < port_devices() ? SHMEM_SIZE : 0;
}

static void select_vcpu(unsigned int dev, unsigned int vcpu)
{
	set(DEVICE, dev);
	set(VCPU, vcpu);
}

static void port_start(unsigned int dev, unsigned int vcpu, struct access access, __u32 count)
{
	select_vcpu(dev, vcpu);
	set64(ADDR, access.addr);
	set64(VALUE, access.value);
	set(OP, access.op);
	set(WIDTH, access.width);
	set(COUNT, count);
	set(START, 1);
}

static void port_stop(unsigned int dev, unsigned int vcpu)
{
	select_vcpu(dev, vcpu);
	set(START, 0);
}

static __u32 port_done(unsigned int dev, unsigned int vcpu)
{
	select_vcpu(dev, vcpu);
	return get(DONE);
}

static bool port_parked(unsigned int dev, unsigned int vcpu)
{
	select_vcpu(dev, vcpu);
	return get(PARKED);
}

static __u64 port_result(unsigned int dev, unsigned int vcpu)
{
	select_vcpu(dev, vcpu);
	return get(RESULT) | (__u64)get(RESULT + 4) << 32;
}

static void port_reset_counters(unsigned int dev)
{
	set(DEVICE, dev);
	set(RESET, 1);
}

static __u32 counted(unsigned int reg)
{
	return get(reg + SNAPSHOT_OFFSET);
}

static void port_counters(unsigned int dev, struct counters *counters)
{
	set(DEVICE, dev);
	set(SNAPSHOT, 1);
	*counters = (struct counters) {
		.accesses = counted(ACCESSES),
		.interrupts = counted(INTERRUPTS),
		.asks = counted(ASKS),
		.asks_empty = counted(ASKS_EMPTY),
		.completes = counted(COMPLETES),
		.complete_errors = counted(COMPLETE_ERRORS),
		.notifies = counted(NOTIFIES),
		.pending = counted(PENDING),
		.processing = counted(PROCESSING),
		.violations = counted(VIOLATIONS),
		.bad_calls = counted(BAD_CALLS),
	};
}

/* The platform driver that provides the endpoints */
#define DRIVER "/sys/bus/platform/drivers/bao/"

/*
 * Name of the device that it has made the endpoints for, kept for when it has not. There are
 * others, for channels.
 */
static const char *platform_device(void)
{
	static char name[64];
	glob_t found;

	if (*name || glob(DRIVER "*/bao.remio.0", 0, NULL, &found))
		return name;
	snprintf(name, sizeof(name), "%s", found.gl_pathv[0] + strlen(DRIVER));
	*strchrnul(name, '/') = '\0';
	globfree(&found);
	return name;
}

static int port_unbind(void)
{
	return write_file(DRIVER "unbind", platform_device());
}

static int port_bind(void)
{
	return write_file(DRIVER "bind", platform_device());
}

/* Suspends the devices of this VM only, so nothing has to wake it up */
static int port_suspend(void)
{
	int ret;

	if (write_file("/sys/power/pm_test", "devices"))
		return -EOPNOTSUPP;
	/* Seconds that the system stays suspended */
	write_file("/sys/module/suspend/parameters/pm_test_delay", "1");
	ret = write_file("/sys/power/state", "freeze");
	write_file("/sys/power/pm_test", "none");
	return ret;
}

const struct frontend_ops frontend_port = {
	.open = port_open,
	.devices = port_devices,
	.window = port_window,
	.shmem_addr = port_shmem_addr,
	.shmem_size = port_shmem_size,
	.start = port_start,
	.stop = port_stop,
	.done = port_done,
	.parked = port_parked,
	.result = port_result,
	.reset_counters = port_reset_counters,
	.counters = port_counters,
	.unbind = port_unbind,
	.bind = port_bind,
	.suspend = port_suspend,
};
