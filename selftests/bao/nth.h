/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Fault injection into the calls of this thread, see Documentation/fault-injection/ in the kernel
 */
#ifndef SELFTESTS_BAO_NTH_H
#define SELFTESTS_BAO_NTH_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

/* NULL, or why faults cannot be injected */
const char *nth_enable(void);
/* From here on, the nth allocation or copy fails */
void nth_fail(unsigned int nth);
/* Ends that, and tells whether something has failed */
bool nth_has_failed(void);

/*
 * From now on, things fail only in a function of the kernel and in what it calls; NULL: everywhere.
 * Returns 0 or a negative errno.
 */
int nth_only(const char *function);

/*
 * A place for a mapping whose page table is there already, as that of its neighbours. At most a
 * MiB. If remap_pfn_range() has no memory for that of its first page, x86 complains of itself.
 */
void *nth_place(size_t size);
/* Maps that much of a file there, to read and write, and unmaps it; 0 or a negative errno */
int nth_map(int fd, void *place, size_t size);

/* More places to fail than any of these calls, or the beginning of a module, has */
#define NTH_LIMIT 2000

/*
 * Runs a call with the first, second, ... fault, until it has no place left to fail. It yields 0 or
 * a negative errno and undoes what it did. Some faults have no consequence: the kernel has another
 * way.
 */
#define EXPECT_UNHARMED(call, may_fail_with) do {				\
	unsigned int _nth, _errors = 0;						\
	bool _failed = true;							\
	int _ret;								\
										\
	for (_nth = 1; _failed && _nth < NTH_LIMIT; _nth++) {			\
		nth_fail(_nth);						\
		_ret = (call);							\
		_failed = nth_has_failed();						\
		if (_ret) {							\
			EXPECT_TRUE(_failed)					\
				TH_LOG("fault %u: %d, and no fault", _nth, _ret);\
			EXPECT_TRUE(may_fail_with(_ret))			\
				TH_LOG("fault %u: %d", _nth, _ret);		\
			_errors++;						\
		}								\
		ASSERT_EQ(self->fds, count_fds())				\
			TH_LOG("fault %u leaks a descriptor", _nth);		\
		ASSERT_EQ(0, (call))						\
			TH_LOG("after fault %u", _nth);				\
	}									\
	EXPECT_LT(_nth, NTH_LIMIT);							\
	EXPECT_LT(0, _errors);							\
} while (0)

static inline bool nth_enomem(int ret)
{
	return ret == -ENOMEM;
}

static inline bool nth_efault(int ret)
{
	return ret == -EFAULT;
}

static inline bool nth_enomem_or_efault(int ret)
{
	return nth_enomem(ret) || nth_efault(ret);
}

#endif
