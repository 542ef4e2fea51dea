/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* prefixed_test.c - the prefixed archive beside libc's malloc: two heaps in one process, neither
 * of which sees the other's blocks. */
#include "tests/support/blocks.h"
#include "tests/support/check.h"
#include "zcmalloc.h"

#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* No name of the family may come from the program itself, where the archive was linked into. */
static void test_nothing_is_overridden(void)
{
    static const char *const names[] = {
        "malloc",         "free",   "calloc",  "realloc",  "reallocarray",       "aligned_alloc",
        "posix_memalign", "valloc", "pvalloc", "memalign", "malloc_usable_size", "malloc_trim",
        "mallinfo2",      "mallopt"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        Dl_info info;
        void *address = dlsym(RTLD_DEFAULT, names[i]);
        CHECK(address != NULL && dladdr(address, &info) != 0);
        if (!CHECK(strstr(info.dli_fname, "libc.so") != NULL))
            check_write(names[i]);
    }
    void *block = malloc(100);
    CHECK(block != NULL && !zc_owns(block));
    free(block);
}

static void check_ours(void *block, size_t size, size_t alignment)
{
    CHECK(block != NULL && zc_owns(block));
    CHECK(blocks_aligned(block, alignment));
    CHECK(zc_malloc_usable_size(block) >= size);
    blocks_fill(block, size, 1);
}

static void test_functions(void)
{
    for (size_t size = 1; size <= 40 * BLOCKS_MIB; size = size * 2 + 3) {
        void *aligned = NULL;
        CHECK_EQ(zc_posix_memalign(&aligned, 64, size), 0);
        void *blocks[] = {zc_malloc(size),
                          zc_calloc(1, size),
                          zc_realloc(NULL, size),
                          zc_reallocarray(NULL, 1, size),
                          zc_aligned_alloc(128, size),
                          zc_memalign(4096, size),
                          zc_valloc(size),
                          zc_pvalloc(size),
                          aligned};
        for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
            check_ours(blocks[i], size, size > 8 ? 16 : 8);
            void *other = malloc(size);
            CHECK(other != NULL && !zc_owns(other));
            free(other);
            CHECK(blocks_match(blocks[i], size, size, 1));
        }
        zc_free_sized(blocks[0], size);
        zc_free_aligned_sized(blocks[4], 128, size);
        for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++)
            if (i != 0 && i != 4)
                zc_free(blocks[i]);
    }
}

static void test_errors(void)
{
    void *untouched = &untouched;
    errno = 0;
    CHECK(zc_malloc(blocks_opaque(SIZE_MAX)) == NULL);
    CHECK_EQ(errno, ENOMEM);
    errno = 0;
    CHECK(zc_aligned_alloc(blocks_opaque(3), 10) == NULL);
    CHECK_EQ(errno, EINVAL);
    errno = 0;
    CHECK_EQ(zc_posix_memalign(&untouched, blocks_opaque(4), 10), EINVAL);
    CHECK(errno == 0 && untouched == &untouched);
    zc_free(NULL);
    CHECK_EQ(zc_malloc_usable_size(NULL), 0);
}

static void *use_both(void *seed)
{
    uint64_t state = (uint64_t)(uintptr_t)seed + 1;
    void *own[50] = {NULL};
    void *libc[50] = {NULL};
    for (int round = 0; round < 20000; round++) {
        size_t i = blocks_random_below(&state, 50);
        size_t size = blocks_random_below(&state, 5000);
        zc_free(own[i]);
        free(libc[i]);
        own[i] = zc_malloc(size);
        libc[i] = malloc(size);
        if (!CHECK(own[i] != NULL && libc[i] != NULL))
            break;
    }
    for (size_t i = 0; i < 50; i++) {
        zc_free(own[i]);
        free(libc[i]);
    }
    return NULL;
}

static void test_threads(void)
{
    pthread_t threads[4];
    for (uintptr_t i = 0; i < 4; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, use_both, (void *)i), 0);
    for (size_t i = 0; i < 4; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
}

static void test_fork(void)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        use_both(NULL);
        _exit(check_failed_count == 0 ? 4 : 1);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 4);
}

int main(void)
{
    RUN(test_nothing_is_overridden);
    RUN(test_functions);
    RUN(test_errors);
    RUN(test_threads);
    RUN(test_fork);
    return check_done();
}
