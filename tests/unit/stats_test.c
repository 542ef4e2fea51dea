/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* stats_test.c - the figures add up, agree with a walk over the heap, rise and fall with what the program
 * does, and can be cut short. */
#include "central/page_heap.h"
#include "heap/stats.h"
#include "os/os.h"
#include "support/check.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>

static struct zc_stats stats;
static struct stats_snapshot snapshot;

/* What the spans themselves say. */
static struct {
    uint64_t small_bytes;
    uint64_t out_count; /* blocks out of their spans */
    uint64_t large_bytes;
    uint64_t large_count;
    uint64_t large_requested_bytes;
} walked;

static void visit(struct span *span, void *unused)
{
    (void)unused;
    if (span_state(span) == SPAN_SMALL) {
        walked.small_bytes += span_bytes(span);
        walked.out_count += span->used;
    } else if (span_state(span) == SPAN_LARGE) {
        walked.large_bytes += span_bytes(span);
        walked.large_requested_bytes += span->bytes;
        walked.large_count++;
    }
}

static uint64_t os_calls(void)
{
    return stats.os_reserve_count + stats.os_commit_count + stats.os_protect_count +
           stats.os_purge_count + stats.os_release_count + stats.os_move_count +
           stats.os_populate_count + stats.os_resize_count;
}

static void check_classes(void)
{
    uint64_t in_use = 0, cached = 0, depot = 0, central = 0, tails = 0, spans = 0, bytes = 0;
    uint64_t out = 0;
    for (size_t c = 0; c < ZCI_STATS_CLASSES; c++) {
        const struct zc_class_stats *row = &snapshot.classes[c];
        uint64_t blocks =
            row->in_use_count + row->thread_cache_count + row->depot_count + row->free_count;
        CHECK_EQ(row->block_bytes, zci_size_classes[c + 1].bytes);
        CHECK_EQ(blocks * row->block_bytes + row->tail_bytes, row->span_bytes);
        CHECK_EQ(row->in_use_count + row->thread_cache_count + row->depot_count,
                 row->fetch_count - row->return_count);
        CHECK(row->span_made_count >= row->span_count);
        in_use += row->in_use_count * row->block_bytes;
        cached += row->thread_cache_count * row->block_bytes;
        depot += row->depot_count * row->block_bytes;
        central += row->free_count * row->block_bytes;
        out += row->fetch_count - row->return_count;
        tails += row->tail_bytes;
        spans += row->span_count;
        bytes += row->span_bytes;
    }
    CHECK_EQ(in_use, stats.in_use_bytes - stats.large_bytes);
    CHECK_EQ(cached, stats.thread_cache_bytes);
    CHECK_EQ(depot, stats.depot_bytes);
    CHECK_EQ(central, stats.central_bytes);
    CHECK_EQ(tails, stats.span_tail_bytes);
    CHECK_EQ(spans, stats.span_count);
    CHECK_EQ(bytes, stats.span_bytes);
    CHECK_EQ(out, walked.out_count);
    CHECK_EQ(out, stats.central_fetch_count - stats.central_return_count);
}

static void check_pages(void)
{
    CHECK_EQ(walked.small_bytes, stats.span_bytes);
    CHECK_EQ(walked.large_bytes, stats.large_bytes - stats.huge_bytes);
    CHECK_EQ(walked.large_count, stats.large_count - stats.huge_count);
    CHECK_EQ(walked.large_requested_bytes, stats.large_requested_bytes - stats.huge_bytes);
    CHECK_EQ(stats.span_bytes, stats.small_bytes + stats.central_bytes + stats.span_tail_bytes);
    CHECK_EQ(stats.small_bytes,
             stats.in_use_bytes - stats.large_bytes + stats.thread_cache_bytes + stats.depot_bytes);
    CHECK_EQ(stats.mapped_bytes, stats.small_bytes + stats.large_bytes + stats.central_bytes +
                                     stats.span_tail_bytes + stats.run_cache_bytes +
                                     stats.page_heap_bytes + stats.metadata_bytes -
                                     stats.span_released_bytes);
    CHECK(stats.mapped_peak_bytes >= stats.mapped_bytes);
    CHECK(stats.large_bytes >= stats.large_requested_bytes);
    CHECK_EQ(stats.span_utilisation_percent,
             stats.span_bytes == 0
                 ? 0
                 : (stats.in_use_bytes - stats.large_bytes) * 100 / stats.span_bytes);
}

