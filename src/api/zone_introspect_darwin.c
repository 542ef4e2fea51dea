/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* zone_introspect_darwin.c - what leaks, heap, vmmap, Instruments and debuggers ask a zone.
 * Invariants: the table is constant data of the image: tools read it from the file. The enumerator runs in
 *             the inspecting process and sees the inspected one through the reader only (heap/walk.h).
 *             Statistics are the enumerator's sums, so both always agree; but for the most that was in use.
 * Locking:    the enumerator and the statistics take none; force_lock takes all.
 * Costs:      statistics walk the heap. */
#include "api/contract.h"
#include "api/zone_darwin.h"
#include "base/print.h"
#include "heap/stats.h"
#include "heap/walk.h"
#include "os/footprint.h"
#include "os/os_darwin.h"

#include <mach/mach.h>
#include <unistd.h>

/* malloc_zone's type bits are walk.h's. */
ZCI_STATIC_ASSERT(WALK_BLOCK == 1 && WALK_REGION == 2 && WALK_META == 4,
                  "MALLOC_PTR_IN_USE_RANGE_TYPE, _REGION_, _ADMIN_");

struct remote {
    zone_task task;
    zone_reader *reader;
    zone_recorder *recorder;
    void *recorder_context;
};

static int read_remote(void *context, uint64_t address, size_t bytes, const void **local)
{
    struct remote *remote = context;
    void *piece = NULL;
    zone_result result = remote->reader(remote->task, (uintptr_t)address, bytes, &piece);
    *local = piece;
    /* A reader that has nothing there may say so by that alone. */
    return result == KERN_SUCCESS && piece == NULL ? KERN_INVALID_ADDRESS : result;
}

static void record_remote(void *context, unsigned kind, const struct walk_range *ranges,
                          unsigned count)
{
    struct remote *remote = context;
    struct zone_range out[64];
    unsigned done = 0;
    while (done < count) {
        unsigned filled = 0;
        for (; filled < 64 && done < count; filled++, done++)
            out[filled] =
                (struct zone_range){(uintptr_t)ranges[done].address, (size_t)ranges[done].bytes};
        remote->recorder(remote->task, remote->recorder_context, kind, out, filled);
    }
}

static zone_result result_of(int error)
{
    switch (error) {
    case WALK_OK:
        return KERN_SUCCESS;
    case WALK_NO_MEMORY:
        return KERN_RESOURCE_SHORTAGE;
    case WALK_NO_HEAP:
    case WALK_DAMAGED:
        return KERN_FAILURE;
    default:
        return error; /* the reader's */
    }
}

/* Only what lies behind the zone's own struct says where the heap is. */
static zone_result find_root(struct walk_plan *plan, uintptr_t zone, uint64_t *root)
{
    struct {
        uint32_t magic;
        uint32_t layout;
        uint64_t root;
    } tail;

    const void *local = (const void *)(zone + sizeof(struct zone));
    int error = 0;
    if (plan->read != NULL)
        error = plan->read(plan->read_context, zone + sizeof(struct zone), sizeof tail, &local);
    if (error != 0)
        return error;
    __builtin_memcpy(&tail, local, sizeof tail);
    *root = tail.root;
    return tail.magic == ZONE_MAGIC && tail.layout == ZONE_LAYOUT ? KERN_SUCCESS : KERN_FAILURE;
}

static zone_result enumerate(zone_task task, void *context, unsigned type_mask, uintptr_t zone,
                             zone_reader *reader, zone_recorder *recorder)
{
    struct remote remote = {task, reader, recorder, context};
    struct walk_plan plan = {.read = reader != NULL ? read_remote : NULL,
                             .read_context = &remote,
                             .kinds = type_mask,
                             .record = record_remote,
                             .record_context = &remote};
    uint64_t root;
    zone_result result = find_root(&plan, zone, &root);
    /* A zone that nobody has used yet has no heap, and no blocks. */
    if (result != KERN_SUCCESS || root == 0)
        return result;
    return result_of(zci_walk(&plan, root));
}

/* A bound: what was mapped at most. What another process had once is not told by its memory. */
static uint64_t most_bytes_in_use(bool is_this_process, uint64_t bytes_now)
{
    uint64_t peak = is_this_process ? zci_footprint_peak_bytes() : 0;
    return peak > bytes_now ? peak : bytes_now;
}

static void task_statistics(zone_task task, uintptr_t zone, zone_reader *reader,
                            struct zone_statistics *statistics)
{
    struct remote remote = {.task = task, .reader = reader};
    struct walk_plan plan = {.read = reader != NULL ? read_remote : NULL, .read_context = &remote};
    struct walk_totals totals = {0};
    uint64_t root = 0;
    if (find_root(&plan, zone, &root) != KERN_SUCCESS || root == 0 ||
        zci_walk_totals(&plan, root, &totals) != WALK_OK)
        totals = (struct walk_totals){0};
    *statistics = (struct zone_statistics){
        .blocks_in_use = (unsigned)totals.blocks,
        .size_in_use = (size_t)totals.block_bytes,
        .max_size_in_use = (size_t)most_bytes_in_use(reader == NULL || task == mach_task_self(),
                                                     totals.block_bytes),
        .size_allocated = (size_t)totals.region_bytes,
    };
}

