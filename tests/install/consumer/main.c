/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* main.c - a user's program: says whose its blocks are. With an argument it prints the version
 * only. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zcmalloc.h>

int main(int argument_count, char **arguments)
{
    if (argument_count > 1) {
        puts(zc_version());
        return 0;
    }
    void *plain = malloc(100);
    char *copy = strdup("a copy made by libc");
    void *own = zc_malloc(100);
    int fine = zc_owns(plain) == CONSUMER_OVERRIDES && zc_owns(copy) == CONSUMER_OVERRIDES &&
               zc_owns(own) && strcmp(zc_version(), "") != 0;
    printf("%s: version %s, malloc %s ours: %s\n", arguments[0], zc_version(),
           zc_owns(plain) ? "is" : "is not", fine ? "ok" : "FAILED");
    zc_free(own);
    free(copy);
    free(plain);
    return !fine;
}
