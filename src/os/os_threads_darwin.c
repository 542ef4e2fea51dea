/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* os_threads_darwin.c - what os.h asks for the collector's sake. Darwin tells a process nothing about its
 * other threads without a message to the kernel, so caches of threads that sleep are left alone; memory
 * pressure comes through libdispatch, see src/api/pressure_darwin.c. */
#include "base/atomic.h"
#include "base/bits.h"
#include "os/os.h"

#include <time.h>
#include <unistd.h>

/* How long a wait may overlook its end. */
#define NAP_MS 50

/* Only for a thread of our own that waits for seconds: Darwin has no public futex before macOS 14.4. */
void zci_os_wait_for(uint32_t *word, uint32_t expected, uint32_t timeout_ms)
{
    while (timeout_ms != 0 && atomic_load_acquire(word) == expected) {
        uint32_t nap_ms = (uint32_t)min_size(timeout_ms, NAP_MS);
        const struct timespec nap = {0, (long)nap_ms * 1000000};
        (void)nanosleep(&nap, NULL);
        timeout_ms -= nap_ms;
    }
}

void zci_os_wake_one(uint32_t *word)
{
    (void)word;
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

bool zci_os_handlers_block_their_signal(void)
{
    return false;
}

uint64_t zci_os_signals_blocked(void)
{
    return 0;
}

bool zci_os_thread_sleeps(uint32_t number, uint64_t usually_blocked)
{
    (void)number;
    (void)usually_blocked;
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
