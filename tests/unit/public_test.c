/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* public_test.c - zcmalloc.h by its word: sizes at the limits of each kind of block, what is a block and what is
 * none, which calls keep errno, and how many heaps there can be. */
#include "support/check.h"
#include "zcmalloc.h"

#include <errno.h>
#include <sys/mman.h>

#define HEAPS_MOST 65535
#define ERRNO_MARK 4711

static const size_t limits[] = {
    0,
    1,
    8,
    9,
    16,
    17,
    1 << 10,
    65535,
    65536,
    65537,
    1 << 20,
    (16 << 20) + 1,
    64 << 20,
    (64 << 20) + 1,
    (256 << 20) - 1,
    256 << 20,
    (256 << 20) + 1,
};

#define LIMIT_COUNT (sizeof limits / sizeof limits[0])

static void sizes_at_the_limits(void)
{
    for (size_t i = 0; i < LIMIT_COUNT; i++) {
        size_t size = limits[i];
        unsigned char *block = zc_malloc(size);
        unsigned char *other = zc_malloc(size);
        if (!CHECK(block != NULL && other != NULL && block != other))
            continue;
        size_t usable = zc_malloc_usable_size(block);
        CHECK(usable >= size);
        CHECK_EQ(usable, zc_malloc_good_size(size));
        CHECK_EQ((uintptr_t)block % (size > 8 ? 16 : 8), 0);
        block[0] = 1;
        block[usable - 1] = 2;
        other[0] = 3;
        other[usable - 1] = 4;
        CHECK(block[0] == (usable > 1 ? 1 : 2) && block[usable - 1] == 2);
        zc_free(block);
        zc_free(other);
    }
    CHECK_EQ(zc_malloc_good_size((size_t)PTRDIFF_MAX + 1), (size_t)PTRDIFF_MAX + 1);
    CHECK_EQ(zc_malloc_good_size(SIZE_MAX), SIZE_MAX);
    CHECK(zc_malloc_good_size(PTRDIFF_MAX) >= PTRDIFF_MAX);
}

static void no_pointer_is_too_wild_to_ask_about(void)
{
    static char global[64];
    char local[64];
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    char *mapped = mmap(NULL, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct zc_heap *heap = zc_heap_new();
    CHECK(!zc_owns(NULL) && !zc_owns(global) && !zc_owns(local) && !zc_owns(mapped));
    CHECK(!zc_owns(heap)); /* a table of ours, but no block */
    munmap(mapped, page);
    CHECK(!zc_owns(mapped));
    for (int bit = 0; bit < 64; bit++) {
        CHECK(!zc_owns((void *)((uintptr_t)1 << bit)));
        CHECK(!zc_owns((void *)(UINTPTR_MAX << bit)));
        CHECK(!zc_owns((void *)(UINTPTR_MAX >> bit)));
    }
    for (size_t i = 0; i < LIMIT_COUNT; i++) {
        char *block = zc_malloc(limits[i]);
        CHECK_EQ(zc_owns(block), 1);
        for (size_t inside = 1; inside < zc_malloc_usable_size(block); inside *= 2)
            CHECK(!zc_owns(block + inside));
        zc_free(block);
    }
    zc_heap_destroy(heap);
}

static void check_errno(void)
{
    CHECK_EQ(errno, ERRNO_MARK);
    errno = ERRNO_MARK;
}

static void what_frees_keeps_errno(void)
{
    for (size_t i = 0; i < LIMIT_COUNT; i++) {
        struct zc_heap *heap = zc_heap_new();
        struct zc_pool *pool = zc_pool_new(limits[i], 0);
        void *blocks[] = {zc_malloc(limits[i]),
                          zc_malloc(limits[i]),
                          zc_malloc(limits[i]),
                          zc_aligned_alloc(64, limits[i]),
                          zc_heap_malloc(heap, limits[i]),
                          zc_heap_malloc(heap, limits[i]),
                          zc_heap_malloc(heap, limits[i]),
                          zc_pool_malloc(pool)};
        errno = ERRNO_MARK;
        zc_free(blocks[0]);
        check_errno();
        zc_free_sized(blocks[1], limits[i]);
        check_errno();
        CHECK(zc_realloc(blocks[2], 0) == NULL);
        check_errno();
        zc_free_aligned_sized(blocks[3], 64, limits[i]);
        check_errno();
        zc_heap_free(heap, blocks[4]);
        check_errno();
        zc_free(blocks[5]);
        check_errno();
        zc_pool_free(pool, blocks[7]);
        check_errno();
        zc_heap_collect(heap);
        zc_pool_collect(pool);
        check_errno();
        zc_heap_destroy(heap);
        zc_pool_destroy(pool);
        check_errno();
        zc_trim(0);
        check_errno();
    }
}

static uint64_t metadata_bytes(void)
{
    struct zc_stats stats;
    CHECK_EQ(zc_stats_get(&stats, sizeof stats), 0);
    return stats.metadata_bytes;
}

static void as_many_heaps_as_there_can_be(void)
{
    static struct zc_heap *heaps[HEAPS_MOST];
    uint64_t before = metadata_bytes();
    size_t count = 0;
    while (count < HEAPS_MOST && (heaps[count] = zc_heap_new()) != NULL)
        count++;
    CHECK_EQ(count, HEAPS_MOST);
    errno = 0;
    CHECK(zc_heap_new() == NULL && errno == ENOMEM);
    errno = 0;
    CHECK(zc_pool_new(8, 8) == NULL && errno == ENOMEM);
    uint64_t took = metadata_bytes() - before;
    CHECK(took <= HEAPS_MOST * (uint64_t)4096);
    zc_heap_destroy(heaps[0]);
    heaps[0] = (struct zc_heap *)zc_pool_new(8, 8);
    CHECK(heaps[0] != NULL);
    zc_pool_destroy((struct zc_pool *)heaps[0]);
    for (size_t i = 1; i < count; i++)
        zc_heap_destroy(heaps[i]);
    for (size_t i = 0; i < count; i++)
        zc_heap_destroy(zc_heap_new());
    CHECK_EQ(metadata_bytes() - before, took);
}

int main(void)
{
    RUN(sizes_at_the_limits);
    RUN(no_pointer_is_too_wild_to_ask_about);
    RUN(what_frees_keeps_errno);
    RUN(as_many_heaps_as_there_can_be);
    return check_done();
}
