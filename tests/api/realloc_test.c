/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* realloc_test.c - realloc: what is kept, what is moved, and what a failure leaves behind.
 * Sizes go over every class limit up to 1 MiB and every doubling from there to 32 MiB: past
 * 2 MiB, from where blocks move by their pages, and 4 MiB, up to where runs are cached. */
#include "tests/support/blocks.h"
#include "tests/support/check.h"
#include "tests/support/ours.h"
#include "tests/support/process_size.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_LIMIT (40 * BLOCKS_MIB)

/* Class limits and their neighbours, then powers of two and theirs: big blocks are slow to
 * touch. */
static size_t next_size(size_t size)
{
    if (size < BLOCKS_MIB)
        return blocks_next_size(size);
    if ((size & (size + 1)) == 0 || (size & (size - 1)) == 0)
        return size + 1;
    return (size - 1) * 2 - 1;
}

/* Resizes and checks that the common part is still there, then renews the pattern. */
static unsigned char *resize(unsigned char *block, size_t from, size_t to, unsigned *seed)
{
    unsigned char *moved = realloc(block, to);
    if (!CHECK(moved != NULL))
        exit(check_done());
    if (!CHECK(blocks_match(moved, from < to ? from : to, from, *seed))) {
        check_write("    from ");
        check_write_number((long long)from);
        check_write(" to ");
        check_write_number((long long)to);
        check_write("\n");
    }
    CHECK(malloc_usable_size(moved) >= to);
    CHECK(blocks_aligned(moved, to > 8 ? 16 : 8));
    (*seed)++;
    blocks_fill(moved, to, *seed);
    return moved;
}

static void test_null_is_malloc(void)
{
    void *block = realloc(NULL, 100);
    CHECK(block != NULL && malloc_usable_size(block) >= 100);
    free(block);
    void *first = realloc(NULL, 0);
    void *second = realloc(NULL, 0);
    CHECK(first != NULL && second != NULL && first != second);
    free(first);
    free(second);
}

static void test_zero_frees(void)
{
    static const size_t sizes[] = {0, 1, 8, 100, 65536, 70000, 5 * BLOCKS_MIB, 64 * BLOCKS_MIB};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        void *block = malloc(sizes[i]);
        CHECK(block != NULL);
        CHECK(realloc(block, blocks_opaque(0)) == NULL);
    }
    /* A block that was not really freed would cost 64 MiB each time: 64 GiB in all. */
    for (int round = 0; round < 1024; round++) {
        char *block = malloc(64 * BLOCKS_MIB);
        if (!CHECK(block != NULL))
            return;
        block[0] = 1;
        CHECK(realloc(block, blocks_opaque(0)) == NULL);
    }
}

static void test_each_limit(void)
{
    unsigned seed = 1;
    for (size_t size = 1; size <= SIZE_LIMIT; size = next_size(size)) {
        size_t next = next_size(size);
        unsigned char *block = malloc(size);
        if (!CHECK(block != NULL))
            return;
        blocks_fill(block, size, seed);
        block = resize(block, size, next, &seed);
        block = resize(block, next, size, &seed);
        if (size * 3 + 1 <= SIZE_LIMIT) {
            block = resize(block, size, size * 3 + 1, &seed);
            block = resize(block, size * 3 + 1, size, &seed);
        }
        block = resize(block, size, size / 2 + 1, &seed);
        free(block);
    }
}

static void test_one_block_up_and_down(void)
{
    unsigned seed = 1;
    size_t size = 1;
    unsigned char *block = malloc(size);
    CHECK(block != NULL);
    blocks_fill(block, size, seed);
    while (size < SIZE_LIMIT) {
        size_t next = next_size(size);
        block = resize(block, size, next, &seed);
        size = next;
    }
    while (size > 1) {
        size_t next = size - size / 3 - (size < 3);
        block = resize(block, size, next, &seed);
        size = next;
    }
    free(block);
}

/* Growth by small steps, as vectors and string builders do it. */
static void test_many_small_steps(void)
{
    size_t size = 0;
    unsigned char *block = NULL;
    for (unsigned step = 0; step < 20000; step++) {
        block = realloc(block, size + 100);
        if (!CHECK(block != NULL))
            return;
        memset(block + size, (int)(step & 0xff), 100);
        size += 100;
    }
    int wrong = 0;
    for (size_t at = 0; at < size; at++)
        wrong += block[at] != ((at / 100) & 0xff);
    CHECK_EQ(wrong, 0);
    free(block);
}

/* A log that grows line by line gets twice the room each time, and ends where such buffers often do: all that moves is
 * less than the whole. It is never more than half empty for that. */
static void test_lines_move_seldom(void)
{
    enum { FIRST = 2500, LINE = 40, LAST = 65536 };

    size_t moved_bytes = 0;
    size_t size = FIRST;
    char *block = malloc(size);
    CHECK(block != NULL);
    for (; block != NULL && size + LINE <= LAST; size += LINE) {
        char *moved = realloc(block, size + LINE);
        moved_bytes += moved != block ? size : 0;
        if (!CHECK(moved != NULL && malloc_usable_size(moved) <= 2 * (size + LINE)))
            break;
        block = moved;
    }
    CHECK(moved_bytes < LAST);
    free(block);
}

