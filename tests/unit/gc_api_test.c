/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* gc_api_test.c - zc_collect, when the next step is due, zc_release_to_os and the background thread. No step is
 * done by slow calls here: what goes back goes back for the reason that is tested. Waits have an end, but nothing
 * depends on how long they take. */
#include "base/compiler.h"
#include "base/options.h"
#include "heap/gc.h"
#include "os/os.h"
#include "support/check.h"
#include "support/process_size.h"
#include "zcmalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define MIB           ((size_t)1 << 20)
#define BLOCK_BYTES   ((size_t)1000)
#define GRANULE_BYTES ((size_t)64 << 10)
#define BLOCK_COUNT   32000
#define WAIT_SECONDS  60

/* More than a small stack has room for. */
static __thread volatile char thread_local_bytes[512 << 10];

static unsigned char *blocks[BLOCK_COUNT];
static struct zc_stats stats;

static void get(void)
{
    CHECK_EQ(zc_stats_get(&stats, sizeof stats), 0);
}

static void fill(void)
{
    for (size_t i = 0; i < BLOCK_COUNT; i++) {
        blocks[i] = zc_malloc(BLOCK_BYTES);
        if (!CHECK(blocks[i] != NULL))
            exit(check_done());
        memset(blocks[i], (int)i, BLOCK_BYTES);
    }
}

/* All, or all but each step-th. */
static void free_but(size_t step)
{
    for (size_t i = 0; i < BLOCK_COUNT; i++)
        if (step == 0 || i % step != 0)
            zc_free(blocks[i]);
}

static void free_each(size_t step)
{
    for (size_t i = 0; i < BLOCK_COUNT; i += step)
        zc_free(blocks[i]);
}

/* Threads of this process, without malloc; or -1 where nobody can tell: ThreadSanitizer has one of its own. */
static long thread_count(void)
{
    static char entries[4096];
    int directory = open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0 || ZCI_SANITIZE_THREAD)
        return -1;
    long count = -2; /* . and .. */
    long length;
    while ((length = syscall(SYS_getdents64, directory, entries, sizeof entries)) > 0)
        for (long at = 0; at < length; count++)
            at += *(unsigned short *)(void *)(entries + at + 16);
    close(directory);
    return count;
}

static int becomes(long threads)
{
    for (long i = 0; i < WAIT_SECONDS * 1000; i++) {
        long count = thread_count();
        if (count == threads || count < 0)
            return 1;
        usleep(1000);
    }
    return 0;
}

/* Whether free memory goes away although nobody here allocates or frees. */
static int goes_back(uint64_t most_bytes)
{
    for (long i = 0; i < WAIT_SECONDS * 1000; i++) {
        get();
        if (stats.mapped_bytes - stats.metadata_bytes <= most_bytes)
            return 1;
        usleep(1000);
    }
    return 0;
}

static void levels_of_collecting(void)
{
    fill();
    free_but(0);
    get();
    CHECK(stats.thread_cache_bytes > 0);
    uint64_t steps = stats.gc_step_count;
    errno = 77;
    zc_collect(ZC_COLLECT_STEP);
    get();
    CHECK_EQ(stats.gc_step_count, steps + 1);

    fill();
    free_but(0);
    zc_collect(ZC_COLLECT_CACHES);
    get();
    CHECK_EQ(stats.thread_cache_bytes, 0);
    CHECK_EQ(stats.depot_bytes, 0);
    CHECK_EQ(stats.central_bytes, 0);
    CHECK(stats.page_heap_bytes >= BLOCK_COUNT * BLOCK_BYTES);
    CHECK_EQ(stats.gc_step_count, steps + 1);

    uint64_t free_bytes = stats.page_heap_bytes;
    size_t given_bytes = zc_collect(ZC_COLLECT_ALL);
    get();
    CHECK(given_bytes >= free_bytes);
    CHECK(given_bytes - free_bytes <= stats.metadata_bytes); /* pages of batches that nobody has */
    CHECK_EQ(stats.page_heap_bytes, 0);
    CHECK_EQ(zc_collect(ZC_COLLECT_ALL), 0);
    CHECK_EQ(errno, 77);

    CHECK_EQ(zc_collect(ZC_COLLECT_ALL + 1), 0);
    CHECK_EQ(errno, EINVAL);
    errno = 77;
    CHECK_EQ(zc_collect(-1), 0);
    CHECK_EQ(errno, EINVAL);
}

enum { TICK_MS = 50, PURGE_MS = 150 };

