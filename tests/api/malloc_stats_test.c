/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* malloc_stats_test.c - malloc_stats writes something for people to fd 2, and to nowhere else. */
#include "tests/support/blocks.h"
#include "tests/support/capture.h"
#include "tests/support/check.h"
#include "tests/support/ours.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

static char text[65536];

static void test_writes_to_stderr(void)
{
    struct capture error;
    struct capture output;
    void *block = malloc(100000);
    if (!capture_begin(&error, 2))
        return;
    capture_begin(&output, 1);
    malloc_stats();
    fflush(NULL);
    size_t output_length = capture_end(&output, text, sizeof text);
    CHECK_EQ(output_length, 0);
    size_t length = capture_end(&error, text, sizeof text);
    CHECK(length > 0 && text[length - 1] == '\n');
    int digits = 0;
    for (size_t i = 0; i < length; i++)
        digits += text[i] >= '0' && text[i] <= '9';
    CHECK(digits > 0);
    free(block);
}

/* A closed fd 2 is no reason to fail. */
static void test_closed_stderr(void)
{
    int saved = dup(2);
    close(2);
    malloc_stats();
    dup2(saved, 2);
    close(saved);
    void *block = malloc(100);
    CHECK(block != NULL);
    free(block);
}

int main(void)
{
    ours_prove();
    RUN(test_writes_to_stderr);
    RUN(test_closed_stderr);
    return check_done();
}
