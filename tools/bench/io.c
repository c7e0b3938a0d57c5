// SPDX-License-Identifier: GPL-2.0
/*
 * What an operation on a disk or a network costs. Prints one line:
 *
 *	= NAME mean median p99 size operations accesses interrupts asks completes notifies switches
 *
 * Times in nanoseconds: the mean is that of all the time, divided by the number of operations;
 * median and p99 are those of one from its beginning to its end, 0 where there is no such thing.
 * The size is in bytes. Counts are for 1000 operations, or all "-" without a meter.
 */
#include <err.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "io.h"

#define NSEC_PER_SEC 1000000000ull

static uint32_t *times;
static unsigned int nr_times;
static uint64_t began;

uint64_t io_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * NSEC_PER_SEC + t.tv_nsec;
}

void io_begin(const struct io *io)
{
	times = calloc(io->count, sizeof(*times));
	if (!times)
		err(1, "times");
	if (io->meter)
		meter_begin(io->dm);
	began = io_now();
}

/* There are @count of them at most */
void io_one(uint64_t ns)
{
	times[nr_times++] = ns < UINT32_MAX ? ns : UINT32_MAX;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a;
	uint32_t y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static uint32_t ranked(unsigned int permille)
{
	return nr_times ? times[(uint64_t)nr_times * permille / 1000] : 0;
}

void io_end(const struct io *io)
{
	uint64_t ns = io_now() - began;
	uint32_t counts[NR_COUNTERS];

	if (io->meter)
		meter_end(counts);
	qsort(times, nr_times, sizeof(*times), compare);
	printf("= %s %" PRIu64 " %u %u %u %u", io->name, ns / io->count, ranked(500), ranked(990),
	       io->size, io->count);
	for (unsigned int i = 0; i < NR_COUNTERS; i++) {
		if (io->meter)
			printf(" %" PRIu64, (uint64_t)counts[i] * 1000 / io->count);
		else
			printf(" -");
	}
	printf("\n");
	free(times);
}

static void __attribute__((noreturn)) help(void)
{
	fprintf(stderr,
		"usage: bao-io [OPTION...] disk NAME FILE\n"
		"       bao-io [OPTION...] net NAME WHAT ADDRESS\n"
		"       bao-io [OPTION...] access|copy NAME\n"
		"       bao-io cable|net-server|touch|meter|meter-off\n"
		"  --dm N           read the counters of that device\n"
		"  --size BYTES     of one operation\n"
		"  --count N        operations\n"
		"  --depth N        of a disk: that many at once\n"
		"  --write          to a disk\n"
		"  --sequential     on a disk\n"
		"WHAT is up, down, transactions, packets-up or packets-down.\n");
	exit(2);
}

static unsigned int number(const char *arg, unsigned int min)
{
	char *end;
	unsigned long value = strtoul(arg, &end, 0);

	if (!*arg || *end || value < min || value > INT32_MAX)
		help();
	return value;
}

static void parse(struct io *io, int argc, char **argv)
{
	static const struct option options[] = {
		{ "dm", required_argument, NULL, 'd' },
		{ "size", required_argument, NULL, 's' },
		{ "count", required_argument, NULL, 'c' },
		{ "depth", required_argument, NULL, 'n' },
		{ "write", no_argument, NULL, 'w' },
		{ "sequential", no_argument, NULL, 'q' },
		{ NULL, 0, NULL, 0 },
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'd')
			io->dm = number(optarg, 0), io->meter = true;
		else if (opt == 's')
			io->size = number(optarg, 1);
		else if (opt == 'c')
			io->count = number(optarg, 1);
		else if (opt == 'n')
			io->depth = number(optarg, 1);
		else if (opt == 'w')
			io->write = true;
		else if (opt == 'q')
			io->sequential = true;
		else
			help();
	}
}

/* Commands that measure nothing */
static void __attribute__((noreturn)) alone(const char *command)
{
	if (!strcmp(command, "cable")) {
		cable();
	} else if (!strcmp(command, "net-server")) {
		net_serve();
	} else if (!strcmp(command, "touch")) {
		meter_touch();
	} else if (!strcmp(command, "meter")) {
		meter_serve();
	} else if (!strcmp(command, "meter-off")) {
		meter_open();
		meter_off();
	} else {
		help();
	}
	exit(0);
}

int main(int argc, char **argv)
{
	struct io io = {
		.size = 4096,
		.depth = 1,
		.count = 1024,
	};
	const char *command;

	parse(&io, argc, argv);
	argc -= optind;
	argv += optind;
	if (argc == 1)
		alone(argv[0]);
	if (argc < 2)
		help();
	command = argv[0];
	io.name = argv[1];
	if (io.meter)
		meter_open();
	if (!strcmp(command, "disk") && argc == 3)
		disk(&io, argv[2]);
	else if (!strcmp(command, "net") && argc == 4)
		net(&io, argv[2], argv[3]);
	else if (!strcmp(command, "access") && argc == 2 && io.meter)
		cost_of_access(&io);
	else if (!strcmp(command, "copy") && argc == 2)
		cost_of_copy(&io);
	else
		help();
	return 0;
}
