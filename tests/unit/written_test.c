/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* written_test.c - blocks whose pages stay untouched: how that is found out, and what is done for them. What the system
 * says of a page's residence comes from the test, so that it is the same anywhere. */
#include "base/bits.h"
#include "central/page_heap.h"
#include "central/written.h"
#include "heap/bootstrap.h"
#include "os/os.h"
#include "support/check.h"
#include "zcmalloc.h"

#define BLOCK ((size_t)256 << 10)

static struct os_calls calls;

/* What the system says: nothing, or of each page of the heap that it is one of every n resident. */
static bool is_told;
static size_t resident_of = 1;
static size_t look_count;

static bool is_of_the_heap(uintptr_t address)
{
    for (const struct arena *arena = *zci_page_heap_arenas(); arena != NULL; arena = arena->next)
        if (address - arena->start < arena->granules * ZCI_GRANULE_BYTES)
            return true;
    return false;
}

static bool say_resident(void *page)
{
    look_count++;
    if (!is_told)
        return false;
    return !is_of_the_heap((uintptr_t)page) ||
           (uintptr_t)page / zci_os_page_bytes() % resident_of == 0;
}

static size_t populated_bytes;

static int write_down_populate(void *start, size_t bytes)
{
    (void)start;
    populated_bytes += bytes;
    return 0;
}

/* The last call; the collector has some too. */
static void *purged;
static size_t purged_bytes;
static bool refuses_purge;

static int purge(void *start, size_t bytes)
{
    if (refuses_purge)
        return -1;
    purged = start;
    purged_bytes = bytes;
    return zci_os_calls_native.purge(start, bytes);
}

/* Where that makes it read zero. */
static bool was_purged(const void *block, size_t bytes)
{
    return (purged == block && purged_bytes == bytes) || !ZCI_OS_PURGED_READS_ZERO;
}

static void say(bool told, size_t of)
{
    is_told = told;
    resident_of = of;
    populated_bytes = look_count = 0;
    purged = NULL;
}

/* --- the guess ----------------------------------------------------------------------------------------- */

static void up_to_a_page_all_is_written(void)
{
    CHECK_EQ(zci_written_guess(8), WRITTEN_ALL);
    CHECK_EQ(zci_written_guess(4096), WRITTEN_ALL);
    CHECK_EQ(zci_written_expect(1, 4096), WRITTEN_ALL);
    CHECK_EQ(zci_written_sample(4096), 0);
    CHECK_EQ(zci_written_guess(4097), WRITTEN_UNKNOWN);
}

/* Blocks of this size are asked about so many times: which of them are samples? */
static void samples_of(size_t block_bytes, size_t count, const size_t *expected)
{
    for (size_t i = 0; i < count; i++) {
        bool is_sample = zci_written_expect(1000 + i, block_bytes) == WRITTEN_SAMPLE;
        CHECK_EQ(is_sample, i == *expected);
        if (is_sample) {
            CHECK_EQ(zci_written_sample(block_bytes), 1000 + i);
            expected++;
        }
    }
}

static void samples_become_rare(void)
{
    static const size_t small[] = {0, 8, 16, 32, 64, 128, 256, 384, 512};
    static const size_t of_1_mib[] = {0, 8, 16, 32, 64, 128, 192, 256};
    static const size_t of_16_mib[] = {0, 8, 16, 24, 32, 40};

    samples_of(10000, 500, small);
    samples_of(1 << 20, 200, of_1_mib);
    samples_of(16 << 20, 33, of_16_mib);
}

/* The first block of a size is a sample. */
static bool is_new_size(size_t block_bytes)
{
    return zci_written_expect(1, block_bytes) == WRITTEN_SAMPLE;
}

static void sizes_are_told_apart_by_quarters(void)
{
    CHECK(is_new_size(5 * 1024));
    CHECK(!is_new_size(4097));
    CHECK(is_new_size(5 * 1024 + 1));
    CHECK(!is_new_size(6 * 1024));
    CHECK(is_new_size(7 * 1024));
    CHECK(is_new_size(8 * 1024));
    CHECK(is_new_size((size_t)200 << 20));
    CHECK(is_new_size((size_t)256 << 20));
    CHECK(!is_new_size((size_t)1 << 39));
}

