// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/bao.h>

#include "backend.h"
#include "ipc_sim.h"
#include "sim.h"

struct bao_sim_ipc ipc_config(void)
{
	return (struct bao_sim_ipc) {
		.id = IPC_ID,
		.events = IPC_EVENTS,
		.peer_events = IPC_EVENTS,
		.size = IPC_SIZE,
		.rx_offset = IPC_RX,
		.rx_size = IPC_RX_SIZE,
		.tx_offset = IPC_TX,
		.tx_size = IPC_TX_SIZE,
	};
}

int ipc_sim(struct bao_sim_ipc *config)
{
	int ret, sim = sim_open();

	if (sim < 0)
		return -errno;
	ret = do_ioctl(sim, BAO_SIM_IPC_ADD, config);
	if (!ret)
		ret = ipc_sim_bind(sim, config->id, BAO_SIM_BIND);
	if (!ret)
		return sim;
	close(sim);
	return ret;
}

int ipc_sim_bind(int sim, __u32 id, enum bao_sim_event event)
{
	struct bao_sim_life life = { .dm_id = id, .event = event };

	return do_ioctl(sim, BAO_SIM_IPC_LIFE, &life);
}

int ipc_ring(int sim, __u32 event, __u32 count)
{
	struct bao_sim_ipc_ring ring = { .id = IPC_ID, .event = event, .count = count };

	return do_ioctl(sim, BAO_SIM_IPC_RING, &ring);
}

int ipc_rung(int sim, __u32 event, __u32 notifies)
{
	struct bao_sim_ipc_wait wait = {
		.id = IPC_ID,
		.event = event,
		.notifies = notifies,
		.timeout_ms = TIME_LIMIT_MS,
	};

	return do_ioctl(sim, BAO_SIM_IPC_WAIT, &wait);
}

struct bao_sim_ipc_counters ipc_counters(int sim)
{
	struct bao_sim_ipc_counters counters = { .id = IPC_ID };

	ioctl(sim, BAO_SIM_IPC_COUNTERS, &counters);
	return counters;
}

int ipc_fault(int sim, enum bao_sim_point point, __u32 count, long long value)
{
	struct bao_sim_fault fault = {
		.dm_id = IPC_ID,
		.point = point,
		.count = count,
		.value = value,
	};

	return do_ioctl(sim, BAO_SIM_IPC_FAULT, &fault);
}

void *ipc_peer_map(int sim, const struct bao_sim_ipc *config)
{
	void *map = mmap(NULL, config->size, PROT_READ | PROT_WRITE, MAP_SHARED, sim,
			 BAO_SIM_IPC_OFFSET(config->id));

	return map == MAP_FAILED ? NULL : map;
}

int ipc_open(__u32 id, int flags)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/dev/baoipc%u", id);
	fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int ipc_wait(int fd, __u32 *events, __u64 *seq)
{
	struct bao_ipc_wait wait = { .events = *events };
	int ret = do_ioctl(fd, BAO_IOCTL_IPC_WAIT, &wait);

	if (ret)
		return ret;
	*events = wait.events;
	if (seq)
		*seq = wait.seq;
	return 0;
}

int ipc_notify(int fd, __u32 event)
{
	struct bao_ipc_notify notify = { .event = event };

	return do_ioctl(fd, BAO_IOCTL_IPC_NOTIFY, &notify);
}

int ipc_eventfd(int fd, int eventfd, __u32 events, __u32 flags)
{
	struct bao_ipc_eventfd args = { .fd = eventfd, .flags = flags, .events = events };

	return do_ioctl(fd, BAO_IOCTL_IPC_EVENTFD, &args);
}

short ipc_poll(int fd, int timeout_ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN | POLLOUT };

	if (timeout_ms)
		pfd.events = POLLIN;
	return poll(&pfd, 1, timeout_ms) == 1 ? pfd.revents : 0;
}

void ipc_look(int fd)
{
	char byte;

	/* Whatever it reads */
	(void)!pread(fd, &byte, 1, 0);
}

void ipc_see(int fd)
{
	int flags = fcntl(fd, F_GETFL);
	struct bao_ipc_info info = {};
	__u32 events;

	ipc_look(fd);
	ioctl(fd, BAO_IOCTL_IPC_GET_INFO, &info);
	events = (1ull << info.events) - 1;
	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	ipc_wait(fd, &events, NULL);
	fcntl(fd, F_SETFL, flags);
}

long long ipc_statistic(__u32 id, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/auxiliary/devices/bao.ipc.%u/statistics/%s", id,
		 name);
	return read_number(path);
}
