/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* page_heap.c - see page_heap.h. */
#include "central/page_heap.h"

#include "base/bits.h"
#include "base/options.h"
#include "central/away.h"
#include "central/decay.h"
#include "central/fault_cost.h"
#include "central/free_runs.h"
#include "central/strips.h"
#include "central/unasked.h"
#include "os/footprint.h"
#include "os/lock.h"
#include "os/os.h"
#include "pagemap/pagemap.h"

#define COMMIT_STEP_LEAST ((size_t)1 << 20)
#define COMMIT_STEP_MOST  ((size_t)64 << 20)

static struct {
    struct lock lock;
    struct free_runs free ZCI_LINE; /* under lock, as all below */
    struct arena *arenas;           /* atomic: walkers read it; newest last */
    uint64_t reserved_bytes;        /* atomic, relaxed: statistics */
    uint64_t used_bytes;            /* in front of the frontiers */
    uint64_t committed_bytes;
    uint64_t reported_bytes; /* our share of the footprint */
    struct decay decay;
    uint64_t reuse_count; /* atomic, relaxed: statistics, as those below */
    uint64_t refault_count;
    uint64_t fresh_count;
    uint64_t return_count;
    struct strips strips;
    struct away away;
} heap = {.lock = LOCK_INIT(RANK_PAGE_HEAP), .free = {.state = SPAN_FREE}};

static struct span *alloc_clean_locked(size_t granules, size_t align)
{
    struct span *span = zci_run_tree_best_aligned(&heap.free.clean, granules, align);
    return zci_free_runs_cut(&heap.free, span, granules, align);
}

/* Steps grow with the heap: few system calls for a large one, a small charge for a small one. */
static bool commit_locked(struct arena *arena, uint64_t granules)
{
    size_t step = max_size(COMMIT_STEP_LEAST, min_size(COMMIT_STEP_MOST, heap.committed_bytes / 2));
    uint64_t before = arena->committed;
    bool done = zci_arena_commit(arena, granules, step >> ZCI_GRANULE_SHIFT);
    counter_add(&heap.committed_bytes, (arena->committed - before) * ZCI_GRANULE_BYTES);
    return done;
}

/* Moves the arena's frontier. What alignment skips becomes a clean free run. */
static struct span *alloc_from_frontier_locked(struct arena *arena, size_t granules, size_t align)
{
    uint64_t skip = arena_skip(arena, align);
    uint64_t end = arena->frontier + skip + granules;
    if (!arena_has_room(arena, granules, align) || !commit_locked(arena, end))
        return NULL;
    struct span *span = &arena->spans[arena->frontier];
    zci_free_runs_describe(span, arena->start + arena->frontier * ZCI_GRANULE_BYTES,
                           skip + granules, true);
    span_set_state(span, SPAN_CACHED);
    /* Pairs with zci_arenas_each_run: the run is described before it is in front of the frontier. */
    atomic_store_release(&arena->frontier, end);
    counter_add(&heap.used_bytes, (skip + granules) * ZCI_GRANULE_BYTES);
    if (skip == 0)
        return span;
    struct span *aligned = zci_free_runs_split(span, skip);
    zci_free_runs_put(&heap.free, span);
    return aligned;
}

/* A new arena for a run of this size; smaller and smaller where address space is limited. */
static struct arena *add_arena_locked(size_t granules, size_t align)
{
    size_t bytes = ZCI_OS_ARENA_BYTES_FIRST;
    while (bytes < ZCI_OS_ARENA_BYTES_MAX && bytes < heap.reserved_bytes)
        bytes *= 2;
    struct arena *arena = zci_arena_reserve(bytes, (granules + align - 1) << ZCI_GRANULE_SHIFT);
    if (arena == NULL)
        return NULL;
    bytes = arena->granules << ZCI_GRANULE_SHIFT;
    if (zci_options.huge_pages > 1)
        zci_os_advise_huge((void *)arena->start, bytes, true);
    counter_add(&heap.reserved_bytes, bytes);
    struct arena **link = &heap.arenas;
    while (*link != NULL)
        link = &(*link)->next;
    /* Pairs with zci_arenas_each_run: publishes the descriptor. */
    atomic_store_release(link, arena);
    return arena;
}

