/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* calloc_heavy.c - live zeroed blocks; a random one is replaced.
 *   dense     mostly small, now and then up to 1 MiB; each is checked and then dirtied, one byte in each 512: how much
 *             is zeroed that the kernel had zeroed already
 *   gaps      tables of 64 KiB to 4 MiB of which the first page and another one are looked at and written to: how much
 *             is made resident, or cleared, that nobody touches */
#include "workload.h"

enum { SLOT_COUNT = 512, STEPS_PER_ITERATION = 100, STRIDE_BYTES = 512, TABLE_COUNT = 64 };

enum { DENSE, GAPS };

static size_t pick_size(struct worker *worker)
{
    uint32_t chance = random_below(worker, 1000);
    if (chance < 900)
        return random_size(worker, 4, 10);
    if (chance < 990)
        return random_size(worker, 10, 15);
    return random_size(worker, 15, 20);
}

static void check_zero_and_dirty(unsigned char *block, size_t size)
{
    for (size_t at = 0; at < size; at += STRIDE_BYTES) {
        if (block[at] != 0)
            workload_fail("calloc gave a block that is not zero");
        block[at] = 0xff;
    }
    if (block[size - 1] != 0 && (size - 1) % STRIDE_BYTES != 0)
        workload_fail("calloc gave a block that is not zero");
}

static void replace(struct worker *worker, void **slot)
{
    size_t size = pick_size(worker);
    block_free(*slot);
    *slot = calloc(1, size);
    if (*slot == NULL)
        workload_fail("out of memory");
    check_zero_and_dirty(*slot, size);
    block_mark(*slot, size);
    worker->operations++;
}

static void check_zero_and_write(unsigned char *at)
{
    if (*at != 0)
        workload_fail("calloc gave a block that is not zero");
    *at = 0xff;
}

static void replace_table(struct worker *worker, void **slot)
{
    size_t size = random_size(worker, 16, 22);
    free(*slot);
    unsigned char *table = calloc(1, size);
    if (table == NULL)
        workload_fail("out of memory");
    check_zero_and_write(table);
    check_zero_and_write(table + 1 + random_below(worker, (uint32_t)size - 1));
    *slot = table;
    worker->operations++;
}

static void body(struct worker *worker)
{
    void *slots[SLOT_COUNT] = {NULL};
    if (workload.mode == GAPS) {
        while (worker_next(worker))
            replace_table(worker, &slots[random_below(worker, TABLE_COUNT)]);
        for (size_t i = 0; i < TABLE_COUNT; i++)
            free(slots[i]);
        return;
    }
    while (worker_next(worker))
        for (int i = 0; i < STEPS_PER_ITERATION; i++)
            replace(worker, &slots[random_below(worker, SLOT_COUNT)]);
    for (size_t i = 0; i < SLOT_COUNT; i++)
        block_free(slots[i]);
}

int main(int argc, char **argv)
{
    workload_begin("calloc_heavy", "dense|gaps", argc, argv);
    workload_iterations(workload.mode == GAPS ? 20000 : 8000);
    workload_run(body);
    return workload_end();
}
