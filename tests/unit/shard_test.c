/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* shard_test.c - threads of different shards: no shared lines, no shared spans of small blocks, empty batches and frees
 * that go home, and returns of blocks of several shards at once. */
#include "central/central_list.h"
#include "central/depot.h"
#include "central/page_heap.h"
#include "central/shard.h"
#include "os/footprint.h"
#include "os/os.h"
#include "pagemap/meta_arena.h"
#include "pagemap/pagemap.h"
#include "support/check.h"
#include "support/two_shards.h"
#include "thread_cache/thread_cache.h"
#include "thread_cache/thread_registry.h"
#include "zcmalloc.h"

#include <pthread.h>
#include <stdlib.h>

#define LINE_BYTES 64

/* --- spans ----------------------------------------------------------------------------------------------- */

static uint64_t span_count(unsigned class_index)
{
    struct central_stats stats;
    zci_central_stats(class_index, &stats);
    return stats.span_count;
}

static void small_blocks_have_spans_of_their_own(void)
{
    unsigned class_index = size_class_of(48);
    void *of_0[8], *of_1[8];
    CHECK_EQ(zci_central_fetch(class_index, 0, of_0, 8), 8);
    CHECK_EQ(zci_central_fetch(class_index, 1, of_1, 8), 8);
    CHECK_EQ(span_count(class_index), 2);
    CHECK((uintptr_t)of_0[0] >> ZCI_GRANULE_SHIFT != (uintptr_t)of_1[0] >> ZCI_GRANULE_SHIFT);
    zci_central_return(class_index, of_0, 8);
    zci_central_return(class_index, of_1, 8);
}

/* A shard asks for a block of 32 KiB while another one's span has one: does it get that, or a span of its own? */
static bool other_shard_borrows(void)
{
    unsigned class_index = size_class_of(32768);
    void *of_0[2], *of_1;
    CHECK_EQ(zci_central_fetch(class_index, 0, of_0, 2), 2);
    uint64_t before = span_count(class_index);
    zci_central_return(class_index, &of_0[1], 1);
    CHECK_EQ(zci_central_fetch(class_index, 1, &of_1, 1), 1);
    bool is_lent = pagemap_get((uintptr_t)of_1) == pagemap_get((uintptr_t)of_0[0]);
    CHECK_EQ(span_count(class_index), before + !is_lent);
    zci_central_return(class_index, &of_0[0], 1);
    zci_central_return(class_index, &of_1, 1);
    zci_central_drain(0);
    return is_lent;
}

static void large_blocks_are_lent_before_the_heap_grows(void)
{
    zci_central_drain(0);
    zci_page_heap_release(0);
    CHECK(other_shard_borrows());
}

static void not_while_there_is_free_memory(void)
{
    struct span *span = zci_page_heap_alloc(16, 1, 0);
    CHECK(span != NULL);
    zci_page_heap_free(span);
    CHECK(!other_shard_borrows());
}

#define LARGE_BYTES  ((size_t)300 << 10)
#define LARGE_ROUNDS 20

/* Of a thread of another shard than the first one's: a block of its own, after it freed that one's, if there is any. */
static void *large_of_another(void *block)
{
    zc_free(zc_malloc(1));
    CHECK(shard_of(thread_cache_get()->number) != 0);
    zc_free(block);
    return zc_malloc(LARGE_BYTES);
}

/* Whoever frees them. Now and then, when the collector looked in between, they may not. */
static void large_blocks_stay_with_their_shard(void)
{
    int kept = 0, strange = 0;
    void *block = zc_malloc(LARGE_BYTES), *again, *other;
    for (int i = 0; i < 2 * LARGE_ROUNDS; i++) {
        pthread_t thread;
        if (i % 2 == 0)
            zc_free(block);
        CHECK_EQ(pthread_create(&thread, NULL, large_of_another, i % 2 == 0 ? NULL : block), 0);
        pthread_join(thread, &other);
        again = zc_malloc(LARGE_BYTES);
        kept += again == block;
        strange += other == block;
        zc_free(other);
        block = again;
    }
    zc_free(block);
    CHECK(kept >= LARGE_ROUNDS);
    CHECK(strange <= LARGE_ROUNDS / 4);
}

/* --- threads --------------------------------------------------------------------------------------------- */

#define COUNT  10000
#define ROUNDS 30

static void *blocks[2][COUNT];
static pthread_barrier_t barrier;

static void *swing(void *argument)
{
    void **mine = argument;
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < COUNT; i++)
            mine[i] = zc_malloc(16);
        pthread_barrier_wait(&barrier);
        /* The other thread looks at both now. */
        pthread_barrier_wait(&barrier);
        for (int i = 0; i < COUNT; i++)
            zc_free(mine[i * 7 % COUNT]);
    }
    return NULL;
}

