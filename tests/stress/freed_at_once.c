/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* freed_at_once.c - a heap of blocks of one size is freed within a moment, and the program goes on with one block a
 * hundred times a second: next to nothing, but enough that nearly all memory goes back. */
#include "stress/names.h"
#include "stress/process.h"
#include "support/check.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

enum {
    USED_BYTES = 60 << 20,
    HELD_PAGES = 4096, /* above what there was before */
    /* It takes a second; of what was wanted back meanwhile, a minute more: decay.c. */
    PATIENCE_S = 90
};

static void **blocks; /* not from the heap: nothing but the blocks is */

static size_t fill(size_t size)
{
    size_t count = 0;
    uint64_t state = size;
    for (size_t used = 0; used < USED_BYTES; count++) {
        /* Half as large to half as large again. */
        size_t asked = size / 2 + random_below(&state, size);
        blocks[count] = t_malloc(asked);
        if (!CHECK(blocks[count] != NULL))
            break;
        memset(blocks[count], 'x', asked);
        used += asked;
    }
    return count;
}

static void goes_back(size_t size)
{
    const struct timespec pause = {.tv_nsec = 10000000};
    long long held_max = HELD_PAGES * (long long)sysconf(_SC_PAGESIZE);
    long long before = rss_bytes();
    long long held = 0;
    size_t count = fill(size);
    for (size_t i = 0; i < count; i++)
        t_free(blocks[i]);
    for (int i = 0; i < PATIENCE_S * 100; i++) {
        t_free(t_malloc(100));
        nanosleep(&pause, NULL);
        held = rss_bytes() - before;
        if (held <= held_max)
            break;
    }
    print_figure("blocks of about, bytes: ", (long long)size);
    print_figure("held, bytes: ", held);
#ifndef STRESS_SANITIZED
    CHECK(held <= held_max);
#endif
}

int main(void)
{
    static const size_t sizes[] = {300000, 1000, 20000, 70000, 5000000};
    size_t bytes = 2 * sizeof *blocks * (USED_BYTES / 500);
    blocks = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (!CHECK(blocks != MAP_FAILED))
        return check_done();
    /* Each in a process of its own: what is taken again soon is held for a minute. */
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int status = 0;
        pid_t child = fork();
        if (child == 0) {
            goes_back(sizes[i]);
            _exit(check_done());
        }
        CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
    }
    return check_done();
}
