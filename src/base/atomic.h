/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* atomic.h - the one macro layer under everything lock-free.
 * Invariants: a load's or a store's name states its order, read-modify-writes acquire and release; each use that
 *             pairs with another names it in a comment. On x86-64 the read-modify-writes are Concurrency Kit's
 *             (ck_pr, header-only). Elsewhere, and where a sanitizer or a model checker must see the operations, they
 *             are the compiler's: ck 0.7.1 has neither acquire/release forms nor sound LSE code for arm64.
 * Costs:      loads and stores are plain moves on x86-64; a read-modify-write is one locked instruction. */
#ifndef ZCI_BASE_ATOMIC_H
#define ZCI_BASE_ATOMIC_H

#include "base/compiler.h"

#include <stdbool.h>
#include <stdint.h>

#if defined(__x86_64__) && !defined(ZCI_COMPILER_ATOMICS)
#define ZCI_ATOMIC_CK 1
#else
#define ZCI_ATOMIC_CK 0
#endif

#if ZCI_ATOMIC_CK
#include <ck_pr.h>
#endif

#define atomic_load_relaxed(p)     __atomic_load_n((p), __ATOMIC_RELAXED)
#define atomic_load_acquire(p)     __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define atomic_store_relaxed(p, v) __atomic_store_n((p), (v), __ATOMIC_RELAXED)
#define atomic_store_release(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)

/* What stands above is done before what stands below, as a signal handler of this thread sees it, and whoever
 * looks while the thread is stopped. Costs no instruction. */
#define atomic_order_for_thread() __asm__ volatile("" ::: "memory")

/* A counter with one writer at a time (a lock, or the owning thread), which others may read meanwhile. */
#define counter_add(p, n) atomic_store_relaxed((p), atomic_load_relaxed(p) + (n))

/* acquire and release at once: true if *target was expected and is now desired. */
ZCI_INLINE bool atomic_cas_ptr(void **target, void *expected, void *desired)
{
#if ZCI_ATOMIC_CK
    return ck_pr_cas_ptr(target, expected, desired);
#else
    return __atomic_compare_exchange_n(target, &expected, desired, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_ACQUIRE);
#endif
}

/* acquire and release at once: the former value. */
ZCI_INLINE void *atomic_exchange_ptr(void **target, void *desired)
{
#if ZCI_ATOMIC_CK
    return ck_pr_fas_ptr(target, desired);
#else
    return __atomic_exchange_n(target, desired, __ATOMIC_ACQ_REL);
#endif
}

ZCI_INLINE bool atomic_cas_8(uint8_t *target, uint8_t expected, uint8_t desired)
{
#if ZCI_ATOMIC_CK
    return ck_pr_cas_8(target, expected, desired);
#else
    return __atomic_compare_exchange_n(target, &expected, desired, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_ACQUIRE);
#endif
}

ZCI_INLINE bool atomic_cas_32(uint32_t *target, uint32_t expected, uint32_t desired)
{
#if ZCI_ATOMIC_CK
    return ck_pr_cas_32(target, expected, desired);
#else
    return __atomic_compare_exchange_n(target, &expected, desired, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_ACQUIRE);
#endif
}

ZCI_INLINE bool atomic_cas_64(uint64_t *target, uint64_t expected, uint64_t desired)
{
#if ZCI_ATOMIC_CK
    return ck_pr_cas_64(target, expected, desired);
#else
    return __atomic_compare_exchange_n(target, &expected, desired, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_ACQUIRE);
#endif
}

ZCI_INLINE uint64_t atomic_exchange_64(uint64_t *target, uint64_t desired)
{
#if ZCI_ATOMIC_CK
    return ck_pr_fas_64(target, desired);
#else
    return __atomic_exchange_n(target, desired, __ATOMIC_ACQ_REL);
#endif
}

/* The value after adding. */
ZCI_INLINE uint64_t atomic_add_64(uint64_t *target, uint64_t delta)
{
#if ZCI_ATOMIC_CK
    return ck_pr_faa_64(target, delta) + delta;
#else
    return __atomic_add_fetch(target, delta, __ATOMIC_ACQ_REL);
#endif
}

/* Tells the core that this is a spin; ck's is empty on arm64. */
ZCI_INLINE void atomic_stall(void)
{
#if ZCI_ATOMIC_CK
    ck_pr_stall();
#elif defined(__aarch64__)
    __asm__ volatile("isb" ::: "memory");
#else
    atomic_order_for_thread();
#endif
}

#endif
