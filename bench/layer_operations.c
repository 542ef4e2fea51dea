/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* layer_operations.c - see layer_operations.h. */
#include "layer_operations.h"

#include "central/batch.h"
#include "central/central_list.h"
#include "central/depot.h"
#include "central/page_heap.h"
#include "central/run_cache.h"
#include "pagemap/class_map.h"
#include "pagemap/pagemap.h"
#include "thread_cache/thread_cache.h"

size_t layer_class_of_sizes(const size_t *sizes, size_t count)
{
    size_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += size_class_of(sizes[i]);
    return sum;
}

size_t layer_class_map_get(void *const *blocks, size_t count)
{
    size_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += class_map_get(blocks[i]);
    return sum;
}

size_t layer_pagemap_get(void *const *blocks, size_t count)
{
    size_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (size_t)pagemap_get((uintptr_t)blocks[i]);
    return sum;
}

size_t layer_cache_pairs(size_t size, size_t count)
{
    size_t served = 0;
    for (size_t i = 0; i < count; i++) {
        void *block = thread_cache_pop(size);
        if (block == NULL)
            return served;
        /* Else the compiler may see that the two undo each other. */
        __asm__ volatile("" : "+r"(block) : : "memory");
        served += thread_cache_push(block);
    }
    return served;
}

struct batch *layer_batch_alloc(size_t size)
{
    /* Batches of blocks that another benchmark left there would be swapped for empty ones. */
    zci_depot_drain();
    unsigned count = 0;
    unsigned grade = batch_grade_for(zci_size_classes[size_class_of(size)].batch);
    struct batch *batch = zci_batch_alloc(grade, 0, &count);
    if (count > 1)
        zci_batch_free(batch->next, 0, count - 1);
    return batch;
}

void layer_batch_free(struct batch *batch)
{
    batch->next = NULL;
    zci_batch_free(batch, 0, 1);
}

struct batch *layer_depot_pass(size_t size, size_t start, struct batch *batch)
{
    unsigned class_index = size_class_of(size);
    if (!depot_put(class_index, shard_of(start), start, batch))
        return batch;
    /* A look at all slots may miss a batch that others move meanwhile; it is there. */
    while ((batch = depot_take(class_index, start)) == NULL)
        atomic_stall();
    return batch;
}

size_t layer_central_pass(size_t size, void **blocks, size_t count)
{
    unsigned class_index = size_class_of(size);
    size_t got = zci_central_fetch(class_index, 0, blocks, count);
    zci_central_return(class_index, blocks, got);
    return got;
}

size_t layer_batch_of(size_t size)
{
    return zci_size_classes[size_class_of(size)].batch;
}

int layer_page_heap_pass(size_t granules)
{
    struct span *span = zci_page_heap_alloc(granules, 1, 0);
    if (span == NULL)
        return 0;
    zci_page_heap_free(span);
    return 1;
}

int layer_run_cache_pass(size_t granules)
{
    size_t length = zci_run_cache_round(granules);
    struct span *span = zci_run_cache_take(length, 0);
    if (span == NULL)
        span = zci_page_heap_alloc(length, 1, 0);
    if (span == NULL)
        return 0;
    span_set_state(span, SPAN_CACHED);
    if (!zci_run_cache_put(span, 0))
        zci_page_heap_free(span);
    return 1;
}
