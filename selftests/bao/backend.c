// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "backend.h"

#define MAX_FDS		1024
#define MAX_CHILDREN	64

static bool opened[MAX_FDS];
static pid_t children[MAX_CHILDREN];

__u64 now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ull + ts.tv_nsec / 1000000;
}

void give_way(void)
{
	sched_yield();
}

__u64 register_mask(void)
{
	struct utsname name;

	return !uname(&name) && strstr(name.machine, "64") ? ~0ull : 0xffffffff;
}

bool is_preempt_rt(void)
{
	struct utsname name;

	return !uname(&name) && strstr(name.version, "PREEMPT_RT");
}

/* Descriptors */

static int remember(int fd)
{
	if (fd < 0)
		return -errno;
	if (fd < MAX_FDS)
		opened[fd] = true;
	return fd;
}

void close_fd(int fd)
{
	if (fd >= 0 && fd < MAX_FDS)
		opened[fd] = false;
	close(fd);
}

int dispatcher_open(void)
{
	return remember(open("/dev/bao-io-dispatcher", O_RDWR | O_CLOEXEC));
}

int dm_open_info(unsigned int dm_id, struct bao_dm_info *info)
{
	int fd = dispatcher_open();
	int ret;

	if (fd < 0)
		return fd;
	*info = (struct bao_dm_info){ .id = dm_id };
	ret = do_ioctl(fd, BAO_IOCTL_DM_GET_INFO, info);
	close_fd(fd);
	return ret < 0 ? ret : remember(info->fd);
}

int dm_open(unsigned int dm_id)
{
	struct bao_dm_info info;

	return dm_open_info(dm_id, &info);
}

int new_eventfd(unsigned int count)
{
	return remember(eventfd(count, EFD_CLOEXEC | EFD_NONBLOCK));
}

int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	if (!dir)
		return -errno;
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* Requests */

bool dm_waiting(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, 0) == 1 && (pfd.revents & POLLIN);
}

int dm_take(int fd, struct bao_virtio_request *req)
{
	*req = (struct bao_virtio_request){ .op = BAO_IO_ASK };
	return do_ioctl(fd, BAO_IOCTL_IO_CLIENT_ATTACH, req);
}

int dm_attach(int fd, struct bao_virtio_request *req)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	int ret = poll(&pfd, 1, TIME_LIMIT_MS);

	if (ret < 0)
		return -errno;
	return ret ? dm_take(fd, req) : -ETIMEDOUT;
}

int dm_next(int fd, struct bao_virtio_request *req)
{
	return do_ioctl(fd, BAO_IOCTL_IO_REQUEST_NEXT, req);
}

int dm_complete(int fd, struct bao_virtio_request req)
{
	return do_ioctl(fd, BAO_IOCTL_IO_REQUEST_COMPLETE, &req);
}

int dm_answer(int fd, struct bao_virtio_request req, __u64 value)
{
	req.value = value;
	return dm_complete(fd, req);
}

bool wait_done(unsigned int dm_id, unsigned int vcpu, __u32 count)
{
	__u32 done;

	while ((done = frontend_done(dm_id, vcpu)) < count) {
		if (!wait_until(frontend_done(dm_id, vcpu) != done))
			return false;
	}
	return true;
}

/* Eventfds */

int ioeventfd(int fd, int eventfd, struct access match, unsigned int flags)
{
	struct bao_ioeventfd args = {
		.fd = eventfd,
		.flags = flags,
		.addr = match.addr,
		.len = match.width,
		.data = match.value,
	};

	return do_ioctl(fd, BAO_IOCTL_IOEVENTFD, &args);
}

int irqfd(int fd, int eventfd, unsigned int flags)
{
	struct bao_irqfd args = { .fd = eventfd, .flags = flags };

	return do_ioctl(fd, BAO_IOCTL_IRQFD, &args);
}

long eventfd_poll(int fd)
{
	__u64 count;

	if (read(fd, &count, sizeof(count)) == sizeof(count))
		return count;
	return errno == EAGAIN ? 0 : -errno;
}

long eventfd_wait(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	int ret = poll(&pfd, 1, TIME_LIMIT_MS);

	if (ret < 0)
		return -errno;
	return ret ? eventfd_poll(fd) : -ETIMEDOUT;
}

int eventfd_add(int fd, __u64 count)
{
	return write(fd, &count, sizeof(count)) == sizeof(count) ? 0 : -errno;
}

/* Processes */

