// SPDX-License-Identifier: GPL-2.0
/*
 * The modules are loaded, and memory runs out while they initialise, at one place after the other:
 * either they come or they do not, and then they do when tried again. What fails before that is the
 * module loader's affair.
 *
 * Leaves the modules as it found them.
 */
#include <string.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "backend.h"
#include "modules.h"
#include "nth.h"

/*
 * Which unit tests a module runs when it is loaded. There are hundreds of loads here, and they are
 * not about that. The kernel may be without, or too old to be asked.
 */
static void filter_unit_tests(const char *suites)
{
	write_file("/sys/module/kunit/parameters/filter_glob", suites);
}

/* Each after those that it needs */
static const char *const modules[] = {
	"bao", "bao_sim", "bao_remio", "bao_ipc", "bao_mailbox", "bao_virtio",
	"bao_virtio_blk", "bao_virtio_net", "bao_virtio_console", "bao_virtio_rng",
};

#define NR_MODULES (sizeof(modules) / sizeof(*modules))

FIXTURE(fail_load) {
	bool there[NR_MODULES];
};

FIXTURE_SETUP(fail_load)
{
	const char *why = nth_enable();
	unsigned int i;

	if (why)
		SKIP(_exit(0), "%s", why);
	if (!modular() || access("/sys/module/bao_sim/initstate", F_OK))
		SKIP(_exit(0), "the drivers and the simulator are not modules");
	if (nth_only("do_one_initcall"))
		SKIP(_exit(0), "kernel whose fault injection does not look at functions");
	/* Kernels without the mailbox framework have no bao_mailbox */
	for (i = 0; i < NR_MODULES; i++)
		self->there[i] = is_loaded(modules[i]);
	filter_unit_tests("none");
}

FIXTURE_TEARDOWN(fail_load)
{
	unsigned int i;

	nth_only(NULL);
	/* Once more, so that there are results of unit tests again */
	for (i = NR_MODULES; i-- > 0;)
		remove_module(modules[i]);
	filter_unit_tests("*");
	for (i = 0; i < NR_MODULES; i++) {
		if (self->there[i])
			load_module(modules[i]);
	}
}

/* Loads a module with one fault after the other, until it has no place left to fail */
#define EXPECT_LOADS(name) do {							\
	unsigned int _nth, _failures = 0;					\
	bool _failed = true;							\
	int _ret;								\
										\
	for (_nth = 1; _failed && _nth < NTH_LIMIT; _nth++) {			\
		nth_fail(_nth);							\
		_ret = load_module(name);					\
		_failed = nth_has_failed();					\
		EXPECT_TRUE(!_ret || _failed)					\
			TH_LOG("%s, fault %u: %d, and no fault", name, _nth, _ret);\
		_failures += !!_ret;						\
		if (!_ret)							\
			ASSERT_EQ(0, remove_module(name));			\
	}									\
	EXPECT_LT(_nth, NTH_LIMIT);							\
	EXPECT_LT(0, _failures);						\
	ASSERT_EQ(0, load_module(name));					\
} while (0)

TEST_F_TIMEOUT(fail_load, modules, LONG_TEST_S)
{
	unsigned int i;

	for (i = NR_MODULES; i-- > 0;) {
		if (self->there[i])
			ASSERT_EQ(0, remove_module(modules[i]));
	}
	for (i = 0; i < NR_MODULES; i++) {
		if (self->there[i])
			EXPECT_LOADS(modules[i]);
	}
}

TEST_HARNESS_MAIN
