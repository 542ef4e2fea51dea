/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* bits.h - arithmetic on powers of two.
 * Invariants: align_up may overflow: callers bound their sizes first (src/api refuses > PTRDIFF_MAX). */
#ifndef ZCI_BASE_BITS_H
#define ZCI_BASE_BITS_H

#include "base/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

ZCI_INLINE bool is_power_of_two(size_t x)
{
    return x != 0 && (x & (x - 1)) == 0;
}

/* alignment is a power of two; x + alignment - 1 must not overflow. */
ZCI_INLINE size_t align_up(size_t x, size_t alignment)
{
    return (x + alignment - 1) & ~(alignment - 1);
}

ZCI_INLINE size_t align_down(size_t x, size_t alignment)
{
    return x & ~(alignment - 1);
}

/* floor(log2(x)), x != 0. */
ZCI_INLINE unsigned log2_floor(size_t x)
{
    return (unsigned)(63 - __builtin_clzll((unsigned long long)x));
}

ZCI_INLINE size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

ZCI_INLINE size_t max_size(size_t a, size_t b)
{
    return a > b ? a : b;
}

#endif
