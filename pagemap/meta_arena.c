/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* meta_arena.c - see meta_arena.h. */
#include "pagemap/meta_arena.h"

#include "base/atomic.h"
#include "base/bits.h"
#include "os/footprint.h"
#include "os/lock.h"
#include "os/os.h"

#include <string.h>

/* Address space per chunk: small, for it is charged in full where overcommit is off, but as much as is in use, for
 * while it is mapped nobody gets metadata, and the kernel may have everyone else's faults end first. Smaller where
 * address space is used up: the page heap asks for at least 1 MiB at a time, so some is left for this. */
#define CHUNK_BYTES       ((size_t)512 * 1024)
#define CHUNK_BYTES_MOST  ((size_t)4 * 1024 * 1024)
#define CHUNK_BYTES_LEAST ((size_t)16 * 1024)
/* Larger requests (descriptor arrays, map leaves) get a mapping of their own. */
#define OWN_MAPPING_BYTES (CHUNK_BYTES / 4)

/* What is left beside groups becomes blocks of at most this grade: smaller than those of groups. */
#define GRADE_REST_MOST 2

struct free_block {
    struct free_block *next;
    uint32_t grade;
};

/* Free blocks side by side that became one: its pages but the first are with the OS; or the rest of a chunk. Blocks are
 * cut from its end. */
struct extent {
    struct extent *next;
    size_t bytes;
};

/* Shorter extents would be more trouble than they are worth. */
#define EXTENT_PAGES_LEAST 4

/* Lies at the front of its chunk, so that a chunk takes over by one store. */
struct chunk {
    char *next; /* free part; under lock, as all */
    char *end;
    char *resident_end; /* up to here pages were asked for, or need not be */
};

/* One call makes several pages resident, up to this, once so many times as much is in use; not under the lock. */
#define POPULATE_BYTES_MAX ((size_t)64 * 1024)
#define POPULATE_SHARE     8

static struct {
    struct lock lock;
    struct chunk *chunk;                      /* under lock */
    size_t cut_bytes;                         /* from chunks, ever; under lock */
    struct free_block *free[ZCI_META_GRADES]; /* under lock, as all below */
    size_t free_bytes;                        /* of these */
    size_t free_bytes_before;                 /* after the last zci_meta_purge */
    struct extent *extents;
    uint64_t mapped_bytes; /* written under lock; atomic, relaxed: statistics */
    uint64_t donated_bytes;
} arena = {.lock = LOCK_INIT(RANK_META_ARENA)};

static char *map_guarded_locked(size_t bytes)
{
    size_t page = zci_os_page_bytes();
    bytes = align_up(bytes, page);
    if (!zci_footprint_try_add_metadata(bytes))
        return NULL;
    char *start = zci_os_reserve(bytes + 2 * page, page);
    if (start != NULL && zci_os_commit(start + page, bytes)) {
        counter_add(&arena.mapped_bytes, bytes);
        zci_footprint_settle();
        return start + page;
    }
    if (start != NULL)
        zci_os_release(start, bytes + 2 * page);
    zci_footprint_add(-(int64_t)bytes);
    return NULL;
}

static void free_locked(void *block, unsigned grade)
{
    struct free_block *freed = block;
    freed->grade = grade;
    freed->next = arena.free[grade];
    arena.free[grade] = freed;
    arena.free_bytes += ZCI_META_GRADE_BYTES(grade);
}

/* Blocks again: no page of them is for one group alone. bytes: a multiple of the smallest grade's. */
static void cut_up_locked(char *start, size_t bytes)
{
    /* For the child of a fork that comes between: it was taken from where it lay before it is free. */
    atomic_order_for_thread();
    while (bytes != 0) {
        unsigned grade = GRADE_REST_MOST;
        while (ZCI_META_GRADE_BYTES(grade) > bytes)
            grade--;
        free_locked(start, grade);
        start += ZCI_META_GRADE_BYTES(grade);
        bytes -= ZCI_META_GRADE_BYTES(grade);
    }
}

/* What a chunk has left when another one takes over. */
static void keep_rest_locked(char *start, size_t bytes)
{
    struct extent *extent = (struct extent *)start;
    if (bytes < EXTENT_PAGES_LEAST * zci_os_page_bytes()) {
        cut_up_locked(start, bytes);
        return;
    }
    extent->bytes = bytes;
    extent->next = arena.extents;
    arena.extents = extent;
}

static void take_over_locked(struct chunk *chunk, size_t bytes, size_t resident_bytes)
{
    const struct chunk *before = arena.chunk;
    chunk->end = (char *)chunk + bytes;
    chunk->resident_end = (char *)chunk + resident_bytes;
    chunk->next = (char *)chunk + align_up(sizeof *chunk, 64);
    arena.chunk = chunk;
    if (before != NULL)
        keep_rest_locked(before->next, (size_t)(before->end - before->next));
}

