/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* strips_test.c - huge pages for small spans: from when on, for which spans, what they are counted as, and that the
 * kernel is asked to make no more of them where the heap has grown past, or where they are dear. The system here makes
 * none at all, which changes nothing but speed. */
#include "base/options.h"
#include "central/fault_cost.h"
#include "central/page_heap.h"
#include "central/strips.h"
#include "heap/bootstrap.h"
#include "os/footprint.h"
#include "support/check.h"
#include "support/fake_os.h"

#define SPANS_MAX 16384

static struct span *spans[SPANS_MAX];
static size_t span_count;

/* The advice so far. */
static size_t welcome_count;
static size_t refused_count;
static uintptr_t welcome_start;
static uintptr_t refused_start;

static void on_huge(uintptr_t start, size_t bytes, bool is_welcome)
{
    CHECK_EQ(start % STRIP_BYTES, 0);
    CHECK_EQ(bytes, STRIP_BYTES);
    if (is_welcome) {
        welcome_count++;
        welcome_start = start;
    } else {
        refused_count++;
        refused_start = start;
    }
}

static struct span *take(size_t granules, unsigned shard)
{
    struct span *span = zci_page_heap_alloc_small(granules, shard);
    if (!CHECK(span != NULL && span_count < SPANS_MAX))
        return NULL;
    span_set_state(span, SPAN_LARGE);
    spans[span_count++] = span;
    return span;
}

static void give_last(void)
{
    struct span *span = spans[--span_count];
    span_set_state(span, SPAN_CACHED);
    zci_page_heap_free(span);
}

static void visit_count(struct span *span, void *context)
{
    size_t *granules = context;
    granules[span_state(span)] += span->granules;
}

/* Every granule is in a run, and the statistics and the footprint say what is in use, dirty and clean. */
static void check_counts(void)
{
    size_t granules[SPAN_CACHED + 1] = {0};
    struct page_heap_stats stats;
    zci_page_heap_each_run(visit_count, granules);
    zci_page_heap_stats(&stats);
    CHECK_EQ((granules[SPAN_FREE] + granules[SPAN_CACHED]) * ZCI_GRANULE_BYTES,
             stats.dirty_bytes + stats.clean_bytes);
    CHECK_EQ(granules[SPAN_LARGE] * ZCI_GRANULE_BYTES,
             stats.committed_bytes - stats.dirty_bytes - stats.clean_bytes);
}

static uint64_t dirty_bytes(void)
{
    struct page_heap_stats stats;
    zci_page_heap_stats(&stats);
    return stats.dirty_bytes;
}

static uint64_t clean_bytes(void)
{
    struct page_heap_stats stats;
    zci_page_heap_stats(&stats);
    return stats.clean_bytes;
}

/* Nothing is free, resident or not, and no strip begun. */
static void use_up(void)
{
    zci_page_heap_release(0);
    while (clean_bytes() != 0) {
        struct span *span = zci_page_heap_alloc(1, 1);
        if (!CHECK(span != NULL && span_count < SPANS_MAX))
            return;
        span_set_state(span, SPAN_LARGE);
        spans[span_count++] = span;
    }
    CHECK_EQ(dirty_bytes(), 0);
}

static void give_all(void)
{
    while (span_count != 0)
        give_last();
    zci_page_heap_release(0);
    CHECK_EQ(dirty_bytes(), 0);
    check_counts();
}

