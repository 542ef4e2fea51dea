/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* double_free_after_1000.c - a second free with 1000 others of the class in between. */
#include "death/death.h"

int main(int argc, char **argv)
{
    (void)argv;
    static void *others[1000];
    void *block = death_hide(malloc(48));
    for (int i = 0; i < 1000; i++)
        others[i] = malloc(48);
    free(block);
    for (int i = 0; i < 1000; i++)
        free(others[i]);
    free(death_hide(block));
    return death_survived(argc);
}