/* Every identity that is to hold while no other thread is inside the allocator. */
static void get(void)
{
    zci_stats_collect_all(&snapshot);
    CHECK_EQ(zc_stats_get(&stats, sizeof stats), 0);
    CHECK_EQ(stats.version, ZC_STATS_VERSION);
    CHECK_EQ(stats.struct_bytes, sizeof stats);
    memset(&walked, 0, sizeof walked);
    zci_page_heap_each_run(visit, NULL);
    check_classes();
    check_pages();
    CHECK_EQ(stats.os_call_count, os_calls());
    CHECK(stats.os_fail_count <= stats.os_call_count);
}

static void small_blocks_are_counted(void)
{
    static void *blocks[1000];
    struct zc_class_stats row;
    get();
    uint64_t before = stats.in_use_bytes;
    for (int i = 0; i < 1000; i++)
        blocks[i] = zc_malloc(1024);
    get();
    CHECK_EQ(stats.in_use_bytes - before, 1000 * 1024);
    CHECK_EQ(zc_stats_get_class(size_class_of(1024) - 1, &row, sizeof row), 0);
    CHECK_EQ(row.block_bytes, 1024);
    CHECK_EQ(row.in_use_count, 1000);
    for (int i = 0; i < 1000; i++)
        zc_free(blocks[i]);
    get();
    CHECK_EQ(stats.in_use_bytes, before);
    CHECK(stats.thread_cache_bytes > 0);
}

static void large_blocks_are_counted(void)
{
    get();
    uint64_t before = stats.large_bytes;
    uint64_t requested = stats.large_requested_bytes;
    uint64_t count = stats.large_count;
    void *large = zc_malloc((1 << 20) - 100);
    void *huge = zc_malloc(512 << 20);
    get();
    CHECK_EQ(stats.large_bytes - before, (1 << 20) + (512 << 20));
    CHECK_EQ(stats.large_requested_bytes - requested, (1 << 20) - 100 + (512 << 20));
    CHECK_EQ(stats.large_count - count, 2);
    zc_free(large);
    zc_free(huge);
    get();
    CHECK_EQ(stats.large_bytes, before);
    CHECK(stats.run_cache_bytes >= (1 << 20));
    uint64_t peak = stats.mapped_peak_bytes;
    zc_trim(0);
    get();
    CHECK_EQ(stats.run_cache_bytes, 0);
    CHECK_EQ(stats.page_heap_bytes, 0);
    CHECK(stats.released_bytes >= (1 << 20));
    CHECK(stats.mapped_bytes < peak);
    CHECK_EQ(stats.mapped_peak_bytes, peak);
}

static void hits_and_misses_of_large_blocks(void)
{
    zc_trim(0);
    get();
    struct zc_stats before = stats;
    zc_free(zc_malloc(1 << 20));
    zc_free(zc_malloc(1 << 20));
    zc_free(zc_aligned_alloc(32 << 20, 50 << 20));
    zc_free(zc_aligned_alloc(32 << 20, 50 << 20));
    get();
    CHECK_EQ(stats.run_cache_miss_count - before.run_cache_miss_count, 1);
    CHECK_EQ(stats.run_cache_hit_count - before.run_cache_hit_count, 1);
    CHECK_EQ(stats.huge_cache_miss_count - before.huge_cache_miss_count, 1);
    CHECK_EQ(stats.huge_cache_hit_count - before.huge_cache_hit_count, 1);
    /* What was trimmed away comes back as a refault. */
    CHECK_EQ(stats.page_heap_refault_count - before.page_heap_refault_count, 1);
    CHECK_EQ(stats.page_heap_refault_bytes - before.page_heap_refault_bytes, 1 << 20);
    CHECK_EQ(stats.page_heap_fresh_count, before.page_heap_fresh_count);
}

static void hits_and_misses_of_small_blocks(void)
{
    enum { COUNT = 20000 };

    static void *blocks[COUNT];
    get();
    struct zc_stats before = stats;
    for (int i = 0; i < COUNT; i++)
        blocks[i] = zc_malloc(64);
    get();
    CHECK(stats.depot_miss_count > before.depot_miss_count);
    CHECK(stats.central_fetch_count - before.central_fetch_count >= COUNT / 2);
    for (int i = 0; i < COUNT; i++)
        zc_free(blocks[i]);
    get();
    CHECK(stats.spare_keep_count > before.spare_keep_count);
    CHECK_EQ(stats.depot_put_count - before.depot_put_count, 16);
    CHECK(stats.depot_full_count > before.depot_full_count);
    CHECK(stats.depot_bytes > 0);
    for (int i = 0; i < COUNT; i++)
        blocks[i] = zc_malloc(64);
    get();
    CHECK_EQ(stats.depot_take_count - before.depot_take_count, 16);
    CHECK(stats.spare_load_count > before.spare_load_count);
    for (int i = 0; i < COUNT; i++)
        zc_free(blocks[i]);
}

