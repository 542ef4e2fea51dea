/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* strips_test.c - huge pages for small spans: from when on, for which spans, what they are counted as, that nobody
 * waits while one is made, and that the kernel is asked to make no more of them then, or where they are dear. The
 * system here makes none at all, which changes nothing but speed. */
#include "base/options.h"
#include "central/fault_cost.h"
#include "central/page_heap.h"
#include "central/strips.h"
#include "heap/bootstrap.h"
#include "os/footprint.h"
#include "support/check.h"
#include "support/fake_os.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#define SPANS_MAX 16384

static struct span *spans[SPANS_MAX];
static size_t span_count;

/* The advice so far. */
static size_t welcome_count;
static size_t refused_count;
static uintptr_t welcome_start;
static uintptr_t refused_start;
static uintptr_t touched_start;
static void (*while_making)(void);

/* After the welcome, and before the refusal. */
static void on_touch(uintptr_t start)
{
    CHECK_EQ(start, welcome_start);
    CHECK(refused_start != start);
    touched_start = start;
    void (*call)(void) = while_making;
    while_making = NULL;
    if (call != NULL)
        call();
}

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
             stats.used_bytes - stats.dirty_bytes - stats.clean_bytes);
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
        struct span *span = zci_page_heap_alloc(1, 1, 0);
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
        CHECK_EQ(take(1, 0)->clean, 1);
    CHECK_EQ(welcome_count, 0);
    CHECK_EQ(dirty_bytes(), 0);
    uint64_t held_bytes = zci_footprint_bytes();
    struct span *first = take(1, 0);
    CHECK_EQ(welcome_count, 1);
    CHECK_EQ(welcome_start, first->start);
    CHECK_EQ(touched_start, first->start);
    /* It is made; there shall be no other. */
    CHECK_EQ(refused_count, 1);
    CHECK_EQ(refused_start, first->start);
    CHECK_EQ(first->clean, 0);
    CHECK_EQ(first->granules, 1);
    CHECK_EQ(zci_footprint_bytes() - held_bytes, STRIP_BYTES);
    CHECK_EQ(dirty_bytes(), STRIP_BYTES - ZCI_GRANULE_BYTES);
    check_counts();
    for (size_t i = 1; i < STRIP_GRANULES; i++)
        CHECK_EQ(take(1, 0)->start, first->start + i * ZCI_GRANULE_BYTES);
    CHECK_EQ(zci_footprint_bytes() - held_bytes, STRIP_BYTES);
    CHECK_EQ(dirty_bytes(), 0);
    CHECK_EQ(welcome_count, 1);
    CHECK_EQ(refused_count, 1);
    give_all();
}

/* Huge strips count as plain ones do: with those of the test before they are enough for two shards. */
static void huge_strips_count_too(void)
{
    use_up();
    size_t welcome = welcome_count;
    for (size_t i = 0; i < (HUGE_AFTER_STRIPS - 1) * STRIP_GRANULES; i++)
        take(1, 0);
    CHECK_EQ(welcome_count, welcome + HUGE_AFTER_STRIPS - 1);
    atomic_store_relaxed(&zci_shard_count, 2);
    take(1, 1);
    CHECK_EQ(welcome_count, welcome + HUGE_AFTER_STRIPS);
    atomic_store_relaxed(&zci_shard_count, 1);
    give_all();
}

