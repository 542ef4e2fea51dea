/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* situations_threads.c - situations about threads: their end, failure among them, cancellation. */
#include "tests/api/situations.h"
#include "tests/support/blocks.h"
#include "tests/support/capture.h"
#include "tests/support/process_size.h"

#include <errno.h>
#include <execinfo.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static void *allocate_one_and_exit(void *unused)
{
    (void)unused;
    unsigned char *block = malloc(500);
    if (block != NULL)
        blocks_fill(block, 500, 1);
    pthread_exit(block);
}

static void *start_many_threads(void *unused)
{
    (void)unused;
    for (int i = 0; i < 300; i++) {
        pthread_t thread;
        void *block = NULL;
        if (!CHECK_EQ(pthread_create(&thread, NULL, allocate_one_and_exit, NULL), 0))
            break;
        CHECK_EQ(pthread_join(thread, &block), 0);
        CHECK(block != NULL && blocks_match(block, 500, 500, 1));
        free(block);
    }
    return NULL;
}

static void run_threads(size_t count, void *(*body)(void *))
{
    pthread_t threads[8];
    for (size_t i = 0; i < count; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, body, (void *)(uintptr_t)i), 0);
    for (size_t i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
}

static void threads_end_while_others_start(void)
{
    run_threads(4, start_many_threads);
}

static void *by_malloc(size_t size)
{
    return malloc(size);
}

static void *by_calloc(size_t size)
{
    return calloc(1, size);
}

static void *by_realloc(size_t size)
{
    return realloc(NULL, size);
}

static void *by_aligned_alloc(size_t size)
{
    return aligned_alloc(64, size);
}

static void *by_posix_memalign(size_t size)
{
    void *block = NULL;
    errno = posix_memalign(&block, 128, size);
    return block;
}

static void *(*const ways[])(size_t) = {by_malloc, by_calloc, by_realloc, by_aligned_alloc,
                                        by_posix_memalign};

#define EXHAUST_BYTES_MAX (1024 * BLOCKS_MIB)

/* Takes blocks, linked through their first word, until there are no more; then frees them all. */
static void exhaust(void *(*allocate)(size_t), size_t size)
{
    void **chain = NULL;
    size_t taken = 0;
    int failed = 0;
    while (taken < EXHAUST_BYTES_MAX) {
        errno = 0;
        void **block = allocate(size);
        if (block == NULL) {
            CHECK_EQ(errno, ENOMEM);
            failed = 1;
            break;
        }
        *block = chain;
        chain = block;
        taken += size;
    }
    CHECK(failed);
    if (!CHECK(taken > 0)) {
        check_write("    none at all of size ");
        check_write_number((long long)size);
        check_write("\n");
    }
    while (chain != NULL) {
        void **next = *chain;
        free(chain);
        chain = next;
    }
    void *again = allocate(size);
    CHECK(again != NULL);
    free(again);
}

static pthread_barrier_t exhaust_barrier;

static void *exhaust_in_turns(void *index)
{
    static const size_t sizes[] = {1000, 200000, 24, 3000000};
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        for (size_t way = 0; way < sizeof ways / sizeof ways[0]; way++) {
            pthread_barrier_wait(&exhaust_barrier);
            if ((uintptr_t)index == way % 3)
                exhaust(ways[way], sizes[s]);
        }
    }
    return NULL;
}

/* Memory is used up by one thread after the other; what each freed is there for the next. */
static void memory_runs_out_in_threads(void)
{
    struct rlimit old;
    pthread_barrier_init(&exhaust_barrier, NULL, 3);
    pthread_t threads[3];
    for (size_t i = 1; i < 3; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, exhaust_in_turns, (void *)i), 0);
    if (!process_limit_growth(128 * BLOCKS_MIB, &old)) {
        check_skip("the address space cannot be limited here");
        _exit(77);
    }
    exhaust_in_turns(NULL);
    for (size_t i = 1; i < 3; i++)
        pthread_join(threads[i], NULL);
    setrlimit(RLIMIT_AS, &old);
}

static void allocate_in_abort_handler(int number)
{
    void *frames[32];
    (void)number;
    int count = backtrace(frames, 32);
    char **names = backtrace_symbols(frames, count);
    char *copy = strdup("the handler can allocate");
    _exit(count > 0 && names != NULL && copy != NULL ? 42 : 1);
}

/* Runs free(block) twice in a child whose SIGABRT handler allocates; value: its wait status. */
static int die_by_double_free(size_t size)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        void *block = blocks_opaque_pointer(malloc(size));
        void *same = blocks_opaque_pointer(block);
        signal(SIGABRT, allocate_in_abort_handler);
        dup2(open("/dev/null", O_WRONLY), 2);
        free(block);
        free(same);
        _exit(2);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    return status;
}