void zci_page_heap_init(void)
{
    heap.strips.may_be_huge = zci_options.huge_pages == 1 && zci_os_has_huge_pages();
    heap.strips.is_cheap = false;
    heap.strips.huge_from = 0;
    heap.strips.pause_granules = HUGE_PAUSE_LEAST;
    zci_fault_cost_init(heap.strips.may_be_huge);
}

/* Before pages are taken that may not be resident. What is not taken is given back with the next report. */
static bool charge_locked(size_t granules)
{
    uint64_t bytes = (uint64_t)granules << ZCI_GRANULE_SHIFT;
    if (!zci_footprint_try_add(bytes))
        return false;
    heap.reported_bytes += bytes;
    return true;
}

/* What the system refuses to commit of one arena it would refuse of the next too. */
static struct span *alloc_fresh_locked(size_t granules, size_t align)
{
    struct span *span = NULL;
    struct arena *arena = heap.arenas;
    bool has_room = false;
    for (; span == NULL && arena != NULL; arena = arena->next) {
        has_room |= arena_has_room(arena, granules, align);
        span = alloc_from_frontier_locked(arena, granules, align);
    }
    if (!has_room && (arena = add_arena_locked(granules, align)) != NULL)
        span = alloc_from_frontier_locked(arena, granules, align);
    counter_add(&heap.fresh_count, span != NULL);
    return span;
}

/* The whole strip, which is not resident yet: see open_strip. It is rather taken of what was given back. charged of its
 * granules are; now all. */
static struct span *alloc_huge_strip_locked(size_t charged, unsigned shard)
{
    if (!charge_locked(STRIP_GRANULES - charged))
        return NULL;
    struct span *strip = alloc_clean_locked(STRIP_GRANULES, STRIP_GRANULES);
    if (strip != NULL) {
        decay_note_refault(&heap.decay, charged); /* the rest may not be wanted: not held */
        decay_forget_purged(&heap.decay, STRIP_GRANULES - charged);
        counter_add(&heap.refault_count, 1);
    } else if ((strip = alloc_fresh_locked(STRIP_GRANULES, STRIP_GRANULES)) == NULL) {
        return NULL;
    }
    strips_make(&heap.strips, shard, strip);
    heap.strips.grown_granules += STRIP_GRANULES;
    return strip;
}

/* Of a new strip of the shard, a plain one. granules are charged. */
static struct span *alloc_from_new_strip_locked(size_t granules, unsigned shard)
{
    struct span *strip = alloc_fresh_locked(STRIP_GRANULES, STRIP_GRANULES);
    if (strip == NULL)
        return NULL;
    strips_end(&heap.strips, shard, &heap.free);
    strips_begin(&heap.strips, shard, strip);
    heap.strips.grown_granules += STRIP_GRANULES;
    return strips_take(&heap.strips, shard, granules);
}

/* From pages that are charged, but not resident yet. */
static struct span *alloc_new_locked(size_t granules, size_t align, unsigned shard)
{
    struct span *span = NULL;
    if (shard != NO_SHARD && atomic_load_relaxed(&zci_shard_count) > 1)
        span = alloc_from_new_strip_locked(granules, shard);
    if (span != NULL)
        return span;
    if ((span = alloc_fresh_locked(granules, align)) != NULL) {
        heap.strips.grown_granules += shard != NO_SHARD ? granules : 0;
        return span;
    }
    strips_end_all(&heap.strips, &heap.free, false);
    return alloc_clean_locked(granules, align);
}

/* From pages that are resident and charged, rather those that are of the asking thread's own shard. */
static struct span *alloc_dirty_locked(size_t granules, size_t align, unsigned shard, unsigned own)
{
    struct span *span = align == 1 ? zci_run_tree_best_of(&heap.free.dirty, granules, own)
                                   : zci_run_tree_best_aligned(&heap.free.dirty, granules, align);
    span = zci_free_runs_cut(&heap.free, span, granules, align);
    decay_note_dirty(&heap.decay, heap.free.dirty.granules);
    if (span == NULL && strips_is_dirty(&heap.strips, shard))
        span = strips_take(&heap.strips, shard, granules);
    counter_add(&heap.reuse_count, span != NULL);
    return span;
}

