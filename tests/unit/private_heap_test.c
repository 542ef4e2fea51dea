/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* private_heap_test.c - heaps and pools: contents, ownership, resizing, statistics, and that the end of one
 * gives back every byte, whatever caches of this or other threads still know of it. */
#include "central/page_heap.h"
#include "heap/private_heap.h"
#include "pagemap/pagemap.h"
#include "support/check.h"
#include "support/fake_os.h"
#include "thread_cache/thread_cache.h"
#include "zcmalloc.h"

#include <errno.h>
#include <pthread.h>
#include <sys/wait.h>

enum { MANY = 4000, HEAPS = 100 };

static unsigned char *blocks[MANY];
static size_t sizes[MANY];

/* What all spans of all kinds hold. */
static uint64_t bytes_in_runs(void)
{
    struct page_heap_stats pages;
    zc_trim(0);
    zci_page_heap_stats(&pages);
    return pages.used_bytes - pages.dirty_bytes - pages.clean_bytes;
}

static struct zc_heap_usage usage_of(struct zc_heap *heap)
{
    struct zc_heap_usage usage;
    CHECK_EQ(zc_heap_stats(heap, &usage, sizeof usage), 0);
    return usage;
}

static size_t size_at(size_t i)
{
    static const size_t large[] = {70000, 300000, 5 << 20, 300 << 20};
    return i % 500 == 499 ? large[i / 500 % 4] : 1 + i * i * 31 % 3000;
}

static void take(struct zc_heap *heap, size_t i)
{
    sizes[i] = size_at(i);
    blocks[i] = zc_heap_malloc(heap, sizes[i]);
    CHECK(blocks[i] != NULL);
    blocks[i][0] = (unsigned char)i;
    blocks[i][sizes[i] - 1] = (unsigned char)(i >> 3);
}

static int holds(size_t i)
{
    return blocks[i][0] == (unsigned char)i || sizes[i] == 1;
}

static int holds_end(size_t i)
{
    return blocks[i][sizes[i] - 1] == (unsigned char)(i >> 3);
}

static void destroy_gives_everything_back(void)
{
    uint64_t before = bytes_in_runs();
    struct zc_heap *heap = zc_heap_new();
    for (size_t i = 0; i < MANY; i++)
        take(heap, i);
    size_t changed = 0;
    for (size_t i = 0; i < MANY; i++)
        changed += !holds(i) || !holds_end(i);
    CHECK_EQ(changed, 0);
    for (size_t i = 0; i < MANY; i += 3)
        zc_heap_free(heap, blocks[i]);
    CHECK(usage_of(heap).held_bytes > 300 << 20);
    struct zc_stats stats;
    zc_stats_get(&stats, sizeof stats);
    CHECK_EQ(stats.heap_count, 1);
    CHECK_EQ(stats.heap_bytes, usage_of(heap).held_bytes);
    CHECK(stats.large_bytes >= stats.heap_bytes);
    CHECK(bytes_in_runs() > before);
    zc_heap_destroy(heap);
    CHECK_EQ(bytes_in_runs(), before);
    zc_stats_get(&stats, sizeof stats);
    CHECK_EQ(stats.huge_count, 0);
    CHECK_EQ(stats.heap_count, 0);
    CHECK_EQ(stats.heap_bytes, 0);
}

