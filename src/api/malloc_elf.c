/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* malloc_elf.c - the malloc family of an ELF system: glibc's names and musl's, all in this one object.
 * Invariants: complete. A static link that finds some of these here and some in libc either fails with
 *             duplicates or, worse, mixes two allocators; so every name that libc's malloc object defines
 *             for others is defined here.
 * Costs:      malloc and free are the fast path itself, not calls of it. */
#include "api/contract.h"
#include "heap/stats.h"
#include "os/os.h"
#include "zcmalloc.h"

#include <stdio.h>

/* libc's own declarations are left out: attributes and struct types differ between systems, and musl
 * has not all of these. */
void *malloc(size_t size);
void free(void *block);
void *calloc(size_t count, size_t size);
void *realloc(void *block, size_t size);
void *aligned_alloc(size_t alignment, size_t size);
int posix_memalign(void **block, size_t alignment, size_t size);
void *memalign(size_t alignment, size_t size);
void *valloc(size_t size);
void *pvalloc(size_t size);
void *reallocarray(void *block, size_t count, size_t size);
size_t malloc_usable_size(void *block);
void cfree(void *block);
void free_sized(void *block, size_t size);
void free_aligned_sized(void *block, size_t alignment, size_t size);
int malloc_trim(size_t keep_bytes);
int mallopt(int parameter, int value);
void malloc_stats(void);
int malloc_info(int options, FILE *stream);

#define EXPORT_AS(name, body) extern __typeof(body) name ZCI_EXPORT __attribute__((alias(#body)))

ZCI_EXPORT ZCI_FAST_ENTRY void *malloc(size_t size)
{
    return contract_malloc(size);
}

ZCI_EXPORT ZCI_FAST_ENTRY void free(void *block)
{
    contract_free(block);
}

ZCI_EXPORT void *calloc(size_t count, size_t size)
{
    return zci_api_calloc(count, size);
}

ZCI_EXPORT ZCI_FAST_ENTRY void *realloc(void *block, size_t size)
{
    return contract_realloc(block, size);
}

/* By the symbol, as in glibc: where the program, or a library before us, has a malloc of its own but no reallocarray,
 * the block is that one's. The other name keeps the compiler from taking it for ours. */
void *realloc_in_use(void *block, size_t size) __asm__("realloc");

ZCI_EXPORT void *reallocarray(void *block, size_t count, size_t size)
{
    size_t bytes;
    if (ZCI_LIKELY(!__builtin_mul_overflow(count, size, &bytes)))
        return realloc_in_use(block, bytes);
    errno = ENOMEM;
    return NULL;
}

ZCI_EXPORT void *aligned_alloc(size_t alignment, size_t size)
{
    return zci_api_aligned_alloc(alignment, size);
}

ZCI_EXPORT void *memalign(size_t alignment, size_t size)
{
    return zci_api_memalign(alignment, size);
}

ZCI_EXPORT int posix_memalign(void **block, size_t alignment, size_t size)
{
    return zci_api_posix_memalign(block, alignment, size);
}

ZCI_EXPORT void *valloc(size_t size)
{
    return zci_api_valloc(size);
}

ZCI_EXPORT void *pvalloc(size_t size)
{
    return zci_api_pvalloc(size);
}

ZCI_EXPORT size_t malloc_usable_size(void *block)
{
    return zci_api_usable_size(block);
}

ZCI_EXPORT void cfree(void *block)
{
    contract_free(block);
}

ZCI_EXPORT void free_sized(void *block, size_t size)
{
    (void)size;
    contract_free(block);
}

ZCI_EXPORT void free_aligned_sized(void *block, size_t alignment, size_t size)
{
    (void)alignment;
    (void)size;
    contract_free(block);
}

/* --- names under which libc calls itself, or others call libc --------------------------------------- */

EXPORT_AS(__libc_malloc, malloc);
EXPORT_AS(__libc_free, free);
EXPORT_AS(__libc_calloc, calloc);
EXPORT_AS(__libc_realloc, realloc);
EXPORT_AS(__libc_memalign, memalign);
EXPORT_AS(__libc_valloc, valloc);
EXPORT_AS(__libc_pvalloc, pvalloc);
EXPORT_AS(__posix_memalign, posix_memalign);

/* --- glibc's controls --------------------------------------------------------------------------------- */

ZCI_EXPORT int malloc_trim(size_t keep_bytes)
{
    return zc_trim(keep_bytes) != 0;
}

/* Every parameter is accepted, none means anything here: programs take 0 for a failure. */
ZCI_EXPORT int mallopt(int parameter, int value)
{
    (void)parameter;
    (void)value;
    return 1;
}

ZCI_EXPORT void malloc_stats(void)
{
    zci_stats_print(2, ZC_STATS_TEXT);
}

/* The layout of glibc's struct mallinfo2 and, in int, of struct mallinfo; musl declares neither. */
struct info_words {
    size_t arena, ordblks, smblks, hblks, hblkhd, usmblks, fsmblks, uordblks, fordblks, keepcost;
};

struct info_ints {
    int arena, ordblks, smblks, hblks, hblkhd, usmblks, fsmblks, uordblks, fordblks, keepcost;
};