/* charged of the granules are to stay with the caller. A run longer than granules is a huge strip: open_strip. */
static struct span *alloc_locked(size_t granules, size_t align, size_t charged, unsigned shard,
                                 unsigned own)
{
    struct span *span = alloc_dirty_locked(granules, align, shard, own);
    if (span != NULL)
        return span;
    if (!charge_locked(charged))
        return NULL;
    if ((span = strips_take(&heap.strips, shard, granules)) != NULL)
        return span;
    bool wants_huge = shard != NO_SHARD && strips_wants_huge(&heap.strips);
    if (wants_huge && granules <= HUGE_SPAN_MOST && heap.strips.in_making[shard] == NULL &&
        (span = alloc_huge_strip_locked(granules, shard)) != NULL)
        return span;
    span = alloc_clean_locked(granules, align);
    if (span != NULL) {
        decay_note_refault(&heap.decay, charged);
        counter_add(&heap.refault_count, 1);
        return span;
    }
    return alloc_new_locked(granules, align, wants_huge ? NO_SHARD : shard);
}

/* The footprint is what was ever used and is not clean. */
static int64_t change_locked(void)
{
    uint64_t unused = heap.free.clean.granules + heap.strips.clean_granules;
    uint64_t bytes = heap.used_bytes - (unused << ZCI_GRANULE_SHIFT);
    int64_t change = (int64_t)(bytes - heap.reported_bytes);
    heap.reported_bytes = bytes;
    return change;
}

static void unlock_and_report(void)
{
    zci_footprint_add(change_locked());
    lock_release(&heap.lock);
}

/* Over what is free behind the run, and over its arena's frontier if that comes next. */
static bool grow_locked(struct span *span, size_t more)
{
    size_t clean;
    size_t behind = zci_free_runs_behind(&heap.free, span, more, &clean);
    size_t fresh = more - behind;
    struct span *taken = NULL;
    struct arena *arena = heap.arenas;
    while (fresh != 0 && arena != NULL && !arena_ends_behind(arena, span, behind))
        arena = arena->next;
    if (arena == NULL || (clean + fresh != 0 && !charge_locked(clean + fresh)))
        return false;
    if (fresh != 0 && (taken = alloc_from_frontier_locked(arena, fresh, 1)) == NULL)
        return false;
    decay_note_refault(&heap.decay, clean);
    zci_free_runs_absorb(&heap.free, span, behind);
    decay_note_dirty(&heap.decay, heap.free.dirty.granules);
    if (taken != NULL)
        run_absorb(span, taken);
    return true;
}

/* In resident memory, lest fresh pages are taken. */
static struct span *alloc_roomy_dirty_locked(size_t granules, size_t wanted)
{
    struct span *span = zci_free_runs_roomy(&heap.free, granules);
    if (span == NULL)
        return NULL;
    span = zci_free_runs_cut(&heap.free, span, min_size(roomy_length(span), wanted), 1);
    decay_note_dirty(&heap.decay, heap.free.dirty.granules);
    if (span->granules < granules && !grow_locked(span, granules - span->granules)) {
        zci_free_runs_put(&heap.free, span);
        return NULL;
    }
    counter_add(&heap.reuse_count, 1);
    return span;
}

/* While less than this is free and not resident, fresh room is as long as asked; then at most three times the block. */
#define ROOM_CLEAN_GRANULES (((size_t)64 << 20) >> ZCI_GRANULE_SHIFT)

static struct span *alloc_roomy_locked(size_t granules, size_t room_granules)
{
    size_t wanted = granules + room_granules;
    struct span *span = alloc_roomy_dirty_locked(granules, wanted);
    if (heap.free.clean.granules >= ROOM_CLEAN_GRANULES)
        wanted = min_size(wanted, 4 * granules);
    return span != NULL ? span : alloc_locked(wanted, 1, granules, NO_SHARD, NO_SHARD);
}

struct span *zci_page_heap_alloc_roomy(size_t granules, size_t room_granules)
{
    lock_acquire(&heap.lock);
    struct span *span = alloc_roomy_locked(granules, room_granules);
    if (span != NULL) {
        pagemap_set(span->start, span);
        if (span->granules > granules)
            zci_free_runs_put(&heap.free, zci_free_runs_split(span, granules));
        run_reuse(span);
        /* Small needs are met from the far end of what lies behind a block. */
        pagemap_set(span_end(span) - ZCI_GRANULE_BYTES, span);
    }
    unlock_and_report();
    return span;
}

/* Free memory that turned out to be resident; the last or first of the run at address. Beyond a limit it goes back at
 * once: nobody would look again. */
