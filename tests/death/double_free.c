/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* double_free.c - the same block freed twice in a row. */
#include "death/death.h"

int main(int argc, char **argv)
{
    (void)argv;
    void *block = death_hide(malloc(32));
    free(block);
    free(death_hide(block));
    return death_survived(argc);
}
