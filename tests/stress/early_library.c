/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* early_library.c - a shared library that allocates in its first constructor and in its last
 * destructor, for lifecycle_early.c. */
#include "stress/early_library.h"

#include <stdlib.h>
#include <string.h>

static char *block;

__attribute__((constructor(101))) static void allocate_first(void)
{
    block = malloc(100);
    if (block != NULL)
        memset(block, 'e', 100);
    free(calloc(7, 1000));
    free(malloc(500000));
}

__attribute__((destructor(101))) static void allocate_last(void)
{
    char *more = malloc(5000);
    if (more == NULL || block == NULL || block[99] != 'e')
        abort();
    free(block);
    free(realloc(more, 70000));
}

const char *early_library_block(void)
{
    return block;
}
