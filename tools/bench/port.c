// SPDX-License-Identifier: GPL-2.0
/* The test port of the test hypervisor (tools/bao-vmm), through /dev/mem */
#include <err.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../bao-vmm/map.h"
#include "../bao-vmm/testport.h"
#include "bench.h"

/* On anything but the test hypervisor, an access to that address could do harm */
#define PORT_NODE "/proc/device-tree/test-port@b000000"

static char *port;

/* Never inlined: what is left is a plain load or store, which the processor decodes for KVM */
__attribute__((noinline)) uint32_t port_get(unsigned int reg)
{
	return *(volatile uint32_t *)(port + reg);
}

__attribute__((noinline)) void port_set(unsigned int reg, uint32_t value)
{
	*(volatile uint32_t *)(port + reg) = value;
}

void port_open(void)
{
	int fd;

	if (access(PORT_NODE, F_OK))
		errx(1, "not on the test hypervisor");
	fd = open("/dev/mem", O_RDWR | O_SYNC | O_CLOEXEC);
	if (fd < 0)
		err(1, "/dev/mem");
	port = mmap(NULL, MAP_TESTPORT_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, MAP_TESTPORT);
	if (port == MAP_FAILED)
		err(1, "test port");
	close(fd);
	if (port_get(TESTPORT_MAGIC) != TESTPORT_VALUE_MAGIC)
		errx(1, "there is no test port");
}
