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
 *              safe from anywhere, on Linux a signal handler included.
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

/* The size zc_malloc(size) would really give; size itself if it is above PTRDIFF_MAX. */
ZC_ATTR_EXPORT size_t zc_malloc_good_size(size_t size) ZC_NOEXCEPT;

/* --- beyond the standards ---------------------------------------------------------------------- */

/* 1 if block is the start of a block of this allocator that is handed out, and perhaps if it is free but its span
 * in use, which may be so up to 64 KiB; 0 for any other pointer value, mapped or not. Takes no lock. */
ZC_ATTR_EXPORT int zc_owns(const void *block) ZC_NOEXCEPT;

/* Gives all free memory back to the operating system that can be, as zc_collect(ZC_COLLECT_ALL), but keeps keep_bytes
 * of free pages, if there are so many, in units of 64 KiB. Returns the bytes given back. */
ZC_ATTR_EXPORT size_t zc_trim(size_t keep_bytes) ZC_NOEXCEPT;

/* How much zc_collect does. The collector does steps by itself, see ZCMALLOC_GC_MS; nothing has to call this.
 * ZC_COLLECT_STEP:   one of these steps, now: what has lain idle for long enough goes down one layer.
 * ZC_COLLECT_CACHES: everything that waits in caches goes to the page heap: of this thread, of dead threads and,
 *                    on Linux, of threads that sleep (not theirs of private heaps); what waits between threads. Nothing
 *                    goes to the OS: the result is 0.
 * ZC_COLLECT_ALL:    the same, then all free pages go to the OS, also those between live blocks. As zc_trim(0). */
enum zc_collect_level { ZC_COLLECT_STEP, ZC_COLLECT_CACHES, ZC_COLLECT_ALL };

/* Bytes given back to the OS; 0 with EINVAL for a value that is no enum zc_collect_level. Waits for a collection
 * that another thread is in the middle of. */
ZC_ATTR_EXPORT size_t zc_collect(int level) ZC_NOEXCEPT;

/* Gives at least this many bytes back to the OS, if so many are free, and less than 64 KiB more if free pages are
 * enough. If not, mappings that wait for their next use go too, all of them, at most 64 MiB; then what is in caches;
 * then pages between live blocks. Returns the bytes given back. */
ZC_ATTR_EXPORT size_t zc_release_to_os(size_t bytes) ZC_NOEXCEPT;

/* A thread that does the collector's steps also while the program allocates nothing, as with
 * ZCMALLOC_BACKGROUND=1. It blocks all signals. 0, also if there is one already; or -1 with EAGAIN if there can
 * be no more threads. The child of a fork has none, and may start one. */
ZC_ATTR_EXPORT int zc_background_start(void) ZC_NOEXCEPT;

/* Ends that thread; it may still be finishing a step when this returns. Without one nothing happens. */
ZC_ATTR_EXPORT void zc_background_stop(void) ZC_NOEXCEPT;

/* --- limits -------------------------------------------------------------------------------------- */

/* What is limited is mapped_bytes of struct zc_stats: all that may be resident because of the allocator,
 * its tables included. At start the limits are those of ZCMALLOC_SOFT_LIMIT and ZCMALLOC_HARD_LIMIT.
 * ZC_LIMIT_SOFT: before growing over it the heap is collected; then it grows all the same.
 * ZC_LIMIT_HARD: a request that would grow the heap over it, after collecting too, fails with ENOMEM.
 *                Everything else goes on: freeing, shrinking, threads, fork. */
enum zc_limit { ZC_LIMIT_SOFT, ZC_LIMIT_HARD };

/* In bytes; 0: no limit. 0 too for a value that is no enum zc_limit. */
ZC_ATTR_EXPORT size_t zc_limit_get(int which) ZC_NOEXCEPT;

/* Collects if the heap is larger already. 0 lifts the limit. 0, or -1 with EINVAL. */
ZC_ATTR_EXPORT int zc_limit_set(int which, size_t bytes) ZC_NOEXCEPT;

/* --- statistics ----------------------------------------------------------------------------------- */

/* What the allocator holds and has done. Names end in their unit: _bytes, _count, _percent; _peak_ is the
 * highest so far. version is ZC_STATS_VERSION of the library; a struct only ever grows at its end. The man
 * page explains each field. Sums are exact while no other thread is inside the allocator. */
#define ZC_STATS_VERSION 2

