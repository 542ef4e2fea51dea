/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* growth_test.c - where the page heap puts blocks that grow, and what room they have there. */
#include "heap/bootstrap.h"
#include "os/footprint.h"
#include "support/fake_os.h"
#include "unit/page_runs.h"

/* A block with room behind it grows there even though small needs came in between, clean or dirty. */
static void room_is_used_last(void)
{
    for (int dirty = 0; dirty <= 1; dirty++) {
        struct span *block = zci_page_heap_alloc_roomy(4, 12);
        CHECK_EQ(block->granules, 4);
        span_set_state(block, SPAN_LARGE);
        struct span *others[4];
        for (int i = 0; i < 4; i++)
            others[i] = take(1);
        CHECK(zci_page_heap_grow(block, 12));
        check_walk(16);
        for (int i = 0; i < 4; i++)
            give(others[i]);
        give(block);
        check_walk(0);
    }
    /* Resident memory with less room is better than fresh memory with all of it. */
    zci_page_heap_release(0);
    give(take(32));
    struct page_heap_stats before, after;
    zci_page_heap_stats(&before);
    struct span *block = zci_page_heap_alloc_roomy(16, 48);
    zci_page_heap_stats(&after);
    CHECK_EQ(after.clean_bytes, before.clean_bytes);
    give(block);
}

/* Blocks that grow by turns stay where they are, and the next ones grow in the same resident memory. */
static void growing_blocks_stay(void)
{
    struct page_heap_stats before, after;
    zci_page_heap_release(0);
    for (int round = 0; round < 3; round++) {
        struct span *blocks[4];
        zci_page_heap_stats(&before);
        for (int i = 0; i < 4; i++) {
            blocks[i] = zci_page_heap_alloc_roomy(2, 64);
            if (!CHECK(blocks[i] != NULL))
                return;
            span_set_state(blocks[i], SPAN_LARGE);
        }
        for (size_t granules = 3; granules <= 32; granules++)
            for (int i = 0; i < 4; i++)
                CHECK(zci_page_heap_grow(blocks[i], granules));
        for (int i = 0; i < 4; i++)
            give(blocks[i]);
        zci_page_heap_stats(&after);
        if (round != 0)
            CHECK_EQ(after.clean_bytes, before.clean_bytes);
        check_walk(0);
    }
}

/* What lies behind a block that may be growing is shared with the next one. */
static void growing_blocks_share_a_run(void)
{
    zci_page_heap_release(0);
    give(take(60));
    struct span *first = zci_page_heap_alloc_roomy(2, 64);
    span_set_state(first, SPAN_LARGE);
    struct span *second = zci_page_heap_alloc_roomy(2, 64);
    span_set_state(second, SPAN_LARGE);
    struct page_heap_stats before, after;
    zci_page_heap_stats(&before);
    CHECK(zci_page_heap_grow(first, 25));
    CHECK(zci_page_heap_grow(second, 25));
    zci_page_heap_stats(&after);
    CHECK_EQ(after.clean_bytes, before.clean_bytes);
    give(first);
    give(second);
    check_walk(0);
}

/* Blocks grow as long as the resident runs are: what is clean behind those is room. It was fresh memory each time, so
 * that resident runs with clean ones between them piled up. */
static void growing_blocks_use_what_others_left(void)
{
    enum { COUNT = 4, GRANULES = 32 };

    struct page_heap_stats before, after;
    zci_page_heap_release(0);
    zci_page_heap_stats(&before);
    for (int round = 0; round < 50; round++) {
        struct span *blocks[COUNT];
        for (int i = 0; i < COUNT; i++) {
            blocks[i] = zci_page_heap_alloc_roomy(GRANULES - round % 2 * 4, 3 * (size_t)GRANULES);
            if (CHECK(blocks[i] != NULL))
                span_set_state(blocks[i], SPAN_LARGE);
        }
        for (int i = 0; i < COUNT; i++)
            give(blocks[i]);
    }
    zci_page_heap_stats(&after);
    CHECK(after.used_bytes - before.used_bytes <= 2 * COUNT * 4 * GRANULES * ZCI_GRANULE_BYTES);
    CHECK(after.dirty_bytes <= 2 * COUNT * GRANULES * ZCI_GRANULE_BYTES);
    check_walk(0);
}

/* The longest resident run has no room, one of the next has. */
static void shorter_runs_are_looked_at(void)
{
    enum { COUNT = 8 };

    struct span *runs[COUNT], *behind[COUNT];
    zci_page_heap_release(0);
    for (int i = 0; i < COUNT; i++) {
        runs[i] = take(i == 2 ? 20 : 28);
        if (!CHECK(runs[i] != NULL))
            return;
        span_set_state(runs[i], SPAN_SMALL); /* nothing that grows */
        behind[i] = take(i == 2 ? 20 : 1);
        if (!CHECK(behind[i] != NULL))
            return;
        span_set_state(behind[i], SPAN_SMALL);
    }
    give(behind[2]);
    zci_page_heap_release(0);
    for (int i = 0; i < COUNT; i++)
        give(runs[i]);
    struct span *block = zci_page_heap_alloc_roomy(24, 72);
    CHECK(block == runs[2]);
    span_set_state(block, SPAN_LARGE);
    CHECK(zci_page_heap_grow(block, 40));
    give(block);
    for (int i = 0; i < COUNT; i++)
        if (i != 2)
            give(behind[i]);
    check_walk(0);
}