/* The first so many strips' worth of spans are taken as before; then one shard has a strip too, and it is huge. */
static void huge_strips_come_late(void)
{
    const size_t plain = HUGE_AFTER_STRIPS * STRIP_GRANULES;
    for (size_t i = 0; i < plain; i++)
        CHECK_EQ(take(1, 0)->is_zero, 1);
    CHECK_EQ(welcome_count, 0);
    CHECK_EQ(dirty_bytes(), 0);
    uint64_t held_bytes = zci_footprint_bytes();
    struct span *first = take(1, 0);
    CHECK_EQ(welcome_count, 1);
    CHECK_EQ(welcome_start, first->start);
    CHECK_EQ(first->is_zero, 0);
    CHECK_EQ(zci_footprint_bytes() - held_bytes, STRIP_BYTES);
    CHECK_EQ(dirty_bytes(), STRIP_BYTES - ZCI_GRANULE_BYTES);
    check_counts();
    for (size_t i = 1; i < STRIP_GRANULES; i++) {
        CHECK_EQ(refused_count, 0);
        CHECK_EQ(take(1, 0)->start, first->start + i * ZCI_GRANULE_BYTES);
    }
    CHECK_EQ(zci_footprint_bytes() - held_bytes, STRIP_BYTES);
    CHECK_EQ(dirty_bytes(), 0);
    /* It is used up. */
    CHECK_EQ(refused_count, 1);
    CHECK_EQ(refused_start, first->start);
    CHECK_EQ(welcome_count, 1);
    give_all();
}

/* With as many of them per shard. */
static void more_shards_more_plain_strips(void)
{
    use_up();
    take(1, 0);
    CHECK_EQ(welcome_count, 2);
    atomic_store_relaxed(&zci_shard_count, 16);
    use_up();
    take(1, 1);
    CHECK_EQ(welcome_count, 2);
    CHECK_EQ(span_state(spans[span_count - 1] + 1), SPAN_CACHED);
    take(STRIP_GRANULES - 1, 1);
    atomic_store_relaxed(&zci_shard_count, 1);
    give_all();
}

/* Pages of long spans may stay untouched: those are not cut off huge strips, nor end them. */
static void long_spans_stay_out(void)
{
    atomic_store_relaxed(&zci_shard_count, 2);
    use_up();
    for (size_t i = 0; i < HUGE_AFTER_STRIPS * STRIP_GRANULES; i++)
        take(1, 0);
    use_up();
    struct span *first = take(1, 0);
    size_t welcome = welcome_count;
    size_t refused = refused_count;
    struct span *other = take(HUGE_SPAN_MOST + 1, 0);
    CHECK(other->start / STRIP_BYTES != first->start / STRIP_BYTES);
    CHECK_EQ(other->is_zero, 1);
    CHECK_EQ(take(HUGE_SPAN_MOST, 0)->start, span_end(first));
    CHECK_EQ(welcome_count, welcome);
    CHECK_EQ(refused_count, refused);
    atomic_store_relaxed(&zci_shard_count, 1);
    give_all();
}

/* The collector's next step makes the rest anybody's, and the next but some gives it back. */
static void rests_do_not_stay(void)
{
    use_up();
    zci_page_heap_decay(60000, 1000); /* what came back is forgotten */
    struct span *first = take(1, 0);
    size_t refused = refused_count;
    zci_page_heap_decay(50, 1000);
    CHECK_EQ(refused_count, refused + 1);
    CHECK_EQ(refused_start, first->start);
    CHECK_EQ(span_state(first + 1), SPAN_FREE);
    CHECK_EQ(dirty_bytes(), STRIP_BYTES - ZCI_GRANULE_BYTES);
    check_counts();
    uint64_t held_bytes = zci_footprint_bytes();
    for (int i = 0; i < 40; i++)
        zci_page_heap_decay(50, 1000);
    CHECK_EQ(dirty_bytes(), 0);
    CHECK_EQ(held_bytes - zci_footprint_bytes(), STRIP_BYTES - ZCI_GRANULE_BYTES);
    give_all();
}

/* Asked to give all back, the page heap keeps no rest. */
static void rests_are_released(void)
{
    use_up();
    uint64_t held_bytes = zci_footprint_bytes();
    take(1, 0);
    CHECK_EQ(zci_page_heap_release(0), STRIP_BYTES - ZCI_GRANULE_BYTES);
    CHECK_EQ(zci_footprint_bytes() - held_bytes, ZCI_GRANULE_BYTES);
    check_counts();
    give_all();
}

