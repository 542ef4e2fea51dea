/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* preload_linux.c - see preload.h. */
#include "preload.h"

#include <unistd.h>

const char *const preload_variable = "LD_PRELOAD";
const char *const preload_separators = ": \t\n";
const char *const preload_file_names[] = {"libzcmalloc.so", "libzcmalloc.so.0", NULL};

bool preload_own_path(char *path, size_t size)
{
    ssize_t length = readlink("/proc/self/exe", path, size);
    if (length < 0 || (size_t)length >= size)
        return false;
    path[length] = '\0';
    return true;
}