pid_t spawn(int (*fn)(void *arg), void *arg)
{
	unsigned int i;
	pid_t pid;

	for (i = 0; i < MAX_CHILDREN && children[i]; i++)
		;
	if (i == MAX_CHILDREN)
		return -ENOMEM;
	pid = fork();
	if (pid == 0)
		_exit(fn(arg));
	if (pid < 0)
		return -errno;
	children[i] = pid;
	return pid;
}

static void forget(pid_t pid)
{
	unsigned int i;

	for (i = 0; i < MAX_CHILDREN; i++) {
		if (children[i] == pid)
			children[i] = 0;
	}
}

int reap(pid_t pid)
{
	int status;

	if (!wait_until(waitpid(pid, &status, WNOHANG) == pid))
		return -ETIMEDOUT;
	forget(pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void kill_child(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	forget(pid);
}

/* A process that runs, or is about to, shows no numbers there */
static long sleeping_call(pid_t pid, unsigned long *args)
{
	char path[64];
	FILE *file;
	long nr;
	int n;

	snprintf(path, sizeof(path), "/proc/%d/syscall", pid);
	file = fopen(path, "r");
	if (!file)
		return -1;
	n = fscanf(file, "%ld %lx %lx", &nr, &args[0], &args[1]);
	fclose(file);
	return n == 3 ? nr : -1;
}

bool sleeps_in_ioctl(pid_t pid, unsigned long command)
{
	unsigned long args[2];

	return sleeping_call(pid, args) >= 0 && args[1] == command;
}

bool sleeps_in_call(pid_t pid, long nr)
{
	unsigned long args[2];

	return sleeping_call(pid, args) == nr;
}

void *shared_memory(size_t size)
{
	void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return map == MAP_FAILED ? NULL : map;
}

unsigned int rounds(unsigned int at_least)
{
	const char *wish = getenv("BAO_ROUNDS");
	unsigned long n = wish ? strtoul(wish, NULL, 0) : 0;

	return n > at_least ? n : at_least;
}

/* Files */

long long read_number(const char *path)
{
	FILE *file = fopen(path, "r");
	long long value;

	if (!file)
		return -errno;
	errno = EIO;
	if (fscanf(file, "%lli", &value) != 1)
		value = -errno;
	fclose(file);
	return value;
}

char *read_line(const char *path)
{
	static char line[128];
	FILE *file = fopen(path, "r");

	line[0] = 0;
	if (!file)
		return line;
	if (!fgets(line, sizeof(line), file))
		line[0] = 0;
	fclose(file);
	line[strcspn(line, "\n")] = 0;
	return line;
}

long long statistic(unsigned int dm_id, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/auxiliary/devices/bao.remio.%u/statistics/%s",
		 dm_id, name);
	return read_number(path);
}

int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t len = strlen(text);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, len) != len)
		ret = -errno;
	close(fd);
	return ret;
}

/* Cleaning up */

static bool idle(unsigned int dm_id)
{
	struct counters c;

	/* A vCPU that is not parked has nothing to do: it issues its accesses back to back */
	frontend_counters(dm_id, &c);
	return !c.pending && !c.processing;
}

static bool drain_step(unsigned int dm_id, int fd)
{
	struct bao_virtio_request req;

	while (!dm_take(fd, &req))
		dm_answer(fd, req, 0);
	return idle(dm_id);
}

static const char *drain(unsigned int dm_id)
{
	unsigned int vcpu;
	bool done;
	int fd;

	for (vcpu = 0; vcpu < FRONTEND_VCPUS; vcpu++)
		frontend_stop(dm_id, vcpu);
	fd = dm_open(dm_id);
	if (fd < 0)
		return "no device model where the hypervisor has a device";
	fcntl(fd, F_SETFL, O_NONBLOCK);
	done = wait_until(drain_step(dm_id, fd));
	close_fd(fd);
	return done ? NULL : "requests that nobody can answer";
}

const char *clean_up(void)
{
	const char *why = NULL;
	unsigned int i;
	int fd;

	for (i = 0; i < MAX_CHILDREN; i++) {
		if (children[i])
			kill_child(children[i]);
	}
	for (i = 0; i < MAX_FDS; i++) {
		if (opened[i])
			close_fd(i);
	}

	fd = dispatcher_open();
	if (fd < 0)
		return "there is no /dev/bao-io-dispatcher";
	close_fd(fd);
	for (i = 0; !why && i < frontend_devices(); i++) {
		if (!idle(i))
			why = drain(i);
	}
	return why;
}
