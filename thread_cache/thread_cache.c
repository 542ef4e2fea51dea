/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* thread_cache.c - the slow side of a thread's cache: moves whole batches.
 * A bin keeps its loaded batch and a few spare ones. Full: the loaded batch becomes a spare, and if there are
 * enough the oldest goes to the depot. Empty: the newest spare becomes the loaded batch, else one comes from the
 * depot, else the loaded batch is filled from the spans. A program that swings by less than the spares around any
 * level stays here, and its blocks stay in its thread: small ones that wandered would soon share cache lines
 * between threads. */
#include "thread_cache/thread_cache.h"

#include "base/bits.h"
#include "base/check.h"
#include "central/batch.h"
#include "central/central_list.h"
#include "central/depot.h"
#include "os/footprint.h"
#include "os/os.h"
#include "pagemap/pagemap.h"
#include "thread_cache/spares.h"
#include "thread_cache/stash.h"
#include "thread_cache/thread_registry.h"

#include <string.h>

/* First fetch of a class: few blocks, or a thread that needs one strands many. */
#define REFILL_FIRST_BYTES 1024
#define REFILL_FIRST_MAX   16

/* First frees of a class by a thread that never allocated any: these blocks lie among another thread's, and
 * to get them back at once would be to share its cache lines. They go to their span. */
#define FOREIGN_FREES 4

/* How many batches of a class leave with one look: with more the thread that looks would stand still for long. */
#define RETIRE_MOST 256

/* What a thread does not come to is told by so many looks. It swings around a level, farther now and then; if what it
 * needs only then left with each look, others would get it, and the thread their blocks for its own. */
#define REACH_LOOKS 4

/* What a bin without a batch points at: no objects above a NULL floor, and no room. */
static void *const no_objects[2];

#define NO_TOP ((void **)(uintptr_t)&no_objects[1])

#define CLOSED_BINS                                                                                \
    {                                                                                              \
        .bins = { [0 ... CACHE_BINS - 1] = {NO_TOP, NO_TOP} }                                      \
    }

const struct closed_cache zci_closed_caches[CLOSED_COUNT] = {[0 ... CLOSED_COUNT - 1] =
                                                                 CLOSED_BINS};

#if ZCI_THREAD_VARIABLE
__thread struct thread_cache *zci_thread_cache =
    (struct thread_cache *)(uintptr_t)&zci_closed_caches[CLOSED_UNBORN];
__thread uint32_t zci_thread_first_frees;
#endif

void zci_thread_cache_init(struct thread_cache *cache)
{
    for (unsigned c = 0; c < CACHE_BINS; c++)
        cache->bins[c] = (struct bin){NO_TOP, NO_TOP};
}

/* --- empty batches ------------------------------------------------------------------------------ */

struct batch *zci_thread_cache_take_batch(struct thread_cache *cache, unsigned grade)
{
    return stash_take(cache, grade);
}

void zci_thread_cache_put_batch(struct thread_cache *cache, struct batch *batch)
{
    stash_put(cache, batch);
}

/* --- the loaded batch --------------------------------------------------------------------------- */

static size_t batch_limit(const struct batch *batch, unsigned class_index)
{
    return min_size(batch->capacity, zci_size_classes[class_index].batch);
}

/* The bin works on this batch from now on; NULL closes it. */
static void load(struct thread_cache *cache, unsigned class_index, struct batch *batch)
{
    struct bin *bin = &cache->bins[class_index];
    cache->shelves[class_index].loaded = batch;
    if (batch == NULL) {
        *bin = (struct bin){NO_TOP, NO_TOP};
        return;
    }
    bin->top = batch->objects + batch->count;
    bin->end = batch->objects + batch_limit(batch, class_index);
}

/* The bin's count is written down in its batch, which may then leave. */
static struct batch *unload(struct thread_cache *cache, unsigned class_index)
{
    struct batch *batch = cache->shelves[class_index].loaded;
    if (batch != NULL)
        batch->count = (uint32_t)(cache->bins[class_index].top - batch->objects);
    /* Before the bin turns elsewhere, from when on the count holds for whoever walks a stopped process. */
    atomic_order_for_thread();
    return batch;
}

