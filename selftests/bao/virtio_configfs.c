// SPDX-License-Identifier: GPL-2.0
/* Devices of the scripted virtio driver as directories in configfs */
#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "virtio_driver.h"

#define CONFIGFS	"/sys/kernel/config"
#define ROOT		CONFIGFS "/bao-virtio"

static unsigned int made;

bool virtio_has_model(const char *model)
{
	char path[64];

	if (access(ROOT, F_OK))
		mount("configfs", CONFIGFS, "configfs", 0, NULL);
	snprintf(path, sizeof(path), ROOT "/%s", model);
	return !access(path, F_OK);
}

static bool is_entry(const struct dirent *entry)
{
	return entry->d_type == DT_DIR && entry->d_name[0] != '.';
}

static int remove_device(const char *dir)
{
	char path[512];
	int ret;

	snprintf(path, sizeof(path), "%s/live", dir);
	ret = write_file(path, "0");
	return rmdir(dir) ? -errno : ret;
}

static int remove_devices(const char *model)
{
	struct dirent *entry;
	char path[512];
	int ret = 0;
	DIR *dir;

	dir = opendir(model);
	if (!dir)
		return -errno;
	while (!ret && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/%s", model, entry->d_name);
		if (is_entry(entry))
			ret = remove_device(path);
	}
	closedir(dir);
	return ret;
}

int virtio_clean(void)
{
	struct dirent *entry;
	char path[512];
	int ret = 0;
	DIR *dir;

	dir = opendir(ROOT);
	if (!dir)
		return -errno;
	while (!ret && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), ROOT "/%s", entry->d_name);
		if (is_entry(entry))
			ret = remove_devices(path);
	}
	closedir(dir);
	return ret;
}

int virtio_make(struct virtio *v, unsigned int dm, const char *model, const char *name)
{
	*v = (struct virtio) {
		.dm = dm,
		.addr = VIRTIO_ADDR + made++ * VIRTIO_SIZE,
		.window = dm < SIM_DEVICES ? window_of(dm) : window_map(dm, 0, 0),
	};
	if (!v->window)
		return -ENOMEM;
	virtio_reset_counters(v);
	snprintf(v->dir, sizeof(v->dir), ROOT "/%s/%s", model, name);
	if (mkdir(v->dir, 0755))
		return -errno;
	return virtio_set(v, "dm", "%u", dm) ?: virtio_set(v, "addr", "%#llx", v->addr);
}

int virtio_set(struct virtio *v, const char *attr, const char *format, ...)
{
	char path[256], value[256];
	va_list args;

	va_start(args, format);
	vsnprintf(value, sizeof(value), format, args);
	va_end(args);
	snprintf(path, sizeof(path), "%s/%s", v->dir, attr);
	return write_file(path, value);
}

long long virtio_get(struct virtio *v, const char *attr)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", v->dir, attr);
	return read_number(path);
}

const char *virtio_get_text(struct virtio *v, const char *attr)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", v->dir, attr);
	return read_line(path);
}

int virtio_set_live(struct virtio *v, bool live)
{
	return virtio_set(v, "live", "%d", live);
}

int virtio_remove(struct virtio *v)
{
	return rmdir(v->dir) ? -errno : 0;
}
