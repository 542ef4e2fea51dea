/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* idle_test.c - the collector takes caches of threads that sleep, and only of those. Threads sleep for moments
 * between mallocs while another one does nothing but collect: no block may get lost or be given twice. */
#include "os/os.h"
#include "stress/pattern.h"
#include "support/check.h"
#include "thread_cache/thread_idle.h"
#include "thread_cache/thread_registry.h"
#include "zcmalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SKIPPED = 77, SLEEPERS = 4, HELD = 200, TURNS = 1500 };

static uint32_t stop;
static uint32_t stage;

static void pause_us(long us)
{
    const struct timespec pause = {.tv_nsec = us * 1000};
    nanosleep(&pause, NULL);
}

static void wait_for_stage(uint32_t wanted)
{
    while (__atomic_load_n(&stage, __ATOMIC_ACQUIRE) != wanted)
        pause_us(100);
}

static void set_stage(uint32_t value)
{
    __atomic_store_n(&stage, value, __ATOMIC_RELEASE);
}

static uint64_t look(uint64_t now_ms, uint64_t idle_ms, unsigned looks_max)
{
    lock_acquire(&zci_collector_lock);
    uint64_t bytes = zci_thread_idle_collect(now_ms, idle_ms, looks_max);
    lock_release(&zci_collector_lock);
    return bytes;
}

static uint64_t collect(void)
{
    return look(UINT64_MAX / 2, 0, 1000);
}

enum { SLEEPS, RUNS, HAS_NO_HOOK, MAY_BE_GONE, SLEEPS_DEEP, SLEEPS_TOO_DEEP, SLEEPS_WITH_MASK };

/* Long sleeps, lest it wakes up in the middle of every look at it. */
static void sleep_until_stage_2(int how)
{
    sigset_t usr2;
    sigemptyset(&usr2);
    sigaddset(&usr2, SIGUSR2);
    while (__atomic_load_n(&stage, __ATOMIC_ACQUIRE) != 2)
        if (how == SLEEPS_WITH_MASK)
            ppoll(NULL, 0, &(struct timespec){.tv_nsec = 50000000}, &usr2);
        else
            pause_us(50000);
}

/* Below a frame of so many bytes. */
static __attribute__((noinline)) void sleep_below(size_t bytes)
{
    char *frame = __builtin_alloca(bytes);
    memset(frame, 0, bytes);
    __asm__ volatile("" : : "r"(frame) : "memory");
    sleep_until_stage_2(SLEEPS);
    __asm__ volatile("" : : "r"(frame) : "memory");
}

static void *hold_then(void *argument)
{
    int how = (int)(intptr_t)argument;
    void *blocks[HELD];
    for (int i = 0; i < HELD; i++)
        blocks[i] = zc_malloc(1000);
    for (int i = 0; i < HELD; i++)
        zc_free(blocks[i]);
    if (how == HAS_NO_HOOK)
        atomic_store_relaxed(&thread_cache_get()->armed_at, 0);
    if (how == MAY_BE_GONE)
        /* The thread of this number began later. */
        atomic_store_relaxed(&thread_cache_get()->armed_at, 1);
    set_stage(1);
    if (how == SLEEPS_DEEP || how == SLEEPS_TOO_DEEP)
        sleep_below(how == SLEEPS_DEEP ? 1000000 : 9000000);
    else if (how != RUNS)
        sleep_until_stage_2(how);
    else
        while (__atomic_load_n(&stage, __ATOMIC_ACQUIRE) != 2)
            ;
    set_stage(3);
    return NULL;
}

static void *collect_from_sleeper(void *bytes)
{
    wait_for_stage(1);
    for (int i = 0; i < 200 && *(uint64_t *)bytes == 0; i++) {
        *(uint64_t *)bytes = collect();
        pause_us(1000);
    }
    set_stage(2);
    wait_for_stage(3);
    return NULL;
}

/* body with how comes to stage 1, rests, and comes from stage 2 to stage 3. */
static void is_taken_from(void *(*body)(void *), int how, int is_taken)
{
    pthread_t thread;
    pthread_attr_t attributes;
    uint64_t bytes = 0;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, (size_t)16 << 20);
    CHECK_EQ(pthread_create(&thread, &attributes, body, (void *)(intptr_t)how), 0);
    collect_from_sleeper(&bytes);
    CHECK_EQ(bytes >= 1000, is_taken);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    set_stage(0);
}

