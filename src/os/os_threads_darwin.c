/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* os_threads_darwin.c - what os.h asks for the collector's sake. Darwin tells a process nothing about its
 * other threads without a message to the kernel, so caches of threads that sleep are left alone; memory
 * pressure comes through libdispatch, see src/api/pressure_darwin.c. */
#include "base/atomic.h"
#include "os/os.h"
#include "os/os_darwin.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* Only for a thread of our own that waits for seconds: Darwin has no public futex before macOS 14.4. Neither of the two
 * allocates. */
static pthread_mutex_t wait_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wait_ends = PTHREAD_COND_INITIALIZER;

void zci_os_wait_for(uint32_t *word, uint32_t expected, uint32_t timeout_ms)
{
    const struct timespec timeout = {timeout_ms / 1000, (long)(timeout_ms % 1000) * 1000000};
    pthread_mutex_lock(&wait_mutex);
    /* Whoever changes the word comes by the mutex afterwards: nothing is missed. */
    if (atomic_load_acquire(word) == expected)
        (void)pthread_cond_timedwait_relative_np(&wait_ends, &wait_mutex, &timeout);
    pthread_mutex_unlock(&wait_mutex);
}

/* All of them, whatever their word is: there is one at most. */
void zci_os_wake_one(uint32_t *word)
{
    (void)word;
    pthread_mutex_lock(&wait_mutex);
    pthread_cond_broadcast(&wait_ends);
    pthread_mutex_unlock(&wait_mutex);
}

/* A thread that the child does not have may hold the one and wait for the other. */
void zci_waits_reset_in_child(void)
{
    wait_mutex = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    wait_ends = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
}

uint64_t zci_os_clock_ms(void)
{
    return clock_gettime_nsec_np(CLOCK_UPTIME_RAW_APPROX) / 1000000;
}

int zci_os_pressure_open(void)
{
    return -1;
}

bool zci_os_pressure_wait(int *descriptor, uint32_t timeout_ms)
{
    (void)descriptor;
    (void)timeout_ms;
    return false;
}

void zci_os_pressure_close(int descriptor)
{
    (void)descriptor;
}

unsigned zci_os_cpu_count(void)
{
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count > 0 ? (unsigned)count : 1;
}

/* It lies elsewhere. */
size_t zci_os_stack_tls_bytes(void)
{
    return 0;
}

uint32_t zci_os_thread_number(void)
{
    return 0;
}

bool zci_os_barrier_all_threads(void)
{
    return false;
}

bool zci_os_with_own_files(void (*body)(void *), void *argument, void *stack)
{
    (void)stack;
    (void)body;
    (void)argument;
    return false;
}

bool zci_os_thread_sleeps(uint32_t number, const void *variable)
{
    (void)number;
    (void)variable;
    return false;
}

bool zci_os_thread_is_gone(uint32_t number)
{
    (void)number;
    return false;
}

uint64_t zci_os_thread_clock(void)
{
    return 1;
}

bool zci_os_thread_began_by(uint32_t number, uint64_t instant)
{
    (void)number;
    (void)instant;
    return false;
}

uint32_t zci_os_process_number(void)
{
    return (uint32_t)getpid();
}

const char *zci_os_program_name(void)
{
    return getprogname();
}
