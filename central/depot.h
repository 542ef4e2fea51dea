/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* depot.h - the transfer cache: per class a few slots of batches on their way between threads.
 * Invariants: the number of slots bounds what waits here.
 * Locking:    none (slots.h).
 * Costs:      see slots.h; 128 bytes per class, a line or two of its own. */
#ifndef ZCI_CENTRAL_DEPOT_H
#define ZCI_CENTRAL_DEPOT_H

#include "central/batch.h"
#include "central/slots.h"

#ifndef ZCI_DEPOT_SLOTS
#define ZCI_DEPOT_SLOTS 16
#endif

struct depot {
    void *slots[ZCI_DEPOT_SLOTS];
} ZCI_LINE;

extern struct depot zci_depots[ZCI_CLASS_COUNT];

/* false: the depot is full and the batch still the caller's. */
ZCI_INLINE bool depot_put(unsigned class_index, size_t start, struct batch *batch)
{
    return slots_put(zci_depots[class_index].slots, ZCI_DEPOT_SLOTS, start, batch);
}

ZCI_INLINE struct batch *depot_take(unsigned class_index, size_t start)
{
    return slots_take(zci_depots[class_index].slots, ZCI_DEPOT_SLOTS, start);
}

/* Returns every batch of every class to its spans. */
void zci_depot_drain(void);
/* The same for batches that were there at the last call; one caller at a time. */
void zci_depot_age(void);
/* How many blocks of the class wait here: a snapshot, for statistics. */
uint64_t zci_depot_count(unsigned class_index);

#endif
