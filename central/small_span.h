/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* small_span.h - birth and end of a span of small blocks: its run, its bitmap, its entries in the page map.
 * Invariants: until zci_small_span_publish the span is its maker's alone.
 * Locking:    none of its own; may be called under the lock of whoever will list the span.
 * Costs:      the page heap's lock, and the meta arena's for spans of more than 64 blocks. */
#ifndef ZCI_CENTRAL_SMALL_SPAN_H
#define ZCI_CENTRAL_SMALL_SPAN_H

#include "pagemap/span.h"

/* A span with no blocks out, on no list, or NULL. class_index is the maker's own numbering. */
struct span *zci_small_span_make(const struct size_class *size_class, unsigned class_index);
/* From here on the span is SMALL. span_count: how many its class has. */
void zci_small_span_publish(struct span *span, uint64_t span_count);
/* Bitmap and run go back. The state is no longer SMALL: the child of a fork must not take the span back. */
void zci_small_span_end(struct span *span, const struct size_class *size_class);

#endif
