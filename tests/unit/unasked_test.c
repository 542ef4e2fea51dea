/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* unasked_test.c - free memory that became resident because a block beside it was touched, as where the system makes
 * huge pages unasked. Here the test touches it, so that it is so anywhere. Each case in a process of its own. */
#include "base/bits.h"
#include "central/page_heap.h"
#include "heap/bootstrap.h"
#include "os/footprint.h"
#include "support/fake_os_child.h"
#include "zcmalloc.h"

#define UNIT ((size_t)2 << 20)

static struct page_heap_stats stats_now(void)
{
    struct page_heap_stats stats;
    zci_page_heap_stats(&stats);
    return stats;
}

static uint64_t dirty_granules(void)
{
    return stats_now().dirty_bytes / ZCI_GRANULE_BYTES;
}

static struct span *live(struct span *span)
{
    if (!CHECK(span != NULL))
        _exit(1);
    span_set_state(span, SPAN_LARGE);
    return span;
}

static void give(struct span *span)
{
    span_set_state(span, SPAN_CACHED);
    zci_page_heap_note_touched(span, false);
    zci_page_heap_free(span);
}

static void touch(uint64_t address)
{
    *(volatile char *)address = 1;
}

/* The system makes none in the heap's first 16 MiB, where it would. */
static void without_huge_pages(void)
{
    struct arena *arena = *zci_page_heap_arenas();
    if (CHECK(arena != NULL) && zci_os_calls_native.advise_huge != NULL)
        (void)zci_os_calls_native.advise_huge((void *)arena->start, 8 * UNIT, false);
}

/* A block at the start of 2 MiB, with free memory behind it that goes beyond them; how much of it is within. */
static struct span *block_with_room(uint64_t *rest)
{
    zci_bootstrap();
    struct span *block = live(zci_page_heap_alloc_roomy(2, 64));
    without_huge_pages();
    CHECK_EQ(block->start % UNIT, 0);
    CHECK_EQ(dirty_granules(), 0);
    *rest = UNIT / ZCI_GRANULE_BYTES - 2;
    return block;
}

/* As the first touch of the block would if it made a huge page. */
static void make_resident(const struct span *block)
{
    touch(span_end(block));
    touch(block->start + UNIT - 1);
}

static void memory_behind_a_block_goes_back(void)
{
    uint64_t rest;
    struct span *block = block_with_room(&rest);
    uint64_t end = span_end(block);
    uint64_t held = zci_footprint_bytes();
    make_resident(block);
    give(block);
    CHECK_EQ(dirty_granules(), 2 + rest);
    CHECK_EQ(zci_footprint_bytes(), held + rest * ZCI_GRANULE_BYTES);
    CHECK_EQ(zci_page_heap_release(0), (2 + rest) * ZCI_GRANULE_BYTES);
    CHECK(!zci_os_is_resident((void *)end));
    CHECK(!zci_os_is_resident((void *)(end - 2 * ZCI_GRANULE_BYTES + UNIT - 1)));
    CHECK_EQ(zci_footprint_bytes(), held - 2 * ZCI_GRANULE_BYTES);
}

static void free_again(int count)
{
    for (int i = 0; i < count; i++)
        give(live(zci_page_heap_alloc(2, 1, 0)));
}

/* Where nobody looked as the block was freed, as nobody does for spans of small blocks. */
static void free_unseen(struct span *block)
{
    make_resident(block);
    span_set_state(block, SPAN_CACHED);
    zci_page_heap_free(block);
    CHECK_EQ(dirty_granules(), 2);
}

static void it_goes_with_what_is_given_back(void)
{
    uint64_t rest;
    struct span *block = block_with_room(&rest);
    uint64_t end = span_end(block);
    give(block);
    free_again(200); /* looks in vain: here none is left out for that */
    CHECK(live(zci_page_heap_alloc(2, 1, 0)) == block);
    free_unseen(block);
    CHECK_EQ(zci_page_heap_release(0), (2 + rest) * ZCI_GRANULE_BYTES);
    CHECK_EQ(dirty_granules(), 0);
    CHECK(!zci_os_is_resident((void *)end));
}

