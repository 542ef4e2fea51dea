/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* double_free_ended_span.c - the second free comes to the span when it has ended. */
#include "death/ended_span.h"

int main(int argc, char **argv)
{
    (void)argv;
    ended_span_block();
    return death_survived(argc);
}
