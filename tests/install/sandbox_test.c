/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* sandbox_test.c - a program that may make the system calls only that the README names for sandboxes, and those that
 * libc makes for its threads and for this test. Any other is reported, by number. */
#include "tests/support/check.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef __NR_clone3
#define __NR_clone3 435
#endif
#ifndef __NR_close_range
#define __NR_close_range 436
#endif
#ifndef __NR_rseq
#define __NR_rseq __NR_clone3
#endif

static const int named[] = {
    __NR_mmap,          __NR_munmap,      __NR_mprotect,
    __NR_madvise,       __NR_futex,       __NR_mincore,
    __NR_prlimit64,     __NR_pread64,     __NR_sched_getaffinity,
    __NR_tgkill,        __NR_mremap,      __NR_openat,
    __NR_read,          __NR_close,       __NR_membarrier,
    __NR_clock_gettime, __NR_close_range, __NR_rt_sigprocmask,
    __NR_clone,
};

static const int of_libc[] = {
    __NR_clone3,       __NR_rseq,  __NR_set_robust_list, __NR_rt_sigaction,
    __NR_rt_sigreturn, __NR_exit,  __NR_exit_group,      __NR_clock_nanosleep,
    __NR_nanosleep,    __NR_write, __NR_getpid,          __NR_gettid,
};

enum {
    THREADS = 3,
    NAMED = sizeof named / sizeof *named,
    OF_LIBC = sizeof of_libc / sizeof *of_libc
};

static void on_other(int number, siginfo_t *information, void *context)
{
    (void)number;
    (void)context;
    check_write("FAILED: system call ");
    check_write_number(information->si_syscall);
    check_write("\n");
    _exit(1);
}

static int confine(void)
{
    enum { LENGTH = 2 * (NAMED + OF_LIBC) + 2 };

    struct sock_filter filter[LENGTH];
    size_t at = 0;
    filter[at++] =
        (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < NAMED + OF_LIBC; i++) {
        int allowed = i < NAMED ? named[i] : of_libc[i - NAMED];
        filter[at++] =
            (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)allowed, 0, 1);
        filter[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    }
    filter[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP);
    struct sock_fprog program = {.len = (unsigned short)at, .filter = filter};
    struct sigaction action = {.sa_sigaction = on_other, .sa_flags = SA_SIGINFO};
    return sigaction(SIGSYS, &action, NULL) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/* Small blocks, and large ones that grow, move and end. */
static void *work(void *unused)
{
    static const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
    void *blocks[1000] = {NULL};
    char *growing = NULL, *other = NULL;
    for (size_t round = 1; round <= 40; round++) {
        for (size_t i = 0; i < 1000; i++) {
            free(blocks[i]);
            blocks[i] = malloc(i * round % 5000);
        }
        growing = realloc(growing, round << 20);
        other = realloc(other, round << 20);
        if (!CHECK(growing != NULL && other != NULL))
            break;
        memset(growing, 1, round << 20);
        free(malloc((size_t)50 << 20));
        nanosleep(&pause, NULL);
    }
    free(growing);
    free(other);
    for (size_t i = 0; i < 1000; i++)
        free(blocks[i]);
    return unused;
}

/* So long that the collector takes what its cache holds. */
static void *sleep_in_between(void *unused)
{
    static const struct timespec pause = {.tv_sec = 1};
    for (size_t i = 0; i < 1000; i++)
        free(malloc(100));
    nanosleep(&pause, NULL);
    free(malloc(100));
    return unused;
}

int main(void)
{
    pthread_t threads[THREADS];
    if (!confine()) {
        check_skip("system calls cannot be filtered here");
        return check_done();
    }
    for (size_t i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, i == 0 ? sleep_in_between : work, NULL), 0);
    work(NULL);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    void *huge = realloc(malloc((size_t)300 << 20), (size_t)600 << 20);
    CHECK(huge != NULL);
    free(huge);
    return check_done();
}
