/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* thread_handover.c - a server whose threads end: each works on a heap of live blocks for a while, then
 * starts a new thread, hands its heap over and ends.
 * Shows: what happens to the cache of a thread that ends, and to blocks that outlive their maker. */
#include "workload.h"

enum { SLOT_COUNT = 4000, STEPS_PER_THREAD = 20000, SIZE_LOW = 4, SIZE_HIGH = 10 };

struct heap {
    struct worker *worker;
    atomic_bool is_over;
    void *slots[SLOT_COUNT];
};

static void fill(struct heap *heap)
{
    for (size_t i = 0; i < SLOT_COUNT; i++)
        heap->slots[i] = block_new(heap->worker, random_size(heap->worker, SIZE_LOW, SIZE_HIGH));
}

static void replace_some(struct heap *heap)
{
    for (size_t i = 0; i < STEPS_PER_THREAD; i++) {
        void **slot = &heap->slots[random_below(heap->worker, SLOT_COUNT)];
        block_free(*slot);
        *slot = block_new(heap->worker, random_size(heap->worker, SIZE_LOW, SIZE_HIGH));
    }
}

static void *generation(void *argument)
{
    struct heap *heap = argument;
    replace_some(heap);
    if (!worker_next(heap->worker)) {
        atomic_store(&heap->is_over, true);
        return NULL;
    }
    pthread_t next;
    thread_start(&next, generation, heap);
    pthread_detach(next);
    return NULL;
}

static void body(struct worker *worker)
{
    struct heap *heap = malloc(sizeof *heap);
    if (heap == NULL)
        workload_fail("out of memory");
    heap->worker = worker;
    atomic_init(&heap->is_over, false);
    fill(heap);
    pthread_t first;
    thread_start(&first, generation, heap);
    pthread_detach(first);
    const struct timespec pause = {.tv_nsec = 1000000};
    while (!atomic_load(&heap->is_over))
        nanosleep(&pause, NULL);
    for (size_t i = 0; i < SLOT_COUNT; i++)
        block_free(heap->slots[i]);
    free(heap);
}

int main(int argc, char **argv)
{
    workload_begin("thread_handover", NULL, argc, argv);
    workload_iterations(900);
    workload_run(body);
    return workload_end();
}
