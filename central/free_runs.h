/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* free_runs.h - the free runs of the page heap, or of a run pool: put in, joined, cut. Dirty runs (resident) and clean
 * ones (given back, or never used once split off) are two trees, so that a small need does not fault clean pages in
 * while dirty ones lie idle.
 * Invariants: a free run never touches another of its kind. A walk over descriptors by each run's length is valid at
 *             every instant: a split publishes the tail before the head shrinks, a join is one store.
 *             Only who holds the lock gives a descriptor runs' state or takes it: one that has it holds still.
 * Locking:    the page heap's, or the pool's.
 * Costs:      O(log free runs). */
#ifndef ZCI_CENTRAL_FREE_RUNS_H
#define ZCI_CENTRAL_FREE_RUNS_H

#include "central/run_tree.h"
#include "pagemap/pagemap.h"

struct free_runs {
    struct run_tree dirty;
    struct run_tree clean; /* is_zero is not 0 */
    uint8_t state;         /* of a run in here: nobody else's runs have it */
};

/* Makes a run out of consecutive descriptors; the caller sets its state. */
void zci_free_runs_describe(struct span *span, uint64_t start, size_t granules, uint8_t is_zero);

/* Shortens the run to its first granules and returns the rest as a run of no state. */
struct span *zci_free_runs_split(struct span *span, size_t granules);

/* Takes a run in, joined with its neighbours of the same kind. */
void zci_free_runs_put(struct free_runs *runs, struct span *span);

/* As it is: for whoever builds the trees anew. */
void zci_free_runs_list(struct free_runs *runs, struct span *span);

/* Cuts [skip, skip + granules) out of a free run. */
struct span *zci_free_runs_carve(struct free_runs *runs, struct span *span, size_t skip,
                                 size_t granules);

/* Does a large block lie right before this free run? It may want to grow. */
ZCI_INLINE bool follows_large_block(const struct span *span)
{
    struct span *before = pagemap_get(span->start - ZCI_GRANULE_BYTES);
    return before != NULL && span_state(before) == SPAN_LARGE && span_end(before) == span->start;
}

#endif
