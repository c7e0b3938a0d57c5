// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <unistd.h>

#include "backend.h"
#include "nth.h"

#define DEBUGFS "/sys/kernel/debug"

static int nth_fd = -1;

const char *nth_enable(void)
{
	static const char * const options[][2] = {
		{ DEBUGFS "/failslab/ignore-gfp-wait", "N" },
		{ DEBUGFS "/failslab/verbose", "0" },
		{ DEBUGFS "/fail_page_alloc/ignore-gfp-wait", "N" },
		{ DEBUGFS "/fail_page_alloc/min-order", "0" },
		{ DEBUGFS "/fail_page_alloc/verbose", "0" },
		{ DEBUGFS "/fail_usercopy/verbose", "0" },
	};
	unsigned int i;

	nth_fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (nth_fd < 0)
		return "kernel without fault injection";
	if (access(DEBUGFS "/failslab", F_OK))
		mount("debugfs", DEBUGFS, "debugfs", 0, NULL);
	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (write_file(options[i][0], options[i][1]))
			return options[i][0];
	}
	return NULL;
}

void nth_fail(unsigned int nth)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", nth);

	if (pwrite(nth_fd, text, len, 0) != len)
		perror("fail-nth");
}

bool nth_has_failed(void)
{
	char text[16] = "";
	ssize_t len = pread(nth_fd, text, sizeof(text) - 1, 0);

	/* This very read was the one */
	if (len < 0)
		return false;
	if (strcmp(text, "0\n"))
		nth_fail(0);
	return !strcmp(text, "0\n");
}

/* From its beginning to that of the next one; both 0 if it is not there */
static void find_function(const char *function, unsigned long long *start, unsigned long long *end)
{
	FILE *file = fopen("/proc/kallsyms", "r");
	unsigned long long addr;
	char name[128];

	*start = 0;
	*end = 0;
	if (!file)
		return;
	while (!*end && fscanf(file, "%llx %*c %127s%*[^\n]", &addr, name) == 2) {
		if (!strcmp(name, function))
			*start = addr;
		else if (*start && addr > *start)
			*end = addr;
	}
	fclose(file);
}

int nth_only(const char *function)
{
	static const char *const kinds[] = { "failslab", "fail_page_alloc", "fail_usercopy" };
	unsigned long long range[2] = { 0, -1ul };
	char path[128], text[32];
	unsigned int i;
	int ret = 0;

	if (function)
		find_function(function, &range[0], &range[1]);
	if (!range[1])
		return -ENOENT;
	for (i = 0; !ret && i < 2 * sizeof(kinds) / sizeof(*kinds); i++) {
		snprintf(path, sizeof(path), DEBUGFS "/%s/require-%s", kinds[i / 2],
			 i % 2 ? "end" : "start");
		snprintf(text, sizeof(text), "%#llx", range[i % 2]);
		ret = write_file(path, text);
	}
	return ret;
}

#define PAGE_TABLE (2ul << 20)	/* a page of it, with pages of 4 KiB */

void *nth_place(size_t size)
{
	char *area = mmap(NULL, 2 * PAGE_TABLE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (area == MAP_FAILED || size > PAGE_TABLE / 2)
		return NULL;
	area = (char *)(((unsigned long)area + PAGE_TABLE - 1) & ~(PAGE_TABLE - 1));
	memset(area, 1, PAGE_TABLE);
	return area + PAGE_TABLE / 4;
}

int nth_map(int fd, void *place, size_t size)
{
	void *map = mmap(place, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);

	if (map == MAP_FAILED)
		return -errno;
	munmap(map, size);
	return 0;
}
