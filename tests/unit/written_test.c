/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* written_test.c - blocks whose pages stay untouched: how that is found out, and what is done for them. What the system
 * says of a page's residence comes from the test, so that it is the same anywhere. */
#include "base/bits.h"
#include "base/options.h"
#include "central/page_heap.h"
#include "central/written.h"
#include "heap/bootstrap.h"
#include "os/os.h"
#include "support/check.h"
#include "zcmalloc.h"

#include <unistd.h>

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

/* The last call. */
static void *cleared;
static size_t cleared_bytes;
static size_t clear_count;
static bool refuses_clear;

static int clear(void *start, size_t bytes)
{
    if (refuses_clear)
        return -1;
    cleared = start;
    cleared_bytes = bytes;
    clear_count++;
    return zci_os_calls_native.clear(start, bytes);
}

/* Where there is such a call. */
static bool was_given_back(const void *block, size_t bytes)
{
    return (cleared == block && cleared_bytes == bytes) || zci_os_calls_native.clear == NULL;
}

static void say(bool told, size_t of)
{
    is_told = told;
    resident_of = of;
    populated_bytes = look_count = 0;
    clear_count = 0;
    cleared = NULL;
}

/* --- the guess ----------------------------------------------------------------------------------------- */

static void up_to_a_page_all_is_written(void)
{
    CHECK_EQ(zci_written_guess(8), WRITTEN_ALL);
    CHECK_EQ(zci_written_guess(4096), WRITTEN_ALL);
    uint64_t last_sample = 1;
    CHECK_EQ(zci_written_expect(1, 4096, &last_sample), WRITTEN_ALL);
    CHECK_EQ(last_sample, 0);
    CHECK_EQ(zci_written_guess(4097), WRITTEN_UNKNOWN);
}

/* Of so many blocks of this size about each most-th is a sample in the end, but not always the same of each two. */
static void samples_of(size_t block_bytes, size_t count, size_t most)
{
    size_t last = 0, odd_count = 0, sample_count = 0;

    for (size_t i = 0; i < count; i++) {
        uint64_t last_sample;
        if (zci_written_expect(1000 + i, block_bytes, &last_sample) != WRITTEN_SAMPLE)
            continue;
        CHECK_EQ(last_sample, 0);
        zci_written_end(1000 + i, 0, block_bytes);
        size_t pause = min_size(max_size(last, 4), most);
        CHECK(i == 0 || (i - last > pause / 2 && i - last <= pause + pause / 2));
        last = i;
        sample_count++;
        odd_count += i % 2;
    }
    CHECK(sample_count > count / most - count / most / 4);
    CHECK(odd_count > sample_count / 4 && odd_count < sample_count - sample_count / 4);
}

static void samples_become_rare(void)
{
    samples_of(10000, 10000, 128);
    samples_of(1 << 20, 10000, 64);
    samples_of(16 << 20, 1000, 4);
}

/* As by threads that count at the same time, where one loses what others counted. */
static void samples_go_on_whatever_was_counted(void)
{
    CHECK(written_is_due(0, 0));
    CHECK(written_is_due(100, 100));
    CHECK(!written_is_due(99, 100));
    CHECK(!written_is_due(0, WRITTEN_AHEAD_MOST));
    CHECK(written_is_due(0, WRITTEN_AHEAD_MOST + 1));
    CHECK(written_is_due(101, 100));
    CHECK(written_is_due(1U << 31, 100));
    CHECK(!written_is_due(UINT32_MAX, 3));
    CHECK(written_is_due(4, UINT32_MAX));
}