static int purge_count;

static int purge_for_long(void *start, size_t bytes)
{
    uint64_t begin_ms = zci_os_clock_ms();
    while (purge_count == 0 && zci_os_clock_ms() < begin_ms + PURGE_MS)
        usleep(1000);
    purge_count++;
    return zci_os_calls_native.purge(start, bytes);
}

/* The next step is due a tick after the end of the last, not at its end; and not by a clock that was read before it. */
static void steps_are_a_tick_apart(void)
{
    static struct os_calls calls;
    calls = zci_os_calls_native;
    calls.purge = purge_for_long;
    fill();
    free_but(0);
    zc_collect(ZC_COLLECT_CACHES);
    zci_options.decay_ms = 1;
    zc_collect(ZC_COLLECT_STEP); /* sees what lies idle */
    usleep(20000);
    zci_os_calls = &calls;
    uint64_t before_ms = zci_os_clock_ms();
    zc_collect(ZC_COLLECT_STEP);
    zci_os_calls = &zci_os_calls_native;
    CHECK(purge_count > 0);
    zci_options.gc_ms = TICK_MS;
    CHECK(!zci_gc_is_time(before_ms + PURGE_MS));
    CHECK(!zci_gc_is_time(before_ms));
    CHECK(!zci_gc_is_time(0));
    CHECK(zci_gc_is_time(zci_os_clock_ms() + TICK_MS));
    zci_options.gc_ms = 0;
}

/* Whole pages between live blocks go too, and what is left of the blocks is as it was. */
static void pages_between_live_blocks(void)
{
    fill();
    free_but(100);
    size_t released = zc_collect(ZC_COLLECT_ALL);
    get();
    CHECK(stats.span_released_bytes >= BLOCK_COUNT * BLOCK_BYTES / 2);
    CHECK_EQ(stats.gc_swept_bytes >= stats.span_released_bytes, 1);
    CHECK(released >= stats.span_released_bytes);
    uint64_t refaults = stats.gc_refault_bytes;
    size_t changed = 0;
    for (size_t i = 0; i < BLOCK_COUNT; i += 100)
        changed +=
            blocks[i][0] != (unsigned char)i || blocks[i][BLOCK_BYTES - 1] != (unsigned char)i;
    CHECK_EQ(changed, 0);
    free_each(100);
    fill();
    get();
    CHECK(stats.gc_refault_bytes > refaults);
    CHECK_EQ(stats.span_released_bytes, 0);
    free_but(0);
    zc_collect(ZC_COLLECT_ALL);
}

static void keeping_a_given_amount(void)
{
    fill();
    free_but(0);
    CHECK(zc_trim(20 * MIB) > 0);
    get();
    CHECK_EQ(stats.page_heap_bytes, 20 * MIB);
    CHECK_EQ(zc_trim(30 * MIB), 0);
    CHECK_EQ(zc_trim(5 * MIB + 1), 15 * MIB);
    get();
    CHECK_EQ(stats.page_heap_bytes, 5 * MIB);
    /* What is kept can be used, and what went. */
    fill();
    free_but(0);
    CHECK(zc_trim(0) > 0);
    get();
    CHECK_EQ(stats.page_heap_bytes, 0);
}

static void releasing_a_given_amount(void)
{
    fill();
    free_but(0);
    zc_collect(ZC_COLLECT_CACHES);
    get();
    uint64_t before = stats.page_heap_bytes;
    errno = 77;
    size_t released = zc_release_to_os(10 * MIB);
    get();
    CHECK_EQ(released, 10 * MIB);
    CHECK_EQ(zc_release_to_os(1), GRANULE_BYTES);
    released += GRANULE_BYTES;
    get();
    CHECK_EQ(before - stats.page_heap_bytes, released);

    /* What is in the caches counts as free, too. */
    zc_collect(ZC_COLLECT_ALL);
    fill();
    free_but(0);
    get();
    uint64_t wanted = stats.page_heap_bytes + MIB / 4;
    released = zc_release_to_os(wanted);
    CHECK(released >= wanted && released < wanted + GRANULE_BYTES);
    get();
    CHECK(stats.page_heap_bytes > 0);
    zc_collect(ZC_COLLECT_ALL);
    fill();
    free_but(0);
    CHECK(zc_release_to_os(BLOCK_COUNT * BLOCK_BYTES) >= BLOCK_COUNT * BLOCK_BYTES);
    /* There is not so much: all there is. */
    zc_release_to_os(SIZE_MAX);
    get();
    CHECK_EQ(stats.page_heap_bytes, 0);
    CHECK_EQ(zc_release_to_os(SIZE_MAX), 0);
    CHECK_EQ(zc_release_to_os(0), 0);
    CHECK_EQ(errno, 77);
}

