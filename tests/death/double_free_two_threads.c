/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* double_free_two_threads.c - freed by two threads, one after the other; both exit. */
#include "death/death.h"

#include <pthread.h>

static void *free_it(void *block)
{
    free(block);
    return NULL;
}

static void free_on_thread(void *block)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, free_it, block) == 0)
        pthread_join(thread, NULL);
}

int main(int argc, char **argv)
{
    (void)argv;
    void *block = death_hide(malloc(32));
    /* A neighbour keeps the span: its memory must not become something else in between. */
    if (malloc(32) == NULL)
        return 1;
    free_on_thread(block);
    free_on_thread(death_hide(block));
    return death_survived(argc);
}
