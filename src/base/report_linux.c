/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* report_linux.c - see report.h. */
#include "base/report.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

/* The copy gets a number that programs which count on the next one do not meet. */
#define COPY_LEAST 200

static struct {
    dev_t device;
    ino_t number;
    bool is_known;
    bool is_started;
    int copy;
} file = {.copy = -1};

static bool is_file(int fd)
{
    struct stat now;
    return file.is_known && fd >= 0 && fstat(fd, &now) == 0 && now.st_dev == file.device &&
           now.st_ino == file.number;
}

void zci_report_start(bool keeps_it)
{
    int saved = errno;
    struct stat now;
    file.is_known = fstat(STDERR_FILENO, &now) == 0;
    file.is_started = true;
    if (file.is_known) {
        file.device = now.st_dev;
        file.number = now.st_ino;
    }
    if (keeps_it && file.is_known)
        file.copy = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, COPY_LEAST);
    errno = saved;
}

int zci_report_fd(void)
{
    int saved = errno;
    bool is_there = !file.is_started || is_file(STDERR_FILENO);
    int fd = is_there ? STDERR_FILENO : is_file(file.copy) ? file.copy : -1;
    errno = saved;
    return fd;
}

static bool waits(void)
{
    sigset_t waiting;
    return sigpending(&waiting) == 0 && sigismember(&waiting, SIGPIPE) == 1;
}

void zci_report_begin(struct report_guard *guard)
{
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    guard->may_come = pthread_sigmask(SIG_BLOCK, &pipe, &guard->before) == 0 && !waits();
}

void zci_report_end(const struct report_guard *guard)
{
    sigset_t pipe;
    int number;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    if (!guard->may_come)
        return;
    if (waits())
        (void)sigwait(&pipe, &number);
    (void)pthread_sigmask(SIG_SETMASK, &guard->before, NULL);
}

void zci_report_flush(struct print *out)
{
    struct report_guard guard;
    zci_report_begin(&guard);
    zci_print_flush(out, zci_report_fd());
    zci_report_end(&guard);
}
