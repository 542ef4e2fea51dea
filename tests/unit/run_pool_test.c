/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* run_pool_test.c - runs that a shard's threads keep from the page heap: which they get back, that the page heap leaves
 * them alone until the pools are drained, that pools open only while threads fight for its lock, and what threads and
 * forks in the midst of it find. */
#include "central/central_list.h"
#include "central/page_heap.h"
#include "central/run_pool.h"
#include "central/shard.h"
#include "support/check.h"
#include "support/fake_os.h"
#include "zcmalloc.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>

static struct page_heap_stats stats(void)
{
    struct page_heap_stats now;
    zci_page_heap_stats(&now);
    return now;
}

static struct span *run_of(size_t granules)
{
    struct span *span = zci_page_heap_alloc(granules, 1, 0);
    CHECK(span != NULL);
    span_set_state(span, SPAN_CACHED);
    return span;
}

static void closed_pools_refuse(void)
{
    struct span *span = run_of(4);
    CHECK(!zci_run_pool_put(span, 0));
    CHECK_EQ(zci_run_pool_bytes(), 0);
    CHECK(zci_run_pool_take(4, 0) == NULL);
    CHECK_EQ(span_state(span), SPAN_CACHED);
    zci_page_heap_free(span);
}

static void a_shard_gets_its_runs_back(void)
{
    struct span *span = run_of(6);
    span->clean = RUN_ZERO; /* it was; who knows what was written since */
    zci_run_pool_open();
    CHECK(zci_run_pool_put(span, 3));
    CHECK_EQ(span_state(span), SPAN_POOLED + 3);
    CHECK_EQ(zci_run_pool_bytes_of(3), 6 * ZCI_GRANULE_BYTES);
    CHECK(zci_run_pool_take(1, 2) == NULL);
    CHECK(zci_run_pool_take(7, 3) == NULL);
    CHECK(zci_run_pool_take(2, 3) == span);
    CHECK_EQ(span->granules, 2);
    CHECK(!span->clean);
    CHECK_EQ(span_state(span), SPAN_CACHED);
    CHECK_EQ(zci_run_pool_bytes_of(3), 4 * ZCI_GRANULE_BYTES);
    /* It joins what it was cut from. */
    CHECK(zci_run_pool_put(span, 3));
    CHECK(zci_run_pool_take(6, 3) == span);
    zci_page_heap_free(span);
    zci_run_pool_drain();
}

static void only_so_much_is_kept(void)
{
    size_t granules = RUN_POOL_BYTES / ZCI_GRANULE_BYTES;
    struct span *most = run_of(granules), *more = run_of(1), *other = run_of(1);
    zci_run_pool_open();
    CHECK(zci_run_pool_put(most, 1));
    CHECK(!zci_run_pool_put(more, 1));
    CHECK(zci_run_pool_put(other, 2));
    CHECK_EQ(zci_run_pool_bytes(), RUN_POOL_BYTES + ZCI_GRANULE_BYTES);
    zci_page_heap_free(more);
    uint64_t before = stats().dirty_bytes;
    zci_run_pool_drain();
    CHECK_EQ(zci_run_pool_bytes(), 0);
    CHECK_EQ(stats().dirty_bytes - before, RUN_POOL_BYTES + ZCI_GRANULE_BYTES);
}

static void draining_closes(void)
{
    struct span *span = run_of(1);
    zci_run_pool_open();
    zci_run_pool_drain();
    CHECK(!zci_run_pool_put(span, 0));
    zci_page_heap_free(span);
}

