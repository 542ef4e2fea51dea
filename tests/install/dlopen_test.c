/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* dlopen_test.c - zcmalloc comes into a running program with a library that was loaded late.
 * Usage: dlopen_test LIBRARY [deepbind]
 * Rules shown here: the program and libc keep libc's malloc; zc_ blocks go back by zc_free, on
 * any thread; a library bound deeply has its own malloc and must free with its own free; nothing
 * is unloaded while threads still have to end. */
#include "dlopen_guest.h"
#include "tests/support/blocks.h"
#include "tests/support/check.h"

#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static __typeof__(&guest_zc_malloc) zc_malloc_at;
static __typeof__(&guest_zc_free) zc_free_at;
static __typeof__(&guest_malloc) malloc_at;
static __typeof__(&guest_free) free_at;
static __typeof__(&guest_owns) owns_at;
static __typeof__(&guest_trim) trim_at;
static int is_deep;

static void bind_name(void *library, const char *name, void *variable)
{
    void *address = dlsym(library, name);
    CHECK(address != NULL);
    memcpy(variable, &address, sizeof address);
}

static const char *object_of(void *(*function)(size_t))
{
    Dl_info info;
    void *address = NULL;
    memcpy(&address, &function, sizeof address);
    return dladdr(address, &info) != 0 ? info.dli_fname : "nowhere";
}

static void test_program_keeps_libc(void)
{
    CHECK(strstr(object_of(malloc), "libc.so") != NULL);
    void *block = malloc(100);
    char *copy = strdup("libc asks libc");
    CHECK(!owns_at(block) && !owns_at(copy));
    free(block);
    free(copy);
}

static void test_zc_blocks(void)
{
    for (size_t size = 0; size <= 50 * BLOCKS_MIB; size = size * 3 + 1) {
        void *block = zc_malloc_at(size);
        CHECK(block != NULL && owns_at(block));
        blocks_fill(block, size, 1);
        zc_free_at(block);
    }
}

static void test_guest_malloc(void)
{
    void *block = malloc_at(1000);
    CHECK_EQ(owns_at(block), is_deep);
    free_at(block);
    if (!is_deep)
        free(malloc_at(1000)); /* the same malloc, so blocks may cross */
}

static void *allocate_for_others(void *count)
{
    void **blocks = malloc((size_t)count * sizeof *blocks);
    for (size_t i = 0; i < (size_t)count; i++)
        blocks[i] = zc_malloc_at(i * 10);
    return blocks;
}

static void test_threads(void)
{
    enum { COUNT = 1000, THREADS = 4 };

    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, allocate_for_others, (void *)(uintptr_t)COUNT),
                 0);
    for (size_t i = 0; i < THREADS; i++) {
        void *result = NULL;
        CHECK_EQ(pthread_join(threads[i], &result), 0);
        void **blocks = result;
        for (size_t k = 0; k < COUNT; k++) {
            CHECK(owns_at(blocks[k]));
            zc_free_at(blocks[k]);
        }
        free(blocks);
    }
    trim_at();
}

static void test_fork(void)
{
    int status = 0;
    void *block = zc_malloc_at(500);
    pid_t child = fork();
    if (child == 0) {
        zc_free_at(block);
        block = zc_malloc_at(100000);
        _exit(owns_at(block) ? 5 : 1);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 5);
    zc_free_at(block);
}

static void *library_to_close;
static pthread_barrier_t closed;

static void *outlive_the_library(void *unused)
{
    zc_free_at(zc_malloc_at(100));
    pthread_barrier_wait(&closed);
    pthread_barrier_wait(&closed);
    return unused;
}

/* The exit of a thread runs code of zcmalloc: dlclose must not have removed it. */
static void test_close_before_threads_end(void)
{
    pthread_t thread;
    void *kept = zc_malloc_at(200);
    pthread_barrier_init(&closed, NULL, 2);
    CHECK_EQ(pthread_create(&thread, NULL, outlive_the_library, NULL), 0);
    pthread_barrier_wait(&closed);
    CHECK_EQ(dlclose(library_to_close), 0);
    pthread_barrier_wait(&closed);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK(kept != NULL);
}

int main(int argument_count, char **arguments)
{
    if (argument_count < 2)
        return 2;
    is_deep = argument_count > 2 && strcmp(arguments[2], "deepbind") == 0;
    library_to_close = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL | (is_deep ? RTLD_DEEPBIND : 0));
    if (!CHECK(library_to_close != NULL)) {
        const char *why = dlerror();
        check_write(why != NULL ? why : "?");
        check_write("\n");
        return check_done();
    }
    bind_name(library_to_close, "guest_zc_malloc", &zc_malloc_at);
    bind_name(library_to_close, "guest_zc_free", &zc_free_at);
    bind_name(library_to_close, "guest_malloc", &malloc_at);
    bind_name(library_to_close, "guest_free", &free_at);
    bind_name(library_to_close, "guest_owns", &owns_at);
    bind_name(library_to_close, "guest_trim", &trim_at);
    RUN(test_program_keeps_libc);
    RUN(test_zc_blocks);
    RUN(test_guest_malloc);
    RUN(test_threads);
    RUN(test_fork);
    RUN(test_close_before_threads_end);
    return check_done();
}
