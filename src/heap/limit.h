/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* limit.h - what happens when a request fails or would take the heap over its soft limit: collect, then
 * try once more.
 * Invariants: each failed request collects at most once, and its second attempt heeds the hard limit only:
 *             the soft limit never makes a request fail, and no limit makes one hang or loop.
 * Locking:    no lock may be held: collecting takes most of them, one after the other.
 * Costs:      nothing until a request has failed in the page heap or in huge.c; footprint.h has the check. */
#ifndef ZCI_HEAP_LIMIT_H
#define ZCI_HEAP_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Values of zc_limit_set; 0: no limit. */
void zci_limit_set_soft(uint64_t bytes);
void zci_limit_set_hard(uint64_t bytes);
uint64_t zci_limit_soft(void);
uint64_t zci_limit_hard(void);

/* Around the second attempt of a request that gave NULL. */
void zci_limit_retry_begin(void);
/* The second attempt succeeded or not. */
void zci_limit_retry_end(bool is_served);

/* From the options, once; the constructor may come later than the first allocation. */
void zci_limit_init(void);

struct limit_stats {
    uint64_t collect_count; /* second attempts, and limits set below what is held */
    uint64_t refuse_count;  /* requests that failed for good */
};

void zci_limit_stats(struct limit_stats *stats);

#endif
