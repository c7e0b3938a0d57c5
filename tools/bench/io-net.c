// SPDX-License-Identifier: GPL-2.0
/*
 * Traffic between two ends. The client tells over TCP what it wants, and both do their part:
 *
 *	up, down	--count pieces of --size bytes over that connection, one way
 *	transactions	a message of --size bytes, answered by one as long; the next one after that
 *	packets-up,	datagrams of --size bytes, one way; as many as a burst has, one datagram the
 *	packets-down	other way, and then the next burst: so none is lost
 */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "io.h"

#define PORT		5000
#define BURST		32
/* Nothing takes so long, but what waits for a packet that has been lost */
#define TIMEOUT_S	60

enum kind {
	UP,
	DOWN,
	TRANSACTIONS,
	PACKETS_UP,
	PACKETS_DOWN,
	NR_KINDS,
};

/* What the client sends first. Both ends are of the same byte order. */
struct order {
	uint32_t kind;
	uint32_t size;
	uint32_t count;
};

/**
 * struct end - one end
 * @tcp: the connection
 * @udp: for datagrams, connected
 * @order: what is done
 * @buf: @order.size bytes
 */
struct end {
	int tcp;
	int udp;
	struct order order;
	char *buf;
};

static void give(int fd, const void *buf, size_t len)
{
	while (len) {
		ssize_t n = send(fd, buf, len, MSG_NOSIGNAL);

		if (n <= 0)
			err(1, "send");
		buf = (const char *)buf + n;
		len -= n;
	}
}

static void take(int fd, void *buf, size_t len)
{
	while (len) {
		ssize_t n = recv(fd, buf, len, MSG_WAITALL);

		if (n < 0)
			err(1, "recv");
		if (!n)
			errx(1, "the other end has hung up");
		buf = (char *)buf + n;
		len -= n;
	}
}

static void give_all(const struct end *e)
{
	for (uint32_t i = 0; i < e->order.count; i++)
		give(e->tcp, e->buf, e->order.size);
}

static void take_all(const struct end *e)
{
	for (uint32_t i = 0; i < e->order.count; i++)
		take(e->tcp, e->buf, e->order.size);
}

static uint32_t burst(const struct end *e, uint32_t done)
{
	return e->order.count - done < BURST ? e->order.count - done : BURST;
}

/* Each burst is answered by one datagram */
static void give_packets(const struct end *e)
{
	for (uint32_t done = 0; done < e->order.count; done += BURST) {
		for (uint32_t i = 0; i < burst(e, done); i++)
			give(e->udp, e->buf, e->order.size);
		take(e->udp, e->buf, 1);
	}
}

static void take_packets(const struct end *e)
{
	for (uint32_t done = 0; done < e->order.count; done += BURST) {
		for (uint32_t i = 0; i < burst(e, done); i++)
			if (recv(e->udp, e->buf, e->order.size, 0) != (ssize_t)e->order.size)
				err(1, "datagram");
		give(e->udp, e->buf, 1);
	}
}

static void prepare(struct end *e)
{
	static const struct timeval timeout = { .tv_sec = TIMEOUT_S };
	static const int one = 1;

	e->buf = calloc(1, e->order.size);
	if (!e->buf)
		err(1, "buffer");
	if (setsockopt(e->tcp, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) ||
	    setsockopt(e->udp, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)))
		err(1, "setsockopt");
}

/* In pairs, all but the end that is the client's: it knows by a byte that the server has it all */
static void serve_client(struct end *e)
{
	static const char done;

	take(e->tcp, &e->order, sizeof(e->order));
	if (!e->order.size || e->order.size > INT32_MAX)
		errx(1, "no such order");
	prepare(e);
	/* From now on there is somebody who hears */
	give(e->tcp, &done, sizeof(done));
	switch (e->order.kind) {
	case UP:
		take_all(e);
		give(e->tcp, &done, sizeof(done));
		break;
	case DOWN:
		give_all(e);
		break;
	case TRANSACTIONS:
		for (uint32_t i = 0; i < e->order.count; i++) {
			take(e->tcp, e->buf, e->order.size);
			give(e->tcp, e->buf, e->order.size);
		}
		break;
	case PACKETS_UP:
		take_packets(e);
		break;
	case PACKETS_DOWN:
		give_packets(e);
		break;
	}
	free(e->buf);
}

static void transact(const struct end *e)
{
	for (uint32_t i = 0; i < e->order.count; i++) {
		uint64_t began = io_now();

		give(e->tcp, e->buf, e->order.size);
		take(e->tcp, e->buf, e->order.size);
		io_one(io_now() - began);
	}
}

static void order(struct end *e, const struct io *io)
{
	char done;

	prepare(e);
	give(e->tcp, &e->order, sizeof(e->order));
	take(e->tcp, &done, sizeof(done));
	io_begin(io);
	switch (e->order.kind) {
	case UP:
		give_all(e);
		take(e->tcp, &done, sizeof(done));
		break;
	case DOWN:
		take_all(e);
		break;
	case TRANSACTIONS:
		transact(e);
		break;
	case PACKETS_UP:
		give_packets(e);
		break;
	case PACKETS_DOWN:
		take_packets(e);
		break;
	}
	io_end(io);
	free(e->buf);
}

static int connected(const char *address)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (inet_pton(AF_INET, address, &to.sin_addr) != 1)
		errx(1, "%s is no address", address);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)))
		err(1, "%s", address);
	return fd;
}

/* Datagrams have the port of the client's end of the connection, so both ends know it */
static int datagrams(int tcp)
{
	struct sockaddr_in local, peer;
	socklen_t local_len = sizeof(local), peer_len = sizeof(peer);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || getsockname(tcp, (struct sockaddr *)&local, &local_len) ||
	    getpeername(tcp, (struct sockaddr *)&peer, &peer_len) ||
	    bind(fd, (struct sockaddr *)&local, local_len) ||
	    connect(fd, (struct sockaddr *)&peer, peer_len))
		err(1, "datagrams");
	return fd;
}

void net(const struct io *io, const char *what, const char *address)
{
	static const char * const kinds[NR_KINDS] = {
		[UP] = "up",
		[DOWN] = "down",
		[TRANSACTIONS] = "transactions",
		[PACKETS_UP] = "packets-up",
		[PACKETS_DOWN] = "packets-down",
	};
	struct end e = { .order = { .size = io->size, .count = io->count } };

	while (e.order.kind < NR_KINDS && strcmp(what, kinds[e.order.kind]))
		e.order.kind++;
	if (e.order.kind == NR_KINDS)
		errx(1, "unknown: %s", what);
	e.tcp = connected(address);
	e.udp = datagrams(e.tcp);
	order(&e, io);
	close(e.udp);
	close(e.tcp);
}

/* Goes on until the process ends */
void net_serve(void)
{
	const struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	static const int one = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(fd, (const struct sockaddr *)&at, sizeof(at)) || listen(fd, 1))
		err(1, "port %u", PORT);
	for (;;) {
		struct end e = { .tcp = accept(fd, NULL, NULL) };

		if (e.tcp < 0)
			err(1, "accept");
		e.udp = datagrams(e.tcp);
		serve_client(&e);
		close(e.udp);
		close(e.tcp);
	}
}
