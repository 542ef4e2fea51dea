/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* limits_test.c - ZCMALLOC_HARD_LIMIT, ZCMALLOC_SOFT_LIMIT and ZCMALLOC_STATS in the environment of a
 * program that knows libc's names only. Each case is this program again, with the variable set. */
#include "tests/support/blocks.h"
#include "tests/support/capture.h"
#include "tests/support/check.h"
#include "tests/support/json_check.h"
#include "tests/support/ours.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define CASE_SECONDS 60

struct link {
    struct link *next;
};

static size_t held_bytes(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.arena + info.hblkhd;
}

static void free_all(struct link *list)
{
    while (list != NULL) {
        struct link *next = list->next;
        free(list);
        list = next;
    }
}

static void *allocate(void *unused)
{
    void *block = malloc(100000);
    CHECK(block != NULL);
    free(block);
    return unused;
}

static void refused_calls(void)
{
    void *block = NULL;
    errno = 0;
    CHECK(malloc(64 * BLOCKS_MIB) == NULL);
    CHECK_EQ(errno, ENOMEM);
    errno = 0;
    CHECK(calloc(64, BLOCKS_MIB) == NULL);
    CHECK_EQ(errno, ENOMEM);
    errno = 0;
    CHECK(memalign(4096, 64 * BLOCKS_MIB) == NULL);
    CHECK_EQ(errno, ENOMEM);
    CHECK_EQ(posix_memalign(&block, 4096, 64 * BLOCKS_MIB), ENOMEM);
}

/* ZCMALLOC_HARD_LIMIT=64M: stdio, threads, fork and exit go on. */
static int hard_case(void)
{
    static const size_t sizes[] = {100, 5000, 200000, 3000000};
    pthread_t thread;
    char text[64];
    refused_calls();
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct link *list = NULL;
        struct link *block;
        size_t bytes = 0;
        errno = 0;
        while ((block = malloc(sizes[i])) != NULL && bytes <= 64 * BLOCKS_MIB) {
            block->next = list;
            list = block;
            bytes += sizes[i];
        }
        CHECK_EQ(errno, ENOMEM);
        CHECK(bytes >= 40 * BLOCKS_MIB && bytes <= 64 * BLOCKS_MIB);
        CHECK(held_bytes() <= 64 * BLOCKS_MIB);
        refused_calls();
        snprintf(text, sizeof text, "%zu bytes of %zu", bytes, sizes[i]);
        CHECK(text[0] != '\0');
        pid_t child = fork();
        if (child == 0) {
            free_all(list);
            _exit(malloc(BLOCKS_MIB) == NULL);
        }
        int status = -1;
        waitpid(child, &status, 0);
        CHECK_EQ(status, 0);
        free_all(list);
        CHECK_EQ(pthread_create(&thread, NULL, allocate, NULL), 0);
        pthread_join(thread, NULL);
    }
    return check_done();
}

/* ZCMALLOC_SOFT_LIMIT=64M: free memory goes before the heap grows, and it grows all the same. */
static int soft_case(void)
{
    static void *blocks[56];
    for (size_t i = 0; i < 56; i++)
        blocks[i] = malloc(BLOCKS_MIB);
    for (size_t i = 0; i < 56; i++)
        free(blocks[i]);
    void *block = malloc(50 * BLOCKS_MIB);
    CHECK(block != NULL);
    CHECK(held_bytes() <= 64 * BLOCKS_MIB);
    void *more = malloc(100 * BLOCKS_MIB);
    CHECK(more != NULL);
    free(more);
    free(block);
    return check_done();
}

/* The wait status of this program with a variable set. */
static int run_case(const char *variable, const char *value, const char *name)
{
    static char path[] = "/proc/self/exe";
    char *const arguments[] = {path, (char *)(uintptr_t)name, NULL};
    CHECK_EQ(setenv(variable, value, 1), 0);
    pid_t child = fork();
    if (child == 0) {
        alarm(CASE_SECONDS);
        execv(path, arguments);
        _exit(126);
    }
    unsetenv(variable);
    int status = -1;
    waitpid(child, &status, 0);
    return status;
}

static void test_hard_limit(void)
{
    CHECK_EQ(run_case("ZCMALLOC_HARD_LIMIT", "64M", "hard"), 0);
}

static void test_soft_limit(void)
{
    CHECK_EQ(run_case("ZCMALLOC_SOFT_LIMIT", "64M", "soft"), 0);
}

static char text[1 << 17];

static void run_stats_case(const char *value)
{
    struct capture error;
    CHECK(capture_begin(&error, 2));
    CHECK_EQ(run_case("ZCMALLOC_STATS", value, "nothing"), 0);
    capture_end(&error, text, sizeof text);
}

static void test_stats_at_exit(void)
{
    run_stats_case("json");
    CHECK(json_is_well_formed(text));
    CHECK(strstr(text, "\"in_use_bytes\":") != NULL);
    run_stats_case("prometheus");
    CHECK(strncmp(text, "# HELP zcmalloc_", 16) == 0);
    run_stats_case("text");
    CHECK(strncmp(text, "zcmalloc: ", 10) == 0);
    run_stats_case("1");
    CHECK(strncmp(text, "zcmalloc: ", 10) == 0);
    run_stats_case("0");
    CHECK_EQ(text[0], '\0');
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "hard") == 0)
        return hard_case();
    if (argc == 2 && strcmp(argv[1], "soft") == 0)
        return soft_case();
    if (argc == 2)
        return 0;
    ours_prove();
#if defined(TESTS_EMULATED)
    check_skip("an emulated program cannot start itself");
    return 77;
#endif
    RUN(test_hard_limit);
    RUN(test_soft_limit);
    RUN(test_stats_at_exit);
    return check_done();
}
