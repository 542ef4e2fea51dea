/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* free_mmap.c - memory from mmap is freed. */
#include "death/death.h"

#include <sys/mman.h>

int main(int argc, char **argv)
{
    (void)argv;
    void *pages = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        return 1;
    free(death_hide(pages));
    return death_survived(argc);
}
