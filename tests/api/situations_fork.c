/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* situations_fork.c - situations about fork: from handlers, among threads, against stdio's
 * locks. A replaced malloc that takes locks of its own around fork can lock up with libc's; a
 * child that never ends shows as "did not end in time". Children that come from a signal handler
 * do not allocate, for the handler may have interrupted malloc itself; all others do. */
#include "tests/api/situations.h"
#include "tests/support/blocks.h"
#include "tests/support/ours.h"
#include "tests/support/process_size.h"

#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

/* An emulator forks slowly. */
#define ROUNDS(count) (TESTS_EMULATED ? (count) / 5 : (count))

static volatile sig_atomic_t handled_count;
static volatile sig_atomic_t handler_failed_count;
static int threads_stop;

static int should_stop(void)
{
    return __atomic_load_n(&threads_stop, __ATOMIC_RELAXED);
}

static int child_ended_with(pid_t child, int expected)
{
    int status = 0;
    return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) &&
           WEXITSTATUS(status) == expected;
}

/* One round of everyday use; 1 if all was well. */
static int use_malloc(uint64_t *state)
{
    enum { COUNT = 24 };

    unsigned char *blocks[COUNT];
    int fine = 1;
    for (size_t i = 0; i < COUNT; i++) {
        size_t size = blocks_random_below(state, i == 0 ? 400000 : 4000) + 1;
        blocks[i] = malloc(size);
        if (blocks[i] == NULL)
            return 0;
        blocks[i][0] = (unsigned char)i;
        blocks[i] = realloc(blocks[i], size * 2);
        fine = fine && blocks[i] != NULL && blocks[i][0] == i;
    }
    for (size_t i = 0; i < COUNT; i++)
        free(blocks[i]);
    return fine;
}

static void *use_malloc_until_stopped(void *seed)
{
    uint64_t state = (uint64_t)(uintptr_t)seed + 1;
    while (!should_stop())
        if (!CHECK(use_malloc(&state)))
            break;
    return NULL;
}

static void start_threads(pthread_t *threads, size_t count)
{
    for (size_t i = 0; i < count; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, use_malloc_until_stopped, (void *)(uintptr_t)i),
                 0);
}

static void stop_threads(const pthread_t *threads, size_t count)
{
    __atomic_store_n(&threads_stop, 1, __ATOMIC_RELAXED);
    for (size_t i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
}

/* fork must work in a handler too, wherever malloc was interrupted. libc's own malloc does not
 * promise that to a process with threads: there _Fork, which runs no handlers, is the measure. */
static pid_t (*fork_for_handler)(void) = fork;

static void fork_in_handler(int number)
{
    (void)number;
    pid_t child = fork_for_handler();
    if (child == 0)
        _exit(7);
    if (!child_ended_with(child, 7))
        handler_failed_count++;
    handled_count++;
}

static void catch_signal(int number, void (*handler)(int))
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    CHECK_EQ(sigaction(number, &action, NULL), 0);
}

/* One alarm after the other: a steady timer could be faster than fork and starve the program. */
static void fork_in_alarm_handler(int number)
{
    const struct itimerval soon = {{0, 0}, {0, 1000}};
    fork_in_handler(number);
    setitimer(ITIMER_REAL, &soon, NULL);
}

static void fork_in_an_alarm_handler(void)
{
    const struct itimerval never = {{0, 0}, {0, 0}};
    uint64_t state = blocks_announce_seed(5);
    catch_signal(SIGALRM, fork_in_alarm_handler);
    raise(SIGALRM);
    while (handled_count < ROUNDS(100))
        if (!CHECK(use_malloc(&state)))
            break;
    setitimer(ITIMER_REAL, &never, NULL);
    CHECK_EQ(handler_failed_count, 0);
}

/* Signals from another process hit malloc at any instruction. It waits between them, longer
 * where fork is slow, so that the target gets on. */
static pid_t start_sender(pid_t target)
{
    struct timespec before;
    struct timespec after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    pid_t sender = fork();
    clock_gettime(CLOCK_MONOTONIC, &after);
    if (sender != 0)
        return sender;
    long fork_us =
        (after.tv_sec - before.tv_sec) * 1000000 + (after.tv_nsec - before.tv_nsec) / 1000;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int i = 0; i < 100000 && kill(target, SIGUSR1) == 0; i++)
        usleep((useconds_t)(300 + 3 * fork_us));
    _exit(0);
}

static void fork_in_a_handler_of_others_signals(void)
{
    uint64_t state = blocks_announce_seed(6);
    catch_signal(SIGUSR1, fork_in_handler);
    pid_t sender = start_sender(getpid());
    CHECK(sender > 0);
    while (handled_count < ROUNDS(150))
        if (!CHECK(use_malloc(&state)))
            break;
    kill(sender, SIGKILL);
    int status = 0;
    CHECK_EQ(waitpid(sender, &status, 0), sender);
    CHECK_EQ(handler_failed_count, 0);
}

static void fork_in_a_handler_among_threads(void)
{
    pthread_t threads[3];
    uint64_t state = blocks_announce_seed(8);
    if (OURS_KIND == OURS_ANY && !ours_bind(&fork_for_handler, "_Fork")) {
        check_skip("no _Fork");
        return;
    }
    catch_signal(SIGUSR1, fork_in_handler);
    pid_t sender = start_sender(getpid());
    CHECK(sender > 0);
    start_threads(threads, 3);
    while (handled_count < ROUNDS(100))
        if (!CHECK(use_malloc(&state)))
            break;
    kill(sender, SIGKILL);
    int status = 0;
    CHECK_EQ(waitpid(sender, &status, 0), sender);
    stop_threads(threads, 3);
    CHECK_EQ(handler_failed_count, 0);
}

