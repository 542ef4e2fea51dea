/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* zone_foreign_darwin.c - blocks of other zones that come to our free, realloc or size.
 * They do: memory from before the promotion, CoreFoundation's direct calls of the default zone, blocks of
 * the system that a program gives to our operator delete. Their zone is found by libmalloc itself, which asks
 * each and lets none be unregistered meanwhile; never by calling free, which would ask us first.
 * Locking:    none. A search that found nothing is repeated if we were moving zones meanwhile.
 * Costs:      one call per registered zone. */
#include "api/contract.h"
#include "api/zone_darwin.h"
#include "base/atomic.h"

#include <mach/mach.h>
#include <sched.h>

extern kern_return_t malloc_get_all_zones(task_t task, zone_reader *reader, vm_address_t **zones,
                                          unsigned *count);
extern struct zone *malloc_zone_from_ptr(const void *block);

bool zci_zone_peek(void *to, const void *from, size_t bytes)
{
    vm_size_t done = 0;
    return vm_read_overwrite(mach_task_self(), (vm_address_t)from, bytes, (vm_address_t)to,
                             &done) == KERN_SUCCESS &&
           done == bytes;
}

/* At the array of zones, if it is replaced meanwhile. */
#define LOOKS 8

struct zone *zci_zone_at(unsigned index)
{
    for (int i = 0; i < LOOKS; i++) {
        vm_address_t *addresses = NULL;
        struct zone *zone;
        unsigned count = 0;
        if (malloc_get_all_zones(mach_task_self(), NULL, &addresses, &count) != KERN_SUCCESS ||
            index >= count)
            return NULL;
        if (zci_zone_peek(&zone, &addresses[index], sizeof zone))
            return zone;
    }
    return NULL;
}

bool zci_zone_is_registered(const struct zone *zone)
{
    const struct zone *other;
    for (unsigned i = 0; (other = zci_zone_at(i)) != NULL; i++)
        if (other == zone)
            return true;
    return false;
}

static bool is_ours(const struct zone *zone)
{
    return zone == &zci_zone.zone || zone == &zci_zone_twin.zone;
}

uint64_t zci_zone_moves;

struct zone *zci_zone_of_foreign(const void *block, size_t *size)
{
    for (;;) {
        /* Pairs with the installer, which counts before and after it moves zones: both loads. */
        uint64_t before = atomic_load_acquire(&zci_zone_moves);
        struct zone *zone = malloc_zone_from_ptr(block);
        if (zone != NULL && !is_ours(zone) && (*size = zone->size(zone, block)) != 0)
            return zone;
        /* Only a stray pointer gets here, or a block whose zone is just being moved. */
        if ((before & 1) == 0 && atomic_load_acquire(&zci_zone_moves) == before)
            return NULL;
        sched_yield();
    }
}

bool zci_zone_free_foreign(void *block)
{
    size_t size;
    struct zone *zone = zci_zone_of_foreign(block, &size);
    if (zone == NULL)
        return false;
    if (zone->version >= 6 && zone->free_definite_size != NULL)
        zone->free_definite_size(zone, block, size);
    else
        zone->free(zone, block);
    return true;
}

/* --- for api.c ------------------------------------------------------------------------------------------ */

bool zci_foreign_free(void *block)
{
    return zci_zone_free_foreign(block);
}

bool zci_foreign_resize(void *block, size_t size, void **resized)
{
    size_t old_size;
    struct zone *zone = zci_zone_of_foreign(block, &old_size);
    if (zone == NULL)
        return false;
    *resized = zone->realloc(zone, block, size);
    return true;
}

size_t zci_foreign_usable_bytes(const void *block)
{
    size_t size = 0;
    return zci_zone_of_foreign(block, &size) != NULL ? size : 0;
}
