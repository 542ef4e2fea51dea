/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* meta_arena.c - see meta_arena.h. */
#include "pagemap/meta_arena.h"

#include "base/bits.h"
#include "os/footprint.h"
#include "os/lock.h"
#include "os/os.h"

/* Address space per chunk; small, for it is charged in full where overcommit is off. */
#define CHUNK_BYTES ((size_t)512 * 1024)
/* Larger requests (descriptor arrays, map leaves) get a mapping of their own. */
#define OWN_MAPPING_BYTES (CHUNK_BYTES / 4)

struct free_block {
    struct free_block *next;
};

static struct {
    struct lock lock;
    char *next; /* free part of the current chunk; under lock */
    char *end;
    struct free_block *free[ZCI_META_GRADES]; /* under lock */
    uint64_t mapped_bytes;                    /* written under lock; atomic, relaxed: statistics */
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

static void *alloc_locked(size_t bytes)
{
    if (bytes > OWN_MAPPING_BYTES)
        return map_guarded_locked(bytes);
    if ((size_t)(arena.end - arena.next) < bytes) {
        char *chunk = map_guarded_locked(CHUNK_BYTES);
        if (chunk == NULL)
            return NULL;
        arena.end = chunk + CHUNK_BYTES;
        arena.next = chunk;
    }
    char *block = arena.next;
    arena.next = block + bytes;
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
