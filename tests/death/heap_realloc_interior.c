/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* heap_realloc_interior.c - a pointer 16 bytes into a block of a heap is resized. */
#include "death/death.h"
#include "zcmalloc.h"

int main(int argc, char **argv)
{
    (void)argv;
    struct zc_heap *heap = zc_heap_new();
    char *block = zc_heap_malloc(heap, 100);
    zc_heap_free(heap, zc_heap_realloc(heap, death_hide(block + 16), 400));
    return death_survived(argc);
}
