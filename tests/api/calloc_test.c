/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* calloc_test.c - calloc: zero bytes whatever the block held before, and overflow is refused. */
#include "tests/support/blocks.h"
#include "tests/support/check.h"
#include "tests/support/ours.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#define DIRTY_COUNT 64

/* Leaves freed blocks of this size behind, every byte of which was written. */
static void make_dirty(size_t size)
{
    static void *blocks[DIRTY_COUNT];
    size_t count = size > 65536 ? 2 : DIRTY_COUNT;
    for (size_t i = 0; i < count; i++) {
        blocks[i] = malloc(size);
        if (blocks[i] != NULL)
            memset(blocks[i], 0xee, malloc_usable_size(blocks[i]));
    }
    for (size_t i = 0; i < count; i++)
        free(blocks[i]);
}

static void check_zeroed(size_t count, size_t size)
{
    unsigned char *block = calloc(count, size);
    if (!CHECK(block != NULL))
        return;
    if (!CHECK(blocks_are_zero(block, count * size))) {
        check_write("    at size ");
        check_write_number((long long)(count * size));
        check_write("\n");
    }
    memset(block, 0xdd, malloc_usable_size(block));
    free(block);
}

static void test_zero_after_reuse(void)
{
    for (size_t size = 1; size <= 300000; size = blocks_next_size(size)) {
        make_dirty(size);
        for (int round = 0; round < 4; round++)
            check_zeroed(1, size);
    }
}

static void test_zero_after_big_reuse(void)
{
    static const size_t sizes[] = {BLOCKS_MIB,          3 * BLOCKS_MIB + 5, 8 * BLOCKS_MIB,
                                   31 * BLOCKS_MIB + 1, 33 * BLOCKS_MIB,    70 * BLOCKS_MIB};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        make_dirty(sizes[i]);
        check_zeroed(1, sizes[i]);
        check_zeroed(1, sizes[i]);
    }
}

/* A dirty big block that is later cut into small ones, and the other way round. */
static void test_zero_after_change_of_use(void)
{
    static void *small[4096];
    make_dirty(4 * BLOCKS_MIB);
    for (size_t i = 0; i < 4096; i++) {
        small[i] = calloc(1, 1000);
        CHECK(small[i] != NULL && blocks_are_zero(small[i], 1000));
        if (small[i] != NULL)
            memset(small[i], 0xcc, 1000);
    }
    for (size_t i = 0; i < 4096; i++)
        free(small[i]);
    check_zeroed(4, BLOCKS_MIB);
    malloc_trim(0);
    check_zeroed(1024, 1000);
}

static void test_factors(void)
{
    check_zeroed(1, 1);
    check_zeroed(7, 13);
    check_zeroed(4096, 17);
    check_zeroed(65537, 3);
    void *none = calloc(0, 0);
    void *no_items = calloc(0, 8);
    void *no_size = calloc(8, 0);
    CHECK(none != NULL && no_items != NULL && no_size != NULL);
    CHECK(none != no_items && no_items != no_size && none != no_size);
    free(none);
    free(no_items);
    free(no_size);
}

static void check_refused(size_t count, size_t size)
{
    errno = 0;
    void *block = calloc(blocks_opaque(count), blocks_opaque(size));
    CHECK(block == NULL);
    CHECK_EQ(errno, ENOMEM);
    free(block);
}

static void test_overflow(void)
{
    const size_t half = SIZE_MAX / 2 + 1;
    check_refused(SIZE_MAX, 2);
    check_refused(2, SIZE_MAX);
    check_refused(SIZE_MAX, SIZE_MAX);
    check_refused(half, 2);
    check_refused(2, half);
    check_refused(half, 3);
    check_refused((size_t)1 << 32, (size_t)1 << 32);
    check_refused(((size_t)1 << 32) + 1, (size_t)1 << 32);
    check_refused(SIZE_MAX / 16 + 1, 16);
    check_refused(16, SIZE_MAX / 16 + 1);
    check_refused(SIZE_MAX / 7 + 1, 7);
    check_refused(1, SIZE_MAX);
    check_refused(1, half);
    check_refused(half / 8, 8);
}

int main(void)
{
    ours_prove();
    RUN(test_zero_after_reuse);
    RUN(test_zero_after_big_reuse);
    RUN(test_zero_after_change_of_use);
    RUN(test_factors);
    RUN(test_overflow);
    return check_done();
}