static bool add_chunk_locked(size_t bytes)
{
    size_t least = max_size(align_up(bytes + 64, zci_os_page_bytes()), CHUNK_BYTES_LEAST);
    size_t page = zci_os_page_bytes();
    size_t chunk_bytes = align_down(min_size(arena.cut_bytes, CHUNK_BYTES_MOST), page);
    struct chunk *chunk;
    chunk_bytes = max_size(chunk_bytes, CHUNK_BYTES);
    while ((chunk = (void *)map_guarded_locked(chunk_bytes)) == NULL) {
        if (chunk_bytes / 2 < least)
            return false;
        chunk_bytes /= 2;
    }
    take_over_locked(chunk, align_up(chunk_bytes, zci_os_page_bytes()), zci_os_page_bytes());
    return true;
}

/* Pages that whoever has the block is to make resident. */
struct population {
    char *start;
    size_t bytes; /* 0: none */
};

/* The free part begins on a page that was not touched yet. */
static void note_population_locked(struct chunk *chunk, struct population *population)
{
    size_t bytes = min_size(arena.cut_bytes / POPULATE_SHARE, POPULATE_BYTES_MAX);
    char *start = chunk->resident_end;
    bytes = min_size(align_up(bytes, zci_os_page_bytes()), (size_t)(chunk->end - start));
    if (bytes > zci_os_page_bytes())
        *population = (struct population){start, bytes};
    chunk->resident_end = start + bytes;
}

static void *alloc_locked(size_t bytes, struct population *population)
{
    if (bytes > OWN_MAPPING_BYTES)
        return map_guarded_locked(bytes);
    struct chunk *chunk = arena.chunk;
    if ((chunk == NULL || (size_t)(chunk->end - chunk->next) < bytes) && !add_chunk_locked(bytes))
        return NULL;
    chunk = arena.chunk;
    char *block = chunk->next;
    chunk->next = block + bytes;
    arena.cut_bytes += bytes;
    if (chunk->next > chunk->resident_end)
        note_population_locked(chunk, population);
    return block;
}

static void unlock_and_populate(const struct population *population)
{
    lock_release(&arena.lock);
    if (population->bytes != 0)
        (void)zci_os_populate(population->start, population->bytes);
}

void *zci_meta_alloc(size_t bytes)
{
    struct population population = {NULL, 0};
    lock_acquire(&arena.lock);
    void *block = alloc_locked(align_up(bytes, 64), &population);
    unlock_and_populate(&population);
    return block;
}

/* bytes: at most a page, or what the first extent has. What is cut ends at a multiple of align, if there is room. Every
 * extent has at least a page; what is left below that becomes blocks again. */
static void *cut_from_extent_locked(size_t bytes, size_t align)
{
    struct extent *extent = arena.extents;
    if (extent == NULL)
        return NULL;
    char *end = (char *)extent + extent->bytes;
    char *cut_end = (char *)align_down((uintptr_t)end, align);
    if (cut_end < (char *)extent + bytes)
        cut_end = end;
    char *block = cut_end - bytes;
    size_t left = (size_t)(block - (char *)extent);
    if (left >= zci_os_page_bytes()) {
        extent->bytes = left;
    } else {
        arena.extents = extent->next;
        cut_up_locked((char *)extent, left);
    }
    cut_up_locked(cut_end, (size_t)(end - cut_end));
    return block;
}

void *zci_meta_block_alloc(unsigned grade)
{
    size_t bytes = ZCI_META_GRADE_BYTES(grade);
    struct population population = {NULL, 0};
    lock_acquire(&arena.lock);
    void *block = arena.free[grade];
    if (block != NULL) {
        arena.free[grade] = arena.free[grade]->next;
        arena.free_bytes -= bytes;
    } else {
        block = cut_from_extent_locked(bytes, 1);
        if (block == NULL)
            block = alloc_locked(bytes, &population);
    }
    unlock_and_populate(&population);
    return block;
}

/* A free part that begins at a multiple of align and has room for so many bytes, if the OS gives memory for it. */
static void align_chunk_locked(size_t bytes, size_t align)
{
    struct chunk *chunk = arena.chunk;
    if (chunk == NULL || (size_t)(chunk->end - chunk->next) < bytes + align) {
        if (!add_chunk_locked(bytes + align))
            return;
        chunk = arena.chunk;
    }
    char *next = chunk->next;
    chunk->next = (char *)align_up((uintptr_t)next, align);
    cut_up_locked(next, (size_t)(chunk->next - next));
}

