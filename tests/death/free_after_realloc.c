/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* free_after_realloc.c - the old pointer is freed after realloc moved the block. */
#include "death/death.h"

int main(int argc, char **argv)
{
    (void)argv;
    void *block = death_hide(malloc(32));
    void *old = death_hide(block);
    void *next = death_hide(malloc(32));
    void *moved = realloc(block, 100000);
    if (moved == NULL || moved == old)
        return 1;
    free(next);
    free(old);
    return death_survived(argc);
}
