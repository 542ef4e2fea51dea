/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* zcmalloc.h - the public interface of zcmalloc, a per-thread caching allocator.
 *
 * The zc_ functions behave like the libc functions of the same name and are always there, whether or
 * not the library also replaces malloc itself. Blocks from zc_malloc and from a replaced malloc are the
 * same kind of block: each may be passed to the other's free.
 *
 * Sizes        are in bytes. A size above PTRDIFF_MAX is refused with ENOMEM. A size of 0 gives a
 *              distinct block that may be freed but not written to.
 * Alignment    16 bytes for every request above 8 bytes, 8 bytes below.
 * Errors       NULL with errno set to ENOMEM, unless stated. Functions that free never change errno.
 * Threads      all functions may be called from any thread; a block may be freed by any thread.
 * Signals      none of these functions is async-signal-safe (as in ISO C and POSIX.1-2024). fork is
 *              safe from anywhere, a signal handler included.
 * Misuse       a double free or a pointer that is not a live block ends the program with one sentence
 *              on fd 2 and abort(), at the latest when the block's span is reached (docs/design.md).
 */
#ifndef ZCMALLOC_H
#define ZCMALLOC_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ZC_VERSION_MAJOR 0
#define ZC_VERSION_MINOR 1
#define ZC_VERSION_PATCH 0

#if defined(__GNUC__) || defined(__clang__)
#define ZC_ATTR_MALLOC    __attribute__((malloc, warn_unused_result))
#define ZC_ATTR_SIZE(...) __attribute__((alloc_size(__VA_ARGS__)))
#define ZC_ATTR_RESULT    __attribute__((warn_unused_result))
#define ZC_ATTR_EXPORT    __attribute__((visibility("default")))
#else
#define ZC_ATTR_MALLOC
#define ZC_ATTR_SIZE(...)
#define ZC_ATTR_RESULT
#define ZC_ATTR_EXPORT
#endif

#ifdef __cplusplus
#define ZC_NOEXCEPT noexcept
#else
#define ZC_NOEXCEPT
#endif

/* --- ISO C ----------------------------------------------------------------------------------- */

/* At least size bytes, uninitialised (C11 7.22.3.4). */
ZC_ATTR_EXPORT void *zc_malloc(size_t size) ZC_NOEXCEPT ZC_ATTR_MALLOC ZC_ATTR_SIZE(1);

/* count * size bytes, all zero; an overflowing product fails with ENOMEM (C11 7.22.3.2). */
ZC_ATTR_EXPORT void *zc_calloc(size_t count, size_t size) ZC_NOEXCEPT ZC_ATTR_MALLOC
    ZC_ATTR_SIZE(1, 2);

/* Resizes, in place where it can; NULL acts as malloc. realloc(block, 0) frees the block and returns
 * NULL, as glibc does. On failure the old block is untouched (C11 7.22.3.5). */
ZC_ATTR_EXPORT void *zc_realloc(void *block, size_t size) ZC_NOEXCEPT ZC_ATTR_RESULT
    ZC_ATTR_SIZE(2);

/* NULL is ignored; errno is kept (C11 7.22.3.3, POSIX.1-2024). */
ZC_ATTR_EXPORT void zc_free(void *block) ZC_NOEXCEPT;

/* alignment must be a power of two, else NULL with EINVAL; size need not be a multiple (C17). */
ZC_ATTR_EXPORT void *zc_aligned_alloc(size_t alignment, size_t size) ZC_NOEXCEPT ZC_ATTR_MALLOC
    ZC_ATTR_SIZE(2);

/* C23 7.24.3.4 and .5: the caller states what it asked for. The statement is not trusted. */
ZC_ATTR_EXPORT void zc_free_sized(void *block, size_t size) ZC_NOEXCEPT;
ZC_ATTR_EXPORT void zc_free_aligned_sized(void *block, size_t alignment, size_t size) ZC_NOEXCEPT;

/* --- POSIX, BSD, glibc ------------------------------------------------------------------------ */

/* Returns 0, EINVAL (alignment no power of two or no multiple of sizeof(void *)) or ENOMEM; *block is
 * written on success only, errno never (POSIX.1-2024). */
ZC_ATTR_EXPORT int zc_posix_memalign(void **block, size_t alignment, size_t size) ZC_NOEXCEPT;

