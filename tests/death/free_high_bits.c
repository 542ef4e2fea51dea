/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* free_high_bits.c - the address of a block with a bit set that no address has is freed. */
#include "death/death.h"

#include <stdint.h>

int main(int argc, char **argv)
{
    (void)argv;
    char *block = death_hide(malloc(200));
    free(death_hide((char *)((uintptr_t)block | (uintptr_t)1 << 60)));
    return death_survived(argc);
}