/* The first block of a size is a sample. */
static bool is_new_size(size_t block_bytes)
{
    uint64_t last_sample;
    return zci_written_expect(1, block_bytes, &last_sample) == WRITTEN_SAMPLE;
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

/* One that is not among them begins anew. */
static void few_are_believed_of_three_in_a_row(uint64_t pages, size_t count)
{
    CHECK_EQ(found(pages, count), WRITTEN_UNKNOWN);
    CHECK_EQ(found(pages, count), WRITTEN_UNKNOWN);
    CHECK_EQ(found(pages, count), WRITTEN_FEW);
    CHECK_EQ(found(pages, count), WRITTEN_FEW);
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
    few_are_believed_of_three_in_a_row(pages, COUNT);
    say(true, 1);
    CHECK_EQ(found(pages, 3), WRITTEN_ALL);
    CHECK_EQ(look_count, 4);
    say(true, COUNT);
    few_are_believed_of_three_in_a_row(pages, COUNT);
    zc_free((void *)(uintptr_t)pages);
}

/* Of blocks of four and of eight pages the first page is written to. */
static void a_look_sees_other_pages_of_each_block(void)
{
    uint64_t pages = pages_to_look_at(128);
    say(true, 4);
    CHECK_EQ(found(pages, 64), WRITTEN_SOME);
    say(true, 8);
    few_are_believed_of_three_in_a_row(pages, 128);
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

/* What is known of other sizes says nothing from here on. */
static void forget_other_sizes(void)
{
    uint64_t pages = pages_to_look_at(1);
    say(true, 1);
    CHECK_EQ(found(pages, 1), WRITTEN_ALL);
    zc_free((void *)(uintptr_t)pages);
}

static void tables_with_gaps_are_not_made_resident(void)
{
    forget_other_sizes();
    say(true, 64);
    char *block = zc_calloc(1, BLOCK);
    CHECK(block != NULL);
    clear_count = 0;
    for (size_t i = 0; i < 3; i++) {
        CHECK_EQ(zci_written_guess(BLOCK), WRITTEN_UNKNOWN);
        block = calloc_again(block, BLOCK);
    }
    CHECK_EQ(zci_written_guess(BLOCK), WRITTEN_FEW);
    CHECK_EQ(populated_bytes, 0);
    CHECK_EQ(clear_count, 3 * (zci_os_calls_native.clear != NULL));
    CHECK(was_given_back(block, BLOCK));
    refuses_clear = true;
    block = calloc_again(block, BLOCK);
    refuses_clear = false;
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
    /* One of them may be a sample. */
    char *block = zc_calloc(1, BYTES);
    char *second = zc_calloc(1, BYTES);
    CHECK(populated_bytes >= BYTES || !ZCI_OS_PURGED_READS_ZERO);
    block = calloc_again(block, BYTES);
    CHECK(cleared != block);
    zc_free(block);
    zc_free(second);
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

    forget_other_sizes();
    say(true, 2);
    void *block = zc_calloc(1, BYTES);
    zc_free(block);
    CHECK_EQ(look_count, 17);
    CHECK_EQ(zci_written_guess(BYTES), WRITTEN_SOME);
    /* Once: the next block there is none. */
    zc_free(zc_calloc(1, BYTES));
    CHECK_EQ(look_count, 17);
}

/* One that is written to ends it. */
static void half_of_the_blocks_are_not_enough(void)
{
    enum { BYTES = 13 * BLOCK, COUNT = 1000 };

    size_t few_count = 0;
    for (size_t i = 0; i < COUNT; i++) {
        void *block = zc_calloc(1, BYTES);
        say(true, i % 2 == 0 ? 64 : 1);
        zc_free(block);
        few_count += zci_written_guess(BYTES) == WRITTEN_FEW;
    }
    CHECK(few_count < COUNT / 3);
}

static void calloc_many(void **blocks, size_t count, size_t bytes)
{
    for (size_t i = 0; i < count; i++)
        CHECK((blocks[i] = zc_calloc(1, bytes)) != NULL);
}

/* Few of those that are not freed yet may be only not written to yet; not so after a second. */
static void a_sample_is_looked_at_when_the_next_one_is_due(void)
{
    enum { BYTES = 11 * BLOCK, COUNT = 40 }; /* among these there is always a sample */

    void *blocks[3 * COUNT];

    forget_other_sizes();
    say(true, 64);
    calloc_many(blocks, COUNT, BYTES);
    CHECK(look_count > 17);
    CHECK_EQ(zci_written_guess(BYTES), WRITTEN_UNKNOWN);
    say(true, 1);
    calloc_many(blocks + COUNT, COUNT, BYTES);
    CHECK_EQ(zci_written_guess(BYTES), WRITTEN_ALL);
    usleep(1100000);
    say(true, 64);
    calloc_many(blocks + (size_t)2 * COUNT, COUNT, BYTES);
    CHECK_EQ(zci_written_guess(BYTES), WRITTEN_UNKNOWN);
    for (size_t i = 0; i < 3 * (size_t)COUNT; i++)
        zc_free(blocks[i]);
}

static void other_sizes_speak_for_what_is_not_known(void)
{
    enum { BYTES = 20 * BLOCK, OTHER = 23 * BLOCK };

    forget_other_sizes();
    say(true, 64);
    for (size_t i = 0; i < 3; i++)
        zc_free(zc_calloc(1, OTHER));
    CHECK_EQ(zci_written_guess(OTHER), WRITTEN_FEW);
    CHECK_EQ(zci_written_guess(BYTES), WRITTEN_FEW);
    uint64_t last_sample;
    CHECK_EQ(zci_written_expect(1, BYTES, &last_sample), WRITTEN_SAMPLE);
    CHECK_EQ(zci_written_expect(2, BYTES, &last_sample), WRITTEN_FEW);
    forget_other_sizes();
    CHECK_EQ(zci_written_guess(OTHER), WRITTEN_FEW);
    CHECK_EQ(zci_written_guess(BYTES), WRITTEN_UNKNOWN);
}

/* The memory was another's, so the first block of its size is a sample that has to be made so. */
static void used_memory_becomes_a_sample(void)
{
    enum { BYTES = 7 * BLOCK };

    forget_other_sizes();
    say(true, 1);
    char *block = calloc_again(zc_malloc(BYTES), BYTES);
    CHECK(was_given_back(block, BYTES));
    CHECK_EQ(look_count, 0);
    block = calloc_again(block, BYTES);
    CHECK_EQ(look_count, 17);
    CHECK_EQ(zci_written_guess(BYTES), WRITTEN_ALL);
    CHECK_EQ(clear_count, zci_os_calls_native.clear != NULL);
    zc_free(block);
}

static void so_do_blocks_of_a_private_heap(void)
{
    /* Too short to be filled with pages of others, which would be asked about. */
    enum { BYTES = 6 * BLOCK };
    struct zc_heap *heap = zc_heap_new();

    say(true, 64);
    char *block = zc_heap_calloc(heap, 1, BYTES);
    CHECK(block != NULL && is_zero(block, BYTES));
    CHECK_EQ(look_count, 0);
    zc_heap_free(heap, block);
    CHECK_EQ(look_count, 17);
    zc_heap_destroy(heap);
}

int main(void)
{
    zci_bootstrap();
    zci_options.gc_ms = 0; /* nobody else asks about pages */
    calls = *zci_os_calls;
    calls.is_resident = say_resident;
    calls.populate = write_down_populate;
    if (calls.clear != NULL)
        calls.clear = clear;
    zci_os_calls = &calls;
    RUN(up_to_a_page_all_is_written);
    RUN(samples_become_rare);
    RUN(samples_go_on_whatever_was_counted);
    RUN(sizes_are_told_apart_by_quarters);
    RUN(a_look_tells_how_many);
    RUN(a_look_sees_other_pages_of_each_block);
    RUN(tables_with_gaps_are_not_made_resident);
    RUN(what_is_written_all_over_is_cleared_and_made_resident);
    RUN(a_sample_is_looked_at_as_it_ends);
    RUN(half_of_the_blocks_are_not_enough);
    RUN(a_sample_is_looked_at_when_the_next_one_is_due);
    RUN(other_sizes_speak_for_what_is_not_known);
    RUN(used_memory_becomes_a_sample);
    RUN(so_do_blocks_of_a_private_heap);
    return check_done();
}
