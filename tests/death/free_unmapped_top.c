/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* free_unmapped_top.c - the last 16 bytes of the address space are freed. */
#include "death/death.h"

int main(int argc, char **argv)
{
    (void)argv;
    free(death_hide((void *)(UINTPTR_MAX - 15)));
    return death_survived(argc);
}
