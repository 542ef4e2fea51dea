/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* class_map.c - see class_map.h. */
#include "pagemap/class_map.h"

#include "base/atomic.h"
#include "base/bits.h"
#include "os/os.h"
#include "pagemap/meta_arena.h"

#include <string.h>

/* One byte per granule of the process's addresses: 2 GiB for 47 bits, 8 MiB for iOS's 39. */
#define ADDRESS_BITS_MAX 48
#define MAP_BYTES_MAX    ((size_t)1 << (ADDRESS_BITS_MAX - ZCI_GRANULE_SHIFT))

/* The map becomes writable in pieces that cover 4 GiB of heap each. */
#define PIECE_BYTES ((size_t)65536)

/* Where the process may have only so much address space, no more than this part of it: the program wants it itself. */
#define LIMIT_SHARE 16

static const uint8_t no_map[1];
static uint8_t *map; /* NULL: the page map answers instead */
static size_t map_bytes;
static uint64_t piece_is_writable[MAP_BYTES_MAX / PIECE_BYTES / 64]; /* bits, atomic */

struct class_map zci_class_map = {.bytes = no_map};

void zci_class_map_init(bool want_flat)
{
    size_t bytes =
        (size_t)1 << (min_size(zci_os_address_bits(), ADDRESS_BITS_MAX) - ZCI_GRANULE_SHIFT);
    if (!want_flat || bytes > zci_os_address_space_limit() / LIMIT_SHARE)
        return;
    uint8_t *start = zci_os_reserve(bytes, zci_os_page_bytes());
    if (start == NULL)
        return;
    if (!zci_os_make_readable(start, bytes)) {
        zci_os_release(start, bytes);
        return;
    }
    map = start;
    map_bytes = bytes;
    zci_class_map.bytes = start;
    /* Pairs with nothing: init runs before any block exists. The map must be there before the mask. */
    atomic_store_release(&zci_class_map.mask, bytes - 1);
}

bool zci_class_map_is_active(void)
{
    return map != NULL;
}

bool zci_class_map_cover(uintptr_t start, size_t bytes)
{
    if (map == NULL)
        return true;
    uintptr_t last = start + bytes - 1;
    if (last >> ZCI_GRANULE_SHIFT >= map_bytes)
        return false;
    for (size_t i = (start >> ZCI_GRANULE_SHIFT) / PIECE_BYTES;
         i <= (last >> ZCI_GRANULE_SHIFT) / PIECE_BYTES; i++) {
        uint64_t bit = (uint64_t)1 << i % 64;
        if (atomic_load_relaxed(&piece_is_writable[i / 64]) & bit)
            continue;
        if (!zci_os_commit(map + i * PIECE_BYTES, PIECE_BYTES))
            return false;
        atomic_store_relaxed(&piece_is_writable[i / 64], piece_is_writable[i / 64] | bit);
    }
    return true;
}

void zci_class_map_set(uintptr_t start, size_t granules, unsigned class_index)
{
    if (map == NULL)
        return;
    uint8_t *bytes = map + (start >> ZCI_GRANULE_SHIFT);
    if (granules == 1)
        atomic_store_relaxed(bytes, (uint8_t)(2 * class_index));
    else
        memset(bytes, (int)(2 * class_index), granules);
}
