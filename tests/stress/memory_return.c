/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* memory_return.c - a heap of mixed sizes is freed to a part in random order, then whole: memory goes back.
 * Arguments: MiB (256), threads (1), what the main thread does meanwhile; all others sleep. "light": a few blocks of
 * random sizes now and then; "requests": always the same blocks, freed in reverse, as a server does; "none".
 * 5 % stay at first, with "requests" 50 %: a server's caches are in use, so much must be freed to be noticed.
 * Every power-of-two range of sizes from 16 bytes to 512 KiB has the same number of bytes. What may stay then
 * is 1.10 times the pages that still hold a live byte, and 2048 (8 MiB where a page has 4 KiB); after everything 4096.
 * Prints what is resident over time, so it also serves to compare, where built without preloaded.c: any allocator can
 * be preloaded then. */
#include "stress/names.h"
#include "stress/pattern.h"
#include "stress/process.h"
#include "support/check.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum {
    RANGES = 15, /* from 16 bytes to 512 KiB */
    SIZE_LEAST = 16,
    THREADS_MAX = 8,
    OBJECTS_PER_MIB = 5600,
    /* It takes two seconds; of what was wanted back meanwhile, a minute more: decay.c. */
    PATIENCE_MS = 90000,
    SHOWN_MS = 500,
    SETTLE_MS = 1000,
    REQUEST_BLOCKS = 50,
    REQUESTS_PER_LOOK = 20
};

struct object {
    char *block;
    size_t size;
};

struct part {
    pthread_t thread;
    uint64_t state;
    struct object *objects;
    size_t count;
};

static struct part parts[THREADS_MAX];
static size_t page_bytes;
static size_t thread_count = 1;
static size_t kept_percent = 5;
static size_t heap_mib = 256;

static enum { LIGHT, REQUESTS, NONE } activity;

static const char *const activities[] = {
    [LIGHT] = "light", [REQUESTS] = "requests", [NONE] = "none"};
static long long table_bytes;
static pthread_barrier_t barrier;

/* A page that is given back too early reads zero. */
static void mark(const struct object *object)
{
    memset(object->block, 'x', object->size);
    memcpy(object->block, &object->size, sizeof object->size);
}

static int is_marked(const struct object *object)
{
    size_t at = sizeof object->size;
    int ok = memcmp(object->block, &object->size, sizeof object->size) == 0;
    for (; at<object->size; at += object->size> 4096 ? 64 : 1)
        ok &= object->block[at] == 'x';
    return ok && (object->size == sizeof object->size || object->block[object->size - 1] == 'x');
}

static void fill(struct part *part, size_t objects_max)
{
    size_t used[RANGES] = {0};
    size_t budget = (heap_mib << 20) / thread_count / RANGES;
    for (;;) {
        size_t least = 0;
        for (size_t i = 1; i < RANGES; i++)
            if (used[i] < used[least])
                least = i;
        if (used[least] >= budget || part->count == objects_max)
            return;
        size_t low = (size_t)SIZE_LEAST << least;
        struct object *object = &part->objects[part->count++];
        object->size = low + random_below(&part->state, low);
        object->block = t_malloc(object->size);
        if (!CHECK(object->block != NULL))
            return;
        mark(object);
        used[least] += object->size;
    }
}

static void shuffle(struct part *part)
{
    for (size_t i = part->count - 1; i > 0; i--) {
        size_t j = random_below(&part->state, i + 1);
        struct object swapped = part->objects[i];
        part->objects[i] = part->objects[j];
        part->objects[j] = swapped;
    }
}

/* Keeps the first of them. */
static void free_all_but(struct part *part, size_t kept)
{
    while (part->count > kept) {
        const struct object *object = &part->objects[--part->count];
        CHECK(is_marked(object));
        t_free(object->block);
    }
}

static void *live(void *argument)
{
    struct part *part = argument;
    fill(part, OBJECTS_PER_MIB * heap_mib / thread_count);
    shuffle(part);
    pthread_barrier_wait(&barrier);
    free_all_but(part, part->count * kept_percent / 100);
    pthread_barrier_wait(&barrier);
    if (part == parts)
        return NULL;
    pthread_barrier_wait(
        &barrier); /* asleep until the rest is to be freed, and then until the end */
    free_all_but(part, 0);
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    return NULL;
}

