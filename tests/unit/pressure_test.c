/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* pressure_test.c - Linux says that memory is short: with ZCMALLOC_PRESSURE the background thread gives all of it back.
 * The kernel's word is the test's: open and poll are its own. */
#include "base/options.h"
#include "central/page_heap.h"
#include "support/check.h"
#include "zcmalloc.h"

#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { WAIT_MS = 20000 };

static const struct timespec moment = {.tv_nsec = 1000 * 1000};
static int is_short, is_watched; /* atomic */

int open(const char *path, int flags, ...)
{
    int is_pressure = strcmp(path, "/proc/pressure/memory") == 0;
    va_list more;
    va_start(more, flags);
    int mode = (flags & O_CREAT) != 0 ? va_arg(more, int) : 0;
    va_end(more);
    return (int)syscall(SYS_openat, AT_FDCWD, is_pressure ? "/dev/null" : path, flags, mode);
}

int poll(struct pollfd *events, nfds_t count, int timeout_ms)
{
    __atomic_store_n(&is_watched, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < timeout_ms && !__atomic_load_n(&is_short, __ATOMIC_RELAXED); i++)
        nanosleep(&moment, NULL);
    events[0].revents = 0;
    if (count == 0 || !__atomic_exchange_n(&is_short, 0, __ATOMIC_RELAXED))
        return 0;
    events[0].revents = POLLPRI;
    return 1;
}

static uint64_t dirty_bytes(void)
{
    struct page_heap_stats stats;
    zci_page_heap_stats(&stats);
    return stats.dirty_bytes;
}

static int comes_true(int (*is_so)(void))
{
    for (int i = 0; i < WAIT_MS && !is_so(); i++)
        nanosleep(&moment, NULL);
    return is_so();
}

static int thread_watches(void)
{
    return __atomic_load_n(&is_watched, __ATOMIC_RELAXED);
}

static int all_is_given_back(void)
{
    return dirty_bytes() == 0;
}

int main(void)
{
    size_t bytes = (size_t)20 << 20;
    zci_options.gc_ms = 0; /* nobody else gives anything back */
    zci_options.pressure = 1;
    char *block = zc_malloc(bytes);
    if (!CHECK(block != NULL))
        return check_done();
    memset(block, 1, bytes);
    zc_free(block);
    CHECK(dirty_bytes() >= bytes);
    CHECK_EQ(zc_background_start(), 0);
    CHECK(comes_true(thread_watches));
    CHECK(dirty_bytes() >= bytes);
    __atomic_store_n(&is_short, 1, __ATOMIC_RELAXED);
    CHECK(comes_true(all_is_given_back));
    zc_background_stop();
    return check_done();
}
