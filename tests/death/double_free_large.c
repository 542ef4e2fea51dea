/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* double_free_large.c - the same 300 kB block freed twice. */
#include "death/death.h"

int main(int argc, char **argv)
{
    (void)argv;
    void *block = death_hide(malloc(300000));
    free(block);
    free(death_hide(block));
    return death_survived(argc);
}
