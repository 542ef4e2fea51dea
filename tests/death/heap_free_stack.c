/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* heap_free_stack.c - a variable is freed into a heap. */
#include "death/death.h"
#include "zcmalloc.h"

int main(int argc, char **argv)
{
    (void)argv;
    struct zc_heap *heap = zc_heap_new();
    int variable = 0;
    zc_heap_free(heap, death_hide(&variable));
    return death_survived(argc);
}
