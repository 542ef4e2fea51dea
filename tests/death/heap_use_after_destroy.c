/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* heap_use_after_destroy.c - a heap is used after it was destroyed. */
#include "death/death.h"
#include "zcmalloc.h"

int main(int argc, char **argv)
{
    (void)argv;
    struct zc_heap *heap = zc_heap_new();
    zc_heap_free(heap, zc_heap_malloc(heap, 100));
    zc_heap_destroy(heap);
    zc_heap_free(death_hide(heap), zc_heap_malloc(death_hide(heap), 100));
    return death_survived(argc);
}
