/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* root_test.c - walks the heap as a debugger would: from the root, by offsets written in it, reading
 * memory through one function, and finds exactly the blocks that are live. */
#include "central/batch.h"
#include "central/page_heap.h"
#include "heap/root.h"
#include "support/check.h"
#include "thread_cache/thread_cache.h"
#include "zcmalloc.h"

#define LIVE 3000

static unsigned char *live[LIVE];

/* Stands for a read of another process. */
static uint64_t read_word(uint64_t address)
{
    return *(const uint64_t *)(uintptr_t)address;
}

/* Is the block in this batch, whose count is given? */
static int in_batch(uint64_t batch, uint64_t count, uint64_t block)
{
    for (uint64_t i = 0; i < count; i++)
        if (read_word(batch + zci_root.batch_objects_offset + 8 * i) == block)
            return 1;
    return 0;
}

static int in_caches(unsigned class_index, uint64_t block)
{
    for (uint64_t cache = read_word(zci_root.caches); cache != 0;
         cache = read_word(cache + zci_root.cache_next_offset)) {
        uint64_t top = read_word(cache + class_index * ZCI_BIN_BYTES);
        uint64_t shelf = cache + zci_root.cache_shelves_offset + class_index * zci_root.shelf_bytes;
        uint64_t loaded = read_word(shelf);
        uint64_t spare = read_word(shelf + 8);
        if (loaded != 0 &&
            in_batch(loaded, (top - loaded - zci_root.batch_objects_offset) / 8, block))
            return 1;
        for (; spare != 0; spare = read_word(spare))
            if (in_batch(spare, (uint32_t)read_word(spare + zci_root.batch_count_offset), block))
                return 1;
    }
    return 0;
}

static int in_depot(unsigned class_index, uint64_t block)
{
    for (uint32_t i = 0; i < zci_root.shard_count * zci_root.depot_slots; i++) {
        uint64_t shard = i / zci_root.depot_slots;
        uint64_t depot =
            zci_root.depots + (shard * zci_root.class_count + class_index) * zci_root.depot_bytes;
        uint64_t batch = read_word(depot + 8 * (i % zci_root.depot_slots));
        if (batch != 0 &&
            in_batch(batch, (uint32_t)read_word(batch + zci_root.batch_count_offset), block))
            return 1;
    }
    return 0;
}

static size_t found_small, found_large, found_bytes;

static void visit_span(const struct span *span)
{
    if (span->state == SPAN_LARGE) {
        found_large++;
        found_bytes += span->granules * ZCI_GRANULE_BYTES;
    }
    if (span->state != SPAN_SMALL)
        return;
    const struct size_class *size_class =
        (const struct size_class *)(uintptr_t)zci_root.size_classes + span->class_index;
    for (uint32_t i = 0; i < span->carved; i++) {
        uint64_t block = span->start + (uint64_t)i * size_class->bytes;
        if (read_word((uintptr_t)&span->bitmap[i / 64]) >> i % 64 & 1)
            continue;
        if (!in_caches(span->class_index, block) && !in_depot(span->class_index, block))
            found_small++;
    }
}

static void walk(void)
{
    found_small = found_large = found_bytes = 0;
    for (uint64_t arena = read_word(zci_root.arenas); arena != 0;) {
        const struct arena *at = (const struct arena *)(uintptr_t)arena;
        for (uint64_t granule = 0; granule < at->frontier;) {
            const struct span *span = &at->spans[granule];
            visit_span(span);
            granule += span->granules;
        }
        arena = (uintptr_t)at->next;
    }
}

static void root_is_published(void)
{
    CHECK_EQ(zci_root.magic, ZCI_ROOT_MAGIC);
    CHECK_EQ(zci_root.version, ZCI_ROOT_VERSION);
    CHECK_EQ(zci_root.root_bytes, sizeof zci_root);
}

static void walk_finds_live_blocks(void)
{
    for (int i = 0; i < LIVE; i++)
        live[i] = zc_malloc((size_t)(i % 700) + 1);
    walk();
    CHECK_EQ(found_small, LIVE);
    for (int i = 0; i < LIVE; i += 2)
        zc_free(live[i]);
    walk();
    CHECK_EQ(found_small, LIVE / 2);
    void *large = zc_malloc(300000);
    walk();
    CHECK_EQ(found_large, 1);
    CHECK(found_bytes >= 300000);
    zc_free(large);
    for (int i = 1; i < LIVE; i += 2)
        zc_free(live[i]);
    walk();
    CHECK_EQ(found_small, 0);
    CHECK_EQ(found_large, 0);
}

int main(void)
{
    zc_free(zc_malloc(1));
    RUN(root_is_published);
    RUN(walk_finds_live_blocks);
    return check_done();
}
