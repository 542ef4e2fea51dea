/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* zone_darwin.c - the entries of our zone.
 * Invariants: size is exact: not 0 for the start of a block of ours that is out of its span, else 0. A block
 *             that waits in a thread cache still has its size. Whoever takes a block takes foreign ones too
 *             and gives them to their zone.
 * Locking:    see the layers below.
 * Costs:      malloc and free are the fast path; size of a foreign pointer is at most 10 instructions, for
 *             libmalloc asks us about every block of every zone (tests/darwin/path_length.py). */
#include "api/zone_darwin.h"

#include "api/contract.h"
#include "central/huge.h"
#include "central/page_heap.h"
#include "central/span_blocks.h"
#include "heap/bootstrap.h"
#include "heap/large.h"
#include "heap/private_heap.h"
#include "heap/root.h"
#include "pagemap/pagemap.h"
#include "zcmalloc.h"

#include <string.h>

/* --- size -------------------------------------------------------------------------------------------- */

static ZCI_NOINLINE size_t size_in_span(const void *block)
{
    uintptr_t address = (uintptr_t)block;
    struct span *span = pagemap_get(address);
    if (span == NULL || !span_covers(span, address))
        return 0;
    size_t offset = address - span->start;
    switch (span_state(span)) {
    case SPAN_SMALL: {
        const struct size_class *size_class = zci_private_class_of(span);
        uint32_t index;
        bool is_block = size_class_starts(size_class, offset, &index);
        return is_block && !span_block_is_free(span, index) ? size_class->bytes : 0;
    }
    case SPAN_LARGE:
    case SPAN_HUGE:
        return offset == 0 ? zci_large_usable_bytes(span) : 0;
    default:
        return 0;
    }
}

/* A large block starts a granule; anything else that the class map does not know is not ours. */
size_t zci_zone_size(struct zone *zone, const void *block)
{
    (void)zone;
    if (ZCI_LIKELY(class_map_get(block) == 0) &&
        ZCI_LIKELY(((uintptr_t)block & (ZCI_GRANULE_BYTES - 1)) != 0))
        return 0;
    return size_in_span(block);
}

size_t zci_zone_size_mapless(struct zone *zone, const void *block)
{
    (void)zone;
    return size_in_span(block);
}

/* --- allocation ---------------------------------------------------------------------------------------- */

static void *zone_malloc(struct zone *zone, size_t size)
{
    (void)zone;
    return contract_malloc(size);
}

static void *zone_calloc(struct zone *zone, size_t count, size_t size)
{
    (void)zone;
    return zci_api_calloc(count, size);
}

static void *zone_valloc(struct zone *zone, size_t size)
{
    (void)zone;
    return zci_api_valloc(size);
}

static void zone_free(struct zone *zone, void *block)
{
    (void)zone;
    contract_free(block);
}

/* As macOS has it: a size of 0 gives a block of the least size. */
static void *zone_realloc(struct zone *zone, void *block, size_t size)
{
    (void)zone;
    return contract_realloc(block, size != 0 ? size : 1);
}

static void *zone_memalign(struct zone *zone, size_t alignment, size_t size)
{
    (void)zone;
    return zci_api_aligned_alloc(alignment, size);
}

static void zone_free_definite_size(struct zone *zone, void *block, size_t size)
{
    (void)zone;
    (void)size;
    contract_free(block);
}

/* malloc_destroy_zone(malloc_default_zone()) leads here: everybody's blocks are in this heap. */
static void zone_destroy(struct zone *zone)
{
    (void)zone;
}

static unsigned zone_batch_malloc(struct zone *zone, size_t size, void **blocks, unsigned count)
{
    unsigned done = 0;
    (void)zone;
    while (done < count && (blocks[done] = contract_malloc(size)) != NULL)
        done++;
    return done;
}

static void zone_batch_free(struct zone *zone, void **blocks, unsigned count)
{
    (void)zone;
    for (unsigned i = 0; i < count; i++) {
        contract_free(blocks[i]);
        blocks[i] = NULL;
    }
}

/* Under libmalloc's own lock: touches no zone but this heap. */
static size_t zone_pressure_relief(struct zone *zone, size_t goal)
{
    (void)zone;
    (void)goal;
    return zc_trim(0);
}

struct claim {
    uintptr_t address;
    bool is_ours;
};

static void look_for_claim(struct span *span, void *context)
{
    struct claim *claim = context;
    enum span_state state = span_state(span);
    if ((state == SPAN_SMALL || state == SPAN_LARGE || state == SPAN_HUGE) &&
        span_covers(span, claim->address))
        claim->is_ours = true;
}

