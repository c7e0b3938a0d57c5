/* SPDX-License-Identifier: GPL-2.0 */
/*
 * bao-io: what disks and network cards cost a frontend
 *
 *   io.c        command line, rows
 *   io-disk.c   reads and writes of a disk, past the page cache
 *   io-net.c    streams, transactions and packets over a network, both ends of them
 *   io-cable.c  makes such a network inside of one system
 *   io-cost.c   what is in all of that: an access, a copy
 *   io-meter.c  lets a frontend read the counters of the test hypervisor, both ends of that
 *   port.c      the test port, which has them
 */
#ifndef BAO_IO_H
#define BAO_IO_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct io - what is measured
 * @name: of the row
 * @meter: the counters of device @dm are read as well
 * @dm: index of the device
 * @write: to a disk
 * @sequential: on a disk; otherwise anywhere
 * @size: bytes of one operation
 * @depth: operations at once
 * @count: operations
 */
struct io {
	const char *name;
	bool meter;
	unsigned int dm;
	bool write;
	bool sequential;
	unsigned int size;
	unsigned int depth;
	unsigned int count;
};

/* What is counted: the first ones by the test hypervisor, the last one by the backend's kernel */
enum counter {
	COUNT_ACCESSES,
	COUNT_INTERRUPTS,
	COUNT_ASKS,
	COUNT_COMPLETES,
	COUNT_NOTIFIES,
	COUNT_SWITCHES,
	NR_COUNTERS,
};

/* io.c: io_begin() and io_end() are around all operations; io_end() prints the row */
uint64_t io_now(void);
void io_begin(const struct io *io);
void io_one(uint64_t ns);
void io_end(const struct io *io);

/* io-disk.c */
void disk(const struct io *io, const char *path);

/* io-net.c: the server is there until it is killed */
void net(const struct io *io, const char *what, const char *address);
void net_serve(void);

/* io-cable.c */
void cable(void);

/* io-cost.c */
void cost_of_access(const struct io *io);
void cost_of_copy(const struct io *io);

/* io-meter.c: the first ones are for the backend, the others for the frontend */
void meter_touch(void);
void meter_serve(void);
void meter_open(void);
void meter_begin(unsigned int dm);
void meter_end(uint32_t counts[NR_COUNTERS]);
void meter_off(void);
volatile uint32_t *meter_window(unsigned int dm);

#endif
