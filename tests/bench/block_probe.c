/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* block_probe.c - a library to be preloaded: says at the end how many blocks malloc, calloc and realloc made.
 * With PROBE_LOSES_A_PAGE set it empties a page of the first large block when the second one is made: what a workload
 * that checks its blocks has to find. */
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define LARGE_BYTES ((size_t)1 << 20)
#define PAGE_BYTES  ((uintptr_t)4096)

typedef void *malloc_function(size_t size);
typedef void *calloc_function(size_t count, size_t size);
typedef void *realloc_function(void *block, size_t size);

static atomic_ullong blocks, large_blocks;

/* A pointer to an object is not one to a function in C. */
static void *next(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

static void lose_a_page(void *block, size_t size)
{
    static uintptr_t first_middle;
    unsigned long long before = atomic_fetch_add(&large_blocks, 1);
    if (before == 0)
        first_middle = ((uintptr_t)block + size / 2) & ~(PAGE_BYTES - 1);
    if (before == 1)
        madvise((void *)first_middle, PAGE_BYTES, MADV_DONTNEED);
}

void *malloc(size_t size)
{
    static malloc_function *to;
    if (to == NULL)
        *(void **)&to = next("malloc");
    atomic_fetch_add(&blocks, 1);
    void *block = to(size);
    if (size >= LARGE_BYTES && getenv("PROBE_LOSES_A_PAGE") != NULL)
        lose_a_page(block, size);
    return block;
}

void *calloc(size_t count, size_t size)
{
    static calloc_function *to;
    if (to == NULL)
        *(void **)&to = next("calloc");
    atomic_fetch_add(&blocks, 1);
    return to(count, size);
}

void *realloc(void *block, size_t size)
{
    static realloc_function *to;
    if (to == NULL)
        *(void **)&to = next("realloc");
    atomic_fetch_add(&blocks, 1);
    return to(block, size);
}

static __attribute__((destructor)) void end(void)
{
    fprintf(stderr, "blocks %llu\n", atomic_load(&blocks));
}
