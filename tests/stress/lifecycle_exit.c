/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* lifecycle_exit.c - malloc and fork while the process exits: atexit handlers, destructors, threads
 * that go on allocating. Each case is a forked child that calls exit; its status is the verdict. */
#include "stress/names.h"
#include "stress/process.h"
#include "support/check.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

static int verdict = 1;  /* of the child: all its handlers so far found the heap working */
static int handlers_run; /* in the child */
static int handlers_due; /* in the child: what finish expects */
static void *kept[64];   /* blocks that one handler leaves to the next */
static int in_child;

static void finish(void)
{
    _exit(verdict && handlers_run == handlers_due ? 0 : 1);
}

static void allocate(void)
{
    int i = handlers_run++ % 64;
    t_free(kept[(i + 63) % 64]);
    kept[(i + 63) % 64] = NULL;
    kept[i] = t_malloc((size_t)i * 1000 + 1);
    verdict &= kept[i] != NULL && heap_works((uint64_t)i);
}

static void fork_and_wait(void)
{
    handlers_run++;
    pid_t child = fork();
    if (child == 0)
        child_prove_heap(7);
    verdict &= child > 0 && child_wait(child) == 0;
}

/* Both processes go on with the exit; the child's finish gives its own verdict. */
static void fork_and_go_on(void)
{
    handlers_run++;
    pid_t child = fork();
    if (child == 0) {
        alarm(CHILD_SECONDS);
        verdict &= heap_works_with_threads(9);
    } else {
        verdict &= child > 0 && child_wait(child) == 0;
    }
}

__attribute__((destructor(101))) static void allocate_after_main(void)
{
    if (in_child) {
        verdict &= heap_works(3);
        if (!verdict)
            _exit(1);
    }
}

static void start_exit(void)
{
    alarm(CHILD_SECONDS);
    in_child = 1;
}

static void exit_with(void (*handler)(void), int count)
{
    pid_t child = fork();
    if (child == 0) {
        start_exit();
        handlers_due = count;
        atexit(finish);
        for (int i = 0; i < count; i++)
            atexit(handler);
        exit(2);
    }
    CHECK_EQ(child_wait(child), 0);
}

static void malloc_in_atexit(void)
{
    exit_with(allocate, 100);
}

static void fork_in_atexit(void)
{
    exit_with(fork_and_wait, 3);
    exit_with(fork_and_go_on, 3);
}

static void malloc_in_destructor(void)
{
    pid_t child = fork();
    if (child == 0) {
        start_exit();
        exit(0);
    }
    CHECK_EQ(child_wait(child), 0);
}

static void threads_outlive_main(void)
{
    for (int i = 0; i < 20; i++) {
        pid_t child = fork();
        if (child == 0) {
            pthread_t threads[3];
            start_exit();
            background_start(threads, 3);
            heap_works((uint64_t)i);
            exit(0);
        }
        CHECK_EQ(child_wait(child), 0);
    }
}

int main(void)
{
    RUN(malloc_in_atexit);
    RUN(fork_in_atexit);
    RUN(malloc_in_destructor);
    RUN(threads_outlive_main);
    return check_done();
}