static void statistics_of(struct zone *zone, struct zone_statistics *statistics)
{
    task_statistics(mach_task_self(), (uintptr_t)zone, NULL, statistics);
}

static size_t good_size(struct zone *zone, size_t size)
{
    (void)zone;
    return zci_api_good_size(size);
}

/* Every descriptor makes sense, or there is no memory to find out. */
static int check(struct zone *zone)
{
    (void)zone;
    struct walk_plan plan = {0};
    struct walk_totals totals;
    if (zci_zone.root == 0)
        return 1;
    int error = zci_walk_totals(&plan, zci_zone.root, &totals);
    return error == WALK_OK || error == WALK_NO_MEMORY;
}

/* Where libmalloc's own zones print: the other one may be a program's data. */
static void print(struct zone *zone, int verbose)
{
    struct zone_statistics statistics;
    struct print out = {0};
    statistics_of(zone, &statistics);
    zci_print_text(&out, "zone ");
    zci_print_hex(&out, (uintptr_t)zone);
    zci_print_text(&out, " zcmalloc: ");
    zci_print_number(&out, statistics.blocks_in_use);
    zci_print_text(&out, " blocks, ");
    zci_print_number(&out, statistics.size_in_use);
    zci_print_text(&out, " bytes in use, ");
    zci_print_number(&out, statistics.size_allocated);
    zci_print_text(&out, " mapped\n");
    zci_print_flush(&out, STDERR_FILENO);
    if (verbose)
        (void)zci_stats_print(STDERR_FILENO, ZC_STATS_TEXT);
}

/* Nothing is logged per block. */
static void log_block(struct zone *zone, void *block)
{
    (void)zone;
    (void)block;
}

static void print_task(zone_task task, unsigned level, uintptr_t zone, zone_reader *reader,
                       zone_printer *printer)
{
    struct zone_statistics statistics;
    (void)level;
    task_statistics(task, zone, reader, &statistics);
    printer("zone %p zcmalloc: %u blocks, %lu bytes in use, %lu mapped\n", (void *)zone,
            statistics.blocks_in_use, (unsigned long)statistics.size_in_use,
            (unsigned long)statistics.size_allocated);
}

static void force_lock(struct zone *zone)
{
    (void)zone;
    zci_locks_force();
}

static void force_unlock(struct zone *zone)
{
    (void)zone;
    zci_locks_release_forced();
}

static void reinit_lock(struct zone *zone)
{
    (void)zone;
    zci_darwin_fork_child();
}

static int zone_locked(struct zone *zone)
{
    (void)zone;
    return zci_locks_are_held();
}

const struct zone_introspection zci_zone_introspection = {
    .enumerator = enumerate,
    .good_size = good_size,
    .check = check,
    .print = print,
    .log = log_block,
    .force_lock = force_lock,
    .force_unlock = force_unlock,
    .statistics = statistics_of,
    .zone_locked = zone_locked,
    .reinit_lock = reinit_lock,
    .print_task = print_task,
    .task_statistics = task_statistics,
    .zone_type = 0,
};

/* --- the twin and the proxy: zones whose blocks are another's to show ------------------------------------ */

static zone_result enumerate_nothing(zone_task task, void *context, unsigned type_mask,
                                     uintptr_t zone, zone_reader *reader, zone_recorder *recorder)
{
    (void)task;
    (void)context;
    (void)type_mask;
    (void)zone;
    (void)reader;
    (void)recorder;
    return KERN_SUCCESS;
}

static int check_nothing(struct zone *zone)
{
    (void)zone;
    return 1;
}

static void print_nothing(struct zone *zone, int verbose)
{
    (void)zone;
    (void)verbose;
}

/* The zone's own locks are taken by the zone itself. */
static void lock_nothing(struct zone *zone)
{
    (void)zone;
}

static void no_statistics(struct zone *zone, struct zone_statistics *statistics)
{
    (void)zone;
    *statistics = (struct zone_statistics){0};
}

static int never_locked(struct zone *zone)
{
    (void)zone;
    return 0;
}

static void print_no_task(zone_task task, unsigned level, uintptr_t zone, zone_reader *reader,
                          zone_printer *printer)
{
    (void)task;
    (void)level;
    (void)zone;
    (void)reader;
    (void)printer;
}

static void no_task_statistics(zone_task task, uintptr_t zone, zone_reader *reader,
                               struct zone_statistics *statistics)
{
    (void)task;
    (void)zone;
    (void)reader;
    *statistics = (struct zone_statistics){0};
}

/* They differ in who knows what size a block would have. */
#define NOTHING_BUT(good_size_of)                                                                  \
    {                                                                                              \
        .enumerator = enumerate_nothing, .good_size = (good_size_of), .check = check_nothing,      \
        .print = print_nothing, .log = log_block, .force_lock = lock_nothing,                      \
        .force_unlock = lock_nothing, .statistics = no_statistics, .zone_locked = never_locked,    \
        .reinit_lock = lock_nothing, .print_task = print_no_task,                                  \
        .task_statistics = no_task_statistics                                                      \
    }

const struct zone_introspection zci_zone_twin_introspection = NOTHING_BUT(good_size);
const struct zone_introspection zci_zone_proxy_introspection =
    NOTHING_BUT(zci_zone_proxy_good_size);
