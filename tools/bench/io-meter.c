// SPDX-License-Identifier: GPL-2.0
/*
 * A device without a driver, the last one of the test hypervisor, by which a frontend reads the
 * counters of another one: only a backend has the test port. It is served by a process, so the
 * frontend's processor stands still while the backend looks, and neither polls.
 *
 * A write of a device's index to the first register begins, any write to the second one ends; after
 * that the registers are the counters. A write to the third one ends the process.
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/bao.h>

#include "../bao-vmm/map.h"
#include "../bao-vmm/testport.h"
#include "bench.h"
#include "io.h"

#define METER_DM	(REMIO_MAX_DEVICES - 1)
#define METER_WINDOW	(MAP_VIRTIO + METER_DM * MAP_VIRTIO_SIZE)

enum {
	METER_BEGIN,
	METER_END,
	METER_OFF,
};

/* On anything but the test hypervisor, an access to that address could do harm */
#define FRONTEND_NODE	"/proc/device-tree/virtio@a000000"

#define PAGE		4096

static char *windows;

static uint32_t switches(void)
{
	static char text[16384];
	FILE *f = fopen("/proc/stat", "re");
	uint32_t n = 0;

	while (f && fgets(text, sizeof(text), f))
		if (!strncmp(text, "ctxt ", 5))
			n = strtoull(text + 5, NULL, 10);
	if (f)
		fclose(f);
	return n;
}

static void end(uint32_t counts[NR_COUNTERS])
{
	static const unsigned int regs[] = {
		[COUNT_ACCESSES] = TESTPORT_ACCESSES,
		[COUNT_INTERRUPTS] = TESTPORT_INTERRUPTS,
		[COUNT_ASKS] = TESTPORT_ASKS,
		[COUNT_COMPLETES] = TESTPORT_COMPLETES,
		[COUNT_NOTIFIES] = TESTPORT_NOTIFIES,
	};

	/* First, since what follows may sleep */
	counts[COUNT_SWITCHES] = switches() - counts[COUNT_SWITCHES];
	for (unsigned int i = 0; i < COUNT_SWITCHES; i++)
		counts[i] = port_get(regs[i]);
}

/* Returns true if this was the last one */
static bool access_meter(struct bao_virtio_request *req, uint32_t counts[NR_COUNTERS])
{
	uint64_t reg = (req->addr - METER_WINDOW) / sizeof(uint32_t);

	if (req->op == BAO_IO_READ) {
		req->value = reg < NR_COUNTERS ? counts[reg] : 0;
		return false;
	}
	if (reg == METER_BEGIN) {
		port_set(TESTPORT_DEVICE, req->value);
		port_set(TESTPORT_RESET, 1);
		counts[COUNT_SWITCHES] = switches();
	} else if (reg == METER_END) {
		end(counts);
	}
	return reg == METER_OFF;
}

/* Until the frontend has written to METER_OFF */
void meter_serve(void)
{
	struct bao_dm_info info = { .id = METER_DM };
	uint32_t counts[NR_COUNTERS] = {};
	int fd = open("/dev/bao-io-dispatcher", O_RDWR | O_CLOEXEC);
	bool off = false;

	port_open();
	if (fd < 0)
		err(1, "/dev/bao-io-dispatcher");
	if (ioctl(fd, BAO_IOCTL_DM_GET_INFO, &info))
		err(1, "GET_INFO of device model %u", METER_DM);
	while (!off) {
		struct bao_virtio_request req = { .op = BAO_IO_ASK };

		if (ioctl(info.fd, BAO_IOCTL_IO_CLIENT_ATTACH, &req))
			err(1, "ATTACH");
		off = access_meter(&req, counts);
		if (ioctl(info.fd, BAO_IOCTL_IO_REQUEST_COMPLETE, &req))
			err(1, "COMPLETE");
	}
}

static char *map(uint64_t addr, size_t size)
{
	int fd = open("/dev/mem", O_RDWR | O_SYNC | O_CLOEXEC);
	char *mem;

	if (fd < 0)
		err(1, "/dev/mem");
	mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, addr);
	if (mem == MAP_FAILED)
		err(1, "/dev/mem at 0x%llx", (unsigned long long)addr);
	close(fd);
	return mem;
}

void meter_open(void)
{
	if (access(FRONTEND_NODE, F_OK))
		errx(1, "no frontend on the test hypervisor");
	windows = map(MAP_VIRTIO, REMIO_MAX_DEVICES * MAP_VIRTIO_SIZE);
}

/*
 * Where a page is to be found the test hypervisor's kernel decides when it is used for the first
 * time; Bao when it starts. So use all of them before anything is measured. The frontend has
 * cleared them, and stands still.
 */
void meter_touch(void)
{
	size_t size = REMIO_MAX_DEVICES * MAP_WINDOW_SIZE;
	volatile char *mem;

	port_open();
	mem = map(MAP_WINDOW, size);
	for (size_t i = 0; i < size; i += PAGE)
		mem[i] = mem[i];
}

volatile uint32_t *meter_window(unsigned int dm)
{
	return (volatile uint32_t *)(windows + dm * MAP_VIRTIO_SIZE);
}

/*
 * Never inlined: what is left is a plain load or store, which the processor decodes for the
 * hypervisor
 */
static __attribute__((noinline)) uint32_t meter_get(unsigned int reg)
{
	return meter_window(METER_DM)[reg];
}

static __attribute__((noinline)) void meter_set(unsigned int reg, uint32_t value)
{
	meter_window(METER_DM)[reg] = value;
}

void meter_begin(unsigned int dm)
{
	meter_set(METER_BEGIN, dm);
}

void meter_end(uint32_t counts[NR_COUNTERS])
{
	meter_set(METER_END, 0);
	for (unsigned int i = 0; i < NR_COUNTERS; i++)
		counts[i] = meter_get(i);
}

void meter_off(void)
{
	meter_set(METER_OFF, 0);
}
