/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* batch_free.c - fills a table, then frees parts of it in mixed order, over and over.
 * Shows: blocks that die neither first-in-first-out nor last-in-first-out; a part is freed in order, a part
 * backwards, a part at random, and what stays keeps memory fragmented. Small sizes prevail. */
#include "workload.h"

enum { SLOT_COUNT = 20000, PART_COUNT = SLOT_COUNT / 4, SIZE_LOW = 4, SIZE_HIGH = 10 };

static void empty_slot(void **slot)
{
    block_free(*slot);
    *slot = NULL;
}

static void fill(struct worker *worker, void **slots)
{
    for (size_t i = 0; i < SLOT_COUNT; i++)
        if (slots[i] == NULL)
            slots[i] = block_new(worker, random_size(worker, SIZE_LOW, SIZE_HIGH));
}

static void free_parts(struct worker *worker, void **slots)
{
    void **part = slots + random_below(worker, SLOT_COUNT - PART_COUNT);
    for (size_t i = 0; i < PART_COUNT; i++)
        empty_slot(&part[i]);
    part = slots + random_below(worker, SLOT_COUNT - PART_COUNT);
    for (size_t i = PART_COUNT; i > 0; i--)
        empty_slot(&part[i - 1]);
    for (size_t i = 0; i < PART_COUNT; i++)
        empty_slot(&slots[random_below(worker, SLOT_COUNT)]);
}

static void body(struct worker *worker)
{
    void **slots = calloc(SLOT_COUNT, sizeof *slots);
    if (slots == NULL)
        workload_fail("out of memory");
    while (worker_next(worker)) {
        fill(worker, slots);
        free_parts(worker, slots);
    }
    for (size_t i = 0; i < SLOT_COUNT; i++)
        block_free(slots[i]);
    free(slots);
}

int main(int argc, char **argv)
{
    workload_begin("batch_free", NULL, argc, argv);
    workload_iterations(1000);
    workload_run(body);
    return workload_end();
}
