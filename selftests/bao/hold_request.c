// SPDX-License-Identifier: GPL-2.0
/*
 * hold_request: takes requests and never answers them. Not a test of its own: whoever powers the
 * backend off meanwhile looks at the hypervisor's counters for what the driver made of them.
 */
#include <err.h>
#include <stdio.h>
#include <unistd.h>

#include "backend.h"

#define DM	2

int main(void)
{
	const char *why = frontend_open();
	struct bao_virtio_request req;
	int fd;

	if (why)
		errx(1, "%s", why);
	fd = dm_open(DM);
	if (fd < 0)
		errx(1, "device model %d: error %d", DM, -fd);

	/* One that a process owns, and one that waits */
	frontend_start(DM, 0, read_of(frontend_window(DM), 4), 1);
	if (dm_attach(fd, &req))
		errx(1, "no request");
	frontend_start(DM, 1, read_of(frontend_window(DM), 4), 1);
	if (!wait_until(dm_waiting(fd)))
		errx(1, "no second request");

	puts("held");
	fflush(stdout);
	for (;;)
		pause();
}
