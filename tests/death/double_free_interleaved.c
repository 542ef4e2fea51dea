/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* double_free_interleaved.c - a, b, then a again: the last block freed is not the doubled one. */
#include "death/death.h"

int main(int argc, char **argv)
{
    (void)argv;
    void *first = death_hide(malloc(32));
    void *second = death_hide(malloc(32));
    free(first);
    free(second);
    free(death_hide(first));
    return death_survived(argc);
}
