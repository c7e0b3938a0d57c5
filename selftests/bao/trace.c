// SPDX-License-Identifier: GPL-2.0
/*
 * The way of an access through the driver, as tracing sees it: nothing is allocated and no context
 * is switched from the interrupt to the answer of an ioeventfd.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "backend.h"

#define DM 0
#define IRQ_NAME "name=bao-remio.0"
#define TRACING "/sys/kernel/tracing"
/* An instance has buffer and events of its own, and disturbs nobody else */
#define INSTANCE TRACING "/instances/bao_selftest"
#define MAX_CPUS 64

/**
 * struct findings - what the trace says
 * @requests: accesses that came
 * @in_interrupt: of those, the ones answered on the CPU, and in the run of the endpoint's interrupt
 *		  handler, that they came in
 * @in_thread: the ones answered on the CPU that they came on, otherwise: where the handler leaves
 *	       the work to the driver's thread
 * @between: other events on that CPU, between the beginning of the handler, or the request in the
 *	     thread, and the answer
 * @elsewhere: other events at other times
 * @first: the first line of @between
 */
struct findings {
	unsigned int requests;
	unsigned int in_interrupt;
	unsigned int in_thread;
	unsigned int between;
	unsigned int elsewhere;
	char first[256];
};

FIXTURE(trace) {
	int fd;
	struct findings found;
};

FIXTURE_SETUP(trace)
{
	SET_UP_OR_SKIP();
	if (access(TRACING "/instances", F_OK))
		mount("tracefs", TRACING, "tracefs", 0, NULL);
	if (access(TRACING "/instances", F_OK))
		SKIP(return, "no tracefs");
	rmdir(INSTANCE);
	ASSERT_EQ(0, mkdir(INSTANCE, 0700));
	if (access(INSTANCE "/events/bao", F_OK) || access(INSTANCE "/events/kmem", F_OK) ||
	    access(INSTANCE "/events/sched", F_OK) || access(INSTANCE "/events/irq", F_OK)) {
		rmdir(INSTANCE);
		SKIP(return, "kernel without these events");
	}
	ASSERT_EQ(0, write_file(INSTANCE "/tracing_on", "0"));
	ASSERT_EQ(0, write_file(INSTANCE "/buffer_size_kb", "8192"));
	ASSERT_EQ(0, write_file(INSTANCE "/events/bao/bao_request/enable", "1"));
	ASSERT_EQ(0, write_file(INSTANCE "/events/bao/bao_answer/enable", "1"));
	ASSERT_EQ(0, write_file(INSTANCE "/events/irq/irq_handler_entry/enable", "1"));
	ASSERT_EQ(0, write_file(INSTANCE "/events/irq/irq_handler_exit/enable", "1"));
	ASSERT_EQ(0, write_file(INSTANCE "/events/sched/sched_switch/enable", "1"));
	ASSERT_EQ(0, write_file(INSTANCE "/events/kmem/enable", "1"));
	self->fd = dm_open(DM);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(trace)
{
	TEAR_DOWN();
	EXPECT_EQ(0, rmdir(INSTANCE));
}

/* "task-pid [cpu] flags time: event: fields"; false if it is none of these */
static bool parse(const char *line, unsigned int *cpu, char *event, size_t size)
{
	const char *p = strstr(line, " [");
	size_t len;

	if (*line == '#' || !p || sscanf(p, " [%u]", cpu) != 1 || *cpu >= MAX_CPUS)
		return false;
	p = strstr(p, ": ");
	if (!p)
		return false;
	p += 2;
	len = strcspn(p, ": ");
	if (len >= size)
		return false;
	memcpy(event, p, len);
	event[len] = '\0';
	return true;
}

/* Where a CPU is */
enum place {
	OUTSIDE,	/* of what this is about */
	INTERRUPT,	/* in the endpoint's handler */
	REQUEST,	/* same, and it has a request in its hands */
	THREAD,		/* in the driver's thread, with a request in its hands */
};

static void look_at(struct findings *found, enum place *place, const char *event, const char *line)
{
	if (!strcmp(event, "irq_handler_entry") && strstr(line, IRQ_NAME)) {
		*place = INTERRUPT;
	} else if (!strcmp(event, "irq_handler_exit") && *place == INTERRUPT) {
		/* The last one in its run has been answered, or there was none */
		*place = OUTSIDE;
	} else if (!strcmp(event, "bao_request")) {
		found->requests++;
		*place = *place == INTERRUPT ? REQUEST : THREAD;
	} else if (!strcmp(event, "bao_answer")) {
		found->in_interrupt += *place == REQUEST;
		found->in_thread += *place == THREAD;
		*place = *place == REQUEST ? INTERRUPT : OUTSIDE;
	} else if (*place == OUTSIDE) {
		found->elsewhere++;
	} else if (!found->between++) {
		snprintf(found->first, sizeof(found->first), "%.250s", line);
	}
}

/* Returns NULL, or why the trace says nothing */
static const char *analyse(struct findings *found)
{
	static enum place place[MAX_CPUS];
	FILE *file = fopen(INSTANCE "/trace", "r");
	unsigned long kept, written;
	bool complete = false;
	char line[1024], event[64];
	unsigned int cpu;

	if (!file)
		return "no trace";
	memset(found, 0, sizeof(*found));
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "# entries-in-buffer/entries-written: %lu/%lu", &kept,
			   &written) == 2)
			complete = kept == written;
		if (parse(line, &cpu, event, sizeof(event)))
			look_at(found, &place[cpu], event, line);
	}
	fclose(file);
	return complete ? NULL : "the trace has lost events";
}

