// SPDX-License-Identifier: GPL-2.0
/*
 * Requests in a storm: many take, complete, close, pass on and die at the same time, and in the end
 * every access has been answered exactly once.
 *
 * $BAO_SEED repeats the choices of a run, though not its timing.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "backend.h"
#include "load.h"

#define DM	1
#define VCPUS	6
#define THREADS	6

static void nothing(int sig)
{
	(void)sig;
}

/* ATTACH by many */

FIXTURE(servers) {
	struct prng prng;
	__u64 addr;
};

FIXTURE_VARIANT(servers) {
	unsigned int fds;
	bool signals;
};

FIXTURE_VARIANT_ADD(servers, of_one_descriptor) { .fds = 1 };
FIXTURE_VARIANT_ADD(servers, of_several_descriptors) { .fds = 3 };
FIXTURE_VARIANT_ADD(servers, with_a_descriptor_each) { .fds = THREADS };
FIXTURE_VARIANT_ADD(servers, with_signals) { .fds = 2, .signals = true };

FIXTURE_SETUP(servers)
{
	/* Without SA_RESTART, so that ATTACH returns EINTR */
	struct sigaction action = { .sa_handler = nothing };

	STORM_SET_UP(&self->prng);
	self->addr = frontend_window(DM);
	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
}

FIXTURE_TEARDOWN(servers)
{
	STORM_TEAR_DOWN();
}

static bool all_have(unsigned int dm_id, unsigned int vcpus, __u32 count)
{
	unsigned int i;

	for (i = 0; i < vcpus; i++) {
		if (frontend_done(dm_id, i) != count)
			return false;
	}
	return true;
}

TEST_F_TIMEOUT(servers, answer_every_access_once, LONG_TEST_S)
{
	unsigned int i, served = 0, total = rounds(300);
	struct server server[THREADS];
	int fd[THREADS];

	for (i = 0; i < variant->fds; i++) {
		fd[i] = dm_open(DM);
		ASSERT_LE(0, fd[i]);
	}
	for (i = 0; i < THREADS; i++)
		ASSERT_EQ(0, server_start(&server[i], DM, fd[i % variant->fds]));
	for (i = 0; i < VCPUS; i++)
		frontend_start(DM, i, read_of(self->addr + 4 * i, 4), total);
	while (variant->signals && !all_have(DM, VCPUS, total))
		pthread_kill(server[prng_below(&self->prng, THREADS)].thread, SIGUSR1);
	for (i = 0; i < VCPUS; i++) {
		ASSERT_TRUE(wait_done(DM, i, total));
		EXPECT_EQ((__u32)answer_to(self->addr + 4 * i), frontend_result(DM, i));
	}
	ASSERT_EQ(0, servers_quit(server, THREADS));
	for (i = 0; i < THREADS; i++) {
		EXPECT_EQ(0, server[i].error);
		served += server[i].served;
	}
	EXPECT_EQ(VCPUS * total, served);
}

FIXTURE(storm) {
	struct prng prng;
	int fd;
	__u64 addr;
};

FIXTURE_SETUP(storm)
{
	struct sigaction action = { .sa_handler = nothing };

	STORM_SET_UP(&self->prng);
	self->fd = dm_open(DM);
	ASSERT_LE(0, self->fd);
	self->addr = frontend_window(DM);
	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
}

FIXTURE_TEARDOWN(storm)
{
	STORM_TEAR_DOWN();
}

/* COMPLETE by many */

struct racer {
	pthread_t thread;
	pthread_barrier_t *barrier;
	int fd;
	__u64 value;
	struct bao_virtio_request *req;	/* op NOTIFY: quit */
	int ret;
};

static void *race(void *arg)
{
	struct racer *racer = arg;

	for (;;) {
		pthread_barrier_wait(racer->barrier);
		if (racer->req->op == BAO_IO_NOTIFY)
			return NULL;
		racer->ret = dm_answer(racer->fd, *racer->req, racer->value);
		pthread_barrier_wait(racer->barrier);
	}
}

#define RACERS	4