static void *use_every_class(void *unused)
{
    for (unsigned c = 1; c < ZCI_CLASS_COUNT; c++)
        zc_free(zc_malloc(zci_size_classes[c].bytes));
    zc_free(zc_malloc(1 << 20));
    return unused;
}

/* What threads counted stays when they are gone; what they cached is counted where it is. */
static void dead_threads_are_counted(void)
{
    pthread_t thread;
    zc_trim(0);
    get();
    struct zc_stats before = stats;
    for (int round = 0; round < 3; round++) {
        CHECK_EQ(pthread_create(&thread, NULL, use_every_class, NULL), 0);
        pthread_join(thread, NULL);
        get();
    }
    CHECK(stats.depot_miss_count - before.depot_miss_count >= ZCI_CLASS_COUNT - 1);
    CHECK_EQ(stats.run_cache_hit_count + stats.run_cache_miss_count - before.run_cache_hit_count -
                 before.run_cache_miss_count,
             3);
    CHECK_EQ(stats.thread_count, before.thread_count);
    CHECK(stats.parked_count >= 1);
    CHECK_EQ(stats.in_use_bytes, before.in_use_bytes);
}

/* Alignment may cost a second try and ends cut off, and the maps may want a page: a little more. */
static int is_about(uint64_t bytes, uint64_t wanted)
{
    return bytes >= wanted && bytes <= wanted + (4 << 20);
}

static void the_os_is_asked(void)
{
    /* Else a collection at the wrong moment has calls of its own. */
    zc_trim(0);
    get();
    struct zc_stats before = stats;
    char *huge = zc_malloc(300 << 20);
    for (size_t i = 0; i < (200 << 20); i += 4096)
        huge[i] = 1;
    get();
    CHECK(is_about(stats.os_reserve_bytes - before.os_reserve_bytes -
                       (stats.os_release_bytes - before.os_release_bytes),
                   300 << 20));
    CHECK(is_about(stats.os_commit_bytes - before.os_commit_bytes, 300 << 20));
    if (stats.rss_bytes != 0) {
        CHECK(stats.rss_bytes - before.rss_bytes >= (190 << 20));
        CHECK(stats.rss_peak_bytes >= stats.rss_bytes);
    }
    CHECK(stats.minor_fault_count > before.minor_fault_count);
    before = stats;
    huge = zc_realloc(huge, 280 << 20);
    get();
    CHECK_EQ(stats.os_resize_count - before.os_resize_count, 1);
    CHECK_EQ(stats.os_resize_bytes - before.os_resize_bytes, 20 << 20);
    /* Where a run would do it is cut all the same: that copies nothing. */
    CHECK(zc_realloc(huge, 100 << 20) == huge);
    get();
    CHECK_EQ(stats.os_resize_count - before.os_resize_count, 2);
    CHECK_EQ(stats.large_requested_bytes, before.large_requested_bytes - (200 << 20));
    zc_free(huge);
    get();
    CHECK_EQ(stats.os_release_bytes - before.os_release_bytes, 100 << 20);
}

static int workers_may_go;

static void *work(void *seed)
{
    static __thread void *blocks[300];
    uint64_t random = (uint64_t)(uintptr_t)seed + 88172645463325252;
    while (!__atomic_load_n(&workers_may_go, __ATOMIC_RELAXED)) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        void **block = &blocks[random % 300];
        zc_free(*block);
        *block = zc_malloc((random >> 20) % (random % 16 == 0 ? 500000 : 5000));
    }
    for (int i = 0; i < 300; i++)
        zc_free(blocks[i]);
    return NULL;
}

/* A report needs no lock and bears everything that changes under it. */
static void reports_among_threads(void)
{
    pthread_t threads[3];
    int null = open("/dev/null", O_WRONLY);
    zc_trim(0);
    get();
    uint64_t before = stats.in_use_bytes;
    for (size_t i = 0; i < 3; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, work, (void *)(i + 1)), 0);
    for (int i = 0; i < 100; i++) {
        CHECK_EQ(zc_stats_write(null, i % 3), 0);
        CHECK_EQ(zc_stats_get(&stats, sizeof stats), 0);
        /* No difference went below 0. */
        CHECK(stats.in_use_bytes < UINT64_C(1) << 32);
        CHECK(stats.large_requested_bytes < UINT64_C(1) << 32);
        CHECK(stats.span_tail_bytes < UINT64_C(1) << 32);
        CHECK(stats.span_utilisation_percent <= 100);
    }
    __atomic_store_n(&workers_may_go, 1, __ATOMIC_RELAXED);
    for (size_t i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    close(null);
    get();
    CHECK_EQ(stats.in_use_bytes, before);
}

