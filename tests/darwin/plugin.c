/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* plugin.c - an image that is loaded later and has the library in it. Its own dlopen, which the library finds first,
 * tells whether the image was asked to stay. */
#include "zcmalloc.h"

#include <dlfcn.h>
#include <string.h>

static int pin_count;

int plugin_pin_count(void)
{
    return pin_count;
}

void *plugin_malloc(size_t size)
{
    return zc_malloc(size);
}

void *dlopen(const char *path, int mode)
{
    Dl_info self;
    if (dladdr(&pin_count, &self) != 0 && strcmp(path, self.dli_fname) == 0 &&
        (mode & RTLD_NOLOAD) != 0 && (mode & RTLD_NODELETE) != 0)
        pin_count++;
    return NULL;
}
