/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* private_list.c - the spans of a private heap: what central_list.c is for all others, with every span on
 * a list, full ones too, so that the end of the heap finds them. See private_heap.h. */
#include "base/check.h"
#include "central/huge.h"
#include "central/page_heap.h"
#include "central/shard.h"
#include "central/small_span.h"
#include "central/span_blocks.h"
#include "heap/large.h"
#include "heap/private_heap.h"
#include "pagemap/class_map.h"
#include "pagemap/pagemap.h"

#include <string.h>

static struct span **head_of(struct private_list *list, unsigned which)
{
    return which == LIST_PARTIAL ? &list->partial : which == LIST_FULL ? &list->full : &list->empty;
}

static void unlink_locked(struct span **head, struct span *span)
{
    if (span->next != NULL)
        span->next->prev = span->prev;
    if (span->prev != NULL)
        span->prev->next = span->next;
    else
        *head = span->next;
}

static void link_locked(struct span **head, struct span *span)
{
    span->prev = NULL;
    span->next = *head;
    if (span->next != NULL)
        span->next->prev = span;
    *head = span;
}

static void unlist_locked(struct private_list *list, struct span *span)
{
    unlink_locked(head_of(list, span->bucket), span);
}

/* In front: a span that was full until now is the fullest of the partial ones. */
static void enlist_locked(struct private_list *list, struct span *span, unsigned which)
{
    span->bucket = (uint8_t)which;
    link_locked(head_of(list, which), span);
}

static void count_held_locked(struct private_heap *heap, int64_t bytes)
{
    counter_add(&heap->held_bytes, (uint64_t)bytes);
    if (heap->held_bytes > heap->held_peak_bytes)
        atomic_store_relaxed(&heap->held_peak_bytes, heap->held_bytes);
}

/* --- spans of small blocks --------------------------------------------------------------------------- */

/* A span of the class with no blocks out, or NULL. Neither listed yet nor published. */
static struct span *new_span(struct private_heap *heap, unsigned class_index)
{
    struct span *span =
        zci_small_span_make(&heap->classes[class_index], class_index, shard_of(heap->number));
    if (span == NULL)
        return NULL;
    span_set_heap(span, heap->number);
    zci_class_map_set(span->start, span->granules, ZCI_CLASS_PRIVATE);
    return span;
}

static void end_span(const struct private_heap *heap, struct span *span)
{
    zci_class_map_set(span->start, span->granules, 0);
    span_set_heap(span, 0);
    zci_small_span_end(span, &heap->classes[span->class_index]);
}

static size_t end_spans(const struct private_heap *heap, struct span *spans)
{
    size_t bytes = 0;
    while (spans != NULL) {
        struct span *span = spans;
        spans = span->next;
        bytes += span_bytes(span);
        end_span(heap, span);
    }
    return bytes;
}

/* Takes an empty span off its list; it is nobody's from here on. */
static void retire_locked(struct private_heap *heap, struct private_list *list, struct span *span)
{
    unlist_locked(list, span);
    /* No partner: who gets a block of the next span in this place has seen what came before. */
    counter_add(&heap->epoch, 1);
    span_set_state(span, SPAN_CACHED);
    counter_add(&list->span_count, (uint64_t)-1);
    count_held_locked(heap, -(int64_t)span_bytes(span));
}

/* Puts the span where its occupancy belongs; true if it was retired instead. */
static bool relist_locked(struct private_heap *heap, struct private_list *list, struct span *span)
{
    uint32_t capacity = heap->classes[span->class_index].capacity;
    unsigned which = span->used == capacity ? LIST_FULL : LIST_PARTIAL;
    if (span->used == 0) {
        if (list->empty != NULL) {
            retire_locked(heap, list, span);
            return true;
        }
        which = LIST_EMPTY;
    }
    if (which != span->bucket) {
        unlist_locked(list, span);
        enlist_locked(list, span, which);
    }
    return false;
}

/* A span with a block to give, or NULL. The lock is let go of meanwhile. */
static struct span *grow_locked(struct private_heap *heap, unsigned class_index)
{
    struct private_list *list = &heap->lists[class_index];
    lock_release(&heap->lock);
    struct span *fresh = new_span(heap, class_index);
    lock_acquire(&heap->lock);
    if (fresh != NULL) {
        /* With the lock: else a handler's fork, while another thread has it, would list the span here too. */
        zci_small_span_publish(fresh);
        counter_add(&list->span_count, 1);
        count_held_locked(heap, (int64_t)span_bytes(fresh));
        enlist_locked(list, fresh, LIST_PARTIAL);
        return fresh;
    }
    return list->partial != NULL ? list->partial : list->empty;
}