/* A batch with room for at least this many objects takes the place of the loaded one, with its objects. */
static bool enlarge(struct thread_cache *cache, unsigned class_index, size_t objects)
{
    struct batch *old = unload(cache, class_index);
    struct batch *larger = stash_take(cache, batch_grade_for(objects));
    if (larger == NULL)
        return false;
    if (old != NULL) {
        memcpy(larger->objects, old->objects, old->count * sizeof(void *));
        larger->count = old->count;
    }
    load(cache, class_index, larger);
    if (old != NULL)
        stash_put(cache, old);
    return true;
}

/* Another batch's objects become the loaded ones; the loaded batch, which is empty, is stashed. */
static void load_instead(struct thread_cache *cache, unsigned class_index, struct batch *batch)
{
    struct batch *old = unload(cache, class_index);
    load(cache, class_index, batch);
    if (old != NULL)
        stash_put(cache, old);
}

static void *pop(struct thread_cache *cache, unsigned class_index)
{
    return *--cache->bins[class_index].top;
}

/* --- spare batches ------------------------------------------------------------------------------- */

static size_t batch_bytes(unsigned class_index)
{
    return (size_t)zci_size_classes[class_index].bytes * zci_size_classes[class_index].batch;
}

/* With the batch itself: of the smallest blocks it takes as much as they do. */
static size_t spare_bytes(unsigned class_index)
{
    return batch_bytes(class_index) +
           ZCI_META_GRADE_BYTES(batch_grade_for(zci_size_classes[class_index].batch));
}

static size_t spare_limit(const struct shelf *shelf, unsigned class_index)
{
    size_t count = SPARE_BYTES / batch_bytes(class_index);
    return shelf->spare_more + max_size(1, min_size(count, SPARE_COUNT_MAX));
}

/* The class may have so many spares more, or fewer, and the thread as many empty batches, which spares leave. */
static void change_more(struct thread_cache *cache, unsigned class_index, int64_t count)
{
    struct shelf *shelf = &cache->shelves[class_index];
    uint16_t *more = &cache->stash_more[batch_grade_for(zci_size_classes[class_index].batch)];
    *more = (uint16_t)(*more + count);
    shelf->spare_more = (uint16_t)(shelf->spare_more + count);
    cache->spare_more_bytes += (uint32_t)(count * (int64_t)spare_bytes(class_index));
}

/* Of one thread, in bytes. */
static size_t spare_share(void)
{
    size_t all = max_size(SPARE_MORE_BYTES, zci_footprint_bytes() / 4 * 3);
    size_t share = all / max_size(zci_thread_registry_live_count(), 1);
    return max_size(min_size(share, SPARE_MORE_SHARE_MOST), SPARE_MORE_SHARE_LEAST);
}

static void keep_more(struct thread_cache *cache, unsigned class_index)
{
    struct shelf *shelf = &cache->shelves[class_index];
    size_t share = spare_share();
    if (cache->spare_more_bytes >= share)
        return;
    size_t room = (share - cache->spare_more_bytes) / spare_bytes(class_index);
    change_more(cache, class_index,
                (int64_t)min_size(shelf->sent_count, room)); /* so far it swings */
}

/* May the class have a spare more, of blocks that the thread fetched for itself? count: those not among spares. */
static bool keeps_own(struct thread_cache *cache, unsigned class_index, size_t count)
{
    const struct shelf *shelf = &cache->shelves[class_index];
    if (atomic_load_relaxed(&zci_shard_count) < 2 ||
        shelf->spare_objects + count > shelf->fetched_objects ||
        cache->spare_more_bytes + spare_bytes(class_index) > spare_share())
        return false;
    change_more(cache, class_index, 1);
    return true;
}

static void keep_no_more(struct thread_cache *cache, unsigned class_index)
{
    struct shelf *shelf = &cache->shelves[class_index];
    change_more(cache, class_index, -(int64_t)shelf->spare_more);
    shelf->sent_count = 0;
}

