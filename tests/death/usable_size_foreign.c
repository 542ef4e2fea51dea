/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* usable_size_foreign.c - the size of a local variable is asked for. */
#include "death/death.h"

int main(int argc, char **argv)
{
    (void)argv;
    uint64_t local[8] = {0};
    if (malloc_usable_size(death_hide(local)) == 1)
        return 1;
    return death_survived(argc);
}