/* What was given back becomes huge pages again, before the heap grows. */
static void clean_room_is_reused(void)
{
    struct page_heap_stats before, after;
    use_up();
    struct span *room = zci_page_heap_alloc(4 * STRIP_GRANULES, STRIP_GRANULES);
    uint64_t start = room->start, end = span_end(room);
    span_set_state(room, SPAN_CACHED);
    zci_page_heap_free(room);
    zci_page_heap_release(0);
    zci_page_heap_stats(&before);
    size_t welcome = welcome_count;
    struct span *first = take(1, 0);
    zci_page_heap_stats(&after);
    CHECK(first->start >= start && span_end(first) <= end);
    CHECK_EQ(welcome_count, welcome + 1);
    CHECK_EQ(welcome_start, first->start);
    CHECK_EQ(after.committed_bytes, before.committed_bytes);
    CHECK_EQ(after.refault_bytes - before.refault_bytes, ZCI_GRANULE_BYTES);
    check_counts();
    give_all();
}

/* A limit that leaves no room for a strip leaves room for a span. */
static void limits_count_whole_strips(void)
{
    use_up();
    size_t welcome = welcome_count;
    zci_footprint_set_hard_limit(zci_footprint_bytes() + STRIP_BYTES - 1);
    struct span *span = take(1, 0);
    CHECK_EQ(span->is_zero, 1);
    CHECK_EQ(welcome_count, welcome);
    zci_footprint_set_hard_limit(zci_footprint_bytes() + STRIP_BYTES);
    CHECK_EQ(take(1, 0)->is_zero, 0);
    CHECK_EQ(welcome_count, welcome + 1);
    CHECK(zci_footprint_bytes() <= zci_footprint_hard_limit());
    /* The rest of it is paid for. */
    size_t refused = refused_count;
    zci_footprint_set_hard_limit(zci_footprint_bytes());
    take(1, 0);
    CHECK_EQ(refused_count, refused);
    /* Others' needs end it. */
    struct span *other = zci_page_heap_alloc(2, 1);
    if (CHECK(other != NULL)) {
        span_set_state(other, SPAN_CACHED);
        zci_page_heap_free(other);
    }
    zci_footprint_set_hard_limit(FOOTPRINT_NO_LIMIT);
    give_all();
}

/* Where no address space is left, the rest of a huge strip is for everyone. */
static void rests_are_given_up(void)
{
    use_up();
    take(1, 0);
    fake_os.fail_at = fake_os.call_count + 1;
    fake_os.fail_count = -1;
    size_t granules = 1;
    struct span *span;
    while (span_count < SPANS_MAX && (span = zci_page_heap_alloc(1, 1)) != NULL) {
        span_set_state(span, SPAN_LARGE);
        spans[span_count++] = span;
        granules++;
    }
    CHECK(granules >= STRIP_GRANULES);
    CHECK_EQ(dirty_bytes() + clean_bytes(), 0);
    fake_os.fail_at = 0;
    give_all();
}

/* So many strips' worth of spans, with nothing free before; returns how many huge pages were asked for. */
static size_t grow(size_t strips)
{
    size_t before = welcome_count;
    for (size_t i = 0; i < strips * STRIP_GRANULES; i++)
        take(1, 0);
    return welcome_count - before;
}

/* Small pages take so long each, as far as the page heap has seen; a huge one, or what the kernel gives for it, so long. */
static void set_costs(uint64_t page_ns, uint64_t huge_ns)
{
    static struct span *span;
    if (span == NULL)
        span = take(1, 0);
    fake_os.page_ns = page_ns;
    for (int i = 0; i < 64; i++)
        zci_fault_cost_populate(span->start, 8 * zci_os_page_bytes());
    /* Single pages show the call's own time. */
    fake_os.page_ns = 1000 * page_ns;
    for (int i = 0; i < 64; i++)
        zci_fault_cost_populate(span->start, 7 * zci_os_page_bytes());
    fake_os.page_ns = page_ns;
    fake_os.huge_ns = huge_ns;
}

