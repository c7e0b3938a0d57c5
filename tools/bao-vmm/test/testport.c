// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "../testport.h"
#include "test.h"

static struct hypervisor hv;
static uint64_t clock_ns;
static struct script script;
static struct testport port;
static int exit_status;

static void nothing(void *ctx, unsigned int device)
{
	(void)ctx;
	(void)device;
}

static const struct remio_ops ops = { .interrupt_backend = nothing, .interrupt_frontend = nothing };

static uint64_t now(void)
{
	return clock_ns;
}

static void port_exit(void *ctx, int status)
{
	(void)ctx;
	exit_status = status;
}

static void setup(unsigned int nr_devices)
{
	memset(&hv, 0, sizeof(hv));
	remio_init(&hv.remio, nr_devices, &ops, NULL);
	script_init(&script, &hv.remio, now);
	port = (struct testport) { .hv = &hv, .script = &script, .exit = port_exit };
	exit_status = -1;
}

static uint64_t ask(uint64_t dm_id)
{
	uint64_t reg[HYPERCALL_REGS] = { 0xc6000002, dm_id, 0, REMIO_ASK };

	hypercall(&hv, 0, HYPERCALL_ARM64, reg);
	return reg[0] ? ~0ull : reg[5];
}

static void complete(uint64_t dm_id, uint64_t op, uint64_t value, uint64_t id)
{
	uint64_t reg[HYPERCALL_REGS] = { 0xc6000002, dm_id, 0, op, value, id };

	hypercall(&hv, 0, HYPERCALL_ARM64, reg);
}

static void test_registers(void)
{
	enum { NR_RW = 6 };
	static const uint32_t rw[NR_RW] = { 0x010, 0x014, 0x018, 0x01c, 0x024, 0x028 };

	setup(3);
	eq(testport_read(&port, 0x000), 0x544f4142, "MAGIC");
	eq(testport_read(&port, 0x004), 3, "DEVICES");
	for (int i = 0; i < NR_RW; i++)
		testport_write(&port, rw[i], 0x80000000 + i);
	for (int i = 0; i < NR_RW; i++)
		eq(testport_read(&port, rw[i]), 0x80000000 + i, "a register holds its value");
	testport_write(&port, 0x020, 1);
	eq(testport_read(&port, 0x020), 1, "OP");

	testport_write(&port, 0x00c, 7);
	eq(testport_read(&port, 0x00c), 7, "VCPU");
	eq(testport_read(&port, 0x028), 0, "another vCPU has its own registers");
	testport_write(&port, 0x00c, 8);
	eq(testport_read(&port, 0x00c), 7, "a vCPU that does not exist cannot be selected");
	testport_write(&port, 0x008, 2);
	testport_write(&port, 0x008, 3);
	eq(testport_read(&port, 0x008), 2, "nor a device");
	eq(testport_read(&port, 0xffc), 0, "unknown registers read 0");
	testport_write(&port, 0x000, 5);
	eq(testport_read(&port, 0x000), 0x544f4142, "MAGIC is read-only");
	testport_write(&port, 0x070, 3);
	eq(exit_status, 3, "EXIT");
}

