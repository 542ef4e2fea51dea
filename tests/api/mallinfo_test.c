/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* mallinfo_test.c - mallinfo and mallinfo2: the fields follow what the program does.
 * Blocks with a mapping of their own are counted in hblks and hblkhd, as in glibc. */
#include "tests/support/blocks.h"
#include "tests/support/check.h"
#include "tests/support/ours.h"

#include <malloc.h>
#include <stdlib.h>

#define SMALL_COUNT 20000
#define SMALL_BYTES 1024

static void *small_blocks[SMALL_COUNT];

static void test_big_block(void)
{
    struct mallinfo2 before = mallinfo2();
    unsigned char *block = malloc(512 * BLOCKS_MIB);
    CHECK(block != NULL);
    block[0] = 1;
    struct mallinfo2 during = mallinfo2();
    free(block);
    struct mallinfo2 after = mallinfo2();
    /* In one place only. */
    CHECK(during.uordblks >= before.uordblks && during.uordblks < before.uordblks + BLOCKS_MIB);
    CHECK(during.hblks == before.hblks + 1);
    CHECK(during.hblkhd >= before.hblkhd + 512 * BLOCKS_MIB);
    CHECK_EQ(after.hblks, before.hblks);
}

static void test_small_blocks(void)
{
    struct mallinfo2 before = mallinfo2();
    for (size_t i = 0; i < SMALL_COUNT; i++) {
        small_blocks[i] = malloc(SMALL_BYTES);
        CHECK(small_blocks[i] != NULL);
    }
    struct mallinfo2 during = mallinfo2();
    for (size_t i = 0; i < SMALL_COUNT; i++)
        free(small_blocks[i]);
    malloc_trim(0);
    struct mallinfo2 after = mallinfo2();
    const size_t asked = (size_t)SMALL_COUNT * SMALL_BYTES;
    CHECK(during.uordblks >= before.uordblks + asked * 9 / 10);
    CHECK(during.uordblks <= before.uordblks + asked * 2);
    CHECK(during.arena >= before.arena && during.arena > 0);
    CHECK(after.uordblks < before.uordblks + asked / 10);
}

static void test_sums(void)
{
    struct mallinfo2 now = mallinfo2();
    CHECK(now.arena >= now.uordblks);
    CHECK(now.uordblks < (size_t)1 << 40);
    CHECK(now.fordblks < (size_t)1 << 40);
    CHECK(now.fordblks <= now.arena);
}

/* The old struct has int fields; below 2 GiB both tell the same. */
static void test_old_struct(void)
{
    struct mallinfo2 wide = mallinfo2();
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    struct mallinfo narrow = mallinfo();
#pragma GCC diagnostic pop
    CHECK(narrow.uordblks > 0);
    CHECK_EQ(narrow.uordblks, wide.uordblks);
    CHECK_EQ(narrow.arena, wide.arena);
    CHECK_EQ(narrow.hblkhd, wide.hblkhd);
}

int main(void)
{
    void *kept = malloc(100000);
    ours_prove();
    RUN(test_big_block);
    RUN(test_small_blocks);
    RUN(test_sums);
    RUN(test_old_struct);
    free(kept);
    return check_done();
}