/* Where a huge page takes longer than its 512 small ones there are none, but for trials, which become rare. */
static void dear_ones_are_seldom_tried(void)
{
    const size_t pause = HUGE_PAUSE_LEAST / STRIP_GRANULES;
    use_up();
    set_costs(1000, 512 * 1000 + 1);
    use_up();
    CHECK_EQ(grow(1), 1);
    CHECK_EQ(grow(pause - 1), 0);
    CHECK_EQ(grow(2), 1);
    CHECK_EQ(grow(2 * pause - 1), 0);
    /* One that is cheap again, and all following ones are huge; after them the pause is short. */
    set_costs(1000, 512 * 1000);
    CHECK_EQ(grow(10), 9);
    set_costs(1000, 512 * 1000 + 1);
    CHECK_EQ(grow(1), 1);
    CHECK_EQ(grow(pause - 1), 0);
    CHECK_EQ(grow(2), 1);
    give_all();
    zci_page_heap_init();
}

/* A fault that is over too soon was no huge page's: the kernel had none, and each small page is a fault now. */
static void so_are_those_that_are_not_made(void)
{
    use_up();
    set_costs(1000, 8 * 1000);
    use_up();
    CHECK_EQ(grow(4), 1);
    /* The former test's long pause is forgotten. */
    CHECK_EQ(grow(HUGE_PAUSE_LEAST / STRIP_GRANULES - 4), 0);
    CHECK_EQ(grow(2), 1);
    zci_page_heap_init();
    set_costs(1000, 8 * 1000 + 1);
    CHECK_EQ(grow(4), 4);
    give_all();
    zci_page_heap_init();
}

/* Until the first one is measured there is no second, whichever shard asks. */
static void one_is_tried_at_a_time(void)
{
    struct strips strips = {.grown_granules = UINT32_MAX, .may_be_huge = true};
    struct span strip = {.start = STRIP_BYTES, .granules = STRIP_GRANULES};
    CHECK(strips_wants_huge(&strips));
    strips_begin(&strips, 0, &strip, true);
    CHECK(!strips_wants_huge(&strips));
    CHECK(strips_is_first(&strips, &strip));
    CHECK(!strips_is_first(&strips, &strip));
    strips_note_cost(&strips, true);
    CHECK(strips_wants_huge(&strips));
    strips_begin(&strips, 1, &strip, true);
    CHECK(strips_wants_huge(&strips));
    /* The child of a fork does not wait for the thread that tried. */
    strips_note_cost(&strips, false);
    strips.grown_granules += HUGE_PAUSE_LEAST;
    strips_begin(&strips, 2, &strip, true);
    CHECK(!strips_wants_huge(&strips));
    strips_recount(&strips);
    CHECK(strips_wants_huge(&strips));
    CHECK(!strips_is_first(&strips, &strip));
}

/* Nobody asks for huge pages in vain, or against the user's will. */
static void only_where_they_are_made(void)
{
    size_t welcome = welcome_count;
    for (int i = 0; i < 3; i++) {
        fake_os.has_huge_pages = i != 0;
        zci_options.huge_pages = (uint64_t)(i == 0 ? 1 : i == 1 ? 0 : 2);
        zci_page_heap_init();
        use_up();
        CHECK_EQ(take(1, 0)->is_zero, 1);
    }
    CHECK_EQ(welcome_count, welcome);
    give_all();
}

int main(void)
{
    fake_os_install();
    fake_os.has_huge_pages = 1;
    fake_os.on_huge = on_huge;
    zci_bootstrap();
    zci_options.huge_pages = 1;
    zci_page_heap_init();
    RUN(huge_strips_come_late);
    RUN(more_shards_more_plain_strips);
    RUN(long_spans_stay_out);
    RUN(rests_do_not_stay);
    RUN(rests_are_released);
    RUN(clean_room_is_reused);
    RUN(limits_count_whole_strips);
    RUN(rests_are_given_up);
    RUN(dear_ones_are_seldom_tried);
    RUN(so_are_those_that_are_not_made);
    RUN(one_is_tried_at_a_time);
    RUN(only_where_they_are_made);
    return check_done();
}
