/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* usable_size_freed.c - the size of a block is asked for after it was freed, and it is freed again. */
#include "death/death.h"

int main(int argc, char **argv)
{
    (void)argv;
    char *block = death_hide(malloc(40));
    void *kept = malloc(40);
    free(block);
    if (malloc_usable_size(death_hide(block)) == 0 || argc > 1)
        return 1;
    free(kept);
    free(death_hide(block));
    return death_survived(argc);
}
