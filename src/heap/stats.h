/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* stats.h - collects what the layers count, and prints it.
 * Invariants: figures are snapshots of counters that others are changing. While no other thread is inside
 *             the allocator the sums named in stats.def are exact; else each may be off by what is on its
 *             way: a batch per thread and class, a run per thread. Differences stop at 0.
 * Locking:    none is taken: a report can be had while any thread holds any lock.
 * Costs:      a walk over the classes, the caches and the runs of pages; printing needs 12 KiB of stack.
 *             Nothing is counted on the fast path. */
#ifndef ZCI_HEAP_STATS_H
#define ZCI_HEAP_STATS_H

#include "base/size_class.h"
#include "zcmalloc.h"

#include <stdbool.h>

/* Classes that have blocks: 1 to the last. */
#define ZCI_STATS_CLASSES (ZCI_CLASS_COUNT - 1)

struct stats_snapshot {
    struct zc_stats all;
    struct zc_class_stats classes[ZCI_STATS_CLASSES];
};

/* All but what only the kernel knows: mallinfo2 must work where a program may not open files. */
void zci_stats_collect(struct zc_stats *stats);
/* RSS and page faults. */
void zci_stats_add_process(struct zc_stats *stats);
/* One class; index counts from 0, class 1. */
void zci_stats_collect_class(size_t index, struct zc_class_stats *row);
/* The classes are those that all is the sum of. */
void zci_stats_collect_all(struct stats_snapshot *snapshot);

/* stats_print.c. 0, or the errno of a write that failed; EINVAL for a format that is no enum zc_stats_format. */
int zci_stats_print(int fd, int format);

#endif
