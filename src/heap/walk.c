/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* walk.c - see walk.h. First all blocks in caches and depots are gathered and sorted, then the spans are
 * walked in address order, and what is neither in a bitmap nor gathered is live. So is what threads have
 * cached of private heaps, whose caches are not looked into. Metadata whose pages were given back reads
 * as zeros: a batch without objects; no span that is in use points there. */
#include "heap/walk.h"

#include "base/bits.h"
#include "central/batch.h"
#include "central/depot.h"
#include "central/page_heap.h"
#include "heap/private_heap.h"
#include "heap/root.h"
#include "os/os.h"
#include "thread_cache/spares.h"
#include "thread_cache/thread_cache.h"

#include <stdbool.h>
#include <string.h>

#define RANGES_AT_ONCE  256
#define SPANS_AT_ONCE   256
#define LOOKS_AGAIN     16
#define BITMAP_WORDS    (ZCI_GRANULE_BYTES / 8 / 64 * 2)
#define SET_BYTES_FIRST ((size_t)256 * 1024)

struct walk {
    const struct walk_plan *plan;
    struct zci_root root;
    struct size_class classes[ZCI_CLASS_COUNT];
    uint64_t *cached; /* addresses of free blocks */
    size_t cached_count;
    size_t cached_bytes; /* of the mapping */
    unsigned range_count;
    unsigned range_kind;
    struct walk_range ranges[RANGES_AT_ONCE];
    struct span spans[SPANS_AT_ONCE];
    uint64_t bitmap[BITMAP_WORDS];
    struct thread_cache cache;
    struct private_heap heap; /* the one that was asked for last; number 0: none yet */
};

/* --- reading and recording -------------------------------------------------------------------------- */

static int copy(struct walk *walk, void *to, uint64_t address, size_t bytes)
{
    const void *local = (const void *)(uintptr_t)address;
    int error = 0;
    if (walk->plan->read != NULL)
        error = walk->plan->read(walk->plan->read_context, address, bytes, &local);
    if (error == 0)
        memcpy(to, local, bytes);
    return error;
}

static void flush(struct walk *walk)
{
    if (walk->range_count != 0)
        walk->plan->record(walk->plan->record_context, walk->range_kind, walk->ranges,
                           walk->range_count);
    walk->range_count = 0;
}

static void record(struct walk *walk, unsigned kind, uint64_t address, uint64_t bytes)
{
    if ((walk->plan->kinds & kind) == 0 || bytes == 0)
        return;
    if (walk->range_count == RANGES_AT_ONCE || walk->range_kind != kind)
        flush(walk);
    walk->range_kind = kind;
    walk->ranges[walk->range_count++] = (struct walk_range){address, bytes};
}

/* --- lists ------------------------------------------------------------------------------------------------- */

/* A damaged list may run in a circle. The way meets a mark on it, which is put down anew after twice as many steps each
 * time; so it ends after a few times as many steps as there are. */
struct trail {
    uint64_t mark;
    uint64_t steps; /* since the mark was put down */
    uint64_t steps_max;
};

static bool comes_again(struct trail *trail, uint64_t address)
{
    if (address == trail->mark)
        return true;
    if (++trail->steps > trail->steps_max) {
        trail->mark = address;
        trail->steps_max = 2 * trail->steps;
        trail->steps = 0;
    }
    return false;
}

/* --- scratch memory ------------------------------------------------------------------------------------ */

static void *scratch_map(size_t bytes)
{
    void *start = zci_os_reserve(bytes, zci_os_page_bytes());
    if (start == NULL || zci_os_commit(start, bytes))
        return start;
    zci_os_release(start, bytes);
    return NULL;
}

static int cached_add(struct walk *walk, uint64_t block)
{
    if ((walk->cached_count + 1) * sizeof block > walk->cached_bytes) {
        size_t bytes = max_size(2 * walk->cached_bytes, SET_BYTES_FIRST);
        uint64_t *larger = scratch_map(bytes);
        if (larger == NULL)
            return WALK_NO_MEMORY;
        if (walk->cached != NULL) {
            memcpy(larger, walk->cached, walk->cached_count * sizeof block);
            zci_os_release(walk->cached, walk->cached_bytes);
        }
        walk->cached = larger;
        walk->cached_bytes = bytes;
    }
    walk->cached[walk->cached_count++] = block;
    return WALK_OK;
}

