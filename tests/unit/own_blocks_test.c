/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* own_blocks_test.c - with more than one shard, the blocks that a thread fetched for itself stay with it from its first
 * swing on, however its class is closed meanwhile; others' blocks leave. */
#include "support/check.h"
#include "support/two_shards.h"
#include "thread_cache/thread_cache.h"
#include "zcmalloc.h"

#include <pthread.h>

#define SWING       5000 /* of 64 bytes, 40 batches; four are usual */
#define SWING_BYTES 64

static void *swung[SWING];

static uint64_t sent_count(void)
{
    const struct thread_cache *cache = thread_cache_get();
    return cache->counts[COUNT_DEPOT_PUT] + cache->counts[COUNT_DEPOT_FULL];
}

static void *swing_up(void *unused)
{
    for (int i = 0; i < SWING; i++)
        CHECK((swung[i] = zc_malloc(SWING_BYTES)) != NULL);
    return unused;
}

/* How many batches left meanwhile, by way of a pointer. */
static void *swing_down(void *argument)
{
    zc_free(zc_malloc(1));
    uint64_t before = sent_count();
    for (int i = 0; i < SWING; i++)
        zc_free(swung[i]);
    *(uint64_t *)argument = sent_count() - before;
    return NULL;
}

static void *swing_once(void *argument)
{
    swing_up(NULL);
    return swing_down(argument);
}

static const struct shelf *swing_with_others(void)
{
    static void *own[SWING];
    for (int i = 0; i < SWING; i++)
        CHECK((own[i] = zc_malloc(SWING_BYTES)) != NULL);
    for (int i = 0; i < SWING; i++)
        zc_free(own[i]);
    const struct shelf *shelf = &thread_cache_get()->shelves[size_class_of(SWING_BYTES)];
    CHECK(shelf->fetched_objects >= SWING / 2);
    return shelf;
}

/* What was sent is no longer its own. */
static void *swing_and_swing_down(void *argument)
{
    const struct shelf *shelf = swing_with_others();
    swing_down(argument);
    CHECK(shelf->fetched_objects < SWING / 2);
    return NULL;
}

/* Nor is what went back to its span. */
static void *swing_flush_and_swing_down(void *argument)
{
    swing_with_others();
    zci_thread_cache_flush(thread_cache_get());
    return swing_down(argument);
}

/* A look closes the class halfway down, after which its next frees are slow ones. */
static void *swing_and_look(void *argument)
{
    swing_up(NULL);
    struct thread_cache *cache = thread_cache_get();
    const struct shelf *shelf = &cache->shelves[size_class_of(SWING_BYTES)];
    cache->polls_left = UINT16_MAX; /* no looks but this one */
    uint64_t before = sent_count();
    for (int i = 0; i < SWING / 2; i++)
        zc_free(swung[i]);
    cache->look_count = 0; /* the next one lets nothing go */
    zci_thread_cache_age(cache, UINT8_MAX);
    CHECK_EQ(shelf->closed, UINT8_MAX);
    for (int i = SWING / 2; i < SWING; i++)
        zc_free(swung[i]);
    CHECK_EQ(shelf->closed, 0);
    *(uint64_t *)argument = sent_count() - before;
    return NULL;
}

static uint64_t sent_by_thread(void *(*body)(void *))
{
    pthread_t thread;
    uint64_t left = 0;
    CHECK_EQ(pthread_create(&thread, NULL, body, &left), 0);
    pthread_join(thread, NULL);
    return left;
}

static void own_blocks_stay_from_the_first_swing(void)
{
    CHECK_EQ(sent_by_thread(swing_once), 0);
}

static void own_blocks_stay_in_a_closed_class(void)
{
    CHECK_EQ(sent_by_thread(swing_and_look), 0);
}

static void others_blocks_leave(void)
{
    swing_up(NULL);
    CHECK(sent_by_thread(swing_down) >= 20);
    swing_up(NULL);
    CHECK(sent_by_thread(swing_and_swing_down) >= 20);
    swing_up(NULL);
    CHECK(sent_by_thread(swing_flush_and_swing_down) >= 20);
}

int main(void)
{
    if (!two_shards_begin())
        return TWO_SHARDS_SKIPPED;
    RUN(own_blocks_stay_from_the_first_swing);
    RUN(own_blocks_stay_in_a_closed_class);
    RUN(others_blocks_leave);
    return check_done();
}
