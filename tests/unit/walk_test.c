/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* walk_test.c - a process is stopped at random instants and walked from outside; its own ledger says what
 * is live. The reader gives each piece at an odd address, which the next read overwrites, or, every so many
 * walks, makes unreadable.
 * The ledger of a thread: before a block is freed its entry is marked as in doubt, after malloc returned
 * it is entered. So each entered block must be reported; what else is reported must be in doubt or be on
 * its way between a thread and the shared lists. */
#include "central/arena.h"
#include "heap/root.h"
#include "heap/walk.h"
#include "stress/pattern.h"
#include "support/check.h"
#include "thread_cache/thread_registry.h"
#include "zcmalloc.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 4, ENTRIES = 1500, CARRIED_MAX = 2 * 125, REPORTED_MAX = 1 << 17 };

struct entry {
    uint64_t block; /* 0: none; bit 0: about to be freed */
    uint64_t bytes;
};

struct ledger {
    struct entry entries[THREADS][ENTRIES];
    void *exchange[256]; /* blocks on their way from thread to thread, not entered */
    int is_ready;
};

static struct ledger *ledger; /* shared by both processes */

/* --- the walked process ------------------------------------------------------------------------------ */

static void *churn(void *argument)
{
    size_t me = (size_t)(uintptr_t)argument;
    struct entry *entries = ledger->entries[me];
    uint64_t state = me * 77 + 1;
    for (size_t step = 0;; step++) {
        struct entry *entry = &entries[random_below(&state, ENTRIES)];
        if (entry->block == 0) {
            /* Long stretches of one size fill batches and spans. */
            size_t phase = step / 4096 % 4;
            size_t size = phase == 0   ? 64
                          : phase == 1 ? 24
                                       : random_size(&state, phase == 2 ? 12 : 18);
            void *block = zc_malloc(size);
            __atomic_store_n(&entry->bytes, size, __ATOMIC_RELAXED);
            __atomic_store_n(&entry->block, (uintptr_t)block, __ATOMIC_RELEASE);
            continue;
        }
        void *block = (void *)(uintptr_t)entry->block;
        __atomic_store_n(&entry->block, (uintptr_t)block | 1, __ATOMIC_RELEASE);
        /* Half of them are freed by another thread. */
        if (random_below(&state, 2) == 0)
            block = __atomic_exchange_n(&ledger->exchange[random_below(&state, 256)], block,
                                        __ATOMIC_ACQ_REL);
        zc_free(block);
        __atomic_store_n(&entry->block, 0, __ATOMIC_RELEASE);
    }
    return NULL;
}

static void run_walked(void)
{
    pthread_t threads[THREADS];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    zc_free(zc_malloc(1));
    for (size_t i = 1; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, churn, (void *)(uintptr_t)i) != 0)
            _exit(1);
    __atomic_store_n(&ledger->is_ready, 1, __ATOMIC_RELEASE);
    churn(NULL);
}

/* --- the walker -------------------------------------------------------------------------------------- */

enum { WINDOW_BYTES = 1 << 16, GUARDED_EVERY = 25 };

struct source {
    pid_t process;
    char *windows[2];  /* one is valid at a time */
    size_t bytes[2];   /* read into them last */
    bool is_guarded;   /* the other one is unreadable, which costs far more than the read */
    size_t fail_at;    /* which read fails; 0: none */
    size_t read_count; /* the parity chooses the window */
};

