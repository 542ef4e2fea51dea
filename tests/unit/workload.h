/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* workload.h - a fixed piece of work that uses every layer, checks all contents, and bears refusals.
 * Invariants: each block is filled with a byte of its own and checked whenever it is touched; a refused
 *             request must give NULL with ENOMEM and leave everything else as it was. */
#ifndef TESTS_UNIT_WORKLOAD_H
#define TESTS_UNIT_WORKLOAD_H

#include "support/check.h"
#include "zcmalloc.h"

#include <errno.h>
#include <stdint.h>

#define WORKLOAD_BLOCKS 600

static struct {
    unsigned char *start;
    size_t size;
} workload_blocks[WORKLOAD_BLOCKS];

static long workload_refused;

static void workload_fill(size_t i)
{
    unsigned char *start = workload_blocks[i].start;
    size_t size = workload_blocks[i].size;
    unsigned char mark = (unsigned char)(i * 31 + 7);
    memset(start, mark, size < 256 ? size : 256);
    start[size / 2] = mark;
    start[size - 1] = mark;
}

static int workload_holds(size_t i, size_t size)
{
    const unsigned char *start = workload_blocks[i].start;
    unsigned char mark = (unsigned char)(i * 31 + 7);
    int ok = start[0] == mark;
    if (size == workload_blocks[i].size)
        ok = ok && start[size / 2] == mark && start[size - 1] == mark;
    return ok;
}

/* Sizes from 1 byte to 400 MiB, most of them small: to touch memory is what takes time here. */
static size_t workload_size(size_t i)
{
    static const size_t large[] = {70000,   200000,    9 << 20,   3 << 20,
                                   1 << 20, 257 << 20, 300 << 20, 400 << 20};
    return i % 40 == 39 ? large[i / 40 % 8] : 1 + i * i * 37 % (i % 8 == 0 ? 40000 : 4000);
}

static int workload_refuses(void *block)
{
    if (block != NULL)
        return 0;
    workload_refused++;
    CHECK_EQ(errno, ENOMEM);
    return 1;
}

static void workload_free(size_t i)
{
    if (workload_blocks[i].start == NULL)
        return;
    CHECK(workload_holds(i, workload_blocks[i].size));
    errno = 12345;
    zc_free(workload_blocks[i].start);
    CHECK_EQ(errno, 12345);
    workload_blocks[i].start = NULL;
}

static void workload_take(size_t i)
{
    size_t size = workload_size(i);
    unsigned char *block;
    errno = 0;
    switch (i % 3) {
    case 0:
        block = zc_malloc(size);
        break;
    case 1:
        block = zc_calloc(1, size);
        if (block != NULL)
            CHECK(block[0] == 0 && block[size / 2] == 0 && block[size - 1] == 0);
        break;
    default:
        block = zc_aligned_alloc((size_t)16 << i % 12, size);
        CHECK_EQ((uintptr_t)block & (((size_t)16 << i % 12) - 1), 0);
        break;
    }
    if (workload_refuses(block))
        return;
    CHECK(zc_malloc_usable_size(block) >= size);
    workload_blocks[i].start = block;
    workload_blocks[i].size = size;
    workload_fill(i);
}

static void workload_resize(size_t i)
{
    if (workload_blocks[i].start == NULL)
        return;
    size_t size = workload_blocks[i].size;
    /* What is longer and grows is copied where pages cannot be moved: too many to touch. */
    size = size > 100000 ? size / 2 : size * (1 + i % 5) / 2 + 1;
    errno = 0;
    unsigned char *block = zc_realloc(workload_blocks[i].start, size);
    if (workload_refuses(block)) {
        CHECK(workload_holds(i, workload_blocks[i].size));
        return;
    }
    workload_blocks[i].start = block;
    CHECK(workload_holds(i, size));
    workload_blocks[i].size = size;
    workload_fill(i);
}

/* A heap that ends with half of its blocks, and a pool that ends with all. */
static void workload_heaps(void)
{
    struct zc_heap *heap = zc_heap_new();
    struct zc_pool *pool = zc_pool_new(3000, 8);
    if (!workload_refuses(heap)) {
        for (size_t i = 0; i < 200; i++) {
            size_t size = workload_size(i) % 150001;
            unsigned char *block =
                i % 2 ? zc_heap_malloc(heap, size) : zc_heap_memalign(heap, 64, size);
            if (workload_refuses(block))
                continue;
            memset(block, 0x77, size < 256 ? size : 256);
            unsigned char *resized = zc_heap_realloc(heap, block, size * 3 / 2);
            if (!workload_refuses(resized))
                block = resized;
            CHECK(block[0] == 0x77 && zc_heap_owns(heap, block));
            if (i % 4 < 2)
                zc_heap_free(heap, block);
        }
        zc_heap_destroy(heap);
    }
    if (!workload_refuses(pool)) {
        for (size_t i = 0; i < 100; i++) {
            unsigned char *block = zc_pool_malloc(pool);
            if (!workload_refuses(block))
                memset(block, 0x33, 3000);
        }
        zc_pool_destroy(pool);
    }
}

/* With so many blocks at once, at most WORKLOAD_BLOCKS. Returns how many requests were refused. */
static long workload_run_some(size_t count)
{
    workload_refused = 0;
    workload_heaps();
    for (size_t i = 0; i < count; i++)
        workload_take(i);
    for (size_t i = 0; i < count; i++)
        if (i % 2 == 0 || i % 40 == 39)
            workload_resize(i);
    for (size_t i = 0; i < count; i += 3)
        workload_free(i);
    zc_trim(0);
    if (count == WORKLOAD_BLOCKS)
        workload_heaps();
    for (size_t i = 0; i < count; i += 3)
        workload_take(i);
    for (size_t i = 0; i < count; i++)
        workload_free(i);
    return workload_refused;
}

static long workload_run(void)
{
    return workload_run_some(WORKLOAD_BLOCKS);
}

#endif
