/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* root.h - the one place from which all metadata can be reached, from inside or from another process.
 * Invariants: fixed-width fields; magic is written last. Fields are only ever added at the end, and
 *             version rises when the meaning of one changes.
 * Locking:    none: every structure behind it is valid to walk at every instant (see each header).
 * To walk:    arenas -> runs (start at spans[0], step by granules, stop at frontier); a SMALL run's blocks
 *             [0, carved) are live unless their bitmap bit is set or they stand in a batch of a cache
 *             (caches -> bins, shelves; spares are linked by their first word) or of a depot; LARGE runs are
 *             one live block; runs of a private heap (span->heap, a number in the table of private heaps,
 *             where a pool has its class) count as live but for their bitmap: what threads have cached of
 *             it is not told from here; huge descriptors are linked by prev. walk.c does it all. */
#ifndef ZCI_HEAP_ROOT_H
#define ZCI_HEAP_ROOT_H

#include <stdint.h>

#define ZCI_ROOT_MAGIC   UINT64_C(0x746f6f72636d637a) /* "zcmcroot" in memory */
#define ZCI_ROOT_VERSION 3

struct zci_root {
    uint64_t magic;
    uint32_t version;
    uint32_t root_bytes;
    uint32_t granule_shift;
    uint32_t class_count;
    uint32_t page_bytes;
    uint32_t span_bytes;  /* sizeof(struct span) */
    uint32_t cache_bytes; /* sizeof(struct thread_cache) */
    uint32_t cache_next_offset;
    uint32_t cache_shelves_offset;
    uint32_t shelf_bytes;
    uint32_t batch_objects_offset;
    uint32_t batch_count_offset;
    uint32_t depot_slots; /* per class and shard */
    uint32_t
        depot_bytes; /* from one class's depot to the next; behind the last class, the next shard's first */
    uint64_t size_classes; /* address of struct size_class[class_count] */
    uint64_t arenas;       /* address of the pointer to the first struct arena */
    uint64_t caches;       /* address of the pointer to the first struct thread_cache */
    uint64_t depots;       /* address of the first depot */
    uint64_t huge;         /* address of the pointer to the first huge descriptor */
    uint64_t pagemap;      /* address of the page map's root */
    uint64_t
        private_heaps; /* address of the table: pointers to leaves of pointers to struct private_heap */
    uint32_t private_leaf_entries; /* number / this is the leaf, number % this the entry */
    uint32_t private_bytes;        /* sizeof(struct private_heap) */
    uint32_t shard_count;
    uint32_t unused;
};

extern struct zci_root zci_root;

void zci_root_publish(void);

#endif
