/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Inside of the fuzzer
 *
 *   fuzz.c		the tests: which operations, how many, and what is told of a failure
 *   fuzz_calls.c	operations of processes: system calls on all kinds of descriptors
 *   fuzz_frontend.c	operations of the simulator: accesses, faults, life of the endpoints
 *   fuzz_model.c	what must come out of them
 *   fuzz_threads.c	operations of many threads at once, without a model
 *
 * The model is the driver and the hypervisor over again, without time: it says what every operation
 * returns and what state it leaves behind. So each operation waits until the driver has done what
 * it does by itself. Where several errors apply to a call, any of them may come.
 */
#ifndef SELFTESTS_BAO_FUZZ_H
#define SELFTESTS_BAO_FUZZ_H

#include <stdarg.h>
#include <stdbool.h>

#include <linux/bao.h>
#include <linux/types.h>

#include "bao_sim.h"
#include "prng.h"

#define FUZZ_DEVICES	3
#define FUZZ_FIRST_DM	16	/* behind those of frontend.h */
#define FUZZ_VCPUS	64
#define FUZZ_HANDLES	96
#define FUZZ_MAPPINGS	8
#define FUZZ_WINDOW	0x10000	/* size of the shared-memory windows */
#define FUZZ_BASE	0x0a000000ull	/* addresses of accesses are around this */
#define FUZZ_IDS	256
#define FUZZ_STALE	16
#define FUZZ_TRACE	24
/* What the driver promises to take at most */
#define FUZZ_MAX_FILES	64
#define FUZZ_MAX_RANGES	1024

struct fuzz_device;

/* An eventfd; descriptors and ioeventfds refer to it */
struct fuzz_event {
	unsigned int refs;
	unsigned int fds;
	bool semaphore;
	__u64 count;
	unsigned int nr_irqfds;
	struct fuzz_file *irqfd[2 * FUZZ_HANDLES];
};

/* An open file of a device model; descriptors and mappings refer to it */
struct fuzz_file {
	unsigned int refs;
	unsigned int fds;
	struct fuzz_device *dev;
	bool dead;
	__s64 pos;
};

struct fuzz_range {
	struct fuzz_file *file;
	struct fuzz_event *event;
	__u64 addr;
	__u32 size;
	bool any_value;
	__u64 value;
};

enum fuzz_kind {
	FUZZ_NONE,
	FUZZ_DISPATCHER,
	FUZZ_DM,
	FUZZ_EVENT,
	FUZZ_NR_KINDS,
};

struct fuzz_handle {
	enum fuzz_kind kind;
	int fd;
	struct fuzz_file *file;
	struct fuzz_event *event;
};

struct fuzz_mapping {
	char *addr;
	size_t size;
	struct fuzz_file *file;
};

/* A request as the hypervisor sees it, and where it is */
struct fuzz_request {
	enum { REQ_FREE, REQ_PENDING, REQ_PROCESSING, REQ_LOST } state;
	unsigned int vcpu;
	long id;
};

/* And as the driver sees it, by the id that it was given */
struct fuzz_slot {
	enum { SLOT_FREE, SLOT_QUEUED, SLOT_OWNED } state;
	bool write;
	__u64 addr;
	__u64 value;
	__u32 width;
	__u64 seq;	/* of arrival */
	__u64 id;	/* what ATTACH has called it */
	struct fuzz_file *owner;
};

struct fuzz_vcpu {
	struct bao_sim_access access;
	__u32 left;
	__u32 done;
	bool parked;
	__u64 reg;
	__u64 result;
};

enum fuzz_service {
	FUZZ_UNBOUND,
	FUZZ_BOUND,
	FUZZ_SUSPENDED,
	FUZZ_SHUT_DOWN,
};

/* Counters of the driver, in the order of fuzz_stat_names */
enum fuzz_stat {
	FUZZ_REQUESTS,
	FUZZ_COMPLETES,
	FUZZ_COMPLETE_ERRORS,
	FUZZ_NOTIFIES,
	FUZZ_NOTIFY_ERRORS,
	FUZZ_DEFAULT_ANSWERS,
	FUZZ_SIGNALS,
	FUZZ_NR_STATS,
};

extern const char * const fuzz_stat_names[FUZZ_NR_STATS];

struct fuzz_device {
	unsigned int dm_id;
	enum fuzz_service service;
	bool remio;			/* bao_remio is bound */

	/* The hypervisor */
	struct fuzz_request request[FUZZ_IDS];
	unsigned int pending[FUZZ_IDS];	/* indices of requests, oldest first */
	unsigned int nr_pending;
	struct fuzz_vcpu vcpu[FUZZ_VCPUS];
	struct bao_sim_fault fault[BAO_SIM_NR_POINTS];
	struct bao_sim_counters counters;

