/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* free_unmapped_low.c - a low address that was never mapped is freed. */
#include "death/death.h"

int main(int argc, char **argv)
{
    (void)argv;
    free(death_hide((void *)(uintptr_t)0x1234560));
    return death_survived(argc);
}
