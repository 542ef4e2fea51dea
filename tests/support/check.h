/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* check.h - the whole test harness: CHECK, CHECK_EQ, RUN, check_done.
 * Invariants: never calls malloc or stdio, so that the allocator under test may be broken or replaced.
 * Locking:    the counters are atomic; CHECK may be used from any thread.
 * Costs:      a passing CHECK is one atomic increment; output goes through write(2). */
#ifndef TESTS_SUPPORT_CHECK_H
#define TESTS_SUPPORT_CHECK_H

#include <stdint.h>
#include <string.h>
#include <unistd.h>

static long check_passed_count;
static long check_failed_count;
static long check_skipped_count;

static inline void check_write(const char *text)
{
    size_t left = strlen(text);
    while (left > 0) {
        ssize_t done = write(1, text, left);
        if (done <= 0)
            return;
        text += done;
        left -= (size_t)done;
    }
}

static inline void check_write_number(long long value)
{
    char digits[24];
    char *at = digits + sizeof digits;
    unsigned long long rest =
        value < 0 ? 0ULL - (unsigned long long)value : (unsigned long long)value;
    *--at = '\0';
    do {
        *--at = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest != 0);
    if (value < 0)
        *--at = '-';
    check_write(at);
}

static inline int check_count(int ok)
{
    __atomic_add_fetch(ok ? &check_passed_count : &check_failed_count, 1, __ATOMIC_RELAXED);
    return ok;
}

static inline void check_report(const char *file, int line, const char *what)
{
    check_write(file);
    check_write(":");
    check_write_number(line);
    check_write(": FAILED ");
    check_write(what);
    check_write("\n");
}

/* Counts; reports the expression when it is false. Never stops the test. Value: the condition. */
#define CHECK(condition)                                                                           \
    (check_count(!!(condition)) ? 1 : (check_report(__FILE__, __LINE__, #condition), 0))

/* As CHECK(a == b) for integers and pointers cast to intptr_t, and shows both values. */
#define CHECK_EQ(a, b) check_equal((long long)(a), (long long)(b), __FILE__, __LINE__, #a " == " #b)

static inline int check_equal(long long a, long long b, const char *file, int line,
                              const char *what)
{
    if (check_count(a == b))
        return 1;
    check_report(file, line, what);
    check_write("    left ");
    check_write_number(a);
    check_write(", right ");
    check_write_number(b);
    check_write("\n");
    return 0;
}

/* Runs a void (*)(void) and names it. */
#define RUN(test) (check_write("  " #test "\n"), test())

/* Says why something is not tested here. */
static inline void check_skip(const char *why)
{
    __atomic_add_fetch(&check_skipped_count, 1, __ATOMIC_RELAXED);
    check_write("SKIPPED: ");
    check_write(why);
    check_write("\n");
}

/* The last line of each test program; its value is main's. ctest reads 77 as "skipped". */
static inline int check_done(void)
{
    check_write_number(check_passed_count);
    check_write(" passed, ");
    check_write_number(check_failed_count);
    check_write(" failed, ");
    check_write_number(check_skipped_count);
    check_write(" skipped\n");
    if (check_failed_count != 0)
        return 1;
    return check_passed_count == 0 && check_skipped_count != 0 ? 77 : 0;
}

#endif
