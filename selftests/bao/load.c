// SPDX-License-Identifier: GPL-2.0
#include <unistd.h>

#include "load.h"

__u64 answer_to(__u64 addr)
{
	return addr * 0x9e3779b97f4a7c15;
}

/* Servers */

static bool is_quit(const struct bao_virtio_request *req)
{
	return req->op == BAO_IO_WRITE && req->addr == frontend_window(req->dm_id) + QUIT_OFFSET;
}

/* Returns true if it shall go on */
static bool serve_one(struct server *server, int fd)
{
	struct bao_virtio_request req;

	server->error = dm_take(fd, &req);
	if (server->error == -EINTR)
		return true;
	if (server->error)
		return false;
	server->error = dm_answer(fd, req, answer_to(req.addr));
	if (is_quit(&req)) {
		__atomic_store_n(&server->quits, true, __ATOMIC_RELEASE);
		return false;
	}
	server->served += !server->error;
	return !server->error;
}

static void *serve(void *arg)
{
	struct server *server = arg;

	while (serve_one(server, server->fd))
		;
	return NULL;
}

/* As a service manager would: whatever happens to the device, there is a next time */
static void *serve_for_life(void *arg)
{
	struct server *server = arg;
	int fd;

	while (!__atomic_load_n(&server->quits, __ATOMIC_ACQUIRE)) {
		fd = dm_open(server->dm_id);
		if (fd < 0) {
			give_way();
			continue;
		}
		while (serve_one(server, fd))
			;
		close_fd(fd);
	}
	return NULL;
}

int server_start(struct server *server, unsigned int dm_id, int fd)
{
	*server = (struct server){ .dm_id = dm_id, .fd = fd };
	return -pthread_create(&server->thread, NULL, fd < 0 ? serve_for_life : serve, server);
}

int servers_quit(struct server *servers, unsigned int nr)
{
	unsigned int i, dm_id = servers->dm_id;
	int ret = 0;

	for (i = 0; i < nr; i++) {
		/* One that is about to open needs no QUIT, and then another server takes its one */
		__atomic_store_n(&servers[i].quits, true, __ATOMIC_RELEASE);
		frontend_start(dm_id, i, write_of(frontend_window(dm_id) + QUIT_OFFSET, 4, 0), 1);
	}
	for (i = 0; !ret && i < nr; i++)
		ret = -pthread_join(servers[i].thread, NULL);
	return ret;
}

/* Load */

void load_start(unsigned int dm_id, unsigned int first, unsigned int nr, struct access access)
{
	unsigned int i;

	for (i = first; i < first + nr; i++)
		frontend_start(dm_id, i, access, FOR_EVER);
}

void load_stop(unsigned int dm_id, unsigned int first, unsigned int nr)
{
	unsigned int i;

	for (i = first; i < first + nr; i++)
		frontend_stop(dm_id, i);
}

static __u32 all_done(unsigned int dm_id, unsigned int first, unsigned int nr)
{
	unsigned int i;
	__u32 sum = 0;

	for (i = first; i < first + nr; i++)
		sum += frontend_done(dm_id, i);
	return sum;
}

bool load_goes_on(unsigned int dm_id, unsigned int first, unsigned int nr, unsigned int answers)
{
	__u32 before = all_done(dm_id, first, nr);

	return wait_until(all_done(dm_id, first, nr) - before >= answers);
}

/* Books */

const char *books_balance(unsigned int dm_id)
{
	static char why[160];
	struct counters c;

	frontend_counters(dm_id, &c);
	/* The test hypervisor's are of the whole VM: a driver that comes looks if this is Bao */
	if (!frontend_is_simulated())
		c.bad_calls = 0;
	if (c.violations || c.bad_calls || c.complete_errors) {
		snprintf(why, sizeof(why), "%u violations, %u bad calls, %u refused completions",
			 c.violations, c.bad_calls, c.complete_errors);
		return why;
	}
	if (c.pending || c.processing || c.accesses != c.completes) {
		snprintf(why, sizeof(why), "%u accesses, %u completed, %u pending, %u processing",
			 c.accesses, c.completes, c.pending, c.processing);
		return why;
	}
	if (statistic(dm_id, "waiting") || statistic(dm_id, "owned") ||
	    statistic(dm_id, "requests") != statistic(dm_id, "completes")) {
		snprintf(why, sizeof(why),
			 "driver: %lld requests, %lld completed, %lld wait, %lld owned",
			 statistic(dm_id, "requests"), statistic(dm_id, "completes"),
			 statistic(dm_id, "waiting"), statistic(dm_id, "owned"));
		return why;
	}
	return NULL;
}