static void count_up(uint8_t *count)
{
    *count = (uint8_t)(*count + (*count != UINT8_MAX));
}

/* Its next calls are slow ones, so many of them. */
static void close_class(struct thread_cache *cache, unsigned class_index, unsigned calls)
{
    struct shelf *shelf = &cache->shelves[class_index];
    struct batch *loaded = unload(cache, class_index);
    load(cache, class_index, NULL);
    /* An empty batch too, if it is the only one: blocks that are out now may come back to it. */
    if (loaded != NULL && (loaded->count != 0 || shelf->spare == NULL))
        spare_push(shelf, loaded);
    else if (loaded != NULL)
        stash_put(cache, loaded);
    shelf->closed = shelf->closed_before = (uint8_t)(shelf->spare != NULL ? calls : 0);
}

/* A class that comes into use while memory waits for its time begins as the others went on. */
static void close_new(struct thread_cache *cache, unsigned class_index)
{
    if (ZCI_UNLIKELY(cache->closed_calls != 0) && cache->shelves[class_index].closed_before == 0)
        close_class(cache, class_index, cache->closed_calls);
}

/* --- empty ---------------------------------------------------------------------------------------- */

static size_t refill_first(unsigned class_index)
{
    size_t count = REFILL_FIRST_BYTES / zci_size_classes[class_index].bytes;
    return max_size(1, min_size(count, REFILL_FIRST_MAX));
}

/* How many to fetch now; the next time twice as many. */
static size_t slow_start(struct shelf *shelf, unsigned class_index)
{
    size_t most = zci_size_classes[class_index].batch;
    size_t count = shelf->refill != 0 ? shelf->refill : refill_first(class_index);
    shelf->refill = (uint8_t)min_size(2 * count, most);
    /* Eight blocks of any class end where a cache line does: the next ones go to another thread. */
    return count >= 8 ? count & ~(size_t)7 : count;
}

static void *refill_from_spans(struct thread_cache *cache, unsigned class_index)
{
    struct shelf *shelf = &cache->shelves[class_index];
    size_t count = slow_start(shelf, class_index);
    void *block = NULL;
    bool has_room = shelf->loaded != NULL && batch_limit(shelf->loaded, class_index) >= count;
    if (!has_room && !enlarge(cache, class_index, count)) {
        zci_central_fetch(class_index, cache->number, &block, 1);
        return block;
    }
    struct batch *batch = shelf->loaded;
    batch->count = (uint32_t)zci_central_fetch(class_index, cache->number, batch->objects, count);
    cache->returned_bytes -= (int64_t)batch->count * zci_size_classes[class_index].bytes;
    spare_fetched(shelf, batch->count);
    load(cache, class_index, batch);
    block = batch->count != 0 ? pop(cache, class_index) : NULL;
    close_new(cache, class_index);
    return block;
}

/* A class that the collector closed is served from its first spare batch for a while. */
static void *pop_closed(struct shelf *shelf)
{
    struct batch *batch = shelf->spare;
    if (batch == NULL || batch->count == 0)
        return NULL;
    shelf->closed--;
    shelf->spare_objects--;
    return batch->objects[--batch->count];
}

/* A spare with room is better than an empty batch. */
static bool load_spare(struct thread_cache *cache, unsigned class_index)
{
    struct shelf *shelf = &cache->shelves[class_index];
    if (shelf->loaded != NULL || shelf->spare == NULL ||
        shelf->spare->count >= batch_limit(shelf->spare, class_index))
        return false;
    load(cache, class_index, spare_pop(shelf));
    return true;
}

