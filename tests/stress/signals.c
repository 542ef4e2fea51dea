/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* signals.c - malloc interrupted by a profiler's signals, and by thread cancellation.
 * No call of the malloc family may be a cancellation point: a thread with a pending cancel must
 * come through any number of them. */
#include "stress/names.h"
#include "stress/pattern.h"
#include "stress/process.h"
#include "support/check.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

enum { TICK_COUNT = 100, HEAP_RUNS_MAX = 20000, CANCEL_COUNT = 100, CALL_COUNT = 5000 };

static long tick_count;

/* Like a sampling profiler's: uses stack and registers, changes errno and puts it back. */
static void tick(int signal_number)
{
    volatile unsigned char frames[2048];
    int saved_errno = errno;
    for (size_t i = 0; i < sizeof frames; i++)
        frames[i] = (unsigned char)(i + (size_t)signal_number);
    errno = EINTR;
    __atomic_add_fetch(&tick_count, frames[1] != 0, __ATOMIC_RELAXED);
    errno = saved_errno;
}

static void profiled(void)
{
    struct sigaction action = {.sa_handler = tick, .sa_flags = SA_RESTART};
    struct itimerval timer = {.it_interval = {.tv_usec = 1000}, .it_value = {.tv_usec = 1000}};
    const struct itimerval off = {{0, 0}, {0, 0}};
    pthread_t threads[2];
    CHECK_EQ(sigaction(SIGPROF, &action, NULL), 0);
    background_start(threads, 2);
    CHECK_EQ(setitimer(ITIMER_PROF, &timer, NULL), 0);
    for (uint64_t run = 0; run < HEAP_RUNS_MAX; run++) {
        CHECK(heap_works(run));
        if (__atomic_load_n(&tick_count, __ATOMIC_RELAXED) >= TICK_COUNT)
            break;
    }
    CHECK_EQ(setitimer(ITIMER_PROF, &off, NULL), 0);
    background_stop(threads, 2);
    print_figure("profiler signals: ", tick_count);
    CHECK(tick_count > 0);
}

struct victim {
    void *held[16];
    uint64_t state; /* of its random numbers */
    int entered;    /* atomic */
    int calls;
};

static struct victim *victim_make(void)
{
    struct victim *victim = t_calloc(1, sizeof *victim);
    if (victim == NULL)
        _exit(1);
    victim->state = 1;
    return victim;
}

static void clean_up(void *argument)
{
    struct victim *victim = argument;
    for (int i = 0; i < 16; i++)
        t_free(victim->held[i]);
    t_free(victim);
}

static void victim_step(struct victim *victim)
{
    size_t i = random_below(&victim->state, 16);
    t_free(victim->held[i]);
    victim->held[i] = t_malloc(random_size(&victim->state, 17));
}

/* Allocates until it is cancelled at the one place where that may happen. */
static void *allocate_until_cancelled(void *argument)
{
    struct victim *victim = argument;
    pthread_cleanup_push(clean_up, victim);
    for (;;) {
        victim_step(victim);
        __atomic_store_n(&victim->entered, 1, __ATOMIC_RELEASE);
        pthread_testcancel();
    }
    pthread_cleanup_pop(0);
    return NULL;
}

static void cancelled_between_calls(void)
{
    for (int i = 0; i < CANCEL_COUNT; i++) {
        pthread_t thread;
        void *result = NULL;
        struct victim *victim = victim_make();
        CHECK_EQ(pthread_create(&thread, NULL, allocate_until_cancelled, victim), 0);
        while (!__atomic_load_n(&victim->entered, __ATOMIC_ACQUIRE))
            sched_yield();
        CHECK_EQ(pthread_cancel(thread), 0);
        CHECK_EQ(pthread_join(thread, &result), 0);
        CHECK(result == PTHREAD_CANCELED);
    }
}

static int calls_done;

/* Allocates with a cancel pending; gets through only if no call acts on it. */
static void *allocate_while_cancelled(void *argument)
{
    struct victim *victim = argument;
    pthread_cleanup_push(clean_up, victim);
    pthread_cancel(pthread_self());
    for (; victim->calls < CALL_COUNT; victim->calls++)
        victim_step(victim);
    t_trim(0);
    __atomic_add_fetch(&calls_done, victim->calls, __ATOMIC_RELAXED);
    pthread_testcancel();
    pthread_cleanup_pop(0);
    return NULL;
}

static void not_a_cancellation_point(void)
{
    for (int i = 0; i < CANCEL_COUNT; i++) {
        pthread_t thread;
        void *result = NULL;
        struct victim *victim = victim_make();
        CHECK_EQ(pthread_create(&thread, NULL, allocate_while_cancelled, victim), 0);
        CHECK_EQ(pthread_join(thread, &result), 0);
        CHECK(result == PTHREAD_CANCELED);
    }
    CHECK_EQ(calls_done, CANCEL_COUNT * CALL_COUNT);
}

int main(void)
{
    alarm(4 * CHILD_SECONDS);
    RUN(profiled);
    RUN(cancelled_between_calls);
    RUN(not_a_cancellation_point);
    CHECK(heap_works_with_threads(1));
    return check_done();
}
