/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* free_unaligned.c - a pointer 1 byte into a small block is freed. */
#include "death/death.h"

int main(int argc, char **argv)
{
    (void)argv;
    char *block = death_hide(malloc(64));
    free(death_hide(block + 1));
    return death_survived(argc);
}
