/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* errno_test.c - functions that free leave errno as it was (POSIX.1-2024), also when they unmap. */
#include "tests/support/blocks.h"
#include "tests/support/check.h"
#include "tests/support/ours.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#define ERRNO_MARK 1789

static void check_free(void *block)
{
    if (!CHECK(block != NULL))
        return;
    memset(block, 1, malloc_usable_size(block) > 65536 ? 65536 : malloc_usable_size(block));
    errno = ERRNO_MARK;
    free(block);
    CHECK_EQ(errno, ERRNO_MARK);
}

static void test_null(void)
{
    errno = ERRNO_MARK;
    free(NULL);
    CHECK_EQ(errno, ERRNO_MARK);
}

static void test_sizes(void)
{
    for (size_t size = 0; size <= 128 * BLOCKS_MIB; size = blocks_next_size(size))
        check_free(malloc(size));
}

static void test_aligned(void)
{
    for (size_t alignment = 16; alignment <= 256 * BLOCKS_MIB; alignment *= 2) {
        check_free(aligned_alloc(alignment, 100));
        check_free(memalign(alignment, 100000));
    }
}

/* Many at once, so that caches overflow and spans and mappings go back. */
static void check_many(size_t size, size_t count)
{
    static void *blocks[20000];
    for (size_t i = 0; i < count; i++) {
        blocks[i] = malloc(size);
        CHECK(blocks[i] != NULL);
    }
    errno = ERRNO_MARK;
    for (size_t i = 0; i < count; i++)
        free(blocks[i]);
    CHECK_EQ(errno, ERRNO_MARK);
}

static void test_many(void)
{
    check_many(16, 20000);
    check_many(1000, 20000);
    check_many(65536, 500);
    check_many(200000, 200);
    check_many(3 * BLOCKS_MIB, 40);
    check_many(40 * BLOCKS_MIB, 12);
}

static void test_other_names(void)
{
    void (*free_sized_at)(void *, size_t) = NULL;
    void (*free_aligned_sized_at)(void *, size_t, size_t) = NULL;
    void (*cfree_at)(void *) = NULL;
    if (ours_bind(&free_sized_at, "free_sized")) {
        void *block = malloc(100);
        errno = ERRNO_MARK;
        free_sized_at(block, 100);
        free_sized_at(malloc(40 * BLOCKS_MIB), 40 * BLOCKS_MIB);
        CHECK_EQ(errno, ERRNO_MARK);
    }
    if (ours_bind(&free_aligned_sized_at, "free_aligned_sized")) {
        void *block = aligned_alloc(4096, 8192);
        errno = ERRNO_MARK;
        free_aligned_sized_at(block, 4096, 8192);
        CHECK_EQ(errno, ERRNO_MARK);
    }
    if (ours_bind(&cfree_at, "cfree")) {
        void *block = malloc(100000);
        errno = ERRNO_MARK;
        cfree_at(block);
        CHECK_EQ(errno, ERRNO_MARK);
    }
    void *block = malloc(50 * BLOCKS_MIB);
    errno = ERRNO_MARK;
    CHECK(realloc(block, blocks_opaque(0)) == NULL);
    CHECK_EQ(errno, ERRNO_MARK);
}

int main(void)
{
    ours_prove();
    RUN(test_null);
    RUN(test_sizes);
    RUN(test_aligned);
    RUN(test_many);
    RUN(test_other_names);
    return check_done();
}