static void the_thread_comes_and_goes(void)
{
    if (thread_count() < 0) {
        check_skip("no /proc/self/task");
        return;
    }
    long before = thread_count();
    zc_background_stop();
    errno = 77;
    CHECK_EQ(zc_background_start(), 0);
    CHECK_EQ(zc_background_start(), 0);
    CHECK_EQ(thread_count(), before + 1);
    zc_background_stop();
    CHECK(becomes(before));
    zc_background_stop();
    for (int i = 0; i < 20; i++) {
        CHECK_EQ(zc_background_start(), 0);
        zc_background_stop();
    }
    CHECK(becomes(before));
    CHECK_EQ(zc_background_start(), 0);
    CHECK_EQ(thread_count(), before + 1);
    CHECK_EQ(errno, 77);
    zc_background_stop();
    CHECK(becomes(before));
}

/* The signals that the only other thread of this process blocks, the first in bit 0; 0: unknown. */
static uint64_t blocked_by_the_other(void)
{
    static char entries[4096];
    static char text[4096];
    int directory = open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    long length = syscall(SYS_getdents64, directory, entries, sizeof entries);
    const char *word = NULL;
    for (long at = 0; at < length && word == NULL;
         at += *(unsigned short *)(void *)(entries + at + 16)) {
        const char *name = entries + at + 19;
        if (name[0] == '.' || atoi(name) == getpid())
            continue;
        strcpy(text, "/proc/self/task/");
        strcat(strcat(text, name), "/status");
        int file = open(text, O_RDONLY | O_CLOEXEC);
        ssize_t size = read(file, text, sizeof text - 1);
        close(file);
        text[size > 0 ? size : 0] = '\0';
        word = strstr(text, "SigBlk:");
    }
    close(directory);
    return word != NULL ? strtoull(word + 7, NULL, 16) : 0;
}

/* So that the handlers of the program run in its own threads. */
static void it_blocks_all_signals(void)
{
    if (thread_count() < 0) {
        check_skip("no /proc/self/task");
        return;
    }
    zci_options.gc_ms = 1;
    CHECK_EQ(zc_background_start(), 0);
    get();
    uint64_t steps = stats.gc_step_count;
    /* While a thread begins, libc blocks them all. */
    for (long i = 0; i < WAIT_SECONDS * 1000 && stats.gc_step_count == steps; i++) {
        usleep(1000);
        get();
    }
    CHECK(stats.gc_step_count > steps);
    uint64_t blocked = blocked_by_the_other();
    uint64_t missed = 0;
    /* libc keeps some between the two ranges for itself. */
    for (int signal = 1; signal <= SIGRTMAX; signal++)
        if (signal != SIGKILL && signal != SIGSTOP && (signal < 32 || signal >= SIGRTMIN))
            missed |= ~blocked & (uint64_t)1 << (signal - 1);
    CHECK_EQ(missed, 0);
    zc_background_stop();
    CHECK(becomes(1));
}

/* What may stay in this thread's cache, which is not asleep for long at a time, and in its spans. */
#define REST_BYTES (4 * MIB)

static int purge_begun;
static int purge_may_end;

/* The thread of the collector is kept from running, as by one of a higher priority. */
static int purge_when_allowed(void *start, size_t bytes)
{
    __atomic_store_n(&purge_begun, 1, __ATOMIC_SEQ_CST);
    while (!__atomic_load_n(&purge_may_end, __ATOMIC_SEQ_CST))
        usleep(1000);
    return zci_os_calls_native.purge(start, bytes);
}

/* A thread that has not ended yet goes on, and nobody waits for it. */
static void it_starts_again_before_it_has_ended(void)
{
    static struct os_calls calls;
    calls = zci_os_calls_native;
    calls.purge = purge_when_allowed;
    zci_os_calls = &calls;
    fill();
    free_but(0);
    zci_options.decay_ms = 50;
    zci_options.gc_ms = 5;
    CHECK_EQ(zc_background_start(), 0);
    while (!__atomic_load_n(&purge_begun, __ATOMIC_SEQ_CST))
        usleep(1000);
    for (int i = 0; i < 3; i++) {
        zc_background_stop();
        CHECK_EQ(zc_background_start(), 0);
    }
    CHECK(thread_count() == 2 || thread_count() < 0);
    __atomic_store_n(&purge_may_end, 1, __ATOMIC_SEQ_CST);
    CHECK(goes_back(REST_BYTES));
    CHECK(thread_count() == 2 || thread_count() < 0);
    zc_background_stop();
    CHECK(becomes(1));
}