/* Several buffers that grow by turns past the largest class have room to go on where they are. */
static void test_grown_blocks_stay(void)
{
    enum { COUNT = 4, STEP = 4096 };

    unsigned char *blocks[COUNT] = {NULL};
    int move_count = 0;
    for (size_t size = STEP; size <= 2 * BLOCKS_MIB; size += STEP)
        for (int i = 0; i < COUNT; i++) {
            unsigned char *moved = realloc(blocks[i], size);
            if (!CHECK(moved != NULL))
                return;
            move_count += size > 128 * 1024 && moved != blocks[i];
            moved[size - STEP] = (unsigned char)(size / STEP + (size_t)i);
            blocks[i] = moved;
        }
    CHECK(move_count <= COUNT);
    int wrong = 0;
    for (size_t size = STEP; size <= 2 * BLOCKS_MIB; size += STEP)
        for (int i = 0; i < COUNT; i++)
            wrong += blocks[i][size - STEP] != (unsigned char)(size / STEP + (size_t)i);
    CHECK_EQ(wrong, 0);
    for (int i = 0; i < COUNT; i++)
        free(blocks[i]);
}

/* Neighbours must survive a growth in place. */
static void test_neighbours(void)
{
    enum { COUNT = 24 };

    static const size_t starts[] = {24, 1000, 30000, 70000, 300000, 2 * BLOCKS_MIB};
    for (size_t kind = 0; kind < sizeof starts / sizeof starts[0]; kind++) {
        unsigned char *blocks[COUNT];
        size_t sizes[COUNT];
        for (size_t i = 0; i < COUNT; i++) {
            sizes[i] = starts[kind];
            blocks[i] = malloc(sizes[i]);
            CHECK(blocks[i] != NULL);
            blocks_fill(blocks[i], sizes[i], (unsigned)i);
        }
        for (size_t i = 0; i < COUNT; i += 2)
            free(blocks[i]);
        for (size_t i = 1; i < COUNT; i += 2) {
            unsigned seed = (unsigned)i;
            blocks[i] = resize(blocks[i], sizes[i], sizes[i] * 2, &seed);
            sizes[i] *= 2;
        }
        for (size_t i = 1; i < COUNT; i += 2) {
            CHECK(blocks_match(blocks[i], sizes[i], sizes[i], (unsigned)i + 1));
            free(blocks[i]);
        }
    }
}

static void check_failure_keeps(size_t size, size_t too_much)
{
    unsigned char *block = malloc(size);
    CHECK(block != NULL);
    blocks_fill(block, size, 9);
    errno = 0;
    unsigned char *moved = realloc(block, blocks_opaque(too_much));
    CHECK(moved == NULL);
    CHECK_EQ(errno, ENOMEM);
    if (moved != NULL)
        block = moved;
    CHECK(blocks_match(block, size, size, 9));
    free(block);
}

static void test_failure_keeps_the_block(void)
{
    static const size_t sizes[] = {8, 100, 5000, 65536, 100000, 3 * BLOCKS_MIB, 40 * BLOCKS_MIB};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        check_failure_keeps(sizes[i], SIZE_MAX);
        check_failure_keeps(sizes[i], SIZE_MAX / 2 + 1);
        check_failure_keeps(sizes[i], SIZE_MAX - 4096);
        check_failure_keeps(sizes[i], PTRDIFF_MAX);
    }
    errno = 0;
    CHECK(realloc(NULL, blocks_opaque(SIZE_MAX)) == NULL);
    CHECK_EQ(errno, ENOMEM);
}

/* The same when it is the system that refuses. */
static void test_failure_by_limit(void)
{
    struct rlimit old;
    unsigned char *small = malloc(5000);
    unsigned char *big = malloc(40 * BLOCKS_MIB);
    CHECK(small != NULL && big != NULL);
    blocks_fill(small, 5000, 4);
    blocks_fill(big, 40 * BLOCKS_MIB, 5);
    if (!process_limit_growth(0, &old)) {
        check_skip("the address space cannot be limited here");
        return;
    }
    errno = 0;
    void *moved_small = realloc(small, 900 * BLOCKS_MIB);
    int small_errno = errno;
    errno = 0;
    void *moved_big = realloc(big, 900 * BLOCKS_MIB);
    int big_errno = errno;
    setrlimit(RLIMIT_AS, &old);
    if (CHECK(moved_small == NULL && moved_big == NULL)) {
        CHECK_EQ(small_errno, ENOMEM);
        CHECK_EQ(big_errno, ENOMEM);
        CHECK(blocks_match(small, 5000, 5000, 4));
        CHECK(blocks_match(big, 40 * BLOCKS_MIB, 40 * BLOCKS_MIB, 5));
        free(small);
        free(big);
    }
}

int main(void)
{
    ours_prove();
    RUN(test_null_is_malloc);
    RUN(test_zero_frees);
    RUN(test_each_limit);
    RUN(test_one_block_up_and_down);
    RUN(test_many_small_steps);
    RUN(test_lines_move_seldom);
    RUN(test_grown_blocks_stay);
    RUN(test_neighbours);
    RUN(test_failure_keeps_the_block);
    RUN(test_failure_by_limit);
    return check_done();
}
