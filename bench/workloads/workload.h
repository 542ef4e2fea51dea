/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* workload.h - what the workload programs share: arguments, threads, random numbers, marked blocks.
 * A program calls workload_begin, workload_iterations, workload_run(body), workload_end; body runs once in
 * each thread and repeats its work while worker_next allows.
 * Invariants: a marked block holds its size in front and a key at its end; block_free checks both, so that
 *             blocks that overlap, move or lose their contents end the program with exit code 1.
 *             An operation is one block made (malloc, calloc, realloc) in body; each is also freed.
 *             The time begins when all threads are there, and each does one iteration however late it comes.
 * Costs:      a mark is two stores, a check two loads; one thread means no thread beside main's. */
#ifndef BENCH_WORKLOADS_WORKLOAD_H
#define BENCH_WORKLOADS_WORKLOAD_H

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WORKLOAD_THREADS_MAX = 256, MARKED_SIZE_MIN = 16 };

struct worker {
    _Alignas(128) pthread_t thread;
    unsigned index;
    uint64_t random;     /* state, never 0 */
    uint64_t left;       /* iterations; when bounded by time, those it does all the same */
    uint64_t operations; /* so far */
};

static struct {
    const char *name;
    unsigned mode; /* index into the program's modes */
    unsigned thread_count;
    uint64_t iterations; /* of all threads together */
    uint64_t seed;
    bool has_size; /* the program takes --size-mib; to be set before workload_begin */
    uint64_t size_mib;
    double seconds;  /* 0: bounded by iterations */
    double deadline; /* on the clock of seconds_now */
    double start;
    void (*body)(struct worker *);
    atomic_uint waiting_count; /* threads not yet at the start barrier */
    atomic_bool is_running;    /* all were there: start and deadline are set */
} workload;

static struct worker workers[WORKLOAD_THREADS_MAX];

static inline void workload_fail(const char *what)
{
    fprintf(stderr, "%s: %s\n", workload.name, what);
    exit(1);
}

static inline double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* xorshift64*, the upper half. */
static inline uint32_t random_next(struct worker *worker)
{
    uint64_t x = worker->random;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    worker->random = x;
    return (uint32_t)((x * 0x2545f4914f6cdd1dULL) >> 32);
}

static inline uint32_t random_below(struct worker *worker, uint32_t limit)
{
    return (uint32_t)(((uint64_t)random_next(worker) * limit) >> 32);
}

/* From 2^low to 2^high - 1; each doubling is equally likely, so that small sizes prevail. */
static inline size_t random_size(struct worker *worker, unsigned low, unsigned high)
{
    size_t base = (size_t)1 << (low + random_below(worker, high - low));
    return base + random_below(worker, (uint32_t)base);
}

static inline size_t block_key(const void *block, size_t size)
{
    return ((uintptr_t)block ^ size) * (size_t)0x9e3779b97f4a7c15ULL;
}

static inline void *block_mark(void *block, size_t size)
{
    if (block == NULL)
        workload_fail("out of memory");
    size_t key = block_key(block, size);
    memcpy((char *)block + size - sizeof key, &key, sizeof key);
    memcpy(block, &size, sizeof size);
    return block;
}

static inline size_t block_check(const void *block)
{
    size_t size, key;
    memcpy(&size, block, sizeof size);
    memcpy(&key, (const char *)block + size - sizeof key, sizeof key);
    if (key != block_key(block, size))
        workload_fail("a block lost its contents");
    return size;
}

/* size >= MARKED_SIZE_MIN */
static inline void *block_new(struct worker *worker, size_t size)
{
    worker->operations++;
    return block_mark(malloc(size), size);
}

static inline void block_free(void *block)
{
    if (block == NULL)
        return;
    block_check(block);
    free(block);
}

/* True while the thread has work to do; counts one iteration. */
static inline bool worker_next(struct worker *worker)
{
    if (worker->left > 0) {
        worker->left--;
        return true;
    }
    return workload.seconds > 0 && seconds_now() < workload.deadline;
}

