/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* posix_memalign_test.c - posix_memalign: its return values, and what it leaves alone.
 * POSIX.1-2024: the result is written on success only and errno never; the alignment is a power
 * of two times sizeof(void *). */
#include "tests/support/blocks.h"
#include "tests/support/check.h"
#include "tests/support/ours.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

#define ERRNO_MARK 4711

static void check_refused(size_t alignment, size_t size, int expected)
{
    char unused = 0;
    void *result = &unused;
    errno = ERRNO_MARK;
    int status = posix_memalign(&result, blocks_opaque(alignment), blocks_opaque(size));
    CHECK_EQ(errno, ERRNO_MARK);
    if (!CHECK_EQ(status, expected) || !CHECK(result == (void *)&unused)) {
        check_write("    alignment ");
        check_write_number((long long)alignment);
        check_write("\n");
    }
    if (result != (void *)&unused)
        free(result);
}

static void test_invalid_alignment(void)
{
    static const size_t wrong[] = {
        0,  1,  2,  3,  4,   5,    6,    7,    9,     12,       15,           17,          24,
        40, 48, 56, 96, 100, 4088, 4095, 4104, 65528, SIZE_MAX, SIZE_MAX - 7, SIZE_MAX / 2};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        check_refused(wrong[i], 100, EINVAL);
        check_refused(wrong[i], 0, EINVAL);
    }
}

static void test_no_memory(void)
{
    check_refused(8, SIZE_MAX, ENOMEM);
    check_refused(16, SIZE_MAX - 16, ENOMEM);
    check_refused(64, SIZE_MAX / 2 + 1, ENOMEM);
    check_refused(4096, PTRDIFF_MAX, ENOMEM);
    check_refused(SIZE_MAX / 2 + 1, 1, ENOMEM);
    check_refused(SIZE_MAX / 2 + 1, SIZE_MAX, ENOMEM);
    check_refused((size_t)1 << 30, SIZE_MAX - ((size_t)1 << 30), ENOMEM);
}

static void test_success(void)
{
    for (size_t alignment = sizeof(void *); alignment <= (size_t)1 << 30; alignment *= 2) {
        for (size_t size = 0; size <= 9000; size = size * 3 + 1) {
            void *block = NULL;
            errno = ERRNO_MARK;
            CHECK_EQ(posix_memalign(&block, alignment, size), 0);
            CHECK_EQ(errno, ERRNO_MARK);
            CHECK(block != NULL && blocks_aligned(block, alignment));
            CHECK(malloc_usable_size(block) >= size);
            blocks_fill(block, size, 1);
            free(block);
        }
    }
}

static void test_size_zero_is_distinct(void)
{
    enum { COUNT = 64 };

    void *blocks[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        blocks[i] = NULL;
        CHECK_EQ(posix_memalign(&blocks[i], 32, 0), 0);
        CHECK(blocks[i] != NULL && blocks_aligned(blocks[i], 32));
        for (size_t j = 0; j < i; j++)
            CHECK(blocks[i] != blocks[j]);
    }
    for (size_t i = 0; i < COUNT; i++)
        free(blocks[i]);
}

int main(void)
{
    ours_prove();
    RUN(test_invalid_alignment);
    RUN(test_no_memory);
    RUN(test_success);
    RUN(test_size_zero_is_distinct);
    return check_done();
}