static struct info_words collect_info(void)
{
    struct zc_stats stats;
    zci_stats_collect(&stats);
    size_t cached = stats.thread_cache_bytes + stats.depot_bytes;
    size_t idle = stats.central_bytes + stats.run_cache_bytes + stats.page_heap_bytes;
    return (struct info_words){
        .arena = stats.mapped_bytes + stats.span_released_bytes - stats.metadata_bytes -
                 stats.huge_bytes,
        .hblks = stats.huge_count,
        .hblkhd = stats.huge_bytes,
        .usmblks = stats.mapped_peak_bytes,
        .fsmblks = cached,
        .uordblks = stats.in_use_bytes - stats.huge_bytes,
        .fordblks = idle + cached,
        .keepcost = stats.page_heap_bytes,
    };
}

struct info_words mallinfo2(void);

ZCI_EXPORT struct info_words mallinfo2(void)
{
    return collect_info();
}

static int clip_to_int(size_t value)
{
    return value < INT32_MAX ? (int)value : INT32_MAX;
}

struct info_ints mallinfo(void);

ZCI_EXPORT struct info_ints mallinfo(void)
{
    struct info_words words = collect_info();
    return (struct info_ints){
        .arena = clip_to_int(words.arena),
        .hblks = clip_to_int(words.hblks),
        .hblkhd = clip_to_int(words.hblkhd),
        .usmblks = clip_to_int(words.usmblks),
        .fsmblks = clip_to_int(words.fsmblks),
        .uordblks = clip_to_int(words.uordblks),
        .fordblks = clip_to_int(words.fordblks),
        .keepcost = clip_to_int(words.keepcost),
    };
}

/* Of free runs, which have any length. */
static uint64_t free_page_bytes(const struct zc_stats *stats)
{
    return stats->run_cache_bytes + stats->page_heap_bytes;
}

/* Free blocks of each class, whichever layer holds them, and free pages. */
static int write_sizes(FILE *stream, const struct stats_snapshot *snapshot)
{
    int length = fputs("<sizes>\n", stream);
    for (size_t c = 0; c < ZCI_STATS_CLASSES && length >= 0; c++) {
        const struct zc_class_stats *row = &snapshot->classes[c];
        uint64_t count = row->thread_cache_count + row->depot_count + row->free_count;
        if (count == 0)
            continue;
        uint64_t least = c != 0 ? row[-1].block_bytes + 1 : 1;
        length =
            fprintf(stream, "<size from=\"%llu\" to=\"%llu\" total=\"%llu\" count=\"%llu\"/>\n",
                    (unsigned long long)least, (unsigned long long)row->block_bytes,
                    (unsigned long long)(count * row->block_bytes), (unsigned long long)count);
    }
    if (length < 0)
        return length;
    unsigned long long page_bytes = zci_os_page_bytes();
    unsigned long long bytes = free_page_bytes(&snapshot->all);
    return fprintf(
        stream, "<unsorted from=\"%llu\" to=\"%llu\" total=\"%llu\" count=\"%llu\"/>\n</sizes>\n",
        page_bytes, page_bytes, bytes, bytes / page_bytes);
}

/* The totals of the only heap, and of all heaps, are the same. */
static int write_totals(FILE *stream, const struct stats_snapshot *snapshot)
{
    const struct zc_stats *stats = &snapshot->all;
    uint64_t fast_count = 0;
    uint64_t rest_count = free_page_bytes(stats) / zci_os_page_bytes();
    for (size_t c = 0; c < ZCI_STATS_CLASSES; c++) {
        fast_count += snapshot->classes[c].thread_cache_count + snapshot->classes[c].depot_count;
        rest_count += snapshot->classes[c].free_count;
    }
    return fprintf(
        stream,
        "<total type=\"fast\" count=\"%llu\" size=\"%llu\"/>\n"
        "<total type=\"rest\" count=\"%llu\" size=\"%llu\"/>\n"
        "<total type=\"mmap\" count=\"%llu\" size=\"%llu\"/>\n"
        "<system type=\"current\" size=\"%llu\"/>\n"
        "<system type=\"max\" size=\"%llu\"/>\n"
        "<aspace type=\"total\" size=\"%llu\"/>\n"
        "<aspace type=\"mprotect\" size=\"%llu\"/>\n",
        (unsigned long long)fast_count,
        (unsigned long long)(stats->thread_cache_bytes + stats->depot_bytes),
        (unsigned long long)rest_count,
        (unsigned long long)(stats->central_bytes + free_page_bytes(stats)),
        (unsigned long long)stats->huge_count, (unsigned long long)stats->huge_bytes,
        (unsigned long long)stats->mapped_bytes, (unsigned long long)stats->mapped_peak_bytes,
        (unsigned long long)stats->reserved_bytes, (unsigned long long)stats->mapped_bytes);
}

/* The figures are collected before the first byte is written: the stream itself may allocate. */
ZCI_EXPORT int malloc_info(int options, FILE *stream)
{
    struct stats_snapshot snapshot;
    /* The error number itself, as glibc has it. */
    if (options != 0)
        return EINVAL;
    zci_stats_collect_all(&snapshot);
    bool is_written = fputs("<malloc version=\"1\">\n<heap nr=\"0\">\n", stream) >= 0 &&
                      write_sizes(stream, &snapshot) >= 0 && write_totals(stream, &snapshot) >= 0 &&
                      fputs("</heap>\n", stream) >= 0 && write_totals(stream, &snapshot) >= 0 &&
                      fputs("</malloc>\n", stream) >= 0;
    return is_written ? 0 : -1;
}