static void it_goes_with_what_is_idle(void)
{
    uint64_t rest;
    uint64_t released = 0;
    struct span *block = block_with_room(&rest);
    uint64_t end = span_end(block);
    free_unseen(block);
    for (int step = 0; step < 100; step++)
        released += zci_page_heap_decay(50, 1000);
    CHECK_EQ(released, (2 + rest) * ZCI_GRANULE_BYTES);
    CHECK_EQ(dirty_granules(), 0);
    CHECK(!zci_os_is_resident((void *)end));
}

/* What a limit refuses is not asked for again and again, and does not stay. */
static void it_goes_at_once_beyond_a_limit(void)
{
    uint64_t rest;
    struct span *block = block_with_room(&rest);
    uint64_t end = span_end(block);
    free_unseen(block);
    zci_footprint_set_hard_limit(zci_footprint_bytes());
    CHECK_EQ(zci_page_heap_release(0), 2 * ZCI_GRANULE_BYTES);
    CHECK_EQ(dirty_granules(), 0);
    CHECK(!zci_os_is_resident((void *)end));
}

static void memory_before_a_block_goes_back(void)
{
    zci_bootstrap();
    struct span *first = live(zci_page_heap_alloc(40, 1, 0));
    struct span *second = live(zci_page_heap_alloc(8, 1, 0));
    without_huge_pages();
    uint64_t start = first->start + UNIT; /* the rest of what is free is no part of it */
    CHECK_EQ(second->start, start + 8 * ZCI_GRANULE_BYTES);
    give(first);
    zci_page_heap_release(0);
    CHECK_EQ(dirty_granules(), 0);
    touch(start);
    touch(second->start - 1);
    give(second);
    CHECK_EQ(dirty_granules(), 16);
    zci_page_heap_release(0);
    CHECK(!zci_os_is_resident((void *)start));
}

static void a_block_that_grew_looks_as_it_is_freed(void)
{
    enum { GRANULES = 4 };

    zc_free(zc_malloc(1));
    without_huge_pages();
    char *block = zc_realloc(zc_malloc(60000), GRANULES * ZCI_GRANULE_BYTES);
    uint64_t end = (uint64_t)block + GRANULES * ZCI_GRANULE_BYTES;
    uint64_t last = align_up(end, UNIT);
    CHECK(block != NULL && end != last);
    uint64_t before = dirty_granules();
    touch(end);
    touch(last - 1);
    zc_free(block);
    zc_free(zc_realloc(zc_malloc(60000), GRANULES * ZCI_GRANULE_BYTES)); /* the first may pause */
    CHECK_EQ(dirty_granules(), before + GRANULES + (last - end) / ZCI_GRANULE_BYTES);
}

/* Its own pages go to the new place, and what is clean then has no resident neighbour by which it would be found. */
static void a_block_whose_pages_move_looks(void)
{
    enum { GRANULES = 40 };

    zc_free(zc_malloc(1));
    without_huge_pages();
    char *block = zc_realloc(zc_malloc(60000), GRANULES * ZCI_GRANULE_BYTES);
    live(zci_page_heap_alloc(200, 1, 0)); /* behind the block's room */
    uint64_t end = (uint64_t)block + GRANULES * ZCI_GRANULE_BYTES;
    uint64_t last = align_up(end, UNIT);
    CHECK(block != NULL && end != last);
    zc_free(zc_realloc(zc_malloc(60000), ZCI_GRANULE_BYTES * 2)); /* a look in vain, then a pause */
    touch(end);
    touch(last - 1);
    CHECK(zc_realloc(block, (size_t)10 * GRANULES * ZCI_GRANULE_BYTES) != block);
    zci_page_heap_release(0);
    CHECK(!zci_os_is_resident((void *)end));
    CHECK(!zci_os_is_resident((void *)(last - 1)));
}

/* What is free ends where another block begins. */
static void others_pages_say_nothing(void)
{
    uint64_t rest;
    struct span *block = block_with_room(&rest);
    struct span *other = live(zci_page_heap_alloc(66 - 10, 1, 0)); /* from the far end */
    CHECK_EQ(other->start, block->start + 10 * ZCI_GRANULE_BYTES);
    make_resident(block);
    give(block);
    CHECK_EQ(dirty_granules(), 2);
    touch(other->start - 1);
    give(live(zci_page_heap_alloc(2, 1, 0)));
    give(live(zci_page_heap_alloc(2, 1, 0))); /* the first may pause */
    CHECK_EQ(dirty_granules(), 10);
}