TEST_F_TIMEOUT(trace, ioeventfd_neither_switches_nor_allocates, LONG_TEST_S)
{
	struct access kick = write_of(frontend_window(DM) + 0x50, 4, 0);
	int event = new_eventfd(0);
	const char *problem;
	unsigned int i;

	if (is_preempt_rt())
		SKIP(return, "PREEMPT_RT serves in threads");
	ASSERT_EQ(0, ioeventfd(self->fd, event, kick, BAO_IOEVENTFD_FLAG_DATAMATCH));
	ASSERT_EQ(0, write_file(INSTANCE "/tracing_on", "1"));
	for (i = 0; i < 1000; i++) {
		frontend_start(DM, 0, kick, 1);
		ASSERT_TRUE(wait_done(DM, 0, 1));
	}
	/* Allocates, so that there is something to be seen at all */
	close_fd(dm_open(DM));
	ASSERT_EQ(0, write_file(INSTANCE "/tracing_on", "0"));

	problem = analyse(&self->found);
	ASSERT_TRUE(!problem)
		TH_LOG("%s", problem);
	EXPECT_EQ(1000, self->found.requests);
	EXPECT_EQ(1000, self->found.in_interrupt + self->found.in_thread);
	EXPECT_LT(0, self->found.in_interrupt);
	EXPECT_EQ(0, self->found.between)
		TH_LOG("%s", self->found.first);
	EXPECT_LT(0, self->found.elsewhere);
}

static int take_and_answer(void *arg)
{
	struct bao_virtio_request req;
	int fd = *(int *)arg;

	return dm_take(fd, &req) || dm_answer(fd, req, 42);
}

/* The same eyes see the switch to a process, if there is one */
TEST_F(trace, process_takes_a_switch)
{
	const char *problem;
	pid_t pid;

	pid = spawn(take_and_answer, &self->fd);
	ASSERT_LT(0, pid);
	ASSERT_TRUE(wait_until(sleeps_in_ioctl(pid, BAO_IOCTL_IO_CLIENT_ATTACH)));
	ASSERT_EQ(0, write_file(INSTANCE "/tracing_on", "1"));
	frontend_start(DM, 0, read_of(frontend_window(DM), 4), 1);
	ASSERT_TRUE(wait_until(frontend_done(DM, 0) == 1));
	ASSERT_EQ(0, write_file(INSTANCE "/tracing_on", "0"));
	EXPECT_EQ(0, reap(pid));

	problem = analyse(&self->found);
	ASSERT_TRUE(!problem)
		TH_LOG("%s", problem);
	EXPECT_EQ(1, self->found.requests);
	EXPECT_TRUE(self->found.between > 0 ||
		    !(self->found.in_interrupt + self->found.in_thread));
}

TEST_HARNESS_MAIN
