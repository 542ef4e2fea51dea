/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* fake_os_child.h - runs a case in a process of its own, whose operating system is the one of fake_os.h. */
#ifndef TESTS_SUPPORT_FAKE_OS_CHILD_H
#define TESTS_SUPPORT_FAKE_OS_CHILD_H

#include "support/check.h"
#include "support/fake_os.h"

#include <sys/wait.h>
#include <unistd.h>

/* The child's status: 0 if no check failed. */
static inline int fake_os_in_child(void (*run)(void))
{
    pid_t pid = fork();
    if (pid == 0) {
        check_failed_count = 0;
        fake_os_install();
        run();
        _exit(check_failed_count != 0 ? 1 : 0);
    }
    int status = -1;
    waitpid(pid, &status, 0);
    return status;
}

#endif
