/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* realloc_interior_fits.c - a pointer 16 bytes into a 200-byte block is resized to what its place has, and freed. */
#include "death/death.h"

int main(int argc, char **argv)
{
    (void)argv;
    char *block = death_hide(malloc(200));
    free(realloc(death_hide(block + 16), 190));
    return death_survived(argc);
}
