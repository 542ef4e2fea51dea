/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* double_free_realloc_zero.c - realloc(block, 0) has freed the block; free then does it again. */
#include "death/death.h"

int main(int argc, char **argv)
{
    (void)argv;
    void *block = death_hide(malloc(100));
    if (realloc(block, 0) != NULL)
        return 1;
    free(death_hide(block));
    return death_survived(argc);
}
