/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* grow_shrink_idle.c - grows to 192 MiB of small blocks, frees 95 % of them at random, idles, frees the
 * rest, idles. Shows: how much memory goes back to the kernel, when, and whether somebody must call for it.
 *   short     idles for a second each time
 *   long      idles for twelve: some allocators return memory over ten seconds
 * --seconds S begins no cycle later than that; the idling counts there.
 * Idle means a block made and freed every 10 ms by each thread. Prints the resident memory over time as
 * lines "rss_mib SECONDS VALUE" and at each stage as "rss_STAGE_mib VALUE"; seconds is without the idling. */
#include "workload.h"

#include <sys/resource.h>

enum { LIVE_MIB = 192, SIZE_LOW = 4, SIZE_HIGH = 12, KEPT_PERCENT = 5, SAMPLES_PER_IDLE = 4 };

static const size_t slot_count_all =
    (size_t)LIVE_MIB * 1024 * 1024 / 800; /* slots hold 800 bytes or so */
static double idle_seconds;
static double idle_total;
static double start;
static atomic_uint arrived_count;
static bool is_over; /* set by the first thread before a meeting: all go through the same cycles */

/* All threads wait for each other; stage counts from 1. */
static void meet(unsigned stage)
{
    atomic_fetch_add(&arrived_count, 1);
    while (atomic_load(&arrived_count) < stage * workload.thread_count)
        sched_yield();
}

static double resident_mib(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file != NULL) {
        if (fscanf(file, "%*s %ld", &pages) != 1)
            pages = 0;
        fclose(file);
        return (double)pages * 4096 / (1 << 20);
    }
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss / (1 << 20);
}

static void print_stage(const struct worker *worker, const char *stage)
{
    if (worker->index == 0)
        printf("rss_%s_mib %.1f\n", stage, resident_mib());
}

static void idle(struct worker *worker)
{
    const struct timespec pause = {.tv_nsec = 10000000};
    double begin = seconds_now(), next_sample = begin;
    for (double now = begin; now < begin + idle_seconds; now = seconds_now()) {
        if (worker->index == 0 && now >= next_sample) {
            printf("rss_mib %.2f %.1f\n", now - start, resident_mib());
            next_sample += idle_seconds / SAMPLES_PER_IDLE;
        }
        block_free(block_new(worker, random_size(worker, SIZE_LOW, SIZE_HIGH)));
        nanosleep(&pause, NULL);
    }
    if (worker->index == 0)
        idle_total += seconds_now() - begin;
}

static void free_all(void **slots, size_t count)
{
    for (size_t i = 0; i < count; i++)
        block_free(slots[i]);
}

/* Shuffled first: what is kept lies scattered over all of the memory. */
static void shrink(struct worker *worker, void **slots, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t other = random_below(worker, (uint32_t)count);
        void *swapped = slots[i];
        slots[i] = slots[other];
        slots[other] = swapped;
    }
    size_t kept = count * KEPT_PERCENT / 100;
    free_all(slots + kept, count - kept);
    memset(slots + kept, 0, (count - kept) * sizeof *slots);
}

static void body(struct worker *worker)
{
    size_t count = slot_count_all / workload.thread_count;
    void **slots = calloc(count, sizeof *slots);
    if (slots == NULL)
        workload_fail("out of memory");
    worker_next(worker); /* the first cycle */
    for (unsigned stage = 0; !is_over; stage += 4) {
        for (size_t i = 0; i < count; i++)
            slots[i] = block_new(worker, random_size(worker, SIZE_LOW, SIZE_HIGH));
        meet(stage + 1);
        print_stage(worker, "grown");
        shrink(worker, slots, count);
        meet(stage + 2);
        print_stage(worker, "shrunk");
        idle(worker);
        print_stage(worker, "idle");
        meet(stage + 3);
        free_all(slots, count);
        memset(slots, 0, count * sizeof *slots);
        if (worker->index == 0)
            is_over = !worker_next(worker);
        meet(stage + 4);
        idle(worker);
        print_stage(worker, "empty");
    }
    free(slots);
}

int main(int argc, char **argv)
{
    workload_begin("grow_shrink_idle", "short|long", argc, argv);
    idle_seconds = workload.mode == 0 ? 1 : 12;
    workload_iterations(1);
    workload.iterations *= workload.thread_count; /* each thread goes through each cycle */
    start = seconds_now();
    workload_run(body);
    workload.start += idle_total;
    return workload_end();
}
