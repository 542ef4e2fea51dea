/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* aligned_test.c - aligned_alloc and memalign: every alignment up to 1 GiB, and which ones are
 * refused. */
#include "tests/support/blocks.h"
#include "tests/support/check.h"
#include "tests/support/ours.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNMENT_MAX ((size_t)1 << 30)

struct aligner {
    const char *name;
    void *(*allocate)(size_t alignment, size_t size);
};

static void *by_posix_memalign(size_t alignment, size_t size)
{
    void *block = NULL;
    if (alignment < sizeof(void *))
        return malloc(size);
    return posix_memalign(&block, alignment, size) == 0 ? block : NULL;
}

static const struct aligner aligners[] = {
    {"aligned_alloc", aligned_alloc},
    {"memalign", memalign},
    {"posix_memalign", by_posix_memalign},
};

#define ALIGNER_COUNT (sizeof aligners / sizeof aligners[0])

static void complain(const char *name, size_t alignment, size_t size)
{
    check_write("    ");
    check_write(name);
    check_write(" alignment ");
    check_write_number((long long)alignment);
    check_write(" size ");
    check_write_number((long long)size);
    check_write("\n");
}

static void check_block(const struct aligner *aligner, size_t alignment, size_t size)
{
    unsigned char *block = aligner->allocate(alignment, size);
    if (!CHECK(block != NULL)) {
        complain(aligner->name, alignment, size);
        return;
    }
    int fine = blocks_aligned(block, alignment) && malloc_usable_size(block) >= size;
    blocks_fill(block, size, 1);
    block = realloc(block, size + 1000);
    fine = fine && block != NULL && blocks_match(block, size, size, 1);
    if (!CHECK(fine))
        complain(aligner->name, alignment, size);
    free(block);
}

static void test_all_alignments(void)
{
    static const size_t sizes[] = {1, 8, 24, 100, 1000, 4096, 5000, 65536, 65537, 300000};
    for (size_t alignment = 1; alignment <= ALIGNMENT_MAX; alignment *= 2)
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
            for (size_t k = 0; k < ALIGNER_COUNT; k++)
                check_block(&aligners[k], alignment, sizes[i]);
}

/* Sizes at class limits, where rounding for the alignment meets rounding for the class. */
static void test_class_limits(void)
{
    for (size_t alignment = 16; alignment <= 65536; alignment *= 4)
        for (size_t size = 1; size <= 140000; size = blocks_next_size(size))
            check_block(&aligners[0], alignment, size);
}

static void test_big_blocks(void)
{
    for (size_t alignment = 4096; alignment <= 64 * BLOCKS_MIB; alignment *= 16) {
        check_block(&aligners[0], alignment, 5 * BLOCKS_MIB);
        check_block(&aligners[1], alignment, 50 * BLOCKS_MIB + 1);
    }
}

/* Blocks that live together neither overlap nor lose their alignment. */
static void test_together(void)
{
    enum { COUNT = 300 };

    static unsigned char *blocks[COUNT];
    static size_t sizes[COUNT];
    uint64_t state = blocks_announce_seed(20260101);
    for (size_t i = 0; i < COUNT; i++) {
        size_t alignment = (size_t)1 << blocks_random_below(&state, 18);
        sizes[i] = 1 + blocks_random_below(&state, 40000);
        blocks[i] = aligners[i % ALIGNER_COUNT].allocate(alignment, sizes[i]);
        CHECK(blocks[i] != NULL && blocks_aligned(blocks[i], alignment));
        blocks_fill(blocks[i], sizes[i], (unsigned)i);
    }
    for (size_t i = 0; i < COUNT; i++) {
        CHECK(blocks_match(blocks[i], sizes[i], sizes[i], (unsigned)i));
        free(blocks[i]);
    }
}

static void test_size_zero(void)
{
    for (size_t k = 0; k < ALIGNER_COUNT; k++) {
        void *first = aligners[k].allocate(64, 0);
        void *second = aligners[k].allocate(64, 0);
        CHECK(first != NULL && second != NULL && first != second);
        CHECK(blocks_aligned(first, 64) && blocks_aligned(second, 64));
        free(first);
        free(second);
    }
}

/* C17 7.22.3.1: an alignment that is not supported fails. Only powers of two are. */
static void test_aligned_alloc_refuses(void)
{
    static const size_t wrong[] = {0, 3, 5, 6, 12, 24, 48, 65, 100, 4095, 4097, 65537, SIZE_MAX};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        errno = 0;
        void *block = aligned_alloc(blocks_opaque(wrong[i]), 100);
        if (!CHECK(block == NULL && errno == EINVAL))
            complain("aligned_alloc", wrong[i], 100);
        free(block);
    }
}

/* memalign is older than the rule and rounds up instead. */
static void test_memalign_rounds_up(void)
{
    static const size_t odd[][2] = {{0, 16},    {1, 1},       {3, 4},         {5, 8},
                                    {9, 16},    {17, 32},     {48, 64},       {100, 128},
                                    {129, 256}, {4095, 4096}, {4097, 8192},   {65537, 131072},
                                    {7, 8},     {33, 64},     {99999, 131072}};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        void *block = memalign(blocks_opaque(odd[i][0]), 100);
        if (!CHECK(block != NULL && blocks_aligned(block, odd[i][1])))
            complain("memalign", odd[i][0], 100);
        free(block);
    }
    errno = 0;
    CHECK(memalign(blocks_opaque(SIZE_MAX), 10) == NULL);
    CHECK_EQ(errno, EINVAL);
    errno = 0;
    CHECK(memalign(blocks_opaque(SIZE_MAX / 2 + 2), 10) == NULL);
    CHECK_EQ(errno, EINVAL);
}

/* An alignment that is fine by the rules but cannot be served. */
static void test_too_much(void)
{
    static const size_t pairs[][2] = {
        {SIZE_MAX / 2 + 1, 10},       {SIZE_MAX / 4 + 1, 10}, {64, SIZE_MAX},
        {64, SIZE_MAX - 64},          {64, SIZE_MAX / 2 + 1}, {ALIGNMENT_MAX, SIZE_MAX / 2},
        {SIZE_MAX / 2 + 1, SIZE_MAX}, {4096, SIZE_MAX - 4095}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        for (size_t k = 0; k < 2; k++) {
            errno = 0;
            void *block =
                aligners[k].allocate(blocks_opaque(pairs[i][0]), blocks_opaque(pairs[i][1]));
            if (!CHECK(block == NULL && errno == ENOMEM))
                complain(aligners[k].name, pairs[i][0], pairs[i][1]);
            free(block);
        }
    }
}

int main(void)
{
    ours_prove();
    RUN(test_all_alignments);
    RUN(test_class_limits);
    RUN(test_big_blocks);
    RUN(test_together);
    RUN(test_size_zero);
    RUN(test_aligned_alloc_refuses);
    RUN(test_memalign_rounds_up);
    RUN(test_too_much);
    return check_done();
}
