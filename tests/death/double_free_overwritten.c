/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* double_free_overwritten.c - a second free after the program wrote all over the freed block. */
#include "death/death.h"

int main(int argc, char **argv)
{
    (void)argv;
    volatile unsigned char *block = death_hide(malloc(64));
    void *other = malloc(64);
    free(death_hide((const void *)block));
    free(other);
    for (int i = 0; i < 64; i++)
        block[i] = 0x41;
    free(death_hide((const void *)block));
    return death_survived(argc);
}