/* Any address in a block, and it may say yes to a free one. The page map knows only the first granule of a
 * large block, so all runs are looked at: this is for debuggers. */
static int zone_claimed_address(struct zone *zone, void *address)
{
    (void)zone;
    struct claim claim = {.address = (uintptr_t)address};
    struct span *span = pagemap_get(claim.address);
    if (span != NULL)
        look_for_claim(span, &claim);
    if (!claim.is_ours)
        zci_page_heap_each_run(look_for_claim, &claim);
    for (span = atomic_load_acquire(zci_huge_descriptors()); span != NULL; span = span->prev)
        look_for_claim(span, &claim);
    return claim.is_ours;
}

#define OPTION_CLEAR 1

static void *zone_malloc_with_options(struct zone *zone, size_t alignment, size_t size,
                                      uint64_t options)
{
    (void)zone;
    if (alignment <= 16 && (options & OPTION_CLEAR) != 0)
        return zci_api_calloc(1, size);
    void *block = alignment <= 16 ? contract_malloc(size) : zci_api_aligned_alloc(alignment, size);
    if (block != NULL && (options & OPTION_CLEAR) != 0)
        memset(block, 0, size);
    return block;
}

/* --- allocation with the type's hash, which is not used ---------------------------------------------------- */

static void *zone_type_malloc(struct zone *zone, size_t size, uint64_t type)
{
    (void)zone;
    (void)type;
    return contract_malloc(size);
}

static void *zone_type_calloc(struct zone *zone, size_t count, size_t size, uint64_t type)
{
    (void)zone;
    (void)type;
    return zci_api_calloc(count, size);
}

static void *zone_type_realloc(struct zone *zone, void *block, size_t size, uint64_t type)
{
    (void)type;
    return zone_realloc(zone, block, size);
}

static void *zone_type_memalign(struct zone *zone, size_t alignment, size_t size, uint64_t type)
{
    (void)type;
    return zone_memalign(zone, alignment, size);
}

static void *zone_type_malloc_with_options(struct zone *zone, size_t alignment, size_t size,
                                           uint64_t options, uint64_t type)
{
    (void)type;
    return zone_malloc_with_options(zone, alignment, size, options);
}

/* --- the zones ------------------------------------------------------------------------------------------------ */

#define OUR_ZONE(name, table)                                                                      \
    {                                                                                              \
        .zone =                                                                                    \
            {                                                                                      \
                .size = zci_zone_size,                                                             \
                .malloc = zone_malloc,                                                             \
                .calloc = zone_calloc,                                                             \
                .valloc = zone_valloc,                                                             \
                .free = zone_free,                                                                 \
                .realloc = zone_realloc,                                                           \
                .destroy = zone_destroy,                                                           \
                .zone_name = (name),                                                               \
                .batch_malloc = zone_batch_malloc,                                                 \
                .batch_free = zone_batch_free,                                                     \
                .introspect = &(table),                                                            \
                .version = ZONE_VERSION,                                                           \
                .memalign = zone_memalign,                                                         \
                .free_definite_size = zone_free_definite_size,                                     \
                .pressure_relief = zone_pressure_relief,                                           \
                .claimed_address = zone_claimed_address,                                           \
                .try_free_default = zone_free,                                                     \
                .malloc_with_options = zone_malloc_with_options,                                   \
                .malloc_type_malloc = zone_type_malloc,                                            \
                .malloc_type_calloc = zone_type_calloc,                                            \
                .malloc_type_realloc = zone_type_realloc,                                          \
                .malloc_type_memalign = zone_type_memalign,                                        \
                .malloc_type_malloc_with_options = zone_type_malloc_with_options,                  \
            },                                                                                     \
        .magic = ZONE_MAGIC, .layout = ZONE_LAYOUT, .root = 0                                      \
    }

#define OWN_PAGES __attribute__((aligned(ZONE_BYTES)))

/* zone_route_darwin.c puts these back from the twin, which is never routed. */
struct zone_pages zci_zone OWN_PAGES = OUR_ZONE("zcmalloc", zci_zone_introspection);
struct zone_pages zci_zone_twin OWN_PAGES =
    OUR_ZONE("zcmalloc (moved)", zci_zone_twin_introspection);

void zci_zone_prepare(void)
{
    zci_bootstrap();
    if (zci_zone.root != 0)
        return;
    if (!zci_class_map_is_active())
        zci_zone.zone.size = zci_zone_twin.zone.size = zci_zone_size_mapless;
    zci_zone.root = zci_zone_twin.root = (uintptr_t)&zci_root;
}
