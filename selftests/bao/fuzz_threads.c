// SPDX-License-Identifier: GPL-2.0
/*
 * Many threads that do anything to the same descriptors, while frontends access and endpoints come
 * and go. What a single call returns depends on the others, so only this is checked: an error is
 * one that the call may have, and in the end every access has been answered exactly once.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backend.h"
#include "fuzz.h"
#include "modules.h"
#include "sim.h"

#define MAX_THREADS	16
#define POOL		24	/* descriptors of each kind */
#define VCPUS		16
#define COUNT		50	/* accesses of a start */

/* Descriptors that all share. Who takes one out may close it, and nobody else does. */
static int dms[POOL], events[POOL];

struct thread {
	pthread_t thread;
	unsigned int nr;
	struct prng prng;
	unsigned int rounds;
	bool ended;
	char failure[120];
};

static int *pick_slot(struct thread *t, int *pool)
{
	return &pool[prng_below(&t->prng, POOL)];
}

static int peek(struct thread *t, int *pool)
{
	return __atomic_load_n(pick_slot(t, pool), __ATOMIC_ACQUIRE);
}

/* Puts one in, and closes the one that was there */
static void replace(struct thread *t, int *pool, int fd)
{
	fd = __atomic_exchange_n(pick_slot(t, pool), fd, __ATOMIC_ACQ_REL);
	if (fd >= 0)
		close(fd);
}

/*
 * A number may be that of another descriptor by the time it is used, also of another kind: EBADF,
 * ENOTTY and ENODEV can come from every call.
 */
static void expect(struct thread *t, const char *call, int ret, __u64 errors)
{
	errors |= ERROR(EBADF) | ERROR(ENOTTY) | ERROR(ENODEV);
	if (ret < 0 && (-ret >= 64 || !(errors & ERROR(-ret))) && !*t->failure)
		snprintf(t->failure, sizeof(t->failure), "%s: %s", call, strerror(-ret));
}

static __u32 pick_dm_id(struct thread *t)
{
	return prng_below(&t->prng, SIM_DEVICES);
}

static __u64 pick_addr(struct thread *t, __u32 dm_id)
{
	return frontend_window(dm_id) + 0x50 + 4 * prng_below(&t->prng, 4);
}

static void open_dm(struct thread *t)
{
	int dispatcher = open("/dev/bao-io-dispatcher", O_RDWR | O_CLOEXEC);
	struct bao_dm_info info = { .id = pick_dm_id(t) };
	int ret = do_ioctl(dispatcher, BAO_IOCTL_DM_GET_INFO, &info);

	/* ENOENT: the endpoint, or bao_remio, is gone */
	expect(t, "GET_INFO", ret, ERROR(ENOENT) | ERROR(EBUSY));
	close(dispatcher);
	if (ret)
		return;
	fcntl(info.fd, F_SETFL, O_NONBLOCK);
	replace(t, dms, info.fd);
}

static void attach(struct thread *t)
{
	struct bao_virtio_request req = { 0 };
	int fd = peek(t, dms), ret;
	unsigned int i;

	ret = do_ioctl(fd, BAO_IOCTL_IO_CLIENT_ATTACH, prng_one_in(&t->prng, 16) ? NULL : &req);
	/* EINTR: the number is that of a new one, which is not O_NONBLOCK yet */
	expect(t, "ATTACH", ret, ERROR(EAGAIN) | ERROR(EFAULT) | ERROR(EINTR));
	if (ret || prng_one_in(&t->prng, 8))
		return;
	/* Perhaps from a descriptor of the same number that did not take it; perhaps twice */
	for (i = prng_below(&t->prng, 3); i < 2; i++) {
		ret = do_ioctl(fd, BAO_IOCTL_IO_REQUEST_COMPLETE, &req);
		expect(t, "COMPLETE", ret, ERROR(ENOENT) | ERROR(EINVAL));
	}
}

static void next(struct thread *t)
{
	struct bao_virtio_request req = { .op = BAO_IO_ASK };
	int fd = peek(t, dms), ret;

	/* As above: the number may become that of another descriptor meanwhile */
	do {
		ret = do_ioctl(fd, BAO_IOCTL_IO_REQUEST_NEXT,
			       prng_one_in(&t->prng, 16) ? NULL : &req);
		expect(t, "NEXT", ret, ERROR(EAGAIN) | ERROR(EFAULT) | ERROR(EINTR) |
		       ERROR(ENOENT) | ERROR(EINVAL));
	} while (!prng_one_in(&t->prng, 4));
}

static void complete_anything(struct thread *t)
{
	struct bao_virtio_request req = {
		.dm_id = pick_dm_id(t),
		.op = prng_below(&t->prng, 3),
		.request_id = prng_below(&t->prng, 0x10000),
	};

	expect(t, "COMPLETE", do_ioctl(peek(t, dms), BAO_IOCTL_IO_REQUEST_COMPLETE, &req),
	       ERROR(ENOENT) | ERROR(EINVAL));
}

static void assign_ioeventfd(struct thread *t)
{
	__u32 dm_id = pick_dm_id(t);
	struct access match = write_of(pick_addr(t, dm_id), 4, prng_below(&t->prng, 2));
	unsigned int flags = prng_below(&t->prng, 4) * BAO_IOEVENTFD_FLAG_DATAMATCH;

	expect(t, "IOEVENTFD", ioeventfd(peek(t, dms), peek(t, events), match, flags),
	       ERROR(EINVAL) | ERROR(EEXIST) | ERROR(ENOENT));
}

static void assign_irqfd(struct thread *t)
{
	expect(t, "IRQFD", irqfd(peek(t, dms), peek(t, events), prng_below(&t->prng, 2)),
	       ERROR(EINVAL) | ERROR(EBUSY) | ERROR(ENOENT));
}

