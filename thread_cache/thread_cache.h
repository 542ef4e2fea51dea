/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* thread_cache.h - the fast path: one bin per class, owned by one thread.
 * Invariants: a bin's top points behind the last free block of its loaded batch; top[-1] is NULL iff it is
 *             empty, for the batch's floor lies below its first object; top == end iff there is no room.
 *             The first and the last bin have neither blocks nor room, for good. A thread without a cache
 *             has one whose bins are all like that and are never written: initialisation costs no branch.
 *             A bin is consistent between any two instructions, so another process may read it at any
 *             time.
 * Locking:    none, no atomics, for the owner. The collector takes a cache from its owner first (thread_idle.h);
 *             statistics and walkers only read, relaxed: bins, loaded, spare batches and their counts.
 * Costs:      malloc 16 and free 15 instructions on x86-64 with gcc (tests/shape/fast_path.gcc.golden).
 *             16 bytes per class and 48 for its cold half. */
#ifndef ZCI_THREAD_CACHE_THREAD_CACHE_H
#define ZCI_THREAD_CACHE_THREAD_CACHE_H

#include "base/atomic.h"
#include "base/size_class.h"
#include "os/thread.h"
#include "pagemap/class_map.h"
#include "pagemap/meta_arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct batch;

struct bin {
    void **top;
    void **end;
};

ZCI_STATIC_ASSERT(sizeof(struct bin) == ZCI_BIN_BYTES, "zci_size_to_bin holds offsets of bins");

/* The cold half of a bin. Open: closed is 0, and the bin works on loaded. Closed: loaded is NULL, and so many slow
 * calls are served from the first spare. Not in use: loaded is NULL, closed 0. */
struct shelf {
    struct batch *loaded; /* the bin's batch, or NULL */
    struct batch *spare;  /* batches, linked by next, or NULL; empty at most the first; spares.h */
    struct batch *spare_oldest; /* the last of them, if there is one */
    uint32_t spare_objects;
    uint16_t spare_count; /* batches */
    uint8_t refill; /* blocks to fetch next time: slow start, doubles up to the class's batch */
    uint8_t closed_before; /* closed as the last look left it; 0 if the class was not in use */
    uint8_t closed;        /* so many more slow calls before the bin is opened again */
    uint8_t miss_count;    /* how often neither the bin nor a spare helped; stops at 255 */
    uint16_t spare_more;   /* spare batches beyond the usual: this thread swings that far */
    uint16_t sent_count;   /* batches that left since the bin was last empty; stops at 65535 */
    uint16_t spare_least;  /* spare_count at its least and most since unreached spares left */
    uint16_t spare_most;
    uint32_t fetched_objects; /* from spans and depots, less those that went back; spares.h */
};

/* A thread's way to its blocks of one private heap (src/heap/private_cache.h). No heap has id 0. */
struct private_slot {
    uint64_t id;
    struct private_cache *cache; /* NULL only if id is 0 */
};

#define PRIVATE_SLOTS 16

/* Empty batches that a thread keeps, by bytes per grade, and besides as many as it may have spare ones more than usual:
 * as many as it swings by, or they wander between threads with their lines. Half of the first go to a slot of its
 * shard's pool at once. */
#define CACHE_STASH_BYTES 16384
#define CACHE_STASH_COUNT 16

/* What the slow sides count, each thread for itself; the sums of all threads are the statistics. */
enum thread_count {
    COUNT_SPARE_LOAD, /* empty bins: filled by a spare batch, */
    COUNT_DEPOT_TAKE, /* by one from the depot, */
    COUNT_DEPOT_MISS, /* from the spans */
    COUNT_SPARE_KEEP, /* full bins: the batch became a spare, */
    COUNT_DEPOT_PUT,  /* went to the depot, */
    COUNT_DEPOT_FULL, /* to the spans */
    COUNT_RUN_HIT,    /* large blocks from the run cache, */
    COUNT_RUN_MISS,   /* from the page heap */
    THREAD_COUNTS
};

/* The last bin, ZCI_CLASS_PRIVATE, is as bin 0. */
#define CACHE_BINS (ZCI_CLASS_COUNT + 1)

struct thread_cache {
    struct bin bins[CACHE_BINS];
    struct private_slot private_slots[PRIVATE_SLOTS];
    struct shelf shelves[ZCI_CLASS_COUNT];
    struct batch *stash[ZCI_META_GRADES]; /* empty batches, by grade, linked by next */
    uint16_t stash_count[ZCI_META_GRADES];
    uint16_t stash_more[ZCI_META_GRADES]; /* sums of spare_more: so many beyond the usual */
    struct batch *away;          /* empty ones on their way to another shard; see stash.h */
    uint8_t away_count;          /* how many */
    uint8_t exit_round;          /* how often the exit hook ran */
    uint8_t state;               /* enum thread_cache_state; atomic */
    uint8_t is_busy;             /* the owner is on the slow side; atomic, see thread_idle.h */
    uint8_t closed_calls;        /* of a class that comes into use: memory waits for its time */
    uint8_t look_count;          /* how often zci_thread_cache_age was here; wraps */
    uint16_t polls_left;         /* slow calls until the clock is looked at */
    uint16_t polls_before;       /* as it was set last */
    uint32_t thread_number;      /* the owner's, for the OS */
    uint32_t spare_more_bytes;   /* sum over the shelves' spare_more */
    int64_t returned_bytes;      /* to spans, less those taken, since the collector last looked */
    uint64_t large_freed_bytes;  /* large blocks, since it last looked */
    uint64_t aged_ms;            /* live: when gc.c last had it aged; parked: since when */
    uint64_t armed_at;           /* by zci_os_thread_clock; 0: no exit hook; atomic, relaxed */
    uint64_t idle_mark;          /* thread_idle.c: what the bins looked like */
    uint64_t idle_since_ms;      /* and since when */
    struct thread_cache **owner; /* the owner's pointer to this cache */
    uint32_t number;             /* counts caches; shard.h */
    struct thread_cache *next;   /* all caches ever made; see thread_registry.h */
    struct thread_cache *next_parked;      /* under the registry's lock */
    uint64_t counts[THREAD_COUNTS];        /* written by the owner; atomic, relaxed */
    struct private_cache *private_idle[2]; /* of no heap: small ones, large ones */
};

