/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* fork_stdio.c - fork while other threads are inside stdio.
 *
 * glibc's fork takes the lock of the list of open files after the atfork handlers. fflush(NULL)
 * holds that lock and waits for a file; a writer holds its file and waits for malloc. An allocator
 * that keeps its locks from an atfork handler on closes the circle and hangs; here that ends by
 * SIGALRM. */
#include "stress/names.h"
#include "stress/pattern.h"
#include "stress/process.h"
#include "support/check.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { CHILD_COUNT = 200, LINE_COUNT = 200 };

static int stopping;

static int go_on(void)
{
    return !__atomic_load_n(&stopping, __ATOMIC_RELAXED);
}

static int open_write_close(void)
{
    FILE *file = fopen("/dev/null", "w");
    if (file == NULL)
        return 0;
    int ok = fprintf(file, "%d %s\n", 42, "words") > 0;
    return fclose(file) == 0 && ok;
}

static void *open_and_close(void *unused)
{
    while (go_on()) {
        CHECK(open_write_close());
        t_free(t_malloc(3000));
    }
    return unused;
}

static void *flush_all(void *unused)
{
    while (go_on()) {
        fflush(NULL);
        usleep(20); /* or the unfair lock is never left to fork */
    }
    return unused;
}

/* The stream allocates as it grows, with its lock held. */
static void *write_to_memory(void *unused)
{
    while (go_on()) {
        char *text = NULL;
        size_t length = 0;
        FILE *file = open_memstream(&text, &length);
        if (!CHECK(file != NULL))
            return unused;
        for (int i = 0; i < LINE_COUNT; i++)
            fprintf(file, "line %d of a text that grows and grows\n", i);
        fclose(file);
        CHECK(length > LINE_COUNT * 30);
        free(text);
    }
    return unused;
}

/* Holds a file while it allocates blocks of sizes that few caches serve. */
static void *allocate_in_locked_file(void *unused)
{
    uint64_t state = 1;
    FILE *file = fopen("/dev/null", "w");
    if (!CHECK(file != NULL))
        return unused;
    while (go_on()) {
        flockfile(file);
        for (int i = 0; i < 20; i++) {
            void *small = t_malloc(random_size(&state, 13));
            t_free(t_malloc(32768 + random_below(&state, 1 << 20)));
            t_free(small);
        }
        fprintf(file, "words\n");
        funlockfile(file);
    }
    fclose(file);
    return unused;
}

int main(void)
{
    static void *(*const jobs[])(void *) = {open_and_close, flush_all, write_to_memory,
                                            allocate_in_locked_file};

    enum { JOB_COUNT = sizeof jobs / sizeof jobs[0], BACKGROUND_COUNT = 2 };

    pthread_t threads[JOB_COUNT];
    pthread_t background[BACKGROUND_COUNT];
    alarm(4 * CHILD_SECONDS);
    for (int i = 0; i < JOB_COUNT; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, jobs[i], NULL), 0);
    background_start(background, BACKGROUND_COUNT);
    for (uint64_t i = 0; i < CHILD_COUNT; i++) {
        pid_t child = fork();
        if (child == 0) {
            alarm(CHILD_SECONDS);
            if (!heap_works(i) || !open_write_close())
                _exit(1);
            child_prove_heap(i);
        }
        CHECK_EQ(child_wait(child), 0);
    }
    background_stop(background, BACKGROUND_COUNT);
    __atomic_store_n(&stopping, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < JOB_COUNT; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    CHECK(heap_works_with_threads(1));
    return check_done();
}
