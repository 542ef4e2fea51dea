/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* written.h - does the program write to all pages of its blocks? Up to 4 KiB it is taken to. Of a longer block, a
 * buffer that is seldom filled or a table with gaps, most may stay untouched: to make them resident, or to clear
 * resident ones, would be memory and time for nothing. So now and then one is a sample, whose pages come as they are
 * touched; when it ends, or the next one is due, some of them are looked at.
 * Invariants: nothing but speed and resident memory depends on what is said here. Sizes are told apart by quarters of
 *             a doubling; a span of small blocks is asked about as a whole.
 * Locking:    none; atomic, relaxed: threads may miss each other's samples.
 * Costs:      17 system calls (mincore) for each look. Samples are the first of a size, the ninth, then each time that
 *             there are twice as many, but one in 128, or in 64 MiB, at least. */
#ifndef ZCI_CENTRAL_WRITTEN_H
#define ZCI_CENTRAL_WRITTEN_H

#include <stddef.h>
#include <stdint.h>

enum written {
    WRITTEN_UNKNOWN = 0, /* for good where the system does not tell of pages */
    WRITTEN_FEW,         /* at most an eighth of the pages */
    WRITTEN_SOME,        /* no more is known than that it is neither */
    WRITTEN_ALL,         /* but for an eighth */
    WRITTEN_SAMPLE       /* leave it untouched */
};

/* What is to be expected of the pages of blocks of this size? */
enum written zci_written_guess(size_t block_bytes);

/* The same, of a block or span of blocks that is new and not resident, or could be made so. Asked once for each. */
enum written zci_written_expect(uint64_t start, size_t block_bytes);

/* Where the last sample starts, or 0. */
uint64_t zci_written_sample(size_t block_bytes);

/* So many bytes of the last sample were handed out. With no lock held, but for a private heap's that ends its spans. */
void zci_written_look(uint64_t sample, size_t bytes, size_t block_bytes);
/* The same, if it is the last sample, which ends here. */
void zci_written_end(uint64_t start, size_t bytes, size_t block_bytes);

#endif
