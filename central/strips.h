/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* strips.h - fresh room of 2 MiB at a multiple of 2 MiB, of which the small spans of one shard are cut, and when it is
 * to be a huge page.
 * Where several shards grow, each has a strip of its own: the kernel has a lock per 2 MiB of page table, for which
 * threads that touch new pages side by side would wait. Where much has grown by small spans, also in one shard, strips
 * are made of huge pages: a fault instead of hundreds.
 * Invariants: what is left of a strip is SPAN_CACHED, a run of its own. Of a plain strip it is clean: neither
 *             resident nor charged. Of a huge one it is dirty: the first touch made all of it resident, so it is
 *             charged whole, its spans need no populating, and the collector puts the rest among the free runs.
 *             Huge pages are advice; once a strip is resident the kernel is asked to make no more of it, for it would
 *             fill what the collector gives back. Each is measured, and where it was dear there are none for a while.
 * Locking:    the page heap's. But a huge strip is made without it, by one thread, and nobody else has a span of it
 *             before: clearing 2 MiB takes long, and two who touch it at once would both do it.
 * Costs:      five system calls per huge strip; per shard, for 50 ms, the rest of one. */
#ifndef ZCI_CENTRAL_STRIPS_H
#define ZCI_CENTRAL_STRIPS_H

#include "base/atomic.h"
#include "base/bits.h"
#include "base/compiler.h"
#include "base/size_class.h"
#include "central/free_runs.h"
#include "central/shard.h"
#include "os/os.h"
#include "os/thread.h"

#define STRIP_BYTES    ((size_t)2 << 20)
#define STRIP_GRANULES (STRIP_BYTES >> ZCI_GRANULE_SHIFT)
#define NO_SHARD       ZCI_SHARDS

/* Strips are huge once small spans grew by so many per shard: what is left of the last ones is little then. */
#define HUGE_AFTER_STRIPS ((uint64_t)8)
/* After a huge page that was dearer than small ones, so many plain strips; twice as many each time. */
#define HUGE_PAUSE_LEAST ((uint64_t)32 * STRIP_GRANULES)
#define HUGE_PAUSE_MOST  ((uint64_t)1024 * STRIP_GRANULES)
#define HUGE_SPAN_MOST   1 /* granules; what is longer may be touched here and there only */

struct strips {
    struct span *rest[ZCI_SHARDS]; /* NULL if there is none */
    uint64_t clean_granules;       /* of all rests; atomic, relaxed, as the next: statistics */
    uint64_t dirty_granules;
    uint64_t grown_granules; /* by small spans, strips as a whole */
    bool may_be_huge;
    bool is_cheap;           /* the last huge page was */
    uint64_t huge_from;      /* grown_granules from which on there may be the next */
    uint64_t pause_granules; /* until a further trial, if one was dear */
    /* The shard's huge strip that is not resident yet, or NULL; and the identity of the thread that makes it. */
    struct span *in_making[ZCI_SHARDS];
    uint64_t makers[ZCI_SHARDS];
};

ZCI_INLINE void strips_count(struct strips *strips, const struct span *rest, uint64_t change)
{
    counter_add(rest->clean ? &strips->clean_granules : &strips->dirty_granules, change);
}

/* Is there a strip of this shard that is resident already? */
ZCI_INLINE bool strips_is_dirty(const struct strips *strips, unsigned shard)
{
    return shard != NO_SHARD && strips->rest[shard] != NULL && !strips->rest[shard]->clean;
}

/* Should the shard's next strip be huge? */
ZCI_INLINE bool strips_wants_huge(const struct strips *strips)
{
    uint64_t strip_count = strips->grown_granules / STRIP_GRANULES;
    return strips->may_be_huge &&
           strip_count >= HUGE_AFTER_STRIPS * atomic_load_relaxed(&zci_shard_count) &&
           strips->grown_granules >= strips->huge_from;
}

