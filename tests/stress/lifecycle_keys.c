/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* lifecycle_keys.c - malloc and free in the destructors of thread-specific data, in all four
 * rounds. Keys are made before and after the allocator's own (if it has one), so that some of these
 * destructors run after the thread's cache is gone. */
#include "stress/names.h"
#include "stress/pattern.h"
#include "stress/process.h"
#include "support/check.h"

#include <limits.h>
#include <pthread.h>
#include <stdint.h>

enum { KEY_COUNT = 6, THREAD_COUNT = 2000, GROWTH_MAX = 2 << 20, BLOCK_BYTES = 300 };

/* ThreadSanitizer is gone from a thread in the last round: nothing instrumented may run. */
#ifdef STRESS_SANITIZED
#define ROUND_COUNT (PTHREAD_DESTRUCTOR_ITERATIONS - 1)
#else
#define ROUND_COUNT PTHREAD_DESTRUCTOR_ITERATIONS
#endif

struct legacy {
    int key;
    int round; /* destructor runs so far */
    uint64_t mark;
};

static pthread_key_t keys[KEY_COUNT];
static long destructor_count;
static long last_round_count;
static void *orphans[64]; /* atomic: blocks of the last rounds, freed by whoever comes next */

/* The value is a block whose first bytes are a struct legacy; each round moves it. */
static void *legacy_make(int key, int round)
{
    struct legacy *legacy = t_malloc(BLOCK_BYTES);
    if (!CHECK(legacy != NULL))
        return NULL;
    legacy->key = key;
    legacy->round = round;
    legacy->mark = pattern_mark(legacy, BLOCK_BYTES, (uint64_t)key);
    pattern_fill(legacy + 1, BLOCK_BYTES - sizeof *legacy, legacy->mark);
    return legacy;
}

static void destroy(void *value)
{
    struct legacy *legacy = value;
    int key = legacy->key;
    int round = legacy->round + 1;
    CHECK(pattern_kept(legacy + 1, BLOCK_BYTES - sizeof *legacy, BLOCK_BYTES - sizeof *legacy,
                       legacy->mark));
    t_free(legacy);
    void *large = t_malloc(200000);
    void *zeroed = t_calloc(10, 100);
    CHECK(large != NULL && zeroed != NULL && pattern_is_zero(zeroed, 1000));
    t_free(large);
    zeroed = t_realloc(zeroed, 3000);
    CHECK(zeroed != NULL);
    void **orphan = &orphans[(unsigned)(key * 8 + round) % 64];
    t_free(__atomic_exchange_n(orphan, zeroed, __ATOMIC_ACQ_REL));
    __atomic_add_fetch(&destructor_count, 1, __ATOMIC_RELAXED);
    if (round == ROUND_COUNT)
        __atomic_add_fetch(&last_round_count, 1, __ATOMIC_RELAXED);
    else
        CHECK_EQ(pthread_setspecific(keys[key], legacy_make(key, round)), 0);
}

static void *live(void *argument)
{
    int mallocs_first = (intptr_t)argument % 2 != 0;
    void *block = mallocs_first ? t_malloc(100) : NULL;
    for (int key = 0; key < KEY_COUNT; key++)
        CHECK_EQ(pthread_setspecific(keys[key], legacy_make(key, 0)), 0);
    t_free(block);
    return NULL;
}

static void live_and_die(int count)
{
    pthread_t threads[2];
    for (int done = 0; done < count; done += 2) {
        for (intptr_t i = 0; i < 2; i++)
            CHECK_EQ(pthread_create(&threads[i], NULL, live, (void *)i), 0);
        for (int i = 0; i < 2; i++)
            CHECK_EQ(pthread_join(threads[i], NULL), 0);
    }
}

int main(void)
{
    for (int key = 0; key < KEY_COUNT; key++) {
        if (key == KEY_COUNT / 2)
            t_free(t_malloc(1));
        CHECK_EQ(pthread_key_create(&keys[key], destroy), 0);
    }
    live_and_die(THREAD_COUNT / 10);
    long long before = rss_bytes();
    live_and_die(THREAD_COUNT);
    long long growth = rss_bytes() - before;
    CHECK_EQ(last_round_count, (THREAD_COUNT + THREAD_COUNT / 10) * KEY_COUNT);
    CHECK_EQ(destructor_count, last_round_count * ROUND_COUNT);
    for (int i = 0; i < 64; i++)
        t_free(orphans[i]);
    print_figure("growth over 2000 threads, bytes: ", growth);
#ifndef STRESS_SANITIZED
    CHECK(growth <= GROWTH_MAX);
#endif
    CHECK(heap_works(1));
    return check_done();
}
