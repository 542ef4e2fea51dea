/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* free_huge_interior.c - a pointer 1 MiB into a 64 MiB block is freed. */
#include "death/death.h"

int main(int argc, char **argv)
{
    (void)argv;
    char *block = death_hide(malloc((size_t)512 << 20));
    free(death_hide(block + (1 << 20)));
    return death_survived(argc);
}
