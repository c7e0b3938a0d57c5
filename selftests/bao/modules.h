/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The driver's modules, and who is bound to what. Functions return 0 or a negative errno.
 */
#ifndef SELFTESTS_BAO_MODULES_H
#define SELFTESTS_BAO_MODULES_H

#include <stdbool.h>

/* Whether the driver is made of modules */
bool modular(void);
bool is_loaded(const char *name);
/* -EWOULDBLOCK if it is in use */
int remove_module(const char *name);
/* From $BAO_MODULES or /modules if it lies there, else by modprobe */
int load_module(const char *name);

/* bao_remio lets go of an endpoint, or takes it */
int remio_unbind(unsigned int dm_id);
int remio_bind(unsigned int dm_id);

#endif
