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
    read_one("ZCMALLOC_VERBOSE=");
    CHECK_EQ(said[0], 0);
}

static int is_refused(const char *variable)
{
    read_one(variable);
    return strstr(said, "not a value for this option, ignored: ") != NULL;
}

static void values_out_of_range_are_refused(void)
{
    CHECK(is_refused("ZCMALLOC_HUGE_PAGES=3"));
    CHECK(is_refused("ZCMALLOC_HUGE_PAGES=1K"));
    CHECK(is_refused("ZCMALLOC_VERBOSE=1K"));
    CHECK(is_refused("ZCMALLOC_GC_MS=4G"));
    CHECK(is_refused("ZCMALLOC_GC_MS=86400001"));
    CHECK(is_refused("ZCMALLOC_DECAY_MS=18446744073709551615"));
    CHECK(is_refused("ZCMALLOC_STATS=2"));
    CHECK(is_refused("ZCMALLOC_HARD_LIMIT=18014398509481984K"));
    CHECK_EQ(zci_options.huge_pages, 0);
    CHECK_EQ(zci_options.gc_ms, 50);
    CHECK_EQ(zci_options.decay_ms, 1000);
}

static void the_largest_values_are_taken(void)
{
    CHECK(!is_refused("ZCMALLOC_HUGE_PAGES=2"));
    CHECK(!is_refused("ZCMALLOC_GC_MS=86400000"));
    CHECK(!is_refused("ZCMALLOC_DECAY_MS=1K"));
    CHECK(!is_refused("ZCMALLOC_HARD_LIMIT=16777215G"));
    CHECK_EQ(zci_options.huge_pages, 2);
    CHECK_EQ(zci_options.gc_ms, 86400000);
    CHECK_EQ(zci_options.decay_ms, 1024);
    CHECK_EQ(zci_options.hard_limit, (uint64_t)16777215 << 30);
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
    RUN(values_out_of_range_are_refused);
    RUN(the_largest_values_are_taken);
    RUN(other_variables_are_left_alone);
    return check_done();
}
