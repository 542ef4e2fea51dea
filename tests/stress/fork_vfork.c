/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* fork_vfork.c - vfork and posix_spawn while other threads allocate.
 * The vfork child shares this process's memory and allocates in it before it executes this program
 * again ("fork_vfork again"), which proves the heap of the new process. */
#include "stress/names.h"
#include "stress/process.h"
#include "support/check.h"

#include <pthread.h>
#include <spawn.h>
#include <unistd.h>

enum { CHILD_COUNT = 100, BACKGROUND_COUNT = 2 };

extern char **environ;

static char self_path[] = "/proc/self/exe";
static char again[] = "again";
static char *const child_arguments[] = {self_path, again, NULL};
static void *volatile left_by_child;

static pid_t vfork_and_run(void)
{
    pid_t child = vfork();
    if (child == 0) {
        left_by_child = t_malloc(2000);
        t_free(t_malloc(100000));
        execve(self_path, child_arguments, environ);
        _exit(126);
    }
    return child;
}

int main(int argc, char **argv)
{
    (void)argv;
    alarm(4 * CHILD_SECONDS);
    if (argc > 1)
        return heap_works_with_threads(2) ? 0 : 1;
    pthread_t threads[BACKGROUND_COUNT];
    background_start(threads, BACKGROUND_COUNT);
    for (int i = 0; i < CHILD_COUNT; i++) {
        CHECK_EQ(child_wait(vfork_and_run()), 0);
        CHECK(left_by_child != NULL);
        t_free(left_by_child);
        left_by_child = NULL;
    }
    for (int i = 0; i < CHILD_COUNT; i++) {
        pid_t child = -1;
        CHECK_EQ(posix_spawn(&child, self_path, NULL, NULL, child_arguments, environ), 0);
        CHECK_EQ(child_wait(child), 0);
    }
    background_stop(threads, BACKGROUND_COUNT);
    CHECK(heap_works_with_threads(1));
    return check_done();
}