static void test_run(void)
{
	setup(2);
	testport_write(&port, 0x008, 1);
	testport_write(&port, 0x00c, 4);
	testport_write(&port, 0x010, 0x0a000200);
	testport_write(&port, 0x020, 1);
	testport_write(&port, 0x024, 4);
	testport_write(&port, 0x028, 2);
	testport_write(&port, 0x02c, 1);
	eq(testport_read(&port, 0x034), 1, "PARKED");
	eq(testport_read(&port, 0x038), 0xebadc0de, "RESULT is poisoned, lower half");
	eq(testport_read(&port, 0x03c), 0xbadc0ffe, "upper half");
	eq(testport_read(&port, 0x05c), 1, "PENDING");
	testport_write(&port, 0x08c, 1);
	eq(ask(0), ~0ull, "nothing on the other device");
	eq(ask(1), 0, "ASK");
	eq(testport_read(&port, 0x05c), 0, "PENDING");
	eq(testport_read(&port, 0x060), 1, "PROCESSING");
	eq(testport_read(&port, 0x15c), 1, "PENDING at the SNAPSHOT");
	eq(testport_read(&port, 0x160), 0, "PROCESSING at the SNAPSHOT");
	testport_write(&port, 0x08c, 1);
	eq(testport_read(&port, 0x140), 1, "ACCESSES at the next SNAPSHOT");
	eq(testport_read(&port, 0x15c), 0, "PENDING at the next SNAPSHOT");
	eq(testport_read(&port, 0x160), 1, "PROCESSING at the next SNAPSHOT");
	complete(1, REMIO_READ, 0x1122334455667788, 0);
	eq(testport_read(&port, 0x030), 1, "DONE");
	eq(testport_read(&port, 0x038), 0x55667788, "RESULT, lower half");
	eq(testport_read(&port, 0x03c), 0x11223344, "upper half");
	eq(testport_read(&port, 0x05c), 1, "the next one is PENDING");
	testport_write(&port, 0x02c, 0);
	ask(1);
	complete(1, REMIO_WRITE, 0, 0);
	complete(1, REMIO_WRITE, 0, 0);
	eq(ask(1), ~0ull, "the end");
	ask(2);
	complete(1, REMIO_NOTIFY, 0, 0);

	eq(testport_read(&port, 0x040), 2, "ACCESSES");
	eq(testport_read(&port, 0x044), 2, "INTERRUPTS");
	eq(testport_read(&port, 0x048), 3, "ASKS");
	eq(testport_read(&port, 0x04c), 1, "ASKS_EMPTY");
	eq(testport_read(&port, 0x050), 2, "COMPLETES");
	eq(testport_read(&port, 0x054), 1, "COMPLETE_ERRORS");
	eq(testport_read(&port, 0x058), 1, "NOTIFIES");
	eq(testport_read(&port, 0x064), 1, "VIOLATIONS");
	eq(testport_read(&port, 0x068), 2, "BAD_CALLS");
	testport_write(&port, 0x008, 0);
	eq(testport_read(&port, 0x040), 0, "the other device's ACCESSES");
	eq(testport_read(&port, 0x048), 1, "the other device's ASKS");
	testport_write(&port, 0x06c, 1);
	eq(testport_read(&port, 0x048), 0, "RESET zeroes the selected device's counters");
	eq(testport_read(&port, 0x068), 0, "and BAD_CALLS");
	testport_write(&port, 0x008, 1);
	eq(testport_read(&port, 0x040), 2, "but no other device's");
	eq(testport_read(&port, 0x030), 2, "DONE is no counter");
}

static void test_times_of_accesses(void)
{
	setup(2);
	testport_write(&port, 0x008, 1);
	testport_write(&port, 0x028, 3);
	clock_ns = 1000;
	testport_write(&port, 0x02c, 1);
	for (int i = 1; i <= 3; i++) {
		ask(1);
		clock_ns += 100 * i;
		complete(1, REMIO_WRITE, 0, 0);
	}
	eq(testport_read(&port, 0x078), 3, "TIMES");
	eq(testport_read(&port, 0x080), 100, "TIME, the shortest");
	testport_write(&port, 0x07c, 2);
	eq(testport_read(&port, 0x07c), 2, "RANK");
	eq(testport_read(&port, 0x080), 300, "TIME, the longest");
	testport_write(&port, 0x008, 0);
	eq(testport_read(&port, 0x078), 0, "the other device's TIMES");
	testport_write(&port, 0x008, 1);
	testport_write(&port, 0x06c, 1);
	eq(testport_read(&port, 0x078), 0, "RESET forgets them");
}

static void test_start_mask(void)
{
	setup(2);
	for (int i = 0; i < 3; i++) {
		testport_write(&port, 0x00c, i);
		testport_write(&port, 0x028, 1);
	}
	testport_write(&port, 0x084, 0x105);
	eq(testport_read(&port, 0x05c), 2, "START_MASK starts several vCPUs");
	testport_write(&port, 0x00c, 1);
	eq(testport_read(&port, 0x034), 0, "but no other");
	testport_write(&port, 0x00c, 2);
	eq(testport_read(&port, 0x034), 1, "PARKED");
}

static void test_no_script(void)
{
	setup(1);
	eq(testport_read(&port, 0x074), 0, "FRONTEND: there is no VM");
	port.frontend = FRONTEND_RUNS;
	eq(testport_read(&port, 0x074), 1, "FRONTEND: the VM runs");
	testport_write(&port, 0x028, 1);
	testport_write(&port, 0x02c, 1);
	testport_write(&port, 0x084, 1);
	eq(hv.remio.devices[0].counters.accesses, 0, "no START when the frontend is a VM");
	eq(testport_read(&port, 0x034), 0, "PARKED is 0 then");
	port.frontend = FRONTEND_OFF;
	testport_write(&port, 0x02c, 1);
	eq(hv.remio.devices[0].counters.accesses, 0, "nor when that VM is off");
	eq(testport_read(&port, 0x074), 2, "FRONTEND: the VM is off");

	setup(0);
	testport_write(&port, 0x028, 1);
	testport_write(&port, 0x02c, 1);
	eq(testport_read(&port, 0x034), 0, "no START without devices");
	eq(testport_read(&port, 0x004), 0, "DEVICES is 0 then");
}

void test_testport(void)
{
	test_registers();
	test_run();
	test_times_of_accesses();
	test_start_mask();
	test_no_script();
}
