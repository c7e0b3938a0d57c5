/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between the kernels that the external modules build for, in one place
 */
#ifndef _BAO_COMPAT_H
#define _BAO_COMPAT_H

#include <linux/eventfd.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
#define eventfd_signal(ctx)	eventfd_signal(ctx, 1)
#endif

#endif /* _BAO_COMPAT_H */
