// SPDX-License-Identifier: GPL-2.0
/*
 * stream [-c] BYTES SEED: write that many pseudo-random bytes to the standard output; or, with -c,
 * read as many from the standard input and compare them.
 *
 * Both ends of a connection make the same bytes from the same seed. So each byte is compared, and
 * neither end needs memory for what may be larger than the memory that there is.
 */
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK 65536

static uint64_t state;

/* xorshift64 */
static void fill(uint64_t *block)
{
	for (size_t i = 0; i < BLOCK / sizeof(*block); i++) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		block[i] = state;
	}
}

static void send_block(const char *block, size_t len)
{
	while (len) {
		ssize_t n = write(STDOUT_FILENO, block, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			err(1, "write");
		block += n;
		len -= n;
	}
}

/* done is where in the stream the block begins, for the one who looks for an error */
static void check_block(const char *block, size_t len, uint64_t done)
{
	static char got[BLOCK];
	size_t have = 0;

	while (have < len) {
		ssize_t n = read(STDIN_FILENO, got + have, len - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			err(1, "read");
		if (!n)
			errx(1, "ends after %" PRIu64 " bytes", done + have);
		have += n;
	}
	/* Emulated, it takes minutes to look at each byte of a GiB */
	if (!memcmp(got, block, len))
		return;
	for (size_t i = 0; i < len; i++)
		if (got[i] != block[i])
			errx(1, "byte %" PRIu64 " is 0x%02x in place of 0x%02x", done + i,
			     got[i] & 0xff, block[i] & 0xff);
}

int main(int argc, char **argv)
{
	static uint64_t block[BLOCK / sizeof(uint64_t)];
	bool check = argc > 1 && !strcmp(argv[1], "-c");
	uint64_t bytes, done;

	if (argc != 3 + check) {
		fprintf(stderr, "usage: stream [-c] BYTES SEED\n");
		return 2;
	}
	bytes = strtoull(argv[1 + check], NULL, 0);
	/* It stands still at 0 */
	state = strtoull(argv[2 + check], NULL, 0) + 0x9e3779b97f4a7c15;
	for (done = 0; done < bytes; done += BLOCK) {
		size_t len = bytes - done < BLOCK ? bytes - done : BLOCK;

		fill(block);
		if (check)
			check_block((const char *)block, len, done);
		else
			send_block((const char *)block, len);
	}
	return 0;
}