static void in_thread(int how, int is_taken)
{
    is_taken_from(hold_then, how, is_taken);
}

static void who_sleeps_gives(void)
{
    in_thread(SLEEPS, 1);
    in_thread(SLEEPS_DEEP, 1);
    in_thread(SLEEPS_WITH_MASK, 1);
}

/* Its stack and its variables lie far from each other. */
static void the_main_thread_gives(void)
{
    pthread_t thread;
    uint64_t bytes = 0;
    CHECK_EQ(pthread_create(&thread, NULL, collect_from_sleeper, &bytes), 0);
    hold_then((void *)(intptr_t)SLEEPS);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK(bytes >= 1000);
    set_stage(0);
}

/* Whether a handler has interrupted it is not looked for in all of a large stack. */
static void who_sleeps_deep_keeps(void)
{
    in_thread(SLEEPS_TOO_DEEP, 0);
}

static void who_runs_keeps(void)
{
    in_thread(RUNS, 0);
}

static uint32_t number_of_last;
static const void *variable_of_last;
static pthread_barrier_t rest;
static int children_end;

/* moves: its bins do, before it rests. */
static void *run_then_rest(void *moves)
{
    void *last = moves != NULL ? zc_malloc(1000) : NULL;
    for (int i = 0; i < HELD; i++)
        zc_free(zc_malloc(1000));
    number_of_last = zci_os_thread_number();
    variable_of_last = thread_cache_owner();
    set_stage(1);
    while (__atomic_load_n(&stage, __ATOMIC_ACQUIRE) != 2)
        ;
    zc_free(last);
    pthread_barrier_wait(&rest);
    return NULL;
}

/* Who did not sleep when all was wanted is as young to the next step as any other. */
static void after_all_a_step_waits(void)
{
    enum { LONG_MS = 1000000 };

    pthread_t thread;
    CHECK_EQ(pthread_barrier_init(&rest, NULL, 2), 0);
    CHECK_EQ(pthread_create(&thread, NULL, run_then_rest, NULL), 0);
    wait_for_stage(1);
    zc_collect(ZC_COLLECT_CACHES);
    set_stage(2);
    while (!zci_os_thread_sleeps(number_of_last, variable_of_last))
        pause_us(100);
    CHECK_EQ(look(zci_os_clock_ms(), LONG_MS, 1000), 0);
    CHECK(collect() >= 1000);
    pthread_barrier_wait(&rest);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    pthread_barrier_destroy(&rest);
    set_stage(0);
}

/* Whatever its bins did since the last look, and wherever that stopped. */
static void all_who_sleep_give_at_once(void)
{
    pthread_t thread;
    CHECK_EQ(pthread_barrier_init(&rest, NULL, 2), 0);
    CHECK_EQ(pthread_create(&thread, NULL, run_then_rest, &rest), 0);
    wait_for_stage(1);
    /* The second one comes to it, finds it awake, and stops behind it. */
    CHECK_EQ(look(UINT64_MAX / 4, 1, 1), 0);
    CHECK_EQ(look(UINT64_MAX / 4 + 1, 1, 1), 0);
    set_stage(2);
    while (!zci_os_thread_sleeps(number_of_last, variable_of_last))
        pause_us(100);
    CHECK(collect() >= 1000);
    pthread_barrier_wait(&rest);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    pthread_barrier_destroy(&rest);
    set_stage(0);
}

/* Its pointer is left alone: its stack may be gone, or go any moment. */
static void who_may_be_gone_keeps(void)
{
    in_thread(HAS_NO_HOOK, 0);
    in_thread(MAY_BE_GONE, 0);
}

static void sleep_in_handler(int number)
{
    (void)number;
    set_stage(1);
    sleep_until_stage_2(SLEEPS);
}

static void sleep_in_handler_by_ppoll(int number)
{
    (void)number;
    set_stage(1);
    sleep_until_stage_2(SLEEPS_WITH_MASK);
}

/* Nothing but its stack tells. */
static void sleep_in_handler_unblocked(int number)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_UNBLOCK, &all, NULL);
    sleep_in_handler(number);
}

static void sleep_deep_in_handler(int number)
{
    (void)number;
    set_stage(1);
    sleep_below(20000);
}

