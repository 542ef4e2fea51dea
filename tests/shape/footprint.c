/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* footprint.c - what the first malloc of a process costs, and that of a thread: resident memory, what a debugger's core
 * file would hold, and time (shown, not judged). Memory of its own only: how many pages of the program's file are
 * mapped around a touched one depends on where it lies. */
#include "support/check.h"
#include "zcmalloc.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>

/* 100 KiB where a page has 4. */
#define FIRST_MALLOC_PAGES 25
#define DUMP_KIB_MAX       (64 << 10)

/* statm counts lazily; smaps_rollup walks the page tables. */
static long anonymous_kib(void)
{
    char text[1024];
    int fd = open("/proc/self/smaps_rollup", O_RDONLY);
    ssize_t length = read(fd, text, sizeof text - 1);
    close(fd);
    if (length <= 0)
        return -1;
    text[length] = '\0';
    const char *at = strstr(text, "Anonymous:");
    if (at == NULL)
        return -1;
    long kib = 0;
    for (at += 10; *at == ' '; at++)
        ;
    for (; *at >= '0' && *at <= '9'; at++)
        kib = 10 * kib + (*at - '0');
    return kib;
}

/* gdb's gcore writes what is readable, resident or not, unless it is marked as not to be dumped. */
static long dumped_kib(void)
{
    static char line[4096];
    long size_kib = 0;
    long all_kib = 0;
    FILE *file = fopen("/proc/self/smaps", "r");
    if (file == NULL)
        return -1;
    while (fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "Size: %ld", &size_kib) != 1 && strncmp(line, "VmFlags:", 8) == 0 &&
            strstr(line, " rd") != NULL && strstr(line, " dd") == NULL)
            all_kib += size_kib;
    }
    fclose(file);
    return all_kib;
}

static long long now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void *check_first_malloc(void *name)
{
    /* Whatever these touch must not be counted. */
    anonymous_kib();
    now_ns();
    long before_kib = anonymous_kib();
    long long before_ns = now_ns();
    void *block = zc_malloc(24);
    long long took_ns = now_ns() - before_ns;
    long took_kib = anonymous_kib() - before_kib;
    CHECK(block != NULL);
    check_write("first malloc of a ");
    check_write(name);
    check_write(": ");
    check_write_number(took_kib);
    check_write(" KiB resident, ");
    check_write_number(took_ns);
    check_write(" ns\n");
    CHECK(took_kib > 0 && took_kib < FIRST_MALLOC_PAGES * sysconf(_SC_PAGESIZE) / 1024);
    CHECK(dumped_kib() <= DUMP_KIB_MAX);
    zc_free(block);
    return NULL;
}

int main(void)
{
    static char process[] = "process";
    static char thread_name[] = "thread";
    pthread_t thread;
    if (anonymous_kib() < 0) {
        check_skip("no /proc/self/smaps_rollup");
        return check_done();
    }
    check_first_malloc(process);
    CHECK_EQ(pthread_create(&thread, NULL, check_first_malloc, thread_name), 0);
    pthread_join(thread, NULL);
    return check_done();
}
