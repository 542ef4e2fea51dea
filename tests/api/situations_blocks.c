/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* situations_blocks.c - situations about single blocks: contents, sizes, failure, and memory
 * over time. */
#include "tests/api/situations.h"
#include "tests/support/blocks.h"
#include "tests/support/process_size.h"

#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static void calloc_after_random_use(void)
{
    enum { SLOTS = 200, ROUNDS = 40000 };

    static unsigned char *slots[SLOTS];
    uint64_t state = blocks_announce_seed(77);
    int dirty_count = 0;
    for (int round = 0; round < ROUNDS; round++) {
        size_t slot = blocks_random_below(&state, SLOTS);
        size_t size = blocks_random_below(&state, round % 50 == 0 ? 300000 : 3000);
        free(slots[slot]);
        slots[slot] = calloc(1, size);
        if (!CHECK(slots[slot] != NULL))
            return;
        dirty_count += !blocks_are_zero(slots[slot], size);
        memset(slots[slot], 0xa5, malloc_usable_size(slots[slot]));
    }
    CHECK_EQ(dirty_count, 0);
    for (size_t slot = 0; slot < SLOTS; slot++)
        free(slots[slot]);
}

static void expect_no_memory(void *block)
{
    CHECK(block == NULL);
    CHECK_EQ(errno, ENOMEM);
    errno = 0;
    free(block);
}

static void malloc_refuses_and_recovers(void)
{
    errno = 0;
    expect_no_memory(malloc(blocks_opaque((size_t)-1)));
    expect_no_memory(malloc(blocks_opaque((size_t)-2)));
    expect_no_memory(malloc(blocks_opaque((size_t)-1000)));
    void *first = malloc(0);
    void *second = malloc(0);
    CHECK(first != NULL && second != NULL && first != second);
    expect_no_memory(realloc(NULL, blocks_opaque((size_t)-1)));
    free(first);
    free(second);
    void *block = malloc(10);
    CHECK(block != NULL);
    block = realloc(block, 1000000);
    CHECK(block != NULL);
    free(block);
}

static void sizes_beyond_ptrdiff(void)
{
    void *const old = malloc(16);
    for (size_t below = 0; below < 20000; below += 977) {
        for (int half = 0; half < 2; half++) {
            size_t size = blocks_opaque((half ? SIZE_MAX / 2 + 1 : SIZE_MAX) + (half ? below : 0) -
                                        (half ? 0 : below));
            errno = 0;
            expect_no_memory(malloc(size));
            expect_no_memory(calloc(1, size));
            expect_no_memory(calloc(size, 1));
            expect_no_memory(realloc(blocks_opaque_pointer(old), size));
            expect_no_memory(reallocarray(blocks_opaque_pointer(old), size, 1));
            expect_no_memory(reallocarray(blocks_opaque_pointer(old), 1, size));
            expect_no_memory(memalign(64, size));
            expect_no_memory(aligned_alloc(128, size));
            expect_no_memory(valloc(size));
            expect_no_memory(pvalloc(size));
            void *block = old;
            CHECK_EQ(posix_memalign(&block, 256, size), ENOMEM);
            CHECK(block == old);
        }
    }
    free(old);
}

static void usable_size_is_usable(void)
{
    enum { COUNT = 500 };

    static unsigned char *blocks[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        blocks[i] = malloc(i * 7);
        CHECK(blocks[i] != NULL && malloc_usable_size(blocks[i]) >= i * 7);
        blocks_fill(blocks[i], malloc_usable_size(blocks[i]), (unsigned)i);
    }
    for (size_t i = 0; i < COUNT; i++) {
        size_t usable = malloc_usable_size(blocks[i]);
        CHECK(blocks_match(blocks[i], usable, usable, (unsigned)i));
        free(blocks[i]);
    }
    CHECK_EQ(malloc_usable_size(NULL), 0);
}