static void memory_goes_back_without_a_call(void)
{
    fill();
    free_but(0);
    get();
    CHECK(stats.mapped_bytes - stats.metadata_bytes > REST_BYTES);
    zci_options.gc_ms = 5;
    zci_options.decay_ms = 50;
    CHECK_EQ(zc_background_start(), 0);
    CHECK(goes_back(REST_BYTES));
    CHECK(stats.gc_decayed_bytes > 0);
    zc_background_stop();
    CHECK(becomes(1));
}

static int child(void)
{
    alarm(2 * WAIT_SECONDS);
    CHECK(thread_count() == 1 || thread_count() < 0);
    fill();
    free_but(0);
    CHECK_EQ(zc_background_start(), 0);
    CHECK(thread_count() == 2 || thread_count() < 0);
    CHECK(goes_back(REST_BYTES));
    zc_background_stop();
    CHECK(becomes(1));
    return check_failed_count != 0;
}

static void a_child_has_none_and_may_start_one(void)
{
    zci_options.gc_ms = 5;
    CHECK_EQ(zc_background_start(), 0);
    pid_t pid = fork();
    if (pid == 0)
        _exit(child());
    int status = -1;
    waitpid(pid, &status, 0);
    CHECK_EQ(status, 0);
}

static void no_more_threads(void)
{
    /* No room for a stack. */
    struct rlimit limit = {MIB, MIB};
    if (setrlimit(RLIMIT_AS, &limit) != 0 || process_growth_is_refused(2 * MIB) == 0) {
        check_skip("the address space cannot be limited");
        return;
    }
    errno = 0;
    CHECK_EQ(zc_background_start(), -1);
    CHECK_EQ(errno, EAGAIN);
    zc_background_stop();
}

/* Programs close all descriptors but their own, and then have others of these numbers. If that went unnoticed, the
 * thread would ask again and again. */
static void the_program_closes_the_descriptor(void)
{
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    close(ends[1]);
    int descriptor = ends[1];
    CHECK(!zci_os_pressure_wait(&descriptor, 1));
    CHECK_EQ(descriptor, -1);
    descriptor = ends[0];
    CHECK(!zci_os_pressure_wait(&descriptor, 1));
    CHECK_EQ(descriptor, -1);
    CHECK(fcntl(ends[0], F_GETFD) != -1);
    close(ends[0]);
    CHECK_EQ(pipe(ends), 0);
    descriptor = ends[0];
    CHECK(!zci_os_pressure_wait(&descriptor, 1));
    CHECK_EQ(descriptor, -1);
    zci_os_pressure_close(ends[0]);
    CHECK(fcntl(ends[0], F_GETFD) != -1);
    close(ends[0]);
    close(ends[1]);
}

/* Each case has a heap and threads of its own. */
static void in_child(void (*body)(void))
{
    pid_t pid = fork();
    if (pid == 0) {
        alarm(3 * WAIT_SECONDS);
        body();
        _exit(check_failed_count != 0);
    }
    int status = -1;
    waitpid(pid, &status, 0);
    CHECK_EQ(status, 0);
}

int main(void)
{
    zci_options.gc_ms = 0;
    thread_local_bytes[0] = 1;
    in_child(levels_of_collecting);
    in_child(steps_are_a_tick_apart);
    in_child(pages_between_live_blocks);
    in_child(keeping_a_given_amount);
    in_child(releasing_a_given_amount);
    in_child(the_thread_comes_and_goes);
    in_child(it_blocks_all_signals);
    in_child(it_starts_again_before_it_has_ended);
    in_child(memory_goes_back_without_a_call);
    in_child(the_program_closes_the_descriptor);
#if !ZCI_SANITIZE_THREAD && !defined(__SANITIZE_ADDRESS__)
    /* Their run-times start no threads in such a child, and need address space themselves. */
    in_child(a_child_has_none_and_may_start_one);
    in_child(no_more_threads);
#else
    (void)a_child_has_none_and_may_start_one;
    (void)no_more_threads;
#endif
    return check_done();
}
