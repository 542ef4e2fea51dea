/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* too_large_test.c - sizes that no object can have are refused by every function, with ENOMEM.
 * Pointer differences inside such an object would overflow; code that computes them trusts
 * malloc. */
#include "tests/support/blocks.h"
#include "tests/support/check.h"
#include "tests/support/ours.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

static void *old_block;

static void *try_malloc(size_t size)
{
    return malloc(size);
}

static void *try_calloc_one(size_t size)
{
    return calloc(1, size);
}

static void *try_calloc_many(size_t size)
{
    return calloc(size, 1);
}

static void *try_realloc_null(size_t size)
{
    return realloc(NULL, size);
}

static void *try_realloc(size_t size)
{
    return realloc(old_block, size);
}

static void *try_reallocarray(size_t size)
{
    return reallocarray(old_block, size, 1);
}

static void *try_aligned_alloc(size_t size)
{
    return aligned_alloc(64, size);
}

static void *try_aligned_alloc_small(size_t size)
{
    return aligned_alloc(8, size);
}

static void *try_memalign(size_t size)
{
    return memalign(4096, size);
}

static void *try_posix_memalign(size_t size)
{
    void *block = NULL;
    errno = posix_memalign(&block, 32, size);
    return block;
}

static void *try_valloc(size_t size)
{
    return valloc(size);
}

static void *try_pvalloc(size_t size)
{
    return pvalloc(size);
}

static void *(*const tries[])(size_t) = {
    try_malloc,        try_calloc_one,          try_calloc_many, try_realloc_null,
    try_realloc,       try_reallocarray,        try_memalign,    try_posix_memalign,
    try_aligned_alloc, try_aligned_alloc_small, try_valloc,      try_pvalloc,
};

static void check_size(size_t size)
{
    for (size_t i = 0; i < sizeof tries / sizeof tries[0]; i++) {
        errno = 0;
        void *block = tries[i](blocks_opaque(size));
        if (CHECK(block == NULL) && CHECK_EQ(errno, ENOMEM))
            continue;
        check_write("    try ");
        check_write_number((long long)i);
        check_write(" size SIZE_MAX - ");
        check_write_number((long long)(SIZE_MAX - size));
        check_write("\n");
    }
}

static void test_top_of_the_range(void)
{
    for (size_t below = 0; below <= 70000; below = blocks_next_size(below))
        check_size(SIZE_MAX - below);
}

static void test_around_the_limit(void)
{
    for (size_t above = 0; above <= 70000; above = blocks_next_size(above)) {
        check_size((size_t)PTRDIFF_MAX + 1 + above);
        check_size((size_t)PTRDIFF_MAX - above); /* allowed, but there is no such address space */
    }
}

static void test_powers(void)
{
    for (int bit = 48; bit < 64; bit++) {
        check_size((size_t)1 << bit);
        check_size(((size_t)1 << bit) + 1);
        check_size(SIZE_MAX - ((size_t)1 << bit));
    }
}

static void test_still_working(void)
{
    CHECK(blocks_match(old_block, 100, 100, 1));
    void *block = malloc(100);
    CHECK(block != NULL);
    free(block);
}

int main(void)
{
    ours_prove();
    old_block = malloc(100);
    blocks_fill(old_block, 100, 1);
    RUN(test_top_of_the_range);
    RUN(test_around_the_limit);
    RUN(test_powers);
    RUN(test_still_working);
    free(old_block);
    return check_done();
}
