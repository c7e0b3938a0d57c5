// SPDX-License-Identifier: GPL-2.0
/* What operations are made of: accesses to registers, and copies */
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "io.h"

/* MagicValue: reading it changes nothing */
void cost_of_access(const struct io *io)
{
	volatile uint32_t *window = meter_window(io->dm);

	io_begin(io);
	for (unsigned int i = 0; i < io->count; i++) {
		uint64_t began = io_now();

		(void)window[0];
		io_one(io_now() - began);
	}
	io_end(io);
}

void cost_of_copy(const struct io *io)
{
	char *from = malloc(io->size), *to = malloc(io->size);

	if (!from || !to)
		err(1, "%s", io->name);
	memset(from, 0x5a, io->size);
	memset(to, 0xa5, io->size);
	io_begin(io);
	for (unsigned int i = 0; i < io->count; i++) {
		uint64_t began = io_now();

		memcpy(to, from, io->size);
		/* It is looked at, so it has to be done */
		__asm__ volatile("" : : "r"(to) : "memory");
		io_one(io_now() - began);
	}
	io_end(io);
	free(from);
	free(to);
}
