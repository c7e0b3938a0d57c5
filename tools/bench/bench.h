/* SPDX-License-Identifier: GPL-2.0 */
/*
 * bao-bench: what register accesses cost a backend on the test hypervisor
 *
 *   main.c   command line, the measuring
 *   port.c   the test port, which plays the frontend and has the clock
 *   serve.c  threads that answer what the kernel does not
 */
#ifndef BAO_BENCH_H
#define BAO_BENCH_H

#include <stdbool.h>
#include <stdint.h>

/* port.c */
void port_open(void);
uint32_t port_get(unsigned int reg);
void port_set(unsigned int reg, uint32_t value);

/**
 * struct service - what this process does for the device
 * @dm: index of the device
 * @threads: that many answer requests
 * @ioeventfds: that many eventfds are signalled by writes of the numbers from 0 on to @addr
 * @addr: where
 * @readers: a thread reads each eventfd
 */
struct service {
	unsigned int dm;
	unsigned int threads;
	unsigned int ioeventfds;
	uint64_t addr;
	bool readers;
};

/* serve.c: they go on until the process ends */
void serve(const struct service *service);

#endif
