/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* populate_test.c - pages of small blocks and of metadata are asked for in one go: which, when, and none twice. The
 * system call only writes down what it was asked for, so the test is the same on systems that lack it. */
#include "base/bits.h"
#include "base/size_class.h"
#include "heap/bootstrap.h"
#include "os/os.h"
#include "pagemap/meta_arena.h"
#include "support/check.h"
#include "zcmalloc.h"

#include <errno.h>

#define PAGES_MAX 65536

static struct os_calls calls;
static uintptr_t asked[PAGES_MAX]; /* page numbers, an open hash table; 0: none */
static size_t asked_count;
static size_t twice_count;
static size_t call_count;
/* So many metadata blocks are taken by the next calls, as by threads that run meanwhile. */
static size_t allocs_inside;

static uintptr_t *place_of(uintptr_t page)
{
    size_t i = page * 0x9e3779b1U % PAGES_MAX;
    while (asked[i] != 0 && asked[i] != page)
        i = (i + 1) % PAGES_MAX;
    return &asked[i];
}

static bool was_asked_for(const void *address)
{
    return *place_of((uintptr_t)address / zci_os_page_bytes()) != 0;
}

static int write_down(void *start, size_t bytes)
{
    size_t page_bytes = zci_os_page_bytes();
    CHECK_EQ((uintptr_t)start % page_bytes, 0);
    CHECK_EQ(bytes % page_bytes, 0);
    call_count++;
    if (allocs_inside != 0) {
        allocs_inside--;
        CHECK(zci_meta_block_alloc(0) != NULL);
    }
    for (size_t i = 0; i < bytes / page_bytes; i++) {
        uintptr_t *place = place_of((uintptr_t)start / page_bytes + i);
        twice_count += *place != 0;
        asked_count += *place == 0;
        *place = (uintptr_t)start / page_bytes + i;
    }
    return 0;
}

static void forget(void)
{
    memset(asked, 0, sizeof asked);
    asked_count = twice_count = call_count = 0;
}

#define BLOCKS_MAX 65536
static void *blocks[BLOCKS_MAX];

static void allocate(size_t count, size_t size)
{
    for (size_t i = 0; i < count; i++)
        CHECK((blocks[i] = zc_malloc(size)) != NULL);
}

static void free_all(size_t count)
{
    for (size_t i = 0; i < count; i++)
        zc_free(blocks[i]);
}

static size_t count_not_asked_for(size_t count)
{
    size_t others = 0;
    for (size_t i = 0; i < count; i++)
        others += !was_asked_for(blocks[i]);
    return others;
}

/* 2.5 MiB. A fetch that goes from one span to the next asks for the pages of one of them, now and then, so some first
 * pages are missed. What is asked for too early is a sixteenth, and at most a batch. */
static void pages_of_small_blocks(void)
{
    enum { COUNT = 40000, SIZE = 64 };

    size_t needed = (size_t)COUNT * SIZE / zci_os_page_bytes();
    forget();
    allocate(COUNT, SIZE);
    CHECK(count_not_asked_for(COUNT) < COUNT / 50);
    CHECK(asked_count >= needed - needed / 50);
    CHECK(asked_count <= needed + needed / 8 + 4 * ZCI_GRANULE_BYTES / zci_os_page_bytes());
    CHECK_EQ(twice_count, 0);
    /* By sixteenths of the first spans, then by more: not by the page. */
    CHECK(call_count < 200);
    free_all(COUNT);
}

/* The pages that were used a moment ago are resident. */
static void not_what_was_used_before(void)
{
    enum { COUNT = 40000, SIZE = 64 };

    forget();
    allocate(COUNT / 2, SIZE);
    CHECK_EQ(asked_count, 0);
    free_all(COUNT / 2);
}

/* The start of a class: what was fetched, and nothing beyond. */
static void few_blocks(void)
{
    enum { COUNT = 6 };

    size_t page_bytes = zci_os_page_bytes();
    if (page_bytes > 4096)
        return; /* blocks up to 4 KiB, and none is a page */
    zc_trim(0);
    forget();
    allocate(COUNT, 2048);
    CHECK_EQ(count_not_asked_for(COUNT), 0);
    CHECK(asked_count <= 8);
    free_all(COUNT);
}

static bool is_resident;

static bool say_resident(void *page)
{
    bool is_block = (uintptr_t)page >> 36 == (uintptr_t)blocks[0] >> 36;
    return is_resident || !is_block;
}

