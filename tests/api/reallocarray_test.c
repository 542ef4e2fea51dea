/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* reallocarray_test.c - reallocarray: realloc of a product, and an overflowing product is
 * refused. */
#include "tests/support/blocks.h"
#include "tests/support/check.h"
#include "tests/support/ours.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

static void test_product(void)
{
    unsigned char *block = reallocarray(NULL, 10, 100);
    CHECK(block != NULL && malloc_usable_size(block) >= 1000);
    blocks_fill(block, 1000, 1);
    unsigned char *grown = reallocarray(block, 1000, 100);
    CHECK(grown != NULL && blocks_match(grown, 1000, 1000, 1));
    CHECK(malloc_usable_size(grown) >= 100000);
    unsigned char *shrunk = reallocarray(grown, 5, 100);
    CHECK(shrunk != NULL && blocks_match(shrunk, 500, 1000, 1));
    free(shrunk);
}

static void test_zero_factors(void)
{
    CHECK(reallocarray(malloc(10), blocks_opaque(0), 8) == NULL);
    CHECK(reallocarray(malloc(10), 8, blocks_opaque(0)) == NULL);
    void *block = reallocarray(NULL, 0, 0);
    CHECK(block != NULL);
    free(block);
    block = reallocarray(NULL, 0, blocks_opaque(SIZE_MAX));
    CHECK(block != NULL);
    free(block);
}

static void check_refused(size_t count, size_t size)
{
    unsigned char *block = malloc(300);
    CHECK(block != NULL);
    blocks_fill(block, 300, 2);
    errno = 0;
    void *moved = reallocarray(block, blocks_opaque(count), blocks_opaque(size));
    CHECK_EQ(errno, ENOMEM);
    if (!CHECK(moved == NULL)) {
        free(moved);
        return;
    }
    CHECK(blocks_match(block, 300, 300, 2));
    free(block);
    errno = 0;
    CHECK(reallocarray(NULL, blocks_opaque(count), blocks_opaque(size)) == NULL);
    CHECK_EQ(errno, ENOMEM);
}

static void test_overflow(void)
{
    const size_t root = (size_t)1 << (sizeof(size_t) * 4);
    check_refused(SIZE_MAX, 2);
    check_refused(2, SIZE_MAX);
    check_refused(SIZE_MAX, SIZE_MAX);
    check_refused(root, root);
    check_refused(root + 1, root);
    check_refused(root - 1, root + 2);
    check_refused(SIZE_MAX / 2 + 1, 2);
    check_refused(SIZE_MAX / 3 + 1, 3);
    check_refused(16, SIZE_MAX / 16 + 1);
    check_refused(1, SIZE_MAX);
    check_refused(2, SIZE_MAX / 4 + 1);
}

int main(void)
{
    ours_prove();
    RUN(test_product);
    RUN(test_zero_factors);
    RUN(test_overflow);
    return check_done();
}
