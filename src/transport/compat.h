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

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 18, 0)
#define bao_get_dev_pagemap(pfn)	get_dev_pagemap(pfn, NULL)
#else
#define bao_get_dev_pagemap(pfn)	get_dev_pagemap(pfn)
#endif

/*
 * Whether memory can be added to a section of which some has been added before. Older kernels for
 * arm64 (without commit d4234d131b0a) may leave its page structures without memory.
 */
#define BAO_SECTIONS_CAN_BE_SHARED						\
	(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 15, 0) ||			\
	 (LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 30) &&			\
	  LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)))

#endif /* _BAO_TRANSPORT_COMPAT_H */
