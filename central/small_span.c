/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* small_span.c - see small_span.h. */
#include "central/small_span.h"

#include "base/bits.h"
#include "central/fault_cost.h"
#include "central/page_heap.h"
#include "central/run_pool.h"
#include "central/written.h"
#include "os/os.h"
#include "pagemap/meta_arena.h"
#include "pagemap/pagemap.h"

#include <string.h>

/* A span is populated by sixteenths. */
#define PARTS 16

static size_t bitmap_bytes(const struct size_class *size_class)
{
    return (size_class->capacity + 63) / 64 * sizeof(uint64_t);
}

/* The OS has no address space for metadata, but the page heap may have a run. */
static bool donate(void)
{
    struct span *span = zci_page_heap_alloc(1, 1, 0);
    if (span == NULL)
        return false;
    span_set_state(span, SPAN_META);
    zci_meta_donate((void *)span->start, span_bytes(span));
    return true;
}

/* *bitmap is NULL where the descriptor's own word will do. false: no memory for the metadata. */
static bool alloc_bitmap(size_t bytes, uint64_t **bitmap)
{
    *bitmap = NULL;
    if (bytes <= sizeof(uint64_t))
        return true;
    unsigned grade = zci_meta_grade(bytes);
    *bitmap = zci_meta_block_alloc(grade);
    if (*bitmap == NULL && donate())
        *bitmap = zci_meta_block_alloc(grade);
    if (*bitmap != NULL)
        memset(*bitmap, 0, bytes);
    return *bitmap != NULL;
}

static void free_bitmap(uint64_t *bitmap, size_t bytes)
{
    if (bytes > sizeof(uint64_t))
        zci_meta_block_free(bitmap, zci_meta_grade(bytes));
}

struct span *zci_small_span_make(const struct size_class *size_class, unsigned class_index,
                                 unsigned shard)
{
    uint64_t *bitmap;
    if (!alloc_bitmap(bitmap_bytes(size_class), &bitmap))
        return NULL;
    struct span *span = zci_run_pool_take(size_class->granules, shard);
    if (span == NULL)
        span = zci_page_heap_alloc_small(size_class->granules, shard);
    if (span == NULL) {
        free_bitmap(bitmap, bitmap_bytes(size_class));
        return NULL;
    }
    span->inline_bits = 0;
    span->bitmap = bitmap != NULL ? bitmap : &span->inline_bits;
    span->class_index = (uint8_t)class_index;
    span->shard = (uint8_t)shard;
    span->used = 0;
    span->carved = 0;
    span->bucket = SPAN_UNLISTED;
    span->purged_pages = 0;
    span->touched_tick = 0;
    for (size_t i = 0; i < span->granules; i++)
        pagemap_set(span->start + i * ZCI_GRANULE_BYTES, span);
    return span;
}

void zci_small_span_publish(struct span *span)
{
    span->populated = span->clean ? 0 : PARTS;
    span_set_state(span, SPAN_SMALL);
}

/* Asked once for each span. */
static bool is_likely_written(const struct span *span, const struct size_class *size_class,
                              struct population *population)
{
    return zci_written_expect(span->start, size_class->bytes, &population->sample) == WRITTEN_ALL;
}

void zci_small_span_carved(struct span *span, const struct size_class *size_class,
                           uint64_t span_count, struct population *population)
{
    if (ZCI_LIKELY(span->populated == PARTS) || population->bytes != 0)
        return;
    if (span->populated == 0 && !is_likely_written(span, size_class, population)) {
        span->populated = PARTS;
        return;
    }
    size_t all_bytes = span_bytes(span);
    size_t part_bytes = align_up(all_bytes / PARTS, zci_os_page_bytes());
    size_t parts = ((size_t)span->carved * size_class->bytes + part_bytes - 1) / part_bytes;
    if (parts <= span->populated)
        return;
    parts = min_size(parts + span_count - 1, PARTS);
    size_t from = min_size(span->populated * part_bytes, all_bytes);
    population->start = span->start + from;
    population->bytes = min_size(parts * part_bytes, all_bytes) - from;
    span->populated = (uint8_t)parts;
}

/* What was handed out of it; nothing is said of one that pages were taken from since. */
ZCI_READS_RACILY static size_t carved_bytes(const struct span *span,
                                            const struct size_class *size_class)
{
    size_t count = min_size(span->carved, size_class->capacity);
    return span->purged_pages == 0 ? count * size_class->bytes : 0;
}

/* It may have ended since, or be one of other blocks. */
ZCI_READS_RACILY static void look_at_sample(uint64_t sample, const struct size_class *size_class)
{
    const struct span *span = pagemap_get(sample);
    if (span != NULL && span_state(span) == SPAN_SMALL && span->start == sample &&
        span->granules == size_class->granules)
        zci_written_look(sample, carved_bytes(span, size_class), size_class->bytes);
}

void zci_small_span_populate(const struct population *population,
                             const struct size_class *size_class)
{
    if (ZCI_UNLIKELY(population->sample != 0))
        look_at_sample(population->sample, size_class);
    if (population->bytes != 0)
        zci_fault_cost_populate(population->start, population->bytes);
}

void zci_small_span_end(struct span *span, const struct size_class *size_class)
{
    zci_written_end(span->start, carved_bytes(span, size_class), size_class->bytes);
    free_bitmap(span->bitmap, bitmap_bytes(size_class));
    if (!zci_run_pool_put(span, span->shard))
        zci_page_heap_free(span);
}
