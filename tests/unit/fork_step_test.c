/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* fork_step_test.c - a fork at each instruction of a call: by another thread, while the call is stopped there, so that
 * the child does not have who made it; by a signal handler that interrupted the call, which the child then completes;
 * and likewise while another thread is somewhere in the same call. Each child proves its heap. And behind each
 * instruction of all calls a walk over all runs finds them whole. The processor's trap flag stops calls (x86-64).
 *
 *   fork_step_test [forks per case, about [seed [number of the only case]]]
 *
 * A call of a few instructions is forked at each, a longer one at some of them, chosen by the seed. */
#define STRESS_ZC_NAMES
#include "base/options.h"
#include "central/central_list.h"
#include "central/huge.h"
#include "central/page_heap.h"
#include "central/run_cache.h"
#include "central/run_pool.h"
#include "os/footprint.h"
#include "os/os.h"
#include "pagemap/meta_arena.h"
#include "stress/process.h"
#include "support/check.h"
#include "thread_cache/thread_registry.h"
#include "unit/tally.h"
#include "zcmalloc.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <ucontext.h>

#define MIB       ((size_t)1 << 20)
#define TRAP_FLAG 0x100

/* On some virtual machines a trap takes twenty times as long as on others. No further call begins then. */
#define LONG_MS 240000

enum { FORKS_DEFAULT = 60, FEW_INSTRUCTIONS = 1500, HELD_COUNT = 8, SMALL_COUNT = 24 };

/* How the instructions are used. */
enum mode { COUNT_STEPS, FORK_BY_OTHER, FORK_BY_HANDLER, FORK_BESIDE };

static struct {
    enum mode mode;
    uint64_t steps;     /* so far */
    uint64_t next_fork; /* the step */
    uint64_t pause;     /* between two, on average */
    uint64_t random;
    uint32_t asked;    /* forks; by the thread that steps */
    uint32_t answered; /* forks; by the other */
    uint32_t is_over;
    uint64_t failed_at; /* the first step whose child failed; 0: none */
    int failed_status;
    uintptr_t failed_address; /* of the instruction that would be next there */
    int is_child;
} step;

static __thread int is_beside; /* only stepped, so that it is equally likely at each instruction */
static long forks_per_case = FORKS_DEFAULT;
static uint64_t seed = 1;

/* What the case has in its process. */
static void *held[HELD_COUNT]; /* nobody's but the forking thread's */
static void *given;            /* the call's */
static struct zc_heap *heap;

/* Below the red zone. */
static inline __attribute__((always_inline)) void trap(int is_on)
{
    if (is_on)
        __asm__ volatile("lea -128(%%rsp), %%rsp\n\tpushfq\n\torq %0, (%%rsp)\n\tpopfq\n\t"
                         "lea 128(%%rsp), %%rsp" ::"i"(TRAP_FLAG)
                         : "memory", "cc");
    else
        __asm__ volatile("lea -128(%%rsp), %%rsp\n\tpushfq\n\tandq %0, (%%rsp)\n\tpopfq\n\t"
                         "lea 128(%%rsp), %%rsp" ::"i"(~TRAP_FLAG)
                         : "memory", "cc");
}

/* --- what a child proves ------------------------------------------------------------------------------ */

/* The footprint is what its layers say, counted anew. */
static int footprint_is_right(void)
{
    struct footprint_recount recount = {0, false};
    zci_meta_arena_fork_child(&recount);
    zci_page_heap_fork_child(&recount);
    zci_huge_fork_child(&recount);
    zci_central_fork_child(&recount);
    return CHECK(!recount.is_midway) & CHECK_EQ(zci_footprint_bytes(), recount.bytes);
}

