/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* rptest_like.c - each thread makes a batch of blocks of random sizes up to 8 KiB, frees some and gives the
 * rest to another thread, then frees what others gave to it.
 * Shows: freeing across threads at all small sizes, every thread both giver and taker.
 * A thread that lags gets no more than BATCHES_MAX batches: then the giver frees the batch itself, so that
 * the live memory is bounded however the threads are scheduled. */
#include "workload.h"

enum { BATCH_COUNT = 200, BATCHES_MAX = 8, SIZE_MAX_BYTES = 8000 };

struct batch {
    struct batch *next;
    size_t count;
    void *blocks[BATCH_COUNT];
};

static struct mailbox {
    _Alignas(128) _Atomic(struct batch *) first;
    atomic_uint length;
} mailboxes[WORKLOAD_THREADS_MAX];

static void batch_free(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        block_free(batch->blocks[i]);
    free(batch);
}

static struct batch *batch_new(struct worker *worker)
{
    struct batch *batch = malloc(sizeof *batch);
    if (batch == NULL)
        workload_fail("out of memory");
    batch->count = 0;
    for (size_t i = 0; i < BATCH_COUNT; i++) {
        size_t size = MARKED_SIZE_MIN + random_below(worker, SIZE_MAX_BYTES - MARKED_SIZE_MIN);
        void *block = block_new(worker, size);
        if (random_below(worker, 4) == 0)
            block_free(block);
        else
            batch->blocks[batch->count++] = block;
    }
    return batch;
}

static void give(struct mailbox *mailbox, struct batch *batch)
{
    if (atomic_fetch_add(&mailbox->length, 1) >= BATCHES_MAX) {
        atomic_fetch_sub(&mailbox->length, 1);
        batch_free(batch);
        return;
    }
    batch->next = atomic_load(&mailbox->first);
    while (!atomic_compare_exchange_weak(&mailbox->first, &batch->next, batch))
        continue;
}

static void empty(struct mailbox *mailbox)
{
    struct batch *batch = atomic_exchange(&mailbox->first, NULL);
    while (batch != NULL) {
        struct batch *next = batch->next;
        atomic_fetch_sub(&mailbox->length, 1);
        batch_free(batch);
        batch = next;
    }
}

static void body(struct worker *worker)
{
    while (worker_next(worker)) {
        struct batch *batch = batch_new(worker);
        give(&mailboxes[random_below(worker, workload.thread_count)], batch);
        empty(&mailboxes[worker->index]);
    }
}

int main(int argc, char **argv)
{
    workload_begin("rptest_like", NULL, argc, argv);
    workload_iterations(45000);
    workload_run(body);
    for (unsigned i = 0; i < workload.thread_count; i++)
        empty(&mailboxes[i]);
    return workload_end();
}