/* What the last huge page took is known: less than small ones, or more. */
ZCI_INLINE void strips_note_cost(struct strips *strips, bool is_cheap)
{
    strips->is_cheap = is_cheap;
    if (is_cheap) {
        strips->huge_from = 0;
        strips->pause_granules = HUGE_PAUSE_LEAST;
        return;
    }
    strips->huge_from = strips->grown_granules + strips->pause_granules;
    strips->pause_granules = min_size(2 * strips->pause_granules, HUGE_PAUSE_MOST);
}

/* The shard's strip is this one, or what is left of it. Before, it has none. */
ZCI_INLINE void strips_begin(struct strips *strips, unsigned shard, struct span *strip)
{
    strips->rest[shard] = strip;
    strips_count(strips, strip, strip->granules);
}

/* The strip, charged, is the caller's, who shall make it resident. */
ZCI_INLINE void strips_make(struct strips *strips, unsigned shard, struct span *strip)
{
    strip->clean = RUN_DIRTY;
    strips->makers[shard] = thread_identity();
    atomic_order_for_thread(); /* the child of a fork asks whose it is */
    strips->in_making[shard] = strip;
    if (!strips->is_cheap) /* one trial at a time */
        strips->huge_from = UINT64_MAX;
}

/* The next granules of the shard's strip, if there are so many. */
ZCI_INLINE struct span *strips_take(struct strips *strips, unsigned shard, size_t granules)
{
    struct span *strip = shard != NO_SHARD ? strips->rest[shard] : NULL;
    if (strip == NULL || strip->granules < granules || (!strip->clean && granules > HUGE_SPAN_MOST))
        return NULL;
    strips_count(strips, strip, -(uint64_t)granules);
    strips->rest[shard] = strip->granules > granules ? zci_free_runs_split(strip, granules) : NULL;
    return strip;
}

/* What is left of the shard's strip is a free run like others. */
ZCI_INLINE void strips_end(struct strips *strips, unsigned shard, struct free_runs *runs)
{
    struct span *strip = strips->rest[shard];
    if (strip == NULL)
        return;
    strips->rest[shard] = NULL;
    strips_count(strips, strip, -(uint64_t)strip->granules);
    zci_free_runs_put(runs, strip);
}

/* The strip is resident: its first granules, fewer than all, are the caller's, the rest is the shard's strip. */
ZCI_INLINE void strips_made(struct strips *strips, unsigned shard, size_t granules,
                            struct free_runs *runs)
{
    strips_end(strips, shard, runs);
    strips_begin(strips, shard, zci_free_runs_split(strips->in_making[shard], granules));
    strips->in_making[shard] = NULL;
}

ZCI_INLINE void strips_end_all(struct strips *strips, struct free_runs *runs, bool dirty_only)
{
    for (unsigned shard = 0; shard < ZCI_SHARDS; shard++)
        if (!dirty_only || strips_is_dirty(strips, shard))
            strips_end(strips, shard, runs);
}

/* In the child of a fork those who made strips are not there; but the one who forked is, from a signal handler perhaps,
 * and goes on with its own. */
ZCI_INLINE void strips_abandon(struct strips *strips, struct free_runs *runs)
{
    for (unsigned shard = 0; shard < ZCI_SHARDS; shard++) {
        struct span *strip = strips->in_making[shard];
        if (strip == NULL || strips->makers[shard] == thread_identity())
            continue;
        strips->in_making[shard] = NULL;
        if (strips->huge_from == UINT64_MAX)
            strips->huge_from = 0;
        zci_free_runs_put(runs, strip);
    }
}

/* After a fork: a rest is a run of its own at every instant, but the counts may be behind. */
ZCI_INLINE void strips_recount(struct strips *strips)
{
    strips->clean_granules = 0;
    strips->dirty_granules = 0;
    for (unsigned shard = 0; shard < ZCI_SHARDS; shard++)
        if (strips->rest[shard] != NULL)
            strips_count(strips, strips->rest[shard], strips->rest[shard]->granules);
}

#endif
