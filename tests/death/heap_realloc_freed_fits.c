/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* heap_realloc_freed_fits.c - a block of a heap that was freed is resized to what its place has, and freed again. */
#include "death/death.h"
#include "zcmalloc.h"

int main(int argc, char **argv)
{
    (void)argv;
    struct zc_heap *heap = zc_heap_new();
    char *block = zc_heap_malloc(heap, 200);
    char *kept = zc_heap_malloc(heap, 200);
    zc_heap_free(heap, block);
    block = zc_heap_realloc(heap, death_hide(block), 190);
    if (argc > 1)
        return 1;
    zc_heap_free(heap, kept);
    zc_heap_free(heap, death_hide(block));
    zc_heap_collect(heap);
    return death_survived(argc);
}
