/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Test port: a page of registers in the backend VM that drives the scripted frontend and reads the
 * counters. README.md describes the registers. Pure logic; the caller holds the remote-I/O lock.
 */
#ifndef BAO_VMM_TESTPORT_H
#define BAO_VMM_TESTPORT_H

#include "hypercall.h"
#include "script.h"

#define TESTPORT_VALUE_MAGIC	0x544f4142	/* "BAOT" */

enum testport_reg {
	TESTPORT_MAGIC = 0x000,
	TESTPORT_DEVICES = 0x004,
	TESTPORT_DEVICE = 0x008,
	TESTPORT_VCPU = 0x00c,
	TESTPORT_ADDR_LO = 0x010,
	TESTPORT_ADDR_HI = 0x014,
	TESTPORT_VALUE_LO = 0x018,
	TESTPORT_VALUE_HI = 0x01c,
	TESTPORT_OP = 0x020,
	TESTPORT_WIDTH = 0x024,
	TESTPORT_COUNT = 0x028,
	TESTPORT_START = 0x02c,
	TESTPORT_DONE = 0x030,
	TESTPORT_PARKED = 0x034,
	TESTPORT_RESULT_LO = 0x038,
	TESTPORT_RESULT_HI = 0x03c,
	TESTPORT_ACCESSES = 0x040,
	TESTPORT_INTERRUPTS = 0x044,
	TESTPORT_ASKS = 0x048,
	TESTPORT_ASKS_EMPTY = 0x04c,
	TESTPORT_COMPLETES = 0x050,
	TESTPORT_COMPLETE_ERRORS = 0x054,
	TESTPORT_NOTIFIES = 0x058,
	TESTPORT_PENDING = 0x05c,
	TESTPORT_PROCESSING = 0x060,
	TESTPORT_VIOLATIONS = 0x064,
	TESTPORT_BAD_CALLS = 0x068,
	TESTPORT_RESET = 0x06c,
	TESTPORT_EXIT = 0x070,
	TESTPORT_FRONTEND = 0x074,
	TESTPORT_TIMES = 0x078,
	TESTPORT_RANK = 0x07c,
	TESTPORT_TIME = 0x080,
	TESTPORT_START_MASK = 0x084,
	TESTPORT_ECHO = 0x088,
	TESTPORT_SNAPSHOT = 0x08c,
	/* What the counters from ACCESSES to BAD_CALLS were at the last write to SNAPSHOT */
	TESTPORT_SNAPSHOT_FIRST = 0x140,
	TESTPORT_SNAPSHOT_LAST = 0x168,
};

#define TESTPORT_NR_COUNTERS	((TESTPORT_SNAPSHOT_LAST - TESTPORT_SNAPSHOT_FIRST) / 4 + 1)

/* Values of TESTPORT_FRONTEND */
enum testport_frontend {
	FRONTEND_NONE,		/* only the scripted one */
	FRONTEND_RUNS,
	FRONTEND_OFF,		/* it will make no more accesses */
};

/**
 * struct testport - the page's state
 * @hv: where devices and counters are
 * @vm: index of the backend VM in @hv
 * @script: the scripted frontend; only without a frontend VM
 * @frontend: state of the frontend VM, kept up to date by the owner
 * @exit: called for a write to EXIT
 * @ctx: first argument of @exit
 * @device: selected device
 * @vcpu: selected vCPU
 * @rank: selected rank among the times of the selected device
 * @snapshot: the counters at the last write to SNAPSHOT, in the order of their registers
 */
struct testport {
	struct hypervisor *hv;
	unsigned int vm;
	struct script *script;
	enum testport_frontend frontend;
	void (*exit)(void *ctx, int status);
	void *ctx;
	uint32_t device;
	uint32_t vcpu;
	uint32_t rank;
	uint32_t snapshot[TESTPORT_NR_COUNTERS];
};

uint32_t testport_read(const struct testport *t, uint32_t offset);
void testport_write(struct testport *t, uint32_t offset, uint32_t value);

#endif