struct zc_stats {
    uint32_t version;
    uint32_t struct_bytes;
    uint64_t small_bytes;        /* blocks up to 64 KiB held by the program or by a cache */
    uint64_t large_bytes;        /* blocks above 64 KiB held by the program */
    uint64_t thread_cache_bytes; /* of small_bytes: in thread caches (a snapshot, not exact) */
    uint64_t depot_bytes;        /* of small_bytes: in the depots */
    uint64_t central_bytes;      /* free blocks in spans, used before or not */
    uint64_t span_tail_bytes;    /* what is left behind the last block of each span */
    uint64_t run_cache_bytes;    /* free runs of pages, kept for the next large block or span */
    uint64_t page_heap_bytes;    /* free pages that are still resident, at most */
    uint64_t released_bytes;     /* free pages given back to the OS, address space kept */
    uint64_t metadata_bytes;     /* the allocator's own tables, as mapped */
    uint64_t mapped_bytes;       /* small + large + central + span_tail + run_cache + page_heap +
                                     metadata - span_released: what may be resident */
    uint64_t mapped_peak_bytes;
    uint64_t reserved_bytes; /* address space, used or not */
    uint64_t thread_count;   /* live threads with a cache */
    uint64_t parked_count;   /* caches of dead threads, waiting for a new one */
    uint64_t os_call_count;  /* calls to the OS for memory */
    uint64_t huge_bytes;     /* of large_bytes: in blocks with a mapping of their own */
    uint64_t huge_count;     /* of these blocks */
    /* from version 2 on */
    uint64_t in_use_bytes;          /* blocks held by the program, small and large */
    uint64_t large_count;           /* blocks above 64 KiB held by the program */
    uint64_t large_requested_bytes; /* of large_bytes: what was asked for */
    uint64_t soft_limit_bytes;      /* 0: none */
    uint64_t hard_limit_bytes;      /* 0: none */
    uint64_t rss_bytes;             /* resident pages of the whole process */
    uint64_t rss_peak_bytes;
    uint64_t span_count;               /* spans of small blocks */
    uint64_t span_bytes;               /* small + central + span_tail */
    uint64_t span_utilisation_percent; /* of span_bytes: held by the program */
    uint64_t span_made_count;
    uint64_t spare_load_count;        /* empty bins: filled by a spare batch, */
    uint64_t depot_take_count;        /* by one from the depot, */
    uint64_t depot_miss_count;        /* from the spans */
    uint64_t spare_keep_count;        /* full bins: the batch became a spare, */
    uint64_t depot_put_count;         /* went to the depot, */
    uint64_t depot_full_count;        /* to the spans */
    uint64_t central_fetch_count;     /* blocks that left their spans */
    uint64_t central_return_count;    /* blocks that came back */
    uint64_t run_cache_hit_count;     /* large blocks from the run cache, */
    uint64_t run_cache_miss_count;    /* from the page heap */
    uint64_t huge_cache_hit_count;    /* huge blocks from a cached mapping, */
    uint64_t huge_cache_miss_count;   /* from a new one */
    uint64_t page_heap_reuse_count;   /* runs taken from resident pages, */
    uint64_t page_heap_refault_count; /* from pages that had been given back, */
    uint64_t page_heap_refault_bytes; /* their bytes */
    uint64_t page_heap_fresh_count;   /* from unused address space */
    uint64_t page_heap_return_count;  /* runs freed */
    uint64_t page_heap_wait_count;    /* sleeps on its lock */
    uint64_t limit_collect_count;     /* collections for want of memory */
    uint64_t limit_refuse_count;      /* requests refused after them */
    uint64_t os_fail_count;           /* of os_call_count: failed */
    uint64_t os_reserve_count;        /* os_call_count by kind, and their bytes */
    uint64_t os_reserve_bytes;
    uint64_t os_commit_count;
    uint64_t os_commit_bytes;
    uint64_t os_protect_count;
    uint64_t os_protect_bytes;
    uint64_t os_purge_count;
    uint64_t os_purge_bytes;
    uint64_t os_release_count;
    uint64_t os_release_bytes;
    uint64_t os_move_count;
    uint64_t os_move_bytes;
    uint64_t os_populate_count;
    uint64_t os_populate_bytes;
    uint64_t os_resize_count;
    uint64_t os_resize_bytes;
    uint64_t minor_fault_count; /* of the whole process */
    uint64_t major_fault_count;
    uint64_t heap_count; /* heaps and pools of one's own */
    uint64_t heap_bytes; /* of large_bytes: what they hold, small blocks and free ones too */
    uint64_t span_released_bytes; /* of span_bytes: given back to the OS from between blocks */
    uint64_t gc_step_count;
    uint64_t gc_swept_bytes;   /* given back from between the blocks of spans */
    uint64_t gc_decayed_bytes; /* given back as free pages, those of metadata too */
    uint64_t gc_idle_bytes;    /* taken out of the caches of sleeping threads */
    uint64_t gc_refault_bytes; /* given back and taken into use again */
    uint64_t gc_hold_bytes;    /* free pages kept because of that */
};

