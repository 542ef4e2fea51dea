/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* walk.h - tells which blocks are live, of this process or of another one, from zci_root.
 * Invariants: every byte of the walked process comes through a reader, and is copied before the next read;
 *             nothing there is trusted: counts are clipped, lists bounded, circles told. The process may be stopped at
 *             any instruction: each live block is reported. Blocks in thread caches and depots are not.
 *             A batch that a stopped thread is just carrying from one place to another is in neither, and
 *             its blocks are reported as live: at most a batch for each thread inside malloc or free.
 * Locking:    none. While the walked threads run, what they change meanwhile may or may not be seen.
 * Costs:      reads all descriptors and caches once; scratch memory from the OS, 8 bytes per cached block.
 *             Never calls malloc. */
#ifndef ZCI_HEAP_WALK_H
#define ZCI_HEAP_WALK_H

#include <stddef.h>
#include <stdint.h>

struct walk_range {
    uint64_t address;
    uint64_t bytes;
};

/* What a range is. */
enum { WALK_BLOCK = 1, WALK_REGION = 2, WALK_META = 4 };

struct walk_plan {
    /* Makes bytes of the other process readable at *local until the next call; 0, or an error, which ends
     * the walk. NULL: the process is this one. */
    int (*read)(void *context, uint64_t address, size_t bytes, const void **local);
    void *read_context;
    unsigned kinds; /* which ranges are wanted: WALK_ bits */
    void (*record)(void *context, unsigned kind, const struct walk_range *ranges, unsigned count);
    void *record_context;
};

#define WALK_OK        0
#define WALK_NO_HEAP   (-1) /* nothing was allocated yet, or this is no heap of this version */
#define WALK_DAMAGED   (-2) /* a descriptor that cannot be */
#define WALK_NO_MEMORY (-3) /* for the walk itself */

/* root is the address of zci_root there. One of the above, or the reader's error. */
int zci_walk(const struct walk_plan *plan, uint64_t root);

struct walk_totals {
    uint64_t blocks;
    uint64_t block_bytes;
    uint64_t region_bytes;
    uint64_t meta_bytes;
};

/* As zci_walk with a plan that adds up; plan's record and kinds are not used. */
int zci_walk_totals(const struct walk_plan *plan, uint64_t root, struct walk_totals *totals);

#endif
