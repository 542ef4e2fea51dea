/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* realloc_freed_fits.c - a block that was freed is resized to what its place has anyway, and freed again. */
#include "death/death.h"

int main(int argc, char **argv)
{
    (void)argv;
    char *block = death_hide(malloc(200));
    void *kept = malloc(200);
    free(block);
    block = realloc(death_hide(block), 190);
    if (argc > 1)
        return 1;
    free(kept);
    free(death_hide(block));
    return death_survived(argc);
}