/* What lies behind a block is its room, resident or not, in one run or two, and what the arena has left. */
static void blocks_grow_over_what_comes(void)
{
    zci_page_heap_release(0);
    struct span *block = take(10), *resident = take(4), *clean = take(20), *last = take(4);
    if (!CHECK(last == block + 34))
        return;
    give(clean);
    zci_page_heap_release(0);
    give(resident);
    uint64_t held = zci_footprint_bytes();
    CHECK(!zci_page_heap_grow(block, 35));
    CHECK_EQ(zci_footprint_bytes(), held);
    CHECK(zci_page_heap_grow(block, 30));
    CHECK_EQ(zci_footprint_bytes(), held + 16 * ZCI_GRANULE_BYTES);
    check_walk(34);
    give(last); /* four clean ones, then four resident ones */
    CHECK(zci_page_heap_grow(block, 40));
    CHECK_EQ(zci_footprint_bytes(), held + 22 * ZCI_GRANULE_BYTES);
    check_walk(40);
    zci_footprint_set_hard_limit(zci_footprint_bytes());
    CHECK(!zci_page_heap_grow(block, 41));
    zci_footprint_set_hard_limit(FOOTPRINT_NO_LIMIT);
    check_walk(40);
    give(block);
    check_walk(0);
}

/* Where only little is resident, clean memory is better: pages can move there, and it reads zero. */
static void mostly_clean_is_clean(void)
{
    zci_page_heap_release(0);
    give(take(60));
    zci_page_heap_release(0);
    struct span *first = take(11), *rest = take(49);
    CHECK(rest == first + 11);
    give(rest);
    zci_page_heap_release(0);
    give(first);
    struct span *block = zci_page_heap_alloc_roomy(24, 30);
    CHECK(block != NULL && block->clean);
    span_set_state(block, SPAN_LARGE);
    give(block);
    check_walk(0);
}

/* Room of fresh memory costs address space only, but not without end. */
static void room_has_a_limit(void)
{
    enum { COUNT = 300, GRANULES = 10 };

    static struct span *blocks[COUNT];
    struct page_heap_stats before, after;
    zci_page_heap_release(0);
    zci_page_heap_stats(&before);
    for (int i = 0; i < COUNT; i++) {
        blocks[i] = zci_page_heap_alloc_roomy(GRANULES, 64);
        if (CHECK(blocks[i] != NULL))
            span_set_state(blocks[i], SPAN_LARGE);
    }
    zci_page_heap_stats(&after);
    size_t most = ((size_t)64 << 20) + (COUNT * 4 + 64) * GRANULES * ZCI_GRANULE_BYTES;
    CHECK(after.used_bytes - before.used_bytes <= most);
    for (int i = 0; i < COUNT; i++)
        give(blocks[i]);
    zci_page_heap_release(0);
    check_walk(0);
}

/* What lies behind a block for it to grow into is not its own: no limit counts it. */
static void room_is_not_charged(void)
{
    zci_page_heap_release(0);
    uint64_t held = zci_footprint_bytes();
    zci_footprint_set_hard_limit(held + 10 * ZCI_GRANULE_BYTES);
    CHECK(zci_page_heap_alloc(11, 1, 0) == NULL);
    struct span *span = zci_page_heap_alloc_roomy(10, 30);
    CHECK(span != NULL);
    CHECK_EQ(zci_footprint_bytes(), held + 10 * ZCI_GRANULE_BYTES);
    CHECK(zci_page_heap_alloc(1, 1, 0) == NULL);
    span_set_state(span, SPAN_LARGE);
    give(span);
    /* What a block gets of clean memory behind a resident run is its own, and may be too much. */
    CHECK(zci_page_heap_alloc_roomy(11, 30) == NULL);
    check_walk(0);
    zci_footprint_set_hard_limit(held + 11 * ZCI_GRANULE_BYTES);
    CHECK((span = zci_page_heap_alloc_roomy(11, 30)) != NULL);
    CHECK_EQ(zci_footprint_bytes(), held + 11 * ZCI_GRANULE_BYTES);
    CHECK_EQ(span->granules, 11);
    zci_footprint_set_hard_limit(FOOTPRINT_NO_LIMIT);
    span_set_state(span, SPAN_LARGE);
    CHECK(zci_page_heap_grow(span, 41));
    give(span);
    zci_page_heap_release(0);
    CHECK_EQ(zci_footprint_bytes(), held);
    check_walk(0);
}

int main(void)
{
    fake_os_install();
    zci_bootstrap();
    RUN(blocks_grow_over_what_comes); /* first: at the frontier */
    RUN(room_is_used_last);
    RUN(growing_blocks_stay);
    RUN(growing_blocks_share_a_run);
    RUN(growing_blocks_use_what_others_left);
    RUN(shorter_runs_are_looked_at);
    RUN(mostly_clean_is_clean);
    RUN(room_has_a_limit);
    RUN(room_is_not_charged);
    return check_done();
}