static void nor_do_those_before(void)
{
    zci_bootstrap();
    struct span *other = live(zci_page_heap_alloc(10, 1, 0));
    struct span *free_run = live(zci_page_heap_alloc(4, 1, 0));
    struct span *block = live(zci_page_heap_alloc(2, 1, 0));
    without_huge_pages();
    CHECK_EQ(block->start, other->start + 14 * ZCI_GRANULE_BYTES);
    give(free_run);
    zci_page_heap_release(0);
    touch(other->start);
    touch(block->start - 1);
    give(block);
    CHECK_EQ(dirty_granules(), 2);
}

/* It is where the next growing block begins, and a small need is met. */
static void others_use_it(void)
{
    uint64_t rest;
    struct span *block = block_with_room(&rest);
    make_resident(block);
    zci_page_heap_note_touched(block, false);
    CHECK_EQ(dirty_granules(), rest);
    uint64_t fresh = stats_now().fresh_count;
    struct span *next = live(zci_page_heap_alloc_roomy(2, 64));
    struct span *small = live(zci_page_heap_alloc(1, 1, 0));
    CHECK_EQ(next->start / UNIT, block->start / UNIT);
    CHECK_EQ(small->start / UNIT, block->start / UNIT);
    CHECK_EQ(stats_now().fresh_count, fresh);
    CHECK(!next->clean && !small->clean);
}

static void a_limit_holds(void)
{
    uint64_t rest;
    struct span *block = block_with_room(&rest);
    uint64_t held = zci_footprint_bytes();
    zci_footprint_set_hard_limit(held + ZCI_GRANULE_BYTES);
    make_resident(block);
    give(block);
    CHECK_EQ(dirty_granules(), 2);
    CHECK_EQ(zci_footprint_bytes(), held);
}

/* A page of some KiB goes beyond the block, but not to the end of 2 MiB. */
static void a_larger_page_is_no_huge_page(void)
{
    uint64_t rest;
    struct span *block = block_with_room(&rest);
    touch(span_end(block));
    give(block);
    CHECK_EQ(dirty_granules(), 2);
}

static void who_cannot_ask_finds_nothing(void)
{
    uint64_t rest;
    struct span *block = block_with_room(&rest);
    make_resident(block);
    fake_os.fail_at = fake_os.call_count + 1;
    fake_os.fail_count = -1;
    give(block);
    CHECK_EQ(dirty_granules(), 2);
}

/* Where none are made it is hardly ever asked; and still noticed when some are. */
static void looks_in_vain_are_few(void)
{
    enum { COUNT = 640, PAUSE = 63 };

    uint64_t rest;
    struct span *block = block_with_room(&rest);
    give(block);
    long before = fake_os.call_count;
    free_again(COUNT);
    CHECK(fake_os.call_count - before >= COUNT / (PAUSE + 1));
    CHECK(fake_os.call_count - before <= 2 * COUNT / (PAUSE + 1));
    make_resident(block);
    free_again(PAUSE + 1);
    CHECK_EQ(dirty_granules(), 2 + rest);
}

int main(void)
{
    if (!zci_os_moves_pages()) {
        check_skip("the system does not tell what is resident");
        return check_done();
    }
    CHECK_EQ(fake_os_in_child(memory_behind_a_block_goes_back), 0);
    CHECK_EQ(fake_os_in_child(it_goes_with_what_is_given_back), 0);
    CHECK_EQ(fake_os_in_child(it_goes_with_what_is_idle), 0);
    CHECK_EQ(fake_os_in_child(it_goes_at_once_beyond_a_limit), 0);
    CHECK_EQ(fake_os_in_child(memory_before_a_block_goes_back), 0);
    CHECK_EQ(fake_os_in_child(a_block_that_grew_looks_as_it_is_freed), 0);
    CHECK_EQ(fake_os_in_child(a_block_whose_pages_move_looks), 0);
    CHECK_EQ(fake_os_in_child(others_pages_say_nothing), 0);
    CHECK_EQ(fake_os_in_child(nor_do_those_before), 0);
    CHECK_EQ(fake_os_in_child(others_use_it), 0);
    CHECK_EQ(fake_os_in_child(a_limit_holds), 0);
    CHECK_EQ(fake_os_in_child(a_larger_page_is_no_huge_page), 0);
    CHECK_EQ(fake_os_in_child(who_cannot_ask_finds_nothing), 0);
    CHECK_EQ(fake_os_in_child(looks_in_vain_are_few), 0);
    return check_done();
}
