// SPDX-License-Identifier: GPL-2.0
/*
 * bao-vmm: test hypervisor that gives one or two virtual machines in KVM the guest ABI of the Bao
 * hypervisor. README.md tells how to use it.
 */
#include <stdio.h>
#include <unistd.h>

#include "machine.h"
#include "options.h"

static const char usage[] =
	"usage: bao-vmm --backend VM [--frontend VM] --devices N [--ipc N] [--rubbish 0|1]\n"
	"		[--watchdog SECONDS]\n"
	"  VM: kernel=FILE,dtb=FILE,initrd=FILE[,mem=256M][,cpus=1][,a32]\n";

int main(int argc, char **argv)
{
	static struct machine machine;
	struct options options;
	const char *error = options_parse(&options, argc, argv);

	if (error) {
		fprintf(stderr, "bao-vmm: %s\n%s", error, usage);
		return 2;
	}
	machine_create(&machine, &options);
	/* not return: the vCPUs' threads still run */
	_exit(machine_run(&machine, options.watchdog));
}
