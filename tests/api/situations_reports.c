/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* situations_reports.c - situations about what malloc tells of itself and how it is tuned. */
#include "tests/api/situations.h"
#include "tests/support/blocks.h"
#include "tests/support/xml_check.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pthread_barrier_t barrier;

static void *hold_blocks(void *unused)
{
    void *blocks[100];
    (void)unused;
    for (size_t i = 0; i < 100; i++)
        blocks[i] = malloc(i * 37);
    for (size_t i = 0; i < 100; i += 2)
        free(blocks[i]);
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    for (size_t i = 1; i < 100; i += 2)
        free(blocks[i]);
    return NULL;
}

static void malloc_info_among_threads(void)
{
    enum { THREADS = 4 };

    pthread_t threads[THREADS];
    char *text = NULL;
    size_t length = 0;
    pthread_barrier_init(&barrier, NULL, THREADS + 1);
    for (size_t i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, hold_blocks, NULL), 0);
    pthread_barrier_wait(&barrier);
    FILE *stream = open_memstream(&text, &length);
    CHECK(stream != NULL);
    CHECK_EQ(malloc_info(0, stream), 0);
    CHECK_EQ(malloc_info(1, stream), EINVAL);
    fclose(stream);
    CHECK(strncmp(text, "<malloc version=\"1\">", 20) == 0);
    CHECK(xml_is_well_formed(text));
    free(text);
    pthread_barrier_wait(&barrier);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

static void mallopt_accepts(void)
{
    static const int parameters[] = {M_MXFAST,         M_NLBLKS,  M_GRAIN,          M_KEEP,
                                     M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD, M_MMAP_MAX,
                                     M_CHECK_ACTION,   M_PERTURB, M_ARENA_TEST,     M_ARENA_MAX};
    for (size_t i = 0; i < sizeof parameters / sizeof parameters[0]; i++)
        CHECK_EQ(mallopt(parameters[i], 1), 1);
    void *block = malloc(1000);
    CHECK(block != NULL);
    free(block);
}

/* The sum of what is in use and what has its own mapping, whatever the allocator counts where. */
static size_t held_bytes(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static void mallinfo2_follows(void)
{
    enum { COUNT = 100 };

    static void *blocks[COUNT];
    size_t before = held_bytes();
    for (size_t i = 0; i < COUNT; i++)
        blocks[i] = malloc(160000);
    size_t during = held_bytes();
    for (size_t i = 0; i < COUNT; i++)
        free(blocks[i]);
    size_t after = held_bytes();
    CHECK(during >= before + COUNT * (size_t)160000);
    CHECK(after < during);
    unsigned char *big = malloc((size_t)5 << 30);
    if (big == NULL) {
        check_skip("no address space for a block that an int cannot count");
        return;
    }
    CHECK(held_bytes() >= (size_t)5 << 30);
    free(big);
    CHECK(held_bytes() < (size_t)1 << 30);
}

static void trim_around_live_blocks(void)
{
    enum { COUNT = 20000 };

    static unsigned char *blocks[COUNT];
    static size_t sizes[COUNT];
    uint64_t state = blocks_announce_seed(31);
    for (int round = 0; round < 6; round++) {
        for (size_t i = 0; i < COUNT; i++) {
            if (blocks[i] != NULL)
                continue;
            sizes[i] = blocks_random_below(&state, 3000);
            blocks[i] = malloc(sizes[i]);
            CHECK(blocks[i] != NULL);
            blocks_fill(blocks[i], sizes[i], (unsigned)i);
        }
        for (size_t i = 0; i < COUNT; i++) {
            if (blocks_random_below(&state, 4) == 0)
                continue;
            free(blocks[i]);
            blocks[i] = NULL;
        }
        int released = malloc_trim((size_t)round * 100000);
        CHECK(released == 0 || released == 1);
        for (size_t i = 0; i < COUNT; i++)
            CHECK(blocks[i] == NULL || blocks_match(blocks[i], sizes[i], sizes[i], (unsigned)i));
    }
    for (size_t i = 0; i < COUNT; i++)
        free(blocks[i]);
}

static const struct situation situations[] = {
    {"malloc_info among threads", malloc_info_among_threads},
    {"mallopt accepts every parameter", mallopt_accepts},
    {"mallinfo2 follows, also beyond 4 GiB", mallinfo2_follows},
    {"malloc_trim around live blocks", trim_around_live_blocks},
};

SITUATION_GROUP(situations_reports, situations);
