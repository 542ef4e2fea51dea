/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* realloc_foreign.c - a local variable is resized. */
#include "death/death.h"

int main(int argc, char **argv)
{
    (void)argv;
    uint64_t local[8] = {0};
    free(realloc(death_hide(local), 100));
    return death_survived(argc);
}
