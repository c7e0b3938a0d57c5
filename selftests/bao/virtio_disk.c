// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../kselftest.h"
#include "prng.h"
#include "virtio_disk.h"

/* Life */

int disk_make_on(struct disk *d, unsigned int dm, const char *name, const char *path)
{
	int ret;

	d->made = false;
	snprintf(d->path, sizeof(d->path), "%s", path);
	d->fd = open(path, O_RDWR | O_CLOEXEC);
	if (d->fd < 0)
		return -errno;
	d->size = lseek(d->fd, 0, SEEK_END);
	ret = virtio_make(&d->v, dm, "blk", name);
	return ret ?: virtio_set(&d->v, "path", "%s", path);
}

int disk_make(struct disk *d, unsigned int dm, const char *name, __u64 size)
{
	char path[sizeof(d->path)];
	int fd, ret;

	snprintf(path, sizeof(path), "/tmp/bao-disk-%s", name);
	/* Not one that a test has left behind in use */
	unlink(path);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	ret = ftruncate(fd, size) ? -errno : 0;
	close(fd);
	ret = ret ?: disk_make_on(d, dm, name, path);
	d->made = true;
	return ret;
}

int disk_go_live(struct disk *d)
{
	int ret;

	wait_until((ret = virtio_set_live(&d->v, true)) != -EBUSY);
	return ret;
}

void disk_remove(struct disk *d)
{
	virtio_remove(&d->v);
	close(d->fd);
	if (d->made)
		unlink(d->path);
}

/* Requests */

static bool device_writes_data(__u32 type)
{
	return type == VIRTIO_BLK_T_IN || type == VIRTIO_BLK_T_GET_ID;
}

int disk_add(struct vqueue *q, struct disk_io *io, __u32 type, __u64 sector,
	     const struct vsegment *data, unsigned int segments)
{
	struct vsegment all[MAX_SEGMENTS];

	if (segments + 2 > MAX_SEGMENTS)
		return -EINVAL;
	io->hdr.type = htole32(type);
	io->hdr.ioprio = 0;
	io->hdr.sector = htole64(sector);
	io->status = DISK_NO_STATUS;
	all[0] = (struct vsegment){ &io->hdr, sizeof(io->hdr) };
	memcpy(&all[1], data, segments * sizeof(*data));
	all[segments + 1] = (struct vsegment){ &io->status, sizeof(io->status) };
	if (device_writes_data(type))
		return vq_add(q, all, 1, segments + 1);
	return vq_add(q, all, segments + 1, 1);
}

int disk_request(struct vqueue *q, __u32 type, __u64 sector, void *data, __u32 len)
{
	struct vsegment segment = { data, len };
	struct window *w = q->v->window;
	size_t used = w->used;
	struct disk_io *io;
	int ret;

	io = window_alloc(w, sizeof(*io), 16);
	if (!io)
		return -ENOMEM;
	ret = disk_add(q, io, type, sector, &segment, !!len);
	if (ret >= 0) {
		vq_submit(q);
		ret = vq_wait(q, NULL);
	}
	if (ret >= 0)
		ret = io->status == DISK_NO_STATUS ? -ENODATA : io->status;
	w->used = used;
	return ret;
}

static const char *check_io(struct vqueue *q, void *data)
{
	static __u64 seed;

	seed++;
	disk_fill(data, 1, 2, seed);
	if (disk_request(q, VIRTIO_BLK_T_OUT, 1, data, 2 * SECTOR))
		return "it does not write";
	memset(data, 0, 2 * SECTOR);
	if (disk_request(q, VIRTIO_BLK_T_IN, 1, data, 2 * SECTOR))
		return "it does not read";
	if (!disk_matches(data, 1, 2, seed))
		return "what was written is not there";
	return NULL;
}

const char *disk_works(struct disk *d, __u64 features)
{
	struct window *w = d->v.window;
	const char *why;
	size_t used;
	void *data;

	if (virtio_start(&d->v, features, 1, 16))
		return "it does not start";
	used = w->used;
	data = window_alloc(w, 2 * SECTOR, SECTOR);
	if (!data)
		return "there is no room for the test";
	why = check_io(&d->v.queue[0], data);
	w->used = used;
	return why;
}

/* Contents */

#define NOISE_SECTORS 512

static const __u8 *noise(void)
{
	static __u64 words[NOISE_SECTORS * SECTOR / sizeof(__u64)];
	struct prng prng = { .state = 1 };
	unsigned int i;

	if (!words[0]) {
		for (i = 0; i < ARRAY_SIZE(words); i++)
			words[i] = prng_next(&prng);
	}
	return (const __u8 *)words;
}

static __u64 sector_stamp(__u64 sector, __u64 seed)
{
	return sector << 32 ^ seed;
}

void disk_fill(void *data, __u64 sector, unsigned int sectors, __u64 seed)
{
	__u8 *at = data;
	__u64 stamp;

	for (; sectors; sectors--, sector++, at += SECTOR) {
		stamp = sector_stamp(sector, seed);
		memcpy(at, noise() + (sector + seed) % NOISE_SECTORS * SECTOR, SECTOR);
		memcpy(at, &stamp, sizeof(stamp));
	}
}

bool disk_matches(const void *data, __u64 sector, unsigned int sectors, __u64 seed)
{
	__u8 wanted[SECTOR];
	const __u8 *at = data;

	for (; sectors; sectors--, sector++, at += SECTOR) {
		disk_fill(wanted, sector, 1, seed);
		if (memcmp(at, wanted, SECTOR))
			return false;
	}
	return true;
}