/* They may have more pages than are ever touched. */
static void blocks_of_many_pages(void)
{
    enum { SIZE = 32768, FEW = 32, MANY = 400, MORE = 1600 };

    is_resident = false;
    zc_trim(0);
    forget();
    allocate(FEW, SIZE);
    CHECK_EQ(asked_count, 0);
    free_all(FEW);
    allocate(MANY, SIZE);
    CHECK_EQ(asked_count, 0);
    free_all(MANY);
    /* Once they are seen to be written to; but for the samples. */
    is_resident = true;
    zc_trim(0);
    allocate(MORE, SIZE);
    CHECK(asked_count != 0);
    free_all(MORE);
    zc_trim(0);
    forget();
    allocate(MANY, SIZE);
    CHECK(count_not_asked_for(MANY) < MANY / 8);
    CHECK_EQ(twice_count, 0);
    free_all(MANY);
}

static void pages_of_a_private_heap(void)
{
    enum { COUNT = 20000, SIZE = 64 };
    struct zc_heap *heap = zc_heap_new();
    CHECK(heap != NULL);
    zc_trim(0);
    forget();
    for (size_t i = 0; i < COUNT; i++)
        CHECK((blocks[i] = zc_heap_malloc(heap, SIZE)) != NULL);
    CHECK(count_not_asked_for(COUNT) < COUNT / 20);
    CHECK_EQ(twice_count, 0);
    zc_heap_destroy(heap);
}

/* By more the more there is, up to 64 KiB; and nobody waits until they are there. */
static void pages_of_metadata(void)
{
    enum { COUNT = 512, BYTES = 4096 };

    forget();
    allocs_inside = 10;
    for (size_t i = 0; i < COUNT; i++)
        CHECK((blocks[i] = zci_meta_alloc(BYTES)) != NULL);
    CHECK(count_not_asked_for(COUNT) < COUNT / 8);
    CHECK_EQ(twice_count, 0);
    CHECK(call_count < COUNT / 4);
    CHECK_EQ(allocs_inside, 0);
}

/* Twice as many bytes take one mapping more, up to 4 MiB each. */
static void mappings_of_metadata(void)
{
    enum { COUNT = 4096, BYTES = 4096, CHUNK_MIB_MOST = 4 };

    size_t mapping_count = 0;
    uint64_t mapped_most = 0;

    for (size_t i = 0; i < COUNT; i++) {
        uint64_t mapped = zci_meta_mapped_bytes();
        CHECK(zci_meta_alloc(BYTES) != NULL);
        mapped = zci_meta_mapped_bytes() - mapped;
        mapping_count += mapped != 0;
        mapped_most = mapped > mapped_most ? mapped : mapped_most;
    }
    CHECK_EQ(mapped_most, (uint64_t)CHUNK_MIB_MOST << 20);
    CHECK(mapping_count <= (size_t)COUNT * BYTES / ((size_t)CHUNK_MIB_MOST << 20) + 3);
}

/* Last, for what is learnt stays: an answer that says the kernel does not know the call ends all of them. */
static void a_system_without_the_call_is_asked_once(void)
{
    size_t page_bytes = zci_os_page_bytes();
    char *pages = zci_os_reserve(2 * page_bytes, page_bytes);
    CHECK(pages != NULL && zci_os_commit(pages, 2 * page_bytes));
    /* Darwin has none, nor has Linux before 5.14. */
    bool is_known = zci_os_calls_native.populate(pages, page_bytes) == 0;
    errno = 0;
    CHECK_EQ(zci_os_calls_native.populate(pages + 1, page_bytes), -1);
    CHECK(!is_known || errno == EINVAL);
    errno = 0;
    CHECK_EQ(zci_os_calls_native.populate(pages + page_bytes, page_bytes), -1);
    CHECK_EQ(errno, 0);
    zci_os_release(pages, 2 * page_bytes);
}

int main(void)
{
    zci_bootstrap();
    calls = *zci_os_calls;
    calls.populate = write_down;
    calls.is_resident = say_resident;
    zci_os_calls = &calls;
    RUN(pages_of_small_blocks);
    RUN(not_what_was_used_before);
    RUN(few_blocks);
    RUN(blocks_of_many_pages);
    RUN(pages_of_a_private_heap);
    RUN(pages_of_metadata);
    RUN(mappings_of_metadata);
    RUN(a_system_without_the_call_is_asked_once);
    return check_done();
}
