/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* libc_results_test.c - blocks that libc allocates for its callers are ours, and our free takes
 * them. */
#include "tests/support/blocks.h"
#include "tests/support/check.h"
#include "tests/support/ours.h"

#include <dirent.h>
#include <glob.h>
#include <locale.h>
#include <malloc.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>
#include <wchar.h>
#include <wordexp.h>

static void check_result(void *block, size_t least)
{
    CHECK(block != NULL && ours_owns(block));
    CHECK(malloc_usable_size(block) >= least);
    free(block);
}

static void test_copies(void)
{
    check_result(strdup("text"), 5);
    check_result(strndup("long text", 4), 5);
    check_result(wcsdup(L"wide"), 5 * sizeof(wchar_t));
    check_result(realpath("/", NULL), 2);
    check_result(getcwd(NULL, 0), 2);
}

static void test_formatted(void)
{
    char *text = NULL;
    int length = asprintf(&text, "%0*d", 5000, 7);
    CHECK_EQ(length, 5000);
    check_result(text, 5001);
}

static void test_lines(void)
{
    static char source[30000];
    char *line = NULL;
    size_t capacity = 0;
    memset(source, 'x', sizeof source - 1);
    source[9] = '\n';
    FILE *stream = fmemopen(source, sizeof source - 1, "r");
    if (!CHECK(stream != NULL))
        return;
    CHECK_EQ(getline(&line, &capacity, stream), 10);
    CHECK_EQ(getline(&line, &capacity, stream), (ssize_t)sizeof source - 1 - 10);
    CHECK(capacity >= sizeof source - 10);
    check_result(line, capacity);
    fclose(stream);
}

static void test_memory_stream(void)
{
    char *text = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&text, &length);
    for (int i = 0; i < 20000; i++)
        fprintf(stream, "%d,", i);
    fclose(stream);
    CHECK(length > 100000 && text[length - 1] == ',');
    check_result(text, length);
}

static int keep_all(const struct dirent *entry)
{
    return entry->d_name[0] != '\0';
}

static void test_directories(void)
{
    DIR *directory = opendir("/");
    int count = 0;
    if (CHECK(directory != NULL && ours_owns(directory))) {
        while (readdir(directory) != NULL)
            count++;
        closedir(directory);
    }
    struct dirent **entries = NULL;
    int found = scandir("/", &entries, keep_all, alphasort);
    CHECK_EQ(found, count);
    for (int i = 0; i < found; i++)
        check_result(entries[i], 1);
    check_result(entries, 1);
}

static void test_composite(void)
{
    glob_t matches;
    if (CHECK_EQ(glob("/*", 0, NULL, &matches), 0)) {
        CHECK(matches.gl_pathc > 0 && ours_owns(matches.gl_pathv[0]));
        globfree(&matches);
    }
    regex_t pattern;
    if (CHECK_EQ(regcomp(&pattern, "^(a|b)*[0-9]{1,20}x+$", REG_EXTENDED), 0)) {
        CHECK_EQ(regexec(&pattern, "abab123xx", 0, NULL, 0), 0);
        regfree(&pattern);
    }
    wordexp_t words;
    if (CHECK_EQ(wordexp("one two 'three four'", &words, WRDE_NOCMD), 0)) {
        CHECK_EQ(words.we_wordc, 3);
        CHECK(ours_owns(words.we_wordv[2]));
        wordfree(&words);
    }
}

/* Kept by libc across calls and replaced later: both sides must agree on who owns them. */
static void test_kept_by_libc(void)
{
    CHECK_EQ(setenv("ZC_TEST_VARIABLE", "first", 1), 0);
    CHECK_EQ(setenv("ZC_TEST_VARIABLE", "a much longer second value of it", 1), 0);
    CHECK(strcmp(getenv("ZC_TEST_VARIABLE"), "a much longer second value of it") == 0);
    CHECK_EQ(unsetenv("ZC_TEST_VARIABLE"), 0);
    CHECK(setlocale(LC_ALL, "C") != NULL);
    locale_t own = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    CHECK(own != (locale_t)0);
    locale_t copy = duplocale(own);
    CHECK(copy != (locale_t)0);
    freelocale(copy);
    freelocale(own);
    FILE *file = fopen("/dev/null", "w");
    CHECK(file != NULL && ours_owns(file));
    fclose(file);
}

int main(void)
{
    ours_prove();
    RUN(test_copies);
    RUN(test_formatted);
    RUN(test_lines);
    RUN(test_memory_stream);
    RUN(test_directories);
    RUN(test_composite);
    RUN(test_kept_by_libc);
    return check_done();
}
