/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* meta_arena.h - memory for the allocator's own tables.
 * Invariants: lies in mappings of its own with an inaccessible page on each side (but for donations, made
 *             when there are no more); never becomes user memory and is never unmapped, so a stale read of
 *             metadata cannot fault; but it may find zeros where freed blocks were.
 * Locking:    one lock, the highest rank: may be called under any other.
 * Costs:      a bump or a pop under the lock. Resident are the pages in use, and up to 64 KiB ahead. */
#ifndef ZCI_PAGEMAP_META_ARENA_H
#define ZCI_PAGEMAP_META_ARENA_H

#include "os/footprint.h"

#include <stddef.h>
#include <stdint.h>

/* Recyclable blocks come in five grades: 64, 128, 256, 512, 1024 bytes. */
#define ZCI_META_GRADES             5
#define ZCI_META_GRADE_BYTES(grade) ((size_t)64 << (grade))

/* Prefetchers run ahead of whoever writes line by line, but not beyond a page of 4 KiB. So much at once, lest the lock
 * be taken often. */
#define ZCI_META_GROUP_BYTES ((size_t)16384)
#define ZCI_META_GROUP_ALIGN ((size_t)4096)

/* Zeroed, 64-byte aligned, for good. NULL if the OS gives no memory. */
void *zci_meta_alloc(size_t bytes);

/* Contents undefined, 64-byte aligned. */
void *zci_meta_block_alloc(unsigned grade);

/* A group of them for one user, as many as fit into ZCI_META_GROUP_BYTES: free ones of this grade, the
 * last freed, else new ones, on pages of their own; fewer where free pages are short. How many: 0 if the OS gives no
 * memory for all of them. blocks has room. */
unsigned zci_meta_group_alloc(unsigned grade, void **blocks);

void zci_meta_block_free(void *block, unsigned grade);

/* Gives back the pages of free blocks that lie side by side, if growth_least bytes more are free than after the
 * last time. They stay metadata, and counted as mapped. The bytes. */
size_t zci_meta_purge(size_t growth_least);

/* The smallest grade that holds bytes (<= 1024). */
unsigned zci_meta_grade(size_t bytes);

/* Memory of the page heap that becomes metadata, for the time when the OS gives no more. */
void zci_meta_donate(void *start, size_t bytes);

/* Bytes taken from the OS for metadata, and bytes donated. */
uint64_t zci_meta_mapped_bytes(void);
uint64_t zci_meta_donated_bytes(void);

/* In the child of a fork. Counts may be off by one change, and free blocks that zci_meta_purge was sorting are lost to
 * the child: nothing needs repair. */
void zci_meta_arena_fork_child(struct footprint_recount *recount);

#endif