/* As zc_realloc(block, count * size); an overflow fails with ENOMEM (POSIX.1-2024). */
ZC_ATTR_EXPORT void *zc_reallocarray(void *block, size_t count,
                                     size_t size) ZC_NOEXCEPT ZC_ATTR_RESULT ZC_ATTR_SIZE(2, 3);

/* As glibc: any alignment is rounded up to a power of two; one above SIZE_MAX/2 + 1 gives EINVAL. */
ZC_ATTR_EXPORT void *zc_memalign(size_t alignment, size_t size) ZC_NOEXCEPT ZC_ATTR_MALLOC
    ZC_ATTR_SIZE(2);

/* Page-aligned; pvalloc also rounds the size up to whole pages. */
ZC_ATTR_EXPORT void *zc_valloc(size_t size) ZC_NOEXCEPT ZC_ATTR_MALLOC ZC_ATTR_SIZE(1);
ZC_ATTR_EXPORT void *zc_pvalloc(size_t size) ZC_NOEXCEPT ZC_ATTR_MALLOC;

/* Bytes that may be used from block on: at least the size asked for. 0 for NULL. */
ZC_ATTR_EXPORT size_t zc_malloc_usable_size(const void *block) ZC_NOEXCEPT;

/* The size zc_malloc(size) would really give; size itself if it cannot be served. */
ZC_ATTR_EXPORT size_t zc_malloc_good_size(size_t size) ZC_NOEXCEPT;

/* --- beyond the standards ---------------------------------------------------------------------- */

/* 1 if block is the start of a block of this allocator that is, or was, handed out; 0 for any other
 * pointer value, mapped or not. Takes no lock. */
ZC_ATTR_EXPORT int zc_owns(const void *block) ZC_NOEXCEPT;

/* Gives all free memory back to the operating system that can be: this thread's cache, the depots, the
 * central lists, idle pages. Keeps keep_bytes of free pages. Returns the bytes given back. */
ZC_ATTR_EXPORT size_t zc_trim(size_t keep_bytes) ZC_NOEXCEPT;

/* What the allocator holds, in bytes unless named a count. version is ZC_STATS_VERSION of the library;
 * the struct only ever grows at its end. */
#define ZC_STATS_VERSION 1

struct zc_stats {
    uint32_t version;
    uint32_t struct_bytes;
    uint64_t small_bytes;        /* blocks up to 64 KiB held by the program or by a cache */
    uint64_t large_bytes;        /* blocks above 64 KiB held by the program */
    uint64_t thread_cache_bytes; /* of small_bytes: in thread caches (a snapshot, not exact) */
    uint64_t depot_bytes;        /* of small_bytes: in the depots */
    uint64_t central_bytes;      /* free blocks in spans, used before or not */
    uint64_t span_tail_bytes;    /* what is left behind the last block of each span */
    uint64_t run_cache_bytes;    /* free runs of pages, kept for the next large block */
    uint64_t page_heap_bytes;    /* free pages that are still resident, at most */
    uint64_t released_bytes;     /* free pages given back to the OS, address space kept */
    uint64_t metadata_bytes;     /* the allocator's own tables, as mapped */
    uint64_t mapped_bytes;       /* small + large + central + span_tail + run_cache + page_heap +
                                     metadata: what may be resident */
    uint64_t mapped_peak_bytes;
    uint64_t reserved_bytes; /* address space, used or not */
    uint64_t thread_count;   /* live threads with a cache */
    uint64_t parked_count;   /* caches of dead threads, waiting for a new one */
    uint64_t os_call_count;  /* calls to the OS for memory */
    uint64_t huge_bytes;     /* of large_bytes: in blocks with a mapping of their own */
    uint64_t huge_count;     /* of these blocks */
};

/* Fills at most struct_bytes bytes of *stats; 0, or -1 with EINVAL if struct_bytes < 8. */
ZC_ATTR_EXPORT int zc_stats_get(struct zc_stats *stats, size_t struct_bytes) ZC_NOEXCEPT;

/* Writes a table for people to file descriptor fd. Does not allocate. */
ZC_ATTR_EXPORT void zc_stats_print(int fd) ZC_NOEXCEPT;

/* "0.1.0" */
ZC_ATTR_EXPORT const char *zc_version(void) ZC_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif
