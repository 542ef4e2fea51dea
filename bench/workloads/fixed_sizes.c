/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* fixed_sizes.c - each thread makes and frees runs of blocks of one size, small sizes first.
 * Shows: the fast path and how much a thread keeps; the runs of 1600 are longer than most caches.
 * Half of each run is freed first to last, the other half last to first. A block of each size, made after
 * its longest run, stays: an empty heap, which some allocators give back at once, is not what is measured. */
#include "workload.h"

enum { RUN_MAX = 1600 };

static const size_t sizes[] = {16, 32, 48, 64, 112, 256, 512, 1024, 4096};
static const size_t counts[] = {25, 100, 400, RUN_MAX};

static void free_run(void **run, size_t count)
{
    for (size_t i = 0; i < count / 2; i++)
        block_free(run[i]);
    for (size_t i = count; i > count / 2; i--)
        block_free(run[i - 1]);
}

static void make_and_free(struct worker *worker, size_t size, size_t count)
{
    void *run[RUN_MAX];
    for (size_t i = 0; i < count; i++)
        run[i] = block_new(worker, size);
    free_run(run, count);
}

static void *run_then_block(struct worker *worker, size_t size)
{
    void *run[RUN_MAX];
    for (size_t i = 0; i < RUN_MAX; i++)
        run[i] = block_new(worker, size);
    void *block = block_new(worker, size);
    free_run(run, RUN_MAX);
    return block;
}

static void body(struct worker *worker)
{
    enum {
        SIZE_COUNT = sizeof sizes / sizeof *sizes,
        COUNT_COUNT = sizeof counts / sizeof *counts
    };

    void *stays[SIZE_COUNT];
    for (size_t i = 0; i < SIZE_COUNT; i++)
        stays[i] = run_then_block(worker, sizes[i]);
    while (worker_next(worker))
        for (size_t i = 0; i < SIZE_COUNT; i++)
            for (size_t j = 0; j < COUNT_COUNT; j++) {
                size_t repeats = RUN_MAX / counts[j];
                for (size_t k = 0; k < repeats; k++)
                    make_and_free(worker, sizes[i], counts[j]);
            }
    for (size_t i = 0; i < SIZE_COUNT; i++)
        block_free(stays[i]);
}

int main(int argc, char **argv)
{
    workload_begin("fixed_sizes", NULL, argc, argv);
    workload_iterations(700);
    workload_run(body);
    return workload_end();
}