/* Memory of the heap's, of so many pages. */
static uint64_t pages_to_look_at(size_t pages)
{
    char *block = zc_aligned_alloc(ZCI_GRANULE_BYTES, pages * zci_os_page_bytes());
    CHECK(block != NULL);
    return (uint64_t)(uintptr_t)block;
}

static enum written found(uint64_t pages, size_t count)
{
    zci_written_look(pages, count * zci_os_page_bytes(), 20000);
    return zci_written_guess(20000);
}

static void a_look_tells_how_many(void)
{
    enum { COUNT = 64 };

    uint64_t pages = pages_to_look_at(COUNT);
    say(false, 1);
    CHECK_EQ(found(pages, COUNT), WRITTEN_UNKNOWN);
    say(true, 1);
    CHECK_EQ(found(pages, 0), WRITTEN_UNKNOWN);
    CHECK_EQ(found(pages, COUNT), WRITTEN_ALL);
    CHECK_EQ(look_count, 17);
    say(true, 2);
    CHECK_EQ(found(pages, COUNT), WRITTEN_SOME);
    /* The system stops telling: what was known holds. */
    say(false, 1);
    CHECK_EQ(found(pages, COUNT), WRITTEN_SOME);
    say(true, COUNT);
    CHECK_EQ(found(pages, COUNT), WRITTEN_FEW);
    say(true, 1);
    CHECK_EQ(found(pages, 3), WRITTEN_ALL);
    CHECK_EQ(look_count, 4);
    zc_free((void *)(uintptr_t)pages);
}

/* Of blocks of four and of eight pages the first page is written to. */
static void a_look_sees_other_pages_of_each_block(void)
{
    uint64_t pages = pages_to_look_at(128);
    say(true, 4);
    CHECK_EQ(found(pages, 64), WRITTEN_SOME);
    say(true, 8);
    CHECK_EQ(found(pages, 128), WRITTEN_FEW);
    zc_free((void *)(uintptr_t)pages);
}

/* --- what is done -------------------------------------------------------------------------------------- */

static bool is_zero(const char *block, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        if (block[i] != 0)
            return false;
    return true;
}

/* The memory of the last one, written to all over. */
static void *calloc_again(char *block, size_t bytes)
{
    memset(block, 0xee, bytes);
    zc_free(block);
    char *again = zc_calloc(1, bytes);
    CHECK(again != NULL && is_zero(again, bytes));
    return again;
}

static void tables_with_gaps_are_not_made_resident(void)
{
    enum { COUNT = 40 };

    void *blocks[COUNT];

    say(true, 64);
    for (size_t i = 0; i < COUNT; i++)
        CHECK((blocks[i] = zc_calloc(1, BLOCK)) != NULL);
    CHECK_EQ(populated_bytes, 0);
    CHECK_EQ(zci_written_guess(BLOCK), WRITTEN_FEW);
    for (size_t i = 1; i < COUNT; i++)
        zc_free(blocks[i]);
    char *block = calloc_again(blocks[0], BLOCK);
    CHECK(was_purged(block, BLOCK));
    refuses_purge = true;
    block = calloc_again(block, BLOCK);
    refuses_purge = false;
    zc_free(block);
}

/* What waits in the caches is used first; it is dirty. */
static void fill_all(size_t bytes)
{
    enum { COUNT = 40 };

    void *blocks[COUNT];

    for (size_t i = 0; i < COUNT; i++)
        CHECK((blocks[i] = zc_calloc(1, bytes)) != NULL);
    for (size_t i = 0; i < COUNT; i++)
        zc_free(blocks[i]);
}

static void what_is_written_all_over_is_cleared_and_made_resident(void)
{
    enum { BYTES = 3 * BLOCK };

    say(true, 1);
    fill_all(BYTES);
    CHECK_EQ(zci_written_guess(BYTES), WRITTEN_ALL);
    zc_trim(0);
    say(true, 1);
    char *block = zc_calloc(1, BYTES);
    CHECK(populated_bytes == BYTES || !ZCI_OS_PURGED_READS_ZERO);
    block = calloc_again(block, BYTES);
    CHECK(purged != block);
    zc_free(block);
    /* Long ones come as they are touched. */
    fill_all((size_t)2 << 20);
    zc_trim(0);
    say(true, 1);
    zc_free(zc_calloc(1, (size_t)2 << 20));
    CHECK_EQ(populated_bytes, 0);
}

