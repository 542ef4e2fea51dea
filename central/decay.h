/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* decay.h - how many of the free resident pages are to go back to the system, by age, and how many stay because they
 * will be wanted again.
 * Invariants: what lies idle is due along a line that ends decay_ms after it fell idle. Demand that came back, pages
 *             that were given back and taken again soon, holds as many pages, fading over a minute.
 * Locking:    the page heap's. Fields that are read as statistics are atomic, relaxed.
 * Costs:      some additions. Counted in granules. */
#ifndef ZCI_CENTRAL_DECAY_H
#define ZCI_CENTRAL_DECAY_H

#include "base/atomic.h"
#include "base/bits.h"

#include <stddef.h>
#include <stdint.h>

struct decay {
    uint64_t least;      /* free and resident at any time since the last zci_decay_due */
    uint64_t purged;     /* given back, as far as they were not taken again */
    uint64_t refaulted;  /* taken again, ever; atomic */
    uint64_t hold;       /* demand that came back lately and will again */
    uint64_t kept;       /* because of that, as zci_decay_due said last; atomic */
    uint64_t hold_ms;    /* since hold last fell */
    uint64_t used_most;  /* granules in use at most, in the last period that is over, */
    uint64_t used_since; /* and since then */
    uint64_t period_ms;  /* how long ago that was */
    uint64_t rate;       /* per 1024 ms */
    uint64_t due;        /* 1024ths of a granule and ms that are due already */
};

/* So many are free and resident now. */
ZCI_INLINE void decay_note_dirty(struct decay *decay, uint64_t granules)
{
    decay->least = min_size(decay->least, granules);
}

/* So many were given back. */
ZCI_INLINE void decay_note_purged(struct decay *decay, uint64_t granules)
{
    decay->purged += granules;
}

/* Of these so many are resident again, and nobody had to wait for that. */
ZCI_INLINE void decay_forget_purged(struct decay *decay, uint64_t granules)
{
    decay->purged -= min_size(granules, decay->purged);
}

/* So many pages that are not resident are taken into use: as many of them as there are count as given back in vain. */
ZCI_INLINE void decay_note_refault(struct decay *decay, uint64_t granules)
{
    uint64_t again = min_size(granules, decay->purged);
    decay->purged -= again;
    decay->hold += again;
    counter_add(&decay->refaulted, again);
}

/* Of these so many were not faulted in after all. */
ZCI_INLINE void decay_forget_refault(struct decay *decay, uint64_t granules)
{
    uint64_t fewer = min_size(granules, min_size(decay->hold, decay->refaulted));
    decay->purged += fewer;
    decay->hold -= fewer;
    counter_add(&decay->refaulted, -fewer);
}

/* How many are due, elapsed_ms after the last question, while so many are free and resident, and so many in use. */
size_t zci_decay_due(struct decay *decay, uint64_t granules, uint64_t used, uint64_t elapsed_ms,
                     uint64_t decay_ms);

#endif
