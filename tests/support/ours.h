/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* ours.h - proof by address that functions and blocks belong to zcmalloc and not to libc.
 * Invariants: a function is ours iff it lies in the object that holds zc_owns, and that object
 * is the one this kind of linking promises; a block is ours iff zc_owns says so.
 * Kinds:      OURS_KIND tells how zcmalloc came into the program. OURS_ANY drops the proof, so
 *             that the same contracts can be run against any malloc to see what it does.
 * Costs:      no allocation; the names are looked up once per call of ours_prove. */
#ifndef TESTS_SUPPORT_OURS_H
#define TESTS_SUPPORT_OURS_H

#include "tests/support/check.h"

#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define OURS_PRELOAD 0 /* a plain program; the names exist at run time only */
#define OURS_SHARED  1 /* linked with the shared library */
#define OURS_STATIC  2 /* linked with the archive into a dynamic executable */
#define OURS_ANY     3 /* whatever malloc there is */

#ifndef OURS_KIND
#define OURS_KIND OURS_ANY
#endif

#define OURS_FAMILY(X)                                                                             \
    X(malloc)                                                                                      \
    X(free)                                                                                        \
    X(calloc)                                                                                      \
    X(realloc)                                                                                     \
    X(reallocarray)                                                                                \
    X(aligned_alloc)                                                                               \
    X(memalign)                                                                                    \
    X(posix_memalign)                                                                              \
    X(valloc)                                                                                      \
    X(pvalloc)                                                                                     \
    X(cfree)                                                                                       \
    X(free_sized)                                                                                  \
    X(free_aligned_sized)                                                                          \
    X(malloc_usable_size)                                                                          \
    X(malloc_trim)                                                                                 \
    X(malloc_stats)                                                                                \
    X(malloc_info)                                                                                 \
    X(mallinfo)                                                                                    \
    X(mallinfo2)                                                                                   \
    X(mallopt)

#define OURS_ALIASES(X)                                                                            \
    X(__libc_malloc)                                                                               \
    X(__libc_free)                                                                                 \
    X(__libc_calloc)                                                                               \
    X(__libc_realloc)                                                                              \
    X(__libc_memalign)                                                                             \
    X(__libc_valloc)                                                                               \
    X(__libc_pvalloc)                                                                              \
    X(__posix_memalign)

#define OURS_PUBLIC(X)                                                                             \
    X(zc_owns)                                                                                     \
    X(zc_malloc)                                                                                   \
    X(zc_free)                                                                                     \
    X(zc_version)

/* The sized and aligned forms as the ABI of 64-bit ELF machines spells them. */
#define OURS_OPERATORS(X)                                                                          \
    X(_Znwm)                                                                                       \
    X(_Znam)                                                                                       \
    X(_ZnwmRKSt9nothrow_t)                                                                         \
    X(_ZnamRKSt9nothrow_t)                                                                         \
    X(_ZnwmSt11align_val_t)                                                                        \
    X(_ZnamSt11align_val_t)                                                                        \
    X(_ZnwmSt11align_val_tRKSt9nothrow_t)                                                          \
    X(_ZnamSt11align_val_tRKSt9nothrow_t)                                                          \
    X(_ZdlPv)                                                                                      \
    X(_ZdaPv)                                                                                      \
    X(_ZdlPvm)                                                                                     \
    X(_ZdaPvm)                                                                                     \
    X(_ZdlPvRKSt9nothrow_t)                                                                        \
    X(_ZdaPvRKSt9nothrow_t)                                                                        \
    X(_ZdlPvSt11align_val_t)                                                                       \
    X(_ZdaPvSt11align_val_t)                                                                       \
    X(_ZdlPvmSt11align_val_t)                                                                      \
    X(_ZdaPvmSt11align_val_t)                                                                      \
    X(_ZdlPvSt11align_val_tRKSt9nothrow_t)                                                         \
    X(_ZdaPvSt11align_val_tRKSt9nothrow_t)

struct ours_entry {
    const char *name;
    void (*address)(void); /* NULL: to be looked up at run time */
};