static void note_resident_locked(uint64_t address, size_t granules, bool is_end)
{
    struct span *span = zci_unasked_carve(&heap.free, address, granules, is_end);
    if (span == NULL)
        return;
    if (charge_locked(span->granules)) {
        span->clean = RUN_DIRTY;
        decay_forget_purged(&heap.decay, span->granules);
    } else if (zci_os_purge((void *)span->start, span_bytes(span))) {
        span->clean = CLEAN_BY_PURGE;
    }
    zci_free_runs_put(&heap.free, span);
}

/* Was there any? */
static bool note_beside_locked(const struct span *span, struct unasked found)
{
    size_t before = heap.free.dirty.granules;
    note_resident_locked(span_end(span), found.behind, false);
    note_resident_locked(span->start - ZCI_GRANULE_BYTES, found.before, true);
    return heap.free.dirty.granules != before;
}

void zci_page_heap_note_touched(const struct span *span, bool is_sure)
{
    struct unasked found = zci_unasked_look(span, is_sure);
    if (found.before + found.behind == 0)
        return;
    lock_acquire(&heap.lock);
    (void)note_beside_locked(span, found);
    unlock_and_report();
}

/* Longest runs first: the fewest calls for the most bytes; of the last its end. A run that the OS refuses to take ends
 * the round. It is cut afterwards: the child of a fork that comes between has it whole. */
static size_t release_locked(size_t keep_bytes)
{
    size_t released = 0;
    size_t keep = keep_bytes >> ZCI_GRANULE_SHIFT;
    struct span *span;
    while (heap.free.dirty.granules > keep &&
           (span = zci_run_tree_longest(&heap.free.dirty)) != NULL) {
        if (note_beside_locked(span, zci_unasked_look(span, true)))
            continue; /* it has become longer */
        size_t granules = min_size(span->granules, heap.free.dirty.granules - keep);
        size_t bytes = granules << ZCI_GRANULE_SHIFT;
        if (!zci_os_purge((void *)(span_end(span) - bytes), bytes))
            break;
        span = zci_free_runs_carve(&heap.free, span, span->granules - granules, granules);
        span->clean = CLEAN_BY_PURGE;
        decay_note_purged(&heap.decay, granules);
        released += granules;
        zci_free_runs_put(&heap.free, span);
    }
    decay_note_dirty(&heap.decay, heap.free.dirty.granules);
    return released << ZCI_GRANULE_SHIFT;
}

/* Dirty runs that are too short keep the footprint up, and do not join their clean neighbours. As much as
 * is needed goes back to the OS, then, as the last resort, all of it. */
static struct span *alloc_purged_locked(size_t granules, size_t align, unsigned shard, unsigned own)
{
    strips_end_all(&heap.strips, &heap.free, true);
    uint64_t dirty_bytes = heap.free.dirty.granules << ZCI_GRANULE_SHIFT;
    uint64_t needed_bytes = (uint64_t)granules << ZCI_GRANULE_SHIFT;
    zci_footprint_add(change_locked());
    bool is_enough = zci_footprint_is_tight(needed_bytes) && needed_bytes < dirty_bytes;
    for (uint64_t keep = is_enough ? dirty_bytes - needed_bytes : 0; dirty_bytes != 0; keep = 0) {
        release_locked(keep);
        zci_footprint_add(change_locked());
        struct span *span = alloc_locked(granules, align, granules, shard, own);
        if (span != NULL || keep == 0)
            return span;
    }
    return NULL;
}

/* Makes the strip a huge page, if the kernel has one, and leaves its first granules to the caller. */
static void open_strip(struct span *strip, size_t granules, unsigned shard)
{
    zci_os_advise_huge((void *)strip->start, STRIP_BYTES, true);
    bool is_cheap = zci_fault_cost_is_huge_cheap(strip->start);
    zci_os_advise_huge((void *)strip->start, STRIP_BYTES, false);
    lock_acquire(&heap.lock);
    strips_note_cost(&heap.strips, is_cheap);
    strips_made(&heap.strips, shard, granules, &heap.free);
    unlock_and_report();
}

