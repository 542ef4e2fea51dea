/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* run_cache.h - runs of 64 KiB to 4 MiB between a free and the next malloc, without the page heap's lock, for each
 * shard those that its threads made: their lines may be in its processor's caches.
 * Invariants: a run in here is SPAN_CACHED and nobody's. The bytes in here are bounded, short runs' for each shard.
 * Locking:    none (slots.h), counters apart.
 * Costs:      two locked instructions per put or take. */
#ifndef ZCI_CENTRAL_RUN_CACHE_H
#define ZCI_CENTRAL_RUN_CACHE_H

#include "pagemap/span.h"

#define RUN_CACHE_MAX_GRANULES 64

/* The length a run of at least granules should have, so that lengths repeat: at most 1/8 more. */
size_t zci_run_cache_round(size_t granules);

/* A run of the shard's of exactly this length, or NULL. */
struct span *zci_run_cache_take(size_t granules, unsigned shard);
/* false: full, and the run is still the caller's. Its state is SPAN_CACHED already. */
bool zci_run_cache_put(struct span *span, unsigned shard);
/* All runs go to the page heap. */
void zci_run_cache_drain(void);
/* Runs that were there at the last call do; one caller at a time. */
void zci_run_cache_age(void);
uint64_t zci_run_cache_bytes(void);
/* Counts anew what others were just taking or putting. */
void zci_run_cache_fork_child(void);

#endif
