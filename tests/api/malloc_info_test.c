/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* malloc_info_test.c - malloc_info writes well-formed XML to a stream, even one that allocates
 * itself. */
#include "tests/support/blocks.h"
#include "tests/support/check.h"
#include "tests/support/ours.h"
#include "tests/support/xml_check.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char root_element[] = "<malloc version=\"1\">";

static void check_report_text(const char *text)
{
    CHECK(strncmp(text, root_element, sizeof root_element - 1) == 0);
    if (!CHECK(xml_is_well_formed(text)))
        check_write(text);
}

static void test_to_file(void)
{
    static char text[1 << 20];
    FILE *file = tmpfile();
    if (!CHECK(file != NULL))
        return;
    void *blocks[100];
    for (size_t i = 0; i < 100; i++)
        blocks[i] = malloc(i * i * 10);
    CHECK_EQ(malloc_info(0, file), 0);
    rewind(file);
    size_t length = fread(text, 1, sizeof text - 1, file);
    text[length] = '\0';
    check_report_text(text);
    for (size_t i = 0; i < 100; i++)
        free(blocks[i]);
    fclose(file);
}

/* The stream grows its buffer by realloc while the report is being written. */
static void test_to_memory(void)
{
    char *text = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&text, &length);
    if (!CHECK(stream != NULL))
        return;
    CHECK_EQ(malloc_info(0, stream), 0);
    fclose(stream);
    CHECK(text != NULL && length > 0);
    check_report_text(text);
    CHECK(ours_owns(text));
    free(text);
}

/* The number in the first attribute of that name behind at. */
static unsigned long long number_of(const char *at, const char *attribute)
{
    at = at == NULL ? NULL : strstr(at, attribute);
    return CHECK(at != NULL) ? strtoull(at + strlen(attribute), NULL, 10) : 0;
}

/* Free blocks by size add up to the totals behind them. */
static void test_sums(void)
{
    static char text[1 << 17];
    FILE *file = tmpfile();
    if (!CHECK(file != NULL))
        return;
    void *big = malloc(512 * BLOCKS_MIB);
    free(malloc(4 * BLOCKS_MIB));
    CHECK_EQ(malloc_info(0, file), 0);
    rewind(file);
    size_t length = fread(text, 1, sizeof text - 1, file);
    text[length] = '\0';
    fclose(file);
    unsigned long long bytes = 0;
    unsigned long long count = 0;
    const char *pages = strstr(text, "<unsorted ");
    CHECK(number_of(pages, " total=\"") >= 4 * BLOCKS_MIB);
    bytes += number_of(pages, " total=\"");
    count += number_of(pages, " count=\"");
    for (const char *at = text; (at = strstr(at, "<size ")) != NULL; at++) {
        CHECK(number_of(at, " from=\"") <= number_of(at, " to=\""));
        CHECK_EQ(number_of(at, " total=\""), number_of(at, " count=\"") * number_of(at, " to=\""));
        bytes += number_of(at, " total=\"");
        count += number_of(at, " count=\"");
    }
    CHECK(count > 0);
    const char *fast = strstr(text, "<total type=\"fast\"");
    const char *rest = strstr(text, "<total type=\"rest\"");
    const char *mapped = strstr(text, "<total type=\"mmap\"");
    CHECK_EQ(number_of(fast, " size=\"") + number_of(rest, " size=\""), bytes);
    CHECK_EQ(number_of(fast, " count=\"") + number_of(rest, " count=\""), count);
    CHECK_EQ(number_of(mapped, " count=\""), 1);
    CHECK_EQ(number_of(mapped, " size=\""), 512 * BLOCKS_MIB);
    free(big);
}

static void test_unknown_option(void)
{
    static const int options[] = {1, -1, 2, 1 << 30};
    char *text = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&text, &length);
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        CHECK_EQ(malloc_info(options[i], stream), EINVAL);
    fclose(stream);
    CHECK_EQ(length, 0);
    free(text);
}

int main(void)
{
    ours_prove();
    RUN(test_to_file);
    RUN(test_to_memory);
    RUN(test_sums);
    RUN(test_unknown_option);
    return check_done();
}
