/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* free_interior.c - a pointer 16 bytes into a small block is freed. */
#include "death/death.h"

int main(int argc, char **argv)
{
    (void)argv;
    char *block = death_hide(malloc(64));
    free(death_hide(block + 16));
    return death_survived(argc);
}
