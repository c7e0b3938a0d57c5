// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "../uart.h"
#include "test.h"

static int level;

static void interrupt(void *ctx, bool on)
{
	(void)ctx;
	level = on;
}

static bool put(struct uart *u, const char *s)
{
	bool line = false;

	while (*s)
		line = uart_write(u, 0, *s++);
	return line;
}

void test_uart(void)
{
	char *text = NULL;
	size_t size = 0;	/* only valid after a flush */
	FILE *f = open_memstream(&text, &size);
	struct uart u = { .interrupt = interrupt, .prefix = "[x]:", .out = f };

	level = -1;
	ok(!put(&u, "hello"), "no line yet");
	eq(size, 0, "nothing printed yet");
	ok(put(&u, "\r\n"), "a line");
	ok(!strcmp(text, "[x]:hello\n"), "it is printed with its prefix");
	put(&u, "\n");
	ok(!strcmp(text, "[x]:hello\n[x]:\n"), "empty lines are kept");
	put(&u, "tail");
	uart_flush(&u);
	ok(!strcmp(text, "[x]:hello\n[x]:\n[x]:tail\n"), "the rest can be flushed");
	uart_flush(&u);
	ok(!strcmp(text, "[x]:hello\n[x]:\n[x]:tail\n"), "once");
	rewind(f);
	for (int i = 0; i < UART_LINE_MAX + 1; i++)
		uart_write(&u, 0, 'x');
	fflush(f);
	eq(size, 4 + UART_LINE_MAX + 1, "a long line is broken");
	uart_flush(&u);

	eq(uart_read(&u, 5), 0x60, "the transmitter is always empty");
	eq(uart_read(&u, 2), 0xc1, "no interrupt");
	eq(level, -1, "and its line was not touched");
	uart_write(&u, 1, 0x02);
	eq(level, 1, "the transmitter's interrupt is there when enabled");
	eq(uart_read(&u, 2), 0xc2, "and identified");
	eq(uart_read(&u, 1), 0x02, "IER reads back");
	uart_write(&u, 1, 0x05);
	eq(level, 0, "gone when disabled");

	rewind(f);
	uart_write(&u, 3, 0x83);
	uart_write(&u, 0, 'd');
	uart_write(&u, 1, 0x02);
	eq(level, 0, "with DLAB, IER is the divisor");
	eq(uart_read(&u, 3), 0x83, "LCR reads back");
	uart_write(&u, 3, 0x03);
	put(&u, "ok\n");
	ok(!strncmp(text, "[x]:ok\n", 7), "with DLAB, THR is the divisor");
	eq(uart_read(&u, 1), 0x05, "IER kept its value");

	fclose(f);
	free(text);
}