/* Frees what lies around the places that the call was changing, asks for such places, and for small blocks. */
static void prove_heap(void)
{
    struct tally tally = {0};
    void *blocks[2 * HELD_COUNT];
    runs_are_whole();
    for (int i = 0; i < HELD_COUNT; i++)
        zc_free(held[i]);
    for (size_t i = 0; i < 2 * HELD_COUNT; i++) {
        blocks[i] = zc_malloc((i + 1) * MIB + 1);
        if (CHECK(blocks[i] != NULL))
            *(volatile char *)blocks[i] = 1;
    }
    for (size_t i = 0; i < 2 * HELD_COUNT; i += 2)
        blocks[i] = zc_realloc(blocks[i], (i + 3) * MIB);
    for (size_t i = 0; i < 2 * HELD_COUNT; i++)
        zc_free(blocks[i]);
    CHECK(churned_spans_work());
    CHECK(heap_works(seed));
    runs_are_whole();
    zc_trim(0);
    zci_page_heap_each_run(tally_run, &tally);
    CHECK_EQ(tally.dirty_granules, 0); /* else one is in no tree */
    CHECK_EQ(zci_run_cache_bytes(), 0);
    CHECK_EQ(tally.span_count, listed_span_count());
    /* Where a handler's fork interrupted a change of this thread's, what others were changing stays counted. */
    if (step.mode != FORK_BESIDE)
        footprint_is_right();
}

static void end_child(void)
{
    prove_heap();
    _exit(check_failed_count != 0 ? 1 : 0);
}

/* --- steps -------------------------------------------------------------------------------------------- */

static void note_status(int status, uintptr_t address)
{
    if (status == 0 || step.failed_at != 0)
        return;
    step.failed_at = step.steps;
    step.failed_status = status;
    step.failed_address = address;
}

static pid_t fork_child(void)
{
    pid_t child = fork();
    if (child != 0)
        return child;
    check_failed_count = 0;
    alarm(CHILD_SECONDS);
    step.is_child = 1;
    return 0;
}

/* What debuggers and collectors of another process count on: any instant will do. */
static int walk_is_whole(void)
{
    for (const struct arena *arena = *zci_page_heap_arenas(); arena != NULL; arena = arena->next) {
        uint64_t at = 0;
        while (at < arena->frontier) {
            const struct span *span = &arena->spans[at];
            if (span->granules == 0 || span->start != arena->start + at * ZCI_GRANULE_BYTES)
                return 0;
            at += span->granules;
        }
        if (at != arena->frontier)
            return 0;
    }
    return 1;
}

/* The kernel's code that reads its clock begins again if that has moved meanwhile, as in so long a pause it has. */
static int is_in_clock(uintptr_t address)
{
    return address - getauxval(AT_SYSINFO_EHDR) < (1 << 16);
}

static void after_instruction(int number, siginfo_t *information, void *context)
{
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    (void)number;
    (void)information;
    if (is_beside)
        return;
    step.steps++;
    if (step.mode == COUNT_STEPS)
        note_status(walk_is_whole() ? 0 : -1, (uintptr_t)registers[REG_RIP]);
    if (step.mode == COUNT_STEPS || step.steps < step.next_fork ||
        is_in_clock((uintptr_t)registers[REG_RIP]))
        return;
    int saved_errno = errno;
    step.next_fork += 1 + random_below(&step.random, 2 * step.pause - 1);
    if (step.mode != FORK_BY_OTHER) {
        pid_t child = fork_child();
        if (child == 0)
            registers[REG_EFL] &= ~TRAP_FLAG;
        else
            note_status(child_wait(child), (uintptr_t)registers[REG_RIP]);
    } else {
        step.failed_address =
            step.failed_at != 0 ? step.failed_address : (uintptr_t)registers[REG_RIP];
        uint32_t asked = __atomic_add_fetch(&step.asked, 1, __ATOMIC_SEQ_CST);
        while (__atomic_load_n(&step.answered, __ATOMIC_SEQ_CST) != asked)
            sched_yield();
    }
    errno = saved_errno;
}