void *zci_thread_cache_refill(struct thread_cache *cache, unsigned class_index)
{
    struct shelf *shelf = &cache->shelves[class_index];
    if (ZCI_UNLIKELY(shelf->closed != 0)) {
        void *block = pop_closed(shelf);
        if (block != NULL)
            return block;
        shelf->closed = 0;
    }
    struct batch *batch;
    while ((batch = spare_pop(shelf)) != NULL && batch->count == 0)
        stash_put(cache, batch);
    if (batch == NULL) {
        count_up(&shelf->miss_count);
        if (shelf->sent_count != 0)
            keep_more(cache, class_index);
        shelf->sent_count = 0;
        batch = depot_take(class_index, cache->number);
        thread_cache_count(cache, batch != NULL ? COUNT_DEPOT_TAKE : COUNT_DEPOT_MISS);
        spare_fetched(shelf, batch != NULL ? batch->count : 0);
    } else {
        thread_cache_count(cache, COUNT_SPARE_LOAD);
    }
    if (batch == NULL)
        return refill_from_spans(cache, class_index);
    load_instead(cache, class_index, batch);
    return pop(cache, class_index);
}

/* --- full ----------------------------------------------------------------------------------------- */

static unsigned shard_of_block(const void *block, unsigned otherwise)
{
    const struct span *span = pagemap_get((uintptr_t)block);
    return ZCI_LIKELY(span != NULL) ? span->shard : otherwise;
}

/* What a thread frees that another one makes goes back there: a batch all of whose blocks, by three of them, are of
 * one other shard. */
static unsigned home_of(const struct thread_cache *cache, const struct batch *batch)
{
    unsigned own = shard_of(cache->number);
    unsigned home = shard_of_block(batch->objects[0], own);
    if (home == own || shard_of_block(batch->objects[batch->count / 2], own) != home ||
        shard_of_block(batch->objects[batch->count - 1], own) != home)
        return own;
    return home;
}

/* A full batch leaves the thread. */
static void send(struct thread_cache *cache, unsigned class_index, struct batch *batch)
{
    uint16_t *sent = &cache->shelves[class_index].sent_count;
    *sent = (uint16_t)(*sent + (*sent != UINT16_MAX));
    spare_left(&cache->shelves[class_index], batch->count);
    unsigned shard = home_of(cache, batch);
    bool is_put = depot_put(class_index, shard, cache->number, batch);
    thread_cache_count(cache, is_put ? COUNT_DEPOT_PUT : COUNT_DEPOT_FULL);
    if (is_put)
        return;
    cache->polls_left = 1; /* the collector may want to know */
    cache->returned_bytes += (int64_t)batch->count * zci_size_classes[class_index].bytes;
    zci_central_return(class_index, batch->objects, batch->count);
    stash_put(cache, batch);
}

/* The first spare batch is full: an empty one takes its place. */
static bool make_room_closed(struct thread_cache *cache, unsigned class_index)
{
    struct shelf *shelf = &cache->shelves[class_index];
    struct batch *fresh = stash_take(cache, shelf->spare->grade);
    if (fresh == NULL)
        return false;
    if (shelf->spare_count >= spare_limit(shelf, class_index) && !keeps_own(cache, class_index, 0))
        send(cache, class_index, spare_pop_oldest(shelf));
    spare_push(shelf, fresh);
    return true;
}

static bool push_closed(struct thread_cache *cache, unsigned class_index, void *block)
{
    struct shelf *shelf = &cache->shelves[class_index];
    if (shelf->spare == NULL || (shelf->spare->count >= batch_limit(shelf->spare, class_index) &&
                                 !make_room_closed(cache, class_index)))
        return false;
    struct batch *batch = shelf->spare;
    if (batch->count != 0 && batch->objects[batch->count - 1] == block)
        zci_report_double_free(block, zci_size_classes[class_index].bytes);
    shelf->closed--;
    shelf->spare_objects++;
    batch->objects[batch->count] = block;
    /* As in thread_cache_push_to. */
    atomic_order_for_thread();
    batch->count++;
    return true;
}

/* The loaded batch becomes a spare, and an empty one takes its place; false: there is none. */
static bool replace_full(struct thread_cache *cache, unsigned class_index)
{
    struct shelf *shelf = &cache->shelves[class_index];
    struct batch *full = unload(cache, class_index);
    unsigned grade = full->grade;
    /* A walker of a stopped process must not find here what others may take from the depot. */
    load(cache, class_index, NULL);
    bool stays = shelf->spare_count < spare_limit(shelf, class_index) ||
                 keeps_own(cache, class_index, full->count);
    spare_push(shelf, full);
    if (stays) {
        thread_cache_count(cache, COUNT_SPARE_KEEP);
    } else {
        count_up(&shelf->miss_count);
        send(cache, class_index, spare_pop_oldest(shelf));
    }
    struct batch *fresh = stash_take(cache, grade);
    load(cache, class_index, fresh);
    return fresh != NULL;
}

