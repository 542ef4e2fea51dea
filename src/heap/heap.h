/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* heap.h - the malloc that nobody calls malloc: routes a request to its layer.
 * Invariants: sizes are at most PTRDIFF_MAX, alignments powers of two: src/api checks. NULL means that
 *             there is no memory; errno is src/api's business.
 * Locking:    none here; see the layers.
 * Costs:      these are the slow sides: the fast path is thread_cache_pop and thread_cache_push. */
#ifndef ZCI_HEAP_HEAP_H
#define ZCI_HEAP_HEAP_H

#include "base/compiler.h"

#include <stdbool.h>
#include <stddef.h>

/* After thread_cache_pop returned NULL. */
void *zci_heap_alloc_slow(size_t size);
/* After thread_cache_push returned false. NULL is allowed. */
void zci_heap_free_slow(void *block);

void *zci_heap_alloc_zeroed(size_t size);
void *zci_heap_alloc_aligned(size_t size, size_t alignment);
/* block is not NULL and size not 0; on failure the block is as it was. */
void *zci_heap_resize(void *block, size_t size);

/* verb names the caller in the report if the pointer is not a live block. */
size_t zci_heap_usable_bytes(const void *block, const char *verb);
/* What zci_heap_alloc_slow(size) would make usable. */
size_t zci_heap_good_bytes(size_t size);
/* Is this the start of a block, live or in a cache? Any value may be asked about. */
bool zci_heap_owns(const void *block);
/* Empties caches, depots and lists, and gives free pages back except keep_bytes; the bytes given back. */
size_t zci_heap_trim(size_t keep_bytes);

#endif
