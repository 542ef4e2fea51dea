/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* gc_never.c - with ZCMALLOC_GC_MS=0 free memory goes back when it is asked for, and not before, whatever the program
 * allocates and frees meanwhile and however short a time it may lie idle. */
#include "stress/process.h"

#include <string.h>
#include <time.h>

enum { BLOCK_BYTES = 1000, BLOCK_COUNT = 64000, ROUNDS = 150 };

static char *blocks[BLOCK_COUNT];

/* Takes about 10 ms, most of it asleep. */
static void do_a_little(uint64_t *state)
{
    const struct timespec pause = {.tv_nsec = 10000000};
    for (int i = 0; i < 50; i++)
        t_free(t_malloc(random_size(state, 17)));
    nanosleep(&pause, NULL);
}

int main(void)
{
    uint64_t state = 1;
    for (size_t i = 0; i < BLOCK_COUNT; i++) {
        blocks[i] = t_malloc(BLOCK_BYTES);
        if (CHECK(blocks[i] != NULL))
            memset(blocks[i], 'x', BLOCK_BYTES);
    }
    for (size_t i = 0; i < BLOCK_COUNT; i++)
        t_free(blocks[i]);
    long long most_bytes = (long long)BLOCK_BYTES * BLOCK_COUNT;
    CHECK(rss_bytes() >= most_bytes);
    for (int i = 0; i < ROUNDS; i++)
        do_a_little(&state);
    print_figure("resident bytes before it is asked for: ", rss_bytes());
    CHECK(rss_bytes() >= most_bytes);
    t_trim(0);
    print_figure("resident bytes after: ", rss_bytes());
    CHECK(rss_bytes() < most_bytes / 4);
    return check_done();
}