TEST_F_TIMEOUT(storm, one_of_many_completes_a_request, LONG_TEST_S)
{
	unsigned int i, round, winners, total = rounds(300);
	struct bao_virtio_request req;
	struct racer racer[RACERS];
	pthread_barrier_t barrier;

	ASSERT_EQ(0, pthread_barrier_init(&barrier, NULL, RACERS + 1));
	for (i = 0; i < RACERS; i++) {
		racer[i] = (struct racer) {
			.barrier = &barrier,
			.fd = self->fd,
			.value = i + 1,
			.req = &req,
		};
		ASSERT_EQ(0, pthread_create(&racer[i].thread, NULL, race, &racer[i]));
	}
	/* The vCPU goes on by itself, so that the hypervisor has given its id again by the time */
	frontend_start(DM, 0, read_of(self->addr, 4), total);
	for (round = 0; round < total; round++) {
		ASSERT_EQ(0, dm_attach(self->fd, &req));
		pthread_barrier_wait(&barrier);
		pthread_barrier_wait(&barrier);
		for (i = 0, winners = 0; i < RACERS; i++) {
			if (!racer[i].ret) {
				winners++;
				EXPECT_EQ(i + 1, frontend_result(DM, 0));
			} else {
				EXPECT_EQ(-ENOENT, racer[i].ret);
			}
		}
		ASSERT_EQ(1, winners);
	}
	req.op = BAO_IO_NOTIFY;
	pthread_barrier_wait(&barrier);
	for (i = 0; i < RACERS; i++)
		EXPECT_EQ(0, pthread_join(racer[i].thread, NULL));
	EXPECT_EQ(total, frontend_done(DM, 0));
}

/* Either the completion comes first, or the request goes back and is somebody else's */
TEST_F_TIMEOUT(storm, completing_and_closing_do_not_both_win, LONG_TEST_S)
{
	unsigned int round, total = rounds(100);
	struct bao_virtio_request req, again;
	pthread_barrier_t barrier;
	struct racer racer;

	ASSERT_EQ(0, pthread_barrier_init(&barrier, NULL, 2));
	racer = (struct racer){ .barrier = &barrier, .value = 1, .req = &req };
	ASSERT_EQ(0, pthread_create(&racer.thread, NULL, race, &racer));
	for (round = 0; round < total; round++) {
		frontend_start(DM, 0, read_of(self->addr, 4), 1);
		racer.fd = dm_open(DM);
		ASSERT_LE(0, racer.fd);
		ASSERT_EQ(0, dm_attach(racer.fd, &req));
		pthread_barrier_wait(&barrier);
		close_fd(racer.fd);
		pthread_barrier_wait(&barrier);
		if (racer.ret) {
			EXPECT_TRUE(racer.ret == -EBADF || racer.ret == -ENOENT)
				TH_LOG("%d", racer.ret);
			ASSERT_EQ(0, dm_attach(self->fd, &again));
			EXPECT_EQ(0, dm_answer(self->fd, again, 2));
		}
		ASSERT_EQ(1, frontend_done(DM, 0));
		ASSERT_EQ(racer.ret ? 2 : 1, frontend_result(DM, 0));
	}
	req.op = BAO_IO_NOTIFY;
	pthread_barrier_wait(&barrier);
	EXPECT_EQ(0, pthread_join(racer.thread, NULL));
}

/* Descriptors that are closed while threads use them */

struct shared_fd {
	int fd;
	unsigned int stop;
};

/* Serves from a number that is another descriptor every now and then, so many things may fail */
static void *serve_from_a_moving_target(void *arg)
{
	struct shared_fd *shared = arg;
	struct bao_virtio_request req;
	long unexpected = 0;
	int ret;

	while (!__atomic_load_n(&shared->stop, __ATOMIC_ACQUIRE)) {
		ret = dm_take(shared->fd, &req);
		if (ret == -EINTR || ret == -EBADF || ret == -EAGAIN)
			continue;
		unexpected += ret != 0;
		/* ENOENT: it was taken from the predecessor */
		ret = dm_answer(shared->fd, req, answer_to(req.addr));
		unexpected += ret && ret != -ENOENT;
	}
	return (void *)unexpected;
}

TEST_F_TIMEOUT(storm, descriptors_are_replaced_while_threads_sleep_in_them, LONG_TEST_S)
{
	unsigned int i, round, total = rounds(60);
	struct shared_fd shared = { dm_open(DM), 0 };
	pthread_t thread[THREADS];
	struct server successor;
	void *unexpected;

	ASSERT_LE(0, shared.fd);
	for (i = 0; i < THREADS; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, serve_from_a_moving_target, &shared));
	load_start(DM, 0, 3, read_of(self->addr + 8, 4));
	for (round = 0; round < total; round++) {
		int fd = dm_open(DM);

		ASSERT_LE(0, fd);
		ASSERT_EQ(shared.fd, dup2(fd, shared.fd));
		close_fd(fd);
		EXPECT_TRUE(load_goes_on(DM, 0, 3, prng_below(&self->prng, 20)));
	}
	/*
	 * Threads may still sleep in descriptors that nobody can name any more. A request wakes
	 * them, or a signal does; a request that is left behind is the successor's.
	 */
	__atomic_store_n(&shared.stop, 1, __ATOMIC_RELEASE);
	ASSERT_EQ(0, server_start(&successor, DM, self->fd));
	for (i = 0; i < THREADS; i++) {
		ASSERT_TRUE(wait_until((pthread_kill(thread[i], SIGUSR1),
					!pthread_tryjoin_np(thread[i], &unexpected))));
		EXPECT_EQ(NULL, unexpected);
	}
	EXPECT_TRUE(load_goes_on(DM, 0, 3, 10));
	load_stop(DM, 0, 3);
	ASSERT_TRUE(wait_until(!frontend_parked(DM, 0)));
	ASSERT_EQ(0, servers_quit(&successor, 1));
}

