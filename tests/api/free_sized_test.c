/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* free_sized_test.c - free_sized and free_aligned_sized (C23), and cfree: they really free,
 * whatever kind of function allocated. */
#include "tests/support/blocks.h"
#include "tests/support/check.h"
#include "tests/support/ours.h"

#include <stdlib.h>

static void (*free_sized_at)(void *, size_t);
static void (*free_aligned_sized_at)(void *, size_t, size_t);
static void (*cfree_at)(void *);

/* C23 7.24.3.4: what malloc, calloc and realloc gave, with the size that was asked for. */
static void test_free_sized(void)
{
    free_sized_at(NULL, 0);
    free_sized_at(NULL, 100);
    for (size_t size = 0; size <= 4 * BLOCKS_MIB; size = blocks_next_size(size)) {
        void *first = malloc(size);
        void *second = calloc(1, size);
        void *third = realloc(malloc(size / 2 + 1), size + 1);
        CHECK(first != NULL && second != NULL && third != NULL);
        free_sized_at(first, size);
        free_sized_at(second, size);
        free_sized_at(third, size + 1);
    }
}

static void test_free_aligned_sized(void)
{
    free_aligned_sized_at(NULL, 64, 0);
    for (size_t alignment = 1; alignment <= 4 * BLOCKS_MIB; alignment *= 2) {
        for (size_t size = 0; size <= 3 * BLOCKS_MIB; size = size * 7 + 5) {
            void *block = aligned_alloc(alignment, size);
            CHECK(block != NULL && blocks_aligned(block, alignment));
            free_aligned_sized_at(block, alignment, size);
        }
    }
}

/* 1000 rounds of 48 MiB written to would not fit if one of the three only pretended. */
static void test_memory_comes_back(void)
{
    for (int round = 0; round < 1000; round++) {
        unsigned char *blocks[3] = {malloc(16 * BLOCKS_MIB), aligned_alloc(4096, 16 * BLOCKS_MIB),
                                    malloc(16 * BLOCKS_MIB)};
        for (int i = 0; i < 3; i++) {
            if (!CHECK(blocks[i] != NULL))
                return;
            blocks[i][round] = 1;
            blocks[i][8 * BLOCKS_MIB] = 1;
        }
        free_sized_at(blocks[0], 16 * BLOCKS_MIB);
        free_aligned_sized_at(blocks[1], 4096, 16 * BLOCKS_MIB);
        cfree_at(blocks[2]);
    }
}

static void test_small_memory_comes_back(void)
{
    enum { COUNT = 100000 };

    uintptr_t lowest = UINTPTR_MAX;
    uintptr_t highest = 0;
    for (int i = 0; i < COUNT; i++) {
        void *block = malloc(1000);
        uintptr_t at = (uintptr_t)block;
        lowest = at < lowest ? at : lowest;
        highest = at > highest ? at : highest;
        if (i % 2 == 0)
            free_sized_at(block, 1000);
        else
            cfree_at(block);
    }
    CHECK(highest - lowest < 64 * BLOCKS_MIB);
}

int main(void)
{
    ours_prove();
    if (!ours_bind(&free_sized_at, "free_sized") ||
        !ours_bind(&free_aligned_sized_at, "free_aligned_sized") ||
        !ours_bind(&cfree_at, "cfree")) {
        if (OURS_KIND == OURS_ANY)
            check_skip("this libc has no free_sized, free_aligned_sized or cfree");
        else
            CHECK(!"free_sized, free_aligned_sized and cfree exist");
        return check_done();
    }
    RUN(test_free_sized);
    RUN(test_free_aligned_sized);
    RUN(test_memory_comes_back);
    RUN(test_small_memory_comes_back);
    return check_done();
}
