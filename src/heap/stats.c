/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* stats.c - see stats.h: collects. */
#include "heap/stats.h"

#include "central/central_list.h"
#include "central/depot.h"
#include "central/huge.h"
#include "central/page_heap.h"
#include "central/run_cache.h"
#include "central/run_pool.h"
#include "heap/gc.h"
#include "heap/large.h"
#include "heap/limit.h"
#include "heap/private_heap.h"
#include "os/footprint.h"
#include "os/os.h"
#include "pagemap/meta_arena.h"
#include "thread_cache/thread_registry.h"

static uint64_t minus(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

static void collect_class(unsigned class_index, uint64_t cached_count, struct zc_class_stats *row)
{
    const struct size_class *size_class = &zci_size_classes[class_index];
    struct central_stats central;
    zci_central_stats(class_index, &central);
    uint64_t depot_count = zci_depot_count(class_index);
    uint64_t blocks = central.span_count * size_class->capacity;
    *row = (struct zc_class_stats){
        .version = ZC_STATS_VERSION,
        .struct_bytes = sizeof *row,
        .block_bytes = size_class->bytes,
        .span_count = central.span_count,
        .span_bytes = central.span_bytes,
        .in_use_count = minus(blocks, central.free_count + cached_count + depot_count),
        .thread_cache_count = cached_count,
        .depot_count = depot_count,
        .free_count = central.free_count,
        .tail_bytes = central.span_bytes - blocks * size_class->bytes,
        .fetch_count = central.fetch_count,
        .return_count = central.return_count,
        .span_made_count = central.span_made_count,
    };
}

static void add_class(struct zc_stats *stats, const struct zc_class_stats *row)
{
    uint64_t in_use_bytes = row->in_use_count * row->block_bytes;
    stats->in_use_bytes += in_use_bytes;
    stats->thread_cache_bytes += row->thread_cache_count * row->block_bytes;
    stats->depot_bytes += row->depot_count * row->block_bytes;
    stats->central_bytes += row->free_count * row->block_bytes;
    stats->span_tail_bytes += row->tail_bytes;
    stats->span_count += row->span_count;
    stats->span_bytes += row->span_bytes;
    stats->span_made_count += row->span_made_count;
    stats->central_fetch_count += row->fetch_count;
    stats->central_return_count += row->return_count;
}

/* classes may be NULL. */
static void collect_small(struct zc_stats *stats, struct zc_class_stats *classes)
{
    struct thread_registry_stats threads;
    struct zc_class_stats scratch;
    zci_thread_registry_stats(&threads);
    for (unsigned c = 1; c < ZCI_CLASS_COUNT; c++) {
        struct zc_class_stats *row = classes != NULL ? &classes[c - 1] : &scratch;
        collect_class(c, threads.cached_counts[c], row);
        add_class(stats, row);
    }
    stats->small_bytes = minus(stats->span_bytes, stats->central_bytes + stats->span_tail_bytes);
    if (stats->span_bytes != 0)
        stats->span_utilisation_percent = stats->in_use_bytes * 100 / stats->span_bytes;
    stats->thread_count = threads.live_count;
    stats->parked_count = threads.parked_count;
    stats->spare_load_count = threads.counts[COUNT_SPARE_LOAD];
    stats->depot_take_count = threads.counts[COUNT_DEPOT_TAKE];
    stats->depot_miss_count = threads.counts[COUNT_DEPOT_MISS];
    stats->spare_keep_count = threads.counts[COUNT_SPARE_KEEP];
    stats->depot_put_count = threads.counts[COUNT_DEPOT_PUT];
    stats->depot_full_count = threads.counts[COUNT_DEPOT_FULL];
    stats->run_cache_hit_count = threads.counts[COUNT_RUN_HIT];
    stats->run_cache_miss_count = threads.counts[COUNT_RUN_MISS];
}

/* After collect_small: what runs of pages are for is known by subtraction. */
static void collect_pages(struct zc_stats *stats)
{
    struct page_heap_stats pages;
    struct huge_stats huge;
    struct large_stats large;
    zci_page_heap_stats(&pages);
    zci_huge_stats(&huge);
    zci_large_stats(&large);
    uint64_t run_cache_bytes = zci_run_cache_bytes() + zci_run_pool_bytes();
    uint64_t donated_bytes = zci_meta_donated_bytes();
    uint64_t run_bytes = minus(pages.used_bytes, pages.dirty_bytes + pages.clean_bytes);
    uint64_t other_bytes = stats->span_bytes + run_cache_bytes + donated_bytes;
    stats->large_bytes = minus(run_bytes, other_bytes) + huge.live_bytes;
    stats->large_count = large.run_count + huge.live_count;
    stats->large_requested_bytes = large.requested_bytes + huge.live_bytes;
    stats->in_use_bytes += stats->large_bytes;
    stats->huge_bytes = huge.live_bytes;
    stats->huge_count = huge.live_count;
    zci_private_totals(&stats->heap_count, &stats->heap_bytes);
    stats->run_cache_bytes = run_cache_bytes + huge.cached_bytes;
    stats->page_heap_bytes = pages.dirty_bytes;
    stats->released_bytes = pages.clean_bytes;
    stats->metadata_bytes = zci_meta_mapped_bytes() + donated_bytes;
    stats->mapped_bytes = zci_footprint_bytes();
    stats->mapped_peak_bytes = zci_footprint_peak_bytes();
    stats->reserved_bytes = pages.reserved_bytes + huge.live_bytes + huge.cached_bytes;
    stats->run_cache_hit_count += large.hit_count;
    stats->run_cache_miss_count += large.miss_count;
    stats->huge_cache_hit_count = huge.hit_count;
    stats->huge_cache_miss_count = huge.miss_count;
    stats->page_heap_reuse_count = pages.reuse_count;
    stats->page_heap_refault_count = pages.refault_count;
    stats->page_heap_refault_bytes = pages.refault_bytes;
    stats->page_heap_fresh_count = pages.fresh_count;
    stats->page_heap_return_count = pages.return_count;
    stats->page_heap_wait_count = pages.wait_count;
}

static void collect_os(struct zc_stats *stats)
{
    struct os_call_stats calls;
#define COLLECT(kind, name)                                                                        \
    zci_os_call_stats(kind, &calls);                                                               \
    stats->os_##name##_count = calls.count;                                                        \
    stats->os_##name##_bytes = calls.bytes;                                                        \
    stats->os_call_count += calls.count;                                                           \
    stats->os_fail_count += calls.fail_count
    COLLECT(OS_RESERVE, reserve);
    COLLECT(OS_COMMIT, commit);
    COLLECT(OS_PROTECT, protect);
    COLLECT(OS_PURGE, purge);
    COLLECT(OS_RELEASE, release);
    COLLECT(OS_MOVE, move);
    COLLECT(OS_POPULATE, populate);
    COLLECT(OS_RESIZE, resize);
#undef COLLECT
}

void zci_stats_add_process(struct zc_stats *stats)
{
    struct os_usage usage;
    zci_os_usage(&usage);
    stats->rss_bytes = usage.resident_bytes;
    stats->rss_peak_bytes = usage.resident_peak_bytes;
    stats->minor_fault_count = usage.minor_fault_count;
    stats->major_fault_count = usage.major_fault_count;
}

static void collect_gc(struct zc_stats *stats)
{
    struct gc_stats gc;
    zci_gc_stats(&gc);
    stats->gc_step_count = gc.step_count;
    stats->gc_swept_bytes = gc.swept_bytes;
    stats->gc_decayed_bytes = gc.decayed_bytes;
    stats->gc_idle_bytes = gc.idle_bytes;
    stats->gc_refault_bytes = gc.refault_bytes;
    stats->gc_hold_bytes = gc.hold_bytes;
    for (unsigned c = 1; c < ZCI_CLASS_COUNT; c++) {
        struct central_stats central;
        zci_central_stats(c, &central);
        stats->span_released_bytes += central.purged_bytes;
    }
}

static void collect_limits(struct zc_stats *stats)
{
    struct limit_stats limits;
    zci_limit_stats(&limits);
    stats->soft_limit_bytes = zci_limit_soft();
    stats->hard_limit_bytes = zci_limit_hard();
    stats->limit_collect_count = limits.collect_count;
    stats->limit_refuse_count = limits.refuse_count;
}

static void collect(struct zc_stats *stats, struct zc_class_stats *classes)
{
    *stats = (struct zc_stats){.version = ZC_STATS_VERSION, .struct_bytes = sizeof *stats};
    collect_small(stats, classes);
    collect_pages(stats);
    collect_os(stats);
    collect_limits(stats);
    collect_gc(stats);
}

void zci_stats_collect(struct zc_stats *stats)
{
    collect(stats, NULL);
}

void zci_stats_collect_class(size_t index, struct zc_class_stats *row)
{
    struct thread_registry_stats threads;
    zci_thread_registry_stats(&threads);
    collect_class((unsigned)index + 1, threads.cached_counts[index + 1], row);
}

void zci_stats_collect_all(struct stats_snapshot *snapshot)
{
    collect(&snapshot->all, snapshot->classes);
}
