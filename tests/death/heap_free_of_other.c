/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* heap_free_of_other.c - a block of one heap is freed into another. */
#include "death/death.h"
#include "zcmalloc.h"

int main(int argc, char **argv)
{
    (void)argv;
    struct zc_heap *heap = zc_heap_new();
    struct zc_heap *other = zc_heap_new();
    void *block = zc_heap_malloc(other, 100);
    zc_heap_free(heap, block);
    return death_survived(argc);
}