/* Opens, does a bit of everything, leaves it all behind and closes */
static int visit(struct prng *prng, __u64 addr)
{
	struct bao_virtio_request req;
	struct bao_dm_info info;
	int fd = dm_open_info(DM, &info), event = new_eventfd(0);
	unsigned int nr = prng_below(prng, 4);
	struct access match = write_of(addr + 0x100, 4, prng_next(prng) & 0xff);
	void *map;
	int ret;

	if (fd < 0 || event < 0)
		return fd < 0 ? fd : event;
	ret = fcntl(fd, F_SETFL, O_NONBLOCK) ? -errno : 0;
	while (!ret && nr--) {
		ret = dm_take(fd, &req);
		if (!ret && prng_one_in(prng, 2))
			ret = dm_answer(fd, req, answer_to(req.addr));
		if (ret == -EAGAIN)
			ret = 0;
	}
	if (!ret && prng_one_in(prng, 2)) {
		ret = ioeventfd(fd, event, match, BAO_IOEVENTFD_FLAG_DATAMATCH);
		/* Another visitor's */
		if (ret == -EEXIST)
			ret = 0;
	}
	if (!ret && prng_one_in(prng, 2))
		ret = irqfd(fd, event, 0);
	if (!ret && prng_one_in(prng, 2)) {
		map = mmap(NULL, info.shmem_size, PROT_READ, MAP_SHARED, fd, 0);
		ret = map == MAP_FAILED ? -errno : 0;
		if (!ret)
			munmap(map, info.shmem_size);
	}
	if (prng_one_in(prng, 2)) {
		close_fd(event);
		close_fd(fd);
	} else {
		close_fd(fd);
		close_fd(event);
	}
	return ret;
}

struct visitor {
	pthread_t thread;
	struct prng prng;
	__u64 addr;
	unsigned int visits;
	int ret;
};

static void *visit_often(void *arg)
{
	struct visitor *visitor = arg;

	while (!visitor->ret && visitor->visits--)
		visitor->ret = visit(&visitor->prng, visitor->addr);
	return NULL;
}

TEST_F_TIMEOUT(storm, descriptors_come_and_go_under_load, LONG_TEST_S)
{
	struct visitor visitor[THREADS];
	struct server server[2];
	unsigned int i;
	int fds;

	for (i = 0; i < ARRAY_SIZE(server); i++)
		ASSERT_EQ(0, server_start(&server[i], DM, self->fd));
	fds = count_fds();
	load_start(DM, 0, 2, read_of(self->addr, 4));
	load_start(DM, 2, 2, write_of(self->addr + 0x100, 4, 0x55));
	for (i = 0; i < THREADS; i++) {
		visitor[i] = (struct visitor) {
			.prng = { prng_next(&self->prng) },
			.addr = self->addr,
			.visits = rounds(25),
		};
		ASSERT_EQ(0, pthread_create(&visitor[i].thread, NULL, visit_often, &visitor[i]));
	}
	for (i = 0; i < THREADS; i++) {
		ASSERT_EQ(0, pthread_join(visitor[i].thread, NULL));
		EXPECT_EQ(0, visitor[i].ret);
	}
	EXPECT_EQ(fds, count_fds());
	EXPECT_TRUE(load_goes_on(DM, 0, 2, 10));
	load_stop(DM, 0, 4);
	ASSERT_TRUE(wait_until(!frontend_parked(DM, 0) && !frontend_parked(DM, 1)));
	ASSERT_EQ(0, servers_quit(server, ARRAY_SIZE(server)));
}

/* Descriptors that travel */

struct parcel {
	int socket;
	unsigned int taken;	/* requests, before the descriptor is sent */
	struct bao_virtio_request req;
};

static int send_fd(int socket, int fd, const void *data, size_t size)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { (void *)data, size };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
	return sendmsg(socket, &msg, 0) < 0 ? -errno : 0;
}

