/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* fork.c - see fork.h. The metadata and the page heap first, for all others are rebuilt from its runs; the footprint
 * behind all that add to the recount. */
#include "heap/fork.h"

#include "central/central_list.h"
#include "central/huge.h"
#include "central/page_heap.h"
#include "central/run_cache.h"
#include "central/run_pool.h"
#include "heap/gc.h"
#include "heap/private_heap.h"
#include "os/footprint.h"
#include "pagemap/meta_arena.h"
#include "thread_cache/thread_registry.h"

void zci_heap_fork_child(void)
{
    struct footprint_recount recount = {0, false};
    zci_meta_arena_fork_child(&recount);
    zci_page_heap_fork_child(&recount);
    zci_run_pool_fork_child();
    zci_run_cache_fork_child();
    zci_huge_fork_child(&recount);
    zci_private_fork_child();
    zci_central_fork_child(&recount);
    zci_footprint_fork_child(&recount);
    zci_gc_fork_child();
    zci_thread_registry_fork_child();
}
