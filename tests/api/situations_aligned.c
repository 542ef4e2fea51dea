/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* situations_aligned.c - situations about alignment: which requests succeed, and that reuse
 * keeps it. */
#include "tests/api/situations.h"
#include "tests/support/blocks.h"
#include "tests/support/process_size.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

static void expect_block(void *block, size_t alignment, size_t size)
{
    CHECK(block != NULL && blocks_aligned(block, alignment));
    CHECK(malloc_usable_size(block) >= size);
    blocks_fill(block, size, 1);
    free(block);
}

static void expect_error(void *block, int error)
{
    CHECK(block == NULL);
    CHECK_EQ(errno, error);
    errno = 0;
    free(block);
}

static void memalign_limits(void)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    errno = 0;
    expect_error(memalign(sizeof(void *), blocks_opaque(SIZE_MAX)), ENOMEM);
    expect_error(memalign(page, blocks_opaque(SIZE_MAX - page)), ENOMEM);
    expect_error(memalign(blocks_opaque(SIZE_MAX), 1), EINVAL);
    expect_error(memalign(blocks_opaque(SIZE_MAX), SIZE_MAX / 4), EINVAL);
    expect_error(memalign(page, blocks_opaque(SIZE_MAX / 2)), ENOMEM);
    expect_block(memalign(blocks_opaque(0), 1), 1, 1);
    expect_block(memalign(sizeof(void *), 0), sizeof(void *), 0);
    expect_block(memalign(2 * sizeof(void *), 24), 2 * sizeof(void *), 24);
    expect_block(memalign(blocks_opaque(37), 100), 64, 100);
    expect_block(memalign(page, page), page, page);
}

static void posix_memalign_limits(void)
{
    static const size_t wrong[] = {0, 1, sizeof(void *) / 2, 3 * sizeof(void *), SIZE_MAX};
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *block = NULL;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        block = &block;
        CHECK_EQ(posix_memalign(&block, blocks_opaque(wrong[i]), 16), EINVAL);
        CHECK(block == &block);
    }
    block = NULL;
    CHECK_EQ(posix_memalign(&block, sizeof(void *), blocks_opaque(SIZE_MAX)), ENOMEM);
    CHECK(block == NULL);
    CHECK_EQ(posix_memalign(&block, page, blocks_opaque(SIZE_MAX - page)), ENOMEM);
    CHECK(block == NULL);
    CHECK_EQ(posix_memalign(&block, 2 * sizeof(void *), 0), 0);
    expect_block(block, 2 * sizeof(void *), 0);
    for (size_t alignment = sizeof(void *); alignment <= 16 * page; alignment *= 2) {
        CHECK_EQ(posix_memalign(&block, alignment, page + 1), 0);
        expect_block(block, alignment, page + 1);
    }
}

static void aligned_alloc_limits(void)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    errno = 0;
    expect_error(aligned_alloc(sizeof(void *), blocks_opaque(SIZE_MAX)), ENOMEM);
    expect_error(aligned_alloc(page, blocks_opaque(SIZE_MAX - page)), ENOMEM);
    expect_error(aligned_alloc(blocks_opaque(SIZE_MAX), 16), EINVAL);
    expect_error(aligned_alloc(blocks_opaque(0), 16), EINVAL);
    expect_error(aligned_alloc(blocks_opaque(24), 48), EINVAL);
    expect_block(aligned_alloc(2 * sizeof(void *), 0), 2 * sizeof(void *), 0);
    expect_block(aligned_alloc(1, 24), 1, 24);
    expect_block(aligned_alloc(64, 65), 64, 65);
    expect_block(aligned_alloc(page, 3), page, 3);
}

static void valloc_limits(void)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    errno = 0;
    expect_error(valloc(blocks_opaque(SIZE_MAX)), ENOMEM);
    expect_error(valloc(blocks_opaque(SIZE_MAX - page)), ENOMEM);
    expect_block(valloc(0), page, 0);
    expect_block(valloc(32), page, 32);
    expect_block(valloc(5 * page + 1), page, 5 * page + 1);
}

static void pvalloc_limits(void)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    errno = 0;
    expect_error(pvalloc(blocks_opaque(SIZE_MAX)), ENOMEM);
    expect_error(pvalloc(blocks_opaque(SIZE_MAX - page)), ENOMEM);
    expect_error(pvalloc(blocks_opaque(SIZE_MAX - page + 1)), ENOMEM);
    expect_block(pvalloc(0), page, 0);
    expect_block(pvalloc(32), page, page);
    expect_block(pvalloc(2 * page + 1), page, 3 * page);
}

