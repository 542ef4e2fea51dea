/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* zone_install_darwin.c - puts our zone first among the registered ones, or the former first one again.
 * libmalloc can only append a zone, and remove one by moving the last into its place. So zone x becomes the
 * first one by being the last when the first, f, is removed. While x or f is not registered a guard is,
 * which claims the same blocks: zone by zone, [f h] becomes
 *   [f h G] [f h G x] [x h G] [x h G f] [x h f]
 * and at each step every block has a zone, so other threads need not be stopped.
 * Locking:    one installer at a time, by a flag that a fork may leave set in the child, which then keeps
 *             the zones as they are. */
#include "api/zone_darwin.h"
#include "base/atomic.h"
#include "heap/bootstrap.h"
#include "os/os_darwin.h"
#include "zcmalloc_darwin.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

extern void malloc_zone_register(struct zone *zone);
extern void malloc_zone_unregister(struct zone *zone);

/* Somebody else may rearrange the zones at the same time. */
#define ATTEMPTS 16
/* Times a second installer yields to the first before it gives up. */
#define PATIENCE 100000

static uint64_t busy;            /* atomic */
static struct zone *former_zone; /* the default one before ours */

static bool enter(void)
{
    for (int i = 0; i < PATIENCE; i++) {
        if (atomic_cas_64(&busy, 0, 1))
            return true;
        sched_yield();
    }
    return false;
}

static void leave(void)
{
    (void)atomic_exchange_64(&busy, 0);
}

static int fail(int error)
{
    errno = error;
    return -1;
}

static struct zone *first_zone(void)
{
    struct zone **zones;
    return zci_zones(&zones) != 0 ? zones[0] : NULL;
}

static bool is_registered(const struct zone *zone)
{
    struct zone **zones;
    unsigned count = zci_zones(&zones);
    for (unsigned i = 0; i < count; i++)
        if (zones[i] == zone)
            return true;
    return false;
}

/* A second copy of the library, in another image: two would take each other's place for ever. */
static bool is_there_another(void)
{
    struct zone **zones;
    unsigned count = zci_zones(&zones);
    for (unsigned i = 0; i < count; i++)
        if (zones[i] != &zci_zone.zone && zones[i]->zone_name != NULL &&
            strcmp(zones[i]->zone_name, "zcmalloc") == 0)
            return true;
    return false;
}

static struct zone *guard_of(struct zone *zone)
{
    if (zone == &zci_zone.zone)
        return &zci_zone_twin.zone;
    /* Pairs with the proxy's loads. */
    atomic_store_release(&zci_zone_proxied, zone);
    return &zci_zone_proxy.zone;
}

/* One of zone and the first one is ours, so that the two guards differ. */
static void move_to_front(struct zone *zone, struct zone *first)
{
    struct zone *guard_first = guard_of(first);
    struct zone *guard_zone = is_registered(zone) ? guard_of(zone) : NULL;
    malloc_zone_register(guard_first);
    if (guard_zone != NULL) {
        malloc_zone_register(guard_zone);
        malloc_zone_unregister(zone);
    }
    malloc_zone_register(zone);
    malloc_zone_unregister(first);
    malloc_zone_register(first);
    malloc_zone_unregister(guard_first);
    if (guard_zone != NULL)
        malloc_zone_unregister(guard_zone);
}

static int install(void)
{
    zci_zone_prepare();
    for (int i = 0; i < ATTEMPTS; i++) {
        struct zone *first = first_zone();
        if (first == NULL)
            return ENOTSUP;
        if (first == &zci_zone.zone)
            return 0;
        if (is_there_another())
            return EEXIST;
        if (i == 0)
            former_zone = first;
        move_to_front(&zci_zone.zone, first);
    }
    return first_zone() == &zci_zone.zone ? 0 : EAGAIN;
}

static int uninstall(void)
{
    struct zone **zones;
    for (int i = 0; i < ATTEMPTS; i++) {
        unsigned count = zci_zones(&zones);
        if (count == 0)
            return ENOTSUP;
        if (zones[0] != &zci_zone.zone)
            return i == 0 ? ENOENT : 0;
        /* It may have been destroyed: then any other. */
        struct zone *next = is_registered(former_zone) ? former_zone : count > 1 ? zones[1] : NULL;
        if (next == NULL)
            return ENOTSUP;
        move_to_front(next, &zci_zone.zone);
    }
    return first_zone() != &zci_zone.zone ? 0 : EAGAIN;
}

int zc_zone_install(void)
{
    if (first_zone() == &zci_zone.zone)
        return 0;
    if (!enter())
        return fail(EAGAIN);
    int error = install();
    leave();
    return error == 0 ? 0 : fail(error);
}

int zc_zone_uninstall(void)
{
    if (!enter())
        return fail(EAGAIN);
    int error = uninstall();
    leave();
    return error == 0 ? 0 : fail(error);
}

struct _malloc_zone_t *zc_zone_create(void)
{
    if (!enter()) {
        errno = EAGAIN;
        return NULL;
    }
    zci_zone_prepare();
    bool is_alone = !is_there_another();
    if (is_alone && !is_registered(&zci_zone.zone))
        malloc_zone_register(&zci_zone.zone);
    leave();
    if (is_alone)
        return (struct _malloc_zone_t *)&zci_zone.zone;
    errno = EEXIST;
    return NULL;
}

int zc_zone_is_default(void)
{
    return first_zone() == &zci_zone.zone;
}

void zc_process_memory_get(struct zc_process_memory *memory)
{
    *memory = (struct zc_process_memory){
        .phys_footprint_bytes = zci_darwin_phys_footprint_bytes(),
        .available_bytes = zci_darwin_available_bytes(),
    };
}

size_t zc_enter_background(void)
{
    return zc_trim(0);
}