static void *be_interrupted(void *unused)
{
    static char stack[65536];
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
    stack_t before;
    for (int i = 0; i < HELD; i++)
        zc_free(zc_malloc(1000));
    sigaltstack(&alternate, &before);
    raise(SIGUSR1);
    sigaltstack(&before, NULL); /* a sanitizer's */
    set_stage(3);
    return unused;
}

/* It may have interrupted malloc. */
static void who_sleeps_in_a_handler_keeps(void (*handler)(int), int flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    pthread_t thread;
    sigaction(SIGUSR1, &action, NULL);
    CHECK_EQ(pthread_create(&thread, NULL, be_interrupted, NULL), 0);
    wait_for_stage(1);
    for (int i = 0; i < 50; i++) {
        CHECK_EQ(collect(), 0);
        pause_us(1000);
    }
    set_stage(2);
    wait_for_stage(3);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    set_stage(0);
    signal(SIGUSR1, SIG_DFL);
}

static void handlers_keep(void)
{
    void (*handlers[])(int) = {sleep_in_handler, sleep_in_handler_by_ppoll,
                               sleep_in_handler_unblocked, sleep_deep_in_handler};
    int flags[] = {0, SA_RESTART | SA_SIGINFO, (int)SA_RESETHAND, SA_NODEFER, SA_ONSTACK};
    for (int h = 0; h < 4; h++)
        for (int f = 0; f < 5; f++)
            who_sleeps_in_a_handler_keeps(handlers[h], flags[f]);
}

static void *block_and_hold(void *how)
{
    sigset_t all;
    zc_free(zc_malloc(1000));
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    return hold_then(how);
}

/* Its child may share its memory, and its variables too. */
static void *wait_for_child(void *unused)
{
    int ends[2];
    char byte;
    CHECK_EQ(pipe(ends), 0);
    for (int i = 0; i < HELD; i++)
        zc_free(zc_malloc(1000));
    pid_t child = fork();
    if (child == 0) {
        close(ends[1]);
        _exit((int)read(ends[0], &byte, 1));
    }
    children_end = ends[1];
    set_stage(1);
    CHECK_EQ(waitpid(child, NULL, 0), child);
    close(ends[0]);
    set_stage(3);
    return unused;
}

static void who_waits_for_a_child_keeps(void)
{
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, wait_for_child, NULL), 0);
    wait_for_stage(1);
    for (int i = 0; i < 50; i++) {
        CHECK_EQ(collect(), 0);
        pause_us(1000);
    }
    close(children_end);
    wait_for_stage(3);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    set_stage(0);
}

/* What it opens has the first number, and no one else has it; errno and the signals are as before. */
static void open_one(void *number)
{
    sigset_t blocked;
    *(int *)number = (int)syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDONLY);
    CHECK(*(int *)number == 0);
    CHECK(fcntl(1, F_GETFD) == -1);
    CHECK(pthread_sigmask(SIG_BLOCK, NULL, &blocked) == 0 && sigismember(&blocked, SIGUSR1) == 1);
    errno = 9;
}

static void looks_open_no_file_of_the_program(void)
{
    sigset_t blocked;
    int number = -1;
    int next = dup(1);
    close(next);
    errno = 7;
    bool is_done = zci_os_with_own_files(open_one, &number, NULL);
    CHECK_EQ(errno, 7);
    if (!is_done) {
        check_skip("no table of file descriptors of one's own here");
        return;
    }
    CHECK_EQ(number, 0);
    CHECK(fcntl(1, F_GETFD) != -1);
    CHECK_EQ(fcntl(next, F_GETFD), -1);
    CHECK(pthread_sigmask(SIG_BLOCK, NULL, &blocked) == 0 && sigismember(&blocked, SIGUSR1) == 0);
}

/* Nor does it matter what handlers there are. */
static void who_blocks_signals_gives(void)
{
    struct sigaction action = {.sa_handler = sleep_in_handler, .sa_flags = SA_NODEFER};
    sigaction(SIGUSR1, &action, NULL);
    is_taken_from(block_and_hold, SLEEPS, 1);
    signal(SIGUSR1, SIG_DFL);
}

struct held {
    unsigned char *block;
    size_t size;
    uint64_t mark;
};

