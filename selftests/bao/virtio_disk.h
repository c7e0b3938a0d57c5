/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A disk of bao_virtio_blk.ko behind the scripted driver. It is backed by a file of this process,
 * so that a test sees both ends.
 *
 * Functions that return int return a negative errno on failure.
 */
#ifndef SELFTESTS_BAO_VIRTIO_DISK_H
#define SELFTESTS_BAO_VIRTIO_DISK_H

#include <linux/virtio_blk.h>

#include "virtio_driver.h"

#define SECTOR 512

/**
 * struct disk - a disk
 * @v: its device
 * @path: of the file
 * @fd: the file
 * @size: in bytes
 * @made: the file was made for this disk
 */
struct disk {
	struct virtio v;
	char path[64];
	int fd;
	__u64 size;
	bool made;
};

/**
 * struct disk_io - what a request has besides its data; in the window
 * @hdr: for the device
 * @status: from the device
 */
struct disk_io {
	struct virtio_blk_outhdr hdr;
	__u8 status;
};

/* What is in @status before the device has answered */
#define DISK_NO_STATUS	0xaa

/* A sparse file, and a directory with the attributes that all disks have. Not live. */
int disk_make(struct disk *d, unsigned int dm, const char *name, __u64 size);
/* The same with a file that is there */
int disk_make_on(struct disk *d, unsigned int dm, const char *name, const char *path);
void disk_remove(struct disk *d);
/* Waits while the backing is busy with what a disk on it had begun before */
int disk_go_live(struct disk *d);

/*
 * Adds a request to a queue, whose data are so many segments. The device reads or writes them as
 * the type says. Returns what vq_add() does.
 */
int disk_add(struct vqueue *q, struct disk_io *io, __u32 type, __u64 sector,
	     const struct vsegment *data, unsigned int segments);

/* One request, and waits for its answer. Returns the status; -ENODATA if there is none. */
int disk_request(struct vqueue *q, __u32 type, __u64 sector, void *data, __u32 len);

/*
 * Whether a driver that starts the device finds a disk that reads and writes, with the first queue.
 * Returns NULL, or what it found.
 */
const char *disk_works(struct disk *d, __u64 features);
#define EXPECT_DISK_WORKS(disk, features) do {					\
	const char *_why = disk_works(disk, features);				\
										\
	EXPECT_TRUE(!_why)							\
		TH_LOG("%s", _why);						\
} while (0)

/* What tests write into a sector, and look for: it differs for each sector and each seed */
void disk_fill(void *data, __u64 sector, unsigned int sectors, __u64 seed);
bool disk_matches(const void *data, __u64 sector, unsigned int sectors, __u64 seed);

#endif
