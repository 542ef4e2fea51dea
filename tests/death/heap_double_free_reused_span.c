/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* heap_double_free_reused_span.c - the second free comes to the span when it has blocks of the class, but of a heap. */
#include "death/ended_span.h"
#include "zcmalloc.h"

int main(int argc, char **argv)
{
    (void)argv;
    void *block = ended_span_block();
    struct zc_heap *heap = zc_heap_new();
    for (int i = 0; i < 100000; i++)
        if (zc_heap_malloc(heap, ENDED_BYTES) == block)
            return death_survived(argc);
    return 1;
}
