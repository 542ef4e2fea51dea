/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* free_stack.c - a local variable is freed. */
#include "death/death.h"

int main(int argc, char **argv)
{
    (void)argv;
    uint64_t local[8] = {0};
    free(death_hide(local));
    return death_survived(argc);
}
