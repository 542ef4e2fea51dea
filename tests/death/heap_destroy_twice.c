/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* heap_destroy_twice.c - a heap is destroyed twice. */
#include "death/death.h"
#include "zcmalloc.h"

int main(int argc, char **argv)
{
    (void)argv;
    struct zc_heap *heap = zc_heap_new();
    zc_heap_destroy(heap);
    zc_heap_destroy(death_hide(heap));
    return death_survived(argc);
}