static void *open_and_close_streams(void *unused)
{
    (void)unused;
    while (!should_stop()) {
        char *text = NULL;
        size_t length = 0;
        FILE *stream = open_memstream(&text, &length);
        if (!CHECK(stream != NULL))
            break;
        fprintf(stream, "%1000d", 1);
        fclose(stream);
        free(text);
    }
    return NULL;
}

static void *flush_streams(void *unused)
{
    (void)unused;
    while (!should_stop()) {
        fflush(NULL);
        usleep(20); /* or the unfair lock is never left to fork */
    }
    return NULL;
}

static void fork_against_stdio_locks(void)
{
    enum { THREADS = 4 };

    static void *(*const bodies[THREADS])(void *) = {
        open_and_close_streams, flush_streams, open_and_close_streams, use_malloc_until_stopped};
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, bodies[i], NULL), 0);
    for (int i = 0; i < ROUNDS(150); i++) {
        pid_t child = fork();
        if (child == 0) {
            free(malloc(1000));
            _exit(3);
        }
        CHECK(child_ended_with(child, 3));
    }
    stop_threads(threads, THREADS);
}

static void *use_malloc_once(void *seed)
{
    uint64_t state = (uint64_t)(uintptr_t)seed + 1;
    return use_malloc(&state) ? seed : NULL;
}

/* A whole life after fork: blocks of the parent are freed, new ones made, a thread is started. */
static int live_in_child(unsigned char **inherited, size_t count, uint64_t *state)
{
    pthread_t thread;
    void *result = NULL;
    int fine = use_malloc(state);
    for (size_t i = 0; i < count; i++) {
        fine = fine && blocks_match(inherited[i], 100 * (i + 1), 100 * (i + 1), (unsigned)i);
        free(inherited[i]);
    }
    if (TESTS_EMULATED)
        return fine;
    if (pthread_create(&thread, NULL, use_malloc_once, inherited) != 0)
        return 0;
    pthread_join(thread, &result);
    return fine && result == (void *)inherited && use_malloc(state);
}

static void children_of_threads_allocate(void)
{
    enum { COUNT = 50 };

    unsigned char *inherited[COUNT];
    pthread_t threads[3];
    uint64_t state = blocks_announce_seed(10);
    for (size_t i = 0; i < COUNT; i++) {
        inherited[i] = malloc(100 * (i + 1));
        CHECK(inherited[i] != NULL);
        blocks_fill(inherited[i], 100 * (i + 1), (unsigned)i);
    }
    start_threads(threads, 3);
    for (int i = 0; i < ROUNDS(50); i++) {
        pid_t child = fork();
        if (child == 0)
            _exit(live_in_child(inherited, COUNT, &state) ? 5 : 1);
        CHECK(child_ended_with(child, 5));
        CHECK(use_malloc(&state));
    }
    stop_threads(threads, 3);
    for (size_t i = 0; i < COUNT; i++)
        free(inherited[i]);
}

static int allocate_in_vfork_child(void)
{
    pid_t child = vfork();
    if (child == 0) {
        void *block = malloc(5000);
        free(block);
        _exit(block != NULL ? 4 : 1);
    }
    return child_ended_with(child, 4);
}

static void vfork_spawn_and_system(void)
{
    char *const arguments[] = {(char *)(uintptr_t) "sh", (char *)(uintptr_t) "-c",
                               (char *)(uintptr_t) "exit 9", NULL};
    uint64_t state = blocks_announce_seed(12);
    for (int i = 0; i < 20; i++) {
        CHECK(allocate_in_vfork_child());
        CHECK(use_malloc(&state));
    }
    for (int i = 0; i < 5; i++) {
        pid_t child = 0;
        posix_spawn_file_actions_t actions;
        CHECK_EQ(posix_spawn_file_actions_init(&actions), 0);
        CHECK_EQ(posix_spawn_file_actions_addopen(&actions, 9, "/dev/null", 0, 0), 0);
        CHECK_EQ(posix_spawn(&child, "/bin/sh", &actions, NULL, arguments, environ), 0);
        posix_spawn_file_actions_destroy(&actions);
        CHECK(child_ended_with(child, 9));
    }
    int status = system("exit 6");
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 6);
}

static void *atfork_block;
static int atfork_calls;

static void allocate_around_fork(void)
{
    free(atfork_block);
    atfork_block = malloc((size_t)(atfork_calls % 7) * 3000 + 1);
    CHECK(atfork_block != NULL);
    atfork_calls++;
}

static void atfork_handlers_that_allocate(void)
{
    pthread_t threads[2];
    CHECK_EQ(pthread_atfork(allocate_around_fork, allocate_around_fork, allocate_around_fork), 0);
    start_threads(threads, 2);
    for (int i = 0; i < ROUNDS(50); i++) {
        pid_t child = fork();
        if (child == 0)
            _exit(atfork_calls == 2 * i + 2 ? 8 : 1);
        CHECK(child_ended_with(child, 8));
    }
    CHECK_EQ(atfork_calls, 2 * ROUNDS(50));
    stop_threads(threads, 2);
    free(atfork_block);
}

static const struct situation situations[] = {
    {"fork in an alarm handler", fork_in_an_alarm_handler},
    {"fork in a handler of another process' signals", fork_in_a_handler_of_others_signals},
    {"fork in a handler among threads", fork_in_a_handler_among_threads},
    {"fork against stdio's locks", fork_against_stdio_locks},
    {"children of a threaded process allocate", children_of_threads_allocate},
    {"vfork, posix_spawn and system", vfork_spawn_and_system},
    {"atfork handlers that allocate", atfork_handlers_that_allocate},
};

SITUATION_GROUP(situations_fork, situations);