static struct span *alloc(size_t granules, size_t align_granules, unsigned shard, unsigned own)
{
    lock_acquire(&heap.lock);
    uint64_t refaulted = heap.decay.refaulted;
    struct span *span = alloc_locked(granules, align_granules, granules, shard, own);
    if (span == NULL)
        span = alloc_purged_locked(granules, align_granules, shard, own);
    if (span != NULL) {
        span->refaulted = (uint16_t)(heap.decay.refaulted - refaulted);
        pagemap_set(span->start, span);
        run_reuse(span);
    }
    unlock_and_report();
    if (span != NULL && ZCI_UNLIKELY(span->granules > granules))
        open_strip(span, granules, shard);
    return span;
}

struct span *zci_page_heap_alloc(size_t granules, size_t align_granules, unsigned shard)
{
    return alloc(granules, align_granules, NO_SHARD, shard);
}

struct span *zci_page_heap_alloc_small(size_t granules, unsigned shard)
{
    return alloc(granules, 1, shard, shard);
}

/* So many of its granules, from the start, are not resident any more, and are what clean says. */
static void put_back_locked(struct span *span, size_t granules, uint8_t clean)
{
    if (granules != 0 && granules < span->granules)
        zci_free_runs_put(&heap.free, zci_free_runs_split(span, granules));
    span->clean = granules != 0 ? clean : (uint8_t)RUN_DIRTY;
    zci_free_runs_put(&heap.free, span);
}

void zci_page_heap_free(struct span *span)
{
    lock_acquire(&heap.lock);
    put_back_locked(span, 0, 0);
    counter_add(&heap.return_count, 1);
    lock_release(&heap.lock);
}

void zci_page_heap_free_moved(struct span *span, size_t moved_bytes)
{
    lock_acquire(&heap.lock);
    put_back_locked(span, moved_bytes >> ZCI_GRANULE_SHIFT, 1);
    counter_add(&heap.return_count, 1);
    unlock_and_report();
}

bool zci_page_heap_grow(struct span *span, size_t granules)
{
    lock_acquire(&heap.lock);
    bool done = grow_locked(span, granules - span->granules);
    unlock_and_report();
    return done;
}

void zci_page_heap_shrink(struct span *span, size_t granules)
{
    lock_acquire(&heap.lock);
    put_back_locked(zci_free_runs_split(span, granules), 0, 0);
    counter_add(&heap.return_count, 1);
    lock_release(&heap.lock);
}

size_t zci_page_heap_release(size_t keep_bytes)
{
    lock_acquire(&heap.lock);
    strips_end_all(&heap.strips, &heap.free, true);
    size_t released = release_locked(keep_bytes);
    unlock_and_report();
    return released;
}

#define DECAY_CHUNK ((size_t)8 << 20 >> ZCI_GRANULE_SHIFT) /* given back by one call, at most */

/* Cuts up to so many granules out of the longest resident run, from its end, so that low addresses stay in use, at
 * multiples of unit. NULL if there are none. It is away: others go on while the system works on it. */
static struct span *take_longest_locked(size_t most, size_t unit)
{
    struct span *span = zci_run_tree_longest(&heap.free.dirty);
    size_t start = span != NULL ? span->start >> ZCI_GRANULE_SHIFT : 0;
    size_t first = align_up(start, unit);
    size_t end = span != NULL ? align_down(start + span->granules, unit) : 0;
    size_t granules = end > first ? min_size(align_down(most, unit), end - first) : 0;
    if (granules == 0)
        return NULL;
    span = zci_free_runs_carve(&heap.free, span, end - granules - start, granules);
    away_begin(&heap.away, span);
    decay_note_dirty(&heap.decay, heap.free.dirty.granules);
    return span;
}

static uint64_t in_use_locked(void)
{
    uint64_t unused = heap.free.clean.granules + heap.strips.clean_granules +
                      heap.free.dirty.granules + heap.strips.dirty_granules;
    return (heap.used_bytes >> ZCI_GRANULE_SHIFT) - unused;
}

size_t zci_page_heap_decay(uint64_t elapsed_ms, uint64_t decay_ms)
{
    size_t released = 0;
    lock_acquire(&heap.lock);
    strips_end_all(&heap.strips, &heap.free, true);
    size_t due =
        zci_decay_due(&heap.decay, heap.free.dirty.granules, in_use_locked(), elapsed_ms, decay_ms);
    for (struct span *span; (span = take_longest_locked(min_size(due, DECAY_CHUNK), 1)) != NULL;) {
        size_t granules = span->granules;
        lock_release(&heap.lock);
        zci_page_heap_note_touched(span, true);
        bool done = zci_os_purge((void *)span->start, span_bytes(span));
        lock_acquire(&heap.lock);
        away_end(&heap.away, span);
        put_back_locked(span, done ? granules : 0, CLEAN_BY_PURGE);
        if (!done)
            break;
        decay_note_purged(&heap.decay, granules);
        released += granules << ZCI_GRANULE_SHIFT;
        due -= granules;
    }
    unlock_and_report();
    return released;
}

