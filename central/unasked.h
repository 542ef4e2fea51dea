/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* unasked.h - huge pages that the system makes unasked, where it is set to, as Debian's kernel is. The first touch of a
 * page makes all 2 MiB around it resident, free memory too, which the page heap took for clean: it would never be given
 * back, and whoever needs a place would have fresh pages beside it.
 * Invariants: what is found is a fact at some instant, and checked again under the lock as far as it is about runs.
 * Locking:    the look takes none, and waits for the kernel's: only who gives memory back under the runs' lock, by a
 *             system call as well, looks under it. The cut is made under the runs'.
 * Costs:      two look-ups; where clean memory lies beside the run up to four system calls, but after a look that found
 *             nothing the next ones pause: one, three, seven, and so on to 63. */
#ifndef ZCI_CENTRAL_UNASKED_H
#define ZCI_CENTRAL_UNASKED_H

#include "central/free_runs.h"

/* Granules beside a run that are resident, of the 2 MiB in which it begins and of those in which it ends. */
struct unasked {
    size_t before;
    size_t behind;
};

/* The run is the caller's, or free and under its lock; its pages were in use, so whatever they made resident is. For
 * sure, or not at all during a pause. */
struct unasked zci_unasked_look(const struct span *span, bool is_sure);

/* Cuts so many granules, or what it has, off the end or the start of the clean run that the address lies in; NULL if
 * there is none. */
struct span *zci_unasked_carve(struct free_runs *runs, uint64_t address, size_t granules,
                               bool is_end);

#endif