static void *run_steps(void *act)
{
    trap(1);
    ((void (*)(void))(uintptr_t)act)();
    trap(0);
    if (step.is_child)
        end_child();
    __atomic_store_n(&step.is_over, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

static void *run_beside(void *act)
{
    is_beside = 1;
    while (!__atomic_load_n(&step.is_over, __ATOMIC_SEQ_CST)) {
        trap(1);
        ((void (*)(void))(uintptr_t)act)();
        trap(0);
    }
    return NULL;
}

/* Forks whenever the thread that steps asks for it. */
static void answer(void)
{
    uint32_t answered = 0;
    while (!__atomic_load_n(&step.is_over, __ATOMIC_SEQ_CST)) {
        if (__atomic_load_n(&step.asked, __ATOMIC_SEQ_CST) == answered) {
            sched_yield();
            continue;
        }
        pid_t child = fork_child();
        if (child == 0)
            end_child();
        note_status(child_wait(child), step.failed_address);
        __atomic_store_n(&step.answered, ++answered, __ATOMIC_SEQ_CST);
    }
}

/* In a process of its own, in which the case's call runs once. */
static void run_case(void (*begin)(void), void (*act)(void), enum mode mode, uint64_t steps)
{
    pthread_t thread;
    struct sigaction action = {.sa_sigaction = after_instruction,
                               .sa_flags = SA_SIGINFO | SA_RESTART};
    step.mode = mode;
    step.random = seed;
    step.pause = steps <= FEW_INSTRUCTIONS ? 1 : steps / (uint64_t)forks_per_case + 1;
    step.next_fork = 1;
    CHECK_EQ(sigaction(SIGTRAP, &action, NULL), 0);
    begin();
    if (mode == FORK_BY_OTHER) {
        CHECK_EQ(pthread_create(&thread, NULL, run_steps, (void *)(uintptr_t)act), 0);
        answer();
        pthread_join(thread, NULL);
    } else if (mode == FORK_BESIDE) {
        CHECK_EQ(pthread_create(&thread, NULL, run_beside, (void *)(uintptr_t)act), 0);
        run_steps((void *)(uintptr_t)act);
        pthread_join(thread, NULL);
    } else {
        run_steps((void *)(uintptr_t)act);
    }
    if (step.failed_at != 0) {
        check_write("    failed; step, status of the child, address: ");
        check_write_number((long long)step.failed_at);
        check_write(" ");
        check_write_number(step.failed_status);
        check_write(" ");
        check_write_number((long long)step.failed_address);
        check_write("\n");
    }
    CHECK_EQ(step.failed_at, 0);
    prove_heap();
}

/* How many instructions the call has; 0: the process failed. */
static uint64_t count_steps(void (*begin)(void), void (*act)(void))
{
    int ends[2];
    uint64_t steps = 0;
    CHECK_EQ(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        check_failed_count = 0;
        run_case(begin, act, COUNT_STEPS, 0);
        CHECK_EQ(write(ends[1], &step.steps, sizeof step.steps), sizeof step.steps);
        _exit(check_failed_count != 0);
    }
    close(ends[1]);
    int is_read = read(ends[0], &steps, sizeof steps) == (ssize_t)sizeof steps;
    close(ends[0]);
    CHECK_EQ(child_wait(child), 0);
    return is_read ? steps : 0;
}

static void run_in_process(void (*begin)(void), void (*act)(void), enum mode mode, uint64_t steps)
{
    pid_t child = fork();
    if (child == 0) {
        check_failed_count = 0;
        run_case(begin, act, mode, steps);
        _exit(check_failed_count != 0);
    }
    CHECK_EQ(child_wait(child), 0);
}

/* --- cases -------------------------------------------------------------------------------------------- */

static void begin_with_nothing(void)
{
    zc_free(zc_malloc(1));
}

/* Blocks of 5 MiB side by side; some are free again. */
static void begin_with_holes(unsigned is_free)
{
    void *blocks[HELD_COUNT];
    for (int i = 0; i < HELD_COUNT; i++)
        blocks[i] = zc_malloc(5 * MIB);
    for (int i = 0; i < HELD_COUNT; i++) {
        held[i] = is_free >> i & 1 ? NULL : blocks[i];
        if (is_free >> i & 1)
            zc_free(blocks[i]);
    }
    given = held[3];
    held[3] = NULL;
}

static void begin_between_free_runs(void)
{
    begin_with_holes(1 << 2 | 1 << 4);
}

static void begin_before_free_run(void)
{
    begin_with_holes(1 << 4 | 1 << 5);
}

static void begin_behind_free_run(void)
{
    begin_with_holes(1 << 1 | 1 << 2);
}

static void free_it(void)
{
    zc_free(given);
}

static void take_part_of_free_run(void)
{
    void *block = zc_malloc(6 * MIB);
    void *aligned = zc_memalign(MIB, 5 * MIB);
    zc_free(block);
    zc_free(aligned);
}

static void grow_and_shrink(void)
{
    given = zc_realloc(given, 8 * MIB);
    given = zc_realloc(given, 5 * MIB);
    zc_free(given);
}

static void begin_at_frontier(void)
{
    begin_with_holes(0);
    zc_free(given);
    given = held[HELD_COUNT - 1];
    held[HELD_COUNT - 1] = NULL;
}

static void begin_with_resident_run(void)
{
    begin_with_nothing();
    given = zc_malloc(9 * MIB);
    held[0] = zc_malloc(5 * MIB);
    memset(given, 1, 9 * MIB);
    zc_free(given);
}

static void fill_new_block(void)
{
    char *block = zc_malloc(250 * MIB);
    char *table = block + -(uintptr_t)block % (2 * MIB);
    /* Another thread may have taken the run. */
    CHECK(!zci_os_moves_pages() || step.mode == FORK_BESIDE || zci_os_is_resident(table));
    zc_free(block);
}

/* A resident run with a clean one behind it, which was touched. */
static void begin_with_room_behind(void)
{
    begin_with_nothing();
    zc_free(zc_malloc(15 * MIB));
    zc_trim(0);
    zc_free(given = zc_malloc(5 * MIB));
    char *end = (char *)given + 6 * MIB + (128 << 10); /* of the block that will be grown */
    *(volatile char *)end = 1;
    *(volatile char *)(end + -(uintptr_t)end % (2 * MIB) - 1) = 1;
}

static void grow_elsewhere(void)
{
    zc_free(zc_realloc(zc_malloc(70000), 6 * MIB));
}

static void use_huge_block(void)
{
    char *block = zc_malloc(300 * MIB);
    block = zc_realloc(block, 400 * MIB);
    block = zc_realloc(block, 290 * MIB);
    zc_free(block);
}

static void use_blocks(size_t size)
{
    void *blocks[SMALL_COUNT];
    for (int i = 0; i < SMALL_COUNT; i++)
        blocks[i] = zc_malloc(size);
    for (int i = 0; i < SMALL_COUNT; i++)
        zc_free(blocks[i]);
}

static void use_small_blocks(void)
{
    use_blocks(64);
}

static void use_medium_blocks(void)
{
    use_blocks(9000);
}

static void use_cached_runs(void)
{
    use_blocks(100000);
}

static void begin_with_pool(void)
{
    zci_run_pool_open();
    use_medium_blocks();
}

/* Of each span pages are free that can go back by themselves. */
static void begin_with_caches(void)
{
    static void *blocks[4 * SMALL_COUNT];
    for (int i = 0; i < 4 * SMALL_COUNT; i++)
        memset(blocks[i] = zc_malloc(4000), 1, 4000);
    for (int i = 0; i < 4 * SMALL_COUNT; i++)
        if (i % 8 != 0)
            zc_free(blocks[i]);
    use_small_blocks();
    use_medium_blocks();
    use_cached_runs();
}

static void give_all_back(void)
{
    use_medium_blocks();
    zc_trim(0);
}

static void leave_cache(void)
{
    use_medium_blocks();
    zci_thread_registry_close(CLOSED_DEAD);
}

static void begin_with_heap(void)
{
    heap = zc_heap_new();
    held[0] = zc_heap_malloc(heap, 5 * MIB);
    held[1] = zc_heap_malloc(heap, 100);
}

static void use_heap(void)
{
    void *blocks[SMALL_COUNT];
    void *large = zc_heap_malloc(heap, 6 * MIB);
    for (int i = 0; i < SMALL_COUNT; i++)
        blocks[i] = zc_heap_malloc(heap, 4000);
    for (int i = 0; i < SMALL_COUNT; i++)
        zc_free(blocks[i]);
    zc_free(large);
    zc_heap_collect(heap);
}

static void make_heap(void)
{
    struct zc_heap *fresh = zc_heap_new();
    void *large = zc_heap_malloc(fresh, 5 * MIB);
    void *small = zc_heap_malloc(fresh, 100);
    if (large == NULL || small == NULL)
        abort();
    zc_heap_destroy(fresh);
}

static void change_limit(void)
{
    static int is_set;
    zc_limit_set(ZC_LIMIT_HARD, is_set ? 0 : 2048 * MIB);
    is_set = !is_set;
}

static const struct {
    const char *name;
    void (*begin)(void);
    void (*act)(void);
    int can_be_beside; /* by several threads, again and again */
} cases[] = {
    {"free between free runs", begin_between_free_runs, free_it, 0},
    {"free before a free run", begin_before_free_run, free_it, 0},
    {"free behind a free run", begin_behind_free_run, free_it, 0},
    {"take part of a free run", begin_before_free_run, take_part_of_free_run, 1},
    {"grow over a free run", begin_before_free_run, grow_and_shrink, 0},
    {"grow over the frontier", begin_at_frontier, grow_and_shrink, 0},
    {"grow elsewhere", begin_with_room_behind, grow_elsewhere, 1},
    {"fill a new block", begin_with_resident_run, fill_new_block, 1},
    {"a huge block", begin_with_nothing, use_huge_block, 1},
    {"small blocks", begin_with_nothing, use_small_blocks, 1},
    {"medium blocks", begin_with_nothing, use_medium_blocks, 1},
    {"medium blocks by the pool", begin_with_pool, use_medium_blocks, 1},
    {"cached runs", begin_with_nothing, use_cached_runs, 1},
    {"give all back", begin_with_caches, give_all_back, 1},
    {"leave a cache", begin_with_caches, leave_cache, 0},
    {"a private heap's blocks", begin_with_heap, use_heap, 1},
    {"a private heap", begin_with_nothing, make_heap, 1},
    {"limits", begin_with_caches, change_limit, 1},
};

int main(int argc, char **argv)
{
    uint64_t begin_ms = zci_os_clock_ms();
    zci_options.gc_ms = 0; /* steps are slow: each call would end in a collection */
    if (argc > 1)
        forks_per_case = atol(argv[1]) > 0 ? atol(argv[1]) : 1;
    if (argc > 2)
        seed = (uint64_t)atol(argv[2]);
    if (count_steps(begin_with_nothing, begin_with_nothing) == 0) {
        check_skip("no trap comes of the trap flag");
        return check_failed_count != 0 ? 1 : 77;
    }
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (argc > 3 && (size_t)atol(argv[3]) != i)
            continue;
        if (argc <= 1 && zci_os_clock_ms() - begin_ms > LONG_MS) {
            check_skip("the rest of the calls, for a trap takes long here");
            break;
        }
        check_write("  ");
        check_write(cases[i].name);
        uint64_t steps = count_steps(cases[i].begin, cases[i].act);
        check_write(": ");
        check_write_number((long long)steps);
        check_write(" instructions\n");
        CHECK(steps > 1);
        run_in_process(cases[i].begin, cases[i].act, FORK_BY_OTHER, steps);
        run_in_process(cases[i].begin, cases[i].act, FORK_BY_HANDLER, steps);
        if (cases[i].can_be_beside)
            run_in_process(cases[i].begin, cases[i].act, FORK_BESIDE, steps);
    }
    return check_done();
}
