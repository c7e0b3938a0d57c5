/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BAO_VMM_OPTIONS_H
#define BAO_VMM_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct vm_options - one VM of the command line
 * @present: it was given
 * @kernel: path of the kernel image
 * @dtb: path of the device tree
 * @initrd: path of the initramfs
 * @mem: bytes of RAM
 * @cpus: number of vCPUs
 * @a32: a 32-bit arm VM
 */
struct vm_options {
	bool present;
	const char *kernel;
	const char *dtb;
	const char *initrd;
	uint64_t mem;
	unsigned int cpus;
	bool a32;
};

/**
 * struct options - the command line
 * @backend: the backend VM
 * @frontend: the frontend VM, if any
 * @devices: number of remote-I/O devices
 * @ipc: number of IPC objects
 * @rubbish: what a frontend VM's register has besides the bytes of a write
 * @watchdog: seconds without a sign of life after which to give up; 0: wait for ever
 */
struct options {
	struct vm_options backend;
	struct vm_options frontend;
	unsigned int devices;
	unsigned int ipc;
	bool rubbish;
	unsigned int watchdog;
};

/* Returns NULL, or what is wrong with @argv (which it modifies) */
const char *options_parse(struct options *o, int argc, char **argv);

#endif
