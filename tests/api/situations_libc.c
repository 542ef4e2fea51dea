/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* situations_libc.c - situations in which libc itself is the caller: obstacks, its own growing
 * buffers, and the functions that work only if all of libc agrees on one malloc. */
#include "tests/api/situations.h"
#include "tests/support/blocks.h"
#include "tests/support/ours.h"

#include <dlfcn.h>
#include <glob.h>
#include <netdb.h>
#include <obstack.h>
#include <pthread.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define obstack_chunk_alloc malloc
#define obstack_chunk_free  free

static void obstack_of_many_sizes(void)
{
    enum { COUNT = 3000 };

    static unsigned char *objects[COUNT];
    struct obstack stack;
    obstack_init(&stack);
    for (size_t i = 0; i < COUNT; i++) {
        size_t size = (i * 37) % 9000 + 1;
        objects[i] = obstack_alloc(&stack, size);
        CHECK(objects[i] != NULL);
        blocks_fill(objects[i], size, (unsigned)i);
    }
    for (size_t i = 0; i < COUNT; i++) {
        size_t size = (i * 37) % 9000 + 1;
        CHECK(blocks_match(objects[i], size, size, (unsigned)i));
    }
    obstack_free(&stack, objects[COUNT / 2]);
    for (int i = 0; i < 100000; i++)
        obstack_1grow(&stack, (char)('a' + i % 26));
    obstack_1grow(&stack, '\0');
    char *text = obstack_finish(&stack);
    CHECK_EQ(strlen(text), 100000);
    CHECK(blocks_match(objects[0], 1, 1, 0));
    obstack_free(&stack, NULL);
}

static void grow_a_line(void)
{
    enum { LENGTH = 3000000 };

    char *source = malloc(LENGTH + 1);
    char *line = NULL;
    size_t capacity = 0;
    CHECK(source != NULL);
    memset(source, 'y', LENGTH);
    source[LENGTH] = '\n';
    FILE *stream = fmemopen(source, LENGTH + 1, "r");
    CHECK(stream != NULL);
    CHECK_EQ(getdelim(&line, &capacity, '\n', stream), LENGTH + 1);
    CHECK(line != NULL && memcmp(line, source, LENGTH + 1) == 0);
    CHECK(ours_owns(line));
    fclose(stream);
    free(line);
    free(source);
}

static void grow_a_stream(void)
{
    char *text = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&text, &length);
    CHECK(stream != NULL);
    for (int i = 0; i < 300000; i++)
        fprintf(stream, "%07d\n", i);
    fclose(stream);
    CHECK_EQ(length, 2400000);
    CHECK(memcmp(text + 8 * 123456, "0123456\n", 8) == 0);
    CHECK(ours_owns(text));
    free(text);
}

static void *allocate_small(size_t size)
{
    return malloc(size + 1);
}

static void buffers_that_libc_grows(void)
{
    glob_t matches;
    char *text = NULL;
    grow_a_line();
    grow_a_stream();
    memset(&matches, 0, sizeof matches);
    for (int i = 0; i < 20; i++)
        CHECK_EQ(glob("/*", i == 0 ? 0 : GLOB_APPEND, NULL, &matches), 0);
    CHECK(matches.gl_pathc >= 20);
    globfree(&matches);
    CHECK_EQ(asprintf(&text, "%*s", 1000000, "end"), 1000000);
    CHECK(text != NULL && strcmp(text + 999997, "end") == 0);
    free(text);
    text = allocate_small(1000);
    CHECK(text != NULL);
    text = realloc(text, 1000001);
    CHECK(text != NULL);
    memset(text, 'x', 1000000);
    text[1000000] = '\0';
    CHECK_EQ(setenv("ZC_TEST_LONG", text, 1), 0);
    CHECK_EQ(strlen(getenv("ZC_TEST_LONG")), 1000000);
    free(text);
    CHECK_EQ(unsetenv("ZC_TEST_LONG"), 0);
}

static void *use_libc(void *unused)
{
    (void)unused;
    for (int i = 0; i < 200; i++) {
        char *copy = strdup("owned by the caller");
        char *text = NULL;
        CHECK(copy != NULL && ours_owns(copy));
        CHECK(asprintf(&text, "%s %d", copy, i) > 0 && ours_owns(text));
        free(copy);
        free(text);
        if (dlsym(RTLD_DEFAULT, "a_name_that_nobody_defines") == NULL)
            CHECK(dlerror() != NULL); /* the message is allocated per thread */
    }
    return NULL;
}

static void libc_calls_reach_us(void)
{
    pthread_t threads[3];
    void *library = dlopen("libm.so.6", RTLD_NOW | RTLD_LOCAL);
    struct tm broken_down;
    time_t now = 1000000000;
    use_libc(NULL);
    for (size_t i = 0; i < 3; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, use_libc, NULL), 0);
    for (size_t i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    if (library != NULL) {
        CHECK(dlsym(library, "cos") != NULL);
        CHECK_EQ(dlclose(library), 0);
    }
    CHECK_EQ(setenv("TZ", "UTC-3", 1), 0);
    tzset();
    CHECK(localtime_r(&now, &broken_down) != NULL);
    CHECK(getpwuid(0) != NULL || 1); /* loads libraries at will; only the trip counts */
    CHECK(getservbyname("no-such-service", "tcp") == NULL);
}

static const struct situation situations[] = {
    {"obstacks of many sizes", obstack_of_many_sizes},
    {"buffers that libc grows", buffers_that_libc_grows},
    {"libc's own calls reach us, in threads too", libc_calls_reach_us},
};

SITUATION_GROUP(situations_libc, situations);
