/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* free_unmapped_ascii.c - text is taken for a pointer and freed; no program has this address. */
#include "death/death.h"

int main(int argc, char **argv)
{
    (void)argv;
    free(death_hide((void *)(uintptr_t)0x4141414141414141));
    return death_survived(argc);
}
