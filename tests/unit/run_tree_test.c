/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* run_tree_test.c - which of many free runs meets a need: the best fit, or one of the asking shard's. */
#include "central/run_tree.h"
#include "support/check.h"

enum { SHARD, OTHER, RUNS_MOST = 2048, HEIGHT_MOST = 40 };

static struct span runs[RUNS_MOST];
static size_t run_count;
static struct run_tree tree;

/* The later ones lie higher, and no two side by side. */
static const struct span *add(size_t granules, unsigned shard)
{
    struct span *span = &runs[run_count++];
    span->start = run_count * 1024 * ZCI_GRANULE_BYTES;
    span->granules = (uint32_t)granules;
    span->shard = (uint8_t)shard;
    zci_run_tree_insert(&tree, span);
    return span;
}

static void clear(void)
{
    while (run_count > 0)
        zci_run_tree_remove(&tree, &runs[--run_count]);
    CHECK(tree.root == NULL);
    CHECK_EQ(tree.granules, 0);
}

static const struct span *best(size_t granules)
{
    return zci_run_tree_best_of(&tree, granules, SHARD);
}

static void the_best_fit_is_the_lowest_of_the_shortest(void)
{
    const struct span *five = add(5, SHARD), *three = add(3, SHARD);
    add(3, SHARD);
    CHECK(zci_run_tree_best(&tree, 1) == three);
    CHECK(zci_run_tree_best(&tree, 3) == three);
    CHECK(zci_run_tree_best(&tree, 4) == five);
    CHECK(zci_run_tree_best(&tree, 6) == NULL);
    CHECK(zci_run_tree_longest(&tree) == five);
    CHECK(best(2) == three);
    CHECK(best(6) == NULL);
    clear();
    CHECK(best(1) == NULL);
    CHECK(zci_run_tree_longest(&tree) == NULL);
}

static void short_needs_from_the_shards_runs_of_any_length(void)
{
    const struct span *fits = add(17, OTHER), *own = add(1000, SHARD);
    CHECK(best(1) == own);
    CHECK(best(16) == own);
    CHECK(best(17) == fits);
    const struct span *shorter = add(20, SHARD);
    CHECK(best(16) == shorter);
    CHECK(best(17) == shorter);
    clear();
}

static void longer_ones_from_up_to_twice_the_best(void)
{
    add(64, OTHER);
    const struct span *own = add(128, SHARD);
    CHECK(best(17) == own);
    CHECK(best(64) == own);
    clear();
    const struct span *fits = add(64, OTHER);
    add(129, SHARD);
    CHECK(best(17) == fits);
    CHECK(best(64) == fits);
    clear();
}

static void the_longest_from_the_best(void)
{
    const struct span *fits = add(65, OTHER);
    add(66, SHARD);
    CHECK(best(65) == fits);
    clear();
}

static void not_for_as_long_a_look_as_it_takes(void)
{
    enum { LOOKS = 32 };

    const struct span *first = add(4, OTHER), *own = add(6, SHARD);
    for (int i = 2; i < LOOKS; i++)
        add(5, OTHER);
    CHECK(best(4) == own);
    add(5, OTHER);
    CHECK(best(4) == first);
    /* Those that are too short are not counted. */
    CHECK(best(6) == own);
    clear();
}

static const struct span *add_at(size_t start_granule, size_t granules)
{
    struct span *span = &runs[run_count++];
    span->start = start_granule * ZCI_GRANULE_BYTES;
    span->granules = (uint32_t)granules;
    zci_run_tree_insert(&tree, span);
    return span;
}

/* A run is long enough where the place in it is; only after so many looks it must be so wherever the place lies. */
static void an_aligned_need_from_the_first_that_has_the_place(void)
{
    enum { LOOKS = 64 };

    add_at(33, 17);
    const struct span *exact = add_at(64, 16), *within = add_at(127, 18);
    const struct span *longer = add_at(1025, 31);
    CHECK(zci_run_tree_best_aligned(&tree, 16, 16) == exact);
    CHECK(zci_run_tree_best_aligned(&tree, 17, 16) == within);
    CHECK(zci_run_tree_best_aligned(&tree, 16, 64) == exact);
    CHECK(zci_run_tree_best_aligned(&tree, 16, 32) == exact);
    CHECK(zci_run_tree_best_aligned(&tree, 18, 16) == NULL);
    CHECK(zci_run_tree_best_aligned(&tree, 19, 1) == longer);
    CHECK(zci_run_tree_best_aligned(&tree, 32, 16) == NULL);
    clear();
    for (size_t i = 0; i < LOOKS - 1; i++)
        add_at(1 + 64 * i, 16);
    const struct span *last = add_at(64 * LOOKS, 16);
    CHECK(zci_run_tree_best_aligned(&tree, 16, 16) == last);
    const struct span *any = add_at(1 + 64 * (LOOKS + 1), 31);
    add_at(1, 15);
    CHECK(zci_run_tree_best_aligned(&tree, 16, 16) == last);
    add_at(1 + 64 * (LOOKS - 1), 16);
    CHECK(zci_run_tree_best_aligned(&tree, 16, 16) == any);
    clear();
}

/* Shorter and shorter ones, of a length from high addresses to low ones, and each once. */
static void from_the_longest_to_the_shortest(void)
{
    size_t seen = 1;
    CHECK(zci_run_tree_longest(&tree) == NULL);
    for (size_t i = 0; i < RUNS_MOST; i++)
        add(1 + i * 7 % 13, OTHER);
    const struct span *at = zci_run_tree_longest(&tree), *before;
    for (; (before = zci_run_tree_before(&tree, at)) != NULL; at = before, seen++)
        CHECK(before->granules < at->granules ||
              (before->granules == at->granules && before->start < at->start));
    CHECK_EQ(seen, RUNS_MOST);
    clear();
}

static size_t height(const struct span *at)
{
    if (at == NULL)
        return 0;
    size_t left = height(at->prev), right = height(at->next);
    return 1 + (left > right ? left : right);
}

/* Blocks of two lengths that take turns leave such runs. Of random priorities a tree of so many is 20 to 34 high. */
static void runs_at_equal_distances_make_no_list(void)
{
    for (size_t granules = 1; granules <= 2000; granules++) {
        while (run_count < RUNS_MOST) {
            struct span *span = &runs[run_count++];
            span->start = (UINT64_C(0x7f0000000) + run_count * granules) * ZCI_GRANULE_BYTES;
            span->granules = 1;
            zci_run_tree_insert(&tree, span);
        }
        CHECK(height(tree.root) <= HEIGHT_MOST);
        clear();
    }
}

int main(void)
{
    RUN(the_best_fit_is_the_lowest_of_the_shortest);
    RUN(short_needs_from_the_shards_runs_of_any_length);
    RUN(longer_ones_from_up_to_twice_the_best);
    RUN(the_longest_from_the_best);
    RUN(not_for_as_long_a_look_as_it_takes);
    RUN(an_aligned_need_from_the_first_that_has_the_place);
    RUN(from_the_longest_to_the_shortest);
    RUN(runs_at_equal_distances_make_no_list);
    return check_done();
}
