/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* thread_cache_test.c - bins, batches, slow start, hand-over, parking and adoption. */
#include "central/batch.h"
#include "central/central_list.h"
#include "support/check.h"
#include "thread_cache/thread_registry.h"
#include "zcmalloc.h"

#include <pthread.h>

#define MANY 2000

static void *blocks[MANY];

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

/* Nor one that swings further, once that is known: a thread gets its own blocks back. */
static void wide_swings_stay_in_the_cache(void)
{
    uint64_t before = 0;
    for (int round = 0; round < 100; round++) {
        if (round == 20)
            before = sent();
        for (int i = 0; i < MANY; i++)
            blocks[i] = zc_malloc(48);
        for (int i = 0; i < MANY; i++)
            zc_free(blocks[i]);
    }
    CHECK_EQ(sent(), before);
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
    RUN(first_fetches_are_small);
    RUN(no_block_is_given_twice);
    RUN(swinging_stays_in_the_cache);
    RUN(wide_swings_stay_in_the_cache);
    RUN(remote_frees_come_back);
    RUN(caches_of_dead_threads_are_adopted);
    RUN(a_flushed_cache_holds_nothing);
    RUN(batches_have_a_floor);
    return check_done();
}
