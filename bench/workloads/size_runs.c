/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* size_runs.c - fills a table with runs of blocks of one size, then frees it from both ends, over and over.
 * Shows: what sh8bench does. Most blocks have 8 to 48 bytes; the front of the table is freed forwards, its back
 * backwards, and a fifth of it, each time another one, survives; and besides each thread makes small blocks which
 * the next one frees. Contents are hardly touched: a word is written, and checked before the block is freed. */
#include "workload.h"

enum { SLOT_COUNT = 50000, WINDOW_COUNT = SLOT_COUNT / 5, LETTER_COUNT = 6000, LETTER_BYTES = 8 };

/* So many blocks of each size in turn. */
static const struct {
    size_t bytes;
    unsigned count;
} runs[] = {{8, 1000}, {16, 5000}, {48, 1000}, {80, 100}, {144, 100}, {208, 100},
            {512, 10}, {1024, 5},  {4096, 3},  {9000, 1}, {34000, 1}, {160000, 1}};

struct letter {
    void *blocks[LETTER_COUNT];
};

/* Where the blocks for each thread wait; NULL: none do. */
static struct {
    _Alignas(128) struct letter *_Atomic letter;
} inboxes[WORKLOAD_THREADS_MAX];

struct table {
    void *slots[SLOT_COUNT];
    size_t window; /* where those that survive begin */
    size_t run;
    unsigned run_left;
};

static void *sealed_new(struct worker *worker, size_t bytes)
{
    void *block = malloc(bytes);
    if (block == NULL)
        workload_fail("out of memory");
    worker->operations++;
    size_t seal = block_key(block, 0);
    memcpy(block, &seal, sizeof seal);
    return block;
}

static void sealed_free(void *block)
{
    size_t seal;
    if (block == NULL)
        return;
    memcpy(&seal, block, sizeof seal);
    if (seal != block_key(block, 0))
        workload_fail("a block lost its contents");
    free(block);
}

static void fill(struct worker *worker, struct table *table)
{
    for (size_t i = 0; i < SLOT_COUNT; i++) {
        if (table->slots[i] != NULL)
            continue;
        while (table->run_left == 0) {
            table->run = (table->run + 1) % (sizeof runs / sizeof runs[0]);
            table->run_left = runs[table->run].count;
        }
        table->run_left--;
        table->slots[i] = sealed_new(worker, runs[table->run].bytes);
    }
}

static void empty_slot(void **slot)
{
    sealed_free(*slot);
    *slot = NULL;
}

static void free_ends(struct table *table)
{
    table->window = (table->window + WINDOW_COUNT) % SLOT_COUNT;
    for (size_t i = 0; i < table->window; i++)
        empty_slot(&table->slots[i]);
    for (size_t i = SLOT_COUNT; i > table->window + WINDOW_COUNT; i--)
        empty_slot(&table->slots[i - 1]);
}

static void letter_free(struct letter *letter)
{
    if (letter == NULL)
        return;
    for (size_t i = 0; i < LETTER_COUNT; i++)
        sealed_free(letter->blocks[i]);
    free(letter);
}

/* The next thread frees it; this one does if the last letter is still there. */
static void letter_send(struct worker *worker)
{
    struct letter *letter = malloc(sizeof *letter);
    if (letter == NULL)
        workload_fail("out of memory");
    for (size_t i = 0; i < LETTER_COUNT; i++)
        letter->blocks[i] = sealed_new(worker, LETTER_BYTES);
    unsigned next = (worker->index + 1) % workload.thread_count;
    letter_free(atomic_exchange(&inboxes[next].letter, letter));
}

static void body(struct worker *worker)
{
    struct table *table = calloc(1, sizeof *table);
    if (table == NULL)
        workload_fail("out of memory");
    while (worker_next(worker)) {
        letter_free(atomic_exchange(&inboxes[worker->index].letter, NULL));
        letter_send(worker);
        fill(worker, table);
        free_ends(table);
    }
    for (size_t i = 0; i < SLOT_COUNT; i++)
        sealed_free(table->slots[i]);
    free(table);
}

int main(int argc, char **argv)
{
    workload_begin("size_runs", NULL, argc, argv);
    workload_iterations(600);
    workload_run(body);
    for (unsigned i = 0; i < workload.thread_count; i++)
        letter_free(atomic_load(&inboxes[i].letter));
    return workload_end();
}
