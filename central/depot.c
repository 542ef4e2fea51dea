/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* depot.c - the rare operations on all depots. */
#include "central/depot.h"

#include "central/central_list.h"

struct depot zci_depots[ZCI_SHARDS][ZCI_CLASS_COUNT] ZCI_LINE;

/* What each slot held at the last look. */
static void *seen[ZCI_SHARDS][ZCI_CLASS_COUNT][ZCI_DEPOT_SLOTS];

void zci_depot_end_batch(unsigned class_index, struct batch *batch)
{
    zci_central_return(class_index, batch->objects, batch->count);
    batch->next = NULL;
    zci_batch_free(batch, batch->home, 1);
}

void zci_depot_drain(void)
{
    unsigned count = atomic_load_relaxed(&zci_shard_count);
    for (unsigned s = 0; s < count; s++)
        for (unsigned c = 1; c < ZCI_CLASS_COUNT; c++) {
            struct batch *batch;
            while ((batch = slots_take(zci_depots[s][c].slots, ZCI_DEPOT_SLOTS, 0)) != NULL)
                zci_depot_end_batch(c, batch);
        }
}

void zci_depot_age(void)
{
    unsigned count = atomic_load_relaxed(&zci_shard_count);
    for (unsigned s = 0; s < count; s++)
        for (unsigned c = 1; c < ZCI_CLASS_COUNT; c++)
            for (size_t i = 0; i < ZCI_DEPOT_SLOTS; i++) {
                struct batch *batch = slots_take_aged(&zci_depots[s][c].slots[i], &seen[s][c][i]);
                if (batch != NULL)
                    zci_depot_end_batch(c, batch);
            }
}

/* Reads count through a pointer that its owner may just be taking, and that may be another thing by now:
 * metadata is never unmapped, what cannot be a count is none, and a figure that is a batch old is good
 * enough here. */
ZCI_READS_RACILY uint64_t zci_depot_count(unsigned class_index)
{
    uint64_t count = 0;
    unsigned shard_count = atomic_load_relaxed(&zci_shard_count);
    for (size_t i = 0; i < shard_count * ZCI_DEPOT_SLOTS; i++) {
        struct depot *depot = &zci_depots[i / ZCI_DEPOT_SLOTS][class_index];
        /* Pairs with slots_put. */
        struct batch *batch = atomic_load_acquire(&depot->slots[i % ZCI_DEPOT_SLOTS]);
        uint32_t objects = batch != NULL ? atomic_load_relaxed(&batch->count) : 0;
        count += objects <= zci_size_classes[class_index].batch ? objects : 0;
    }
    return count;
}