static void a_sample_is_looked_at_as_it_ends(void)
{
    enum { BYTES = 5 * BLOCK };

    say(true, 64);
    void *block = zc_calloc(1, BYTES);
    CHECK_EQ(zci_written_guess(BYTES), WRITTEN_UNKNOWN);
    zc_free(block);
    CHECK_EQ(zci_written_guess(BYTES), WRITTEN_FEW);
    /* Once: the next block there is none. */
    say(true, 1);
    block = zc_calloc(1, BYTES);
    zc_free(block);
    CHECK_EQ(look_count, 0);
}

/* The program goes another way, and back: few of many blocks that are not freed yet may be only not written to yet. */
static void a_sample_is_looked_at_when_the_next_one_is_due(void)
{
    enum { BYTES = 11 * BLOCK, COUNT = 18 };

    void *blocks[COUNT];

    say(true, 64);
    for (size_t i = 0; i < COUNT; i++) {
        CHECK((blocks[i] = zc_calloc(1, BYTES)) != NULL);
        enum written expected = i == 0 ? WRITTEN_UNKNOWN : i < 8 ? WRITTEN_FEW : WRITTEN_ALL;
        CHECK_EQ(zci_written_guess(BYTES), expected);
        if (i == 7)
            say(true, 1);
        if (i == 8)
            say(true, 64);
    }
    for (size_t i = 0; i < COUNT; i++)
        zc_free(blocks[i]);
    CHECK_EQ(zci_written_guess(BYTES), WRITTEN_FEW);
}

/* The memory was another's, so the first block of its size is a sample that has to be made so; the next one has the
 * first one's as an example, which is there still. */
static void used_memory_becomes_a_sample(void)
{
    enum { BYTES = 7 * BLOCK };

    char *first = zc_malloc(BYTES);
    char *second = zc_malloc(BYTES);
    CHECK(first != NULL && second != NULL);
    say(true, 64);
    first = calloc_again(first, BYTES);
    CHECK(was_purged(first, BYTES));
    CHECK_EQ(zci_written_sample(BYTES), (uintptr_t)first);
    CHECK_EQ(zci_written_guess(BYTES), WRITTEN_UNKNOWN);
    second = calloc_again(second, BYTES);
    CHECK(was_purged(second, BYTES));
    CHECK_EQ(zci_written_guess(BYTES), WRITTEN_FEW);
    zc_free(first);
    zc_free(second);
}

static void so_do_blocks_of_a_private_heap(void)
{
    enum { BYTES = 9 * BLOCK };
    struct zc_heap *heap = zc_heap_new();

    say(true, 64);
    char *block = zc_heap_calloc(heap, 1, BYTES);
    CHECK(block != NULL && is_zero(block, BYTES));
    CHECK_EQ(zci_written_sample(BYTES), (uintptr_t)block);
    zc_heap_free(heap, block);
    CHECK_EQ(zci_written_guess(BYTES), WRITTEN_FEW);
    zc_heap_destroy(heap);
}

int main(void)
{
    zci_bootstrap();
    calls = *zci_os_calls;
    calls.is_resident = say_resident;
    calls.populate = write_down_populate;
    calls.purge = purge;
    zci_os_calls = &calls;
    RUN(up_to_a_page_all_is_written);
    RUN(samples_become_rare);
    RUN(sizes_are_told_apart_by_quarters);
    RUN(a_look_tells_how_many);
    RUN(a_look_sees_other_pages_of_each_block);
    RUN(tables_with_gaps_are_not_made_resident);
    RUN(what_is_written_all_over_is_cleared_and_made_resident);
    RUN(a_sample_is_looked_at_as_it_ends);
    RUN(a_sample_is_looked_at_when_the_next_one_is_due);
    RUN(used_memory_becomes_a_sample);
    RUN(so_do_blocks_of_a_private_heap);
    return check_done();
}
