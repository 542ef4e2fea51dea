/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* heap_free_of_malloc.c - a block from malloc is freed into a heap. */
#include "death/death.h"
#include "zcmalloc.h"

int main(int argc, char **argv)
{
    (void)argv;
    struct zc_heap *heap = zc_heap_new();
    void *block = death_hide(malloc(100));
    zc_heap_free(heap, block);
    return death_survived(argc);
}
