/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* process.h - what the process-level tests share: heap_works, children, RSS.
 *
 * Invariants: nothing here calls malloc but heap_works; children end by _exit and never touch the
 *             parent's counters; a hang ends by SIGALRM, which the parent reports as a failure. */
#ifndef TESTS_STRESS_PROCESS_H
#define TESTS_STRESS_PROCESS_H

#include "stress/names.h"
#include "stress/pattern.h"
#include "support/check.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILD_SECONDS 60 /* a child that lives longer hangs */

/* 1 if blocks of all kinds of sizes can be had, hold their contents and can be freed. */
static inline int heap_works(uint64_t seed)
{
    enum { HELD_COUNT = 48, STEP_COUNT = 400 };

    struct {
        void *block;
        size_t size;
        uint64_t mark;
    } held[HELD_COUNT] = {{0}};

    uint64_t state = seed * 2 + 1;
    int ok = 1;
    for (int step = 0; step < STEP_COUNT + HELD_COUNT; step++) {
        size_t i =
            step < STEP_COUNT ? random_below(&state, HELD_COUNT) : (size_t)(step - STEP_COUNT);
        if (held[i].block != NULL) {
            ok &= pattern_kept(held[i].block, held[i].size, held[i].size, held[i].mark);
            t_free(held[i].block);
            held[i].block = NULL;
        } else if (step < STEP_COUNT) {
            held[i].size = random_size(&state, step % 16 == 0 ? 19 : 13);
            held[i].block = t_malloc(held[i].size);
            if (held[i].block == NULL)
                return 0;
            held[i].mark = pattern_mark(held[i].block, held[i].size, seed);
            pattern_fill(held[i].block, held[i].size, held[i].mark);
        }
    }
    return ok;
}

static inline void *heap_works_thread(void *seed)
{
    return heap_works((uint64_t)(uintptr_t)seed) ? seed : NULL;
}

/* As heap_works, on this thread, on a new one, and again on this one. */
static inline int heap_works_with_threads(uint64_t seed)
{
    pthread_t thread;
    void *result = NULL;
    int ok = heap_works(seed);
    if (pthread_create(&thread, NULL, heap_works_thread, (void *)(uintptr_t)(seed | 1)) != 0)
        return 0;
    pthread_join(thread, &result);
    return ok && result != NULL && heap_works(seed + 1);
}

/* The end of a forked child: proves its heap, a new thread included. Never returns. */
static inline void child_prove_heap(uint64_t seed)
{
    alarm(CHILD_SECONDS);
    _exit(heap_works_with_threads(seed) ? 0 : 1);
}

/* Waits for a child. 0 if it exited with 0; else its exit status, or 1000 + signal. */
static inline int child_wait(pid_t child)
{
    int status = 0;
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR)
            return -1;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/* A small stack for a thread: 64 KiB, where the system allows so little. */
static inline size_t stack_bytes(void)
{
    long least = sysconf(_SC_THREAD_STACK_MIN);
    return least > 65536 ? (size_t)least : 65536;
}

/* Resident bytes of this process. */
static inline long long rss_bytes(void)
{
    char text[128];
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t length = read(fd, text, sizeof text - 1);
    close(fd);
    if (length <= 0)
        return -1;
    text[length] = '\0';
    const char *at = strchr(text, ' ');
    long long pages = 0;
    for (at = at == NULL ? "" : at + 1; *at >= '0' && *at <= '9'; at++)
        pages = pages * 10 + (*at - '0');
    return pages * sysconf(_SC_PAGESIZE);
}

static inline void print_figure(const char *what, long long value)
{
    check_write(what);
    check_write_number(value);
    check_write("\n");
}

/* Threads that call malloc and free until background_stop. */

static int background_stopping;

static inline void *background_run(void *seed)
{
    uint64_t state = (uint64_t)(uintptr_t)seed * 2 + 1;
    void *held[32] = {0};
    while (!__atomic_load_n(&background_stopping, __ATOMIC_RELAXED)) {
        size_t i = random_below(&state, 32);
        t_free(held[i]);
        held[i] = t_malloc(random_size(&state, 18));
    }
    for (int i = 0; i < 32; i++)
        t_free(held[i]);
    return NULL;
}

/* What all threads that churn use at the time: the more of them meet at one class the better. */
static size_t churn_size = 9000;

/* Takes so many blocks of one size that they come from spans and, freed, empty these spans again:
 * what background_run hardly does. */
static inline void churn_spans(void)
{
    enum { BLOCK_COUNT = 256 };

    void *blocks[BLOCK_COUNT];
    size_t size = __atomic_load_n(&churn_size, __ATOMIC_RELAXED);
    for (int i = 0; i < BLOCK_COUNT; i++)
        blocks[i] = t_malloc(size);
    for (int i = 0; i < BLOCK_COUNT; i++)
        t_free(blocks[i]);
}

/* Chooses the size from a few by number. */
static inline void churn_change(uint64_t number)
{
    static const size_t sizes[] = {9000, 20000, 40000, 64};
    size_t size = sizes[number % (sizeof sizes / sizeof sizes[0])];
    __atomic_store_n(&churn_size, size, __ATOMIC_RELAXED);
}

static inline void *background_churn(void *unused)
{
    while (!__atomic_load_n(&background_stopping, __ATOMIC_RELAXED))
        churn_spans();
    return unused;
}

/* In a child: 1 if many blocks of the size that churned can be had and freed. Writes only their
 * starts: it is the spans that matter, and a child pays for each page. */
static inline int churned_spans_work(void)
{
    enum { BLOCK_COUNT = 512, START_BYTES = 64 };

    void *blocks[BLOCK_COUNT];
    int ok = 1;
    for (int i = 0; i < BLOCK_COUNT; i++) {
        blocks[i] = t_malloc(churn_size);
        if (blocks[i] == NULL)
            return 0;
        pattern_fill(blocks[i], START_BYTES, pattern_mark(blocks[i], START_BYTES, 1));
    }
    for (int i = 0; i < BLOCK_COUNT; i++) {
        ok &= pattern_kept(blocks[i], START_BYTES, START_BYTES,
                           pattern_mark(blocks[i], START_BYTES, 1));
        t_free(blocks[i]);
    }
    return ok;
}

static inline void background_start_job(pthread_t *threads, int count, void *(*job)(void *))
{
    __atomic_store_n(&background_stopping, 0, __ATOMIC_RELAXED);
    for (int i = 0; i < count; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, job, (void *)(uintptr_t)(i + 1)), 0);
}

static inline void background_start(pthread_t *threads, int count)
{
    background_start_job(threads, count, background_run);
}

static inline void background_stop(const pthread_t *threads, int count)
{
    __atomic_store_n(&background_stopping, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < count; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
}

#endif