/* What ISO C promises for malloc and realloc, for each small size and again after reuse. */
static void malloc_is_aligned_for_all_types(void)
{
    const size_t needed = _Alignof(max_align_t);
    for (int round = 0; round < 4; round++) {
        void *kept[64];
        for (size_t i = 0; i < 64; i++) {
            size_t size = needed + i * 8 + (size_t)round;
            kept[i] = malloc(size);
            CHECK(kept[i] != NULL && blocks_aligned(kept[i], needed));
            kept[i] = realloc(kept[i], size + 13);
            CHECK(kept[i] != NULL && blocks_aligned(kept[i], needed));
        }
        for (size_t i = 0; i < 64; i++)
            free(kept[i]);
    }
}

/* Aligned blocks that were freed are used again, instead of new memory each time. */
static void aligned_blocks_are_reused(void)
{
    enum { ROUNDS = 4000, COUNT = 16 };

    size_t before = 0;
    for (int round = 0; round < ROUNDS; round++) {
        void *blocks[COUNT];
        for (size_t i = 0; i < COUNT; i++) {
            size_t alignment = (size_t)32 << (i % 10);
            blocks[i] = memalign(alignment, 500 * (i + 1));
            CHECK(blocks[i] != NULL && blocks_aligned(blocks[i], alignment));
            blocks_fill(blocks[i], 500 * (i + 1), (unsigned)i);
        }
        for (size_t i = 0; i < COUNT; i++) {
            CHECK(blocks_match(blocks[i], 500 * (i + 1), 500 * (i + 1), (unsigned)i));
            free(blocks[i]);
        }
        if (round == ROUNDS / 4)
            before = process_resident_bytes();
    }
    CHECK(process_stayed_below(before, 8 * BLOCKS_MIB));
}

static void *align_in_thread(void *seed)
{
    enum { SLOTS = 64, ROUNDS = 10000 };

    unsigned char *slots[SLOTS] = {NULL};
    size_t sizes[SLOTS] = {0};
    uint64_t state = (uint64_t)(uintptr_t)seed + 1;
    for (int round = 0; round < ROUNDS; round++) {
        size_t i = blocks_random_below(&state, SLOTS);
        size_t alignment = (size_t)8 << blocks_random_below(&state, 10);
        if (slots[i] != NULL)
            CHECK(blocks_match(slots[i], sizes[i], sizes[i], (unsigned)i));
        free(slots[i]);
        sizes[i] = blocks_random_below(&state, 5000);
        slots[i] = round % 2 == 0 ? memalign(alignment, sizes[i]) : malloc(sizes[i]);
        if (!CHECK(slots[i] != NULL))
            return NULL;
        CHECK(round % 2 != 0 || blocks_aligned(slots[i], alignment));
        blocks_fill(slots[i], sizes[i], (unsigned)i);
    }
    for (size_t i = 0; i < SLOTS; i++)
        free(slots[i]);
    return NULL;
}

static void aligned_blocks_in_threads(void)
{
    pthread_t threads[4];
    for (uintptr_t i = 0; i < 4; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, align_in_thread, (void *)(i + 100)), 0);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
}

/* Random sizes and alignments into the megabytes. */
static void random_aligned_blocks(void)
{
    enum { SLOTS = 32, ROUNDS = 3000 };

    static unsigned char *slots[SLOTS];
    static size_t sizes[SLOTS];
    uint64_t state = blocks_announce_seed(99);
    for (int round = 0; round < ROUNDS; round++) {
        size_t i = blocks_random_below(&state, SLOTS);
        size_t alignment = (size_t)1 << blocks_random_below(&state, 22);
        if (slots[i] != NULL)
            CHECK(blocks_match(slots[i], sizes[i], sizes[i], (unsigned)i));
        free(slots[i]);
        sizes[i] = blocks_random_below(&state, (size_t)1 << blocks_random_below(&state, 22)) + 1;
        slots[i] = aligned_alloc(alignment, sizes[i]);
        if (!CHECK(slots[i] != NULL && blocks_aligned(slots[i], alignment)))
            return;
        blocks_fill(slots[i], sizes[i], (unsigned)i);
    }
    for (size_t i = 0; i < SLOTS; i++)
        free(slots[i]);
}

static const struct situation situations[] = {
    {"memalign: limits and odd alignments", memalign_limits},
    {"posix_memalign: limits and refusals", posix_memalign_limits},
    {"aligned_alloc: limits and refusals", aligned_alloc_limits},
    {"valloc: limits", valloc_limits},
    {"pvalloc: limits and rounding", pvalloc_limits},
    {"malloc is aligned for all types", malloc_is_aligned_for_all_types},
    {"aligned blocks are used again", aligned_blocks_are_reused},
    {"aligned blocks in threads", aligned_blocks_in_threads},
    {"random aligned blocks keep contents", random_aligned_blocks},
};

SITUATION_GROUP(situations_aligned, situations);
