/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The part of an 8250 that a console needs: output only, the transmitter is always empty. Pure
 * logic; the caller serialises.
 */
#ifndef BAO_VMM_UART_H
#define BAO_VMM_UART_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define UART_LINE_MAX	1024

/**
 * struct uart - one UART
 * @interrupt: set the level of its interrupt
 * @ctx: first argument of @interrupt
 * @prefix: stands before every line
 * @out: where lines go
 * @ier: interrupt enable register
 * @lcr: line control register
 * @len: length of @line
 * @line: the line so far
 */
struct uart {
	void (*interrupt)(void *ctx, bool level);
	void *ctx;
	const char *prefix;
	FILE *out;
	uint8_t ier;
	uint8_t lcr;
	unsigned int len;
	char line[UART_LINE_MAX];
};

uint8_t uart_read(const struct uart *u, unsigned int reg);

/* Returns true if a line was finished */
bool uart_write(struct uart *u, unsigned int reg, uint8_t value);

/* Print what has no line feed yet */
void uart_flush(struct uart *u);

#endif