static int compare(const void *a, const void *b)
{
    uintptr_t x = *(const uintptr_t *)a, y = *(const uintptr_t *)b;
    return (x > y) - (x < y);
}

/* Lines in which both have a block. */
static size_t shared_lines(void)
{
    static uintptr_t lines[2][COUNT];
    size_t shared = 0;
    for (int t = 0; t < 2; t++) {
        for (int i = 0; i < COUNT; i++)
            lines[t][i] = (uintptr_t)blocks[t][i] / LINE_BYTES;
        qsort(lines[t], COUNT, sizeof lines[t][0], compare);
    }
    for (int i = 0, j = 0; i < COUNT && j < COUNT;) {
        shared += lines[0][i] == lines[1][j];
        if (lines[0][i] < lines[1][j])
            i++;
        else
            j++;
    }
    return shared;
}

static void two_threads_share_no_line(void)
{
    pthread_t threads[2];
    size_t shared = 0;
    pthread_barrier_init(&barrier, NULL, 3);
    for (int t = 0; t < 2; t++)
        CHECK_EQ(pthread_create(&threads[t], NULL, swing, blocks[t]), 0);
    for (int round = 0; round < ROUNDS; round++) {
        pthread_barrier_wait(&barrier);
        shared += shared_lines();
        pthread_barrier_wait(&barrier);
    }
    for (int t = 0; t < 2; t++)
        pthread_join(threads[t], NULL);
    pthread_barrier_destroy(&barrier);
    CHECK_EQ(shared, 0);
}

#define SENT 4000

static void *sent[SENT];

static void *free_sent(void *unused)
{
    for (int i = 0; i < SENT; i++)
        zc_free(sent[i]);
    return unused;
}

static size_t waiting(unsigned shard, unsigned class_index)
{
    size_t count = 0;
    for (size_t i = 0; i < ZCI_DEPOT_SLOTS; i++)
        count += zci_depots[shard][class_index].slots[i] != NULL;
    return count;
}

static void frees_of_others_go_home(void)
{
    unsigned class_index = size_class_of(80);
    pthread_t thread;
    for (int i = 0; i < SENT; i++)
        sent[i] = zc_malloc(80);
    zci_depot_drain();
    CHECK_EQ(pthread_create(&thread, NULL, free_sent, NULL), 0);
    pthread_join(thread, NULL);
    CHECK(waiting(0, class_index) > 0);
    CHECK_EQ(waiting(1, class_index), 0);
}

/* --- returns that end spans ------------------------------------------------------------------------------ */

#define THREADS   4
#define HELD      16
#define EXCHANGES 64

static void *exchange[EXCHANGES];

/* Blocks of 32 KiB fill their spans by twos: most returns end spans, which others make again at once, of any shard. */
static void *mix(void *argument)
{
    unsigned class_index = size_class_of(32768);
    size_t number = (size_t)argument;
    uint64_t random = number + 1;
    size_t wrong = 0;
    for (int round = 0; round < 20000; round++) {
        void *held[HELD];
        size_t count = zci_central_fetch(class_index, number, held, HELD);
        for (size_t i = 0; i < count; i++)
            *(uintptr_t *)held[i] = (uintptr_t)held[i];
        for (size_t i = 0; i < count; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            void *other = atomic_exchange_ptr(&exchange[random >> 58], held[i]);
            held[i] = other;
        }
        size_t kept = 0;
        for (size_t i = 0; i < count; i++)
            if (held[i] != NULL) {
                wrong += *(uintptr_t *)held[i] != (uintptr_t)held[i];
                held[kept++] = held[i];
            }
        zci_central_return(class_index, held, kept);
    }
    return (void *)wrong;
}

static void blocks_of_several_shards_return_at_once(void)
{
    unsigned class_index = size_class_of(32768);
    pthread_t threads[THREADS];
    for (size_t t = 0; t < THREADS; t++)
        CHECK_EQ(pthread_create(&threads[t], NULL, mix, (void *)t), 0);
    for (size_t t = 0; t < THREADS; t++) {
        void *wrong;
        pthread_join(threads[t], &wrong);
        CHECK_EQ((size_t)wrong, 0);
    }
    for (size_t i = 0; i < EXCHANGES; i++)
        if (exchange[i] != NULL)
            zci_central_return(class_index, &exchange[i], 1);
    zci_central_drain(0);
    CHECK_EQ(span_count(class_index), 0);
}

/* --- empty batches --------------------------------------------------------------------------------------- */

#define BATCHES 112 /* seven groups, or fourteen chains: a pool has room for them */
#define GRADE   BATCH_GRADE_GROUPED
#define PAGE    4096 /* beyond it no prefetcher goes */

static struct batch *taken[2][BATCHES];

