// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "backend.h"
#include "modules.h"

bool modular(void)
{
	return !access("/sys/module/bao/initstate", F_OK) &&
	       !access("/sys/module/bao_remio/initstate", F_OK);
}

bool is_loaded(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/module/%s", name);
	return !access(path, F_OK);
}

int remove_module(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? -errno : 0;
}

int load_module(const char *name)
{
	const char *dir = getenv("BAO_MODULES") ?: "/modules";
	char path[256];
	int fd, ret;

	snprintf(path, sizeof(path), "%s/%s.ko", dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno != ENOENT)
		return -errno;
	if (fd < 0) {
		snprintf(path, sizeof(path), "modprobe %s", name);
		return system(path) ? -ENOENT : 0;
	}
	ret = syscall(SYS_finit_module, fd, "", 0) ? -errno : 0;
	close(fd);
	return ret;
}

static int remio_control(const char *what, unsigned int dm_id)
{
	char path[160], name[32];
	glob_t found;

	if (glob("/sys/bus/auxiliary/drivers/bao_remio*", 0, NULL, &found))
		return -ENODEV;
	snprintf(path, sizeof(path), "%s/%s", found.gl_pathv[0], what);
	globfree(&found);
	snprintf(name, sizeof(name), "bao.remio.%u", dm_id);
	return write_file(path, name);
}

int remio_unbind(unsigned int dm_id)
{
	return remio_control("unbind", dm_id);
}

int remio_bind(unsigned int dm_id)
{
	return remio_control("bind", dm_id);
}
