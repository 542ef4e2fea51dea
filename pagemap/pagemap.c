/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* pagemap.c - see pagemap.h. */
#include "pagemap/pagemap.h"

#include "pagemap/meta_arena.h"

struct pagemap_leaf *zci_pagemap_root[PAGEMAP_ROOT_ENTRIES];

bool zci_pagemap_cover(uintptr_t start, size_t bytes)
{
    if (!pagemap_reaches(start, bytes))
        return false;
    size_t shift = PAGEMAP_LEAF_SHIFT + ZCI_GRANULE_SHIFT;
    for (size_t i = start >> shift; i <= (start + bytes - 1) >> shift; i++) {
        void **slot = (void **)&zci_pagemap_root[i];
        if (atomic_load_acquire(slot) != NULL)
            continue;
        void *leaf = zci_meta_alloc(sizeof(struct pagemap_leaf));
        if (leaf == NULL)
            return false;
        /* Pairs with pagemap_get. Two may meet here, for huge.c has no lock; the loser's leaf is address space only. */
        (void)atomic_cas_ptr(slot, NULL, leaf);
    }
    return true;
}
