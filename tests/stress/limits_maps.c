/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* limits_maps.c - malloc when the program has used up vm.max_map_count, or where there is not so much
 * memory.
 *
 * Then the kernel refuses new mappings, and also to split one: munmap, mprotect and madvise of a
 * part may fail. Each call must give memory or NULL with ENOMEM, no block may be lost, and all must
 * be well when mappings are to be had again. Tried with no mapping left and with a few. */
#include "stress/names.h"
#include "stress/pattern.h"
#include "stress/process.h"
#include "support/check.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <unistd.h>

enum { MAP_COUNT_MAX = 1 << 21, HELD_COUNT = 200, STEP_COUNT = 3000 };

struct held {
    void *block;
    size_t size;
    uint64_t mark;
};

static long long read_number(const char *path)
{
    char text[32];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t length = read(fd, text, sizeof text - 1);
    close(fd);
    long long value = length > 0 ? 0 : -1;
    for (ssize_t i = 0; i < length && text[i] >= '0' && text[i] <= '9'; i++)
        value = value * 10 + (text[i] - '0');
    return value;
}

/* Makes every second page of area readable until the kernel refuses. Returns the pages used. */
static size_t use_up_maps(char *area, size_t page_count, size_t page_bytes)
{
    for (size_t i = 1; i < page_count; i += 2) {
        if (mprotect(area + i * page_bytes, page_bytes, PROT_READ) != 0)
            return i;
    }
    return page_count;
}

static void step(struct held *held, uint64_t *state)
{
    size_t kind = random_below(state, 64);
    size_t size = random_size(state, kind == 0 ? 27 : kind < 8 ? 22 : 17);
    errno = 0;
    if (held->block == NULL) {
        held->block = kind % 4 == 1   ? t_calloc(1, size)
                      : kind % 4 == 2 ? t_memalign(256, size)
                                      : t_malloc(size);
        if (!CHECK(held->block != NULL || errno == ENOMEM) || held->block == NULL)
            return;
    } else {
        CHECK(pattern_kept(held->block, held->size, held->size, held->mark));
        if (kind % 2 == 0) {
            t_free(held->block);
            held->block = NULL;
            return;
        }
        void *resized = t_realloc(held->block, size);
        if (!CHECK(resized != NULL || errno == ENOMEM) || resized == NULL)
            return;
        CHECK(pattern_kept(resized, held->size, size, held->mark));
        held->block = resized;
    }
    held->size = size;
    held->mark = pattern_mark(held->block, size, *state);
    pattern_fill(held->block, size, held->mark);
}

static void steps(struct held *held, uint64_t *state, int count)
{
    while (count-- > 0)
        step(&held[random_below(state, HELD_COUNT)], state);
}

static void free_held(struct held *held)
{
    for (int i = 0; i < HELD_COUNT; i++) {
        if (held[i].block != NULL)
            CHECK(pattern_kept(held[i].block, held[i].size, held[i].size, held[i].mark));
        t_free(held[i].block);
        held[i].block = NULL;
    }
}

/* With room for spare more mappings. In a child: the parent's address space stays as it is. */
static void without_maps(long long map_count, size_t spare, int allocated_before)
{
    static struct held held[HELD_COUNT];
    uint64_t state = spare * 2 + 1;
    size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    size_t page_count = (size_t)map_count + 1000;
    alarm(CHILD_SECONDS);
    if (allocated_before)
        steps(held, &state, STEP_COUNT);
    char *area = mmap(NULL, page_count * page_bytes, PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (!CHECK(area != MAP_FAILED))
        return;
    size_t used = use_up_maps(area, page_count, page_bytes);
    CHECK(used < page_count);
    for (size_t i = 0; i < spare && used >= 2 * i + 4; i++)
        mprotect(area + (used - 2 * i - 2) * page_bytes, page_bytes, PROT_NONE);
    steps(held, &state, STEP_COUNT);
    t_trim(0);
    steps(held, &state, STEP_COUNT);
    if (spare % 2 != 0)
        free_held(held);
    t_trim(0);
    CHECK_EQ(munmap(area, page_count * page_bytes), 0);
    CHECK(heap_works_with_threads(spare));
    free_held(held);
    void *large = t_malloc((size_t)100 << 20);
    CHECK(large != NULL);
    t_free(large);
    t_trim(0);
}

static void map_count(void)
{
    static const size_t spares[] = {0, 1, 2, 3, 5, 8, 20, 21};
    long long limit = read_number("/proc/sys/vm/max_map_count");
    if (limit <= 0 || limit > MAP_COUNT_MAX) {
        check_skip("vm.max_map_count is unknown or too high to be used up");
        return;
    }
    for (size_t i = 0; i < 2 * sizeof spares / sizeof spares[0]; i++) {
        pid_t child = fork();
        if (child == 0) {
            check_failed_count = 0;
            without_maps(limit, spares[i / 2], i % 2 == 0);
            _exit(check_failed_count == 0 ? 0 : 1);
        }
        CHECK_EQ(child_wait(child), 0);
    }
}

static void strict_overcommit(void)
{
    if (read_number("/proc/sys/vm/overcommit_memory") != 2) {
        check_skip("vm.overcommit_memory is not 2");
        return;
    }
    errno = 0;
    void *block = t_malloc((size_t)1 << 46);
    CHECK(block == NULL && errno == ENOMEM);
    CHECK(heap_works_with_threads(1));
}

/* What imitates Linux may give any size. */
static int kernel_gives(size_t size)
{
    void *area = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return area != MAP_FAILED && munmap(area, size) == 0;
}

static void is_refused(void *block)
{
    CHECK(block == NULL && errno == ENOMEM);
    t_free(block);
    errno = 0;
}

/* By the kernel's own guess (overcommit_memory 0) no request above memory and swap together can be met. */
static void more_than_the_machine_has(void)
{
    struct sysinfo machine;
    if (read_number("/proc/sys/vm/overcommit_memory") != 0 || sysinfo(&machine) != 0) {
        check_skip("vm.overcommit_memory is not 0");
        return;
    }
    size_t size = 4 * (machine.totalram + machine.totalswap) * machine.mem_unit;
    if (kernel_gives(size)) {
        check_skip("the kernel does not count");
        return;
    }
    void *block = t_malloc((size_t)300 << 20);
    CHECK(block != NULL);
    uint64_t mark = pattern_mark(block, 1000, 1);
    pattern_fill(block, 1000, mark);
    errno = 0;
    is_refused(t_malloc(size));
    is_refused(t_calloc(1, size));
    is_refused(t_memalign((size_t)1 << 30, size));
    void *resized = t_realloc(block, size);
    if (CHECK(resized == NULL && errno == ENOMEM))
        CHECK(pattern_kept(block, 1000, 1000, mark));
    t_free(resized != NULL ? resized : block);
    CHECK(heap_works_with_threads(2));
}

int main(void)
{
    RUN(map_count);
    RUN(strict_overcommit);
    RUN(more_than_the_machine_has);
    return check_done();
}
