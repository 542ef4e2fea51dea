/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* root.c - see root.h. */
#include "heap/root.h"

#include "base/atomic.h"
#include "central/depot.h"
#include "central/huge.h"
#include "central/page_heap.h"
#include "heap/private_heap.h"
#include "os/os.h"
#include "pagemap/pagemap.h"
#include "thread_cache/thread_registry.h"

#include <stddef.h>

struct zci_root zci_root;

void zci_root_publish(void)
{
    zci_root = (struct zci_root){
        .version = ZCI_ROOT_VERSION,
        .root_bytes = sizeof zci_root,
        .granule_shift = ZCI_GRANULE_SHIFT,
        .class_count = ZCI_CLASS_COUNT,
        .page_bytes = (uint32_t)zci_os_page_bytes(),
        .span_bytes = sizeof(struct span),
        .cache_bytes = sizeof(struct thread_cache),
        .cache_next_offset = offsetof(struct thread_cache, next),
        .cache_shelves_offset = offsetof(struct thread_cache, shelves),
        .shelf_bytes = sizeof(struct shelf),
        .batch_objects_offset = offsetof(struct batch, objects),
        .batch_count_offset = offsetof(struct batch, count),
        .depot_slots = ZCI_DEPOT_SLOTS,
        .depot_bytes = sizeof(struct depot),
        .size_classes = (uintptr_t)zci_size_classes,
        .arenas = (uintptr_t)zci_page_heap_arenas(),
        .caches = (uintptr_t)zci_thread_registry_list(),
        .depots = (uintptr_t)zci_depots,
        .huge = (uintptr_t)zci_huge_descriptors(),
        .pagemap = (uintptr_t)zci_pagemap_root,
        .private_heaps = (uintptr_t)zci_private_table(),
        .private_leaf_entries = PRIVATE_LEAF_ENTRIES,
        .private_bytes = sizeof(struct private_heap),
        .shard_count = ZCI_SHARDS,
    };
    /* Pairs with any reader's load of magic. */
    atomic_store_release(&zci_root.magic, ZCI_ROOT_MAGIC);
}
