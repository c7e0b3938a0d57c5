// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "ipc.h"
#include "options.h"
#include "remio.h"

#define MIB	0x100000ull
#define MIN_MEM	(128 * MIB)	/* the device tree lies at 120 MiB */
#define MAX_MEM	(256 * MIB)	/* the windows follow */

static bool parse_number(const char *s, uint64_t min, uint64_t max, uint64_t *value)
{
	char *end;

	if (!s || *s < '0' || *s > '9')
		return false;
	*value = strtoull(s, &end, 0);
	return !*end && *value >= min && *value <= max;
}

static bool parse_size(char *s, uint64_t *value)
{
	size_t len = s ? strlen(s) : 0;
	uint64_t unit = 1;

	if (len && s[len - 1] == 'M') {
		s[len - 1] = '\0';
		unit = MIB;
	}
	if (!parse_number(s, MIN_MEM / unit, MAX_MEM / unit, value))
		return false;
	*value *= unit;
	return *value % MIB == 0;
}

static const char *parse_vm(struct vm_options *vm, char *list)
{
	enum { KERNEL, DTB, INITRD, MEM, CPUS, A32 };
	static char * const keys[] = {
		[KERNEL] = "kernel",
		[DTB] = "dtb",
		[INITRD] = "initrd",
		[MEM] = "mem",
		[CPUS] = "cpus",
		[A32] = "a32",
		NULL
	};
	uint64_t number;
	char *value;

	vm->present = true;
	while (*list) {
		switch (getsubopt(&list, keys, &value)) {
		case KERNEL:
			vm->kernel = value;
			break;
		case DTB:
			vm->dtb = value;
			break;
		case INITRD:
			vm->initrd = value;
			break;
		case MEM:
			if (!parse_size(value, &vm->mem))
				return "mem must be 128M to 256M";
			break;
		case CPUS:
			if (!parse_number(value, 1, REMIO_MAX_VCPUS, &number))
				return "cpus must be 1 to 8";
			vm->cpus = number;
			break;
		case A32:
			vm->a32 = true;
			break;
		default:
			return "a VM takes kernel=, dtb=, initrd=, mem=, cpus= and a32";
		}
	}
	if (!vm->kernel || !vm->dtb || !vm->initrd)
		return "a VM needs kernel=, dtb= and initrd=";
	return NULL;
}

const char *options_parse(struct options *o, int argc, char **argv)
{
	const char *error;
	bool devices = false;
	uint64_t number;

	*o = (struct options) {
		.backend = { .mem = 256 * MIB, .cpus = 1 },
		.frontend = { .mem = 128 * MIB, .cpus = 1 },
		.rubbish = true,
	};

	for (int i = 1; i < argc; i += 2) {
		char *value = argv[i + 1];

		if (!value)
			return "an option lacks its value";
		if (!strcmp(argv[i], "--backend")) {
			error = parse_vm(&o->backend, value);
			if (error)
				return error;
		} else if (!strcmp(argv[i], "--frontend")) {
			error = parse_vm(&o->frontend, value);
			if (error)
				return error;
		} else if (!strcmp(argv[i], "--devices")) {
			if (!parse_number(value, 0, REMIO_MAX_DEVICES, &number))
				return "--devices must be 0 to 8";
			o->devices = number;
			devices = true;
		} else if (!strcmp(argv[i], "--ipc")) {
			if (!parse_number(value, 0, IPC_MAX_OBJECTS, &number))
				return "--ipc must be 0 to 8";
			o->ipc = number;
		} else if (!strcmp(argv[i], "--rubbish")) {
			if (!parse_number(value, 0, 1, &number))
				return "--rubbish must be 0 or 1";
			o->rubbish = number;
		} else if (!strcmp(argv[i], "--watchdog")) {
			if (!parse_number(value, 0, 86400, &number))
				return "--watchdog must be a number of seconds";
			o->watchdog = number;
		} else {
			return "unknown option";
		}
	}
	if (!o->backend.present || !devices)
		return "--backend and --devices are needed";
	if (o->backend.a32 && o->frontend.a32)
		return "only one of the VMs can be a32";
	return NULL;
}
