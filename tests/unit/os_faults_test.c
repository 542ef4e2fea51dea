/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* os_faults_test.c - fails the n-th call to the OS, for every n that the workload makes, once alone, once
 * with all that follow, and for every third n with the next two: requests are refused with ENOMEM, nothing
 * aborts, and when the OS has recovered a part of the same work, in which every kind of block occurs, succeeds,
 * so nothing was lost. Each n in a process of its own. */
#include "support/fake_os.h"
#include "workload.h"

#include <stdlib.h>
#include <sys/wait.h>

/* As many as have one block of each large size. */
#define AFTERWARDS_BLOCKS 320

/* A parked failure of release may keep an address range for good; each costs one range at most. */
static void child(long n, long count)
{
    check_failed_count = 0;
    fake_os_install();
    fake_os.fail_at = n;
    fake_os.fail_count = count;
    workload_run();
    fake_os.fail_at = 0;
    if (workload_run_some(AFTERWARDS_BLOCKS) != 0)
        _exit(2);
    struct zc_stats stats;
    zc_trim(0);
    zc_stats_get(&stats, sizeof stats);
    CHECK(stats.large_bytes == 0);
    CHECK(stats.small_bytes == stats.depot_bytes + stats.thread_cache_bytes);
    /* Every failure was taken back where it had been counted. */
    CHECK_EQ(stats.mapped_bytes, stats.small_bytes + stats.large_bytes + stats.central_bytes +
                                     stats.span_tail_bytes + stats.run_cache_bytes +
                                     stats.page_heap_bytes + stats.metadata_bytes);
    _exit(check_failed_count != 0 ? 1 : 0);
}

static int run_child(long n, long count)
{
    pid_t pid = fork();
    if (pid == 0)
        child(n, count);
    int status = -1;
    waitpid(pid, &status, 0);
    return status;
}

static long count_calls(void)
{
    int ends[2];
    long calls = 0;
    if (pipe(ends) != 0)
        return 0;
    pid_t pid = fork();
    if (pid == 0) {
        fake_os_install();
        long refused = workload_run();
        calls = refused == 0 ? fake_os.call_count : -1;
        _exit(write(ends[1], &calls, sizeof calls) != sizeof calls);
    }
    waitpid(pid, NULL, 0);
    if (read(ends[0], &calls, sizeof calls) != sizeof calls)
        calls = 0;
    return calls;
}

int main(void)
{
#if defined(__SANITIZE_THREAD__)
    check_skip("one thread only: nothing for ThreadSanitizer to see, and it takes a minute");
    return check_done();
#endif
    long calls = count_calls();
    CHECK(calls > 20);
    check_write("calls of the workload: ");
    check_write_number(calls);
    check_write("\n");
    for (long n = 1; n <= calls; n++) {
        CHECK_EQ(run_child(n, 1), 0);
        if (n % 3 == 0)
            CHECK_EQ(run_child(n, 3), 0);
        CHECK_EQ(run_child(n, -1), 0);
    }
    return check_done();
}