/* Bytes of the pages that a live block touches. */
static long long live_page_bytes(void)
{
    size_t pages_max = (size_t)1 << 35; /* of 47 bits of addresses */
    unsigned char *is_live = mmap(NULL, pages_max / 8, PROT_READ | PROT_WRITE,
                                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    long long pages = 0;
    if (!CHECK(is_live != MAP_FAILED))
        return 0;
    for (size_t t = 0; t < thread_count; t++) {
        for (size_t i = 0; i < parts[t].count; i++) {
            const struct object *object = &parts[t].objects[i];
            size_t page = (uintptr_t)object->block / page_bytes % pages_max;
            size_t last = ((uintptr_t)object->block + object->size - 1) / page_bytes % pages_max;
            for (; page <= last; page++) {
                pages += (is_live[page / 8] >> page % 8 & 1) == 0;
                is_live[page / 8] |= (unsigned char)(1 << page % 8);
            }
        }
    }
    munmap(is_live, pages_max / 8);
    return pages * (long long)page_bytes;
}

static void pause_us(long us)
{
    const struct timespec pause = {.tv_nsec = us * 1000};
    nanosleep(&pause, NULL);
}

static void serve(void)
{
    void *blocks[REQUEST_BLOCKS];
    uint64_t state = 1; /* the same sizes each time: no cache runs empty or full by it */
    for (size_t i = 0; i < REQUEST_BLOCKS; i++)
        blocks[i] = t_malloc(random_size(&state, 12));
    for (size_t i = REQUEST_BLOCKS; i > 0; i--)
        t_free(blocks[i - 1]);
}

/* Takes about 10 ms. */
static void do_a_little(struct part *part)
{
    if (activity == REQUESTS) {
        for (int i = 0; i < REQUESTS_PER_LOOK; i++) {
            serve();
            pause_us(10000 / REQUESTS_PER_LOOK);
        }
        return;
    }
    for (int i = 0; activity == LIGHT && i < 20; i++)
        t_free(t_malloc(random_size(&part->state, 15)));
    pause_us(10000);
}

static void print_mib(const char *label, long long bytes)
{
    print_figure(label, bytes >> 20);
}

/* What is resident in the end, at the latest after PATIENCE_MS. */
static long long wait_for_return(long long bytes_max)
{
    long long resident = 0;
    for (int ms = 0; ms < PATIENCE_MS; ms += 10) {
        resident = rss_bytes() - table_bytes;
        if (ms % SHOWN_MS == 0)
            print_mib("  resident, MiB, half a second later: ", resident);
        if (resident <= bytes_max)
            break;
        do_a_little(&parts[0]);
    }
    print_mib("  resident, MiB, in the end: ", resident);
    return resident;
}

static void start(void)
{
    size_t objects_max = OBJECTS_PER_MIB * heap_mib / thread_count;
    size_t bytes = objects_max * sizeof(struct object);
    pthread_barrier_init(&barrier, NULL, (unsigned)thread_count);
    for (size_t i = 0; i < thread_count; i++) {
        parts[i].state = 2 * i + 1;
        parts[i].objects =
            mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (!CHECK(parts[i].objects != MAP_FAILED))
            _exit(1);
        memset(parts[i].objects, 1, bytes); /* all of it is resident from now on */
    }
    table_bytes = rss_bytes();
    for (size_t i = 1; i < thread_count; i++)
        CHECK_EQ(pthread_create(&parts[i].thread, NULL, live, &parts[i]), 0);
}

int main(int argc, char **argv)
{
    page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    heap_mib = argc > 1 ? strtoul(argv[1], NULL, 10) : heap_mib;
    thread_count = argc > 2 ? strtoul(argv[2], NULL, 10) : thread_count;
    while (argc > 3 && activity < NONE && strcmp(argv[3], activities[activity]) != 0)
        activity++;
    kept_percent = activity == REQUESTS ? 50 : kept_percent;
    if (!CHECK(thread_count >= 1 && thread_count <= THREADS_MAX))
        return check_done();
    start();
    live(&parts[0]);
    long long live_bytes = live_page_bytes();
    print_mib("a part live; its pages, MiB: ", live_bytes);
    long long bytes_max = live_bytes + live_bytes / 10 + 2048 * (long long)page_bytes;
    CHECK(wait_for_return(bytes_max) <= bytes_max);
    /* Until nothing waits for its time: what is freed then must be noticed by itself. */
    for (int ms = 0; ms < SETTLE_MS; ms += 10)
        do_a_little(&parts[0]);
    pthread_barrier_wait(&barrier);
    free_all_but(&parts[0], 0);
    pthread_barrier_wait(&barrier);
    check_write("all freed\n");
    bytes_max = 4096 * (long long)page_bytes;
    CHECK(wait_for_return(bytes_max) <= bytes_max);
    pthread_barrier_wait(&barrier);
    for (size_t i = 1; i < thread_count; i++)
        CHECK_EQ(pthread_join(parts[i].thread, NULL), 0);
    return check_done();
}
