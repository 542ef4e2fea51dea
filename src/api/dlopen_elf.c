/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* dlopen_elf.c - dlopen without RTLD_DEEPBIND, in the shared library only. A library that is bound deeply finds libc's
 * malloc before the program's: it would free what it got from the program, or from strdup, with libc's free. PHP loads
 * all its extensions so. glibc's malloc hooks, which once hid this, are gone since 2.34.
 * Invariants: dlopen is reached by a jump: it takes the library of its return address for its caller, whose RUNPATH
 *             it searches. So this file is always compiled with optimisation. */
#include "base/compiler.h"

#include <dlfcn.h>
#include <stddef.h>

#ifdef RTLD_DEEPBIND
typedef void *dlopen_function(const char *path, int mode);

ZCI_EXPORT void *dlopen(const char *path, int mode)
{
    dlopen_function *next = __extension__(dlopen_function *) dlsym(RTLD_NEXT, "dlopen");
    return next != NULL ? next(path, mode & ~RTLD_DEEPBIND) : NULL;
}
#endif