size_t zci_private_fetch(struct private_heap *heap, unsigned class_index, void **objects,
                         size_t count)
{
    const struct size_class *size_class = &heap->classes[class_index];
    struct private_list *list = &heap->lists[class_index];
    struct population population = {0};
    size_t taken = 0;
    lock_acquire(&heap->lock);
    while (taken < count) {
        struct span *span = list->partial != NULL ? list->partial : list->empty;
        if (span == NULL && (span = grow_locked(heap, class_index)) == NULL)
            break;
        size_t got = span_take_blocks(span, size_class, objects + count - taken, count - taken);
        /* Here: while a span is made the lock is free, and the child of a fork may count what is out anew. */
        counter_add(&list->out_count, got);
        taken += got;
        zci_small_span_carved(span, size_class, list->span_count, &population);
        relist_locked(heap, list, span);
    }
    lock_release(&heap->lock);
    zci_small_span_populate(&population, size_class);
    span_blocks_to_front(objects, count, taken);
    return taken;
}

/* Under the lock, for a heap that ends takes its spans along. It was the heap's when it was freed; a span that
 * has ended since had all its blocks back. */
static struct span *span_of_locked(const struct private_heap *heap, unsigned class_index,
                                   const void *block)
{
    struct span *span = pagemap_get((uintptr_t)block);
    if (span == NULL || span_state(span) != SPAN_SMALL || span_heap(span) != heap->number ||
        span->class_index != class_index || !span_covers(span, (uintptr_t)block))
        zci_report_double_free(block, heap->classes[class_index].bytes);
    return span;
}

static void put_block_locked(struct span *span, const struct size_class *size_class, void *block)
{
    size_t offset = (uintptr_t)block - span->start;
    uint32_t index;
    if (!size_class_starts(size_class, offset, &index) || index >= size_class->capacity)
        zci_report_interior_free(block, size_class->bytes);
    if (index >= span->carved || !span_put_block(span, index))
        zci_report_double_free(block, size_class->bytes);
    span->used--;
}

/* Descriptors and bitmaps, before the lock is taken. The blocks may be of a heap that is gone. */
static void prefetch_blocks(void *const *objects, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct span *span = pagemap_get((uintptr_t)objects[i]);
        if (span != NULL)
            __builtin_prefetch(span, 1);
    }
}

size_t zci_private_return(struct private_heap *heap, uint64_t id, unsigned class_index,
                          void *const *objects, size_t count)
{
    struct span *ended = NULL;
    size_t bytes = 0;
    prefetch_blocks(objects, count);
    lock_acquire(&heap->lock);
    if (atomic_load_relaxed(&heap->id) == id) {
        struct private_list *list = &heap->lists[class_index];
        const struct size_class *size_class = &heap->classes[class_index];
        for (size_t i = 0; i < count;) {
            struct span *span = span_of_locked(heap, class_index, objects[i]);
            do
                put_block_locked(span, size_class, objects[i]);
            while (++i < count && span_covers(span, (uintptr_t)objects[i]));
            if (relist_locked(heap, list, span)) {
                span->next = ended;
                ended = span;
            }
        }
        counter_add(&list->out_count, -(uint64_t)count);
        /* Here still: behind the lock the heap may be gone, and its classes another's. */
        bytes = end_spans(heap, ended);
    }
    lock_release(&heap->lock);
    return bytes;
}

size_t zci_private_drain(struct private_heap *heap)
{
    struct span *ended = NULL;
    lock_acquire(&heap->lock);
    /* Pairs with come_alive. A heap that is being ended has its lists for itself. */
    bool is_alive = atomic_load_acquire(&heap->id) != PRIVATE_ID_DEAD;
    for (unsigned c = 1; is_alive && c < heap->class_count; c++) {
        struct private_list *list = &heap->lists[c];
        struct span *span = list->empty;
        if (span == NULL)
            continue;
        retire_locked(heap, list, span);
        span->next = ended;
        ended = span;
    }
    size_t bytes = end_spans(heap, ended);
    lock_release(&heap->lock);
    return bytes;
}