static void statistics_are_exact_when_quiet(void)
{
    struct zc_heap *heap = zc_heap_new();
    uint64_t bytes = 0;
    for (size_t i = 0; i < MANY; i++) {
        take(heap, i);
        bytes += zc_heap_usable_size(heap, blocks[i]);
    }
    struct zc_heap_usage usage = usage_of(heap);
    CHECK_EQ(usage.version, ZC_HEAP_USAGE_VERSION);
    CHECK_EQ(usage.live_count, MANY);
    CHECK_EQ(usage.live_bytes, bytes);
    CHECK(usage.held_bytes >= usage.live_bytes + usage.cached_bytes);
    CHECK_EQ(usage.held_peak_bytes, usage.held_bytes);
    for (size_t i = 0; i < MANY; i++)
        zc_heap_free(heap, blocks[i]);
    usage = usage_of(heap);
    CHECK_EQ(usage.live_count, 0);
    CHECK_EQ(usage.live_bytes, 0);
    CHECK(usage.cached_count > 0);
    CHECK(usage.held_peak_bytes > usage.held_bytes);
    /* All that is left are spans, some of which end only when the cache's blocks are back. */
    CHECK_EQ(zc_heap_collect(heap), usage.held_bytes);
    usage = usage_of(heap);
    CHECK_EQ(usage.cached_count, 0);
    CHECK_EQ(usage.span_count, 0);
    CHECK_EQ(usage.held_bytes, 0);
    errno = 0;
    CHECK_EQ(zc_heap_stats(heap, &usage, 7), -1);
    CHECK_EQ(errno, EINVAL);
    zc_heap_destroy(heap);
}

/* free, realloc and malloc_usable_size know whose block it is. */
static void common_functions_keep_the_heap(void)
{
    struct zc_heap *heap = zc_heap_new();
    void *ordinary = zc_malloc(64);
    for (size_t i = 0; i < MANY; i++)
        take(heap, i);
    for (size_t i = 0; i < MANY; i++) {
        CHECK_EQ(zc_malloc_usable_size(blocks[i]), zc_heap_usable_size(heap, blocks[i]));
        blocks[i] = zc_realloc(blocks[i], sizes[i] * 2);
        CHECK(holds(i) && zc_heap_owns(heap, blocks[i]) && zc_owns(blocks[i]));
    }
    CHECK_EQ(usage_of(heap).live_count, MANY);
    for (size_t i = 0; i < MANY; i++)
        zc_free(blocks[i]);
    CHECK_EQ(usage_of(heap).live_count, 0);
    /* None of these blocks may come from malloc now. */
    size_t leaked = 0;
    for (size_t i = 0; i < MANY; i++) {
        blocks[i] = zc_malloc(size_at(i));
        leaked += (size_t)zc_heap_owns(heap, blocks[i]);
    }
    CHECK_EQ(leaked, 0);
    for (size_t i = 0; i < MANY; i++)
        zc_free(blocks[i]);
    CHECK(!zc_heap_owns(heap, ordinary));
    CHECK(!zc_heap_owns(heap, &heap));
    CHECK(!zc_heap_owns(heap, NULL));
    zc_free(ordinary);
    zc_heap_destroy(heap);
}

static void standard_contracts(void)
{
    volatile size_t too_large = PTRDIFF_MAX + (size_t)1;
    struct zc_heap *heap = zc_heap_new();
    errno = 0;
    CHECK(zc_heap_malloc(heap, too_large) == NULL && errno == ENOMEM);
    errno = 0;
    CHECK(zc_heap_calloc(heap, too_large - 1, 3) == NULL && errno == ENOMEM);
    errno = 0;
    CHECK(zc_heap_memalign(heap, 24, 8) == NULL && errno == EINVAL);
    errno = 77;
    unsigned char *block = zc_heap_malloc(heap, 0);
    CHECK(block != NULL && errno == 77);
    zc_heap_free(heap, block);
    zc_heap_free(heap, NULL);
    zc_heap_destroy(NULL);
    zc_pool_destroy(NULL);
    CHECK_EQ(zc_heap_usable_size(heap, NULL), 0);
    for (size_t align = 1; align <= (size_t)64 << 20; align *= 2) {
        block = zc_heap_memalign(heap, align, 100);
        CHECK(block != NULL && ((uintptr_t)block & (align - 1)) == 0);
        memset(block, 0xff, 100);
        zc_heap_free(heap, block);
    }
    for (size_t size = 1; size < 1 << 20; size = size * 3 + 1) {
        block = zc_heap_malloc(heap, size);
        memset(block, 0xff, size);
        zc_heap_free(heap, block);
        block = zc_heap_calloc(heap, 1, size);
        size_t not_zero = 0;
        for (size_t i = 0; i < size; i++)
            not_zero += block[i] != 0;
        CHECK_EQ(not_zero, 0);
        block = zc_heap_realloc(heap, block, size + 70000);
        CHECK(block != NULL && block[size - 1] == 0);
        block = zc_heap_realloc(heap, block, 10);
        CHECK(zc_heap_realloc(heap, block, 0) == NULL);
    }
    CHECK(zc_heap_realloc(heap, NULL, 10) != NULL);
    CHECK_EQ(usage_of(heap).live_count, 1);
    zc_heap_destroy(heap);
}

