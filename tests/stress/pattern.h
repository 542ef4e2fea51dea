/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* pattern.h - seeded random numbers, and block contents that prove whose block it is.
 *
 * A mark is derived from address, size and seed; each word of a block is derived from the mark and
 * the word's offset. A block handed out twice, moved wrongly or written to by the allocator shows.
 * Costs: blocks up to 16 KiB are filled whole; of larger ones the first and last 4 KiB and one word
 *        in each 4 KiB between, so that every page is touched. */
#ifndef TESTS_STRESS_PATTERN_H
#define TESTS_STRESS_PATTERN_H

#include <stddef.h>
#include <stdint.h>

#define PATTERN_WHOLE 16384 /* bytes */
#define PATTERN_EDGE  4096  /* bytes */

/* xorshift64*: state must not be 0. */
static inline uint64_t random_next(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545F4914F6CDD1DU;
}

/* A number in [0, limit), limit > 0. */
static inline size_t random_below(uint64_t *state, size_t limit)
{
    return (size_t)((random_next(state) >> 16) % limit);
}

/* A size in [1, limit], each power of two as likely as the next. */
static inline size_t random_size(uint64_t *state, unsigned limit_log2)
{
    size_t top = (size_t)1 << random_below(state, limit_log2 + 1);
    return 1 + random_below(state, top);
}

static inline uint64_t pattern_mark(const void *block, size_t size, uint64_t seed)
{
    uint64_t mark = (uint64_t)(uintptr_t)block * 0x9E3779B97F4A7C15U;
    mark ^= (size + 1) * 0xD6E8FEB86659FD93U;
    mark ^= seed * 0xA0761D6478BD642FU;
    return mark ^ mark >> 29;
}

static inline uint64_t pattern_word(uint64_t mark, size_t at)
{
    uint64_t word = (mark + at) * 0xBF58476D1CE4E5B9U;
    return word ^ word >> 31;
}

/* The offset of the word to look at after the one at offset at. */
static inline size_t pattern_next(size_t at, size_t size)
{
    size_t tail = size <= PATTERN_WHOLE ? 0 : (size - PATTERN_EDGE) & ~(size_t)7;
    if (at + 8 < PATTERN_EDGE || at >= tail)
        return at + 8;
    size_t next = (at + PATTERN_EDGE) & ~(size_t)(PATTERN_EDGE - 1);
    return next < tail ? next : tail;
}

static inline void pattern_fill(void *block, size_t size, uint64_t mark)
{
    unsigned char *bytes = block;
    size_t at = 0;
    for (; at + 8 <= size; at = pattern_next(at, size)) {
        uint64_t word = pattern_word(mark, at);
        __builtin_memcpy(bytes + at, &word, 8);
    }
    for (; at < size; at++)
        bytes[at] = (unsigned char)(pattern_word(mark, at & ~(size_t)7) >> 8 * (at & 7));
}

/* 1 if the first kept bytes of a block that was filled as size bytes are as they were. */
static inline int pattern_kept(const void *block, size_t size, size_t kept, uint64_t mark)
{
    const unsigned char *bytes = block;
    size_t at = 0;
    for (; at + 8 <= kept && at + 8 <= size; at = pattern_next(at, size)) {
        uint64_t word;
        __builtin_memcpy(&word, bytes + at, 8);
        if (word != pattern_word(mark, at))
            return 0;
    }
    for (; at < kept && at < size; at++) {
        if (bytes[at] != (unsigned char)(pattern_word(mark, at & ~(size_t)7) >> 8 * (at & 7)))
            return 0;
    }
    return 1;
}

/* 1 if all bytes are 0. */
static inline int pattern_is_zero(const void *block, size_t size)
{
    const unsigned char *bytes = block;
    size_t at = 0;
    for (; at + 8 <= size; at += 8) {
        uint64_t word;
        __builtin_memcpy(&word, bytes + at, 8);
        if (word != 0)
            return 0;
    }
    for (; at < size; at++) {
        if (bytes[at] != 0)
            return 0;
    }
    return 1;
}

#endif
