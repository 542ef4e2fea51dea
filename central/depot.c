/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* depot.c - the rare operations on all depots. */
#include "central/depot.h"

#include "central/central_list.h"

struct depot zci_depots[ZCI_CLASS_COUNT];

/* What each slot held at the last look. */
static void *seen[ZCI_CLASS_COUNT][ZCI_DEPOT_SLOTS];

static void end_batch(unsigned class_index, struct batch *batch)
{
    zci_central_return(class_index, batch->objects, batch->count);
    batch->next = NULL;
    zci_batch_free(batch, 0, 1);
}

void zci_depot_drain(void)
{
    for (unsigned c = 1; c < ZCI_CLASS_COUNT; c++) {
        struct batch *batch;
        while ((batch = depot_take(c, 0)) != NULL)
            end_batch(c, batch);
    }
}

/* A batch that went and came back in between is younger than it looks; it goes all the same. */
void zci_depot_age(void)
{
    for (unsigned c = 1; c < ZCI_CLASS_COUNT; c++) {
        for (size_t i = 0; i < ZCI_DEPOT_SLOTS; i++) {
            void **slot = &zci_depots[c].slots[i];
            struct batch *batch = atomic_load_relaxed(slot);
            /* Pairs with the cas in slots_put: what it succeeds on is ours alone. */
            if (batch != NULL && batch == seen[c][i] && atomic_cas_ptr(slot, batch, NULL)) {
                end_batch(c, batch);
                batch = NULL;
            }
            if (batch != seen[c][i])
                seen[c][i] = batch;
        }
    }
}

/* Reads count through a pointer that its owner may just be taking, and that may be another thing by now:
 * metadata is never unmapped, what cannot be a count is none, and a figure that is a batch old is good
 * enough here. */
ZCI_READS_RACILY uint64_t zci_depot_count(unsigned class_index)
{
    uint64_t count = 0;
    for (size_t i = 0; i < ZCI_DEPOT_SLOTS; i++) {
        struct batch *batch = atomic_load_acquire(&zci_depots[class_index].slots[i]);
        uint32_t objects = batch != NULL ? atomic_load_relaxed(&batch->count) : 0;
        count += objects <= zci_size_classes[class_index].batch ? objects : 0;
    }
    return count;
}