static void check_pool(size_t size, size_t alignment, size_t distance)
{
    struct zc_pool *pool = zc_pool_new(size, alignment);
    struct zc_heap_usage usage;
    size_t count = size > 65536 ? 10 : MANY;
    for (size_t i = 0; i < count; i++) {
        blocks[i] = zc_pool_malloc(pool);
        memset(blocks[i], (int)i, size);
    }
    size_t wrong = 0;
    for (size_t i = 0; i < count; i++)
        wrong += blocks[i][0] != (unsigned char)i || blocks[i][size - 1] != (unsigned char)i ||
                 (alignment != 0 && (uintptr_t)blocks[i] % alignment != 0);
    CHECK_EQ(wrong, 0);
    CHECK_EQ(zc_pool_stats(pool, &usage, sizeof usage), 0);
    CHECK_EQ(usage.live_count, count);
    if (distance != 0)
        CHECK_EQ(usage.live_bytes, count * distance);
    CHECK(zc_malloc_usable_size(blocks[1]) >= size);
    CHECK(zc_owns(blocks[1]));
    if (size <= 65536) {
        errno = 0;
        CHECK(zc_realloc(blocks[1], 4 << 20) == NULL && errno == ENOMEM);
        CHECK(zc_realloc(blocks[1], size) == blocks[1]);
    }
    for (size_t i = 0; i < count; i += 2)
        zc_pool_free(pool, blocks[i]);
    zc_free(blocks[1]);
    zc_pool_stats(pool, &usage, sizeof usage);
    CHECK_EQ(usage.live_count, count / 2 - 1);
    zc_pool_collect(pool);
    zc_pool_stats(pool, &usage, sizeof usage);
    CHECK_EQ(usage.cached_count, 0);
    zc_pool_destroy(pool);
}

static void pools(void)
{
    uint64_t before = bytes_in_runs();
    check_pool(1, 1, 8);
    check_pool(72, 8, 72);
    check_pool(72, 0, 80);
    check_pool(12, 4, 12);
    check_pool(1000, 64, 1024);
    check_pool(5000, 8, 5000);
    check_pool(65536, 65536, 65536);
    check_pool(40000, 8, 40000);
    check_pool(70000, 8, 2 * ZCI_GRANULE_BYTES);
    check_pool(100, 1 << 20, 0);
    CHECK_EQ(bytes_in_runs(), before);
    errno = 0;
    CHECK(zc_pool_new(8, 3) == NULL && errno == EINVAL);
    errno = 0;
    CHECK(zc_pool_new(SIZE_MAX - 2, 8) == NULL && errno == ENOMEM);
}

/* Pages that were of one class are of another next: each block must find its own bin. */
static void spans_change_their_class(void)
{
    static void *small[40000];
    struct zc_heap *heap = zc_heap_new();
    for (int round = 0; round < 6; round++) {
        size_t size = round % 2 ? 1000 : 48;
        size_t count = 1900000 / size;
        for (size_t i = 0; i < count; i++) {
            small[i] = zc_heap_malloc(heap, size);
            memset(small[i], round, size);
        }
        size_t wrong = 0;
        for (size_t i = 0; i < count; i++)
            wrong += ((char *)small[i])[size - 1] != round;
        CHECK_EQ(wrong, 0);
        for (size_t i = 0; i < count; i++)
            zc_heap_free(heap, small[i]);
    }
    zc_heap_collect(heap);
    CHECK_EQ(usage_of(heap).held_bytes, 0);
    zc_heap_destroy(heap);
}

