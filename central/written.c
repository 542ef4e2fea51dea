/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* written.c - see written.h. */
#include "central/written.h"

#include "base/atomic.h"
#include "base/bits.h"
#include "os/os.h"

#define WRITTEN_BYTES_MAX ((size_t)4096)

/* Sizes up to 256 MiB are told apart. */
#define QUARTERS  4
#define DOUBLINGS 16

/* From a sample to the next: as many as there were, within these bounds; by chance half as many more or fewer, for a
 * program may treat each second block in another way. */
#define PAUSE_LEAST      4
#define PAUSE_MOST       (WRITTEN_AHEAD_MOST / 2)
#define PAUSE_BYTES_MOST ((size_t)64 << 20)

#define LOOKS_MOST 16

/* Who allocates many blocks before writing to the first one does it within this time. */
#define YOUNG_MS 1000

/* To give memory back that is then written to takes many times as long as to clear it. */
#define FEW_IN_A_ROW 3

/* All atomic, relaxed. */
static struct guess {
    uint64_t sample; /* where it starts; 0: none */
    uint32_t count;
    uint32_t sampled_at; /* count at the next one */
    uint32_t sampled_ms; /* when it was chosen */
    uint32_t written;    /* enum written */
    uint32_t few_count;  /* of the last samples, in a row */
} guesses[DOUBLINGS * QUARTERS];

static uint32_t few_of_all; /* the same as few_count, of samples of all sizes */

static struct guess *guess_of(size_t bytes)
{
    unsigned doubling = log2_floor(bytes - 1);
    size_t quarter = ((bytes - 1) >> (doubling - 2)) - QUARTERS;
    size_t i = (doubling - log2_floor(WRITTEN_BYTES_MAX)) * QUARTERS + quarter;
    return &guesses[min_size(i, DOUBLINGS * QUARTERS - 1)];
}

static uint32_t pause_after(uint32_t count, uint64_t start, size_t block_bytes)
{
    size_t most = max_size(min_size(PAUSE_BYTES_MOST / block_bytes, PAUSE_MOST), PAUSE_LEAST);
    uint32_t pause = (uint32_t)min_size(max_size(count, PAUSE_LEAST), most);
    uint32_t chance = (((uint32_t)(start >> 12) ^ count) * 0x9e3779b1U) >> 16;
    return pause / 2 + 1 + chance % pause;
}

/* Where too little is known of a size, the last samples of all sizes tell. */
static enum written guess_at(const struct guess *guess)
{
    enum written written = (enum written)atomic_load_relaxed(&guess->written);
    if (written == WRITTEN_UNKNOWN && atomic_load_relaxed(&few_of_all) >= FEW_IN_A_ROW)
        return WRITTEN_FEW;
    return written;
}

enum written zci_written_guess(size_t block_bytes)
{
    return block_bytes <= WRITTEN_BYTES_MAX ? WRITTEN_ALL : guess_at(guess_of(block_bytes));
}

/* Such a sample may only be not written to yet. */
static bool is_young(const struct guess *guess)
{
    uint32_t age_ms = (uint32_t)zci_os_clock_ms() - atomic_load_relaxed(&guess->sampled_ms);
    return age_ms < YOUNG_MS;
}

enum written zci_written_expect(uint64_t start, size_t block_bytes, uint64_t *last_sample)
{
    *last_sample = 0;
    if (block_bytes <= WRITTEN_BYTES_MAX)
        return WRITTEN_ALL;
    struct guess *guess = guess_of(block_bytes);
    uint32_t count = atomic_load_relaxed(&guess->count);
    atomic_store_relaxed(&guess->count, count + 1);
    if (!written_is_due(count, atomic_load_relaxed(&guess->sampled_at)))
        return guess_at(guess);
    atomic_store_relaxed(&guess->sampled_at, count + pause_after(count, start, block_bytes));
    *last_sample = atomic_load_relaxed(&guess->sample);
    if (*last_sample != 0 && is_young(guess))
        return guess_at(guess);
    atomic_store_relaxed(&guess->sampled_ms, (uint32_t)zci_os_clock_ms());
    atomic_store_relaxed(&guess->sample, start);
    return WRITTEN_SAMPLE;
}

static void note(struct guess *guess, size_t touched, size_t looks)
{
    enum written written = touched >= looks - looks / 4 ? WRITTEN_ALL : WRITTEN_SOME;
    uint32_t few_count = 0;
    uint32_t of_all = 0;
    if (touched <= looks / 8) {
        few_count = atomic_load_relaxed(&guess->few_count) + 1;
        of_all = atomic_load_relaxed(&few_of_all) + 1;
        written = few_count >= FEW_IN_A_ROW ? WRITTEN_FEW : WRITTEN_UNKNOWN;
    }
    atomic_store_relaxed(&guess->few_count, few_count);
    atomic_store_relaxed(&few_of_all, of_all);
    atomic_store_relaxed(&guess->written, written);
}

/* So many bytes of it were handed out. */
static void look(struct guess *guess, uint64_t sample, size_t bytes, bool is_over)
{
    size_t pages = bytes / zci_os_page_bytes();
    size_t looks = min_size(pages, LOOKS_MOST);
    size_t touched = 0;
    /* A page that was written to as the sample was chosen: does the system tell? */
    if (looks == 0 || !zci_os_is_resident(guess))
        return;
    size_t step = pages / looks;
    for (size_t i = 0; i < looks; i++) {
        size_t page = i * step + i % step; /* another one of each block */
        touched += zci_os_is_resident((void *)(sample + page * zci_os_page_bytes()));
    }
    if (is_over || touched > looks / 8)
        note(guess, touched, looks);
}

void zci_written_look(uint64_t sample, size_t bytes, size_t block_bytes)
{
    struct guess *guess = guess_of(block_bytes);
    bool goes_on = atomic_load_relaxed(&guess->sample) == sample && is_young(guess);
    look(guess, sample, bytes, !goes_on);
}

void zci_written_end(uint64_t start, size_t bytes, size_t block_bytes)
{
    struct guess *guess = guess_of(max_size(block_bytes, WRITTEN_BYTES_MAX + 1));
    if (ZCI_LIKELY(atomic_load_relaxed(&guess->sample) != start))
        return;
    look(guess, start, bytes, true);
    /* The next block that starts here is none, unless it is wanted in a row with this one. */
    atomic_store_relaxed(&guess->sample, 0);
    if (atomic_load_relaxed(&guess->few_count) - 1 < FEW_IN_A_ROW - 1)
        atomic_store_relaxed(&guess->sampled_at, atomic_load_relaxed(&guess->count));
}
