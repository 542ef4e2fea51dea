/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* move_test.c - pages that move instead of being faulted in or copied: under a new large block, out of free runs that
 * are too short for it, and with a block that grows; by the system's call, also where it sees several mappings. Each in
 * a process of its own. Where pages do not move only contents are checked. */
#include "central/decay.h"
#include "central/written.h"
#include "support/check.h"
#include "support/fake_os_child.h"
#include "zcmalloc.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB  ((size_t)1 << 20)
#define UNIT (2 * MIB)
#define ODD  ((size_t)320 << 10)

static int can_move;

static uint64_t moved_bytes(void)
{
    struct os_call_stats stats;
    zci_os_call_stats(OS_MOVE, &stats);
    return stats.bytes;
}

/* Of the pages that lie whole in [start, start + bytes). */
static size_t resident_bytes(const char *start, size_t bytes)
{
    size_t sum = 0;
    for (size_t at = 0; at < bytes; at += zci_os_page_bytes())
        sum += zci_os_is_resident((void *)(start + at)) ? zci_os_page_bytes() : 0;
    return sum;
}

static void mark(char *start, size_t from, size_t to)
{
    for (size_t at = from; at < to; at += 4096)
        start[at] = (char)(at / 4096 + 1);
}

static int is_marked(const char *start, size_t from, size_t to)
{
    for (size_t at = from; at < to; at += 4096)
        if (start[at] != (char)(at / 4096 + 1))
            return 0;
    return 1;
}

/* How far it is to the next multiple of what moves as a whole. */
static size_t skip_of(const char *start)
{
    return -(uintptr_t)start % UNIT;
}

/* What of [start, start + bytes) can move. */
static size_t whole_bytes(const char *start, size_t bytes)
{
    return bytes < skip_of(start) ? 0 : (bytes - skip_of(start)) / UNIT * UNIT;
}

/* A run of so many bytes is free, and resident if it was touched. What of it can move. */
static size_t leave_run(size_t bytes, int is_touched)
{
    char *block = zc_malloc(bytes);
    CHECK(block != NULL);
    if (is_touched)
        mark(block, 0, bytes);
    zc_free(block);
    return whole_bytes(block, bytes);
}

static void new_block_gets_free_pages(void)
{
    size_t run = leave_run(24 * MIB, 1);
    char *block = zc_malloc(46 * MIB);
    CHECK(block != NULL && run >= 22 * MIB);
    if (can_move) {
        CHECK_EQ(moved_bytes(), run);
        CHECK_EQ(resident_bytes(block + skip_of(block), run), run);
        CHECK_EQ(resident_bytes(block, 46 * MIB), run);
    }
    mark(block, 0, 46 * MIB);
    CHECK(is_marked(block, 0, 46 * MIB));
    struct zc_stats stats;
    zc_stats_get(&stats, sizeof stats);
    if (can_move)
        CHECK(stats.mapped_bytes < 50 * MIB);
    zc_free(block);
}

static void huge_block_gets_free_pages(void)
{
    size_t run = leave_run(24 * MIB, 1);
    char *block = zc_malloc(300 * MIB + 1);
    CHECK(block != NULL && run >= 22 * MIB);
    if (can_move) {
        CHECK_EQ(moved_bytes(), run);
        CHECK_EQ(resident_bytes(block + skip_of(block), run), run);
    }
    mark(block, 0, 25 * MIB);
    mark(block, 299 * MIB, 300 * MIB);
    CHECK_EQ(zc_limit_set(ZC_LIMIT_HARD, 500 * MIB), 0); /* not two of them */
    block = zc_realloc(block, 400 * MIB);                /* which is several mappings now */
    if (!CHECK(block != NULL))
        return;
    CHECK(is_marked(block, 0, 25 * MIB) && is_marked(block, 299 * MIB, 300 * MIB));
    if (can_move) {
        CHECK(moved_bytes() >= run + 300 * MIB);
        CHECK(resident_bytes(block, 400 * MIB) < 40 * MIB);
    }
    block = zc_realloc(block, 310 * MIB);
    CHECK(is_marked(block, 0, 25 * MIB) && is_marked(block, 299 * MIB, 300 * MIB));
    zc_free(block);
}