/* The collector's sweep is for the central lists' spans; these have lists of their own. */
static void the_sweep_leaves_heaps_alone(void)
{
    struct zc_stats before, after;
    struct zc_heap *heap = zc_heap_new();
    for (size_t i = 0; i < MANY; i++)
        blocks[i] = zc_heap_malloc(heap, 1000);
    for (size_t i = 0; i < MANY; i++)
        if (i % 100 != 0)
            zc_heap_free(heap, blocks[i]);
    zc_heap_collect(heap);
    zc_stats_get(&before, sizeof before);
    zc_collect(ZC_COLLECT_ALL);
    zc_stats_get(&after, sizeof after);
    CHECK_EQ(after.gc_swept_bytes, before.gc_swept_bytes);
    CHECK_EQ(after.span_released_bytes, before.span_released_bytes);
    CHECK_EQ(after.heap_bytes, before.heap_bytes);
    for (size_t i = 0; i < MANY; i++)
        CHECK(zc_heap_malloc(heap, 1000) != NULL);
    zc_heap_destroy(heap);
}

/* A span per class that heaps keep for a next time is not what a request may fail for. */
static void empty_spans_go_at_a_limit(void)
{
    static struct zc_pool *pools[HEAPS];
    uint64_t before = bytes_in_runs();
    for (int i = 0; i < HEAPS; i++) {
        pools[i] = zc_pool_new(40000, 8);
        zc_pool_free(pools[i], zc_pool_malloc(pools[i]));
    }
    zc_collect(ZC_COLLECT_STEP);
    struct zc_stats stats;
    zc_stats_get(&stats, sizeof stats);
    CHECK(stats.heap_bytes >= (size_t)HEAPS * 40000);
    zc_limit_set(ZC_LIMIT_HARD, stats.mapped_bytes + (1 << 20));
    void *block = zc_malloc(stats.heap_bytes - (1 << 20));
    CHECK(block != NULL);
    zc_free(block);
    zc_limit_set(ZC_LIMIT_HARD, 0);
    zc_stats_get(&stats, sizeof stats);
    CHECK_EQ(stats.heap_bytes, 0);
    CHECK_EQ(bytes_in_runs(), before);
    for (int i = 0; i < HEAPS; i++)
        zc_pool_destroy(pools[i]);
}

/* More than a thread has slots, and than fit in their chains: all contents hold. */
static void many_heaps_at_a_time(void)
{
    static struct zc_heap *heaps[HEAPS];
    uint64_t before = bytes_in_runs();
    for (int i = 0; i < HEAPS; i++)
        heaps[i] = zc_heap_new();
    for (size_t round = 0; round < MANY / HEAPS; round++)
        for (size_t i = 0; i < HEAPS; i++) {
            size_t at = round * HEAPS + i;
            blocks[at] = zc_heap_malloc(heaps[i], 40);
            memset(blocks[at], (int)i, 40);
        }
    size_t wrong = 0;
    for (size_t at = 0; at < MANY; at++) {
        wrong += blocks[at][39] != at % HEAPS || !zc_heap_owns(heaps[at % HEAPS], blocks[at]);
        if (at % 2)
            zc_heap_free(heaps[at % HEAPS], blocks[at]);
    }
    CHECK_EQ(wrong, 0);
    for (int i = 0; i < HEAPS; i++) {
        CHECK_EQ(usage_of(heaps[i]).live_count, i % 2 ? 0 : MANY / HEAPS);
        zc_heap_destroy(heaps[i]);
    }
    CHECK_EQ(bytes_in_runs(), before);
}

/* --- a thread that still has a cache of a heap that is gone --------------------------------------------- */

static struct zc_heap *shared;
static pthread_barrier_t barrier;

