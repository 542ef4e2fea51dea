/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* page_heap_test.c - runs of pages: fit, order, joins, growth in place, zero pages, and the walk over all runs. */
#include "base/check.h"
#include "central/page_heap.h"
#include "central/shard.h"
#include "heap/bootstrap.h"
#include "os/footprint.h"
#include "support/check.h"
#include "support/fake_os.h"
#include "unit/page_runs.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void give_as(struct span *span, uint8_t shard)
{
    span->shard = shard;
    give(span);
}

static struct span *take_as(size_t granules, unsigned shard)
{
    struct span *span = zci_page_heap_alloc(granules, 1, shard);
    CHECK(span != NULL);
    span_set_state(span, SPAN_LARGE);
    return span;
}

/* Runs rather go to the shard that had them, or most of them: unit.run_tree says which. */
static void runs_stay_with_their_shard(void)
{
    struct span *runs[4], *one, *two, *three;
    static const size_t lengths[4] = {2, 1, 4, 1};
    zci_page_heap_release(0); /* no other resident runs */
    for (int i = 0; i < 4; i++)
        runs[i] = take(lengths[i]);
    give_as(runs[0], 0);
    give_as(runs[2], 1);
    /* Cut off the far end, for a block lies before. */
    CHECK((three = take_as(3, 0)) == runs[2] + 1);
    give_as(three, 0);
    CHECK((two = take_as(2, 1)) == runs[0]);
    give_as(two, 1);
    CHECK((two = take_as(2, 0)) == runs[2] + 2);
    give(two);
    /* The same of a run that joins a longer one behind it. */
    CHECK((two = take_as(2, 1)) == runs[0]);
    give_as(two, 0);
    CHECK((three = take_as(3, 0)) == runs[2] + 1);
    CHECK((one = take_as(1, 0)) == runs[2]);
    give_as(three, 1);
    give_as(one, 0);
    CHECK((two = take_as(2, 1)) == runs[2] + 2);
    give_as(two, 0);
    /* And of the rest of one that is cut, at its near end now. */
    span_set_state(runs[1], SPAN_CACHED);
    span_set_state(runs[3], SPAN_CACHED); /* whichever lies before */
    CHECK((two = take_as(2, 1)) == runs[2]);
    CHECK((three = take_as(2, 1)) == runs[2] + 2);
    give(two);
    give(three);
    for (int i = 1; i < 4; i += 2)
        give(runs[i]);
    check_walk(0);
}

static void best_fit_lowest_address(void)
{
    struct span *runs[8];
    static const size_t lengths[8] = {5, 1, 3, 1, 3, 1, 4, 1};
    for (int i = 0; i < 8; i++)
        runs[i] = take(lengths[i]);
    give(runs[0]);
    give(runs[4]);
    give(runs[2]);
    give(runs[6]);
    check_walk(4);
    uint64_t lowest_of_three = runs[2]->start < runs[4]->start ? runs[2]->start : runs[4]->start;
    struct span *span = take(3);
    CHECK_EQ(span->start, lowest_of_three);
    struct span *four = take(4);
    CHECK_EQ(four->start, runs[6]->start);
    give(span);
    give(four);
    give(runs[1]);
    give(runs[3]);
    give(runs[5]);
    give(runs[7]);
    check_walk(0);
    /* All joined again: the longest dirty run is all of them. */
    struct span *all = take(19);
    CHECK_EQ(all->start, runs[0]->start);
    CHECK(!all->clean);
    give(all);
}

static void aligned_runs(void)
{
    for (size_t align = 2; align <= 64; align *= 2) {
        struct span *odd = take(1);
        struct span *span = zci_page_heap_alloc(3, align, 0);
        span_set_state(span, SPAN_LARGE);
        CHECK_EQ(span->start % (align * ZCI_GRANULE_BYTES), 0);
        CHECK_EQ(span->granules, 3);
        give(odd);
        give(span);
        check_walk(0);
    }
}

static void runs_grow_and_shrink(void)
{
    struct span *a = take(4);
    struct span *b = take(4);
    if (b->start != a->start + 4 * ZCI_GRANULE_BYTES) {
        give(b);
        b = zci_page_heap_alloc(1, 1, 0);
    }
    give(b);
    CHECK(zci_page_heap_grow(a, 6));
    CHECK_EQ(a->granules, 6);
    check_walk(6);
    zci_page_heap_shrink(a, 2);
    CHECK_EQ(a->granules, 2);
    check_walk(2);
    CHECK(!zci_page_heap_grow(a, PAGE_HEAP_MAX_GRANULES * 64));
    give(a);
    check_walk(0);
}

