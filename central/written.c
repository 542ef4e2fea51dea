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

/* From a sample to the next: as many as there were, within these bounds. */
#define PAUSE_LEAST      8
#define PAUSE_MOST       128
#define PAUSE_BYTES_MOST ((size_t)64 << 20)

#define LOOKS_MOST 16

/* All atomic, relaxed. */
static struct guess {
    uint64_t sample; /* where it starts */
    uint32_t count;
    uint32_t sampled_at; /* count at the next one */
    uint32_t written;    /* enum written */
} guesses[DOUBLINGS * QUARTERS];

static struct guess *guess_of(size_t bytes)
{
    unsigned doubling = log2_floor(bytes - 1);
    size_t quarter = ((bytes - 1) >> (doubling - 2)) - QUARTERS;
    size_t i = (doubling - log2_floor(WRITTEN_BYTES_MAX)) * QUARTERS + quarter;
    return &guesses[min_size(i, DOUBLINGS * QUARTERS - 1)];
}

static uint32_t pause_after(uint32_t count, size_t block_bytes)
{
    size_t most = max_size(min_size(PAUSE_BYTES_MOST / block_bytes, PAUSE_MOST), PAUSE_LEAST);
    return (uint32_t)min_size(max_size(count, PAUSE_LEAST), most);
}

enum written zci_written_guess(size_t block_bytes)
{
    if (block_bytes <= WRITTEN_BYTES_MAX)
        return WRITTEN_ALL;
    return (enum written)atomic_load_relaxed(&guess_of(block_bytes)->written);
}

enum written zci_written_expect(uint64_t start, size_t block_bytes)
{
    if (block_bytes <= WRITTEN_BYTES_MAX)
        return WRITTEN_ALL;
    struct guess *guess = guess_of(block_bytes);
    uint32_t count = atomic_load_relaxed(&guess->count);
    atomic_store_relaxed(&guess->count, count + 1);
    /* Not "<": it comes round after 2^32. */
    if (count != atomic_load_relaxed(&guess->sampled_at))
        return (enum written)atomic_load_relaxed(&guess->written);
    atomic_store_relaxed(&guess->sampled_at, count + pause_after(count, block_bytes));
    atomic_store_relaxed(&guess->sample, start);
    return WRITTEN_SAMPLE;
}

uint64_t zci_written_sample(size_t block_bytes)
{
    if (block_bytes <= WRITTEN_BYTES_MAX)
        return 0;
    return atomic_load_relaxed(&guess_of(block_bytes)->sample);
}

static enum written written_of(size_t touched, size_t looks)
{
    if (touched >= looks - looks / 8)
        return WRITTEN_ALL;
    return touched <= looks / 8 ? WRITTEN_FEW : WRITTEN_SOME;
}

void zci_written_end(uint64_t start, size_t bytes, size_t block_bytes)
{
    if (ZCI_LIKELY(zci_written_sample(block_bytes) != start))
        return;
    zci_written_look(start, bytes, block_bytes);
    /* The next block that starts here is none. */
    atomic_store_relaxed(&guess_of(block_bytes)->sample, 0);
}

void zci_written_look(uint64_t sample, size_t bytes, size_t block_bytes)
{
    size_t pages = bytes / zci_os_page_bytes();
    size_t looks = min_size(pages, LOOKS_MOST);
    size_t touched = 0;
    struct guess *guess = guess_of(block_bytes);
    /* A page that was written to as the sample was chosen: does the system tell? */
    if (looks == 0 || !zci_os_is_resident(guess))
        return;
    size_t step = pages / looks;
    for (size_t i = 0; i < looks; i++) {
        size_t page = i * step + i % step; /* another one of each block */
        touched += zci_os_is_resident((void *)(sample + page * zci_os_page_bytes()));
    }
    atomic_store_relaxed(&guess->written, written_of(touched, looks));
}
