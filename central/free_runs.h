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
#include "os/os.h"
#include "pagemap/pagemap.h"

struct free_runs {
    struct run_tree dirty;
    struct run_tree clean; /* not RUN_DIRTY */
    uint8_t state;         /* of a run in here: nobody else's runs have it */
};

/* What a run is that was given back. A RUN_PURGED one is in the clean tree, joins its own kind only, and is
 * zci_os_reuse'd, whole, before anyone has it: by run_reuse, which does nothing for others. */
#define CLEAN_BY_PURGE ((uint8_t)(ZCI_OS_PURGED_READS_ZERO ? RUN_ZERO : RUN_PURGED))

ZCI_INLINE void run_reuse(struct span *span)
{
    if (span->clean != RUN_PURGED)
        return;
    zci_os_reuse((void *)span->start, span_bytes(span));
    span->clean = RUN_DIRTY;
}

/* Makes a run out of consecutive descriptors; the caller sets its state. */
void zci_free_runs_describe(struct span *span, uint64_t start, size_t granules, uint8_t clean);

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

/* Cuts so many granules out of a free run, aligned to align (a power of two) ones; behind a large block from the far
 * end. NULL stays NULL. */
struct span *zci_free_runs_cut(struct free_runs *runs, struct span *span, size_t granules,
                               size_t align);

/* Of this resident run a growing block gets so much: all, or, behind another block, which may be growing too, half. */
ZCI_INLINE size_t roomy_length(const struct span *span)
{
    return follows_large_block(span) ? span->granules / 2 : span->granules;
}

/* The free run right behind this one, if there is one. */
ZCI_INLINE struct span *free_run_behind(const struct free_runs *runs, const struct span *span)
{
    struct span *next = pagemap_get(span_end(span));
    bool is_run = next != NULL && span_state(next) == (enum span_state)runs->state &&
                  next->start == span_end(span) && next == span + span->granules;
    return is_run ? next : NULL;
}

/* How many granules are free right behind the run, at most so many, in one run or in two of different kinds; clean: of
 * these, how many are clean. */
size_t zci_free_runs_behind(const struct free_runs *runs, const struct span *span, size_t most,
                            size_t *clean);

/* Makes so many of them part of the run. */
void zci_free_runs_absorb(struct free_runs *runs, struct span *span, size_t granules);

/* Makes the run behind the run a part of it. */
ZCI_INLINE void run_absorb(struct span *span, struct span *taken)
{
    run_reuse(taken);
    /* Pairs with zci_arenas_each_run. */
    atomic_store_release(&span->granules, span->granules + taken->granules);
    pagemap_set(span_end(span) - ZCI_GRANULE_BYTES, span);
    span_set_state(taken, SPAN_NONE);
}

/* A resident run for a growing block of so many granules, of the longest ones: what the block gets of it is half as
 * long again; or, where it gets all, half as long, and with the clean run behind it half as long again. NULL: none
 * will do. */
struct span *zci_free_runs_roomy(const struct free_runs *runs, size_t granules);

/* Moves the run's pages there, if it looks resident: what was freed may never have been written to, or may have moved
 * away; then there is nothing to be won. The bytes moved. */
size_t zci_free_run_move_pages(const struct span *span, char *to);

#endif
