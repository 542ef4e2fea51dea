/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* check.h - invariants of ours, and mistakes of the user.
 * Invariants: a report is one line on fd 2, then abort(); it allocates nothing and takes no lock.
 * Costs:      ZCI_ASSERT is nothing unless built with ZC_DEBUG_CHECKS. */
#ifndef ZCI_BASE_CHECK_H
#define ZCI_BASE_CHECK_H

#include "base/compiler.h"

#include <stddef.h>

#if ZCI_DEBUG_CHECKS
#define ZCI_ASSERT(condition)                                                                      \
    (ZCI_LIKELY(condition) ? (void)0 : zci_report_broken(#condition, __FILE__, __LINE__))
#else
#define ZCI_ASSERT(condition) ((void)0)
#endif

ZCI_COLD ZCI_NORETURN void zci_report_broken(const char *condition, const char *file, int line);

/* class_bytes is 0 where the block's class is not known. */
ZCI_COLD ZCI_NORETURN void zci_report_double_free(const void *block, size_t class_bytes);
ZCI_COLD ZCI_NORETURN void zci_report_interior_free(const void *block, size_t class_bytes);
/* A private heap was given another's block, or does not exist (any more). */
ZCI_COLD ZCI_NORETURN void zci_report_other_heap(const char *verb, const void *block);
ZCI_COLD ZCI_NORETURN void zci_report_dead_heap(const char *verb, const void *heap);
/* verb is the function's name: "free", "realloc", "zc_heap_free" and the like. */
ZCI_COLD ZCI_NORETURN void zci_report_not_a_block(const char *verb, const void *block);

#endif
