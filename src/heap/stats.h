/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* stats.h - collects what the layers count, and prints it.
 * Invariants: figures are snapshots of counters that others are changing; sums of them may be a batch off.
 * Costs:      walks the classes and the caches; nothing is counted on the fast path. */
#ifndef ZCI_HEAP_STATS_H
#define ZCI_HEAP_STATS_H

#include "zcmalloc.h"

void zci_stats_collect(struct zc_stats *stats);
void zci_stats_print(int fd);

#endif
