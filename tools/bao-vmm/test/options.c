// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>

#include "../options.h"
#include "test.h"

#define MAX_WORDS	16
#define MAX_TEXT	256

static struct options o;

/* Parse a command line given as one string */
static const char *parse(const char *text)
{
	static char copy[MAX_TEXT];
	char *argv[MAX_WORDS + 1] = { "bao-vmm" };
	int argc = 1;

	snprintf(copy, sizeof(copy), "%s", text);
	for (char *w = strtok(copy, " "); w && argc < MAX_WORDS; w = strtok(NULL, " "))
		argv[argc++] = w;
	argv[argc] = NULL;
	return options_parse(&o, argc, argv);
}

#define BE	"--backend kernel=/k,dtb=/d,initrd=/i"
#define FE	" --frontend kernel=/a,dtb=/b,initrd=/c"

void test_options(void)
{
	ok(!parse(BE " --devices 2"), "the least");
	ok(o.backend.present && !o.frontend.present, "backend only");
	ok(!strcmp(o.backend.kernel, "/k") && !strcmp(o.backend.dtb, "/d") &&
	   !strcmp(o.backend.initrd, "/i"), "files");
	eq(o.backend.mem, 256 << 20, "default memory");
	eq(o.backend.cpus, 1, "default number of CPUs");
	eq(o.devices, 2, "devices");
	eq(o.watchdog, 0, "no watchdog");
	ok(o.rubbish, "rubbish unless told");
	eq(o.ipc, 0, "no IPC");

	ok(!parse(BE ",mem=128M,cpus=4,a32" FE " --devices 8 --ipc 3 --rubbish 0 --watchdog 20"),
	   "everything");
	eq(o.backend.mem, 128 << 20, "memory");
	eq(o.backend.cpus, 4, "CPUs");
	ok(o.backend.a32 && !o.frontend.a32, "a32");
	ok(o.frontend.present && !strcmp(o.frontend.initrd, "/c"), "frontend");
	eq(o.frontend.mem, 128 << 20, "its default memory");
	eq(o.ipc, 3, "IPC");
	eq(o.watchdog, 20, "watchdog");
	ok(!o.rubbish, "no rubbish");

	ok(parse("--devices 2"), "backend missing");
	ok(parse(BE), "devices missing");
	ok(parse(BE " --devices 9"), "too many devices");
	ok(parse(BE " --devices -1"), "negative number");
	ok(parse(BE " --devices 2 --rubbish 2"), "more than rubbish");
	ok(parse(BE " --devices 2x"), "rubbish behind a number");
	ok(parse(BE " --devices"), "value missing");
	ok(parse(BE ",cpus=9 --devices 1"), "too many CPUs");
	ok(parse(BE ",cpus --devices 1"), "number missing");
	ok(parse(BE ",mem=64M --devices 1"), "too little memory");
	ok(parse(BE ",mem=512M --devices 1"), "so much memory that it runs into the windows");
	ok(parse(BE ",mem=0x8000001 --devices 1"), "odd memory");
	ok(parse(BE ",what=1 --devices 1"), "unknown key");
	ok(parse("--backend kernel=/k,dtb=/d --devices 1"), "initrd missing");
	ok(parse(BE ",a32" FE ",a32 --devices 1"), "both a32");
	ok(parse(BE " --device 1"), "unknown option");
}
