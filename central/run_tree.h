/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* run_tree.h - an ordered set of free runs: by length, then by address.
 * Invariants: a treap whose priorities are a hash of the address, so its shape depends only on its
 *             contents. Nodes are the spans themselves: next is the right child, prev the left.
 * Locking:    of whoever has the tree: page heap or run pool.
 * Costs:      O(log n) expected for each operation, for a shard's own up to 32 runs more; recursion no deeper than the
 *             tree. */
#ifndef ZCI_CENTRAL_RUN_TREE_H
#define ZCI_CENTRAL_RUN_TREE_H

#include "pagemap/span.h"

struct run_tree {
    struct span *root;
    uint64_t granules; /* atomic, relaxed: statistics */
};

void zci_run_tree_insert(struct run_tree *tree, struct span *span);
void zci_run_tree_remove(struct run_tree *tree, struct span *span);
/* The shortest run of at least this many granules, the lowest of equals; NULL if none. */
struct span *zci_run_tree_best(const struct run_tree *tree, size_t granules);
/* Rather one of this shard's, if it is among the next few: for up to 1 MiB of any length, for up to 4 MiB of at most
 * twice the best one's, beyond not. */
struct span *zci_run_tree_best_of(const struct run_tree *tree, size_t granules, unsigned shard);
/* As best, but so many granules are to start at a multiple of align: the first such of the next few runs, else one that
 * is long enough wherever it starts. */
struct span *zci_run_tree_best_aligned(const struct run_tree *tree, size_t granules, size_t align);
/* The longest run, or NULL. */
struct span *zci_run_tree_longest(const struct run_tree *tree);
/* The next shorter one, or as long at a lower address; NULL if there is none. */
struct span *zci_run_tree_before(const struct run_tree *tree, const struct span *span);

#endif