static int receive_fd(int socket, void *data, size_t size)
{
	char control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { data, size };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;
	ssize_t n;
	int fd;

	n = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC);
	if (n != size)
		return n < 0 ? -errno : -EIO;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (!cmsg || cmsg->cmsg_type != SCM_RIGHTS)
		return -EBADMSG;
	memcpy(&fd, CMSG_DATA(cmsg), sizeof(int));
	return fd;
}

/* Takes a request of its own descriptor, sends both away and exits */
static int give_away(void *arg)
{
	struct parcel *parcel = arg;
	int fd = dm_open(DM);

	if (fd < 0)
		return -fd;
	if (parcel->taken && dm_take(fd, &parcel->req))
		return 1;
	return -send_fd(parcel->socket, fd, &parcel->req, sizeof(parcel->req));
}

TEST_F_TIMEOUT(storm, descriptors_are_sent_to_others, LONG_TEST_S)
{
	unsigned int round, total = rounds(60), kept = 0;

	for (round = 0; round < total; round++) {
		bool received = !prng_one_in(&self->prng, 4);
		bool waits = prng_one_in(&self->prng, 2);
		struct bao_virtio_request req;
		struct parcel parcel = { 0 };
		int pair[2], fd, ret;
		pid_t giver;

		/* Of packets, recvmsg() may miss one whose sender has ended since it looked */
		ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
		parcel.socket = pair[1];
		parcel.taken = prng_below(&self->prng, 2);
		frontend_start(DM, 0, read_of(self->addr, 4), 1);
		giver = spawn(give_away, &parcel);
		ASSERT_LT(0, giver);
		close(pair[1]);
		/* What the giver took returns when it exits, be that before or after we have it */
		if (waits)
			ASSERT_EQ(0, reap(giver));
		fd = received ? receive_fd(pair[0], &req, sizeof(req)) : dup(self->fd);
		close(pair[0]);
		ASSERT_LE(0, fd) TH_LOG("the giver has ended with %d", waits ? 0 : reap(giver));
		ret = -ENOENT;
		if (parcel.taken && received)
			ret = dm_answer(fd, req, 1);
		kept += !ret;
		if (waits || !received)
			EXPECT_EQ(-ENOENT, ret);
		if (ret) {
			ASSERT_EQ(-ENOENT, ret);
			ASSERT_EQ(0, dm_attach(fd, &req));
			EXPECT_EQ(0, dm_answer(fd, req, 2));
		}
		EXPECT_EQ(1, frontend_done(DM, 0));
		EXPECT_EQ(ret ? 2 : 1, frontend_result(DM, 0));
		close(fd);
		if (!waits)
			kill_child(giver);
	}
	printf("# %u of %u requests were answered by the receiver in time\n", kept, total);
}

/* Processes that die */

static int serve_until_killed(void *arg)
{
	struct bao_virtio_request req;
	int fd = *(int *)arg < 0 ? dm_open(DM) : *(int *)arg;
	int ret = fd < 0 ? fd : 0;

	while (!ret) {
		ret = dm_take(fd, &req);
		if (!ret)
			ret = dm_answer(fd, req, answer_to(req.addr));
	}
	return -ret;
}

/* Each is killed wherever it is: before ATTACH, in it, with a request in its hands, in COMPLETE */
TEST_F_TIMEOUT(storm, device_models_are_killed_and_replaced, LONG_TEST_S)
{
	unsigned int i, round, total = rounds(40);
	struct server successor;
	int none = -1;

	load_start(DM, 0, VCPUS, read_of(self->addr + 0x20, 4));
	for (round = 0; round < total; round++) {
		unsigned int nr = 1 + prng_below(&self->prng, 3);
		/* Of their own descriptors, or of one that lives on */
		int *fd = prng_one_in(&self->prng, 2) ? &none : &self->fd;
		pid_t pid[3];

		for (i = 0; i < nr; i++) {
			pid[i] = spawn(serve_until_killed, fd);
			ASSERT_LT(0, pid[i]);
		}
		EXPECT_TRUE(load_goes_on(DM, 0, VCPUS, prng_below(&self->prng, 50)));
		for (i = 0; i < nr; i++)
			kill_child(pid[i]);
	}
	ASSERT_EQ(0, server_start(&successor, DM, self->fd));
	EXPECT_TRUE(load_goes_on(DM, 0, VCPUS, 10));
	load_stop(DM, 0, VCPUS);
	for (i = 0; i < VCPUS; i++) {
		ASSERT_TRUE(wait_until(!frontend_parked(DM, i)));
		EXPECT_EQ((__u32)answer_to(self->addr + 0x20), frontend_result(DM, i));
	}
	ASSERT_EQ(0, servers_quit(&successor, 1));
	EXPECT_EQ(0, successor.error);
}

TEST_HARNESS_MAIN
