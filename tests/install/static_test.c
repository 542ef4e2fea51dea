/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* static_test.c - a program without any shared library: one malloc in it, and that is ours.
 * Names the functions whose absence from an archive lets a libc slip its own malloc in beside
 * ours. That no object of libc's malloc was linked is checked outside, on the linker's map. */
#include "tests/support/blocks.h"
#include "tests/support/check.h"
#include "zcmalloc.h"

#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void check_ours(void *block, size_t alignment)
{
    CHECK(block != NULL && zc_owns(block));
    CHECK(blocks_aligned(block, alignment));
    CHECK(malloc_usable_size(block) > 0);
    free(block);
}

static void test_family(void)
{
    void *block = NULL;
    check_ours(malloc(100), 16);
    check_ours(calloc(10, 100), 16);
    check_ours(realloc(NULL, 100000), 16);
    check_ours(realloc(malloc(10), 3 * BLOCKS_MIB), 16);
    check_ours(reallocarray(NULL, 10, 10), 16);
    check_ours(aligned_alloc(256, 1000), 256);
    check_ours(memalign(8192, 10), 8192);
    CHECK_EQ(posix_memalign(&block, 4096, 100), 0);
    check_ours(block, 4096);
    check_ours(valloc(1), 4096);
#if defined(__GLIBC__)
    check_ours(pvalloc(1), 4096);
#endif
}

#if defined(__GLIBC__)
static void test_controls(void)
{
    struct mallinfo2 before = mallinfo2();
    void *block = malloc(20 * BLOCKS_MIB);
    struct mallinfo2 after = mallinfo2();
    CHECK(after.uordblks >= before.uordblks + 20 * BLOCKS_MIB);
    free(block);
    int released = malloc_trim(0);
    CHECK(released == 0 || released == 1);
    CHECK_EQ(mallopt(M_ARENA_MAX, 1), 1);
    FILE *stream = fopen("/dev/null", "w");
    CHECK(stream != NULL);
    CHECK_EQ(malloc_info(0, stream), 0);
    fclose(stream);
}
#endif

static void test_libc_asks_us(void)
{
    char *text = NULL;
    char *line = NULL;
    size_t capacity = 0;
    check_ours(strdup("a text of more than eight bytes"), 16);
    CHECK_EQ(asprintf(&text, "%s", "another text"), 12);
    check_ours(text, 16);
    FILE *stream = fopen("/proc/self/status", "r");
    if (stream == NULL)
        return;
    CHECK(getline(&line, &capacity, stream) > 0);
    check_ours(line, 16);
    fclose(stream);
}

static void *allocate_in_thread(void *unused)
{
    (void)unused;
    for (size_t i = 0; i < 2000; i++)
        free(malloc(i));
    return malloc(1000);
}

static void test_threads(void)
{
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, allocate_in_thread, NULL), 0);
    for (size_t i = 0; i < 4; i++) {
        void *block = NULL;
        CHECK_EQ(pthread_join(threads[i], &block), 0);
        check_ours(block, 16);
    }
}

static void test_fork(void)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        void *block = allocate_in_thread(NULL);
        _exit(zc_owns(block) ? 6 : 1);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 6);
}

int main(void)
{
    RUN(test_family);
#if defined(__GLIBC__)
    RUN(test_controls);
#endif
    RUN(test_libc_asks_us);
    RUN(test_threads);
    RUN(test_fork);
    return check_done();
}
