/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* thread_churn.c - many threads that live for a moment: each makes 100 blocks, frees half of them and what
 * its predecessor left, and ends.
 * Shows: birth and death of a thread's cache. --threads is how many such chains run at once. */
#include "workload.h"

enum { BLOCK_COUNT = 100, SIZE_LOW = 4, SIZE_HIGH = 10 };

struct chain {
    struct worker *worker;
    void *left_over[BLOCK_COUNT / 2];
};

static void *short_life(void *argument)
{
    struct chain *chain = argument;
    void *blocks[BLOCK_COUNT];
    for (size_t i = 0; i < BLOCK_COUNT; i++)
        blocks[i] = block_new(chain->worker, random_size(chain->worker, SIZE_LOW, SIZE_HIGH));
    for (size_t i = 0; i < BLOCK_COUNT / 2; i++) {
        block_free(chain->left_over[i]);
        block_free(blocks[2 * i]);
        chain->left_over[i] = blocks[2 * i + 1];
    }
    return NULL;
}

static void body(struct worker *worker)
{
    struct chain chain = {.worker = worker};
    while (worker_next(worker)) {
        pthread_t thread;
        thread_start(&thread, short_life, &chain);
        pthread_join(thread, NULL);
    }
    for (size_t i = 0; i < BLOCK_COUNT / 2; i++)
        block_free(chain.left_over[i]);
}

int main(int argc, char **argv)
{
    workload_begin("thread_churn", NULL, argc, argv);
    workload_iterations(25000);
    workload_run(body);
    return workload_end();
}
