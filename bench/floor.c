/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* floor.c - a library to be preloaded instead of an allocator: how little can a program's malloc and free cost? What
 * it takes with this is, about, what it takes by itself, though other places for its blocks may suit it better.
 *   LD_PRELOAD=build/bench/bench/workloads/floor.so build/workloads/batch_free --threads 2
 * Each thread keeps freed blocks in lists by size, linked through the blocks themselves, for good: no check, no lock,
 * nothing shared, nothing ever given back. Not for use: a block freed twice is given out twice, memory freed by another
 * thread stays there, large blocks are never freed at all, and alignments above 16 are refused. */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#define CHUNK_BYTES  ((size_t)64 << 10)
#define HEADER_BYTES 64
#define CLASS_COUNT  1024 /* by 16 bytes */
#define GROW_BYTES   ((size_t)64 << 20)

/* At the start of each chunk, and of each large block. */
struct header {
    size_t class_bytes; /* 0: one large block */
    size_t bytes;
};

static _Thread_local void *lists[CLASS_COUNT];
static _Thread_local char *fresh[CLASS_COUNT];
static _Thread_local char *fresh_end[CLASS_COUNT];
static _Thread_local char *chunks, *chunks_end;

void *malloc(size_t size);
void free(void *block);
void *calloc(size_t count, size_t size);
void *realloc(void *block, size_t size);
int posix_memalign(void **block, size_t alignment, size_t size);
void *aligned_alloc(size_t alignment, size_t size);
void *memalign(size_t alignment, size_t size);

static struct header *new_chunk(size_t bytes)
{
    bytes = (bytes + CHUNK_BYTES - 1) & ~(CHUNK_BYTES - 1);
    if ((size_t)(chunks_end - chunks) < bytes) {
        size_t grow = bytes > GROW_BYTES ? bytes : GROW_BYTES;
        char *map = mmap(NULL, grow + CHUNK_BYTES, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (map == MAP_FAILED)
            return NULL;
        chunks = map + (-(uintptr_t)map & (CHUNK_BYTES - 1));
        chunks_end = chunks + grow;
    }
    struct header *header = (void *)chunks;
    chunks += bytes;
    return header;
}

static void *malloc_slow(size_t size, size_t index)
{
    size_t class_bytes = index * 16;
    if (index >= CLASS_COUNT || (size_t)(fresh_end[index] - fresh[index]) < class_bytes) {
        struct header *header =
            size > PTRDIFF_MAX - CHUNK_BYTES
                ? NULL
                : new_chunk(index < CLASS_COUNT ? CHUNK_BYTES : size + HEADER_BYTES);
        if (header == NULL) {
            errno = ENOMEM;
            return NULL;
        }
        *header = (struct header){index < CLASS_COUNT ? class_bytes : 0, size};
        if (index >= CLASS_COUNT)
            return (char *)header + HEADER_BYTES;
        fresh[index] = (char *)header + HEADER_BYTES;
        fresh_end[index] = (char *)header + CHUNK_BYTES;
    }
    void *block = fresh[index];
    fresh[index] += class_bytes;
    return block;
}

void *malloc(size_t size)
{
    size_t index = size > 16 ? (size + 15) >> 4 : 1;
    void *block = index < CLASS_COUNT ? lists[index] : NULL;
    if (block == NULL)
        return malloc_slow(size, index);
    lists[index] = *(void **)block;
    return block;
}

static struct header *header_of(void *block)
{
    return (void *)((char *)block - ((uintptr_t)block & (CHUNK_BYTES - 1)));
}

void free(void *block)
{
    if (block == NULL)
        return;
    size_t index = header_of(block)->class_bytes >> 4;
    if (index == 0)
        return;
    *(void **)block = lists[index];
    lists[index] = block;
}

void *calloc(size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    void *block = malloc(bytes);
    return block != NULL ? memset(block, 0, bytes) : NULL;
}

void *realloc(void *block, size_t size)
{
    if (block == NULL)
        return malloc(size);
    const struct header *header = header_of(block);
    size_t usable = header->class_bytes != 0 ? header->class_bytes : header->bytes;
    if (size <= usable)
        return block;
    void *moved = malloc(size + size / 2);
    if (moved == NULL)
        return NULL;
    memcpy(moved, block, usable);
    free(block);
    return moved;
}

int posix_memalign(void **block, size_t alignment, size_t size)
{
    *block = alignment <= 16 ? malloc(size) : NULL;
    return *block != NULL ? 0 : ENOMEM;
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return alignment <= 16 ? malloc(size) : NULL;
}

void *memalign(size_t alignment, size_t size)
{
    return aligned_alloc(alignment, size);
}
