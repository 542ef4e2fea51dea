/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* which_malloc.c - prints which file each of the process's allocation functions comes from.
 * A preload that fails is only a warning by the loader: this is how a comparison finds out. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

typedef void (*function)(void);

static void print_origin(const char *name, function address)
{
    void *pointer = (void *)(size_t)address;
    Dl_info info;
    int is_known = dladdr(pointer, &info) != 0 && info.dli_fname != NULL;
    printf("%s %s\n", name, is_known ? info.dli_fname : "?");
}

int main(void)
{
    print_origin("malloc", (function)malloc);
    print_origin("calloc", (function)calloc);
    print_origin("realloc", (function)realloc);
    print_origin("free", (function)free);
    return 0;
}