static void released_pages_read_zero(void)
{
    struct span *span = take(32);
    memset((void *)span->start, 0xaa, span_bytes(span));
    give(span);
    CHECK(zci_page_heap_release(0) >= 32 * ZCI_GRANULE_BYTES);
    struct page_heap_stats stats;
    zci_page_heap_stats(&stats);
    CHECK_EQ(stats.dirty_bytes, 0);
    span = take(32);
    CHECK_EQ(span->clean, ZCI_OS_PURGED_READS_ZERO);
    size_t not_zero = 0;
    for (size_t i = 0; i < span_bytes(span); i++)
        not_zero += ((unsigned char *)span->start)[i] != 0;
    CHECK_EQ(not_zero, 0);
    give(span);
}

static void refused_purge_keeps_the_pages(void)
{
    struct span *span = take(8);
    give(span);
    fake_os.fail_at = fake_os.call_count + 1;
    fake_os.fail_count = -1;
    CHECK_EQ(zci_page_heap_release(0), 0);
    struct page_heap_stats stats;
    zci_page_heap_stats(&stats);
    CHECK(stats.dirty_bytes >= 8 * ZCI_GRANULE_BYTES);
    fake_os.fail_at = 0;
    check_walk(0);
}

/* What was taken again soon after it went back is kept, but not for good, however short the steps are. */
static void held_pages_fade(void)
{
    struct page_heap_stats stats;
    for (int i = 0; i < 2; i++) {
        zci_page_heap_release(0);
        struct span *span = take(64);
        if (CHECK(span != NULL))
            give(span);
    }
    zci_page_heap_decay(1, 1);
    zci_page_heap_decay(1000, 1);
    zci_page_heap_stats(&stats);
    CHECK(stats.hold_bytes > 0);
    CHECK(stats.dirty_bytes > 0);
    for (int i = 0; i < 60000; i++)
        zci_page_heap_decay(10, 100);
    zci_page_heap_stats(&stats);
    CHECK_EQ(stats.hold_bytes, 0);
    CHECK_EQ(stats.dirty_bytes, 0);
}

/* --- strips: from here on there are several shards ---------------------------------------------------- */

#define STRIP_BYTES ((uint64_t)2 << 20)

static struct span *take_small(size_t granules, unsigned shard)
{
    struct span *span = zci_page_heap_alloc_small(granules, shard);
    if (span != NULL)
        span_set_state(span, SPAN_LARGE);
    return span;
}

static uint64_t strip_of(const struct span *span)
{
    return span->start / STRIP_BYTES;
}

static size_t free_granules(void)
{
    size_t granules[SPAN_CACHED + 1] = {0};
    zci_page_heap_each_run(visit_count, granules);
    return granules[SPAN_FREE];
}

#define ALL_MAX 32768
static struct span *all[ALL_MAX];
static size_t all_count;

/* Takes all free runs, so that what comes next is fresh, but for strips. */
static void take_all(void)
{
    for (size_t left = free_granules(); left != 0 && CHECK(all_count < ALL_MAX); left--)
        all[all_count++] = take(1);
    CHECK_EQ(free_granules(), 0);
}

static void give_all(void)
{
    while (all_count != 0)
        give(all[--all_count]);
    check_walk(0);
}

static void one_shard_has_no_strip(void)
{
    struct page_heap_stats before, after;
    take_all();
    zci_page_heap_stats(&before);
    struct span *first = take_small(1, 0), *second = take_small(1, 0);
    zci_page_heap_stats(&after);
    CHECK_EQ(after.used_bytes - before.used_bytes, 2 * ZCI_GRANULE_BYTES);
    give(first);
    give(second);
    give_all();
}

