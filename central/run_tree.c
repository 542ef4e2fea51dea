/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* run_tree.c - see run_tree.h. */
#include "central/run_tree.h"

#include "base/bits.h"

/* So many runs that are long enough are looked at for one of the shard's. */
#define OWN_LOOKS 32
/* The same, for one in which an aligned place is long enough. */
#define ALIGNED_LOOKS 64
/* For so many granules it is cut from one of any length; for more it may be so many times longer than the best fit; and
 * of what takes yet more a good fit saves more than what is in a processor's caches. */
#define OWN_ANY    16
#define OWN_FACTOR 2
#define OWN_MOST   64

/* One multiplication alone would rise or fall all along runs at some equal distances: the tree would be a list. */
static uint64_t priority(const struct span *span)
{
    uint64_t mixed = (span->start >> ZCI_GRANULE_SHIFT) * UINT64_C(0x9e3779b97f4a7c15);
    return (mixed ^ mixed >> 32) * UINT64_C(0x9e3779b97f4a7c15);
}

static bool is_before(const struct span *a, const struct span *b)
{
    return a->granules != b->granules ? a->granules < b->granules : a->start < b->start;
}

/* Divides tree into what lies before key and what does not. */
static void split(struct span *tree, const struct span *key, struct span **before,
                  struct span **after)
{
    if (tree == NULL) {
        *before = NULL;
        *after = NULL;
    } else if (is_before(tree, key)) {
        *before = tree;
        split(tree->next, key, &tree->next, after);
    } else {
        *after = tree;
        split(tree->prev, key, before, &tree->prev);
    }
}

/* All of a lies before all of b. */
static struct span *join(struct span *a, struct span *b)
{
    if (a == NULL)
        return b;
    if (b == NULL)
        return a;
    if (priority(a) > priority(b)) {
        a->next = join(a->next, b);
        return a;
    }
    b->prev = join(a, b->prev);
    return b;
}

void zci_run_tree_insert(struct run_tree *tree, struct span *span)
{
    struct span **link = &tree->root;
    while (*link != NULL && priority(*link) > priority(span))
        link = is_before(*link, span) ? &(*link)->next : &(*link)->prev;
    split(*link, span, &span->prev, &span->next);
    *link = span;
    counter_add(&tree->granules, span->granules);
}

void zci_run_tree_remove(struct run_tree *tree, struct span *span)
{
    struct span **link = &tree->root;
    while (*link != span)
        link = is_before(*link, span) ? &(*link)->next : &(*link)->prev;
    *link = join(span->prev, span->next);
    counter_add(&tree->granules, -(uint64_t)span->granules);
}

struct span *zci_run_tree_best(const struct run_tree *tree, size_t granules)
{
    struct span *best = NULL;
    struct span *at = tree->root;
    while (at != NULL) {
        if (at->granules >= granules) {
            best = at;
            at = at->prev;
        } else {
            at = at->next;
        }
    }
    return best;
}

struct search {
    size_t least, most; /* granules */
    size_t align;       /* 1: one of the shard's is wanted; else a place at a multiple of it */
    unsigned shard;
    unsigned looks; /* that are left */
};

static bool suits(const struct span *span, const struct search *search)
{
    size_t first = span->start >> ZCI_GRANULE_SHIFT;
    if (search->align == 1)
        return span->shard == search->shard;
    return align_up(first, search->align) - first + search->least <= span->granules;
}

/* The first that suits, in order. */
static struct span *first_of(struct span *at, struct search *search)
{
    for (; at != NULL; at = at->next) {
        if (at->granules < search->least)
            continue;
        struct span *found = first_of(at->prev, search);
        if (found != NULL || search->looks == 0 || at->granules > search->most)
            return found;
        search->looks--;
        if (suits(at, search))
            return at;
    }
    return NULL;
}

struct span *zci_run_tree_best_of(const struct run_tree *tree, size_t granules, unsigned shard)
{
    struct span *best = zci_run_tree_best(tree, granules);
    if (best == NULL || best->shard == shard || granules > OWN_MOST)
        return best;
    size_t most = granules <= OWN_ANY ? SIZE_MAX : best->granules * OWN_FACTOR;
    struct search search = {granules, most, 1, shard, OWN_LOOKS};
    struct span *own = first_of(tree->root, &search);
    return own != NULL ? own : best;
}

struct span *zci_run_tree_best_aligned(const struct run_tree *tree, size_t granules, size_t align)
{
    struct search search = {granules, SIZE_MAX, align, 0, ALIGNED_LOOKS};
    struct span *found = align != 1 ? first_of(tree->root, &search) : NULL;
    return found != NULL ? found : zci_run_tree_best(tree, granules + align - 1);
}

struct span *zci_run_tree_before(const struct run_tree *tree, const struct span *span)
{
    struct span *before = NULL;
    struct span *at = tree->root;
    while (at != NULL) {
        if (is_before(at, span)) {
            before = at;
            at = at->next;
        } else {
            at = at->prev;
        }
    }
    return before;
}

struct span *zci_run_tree_longest(const struct run_tree *tree)
{
    struct span *at = tree->root;
    while (at != NULL && at->next != NULL)
        at = at->next;
    return at;
}
