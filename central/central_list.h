/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* central_list.h - per class and shard: the spans that have free blocks, by how full they are.
 * Invariants: a span with a free or uncarved block is on the list of its occupancy, else on none. Blocks
 *             are taken from the fullest span, so that sparse ones drain; a span whose blocks are all
 *             back goes to the page heap. A block that is returned twice, or that is none, ends the
 *             program here at the latest.
 *             A span stays in the shard of the thread that it was made for. Other shards take blocks of it only
 *             where it is nearly empty and one of many, or when there is no more memory.
 * Locking:    one lock per class and shard (RANK_CENTRAL_LIST), never two at once.
 * Costs:      one lock per batch and shard, and some 40 instructions per block that comes back. */
#ifndef ZCI_CENTRAL_CENTRAL_LIST_H
#define ZCI_CENTRAL_CENTRAL_LIST_H

#include "os/footprint.h"
#include "pagemap/span.h"

/* Fills objects with up to count blocks, so that taking them from the end gives rising addresses.
 * Returns how many; fewer than count only if the OS gives no more memory. */
size_t zci_central_fetch(unsigned class_index, size_t number, void **objects, size_t count);

/* Any blocks of this class, in any order, which objects may have changed afterwards. */
void zci_central_return(unsigned class_index, void **objects, size_t count);

/* Spans that are kept without a block out go to the page heap: those that nothing happened to for at least
 * age ticks. */
void zci_central_drain(uint32_t age);

/* The clock by which spans age, in ticks of the collector. */
void zci_central_set_tick(uint32_t tick);

/* Free blocks of a span as they were at one instant. */
struct span_image {
    const struct size_class *size_class;
    uint32_t carved;
    uint64_t bits[ZCI_GRANULE_BYTES / 8 / 64];
};

/* Takes a span that nothing happened to for age ticks (and that was not swept since) out of its list, so that
 * none of its free blocks is handed out until the end of the sweep; blocks may come back meanwhile. Any
 * descriptor of an arena may be asked about. One sweep at a time per class. */
bool zci_central_sweep_begin(struct span *span, uint32_t age, struct span_image *image);
/* purged_pages pages under the image's free blocks were given back: how many of them had not been before. */
size_t zci_central_sweep_end(struct span *span, size_t purged_pages);
/* Bytes that were given back by sweeps and taken into use again. */
uint64_t zci_central_refault_bytes(void);

struct central_stats {
    uint64_t span_count;
    uint64_t free_count; /* blocks */
    uint64_t span_bytes;
    uint64_t fetch_count; /* blocks */
    uint64_t return_count;
    uint64_t span_made_count;
    uint64_t purged_bytes; /* of span_bytes: given back to the OS and not charged */
};

/* A snapshot. */
void zci_central_stats(unsigned class_index, struct central_stats *stats);

/* After the hard limit was set or lifted: purged pages are charged, or no longer. */
void zci_central_follow_limit(void);

/* In the child of a fork: rebuilds what a thread that is gone was changing. */
void zci_central_fork_child(struct footprint_recount *recount);

#endif