static void *use_then_wait(void *unused)
{
    (void)unused;
    for (int i = 0; i < 300; i++)
        zc_heap_free(shared, zc_heap_malloc(shared, 48));
    void *block = zc_heap_malloc(shared, 48);
    zc_heap_free(shared, block);
    pthread_barrier_wait(&barrier); /* used */
    pthread_barrier_wait(&barrier); /* destroyed, and another in its place */
    /* The pages may be the new heap's: nothing from the old cache may come, or go, anywhere. */
    struct zc_heap_usage usage = usage_of(shared);
    CHECK_EQ(usage.cached_count, 0);
    block = zc_heap_malloc(shared, 48);
    CHECK(zc_heap_owns(shared, block));
    CHECK_EQ(usage_of(shared).live_count, usage.live_count + 1);
    zc_heap_free(shared, block);
    return NULL;
}

static void stale_caches_are_dropped(void)
{
    pthread_t thread;
    uint64_t before = bytes_in_runs();
    shared = zc_heap_new();
    struct zc_heap *first = shared;
    pthread_barrier_init(&barrier, NULL, 2);
    pthread_create(&thread, NULL, use_then_wait, NULL);
    pthread_barrier_wait(&barrier);
    CHECK(usage_of(shared).cached_count > 0);
    CHECK_EQ(usage_of(shared).live_count, 0);
    zc_heap_destroy(shared);
    shared = zc_heap_new();
    CHECK(shared == first);
    for (int i = 0; i < 100; i++)
        blocks[i] = zc_heap_malloc(shared, 48);
    zc_heap_collect(shared);
    pthread_barrier_wait(&barrier);
    pthread_join(thread, NULL);
    struct zc_heap_usage usage = usage_of(shared);
    CHECK_EQ(usage.live_count, 100);
    CHECK_EQ(usage.cached_count, 0); /* the thread's exit returned its blocks */
    zc_heap_destroy(shared);
    CHECK_EQ(bytes_in_runs(), before);
}

/* More heaps one after the other than there are numbers. */
static void numbers_are_used_again(void)
{
    struct zc_heap *heap = NULL;
    long refused = 0;
    for (long i = 0; i < 70000; i++) {
        heap = zc_heap_new();
        refused += heap == NULL || zc_heap_malloc(heap, 16) == NULL;
        zc_heap_destroy(heap);
    }
    CHECK_EQ(refused, 0);
}

/* zc_owns may be asked about a block while its heap ends and a pool, with one class, takes the descriptor. */
static void classes_stay_in_bounds(void)
{
    struct zc_heap *handle = zc_heap_new();
    struct private_heap *heap = (struct private_heap *)handle;
    const struct size_class *classes = heap->classes;
    const struct span *span = pagemap_get((uintptr_t)zc_heap_malloc(handle, 30000));
    CHECK_EQ(zci_private_class_of(span)->bytes, zc_malloc_good_size(30000));
    heap->classes = heap->pool_classes;
    CHECK(zci_private_class_of(span) == &heap->pool_classes[PRIVATE_POOL_CLASS]);
    heap->classes = classes;
    zc_heap_destroy(handle);
}

/* --- a system without more memory --------------------------------------------------------------------- */

static void heaps_until_there_is_no_memory(void)
{
    static struct zc_heap *heaps[1000];
    int count = 0;
    uint64_t before = bytes_in_runs();
    fake_os.fail_at = fake_os.call_count + 1;
    fake_os.fail_count = -1;
    errno = 0;
    while (count < 1000 && (heaps[count] = zc_heap_new()) != NULL)
        count++;
    CHECK(count < 1000 && errno == ENOMEM);
    /* A pool needs less than a heap. */
    struct zc_pool *pool = zc_pool_new(40, 8);
    zc_pool_destroy(pool);
    fake_os.fail_at = 0;
    heaps[count] = zc_heap_new();
    CHECK(heaps[count] != NULL);
    for (int i = 0; i <= count; i++)
        CHECK(zc_heap_malloc(heaps[i], 100) != NULL);
    for (int i = 0; i <= count; i++)
        zc_heap_destroy(heaps[i]);
    CHECK_EQ(bytes_in_runs(), before);
}

