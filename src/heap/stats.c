/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* stats.c - see stats.h. */
#include "heap/stats.h"

#include "base/print.h"
#include "base/size_class.h"
#include "central/central_list.h"
#include "central/depot.h"
#include "central/huge.h"
#include "central/page_heap.h"
#include "central/run_cache.h"
#include "os/footprint.h"
#include "os/os.h"
#include "pagemap/meta_arena.h"
#include "thread_cache/thread_registry.h"

static uint64_t minus(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

void zci_stats_collect(struct zc_stats *stats)
{
    struct page_heap_stats pages;
    struct huge_stats huge;
    struct thread_registry_stats threads;
    uint64_t span_bytes = 0;
    uint64_t central_bytes = 0;
    uint64_t small_bytes = 0;
    zci_page_heap_stats(&pages);
    zci_huge_stats(&huge);
    zci_thread_registry_stats(&threads);
    for (unsigned c = 1; c < ZCI_CLASS_COUNT; c++) {
        struct central_stats central;
        zci_central_stats(c, &central);
        span_bytes += central.span_bytes;
        uint64_t blocks = central.span_count * zci_size_classes[c].capacity;
        central_bytes += central.free_count * zci_size_classes[c].bytes;
        small_bytes += (blocks - central.free_count) * zci_size_classes[c].bytes;
    }
    uint64_t run_cache_bytes = zci_run_cache_bytes();
    uint64_t donated_bytes = zci_meta_donated_bytes();
    uint64_t metadata_bytes = zci_meta_mapped_bytes() + donated_bytes;
    uint64_t run_bytes = minus(pages.committed_bytes, pages.dirty_bytes + pages.clean_bytes);
    *stats = (struct zc_stats){
        .version = ZC_STATS_VERSION,
        .struct_bytes = sizeof *stats,
        .small_bytes = small_bytes,
        .large_bytes =
            minus(run_bytes, span_bytes + run_cache_bytes + donated_bytes) + huge.live_bytes,
        .thread_cache_bytes = threads.cached_bytes,
        .depot_bytes = zci_depot_bytes(),
        .central_bytes = central_bytes,
        .span_tail_bytes = minus(span_bytes, small_bytes + central_bytes),
        .run_cache_bytes = run_cache_bytes + huge.cached_bytes,
        .page_heap_bytes = pages.dirty_bytes,
        .released_bytes = pages.clean_bytes,
        .metadata_bytes = metadata_bytes,
        .mapped_bytes = zci_footprint_bytes(),
        .mapped_peak_bytes = zci_footprint_peak_bytes(),
        .reserved_bytes = pages.reserved_bytes + huge.live_bytes + huge.cached_bytes,
        .thread_count = threads.live_count,
        .parked_count = threads.parked_count,
        .os_call_count = zci_os_call_count(),
        .huge_bytes = huge.live_bytes,
        .huge_count = huge.live_count,
    };
}

static void print_row(int fd, const char *label, uint64_t bytes)
{
    struct print out = {0};
    zci_print_text(&out, "zcmalloc:   ");
    zci_print_label(&out, label, 34);
    zci_print_kib(&out, bytes, 12);
    zci_print_text(&out, "\n");
    zci_print_flush(&out, fd);
}

static void print_count(int fd, const char *label, uint64_t count)
{
    struct print out = {0};
    zci_print_text(&out, "zcmalloc:   ");
    zci_print_label(&out, label, 34);
    zci_print_column(&out, count, 12);
    zci_print_text(&out, "\n");
    zci_print_flush(&out, fd);
}

static void print_class(int fd, unsigned class_index)
{
    const struct size_class *size_class = &zci_size_classes[class_index];
    struct central_stats central;
    struct print out = {0};
    zci_central_stats(class_index, &central);
    if (central.fetch_count == 0)
        return;
    zci_print_text(&out, "zcmalloc: ");
    zci_print_column(&out, size_class->bytes, 8);
    zci_print_column(&out, central.span_count, 10);
    zci_print_column(&out, central.span_count * size_class->capacity - central.free_count, 14);
    zci_print_column(&out, central.free_count, 14);
    zci_print_column(&out, central.fetch_count, 16);
    zci_print_column(&out, central.return_count, 16);
    zci_print_text(&out, "\n");
    zci_print_flush(&out, fd);
}

void zci_stats_print(int fd)
{
    struct zc_stats stats;
    struct print out = {0};
    zci_stats_collect(&stats);
    zci_print_text(&out, "zcmalloc: statistics\n");
    zci_print_flush(&out, fd);
    print_row(fd, "small blocks out of their spans", stats.small_bytes);
    print_row(fd, "  of these in thread caches", stats.thread_cache_bytes);
    print_row(fd, "  of these in the depots", stats.depot_bytes);
    print_row(fd, "large blocks", stats.large_bytes);
    print_row(fd, "free blocks in spans", stats.central_bytes);
    print_row(fd, "free runs, cached", stats.run_cache_bytes);
    print_row(fd, "free pages", stats.page_heap_bytes);
    print_row(fd, "ends of spans, never used", stats.span_tail_bytes);
    print_row(fd, "metadata", stats.metadata_bytes);
    print_row(fd, "all of the above", stats.mapped_bytes);
    print_row(fd, "  at most", stats.mapped_peak_bytes);
    print_row(fd, "free pages, given back", stats.released_bytes);
    print_row(fd, "address space", stats.reserved_bytes);
    print_count(fd, "threads", stats.thread_count);
    print_count(fd, "caches of dead threads", stats.parked_count);
    print_count(fd, "memory calls to the OS", stats.os_call_count);
    zci_print_text(&out, "zcmalloc:    class     spans    blocks out   blocks free         fetched"
                         "        returned\n");
    zci_print_flush(&out, fd);
    for (unsigned c = 1; c < ZCI_CLASS_COUNT; c++)
        print_class(fd, c);
}