/* The same by size class. span_bytes is (in_use + thread_cache + depot + free) * block_bytes + tail. */
struct zc_class_stats {
    uint32_t version;
    uint32_t struct_bytes;
    uint64_t block_bytes; /* size of a block */
    uint64_t span_count;
    uint64_t span_bytes;
    uint64_t in_use_count;       /* blocks held by the program */
    uint64_t thread_cache_count; /* free blocks in thread caches */
    uint64_t depot_count;        /* free blocks in the depot */
    uint64_t free_count;         /* free blocks in spans, used before or not */
    uint64_t tail_bytes;         /* behind the last block of each span */
    uint64_t fetch_count;        /* blocks that left their spans, and that came back */
    uint64_t return_count;
    uint64_t span_made_count;
};

/* Fills at most struct_bytes bytes of *stats; 0, or -1 with EINVAL if struct_bytes < 8. */
ZC_ATTR_EXPORT int zc_stats_get(struct zc_stats *stats, size_t struct_bytes) ZC_NOEXCEPT;

/* The same for a size class, from 0 for that of the smallest blocks on; also -1 with EINVAL for a class
 * behind the last. */
ZC_ATTR_EXPORT int zc_stats_get_class(size_t index, struct zc_class_stats *stats,
                                      size_t struct_bytes) ZC_NOEXCEPT;

/* A table for people; one JSON object; Prometheus' text format 0.0.4. */
enum zc_stats_format { ZC_STATS_TEXT, ZC_STATS_JSON, ZC_STATS_PROMETHEUS };

/* Writes all of the statistics to file descriptor fd. Does not allocate. 0, or -1 with EINVAL for a value
 * that is no enum zc_stats_format, or with the errno of write(2) when that fails: a part may have been written. */
ZC_ATTR_EXPORT int zc_stats_write(int fd, int format) ZC_NOEXCEPT;

/* zc_stats_write(fd, ZC_STATS_TEXT), but errno is kept. */
ZC_ATTR_EXPORT void zc_stats_print(int fd) ZC_NOEXCEPT;

/* --- heaps and pools of one's own ----------------------------------------------------------------
 *
 * A heap is a set of blocks that ends at once, with spans, caches and statistics of its own; a pool is one for
 * blocks of one size. Neither has pages before its first block, nor a limit to its growth. At most 65535 exist
 * at a time.
 *
 * Threads      as above: any thread may use any heap, and free what another allocated from it. Each caches
 *              blocks of the heaps it uses; its exit returns them. Destroying a heap while another thread still
 *              uses it is a mistake that need not be noticed; a thread that merely used it before, and exits
 *              or goes on with other heaps, is none.
 * Free         free, realloc and malloc_usable_size know these blocks too, but take longer than the
 *              functions here: a realloc stays in the heap. They must not be used after destroy.
 * Misuse       a block of another heap or none, a block freed twice, a heap that does not exist: one sentence on
 *              fd 2 and abort(), as above. A handle that was destroyed is known until its place is taken by
 *              a new heap. NULL, where it is not ignored, ends the program too, but some functions without a
 *              sentence, by SIGSEGV: to look would cost the others.
 * fork         the child has a copy of all heaps and may go on using, and destroy, each. */
struct zc_heap;
struct zc_pool;

/* A heap without blocks; 4 KiB of metadata, used again after destroy. */
ZC_ATTR_EXPORT struct zc_heap *zc_heap_new(void) ZC_NOEXCEPT ZC_ATTR_RESULT;

/* Frees every block of the heap, and the heap. NULL is ignored; errno is kept. The pages go to the page heap,
 * whence zc_trim gives them to the operating system. */
ZC_ATTR_EXPORT void zc_heap_destroy(struct zc_heap *heap) ZC_NOEXCEPT;

