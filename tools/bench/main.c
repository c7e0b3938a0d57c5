// SPDX-License-Identifier: GPL-2.0
/*
 * What an access of the frontend costs. Prints one line:
 *
 *	= NAME median p99 interrupts asks completes notifies switches allocations accesses
 *
 * Times in nanoseconds, of the test hypervisor's clock, from the interrupt to the COMPLETE; if
 * several vCPUs access at once, their number is divided out. Counts are for 1000 accesses.
 *
 * The accesses are started by this process when nobody else wants to run, so what it interrupts
 * counts for idle, and a thread that is woken runs at once.
 */
#include <err.h>
#include <fcntl.h>
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../bao-vmm/map.h"
#include "../bao-vmm/testport.h"
#include "bench.h"

/*
 * Accesses between two pauses. The driver answers in the interrupt as long as interrupts are no
 * load to the CPU: that is not what we want to know here.
 */
#define BURST		32
#define PAUSE_NS	20000000	/* two ticks of the rig's kernels */

#define TRACING		"/sys/kernel/tracing/"

/**
 * struct bench - what is measured
 * @name: of the row
 * @ipc: operation on a channel, NULL if it is accesses
 * @size: bytes of that operation
 * @service: what this process does meanwhile
 * @offset: of the register
 * @op: REMIO_READ or REMIO_WRITE
 * @value: for a write
 * @vcpus: that many access it at once
 * @count: accesses, in all
 */
struct bench {
	const char *name;
	const char *ipc;
	size_t size;
	struct service service;
	unsigned int op;
	uint32_t value;
	unsigned int vcpus;
	unsigned int count;
};

/**
 * struct counts - what happened meanwhile
 */
struct counts {
	uint64_t accesses;
	uint64_t interrupts;
	uint64_t asks;
	uint64_t completes;
	uint64_t notifies;
	uint64_t switches;
	uint64_t allocations;
};

/* The number that follows a word at the beginning of a line of a file; 0 if there is none */
static uint64_t number_in(const char *path, const char *word)
{
	static char text[16384];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	char *line;

	if (fd >= 0)
		close(fd);
	text[len < 0 ? 0 : len] = '\0';
	for (line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		if (!strncmp(line, word, strlen(word)))
			return strtoull(line + strlen(word), NULL, 10);
	return 0;
}

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		err(1, "%s", path);
	close(fd);
}

static void pause_a_while(void)
{
	struct timespec t = { .tv_nsec = PAUSE_NS };

	nanosleep(&t, NULL);
}

/* Of a vCPU: several keep each other company, one waits until everybody sleeps again */
static unsigned int accesses_at_once(const struct bench *b)
{
	return b->vcpus > 1 ? BURST / b->vcpus : 1;
}

static void set_up_vcpus(const struct bench *b)
{
	port_set(TESTPORT_DEVICE, b->service.dm);
	for (unsigned int i = 0; i < b->vcpus; i++) {
		port_set(TESTPORT_VCPU, i);
		port_set(TESTPORT_ADDR_LO, b->service.addr);
		port_set(TESTPORT_VALUE_LO, b->value);
		port_set(TESTPORT_OP, b->op);
		port_set(TESTPORT_WIDTH, sizeof(uint32_t));
		port_set(TESTPORT_COUNT, accesses_at_once(b));
	}
}

/* Now and then the scheduler lets us run although somebody else has work to do */
static void wait_until_quiet(void)
{
	while (port_get(TESTPORT_PENDING) || port_get(TESTPORT_PROCESSING))
		sched_yield();
}

/* Returns how many accesses that were */
static unsigned int burst(const struct bench *b)
{
	uint32_t mask = (1u << b->vcpus) - 1;
	unsigned int n = 0;

	do {
		port_set(TESTPORT_START_MASK, mask);
		wait_until_quiet();
		n += accesses_at_once(b) * b->vcpus;
	} while (n + b->vcpus <= BURST);
	return n;
}

static void check_done(const struct bench *b, uint32_t accesses)
{
	uint32_t completes = port_get(TESTPORT_COMPLETES);

	if (completes != accesses || port_get(TESTPORT_ACCESSES) != accesses)
		errx(1, "%s: %u accesses of %u are not answered", b->name, accesses - completes,
		     accesses);
}

static void measure(const struct bench *b, struct counts *c)
{
	uint64_t before;

	burst(b);
	pause_a_while();
	port_set(TESTPORT_RESET, 1);
	while (c->accesses < b->count) {
		before = number_in("/proc/stat", "ctxt ");
		c->accesses += burst(b);
		c->switches += number_in("/proc/stat", "ctxt ") - before;
		pause_a_while();
	}
	check_done(b, c->accesses);
	c->interrupts = port_get(TESTPORT_INTERRUPTS);
	c->asks = port_get(TESTPORT_ASKS);
	c->completes = port_get(TESTPORT_COMPLETES);
	c->notifies = port_get(TESTPORT_NOTIFIES);
}

