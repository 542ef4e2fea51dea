/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* random_sizes.c - a table of slots per thread: a random slot is emptied if it is full, else filled.
 * Shows: the steady state of a program with many live blocks of all sizes; nothing leaves its thread. */
#include "workload.h"

enum { SLOT_COUNT = 32768, STEPS_PER_ITERATION = 256, SIZE_LOW = 4, SIZE_HIGH = 13 };

static void body(struct worker *worker)
{
    void **slots = calloc(SLOT_COUNT, sizeof *slots);
    if (slots == NULL)
        workload_fail("out of memory");
    while (worker_next(worker))
        for (int i = 0; i < STEPS_PER_ITERATION; i++) {
            void **slot = &slots[random_below(worker, SLOT_COUNT)];
            if (*slot != NULL) {
                block_free(*slot);
                *slot = NULL;
            } else {
                *slot = block_new(worker, random_size(worker, SIZE_LOW, SIZE_HIGH));
            }
        }
    for (size_t i = 0; i < SLOT_COUNT; i++)
        block_free(slots[i]);
    free(slots);
}

int main(int argc, char **argv)
{
    workload_begin("random_sizes", NULL, argc, argv);
    workload_iterations(45000);
    workload_run(body);
    return workload_end();
}