/* --- larger blocks ----------------------------------------------------------------------------------- */

/* Huge descriptors have links of their own; they are few, and found by a walk. */
static void count_large_locked(struct private_heap *heap, struct span *span, int64_t sign)
{
    int64_t bytes = sign * (int64_t)zci_large_usable_bytes(span);
    counter_add(&heap->large_count, (uint64_t)sign);
    counter_add(&heap->large_bytes, (uint64_t)bytes);
    counter_add(&heap->huge_count, (uint64_t)(span_state(span) == SPAN_HUGE ? sign : 0));
    count_held_locked(heap, bytes);
}

void zci_private_adopt_large(struct private_heap *heap, struct span *span)
{
    lock_acquire(&heap->lock);
    span_set_heap(span, heap->number);
    if (span_state(span) == SPAN_LARGE)
        link_locked(&heap->lists[0].full, span);
    count_large_locked(heap, span, 1);
    lock_release(&heap->lock);
}

bool zci_private_disown_large(struct private_heap *heap, struct span *span)
{
    lock_acquire(&heap->lock);
    bool is_ours = span_heap(span) == heap->number;
    if (is_ours) {
        if (span_state(span) == SPAN_LARGE)
            unlink_locked(&heap->lists[0].full, span);
        count_large_locked(heap, span, -1);
        span_set_heap(span, 0);
    }
    lock_release(&heap->lock);
    return is_ours;
}

static void each_huge(struct private_heap *heap,
                      void (*visit)(struct private_heap *, struct span *))
{
    /* Pairs with descriptor_alloc in huge.c. */
    struct span *span = atomic_load_acquire(zci_huge_descriptors());
    for (; span != NULL; span = span->prev)
        if (span_heap(span) == heap->number && span_state(span) == SPAN_HUGE)
            visit(heap, span);
}

/* --- all ----------------------------------------------------------------------------------------------- */

static void release_large(struct private_heap *heap, struct span *span)
{
    (void)heap;
    span_set_heap(span, 0);
    zci_large_free((void *)span->start);
}

static void release_list(struct private_heap *heap, struct span *spans)
{
    for (struct span *span = spans; span != NULL; span = span->next)
        span_set_state(span, SPAN_CACHED);
    end_spans(heap, spans);
}

void zci_private_release_all(struct private_heap *heap)
{
    struct span *large = heap->lists[0].full;
    while (large != NULL) {
        struct span *span = large;
        large = span->next;
        release_large(heap, span);
    }
    if (heap->huge_count != 0)
        each_huge(heap, release_large);
    for (unsigned c = 1; c < heap->class_count; c++) {
        struct private_list *list = &heap->lists[c];
        release_list(heap, list->partial);
        release_list(heap, list->full);
        release_list(heap, list->empty);
    }
}

static void rebuild_span(struct span *span, void *context)
{
    struct private_heap *heap = context;
    if (span_heap(span) != heap->number)
        return;
    if (span_state(span) == SPAN_LARGE) {
        link_locked(&heap->lists[0].full, span);
        count_large_locked(heap, span, 1);
    } else if (span_state(span) == SPAN_SMALL && span->class_index < heap->class_count) {
        struct private_list *list = &heap->lists[span->class_index];
        uint32_t capacity = heap->classes[span->class_index].capacity;
        span->used = span_count_used(span);
        unsigned which = span->used == capacity ? LIST_FULL : LIST_PARTIAL;
        enlist_locked(list, span, span->used == 0 && list->empty == NULL ? LIST_EMPTY : which);
        list->out_count += span->used;
        list->span_count++;
        count_held_locked(heap, (int64_t)span_bytes(span));
    }
}

static void rebuild_huge(struct private_heap *heap, struct span *span)
{
    count_large_locked(heap, span, 1);
}

void zci_private_rebuild(struct private_heap *heap)
{
    memset(heap->lists, 0, heap->class_count * sizeof *heap->lists);
    heap->held_bytes = 0;
    heap->large_count = 0;
    heap->large_bytes = 0;
    heap->huge_count = 0;
    zci_page_heap_each_run(rebuild_span, heap);
    each_huge(heap, rebuild_huge);
}
