/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* realloc_interior.c - a pointer 16 bytes into a 200-byte block is resized so that it would have to move. */
#include "death/death.h"

int main(int argc, char **argv)
{
    (void)argv;
    char *block = death_hide(malloc(200));
    free(realloc(death_hide(block + 16), 400));
    return death_survived(argc);
}
