/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* valloc_test.c - valloc and pvalloc: whole pages, at any size, and no wrap-around in the
 * rounding. */
#include "tests/support/blocks.h"
#include "tests/support/check.h"
#include "tests/support/ours.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static size_t page_bytes;

static void test_valloc(void)
{
    for (size_t size = 0; size <= 300000; size = blocks_next_size(size)) {
        unsigned char *block = valloc(size);
        if (!CHECK(block != NULL && blocks_aligned(block, page_bytes)))
            continue;
        CHECK(malloc_usable_size(block) >= size);
        blocks_fill(block, size, 1);
        free(block);
    }
}

static void test_pvalloc_rounds(void)
{
    for (size_t size = 0; size <= 300000; size = blocks_next_size(size)) {
        size_t whole = (size + page_bytes - 1) & ~(page_bytes - 1);
        unsigned char *block = pvalloc(size);
        if (!CHECK(block != NULL && blocks_aligned(block, page_bytes)))
            continue;
        CHECK(malloc_usable_size(block) >= whole);
        blocks_fill(block, whole, 1);
        free(block);
    }
}

static void test_big(void)
{
    static const size_t sizes[] = {BLOCKS_MIB + 1, 20 * BLOCKS_MIB + 4097, 70 * BLOCKS_MIB + 1};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        unsigned char *first = valloc(sizes[i]);
        unsigned char *second = pvalloc(sizes[i]);
        CHECK(first != NULL && blocks_aligned(first, page_bytes));
        CHECK(second != NULL && blocks_aligned(second, page_bytes));
        blocks_fill(first, sizes[i], 1);
        blocks_fill(second, sizes[i], 2);
        CHECK(blocks_match(first, sizes[i], sizes[i], 1));
        free(first);
        free(second);
    }
}

static void test_refused(void)
{
    const size_t sizes[] = {SIZE_MAX,
                            SIZE_MAX - 1,
                            SIZE_MAX - page_bytes,
                            SIZE_MAX - page_bytes + 1,
                            SIZE_MAX - page_bytes + 2,
                            SIZE_MAX - 2 * page_bytes,
                            SIZE_MAX / 2 + 1,
                            PTRDIFF_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        errno = 0;
        void *block = valloc(blocks_opaque(sizes[i]));
        CHECK(block == NULL);
        CHECK_EQ(errno, ENOMEM);
        free(block);
        errno = 0;
        block = pvalloc(blocks_opaque(sizes[i]));
        CHECK(block == NULL);
        CHECK_EQ(errno, ENOMEM);
        free(block);
    }
}

int main(void)
{
    page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    ours_prove();
    RUN(test_valloc);
    RUN(test_pvalloc_rounds);
    RUN(test_big);
    RUN(test_refused);
    return check_done();
}
