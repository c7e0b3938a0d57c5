// SPDX-License-Identifier: GPL-2.0
/*
 * A fuzzer of everything that processes, frontends and the hypervisor can do to the driver. A run
 * is a sequence of operations that its seed decides, so the one that fails can be had again:
 *
 *	BAO_SEED=... BAO_ROUNDS=... ./fuzz -r fuzz.everything
 *
 * as the failure says. With a seed, BAO_ROUNDS is exact: it ends the run where it failed, or where
 * one wants to look. Without one, it makes a run longer.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "backend.h"
#include "fuzz.h"
#include "load.h"
#include "sim.h"

#define ROUNDS		10000	/* operations of a test */
#define CHECK_EVERY	500	/* of them, everything is looked at */

void fuzz_say(struct fuzz *f, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(f->trace[f->op % FUZZ_TRACE], sizeof(f->trace[0]), format, args);
	va_end(args);
}

/* The first failure counts; what follows is its consequence */
void fuzz_fail(struct fuzz *f, const char *format, ...)
{
	va_list args;

	if (*f->failure)
		return;
	va_start(args, format);
	vsnprintf(f->failure, sizeof(f->failure), format, args);
	va_end(args);
}

void fuzz_expect(struct fuzz *f, long ret, __u64 errors)
{
	if (ret >= 0) {
		FUZZ_CHECK(f, !errors, "succeeds, against errors %#llx", errors);
		return;
	}
	FUZZ_CHECK(f, errors && -ret < 64 && errors & ERROR(-ret),
		   "%s, but the errors that may come are %#llx", strerror(-ret), errors);
}

/* Operations, and how often they come in the tests */

enum { CALLS, ACCESSES, FAULTS, EVERYTHING, NR_MIXES };

static const struct {
	void (*run)(struct fuzz *f);
	unsigned int weight[NR_MIXES];
} ops[] = {
	{ call_get_info,	{ 30, 10, 10, 20 } },
	{ call_open,		{ 10, 3, 3, 5 } },
	{ call_dup,		{ 20, 5, 5, 10 } },
	{ call_close,		{ 40, 10, 10, 25 } },
	{ call_attach,		{ 30, 200, 200, 200 } },
	{ call_complete,	{ 30, 300, 300, 300 } },
	{ call_next,		{ 20, 150, 150, 150 } },
	{ call_ioeventfd,	{ 80, 30, 30, 60 } },
	{ call_irqfd,		{ 80, 10, 20, 40 } },
	{ call_unknown,		{ 30, 0, 0, 10 } },
	{ call_poll,		{ 30, 30, 30, 30 } },
	{ call_lseek,		{ 20, 0, 0, 10 } },
	{ call_mmap,		{ 20, 0, 0, 10 } },
	{ call_munmap,		{ 20, 0, 0, 10 } },
	{ call_read_or_write,	{ 10, 0, 0, 5 } },
	{ call_eventfd,		{ 30, 5, 10, 15 } },
	{ call_event_write,	{ 60, 20, 40, 40 } },
	{ call_event_read,	{ 30, 20, 20, 20 } },
	{ frontend_access,	{ 0, 300, 300, 300 } },
	{ frontend_kick,	{ 0, 100, 100, 100 } },
	{ frontend_merged,	{ 0, 10, 10, 10 } },
	{ frontend_raise,	{ 0, 20, 20, 20 } },
	{ fault_inject,		{ 0, 0, 30, 20 } },
	{ fault_clear,		{ 0, 0, 30, 20 } },
	{ life_event,		{ 0, 0, 0, 15 } },
	{ life_remio,		{ 0, 0, 0, 8 } },
	{ life_replace,		{ 0, 0, 4, 3 } },
	{ frontend_check_all,	{ 1, 1, 1, 1 } },
};

static void run_one(struct fuzz *f, unsigned int mix)
{
	unsigned int i, sum = 0, at;

	for (i = 0; i < ARRAY_SIZE(ops); i++)
		sum += ops[i].weight[mix];
	at = prng_below(&f->prng, sum);
	for (i = 0; at >= ops[i].weight[mix]; i++)
		at -= ops[i].weight[mix];
	ops[i].run(f);
}

