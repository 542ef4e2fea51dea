/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* batch.c - the pool of empty batches. Consumers of blocks fill batches, producers empty them, so empty
 * ones must find their way back between threads without a lock. */
#include "central/batch.h"

#include "central/shard.h"
#include "central/slots.h"

/* Of chains, up to half a thread's stash each. */
#define POOL_SLOTS 16

static struct {
    void *slots[POOL_SLOTS];
} pool[ZCI_SHARDS][BATCH_GRADES] ZCI_LINE;

static struct batch *take_chain(unsigned grade, size_t number)
{
    unsigned count = atomic_load_relaxed(&zci_shard_count);
    struct batch *chain = NULL;
    for (unsigned i = 0; i < count && chain == NULL; i++)
        chain = slots_take(pool[shard_after(shard_of(number), i, count)][grade].slots, POOL_SLOTS,
                           number);
    return chain;
}

struct batch *zci_batch_alloc(unsigned grade, size_t number, unsigned *count)
{
    struct batch *batch = take_chain(grade, number);
    if (batch != NULL) {
        *count = batch->count;
        batch->count = 0;
        return batch;
    }
    batch = zci_meta_block_alloc(grade);
    if (batch == NULL)
        return NULL;
    batch->next = NULL;
    batch->count = 0;
    batch->capacity = (uint16_t)BATCH_CAPACITY(grade);
    batch->grade = (uint16_t)grade;
    batch->floor = NULL;
    *count = 1;
    return batch;
}

void zci_batch_free(struct batch *chain, size_t number, unsigned count)
{
    unsigned grade = chain->grade;
    chain->count = count;
    if (slots_put(pool[shard_of(number)][grade].slots, POOL_SLOTS, number, chain))
        return;
    while (chain != NULL) {
        struct batch *next = chain->next;
        zci_meta_block_free(chain, grade);
        chain = next;
    }
}
