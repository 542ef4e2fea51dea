/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* heap_double_free_large.c - a block of 300 kB of a heap is freed twice. */
#include "death/death.h"
#include "zcmalloc.h"

int main(int argc, char **argv)
{
    (void)argv;
    struct zc_heap *heap = zc_heap_new();
    void *block = zc_heap_malloc(heap, 300000);
    zc_heap_free(heap, death_hide(block));
    zc_heap_free(heap, death_hide(block));
    return death_survived(argc);
}
