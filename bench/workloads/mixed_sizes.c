/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* mixed_sizes.c - blocks from 16 bytes to 256 KiB wander between threads through a shared table.
 * Shows: freeing what another thread made, mixed with own blocks that stay; in each phase all threads are
 * new and a quarter of the shared table is emptied by one of them. */
#include "workload.h"

enum {
    SHARED_COUNT = 4096,
    OWN_COUNT = 512,
    STEPS_PER_ITERATION = 4000,
    SIZE_LOW = 4,
    SIZE_HIGH = 11,
    RARE_HIGH = 18,
};

static _Atomic(void *) shared[SHARED_COUNT];

static size_t pick_size(struct worker *worker)
{
    bool is_rare = random_below(worker, 1000) == 0;
    return random_size(worker, SIZE_LOW, is_rare ? RARE_HIGH : SIZE_HIGH);
}

static void step(struct worker *worker, void **own)
{
    void **slot = &own[random_below(worker, OWN_COUNT)];
    uint32_t chance = random_below(worker, 100);
    if (chance < 40) { /* a block of its own */
        block_free(*slot);
        *slot = block_new(worker, pick_size(worker));
    } else if (chance < 60) { /* two short-lived ones */
        void *first = block_new(worker, pick_size(worker));
        block_free(block_new(worker, pick_size(worker)));
        block_free(first);
    } else { /* against what lies in the table */
        *slot = atomic_exchange(&shared[random_below(worker, SHARED_COUNT)], *slot);
    }
}

static void *phase(void *argument)
{
    struct worker *worker = argument;
    void *own[OWN_COUNT] = {NULL};
    for (size_t i = 0; i < STEPS_PER_ITERATION; i++)
        step(worker, own);
    for (size_t i = 0; i < OWN_COUNT; i++)
        block_free(own[i]);
    if (worker->index == 0)
        for (size_t i = 0; i < SHARED_COUNT / 4; i++)
            block_free(atomic_exchange(&shared[random_below(worker, SHARED_COUNT)], NULL));
    return NULL;
}

static void body(struct worker *worker)
{
    while (worker_next(worker)) {
        if (workload.thread_count == 1) {
            phase(worker);
            continue;
        }
        pthread_t thread;
        thread_start(&thread, phase, worker);
        pthread_join(thread, NULL);
    }
}

int main(int argc, char **argv)
{
    workload_begin("mixed_sizes", NULL, argc, argv);
    workload_iterations(4500);
    workload_run(body);
    for (size_t i = 0; i < SHARED_COUNT; i++)
        block_free(atomic_exchange(&shared[i], NULL));
    return workload_end();
}
