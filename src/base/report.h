/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* report.h - where the library's own reports go: the file that was standard error at the start.
 * Invariants: to no other file: the program may have closed that one, and opened one of its own under the number 2.
 *             A report that nobody can read any more ends no program: no SIGPIPE comes of it. Both on Linux only.
 * Locking:    none; zci_report_start runs in a constructor. */
#ifndef ZCI_BASE_REPORT_H
#define ZCI_BASE_REPORT_H

#include "base/print.h"

#include <signal.h>
#include <stdbool.h>

/* Notes which file it is. keeps_it: many programs close it before they end, as those of GNU do; for a report at the
 * end another descriptor of it is needed, which no program sees that is started from this one. */
void zci_report_start(bool keeps_it);

/* A descriptor of that file, or -1. */
int zci_report_fd(void);

/* Between these two the calling thread gets no SIGPIPE of its writes. */
struct report_guard {
    sigset_t before;
    bool may_come; /* none waited already */
};

void zci_report_begin(struct report_guard *guard);
void zci_report_end(const struct report_guard *guard);

/* What has been collected, as a report. */
void zci_report_flush(struct print *out);

#endif
