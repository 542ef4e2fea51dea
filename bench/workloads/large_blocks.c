/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* large_blocks.c - a few live blocks of 1 to 64 MiB; a random one is replaced by one of another size.
 * Shows: what a large malloc costs, and how much of what was freed is used again.
 *   pages     every page is written, and looked at before it is freed: the memory itself costs most
 *   sparse    only both ends are written: the allocator and the kernel's mappings cost most */
#include "workload.h"

enum { SLOT_COUNT = 6, SIZE_LOW = 20, SIZE_HIGH = 26, PAGE_SIZE_BYTES = 4096 };

enum { PAGES, SPARSE };

/* Never 0, which is what a page holds that the kernel has taken and given again. */
static unsigned char page_key(size_t at)
{
    return (unsigned char)(at / PAGE_SIZE_BYTES) | 1;
}

static void write_pages(unsigned char *block, size_t size)
{
    for (size_t at = PAGE_SIZE_BYTES; at < size - PAGE_SIZE_BYTES; at += PAGE_SIZE_BYTES)
        *(volatile unsigned char *)(block + at) = page_key(at);
}

static void check_and_free(unsigned char *block)
{
    size_t size = block != NULL && workload.mode == PAGES ? block_check(block) : 0;
    for (size_t at = PAGE_SIZE_BYTES; at + PAGE_SIZE_BYTES < size; at += PAGE_SIZE_BYTES)
        if (block[at] != page_key(at))
            workload_fail("a page lost its contents");
    block_free(block);
}

static void body(struct worker *worker)
{
    void *slots[SLOT_COUNT] = {NULL};
    while (worker_next(worker)) {
        void **slot = &slots[random_below(worker, SLOT_COUNT)];
        check_and_free(*slot);
        size_t size = random_size(worker, SIZE_LOW, SIZE_HIGH);
        *slot = block_new(worker, size);
        if (workload.mode == PAGES)
            write_pages(*slot, size);
    }
    for (size_t i = 0; i < SLOT_COUNT; i++)
        check_and_free(slots[i]);
}

int main(int argc, char **argv)
{
    workload_begin("large_blocks", "pages|sparse", argc, argv);
    workload_iterations(workload.mode == PAGES ? 150 : 150000);
    workload_run(body);
    return workload_end();
}
