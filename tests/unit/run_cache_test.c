/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* run_cache_test.c - runs between a free and the next malloc: for whom and for what lengths they are, how many bytes
 * of them wait, and that they leave by age. */
#include "central/page_heap.h"
#include "central/run_cache.h"
#include "central/shard.h"
#include "support/check.h"
#include "zcmalloc.h"

#define MIB_GRANULES (((size_t)1 << 20) / ZCI_GRANULE_BYTES)

static struct span *run_of(size_t granules)
{
    struct span *span = zci_page_heap_alloc(granules, 1, 0);
    CHECK(span != NULL);
    span_set_state(span, SPAN_CACHED);
    return span;
}

static struct span *put_one(size_t granules, unsigned shard)
{
    struct span *span = run_of(granules);
    CHECK(zci_run_cache_put(span, shard));
    return span;
}

static void refuses(size_t granules, unsigned shard)
{
    struct span *span = run_of(granules);
    uint64_t bytes = zci_run_cache_bytes();
    CHECK(!zci_run_cache_put(span, shard));
    CHECK_EQ(span_state(span), SPAN_CACHED);
    CHECK_EQ(zci_run_cache_bytes(), bytes);
    zci_page_heap_free(span);
}

static void drain(void)
{
    zci_run_cache_drain();
    CHECK_EQ(zci_run_cache_bytes(), 0);
}

static void each_shard_has_its_own(void)
{
    struct span *span = put_one(3, 1);
    CHECK_EQ(zci_run_cache_bytes(), 3 * ZCI_GRANULE_BYTES);
    CHECK(zci_run_cache_take(3, 0) == NULL);
    CHECK(zci_run_cache_take(3, 1) == span);
    CHECK(zci_run_cache_take(3, 1) == NULL);
    CHECK_EQ(zci_run_cache_bytes(), 0);
    zci_page_heap_free(span);
}

static void lengths_fit_exactly(void)
{
    static const size_t lengths[] = {2, 16, 18, 40, RUN_CACHE_MAX_GRANULES};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct span *span = put_one(lengths[i], 1);
        CHECK(zci_run_cache_take(lengths[i] - 1, 1) == NULL);
        CHECK(zci_run_cache_take(lengths[i] + 1, 1) == NULL);
        CHECK(zci_run_cache_take(lengths[i], 1) == span);
        CHECK_EQ(zci_run_cache_bytes(), 0);
        zci_page_heap_free(span);
    }
    refuses(RUN_CACHE_MAX_GRANULES + 1, 1);
}

static void each_shard_keeps_a_mib_of_short_ones(void)
{
    put_one(MIB_GRANULES - 1, 0);
    refuses(2, 0);
    put_one(1, 0);
    refuses(1, 0);
    put_one(MIB_GRANULES, 1);
    CHECK_EQ(zci_run_cache_bytes(), 2 * MIB_GRANULES * ZCI_GRANULE_BYTES);
    /* Long ones are counted apart: together, whichever shard's they are. */
    put_one(2 * MIB_GRANULES, 0);
    put_one(2 * MIB_GRANULES, 0);
    refuses(MIB_GRANULES + 2, 0);
    refuses(MIB_GRANULES + 2, 1);
    CHECK_EQ(zci_run_cache_bytes(), 6 * MIB_GRANULES * ZCI_GRANULE_BYTES);
    drain();
}

static void full_slots_refuse(void)
{
    for (int i = 0; i < 4; i++)
        put_one(1, 1);
    refuses(1, 1);
    CHECK_EQ(zci_run_cache_bytes(), 4 * ZCI_GRANULE_BYTES);
    drain();
}

static void what_nobody_wants_leaves(void)
{
    put_one(2, 1);
    put_one(20, 0);
    zci_run_cache_age();
    CHECK_EQ(zci_run_cache_bytes(), 22 * ZCI_GRANULE_BYTES);
    put_one(3, 1);
    zci_run_cache_age();
    CHECK_EQ(zci_run_cache_bytes(), 3 * ZCI_GRANULE_BYTES);
    zci_run_cache_age();
    CHECK_EQ(zci_run_cache_bytes(), 0);
    /* The counters are right again: a whole MiB goes in. */
    put_one(MIB_GRANULES, 1);
    put_one(4 * MIB_GRANULES, 0);
    drain();
}

int main(void)
{
    zc_free(zc_malloc(1));                     /* starts the allocator */
    atomic_store_relaxed(&zci_shard_count, 2); /* the drain and the ageing look at shards in use */
    RUN(each_shard_has_its_own);
    RUN(lengths_fit_exactly);
    RUN(each_shard_keeps_a_mib_of_short_ones);
    RUN(full_slots_refuse);
    RUN(what_nobody_wants_leaves);
    return check_done();
}
