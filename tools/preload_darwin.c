/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* preload_darwin.c - see preload.h. The system drops the variable for its protected programs. */
#include "preload.h"

#include <limits.h>
#include <mach-o/dyld.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

const char *const preload_variable = "DYLD_INSERT_LIBRARIES";
const char *const preload_separators = ":";
const char *const preload_file_names[] = {"libzcmalloc.dylib", "libzcmalloc.0.dylib", NULL};

bool preload_own_path(char *path, size_t size)
{
    char raw[PATH_MAX];
    char real[PATH_MAX];
    uint32_t raw_size = sizeof raw;
    if (_NSGetExecutablePath(raw, &raw_size) != 0 || realpath(raw, real) == NULL ||
        strlen(real) >= size)
        return false;
    strcpy(path, real);
    return true;
}
