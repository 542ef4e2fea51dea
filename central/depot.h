/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* depot.h - the transfer cache: per class and shard a few slots of batches on their way between threads.
 * Invariants: the number of slots bounds what waits here. A batch waits in the shard that the spans of its blocks
 *             belong to, whoever freed them; if they are of several, in that of the thread that put it. Only that
 *             shard's threads take it.
 * Locking:    none (slots.h).
 * Costs:      see slots.h; a line per class and shard. */
#ifndef ZCI_CENTRAL_DEPOT_H
#define ZCI_CENTRAL_DEPOT_H

#include "central/batch.h"
#include "central/shard.h"
#include "central/slots.h"

#ifndef ZCI_DEPOT_SLOTS
#define ZCI_DEPOT_SLOTS 16
#endif

/* Of blocks, where there are several shards. */
#ifndef ZCI_DEPOT_BYTES
#define ZCI_DEPOT_BYTES 131072
#endif

struct depot {
    void *slots[ZCI_DEPOT_SLOTS];
};

extern struct depot zci_depots[ZCI_SHARDS][ZCI_CLASS_COUNT] ZCI_LINE;

/* How many are used: a power of two. */
ZCI_INLINE size_t depot_slots(unsigned class_index)
{
    const struct size_class *size_class = &zci_size_classes[class_index];
    size_t bytes = (size_t)size_class->bytes * size_class->batch;
    size_t slots = ZCI_DEPOT_SLOTS;
    while (slots > 2 && atomic_load_relaxed(&zci_shard_count) > 1 &&
           slots * bytes > ZCI_DEPOT_BYTES)
        slots /= 2;
    return slots;
}

/* start spreads threads over the slots. false: the depot is full and the batch still the caller's. */
ZCI_INLINE bool depot_put(unsigned class_index, unsigned shard, size_t start, struct batch *batch)
{
    return slots_put(zci_depots[shard][class_index].slots, depot_slots(class_index), start, batch);
}

/* number: shard.h. */
ZCI_INLINE struct batch *depot_take(unsigned class_index, size_t number)
{
    return slots_take(zci_depots[shard_of(number)][class_index].slots, ZCI_DEPOT_SLOTS, number);
}

/* A batch that is nobody's: its blocks go to their spans, itself to the pool. */
void zci_depot_end_batch(unsigned class_index, struct batch *batch);
/* Returns every batch of every class to its spans. */
void zci_depot_drain(void);
/* The same for batches that were there at the last call; one caller at a time. */
void zci_depot_age(void);
/* How many blocks of the class wait here: a snapshot, for statistics. */
uint64_t zci_depot_count(unsigned class_index);

#endif
