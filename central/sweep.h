/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* sweep.h - gives back the pages inside spans that no live block touches.
 * A span whose last few blocks live long would keep all its pages; blocks are never written to after they
 * are freed, so the pages of free ones can go while the span stays.
 * Invariants: works on spans that were left alone for a while, each once until it is touched again; while
 *             it works on a span nobody gets a block of it. A page goes only if all of it is free.
 * Locking:    the span's list's lock for two short moments per span, none during system calls.
 * Costs:      a look at each descriptor; a system call per run of free pages. */
#ifndef ZCI_CENTRAL_SWEEP_H
#define ZCI_CENTRAL_SWEEP_H

#include "central/central_list.h"

struct arena;

/* Where the last sweep stopped. */
struct sweep_cursor {
    struct arena *arena; /* NULL: at the first */
    uint64_t at;         /* granule */
};

/* Looks at up to granules_max granules from the cursor on, and gives back what lies idle for age ticks, with up
 * to calls_max system calls. Bytes given back. *is_round is set when the last arena was passed. */
size_t zci_sweep(struct sweep_cursor *cursor, uint32_t age, size_t granules_max, size_t calls_max,
                 bool *is_round);

/* The next run of whole free pages of a span from page *first on, of pages pages; false if there is none.
 * Then *first and *count say where it is. */
bool zci_sweep_next_run(const struct span_image *image, size_t page_bytes, size_t pages,
                        size_t *first, size_t *count);

#endif
