/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Differences between the kernels that external modules build for, in one place
 */
#ifndef _BAO_IPC_COMPAT_H
#define _BAO_IPC_COMPAT_H

#include <linux/eventfd.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
#define eventfd_signal(ctx)	eventfd_signal(ctx, 1)
#endif

struct mbox_chan;
struct mbox_client;

/* Some older kernels have got it as well, but not all */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
static inline int bao_mbox_bind_client(struct mbox_chan *chan, struct mbox_client *cl)
{
	return -EOPNOTSUPP;
}
#else
#define bao_mbox_bind_client mbox_bind_client
#endif

#endif /* _BAO_IPC_COMPAT_H */
