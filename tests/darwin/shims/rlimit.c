/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* rlimit.c - Darwin does not limit address space by RLIMIT_AS: tests that need it are told so. */
#include <sys/resource.h>

int getrlimit(int resource, struct rlimit *limit)
{
    (void)resource;
    (void)limit;
    return -1;
}

int setrlimit(int resource, const struct rlimit *limit)
{
    (void)resource;
    (void)limit;
    return -1;
}
