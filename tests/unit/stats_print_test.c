/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* stats_print_test.c - every row of the tables stands in every format, with its value; each format is what
 * it says it is; nothing allocates. */
#include "base/options.h"
#include "support/capture.h"
#include "support/check.h"
#include "support/json_check.h"
#include "zcmalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char text[1 << 18];

static size_t print(int format)
{
    struct capture capture;
    CHECK(capture_begin(&capture, 3));
    CHECK_EQ(zc_stats_write(3, format), 0);
    size_t length = capture_end(&capture, text, sizeof text);
    CHECK(length > 0 && length + 1 < sizeof text);
    return length;
}

static size_t occurrences(const char *what)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, what)) != NULL; at++)
        count++;
    return count;
}

/* Counters are called _total in Prometheus, without _count. */
static void metric_name(char *metric, size_t bytes, const char *prefix, const char *name,
                        const char *kind)
{
    size_t length = strlen(name);
    int is_counter = strcmp(kind, "counter") == 0;
    if (is_counter && length > 6 && strcmp(name + length - 6, "_count") == 0)
        length -= 6;
    snprintf(metric, bytes, "%s%.*s%s", prefix, (int)length, name, is_counter ? "_total" : "");
}

static const struct {
    const char *name, *kind, *unit, *label, *help;
} rows[] =
    {

#define SECTION(title)
#define ROW(name, kind, unit, label, help) {#name, #kind, #unit, label, help},
#include "heap/stats.def"
#undef SECTION
#undef ROW
},
  class_rows[] = {
#define CLASS_ROW(name, kind, unit, heading, help) {#name, #kind, #unit, heading, help},
#include "heap/stats_class.def"
#undef CLASS_ROW
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void names_say_their_unit(void)
{
    char ending[32];
    for (size_t i = 0; i < COUNT(rows); i++) {
        snprintf(ending, sizeof ending, "_%s", rows[i].unit);
        size_t length = strlen(rows[i].name);
        CHECK(length > strlen(ending) &&
              strcmp(rows[i].name + length - strlen(ending), ending) == 0);
        CHECK(strpbrk(rows[i].help, "\\\n\"") == NULL);
        for (size_t j = 0; j < i; j++)
            CHECK(strcmp(rows[i].name, rows[j].name) != 0);
    }
}

static void text_has_every_row(void)
{
    char line[200];
    print(ZC_STATS_TEXT);
    for (size_t i = 0; i < COUNT(rows); i++) {
        snprintf(line, sizeof line, "zcmalloc:   %s  ", rows[i].label);
        if (!CHECK(occurrences(line) >= 1))
            check_write(line);
    }
    for (size_t i = 0; i < COUNT(class_rows); i++) {
        snprintf(line, sizeof line, "  %s", class_rows[i].label);
        CHECK(occurrences(line) >= 1);
    }
    /* Every line says where it comes from, and none was cut. */
    for (const char *at = text; *at != '\0'; at = strchr(at, '\n') + 1)
        if (!CHECK(strncmp(at, "zcmalloc: ", 10) == 0 && strchr(at, '\n') != NULL))
            break;
    CHECK(occurrences("zcmalloc:         1024 ") == 1);
}

static void json_has_every_row(void)
{
    char member[200];
    print(ZC_STATS_JSON);
    CHECK(json_is_well_formed(text));
    const char *classes = strstr(text, "\"classes\":[");
    CHECK(classes != NULL);
    for (size_t i = 0; i < COUNT(rows); i++) {
        snprintf(member, sizeof member, ",\n\"%s\":", rows[i].name);
        if (!CHECK_EQ(occurrences(member), 1))
            check_write(member);
    }
    for (size_t i = 0; i < COUNT(class_rows); i++) {
        snprintf(member, sizeof member, "%s\"%s\":", i == 0 ? "{" : ",", class_rows[i].name);
        CHECK(classes != NULL && strstr(classes, member) != NULL);
    }
}

static void check_metric(const char *prefix, const char *name, const char *kind, const char *help,
                         const char *after)
{
    char metric[120];
    char line[300];
    metric_name(metric, sizeof metric, prefix, name, kind);
    snprintf(line, sizeof line, "# HELP %s %s\n# TYPE %s %s\n%s%s", metric, help, metric, kind,
             metric, after);
    if (!CHECK_EQ(occurrences(line), 1))
        check_write(line);
}

/* Lines are comments, or "name value", or "name{block_bytes="n"} value". */
static int is_sample(const char *at)
{
    if (strncmp(at, "# ", 2) == 0)
        return 1;
    while ((*at >= 'a' && *at <= 'z') || *at == '_')
        at++;
    if (*at == '{') {
        if (strncmp(at, "{block_bytes=\"", 14) != 0 || at[14] == '"')
            return 0;
        for (at += 14; *at >= '0' && *at <= '9'; at++)
            ;
        if (strncmp(at, "\"}", 2) != 0)
            return 0;
        at += 2;
    }
    if (*at++ != ' ' || *at < '0' || *at > '9')
        return 0;
    while (*at >= '0' && *at <= '9')
        at++;
    return *at == '\n';
}

static void prometheus_has_every_row(void)
{
    print(ZC_STATS_PROMETHEUS);
    for (size_t i = 0; i < COUNT(rows); i++)
        check_metric("zcmalloc_", rows[i].name, rows[i].kind, rows[i].help, " ");
    for (size_t i = 1; i < COUNT(class_rows); i++)
        check_metric("zcmalloc_class_", class_rows[i].name, class_rows[i].kind, class_rows[i].help,
                     "{block_bytes=\"");
    for (const char *at = text; *at != '\0'; at = strchr(at, '\n') + 1)
        if (!CHECK(is_sample(at)) || strchr(at, '\n') == NULL)
            break;
}

static uint64_t member_value(const char *name)
{
    char member[100];
    snprintf(member, sizeof member, "\"%s\":", name);
    const char *at = strstr(text, member);
    return CHECK(at != NULL) ? strtoull(at + strlen(member), NULL, 10) : 0;
}

static void values_are_those_of_the_struct(void)
{
    struct zc_stats stats;
    void *huge = zc_malloc(300 << 20);
    print(ZC_STATS_JSON);
    CHECK_EQ(zc_stats_get(&stats, sizeof stats), 0);
    CHECK_EQ(member_value("version"), ZC_STATS_VERSION);
    CHECK_EQ(member_value("huge_bytes"), 300 << 20);
    CHECK_EQ(member_value("in_use_bytes"), stats.in_use_bytes);
    CHECK_EQ(member_value("mapped_bytes"), stats.mapped_bytes);
    CHECK_EQ(member_value("os_call_count"), stats.os_call_count);
    CHECK_EQ(member_value("os_resize_bytes"), stats.os_resize_bytes);
    CHECK_EQ(member_value("central_fetch_count"), stats.central_fetch_count);
    zc_free(huge);
}

static void other_formats_are_refused(void)
{
    struct capture capture;
    CHECK(capture_begin(&capture, 3));
    errno = 0;
    CHECK_EQ(zc_stats_write(3, -1), -1);
    CHECK_EQ(errno, EINVAL);
    errno = 0;
    CHECK_EQ(zc_stats_write(3, 3), -1);
    CHECK_EQ(errno, EINVAL);
    CHECK_EQ(capture_end(&capture, text, sizeof text), 0);
}

static void check_fails(int fd, int error)
{
    for (int format = ZC_STATS_TEXT; format <= ZC_STATS_PROMETHEUS; format++) {
        errno = 0;
        CHECK_EQ(zc_stats_write(fd, format), -1);
        CHECK_EQ(errno, error);
    }
    errno = 7;
    zc_stats_print(fd);
    CHECK_EQ(errno, 7);
}

static void what_cannot_be_written_is_told(void)
{
    check_fails(-1, EBADF);
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    if (full >= 0) {
        check_fails(full, ENOSPC);
        close(full);
    }
}

/* A pipe that nobody empties takes a part: all that is in it is the report's front. (The model of Darwin has no
 * fcntl.) */
static void what_was_written_in_part_is_told(void)
{
#if defined(__APPLE__)
    check_skip("no pipe that does not block");
#else
    static char part[1 << 18];
    int ends[2];
    print(ZC_STATS_PROMETHEUS);
    if (!CHECK_EQ(pipe(ends), 0))
        return;
    CHECK_EQ(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
    while (write(ends[1], part, 4096) > 0)
        continue;
    CHECK_EQ(read(ends[0], part, 4096), 4096);
    errno = 0;
    CHECK_EQ(zc_stats_write(ends[1], ZC_STATS_PROMETHEUS), -1);
    CHECK_EQ(errno, EAGAIN);
    close(ends[1]);
    size_t length = 0;
    for (ssize_t n; (n = read(ends[0], part + length, sizeof part - length)) > 0;)
        length += (size_t)n;
    close(ends[0]);
    const char *start = memchr(part, '#', length);
    if (CHECK(start != NULL))
        CHECK(strncmp(start, text, 100) == 0);
#endif
}

static void formats_have_words(void)
{
    char *environment[] = {NULL, NULL};
    static char json[] = "ZCMALLOC_STATS=json";
    static char prometheus[] = "ZCMALLOC_STATS=prometheus";
    static char on[] = "ZCMALLOC_STATS=1";
    static char off[] = "ZCMALLOC_STATS=0";
    environment[0] = json;
    zci_options_read(environment);
    CHECK_EQ(zci_options.stats, ZC_STATS_JSON + 1);
    environment[0] = prometheus;
    zci_options_read(environment);
    CHECK_EQ(zci_options.stats, ZC_STATS_PROMETHEUS + 1);
    environment[0] = on;
    zci_options_read(environment);
    CHECK_EQ(zci_options.stats, ZC_STATS_TEXT + 1);
    environment[0] = off;
    zci_options_read(environment);
    CHECK_EQ(zci_options.stats, 0);
}

int main(void)
{
    /* Descriptor 3 is what is captured. */
    dup2(1, 3);
    for (size_t size = 1; size < 70000; size += 100)
        zc_free(zc_malloc(size));
    RUN(names_say_their_unit);
    RUN(text_has_every_row);
    RUN(json_has_every_row);
    RUN(prometheus_has_every_row);
    RUN(values_are_those_of_the_struct);
    RUN(other_formats_are_refused);
    RUN(what_cannot_be_written_is_told);
    RUN(what_was_written_in_part_is_told);
    RUN(formats_have_words);
    return check_done();
}
