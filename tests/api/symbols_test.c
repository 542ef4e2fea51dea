/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* symbols_test.c - every name of the family, and libc's own aliases of them, lead to zcmalloc.
 * The other programs begin with the same proof; this one is about nothing else, and adds the
 * addresses that the compiler put into this program and the blocks that libc itself asks for. */
#include "tests/support/blocks.h"
#include "tests/support/check.h"
#include "tests/support/ours.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

/* The address a plain call goes to, against the one the dynamic linker knows. */
#define CHECK_CALLED(function)                                                                     \
    do {                                                                                           \
        void *called = NULL;                                                                       \
        __typeof__(&function) pointer = &function;                                                 \
        memcpy(&called, &pointer, sizeof called);                                                  \
        CHECK_EQ(called, ours_address(#function));                                                 \
    } while (0)

static void test_called_addresses(void)
{
    CHECK_CALLED(malloc);
    CHECK_CALLED(free);
    CHECK_CALLED(calloc);
    CHECK_CALLED(realloc);
    CHECK_CALLED(reallocarray);
    CHECK_CALLED(aligned_alloc);
    CHECK_CALLED(memalign);
    CHECK_CALLED(posix_memalign);
    CHECK_CALLED(valloc);
    CHECK_CALLED(pvalloc);
    CHECK_CALLED(malloc_usable_size);
    CHECK_CALLED(malloc_trim);
    CHECK_CALLED(malloc_stats);
    CHECK_CALLED(malloc_info);
    CHECK_CALLED(mallinfo2);
    CHECK_CALLED(mallopt);
}

static void test_blocks_are_ours(void)
{
    void *blocks[12] = {NULL};
    blocks[0] = malloc(0);
    blocks[1] = malloc(1);
    blocks[2] = calloc(3, 1000);
    blocks[3] = realloc(NULL, 70000);
    blocks[4] = reallocarray(NULL, 10, 30000);
    blocks[5] = aligned_alloc(64, 640);
    blocks[6] = memalign(4096, 10);
    CHECK_EQ(posix_memalign(&blocks[7], 128, 100), 0);
    blocks[8] = valloc(10);
    blocks[9] = pvalloc(10);
    blocks[10] = malloc(5 * BLOCKS_MIB);
    blocks[11] = malloc(100 * BLOCKS_MIB);
    for (size_t i = 0; i < 12; i++) {
        if (!CHECK(blocks[i] != NULL && ours_owns(blocks[i])))
            check_write_number((long long)i);
        free(blocks[i]);
    }
}

static void test_foreign_pointers_are_not_ours(void)
{
    int on_stack = 0;
    if (OURS_KIND == OURS_ANY)
        return;
    CHECK(!ours_owns(NULL));
    CHECK(!ours_owns(&on_stack));
    CHECK(!ours_owns(ours_entries));
    CHECK(!ours_owns((void *)(uintptr_t)4096));
    CHECK(!ours_owns((void *)(UINTPTR_MAX - 4095)));
}

/* libc's own calls must come to us too, or a block would be freed by the wrong side. */
static void test_libc_asks_us(void)
{
    char *copy = strdup("a string that libc copies for us");
    CHECK(copy != NULL && ours_owns(copy));
    free(copy);
}

/* The aliases work on the same blocks as the plain names. */
static void test_aliases_share_the_heap(void)
{
    void *(*alias_malloc)(size_t) = NULL;
    void *(*alias_calloc)(size_t, size_t) = NULL;
    void *(*alias_realloc)(void *, size_t) = NULL;
    void *(*alias_memalign)(size_t, size_t) = NULL;
    void (*alias_free)(void *) = NULL;
    if (!CHECK(ours_bind(&alias_malloc, "__libc_malloc")) ||
        !CHECK(ours_bind(&alias_calloc, "__libc_calloc")) ||
        !CHECK(ours_bind(&alias_realloc, "__libc_realloc")) ||
        !CHECK(ours_bind(&alias_memalign, "__libc_memalign")) ||
        !CHECK(ours_bind(&alias_free, "__libc_free")))
        return;
    char *first = alias_malloc(100);
    char *second = malloc(100);
    char *third = alias_calloc(4, 25);
    char *fourth = alias_memalign(256, 100);
    CHECK(first != NULL && ours_owns(first));
    CHECK(third != NULL && blocks_are_zero(third, 100));
    CHECK(fourth != NULL && blocks_aligned(fourth, 256));
    blocks_fill(first, 100, 1);
    first = alias_realloc(first, 5000);
    CHECK(first != NULL && blocks_match(first, 100, 100, 1));
    free(first);
    alias_free(second);
    free(third);
    alias_free(fourth);
}

int main(void)
{
    ours_prove();
    RUN(test_called_addresses);
    RUN(test_blocks_are_ours);
    RUN(test_foreign_pointers_are_not_ours);
    RUN(test_libc_asks_us);
    RUN(test_aliases_share_the_heap);
    return check_done();
}
