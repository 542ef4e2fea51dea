/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* heap_usable_size_freed.c - the size of a heap's block is asked for after it was freed, and it is freed again. */
#include "death/death.h"
#include "zcmalloc.h"

int main(int argc, char **argv)
{
    (void)argv;
    struct zc_heap *heap = zc_heap_new();
    char *block = zc_heap_malloc(heap, 40);
    char *kept = zc_heap_malloc(heap, 40);
    zc_heap_free(heap, block);
    if (zc_heap_usable_size(heap, death_hide(block)) == 0 || argc > 1)
        return 1;
    zc_heap_free(heap, kept);
    zc_heap_free(heap, death_hide(block));
    zc_heap_collect(heap);
    return death_survived(argc);
}
