/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* arena.h - address ranges of the page heap, and the walk over their runs.
 * Invariants: an arena is on the list for good. What is in front of its frontier is covered by runs, at every instant:
 *             page_heap.h.
 * Locking:    the page heap's to change anything, none to walk.
 * Costs:      a walk looks at each run once; a descriptor of 64 bytes per granule. */
#ifndef ZCI_CENTRAL_ARENA_H
#define ZCI_CENTRAL_ARENA_H

#include "base/bits.h"
#include "pagemap/span.h"

/* An address range known to walkers of the heap; published last, never removed. */
struct arena {
    uint64_t start;
    uint64_t granules;  /* reserved */
    uint64_t committed; /* granules from the front; under lock */
    uint64_t frontier;  /* granules from the front that ever were in a run; atomic */
    struct span *spans; /* one descriptor per granule */
    struct arena *next; /* atomic */
};

/* Granules at the frontier that alignment to so many (a power of two) leaves out. */
ZCI_INLINE uint64_t arena_skip(const struct arena *arena, size_t align)
{
    uint64_t front = (arena->start >> ZCI_GRANULE_SHIFT) + arena->frontier;
    return align_up(front, align) - front;
}

/* Could the frontier move over such a run, if the OS commits it? */
ZCI_INLINE bool arena_has_room(const struct arena *arena, size_t granules, size_t align)
{
    return arena->frontier + arena_skip(arena, align) + granules <= arena->granules;
}

/* Do this run of the arena and so many granules behind it end at the frontier? */
ZCI_INLINE bool arena_ends_behind(const struct arena *arena, const struct span *span,
                                  size_t granules)
{
    return span >= arena->spans && span < arena->spans + arena->granules &&
           span + span->granules + granules == arena->spans + arena->frontier;
}

/* Reserves so many bytes, or fewer where address space is limited, but no fewer than least. On no list yet; NULL: not
 * even these, or no memory for the descriptors. */
struct arena *zci_arena_reserve(size_t bytes, size_t least);

/* Makes the arena's first granules usable, at most arena->granules, and so many more, if the OS gives them; false: it
 * gives not even these. */
bool zci_arena_commit(struct arena *arena, uint64_t granules, uint64_t step_granules);

/* Every run of the arenas on this list, free or not, in address order. */
void zci_arenas_each_run(struct arena *const *list, void (*visit)(struct span *span, void *context),
                         void *context);

#endif