/* Of blocks of this size all pages are written to, or few: it is seen of these pages, of which that is so. */
static void learn(size_t size, bool is_all)
{
    size_t bytes = 16 * zci_os_page_bytes();
    char *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (!CHECK(pages != MAP_FAILED))
        return;
    if (zci_os_calls_native.advise_huge != NULL)
        (void)zci_os_calls_native.advise_huge(pages, bytes, false);
    memset(pages, 1, is_all ? bytes : 1);
    for (size_t i = 0; i < 3; i++)
        zci_written_look((uintptr_t)pages, bytes, size);
    CHECK_EQ(zci_written_guess(size), is_all ? WRITTEN_ALL : WRITTEN_FEW);
    munmap(pages, bytes);
}

static void zeroed_block_is_zero(void)
{
    if (can_move)
        learn(20 * MIB, true);
    CHECK(zc_malloc(5 * MIB + ODD) != NULL);
    size_t run = leave_run(12 * MIB, 1);
    char *block = zc_calloc(20, MIB);
    CHECK(block != NULL && (skip_of(block) != 0 || !can_move));
    if (can_move)
        CHECK_EQ(resident_bytes(block, 20 * MIB), skip_of(block) + run);
    for (size_t at = 0; block != NULL && at < 20 * MIB; at += 64)
        if (block[at] != 0)
            CHECK_EQ(at, 20 * MIB);
    zc_free(block);
}

/* What would move there would have to be cleared, and may be wanted elsewhere. */
static void table_with_gaps_is_not_filled(void)
{
    if (can_move)
        learn(20 * MIB, false);
    leave_run(12 * MIB, 1);
    char *block = zc_calloc(20, MIB);
    CHECK_EQ(moved_bytes(), 0);
    if (can_move)
        CHECK_EQ(resident_bytes(block, 20 * MIB), 0);
    /* By malloc it is no table. */
    char *other = zc_malloc(20 * MIB);
    CHECK(moved_bytes() != 0 || !can_move);
    zc_free(other);
    zc_free(block);
}

static void what_moved_away_is_zero(void)
{
    leave_run(24 * MIB, 1);
    char *block = zc_malloc(46 * MIB);
    char *zeroed = zc_calloc(24, MIB); /* where the pages came from */
    CHECK(block != NULL && zeroed != NULL);
    for (size_t at = 0; at < 24 * MIB; at += 64)
        if (zeroed[at] != 0)
            CHECK_EQ(at, 24 * MIB);
    zc_free(zeroed);
    zc_free(block);
}

static void untouched_pages_stay(void)
{
    leave_run(24 * MIB, 0);
    zc_free(zc_malloc(46 * MIB));
    CHECK_EQ(moved_bytes(), 0);
}

static void short_runs_and_short_blocks_stay(void)
{
    enum { RUNS = 8 };

    char *blocks[2 * RUNS];
    for (size_t i = 0; i < 2 * RUNS; i++) {
        blocks[i] = zc_malloc(960 << 10);
        mark(blocks[i], 0, 960 << 10);
    }
    for (size_t i = 0; i < 2 * RUNS; i += 2)
        zc_free(blocks[i]);
    zc_free(zc_malloc(46 * MIB));
    CHECK_EQ(moved_bytes(), 0);
    leave_run(960 << 10, 1);
    zc_free(zc_malloc(1000 << 10));
    CHECK_EQ(moved_bytes(), 0);
}

/* A hole in the run, where no granule begins: what comes before has moved, and the rest has not. */
static void part_of_a_run_moves(void)
{
    size_t page = zci_os_page_bytes();
    char *run = zc_malloc(24 * MIB);
    mark(run, 0, 24 * MIB);
    zc_free(run);
    char *hole = run + skip_of(run) + 12 * MIB + page;
    CHECK_EQ(munmap(hole, page), 0);
    char *block = zc_calloc(30, MIB);
    CHECK(mmap(hole, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
               0) == hole);
    CHECK(!can_move || moved_bytes() == 12 * MIB + page);
    for (size_t at = 0; block != NULL && at < 30 * MIB; at += 64)
        if (block[at] != 0)
            CHECK_EQ(at, 30 * MIB);
    zc_free(block);
}

