/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* blocks.h - what tests do with blocks: sizes worth trying, patterns in memory, random numbers.
 * Invariants: never allocates. A pattern depends on the seed and on each byte's offset, so a
 * shifted or truncated copy is found.
 * Costs:      blocks above BLOCKS_DENSE_BYTES are touched at both ends and once per 509 bytes
 *             only. */
#ifndef TESTS_SUPPORT_BLOCKS_H
#define TESTS_SUPPORT_BLOCKS_H

#include "tests/support/check.h"

#include <stddef.h>
#include <stdint.h>

#define BLOCKS_DENSE_BYTES ((size_t)256 << 10)
#define BLOCKS_STRIDE      509 /* prime, so that every offset within a page is met */
#define BLOCKS_MIB         ((size_t)1 << 20)

static inline unsigned char blocks_byte(size_t offset, unsigned seed)
{
    return (unsigned char)((offset * 131 + (offset >> 9) + seed * 29 + 7) & 0xff);
}

static inline size_t blocks_next_offset(size_t offset, size_t size)
{
    if (size <= BLOCKS_DENSE_BYTES || offset < 64 || offset + 64 >= size)
        return offset + 1;
    return offset + BLOCKS_STRIDE < size - 64 ? offset + BLOCKS_STRIDE : size - 64;
}

static inline void blocks_fill(void *block, size_t size, unsigned seed)
{
    unsigned char *bytes = (unsigned char *)block;
    for (size_t at = 0; at < size; at = blocks_next_offset(at, size))
        bytes[at] = blocks_byte(at, seed);
}

/* Whether the first size bytes still hold what blocks_fill(block, filled, seed) wrote; size <=
 * filled. */
static inline int blocks_match(const void *block, size_t size, size_t filled, unsigned seed)
{
    const unsigned char *bytes = (const unsigned char *)block;
    for (size_t at = 0; at < size; at = blocks_next_offset(at, filled))
        if (bytes[at] != blocks_byte(at, seed))
            return 0;
    return 1;
}

static inline int blocks_are_zero(const void *block, size_t size)
{
    const unsigned char *bytes = (const unsigned char *)block;
    unsigned char seen = 0;
    for (size_t at = 0; at < size; at++)
        seen |= bytes[at];
    return seen == 0;
}

static inline int blocks_aligned(const void *block, size_t alignment)
{
    return ((uintptr_t)block & (alignment - 1)) == 0;
}

/* A value that the compiler cannot see through, for sizes that it would warn about. */
static inline size_t blocks_opaque(size_t value)
{
    volatile size_t hidden = value;
    return hidden;
}

static inline void *blocks_opaque_pointer(void *pointer)
{
    void *volatile hidden = pointer;
    return hidden;
}

/* xorshift64*: the seed must not be 0. */
static inline uint64_t blocks_random(uint64_t *state)
{
    uint64_t x = *state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * 2685821657736338717ULL;
}

static inline size_t blocks_random_below(uint64_t *state, size_t bound)
{
    return (size_t)((blocks_random(state) >> 11) % bound);
}

static inline uint64_t blocks_announce_seed(uint64_t seed)
{
    check_write("  seed ");
    check_write_number((long long)seed);
    check_write("\n");
    return seed;
}

/* The next size at which something changes inside an allocator, above size: the class limits (8,
 * then steps of 16 to 128, then 8 per doubling), each with its two neighbours, at any magnitude.
 * Start at 0. */
static inline size_t blocks_next_size(size_t size)
{
    size_t limit = 0;
    size_t step = 8;
    while (limit + 1 <= size) {
        if (limit >= 128)
            step = ((size_t)1 << (63 - __builtin_clzll((unsigned long long)limit))) / 8;
        else if (limit >= 16)
            step = 16;
        limit += step;
    }
    if (size + 1 < limit)
        return limit - 1;
    return size + 1;
}

#endif
