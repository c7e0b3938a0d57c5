/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Differences between the kernels that external modules build for, in one place
 */
#ifndef _BAO_TRANSPORT_COMPAT_H
#define _BAO_TRANSPORT_COMPAT_H

#include <linux/of.h>
#include <linux/version.h>

/* A macro, since some older kernels have got the function as well, but not all */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
#define of_property_present(np, name)	(!!of_find_property(np, name, NULL))
#endif

#endif /* _BAO_TRANSPORT_COMPAT_H */
