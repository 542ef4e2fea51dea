/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* zone_install_darwin.c - puts our zone first among the registered ones, and takes it out of use again.
 * libmalloc can only append a zone, and remove one by moving the last into its place. So our zone z becomes
 * the first by being the last when the first, f, is removed. While f or z is not registered a guard is,
 * which claims the same blocks:
 *   [f h] [f h G] [f h G z] [z h G] [z h G f] [z h f]
 * At each step every block has a zone, so other threads need not be stopped. The guard of z, the twin,
 * stays if z had blocks before: a free that has asked the first zone already looks at the others only.
 *
 * The way back leaves z where it is, and only its entries that allocate become f's: libmalloc remembers a
 * block of the first zone as one of "the default zone", and asks whichever is the first one when it frees
 * it. Ours takes blocks of others; f, first again, would end the process on one of ours.
 * Locking:    one installer at a time, by a flag that a fork may leave set in the child, which then keeps
 *             the zones as they are. */
#include "api/zone_darwin.h"
#include "base/atomic.h"
#include "heap/bootstrap.h"
#include "os/os_darwin.h"
#include "zcmalloc_darwin.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>

extern void malloc_zone_register(struct zone *zone);
extern void malloc_zone_unregister(struct zone *zone);

/* Somebody else may rearrange the zones at the same time. */
#define ATTEMPTS 16
/* Times a second installer yields to the first before it gives up. */
#define PATIENCE 100000

static uint64_t busy; /* atomic */

static bool enter(void)
{
    zci_bootstrap(); /* it may install the zone itself, and must not find the flag taken */
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

/* Whoever was moving zones is not in the child; what stands in for a zone goes on doing so. */
static void at_fork_child(void)
{
    zci_zone_moves += zci_zone_moves & 1;
    busy = 0;
}

/* Between enter and leave. */
static void prepare(void)
{
    static bool is_fork_watched;
    zci_zone_prepare();
    if (!is_fork_watched)
        is_fork_watched = pthread_atfork(NULL, NULL, at_fork_child) == 0;
}

static int fail(int error)
{
    errno = error;
    return -1;
}

#define NAME "zcmalloc"

static bool is_named_as_ours(const struct zone *zone)
{
    const char *name;
    char start[sizeof NAME];
    return zci_zone_peek(&name, &zone->zone_name, sizeof name) && name != NULL &&
           zci_zone_peek(start, name, sizeof start) && memcmp(start, NAME, sizeof NAME) == 0;
}

/* A second copy of the library, in another image: two would take each other's place for ever. */
static bool is_there_another(void)
{
    const struct zone *zone;
    for (unsigned i = 0; (zone = zci_zone_at(i)) != NULL; i++)
        if (zone != &zci_zone.zone && is_named_as_ours(zone))
            return true;
    return false;
}

static void move_to_front(struct zone *first)
{
    struct zone *zone = &zci_zone.zone;
    struct zone *twin = &zci_zone_twin.zone;
    struct zone *proxy = &zci_zone_proxy.zone;
    /* Both pair with the search in zone_foreign_darwin.c. */
    atomic_add_64(&zci_zone_moves, 1);
    /* Pairs with the proxy's loads. */
    atomic_store_release(&zci_zone_proxied, first);
    malloc_zone_register(proxy);
    if (zci_zone_is_registered(zone)) {
        if (!zci_zone_is_registered(twin))
            malloc_zone_register(twin);
        malloc_zone_unregister(zone);
    }
    malloc_zone_register(zone);
    malloc_zone_unregister(first);
    malloc_zone_register(first);
    malloc_zone_unregister(proxy);
    atomic_add_64(&zci_zone_moves, 1);
}

/* libmalloc reports a zone that comes twice. */
static void register_once(void)
{
    if (!zci_zone_is_registered(&zci_zone.zone))
        malloc_zone_register(&zci_zone.zone);
}

/* Whatever it returns, the zone is registered then, if the zones can be listed. */
static int install(void)
{
    prepare();
    for (int i = 0; i < ATTEMPTS; i++) {
        struct zone *first = zci_zone_at(0);
        if (first == NULL)
            return ENOTSUP;
        if (first == &zci_zone.zone) {
            zci_zone_route(NULL);
            return 0;
        }
        if (is_there_another()) {
            register_once();
            return EEXIST;
        }
        zci_zone_route(NULL);
        zci_zone_former = first;
        move_to_front(first);
    }
    return zci_zone_at(0) == &zci_zone.zone ? 0 : EAGAIN;
}

static struct zone *zone_to_route_to(void)
{
    /* It may have been destroyed: then any other. */
    struct zone *to = zci_zone_former;
    for (unsigned i = 1; to == &zci_zone_twin.zone || !zci_zone_is_registered(to); i++)
        if ((to = zci_zone_at(i)) == NULL)
            break;
    return to;
}

static int uninstall(void)
{
    if (!zc_zone_is_default())
        return zci_zone_at(0) != NULL ? ENOENT : ENOTSUP;
    struct zone *to = zone_to_route_to();
    return to != NULL && zci_zone_route(to) ? 0 : ENOTSUP;
}

int zc_zone_install(void)
{
    if (zc_zone_is_default())
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
    prepare();
    bool is_alone = !is_there_another();
    if (is_alone)
        register_once();
    leave();
    if (is_alone)
        return (struct _malloc_zone_t *)&zci_zone.zone;
    errno = EEXIST;
    return NULL;
}

void zci_zone_register(void)
{
    if (!enter())
        return;
    prepare();
    register_once();
    leave();
}

int zc_zone_is_default(void)
{
    return zci_zone_at(0) == &zci_zone.zone && !zci_zone_is_routed();
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
