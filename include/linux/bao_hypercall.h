/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The Bao hypervisor's guest ABI, common to all architectures.
 *
 * The numbers are those of Bao's src/core/inc/{hypercall,remio}.h. <asm/bao.h> says which registers
 * carry them.
 */
#ifndef _LINUX_BAO_HYPERCALL_H
#define _LINUX_BAO_HYPERCALL_H

/* Functions */
#define BAO_HC_IPC		1
#define BAO_HC_REMIO		2

/* Operations of BAO_HC_REMIO */
#define BAO_REMIO_WRITE		0	/* complete a write */
#define BAO_REMIO_READ		1	/* complete a read */
#define BAO_REMIO_ASK		2	/* hand out the oldest pending request */
#define BAO_REMIO_NOTIFY	3	/* interrupt the frontend */

/* Result codes. They are no errnos. */
#define BAO_HC_SUCCESS		0
#define BAO_HC_EMPTY		1	/* ASK: nothing is pending */
#define BAO_HC_FAILURE		(-1)
#define BAO_HC_INVAL_ID		(-2)
#define BAO_HC_INVAL_ARGS	(-3)

/* Arguments of BAO_HC_REMIO, index into bao_hypercall_args.arg */
enum {
	BAO_REMIO_ARG_DM_ID,
	BAO_REMIO_ARG_ADDR,
	BAO_REMIO_ARG_OP,
	BAO_REMIO_ARG_VALUE,
	BAO_REMIO_ARG_REQUEST_ID,
};

/* Arguments of BAO_HC_IPC, which rings a doorbell; index into bao_hypercall_args.arg */
enum {
	BAO_IPC_ARG_ID,
	BAO_IPC_ARG_EVENT,	/* one that a receiver does not have is success there */
};

/* What a successful BAO_REMIO_ASK returns, index into bao_hypercall_args.ret */
enum {
	BAO_ASK_RET_ADDR,
	BAO_ASK_RET_OP,
	BAO_ASK_RET_VALUE,
	BAO_ASK_RET_WIDTH,
	BAO_ASK_RET_REQUEST_ID,
	BAO_ASK_RET_MORE,
};

/**
 * struct bao_hypercall_args - registers of a hypercall
 * @arg: arguments in the order of the ABI; a register's width, so 64-bit values are cut on 32-bit
 * @ret: what the hypervisor returned beside its code; only a successful BAO_REMIO_ASK sets it,
 *	 after any other call it has no meaning
 */
struct bao_hypercall_args {
	unsigned long arg[5];
	unsigned long ret[6];
};

#endif /* _LINUX_BAO_HYPERCALL_H */