unsigned zci_meta_group_alloc(unsigned grade, void **blocks)
{
    size_t bytes = ZCI_META_GRADE_BYTES(grade);
    unsigned most = (unsigned)(ZCI_META_GROUP_BYTES / bytes);
    unsigned count = 0;
    struct population population = {NULL, 0};
    lock_acquire(&arena.lock);
    for (; count < most && arena.free[grade] != NULL; count++) {
        blocks[count] = arena.free[grade];
        arena.free[grade] = arena.free[grade]->next;
        arena.free_bytes -= bytes;
    }
    if (count == 0) {
        size_t all = ZCI_META_GROUP_BYTES;
        if (arena.extents != NULL)
            all = min_size(all, align_down(arena.extents->bytes, bytes));
        char *group = cut_from_extent_locked(all, ZCI_META_GROUP_ALIGN);
        if (group == NULL) {
            align_chunk_locked(all, ZCI_META_GROUP_ALIGN);
            group = alloc_locked(all, &population);
        }
        for (; group != NULL && count < all / bytes; count++)
            blocks[count] = group + count * bytes;
    }
    unlock_and_populate(&population);
    return count;
}

void zci_meta_block_free(void *block, unsigned grade)
{
    lock_acquire(&arena.lock);
    free_locked(block, grade);
    lock_release(&arena.lock);
}

/* --- giving pages back ----------------------------------------------------------------------------- */

static struct free_block *merge(struct free_block *a, struct free_block *b)
{
    struct free_block *merged;
    struct free_block **link = &merged;
    while (a != NULL && b != NULL) {
        struct free_block **lower = a < b ? &a : &b;
        *link = *lower;
        link = &(*lower)->next;
        *lower = *link;
    }
    *link = a != NULL ? a : b;
    return merged;
}

/* By address; lists of 2^i blocks wait in sorted[i]. */
static struct free_block *sort(struct free_block *list)
{
    struct free_block *sorted[32] = {NULL};
    while (list != NULL) {
        struct free_block *block = list;
        list = list->next;
        block->next = NULL;
        size_t i = 0;
        for (; i < 31 && sorted[i] != NULL; i++) {
            block = merge(sorted[i], block);
            sorted[i] = NULL;
        }
        sorted[i] = merge(sorted[i], block);
    }
    for (size_t i = 1; i < 32; i++)
        sorted[i] = merge(sorted[i - 1], sorted[i]);
    return sorted[31];
}

static struct free_block *take_all_locked(void)
{
    struct free_block *all = NULL;
    for (unsigned grade = 0; grade < ZCI_META_GRADES; grade++) {
        struct free_block *block;
        while ((block = arena.free[grade]) != NULL) {
            arena.free[grade] = block->next;
            block->next = all;
            all = block;
        }
    }
    arena.free_bytes = 0;
    return all;
}

/* Blocks from first up to end, which lie side by side: an extent if they are long enough, else what they were.
 * Bytes given back. */
static size_t put_run_locked(struct free_block *first, char *end)
{
    size_t page = zci_os_page_bytes();
    size_t bytes = (size_t)(end - (char *)first);
    char *from = (char *)align_up((uintptr_t)first + sizeof(struct extent), page);
    size_t purged = (size_t)((char *)align_down((uintptr_t)end, page) - from);
    if (bytes < EXTENT_PAGES_LEAST * page || !zci_os_purge(from, purged)) {
        for (char *at = (char *)first; at != end;) {
            unsigned grade = ((struct free_block *)at)->grade;
            free_locked(at, grade);
            at += ZCI_META_GRADE_BYTES(grade);
        }
        return 0;
    }
    struct extent *extent = (struct extent *)first;
    extent->bytes = bytes;
    extent->next = arena.extents;
    arena.extents = extent;
    return purged;
}

size_t zci_meta_purge(size_t growth_least)
{
    size_t purged = 0;
    /* Blocks are cut from an extent piece by piece, but a purged range is reused as a whole. */
    if (zci_os_purge_needs_reuse())
        return 0;
    lock_acquire(&arena.lock);
    if (arena.free_bytes < arena.free_bytes_before + growth_least) {
        lock_release(&arena.lock);
        return 0;
    }
    struct free_block *block = sort(take_all_locked());
    while (block != NULL) {
        struct free_block *first = block;
        char *end;
        do {
            end = (char *)block + ZCI_META_GRADE_BYTES(block->grade);
            block = block->next;
        } while ((char *)block == end);
        purged += put_run_locked(first, end);
    }
    arena.free_bytes_before = arena.free_bytes;
    lock_release(&arena.lock);
    return purged;
}

void zci_meta_donate(void *start, size_t bytes)
{
    memset(start, 0, bytes);
    lock_acquire(&arena.lock);
    take_over_locked(start, bytes, bytes);
    counter_add(&arena.donated_bytes, bytes);
    lock_release(&arena.lock);
}

uint64_t zci_meta_donated_bytes(void)
{
    return atomic_load_relaxed(&arena.donated_bytes);
}

unsigned zci_meta_grade(size_t bytes)
{
    return bytes <= 64 ? 0 : log2_floor(bytes - 1) - 5;
}

uint64_t zci_meta_mapped_bytes(void)
{
    return atomic_load_relaxed(&arena.mapped_bytes);
}

void zci_meta_arena_fork_child(struct footprint_recount *recount)
{
    lock_reset_in_child(&arena.lock);
    recount->bytes += arena.mapped_bytes;
    recount->is_midway |= !lock_is_free(&arena.lock);
}
