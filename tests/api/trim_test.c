/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* trim_test.c - malloc_trim: gives memory back, says whether it did, and harms nothing. */
#include "tests/support/blocks.h"
#include "tests/support/check.h"
#include "tests/support/ours.h"
#include "tests/support/process_size.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_COUNT 64000
#define BLOCK_BYTES 1024

static unsigned char *blocks[BLOCK_COUNT];

static void fill_all(size_t first, size_t step)
{
    for (size_t i = first; i < BLOCK_COUNT; i += step) {
        blocks[i] = malloc(BLOCK_BYTES);
        if (!CHECK(blocks[i] != NULL))
            exit(check_done());
        blocks_fill(blocks[i], BLOCK_BYTES, (unsigned)i);
    }
}

static void free_all(size_t first, size_t step)
{
    for (size_t i = first; i < BLOCK_COUNT; i += step) {
        free(blocks[i]);
        blocks[i] = NULL;
    }
}

static void test_gives_back(void)
{
    fill_all(0, 1);
    size_t high = process_resident_bytes();
    free_all(0, 1);
    int released = malloc_trim(0);
    size_t low = process_resident_bytes();
    CHECK(released == 1);
    if (high == 0) {
        check_skip("no /proc/self/statm to read the resident size from");
        return;
    }
    if (!CHECK(low + (size_t)BLOCK_COUNT * BLOCK_BYTES * 3 / 4 < high)) {
        check_write("    resident before and after: ");
        check_write_number((long long)high);
        check_write(" ");
        check_write_number((long long)low);
        check_write("\n");
    }
    CHECK_EQ(malloc_trim(0), 0);
}

/* Trimming around live blocks must not touch them, and what it gave back can be had again. */
static void test_live_blocks(void)
{
    fill_all(0, 1);
    free_all(0, 2);
    malloc_trim(0);
    int wrong = 0;
    for (size_t i = 1; i < BLOCK_COUNT; i += 2)
        wrong += !blocks_match(blocks[i], BLOCK_BYTES, BLOCK_BYTES, (unsigned)i);
    CHECK_EQ(wrong, 0);
    fill_all(0, 2);
    for (size_t i = 0; i < BLOCK_COUNT; i++)
        wrong += !blocks_match(blocks[i], BLOCK_BYTES, BLOCK_BYTES, (unsigned)i);
    CHECK_EQ(wrong, 0);
    free_all(0, 1);
}

static void test_any_padding(void)
{
    static const size_t paddings[] = {0, 1, 4096, 65536, BLOCKS_MIB, SIZE_MAX / 2, SIZE_MAX};
    for (size_t i = 0; i < sizeof paddings / sizeof paddings[0]; i++) {
        void *block = malloc(3 * BLOCKS_MIB);
        memset(block, 1, 3 * BLOCKS_MIB);
        free(block);
        int released = malloc_trim(paddings[i]);
        CHECK(released == 0 || released == 1);
    }
}

int main(void)
{
    ours_prove();
    RUN(test_gives_back);
    RUN(test_live_blocks);
    RUN(test_any_padding);
    return check_done();
}
