/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* written.h - does the program write to all pages of its blocks? Up to 4 KiB it is taken to. Of a longer block, a
 * buffer that is seldom filled or a table with gaps, most may stay untouched: to make them resident, or to clear
 * resident ones, would be memory and time for nothing. So now and then one is a sample, whose pages come as they are
 * touched; when it ends, or the next one is due, some of them are looked at. That few are touched counts of one that
 * ended or is a second old, and is believed of three in a row.
 * Invariants: nothing but speed and resident memory depends on what is said here. Sizes are told apart by quarters of
 *             a doubling; a span of small blocks is asked about as a whole.
 * Locking:    none; atomic, relaxed: threads may miss each other's samples.
 * Costs:      17 system calls (mincore) for each look. Samples are the first of a size, then one each time that there
 *             are about twice as many, but one in about 128, or in 64 MiB, at least. */
#ifndef ZCI_CENTRAL_WRITTEN_H
#define ZCI_CENTRAL_WRITTEN_H

#include "base/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum written {
    WRITTEN_UNKNOWN = 0, /* for good where the system does not tell of pages */
    WRITTEN_FEW,         /* at most an eighth of the pages, of some samples in a row */
    WRITTEN_SOME,        /* no more is known than that it is neither */
    WRITTEN_ALL,         /* but for a quarter */
    WRITTEN_SAMPLE       /* leave it untouched */
};

/* From a sample to the next there are fewer. */
#define WRITTEN_AHEAD_MOST 256

/* Is the next sample due, which was set to come at that count? Also if that is past, or further ahead than ever:
 * threads that count at the same time may set either back. */
ZCI_INLINE bool written_is_due(uint32_t count, uint32_t sampled_at)
{
    return sampled_at - count - 1 >= WRITTEN_AHEAD_MOST;
}

/* What is to be expected of the pages of blocks of this size? */
enum written zci_written_guess(size_t block_bytes);

/* The same, of a block or span of blocks that is new and not resident, or could be made so. Asked once for each.
 * *last_sample is where the one starts that is to be looked at now, or 0. */
enum written zci_written_expect(uint64_t start, size_t block_bytes, uint64_t *last_sample);

/* The last sample is still there, of which so many bytes were handed out. With no lock held. */
void zci_written_look(uint64_t last_sample, size_t bytes, size_t block_bytes);
/* A block or span ends. If it is the last sample, it is looked at: with no lock held but a private heap's. */
void zci_written_end(uint64_t start, size_t bytes, size_t block_bytes);

#endif
