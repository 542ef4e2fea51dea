/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* free_large_interior_64k.c - a pointer 64 KiB into a 300 kB block is freed. */
#include "death/death.h"

int main(int argc, char **argv)
{
    (void)argv;
    char *block = death_hide(malloc(300000));
    free(death_hide(block + 65536));
    return death_survived(argc);
}
