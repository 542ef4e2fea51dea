/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* line_owners.c - a library to be preloaded before an allocator: of how many new blocks did another thread have a block
 * on the first cache line before? Such a line has to come from the other thread's core. At the end one line says so.
 * Counts what times show only where the processors are far apart, and does not depend on the machine.
 *   LD_PRELOAD=build/bench/bench/workloads/line_owners.so:build/release/libzcmalloc.so \
 *       build/workloads/batch_free --threads 2
 * Of aligned blocks it takes no notice. */
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define LINE_SHIFT 6
/* Lines that are 16 GiB apart share a byte. */
#define OWNER_BITS  28
#define OWNER_COUNT ((size_t)1 << OWNER_BITS)
#define FLUSH_COUNT 1024

typedef void *malloc_function(size_t size);
typedef void *calloc_function(size_t count, size_t size);
typedef void *realloc_function(void *block, size_t size);

static unsigned char *owners; /* by line: the thread that had a block there last, 1 to 255 */
static atomic_uint threads;
static atomic_ullong all_blocks, all_moved;

static _Thread_local unsigned char self;
static _Thread_local unsigned long long blocks, moved;

/* The names that the allocator behind this library defines. A pointer to an object is not one to a function in C. */
static void *next(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

static void flush(void)
{
    atomic_fetch_add(&all_blocks, blocks);
    atomic_fetch_add(&all_moved, moved);
    blocks = moved = 0;
}

static void *note(void *block)
{
    if (block == NULL || owners == NULL)
        return block;
    if (self == 0)
        self = (unsigned char)(1 + atomic_fetch_add(&threads, 1) % 255);
    unsigned char *owner = &owners[((uintptr_t)block >> LINE_SHIFT) & (OWNER_COUNT - 1)];
    moved += *owner != 0 && *owner != self;
    *owner = self;
    if (++blocks == FLUSH_COUNT)
        flush();
    return block;
}

void *malloc(size_t size)
{
    static malloc_function *to;
    if (to == NULL)
        *(void **)&to = next("malloc");
    return note(to(size));
}

void *calloc(size_t count, size_t size)
{
    static calloc_function *to;
    if (to == NULL)
        *(void **)&to = next("calloc");
    return note(to(count, size));
}

void *realloc(void *block, size_t size)
{
    static realloc_function *to;
    if (to == NULL)
        *(void **)&to = next("realloc");
    void *resized = to(block, size);
    return resized != block ? note(resized) : resized;
}

static __attribute__((constructor)) void begin(void)
{
    void *map = mmap(NULL, OWNER_COUNT, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    owners = map != MAP_FAILED ? map : NULL;
}

static __attribute__((destructor)) void end(void)
{
    flush();
    unsigned long long all = atomic_load(&all_blocks);
    fprintf(stderr, "line_owners: %llu blocks, %.3f %% on a line that was another thread's\n", all,
            100.0 * (double)atomic_load(&all_moved) / (double)(all != 0 ? all : 1));
}
