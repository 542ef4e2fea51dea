/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* away.h - free runs that the system works on, giving them back or moving their pages, while nobody holds the lock.
 * Invariants: such a run is SPAN_CACHED and in no tree, and is written down here, by whom too, until it is put back:
 *             the child of a fork, in which that thread is not, would have lost it. It does where more than AWAY_MOST
 *             are at work at once, or between the few instructions that write it down and those that move it.
 * Locking:    the page heap's. The child looks without, where another thread may have been in the middle.
 * Costs:      a look at eight words. */
#ifndef ZCI_CENTRAL_AWAY_H
#define ZCI_CENTRAL_AWAY_H

#include "base/compiler.h"
#include "central/free_runs.h"
#include "os/thread.h"

#define AWAY_MOST 8

struct away {
    struct span *runs[AWAY_MOST]; /* NULL: no run */
    uint64_t owners[AWAY_MOST];   /* thread_identity of who works on it */
};

ZCI_INLINE void away_begin(struct away *away, struct span *span)
{
    for (unsigned i = 0; i < AWAY_MOST; i++) {
        if (away->runs[i] != NULL)
            continue;
        away->owners[i] = thread_identity();
        atomic_order_for_thread(); /* the child of a fork asks whose it is */
        away->runs[i] = span;
        return;
    }
}

ZCI_INLINE void away_end(struct away *away, const struct span *span)
{
    for (unsigned i = 0; i < AWAY_MOST; i++)
        if (away->runs[i] == span)
            away->runs[i] = NULL;
}

/* In the child of a fork: how far the system got with them is not known, so they are not clean. The one who forked is
 * there, and goes on with its own. */
ZCI_INLINE void away_abandon(struct away *away, struct free_runs *runs)
{
    for (unsigned i = 0; i < AWAY_MOST; i++) {
        struct span *span = away->runs[i];
        if (span == NULL || away->owners[i] == thread_identity())
            continue;
        away->runs[i] = NULL;
        span->clean = RUN_DIRTY;
        zci_free_runs_put(runs, span);
    }
}

#endif