/* Runs of one shard side by side, those of two in different page tables; charged is what was taken only. */
static void shards_lie_apart(void)
{
    struct span *runs[2][8];
    atomic_store_relaxed(&zci_shard_count, 2);
    take_all();
    struct span *begin[2] = {take_small(1, 0), take_small(1, 1)};
    take_all(); /* what lay between the strips */
    uint64_t held = zci_footprint_bytes();
    for (size_t i = 0; i < 8; i++)
        for (unsigned shard = 0; shard < 2; shard++)
            runs[shard][i] = take_small(1 + i % 2, shard);
    CHECK_EQ(zci_footprint_bytes() - held, 2 * (4 + 8) * ZCI_GRANULE_BYTES);
    check_walk(all_count + 2 + 2 * (4 + 8));
    CHECK(strip_of(runs[0][0]) != strip_of(runs[1][0]));
    for (size_t i = 1; i < 8; i++)
        for (unsigned shard = 0; shard < 2; shard++) {
            CHECK_EQ(runs[shard][i]->start, span_end(runs[shard][i - 1]));
            CHECK_EQ(strip_of(runs[shard][i]), strip_of(runs[shard][0]));
        }
    /* What is resident already comes first. */
    uint64_t start = runs[1][3]->start;
    give(runs[1][3]);
    runs[1][3] = take_small(2, 0);
    CHECK_EQ(runs[1][3]->start, start);
    for (size_t i = 0; i < 8; i++)
        for (unsigned shard = 0; shard < 2; shard++)
            give(runs[shard][i]);
    zci_page_heap_release(0);
    CHECK_EQ(zci_footprint_bytes(), held);
    give(begin[0]);
    give(begin[1]);
    give_all();
}

/* The rest of a strip that is too short is for everyone. */
static void a_strip_ends(void)
{
    take_all();
    struct span *most = take_small(30, 1);
    take_all();
    struct span *more = take_small(3, 1);
    CHECK(strip_of(more) != strip_of(most));
    CHECK_EQ(span_state(most + 30), SPAN_FREE);
    CHECK_EQ(most[30].granules, 2);
    give(more);
    give(most);
    give_all();
}

/* Where the OS has nothing more, strips are used up before anyone is refused. */
static void strips_are_given_up(void)
{
    struct page_heap_stats stats;
    struct span *small = take_small(1, 0), *other = take_small(1, 1);
    static struct span *runs[65536];
    size_t count = 0;
    fake_os.fail_at = fake_os.call_count + 1;
    fake_os.fail_count = -1;
    while (count < 65536 && (runs[count] = take(1)) != NULL)
        count++;
    zci_page_heap_stats(&stats);
    CHECK_EQ(stats.dirty_bytes + stats.clean_bytes, 0);
    CHECK(take_small(1, 0) == NULL);
    check_walk(count + 2);
    fake_os.fail_at = 0;
    give(small);
    give(other);
    for (size_t i = 0; i < count; i++)
        give(runs[i]);
    check_walk(0);
}

/* Takes and gives at random; the walk must hold throughout. */
static void random_work(void)
{
    static struct span *runs[200];
    uint64_t random = 88172645463325252;
    size_t live = 0;
    for (int i = 0; i < 20000; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        struct span **run = &runs[random % 200];
        if (*run != NULL) {
            live -= (*run)->granules;
            give(*run);
            *run = NULL;
        } else {
            *run = random & 1 << 16 ? take(1 + (random >> 20) % 40)
                                    : take_small(1 + (random >> 20) % 8, (random >> 30) % 2);
            live += (*run)->granules;
        }
        if (i % 500 == 0)
            check_walk(live);
        if (i % 3000 == 0)
            zci_page_heap_release(1 << 20);
    }
    for (int i = 0; i < 200; i++)
        if (runs[i] != NULL)
            give(runs[i]);
    check_walk(0);
}

/* From 8 to 32 MiB. */
static size_t count_commits(void)
{
    struct os_call_stats early = {0}, late;
    for (size_t i = 0; i < 512; i++) {
        if (i == 128)
            zci_os_call_stats(OS_COMMIT, &early);
        if (take(1) == NULL)
            return 0;
    }
    zci_os_call_stats(OS_COMMIT, &late);
    return late.count - early.count;
}

/* Each commit keeps those out who make pages resident, so their number grows with the logarithm of the heap: by half as
 * much as there is. First, and in a child, for a heap that is empty. */
static void commits_are_few(void)
{
    int status = -1;
    pid_t child = fork();
    if (child == 0)
        _exit((int)count_commits());
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) >= 1);
    CHECK(WEXITSTATUS(status) <= 4);
}

int main(void)
{
    fake_os_install();
    zci_bootstrap();
    RUN(commits_are_few);
    RUN(best_fit_lowest_address);
    RUN(aligned_runs);
    RUN(runs_grow_and_shrink);
    RUN(released_pages_read_zero);
    RUN(refused_purge_keeps_the_pages);
    RUN(held_pages_fade);
    RUN(one_shard_has_no_strip);
    RUN(shards_lie_apart);
    RUN(a_strip_ends);
    RUN(strips_are_given_up);
    RUN(runs_stay_with_their_shard);
    RUN(random_work);
    return check_done();
}
