/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* fork_signal.c - fork in a signal handler that interrupted malloc or free.
 *
 *   fork_signal [background threads ["spans"]]
 *
 * A child process sends SIGUSR1 while this one allocates. The handler forks; the new process
 * returns from the handler into the interrupted call, which must complete, and then proves its
 * heap. With background threads the process is multithreaded, where glibc's own malloc would
 * deadlock. */
#include "stress/names.h"
#include "stress/pattern.h"
#include "stress/process.h"
#include "support/check.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { FORK_COUNT = 150, HELD_COUNT = 64, BACKGROUND_MAX = 8 };

static volatile sig_atomic_t fork_count;
static volatile sig_atomic_t failed_count; /* children that did not exit with 0 */
static volatile sig_atomic_t in_child;

static void fork_now(int signal_number)
{
    int saved_errno = errno;
    (void)signal_number;
    if (in_child || fork_count >= FORK_COUNT)
        return;
    pid_t child = fork();
    if (child == 0) {
        alarm(CHILD_SECONDS);
        in_child = 1;
    } else {
        fork_count++;
        if (child < 0 || child_wait(child) != 0)
            failed_count++;
    }
    errno = saved_errno;
}

/* Signals parent until it is gone or kills this process. */
static void send_signals(pid_t parent)
{
    const struct timespec pause = {.tv_nsec = 500000};
    while (getppid() == parent && kill(parent, SIGUSR1) == 0)
        nanosleep(&pause, NULL);
    _exit(0);
}

static void allocate_until_done(int with_spans)
{
    static struct {
        void *block;
        size_t size;
        uint64_t mark;
    } held[HELD_COUNT];

    uint64_t state = 1;
    long steps_left_in_child = with_spans ? 100 : 2000;
    int ok = 1;
    while (fork_count < FORK_COUNT) {
        size_t i = random_below(&state, HELD_COUNT);
        if (held[i].block != NULL)
            ok &= pattern_kept(held[i].block, held[i].size, held[i].size, held[i].mark);
        t_free(held[i].block);
        held[i].size = random_size(&state, 18);
        held[i].block = t_malloc(held[i].size);
        ok &= held[i].block != NULL;
        if (held[i].block != NULL) {
            held[i].mark = pattern_mark(held[i].block, held[i].size, state);
            pattern_fill(held[i].block, held[i].size, held[i].mark);
        }
        if (with_spans)
            churn_spans();
        if (in_child && --steps_left_in_child == 0)
            _exit(ok && churned_spans_work() && heap_works_with_threads(3) ? 0 : 1);
    }
    CHECK(ok);
}

int main(int argc, char **argv)
{
    pthread_t threads[BACKGROUND_MAX];
    int with_spans = argc > 2;
    int background = argc > 1 ? atoi(argv[1]) : 0;
    struct sigaction action = {.sa_handler = fork_now, .sa_flags = SA_RESTART};
    sigset_t only;
    pid_t self = getpid();
    if (background > BACKGROUND_MAX)
        background = BACKGROUND_MAX;
    alarm(4 * CHILD_SECONDS);
    sigemptyset(&only);
    sigaddset(&only, SIGUSR1);
    sigprocmask(SIG_BLOCK, &only, NULL); /* inherited by the threads: the handler runs here */
    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    pid_t sender = fork();
    if (sender == 0)
        send_signals(self);
    background_start_job(threads, background, with_spans ? background_churn : background_run);
    sigprocmask(SIG_UNBLOCK, &only, NULL);
    allocate_until_done(with_spans);
    kill(sender, SIGKILL);
    child_wait(sender);
    background_stop(threads, background);
    CHECK_EQ(failed_count, 0);
    CHECK(heap_works_with_threads(1));
    return check_done();
}