static uint64_t allocations(const struct bench *b, bool accesses)
{
	uint64_t n;

	put(TRACING "trace", "");
	put(TRACING "tracing_on", "0");
	put(TRACING "events/kmem/kmalloc/enable", "1");
	put(TRACING "events/kmem/kmem_cache_alloc/enable", "1");
	put(TRACING "tracing_on", "1");
	if (accesses)
		burst(b);
	put(TRACING "tracing_on", "0");
	n = number_in(TRACING "per_cpu/cpu0/stats", "entries: ");
	put(TRACING "events/kmem/enable", "0");
	put(TRACING "trace", "");
	return n;
}

/*
 * Apart from the times, since counting takes some. Returns how many there are in a burst, but those
 * that the counting makes.
 */
static uint64_t count_allocations(const struct bench *b)
{
	uint64_t without = allocations(b, false);
	uint64_t with = allocations(b, true);

	return with > without ? with - without : 0;
}

static void print(const struct bench *b, const struct counts *c)
{
	static const unsigned int permille[] = { 500, 990 };
	uint32_t nr = port_get(TESTPORT_TIMES);

	printf("= %s", b->name);
	for (unsigned int i = 0; i < sizeof(permille) / sizeof(permille[0]); i++) {
		port_set(TESTPORT_RANK, (uint64_t)nr * permille[i] / 1000);
		printf(" %u", port_get(TESTPORT_TIME) / b->vcpus);
	}
	printf(" %llu", (unsigned long long)(c->interrupts * 1000 / c->accesses));
	printf(" %llu", (unsigned long long)(c->asks * 1000 / c->accesses));
	printf(" %llu", (unsigned long long)(c->completes * 1000 / c->accesses));
	printf(" %llu", (unsigned long long)(c->notifies * 1000 / c->accesses));
	printf(" %llu", (unsigned long long)(c->switches * 1000 / c->accesses));
	printf(" %llu", (unsigned long long)(c->allocations * 1000 / BURST));
	printf(" %llu\n", (unsigned long long)c->accesses);
}

static void __attribute__((noreturn)) help(void)
{
	fprintf(stderr,
		"usage: bao-bench [OPTION...] NAME\n"
		"  --dm N           device\n"
		"  --addr GPA       what is accessed\n"
		"  --write N        by writes of this value, otherwise by reads\n"
		"  --vcpus N        by that many at once\n"
		"  --count N        that often\n"
		"  --threads N      that many threads of this process answer\n"
		"  --next           they complete and attach in one call\n"
		"  --ioeventfds N   that many ioeventfds, for the values from 0 on\n"
		"  --readers        threads read their eventfds\n"
		"  --ipc OPERATION  instead of all this: copy-out, copy-in, write, read, ring or\n"
		"                   ring-and-hear, on channel 0\n"
		"  --size N         of that many bytes\n");
	exit(2);
}

static uint64_t number(const char *arg)
{
	char *end;
	uint64_t value = strtoull(arg, &end, 0);

	if (!*arg || *end)
		help();
	return value;
}

static void parse(struct bench *b, int argc, char **argv)
{
	static const struct option options[] = {
		{ "dm", required_argument, NULL, 'd' },
		{ "addr", required_argument, NULL, 'a' },
		{ "write", required_argument, NULL, 'w' },
		{ "vcpus", required_argument, NULL, 'v' },
		{ "count", required_argument, NULL, 'c' },
		{ "threads", required_argument, NULL, 't' },
		{ "next", no_argument, NULL, 'n' },
		{ "ioeventfds", required_argument, NULL, 'i' },
		{ "readers", no_argument, NULL, 'r' },
		{ "ipc", required_argument, NULL, 'I' },
		{ "size", required_argument, NULL, 's' },
		{ NULL, 0, NULL, 0 },
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'd')
			b->service.dm = number(optarg);
		else if (opt == 'a')
			b->service.addr = number(optarg);
		else if (opt == 'w')
			b->op = REMIO_WRITE, b->value = number(optarg);
		else if (opt == 'v')
			b->vcpus = number(optarg);
		else if (opt == 'c')
			b->count = number(optarg);
		else if (opt == 't')
			b->service.threads = number(optarg);
		else if (opt == 'n')
			b->service.next = true;
		else if (opt == 'i')
			b->service.ioeventfds = number(optarg);
		else if (opt == 'r')
			b->service.readers = true;
		else if (opt == 'I')
			b->ipc = optarg;
		else if (opt == 's')
			b->size = number(optarg);
		else
			help();
	}
	if (argc != optind + 1 || !b->vcpus || b->vcpus > REMIO_MAX_VCPUS || !b->count)
		help();
	b->name = argv[optind];
}

int main(int argc, char **argv)
{
	static const struct sched_param no_priority;
	struct bench b = {
		.service = { .addr = MAP_VIRTIO },
		.op = REMIO_READ,
		.vcpus = 1,
		.count = 1024,
	};
	struct counts c = {};

	parse(&b, argc, argv);
	port_open();
	if (b.ipc) {
		ipc_measure(b.name, b.ipc, b.size);
		return 0;
	}
	serve(&b.service);
	/* Only now: threads inherit it */
	if (sched_setscheduler(0, SCHED_IDLE, &no_priority))
		err(1, "SCHED_IDLE");
	set_up_vcpus(&b);
	measure(&b, &c);
	c.allocations = count_allocations(&b);
	print(&b, &c);
	return 0;
}
