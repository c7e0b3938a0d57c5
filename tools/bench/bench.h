/* SPDX-License-Identifier: GPL-2.0 */
/*
 * bao-bench: what register accesses cost a backend on the test hypervisor
 *
 *   main.c   command line, the measuring
 *   port.c   the test port, which plays the frontend and has the clock
 *   serve.c  threads that answer what the kernel does not
 *   ipc.c    IPC channels
 */
#ifndef BAO_BENCH_H
#define BAO_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* port.c */
void port_open(void);
uint32_t port_get(unsigned int reg);
void port_set(unsigned int reg, uint32_t value);

/**
 * struct service - what this process does for the device
 * @dm: index of the device
 * @threads: that many answer requests
 * @next: they complete and attach in one call
 * @ioeventfds: that many eventfds are signalled by writes of the numbers from 0 on to @addr
 * @addr: where
 * @readers: a thread reads each eventfd
 */
struct service {
	unsigned int dm;
	unsigned int threads;
	bool next;
	unsigned int ioeventfds;
	uint64_t addr;
	bool readers;
};

/* serve.c: they go on until the process ends */
void serve(const struct service *service);

/* ipc.c: measures an operation with so many bytes on channel 0, and prints the row */
void ipc_measure(const char *row, const char *op, size_t size);

#endif
