/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* batch.h - the currency between layers: an array of pointers to free blocks of one class.
 * Invariants: handed over whole, by pointer; never copied or walked to move it. Has one owner at a time.
 *             floor is NULL while a cache has it loaded: a pop below the first object reads it and sees that it is
 *             empty. No link of the allocator ever lies in user memory, so a write after free cannot reach it.
 * Locking:    none while owned; empty batches wait in lock-free slots, then behind the meta arena's lock.
 * Costs:      8 bytes per cached block and 24 per batch. */
#ifndef ZCI_CENTRAL_BATCH_H
#define ZCI_CENTRAL_BATCH_H

#include "base/compiler.h"
#include "base/size_class.h"
#include "pagemap/meta_arena.h"

#include <stddef.h>
#include <stdint.h>

struct batch {
    struct batch *next; /* among spares, or in a chain of empty batches */
    uint32_t count; /* objects, while no cache has it loaded; of a chain in the pool, its length */
    uint16_t capacity;
    uint8_t grade; /* of the meta arena */
    uint8_t home;  /* the shard that it was made for, and its neighbours most likely too */

    union {
        void *floor;         /* NULL */
        struct batch *newer; /* among spares, instead */
    };

    void *objects[];
};

#define BATCH_CAPACITY(grade)                                                                      \
    ((ZCI_META_GRADE_BYTES(grade) - offsetof(struct batch, objects)) / sizeof(void *))
#define BATCH_GRADES ZCI_META_GRADES

/* A thread fills a batch line by line, and its core fetches the lines that follow: those of the next batch. If that is
 * another thread's, each takes its lines from the other again and again. So large batches are made by the group for one
 * thread, and go back to the shard of their neighbours when they are empty. */
#define BATCH_GRADE_GROUPED (BATCH_GRADES - 1)

ZCI_STATIC_ASSERT(BATCH_CAPACITY(BATCH_GRADES - 1) == ZCI_BATCH_MAX,
                  "the largest batch fills 1 KiB");

/* The smallest grade that holds this many objects (<= ZCI_BATCH_MAX). */
ZCI_INLINE unsigned batch_grade_for(size_t objects)
{
    return zci_meta_grade(offsetof(struct batch, objects) + objects * sizeof(void *));
}

/* Empty batches travel in chains linked by next, so that one exchange moves several. number: shard.h. */

/* A chain of *count batches, at least one, or NULL. */
struct batch *zci_batch_alloc(unsigned grade, size_t number, unsigned *count);
/* Batches of one grade. */
void zci_batch_free(struct batch *chain, size_t number, unsigned count);

#endif
