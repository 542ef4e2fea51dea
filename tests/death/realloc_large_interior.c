/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* realloc_large_interior.c - a pointer 16 bytes into a 300 kB block is resized. */
#include "death/death.h"

int main(int argc, char **argv)
{
    (void)argv;
    char *block = death_hide(malloc(300000));
    free(realloc(death_hide(block + 16), 400000));
    return death_survived(argc);
}
