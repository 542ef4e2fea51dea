/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* zone.h - what the tests of the malloc zone share: libmalloc's functions, declared by hand, and who has a
 * block. The SDK's struct is shorter than what our zone offers, so these tests use our own.
 * Invariants: nothing here allocates. */
#ifndef TESTS_DARWIN_ZONE_H
#define TESTS_DARWIN_ZONE_H

#include "api/zone_darwin.h"
#include "support/check.h"
#include "zcmalloc_darwin.h"

#include <errno.h>
#include <mach/mach.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern kern_return_t malloc_get_all_zones(task_t task, zone_reader *reader, vm_address_t **zones,
                                          unsigned *count);
extern struct zone *malloc_default_zone(void);
extern struct zone *malloc_create_zone(vm_size_t size, unsigned flags);
extern void malloc_destroy_zone(struct zone *zone);
extern void malloc_zone_register(struct zone *zone);
extern void malloc_zone_unregister(struct zone *zone);
extern struct zone *malloc_zone_from_ptr(const void *block);
extern void *malloc_zone_malloc(struct zone *zone, size_t size);
extern void *malloc_zone_calloc(struct zone *zone, size_t count, size_t size);
extern void *malloc_zone_valloc(struct zone *zone, size_t size);
extern void *malloc_zone_realloc(struct zone *zone, void *block, size_t size);
extern void *malloc_zone_memalign(struct zone *zone, size_t alignment, size_t size);
extern void malloc_zone_free(struct zone *zone, void *block);
extern unsigned malloc_zone_batch_malloc(struct zone *zone, size_t size, void **blocks,
                                         unsigned count);
extern void malloc_zone_batch_free(struct zone *zone, void **blocks, unsigned count);
extern size_t malloc_zone_pressure_relief(struct zone *zone, size_t goal);
extern void malloc_zone_statistics(struct zone *zone, struct zone_statistics *statistics);
extern int malloc_zone_check(struct zone *zone);
extern void malloc_zone_print(struct zone *zone, int verbose);
extern void malloc_zone_log(struct zone *zone, void *address);
extern void malloc_set_zone_name(struct zone *zone, const char *name);
extern const char *malloc_get_zone_name(struct zone *zone);
extern struct zone *malloc_default_purgeable_zone(void);
extern int malloc_claimed_address(void *address);
extern size_t malloc_size(const void *block);
extern size_t malloc_good_size(size_t size);
extern void *reallocf(void *block, size_t size);

static inline unsigned zones_of_process(struct zone ***zones)
{
    vm_address_t *addresses = NULL;
    unsigned count = 0;
    CHECK_EQ(malloc_get_all_zones(mach_task_self(), NULL, &addresses, &count), KERN_SUCCESS);
    *zones = (struct zone **)addresses;
    return count;
}

static inline unsigned zone_count(void)
{
    struct zone **zones;
    return zones_of_process(&zones);
}

static inline struct zone *zone_at(unsigned index)
{
    struct zone **zones;
    return index < zones_of_process(&zones) ? zones[index] : NULL;
}

static inline bool zone_is_listed(const struct zone *zone)
{
    struct zone **zones;
    unsigned count = zones_of_process(&zones);
    for (unsigned i = 0; i < count; i++)
        if (zones[i] == zone)
            return true;
    return false;
}

static inline bool is_ours(const void *block)
{
    return zc_owns(block) != 0;
}

static inline int child_status(pid_t child)
{
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

#endif
