/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the formats of rings share; ring.c has it
 */
#ifndef _BAO_VIRTIO_RING_H
#define _BAO_VIRTIO_RING_H

#include <asm/byteorder.h>	/* <linux/virtio_byteorder.h> does not include what it uses */
#include <linux/compiler.h>
#include <linux/virtio_byteorder.h>
#include <uapi/linux/virtio_config.h>

#include "core.h"

/**
 * bao_vq_broken() - may the ring not be touched any more?
 * @vq: queue
 *
 * Any thread can break a device at any time, so this is no promise for long. It need not be one:
 * the ring's memory is there until the worker has been stopped.
 *
 * Context: any
 * Return: whether DEVICE_NEEDS_RESET is set
 */
static inline bool bao_vq_broken(const struct bao_vq *vq)
{
	return READ_ONCE(vq->vdev->core->status) & VIRTIO_CONFIG_S_NEEDS_RESET;
}

int bao_vring_bad(struct bao_vq *vq, const char *why);
void *bao_vring_indirect(struct bao_vq *vq, u64 addr, u32 len, u16 flags);
int bao_vring_take(struct bao_vq *vq, struct bao_vchain *chain, u16 id);
bool bao_vring_give_back(struct bao_vq *vq, u16 id);

#endif /* _BAO_VIRTIO_RING_H */