/* Though there is more that could. */
static void what_is_moved_ends_with_the_block(void)
{
    enum { RUNS = 4 };

    char *runs[RUNS], *fences[RUNS];
    for (int i = 0; i < RUNS; i++) {
        runs[i] = zc_malloc(6 * MIB);
        fences[i] = zc_malloc(5 * MIB + ODD);
        mark(runs[i], 0, 6 * MIB);
        CHECK(fences[i] != NULL);
    }
    for (int i = 0; i < RUNS; i++)
        zc_free(runs[i]);
    char *block = zc_malloc(7 * MIB);
    if (can_move)
        CHECK_EQ(moved_bytes(), whole_bytes(block, 7 * MIB));
    zc_free(block);
}

/* Both places lie anyhow in their page tables: what moves are whole ones all the same. */
static void whole_tables_move(void)
{
    for (size_t odd = 1; odd < 6; odd++) {
        char *before = zc_malloc(odd * ODD + 4 * MIB);
        uint64_t moved_before = moved_bytes();
        size_t run = leave_run(9 * MIB, 1);
        char *fence = zc_malloc(odd * 128 * 1024 + 11 * MIB);
        char *block = zc_malloc(30 * MIB);
        CHECK(before != NULL && fence != NULL && block != NULL);
        if (can_move) {
            CHECK(run >= 6 * MIB);
            CHECK((moved_bytes() - moved_before) % UNIT == 0);
            CHECK_EQ(resident_bytes(block, skip_of(block)), 0);
        }
    }
}

static void works_without(void)
{
    fake_os.fail_move = 1;
    can_move = 0;
    new_block_gets_free_pages();
    zeroed_block_is_zero();
    what_moved_away_is_zero();
}

static long fail_at;

static void survives_a_failure(void)
{
    fake_os.fail_at = fail_at;
    fake_os.fail_count = 1;
    char *block = zc_malloc(24 * MIB);
    if (block != NULL)
        mark(block, 0, 24 * MIB);
    zc_free(block);
    block = zc_calloc(46, MIB);
    for (size_t at = 0; block != NULL && at < 46 * MIB; at += 4096)
        if (block[at] != 0)
            CHECK_EQ(at, 46 * MIB);
    zc_free(block);
    /* 0: all calls were made before. */
    _exit(check_failed_count != 0 ? 1 : fake_os.call_count < fail_at ? 2 : 0);
}

/* Blocks that move each other out of the way: a block that moved and grew is several mappings. */
static void blocks_grow_in_turn(void)
{
    enum { BLOCKS = 3 };

    char *blocks[BLOCKS] = {NULL};
    size_t sizes[BLOCKS] = {0};
    for (size_t size = MIB; size < 40 * MIB; size += MIB + 12345) {
        for (int i = 0; i < BLOCKS; i++) {
            char *grown = zc_realloc(blocks[i], size);
            CHECK(grown != NULL && is_marked(grown, 0, sizes[i]));
            size_t first = (sizes[i] + 4095) / 4096 * 4096;
            mark(grown, first, size);
            blocks[i] = grown;
            sizes[i] = first < size ? size : sizes[i];
        }
    }
    for (int i = 0; i < BLOCKS; i++)
        zc_free(blocks[i]);
}

