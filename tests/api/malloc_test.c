/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* malloc_test.c - malloc: distinct blocks for size 0, alignment, usable size, no overlap.
 * Every size up to 70000 is tried, then every class limit and its neighbours up to 64 MiB. */
#include "tests/support/blocks.h"
#include "tests/support/check.h"
#include "tests/support/ours.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#define ZERO_COUNT  1000
#define RING_COUNT  16
#define DENSE_SIZES ((size_t)70000)

static void *zero_blocks[ZERO_COUNT];

static void test_zero_is_distinct(void)
{
    int equal_count = 0;
    int null_count = 0;
    for (size_t i = 0; i < ZERO_COUNT; i++) {
        zero_blocks[i] = malloc(0);
        null_count += zero_blocks[i] == NULL;
        for (size_t j = 0; j < i; j++)
            equal_count += zero_blocks[i] == zero_blocks[j];
    }
    CHECK_EQ(null_count, 0);
    CHECK_EQ(equal_count, 0);
    for (size_t i = 0; i < ZERO_COUNT; i++)
        free(zero_blocks[i]);
}

static void test_null(void)
{
    free(NULL);
    CHECK_EQ(malloc_usable_size(NULL), 0);
}

/* Blocks that live at the same time, each with its own byte at both ends of its usable part. */
struct ring_block {
    unsigned char *bytes;
    size_t usable;
    unsigned char mark;
};

static struct ring_block ring[RING_COUNT];

static int ring_drop(size_t slot)
{
    struct ring_block *block = &ring[slot];
    int intact = block->bytes == NULL || block->usable == 0 ||
                 (block->bytes[0] == block->mark && block->bytes[block->usable - 1] == block->mark);
    free(block->bytes);
    block->bytes = NULL;
    return intact;
}

/* Value: 0 if all is well, else which rule was broken. */
static int ring_add(size_t slot, size_t size)
{
    struct ring_block *block = &ring[slot];
    block->bytes = malloc(size);
    if (block->bytes == NULL)
        return 1;
    block->usable = malloc_usable_size(block->bytes);
    block->mark = (unsigned char)(size * 7 + 3);
    if (block->usable < size)
        return 2;
    if (!blocks_aligned(block->bytes, size > 8 ? 16 : 8))
        return 3;
    if (block->usable <= DENSE_SIZES * 2)
        memset(block->bytes, block->mark, block->usable);
    block->bytes[0] = block->usable > 0 ? block->mark : 0;
    if (block->usable > 0)
        block->bytes[block->usable - 1] = block->mark;
    return 0;
}

static void check_size(size_t size, size_t slot)
{
    if (!CHECK(ring_drop(slot))) {
        check_write("    a block was overwritten before size ");
        check_write_number((long long)size);
        check_write("\n");
    }
    int broken = ring_add(slot, size);
    if (CHECK_EQ(broken, 0))
        return;
    check_write("    at size ");
    check_write_number((long long)size);
    check_write("\n");
}

static void ring_drop_all(void)
{
    for (size_t slot = 0; slot < RING_COUNT; slot++)
        CHECK(ring_drop(slot));
}

static void test_every_size(void)
{
    for (size_t size = 1; size <= DENSE_SIZES; size++)
        check_size(size, size % RING_COUNT);
    ring_drop_all();
}

static void test_class_limits(void)
{
    size_t slot = 0;
    for (size_t size = DENSE_SIZES; size <= 64 * BLOCKS_MIB; size = blocks_next_size(size))
        check_size(size, slot++ % RING_COUNT);
    ring_drop_all();
}

static void test_big(void)
{
    static const size_t sizes[] = {100 * BLOCKS_MIB, 256 * BLOCKS_MIB + 1, 1024 * BLOCKS_MIB};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        check_size(sizes[i], i);
    ring_drop_all();
}

/* The part beyond the size asked for belongs to the caller too: realloc must carry it. */
static void test_usable_part_is_kept(void)
{
    for (size_t size = 1; size <= 200000; size = blocks_next_size(size)) {
        unsigned char *block = malloc(size);
        size_t usable = malloc_usable_size(block);
        blocks_fill(block, usable, 3);
        unsigned char *bigger = realloc(block, usable * 2);
        CHECK(bigger != NULL && blocks_match(bigger, usable, usable, 3));
        free(bigger);
    }
}

int main(void)
{
    ours_prove();
    RUN(test_zero_is_distinct);
    RUN(test_null);
    RUN(test_every_size);
    RUN(test_class_limits);
    RUN(test_big);
    RUN(test_usable_part_is_kept);
    return check_done();
}
