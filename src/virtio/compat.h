/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between the kernels that the external modules build for, in one place
 */
#ifndef _BAO_VIRTIO_COMPAT_H
#define _BAO_VIRTIO_COMPAT_H

#include <linux/types.h>
#include <linux/version.h>

/* Of &tty_operations.write */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
#define bao_tty_size_t	int
#define bao_tty_ssize_t	int
#else
#define bao_tty_size_t	size_t
#define bao_tty_ssize_t	ssize_t
#endif

#endif /* _BAO_VIRTIO_COMPAT_H */
