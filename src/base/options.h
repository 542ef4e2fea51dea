/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* options.h - the values of the ZCMALLOC_* environment variables.
 * Invariants: written once, by zci_options_read, before a second thread exists; defaults before that.
 *             Ignored altogether in a process with elevated rights (AT_SECURE). */
#ifndef ZCI_BASE_OPTIONS_H
#define ZCI_BASE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct options {
#define OPTION(name, type, value, help) uint64_t name;
#include "base/options.def"
#undef OPTION
};

extern struct options zci_options;

/* The words for values of type format, from 1 on, ended by NULL. */
extern const char *const zci_option_formats[];

/* environment is NULL-terminated "NAME=value" strings. Names and values that are not understood are
 * reported, one line each (report.h). */
void zci_options_read(char *const *environment);

/* Is there an option of this name, in any case and without the prefix, that may have this value? */
bool zci_option_takes(const char *name, size_t name_length, const char *value);

/* Writes the variables that differ from their default as " name=value" to fd 2's line in *out. */
struct print;
void zci_options_print_changed(struct print *out);

#endif