static unsigned int nr_rounds(void)
{
	const char *wish = getenv("BAO_ROUNDS");

	if (prng_seed_is_given() && wish && *wish)
		return strtoul(wish, NULL, 0);
	return rounds(ROUNDS);
}

static void tell(struct fuzz *f, __u64 seed, const char *test)
{
	unsigned int i;

	printf("# the last operations:\n");
	for (i = f->op < FUZZ_TRACE ? 0 : f->op - FUZZ_TRACE + 1; i <= f->op; i++)
		printf("# %u: %s\n", i, f->trace[i % FUZZ_TRACE]);
	printf("# operation %u: %s\n", f->op, f->failure);
	printf("# again: BAO_SEED=%llu BAO_ROUNDS=%u ./fuzz -r fuzz.%s\n", seed, f->op + 1, test);
}

static bool run(struct fuzz *f, unsigned int mix, const char *test)
{
	unsigned int total = nr_rounds();
	__u64 seed = prng_seed();

	printf("# BAO_SEED=%llu, %u operations\n", seed, total);
	f->prng.state = seed;
	if (!frontend_begin(f)) {
		for (f->op = 0; f->op < total && !*f->failure; f->op++) {
			fuzz_say(f, "-");
			run_one(f, mix);
			frontend_check(f);
			if (f->op % CHECK_EVERY == 0)
				frontend_check_all(f);
			if (*f->failure)
				break;
		}
		if (!*f->failure)
			frontend_drain(f);
	}
	if (!*f->failure)
		return true;
	tell(f, seed, test);
	return false;
}

FIXTURE(fuzz) {
	struct fuzz *fuzz;
	int fds;
};

#define EXPEDITED "/sys/kernel/rcu_expedited"

FIXTURE_SETUP(fuzz)
{
	size_t page = getpagesize();

	SET_UP_OR_SKIP();
	SIM_OR_SKIP();
	self->fds = count_fds();
	self->fuzz = calloc(1, sizeof(*self->fuzz));
	ASSERT_TRUE(!!self->fuzz);
	/* One to read, one to write, and a hole behind them */
	self->fuzz->bad = mmap(NULL, 3 * page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(self->fuzz->bad != MAP_FAILED);
	ASSERT_EQ(0, mprotect(self->fuzz->bad + page, page, PROT_READ | PROT_WRITE));
	ASSERT_EQ(0, mprotect(self->fuzz->bad + 2 * page, page, PROT_NONE));
	/* Each descriptor that is closed waits for the others; what counts here is how many */
	write_file(EXPEDITED, "1");
}

FIXTURE_TEARDOWN(fuzz)
{
	write_file(EXPEDITED, "0");
	if (!*self->fuzz->failure)
		EXPECT_EQ(self->fds, count_fds());
}

TEST_F_TIMEOUT(fuzz, calls, LONG_TEST_S)
{
	EXPECT_TRUE(run(self->fuzz, CALLS, "calls"));
}

TEST_F_TIMEOUT(fuzz, accesses, LONG_TEST_S)
{
	EXPECT_TRUE(run(self->fuzz, ACCESSES, "accesses"));
}

TEST_F_TIMEOUT(fuzz, faults, LONG_TEST_S)
{
	EXPECT_TRUE(run(self->fuzz, FAULTS, "faults"));
}

TEST_F_TIMEOUT(fuzz, everything, LONG_TEST_S)
{
	EXPECT_TRUE(run(self->fuzz, EVERYTHING, "everything"));
}

#define THREADS 6

/* A seed gives the same choices again, but not the same order of them */
TEST_F_TIMEOUT(fuzz, threads, LONG_TEST_S)
{
	unsigned int dm, total = nr_rounds();
	__u64 seed = prng_seed();
	const char *why;

	printf("# BAO_SEED=%llu, %u operations\n", seed, total);
	why = fuzz_in_threads(seed, THREADS, total);
	EXPECT_TRUE(!why)
		TH_LOG("%s", why);
	for (dm = 0; dm < SIM_DEVICES; dm++) {
		why = books_balance(dm);
		EXPECT_TRUE(!why)
			TH_LOG("device %u: %s", dm, why);
	}
}

TEST_HARNESS_MAIN