static void several_mappings_move(void)
{
    enum { PAGES = 32, SECOND = 8, THIRD = 23 };

    size_t page = zci_os_page_bytes(), bytes = PAGES * page;
    char *from = zci_os_reserve(bytes, page), *other = zci_os_reserve(bytes, page);
    char *to = zci_os_reserve(bytes, page);
    CHECK(zci_os_commit(from, bytes) && zci_os_commit(other, bytes) && zci_os_commit(to, bytes));
    memset(other, 1, bytes);
    memset(from, 2, bytes);
    size_t inner = (THIRD - SECOND) * page;
    CHECK_EQ(zci_os_move_pages(other, from + SECOND * page, inner), can_move ? inner : 0);
    for (size_t i = 0; i < PAGES; i++)
        memset(from + i * page, (int)i + 1, page);
    CHECK_EQ(zci_os_move_pages(from, to, bytes), can_move ? bytes : 0);
    for (size_t i = 0; i < PAGES; i++) {
        CHECK_EQ(to[i * page], can_move ? i + 1 : 0);
        CHECK_EQ(from[i * page + page - 1], can_move ? 0 : i + 1);
    }
}

static void filled_pages_were_not_wanted_back(void)
{
    char *shorter = zc_malloc(12 * MIB + ODD), *longer = zc_malloc(30 * MIB);
    CHECK(skip_of(longer) != 0);
    mark(shorter, 0, 12 * MIB);
    mark(longer, 0, 30 * MIB);
    size_t run = can_move ? whole_bytes(shorter, 12 * MIB) : 0;
    zc_free(longer);
    zc_trim(0);
    zc_free(shorter);
    longer = zc_malloc(29 * MIB);
    struct zc_stats stats;
    zc_stats_get(&stats, sizeof stats);
    CHECK_EQ(stats.page_heap_refault_bytes, 29 * MIB - run);
    mark(longer, 0, 29 * MIB);
    zc_free(longer);
    /* Nor were fresh ones. */
    char *fresh = zc_malloc(100 * MIB);
    if (can_move)
        CHECK(moved_bytes() >= run + (29 - 2 * 2) * MIB);
    zc_stats_get(&stats, sizeof stats);
    CHECK_EQ(stats.page_heap_refault_bytes, 29 * MIB - run);
    zc_free(fresh);
}

static void what_is_filled_was_not_given_back_in_vain(void)
{
    struct decay decay = {.purged = 100};
    decay_note_refault(&decay, 60);
    decay_forget_refault(&decay, 50);
    CHECK_EQ(decay.hold, 10);
    CHECK_EQ(decay.refaulted, 10);
    CHECK_EQ(decay.purged, 90);
    decay_forget_refault(&decay, 50);
    CHECK_EQ(decay.hold, 0);
    CHECK_EQ(decay.purged, 100);
}

static void probe(void)
{
    size_t page = zci_os_page_bytes();
    char *pair = zci_os_reserve(2 * page, page);
    CHECK(zci_os_commit(pair, 2 * page));
    _exit(zci_os_move_pages(pair, pair + page, page) == page ? 0 : 1);
}

int main(void)
{
    can_move = fake_os_in_child(probe) == 0;
    CHECK_EQ(fake_os_in_child(new_block_gets_free_pages), 0);
    CHECK_EQ(fake_os_in_child(huge_block_gets_free_pages), 0);
    CHECK_EQ(fake_os_in_child(zeroed_block_is_zero), 0);
    CHECK_EQ(fake_os_in_child(table_with_gaps_is_not_filled), 0);
    CHECK_EQ(fake_os_in_child(what_moved_away_is_zero), 0);
    CHECK_EQ(fake_os_in_child(untouched_pages_stay), 0);
    CHECK_EQ(fake_os_in_child(short_runs_and_short_blocks_stay), 0);
    CHECK_EQ(fake_os_in_child(filled_pages_were_not_wanted_back), 0);
    CHECK_EQ(fake_os_in_child(part_of_a_run_moves), 0);
    CHECK_EQ(fake_os_in_child(what_is_moved_ends_with_the_block), 0);
    CHECK_EQ(fake_os_in_child(whole_tables_move), 0);
    CHECK_EQ(fake_os_in_child(works_without), 0);
    CHECK_EQ(fake_os_in_child(blocks_grow_in_turn), 0);
    CHECK_EQ(fake_os_in_child(several_mappings_move), 0);
    RUN(what_is_filled_was_not_given_back_in_vain);
    int status = 0;
    for (fail_at = 1; status == 0; fail_at++)
        status = fake_os_in_child(survives_a_failure);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 2);
    return check_done();
}
