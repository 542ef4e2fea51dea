/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* report_darwin.c - reports go to what is standard error at their time, and SIGPIPE is as the program has it. */
#include "base/report.h"

#include <unistd.h>

void zci_report_start(bool keeps_it)
{
    (void)keeps_it;
}

int zci_report_fd(void)
{
    return STDERR_FILENO;
}

void zci_report_begin(struct report_guard *guard)
{
    guard->may_come = false;
}

void zci_report_end(const struct report_guard *guard)
{
    (void)guard;
}

void zci_report_flush(struct print *out)
{
    zci_print_flush(out, STDERR_FILENO);
}
