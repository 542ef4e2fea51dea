/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* double_free_many_frees.c - a double free found without help: once the class has more free blocks
 * than caches hold, the traffic that follows carries the two copies to their span. Never asks for a
 * trim. */
#include "death/death.h"

#define BLOCK_COUNT 400000

static void *blocks[BLOCK_COUNT];

static void free_range(int from, int to)
{
    for (int i = from; i < to; i++)
        free(blocks[i]);
}

int main(int argc, char **argv)
{
    (void)argv;
    void *first = death_hide(malloc(64));
    void *second = death_hide(malloc(64));
    for (int i = 0; i < BLOCK_COUNT; i++)
        blocks[i] = malloc(64);
    free_range(0, BLOCK_COUNT / 2);
    free(first);
    free(second);
    free(death_hide(first));
    if (argc > 1)
        return death_survived(argc);
    free_range(BLOCK_COUNT / 2, BLOCK_COUNT);
    _exit(0);
}
