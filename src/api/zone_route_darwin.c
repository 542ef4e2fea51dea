/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* zone_route_darwin.c - our zone, uninstalled: it still stands first and takes back every block, but gives
 * blocks of the former default zone.
 * Invariants: the twin keeps the entries that allocate here. A pointer to a function is one word, so a call
 *             that runs meanwhile takes the old way or the new one.
 * Locking:    the installer's.
 * Costs:      one more call per allocation while uninstalled; none otherwise. */
#include "api/contract.h"
#include "api/zone_darwin.h"
#include "base/atomic.h"

#include <mach/mach.h>
#include <string.h>

struct zone *zci_zone_former;

static struct zone *target; /* atomic */

static struct zone *to_zone(void)
{
    /* Pairs with zci_zone_route. */
    return atomic_load_acquire(&target);
}

static void *or_no_memory(void *block)
{
    if (block == NULL)
        errno = ENOMEM;
    return block;
}

static void *route_malloc(struct zone *zone, size_t size)
{
    (void)zone;
    return or_no_memory(to_zone()->malloc(to_zone(), size));
}

static void *route_calloc(struct zone *zone, size_t count, size_t size)
{
    size_t bytes;
    (void)zone;
    if (__builtin_mul_overflow(count, size, &bytes))
        return or_no_memory(NULL);
    return or_no_memory(to_zone()->calloc(to_zone(), count, size));
}

static void *route_valloc(struct zone *zone, size_t size)
{
    (void)zone;
    return to_zone()->valloc(to_zone(), size);
}

static void *route_memalign(struct zone *zone, size_t alignment, size_t size)
{
    struct zone *to = to_zone();
    (void)zone;
    return to->version >= 5 && to->memalign != NULL ? to->memalign(to, alignment, size) : NULL;
}

/* A block of ours stays ours. */
static void *route_realloc(struct zone *zone, void *block, size_t size)
{
    return block != NULL ? zci_zone_twin.zone.realloc(zone, block, size) : route_malloc(zone, size);
}

static unsigned route_batch_malloc(struct zone *zone, size_t size, void **blocks, unsigned count)
{
    unsigned done = 0;
    while (done < count && (blocks[done] = route_malloc(zone, size)) != NULL)
        done++;
    return done;
}

static void *route_with_options(struct zone *zone, size_t alignment, size_t size, uint64_t options)
{
    bool clears = (options & 1) != 0;
    if (alignment <= 16)
        return clears ? route_calloc(zone, 1, size) : route_malloc(zone, size);
    void *block = route_memalign(zone, alignment, size);
    if (block != NULL && clears)
        memset(block, 0, size);
    return block;
}

static void *route_type_malloc(struct zone *zone, size_t size, uint64_t type)
{
    (void)type;
    return route_malloc(zone, size);
}

static void *route_type_calloc(struct zone *zone, size_t count, size_t size, uint64_t type)
{
    (void)type;
    return route_calloc(zone, count, size);
}

static void *route_type_realloc(struct zone *zone, void *block, size_t size, uint64_t type)
{
    (void)type;
    return route_realloc(zone, block, size);
}

static void *route_type_memalign(struct zone *zone, size_t alignment, size_t size, uint64_t type)
{
    (void)type;
    return route_memalign(zone, alignment, size);
}

static void *route_type_with_options(struct zone *zone, size_t alignment, size_t size,
                                     uint64_t options, uint64_t type)
{
    (void)type;
    return route_with_options(zone, alignment, size, options);
}

/* The entries that allocate are all that a route changes. */
static void point_to_target(struct zone *zone)
{
    zone->malloc = route_malloc;
    zone->calloc = route_calloc;
    zone->valloc = route_valloc;
    zone->realloc = route_realloc;
    zone->batch_malloc = route_batch_malloc;
    zone->memalign = route_memalign;
    zone->malloc_with_options = route_with_options;
    zone->malloc_type_malloc = route_type_malloc;
    zone->malloc_type_calloc = route_type_calloc;
    zone->malloc_type_realloc = route_type_realloc;
    zone->malloc_type_memalign = route_type_memalign;
    zone->malloc_type_malloc_with_options = route_type_with_options;
}

static void point_to_ours(struct zone *zone)
{
    const struct zone *ours = &zci_zone_twin.zone;
    zone->malloc = ours->malloc;
    zone->calloc = ours->calloc;
    zone->valloc = ours->valloc;
    zone->realloc = ours->realloc;
    zone->batch_malloc = ours->batch_malloc;
    zone->memalign = ours->memalign;
    zone->malloc_with_options = ours->malloc_with_options;
    zone->malloc_type_malloc = ours->malloc_type_malloc;
    zone->malloc_type_calloc = ours->malloc_type_calloc;
    zone->malloc_type_realloc = ours->malloc_type_realloc;
    zone->malloc_type_memalign = ours->malloc_type_memalign;
    zone->malloc_type_malloc_with_options = ours->malloc_type_malloc_with_options;
}

bool zci_zone_is_routed(void)
{
    return zci_zone.zone.malloc == route_malloc;
}

bool zci_zone_route(struct zone *to)
{
    if (to == NULL && !zci_zone_is_routed())
        return true;
    /* malloc_set_zone_name leaves the zone read-only. */
    if (vm_protect(mach_task_self(), (vm_address_t)&zci_zone, sizeof zci_zone, FALSE,
                   VM_PROT_READ | VM_PROT_WRITE) != KERN_SUCCESS)
        return false;
    if (to == NULL) {
        /* target stays: a call may be on its way there. */
        point_to_ours(&zci_zone.zone);
        return true;
    }
    /* Pairs with to_zone. The entries follow: whoever sees one of them has seen an older one or this. */
    (void)atomic_exchange_ptr((void **)&target, to);
    point_to_target(&zci_zone.zone);
    return true;
}
