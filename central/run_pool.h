/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* run_pool.h - free runs that the threads of a shard make small spans of, past the page heap, while its lock is fought
 * for: it must not be the dearest thing where many threads make and end spans.
 * Invariants: a run in here is dirty and its state SPAN_POOLED + shard. Pools open when threads mostly find the page
 *             heap busy, are bounded, and close at every eighth step of the collector, which gives all runs to the
 *             page heap.
 * Locking:    one lock per shard (RANK_RUN_POOL); no other is taken under it.
 * Costs:      closed: a look at the page heap's counters for each span that ends. Open: O(log free runs) under a lock
 *             that few threads share; what the pools hold is out of the other shards' reach until then. */
#ifndef ZCI_CENTRAL_RUN_POOL_H
#define ZCI_CENTRAL_RUN_POOL_H

#include "pagemap/span.h"

/* Of one pool. */
#define RUN_POOL_BYTES ((uint64_t)4 << 20)

/* The shortest run of at least so many granules, cut to this length, or NULL. Its bytes may be anything; its state is
 * the caller's to set. */
struct span *zci_run_pool_take(size_t granules, unsigned shard);
/* false: the run is still the caller's. Its state may be any but FREE and POOLED. */
bool zci_run_pool_put(struct span *span, unsigned shard);
/* As if the page heap were busy. */
void zci_run_pool_open(void);
/* All runs go to the page heap, and the pools close. Whoever saw one open may yet put a run into it, which stays there
 * until the next call. */
void zci_run_pool_drain(void);
/* In this shard's pool, and in all. */
uint64_t zci_run_pool_bytes_of(unsigned shard);
uint64_t zci_run_pool_bytes(void);
/* In the child of a fork, after zci_page_heap_fork_child. */
void zci_run_pool_fork_child(void);

#endif