/* With as many of them per shard. */
static void more_shards_more_plain_strips(void)
{
    use_up();
    take(1, 0);
    size_t welcome = welcome_count;
    atomic_store_relaxed(&zci_shard_count, 16);
    use_up();
    take(1, 1);
    CHECK_EQ(welcome_count, welcome);
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
    CHECK_EQ(other->clean, 1);
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
    zci_page_heap_decay(50, 1000);
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
    struct span *room = zci_page_heap_alloc(4 * STRIP_GRANULES, STRIP_GRANULES, 0);
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
    CHECK_EQ(after.used_bytes, before.used_bytes);
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
    CHECK_EQ(span->clean, 1);
    CHECK_EQ(welcome_count, welcome);
    zci_footprint_set_hard_limit(zci_footprint_bytes() + STRIP_BYTES);
    CHECK_EQ(take(1, 0)->clean, 0);
    CHECK_EQ(welcome_count, welcome + 1);
    CHECK(zci_footprint_bytes() <= zci_footprint_hard_limit());
    /* The rest of it is paid for. */
    zci_footprint_set_hard_limit(zci_footprint_bytes());
    take(1, 0);
    /* Others' needs end it. */
    struct span *other = zci_page_heap_alloc(2, 1, 0);
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
    while (span_count < SPANS_MAX && (span = zci_page_heap_alloc(1, 1, 0)) != NULL) {
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

/* Small pages take so long each, as far as the page heap has seen; a huge one, or what stands for it, so long. */
static void set_costs(uint64_t page_ns, uint64_t huge_ns)
{
    static struct span *span;
    if (span == NULL)
        span = take(1, 0);
    fake_os.page_ns = page_ns;
    for (int i = 0; i < 2048; i++)
        zci_fault_cost_populate(span->start, 8 * zci_os_page_bytes());
    /* Single pages show the call's own time. */
    fake_os.page_ns = 1000 * page_ns;
    for (int i = 0; i < 2048; i++)
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

/* The clock is asked for seldom: the first time, for a heap may grow at once, then once in 32. */
static void few_are_measured(void)
{
    use_up();
    struct span *span = take(1, 0);
    zci_fault_cost_populate(span->start, 8 * zci_os_page_bytes());
    zci_page_heap_init();
    fake_os.on_touch = NULL;
    fake_os.huge_ns = 512 * 1000;
    for (uint64_t i = 0; i < 33; i++) {
        fake_os.page_ns = i == 0 ? 1000 : i == 32 ? 9000 : 1000000;
        zci_fault_cost_populate(span->start, 8 * zci_os_page_bytes());
        if (i == 0)
            CHECK(zci_fault_cost_is_huge_cheap(span->start));
        fake_os.huge_ns = 512 * 1000 + (i < 31);
        CHECK_EQ(zci_fault_cost_is_huge_cheap(span->start), i >= 31);
    }
    /* (7 * 1000 + 9000) / 8 */
    fake_os.huge_ns = 512 * 2000;
    CHECK(zci_fault_cost_is_huge_cheap(span->start));
    fake_os.huge_ns = 512 * 2000 + 1;
    CHECK(!zci_fault_cost_is_huge_cheap(span->start));
    fake_os.on_touch = on_touch;
    give_all();
    zci_page_heap_init();
}

/* What other threads get while a strip of shard 0 is made. */
static struct span *others[3];

static void others_take(void)
{
    others[0] = take(1, 0);
    others[1] = take(1, 1);
    others[2] = take(1, 0);
}

static bool lies_in_strip(const struct span *span, const struct span *first)
{
    return span->start - first->start < STRIP_BYTES;
}

/* While a strip is made others of the shard have small pages, lest all make one at once, and none of the strip's; other
 * shards may make theirs. A plain strip that was begun meanwhile, where huge ones are dear, is ended. */
static void others_do_not_wait(void)
{
    set_costs(1000, 512 * 1000);
    use_up();
    grow(1);
    for (int is_dear = 0; is_dear < 2; is_dear++) {
        atomic_store_relaxed(&zci_shard_count, 2);
        use_up();
        zci_page_heap_init();
        set_costs(1000, (uint64_t)512 * 1000 + (uint64_t)is_dear);
        use_up();
        if (!is_dear)
            grow(1);
        size_t welcome = welcome_count;
        while_making = others_take;
        struct span *first = take(1, 0);
        CHECK(while_making == NULL);
        CHECK_EQ(welcome_count, welcome + (is_dear ? 1 : 2));
        CHECK_EQ(others[0]->clean, 1);
        CHECK_EQ(others[1]->clean, is_dear);
        CHECK_EQ(others[2]->clean, 1);
        for (int i = 0; i < 3; i++)
            CHECK(!lies_in_strip(others[i], first));
        /* The strip is the shard's now. */
        check_counts();
        CHECK_EQ(take(1, 0)->start, span_end(first));
        if (is_dear)
            take(STRIP_GRANULES - 1, 1); /* what is left of the other shard's plain strip */
        atomic_store_relaxed(&zci_shard_count, 1);
        give_all();
    }
    zci_page_heap_init();
}

static pid_t child;

static void *fork_here(void *unused)
{
    (void)unused;
    uint64_t dirty = dirty_bytes();
    child = fork();
    if (child != 0)
        return NULL;
    long failed_count = check_failed_count;
    size_t welcome = welcome_count;
    check_counts();
    CHECK_EQ(dirty_bytes() - dirty, STRIP_BYTES);
    /* The strip is room like other; then the next is tried at once. */
    for (size_t i = 0; i < STRIP_GRANULES; i++)
        CHECK_EQ(take(1, 0)->clean, 0);
    CHECK_EQ(dirty_bytes(), 0);
    CHECK_EQ(welcome_count, welcome);
    take(1, 0);
    CHECK_EQ(welcome_count, welcome + 1);
    _exit(check_failed_count != failed_count);
}

static void fork_under_lock(void)
{
    fake_os.on_call = NULL;
    child = fork();
}

static void *grow_and_fork(void *unused)
{
    (void)unused;
    uint64_t dirty = dirty_bytes();
    fake_os.on_call = fork_under_lock;
    struct span *span = zci_page_heap_alloc(PAGE_HEAP_MAX_GRANULES, 1, 0);
    CHECK(fake_os.on_call == NULL && span != NULL);
    if (child == 0)
        _exit(span == NULL || dirty_bytes() != dirty);
    zci_page_heap_free(span);
    return NULL;
}

static void *(*in_thread)(void *);

static void another_forks(void)
{
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, in_thread, NULL), 0);
    pthread_join(thread, NULL);
}

static void this_forks(void)
{
    child = fork();
}

/* The child of a fork has what another thread was making. One that forks from a signal handler in the middle of a
 * change leaves the free runs alone; one that makes a strip itself goes on in the child too. */
static void forks_while_making(void)
{
    static void *(*const ways[])(void *) = {fork_here, grow_and_fork, NULL};
    for (int i = 0; i < 3; i++) {
        int status = -1;
        long failed_count = check_failed_count;
        zci_page_heap_init();
        use_up();
        in_thread = ways[i];
        while_making = in_thread != NULL ? another_forks : this_forks;
        struct span *first = take(1, 0);
        CHECK_EQ(first->start, touched_start);
        CHECK_EQ(first->granules, 1);
        check_counts();
        if (in_thread == NULL)
            CHECK_EQ(take(1, 0)->start, span_end(first));
        if (child == 0)
            _exit(check_failed_count != failed_count);
        CHECK_EQ(waitpid(child, &status, 0), child);
        CHECK_EQ(status, 0);
        give_all();
    }
    zci_page_heap_init();
}

/* Until the first one is measured there is no second, whichever shard asks. */
static void one_is_tried_at_a_time(void)
{
    struct strips strips = {.grown_granules = UINT32_MAX, .may_be_huge = true};
    struct span strip = {.start = STRIP_BYTES, .granules = STRIP_GRANULES};
    CHECK(strips_wants_huge(&strips));
    strips_make(&strips, 0, &strip);
    CHECK(!strips_wants_huge(&strips));
    strips_note_cost(&strips, true);
    CHECK(strips_wants_huge(&strips));
    strips_make(&strips, 1, &strip);
    CHECK(strips_wants_huge(&strips));
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
        CHECK_EQ(take(1, 0)->clean, 1);
    }
    CHECK_EQ(welcome_count, welcome);
    give_all();
}

int main(void)
{
    fake_os_install();
    fake_os.has_huge_pages = 1;
    fake_os.on_huge = on_huge;
    fake_os.on_touch = on_touch;
    zci_bootstrap();
    zci_options.huge_pages = 1;
    zci_page_heap_init();
    RUN(huge_strips_come_late);
    RUN(huge_strips_count_too);
    RUN(more_shards_more_plain_strips);
    RUN(long_spans_stay_out);
    RUN(rests_do_not_stay);
    RUN(rests_are_released);
    RUN(clean_room_is_reused);
    RUN(limits_count_whole_strips);
    RUN(rests_are_given_up);
    RUN(few_are_measured);
    RUN(others_do_not_wait);
    RUN(forks_while_making);
    RUN(dear_ones_are_seldom_tried);
    RUN(so_are_those_that_are_not_made);
    RUN(one_is_tried_at_a_time);
    RUN(only_where_they_are_made);
    return check_done();
}
