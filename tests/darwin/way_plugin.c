/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* way_plugin.c - a plug-in that brings the library stays when it is closed: threads, forks and zones call it.
 * usage: way_plugin PLUGIN */
#include "support/check.h"

#include <dlfcn.h>
#include <string.h>

int main(int argc, char **argv)
{
    void *(*give)(size_t size);
    int (*pin_count)(void);
    void *image = argc > 1 ? dlopen(argv[1], RTLD_NOW) : NULL;
    void *symbols[2] = {NULL, NULL};
    if (image != NULL) {
        symbols[0] = dlsym(image, "plugin_malloc");
        symbols[1] = dlsym(image, "plugin_pin_count");
    }
    if (!CHECK(symbols[0] != NULL && symbols[1] != NULL))
        return check_done();
    memcpy(&give, &symbols[0], sizeof give);
    memcpy(&pin_count, &symbols[1], sizeof pin_count);
    char *block = give(100);
    CHECK(block != NULL && pin_count() > 0);
    dlclose(image);
    memset(block, 1, 100);
    return check_done();
}
