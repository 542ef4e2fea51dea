/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* stats_test.c - the figures add up, rise and fall with what the program does, and can be cut short. */
#include "support/check.h"
#include "zcmalloc.h"

#include <errno.h>

static struct zc_stats stats;

static void get(void)
{
    CHECK_EQ(zc_stats_get(&stats, sizeof stats), 0);
    CHECK_EQ(stats.version, ZC_STATS_VERSION);
    CHECK_EQ(stats.struct_bytes, sizeof stats);
    CHECK_EQ(stats.mapped_bytes, stats.small_bytes + stats.large_bytes + stats.central_bytes +
                                     stats.span_tail_bytes + stats.run_cache_bytes +
                                     stats.page_heap_bytes + stats.metadata_bytes);
    CHECK(stats.small_bytes >= stats.thread_cache_bytes + stats.depot_bytes);
    CHECK(stats.mapped_peak_bytes >= stats.mapped_bytes);
}

static void small_blocks_are_counted(void)
{
    static void *blocks[1000];
    get();
    uint64_t before = stats.small_bytes - stats.thread_cache_bytes - stats.depot_bytes;
    for (int i = 0; i < 1000; i++)
        blocks[i] = zc_malloc(1024);
    get();
    uint64_t after = stats.small_bytes - stats.thread_cache_bytes - stats.depot_bytes;
    CHECK_EQ(after - before, 1000 * 1024);
    for (int i = 0; i < 1000; i++)
        zc_free(blocks[i]);
    get();
    CHECK_EQ(stats.small_bytes - stats.thread_cache_bytes - stats.depot_bytes, before);
}

static void large_blocks_are_counted(void)
{
    get();
    uint64_t before = stats.large_bytes;
    void *large = zc_malloc(1 << 20);
    void *huge = zc_malloc(512 << 20);
    get();
    CHECK_EQ(stats.large_bytes - before, (1 << 20) + (512 << 20));
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

static void short_structs_are_filled_as_far_as_they_go(void)
{
    struct zc_stats part;
    memset(&part, 0xee, sizeof part);
    CHECK_EQ(zc_stats_get(&part, 16), 0);
    CHECK_EQ(part.version, ZC_STATS_VERSION);
    CHECK_EQ(part.large_bytes, 0xeeeeeeeeeeeeeeeeULL);
    errno = 0;
    CHECK_EQ(zc_stats_get(&part, 4), -1);
    CHECK_EQ(errno, EINVAL);
}

int main(void)
{
    RUN(small_blocks_are_counted);
    RUN(large_blocks_are_counted);
    RUN(short_structs_are_filled_as_far_as_they_go);
    return check_done();
}
