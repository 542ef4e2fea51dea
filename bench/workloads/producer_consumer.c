/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* producer_consumer.c - every other thread makes batches of blocks, the others free them.
 * Shows: how memory comes back from threads that only free to threads that only make.
 * The queue is bounded, so that all allocators have the same number of live blocks; a batch is large, so
 * that its lock does not matter. --threads is rounded up to an even number. */
#include "workload.h"

enum { BATCH_COUNT = 1000, SIZE_LOW = 4, SIZE_HIGH = 10 };

struct batch {
    struct batch *next;
    void *blocks[BATCH_COUNT];
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct batch *first;
    unsigned length;
    unsigned length_max;
    unsigned producer_count; /* still at work */
} queue = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void queue_put(struct batch *batch)
{
    pthread_mutex_lock(&queue.lock);
    while (queue.length >= queue.length_max)
        pthread_cond_wait(&queue.changed, &queue.lock);
    batch->next = queue.first;
    queue.first = batch;
    queue.length++;
    pthread_cond_broadcast(&queue.changed);
    pthread_mutex_unlock(&queue.lock);
}

/* NULL: nothing will come any more. */
static struct batch *queue_take(void)
{
    pthread_mutex_lock(&queue.lock);
    while (queue.first == NULL && queue.producer_count > 0)
        pthread_cond_wait(&queue.changed, &queue.lock);
    struct batch *batch = queue.first;
    if (batch != NULL) {
        queue.first = batch->next;
        queue.length--;
        pthread_cond_broadcast(&queue.changed);
    }
    pthread_mutex_unlock(&queue.lock);
    return batch;
}

static void produce(struct worker *worker)
{
    while (worker_next(worker)) {
        struct batch *batch = malloc(sizeof *batch);
        if (batch == NULL)
            workload_fail("out of memory");
        for (size_t i = 0; i < BATCH_COUNT; i++)
            batch->blocks[i] = block_new(worker, random_size(worker, SIZE_LOW, SIZE_HIGH));
        queue_put(batch);
    }
    pthread_mutex_lock(&queue.lock);
    queue.producer_count--;
    pthread_cond_broadcast(&queue.changed);
    pthread_mutex_unlock(&queue.lock);
}

static void consume(void)
{
    for (struct batch *batch; (batch = queue_take()) != NULL;) {
        for (size_t i = 0; i < BATCH_COUNT; i++)
            block_free(batch->blocks[i]);
        free(batch);
    }
}

static void body(struct worker *worker)
{
    if (worker->index % 2 == 0)
        produce(worker);
    else
        consume();
}

int main(int argc, char **argv)
{
    workload_begin("producer_consumer", NULL, argc, argv);
    workload_iterations(24000); /* half of them fall to consumers, which do none */
    workload.thread_count += workload.thread_count % 2;
    queue.producer_count = workload.thread_count / 2;
    queue.length_max = workload.thread_count;
    workload_run(body);
    return workload_end();
}