/* --- fork while another thread is changing a heap -------------------------------------------------------- */

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
static void child_rebuilds_a_heap(void)
{
    check_skip("a fork while threads run: the sanitizer's run-time has locks of its own");
}
#else
/* Stands for a thread in the middle of anything: the lock is held, and no list is what it should be. */
static void *disturb(void *unused)
{
    (void)unused;
    struct private_heap *heap = (struct private_heap *)shared;
    lock_acquire(&heap->lock);
    struct private_list *lists = heap->lists;
    static struct private_list saved[ZCI_CLASS_COUNT];
    memcpy(saved, lists, sizeof saved);
    memset(lists, 0xff, sizeof saved);
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    memcpy(lists, saved, sizeof saved);
    lock_release(&heap->lock);
    return NULL;
}

static void repaired_child(struct zc_heap_usage before, uint64_t bytes_before)
{
    alarm(20);
    struct zc_heap_usage usage = usage_of(shared);
    CHECK_EQ(usage.live_count, before.live_count);
    CHECK_EQ(usage.live_bytes, before.live_bytes);
    CHECK_EQ(usage.span_count, before.span_count);
    CHECK_EQ(usage.held_bytes, before.held_bytes);
    for (size_t i = 0; i < MANY; i++) {
        CHECK(holds(i));
        if (i % 2)
            zc_heap_free(shared, blocks[i]);
        else
            blocks[i] = zc_heap_realloc(shared, blocks[i], sizes[i] + 100);
    }
    CHECK_EQ(usage_of(shared).live_count, MANY / 2);
    zc_heap_destroy(shared);
    CHECK_EQ(bytes_in_runs(), bytes_before);
    _exit(check_failed_count != 0);
}

static void child_rebuilds_a_heap(void)
{
    pthread_t thread;
    uint64_t bytes_before = bytes_in_runs();
    shared = zc_heap_new();
    for (size_t i = 0; i < MANY; i++)
        take(shared, i);
    zc_heap_collect(shared);
    struct zc_heap_usage before = usage_of(shared);
    pthread_barrier_init(&barrier, NULL, 2);
    pthread_create(&thread, NULL, disturb, NULL);
    pthread_barrier_wait(&barrier);
    pid_t pid = fork();
    if (pid == 0)
        repaired_child(before, bytes_before);
    int status = -1;
    waitpid(pid, &status, 0);
    CHECK_EQ(status, 0);
    pthread_barrier_wait(&barrier);
    pthread_join(thread, NULL);
    zc_heap_destroy(shared);
    CHECK_EQ(bytes_in_runs(), bytes_before);
}
#endif

/* Of small ones a free block may count. */
static void free_large_blocks_are_nobodys(void)
{
    struct zc_heap *heap = zc_heap_new();
    for (size_t size = 65537; size <= 300 << 20; size *= 40) {
        void *common = zc_malloc(size);
        void *own = zc_heap_malloc(heap, size);
        CHECK(zc_owns(common) && zc_owns(own) && zc_heap_owns(heap, own));
        CHECK(!zc_heap_owns(heap, common));
        zc_free(common);
        zc_heap_free(heap, own);
        CHECK(!zc_owns(common) && !zc_owns(own) && !zc_heap_owns(heap, own));
    }
    zc_heap_destroy(heap);
}

int main(void)
{
    fake_os_install();
    RUN(destroy_gives_everything_back);
    RUN(statistics_are_exact_when_quiet);
    RUN(common_functions_keep_the_heap);
    RUN(standard_contracts);
    RUN(free_large_blocks_are_nobodys);
    RUN(pools);
    RUN(spans_change_their_class);
    RUN(the_sweep_leaves_heaps_alone);
    RUN(empty_spans_go_at_a_limit);
    RUN(many_heaps_at_a_time);
    RUN(stale_caches_are_dropped);
    RUN(numbers_are_used_again);
    RUN(classes_stay_in_bounds);
    RUN(heaps_until_there_is_no_memory);
    RUN(child_rebuilds_a_heap);
    return check_done();
}
