// SPDX-License-Identifier: GPL-2.0
/*
 * The first process of every system in the test rig, the outer one, the backend and the frontend.
 *
 * Mounts what everybody needs, runs the program that /args names (one argument a line), prints
 * "rig: status N" with its exit status (128 + signal if one killed it) and powers off. Static and
 * small: under nested emulation the start of a shell is something one can feel.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define MAX_ARGS 64

static void mount_at(const char *type, const char *where)
{
	mkdir(where, 0755);
	/* EBUSY: the kernel has mounted devtmpfs by itself */
	if (mount(type, where, type, 0, NULL) && errno != EBUSY)
		printf("rig: mount %s at %s: %s\n", type, where, strerror(errno));
}

static void set_up(void)
{
	mount_at("proc", "/proc");
	mount_at("sysfs", "/sys");
	mount_at("devtmpfs", "/dev");
	mount_at("tmpfs", "/tmp");
	mount_at("debugfs", "/sys/kernel/debug");
	mount_at("tracefs", "/sys/kernel/tracing");
	/* Shell scripts, the kernel's test runner among them, count on these. */
	if (symlink("/proc/self/fd", "/dev/fd") || symlink("fd/0", "/dev/stdin") ||
	    symlink("fd/1", "/dev/stdout") || symlink("fd/2", "/dev/stderr"))
		printf("rig: links in /dev: %s\n", strerror(errno));
}

/* Cuts /args into lines in place */
static void read_args(char *buf, size_t size, char **argv)
{
	int fd = open("/args", O_RDONLY);
	ssize_t len = fd < 0 ? -1 : read(fd, buf, size - 1);
	char *line;
	int n = 0;

	if (len < 0)
		printf("rig: /args: %s\n", strerror(errno));
	buf[len < 0 ? 0 : len] = '\0';
	if (fd >= 0)
		close(fd);
	for (line = strtok(buf, "\n"); line && n < MAX_ARGS; line = strtok(NULL, "\n"))
		argv[n++] = line;
	argv[n] = NULL;
}

static int run(char **argv)
{
	int status;
	pid_t pid, dead;

	if (!argv[0])
		return 127;
	pid = fork();
	if (pid == 0) {
		setsid();
		execv(argv[0], argv);
		printf("rig: %s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	if (pid < 0)
		return 127;
	/* Orphans end up here too. */
	do
		dead = wait(&status);
	while (dead != pid && (dead > 0 || errno == EINTR));
	if (dead != pid)
		return 127;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(void)
{
	static char buf[4096];
	char *argv[MAX_ARGS + 1];
	int status;

	/* Unbuffered: what is printed before a crash must be seen. */
	setvbuf(stdout, NULL, _IONBF, 0);
	setenv("PATH", "/bin:/sbin:/usr/bin:/usr/sbin", 1);
	setenv("HOME", "/", 1);
	set_up();
	read_args(buf, sizeof(buf), argv);
	status = run(argv);
	printf("rig: status %d\n", status);
	sync();
	/* What has been written may still wait for interrupts of the console. */
	tcdrain(STDOUT_FILENO);
	reboot(RB_POWER_OFF);
	/* Only if the system cannot be powered off; the first process must not return. */
	for (;;)
		pause();
}
