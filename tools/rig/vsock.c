// SPDX-License-Identifier: GPL-2.0
/*
 * vsock -l PORT PROGRAM [ARGUMENT...]: wait for one connection over AF_VSOCK, and let the program
 * have it as its standard input and output
 *
 * vsock CID PORT PROGRAM [ARGUMENT...]: same for a connection to that machine; 2 is the host
 *
 * What nc does for TCP.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

static int connection(struct sockaddr_vm *addr, int listener)
{
	int fd = socket(AF_VSOCK, SOCK_STREAM, 0);

	if (fd < 0)
		err(1, "socket");
	if (!listener) {
		if (connect(fd, (struct sockaddr *)addr, sizeof(*addr)))
			err(1, "connect");
		return fd;
	}
	addr->svm_cid = VMADDR_CID_ANY;
	if (bind(fd, (struct sockaddr *)addr, sizeof(*addr)) || listen(fd, 1))
		err(1, "bind");
	/* For those who wait for it */
	printf("listening\n");
	fflush(stdout);
	fd = accept(fd, NULL, NULL);
	if (fd < 0)
		err(1, "accept");
	return fd;
}

int main(int argc, char **argv)
{
	struct sockaddr_vm addr = { .svm_family = AF_VSOCK };
	int fd;

	if (argc < 4) {
		fprintf(stderr, "usage: vsock -l|CID PORT PROGRAM [ARGUMENT...]\n");
		return 2;
	}
	addr.svm_cid = strtoul(argv[1], NULL, 0);
	addr.svm_port = strtoul(argv[2], NULL, 0);
	fd = connection(&addr, !strcmp(argv[1], "-l"));
	if (dup2(fd, STDIN_FILENO) < 0 || dup2(fd, STDOUT_FILENO) < 0)
		err(1, "dup2");
	execv(argv[3], argv + 3);
	err(1, "%s", argv[3]);
}
