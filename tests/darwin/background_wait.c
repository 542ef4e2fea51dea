/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* background_wait.c - the background thread's wait: it wakes at its end or when it is told to, and not in between; also
 * in the child of a fork whose parent was waiting. */
#include "darwin/zone.h"
#include "os/os.h"

#include <time.h>

enum { LONG_MS = 24 * 3600 * 1000 };

static uint32_t word;
static int sleep_count, wait_count;

/* Found by the library before the system's. */
int nanosleep(const struct timespec *time, struct timespec *left)
{
    (void)left;
    __atomic_add_fetch(&sleep_count, 1, __ATOMIC_SEQ_CST);
    return usleep((useconds_t)(time->tv_sec * 1000000 + time->tv_nsec / 1000));
}

int pthread_cond_timedwait_relative_np(pthread_cond_t *condition, pthread_mutex_t *mutex,
                                       const struct timespec *time)
{
    struct timespec until;
    __atomic_add_fetch(&wait_count, 1, __ATOMIC_SEQ_CST);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += time->tv_nsec;
    until.tv_sec += time->tv_sec + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    return pthread_cond_timedwait(condition, mutex, &until);
}

static bool forks_next;
static pid_t child;

int pthread_cond_broadcast(pthread_cond_t *condition)
{
    if (forks_next) {
        forks_next = false;
        child = fork();
        if (child == 0) {
            alarm(20);
            zci_os_wake_one(&word);
            zci_os_wait_for(&word, 1, 10);
            _exit(0);
        }
    }
    return pthread_cond_signal(condition);
}

static void *wait_long(void *unused)
{
    while (__atomic_load_n(&word, __ATOMIC_SEQ_CST) == 0)
        zci_os_wait_for(&word, 0, LONG_MS);
    return unused;
}

static void end_wait(pthread_t thread)
{
    __atomic_store_n(&word, 1, __ATOMIC_SEQ_CST);
    zci_os_wake_one(&word);
    CHECK_EQ(pthread_join(thread, NULL), 0);
}

static void wait_is_one_sleep(void)
{
    zci_os_wait_for(&word, 0, 400);
    CHECK_EQ(sleep_count + wait_count, 1);
    zci_os_wait_for(&word, 1, LONG_MS);
    CHECK_EQ(sleep_count + wait_count, 1);
}

/* Neither before, during nor after its start does it miss the end. */
static void wait_is_ended(void)
{
    for (int i = 0; i < 200; i++) {
        pthread_t thread;
        word = 0;
        CHECK_EQ(pthread_create(&thread, NULL, wait_long, NULL), 0);
        if (i % 3 != 0)
            usleep((useconds_t)(i % 3) * 300);
        end_wait(thread);
    }
}

/* Here with the mutex held, by the one who wakes. */
static void child_starts_anew(void)
{
    pthread_t thread;
    word = 0;
    CHECK_EQ(pthread_create(&thread, NULL, wait_long, NULL), 0);
    forks_next = true;
    end_wait(thread);
    CHECK(child > 0);
    CHECK_EQ(child_status(child), 0);
}

int main(void)
{
    zc_free(zc_malloc(1));
    RUN(wait_is_one_sleep);
    RUN(wait_is_ended);
    RUN(child_starts_anew);
    return check_done();
}