/* What one page table maps, or a huge page: it moves as a whole. Page by page that costs more, splits huge pages, and
 * has what is around those that came faulted in as small ones. */
#define FILL_UNIT STRIP_GRANULES

size_t zci_page_heap_fill(const struct span *filling, size_t bytes)
{
    size_t skip = align_up(filling->start, FILL_UNIT << ZCI_GRANULE_SHIFT) - filling->start;
    size_t filled = skip;
    struct span *span;
    if (!zci_os_moves_pages() || bytes < skip + (FILL_UNIT << ZCI_GRANULE_SHIFT))
        return 0;
    lock_acquire(&heap.lock);
    while ((span = take_longest_locked((bytes - filled) >> ZCI_GRANULE_SHIFT, FILL_UNIT)) != NULL) {
        lock_release(&heap.lock);
        size_t moved = zci_free_run_move_pages(span, (char *)filling->start + filled);
        bool is_whole = moved == span_bytes(span);
        lock_acquire(&heap.lock);
        filled += moved;
        away_end(&heap.away, span);
        put_back_locked(span, moved >> ZCI_GRANULE_SHIFT, 1);
        if (!is_whole)
            break;
    }
    decay_forget_refault(&heap.decay,
                         min_size((filled - skip) >> ZCI_GRANULE_SHIFT, filling->refaulted));
    unlock_and_report();
    return filled != skip ? filled : 0;
}

void zci_page_heap_stats(struct page_heap_stats *stats)
{
    stats->reserved_bytes = atomic_load_relaxed(&heap.reserved_bytes);
    stats->used_bytes = atomic_load_relaxed(&heap.used_bytes);
    stats->dirty_bytes = (atomic_load_relaxed(&heap.free.dirty.granules) +
                          atomic_load_relaxed(&heap.strips.dirty_granules))
                         << ZCI_GRANULE_SHIFT;
    stats->clean_bytes = (atomic_load_relaxed(&heap.free.clean.granules) +
                          atomic_load_relaxed(&heap.strips.clean_granules))
                         << ZCI_GRANULE_SHIFT;
    stats->refault_bytes = atomic_load_relaxed(&heap.decay.refaulted) << ZCI_GRANULE_SHIFT;
    stats->hold_bytes = atomic_load_relaxed(&heap.decay.kept) << ZCI_GRANULE_SHIFT;
    stats->wait_count = atomic_load_relaxed(&heap.lock.wait_count);
    stats->busy_count = atomic_load_relaxed(&heap.lock.busy_count);
    stats->reuse_count = atomic_load_relaxed(&heap.reuse_count);
    stats->refault_count = atomic_load_relaxed(&heap.refault_count);
    stats->fresh_count = atomic_load_relaxed(&heap.fresh_count);
    stats->return_count = atomic_load_relaxed(&heap.return_count);
}

struct arena **zci_page_heap_arenas(void)
{
    return &heap.arenas;
}

void zci_page_heap_each_run(void (*visit)(struct span *span, void *context), void *context)
{
    zci_arenas_each_run(&heap.arenas, visit, context);
}

static void rebuild_run(struct span *span, void *context)
{
    (void)context;
    if (span_state(span) == SPAN_FREE)
        zci_free_runs_list(&heap.free, span);
}

void zci_page_heap_fork_child(struct footprint_recount *recount)
{
    if (lock_reset_in_child(&heap.lock)) {
        heap.free = (struct free_runs){.state = SPAN_FREE};
        heap.decay.least = 0;
        zci_page_heap_each_run(rebuild_run, NULL);
        strips_recount(&heap.strips);
    }
    if (lock_is_free(&heap.lock)) {
        strips_abandon(&heap.strips, &heap.free);
        away_abandon(&heap.away, &heap.free);
        (void)change_locked();
    } else {
        recount->is_midway = true;
    }
    recount->bytes += heap.reported_bytes;
}
