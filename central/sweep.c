/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* sweep.c - see sweep.h. */
#include "central/sweep.h"

#include "base/bits.h"
#include "central/page_heap.h"
#include "os/os.h"

/* Blocks from carved on were never handed out. */
static bool is_free(const struct span_image *image, size_t index)
{
    return index >= image->carved || (image->bits[index / 64] >> index % 64 & 1) != 0;
}

static bool page_is_free(const struct span_image *image, size_t page_bytes, size_t page)
{
    size_t first = size_class_index(image->size_class, page * page_bytes);
    size_t last = size_class_index(image->size_class, (page + 1) * page_bytes - 1);
    for (size_t i = first; i <= last; i++)
        if (!is_free(image, i))
            return false;
    return true;
}

bool zci_sweep_next_run(const struct span_image *image, size_t page_bytes, size_t pages,
                        size_t *first, size_t *count)
{
    size_t page = *first;
    while (page < pages && !page_is_free(image, page_bytes, page))
        page++;
    *first = page;
    while (page < pages && page_is_free(image, page_bytes, page))
        page++;
    *count = page - *first;
    return *count != 0;
}

/* Pages given back, and system calls made for it. */
static size_t purge(struct span *span, const struct span_image *image, size_t *calls)
{
    size_t page_bytes = zci_os_page_bytes();
    size_t purged = 0;
    size_t first = 0, count;
    while (zci_sweep_next_run(image, page_bytes, span_bytes(span) / page_bytes, &first, &count)) {
        ++*calls;
        if (zci_os_purge((char *)span->start + first * page_bytes, count * page_bytes))
            purged += count;
        first += count;
    }
    return purged;
}

/* The cursor's arena, or the next, or NULL behind the last. */
static struct arena *arena_at(struct sweep_cursor *cursor)
{
    /* Acquire loads pair with the release stores in page_heap.c and free_runs.c. */
    struct arena *arena = cursor->arena;
    if (arena == NULL)
        arena = atomic_load_acquire(zci_page_heap_arenas());
    while (arena != NULL && cursor->at >= atomic_load_acquire(&arena->frontier)) {
        arena = atomic_load_acquire(&arena->next);
        cursor->at = 0;
    }
    cursor->arena = arena;
    return arena;
}

/* How far it is to the next run, or descriptor inside of one, which says so. Runs come and go meanwhile. */
ZCI_READS_RACILY static size_t step_at(const struct span *span, enum span_state state)
{
    return state == SPAN_NONE ? 1 : max_size(atomic_load_acquire(&span->granules), 1);
}

size_t zci_sweep(struct sweep_cursor *cursor, uint32_t age, size_t granules_max, size_t calls_max,
                 bool *is_round)
{
    static struct span_image image; /* one collector at a time; too large for a small stack */
    size_t calls = 0;
    size_t pages = 0;
    *is_round = false;
    for (size_t looked = 0; looked < granules_max && calls < calls_max;) {
        struct arena *arena = arena_at(cursor);
        if (arena == NULL) {
            *is_round = true;
            break;
        }
        struct span *span = &arena->spans[cursor->at];
        enum span_state state = span_state(span);
        if (state == SPAN_SMALL && zci_central_sweep_begin(span, age, &image)) {
            pages += zci_central_sweep_end(span, purge(span, &image, &calls));
        }
        size_t step = step_at(span, state);
        cursor->at += step;
        looked += step;
    }
    return pages * zci_os_page_bytes();
}
