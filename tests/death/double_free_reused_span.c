/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* double_free_reused_span.c - the second free comes to the span when it has blocks of another class. */
#include "death/ended_span.h"

int main(int argc, char **argv)
{
    (void)argv;
    void *block = ended_span_block();
    for (int i = 0; i < 100000; i++)
        if (malloc(640) == block)
            return death_survived(argc);
    return 1;
}