static void realloc_in_all_forms(void)
{
    unsigned char *block = realloc(NULL, 10);
    CHECK(block != NULL);
    free(block);
    block = calloc(20, 1);
    block = realloc(block, 200);
    CHECK(block != NULL && blocks_are_zero(block, 20));
    memset(block, 0xff, 200);
    block = realloc(block, 2000);
    int kept = 1;
    for (size_t i = 0; i < 200; i++)
        kept &= block[i] == 0xff;
    CHECK(kept);
    block = realloc(block, 100);
    for (size_t i = 0; i < 100; i++)
        kept &= block[i] == 0xff;
    CHECK(kept);
    errno = 0;
    unsigned char *refused = realloc(block, blocks_opaque((size_t)-1));
    CHECK(refused == NULL && errno == ENOMEM);
    for (size_t i = 0; i < 100; i++)
        kept &= block[i] == 0xff;
    CHECK(kept);
    CHECK(realloc(block, blocks_opaque(0)) == NULL);
}

static void reallocarray_products(void)
{
    const size_t root = (size_t)1 << (sizeof(size_t) * CHAR_BIT / 2);
    unsigned char *block = reallocarray(NULL, 16, 16);
    CHECK(block != NULL);
    blocks_fill(block, 256, 1);
    static const size_t sides[][2] = {{32, 16}, {200, 300}, {17, 31}, {1, 256}};
    for (size_t i = 0; i < sizeof sides / sizeof sides[0]; i++) {
        block = reallocarray(block, sides[i][0], sides[i][1]);
        CHECK(block != NULL && blocks_match(block, 256, 256, 1));
    }
    errno = 0;
    expect_no_memory(reallocarray(blocks_opaque_pointer(block), blocks_opaque(root), root));
    expect_no_memory(reallocarray(blocks_opaque_pointer(block), blocks_opaque(root + 1), root));
    expect_no_memory(reallocarray(blocks_opaque_pointer(block), blocks_opaque(SIZE_MAX), 2));
    CHECK(blocks_match(block, 256, 256, 1));
    free(block);
}

/* With every mapping of the process used up, munmap of the middle of one can fail. free must
 * neither change errno nor give up. */