enum thread_cache_state { CACHE_LIVE = 1, CACHE_PARKED, CACHE_ORPHANED };

/* Static caches without blocks or room: of a thread that has done nothing yet, of a thread that is past
 * its exit hook, and of any thread while no caching is wanted. */
struct closed_cache {
    struct bin bins[CACHE_BINS];
    struct private_slot private_slots[PRIVATE_SLOTS]; /* none of any heap */
};

enum { CLOSED_UNBORN, CLOSED_DEAD, CLOSED_BY_OPTION, CLOSED_BY_COLLECTOR, CLOSED_COUNT };
extern const struct closed_cache zci_closed_caches[CLOSED_COUNT];

ZCI_INLINE bool thread_cache_is_open(const struct thread_cache *cache)
{
    return (uintptr_t)cache - (uintptr_t)zci_closed_caches >= sizeof zci_closed_caches;
}

ZCI_INLINE struct thread_cache *thread_cache_closed(int which)
{
    return (struct thread_cache *)(uintptr_t)&zci_closed_caches[which];
}

/* A block of at least size bytes, or NULL: ask the slow side. Reads nothing of the block. */
ZCI_INLINE void *thread_cache_pop(size_t size)
{
    if (ZCI_UNLIKELY(size > ZCI_SMALL_MAX_BYTES))
        return NULL;
    char *cache = (char *)thread_cache_peek();
    struct bin *bin = (struct bin *)(cache + zci_size_to_bin[(size + 7) >> 3]);
    void **top = bin->top;
    void *block = top[-1];
    /* Or gcc 12 keeps it elsewhere than where it is returned. */
    ZCI_RECOMPUTE(block);
    if (ZCI_LIKELY(block != NULL)) {
        /* The next block will be written to soon; below the last one lies the floor, NULL. */
        prefetch_to_write(top[-2]);
        ZCI_ADD(bin->top, top, -1);
    }
    return block;
}

/* The bin has room. */
ZCI_INLINE void thread_cache_push_to(struct bin *bin, void *block)
{
    *bin->top = block;
    /* A walker of a stopped process must not take what stood here before for free. */
    atomic_order_for_thread();
    bin->top++;
}

/* A class map byte is twice the class: an eighth of its bin's offset. */
ZCI_INLINE struct bin *thread_cache_bin(struct thread_cache *cache, size_t class_map_byte)
{
    return (struct bin *)((char *)cache + class_map_byte * (ZCI_BIN_BYTES / 2));
}

/* true if the block is in the cache now; false: ask the slow side (no room, no small block, NULL, or the
 * very block that was freed last). */
ZCI_INLINE bool thread_cache_push(void *block)
{
    struct thread_cache *cache = thread_cache_peek();
    size_t byte = class_map_get(block);
    void **top = thread_cache_bin(cache, byte)->top;
    /* The bin's address is part of each access, not an instruction of its own. */
    ZCI_RECOMPUTE(byte);
    if (ZCI_UNLIKELY(top == thread_cache_bin(cache, byte)->end) || ZCI_UNLIKELY(top[-1] == block))
        return false;
    *top = block;
    /* As in thread_cache_push_to. */
    atomic_order_for_thread();
    ZCI_RECOMPUTE(byte);
    ZCI_ADD(thread_cache_bin(cache, byte)->top, top, 1);
    return true;
}

/* Slow side, cache is open and the calling thread's. */
ZCI_INLINE void thread_cache_count(struct thread_cache *cache, enum thread_count which)
{
    counter_add(&cache->counts[which], 1);
}

/* --- slow side, thread_cache.c ----------------------------------------------------------------- */

/* The bin of this class is empty: a block, or NULL if there is no memory. */
void *zci_thread_cache_refill(struct thread_cache *cache, unsigned class_index);
/* The bin of this class has no room for this block. Never fails: at worst the block goes to its span. */
void zci_thread_cache_spill(struct thread_cache *cache, unsigned class_index, void *block);
/* Everything goes back to the spans and the pools. */
void zci_thread_cache_flush(struct thread_cache *cache);
/* What was not used since the last call goes back to the spans, and with each fourth call half of what a class in use
 * did not need since the fourth before; the rest is put where a slow call must look, so that the next call can tell,
 * and stays there for closed_calls such calls. Only the owner. */
void zci_thread_cache_age(struct thread_cache *cache, unsigned closed_calls);
/* Flushes classes, largest blocks first, until at most keep_bytes of free blocks stay. */
void zci_thread_cache_trim(struct thread_cache *cache, uint64_t keep_bytes);
/* Empty batches for a private heap's bins: one of this grade, or NULL; and back. */
struct batch *zci_thread_cache_take_batch(struct thread_cache *cache, unsigned grade);
void zci_thread_cache_put_batch(struct thread_cache *cache, struct batch *batch);
/* Bytes of free blocks; exact for the owner, a snapshot for others. */
uint64_t zci_thread_cache_bytes(const struct thread_cache *cache);
/* Adds the free blocks of each class to counts[class]; exact for the owner, a snapshot for others. */
void zci_thread_cache_add_counts(const struct thread_cache *cache, uint64_t *counts);
/* A fresh cache's bins. */
void zci_thread_cache_init(struct thread_cache *cache);

#endif
