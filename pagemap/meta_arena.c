/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* meta_arena.c - see meta_arena.h. */
#include "pagemap/meta_arena.h"

#include "base/bits.h"
#include "os/footprint.h"
#include "os/lock.h"
#include "os/os.h"

#include <string.h>

/* Address space per chunk; small, for it is charged in full where overcommit is off, and smaller where
 * address space is used up: the page heap asks for at least 1 MiB at a time, so some is left for this. */
#define CHUNK_BYTES       ((size_t)512 * 1024)
#define CHUNK_BYTES_LEAST ((size_t)16 * 1024)
/* Larger requests (descriptor arrays, map leaves) get a mapping of their own. */
#define OWN_MAPPING_BYTES (CHUNK_BYTES / 4)

struct free_block {
    struct free_block *next;
};

/* Lies at the front of its chunk, so that a chunk takes over by one store. */
struct chunk {
    char *next; /* free part; under lock */
    char *end;
};

static struct {
    struct lock lock;
    struct chunk *chunk;                      /* under lock */
    struct free_block *free[ZCI_META_GRADES]; /* under lock */
    uint64_t mapped_bytes;                    /* written under lock; atomic, relaxed: statistics */
    uint64_t donated_bytes;
} arena = {.lock = LOCK_INIT(RANK_META_ARENA)};

static char *map_guarded_locked(size_t bytes)
{
    size_t page = zci_os_page_bytes();
    bytes = align_up(bytes, page);
    char *start = zci_os_reserve(bytes + 2 * page, page);
    if (start == NULL)
        return NULL;
    if (!zci_os_commit(start + page, bytes)) {
        zci_os_release(start, bytes + 2 * page);
        return NULL;
    }
    counter_add(&arena.mapped_bytes, bytes);
    zci_footprint_add((int64_t)bytes);
    return start + page;
}

static void take_over_locked(struct chunk *chunk, size_t bytes)
{
    chunk->end = (char *)chunk + bytes;
    chunk->next = (char *)chunk + align_up(sizeof *chunk, 64);
    arena.chunk = chunk;
}

static bool add_chunk_locked(size_t bytes)
{
    size_t least = max_size(align_up(bytes + 64, zci_os_page_bytes()), CHUNK_BYTES_LEAST);
    size_t chunk_bytes = CHUNK_BYTES;
    struct chunk *chunk;
    while ((chunk = (void *)map_guarded_locked(chunk_bytes)) == NULL) {
        if (chunk_bytes / 2 < least)
            return false;
        chunk_bytes /= 2;
    }
    take_over_locked(chunk, align_up(chunk_bytes, zci_os_page_bytes()));
    return true;
}

static void *alloc_locked(size_t bytes)
{
    if (bytes > OWN_MAPPING_BYTES)
        return map_guarded_locked(bytes);
    struct chunk *chunk = arena.chunk;
    if ((chunk == NULL || (size_t)(chunk->end - chunk->next) < bytes) && !add_chunk_locked(bytes))
        return NULL;
    chunk = arena.chunk;
    char *block = chunk->next;
    chunk->next = block + bytes;
    return block;
}

void *zci_meta_alloc(size_t bytes)
{
    lock_acquire(&arena.lock);
    void *block = alloc_locked(align_up(bytes, 64));
    lock_release(&arena.lock);
    return block;
}

void *zci_meta_block_alloc(unsigned grade)
{
    lock_acquire(&arena.lock);
    struct free_block *block = arena.free[grade];
    if (block != NULL)
        arena.free[grade] = block->next;
    else
        block = alloc_locked(ZCI_META_GRADE_BYTES(grade));
    lock_release(&arena.lock);
    return block;
}

void zci_meta_block_free(void *block, unsigned grade)
{
    struct free_block *freed = block;
    lock_acquire(&arena.lock);
    freed->next = arena.free[grade];
    arena.free[grade] = freed;
    lock_release(&arena.lock);
}

void zci_meta_donate(void *start, size_t bytes)
{
    memset(start, 0, bytes);
    lock_acquire(&arena.lock);
    take_over_locked(start, bytes);
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

void zci_meta_arena_fork_child(void)
{
    lock_reset_in_child(&arena.lock);
}
