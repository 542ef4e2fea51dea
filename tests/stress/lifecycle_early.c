/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* lifecycle_early.c - malloc before the constructors of any library: from .preinit_array, from a
 * library's constructor of the highest priority, from this program's. The blocks must live on in
 * main. */
#include "stress/early_library.h"
#include "stress/names.h"
#include "stress/process.h"
#include "support/check.h"

#include <string.h>

static char *preinit_block;
static char *preinit_large_block;
static char *constructor_block;

static char *filled(size_t size, char letter)
{
    char *block = t_malloc(size);
    if (block != NULL)
        memset(block, letter, size);
    return block;
}

static int is_filled(const char *block, size_t size, char letter)
{
    if (block == NULL)
        return 0;
    for (size_t i = 0; i < size; i++) {
        if (block[i] != letter)
            return 0;
    }
    return 1;
}

static void preinit(void)
{
    preinit_block = filled(200, 'p');
    preinit_large_block = filled(400000, 'P');
    t_free(t_calloc(3, 50));
}

__attribute__((section(".preinit_array"), used)) static void (*preinit_entry)(void) = preinit;

__attribute__((constructor(101))) static void construct(void)
{
    constructor_block = filled(3000, 'c');
}

static void *free_elsewhere(void *block)
{
    t_free(block);
    return NULL;
}

int main(void)
{
    pthread_t thread;
    CHECK(is_filled(preinit_block, 200, 'p'));
    CHECK(is_filled(preinit_large_block, 400000, 'P'));
    CHECK(is_filled(constructor_block, 3000, 'c'));
    CHECK(is_filled(early_library_block(), 100, 'e'));
    preinit_block = t_realloc(preinit_block, 100000);
    CHECK(is_filled(preinit_block, 200, 'p'));
    CHECK_EQ(pthread_create(&thread, NULL, free_elsewhere, preinit_block), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    t_free(preinit_large_block);
    t_free(constructor_block);
    CHECK(heap_works_with_threads(1));
    return check_done();
}