static void replace(struct held *held, uint64_t *state)
{
    if (held->block != NULL) {
        CHECK(pattern_kept(held->block, held->size, held->size, held->mark));
        zc_free(held->block);
    }
    held->size = random_size(state, 12);
    held->block = zc_malloc(held->size);
    held->mark = pattern_mark(held->block, held->size, 7);
    pattern_fill(held->block, held->size, held->mark);
}

static void *work_and_nap(void *seed)
{
    struct held held[HELD] = {{0}};
    uint64_t state = 2 * (uint64_t)(uintptr_t)seed + 1;
    for (int turn = 0; turn < TURNS; turn++) {
        for (int i = 0; i < 40; i++)
            replace(&held[random_below(&state, HELD)], &state);
        if (turn % 4 == 0)
            pause_us((long)random_below(&state, 200));
    }
    for (int i = 0; i < HELD; i++)
        zc_free(held[i].block);
    return NULL;
}

static void *be_collector(void *taken)
{
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
        *(uint64_t *)taken += collect();
    return NULL;
}

static void nothing_is_lost_between(void)
{
    pthread_t collector, sleepers[SLEEPERS];
    uint64_t taken = 0;
    CHECK_EQ(pthread_create(&collector, NULL, be_collector, &taken), 0);
    for (uintptr_t round = 0; round < 4; round++) {
        for (uintptr_t i = 0; i < SLEEPERS; i++)
            CHECK_EQ(pthread_create(&sleepers[i], NULL, work_and_nap, (void *)(round * 10 + i)), 0);
        for (int i = 0; i < SLEEPERS; i++)
            CHECK_EQ(pthread_join(sleepers[i], NULL), 0);
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    CHECK_EQ(pthread_join(collector, NULL), 0);
    CHECK(taken > 0);
}

static void *sleep_long(void *unused)
{
    for (;;)
        pause_us(500000);
    return unused;
}

/* Of a PID namespace whose /proc is its parent's: by our numbers other threads stand there, which sleep. */
static int ask_by_the_wrong_proc(void)
{
    pthread_t thread;
    for (int i = 0; i < 16; i++)
        if (pthread_create(&thread, NULL, sleep_long, NULL) != 0)
            return SKIPPED;
    pause_us(100000);
    char path[64];
    uint32_t others = 0;
    for (uint32_t number = 1; number <= 17; number++) {
        (void)snprintf(path, sizeof path, "/proc/self/task/%u/status", number);
        others += access(path, F_OK) == 0;
        if (zci_os_thread_sleeps(number, thread_cache_owner()))
            return 1;
    }
    return others != 0 ? 0 : SKIPPED;
}

static int in_child(int (*body)(void))
{
    int status = 0;
    pid_t child = fork();
    if (child == 0)
        _exit(body());
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
        return 2;
    return WEXITSTATUS(status);
}

/* The parent's /proc is one of few processes, whose numbers are as small as ours. */
static int with_a_namespace_of_its_own(void)
{
    if (mount("proc", "/proc", "proc", 0, NULL) != 0 || unshare(CLONE_NEWPID) != 0)
        return SKIPPED;
    return in_child(ask_by_the_wrong_proc);
}

static int with_a_namespace(void)
{
    if (unshare(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS) != 0)
        return SKIPPED;
    return in_child(with_a_namespace_of_its_own);
}

static void numbers_of_another_namespace_tell_nothing(void)
{
    int result = in_child(with_a_namespace);
    if (result == SKIPPED)
        check_skip("no PID namespaces here");
    else
        CHECK_EQ(result, 0);
}

int main(void)
{
    zc_free(zc_malloc(1));
    /* A sanitizer, an emulator or a sandbox. */
    if (!zci_os_barrier_all_threads() ||
        zci_os_thread_sleeps(zci_os_thread_number(), thread_cache_owner())) {
        check_write("skipped: no barrier on all threads here\n");
        return SKIPPED;
    }
    RUN(who_sleeps_gives);
    RUN(the_main_thread_gives);
    RUN(who_sleeps_deep_keeps);
    RUN(who_runs_keeps);
    RUN(all_who_sleep_give_at_once);
    RUN(after_all_a_step_waits);
    RUN(who_may_be_gone_keeps);
    RUN(who_blocks_signals_gives);
    RUN(who_waits_for_a_child_keeps);
    RUN(looks_open_no_file_of_the_program);
    RUN(numbers_of_another_namespace_tell_nothing);
    RUN(nothing_is_lost_between);
    RUN(handlers_keep);
    return check_done();
}
