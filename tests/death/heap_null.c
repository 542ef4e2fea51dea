/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* heap_null.c - each function of heaps and pools with NULL for one: destroy does nothing, all others end the
 * program, by a sentence and SIGABRT or by SIGSEGV. */
#include "death/death.h"
#include "support/check.h"
#include "zcmalloc.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

static struct zc_heap *heap;
static struct zc_pool *pool;
static void *block;

static void heap_malloc(void)
{
    block = zc_heap_malloc(heap, 100);
}

static void heap_malloc_large(void)
{
    block = zc_heap_malloc(heap, (size_t)1 << 20);
}

static void heap_calloc(void)
{
    block = zc_heap_calloc(heap, 1, 100);
}

static void heap_realloc(void)
{
    block = zc_heap_realloc(heap, NULL, 100);
}

static void heap_memalign(void)
{
    block = zc_heap_memalign(heap, 256, 100);
}

static void heap_free(void)
{
    zc_heap_free(heap, block);
}

static void heap_usable_size(void)
{
    zc_heap_usable_size(heap, block);
}

static void heap_stats(void)
{
    struct zc_heap_usage usage;
    zc_heap_stats(heap, &usage, sizeof usage);
}

static void heap_collect(void)
{
    zc_heap_collect(heap);
}

static void pool_malloc(void)
{
    block = zc_pool_malloc(pool);
}

static void pool_free(void)
{
    zc_pool_free(pool, block);
}

static void pool_stats(void)
{
    struct zc_heap_usage usage;
    zc_pool_stats(pool, &usage, sizeof usage);
}

static void pool_collect(void)
{
    zc_pool_collect(pool);
}

static void destroy(void)
{
    zc_heap_destroy(heap);
    zc_pool_destroy(pool);
}

/* The signal that ends a child which calls function; 0: none. */
static int signal_of(void (*function)(void))
{
    static const struct rlimit no_core = {0, 0};
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        setrlimit(RLIMIT_CORE, &no_core);
        close(2);
        function();
        _exit(0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

int main(void)
{
    static const struct {
        const char *name;
        void (*function)(void);
    } deadly[] = {
        {"heap_malloc", heap_malloc},
        {"heap_malloc_large", heap_malloc_large},
        {"heap_calloc", heap_calloc},
        {"heap_realloc", heap_realloc},
        {"heap_memalign", heap_memalign},
        {"heap_free", heap_free},
        {"heap_usable_size", heap_usable_size},
        {"heap_stats", heap_stats},
        {"heap_collect", heap_collect},
        {"pool_malloc", pool_malloc},
        {"pool_free", pool_free},
        {"pool_stats", pool_stats},
        {"pool_collect", pool_collect},
    };
    struct zc_heap *other = zc_heap_new();
    block = zc_heap_malloc(other, 100);
    for (size_t i = 0; i < sizeof deadly / sizeof deadly[0]; i++) {
        int number = signal_of(deadly[i].function);
        check_write(deadly[i].name);
        check_write(": signal ");
        check_write_number(number);
        check_write("\n");
        CHECK(number == SIGABRT || number == SIGSEGV);
    }
    CHECK_EQ(signal_of(destroy), 0);
    zc_heap_destroy(other);
    return check_done();
}
