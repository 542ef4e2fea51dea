/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* late_cxx_test.c - a C program whose malloc is ours loads a C++ library, and the C++ runtime with it, for that
 * library alone. Usage: late_cxx_test LIBRARY */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

int main(int argument_count, char **arguments)
{
    int (*run)(void);
    if (argument_count < 2)
        return 2;
    if (dlsym(RTLD_DEFAULT, "zc_malloc") == NULL) {
        puts("SKIPPED: not preloaded");
        return 77;
    }
    void *library = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
    void *address = library != NULL ? dlsym(library, "late_cxx_run") : NULL;
    if (address == NULL) {
        puts(dlerror());
        return 1;
    }
    memcpy(&run, &address, sizeof run);
    return run();
}
