/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* double_free_fifth.c - a thread's first four frees of a size that it never allocated go to the span: the block of the
 * fourth is freed again by the fifth, which cannot see that. */
#include "death/death.h"

#include <pthread.h>

static void *free_four(void *argument)
{
    void **blocks = argument;
    free(malloc(1000)); /* it has a cache */
    for (int i = 0; i < 4; i++)
        free(blocks[i]);
    free(death_hide(blocks[3]));
    return NULL;
}

int main(int argc, char **argv)
{
    (void)argv;
    void *blocks[5];
    pthread_t thread;
    for (int i = 0; i < 5; i++)
        blocks[i] = malloc(32); /* the last keeps the span */
    if (pthread_create(&thread, NULL, free_four, blocks) == 0)
        pthread_join(thread, NULL);
    return death_survived(argc);
}