static inline _Noreturn void workload_usage(const char *modes)
{
    fprintf(stderr, "usage: %s [--threads N] [--iterations N | --seconds S] [--seed X]%s%s%s\n",
            workload.name, modes != NULL ? " --mode " : "", modes != NULL ? modes : "",
            workload.has_size ? " --size-mib N" : "");
    exit(2);
}

/* Where word stands in modes, which are separated by '|'. */
static inline unsigned workload_mode(const char *modes, const char *word)
{
    size_t length = strlen(word);
    unsigned index = 0;
    for (const char *at = modes; at != NULL; at = strchr(at, '|'), index++) {
        at += *at == '|';
        if (strncmp(at, word, length) == 0 && (at[length] == '|' || at[length] == '\0'))
            return index;
    }
    workload_usage(modes);
}

/* modes: "first|second", the first is the default; or NULL. */
static inline void workload_begin(const char *name, const char *modes, int argc, char **argv)
{
    workload.name = name;
    workload.thread_count = 1;
    workload.seed = 1;
    for (int i = 1; i < argc; i += 2) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (value == NULL)
            workload_usage(modes);
        if (strcmp(argv[i], "--threads") == 0)
            workload.thread_count = (unsigned)strtoul(value, NULL, 10);
        else if (strcmp(argv[i], "--iterations") == 0)
            workload.iterations = strtoull(value, NULL, 10);
        else if (strcmp(argv[i], "--seconds") == 0)
            workload.seconds = strtod(value, NULL);
        else if (strcmp(argv[i], "--seed") == 0)
            workload.seed = strtoull(value, NULL, 10);
        else if (strcmp(argv[i], "--size-mib") == 0 && workload.has_size)
            workload.size_mib = strtoull(value, NULL, 10);
        else if (strcmp(argv[i], "--mode") == 0 && modes != NULL)
            workload.mode = workload_mode(modes, value);
        else
            workload_usage(modes);
    }
    if (workload.thread_count < 1 || workload.thread_count > WORKLOAD_THREADS_MAX)
        workload_usage(modes);
}

static inline void workload_iterations(uint64_t by_default)
{
    if (workload.iterations == 0)
        workload.iterations = by_default;
}

static inline void *workload_thread(void *argument)
{
    if (atomic_fetch_sub(&workload.waiting_count, 1) == 1) {
        workload.start = seconds_now();
        workload.deadline = workload.start + workload.seconds;
        atomic_store(&workload.is_running, true);
    }
    while (!atomic_load(&workload.is_running))
        sched_yield();
    workload.body(argument);
    return NULL;
}

static inline void thread_start(pthread_t *thread, void *(*body)(void *), void *argument)
{
    if (pthread_create(thread, NULL, body, argument) != 0)
        workload_fail("cannot create a thread");
}

static inline void workload_run(void (*body)(struct worker *))
{
    unsigned count = workload.thread_count;
    workload.body = body;
    atomic_store(&workload.waiting_count, count);
    for (unsigned i = 0; i < count; i++) {
        workers[i].index = i;
        workers[i].random = (workload.seed + i) * 0x9e3779b97f4a7c15ULL | 1;
        workers[i].left = workload.iterations / count + (i < workload.iterations % count);
        if (workload.seconds > 0)
            workers[i].left = 1;
        workers[i].operations = 0; /* not those of main's preparations, which the time is without */
    }
    if (count == 1) {
        workload_thread(&workers[0]);
        return;
    }
    for (unsigned i = 0; i < count; i++)
        thread_start(&workers[i].thread, workload_thread, &workers[i]);
    for (unsigned i = 0; i < count; i++)
        pthread_join(workers[i].thread, NULL);
}

/* Prints the result; its value is main's. */
static inline int workload_end(void)
{
    double seconds = seconds_now() - workload.start;
    uint64_t operations = 0;
    for (unsigned i = 0; i < workload.thread_count; i++)
        operations += workers[i].operations;
    printf("operations_per_second %.0f\nseconds %.6f\n", (double)operations / seconds, seconds);
    return 0;
}

#endif
