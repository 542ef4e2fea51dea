/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* zone_darwin.h - our own view of malloc_zone_t, at version 16.
 * Invariants: the SDK's struct may be older and shorter than what libmalloc reads at this version, so none
 *             of its declarations is used. Of zone 0 libmalloc calls nearly every entry without looking for
 *             NULL, so none is NULL. A zone has its pages to itself: malloc_set_zone_name makes them
 *             read-only, so nothing that changes lies there.
 * Locking:    none here.
 * Costs:      a zone is 16 KiB of data, of which a page or less is resident. */
#ifndef ZCI_API_ZONE_DARWIN_H
#define ZCI_API_ZONE_DARWIN_H

#include "base/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where pointers are signed (arm64e), libmalloc expects these of every zone. */
#if defined(__has_feature)
#if __has_feature(ptrauth_calls)
#include <ptrauth.h>
#define ZONE_FN(name)                                                                              \
    (*__ptrauth(ptrauth_key_process_independent_code, 0,                                           \
                ptrauth_string_discriminator("malloc_zone_fn." #name)) name)
#define INTROSPECT_FN(name)                                                                        \
    (*__ptrauth(ptrauth_key_process_independent_code, 1,                                           \
                ptrauth_string_discriminator("malloc_introspect_fn." #name)) name)
#define INTROSPECT_TABLE(name)                                                                     \
    *__ptrauth(ptrauth_key_process_independent_data, 0,                                            \
               ptrauth_string_discriminator("malloc_introspect_tbl")) name
#endif
#endif
#ifndef ZONE_FN
#define ZONE_FN(name)          (*name)
#define INTROSPECT_FN(name)    (*name)
#define INTROSPECT_TABLE(name) *name
#endif

struct zone;

typedef int zone_result;    /* kern_return_t */
typedef uint32_t zone_task; /* task_t, a port name */

struct zone_range {
    uintptr_t address;
    size_t bytes;
};

struct zone_statistics {
    unsigned blocks_in_use;
    size_t size_in_use;
    size_t max_size_in_use;
    size_t size_allocated;
};

typedef zone_result zone_reader(zone_task task, uintptr_t address, size_t bytes, void **local);
typedef void zone_recorder(zone_task task, void *context, unsigned type, struct zone_range *ranges,
                           unsigned count);
typedef void zone_printer(const char *format, ...);

struct zone_introspection {
    zone_result INTROSPECT_FN(enumerator)(zone_task task, void *context, unsigned type_mask,
                                          uintptr_t zone, zone_reader *reader,
                                          zone_recorder *recorder);
    size_t INTROSPECT_FN(good_size)(struct zone *zone, size_t size);
    int INTROSPECT_FN(check)(struct zone *zone);
    void INTROSPECT_FN(print)(struct zone *zone, int verbose);
    void INTROSPECT_FN(log)(struct zone *zone, void *address);
    void INTROSPECT_FN(force_lock)(struct zone *zone);
    void INTROSPECT_FN(force_unlock)(struct zone *zone);
    void INTROSPECT_FN(statistics)(struct zone *zone, struct zone_statistics *statistics);
    int INTROSPECT_FN(zone_locked)(struct zone *zone);
    void *discharge[4]; /* tested for NULL by their one caller */
    void INTROSPECT_FN(reinit_lock)(struct zone *zone);
    void INTROSPECT_FN(print_task)(zone_task task, unsigned level, uintptr_t zone,
                                   zone_reader *reader, zone_printer *printer);
    void INTROSPECT_FN(task_statistics)(zone_task task, uintptr_t zone, zone_reader *reader,
                                        struct zone_statistics *statistics);
    unsigned zone_type; /* 0: none of libmalloc's own */
};

struct zone {
    void *reserved[2];
    size_t ZONE_FN(size)(struct zone *zone, const void *block);
    void *ZONE_FN(malloc)(struct zone *zone, size_t size);
    void *ZONE_FN(calloc)(struct zone *zone, size_t count, size_t size);
    void *ZONE_FN(valloc)(struct zone *zone, size_t size);
    void ZONE_FN(free)(struct zone *zone, void *block);
    void *ZONE_FN(realloc)(struct zone *zone, void *block, size_t size);
    void ZONE_FN(destroy)(struct zone *zone);
    const char *zone_name;
    unsigned ZONE_FN(batch_malloc)(struct zone *zone, size_t size, void **blocks, unsigned count);
    void ZONE_FN(batch_free)(struct zone *zone, void **blocks, unsigned count);
    const struct zone_introspection INTROSPECT_TABLE(introspect);
    unsigned version;
    void *ZONE_FN(memalign)(struct zone *zone, size_t alignment, size_t size);     /* 5 */
    void ZONE_FN(free_definite_size)(struct zone *zone, void *block, size_t size); /* 6 */
    size_t ZONE_FN(pressure_relief)(struct zone *zone, size_t goal);               /* 8 */
    int ZONE_FN(claimed_address)(struct zone *zone, void *address);                /* 10 */
    void ZONE_FN(try_free_default)(struct zone *zone, void *block);                /* 13 */
    void *ZONE_FN(malloc_with_options)(struct zone *zone, size_t alignment, size_t size,
                                       uint64_t options);                             /* 15 */
    void *ZONE_FN(malloc_type_malloc)(struct zone *zone, size_t size, uint64_t type); /* 16 */
    void *ZONE_FN(malloc_type_calloc)(struct zone *zone, size_t count, size_t size, uint64_t type);
    void *ZONE_FN(malloc_type_realloc)(struct zone *zone, void *block, size_t size, uint64_t type);
    void *ZONE_FN(malloc_type_memalign)(struct zone *zone, size_t alignment, size_t size,
                                        uint64_t type);
    void *ZONE_FN(malloc_type_malloc_with_options)(struct zone *zone, size_t alignment, size_t size,
                                                   uint64_t options, uint64_t type);
};

#define ZONE_VERSION 16

ZCI_STATIC_ASSERT(offsetof(struct zone, version) == 104, "as libmalloc has it");
ZCI_STATIC_ASSERT(offsetof(struct zone, try_free_default) == 144, "as libmalloc has it");
ZCI_STATIC_ASSERT(offsetof(struct zone, malloc_type_malloc) == 160, "as libmalloc has it");
ZCI_STATIC_ASSERT(sizeof(struct zone) == 200, "version 16 on LP64");
ZCI_STATIC_ASSERT(offsetof(struct zone_introspection, reinit_lock) == 104, "as libmalloc has it");
ZCI_STATIC_ASSERT(offsetof(struct zone_introspection, zone_type) == 128, "as libmalloc has it");

/* What tools in other processes find behind the zone; fixed width, and never changed once registered. */
#define ZONE_MAGIC  UINT32_C(0x656e7a63) /* "czne" */
#define ZONE_LAYOUT 1
#define ZONE_BYTES  16384

struct zone_pages {
    struct zone zone;
    uint32_t magic;
    uint32_t layout;
    uint64_t root; /* address of zci_root */
    char rest[ZONE_BYTES - sizeof(struct zone) - 16];
};

ZCI_STATIC_ASSERT(sizeof(struct zone_pages) == ZONE_BYTES, "whole pages of 16 KiB");

/* The zone, and its twin, which claims the same blocks while the zone itself changes its place, but has
 * nothing to report: nothing is counted twice. */
extern struct zone_pages zci_zone;
extern struct zone_pages zci_zone_twin;
/* Stands in for the zone in proxied, for as long as that one is not registered. */
extern struct zone_pages zci_zone_proxy;
extern struct zone *zci_zone_proxied; /* atomic */

extern const struct zone_introspection zci_zone_introspection;
extern const struct zone_introspection zci_zone_twin_introspection;
extern const struct zone_introspection zci_zone_proxy_introspection;
size_t zci_zone_proxy_good_size(struct zone *zone, size_t size);

/* The default zone before ours. */
extern struct zone *zci_zone_former;

/* Lets the zone's entries that allocate do so in another zone, or (NULL) in our heap again. false if the
 * zone cannot be changed. */
bool zci_zone_route(struct zone *to);
bool zci_zone_is_routed(void);

/* Chooses the functions that depend on what the system gave; before the zone is registered. */
void zci_zone_prepare(void);

/* Usable bytes of a block of ours, 0 for any other pointer. */
size_t zci_zone_size(struct zone *zone, const void *block);
/* The same without a class map. */
size_t zci_zone_size_mapless(struct zone *zone, const void *block);

/* --- other zones, zone_foreign_darwin.c ------------------------------------------------------------- */

/* Odd while the installer moves zones; atomic. */
extern uint64_t zci_zone_moves;

/* Reads what another thread may unmap at any instant: a zone that is being destroyed, libmalloc's array of zones when
 * it grows. false: it is gone. */
bool zci_zone_peek(void *to, const void *from, size_t bytes);
/* The registered zones from 0 on; NULL behind the last one. */
struct zone *zci_zone_at(unsigned index);
bool zci_zone_is_registered(const struct zone *zone);
/* The zone stands among the others, at their end, if it does not stand there yet: libmalloc can find its blocks. */
void zci_zone_register(void);
/* The zone, not ours, that has this block, and the block's size; NULL if none. */
struct zone *zci_zone_of_foreign(const void *block, size_t *size);
/* Frees a block in the zone that has it; false if none does. */
bool zci_zone_free_foreign(void *block);

/* --- at the start of the process, register_darwin.c and promote_darwin.c ------------------------------ */

/* Makes the zone the default one if that is wanted, or registers it. Whose object names this is linked with it. */
void zci_zone_start(void);
/* Is the object linked that wants our zone to be the default one, and was not told to leave it? */
bool zci_zone_is_promoted(void);

#endif
