/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* false_sharing.c - each thread writes many times to a tiny block of its own, makes a new one, and so on.
 * Shows: whether two threads get blocks in the same cache line.
 *   active    each thread makes its first block itself
 *   passive   the main thread makes the first blocks side by side and gives one to each thread, which frees
 *             it before it makes its own: an allocator that keeps it for the thread spreads the line. */
#include "workload.h"

enum { BLOCK_SIZE = 16, WRITES_PER_BLOCK = 1000 };

static void *given[WORKLOAD_THREADS_MAX];

static void write_often(void *block)
{
    volatile unsigned char *bytes = block;
    unsigned char before = bytes[0];
    for (unsigned i = 0; i < WRITES_PER_BLOCK; i++)
        bytes[0]++;
    if (bytes[0] != (unsigned char)(before + WRITES_PER_BLOCK))
        workload_fail("another thread wrote to the block");
    bytes[0] = before;
}

static void body(struct worker *worker)
{
    block_free(given[worker->index]);
    while (worker_next(worker)) {
        void *block = block_new(worker, BLOCK_SIZE);
        write_often(block);
        block_free(block);
    }
}

int main(int argc, char **argv)
{
    workload_begin("false_sharing", "active|passive", argc, argv);
    workload_iterations(400000);
    if (workload.mode == 1)
        for (unsigned i = 0; i < workload.thread_count; i++)
            given[i] = block_new(&workers[i], BLOCK_SIZE);
    workload_run(body);
    return workload_end();
}
