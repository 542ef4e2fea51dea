/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* batch.c - the pool of empty batches. Consumers of blocks fill batches, producers empty them, so empty
 * ones must find their way back between threads without a lock. Each shard has its own: other threads' batches lie
 * beside batches that those write to. */
#include "central/batch.h"

#include "central/shard.h"
#include "central/slots.h"

/* Of chains, up to half a thread's stash each. */
#define POOL_SLOTS 16

static struct {
    void *slots[POOL_SLOTS];
} pool[ZCI_SHARDS][BATCH_GRADES] ZCI_LINE;

static struct batch *take_chain(unsigned grade, unsigned shard, size_t number)
{
    return slots_take(pool[shard][grade].slots, POOL_SLOTS, number);
}

/* Of other shards: their lines are better than none. */
static struct batch *take_others(unsigned grade, size_t number)
{
    unsigned count = atomic_load_relaxed(&zci_shard_count);
    struct batch *chain = NULL;
    for (unsigned i = 1; i < count && chain == NULL; i++)
        chain = take_chain(grade, shard_after(shard_of(number), i, count), number);
    return chain;
}

static struct batch *make(void *block, unsigned grade, size_t number)
{
    struct batch *batch = block;
    batch->next = NULL;
    batch->count = 0;
    batch->capacity = (uint16_t)BATCH_CAPACITY(grade);
    batch->grade = (uint8_t)grade;
    batch->home = (uint8_t)shard_of(number);
    batch->floor = NULL;
    return batch;
}

/* A program of one thread needs no groups. */
static struct batch *make_group(unsigned grade, size_t number, unsigned *count)
{
    void *blocks[ZCI_META_GROUP_BYTES / ZCI_META_GRADE_BYTES(BATCH_GRADE_GROUPED)];
    struct batch *chain = NULL;
    if (grade != BATCH_GRADE_GROUPED || atomic_load_relaxed(&zci_shard_count) < 2)
        return NULL;
    *count = zci_meta_group_alloc(grade, blocks);
    for (unsigned i = *count; i > 0; i--) {
        struct batch *batch = make(blocks[i - 1], grade, number);
        batch->next = chain;
        chain = batch;
    }
    return chain;
}

struct batch *zci_batch_alloc(unsigned grade, size_t number, unsigned *count)
{
    struct batch *chain = take_chain(grade, shard_of(number), number);
    if (chain == NULL && grade != BATCH_GRADE_GROUPED)
        chain = take_others(grade, number);
    if (chain == NULL) {
        struct batch *group = make_group(grade, number, count);
        if (group != NULL)
            return group;
        void *block = zci_meta_block_alloc(grade);
        *count = 1;
        if (block != NULL)
            return make(block, grade, number);
        chain = take_others(grade, number);
    }
    if (chain == NULL)
        return NULL;
    *count = chain->count;
    chain->count = 0;
    return chain;
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