static bool source_open(struct source *source, pid_t process)
{
    source->process = process;
    for (int i = 0; i < 2; i++) {
        source->windows[i] =
            mmap(NULL, WINDOW_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (source->windows[i] == MAP_FAILED)
            return false;
    }
    return true;
}

/* What was read before is not to be used any more. */
static void spoil(struct source *source, size_t i)
{
    if (source->is_guarded)
        mprotect(source->windows[i], WINDOW_BYTES, PROT_NONE);
    else
        memset(source->windows[i] + 1, 0xa5, source->bytes[i]);
}

static void guard(struct source *source, bool is_guarded)
{
    for (int i = 0; i < 2; i++)
        mprotect(source->windows[i], WINDOW_BYTES, PROT_READ | PROT_WRITE);
    source->is_guarded = is_guarded;
}

static int read_process(void *context, uint64_t address, size_t bytes, const void **local)
{
    struct source *source = context;
    if (++source->read_count == source->fail_at)
        return 5;
    size_t i = source->read_count % 2;
    char *window = source->windows[i];
    if (bytes >= WINDOW_BYTES)
        return 14;
    spoil(source, 1 - i);
    if (source->is_guarded)
        mprotect(window, WINDOW_BYTES, PROT_READ | PROT_WRITE);
    source->bytes[i] = bytes;
    struct iovec to = {window + 1, bytes};
    struct iovec from = {(void *)(uintptr_t)address, bytes};
    if (process_vm_readv(source->process, &to, 1, &from, 1, 0) != (ssize_t)bytes)
        return 14;
    *local = window + 1;
    return 0;
}

static uint64_t reported[REPORTED_MAX];
static size_t reported_count;

static void collect(void *context, unsigned kind, const struct walk_range *ranges, unsigned count)
{
    (void)context;
    for (unsigned i = 0; i < count && kind == WALK_BLOCK && reported_count < REPORTED_MAX; i++)
        reported[reported_count++] = ranges[i].address;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static bool is_reported(uint64_t block)
{
    return bsearch(&block, reported, reported_count, sizeof block, compare) != NULL;
}

static int walk_process(struct source *source)
{
    struct walk_plan plan = {
        .read = read_process, .read_context = source, .kinds = WALK_BLOCK, .record = collect};
    reported_count = 0;
    int error = zci_walk(&plan, (uintptr_t)&zci_root);
    qsort(reported, reported_count, sizeof reported[0], compare);
    return error;
}

static size_t exact_count, carried_most;

static void compare_with_ledger(void)
{
    size_t live = 0;
    size_t doubtful = 0;
    size_t missed = 0;
    for (size_t t = 0; t < THREADS; t++) {
        for (size_t i = 0; i < ENTRIES; i++) {
            uint64_t block = ledger->entries[t][i].block;
            if (block == 0)
                continue;
            if (block & 1) {
                doubtful += is_reported(block & ~(uint64_t)1);
            } else {
                live++;
                missed += !is_reported(block);
            }
        }
    }
    for (size_t i = 0; i < 256; i++)
        if (ledger->exchange[i] != NULL) {
            live++;
            missed += !is_reported((uintptr_t)ledger->exchange[i]);
        }
    CHECK_EQ(missed, 0);
    size_t carried = reported_count - (reported_count < live ? reported_count : live);
    (void)doubtful;
    /* A thread may hold two blocks that no entry knows, and what it carries. */
    CHECK(carried <= THREADS * (CARRIED_MAX + 2));
    exact_count += carried <= 2 * THREADS;
    carried_most = carried > carried_most ? carried : carried_most;
}

static bool stop(pid_t process)
{
    int status;
    return kill(process, SIGSTOP) == 0 && waitpid(process, &status, WUNTRACED) == process &&
           WIFSTOPPED(status);
}

static void walked_at_random_instants(struct source *source, int rounds)
{
    uint64_t state = 4711;
    for (int round = 0; round < rounds; round++) {
        struct timespec pause = {0, (long)random_below(&state, 300000)};
        nanosleep(&pause, NULL);
        if (!CHECK(stop(source->process)))
            return;
        /* Every tenth walk loses a read: an error, never a crash. */
        source->read_count = 0;
        guard(source, round % GUARDED_EVERY == 0);
        source->fail_at = round % 10 == 9 ? 1 + random_below(&state, 40) : 0;
        int error = walk_process(source);
        if (source->fail_at != 0 && source->read_count >= source->fail_at)
            CHECK_EQ(error, 5);
        else if (CHECK_EQ(error, 0))
            compare_with_ledger();
        kill(source->process, SIGCONT);
    }
    CHECK(exact_count > (size_t)rounds / 2);
    check_write("  walks that were exact: ");
    check_write_number((long long)exact_count);
    check_write("; carried blocks at most: ");
    check_write_number((long long)carried_most);
    check_write("\n");
}

/* --- this process ------------------------------------------------------------------------------------- */

static void totals_follow_each_block(void)
{
    struct walk_plan plan = {0};
    struct walk_totals before;
    struct walk_totals after;
    static const size_t sizes[] = {1, 16, 100, 5000, 65536, 65537, 1000000, 40000000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        CHECK_EQ(zci_walk_totals(&plan, (uintptr_t)&zci_root, &before), 0);
        void *block = zc_malloc(sizes[i]);
        CHECK_EQ(zci_walk_totals(&plan, (uintptr_t)&zci_root, &after), 0);
        CHECK_EQ(after.blocks, before.blocks + 1);
        CHECK_EQ(after.block_bytes, before.block_bytes + zc_malloc_usable_size(block));
        zc_free(block);
        CHECK_EQ(zci_walk_totals(&plan, (uintptr_t)&zci_root, &after), 0);
        CHECK_EQ(after.blocks, before.blocks);
    }
    CHECK(after.meta_bytes != 0 && after.region_bytes != 0);
}

/* However many batches a thread keeps. */
static void totals_follow_wide_swings(void)
{
    enum { BLOCKS = 200000, SIZE = 8 };

    static void *blocks[BLOCKS];
    struct walk_plan plan = {0};
    struct walk_totals before;
    struct walk_totals after;
    CHECK_EQ(zci_walk_totals(&plan, (uintptr_t)&zci_root, &before), 0);
    const struct shelf *shelf = &thread_cache_get()->shelves[size_class_of(SIZE)];
    /* Again where a look at the caches, which the clock brings, has just taken them. */
    for (int round = 0; round < 3 || (shelf->spare_count <= 1000 && round < 30); round++) {
        for (size_t i = 0; i < BLOCKS; i++)
            blocks[i] = zc_malloc(SIZE);
        for (size_t i = 0; i < BLOCKS; i++)
            zc_free(blocks[i]);
    }
    CHECK(shelf->spare_count > 1000);
    CHECK_EQ(zci_walk_totals(&plan, (uintptr_t)&zci_root, &after), 0);
    CHECK_EQ(after.blocks, before.blocks);
}

/* Blocks that threads have cached of a private heap count as live. */
static void totals_follow_private_heaps(void)
{
    struct walk_plan plan = {0};
    struct walk_totals before;
    struct walk_totals after;

    enum { BLOCKS = 300 };
    struct zc_heap *heap = zc_heap_new();
    struct zc_pool *pool = zc_pool_new(4321, 0);
    static void *blocks[2][BLOCKS];
    uint64_t bytes = 0;
    CHECK_EQ(zci_walk_totals(&plan, (uintptr_t)&zci_root, &before), 0);
    for (size_t i = 0; i < BLOCKS; i++) {
        blocks[0][i] = zc_heap_malloc(heap, 100 + 300 * i);
        blocks[1][i] = zc_pool_malloc(pool);
        bytes += zc_heap_usable_size(heap, blocks[0][i]) + zc_malloc_usable_size(blocks[1][i]);
    }
    CHECK_EQ(zci_walk_totals(&plan, (uintptr_t)&zci_root, &after), 0);
    CHECK(after.blocks >= before.blocks + 2 * (uint64_t)BLOCKS);
    CHECK(after.block_bytes >= before.block_bytes + bytes);
    (void)zc_heap_collect(heap);
    (void)zc_pool_collect(pool);
    CHECK_EQ(zci_walk_totals(&plan, (uintptr_t)&zci_root, &after), 0);
    CHECK_EQ(after.blocks, before.blocks + 2 * (uint64_t)BLOCKS);
    CHECK_EQ(after.block_bytes, before.block_bytes + bytes);
    zc_heap_destroy(heap);
    zc_pool_destroy(pool);
    CHECK_EQ(zci_walk_totals(&plan, (uintptr_t)&zci_root, &after), 0);
    CHECK_EQ(after.blocks, before.blocks);
}

static void metadata_given_back_is_harmless(void)
{
    struct walk_plan plan = {0};
    struct walk_totals before;
    struct walk_totals after;

    enum { BLOCKS = 1 << 20 };

    static void *blocks[BLOCKS];
    (void)zc_collect(ZC_COLLECT_ALL);
    CHECK_EQ(zci_walk_totals(&plan, (uintptr_t)&zci_root, &before), 0);
    for (size_t i = 0; i < BLOCKS; i++)
        blocks[i] = zc_malloc(16);
    for (size_t i = 0; i < BLOCKS; i++)
        zc_free(blocks[i]);
    (void)zc_collect(ZC_COLLECT_ALL);
    CHECK_EQ(zci_walk_totals(&plan, (uintptr_t)&zci_root, &after), 0);
    CHECK_EQ(after.blocks, before.blocks);
}

static void other_layouts_are_refused(void)
{
    struct walk_plan plan = {0};
    struct walk_totals totals;
    struct zci_root root = zci_root;
    root.magic++;
    CHECK_EQ(zci_walk_totals(&plan, (uintptr_t)&root, &totals), WALK_NO_HEAP);
    root = zci_root;
    root.version++;
    CHECK_EQ(zci_walk_totals(&plan, (uintptr_t)&root, &totals), WALK_NO_HEAP);
    root = zci_root;
    root.cache_bytes += 8;
    CHECK_EQ(zci_walk_totals(&plan, (uintptr_t)&root, &totals), WALK_NO_HEAP);
}

/* As a tool's may, it takes no bytes for a failure. */
static int read_own(void *unused, uint64_t address, size_t bytes, const void **local)
{
    (void)unused;
    *local = (const void *)(uintptr_t)address;
    return bytes != 0 ? 0 : 5;
}

/* Each list of a root that is otherwise this process's. */
static int walk_lists(const void *caches, const void *arenas, const void *huge)
{
    static const void *const nothing = NULL;
    const void *const lists[] = {caches, arenas, huge};
    struct walk_plan plan = {.read = read_own};
    struct walk_totals totals;
    struct zci_root root = zci_root;
    root.caches = (uintptr_t)(caches != NULL ? &lists[0] : &nothing);
    root.arenas = (uintptr_t)(arenas != NULL ? &lists[1] : &nothing);
    root.huge = (uintptr_t)(huge != NULL ? &lists[2] : &nothing);
    return zci_walk_totals(&plan, (uintptr_t)&root, &totals);
}

/* Behind a few that do not belong to the circle. */
static void lists_that_run_in_a_circle_end(void)
{
    static struct thread_cache caches[5];
    static struct arena arenas[5];
    static struct span huge[5];
    for (size_t i = 0; i < 4; i++) {
        caches[i].next = &caches[i + 1];
        arenas[i].next = &arenas[i + 1];
        huge[i].prev = &huge[i + 1];
    }
    CHECK_EQ(walk_lists(caches, arenas, huge), WALK_OK);
    for (size_t back = 0; back < 5; back++) {
        caches[4].next = &caches[back];
        arenas[4].next = &arenas[back];
        huge[4].prev = &huge[back];
        CHECK_EQ(walk_lists(caches, NULL, NULL), WALK_DAMAGED);
        CHECK_EQ(walk_lists(NULL, arenas, NULL), WALK_DAMAGED);
        CHECK_EQ(walk_lists(NULL, NULL, huge), WALK_DAMAGED);
    }
}

/* What is told lies in what was reserved, whatever a descriptor says. */
static void runs_beyond_their_arena_are_damage(void)
{
    static struct span spans[4];
    static struct arena arena = {.start = UINT64_C(1) << 40, .granules = 4, .spans = spans};
    for (size_t i = 0; i < 4; i++)
        spans[i] = (struct span){
            .start = arena.start + i * ZCI_GRANULE_BYTES, .granules = 1, .state = SPAN_LARGE};
    arena.frontier = 4;
    CHECK_EQ(walk_lists(NULL, &arena, NULL), WALK_OK);
    spans[3].granules = 2;
    CHECK_EQ(walk_lists(NULL, &arena, NULL), WALK_DAMAGED);
    spans[3].granules = UINT32_MAX;
    CHECK_EQ(walk_lists(NULL, &arena, NULL), WALK_DAMAGED);
    spans[3].granules = 1;
    spans[1].granules = 3;
    /* The run that grows over the frontier does so first. */
    arena.frontier = 2;
    CHECK_EQ(walk_lists(NULL, &arena, NULL), WALK_OK);
    arena.frontier = 5;
    CHECK_EQ(walk_lists(NULL, &arena, NULL), WALK_DAMAGED);
}

static void a_span_of_which_nothing_was_cut_has_no_bits(void)
{
    static uint64_t bits[64];
    static struct span span = {.start = UINT64_C(1) << 40,
                               .granules = 1,
                               .state = SPAN_SMALL,
                               .class_index = 1,
                               .bitmap = bits};
    static struct arena arena = {
        .start = UINT64_C(1) << 40, .granules = 1, .frontier = 1, .spans = &span};
    CHECK(zci_size_classes[1].capacity > 64);
    CHECK_EQ(walk_lists(NULL, &arena, NULL), WALK_OK);
    span.carved = 65;
    CHECK_EQ(walk_lists(NULL, &arena, NULL), WALK_OK);
}

int main(int argc, char **argv)
{
    ledger = mmap(NULL, sizeof *ledger, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t process = fork();
    if (process == 0)
        run_walked();
    while (!__atomic_load_n(&ledger->is_ready, __ATOMIC_ACQUIRE))
        usleep(1000);
    struct source source = {0};
    const void *word;
    if (!source_open(&source, process) ||
        read_process(&source, (uintptr_t)&zci_root, 8, &word) != 0)
        check_skip("another process cannot be read here");
    else
        walked_at_random_instants(&source, argc > 1 ? atoi(argv[1]) : 600);
    kill(process, SIGKILL);
    waitpid(process, NULL, 0);
    zc_free(zc_malloc(1));
    RUN(totals_follow_each_block);
    RUN(totals_follow_wide_swings);
    RUN(totals_follow_private_heaps);
    RUN(metadata_given_back_is_harmless);
    RUN(other_layouts_are_refused);
    RUN(lists_that_run_in_a_circle_end);
    RUN(runs_beyond_their_arena_are_damage);
    RUN(a_span_of_which_nothing_was_cut_has_no_bits);
    return check_done();
}
