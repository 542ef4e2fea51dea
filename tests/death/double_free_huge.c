/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* double_free_huge.c - the same 64 MiB block, a mapping of its own, freed twice. */
#include "death/death.h"

int main(int argc, char **argv)
{
    (void)argv;
    void *block = death_hide(malloc((size_t)512 << 20));
    free(block);
    free(death_hide(block));
    return death_survived(argc);
}