static void take_batches(struct batch **batches)
{
    for (int i = 0; i < BATCHES; i++)
        batches[i] = zci_thread_cache_take_batch(thread_cache_get(), GRADE);
}

static void put_batches(struct batch **batches)
{
    for (int i = 0; i < BATCHES; i++)
        zci_thread_cache_put_batch(thread_cache_get(), batches[i]);
}

/* How many of them were the other thread's, by way of a pointer. */
static void *swing_by_batches(void *argument)
{
    size_t *strangers = argument;
    size_t self = *strangers;
    struct batch *again[BATCHES];
    zc_free(zc_malloc(1));
    take_batches(taken[self]);
    pthread_barrier_wait(&barrier);
    put_batches(taken[self]);
    pthread_barrier_wait(&barrier);
    take_batches(again);
    *strangers = 0;
    for (int i = 0; i < BATCHES; i++)
        for (int k = 0; k < BATCHES; k++)
            *strangers += again[i] == taken[!self][k];
    put_batches(again);
    return NULL;
}

static void empty_batches_stay_with_their_thread(void)
{
    pthread_t threads[2];
    size_t strangers[2] = {0, 1};
    CHECK_EQ(pthread_barrier_init(&barrier, NULL, 2), 0);
    for (int i = 0; i < 2; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, swing_by_batches, &strangers[i]), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&barrier);
    CHECK_EQ(strangers[0] + strangers[1], 0);
}

static size_t count_common(struct batch *const *some, struct batch *const *others, size_t bytes)
{
    size_t common = 0;
    for (int i = 0; i < BATCHES; i++)
        for (int k = 0; k < BATCHES; k++)
            common += (uintptr_t)some[i] / bytes == (uintptr_t)others[k] / bytes;
    return common;
}

static void *take_by_turns(void *argument)
{
    struct batch **mine = argument;
    zc_free(zc_malloc(1));
    for (int i = 0; i < BATCHES; i++) {
        pthread_barrier_wait(&barrier);
        mine[i] = zci_thread_cache_take_batch(thread_cache_get(), GRADE);
    }
    pthread_barrier_wait(&barrier);
    put_batches(mine);
    return NULL;
}

static void empty_batches_of_two_threads_share_no_page(void)
{
    pthread_t threads[2];
    CHECK_EQ(pthread_barrier_init(&barrier, NULL, 2), 0);
    for (int i = 0; i < 2; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, take_by_turns, taken[i]), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&barrier);
    CHECK_EQ(count_common(taken[0], taken[1], PAGE), 0);
}

/* By a thread of the second shard. */
static void *put_anothers(void *argument)
{
    struct batch **anothers = argument;
    pthread_t next;
    zc_free(zc_malloc(1));
    if (shard_of(thread_cache_get()->number) != 1) {
        CHECK_EQ(pthread_create(&next, NULL, put_anothers, argument), 0);
        pthread_join(next, NULL);
        return NULL;
    }
    struct thread_cache *cache = thread_cache_get();
    struct batch *one = zci_thread_cache_take_batch(cache, GRADE);
    one->home = 0;
    zci_thread_cache_put_batch(cache, one);
    CHECK(cache->away == one);
    zci_thread_cache_age(cache, 0);
    CHECK(cache->away == NULL);
    put_batches(anothers);
    take_batches(taken[1]);
    CHECK_EQ(count_common(taken[1], anothers, 1), 0);
    put_batches(taken[1]);
    return NULL;
}

/* The last chain too, when the thread ends, if no look comes before. */
static void anothers_empty_batches_go_home(void)
{
    struct batch *again[2][BATCHES]; /* those that the thread has besides, too */
    const struct thread_cache *cache = thread_cache_get();
    pthread_t thread;
    take_batches(taken[0]);
    CHECK_EQ(pthread_create(&thread, NULL, put_anothers, taken[0]), 0);
    pthread_join(thread, NULL);
    zci_thread_registry_flush_parked(UINT64_MAX);
    take_batches(again[0]);
    size_t chain_length = 0;
    for (const struct batch *batch = cache->stash[GRADE]; batch != NULL; batch = batch->next)
        chain_length++;
    CHECK_EQ(cache->stash_count[GRADE], chain_length);
    take_batches(again[1]);
    for (int i = 0; i < 2; i++)
        CHECK_EQ(count_common(again[i], taken[1], 1), 0);
    CHECK_EQ(count_common(again[0], taken[0], 1) + count_common(again[1], taken[0], 1), BATCHES);
    put_batches(again[1]);
    put_batches(again[0]);
}

