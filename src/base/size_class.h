/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* size_class.h - size <-> class <-> span <-> batch.
 * Invariants: class 0 is "no small block"; classes 1 .. ZCI_CLASS_COUNT - 1 rise strictly in size. Each
 *             class is a multiple of the power of two below one eighth of it, so ((align - 1) | (n - 1)) + 1
 *             rounded up to its class is aligned to align, for any align up to 64 KiB.
 * Costs:      a size's class is one load from a table of 16 KiB, of which a program touches a few lines. */
#ifndef ZCI_BASE_SIZE_CLASS_H
#define ZCI_BASE_SIZE_CLASS_H

#include "base/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The unit of address space: one byte of the class map, one span descriptor. Any OS page size divides it. */
#define ZCI_GRANULE_SHIFT 16
#define ZCI_GRANULE_BYTES ((size_t)1 << ZCI_GRANULE_SHIFT)

#define ZCI_SMALL_MAX_BYTES ((size_t)65536)
#define ZCI_BATCH_MAX       125

/* Hot half of a cache bin, see thread_cache.h; its size is here because the table holds byte offsets. */
#define ZCI_BIN_BYTES 16

/* The smallest class that is used. Darwin promises blocks of all sizes a multiple of 16, so there it is 2. */
#ifndef ZCI_CLASS_FIRST
#define ZCI_CLASS_FIRST 1
#endif

enum {

#define SIZE_CLASS(index, bytes, before, granules, batch) ZCI_CLASS_OF_##bytes = (index),
#include "base/size_class.def"
#undef SIZE_CLASS
    ZCI_CLASS_COUNT,
    /* In the class map only: a small block of a private heap, whose classes are its own. */
    ZCI_CLASS_PRIVATE = ZCI_CLASS_COUNT
};

#define SIZE_CLASS_EIGHTHS_SHIFT 24

/* ceil(2^64 / bytes), bytes > 1. An offset below 2^20 times this is, in its upper 64 bits, offset / bytes; the lower
 * ones are less than this iff nothing is left over (Lemire, Kaser, Kurz: Faster remainder by direct computation,
 * 2019). */
#define SIZE_CLASS_RECIPROCAL(bytes) (UINT64_MAX / (bytes) + 1)

struct size_class {
    uint32_t bytes;
    uint32_t capacity; /* blocks per span */
    uint16_t granules; /* per span */
    uint16_t batch;    /* blocks moved at once, at most */
    uint32_t
        eighths; /* floor(8 * 2^24 / capacity): used * eighths >> 24 is how many eighths are out, below 8 */
    uint64_t reciprocal; /* SIZE_CLASS_RECIPROCAL(bytes) */
};

extern const struct size_class zci_size_classes[ZCI_CLASS_COUNT];

/* Offset of the class's bin in a thread cache, by (size + 7) >> 3. */
extern const uint16_t zci_size_to_bin[(ZCI_SMALL_MAX_BYTES >> 3) + 1] ZCI_HIDDEN;

/* size <= ZCI_SMALL_MAX_BYTES. */
ZCI_INLINE unsigned size_class_of(size_t size)
{
    return zci_size_to_bin[(size + 7) >> 3] / ZCI_BIN_BYTES;
}

__extension__ typedef unsigned __int128 size_class_product;

/* offset < 2^20 bytes from the start of a span of this class. */
ZCI_INLINE uint32_t size_class_index(const struct size_class *size_class, size_t offset)
{
    return (uint32_t)((size_class_product)offset * size_class->reciprocal >> 64);
}

/* The same; true if a block starts there, within the span's capacity or not. */
ZCI_INLINE bool size_class_starts(const struct size_class *size_class, size_t offset,
                                  uint32_t *index)
{
    size_class_product product = (size_class_product)offset * size_class->reciprocal;
    *index = (uint32_t)(product >> 64);
    return (uint64_t)product < size_class->reciprocal;
}

#endif