	/* The driver */
	struct fuzz_slot slot[FUZZ_IDS];
	__u64 seq;
	__u64 stale[FUZZ_STALE];	/* ids that were completed */
	__u64 stats[FUZZ_NR_STATS];
	struct fuzz_file *file[FUZZ_MAX_FILES];	/* in the order of opening */
	unsigned int nr_files;
	struct fuzz_range range[FUZZ_MAX_RANGES];
	unsigned int nr_ranges;
};

struct fuzz {
	struct prng prng;
	struct fuzz_device dev[FUZZ_DEVICES];
	struct fuzz_handle handle[FUZZ_HANDLES];
	struct fuzz_mapping mapping[FUZZ_MAPPINGS];
	char *bad;		/* a page that is there, one that can be read, one that is not */
	unsigned int op;	/* operations so far */
	char trace[FUZZ_TRACE][160];
	char failure[200];	/* empty while all is well */
};

/* fuzz.c */
void fuzz_say(struct fuzz *f, const char *format, ...) __attribute__((format(printf, 2, 3)));
void fuzz_fail(struct fuzz *f, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define FUZZ_CHECK(f, condition, ...) do {				\
	if (!(condition))						\
		fuzz_fail(f, __VA_ARGS__);				\
} while (0)

/* A set of errors, of which one must come; if it is empty, none may */
#define ERROR(e)	(1ull << (e))
void fuzz_expect(struct fuzz *f, long ret, __u64 errors);

/* Picks one of an array */
#define FUZZ_PICK(f, array) \
	((array)[prng_below(&(f)->prng, sizeof(array) / sizeof((array)[0]))])

/* fuzz_model.c */
bool model_start(struct fuzz_device *dev, const struct bao_sim_access *access);
void model_serve(struct fuzz_device *dev);
struct fuzz_slot *model_head(struct fuzz_device *dev);
long model_complete(struct fuzz_device *dev, struct fuzz_slot *slot, __u64 value);
bool model_has_conflict(struct fuzz_device *dev, const struct fuzz_range *range);
void model_range_add(struct fuzz_device *dev, const struct fuzz_range *range);
void model_range_del(struct fuzz_device *dev, unsigned int i);
void model_signal(struct fuzz_event *event);
void model_wake(struct fuzz_event *event);
void model_irqfd_add(struct fuzz_event *event, struct fuzz_file *file);
bool model_irqfd_del(struct fuzz_event *event, struct fuzz_file *file);
void model_event_put(struct fuzz_event *event);
bool model_file_dead(const struct fuzz_file *file);
void model_close(struct fuzz_file *file);
void model_file_put(struct fuzz *f, struct fuzz_file *file);
void model_remio_unbind(struct fuzz *f, struct fuzz_device *dev);
void model_bind(struct fuzz_device *dev);
void model_unbind(struct fuzz *f, struct fuzz_device *dev);
void model_shutdown(struct fuzz_device *dev);

/* fuzz_calls.c; those that take a handle are for draining */
void call_get_info(struct fuzz *f);
void call_open(struct fuzz *f);
void call_dup(struct fuzz *f);
void call_close(struct fuzz *f);
void call_attach(struct fuzz *f);
void call_complete(struct fuzz *f);
void call_next(struct fuzz *f);
void call_ioeventfd(struct fuzz *f);
void call_irqfd(struct fuzz *f);
void call_unknown(struct fuzz *f);
void call_poll(struct fuzz *f);
void call_lseek(struct fuzz *f);
void call_mmap(struct fuzz *f);
void call_munmap(struct fuzz *f);
void call_read_or_write(struct fuzz *f);
void call_eventfd(struct fuzz *f);
void call_event_write(struct fuzz *f);
void call_event_read(struct fuzz *f);
void calls_drain(struct fuzz *f, struct fuzz_device *dev);
void calls_end(struct fuzz *f);

/* fuzz_frontend.c */
void frontend_access(struct fuzz *f);
void frontend_kick(struct fuzz *f);
void frontend_merged(struct fuzz *f);
void frontend_raise(struct fuzz *f);
void fault_inject(struct fuzz *f);
void fault_clear(struct fuzz *f);
void life_event(struct fuzz *f);
void life_remio(struct fuzz *f);
void life_replace(struct fuzz *f);
int frontend_begin(struct fuzz *f);
/* Until the driver has done what it does by itself */
void frontend_settle(struct fuzz *f, struct fuzz_device *dev);
void frontend_check(struct fuzz *f);
void frontend_check_all(struct fuzz *f);
void frontend_drain(struct fuzz *f);

/* fuzz_threads.c: what went wrong, or NULL */
const char *fuzz_in_threads(__u64 seed, unsigned int threads, unsigned int rounds);

#endif