#if OURS_KIND == OURS_SHARED || OURS_KIND == OURS_STATIC
/* Own identifiers bound to the assembler names: no prototype to disagree with any system header,
 * and strong references, so that a missing name fails at link time. */
#define OURS_DECLARE(name) extern void ours_symbol_##name(void) __asm__(#name);
#define OURS_ENTRY(name)   {#name, ours_symbol_##name},
#ifdef __cplusplus
extern "C" {
#endif
OURS_FAMILY(OURS_DECLARE)
OURS_ALIASES(OURS_DECLARE)
OURS_PUBLIC(OURS_DECLARE)
#ifdef __cplusplus
OURS_OPERATORS(OURS_DECLARE)
}
#endif
#else
#define OURS_ENTRY(name) {#name, NULL},
#endif

static const struct ours_entry ours_entries[] = {OURS_FAMILY(OURS_ENTRY) OURS_ALIASES(OURS_ENTRY)
                                                     OURS_PUBLIC(OURS_ENTRY)
#ifdef __cplusplus
                                                         OURS_OPERATORS(OURS_ENTRY)
#endif
};

#define OURS_ENTRY_COUNT (sizeof ours_entries / sizeof ours_entries[0])

static inline void *ours_look_up(const struct ours_entry *entry)
{
    void *address = NULL;
    if (entry->address == NULL)
        return dlsym(RTLD_DEFAULT, entry->name);
    memcpy(&address, &entry->address, sizeof address);
    return address;
}

/* The address this program calls for name, or NULL. */
static inline void *ours_address(const char *name)
{
    for (size_t i = 0; i < OURS_ENTRY_COUNT; i++)
        if (strcmp(ours_entries[i].name, name) == 0)
            return ours_look_up(&ours_entries[i]);
    return dlsym(RTLD_DEFAULT, name);
}

/* Puts the address for name into a variable that holds a function pointer: 1, or 0 if there is
 * none. */
static inline int ours_bind(void *variable, const char *name)
{
    void *address = ours_address(name);
    memcpy(variable, &address, sizeof address);
    return address != NULL;
}

static inline const char *ours_object_of(const void *address, void **base)
{
    Dl_info info;
    *base = NULL;
    if (address == NULL || dladdr(address, &info) == 0)
        return "nowhere";
    *base = info.dli_fbase;
    return info.dli_fname;
}

/* Whether a block came from zcmalloc; always true under OURS_ANY, where nobody can tell. */
static inline int ours_owns(const void *block)
{
    int (*owns)(const void *) = NULL;
    if (OURS_KIND == OURS_ANY)
        return 1;
    return ours_bind(&owns, "zc_owns") && owns(block) == 1;
}

static inline void ours_complain(const char *name, const char *found)
{
    check_write("    ");
    check_write(name);
    check_write(" is in ");
    check_write(found);
    check_write("\n");
}

/* Checks every name of the family and its aliases (and, in C++, the operators). anchor is any
 * function of the program itself. Value: whether all of it is ours. */
static inline int ours_prove_from(const void *anchor)
{
    void *own_base = NULL;
    void *program_base = NULL;
    int all = 1;
    if (OURS_KIND == OURS_ANY)
        return 1;
    const char *home = ours_object_of(ours_address("zc_owns"), &own_base);
    ours_object_of(anchor, &program_base);
    if (!CHECK(own_base != NULL))
        return 0;
    if (OURS_KIND == OURS_STATIC)
        all &= CHECK(own_base == program_base);
    else
        all &= CHECK(strstr(home, "libzcmalloc") != NULL && own_base != program_base);
    for (size_t i = 0; i < OURS_ENTRY_COUNT; i++) {
        void *base = NULL;
        const char *found = ours_object_of(ours_look_up(&ours_entries[i]), &base);
        if (CHECK(base == own_base))
            continue;
        ours_complain(ours_entries[i].name, found);
        all = 0;
    }
    return all;
}

static inline int ours_prove(void)
{
    int (*anchor)(void) = ours_prove;
    void *address = NULL;
    memcpy(&address, &anchor, sizeof address);
    return ours_prove_from(address);
}

#endif