/* Was this batch the head of a chain in the shard's pool? That is empty then. */
static bool was_in_pool(const struct batch *batch, size_t shard)
{
    enum { SLOTS = 16 };

    bool was_there = false;
    for (int i = 0; i < SLOTS; i++) {
        unsigned count;
        struct batch *chain = zci_batch_alloc(GRADE, shard, &count);
        was_there |= batch != NULL && chain == batch;
        while (chain != NULL) {
            struct batch *next = chain->next;
            zci_meta_block_free(chain, GRADE);
            chain = next;
        }
    }
    return was_there;
}

/* As do those whose blocks go to the spans, out of a depot or out of a thread's cache. */
static void batches_that_end_go_home(void)
{
    unsigned class_index = size_class_of(16), count;
    CHECK(!was_in_pool(NULL, 0) && !was_in_pool(NULL, 1)); /* room in both */
    struct batch *first = zci_batch_alloc(GRADE, 1, &count), *rest = first->next;
    if (rest != NULL)
        zci_batch_free(rest, 1, count - 1);
    first->count = (uint32_t)zci_central_fetch(class_index, 0, first->objects, 8);
    CHECK(depot_put(class_index, 0, 0, first));
    zci_depot_drain();
    CHECK(was_in_pool(first, 1));
    void *block = zc_malloc(16);
    struct thread_cache *cache = thread_cache_get();
    struct batch
        *loaded; /* none right after a look at the caches, which the clock may bring at any call */
    while ((loaded = cache->shelves[class_index].loaded) == NULL || loaded->grade != GRADE)
        block = zc_malloc(16); /* the test ends soon: left */
    CHECK(block != NULL);
    loaded->home = 1;
    zci_thread_cache_trim(cache, 0);
    CHECK(was_in_pool(loaded, 1));
}

#define MANY 3000

static struct batch *many[MANY];

/* Of a thread of the second shard, each filled with its number. */
static void take_many(void)
{
    struct batch *chain = NULL;
    for (int i = 0; i < MANY; i++) {
        unsigned count;
        if (chain == NULL)
            chain = zci_batch_alloc(GRADE, 1, &count);
        CHECK(chain != NULL);
        many[i] = chain;
        chain = chain->next;
        for (size_t k = 0; k < BATCH_CAPACITY(GRADE); k++)
            many[i]->objects[k] = (void *)(uintptr_t)i;
    }
    while (chain != NULL) {
        struct batch *next = chain->next;
        chain->next = NULL;
        zci_batch_free(chain, 1, 1);
        chain = next;
    }
}

static void put_many(void)
{
    size_t wrong = 0;
    for (int i = 0; i < MANY; i++)
        for (size_t k = 0; k < BATCH_CAPACITY(GRADE); k++)
            wrong += many[i]->objects[k] != (void *)(uintptr_t)i;
    CHECK_EQ(wrong, 0);
    for (int i = 0; i < MANY; i++) {
        many[i]->next = NULL;
        zci_batch_free(many[i], 1, 1);
    }
}

static void groups_are_cut_from_pages_given_back(void)
{
    take_many();
    put_many();
    uint64_t mapped_bytes = zci_meta_mapped_bytes();
    for (int round = 0; round < 3; round++) {
        if (!zci_os_purge_needs_reuse())
            CHECK(zci_meta_purge(0) > (size_t)1 << 20);
        take_many();
        put_many();
    }
    CHECK_EQ(zci_meta_mapped_bytes(), mapped_bytes);
}

/* Another shard's batches serve when there is no memory for more, and only then. */
static void the_last_batches_are_anothers(void)
{
    unsigned count;
    size_t taken_count = 0, strange_count = 0;
    struct batch *others = zci_batch_alloc(GRADE, 0, &count), *chain;
    zci_batch_free(others, 0, count);
    zci_footprint_set_hard_limit(1);
    while ((chain = zci_batch_alloc(GRADE, 1, &count)) != NULL) {
        strange_count += chain == others;
        taken_count++;
        CHECK(strange_count == 0 || chain->home == 0);
    }
    CHECK(taken_count > 1);
    CHECK_EQ(strange_count, 1);
}

int main(void)
{
    if (!two_shards_begin())
        return TWO_SHARDS_SKIPPED;
    RUN(large_blocks_stay_with_their_shard); /* one cache only waits for a thread */
    RUN(empty_batches_of_two_threads_share_no_page);
    RUN(empty_batches_stay_with_their_thread);
    RUN(anothers_empty_batches_go_home);
    RUN(batches_that_end_go_home);
    RUN(small_blocks_have_spans_of_their_own);
    RUN(large_blocks_are_lent_before_the_heap_grows);
    RUN(not_while_there_is_free_memory);
    RUN(two_threads_share_no_line);
    RUN(frees_of_others_go_home);
    RUN(blocks_of_several_shards_return_at_once);
    RUN(groups_are_cut_from_pages_given_back);
    RUN(the_last_batches_are_anothers);
    return check_done();
}
