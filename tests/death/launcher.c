/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* launcher.c - the deaths and survivals that expect_death must tell apart, by name. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void say(const char *words)
{
    if (write(2, words, strlen(words)) < 0)
        _exit(1);
}

int main(int argc, char **argv)
{
    const char *way = argc > 1 ? argv[1] : "";
    if (strcmp(way, "silent") != 0)
        say(strcmp(way, "other") == 0 ? "different words\n" : "expected words: and more\n");
    if (strcmp(way, "two_lines") == 0)
        say("a second line\n");
    if (strcmp(way, "exit") == 0)
        return 0;
    if (strcmp(way, "segv") == 0)
        raise(SIGSEGV);
    abort();
}
