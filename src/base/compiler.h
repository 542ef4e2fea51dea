/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* compiler.h - what the compiler must be told, in one word each.
 * Invariants: what is only for speed or for checking can be removed without a change of behaviour: all but ZCI_ADD,
 *             ZCI_EXPORT, ZCI_HIDDEN and ZCI_STATIC_ASSERT. */
#ifndef ZCI_BASE_COMPILER_H
#define ZCI_BASE_COMPILER_H

#define ZCI_LIKELY(x)   __builtin_expect(!!(x), 1)
#define ZCI_UNLIKELY(x) __builtin_expect(!!(x), 0)

#define ZCI_INLINE   static inline __attribute__((always_inline))
#define ZCI_NOINLINE __attribute__((noinline))
#define ZCI_COLD     __attribute__((noinline, cold))
#define ZCI_NORETURN __attribute__((noreturn))
#define ZCI_EXPORT   __attribute__((visibility("default")))
#define ZCI_HIDDEN   __attribute__((visibility("hidden")))
/* For C++: no exception passes, so a caller needs no frame to stop one. */
#define ZCI_NOTHROW __attribute__((nothrow))

#if defined(__SANITIZE_THREAD__)
#define ZCI_SANITIZE_THREAD 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define ZCI_SANITIZE_THREAD 1
#endif
#endif
#ifndef ZCI_SANITIZE_THREAD
#define ZCI_SANITIZE_THREAD 0
#endif

/* Reads what others are writing, for figures that may be a moment old: ThreadSanitizer need not tell. What is
 * inlined would lose the attribute; so would a load that gcc moves to the caller, to pass its result instead of the
 * pointer. */
#if ZCI_SANITIZE_THREAD && defined(__clang__)
#define ZCI_READS_RACILY __attribute__((no_sanitize("thread"), noinline))
#elif ZCI_SANITIZE_THREAD
#define ZCI_READS_RACILY __attribute__((no_sanitize("thread"), noipa))
#else
#define ZCI_READS_RACILY
#endif

/* The size of a unit of sharing between cores; two lines on Intel (adjacent-line prefetch) and Apple. */
#define ZCI_LINE_BYTES 128
#define ZCI_LINE       __attribute__((aligned(ZCI_LINE_BYTES)))

/* A function that is the fast path starts a cache line: how many lines a call takes must not hang on what the linker
 * put before it. */
#define ZCI_FAST_ENTRY __attribute__((aligned(64)))

/* Two ways to have a machine with rich addressing do in one instruction what it can; elsewhere what the compiler makes
 * of it by itself. RECOMPUTE: the compiler forgets what it computed from value, for instance an address, so that it
 * becomes part of the next access. ADD: variable, which holds value, becomes value + count, in memory. */
#if defined(__x86_64__)
#define ZCI_RECOMPUTE(value) __asm__("" : "+r"(value))
#define ZCI_ADD(variable, value, count)                                                            \
    do {                                                                                           \
        __asm__("" : : : "memory");                                                                \
        (variable) += (count);                                                                     \
    } while (0)
#else
#define ZCI_RECOMPUTE(value)            ((void)0)
#define ZCI_ADD(variable, value, count) ((void)((variable) = (value) + (count)))
#endif

/* Brings the line here for good: what another core wrote to would come shared first, and then be asked for once more by
 * the store. Any address will do. The built-in function says prefetcht0 for x86-64 as such, which has no
 * prefetchw; processors without it take it for a nop. */
ZCI_INLINE void prefetch_to_write(const void *address)
{
#if defined(__x86_64__)
    __asm__ volatile("prefetchw (%0)" : : "r"(address));
#else
    __builtin_prefetch(address, 1);
#endif
}

#ifdef __cplusplus
#define ZCI_STATIC_ASSERT(condition, text) static_assert(condition, text)
#else
#define ZCI_STATIC_ASSERT(condition, text) _Static_assert(condition, text)
#endif

#endif
