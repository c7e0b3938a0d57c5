// SPDX-License-Identifier: GPL-2.0
/*
 * The state file.
 *
 * The registers live in a shared mapping of a file, so they are as the last store left them,
 * however the process ends. SIGKILL may come between any two instructions. Why the successor goes
 * on all the same:
 *
 * - The access in flight. The kernel gives a request that was not completed back, at the head of
 *   the queue, so the successor sees the same access again. Reads change nothing. Writes come to
 *   the same result when they are carried out a second time:
 *	DeviceFeaturesSel, DriverFeaturesSel, QueueSel, QueueNum, the ring addresses: plain stores
 *	DriverFeatures: stored at DriverFeaturesSel, which did not change in between
 *	QueueReady: depends on the registers before it only; 0 stops a stopped queue
 *	QueueNotify: one more look at the ring
 *	Status: FEATURES_OK depends on the features only; DRIVER_OK starts a queue that
 *		mmio_resume() may have started already; 0 resets what is reset
 *	InterruptACK: clears bits. It may clear a bit that was set between the two executions, but
 *		the driver looks at the ring when its ACK returns, that is, after the second
 *		one, and whatever set the bit is in the ring by then
 *   The configuration space has no writable field.
 * - The request that the worker had in hand. Requests are served one at a time in their order, and
 *   the used index moves last. The successor finds in it the first request that is not done, and
 *   does it again; all of them may be repeated while no later request has been served.
 * - The interrupt. It may be missing for a used element that is visible, so the successor raises
 *   one on a live queue. A superfluous interrupt does no harm.
 * - The kick. A QueueNotify may have been swallowed by the dead process' eventfd, so the successor
 *   looks at the ring without one. Its ioeventfd is gone with the process: it assigns a new one.
 *
 * The successor must not start before the predecessor has been waited for.
 */
#include <err.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dm.h"

/* Without a path the state ends with the process */
struct dm_state *state_open(const char *path, uint32_t dm_id, uint64_t window)
{
	int flags = MAP_SHARED | (path ? 0 : MAP_ANONYMOUS);
	struct dm_state *state;
	int fd = -1;

	if (path) {
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (fd < 0 || ftruncate(fd, sizeof(*state)))
			err(1, "%s", path);
	}
	state = mmap(NULL, sizeof(*state), PROT_READ | PROT_WRITE, flags, fd, 0);
	if (state == MAP_FAILED)
		err(1, "mapping the state");
	if (fd >= 0)
		close(fd);

	if (!state->magic) {
		state->dm_id = dm_id;
		state->window = window;
		__atomic_store_n(&state->magic, DM_STATE_MAGIC, __ATOMIC_RELEASE);
	}
	if (state->magic != DM_STATE_MAGIC || state->dm_id != dm_id || state->window != window)
		errx(1, "%s: state of another device model", path);
	return state;
}