/* A report that holds the allocator's locks would lock up here. */
static void abort_handler_allocates(void)
{
    static const size_t sizes[] = {24, 1000, 40000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        int status = die_by_double_free(sizes[i]);
        CHECK(WIFEXITED(status));
        CHECK_EQ(WEXITSTATUS(status), 42);
    }
}

static pthread_barrier_t cancel_barrier;

static void *print_until_cancelled(void *unused)
{
    (void)unused;
    pthread_barrier_wait(&cancel_barrier);
    for (;;) {
        malloc_stats();
        pthread_testcancel();
    }
    return NULL;
}

static void cancelled_while_printing(void)
{
    static char text[1 << 20];
    struct capture error;
    if (!capture_begin(&error, 2))
        return;
    for (int round = 0; round < 50; round++) {
        pthread_t thread;
        void *result = NULL;
        pthread_barrier_init(&cancel_barrier, NULL, 2);
        CHECK_EQ(pthread_create(&thread, NULL, print_until_cancelled, NULL), 0);
        pthread_barrier_wait(&cancel_barrier);
        if (round % 2 == 0)
            malloc_stats();
        CHECK_EQ(pthread_cancel(thread), 0);
        CHECK_EQ(pthread_join(thread, &result), 0);
        CHECK(result == PTHREAD_CANCELED);
        free(malloc(100));
        free(malloc(100000));
    }
    malloc_stats();
    CHECK(capture_end(&error, text, sizeof text) > 0);
}

enum { KEY_COUNT = 3, KEY_ROUNDS = 3 };

static pthread_key_t keys[KEY_COUNT];
static int destructor_calls;

struct keyed {
    size_t key;
    int round;
    unsigned char *block;
};

/* Runs when the thread's own cache may be gone already; asks for more rounds. */
static void destroy_keyed(void *value)
{
    struct keyed *old = value;
    __atomic_add_fetch(&destructor_calls, 1, __ATOMIC_RELAXED);
    CHECK(blocks_match(old->block, 3000, 3000, (unsigned)old->round));
    if (old->round + 1 < KEY_ROUNDS) {
        struct keyed *next = malloc(sizeof *next);
        next->key = old->key;
        next->round = old->round + 1;
        next->block = malloc(3000);
        CHECK(next->block != NULL);
        blocks_fill(next->block, 3000, (unsigned)next->round);
        pthread_setspecific(keys[old->key], next);
    }
    free(old->block);
    free(old);
}

static void *set_keys(void *unused)
{
    (void)unused;
    for (size_t i = 0; i < KEY_COUNT; i++) {
        struct keyed *first = malloc(sizeof *first);
        first->key = i;
        first->round = 0;
        first->block = malloc(3000);
        CHECK(first->block != NULL);
        blocks_fill(first->block, 3000, 0);
        pthread_setspecific(keys[i], first);
    }
    return NULL;
}

static void destructors_allocate(void)
{
    enum { THREADS = 500 };

    for (size_t i = 0; i < KEY_COUNT; i++)
        CHECK_EQ(pthread_key_create(&keys[i], destroy_keyed), 0);
    size_t before = 0;
    for (int i = 0; i < THREADS; i++) {
        run_threads(1, set_keys);
        if (i == THREADS / 5)
            before = process_resident_bytes();
    }
    CHECK_EQ(destructor_calls, THREADS * KEY_COUNT * KEY_ROUNDS);
    CHECK(process_stayed_below(before, 4 * BLOCKS_MIB));
}

/* The break cannot move, and then the address space cannot grow at all: every call must still
 * return. */
static void nowhere_to_grow(void)
{
    struct rlimit old;
    unsigned char *end = sbrk(0);
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *next_page = (void *)(((uintptr_t)end + page - 1) & ~(uintptr_t)(page - 1));
    mmap(next_page, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    for (size_t size = 1; size <= 40 * BLOCKS_MIB; size = size * 3 + 1) {
        void *block = malloc(size);
        CHECK(block != NULL);
        free(block);
    }
    if (!process_limit_growth(0, &old)) {
        check_skip("the address space cannot be limited here");
        return;
    }
    for (size_t size = 100 * BLOCKS_MIB; size < SIZE_MAX / 4; size *= 3) {
        errno = 0;
        void *block = malloc(size);
        int error = errno;
        CHECK(block == NULL && error == ENOMEM);
        free(block);
    }
    for (size_t i = 0; i < 10000; i++)
        free(malloc(i));
    setrlimit(RLIMIT_AS, &old);
    void *block = malloc(100 * BLOCKS_MIB);
    CHECK(block != NULL);
    free(block);
}

static const struct situation situations[] = {
    {"threads end while others start", threads_end_while_others_start},
    {"memory runs out in threads", memory_runs_out_in_threads},
    {"an abort handler allocates", abort_handler_allocates},
    {"cancelled while printing statistics", cancelled_while_printing},
    {"thread-specific destructors allocate", destructors_allocate},
    {"nowhere to grow", nowhere_to_grow},
};

SITUATION_GROUP(situations_threads, situations);
