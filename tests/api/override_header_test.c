/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* override_header_test.c - zcmalloc_override.h: this file's malloc is ours, libc's malloc stays
 * libc's. Linked with the prefixed library. The same text is compiled as C and as C++. */
#include "tests/support/blocks.h"
#include "tests/support/check.h"

#include <dlfcn.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Taken before the names change. */
static void *(*const libc_malloc)(size_t) = malloc;
static void (*const libc_free)(void *) = free;

#include "zcmalloc_override.h"

static void test_blocks_are_ours(void)
{
    void *blocks[11] = {NULL};
    blocks[0] = malloc(10);
    blocks[1] = calloc(10, 10);
    blocks[2] = realloc(NULL, 100000);
    blocks[3] = reallocarray(NULL, 100, 100);
    blocks[4] = aligned_alloc(64, 64);
    blocks[5] = memalign(256, 10);
    CHECK_EQ(posix_memalign(&blocks[6], 4096, 10), 0);
    blocks[7] = valloc(10);
    blocks[8] = pvalloc(10);
    blocks[9] = strdup("text");
    blocks[10] = strndup("text", 2);
    CHECK(strcmp((char *)blocks[9], "text") == 0);
    CHECK(strcmp((char *)blocks[10], "te") == 0);
    for (size_t i = 0; i < 11; i++) {
        CHECK(blocks[i] != NULL && zc_owns(blocks[i]));
        CHECK(malloc_usable_size(blocks[i]) > 0);
    }
    for (size_t i = 0; i < 9; i++)
        free(blocks[i]);
    free_sized(blocks[9], 5);
    cfree(blocks[10]);
}

static void test_libc_stays(void)
{
#if !TESTS_SANITIZED
    Dl_info info;
    void *address = NULL;
    memcpy(&address, &libc_malloc, sizeof address);
    CHECK(dladdr(address, &info) != 0 && strstr(info.dli_fname, "libc.so") != NULL);
    CHECK(dlsym(RTLD_DEFAULT, "malloc") == address);
#endif
    void *block = libc_malloc(100);
    CHECK(block != NULL && !zc_owns(block));
    libc_free(block);
}

/* A callback that is passed on must free what this file allocates. */
static void test_addresses(void)
{
    void *(*allocate)(size_t) = malloc;
    void (*release)(void *) = free;
    CHECK(allocate == zc_malloc && release == zc_free);
    void *block = allocate(10);
    CHECK(zc_owns(block));
    release(block);
}

static void test_blocks_that_libc_allocates(void)
{
    char *text = NULL;
    CHECK_EQ(asprintf(&text, "%d", 12345), 5);
    CHECK(text != NULL && !zc_owns(text));
    zc_libc_free(text);
    text = realpath("/", NULL);
    CHECK(text != NULL && !zc_owns(text));
    zc_libc_free(text);
}

int main(void)
{
    RUN(test_blocks_are_ours);
    RUN(test_libc_stays);
    RUN(test_addresses);
    RUN(test_blocks_that_libc_allocates);
    return check_done();
}
