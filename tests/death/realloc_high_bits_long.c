/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* realloc_high_bits_long.c - the address of a block of 60000 bytes, whose span has several granules, with a bit set
 * that no address has, is resized so that it would have to move. */
#include "death/death.h"

#include <stdint.h>

int main(int argc, char **argv)
{
    (void)argv;
    char *block = death_hide(malloc(60000));
    free(realloc(death_hide((char *)((uintptr_t)block | (uintptr_t)1 << 60)), 70000));
    return death_survived(argc);
}
