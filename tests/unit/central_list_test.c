/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* central_list_test.c - how many empty spans a list keeps, and what becomes of them and of cached runs before the page
 * heap grows; from which span blocks are taken, while one is swept too. */
#include "base/size_class.h"
#include "central/central_list.h"
#include "central/page_heap.h"
#include "central/run_cache.h"
#include "os/os.h"
#include "pagemap/pagemap.h"
#include "support/check.h"
#include "zcmalloc.h"

enum { BLOCK_BYTES = 512, OTHER_BYTES = 640, SWUNG_SPANS = 8, KEPT_SPANS = 4, RUN_BYTES = 1 << 20 };

static unsigned class_index;
static void *blocks[SWUNG_SPANS * ZCI_GRANULE_BYTES / BLOCK_BYTES];

static struct central_stats stats_of(unsigned index)
{
    struct central_stats stats;
    zci_central_stats(index, &stats);
    return stats;
}

static void swing(size_t spans)
{
    size_t count = spans * zci_size_classes[class_index].capacity;
    CHECK_EQ(zci_central_fetch(class_index, 0, blocks, count), count);
    zci_central_return(class_index, blocks, count);
}

static void a_list_keeps_one_empty_span(void)
{
    swing(1);
    CHECK_EQ(stats_of(class_index).span_count, 1);
    swing(2);
    CHECK_EQ(stats_of(class_index).span_count, 1);
}

/* A program that swings by several spans does not carry them to the page heap and back for ever. */
static void it_keeps_more_for_who_swings(void)
{
    for (int i = 0; i < 4; i++)
        swing(KEPT_SPANS);
    uint64_t made_before = stats_of(class_index).span_made_count;
    for (int i = 0; i < 4; i++)
        swing(KEPT_SPANS);
    CHECK_EQ(stats_of(class_index).span_made_count, made_before);
    CHECK_EQ(stats_of(class_index).span_count, KEPT_SPANS);
}

static void but_not_any_number(void)
{
    for (int i = 0; i < 8; i++)
        swing(SWUNG_SPANS);
    CHECK_EQ(stats_of(class_index).span_count, KEPT_SPANS);
}

/* Another class takes a span while no free run is resident: the page heap need not grow for it. */
static void another_span_takes_no_new_pages(void)
{
    unsigned other_class = size_class_of(OTHER_BYTES);
    struct page_heap_stats before, after;
    void *other;
    zci_page_heap_release(0);
    zci_page_heap_stats(&before);
    CHECK_EQ(before.dirty_bytes, 0);
    CHECK_EQ(zci_central_fetch(other_class, 0, &other, 1), 1);
    zci_page_heap_stats(&after);
    CHECK_EQ(after.fresh_count + after.refault_count, before.fresh_count + before.refault_count);
    zci_central_return(other_class, &other, 1);
    zci_central_drain(0);
}

/* What lists keep is used before the page heap takes more: no memory is resident that another class could have. */
static void growth_takes_them_first(void)
{
    CHECK_EQ(stats_of(class_index).span_count, KEPT_SPANS);
    another_span_takes_no_new_pages();
    CHECK_EQ(stats_of(class_index).span_count, 0);
}

/* So is what the run cache keeps for the next large block. */
static void and_cached_runs(void)
{
    zc_free(zc_malloc(RUN_BYTES));
    CHECK_EQ(zci_run_cache_bytes(), RUN_BYTES);
    another_span_takes_no_new_pages();
    CHECK_EQ(zci_run_cache_bytes(), 0);
}

/* Two full spans: the first one's blocks, then the second one's. How many blocks each has. */
static size_t fill_two(struct span **first, struct span **second)
{
    size_t capacity = zci_size_classes[class_index].capacity;
    for (size_t i = 0; i < 2; i++)
        CHECK_EQ(zci_central_fetch(class_index, 0, blocks + i * capacity, capacity), capacity);
    *first = pagemap_get((uintptr_t)blocks[0]);
    *second = pagemap_get((uintptr_t)blocks[capacity]);
    CHECK_EQ((*first)->used, capacity);
    CHECK_EQ((*second)->used, capacity);
    return capacity;
}

static struct span *span_of_next(void **block)
{
    CHECK_EQ(zci_central_fetch(class_index, 0, block, 1), 1);
    return pagemap_get((uintptr_t)*block);
}

/* Whichever of them a block came back to last. */
static void blocks_come_from_the_fullest_span(void)
{
    struct span *first, *second;
    size_t capacity = fill_two(&first, &second);
    for (size_t i = 0; i < 2; i++) {
        struct span *fuller = i == 0 ? second : first;
        void **of_fuller = blocks + (i == 0 ? capacity : 0);
        void **of_emptier = blocks + (i == 0 ? 0 : capacity);
        zci_central_return(class_index, of_fuller, 1);
        for (size_t b = 0; b < capacity - 1; b++)
            zci_central_return(class_index, of_emptier + b, 1);
        CHECK(span_of_next(of_fuller) == fuller);
        CHECK_EQ(zci_central_fetch(class_index, 0, of_emptier, capacity - 1), capacity - 1);
    }
    zci_central_return(class_index, blocks, 2 * capacity);
}

/* Nor is a block of it handed out before the end, however many came back meanwhile. */
static void a_span_that_is_swept_gives_no_block(void)
{
    static struct span_image image;
    struct span *first, *second;
    void *other;
    size_t capacity = fill_two(&first, &second);
    zci_central_return(class_index, blocks, 1);
    CHECK(zci_central_sweep_begin(first, 0, &image));
    zci_central_return(class_index, blocks + 1, capacity - 2);
    CHECK(span_of_next(&other) != first);
    zci_central_return(class_index, &other, 1);
    zci_central_sweep_end(first, 0);
    CHECK_EQ(first->used, 1);
    zci_central_return(class_index, blocks + capacity - 1, capacity + 1);
}

/* What went with the last sweep goes on being gone: blocks only came back. */
static void a_second_sweep_counts_what_is_new(void)
{
    static struct span_image image;
    struct span *first, *second;
    size_t capacity = fill_two(&first, &second);
    static const size_t purged[] = {3, 2, 5};
    static const size_t gone[] = {3, 0, 2};
    for (size_t i = 0; i < 3; i++) {
        zci_central_return(class_index, blocks + i, 1);
        CHECK(zci_central_sweep_begin(first, 0, &image));
        CHECK_EQ(zci_central_sweep_end(first, purged[i]), gone[i]);
    }
    CHECK_EQ(stats_of(class_index).purged_bytes, 5 * zci_os_page_bytes());
    CHECK_EQ(first->purged_pages, 5);
    zci_central_return(class_index, blocks + 3, 2 * capacity - 3);
}

int main(void)
{
    zc_free(zc_malloc(1));
    class_index = size_class_of(BLOCK_BYTES);
    CHECK_EQ(zci_size_classes[class_index].granules, 1);
    CHECK_EQ(stats_of(class_index).span_count, 0);
    RUN(a_list_keeps_one_empty_span);
    RUN(it_keeps_more_for_who_swings);
    RUN(but_not_any_number);
    RUN(growth_takes_them_first);
    RUN(and_cached_runs);
    RUN(blocks_come_from_the_fullest_span);
    RUN(a_span_that_is_swept_gives_no_block);
    RUN(a_second_sweep_counts_what_is_new);
    return check_done();
}
