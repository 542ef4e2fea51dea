/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* class_map.h - the size class of an address, for free: one byte per granule of the whole address space.
 * Invariants: a byte is twice the class of the SMALL span that covers its granule, else 0. NULL, foreign
 *             and large pointers read 0, whose bin never has room: the one branch of free is also the
 *             test for all of these; so it is for small blocks of private heaps, whose byte is twice
 *             ZCI_CLASS_PRIVATE. Any pointer value may be looked up; the mask keeps the read inside. Where the flat map
 *             cannot be reserved (ulimit -v) the mask is 0, every pointer reads 0, and the slow side asks the page map.
 * Locking:    reads take none: a byte is written before any block of its granule is handed out, and the
 *             hand-over of the block orders the two. cover is called under the page heap's lock.
 * Costs:      2 GiB of address space (4 on 48 bits); one resident page per 256 MiB of heap. */
#ifndef ZCI_PAGEMAP_CLASS_MAP_H
#define ZCI_PAGEMAP_CLASS_MAP_H

#include "base/compiler.h"
#include "base/size_class.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In a line of its own: every free reads it, so nothing that is written to may stand beside it. */
struct class_map {
    const uint8_t *bytes;
    size_t mask;
} ZCI_LINE;

extern struct class_map zci_class_map ZCI_HIDDEN;

ZCI_INLINE size_t class_map_get(const void *block)
{
    return zci_class_map.bytes[((uintptr_t)block >> ZCI_GRANULE_SHIFT) & zci_class_map.mask];
}

/* Does the map take the address for another, of fewer bits? true for all where there is none. */
ZCI_INLINE bool class_map_wraps(const void *block)
{
    return (uintptr_t)block >> ZCI_GRANULE_SHIFT > zci_class_map.mask;
}

/* Once, before the first cover. */
void zci_class_map_init(bool want_flat);
/* Is there a map at all, or do all lookups read 0? */
bool zci_class_map_is_active(void);
/* Makes the bytes of a range writable; false if the OS refuses or the range is out of reach. */
bool zci_class_map_cover(uintptr_t start, size_t bytes);
/* Sets the class of granules in a covered range. */
void zci_class_map_set(uintptr_t start, size_t granules, unsigned class_index);

#endif