/* Three neighbours: the outer ones pooled by two shards, the middle one in the page heap. */
static void neighbours_of_others_do_not_join(void)
{
    struct span *left = run_of(9);
    zci_page_heap_shrink(left, 6);
    struct span *right = run_of(3);
    CHECK(right == left + 6);
    zci_page_heap_shrink(left, 3);
    struct span *middle = left + 3;
    CHECK_EQ(span_state(middle), SPAN_FREE);
    zci_run_pool_open();
    CHECK(zci_run_pool_put(left, 0));
    CHECK(zci_run_pool_put(right, 1));
    CHECK_EQ(left->granules, 3);
    CHECK_EQ(span_state(middle), SPAN_FREE);
    CHECK_EQ(middle->granules, 3);
    struct span *again = zci_page_heap_alloc(3, 1, 0);
    CHECK(again == middle);
    span_set_state(again, SPAN_CACHED);
    CHECK(zci_run_pool_put(again, 1));
    CHECK_EQ(left->granules, 3);
    CHECK_EQ(middle->granules, 6);
    zci_run_pool_drain();
    CHECK_EQ(span_state(left), SPAN_FREE);
    CHECK(left->granules >= 9);
}

static uint64_t busy_count(void)
{
    return stats().busy_count;
}

/* --- when they open ---------------------------------------------------------------------------------------- */

enum { WAITING = 16, ROUNDS_MOST = 2000 };

static uint32_t round_now; /* atomic: threads come to the page heap once in each; 0: they end */
static struct span *came[WAITING * ROUNDS_MOST]; /* what they got */
static uint32_t came_count;                      /* atomic */

/* Called while the page heap's lock is held, and its pages are given back. */
static void let_others_come(void)
{
    fake_os.on_call = NULL;
    __atomic_add_fetch(&round_now, 1, __ATOMIC_SEQ_CST);
    usleep(1000);
}

static void *come_each_round(void *unused)
{
    (void)unused;
    for (uint32_t seen = 1, now; (now = __atomic_load_n(&round_now, __ATOMIC_SEQ_CST)) != 0;) {
        if (now == seen)
            usleep(50);
        else
            came[__atomic_fetch_add(&came_count, 1, __ATOMIC_SEQ_CST)] = run_of(1);
        seen = now;
    }
    return NULL;
}

/* As many find it busy as make pools open, if all who come do. */
static void make_busy(void)
{
    pthread_t threads[WAITING];
    round_now = 1;
    uint64_t before = busy_count();
    for (int i = 0; i < WAITING; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, come_each_round, NULL), 0);
    for (int i = 0; i < ROUNDS_MOST && busy_count() - before < 512; i++) {
        zci_page_heap_free(run_of(4 * WAITING)); /* more than they take */
        fake_os.on_call = let_others_come;
        zci_page_heap_release(0);
        usleep(1000); /* for those who slept */
    }
    CHECK(busy_count() - before >= 512);
    __atomic_store_n(&round_now, 0, __ATOMIC_SEQ_CST);
    for (int i = 0; i < WAITING; i++)
        pthread_join(threads[i], NULL);
}

static void free_what_came(void)
{
    while (came_count != 0)
        zci_page_heap_free(came[--came_count]);
}

static void they_open_while_threads_fight(void)
{
    struct span *span = run_of(1);
    zci_run_pool_drain();
    CHECK(!zci_run_pool_put(span, 0));
    make_busy();
    CHECK(zci_run_pool_put(span, 0));
    zci_run_pool_drain();
    span = run_of(1);
    CHECK(!zci_run_pool_put(span, 0));
    zci_page_heap_free(span);
    free_what_came();
}

static void but_not_if_most_find_it_free(void)
{
    struct span *span = run_of(1);
    zci_run_pool_drain();
    make_busy();
    for (int i = 0; i < 1000; i++)
        zci_page_heap_free(run_of(1));
    CHECK(!zci_run_pool_put(span, 0));
    zci_page_heap_free(span);
    free_what_came();
}

/* --- threads --------------------------------------------------------------------------------------------- */

enum { THREADS = 6, BLOCKS = 100, BLOCK_BYTES = 8192 };

static int is_over; /* atomic */

