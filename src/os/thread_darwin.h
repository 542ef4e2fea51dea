/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* thread_darwin.h - thread.h on Darwin: one pthread key. A thread-local variable would not do: its first
 * use on a thread calls malloc.
 * Invariants: the key's value is the distance of the thread's cache from the static cache of a thread that
 *             has none, so that a new thread's NULL means that one. zci_thread_slot is the offset of the
 *             key's value from the thread pointer, once it was seen there; 0 before, and for good where
 *             it is not found there: then every request takes the slow side, which asks by call.
 * Costs:      six instructions on arm64, without a call. The offset is no ABI, hence the check; simulator
 *             and Catalyst always ask by call. */
#ifndef ZCI_OS_THREAD_DARWIN_H
#define ZCI_OS_THREAD_DARWIN_H

#if defined(__APPLE__)

#include "os/target_darwin.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#if ZCI_DARWIN_SIMULATOR || ZCI_DARWIN_CATALYST || defined(ZC_NO_THREAD_SLOTS)
#define ZCI_THREAD_SLOTS 0
#else
#define ZCI_THREAD_SLOTS 1
#endif

struct thread_cache;

/* zci_closed_caches[CLOSED_UNBORN] of thread_cache.h, which this layer cannot see. */
extern const char zci_thread_unborn[] __asm__("_zci_closed_caches") ZCI_HIDDEN;
extern uintptr_t zci_thread_slot ZCI_HIDDEN;

struct thread_cache *zci_thread_cache_get(void) ZCI_HIDDEN;
void thread_cache_set(struct thread_cache *cache) ZCI_HIDDEN;
bool thread_cache_can_set(void) ZCI_HIDDEN;

static inline __attribute__((always_inline)) uintptr_t thread_slot_read(uintptr_t slot)
{
#if defined(__x86_64__)
    return *(uintptr_t __attribute__((address_space(256))) *)slot;
#else
    uintptr_t base;
    __asm__("mrs %0, TPIDRRO_EL0" : "=r"(base));
    return *(uintptr_t *)((base & ~(uintptr_t)7) + slot);
#endif
}

static inline __attribute__((always_inline)) struct thread_cache *thread_cache_get(void)
{
    return zci_thread_cache_get();
}

static inline __attribute__((always_inline)) struct thread_cache *thread_cache_peek(void)
{
#if ZCI_THREAD_SLOTS
    uintptr_t slot = zci_thread_slot;
    uintptr_t distance = __builtin_expect(slot != 0, 1) ? thread_slot_read(slot) : 0;
    return (struct thread_cache *)((uintptr_t)zci_thread_unborn + distance);
#else
    return zci_thread_cache_get();
#endif
}

/* Names the thread to the collector, which does not look through it here: see os_threads_darwin.c. */
static inline __attribute__((always_inline)) struct thread_cache **thread_cache_owner(void)
{
    return (struct thread_cache **)(void *)pthread_self();
}

/* libc frees nothing there after the last destructor. */
static inline __attribute__((always_inline)) bool thread_is_first_free(void)
{
    return false;
}

static inline __attribute__((always_inline)) uint64_t thread_identity(void)
{
    return (uint64_t)(uintptr_t)pthread_self();
}

#endif

#endif
