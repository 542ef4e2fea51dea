/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* span.h - the descriptor of a run of granules.
 * Invariants: descriptors are out of line (meta arena), one per granule of an arena in address order, so
 *             the descriptor of a run is the one of its first granule. state is written last when a run
 *             comes into being and first when it ends: whoever reads a valid state, another process
 *             included, sees a descriptor that holds. All fields have fixed width on a 64-bit system.
 *             For small blocks: bit i of the bitmap is set iff block i is free in this span; blocks from
 *             carved on were never handed out; used + free bits == carved.
 * Locking:    FREE runs: page-heap lock. POOLED: their pool's. SMALL: their central list's lock, or their private
 *             heap's. LARGE, HUGE: their owner. start, class_index and state of a live run may be read without a lock.
 * Costs:      64 bytes per 64 KiB; up to 1 KiB of bitmap for spans of 8-byte blocks. */
#ifndef ZCI_PAGEMAP_SPAN_H
#define ZCI_PAGEMAP_SPAN_H

#include "base/atomic.h"
#include "base/compiler.h"
#include "base/size_class.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum span_state {
    SPAN_NONE = 0, /* not the start of a run */
    SPAN_FREE,     /* in the page heap */
    SPAN_SMALL,    /* blocks of one class */
    SPAN_LARGE,    /* one block, from the page heap */
    SPAN_HUGE,     /* one block, a mapping of its own */
    SPAN_CACHED,   /* a former LARGE or HUGE run, kept for the next */
    SPAN_META,     /* given to the meta arena, for good, when the OS had nothing else */
    SPAN_POOLED    /* and so on, one for each shard: in its run pool */
};

/* Was any byte of the run written to since the OS gave it, or took its pages back? */
enum run_clean {
    RUN_DIRTY = 0,
    RUN_ZERO, /* no, and it reads zero */
    RUN_PURGED /* no, but the OS takes pages back without clearing them: not known to be zero (free_runs.h) */
};

struct span {
    uint64_t start;
    uint32_t granules;

    union {
        struct {
            uint8_t state; /* atomic; enum span_state */
            uint8_t class_index;
            uint16_t heap; /* SMALL, LARGE, HUGE: the private heap it belongs to, or 0; atomic */
        };

        uint32_t kind; /* all three */
    };

    uint8_t clean; /* enum run_clean; written as one byte */

    union {
        uint8_t bucket;    /* SMALL: in which of its lists, or SPAN_UNLISTED, or SPAN_SWEEPING */
        uint8_t has_grown; /* LARGE, HUGE: by realloc */
    };

    uint8_t shard;       /* whose it is, or was last; SMALL: for good; central/shard.h */
    uint8_t populated;   /* SMALL: parts that are not to be populated, under its list's lock */
    uint16_t carved;     /* SMALL: blocks that ever left it */
    uint16_t used_least; /* SMALL: with fewer blocks out its occupancy list is another one */
    struct span *next;   /* SMALL: list; FREE: right child in the page heap's tree */
    struct span *prev;   /* SMALL: list; FREE: left child */

    union {
        uint64_t *bitmap; /* SMALL: &inline_bits, or from the meta arena */
        uint64_t changer; /* HUGE, CACHED: the thread that maps, unmaps or resizes it, or 0 */
    };

    union {
        uint64_t inline_bits; /* SMALL: the bitmap of a span of at most 64 blocks */
        uint64_t bytes;       /* LARGE: bytes asked for last; HUGE: bytes of the mapping */
    };

    union {
        uint16_t used; /* SMALL: blocks out of the span */
        uint16_t
            refaulted; /* new run: how many of its granules were given back before, as decay.h counts */
    };

    uint16_t purged_pages; /* SMALL: OS pages given back since a block was last taken */
    uint32_t touched_tick; /* SMALL: when a block last came or went; 0 once it was swept since */
};

ZCI_STATIC_ASSERT(sizeof(struct span) == 64, "a descriptor is one cache line");

#define SPAN_UNLISTED 0xff
#define SPAN_SWEEPING 0xfe /* no block of it may be handed out: its free pages are on their way */

ZCI_INLINE enum span_state span_state(const struct span *span)
{
    /* Pairs with span_set_state. */
    return (enum span_state)atomic_load_acquire(&span->state);
}

ZCI_INLINE void span_set_state(struct span *span, enum span_state state)
{
    /* Pairs with span_state: publishes all other fields. */
    atomic_store_release(&span->state, (uint8_t)state);
}

/* Of the common heap's small blocks of this class: three fields at one glance. */
ZCI_INLINE bool span_is_small(const struct span *span, unsigned class_index)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    uint32_t wanted = class_index << 8 | SPAN_SMALL;
#else
    uint32_t wanted = (uint32_t)SPAN_SMALL << 24 | class_index << 16;
#endif
    /* Pairs with span_set_state. */
    return atomic_load_acquire(&span->kind) == wanted;
}

ZCI_INLINE size_t span_bytes(const struct span *span)
{
    return (size_t)span->granules << ZCI_GRANULE_SHIFT;
}

ZCI_INLINE uint64_t span_end(const struct span *span)
{
    return span->start + span_bytes(span);
}

/* The number of the private heap whose blocks lie in the run; 0 for all others, free runs too. */
ZCI_INLINE unsigned span_heap(const struct span *span)
{
    return atomic_load_relaxed(&span->heap);
}

ZCI_INLINE void span_set_heap(struct span *span, unsigned number)
{
    atomic_store_relaxed(&span->heap, (uint16_t)number);
}

/* false for a descriptor that some stale map entry led to. */
ZCI_INLINE bool span_covers(const struct span *span, uintptr_t address)
{
    return address - span->start < span_bytes(span);
}

#endif
