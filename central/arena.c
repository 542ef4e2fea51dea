/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* arena.c - see arena.h. */
#include "central/arena.h"

#include "base/atomic.h"
#include "base/check.h"
#include "base/compiler.h"

ZCI_READS_RACILY void zci_arenas_each_run(struct arena *const *list,
                                          void (*visit)(struct span *span, void *context),
                                          void *context)
{
    /* Acquire loads pair with the release stores named beside each of them in page_heap.c. */
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
