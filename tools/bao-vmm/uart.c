// SPDX-License-Identifier: GPL-2.0
#include "uart.h"

enum {
	REG_THR = 0,		/* with LCR_DLAB: divisor */
	REG_IER = 1,		/* with LCR_DLAB: divisor */
	REG_IIR = 2,
	REG_LCR = 3,
	REG_LSR = 5,
	REG_MSR = 6,

	IER_THRI = 0x02,
	IIR_FIFO = 0xc0,
	IIR_THRI = 0x02,
	IIR_NONE = 0x01,
	LCR_DLAB = 0x80,
	LSR_EMPTY = 0x60,	/* transmitter and its holding register */
	MSR_READY = 0xb0,	/* carrier, data set ready, clear to send */
};

uint8_t uart_read(const struct uart *u, unsigned int reg)
{
	switch (reg) {
	case REG_IER:
		return u->lcr & LCR_DLAB ? 0 : u->ier;
	case REG_IIR:
		return IIR_FIFO | (u->ier & IER_THRI ? IIR_THRI : IIR_NONE);
	case REG_LCR:
		return u->lcr;
	case REG_LSR:
		return LSR_EMPTY;
	case REG_MSR:
		return MSR_READY;
	default:
		return 0;
	}
}

void uart_flush(struct uart *u)
{
	if (!u->len)
		return;
	fprintf(u->out, "%s%.*s\n", u->prefix, (int)u->len, u->line);
	fflush(u->out);
	u->len = 0;
}

static bool transmit(struct uart *u, char c)
{
	if (c == '\r')
		return false;
	if (c != '\n') {
		u->line[u->len++] = c;
		if (u->len < UART_LINE_MAX)
			return false;
	} else if (!u->len) {
		fprintf(u->out, "%s\n", u->prefix);
		fflush(u->out);
	}
	uart_flush(u);
	return true;
}

bool uart_write(struct uart *u, unsigned int reg, uint8_t value)
{
	if (reg == REG_LCR) {
		u->lcr = value;
	} else if (u->lcr & LCR_DLAB) {
		return false;
	} else if (reg == REG_THR) {
		return transmit(u, value);
	} else if (reg == REG_IER) {
		u->ier = value & 0x0f;
		/*
		 * As the transmitter is always empty, its interrupt is there whenever the driver
		 * wants it; without it, output stops after the first FIFO full.
		 */
		u->interrupt(u->ctx, u->ier & IER_THRI);
	}
	return false;
}