static void use_eventfd(struct thread *t)
{
	int fd = peek(t, events);

	if (prng_one_in(&t->prng, 4))
		replace(t, events, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	else if (prng_one_in(&t->prng, 2))
		eventfd_add(fd, 1);
	else
		eventfd_poll(fd);
}

static void use_dm(struct thread *t)
{
	struct pollfd pfd = { .fd = peek(t, dms), .events = POLLIN };
	void *map;

	switch (prng_below(&t->prng, 4)) {
	case 0:
		poll(&pfd, 1, 0);
		break;
	case 1:
		map = mmap(NULL, getpagesize(), PROT_READ, MAP_SHARED, pfd.fd, 0);
		if (map != MAP_FAILED)
			munmap(map, getpagesize());
		break;
	case 2:
		lseek(pfd.fd, prng_below(&t->prng, 100), SEEK_SET);
		break;
	default:
		replace(t, dms, dup(pfd.fd));
		break;
	}
}

static void access_something(struct thread *t)
{
	__u32 dm_id = pick_dm_id(t);
	struct access access = {
		.addr = pick_addr(t, dm_id),
		.value = prng_below(&t->prng, 2),
		.op = prng_below(&t->prng, 2),
		.width = 4,
	};

	frontend_start(dm_id, prng_below(&t->prng, VCPUS), access, COUNT);
}

static void let_something_happen(struct thread *t)
{
	static const enum bao_sim_event events[] = {
		BAO_SIM_SUSPEND, BAO_SIM_RESUME, BAO_SIM_UNBIND, BAO_SIM_BIND, BAO_SIM_BIND,
		BAO_SIM_SHUTDOWN,
	};
	__u32 dm_id = pick_dm_id(t);

	switch (prng_below(&t->prng, 8)) {
	case 0:
		remio_unbind(dm_id);
		break;
	case 1:
	case 2:
		remio_bind(dm_id);
		break;
	case 3:
		sim_raise(dm_id);
		break;
	case 4:
		/* Lies that cost an ASK or an interrupt, and no request */
		sim_fault(dm_id, BAO_SIM_MORE, prng_below(&t->prng, 3), 1, t->nr % 2);
		break;
	default:
		expect(t, "LIFE", sim_life(sim_fd(), dm_id, FUZZ_PICK(t, events)), ERROR(EBUSY));
		break;
	}
}

static void *do_anything(void *arg)
{
	static void (* const ops[])(struct thread *t) = {
		open_dm, attach, attach, attach, next, next, complete_anything,
		assign_ioeventfd, assign_irqfd, use_eventfd, use_dm, access_something,
		access_something,
	};
	struct thread *t = arg;

	while (t->rounds-- && !*t->failure) {
		if (prng_one_in(&t->prng, 100))
			let_something_happen(t);
		else
			FUZZ_PICK(t, ops)(t);
	}
	__atomic_store_n(&t->ended, true, __ATOMIC_RELEASE);
	return NULL;
}

static void nothing(int sig)
{
	(void)sig;
}

/* Some may sleep in a descriptor whose number they had from before; a signal wakes them */
static bool join(struct thread *t)
{
	return wait_until(__atomic_load_n(&t->ended, __ATOMIC_ACQUIRE) ||
			  pthread_kill(t->thread, SIGUSR1)) && !pthread_join(t->thread, NULL);
}

static const char *end(void)
{
	unsigned int i, dm_id;

	for (i = 0; i < POOL; i++) {
		close(dms[i]);
		close(events[i]);
	}
	for (dm_id = 0; dm_id < SIM_DEVICES; dm_id++) {
		for (i = 0; i < VCPUS; i++)
			frontend_stop(dm_id, i);
		sim_fault(dm_id, BAO_SIM_MORE, 0, 0, 0);
		sim_life(sim_fd(), dm_id, BAO_SIM_UNBIND);
		if (sim_life(sim_fd(), dm_id, BAO_SIM_BIND))
			return "an endpoint cannot be bound";
	}
	return clean_up();
}

const char *fuzz_in_threads(__u64 seed, unsigned int nr, unsigned int rounds)
{
	struct sigaction action = { .sa_handler = nothing };
	static struct thread thread[MAX_THREADS];
	struct prng prng = { seed };
	unsigned int i;

	sigaction(SIGUSR1, &action, NULL);
	for (i = 0; i < POOL; i++) {
		dms[i] = -1;
		events[i] = -1;
	}
	for (i = 0; i < nr; i++) {
		thread[i] = (struct thread) {
			.nr = i,
			.prng = { prng_next(&prng) },
			.rounds = rounds / nr,
		};
		if (pthread_create(&thread[i].thread, NULL, do_anything, &thread[i]))
			return "no thread to be had";
	}
	for (i = 0; i < nr; i++) {
		/* As long as it gets on */
		unsigned int left;

		do {
			left = __atomic_load_n(&thread[i].rounds, __ATOMIC_RELAXED);
			wait_until(__atomic_load_n(&thread[i].ended, __ATOMIC_ACQUIRE) ||
				   __atomic_load_n(&thread[i].rounds, __ATOMIC_RELAXED) != left);
		} while (!__atomic_load_n(&thread[i].ended, __ATOMIC_ACQUIRE) &&
			 __atomic_load_n(&thread[i].rounds, __ATOMIC_RELAXED) != left);
		if (!join(&thread[i]))
			return "a thread does not come back";
	}
	for (i = 0; i < nr; i++) {
		if (*thread[i].failure)
			return thread[i].failure;
	}
	return end();
}
