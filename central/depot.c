/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* depot.c - the rare operations on all depots. */
#include "central/depot.h"

#include "central/central_list.h"

struct depot zci_depots[ZCI_CLASS_COUNT];

void zci_depot_drain(void)
{
    for (unsigned c = 1; c < ZCI_CLASS_COUNT; c++) {
        struct batch *batch;
        while ((batch = depot_take(c, 0)) != NULL) {
            zci_central_return(c, batch->objects, batch->count);
            batch->next = NULL;
            zci_batch_free(batch, 0, 1);
        }
    }
}

/* Reads count through a pointer that its owner may just be taking: batches are never unmapped, and a
 * figure that is a batch old is good enough here. */
uint64_t zci_depot_bytes(void)
{
    uint64_t bytes = 0;
    for (unsigned c = 1; c < ZCI_CLASS_COUNT; c++) {
        for (size_t i = 0; i < ZCI_DEPOT_SLOTS; i++) {
            struct batch *batch = atomic_load_acquire(&zci_depots[c].slots[i]);
            if (batch != NULL)
                bytes += (uint64_t)atomic_load_relaxed(&batch->count) * zci_size_classes[c].bytes;
        }
    }
    return bytes;
}
