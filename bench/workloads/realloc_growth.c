/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* realloc_growth.c - buffers that grow as logs and strings do; several at once, so that they are in each
 * other's way. Shows: growing in place, moving pages instead of copying, and the cost of a realloc that
 * changes nothing.
 *   doubling  64 bytes, then twice as much each time, to 1 MiB
 *   lines     64 bytes more each time, to 64 KiB
 *   pages     4 KiB more each time, to 2 MiB
 * What is new is written at the end of each step; at the end all of it is read again. */
#include "workload.h"

enum { BUFFER_COUNT = 4, START_SIZE = 64 };

enum { DOUBLING, LINES, PAGES };

static const size_t size_max[] = {(size_t)1 << 20, (size_t)64 << 10, (size_t)2 << 20};

static size_t grown(size_t size)
{
    switch (workload.mode) {
    case DOUBLING:
        return size * 2;
    case LINES:
        return size + 64;
    default:
        return size < 4096 ? 4096 : size + 4096;
    }
}

static void write_end(char *buffer, size_t size)
{
    memcpy(buffer + size - sizeof size, &size, sizeof size);
}

static void check_all(const char *buffer)
{
    for (size_t size = START_SIZE; size <= size_max[workload.mode]; size = grown(size)) {
        size_t found;
        memcpy(&found, buffer + size - sizeof size, sizeof found);
        if (found != size)
            workload_fail("realloc lost a part of the contents");
    }
}

static void body(struct worker *worker)
{
    char *buffers[BUFFER_COUNT];
    while (worker_next(worker)) {
        for (size_t i = 0; i < BUFFER_COUNT; i++)
            buffers[i] = NULL;
        for (size_t size = START_SIZE; size <= size_max[workload.mode]; size = grown(size))
            for (size_t i = 0; i < BUFFER_COUNT; i++) {
                buffers[i] = realloc(buffers[i], size);
                if (buffers[i] == NULL)
                    workload_fail("out of memory");
                write_end(buffers[i], size);
                worker->operations++;
            }
        for (size_t i = 0; i < BUFFER_COUNT; i++) {
            check_all(buffers[i]);
            free(buffers[i]);
        }
    }
}

int main(int argc, char **argv)
{
    static const uint64_t iterations[] = {250, 8000, 320};
    workload_begin("realloc_growth", "doubling|lines|pages", argc, argv);
    workload_iterations(iterations[workload.mode]);
    workload_run(body);
    return workload_end();
}