void zci_thread_cache_spill(struct thread_cache *cache, unsigned class_index, void *block)
{
    struct shelf *shelf = &cache->shelves[class_index];
    struct bin *bin = &cache->bins[class_index];
    size_t most = zci_size_classes[class_index].batch;
    if (ZCI_UNLIKELY(shelf->closed != 0)) {
        if (push_closed(cache, class_index, block))
            return;
        shelf->closed = 0;
    }
    struct batch *loaded = shelf->loaded;
    bool has_room = load_spare(cache, class_index);
    if (has_room) {
        /* The batch on top is a former one, so the bin could not see this. */
        if (bin->top[-1] == block)
            zci_report_double_free(block, zci_size_classes[class_index].bytes);
    } else if (loaded == NULL && shelf->refill == 0 && shelf->miss_count < FOREIGN_FREES) {
        count_up(&shelf->miss_count);
    } else if (loaded == NULL || loaded->capacity < most) {
        /* Small still: it grows by a grade before anything leaves. */
        size_t wanted = shelf->spare != NULL ? most
                        : loaded == NULL     ? 1
                                             : 2 * (size_t)loaded->capacity;
        has_room = enlarge(cache, class_index, min_size(wanted, most));
    }
    if (has_room || (loaded != NULL && replace_full(cache, class_index))) {
        thread_cache_push_to(bin, block);
        close_new(cache, class_index);
    } else {
        zci_central_return(class_index, &block, 1);
    }
}

/* --- age ------------------------------------------------------------------------------------------ */

/* The oldest. */
static void retire(struct thread_cache *cache, unsigned class_index, unsigned count)
{
    struct shelf *shelf = &cache->shelves[class_index];
    for (unsigned left = count < RETIRE_MOST ? count : RETIRE_MOST; left > 0; left--) {
        struct batch *batch = spare_pop_oldest(shelf);
        spare_left(shelf, batch->count);
        zci_central_return(class_index, batch->objects, batch->count);
        stash_put(cache, batch);
    }
}

/* Nobody asked for this class since the last look. */
static void retire_spares(struct thread_cache *cache, unsigned class_index)
{
    struct shelf *shelf = &cache->shelves[class_index];
    shelf->refill = 0;
    shelf->closed = shelf->closed_before = 0;
    retire(cache, class_index, shelf->spare_count);
}

/* Half of the spares that the thread has not come to for REACH_LOOKS looks leave: of a class in use too, for a few
 * blocks here and there keep whole pages. */
static void retire_unreached(struct thread_cache *cache, unsigned class_index)
{
    struct shelf *shelf = &cache->shelves[class_index];
    bool is_first_used = shelf->loaded == NULL; /* the class is closed */
    unsigned unreached = shelf->spare_least - (is_first_used && shelf->spare_least != 0);
    retire(cache, class_index, (unreached + 1) / 2);
}

/* Half of the room that it had no use for goes too: where blocks come from other threads all the time, batches leave
 * now and then and the bin is empty now and then, though the thread does not swing. */
static void forget_unused_room(struct thread_cache *cache, unsigned class_index)
{
    struct shelf *shelf = &cache->shelves[class_index];
    size_t limit = spare_limit(shelf, class_index);
    size_t unused = limit - min_size(shelf->spare_most, limit);
    change_more(cache, class_index, -(int64_t)min_size(unused / 2, shelf->spare_more));
}

