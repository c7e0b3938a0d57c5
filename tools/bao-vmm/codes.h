/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Numbers of Bao's guest ABI. They are facts about the hypervisor and are stated here on purpose
 * instead of being shared with the driver: a test must not inherit the driver's mistakes.
 */
#ifndef BAO_VMM_CODES_H
#define BAO_VMM_CODES_H

/* Function numbers of hypercalls */
enum {
	BAO_FN_IPC = 1,
	BAO_FN_REMIO = 2,
};

/* Return codes; no errnos. Only an ASK is answered with a positive one. */
enum {
	BAO_OK = 0,
	BAO_NOTHING = 1,	/* ASK: no request waits, or an argument was not 0 */
	BAO_FAILURE = -1,	/* COMPLETE: no such request in the right state on this device */
	BAO_INVAL_ID = -2,	/* no such function */
	BAO_INVAL_ARGS = -3,	/* no such device, IPC object or operation */
};

/* Operations of the remote-I/O hypercall; the first two also name the kind of a request */
enum {
	REMIO_WRITE = 0,	/* complete a write */
	REMIO_READ = 1,		/* complete a read */
	REMIO_ASK = 2,		/* take the oldest pending request */
	REMIO_NOTIFY = 3,	/* interrupt the frontend */
};

#endif
