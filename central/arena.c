/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* arena.c - see arena.h. */
#include "central/arena.h"

#include "base/atomic.h"
#include "base/bits.h"
#include "base/check.h"
#include "base/compiler.h"
#include "os/os.h"
#include "pagemap/class_map.h"
#include "pagemap/meta_arena.h"
#include "pagemap/pagemap.h"

#define ARENA_ALIGNMENT   ((size_t)2 << 20)
#define ARENA_BYTES_LEAST ((size_t)1 << 20)

/* NULL: no memory for the descriptors, or the maps. */
static struct arena *describe(char *start, size_t bytes)
{
    size_t granules = bytes >> ZCI_GRANULE_SHIFT;
    if (!zci_pagemap_cover((uintptr_t)start, bytes) ||
        !zci_class_map_cover((uintptr_t)start, bytes))
        return NULL;
    /* In one piece: what is refused, as beyond a limit it may be time and again, costs nothing. */
    struct span *spans = zci_meta_alloc(granules * sizeof *spans + sizeof(struct arena));
    if (spans == NULL)
        return NULL;
    struct arena *arena = (void *)&spans[granules];
    arena->spans = spans;
    arena->start = (uintptr_t)start;
    arena->granules = granules;
    return arena;
}

struct arena *zci_arena_reserve(size_t bytes, size_t least)
{
    char *start;
    least = max_size(align_up(least, ARENA_BYTES_LEAST), ARENA_BYTES_LEAST);
    bytes = max_size(bytes, least);
    while ((start = zci_os_reserve(bytes, ARENA_ALIGNMENT)) == NULL) {
        if (bytes == least)
            return NULL;
        bytes = max_size(align_down(bytes / 2, ARENA_BYTES_LEAST), least);
    }
    struct arena *arena = describe(start, bytes);
    if (arena == NULL)
        zci_os_release(start, bytes);
    return arena;
}

bool zci_arena_commit(struct arena *arena, uint64_t granules, uint64_t step_granules)
{
    if (granules <= arena->committed)
        return true;
    char *start = (char *)arena->start + arena->committed * ZCI_GRANULE_BYTES;
    uint64_t wanted = min_size(granules + step_granules, arena->granules);
    if (!zci_os_commit(start, (wanted - arena->committed) * ZCI_GRANULE_BYTES)) {
        wanted = granules;
        if (!zci_os_commit(start, (wanted - arena->committed) * ZCI_GRANULE_BYTES))
            return false;
    }
    arena->committed = wanted;
    return true;
}

ZCI_READS_RACILY void zci_arenas_each_run(struct arena *const *list,
                                          void (*visit)(struct span *span, void *context),
                                          void *context)
{
    /* Acquire loads pair with the release stores named so in page_heap.c and free_runs.c. */
    for (struct arena *arena = atomic_load_acquire(list); arena != NULL;
         arena = atomic_load_acquire(&arena->next)) {
        uint64_t frontier = atomic_load_acquire(&arena->frontier);
        for (uint64_t at = 0; at < frontier;) {
            struct span *span = &arena->spans[at];
            uint32_t granules = atomic_load_acquire(&span->granules);
            ZCI_ASSERT(granules != 0);
            visit(span, context);
            /* Whatever happens meanwhile, the walk ends. */
            at += granules != 0 ? granules : 1;
        }
    }
}
