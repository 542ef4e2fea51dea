/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* free_global.c - a global variable is freed. */
#include "death/death.h"

static uint64_t global[8];

int main(int argc, char **argv)
{
    (void)argv;
    free(death_hide(global));
    return death_survived(argc);
}