/* As zc_malloc, zc_calloc, zc_realloc and zc_free, for blocks of this heap. zc_heap_memalign is as
 * zc_aligned_alloc: an alignment that is no power of two gives NULL with EINVAL. */
ZC_ATTR_EXPORT void *zc_heap_malloc(struct zc_heap *heap, size_t size) ZC_NOEXCEPT ZC_ATTR_MALLOC
    ZC_ATTR_SIZE(2);
ZC_ATTR_EXPORT void *zc_heap_calloc(struct zc_heap *heap, size_t count,
                                    size_t size) ZC_NOEXCEPT ZC_ATTR_MALLOC ZC_ATTR_SIZE(2, 3);
ZC_ATTR_EXPORT void *zc_heap_realloc(struct zc_heap *heap, void *block,
                                     size_t size) ZC_NOEXCEPT ZC_ATTR_RESULT ZC_ATTR_SIZE(3);
ZC_ATTR_EXPORT void *zc_heap_memalign(struct zc_heap *heap, size_t alignment,
                                      size_t size) ZC_NOEXCEPT ZC_ATTR_MALLOC ZC_ATTR_SIZE(3);
ZC_ATTR_EXPORT void zc_heap_free(struct zc_heap *heap, void *block) ZC_NOEXCEPT;

/* Bytes that may be used from block on, which must be a block of this heap. 0 for NULL. */
ZC_ATTR_EXPORT size_t zc_heap_usable_size(struct zc_heap *heap, const void *block) ZC_NOEXCEPT;

/* As zc_owns, for blocks of this heap: 0 for those of others. */
ZC_ATTR_EXPORT int zc_heap_owns(struct zc_heap *heap, const void *block) ZC_NOEXCEPT;

/* Returns what the calling thread has cached of this heap, and gives spans without blocks to the page heap;
 * the bytes of these. */
ZC_ATTR_EXPORT size_t zc_heap_collect(struct zc_heap *heap) ZC_NOEXCEPT;

/* What a heap or pool holds, in bytes unless named a count. Exact while no thread uses it, a snapshot else. The
 * struct only ever grows at its end. */
#define ZC_HEAP_USAGE_VERSION 1

struct zc_heap_usage {
    uint32_t version;
    uint32_t struct_bytes;
    uint64_t live_bytes;   /* blocks held by the program, as large as they are usable */
    uint64_t live_count;   /* of these blocks */
    uint64_t cached_bytes; /* free blocks in threads' caches */
    uint64_t cached_count;
    uint64_t span_count; /* runs of pages; each block above 64 KiB is one */
    uint64_t held_bytes; /* of these runs: what the heap keeps from all others */
    uint64_t held_peak_bytes;
};

/* Fills at most struct_bytes bytes of *stats; 0, or -1 with EINVAL if struct_bytes < 8. */
ZC_ATTR_EXPORT int zc_heap_stats(struct zc_heap *heap, struct zc_heap_usage *stats,
                                 size_t struct_bytes) ZC_NOEXCEPT;

/* A pool of blocks of size bytes, each aligned to alignment, a power of two (else NULL with EINVAL); 0 means as
 * malloc would align them. The blocks lie size bytes apart, rounded up to the alignment and to at least 8:
 * no rounding to a size class. Larger ones than 64 KiB are rounded as malloc rounds them. */
ZC_ATTR_EXPORT struct zc_pool *zc_pool_new(size_t size,
                                           size_t alignment) ZC_NOEXCEPT ZC_ATTR_RESULT;
ZC_ATTR_EXPORT void zc_pool_destroy(struct zc_pool *pool) ZC_NOEXCEPT;
ZC_ATTR_EXPORT void *zc_pool_malloc(struct zc_pool *pool) ZC_NOEXCEPT ZC_ATTR_MALLOC;
ZC_ATTR_EXPORT void zc_pool_free(struct zc_pool *pool, void *block) ZC_NOEXCEPT;
ZC_ATTR_EXPORT size_t zc_pool_collect(struct zc_pool *pool) ZC_NOEXCEPT;
ZC_ATTR_EXPORT int zc_pool_stats(struct zc_pool *pool, struct zc_heap_usage *stats,
                                 size_t struct_bytes) ZC_NOEXCEPT;

/* "0.1.0" */
ZC_ATTR_EXPORT const char *zc_version(void) ZC_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif
