/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* thread_cache_test.c - bins, batches, slow start, hand-over, parking and adoption. */
#include "base/options.h"
#include "central/batch.h"
#include "central/central_list.h"
#include "support/check.h"
#include "thread_cache/spares.h"
#include "thread_cache/thread_registry.h"
#include "zcmalloc.h"

#include <pthread.h>

#define MANY 3000
#define MOST 75000 /* more than 2 * 255 batches */

static void *blocks[MOST];

static unsigned class_64(void)
{
    return size_class_of(64);
}

static uint64_t fetched(void)
{
    struct central_stats stats;
    zci_central_stats(class_64(), &stats);
    return stats.fetch_count;
}

static void first_fetches_are_small(void)
{
    uint64_t before = fetched();
    void *block = zc_malloc(64);
    CHECK(fetched() - before >= 1 && fetched() - before <= 16);
    zc_free(block);
    CHECK(zc_malloc(64) == block);
    zc_free(block);
}

static void no_block_is_given_twice(void)
{
    size_t twice = 0;
    for (int i = 0; i < MANY; i++) {
        blocks[i] = zc_malloc(64);
        *(int *)blocks[i] = i;
    }
    for (int i = 0; i < MANY; i++)
        twice += *(int *)blocks[i] != i;
    CHECK_EQ(twice, 0);
    for (int i = 0; i < MANY; i++)
        zc_free(blocks[i]);
}

/* A program that swings by less than a batch around any level does not reach the spans. */
static void swinging_stays_in_the_cache(void)
{
    for (int i = 0; i < MANY; i++)
        blocks[i] = zc_malloc(64);
    for (int i = 0; i < MANY; i++)
        zc_free(blocks[i]);
    uint64_t before = fetched();
    for (int round = 0; round < 1000; round++) {
        for (int i = 0; i < 100; i++)
            blocks[i] = zc_malloc(64);
        for (int i = 0; i < 100; i++)
            zc_free(blocks[i]);
    }
    CHECK_EQ(fetched() - before, 0);
}

static uint64_t sent(void)
{
    static struct zc_stats stats;
    CHECK_EQ(zc_stats_get(&stats, sizeof stats), 0);
    return stats.depot_put_count + stats.depot_full_count;
}

static void swing(size_t size, int count)
{
    for (int i = 0; i < count; i++)
        blocks[i] = zc_malloc(size);
    for (int i = 0; i < count; i++)
        zc_free(blocks[i]);
}

/* Nor one that swings further, from the second time on: a thread gets its own blocks back. */
static void wide_swings_stay_in_the_cache(void)
{
    static const struct {
        size_t size;
        int count;
    } swings[] = {{48, MANY}, {4096, 300}, {2048, MANY}, {16, MOST}};

    for (size_t s = 0; s < sizeof swings / sizeof swings[0]; s++) {
        uint64_t before = 0;
        zc_trim(0);
        for (int round = 0; round < 20; round++) {
            if (round == 1)
                before = sent();
            swing(swings[s].size, swings[s].count);
        }
        CHECK_EQ(sent(), before);
    }
}

static void spares_are_linked(const struct shelf *shelf)
{
    const struct batch *newer = NULL;
    unsigned count = 0;
    for (const struct batch *batch = shelf->spare; batch != NULL;
         newer = batch, batch = batch->next) {
        CHECK(batch->newer == newer);
        count++;
    }
    CHECK_EQ(count, shelf->spare_count);
    CHECK(shelf->spare_least <= count && shelf->spare_most >= count);
    CHECK(count == 0 || shelf->spare_oldest == newer);
}

/* What was freed last comes back first, for it is near still; what was freed longest ago is what leaves. */
static void the_oldest_leave(void)
{
    enum { SIZE = 64 };

    struct thread_cache *cache = thread_cache_get();
    const struct shelf *shelf = &cache->shelves[class_64()];
    zc_trim(0);
    for (int i = 0; i < MANY; i++)
        blocks[i] = zc_malloc(SIZE);
    for (int i = 0; i < MANY; i++) {
        zc_free(blocks[i]);
        spares_are_linked(shelf);
    }
    size_t kept =
        shelf->spare_objects + (size_t)(cache->bins[class_64()].top - shelf->loaded->objects);
    CHECK(shelf->spare_count >= 2 && kept < MANY);
    for (size_t i = MANY; i > MANY - kept; i--) {
        CHECK(zc_malloc(SIZE) == blocks[i - 1]);
        spares_are_linked(shelf);
    }
    CHECK_EQ(cache->bins[class_64()].top[-1] == NULL && shelf->spare == NULL, true);
    for (size_t i = MANY; i > MANY - kept; i--)
        zc_free(blocks[i - 1]);
}

/* Of a class that a look has closed, too. */
static void the_oldest_leave_a_closed_class(void)
{
    enum { SIZE = 64, OPEN = 1000, ALL = 1250 };

    struct thread_cache *cache = thread_cache_get();
    const struct shelf *shelf = &cache->shelves[class_64()];
    zc_trim(0);
    for (int i = 0; i < ALL; i++)
        blocks[i] = zc_malloc(SIZE);
    for (int i = 0; i < ALL; i++) {
        if (i == OPEN)
            zci_thread_cache_age(cache, UINT8_MAX);
        zc_free(blocks[i]);
    }
    CHECK(shelf->closed != 0);
    spares_are_linked(shelf);
    size_t kept = shelf->spare_objects;
    for (size_t i = ALL; i > ALL - kept; i--)
        CHECK(zc_malloc(SIZE) == blocks[i - 1]);
    for (size_t i = ALL; i > ALL - kept; i--)
        zc_free(blocks[i - 1]);
}

static uint64_t cached_after_swings(size_t size, int count)
{
    for (int round = 0; round < 50; round++)
        swing(size, count);
    return zci_thread_cache_bytes(thread_cache_get());
}

static pthread_barrier_t barrier;

static void *malloc_and_wait(void *unused)
{
    zc_free(zc_malloc(64));
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    return unused;
}

/* Nor does it keep more than its share among all threads, however far it swings. */
static void what_a_thread_keeps_has_a_limit(void)
{
    enum { OTHERS = 63 };

    pthread_t others[OTHERS];
    zc_trim(0);
    uint64_t alone = cached_after_swings(16384, 1000);
    CHECK(alone >= (uint64_t)8 << 20 && alone < (uint64_t)9 << 20);
    zc_trim(0);
    CHECK_EQ(pthread_barrier_init(&barrier, NULL, OTHERS + 1), 0);
    for (int i = 0; i < OTHERS; i++)
        CHECK_EQ(pthread_create(&others[i], NULL, malloc_and_wait, NULL), 0);
    pthread_barrier_wait(&barrier);
    uint64_t among_64 = cached_after_swings(16384, 1000);
    CHECK(among_64 >= (uint64_t)1 << 20 && among_64 < (uint64_t)2 << 20);
    /* Which grows with the heap. */
    void *large = zc_malloc((size_t)256 << 20);
    CHECK(large != NULL);
    zc_trim(0);
    uint64_t of_more = cached_after_swings(16384, 1000);
    CHECK(of_more >= (uint64_t)3 << 20 && of_more < (uint64_t)4 << 20);
    zc_free(large);
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < OTHERS; i++)
        pthread_join(others[i], NULL);
    zci_thread_registry_flush_parked(UINT64_MAX);
    zc_trim(0);
}

/* Batches that such swings empty stay at home too, as long as the class is in use. */
static void so_do_their_empty_batches(void)
{
    enum { SWING = 20000, GRADE = BATCH_GRADES - 1 };

    static void *many[SWING];
    const struct thread_cache *cache = thread_cache_get();
    zc_trim(0);
    for (int round = 0; round < 50; round++) {
        for (int i = 0; i < SWING; i++)
            many[i] = zc_malloc(16);
        if (round > 40)
            CHECK(cache->stash_count[GRADE] >= SWING / ZCI_BATCH_MAX / 2);
        for (int i = 0; i < SWING; i++)
            zc_free(many[i]);
    }
    for (int i = 0; i < SWING; i++)
        many[i] = zc_malloc(16);
    CHECK(cache->stash_more[GRADE] >= SWING / ZCI_BATCH_MAX / 2);
    for (int i = 0; i < 3; i++)
        zci_thread_cache_age(thread_cache_get(), 0);
    CHECK_EQ(cache->stash_more[GRADE], 0);
    CHECK(cache->stash_count[GRADE] <= CACHE_STASH_COUNT);
    for (int i = 0; i < SWING; i++)
        zc_free(many[i]);
}

/* What a thread does not come to for four looks leaves, by halves, though the class is in use: a few blocks here and
 * there would keep whole pages of a heap that has shrunk. What it swings by, if only now and then, stays. */
static void unreached_spares_leave(void)
{
    enum { SIZE = 64, SWING = 200, LOOKS = 32, PERIOD = 4, ALL = 2000 };

    static const struct {
        int blocks_used;
        unsigned batches_used,
            calls; /* of ALL the last batch is filled up by SWING, and a third one reached */
    } cases[] = {{SWING, 3, 0}, {1, 1, 0}, {1, 1, UINT8_MAX}};

    struct thread_cache *cache = thread_cache_get();
    const struct shelf *shelf = &cache->shelves[size_class_of(SIZE)];
    const uint64_t *counts = cache->counts;
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        unsigned batches_used = cases[c].batches_used;
        zc_trim(0);
        cache->polls_left = UINT16_MAX; /* no looks but these */
        swing(SIZE, ALL);
        cache->look_count = PERIOD - 1;
        zci_thread_cache_age(cache, cases[c].calls);
        unsigned before = shelf->spare_count;
        CHECK(before >= batches_used + 2);
        for (int look = 1; look <= LOOKS; look++) {
            swing(SIZE, look % PERIOD == 1 ? cases[c].blocks_used : 1);
            zci_thread_cache_age(cache, cases[c].calls);
            unsigned leaving = look % PERIOD == 0 ? (before - batches_used + 1) / 2 : 0;
            CHECK_EQ(shelf->spare_count, before - leaving);
            spares_are_linked(shelf);
            before = shelf->spare_count;
        }
        CHECK_EQ(before, batches_used);
        uint64_t misses = counts[COUNT_DEPOT_MISS] + counts[COUNT_DEPOT_TAKE];
        swing(SIZE, cases[c].blocks_used);
        CHECK_EQ(counts[COUNT_DEPOT_MISS] + counts[COUNT_DEPOT_TAKE], misses);
    }
}

/* The room for them goes likewise, and with it that for empty batches: what left once does not count for ever. */
static void unused_room_is_forgotten(void)
{
    enum { SIZE = 16, FAR = 20000, NEAR = 6000, LOOKS = 48, PERIOD = 4, GRADE = BATCH_GRADES - 1 };

    struct thread_cache *cache = thread_cache_get();
    const struct shelf *shelf = &cache->shelves[size_class_of(SIZE)];
    zc_trim(0);
    for (int round = 0; round < 3; round++)
        swing(SIZE, FAR);
    CHECK(shelf->spare_more >= (FAR - NEAR) / ZCI_BATCH_MAX);
    cache->look_count = PERIOD - 1;
    for (int look = 0; look <= LOOKS; look++) {
        zci_thread_cache_age(cache, 0);
        swing(SIZE, NEAR);
    }
    /* As much is left as is used, and a few batches: halves are rounded. */
    size_t room = shelf->spare_more + SPARE_COUNT_MAX;
    CHECK(room >= NEAR / ZCI_BATCH_MAX && room <= NEAR / ZCI_BATCH_MAX + 3);
    CHECK_EQ(cache->stash_more[GRADE], shelf->spare_more);
    size_t bytes = SIZE * ZCI_BATCH_MAX + ZCI_META_GRADE_BYTES(GRADE);
    CHECK_EQ(cache->spare_more_bytes, shelf->spare_more * bytes);
}

/* However much a thread has of a class that it uses no more, a look takes only so much of its time. */
static void looks_are_short(void)
{
    enum { SIZE = 2048, AT_ONCE = 256 };

    struct thread_cache *cache = thread_cache_get();
    const struct shelf *shelf = &cache->shelves[size_class_of(SIZE)];
    zc_trim(0);
    cache->polls_left = UINT16_MAX; /* no looks but these */
    swing(SIZE, MANY);
    swing(SIZE, MANY);
    zci_thread_cache_age(cache, 0);
    unsigned before = shelf->spare_count;
    CHECK(before > AT_ONCE && before < 2 * AT_ONCE);
    zci_thread_cache_age(cache, 0);
    CHECK_EQ(shelf->spare_count, before - AT_ONCE);
    spares_are_linked(shelf);
    zci_thread_cache_age(cache, 0);
    CHECK_EQ(shelf->spare_count, 0);
    spares_are_linked(shelf);
}

/* After a look a class goes on by slow calls for a while, even if its only block was out then: somebody must see
 * that time has passed. */
static void looks_close_a_class(void)
{
    enum { SIZE = 5000, CALLS = 10 };

    struct thread_cache *cache = thread_cache_get();
    struct shelf *shelf = &cache->shelves[size_class_of(SIZE)];
    zc_trim(0);
    cache->polls_left = UINT16_MAX; /* no looks but these */
    for (int is_out = 0; is_out <= 1; is_out++) {
        void *block = zc_malloc(SIZE);
        while (zc_malloc(SIZE) == NULL || cache->bins[size_class_of(SIZE)].top[-1] != NULL)
            continue; /* all others are the program's */
        if (!is_out)
            zc_free(block);
        zci_thread_cache_age(cache, CALLS);
        CHECK_EQ(shelf->closed, CALLS);
        for (int calls = CALLS; calls > 2; calls -= 2) {
            if (is_out)
                zc_free(block);
            CHECK(zc_malloc(SIZE) == block);
            if (!is_out)
                zc_free(block);
        }
        CHECK(shelf->loaded == NULL && shelf->closed == 2);
        zci_thread_cache_age(cache, CALLS);
    }
}

/* While memory waits for its time a class that comes into use begins so; one whose calls are over does not again. */
static void new_classes_begin_closed(void)
{
    enum { SIZE = 6000, CALLS = 10 };

    struct thread_cache *cache = thread_cache_get();
    struct shelf *shelf = &cache->shelves[size_class_of(SIZE)];
    zc_trim(0);
    cache->polls_left = UINT16_MAX;
    cache->closed_calls = CALLS;
    void *block = zc_malloc(SIZE);
    CHECK_EQ(shelf->closed, CALLS);
    for (int i = 0; i < CALLS; i++) {
        zc_free(block);
        block = zc_malloc(SIZE);
    }
    CHECK(shelf->loaded != NULL);
    zci_thread_cache_age(cache, CALLS);
    zci_thread_cache_age(cache, CALLS); /* unused since */
    shelf->miss_count = UINT8_MAX;      /* a thread's very first frees go to the spans */
    zc_free(block);
    CHECK_EQ(shelf->closed, CALLS);
    CHECK(shelf->loaded == NULL);
    cache->closed_calls = 0;
}

static void *free_all(void *unused)
{
    (void)unused;
    for (int i = 0; i < MANY; i++)
        zc_free(blocks[i]);
    return NULL;
}

/* Blocks freed by another thread come back through the depot and the spans: the heap does not grow. */
static void remote_frees_come_back(void)
{
    struct central_stats before, after;
    pthread_t thread;
    zci_central_stats(class_64(), &before);
    for (int round = 0; round < 50; round++) {
        for (int i = 0; i < MANY; i++)
            blocks[i] = zc_malloc(64);
        CHECK_EQ(pthread_create(&thread, NULL, free_all, NULL), 0);
        pthread_join(thread, NULL);
    }
    zci_central_stats(class_64(), &after);
    CHECK(after.span_count <= before.span_count + 4);
}

static void *malloc_once(void *unused)
{
    (void)unused;
    zc_free(zc_malloc(64));
    return thread_cache_get();
}

static void caches_of_dead_threads_are_adopted(void)
{
    pthread_t thread;
    void *first, *second;
    CHECK_EQ(pthread_create(&thread, NULL, malloc_once, NULL), 0);
    pthread_join(thread, &first);
    CHECK_EQ(pthread_create(&thread, NULL, malloc_once, NULL), 0);
    pthread_join(thread, &second);
    CHECK(first == second);
    struct thread_registry_stats stats;
    zci_thread_registry_stats(&stats);
    CHECK_EQ(stats.live_count, 1);
    CHECK_EQ(stats.parked_count, 1);
}

static void a_flushed_cache_holds_nothing(void)
{
    struct central_stats stats;
    zci_thread_registry_flush_parked(UINT64_MAX);
    zc_trim(0);
    CHECK_EQ(zci_thread_cache_bytes(thread_cache_get()), 0);
    zci_central_stats(class_64(), &stats);
    CHECK_EQ(stats.fetch_count, stats.return_count);
    CHECK_EQ(stats.span_count, 0);
}

static void batches_have_a_floor(void)
{
    for (unsigned grade = 0; grade < BATCH_GRADES; grade++) {
        unsigned count = 0;
        struct batch *batch = zci_batch_alloc(grade, 0, &count);
        CHECK(count >= 1);
        CHECK(batch->floor == NULL && &batch->floor == batch->objects - 1);
        CHECK_EQ(batch->capacity, BATCH_CAPACITY(grade));
        CHECK_EQ(batch_grade_for(batch->capacity), grade);
        zci_batch_free(batch, 0, count);
    }
}

int main(void)
{
    /* What leaves a thread asks for a look at the clock, and on a slow machine it may be time. Here only the cases
     * themselves look. */
    zc_free(zc_malloc(1));
    zci_options.gc_ms = 0;
    RUN(first_fetches_are_small);
    RUN(no_block_is_given_twice);
    RUN(swinging_stays_in_the_cache);
    RUN(the_oldest_leave);
    RUN(the_oldest_leave_a_closed_class);
    RUN(wide_swings_stay_in_the_cache);
    RUN(so_do_their_empty_batches);
    RUN(unreached_spares_leave);
    RUN(unused_room_is_forgotten);
    RUN(looks_are_short);
    RUN(looks_close_a_class);
    RUN(new_classes_begin_closed);
    RUN(remote_frees_come_back);
    RUN(caches_of_dead_threads_are_adopted);
    RUN(a_flushed_cache_holds_nothing);
    RUN(batches_have_a_floor);
    RUN(what_a_thread_keeps_has_a_limit);
    return check_done();
}
