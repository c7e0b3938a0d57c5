/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests share on their own side: descriptors of device models, processes and threads that
 * use them, the driver's counters, and waiting for a condition with a time limit.
 *
 * Functions that return int return a negative errno on failure.
 */
#ifndef SELFTESTS_BAO_BACKEND_H
#define SELFTESTS_BAO_BACKEND_H

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/types.h>
#include <unistd.h>

#include <linux/bao.h>

#include "frontend.h"

/*
 * A hypercall carries values and addresses in registers of this VM's kernel; the process may be a
 * 32-bit one on a 64-bit kernel.
 */
__u64 register_mask(void);

/*
 * A PREEMPT_RT kernel serves in threads: what the driver promises about interrupts (one ASK for an
 * access, a bounded batch, no switch of context) is not for it.
 */
bool is_preempt_rt(void);

/*
 * For events that are bound to happen: long enough for a machine that emulates, shorter than the
 * 30 seconds that the harness gives a test.
 */
#define TIME_LIMIT_MS	15000

/* Retries until the condition holds or the time is up; yields whether it holds */
#define wait_until(condition) ({					\
	__u64 _deadline = now_ms() + TIME_LIMIT_MS;			\
	bool _holds;							\
									\
	while (!(_holds = (condition)) && now_ms() < _deadline)		\
		give_way();					\
	_holds;								\
})

__u64 now_ms(void);
void give_way(void);

static inline struct access read_of(__u64 addr, __u32 width)
{
	return (struct access){ .addr = addr, .op = BAO_IO_READ, .width = width };
}

static inline struct access write_of(__u64 addr, __u32 width, __u64 value)
{
	return (struct access){ .addr = addr, .op = BAO_IO_WRITE, .width = width, .value = value };
}

static inline int do_ioctl(int fd, unsigned long command, void *arg)
{
	int ret = ioctl(fd, command, arg);

	return ret < 0 ? -errno : ret;
}

/*
 * Leaves no process, no descriptor and no request of earlier tests behind. Every test starts and
 * ends with it. Returns NULL, or what went wrong.
 */
const char *clean_up(void);

/*
 * For FIXTURE_SETUP: skips where there is no scripted frontend; where there is one, the driver must
 * be there as well, and a simulator that cannot be set up has found something.
 */
#define SET_UP_OR_SKIP() do {						\
	const char *_why = frontend_open();				\
									\
	ASSERT_FALSE(_why && !access("/dev/bao-sim", R_OK | W_OK))	\
		TH_LOG("%s", _why);					\
	if (_why)							\
		SKIP(_exit(0), "%s", _why);				\
	_why = clean_up();						\
	ASSERT_TRUE(!_why)						\
		TH_LOG("%s", _why);					\
} while (0)

#define TEAR_DOWN() do {						\
	const char *_why = clean_up();					\
									\
	EXPECT_TRUE(!_why)						\
		TH_LOG("%s", _why);					\
} while (0)

/* Descriptors; clean_up() closes what is still open */
int dispatcher_open(void);
int dm_open(unsigned int dm_id);
int dm_open_info(unsigned int dm_id, struct bao_dm_info *info);
int new_eventfd(unsigned int count);
void close_fd(int fd);
int count_fds(void);

/*
 * Requests. dm_attach() gives up with -ETIMEDOUT, dm_take() sleeps in ATTACH without limit, and
 * dm_next() in NEXT.
 */
bool dm_waiting(int fd);
int dm_attach(int fd, struct bao_virtio_request *req);
int dm_take(int fd, struct bao_virtio_request *req);
int dm_next(int fd, struct bao_virtio_request *req);
int dm_complete(int fd, struct bao_virtio_request req);
int dm_answer(int fd, struct bao_virtio_request req, __u64 value);

/* Waits until a vCPU's accesses are done, as long as it gets on, however many there are */
bool wait_done(unsigned int dm_id, unsigned int vcpu, __u32 count);

/* Eventfds of the driver */
int ioeventfd(int fd, int eventfd, struct access match, unsigned int flags);
int irqfd(int fd, int eventfd, unsigned int flags);
/* Waits for a signal and returns the counter, or a negative errno */
long eventfd_wait(int fd);
/* Takes the counter without waiting: 0 if there was no signal */
long eventfd_poll(int fd);
int eventfd_add(int fd, __u64 count);

/* Processes; clean_up() kills what is still running */
pid_t spawn(int (*fn)(void *arg), void *arg);
/* Waits for a child to end by itself; exit status, or 128 + signal */
int reap(pid_t pid);
void kill_child(pid_t pid);
/* Whether it sleeps in this ioctl, or in this system call (SYS_*) */
bool sleeps_in_ioctl(pid_t pid, unsigned long command);
bool sleeps_in_call(pid_t pid, long nr);
/* Memory that children share */
void *shared_memory(size_t size);

/* How often to do what is done many times: at least that often, more if $BAO_ROUNDS says so */
unsigned int rounds(unsigned int at_least);
/* For such tests; single steps have their own limit */
#define LONG_TEST_S 7200

/* A counter of the driver, or a negative errno */
long long statistic(unsigned int dm_id, const char *name);

/* What a file of one number says, or a negative errno */
long long read_number(const char *path);
/* The first line of a file, empty if there is none; until the next call */
char *read_line(const char *path);
/* Writes a string to a file, as echo does */
int write_file(const char *path, const char *text);

#endif
