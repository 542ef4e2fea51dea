/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* measure.c - runs one program and writes what it cost as a line of JSON.
 * usage: measure FILE [NAME=VALUE...] PROGRAM [ARGUMENT...]
 *        FILE gets the line; NAME=VALUE, without / before the =, are set for PROGRAM only.
 * Why: Linux counts the memory of the process that calls exec into the peak of the program it
 *      becomes, so a program started from a large interpreter would never show a peak below the
 *      interpreter's. This one is small: its floor is about 1 MiB.
 * Where its parent ends before it, as by SIGKILL, PROGRAM ends too, on Linux: a server would go on for ever.
 * The peak is that of the largest process among PROGRAM and the children it waited for; the times
 * and faults are sums over them. */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static double seconds_of(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec * 1e-6;
}

static volatile pid_t child;

/* All processes of a group of its own: a server's may not be children. */
static void end_with_parent(int number)
{
    if (child > 0)
        kill(child, SIGKILL);
    if (getpgrp() == getpid())
        kill(0, SIGKILL);
    _exit(128 + number);
}

/* The signal that this process gets when its parent ends. */
static void tie_to_parent(int number)
{
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, number);
#else
    (void)number;
#endif
}

/* NAME=VALUE; a path may have an = too. */
static bool is_setting(const char *word)
{
    return word[strcspn(word, "=/")] == '=';
}

static void become(char **arguments)
{
    for (; *arguments != NULL && is_setting(*arguments); arguments++)
        putenv(*arguments);
    if (*arguments != NULL)
        execvp(*arguments, arguments);
    fprintf(stderr, "measure: %s: %s\n", *arguments != NULL ? *arguments : "no program",
            strerror(errno));
    _exit(127);
}

static int write_result(const char *file, double wall, int code, const struct rusage *used)
{
#ifdef __APPLE__
    const long bytes_per_unit = 1;
#else
    const long bytes_per_unit = 1024;
#endif
    FILE *out = fopen(file, "w");
    if (out == NULL)
        return -1;
    fprintf(out,
            "{\"wall_s\": %.6f, \"user_s\": %.6f, \"system_s\": %.6f, \"peak_bytes\": %lld, "
            "\"minor_faults\": %ld, \"major_faults\": %ld, \"exit_code\": %d}\n",
            wall, seconds_of(used->ru_utime), seconds_of(used->ru_stime),
            (long long)used->ru_maxrss * bytes_per_unit, used->ru_minflt, used->ru_majflt, code);
    return fclose(out);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fputs("usage: measure FILE [NAME=VALUE...] PROGRAM [ARGUMENT...]\n", stderr);
        return 2;
    }
    signal(SIGTERM, end_with_parent);
    tie_to_parent(SIGTERM);
    double start = seconds_now();
    child = fork();
    if (child == 0) {
        tie_to_parent(SIGKILL);
        signal(SIGTERM, SIG_DFL);
        become(argv + 2);
    }
    int status = 0;
    struct rusage used;
    pid_t done = -1;
    if (child > 0)
        do
            done = wait4(child, &status, 0, &used);
        while (done < 0 && errno == EINTR);
    double wall = seconds_now() - start;
    if (done != child) {
        fprintf(stderr, "measure: %s\n", strerror(errno));
        return 125;
    }
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (write_result(argv[1], wall, code, &used) != 0) {
        fprintf(stderr, "measure: %s: %s\n", argv[1], strerror(errno));
        return 125;
    }
    return code;
}