static void free_at_the_map_limit(void)
{
    enum { COUNT = 64 };

    void *blocks[COUNT];
    size_t map_count_max = process_file_number("/proc/sys/vm/max_map_count", 0);
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    if (map_count_max == 0 || map_count_max > 1000000) {
        check_skip("no usable limit on the number of mappings");
        return;
    }
    for (size_t i = 0; i < COUNT; i++) {
        blocks[i] = malloc((i % 8 + 1) * 5 * BLOCKS_MIB);
        CHECK(blocks[i] != NULL);
    }
    char *wall =
        mmap(NULL, 2 * map_count_max * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(wall != MAP_FAILED);
    size_t cut = 0;
    while (cut < map_count_max && mprotect(wall + cut * 2 * page, page, PROT_READ) == 0)
        cut++;
    for (size_t i = 0; i < COUNT; i++) {
        errno = 4711;
        free(blocks[i]);
        CHECK_EQ(errno, 4711);
    }
    void *small = malloc(40);
    CHECK(small != NULL);
    free(small);
    munmap(wall, 2 * map_count_max * page);
    void *big = malloc(200 * BLOCKS_MIB);
    CHECK(big != NULL);
    free(big);
}

struct tracked {
    unsigned char *bytes;
    size_t size;
    unsigned seed;
};

static int tracked_replace(struct tracked *block, uint64_t *state)
{
    size_t size = blocks_random_below(state, (size_t)1 << (3 + blocks_random_below(state, 15)));
    unsigned kind = (unsigned)blocks_random_below(state, 5);
    int intact = blocks_match(block->bytes, block->size, block->size, block->seed);
    if (kind == 0) {
        size_t kept = size < block->size ? size : block->size;
        unsigned char *moved = realloc(block->bytes, size + 1);
        intact = intact && moved != NULL && blocks_match(moved, kept, block->size, block->seed);
        block->bytes = moved;
    } else {
        free(block->bytes);
        block->bytes = kind == 1   ? calloc(1, size + 1)
                       : kind == 2 ? memalign((size_t)16 << blocks_random_below(state, 9), size + 1)
                                   : malloc(size + 1);
    }
    block->size = size + 1;
    block->seed++;
    if (block->bytes != NULL)
        blocks_fill(block->bytes, block->size, block->seed);
    return intact && block->bytes != NULL;
}

static void random_operations_keep_contents(void)
{
    enum { SLOTS = 500, ROUNDS = 60000 };
    static struct tracked slots[SLOTS];
    uint64_t state = blocks_announce_seed(4242);
    for (int round = 0; round < ROUNDS; round++)
        if (!CHECK(tracked_replace(&slots[blocks_random_below(&state, SLOTS)], &state)))
            return;
    for (size_t i = 0; i < SLOTS; i++)
        free(slots[i].bytes);
}

/* A big block shrinks while small ones are put around it, then all grow in turns. */
static void interleaved_growth(void)
{
    enum { COUNT = 40, STEPS = 200 };
    static struct tracked blocks[COUNT];
    for (size_t step = 1; step <= STEPS; step++) {
        for (size_t i = 0; i < COUNT; i++) {
            size_t size = i % 3 == 0 ? 400000 / step : step * (i + 1) * 5;
            unsigned char *moved = realloc(blocks[i].bytes, size);
            size_t kept = size < blocks[i].size ? size : blocks[i].size;
            if (!CHECK(moved != NULL && blocks_match(moved, kept, blocks[i].size, (unsigned)i)))
                return;
            blocks_fill(moved, size, (unsigned)i);
            blocks[i].bytes = moved;
            blocks[i].size = size;
        }
    }
    for (size_t i = 0; i < COUNT; i++)
        free(blocks[i].bytes);
}

/* A hint that turns a cache off may change speed, not results. */
static void small_caches_turned_off(void)
{
    enum { COUNT = 1000 };

    static void *blocks[COUNT];
    void *early = malloc(48);
    free(malloc(48));
    CHECK_EQ(mallopt(M_MXFAST, 0), 1);
    free(early);
    for (int round = 0; round < 50; round++) {
        for (size_t i = 0; i < COUNT; i++) {
            blocks[i] = malloc(16 + i % 100);
            CHECK(blocks[i] != NULL);
            memset(blocks[i], 1, 16 + i % 100);
        }
        for (size_t i = 0; i < COUNT; i++)
            free(blocks[(i * 7) % COUNT]);
    }
    CHECK_EQ(mallopt(M_MXFAST, 80), 1);
    free(malloc(48));
}

static void *allocate_and_leave(void *unused)
{
    void *blocks[40];
    (void)unused;
    for (size_t i = 0; i < 40; i++) {
        blocks[i] = malloc(i * 100 + 1);
        memset(blocks[i], 1, i * 100 + 1);
    }
    for (size_t i = 1; i < 40; i++)
        free(blocks[i]);
    return blocks[0];
}

static void run_short_threads(int count)
{
    for (int i = 0; i < count; i++) {
        pthread_t thread;
        void *left = NULL;
        if (!CHECK_EQ(pthread_create(&thread, NULL, allocate_and_leave, NULL), 0))
            break;
        pthread_join(thread, &left);
        free(left);
    }
}

/* What a thread cached must not be lost when it ends. */
static void dead_threads_leave_nothing(void)
{
    run_short_threads(300);
    size_t before = process_resident_bytes();
    run_short_threads(3000);
    CHECK(process_stayed_below(before, 4 * BLOCKS_MIB));
}

static const struct situation situations[] = {
    {"calloc gives zeros after random use", calloc_after_random_use},
    {"malloc refuses negative sizes and recovers", malloc_refuses_and_recovers},
    {"sizes beyond PTRDIFF_MAX are refused by all", sizes_beyond_ptrdiff},
    {"the usable size can be used", usable_size_is_usable},
    {"realloc in all its forms", realloc_in_all_forms},
    {"reallocarray and products that overflow", reallocarray_products},
    {"free keeps errno at the map limit", free_at_the_map_limit},
    {"random operations keep contents", random_operations_keep_contents},
    {"interleaved growth keeps contents", interleaved_growth},
    {"small caches turned off by mallopt", small_caches_turned_off},
    {"dead threads leave nothing behind", dead_threads_leave_nothing},
};

SITUATION_GROUP(situations_blocks, situations);
