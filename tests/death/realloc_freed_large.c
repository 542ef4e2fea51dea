/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* realloc_freed_large.c - a freed 300 kB block is resized. */
#include "death/death.h"

int main(int argc, char **argv)
{
    (void)argv;
    void *block = death_hide(malloc(300000));
    free(block);
    free(realloc(death_hide(block), 400000));
    return death_survived(argc);
}
