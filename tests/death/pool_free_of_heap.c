/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* pool_free_of_heap.c - a block of a heap is freed into a pool. */
#include "death/death.h"
#include "zcmalloc.h"

int main(int argc, char **argv)
{
    (void)argv;
    struct zc_heap *heap = zc_heap_new();
    struct zc_pool *pool = zc_pool_new(100, 8);
    zc_pool_free(pool, zc_pool_malloc(pool));
    zc_pool_free(pool, death_hide(zc_heap_malloc(heap, 100)));
    return death_survived(argc);
}
