/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* options_test.c - the environment variables: values, mistakes, and what is said about them. */
#include "base/options.h"
#include "support/check.h"

#include <fcntl.h>
#include <stdlib.h>

static char said[4096];

/* Reads one variable and keeps what was said on fd 2. */
static void read_one(const char *variable)
{
    const char *environment[] = {"PATH=/bin", variable, NULL};
    int ends[2];
    int saved = dup(2);
    memset(said, 0, sizeof said);
    if (pipe(ends) != 0)
        return;
    dup2(ends[1], 2);
    zci_options_read((char *const *)environment);
    dup2(saved, 2);
    close(ends[1]);
    if (read(ends[0], said, sizeof said - 1) < 0)
        said[0] = '?';
    close(ends[0]);
    close(saved);
}

static void values_are_read(void)
{
    CHECK_EQ(zci_options.verbose, 0);
    read_one("ZCMALLOC_VERBOSE=1");
    CHECK_EQ(zci_options.verbose, 1);
    CHECK_EQ(said[0], 0);
    read_one("ZCMALLOC_VERBOSE=0");
    CHECK_EQ(zci_options.verbose, 0);
}

static void mistakes_are_named_once(void)
{
    read_one("ZCMALLOC_NOSUCH=1");
    CHECK(strcmp(said, "zcmalloc: unknown option, ignored: ZCMALLOC_NOSUCH\n") == 0);
    read_one("ZCMALLOC_VERBOSE=maybe");
    CHECK(strcmp(said,
                 "zcmalloc: not a value for this option, ignored: ZCMALLOC_VERBOSE=maybe\n") == 0);
    read_one("ZCMALLOC_VERBOSE=2");
    CHECK(strstr(said, "not a value") != NULL);
    CHECK_EQ(zci_options.verbose, 0);
    read_one("ZCMALLOC_VERBOSE=99999999999999999999999");
    CHECK(strstr(said, "not a value") != NULL);
}

static void other_variables_are_left_alone(void)
{
    read_one("MALLOC_ARENA_MAX=1");
    CHECK_EQ(said[0], 0);
    read_one("ZCMALLOC_LIB=/some/where.so");
    CHECK_EQ(said[0], 0);
    read_one("ZCMALLOC");
    CHECK_EQ(said[0], 0);
    read_one("ZCMALLOC_STATS");
    CHECK_EQ(said[0], 0);
}

int main(void)
{
    RUN(values_are_read);
    RUN(mistakes_are_named_once);
    RUN(other_variables_are_left_alone);
    return check_done();
}