static void sift_down(uint64_t *items, size_t at, size_t count)
{
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        child += child + 1 < count && items[child] < items[child + 1];
        if (items[at] >= items[child])
            return;
        uint64_t item = items[at];
        items[at] = items[child];
        items[child] = item;
    }
}

/* libc's qsort may call malloc. */
static void sort(uint64_t *items, size_t count)
{
    for (size_t i = count / 2; i-- > 0;)
        sift_down(items, i, count);
    for (size_t end = count; end-- > 1;) {
        uint64_t largest = items[0];
        items[0] = items[end];
        items[end] = largest;
        sift_down(items, 0, end);
    }
}

static size_t cached_from(const struct walk *walk, uint64_t address)
{
    size_t low = 0;
    size_t high = walk->cached_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (walk->cached[middle] < address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* --- free blocks outside their spans: all that is known here about batches ------------------------------- */

/* top is where the bin stands in its loaded batch, or 0 for a batch that no bin works on. */
static int gather_batch(struct walk *walk, uint64_t address, uint64_t top, uint64_t *next)
{
    struct batch head;
    uint64_t objects[ZCI_BATCH_MAX];
    int error = copy(walk, &head, address, sizeof head);
    if (error != 0)
        return error;
    if (next != NULL)
        *next = (uintptr_t)head.next;
    uint64_t first = address + offsetof(struct batch, objects);
    uint64_t capacity = min_size(head.capacity, ZCI_BATCH_MAX);
    /* A bin whose top lies elsewhere has not begun with this batch: its count still holds. */
    uint64_t count =
        top - first <= capacity * 8 ? (top - first) / 8 : min_size(head.count, capacity);
    if (count == 0)
        return WALK_OK;
    error = copy(walk, objects, first, count * 8);
    for (uint64_t i = 0; i < count && error == 0; i++)
        error = cached_add(walk, objects[i]);
    return error;
}

static int gather_shelf(struct walk *walk, const struct bin *bin, const struct shelf *shelf)
{
    int error = 0;
    if (shelf->loaded != NULL)
        error = gather_batch(walk, (uintptr_t)shelf->loaded, (uintptr_t)bin->top, NULL);
    uint64_t spare = (uintptr_t)shelf->spare;
    for (size_t i = 0; i < SPARES_MAX && spare != 0 && error == 0; i++)
        error = gather_batch(walk, spare, 0, &spare);
    return error;
}

/* --- caches and depots ------------------------------------------------------------------------------------ */

static int gather_caches(struct walk *walk)
{
    struct trail trail = {0};
    uint64_t address;
    int error = copy(walk, &address, walk->root.caches, sizeof address);
    while (error == 0 && address != 0) {
        if (comes_again(&trail, address))
            return WALK_DAMAGED;
        error = copy(walk, &walk->cache, address, sizeof walk->cache);
        record(walk, WALK_META, address, sizeof walk->cache);
        for (unsigned c = 1; c < ZCI_CLASS_COUNT && error == 0; c++)
            error = gather_shelf(walk, &walk->cache.bins[c], &walk->cache.shelves[c]);
        address = (uintptr_t)walk->cache.next;
    }
    return error;
}

static int gather_depots(struct walk *walk)
{
    int error = 0;
    for (uint64_t d = 0; d < ZCI_SHARDS * ZCI_CLASS_COUNT && error == 0; d++) {
        uint64_t batches[ZCI_DEPOT_SLOTS] = {0};
        error = copy(walk, batches, walk->root.depots + d * sizeof(struct depot), sizeof batches);
        for (size_t i = 0; i < ZCI_DEPOT_SLOTS && error == 0; i++)
            if (batches[i] != 0)
                error = gather_batch(walk, batches[i], 0, NULL);
    }
    return error;
}

/* --- spans --------------------------------------------------------------------------------------------------- */

static int load_private(struct walk *walk, unsigned number)
{
    const struct zci_root *root = &walk->root;
    uint64_t address;
    if (walk->heap.number == number)
        return WALK_OK;
    walk->heap.number = 0;
    int error = copy(walk, &address,
                     root->private_heaps + number / root->private_leaf_entries * sizeof address,
                     sizeof address);
    if (error == 0 && address == 0)
        return WALK_DAMAGED;
    if (error == 0)
        error = copy(walk, &address, address + number % root->private_leaf_entries * sizeof address,
                     sizeof address);
    if (error == 0 && address == 0)
        return WALK_DAMAGED;
    return error != 0 ? error : copy(walk, &walk->heap, address, sizeof walk->heap);
}

/* A pool has a class of its own; other private heaps have everybody's. */
static int find_class(struct walk *walk, const struct span *span,
                      const struct size_class **size_class)
{
    *size_class = &walk->classes[span->class_index];
    if (span->heap != 0) {
        int error = load_private(walk, span->heap);
        if (error != 0)
            return error;
        if (walk->heap.pool_bytes != 0) {
            *size_class = &walk->heap.pool_classes[PRIVATE_POOL_CLASS];
            return span->class_index == PRIVATE_POOL_CLASS ? WALK_OK : WALK_DAMAGED;
        }
    }
    return span->class_index < ZCI_CLASS_COUNT ? WALK_OK : WALK_DAMAGED;
}

static int visit_small(struct walk *walk, const struct span *span, uint64_t address)
{
    const struct size_class *size_class;
    int error = find_class(walk, span, &size_class);
    if (error != 0)
        return error;
    uint32_t carved = span->carved < size_class->capacity ? span->carved : size_class->capacity;
    size_t words = (carved + 63) / 64;
    if (words > BITMAP_WORDS || size_class->bytes == 0)
        return WALK_DAMAGED;
    if ((uintptr_t)span->bitmap == address + offsetof(struct span, inline_bits)) {
        walk->bitmap[0] = span->inline_bits;
    } else if (words != 0) { /* a reader may take no bytes for a failure */
        error = copy(walk, walk->bitmap, (uintptr_t)span->bitmap, words * sizeof(uint64_t));
        if (error != 0)
            return error;
    }
    size_t next = cached_from(walk, span->start);
    for (uint32_t i = 0; i < carved; i++) {
        uint64_t block = span->start + (uint64_t)i * size_class->bytes;
        while (next < walk->cached_count && walk->cached[next] < block)
            next++;
        bool is_cached = next < walk->cached_count && walk->cached[next] == block;
        if (!is_cached && (walk->bitmap[i / 64] >> i % 64 & 1) == 0)
            record(walk, WALK_BLOCK, block, size_class->bytes);
    }
    return WALK_OK;
}

/* What a running thread changes between two reads may look like damage, but not when it is looked at again. */
static int visit_small_again(struct walk *walk, uint64_t address)
{
    struct span span;
    int result = WALK_DAMAGED;
    for (int i = 0; i < LOOKS_AGAIN && result == WALK_DAMAGED; i++) {
        walk->heap.number = 0;
        int error = copy(walk, &span, address, sizeof span);
        if (error != 0 || span.state != SPAN_SMALL)
            return error;
        result = visit_small(walk, &span, address);
    }
    return result;
}

/* A run of an arena; at is the number of its first granule. */
static int visit_run(struct walk *walk, const struct arena *arena, uint64_t at,
                     const struct span *span)
{
    if (span->start != arena->start + (at << ZCI_GRANULE_SHIFT) || span->granules == 0 ||
        span->granules > arena->granules - at)
        return WALK_DAMAGED;
    uint64_t address = (uintptr_t)arena->spans + at * sizeof *span;
    switch ((enum span_state)span->state) {
    case SPAN_SMALL: {
        int error = visit_small(walk, span, address);
        return error == WALK_DAMAGED ? visit_small_again(walk, address) : error;
    }
    case SPAN_LARGE:
        record(walk, WALK_BLOCK, span->start, span_bytes(span));
        return WALK_OK;
    default:
        return WALK_OK;
    }
}

static int visit_arena(struct walk *walk, const struct arena *arena)
{
    uint64_t loaded = 0; /* descriptors from here on are in walk->spans */
    uint64_t loaded_count = 0;
    if (arena->frontier > arena->granules)
        return WALK_DAMAGED;
    record(walk, WALK_REGION, arena->start, arena->frontier << ZCI_GRANULE_SHIFT);
    record(walk, WALK_META, (uintptr_t)arena->spans, arena->frontier * sizeof(struct span));
    for (uint64_t at = 0; at < arena->frontier;) {
        int error;
        if (at - loaded >= loaded_count) {
            loaded = at;
            loaded_count = min_size(SPANS_AT_ONCE, arena->frontier - at);
            error = copy(walk, walk->spans, (uintptr_t)arena->spans + at * sizeof(struct span),
                         loaded_count * sizeof(struct span));
            if (error != 0)
                return error;
        }
        const struct span *span = &walk->spans[at - loaded];
        error = visit_run(walk, arena, at, span);
        if (error != 0)
            return error;
        at += span->granules;
    }
    return WALK_OK;
}

static int visit_arenas(struct walk *walk)
{
    struct trail trail = {0};
    struct arena arena;
    uint64_t address;
    int error = copy(walk, &address, walk->root.arenas, sizeof address);
    while (error == 0 && address != 0) {
        if (comes_again(&trail, address))
            return WALK_DAMAGED;
        error = copy(walk, &arena, address, sizeof arena);
        if (error == 0)
            error = visit_arena(walk, &arena);
        address = (uintptr_t)arena.next;
    }
    return error;
}

static int visit_huge(struct walk *walk)
{
    struct trail trail = {0};
    struct span span;
    uint64_t address;
    int error = copy(walk, &address, walk->root.huge, sizeof address);
    while (error == 0 && address != 0) {
        if (comes_again(&trail, address))
            return WALK_DAMAGED;
        error = copy(walk, &span, address, sizeof span);
        if (error != 0)
            break;
        if (span.state == SPAN_HUGE) {
            record(walk, WALK_REGION, span.start, span.bytes);
            record(walk, WALK_BLOCK, span.start, span.bytes);
        }
        address = (uintptr_t)span.prev;
    }
    return error;
}

/* --- all ----------------------------------------------------------------------------------------------------- */

/* A heap of another layout is left alone: a debugger's library may be newer than its program's. */
static int read_root(struct walk *walk, uint64_t address)
{
    struct zci_root *root = &walk->root;
    int error = copy(walk, root, address, sizeof *root);
    if (error != 0)
        return error;
    if (root->magic != ZCI_ROOT_MAGIC || root->version != ZCI_ROOT_VERSION ||
        root->root_bytes < sizeof *root || root->class_count != ZCI_CLASS_COUNT ||
        root->granule_shift != ZCI_GRANULE_SHIFT || root->span_bytes != sizeof(struct span) ||
        root->cache_bytes != sizeof(struct thread_cache) ||
        root->depot_bytes != sizeof(struct depot) || root->depot_slots != ZCI_DEPOT_SLOTS ||
        root->shard_count != ZCI_SHARDS || root->private_leaf_entries == 0 ||
        root->private_bytes != sizeof(struct private_heap))
        return WALK_NO_HEAP;
    record(walk, WALK_META, address, sizeof *root);
    return copy(walk, walk->classes, root->size_classes, sizeof walk->classes);
}

int zci_walk(const struct walk_plan *plan, uint64_t root)
{
    size_t bytes = align_up(sizeof(struct walk), zci_os_page_bytes());
    struct walk *walk = scratch_map(bytes);
    if (walk == NULL)
        return WALK_NO_MEMORY;
    walk->plan = plan;
    int error = read_root(walk, root);
    if (error == 0)
        error = gather_caches(walk);
    if (error == 0)
        error = gather_depots(walk);
    sort(walk->cached, walk->cached_count);
    if (error == 0)
        error = visit_arenas(walk);
    if (error == 0)
        error = visit_huge(walk);
    flush(walk);
    if (walk->cached != NULL)
        zci_os_release(walk->cached, walk->cached_bytes);
    zci_os_release(walk, bytes);
    return error;
}

static void add_up(void *context, unsigned kind, const struct walk_range *ranges, unsigned count)
{
    struct walk_totals *totals = context;
    uint64_t bytes = 0;
    for (unsigned i = 0; i < count; i++)
        bytes += ranges[i].bytes;
    if (kind == WALK_BLOCK) {
        totals->blocks += count;
        totals->block_bytes += bytes;
    } else if (kind == WALK_REGION) {
        totals->region_bytes += bytes;
    } else {
        totals->meta_bytes += bytes;
    }
}

int zci_walk_totals(const struct walk_plan *plan, uint64_t root, struct walk_totals *totals)
{
    struct walk_plan adding = *plan;
    *totals = (struct walk_totals){0};
    adding.kinds = WALK_BLOCK | WALK_REGION | WALK_META;
    adding.record = add_up;
    adding.record_context = totals;
    return zci_walk(&adding, root);
}
