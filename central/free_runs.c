/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* free_runs.c - see free_runs.h. */
#include "central/free_runs.h"

#include "base/bits.h"

/* So many of the longest runs are looked at for one with room. */
#define ROOMY_LOOKS 16

#define MOVE_LOOKS 4

static struct run_tree *tree_of(struct free_runs *runs, const struct span *span)
{
    return span->clean != RUN_DIRTY ? &runs->clean : &runs->dirty;
}

void zci_free_runs_describe(struct span *span, uint64_t start, size_t granules, uint8_t clean)
{
    span->start = start;
    span->granules = (uint32_t)granules;
    span->clean = clean;
    span->bucket = SPAN_UNLISTED;
}

void zci_free_runs_list(struct free_runs *runs, struct span *span)
{
    pagemap_set(span->start, span);
    pagemap_set(span_end(span) - ZCI_GRANULE_BYTES, span);
    span_set_state(span, (enum span_state)runs->state);
    zci_run_tree_insert(tree_of(runs, span), span);
}

struct span *zci_free_runs_split(struct span *span, size_t granules)
{
    struct span *tail = span + granules;
    zci_free_runs_describe(tail, span->start + granules * ZCI_GRANULE_BYTES,
                           span->granules - granules, span->clean);
    tail->shard = span->shard;
    span_set_state(tail, SPAN_CACHED);
    /* Pairs with zci_arenas_each_run: the tail is a run before the head ends. */
    atomic_store_release(&span->granules, (uint32_t)granules);
    return tail;
}

/* The free run of the same kind that ends or starts at address, if any. Runs of two arenas never join:
 * their descriptors do not lie side by side. */
static struct span *joinable(const struct free_runs *runs, const struct span *span,
                             uint64_t granule_address)
{
    struct span *other = pagemap_get(granule_address);
    if (other == NULL || span_state(other) != (enum span_state)runs->state ||
        !span_covers(other, granule_address))
        return NULL;
    if (other->clean != span->clean)
        return NULL;
    int64_t distance = (int64_t)(other->start - span->start) / (int64_t)ZCI_GRANULE_BYTES;
    return span + distance == other ? other : NULL;
}

void zci_free_runs_put(struct free_runs *runs, struct span *span)
{
    struct span *left = joinable(runs, span, span->start - ZCI_GRANULE_BYTES);
    struct span *right = joinable(runs, span, span_end(span));
    if (right != NULL) {
        zci_run_tree_remove(tree_of(runs, right), right);
        if (right->granules > span->granules)
            span->shard = right->shard;
        /* First: who is left in the middle, as a fork's child is, must not find a free run in there, in no tree. */
        span_set_state(right, SPAN_CACHED);
        /* Both joins pair with zci_arenas_each_run: each is one store. */
        atomic_store_release(&span->granules, span->granules + right->granules);
        span_set_state(right, SPAN_NONE);
    }
    if (left != NULL) {
        zci_run_tree_remove(tree_of(runs, left), left);
        if (left->granules < span->granules)
            left->shard = span->shard;
        atomic_store_release(&left->granules, left->granules + span->granules);
        span_set_state(span, SPAN_NONE);
        span = left;
    }
    zci_free_runs_list(runs, span);
}

struct span *zci_free_runs_carve(struct free_runs *runs, struct span *span, size_t skip,
                                 size_t granules)
{
    zci_run_tree_remove(tree_of(runs, span), span);
    /* Until its owner says otherwise it is a run that nobody may join. */
    span_set_state(span, SPAN_CACHED);
    if (skip != 0) {
        struct span *rest = zci_free_runs_split(span, skip);
        zci_free_runs_list(runs, span);
        span = rest;
    }
    if (span->granules > granules)
        zci_free_runs_list(runs, zci_free_runs_split(span, granules));
    return span;
}

struct span *zci_free_runs_cut(struct free_runs *runs, struct span *span, size_t granules,
                               size_t align)
{
    if (span == NULL)
        return NULL;
    size_t skip = 0;
    if (align != 1) {
        size_t first = span->start >> ZCI_GRANULE_SHIFT;
        skip = align_up(first, align) - first;
    } else if (follows_large_block(span)) {
        skip = span->granules - granules;
    }
    return zci_free_runs_carve(runs, span, skip, granules);
}

size_t zci_free_runs_behind(const struct free_runs *runs, const struct span *span, size_t most,
                            size_t *clean)
{
    size_t granules = 0;
    *clean = 0;
    for (int runs_left = 2; granules != most && runs_left != 0; runs_left--) {
        const struct span *next = free_run_behind(runs, span);
        if (next == NULL)
            break;
        size_t taken = min_size(next->granules, most - granules);
        *clean += next->clean ? taken : 0;
        granules += taken;
        span = next;
    }
    return granules;
}

void zci_free_runs_absorb(struct free_runs *runs, struct span *span, size_t granules)
{
    while (granules != 0) {
        struct span *next = free_run_behind(runs, span);
        size_t taken = min_size(next->granules, granules);
        run_absorb(span, zci_free_runs_carve(runs, next, 0, taken));
        granules -= taken;
    }
}

struct span *zci_free_runs_roomy(const struct free_runs *runs, size_t granules)
{
    size_t least = granules + (granules + 1) / 2;
    struct span *span = zci_run_tree_longest(&runs->dirty);
    for (unsigned looks = ROOMY_LOOKS; span != NULL && looks != 0; looks--) {
        size_t length = roomy_length(span);
        if (length >= least)
            return span;
        const struct span *behind = free_run_behind(runs, span);
        if (length == span->granules && length >= (granules + 1) / 2 && behind != NULL &&
            length + behind->granules >= least)
            return span;
        span = zci_run_tree_before(&runs->dirty, span);
    }
    return NULL;
}

size_t zci_free_run_move_pages(const struct span *span, char *to)
{
    size_t step = span_bytes(span) / MOVE_LOOKS;
    for (size_t at = step / 2; at < span_bytes(span); at += step)
        if (!zci_os_is_resident((char *)span->start + at))
            return 0;
    return zci_os_move_pages((void *)span->start, to, span_bytes(span));
}