static void age_class(struct thread_cache *cache, unsigned class_index, unsigned closed_calls)
{
    struct shelf *shelf = &cache->shelves[class_index];
    /* A closed class that was used shows it by fewer calls left. */
    if (shelf->loaded != NULL || (shelf->closed != 0 && shelf->closed != shelf->closed_before)) {
        bool is_due = cache->look_count % REACH_LOOKS == 0;
        if (is_due) {
            forget_unused_room(cache, class_index);
            retire_unreached(cache, class_index);
        }
        close_class(cache, class_index, closed_calls);
        if (is_due)
            shelf->spare_least = shelf->spare_most = shelf->spare_count;
        return;
    }
    keep_no_more(cache, class_index);
    if (shelf->spare != NULL)
        retire_spares(cache, class_index);
}

void zci_thread_cache_age(struct thread_cache *cache, unsigned closed_calls)
{
    cache->look_count++;
    for (unsigned c = 1; c < ZCI_CLASS_COUNT; c++)
        age_class(cache, c, closed_calls);
    away_flush(cache);
    for (unsigned grade = 0; grade < BATCH_GRADES; grade++)
        while (cache->stash_count[grade] > stash_limit(cache, grade))
            stash_reduce(cache, grade);
}

/* --- all ------------------------------------------------------------------------------------------- */

/* Another thread's bins move while this reads: the count is clipped, not trusted. */
ZCI_READS_RACILY static uint64_t class_blocks(const struct thread_cache *cache,
                                              unsigned class_index)
{
    struct batch *loaded = atomic_load_relaxed(&cache->shelves[class_index].loaded);
    uint64_t count = atomic_load_relaxed(&cache->shelves[class_index].spare_objects);
    if (loaded != NULL) {
        uintptr_t top = (uintptr_t)atomic_load_relaxed(&cache->bins[class_index].top);
        uintptr_t objects = (top - (uintptr_t)loaded->objects) / sizeof(void *);
        count += objects <= zci_size_classes[class_index].batch ? objects : 0;
    }
    return count;
}

static uint64_t class_bytes(const struct thread_cache *cache, unsigned class_index)
{
    return class_blocks(cache, class_index) * zci_size_classes[class_index].bytes;
}

static void flush_class(struct thread_cache *cache, unsigned class_index)
{
    struct shelf *shelf = &cache->shelves[class_index];
    struct batch *loaded = unload(cache, class_index);
    struct batch *spare;
    load(cache, class_index, NULL);
    shelf->refill = 0;
    shelf->fetched_objects = 0;
    shelf->miss_count = 0;
    shelf->closed = 0;
    keep_no_more(cache, class_index);
    if (loaded != NULL)
        zci_depot_end_batch(class_index, loaded);
    while ((spare = spare_pop(shelf)) != NULL)
        zci_depot_end_batch(class_index, spare);
}

void zci_thread_cache_trim(struct thread_cache *cache, uint64_t keep_bytes)
{
    uint64_t bytes = zci_thread_cache_bytes(cache);
    for (unsigned c = ZCI_CLASS_COUNT - 1; c > 0 && bytes > keep_bytes; c--) {
        bytes -= class_bytes(cache, c);
        flush_class(cache, c);
    }
}

void zci_thread_cache_flush(struct thread_cache *cache)
{
    for (unsigned c = 1; c < ZCI_CLASS_COUNT; c++)
        flush_class(cache, c);
    away_flush(cache);
    for (unsigned grade = 0; grade < BATCH_GRADES; grade++) {
        /* Whoever takes a chain gets all of it. */
        while (cache->stash_count[grade] > CACHE_STASH_COUNT)
            stash_reduce(cache, grade);
        if (cache->stash[grade] != NULL)
            zci_batch_free(cache->stash[grade], cache->number, cache->stash_count[grade]);
        cache->stash[grade] = NULL;
        cache->stash_count[grade] = 0;
    }
}

uint64_t zci_thread_cache_bytes(const struct thread_cache *cache)
{
    uint64_t bytes = 0;
    for (unsigned c = 1; c < ZCI_CLASS_COUNT; c++)
        bytes += class_bytes(cache, c);
    return bytes;
}

ZCI_READS_RACILY void zci_thread_cache_add_counts(const struct thread_cache *cache,
                                                  uint64_t *counts)
{
    for (unsigned c = 1; c < ZCI_CLASS_COUNT; c++)
        counts[c] += class_blocks(cache, c);
}