/* The child counts on from where it was cut off. */
static void a_child_adds_up(void)
{
    pid_t child = fork();
    if (child == 0) {
        check_failed_count = 0;
        get();
        zc_free(zc_malloc(100));
        get();
        _exit(check_failed_count != 0);
    }
    int status = -1;
    waitpid(child, &status, 0);
    CHECK_EQ(status, 0);
}

static void short_structs_are_filled_as_far_as_they_go(void)
{
    struct zc_stats part;
    struct zc_class_stats row;
    memset(&part, 0xee, sizeof part);
    CHECK_EQ(zc_stats_get(&part, 16), 0);
    CHECK_EQ(part.version, ZC_STATS_VERSION);
    CHECK_EQ(part.large_bytes, 0xeeeeeeeeeeeeeeeeULL);
    errno = 0;
    CHECK_EQ(zc_stats_get(&part, 4), -1);
    CHECK_EQ(errno, EINVAL);
    memset(&row, 0xee, sizeof row);
    CHECK_EQ(zc_stats_get_class(0, &row, 16), 0);
    CHECK_EQ(row.block_bytes, 8);
    CHECK_EQ(row.span_count, 0xeeeeeeeeeeeeeeeeULL);
    CHECK_EQ(zc_stats_get_class(ZCI_STATS_CLASSES - 1, &row, sizeof row), 0);
    CHECK_EQ(row.block_bytes, ZCI_SMALL_MAX_BYTES);
    errno = 0;
    CHECK_EQ(zc_stats_get_class(ZCI_STATS_CLASSES, &row, sizeof row), -1);
    CHECK_EQ(errno, EINVAL);
    CHECK_EQ(zc_stats_get_class(0, &row, 7), -1);
}

static uint64_t populated_by_calloc(size_t size)
{
    CHECK_EQ(zc_stats_get(&stats, sizeof stats), 0);
    uint64_t before = stats.os_populate_count;
    void *block = zc_calloc(1, size);
    CHECK(block != NULL);
    CHECK_EQ(zc_stats_get(&stats, sizeof stats), 0);
    zc_free(block);
    return stats.os_populate_count - before;
}

/* After a trim all is fresh, where the system says so; elsewhere only what nobody had before. */
static int is_fresh_once(uint64_t count)
{
    return count == 1 || (count == 0 && !ZCI_OS_PURGED_READS_ZERO);
}

/* Where the program is seen to write to all of such blocks. */
static void learn(size_t size)
{
    void *block = zc_calloc(1, size);
    CHECK(block != NULL);
    memset(block, 1, size);
    zc_free(block);
}

/* Fresh memory for calloc is made resident at once, but not where most of it may stay untouched. */
static void calloc_populates_up_to_1_mib(void)
{
    CHECK_EQ(populated_by_calloc(5 << 16), 0);
    learn(65537);
    learn(1 << 20);
    learn((1 << 20) + 1);
    zc_trim(0);
    CHECK(is_fresh_once(populated_by_calloc(65537)));
    CHECK_EQ(populated_by_calloc(65537), 0); /* from a cache, and dirty */
    zc_trim(0);
    CHECK(is_fresh_once(populated_by_calloc(1 << 20)));
    CHECK_EQ(populated_by_calloc((1 << 20) + 1), 0);
    /* The first time the descriptors may be new, and populated. */
    zc_free(zc_calloc(1, 100 << 20));
    zc_trim(0);
    CHECK_EQ(populated_by_calloc(100 << 20), 0);
}

int main(void)
{
    RUN(small_blocks_are_counted);
    RUN(large_blocks_are_counted);
    RUN(hits_and_misses_of_large_blocks);
    RUN(hits_and_misses_of_small_blocks);
    RUN(dead_threads_are_counted);
    RUN(reports_among_threads);
    RUN(the_os_is_asked);
    RUN(a_child_adds_up);
    RUN(short_structs_are_filled_as_far_as_they_go);
    RUN(calloc_populates_up_to_1_mib);
    return check_done();
}