/* Makes spans and ends them, with blocks that hold what was written to them. */
static void *swing(void *argument)
{
    size_t number = *(const size_t *)argument;
    void *blocks[BLOCKS];
    for (unsigned round = 0; !__atomic_load_n(&is_over, __ATOMIC_RELAXED); round++) {
        unsigned class_index = size_class_of(BLOCK_BYTES << round % 3);
        zci_run_pool_open();
        CHECK_EQ(zci_central_fetch(class_index, number, blocks, BLOCKS), BLOCKS);
        for (size_t i = 0; i < BLOCKS; i++)
            memset(blocks[i], (int)(number + i), 64);
        for (size_t i = 0; i < BLOCKS; i++) {
            const unsigned char *bytes = blocks[i];
            CHECK(bytes[0] == (unsigned char)(number + i) && bytes[63] == bytes[0]);
        }
        zci_central_return(class_index, blocks, BLOCKS);
    }
    return NULL;
}

static pthread_t swinging[THREADS];
static const size_t numbers[THREADS] = {0, 1, 2, 3, 4, 5};

static void start_swinging(void)
{
    for (size_t i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_create(&swinging[i], NULL, swing, (void *)(uintptr_t)&numbers[i]), 0);
}

static void end_swinging(void)
{
    __atomic_store_n(&is_over, 1, __ATOMIC_RELAXED);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(swinging[i], NULL);
    is_over = 0;
}

/* Every byte that was ever used is in one place. */
static void check_all_bytes_are_known(void)
{
    zc_trim(0);
    struct zc_stats all;
    zc_stats_get(&all, sizeof all);
    CHECK_EQ(zci_run_pool_bytes(), 0);
    CHECK_EQ(all.large_bytes, 0);
    CHECK_EQ(all.span_bytes, 0);
}

static void threads_in_the_midst(void)
{
    start_swinging();
    for (int i = 0; i < 200; i++) {
        zci_run_pool_drain();
        usleep(500);
    }
    end_swinging();
    check_all_bytes_are_known();
}

static void count_pooled(struct span *span, void *context)
{
    *(size_t *)context += span_state(span) >= SPAN_POOLED;
}

/* In the child nobody is left to release a pool's lock, or to finish what was done under it. */
static void child(void)
{
    alarm(20);
    static void *blocks[BLOCKS];
    for (unsigned shard = 0; shard < ZCI_SHARDS; shard++) {
        CHECK(zci_run_pool_bytes_of(shard) <= RUN_POOL_BYTES);
        struct span *span = zci_run_pool_take(1, shard);
        if (span != NULL)
            zci_page_heap_free(span);
    }
    zci_run_pool_drain();
    size_t pooled_count = 0;
    zci_page_heap_each_run(count_pooled, &pooled_count);
    CHECK_EQ(pooled_count, 0);
    for (size_t i = 0; i < BLOCKS; i++) {
        blocks[i] = zc_malloc(BLOCK_BYTES << i % 3);
        memset(blocks[i], 1, BLOCK_BYTES);
    }
    for (size_t i = 0; i < BLOCKS; i++)
        zc_free(blocks[i]);
    zc_trim(0);
    CHECK_EQ(zci_run_pool_bytes(), 0);
    _exit(check_failed_count != 0);
}

static void forks_in_the_midst(void)
{
    start_swinging();
    for (int i = 0; i < 50; i++) {
        int status = -1;
        pid_t forked = fork();
        if (forked == 0)
            child();
        CHECK(forked > 0);
        waitpid(forked, &status, 0);
        CHECK_EQ(status, 0);
    }
    end_swinging();
    check_all_bytes_are_known();
}

int main(void)
{
    fake_os_install();
    RUN(closed_pools_refuse);
    RUN(a_shard_gets_its_runs_back);
    RUN(only_so_much_is_kept);
    RUN(draining_closes);
    RUN(neighbours_of_others_do_not_join);
    RUN(they_open_while_threads_fight);
    RUN(but_not_if_most_find_it_free);
    RUN(threads_in_the_midst);
    RUN(forks_in_the_midst);
    return check_done();
}
