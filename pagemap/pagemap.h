/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* pagemap.h - which span owns an address: a radix tree of two levels over granules.
 * Invariants: a SMALL span stands at each of its granules, a FREE run at its first and last, a LARGE or
 *             HUGE block at its first. Other entries may be stale: the reader checks state and extent.
 * Locking:    reads take none. Writes to one address are made by whoever owns the run there; leaves
 *             appear by compare-and-swap, under whatever lock or none, and stay for good.
 * Costs:      two dependent loads; 8 bytes per mapped granule, in leaves of 4 GiB. */
#ifndef ZCI_PAGEMAP_PAGEMAP_H
#define ZCI_PAGEMAP_PAGEMAP_H

#include "pagemap/span.h"

#define PAGEMAP_LEAF_SHIFT   16
#define PAGEMAP_LEAF_ENTRIES ((size_t)1 << PAGEMAP_LEAF_SHIFT)
#define PAGEMAP_ROOT_ENTRIES ((size_t)1 << 16)
/* 2^48 bytes; a kernel gives more only to those who ask for it by address. */
#define PAGEMAP_ADDRESS_MAX                                                                        \
    ((uintptr_t)PAGEMAP_ROOT_ENTRIES << (PAGEMAP_LEAF_SHIFT + ZCI_GRANULE_SHIFT))

struct pagemap_leaf {
    struct span *spans[PAGEMAP_LEAF_ENTRIES];
};

extern struct pagemap_leaf *zci_pagemap_root[PAGEMAP_ROOT_ENTRIES];

ZCI_INLINE struct span *pagemap_get(uintptr_t address)
{
    if (ZCI_UNLIKELY(address >= PAGEMAP_ADDRESS_MAX))
        return NULL;
    size_t granule = address >> ZCI_GRANULE_SHIFT;
    /* Pairs with zci_pagemap_cover. */
    struct pagemap_leaf *leaf =
        atomic_load_acquire(&zci_pagemap_root[granule >> PAGEMAP_LEAF_SHIFT]);
    if (ZCI_UNLIKELY(leaf == NULL))
        return NULL;
    /* Pairs with pagemap_set. */
    return atomic_load_acquire(&leaf->spans[granule & (PAGEMAP_LEAF_ENTRIES - 1)]);
}

/* Where the last look-up of several was; most are in the same leaf. */
struct pagemap_cursor {
    uintptr_t high;
    struct pagemap_leaf *leaf; /* NULL: none yet */
};

#define PAGEMAP_CURSOR_INIT                                                                        \
    {                                                                                              \
        UINTPTR_MAX, NULL                                                                          \
    }

/* As pagemap_get. */
ZCI_INLINE struct span *pagemap_get_near(struct pagemap_cursor *cursor, uintptr_t address)
{
    size_t granule = address >> ZCI_GRANULE_SHIFT;
    uintptr_t high = granule >> PAGEMAP_LEAF_SHIFT;
    if (ZCI_UNLIKELY(high != cursor->high)) {
        if (ZCI_UNLIKELY(high >= PAGEMAP_ROOT_ENTRIES))
            return NULL;
        struct pagemap_leaf *leaf = atomic_load_acquire(&zci_pagemap_root[high]);
        if (ZCI_UNLIKELY(leaf == NULL))
            return NULL;
        *cursor = (struct pagemap_cursor){high, leaf};
    }
    return atomic_load_acquire(&cursor->leaf->spans[granule & (PAGEMAP_LEAF_ENTRIES - 1)]);
}

/* address lies in a range that zci_pagemap_cover has seen. */
ZCI_INLINE void pagemap_set(uintptr_t address, struct span *span)
{
    size_t granule = address >> ZCI_GRANULE_SHIFT;
    struct pagemap_leaf *leaf = zci_pagemap_root[granule >> PAGEMAP_LEAF_SHIFT];
    /* Pairs with pagemap_get: publishes the descriptor. */
    atomic_store_release(&leaf->spans[granule & (PAGEMAP_LEAF_ENTRIES - 1)], span);
}

/* No part of the range lies where the page map has no entries for. */
ZCI_INLINE bool pagemap_reaches(uintptr_t start, size_t bytes)
{
    return start < PAGEMAP_ADDRESS_MAX && bytes <= PAGEMAP_ADDRESS_MAX - start;
}

/* Makes room for a range of addresses; false if there is no memory or the range is out of reach. */
bool zci_pagemap_cover(uintptr_t start, size_t bytes);

#endif
