/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* zone_proxy_darwin.c - a zone that stands in for another one while that one is not registered.
 * Invariants: every entry passes the other zone itself: its struct is larger than we know. It never stands
 *             first, so it is not asked for memory by anyone who asks for the default zone's. It has no
 *             locks: a fork in the instant in which the other zone is not registered finds that one's
 *             locks as they are.
 * Locking:    none. */
#include "api/zone_darwin.h"
#include "base/atomic.h"

#include <mach/mach.h>

struct zone *zci_zone_proxied;

static struct zone *other(void)
{
    return atomic_load_acquire(&zci_zone_proxied);
}

static size_t proxy_size(struct zone *zone, const void *block)
{
    (void)zone;
    return other()->size(other(), block);
}

static void *proxy_malloc(struct zone *zone, size_t size)
{
    (void)zone;
    return other()->malloc(other(), size);
}

static void *proxy_calloc(struct zone *zone, size_t count, size_t size)
{
    (void)zone;
    return other()->calloc(other(), count, size);
}

static void *proxy_valloc(struct zone *zone, size_t size)
{
    (void)zone;
    return other()->valloc(other(), size);
}

static void proxy_free(struct zone *zone, void *block)
{
    (void)zone;
    other()->free(other(), block);
}

static void *proxy_realloc(struct zone *zone, void *block, size_t size)
{
    (void)zone;
    return other()->realloc(other(), block, size);
}

static void proxy_destroy(struct zone *zone)
{
    (void)zone;
}

static unsigned proxy_batch_malloc(struct zone *zone, size_t size, void **blocks, unsigned count)
{
    (void)zone;
    struct zone *to = other();
    return to->batch_malloc != NULL ? to->batch_malloc(to, size, blocks, count) : 0;
}

static void proxy_batch_free(struct zone *zone, void **blocks, unsigned count)
{
    (void)zone;
    struct zone *to = other();
    if (to->batch_free != NULL) {
        to->batch_free(to, blocks, count);
        return;
    }
    for (unsigned i = 0; i < count; i++)
        to->free(to, blocks[i]);
}

static void *proxy_memalign(struct zone *zone, size_t alignment, size_t size)
{
    (void)zone;
    struct zone *to = other();
    return to->version >= 5 && to->memalign != NULL ? to->memalign(to, alignment, size) : NULL;
}

static void proxy_free_definite_size(struct zone *zone, void *block, size_t size)
{
    (void)zone;
    struct zone *to = other();
    if (to->version >= 6 && to->free_definite_size != NULL)
        to->free_definite_size(to, block, size);
    else
        to->free(to, block);
}

static size_t proxy_pressure_relief(struct zone *zone, size_t goal)
{
    (void)zone;
    (void)goal;
    return 0;
}

static int proxy_claimed_address(struct zone *zone, void *address)
{
    (void)zone;
    struct zone *to = other();
    return to->version >= 10 && to->claimed_address != NULL ? to->claimed_address(to, address)
                                                            : to->size(to, address) != 0;
}

size_t zci_zone_proxy_good_size(struct zone *zone, size_t size)
{
    (void)zone;
    return other()->introspect->good_size(other(), size);
}

/* Version 10: with the entries above it needs nothing of later ones. */
struct zone_pages zci_zone_proxy __attribute__((aligned(ZONE_BYTES))) = {
    .zone =
        {
            .size = proxy_size,
            .malloc = proxy_malloc,
            .calloc = proxy_calloc,
            .valloc = proxy_valloc,
            .free = proxy_free,
            .realloc = proxy_realloc,
            .destroy = proxy_destroy,
            .zone_name = "zcmalloc (stand-in)",
            .batch_malloc = proxy_batch_malloc,
            .batch_free = proxy_batch_free,
            .introspect = &zci_zone_proxy_introspection,
            .version = 10,
            .memalign = proxy_memalign,
            .free_definite_size = proxy_free_definite_size,
            .pressure_relief = proxy_pressure_relief,
            .claimed_address = proxy_claimed_address,
        },
};
