/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* limits.c - what happens when the operating system gives no more.
 *
 *   limits                          all cases, each in a process of its own
 *   limits run <MiB> <block bytes>  one case; 0 bytes means four sizes in turn
 *
 * Cases run under RLIMIT_AS and under RLIMIT_DATA, set before the program is started, so that the
 * start of the allocator is tested, too. Every failure must be NULL with ENOMEM; what is freed must
 * be usable again; a thread's first malloc may come when nothing is left. */
#include "stress/names.h"
#include "stress/process.h"
#include "support/check.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

struct link {
    struct link *next;
};

struct late_thread {
    pthread_t thread;
    sem_t start;
};

/* Allocates until NULL, as one list; stops with a failed check if the limit limits nothing. */
static size_t exhaust(size_t size, size_t limit, struct link **list)
{
    size_t count = 0;
    for (;;) {
        errno = 0;
        char *block = t_malloc(size);
        if (block == NULL)
            break;
        block[size - 1] = 'x';
        ((struct link *)(void *)block)->next = *list;
        *list = (struct link *)(void *)block;
        count++;
        if (!CHECK(count * size <= limit))
            return count;
    }
    CHECK_EQ(errno, ENOMEM);
    return count;
}

static void free_all(struct link *list)
{
    while (list != NULL) {
        struct link *next = list->next;
        t_free(list);
        list = next;
    }
}

/* Each call gives a block or NULL with ENOMEM; a realloc that fails leaves its block alone. */
static void try_all_calls(size_t size)
{
    void *block = NULL;
    errno = 0;
    void *zeroed = t_calloc(1, size);
    CHECK(zeroed != NULL ? pattern_is_zero(zeroed, size) : errno == ENOMEM);
    t_free(zeroed);
    errno = 0;
    void *aligned = t_memalign(4096, size);
    CHECK(aligned != NULL ? (uintptr_t)aligned % 4096 == 0 : errno == ENOMEM);
    t_free(aligned);
    int result = t_posix_memalign(&block, 64, size);
    CHECK(result == 0 ? block != NULL : result == ENOMEM);
    t_free(result == 0 ? block : NULL);
}

static void grow_until_failure(size_t limit)
{
    size_t size = 1000;
    char *block = t_malloc(size);
    if (block == NULL)
        return;
    memset(block, 'g', size);
    for (;;) {
        errno = 0;
        char *grown = t_realloc(block, size * 2);
        if (grown == NULL)
            break;
        block = grown;
        size *= 2;
        if (!CHECK(size <= limit))
            break;
    }
    CHECK_EQ(errno, ENOMEM);
    int intact = 1;
    for (size_t i = 0; i < 1000; i++)
        intact &= block[i] == 'g';
    CHECK(intact);
    t_free(block);
}

static void *allocate_late(void *argument)
{
    struct late_thread *late = argument;
    while (sem_wait(&late->start) != 0 && errno == EINTR)
        continue;
    errno = 0;
    void *block = t_malloc(200);
    CHECK(block != NULL || errno == ENOMEM);
    t_free(block);
    errno = 0;
    block = t_malloc(200000);
    CHECK(block != NULL || errno == ENOMEM);
    t_free(block);
    return NULL;
}

static int late_thread_start(struct late_thread *late)
{
    pthread_attr_t attributes;
    CHECK_EQ(sem_init(&late->start, 0, 0), 0);
    CHECK_EQ(pthread_attr_init(&attributes), 0);
    CHECK_EQ(pthread_attr_setstacksize(&attributes, stack_bytes()), 0);
    return CHECK_EQ(pthread_create(&late->thread, &attributes, allocate_late, late), 0);
}

/* Twice: all there is, and after the frees most of it again. Value: bytes at first. */
static size_t exhaust_twice(size_t size, size_t limit)
{
    struct late_thread late;
    struct link *list = NULL;
    int has_thread = late_thread_start(&late);
    size_t first = exhaust(size, limit, &list);
    try_all_calls(size);
    grow_until_failure(limit);
    if (has_thread) {
        sem_post(&late.start);
        CHECK_EQ(pthread_join(late.thread, NULL), 0);
    }
    free_all(list);
    list = NULL;
    size_t second = exhaust(size, limit, &list);
    free_all(list);
    print_figure("    block bytes  ", (long long)size);
    print_figure("    had at first ", (long long)(first * size));
    print_figure("    had again    ", (long long)(second * size));
    CHECK(second >= first - first / 5);
    return first * size;
}

static int run_case(size_t limit, size_t size)
{
    static const size_t sizes[] = {100, 1000, 200000, 3000000};
    alarm(CHILD_SECONDS);
    if (size != 0) {
        CHECK(exhaust_twice(size, limit) >= limit / 2);
    } else {
        /* Memory must find its way from one size to the others. */
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
            CHECK(exhaust_twice(sizes[i], limit) >= limit / 2);
    }
    CHECK(heap_works(1));
    return check_done();
}

static void start_under(int resource, size_t mebibytes, size_t size)
{
    static char self_path[] = "/proc/self/exe";
    static char run[] = "run";
    char limit_text[24];
    char size_text[24];
    char *const arguments[] = {self_path, run, limit_text, size_text, NULL};
    const struct rlimit limit = {mebibytes << 20, mebibytes << 20};
    snprintf(limit_text, sizeof limit_text, "%zu", mebibytes);
    snprintf(size_text, sizeof size_text, "%zu", size);
    pid_t child = fork();
    if (child == 0) {
        if (setrlimit(resource, &limit) != 0)
            _exit(125);
        execv(self_path, arguments);
        _exit(126);
    }
    CHECK_EQ(child_wait(child), 0);
}

static void all_sizes(int resource)
{
    start_under(resource, 64, 100);
    start_under(resource, 64, 1000);
    start_under(resource, 64, 200000);
    start_under(resource, 64, 3000000);
    start_under(resource, 64, 0);
}

static void address_space(void)
{
    all_sizes(RLIMIT_AS);
    start_under(RLIMIT_AS, 256, 1000);
    /* The class map of 2 GiB would fit, and leave nothing. */
    start_under(RLIMIT_AS, 2300, 3000000);
}

static void data_size(void)
{
    all_sizes(RLIMIT_DATA);
}

int main(int argc, char **argv)
{
    if (argc == 4)
        return run_case(strtoul(argv[2], NULL, 10) << 20, strtoul(argv[3], NULL, 10));
    RUN(address_space);
    RUN(data_size);
    return check_done();
}
