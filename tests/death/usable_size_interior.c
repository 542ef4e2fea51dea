/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* usable_size_interior.c - the size is asked for by a pointer 16 bytes into a 200-byte block. */
#include "death/death.h"

int main(int argc, char **argv)
{
    (void)argv;
    char *block = death_hide(malloc(200));
    if (malloc_usable_size(death_hide(block + 16)) == 1)
        return 1;
    return death_survived(argc);
}
