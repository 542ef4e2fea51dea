/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* slots.h - a bounded, lock-free bag of pointers: the hand-over between threads.
 * Invariants: a slot holds NULL or a pointer that is nobody's until it is taken. put stores by
 *             compare-and-swap of NULL, take empties by exchange: a pointer is taken exactly once, there
 *             is no ABA, and nothing behind a pointer is read before it is owned.
 * Locking:    none. put releases what was written before it to the take that gets the pointer.
 * Costs:      one locked instruction where a slot fits at once; at worst a look at each slot.
 * Model:      tests/unit/slots_model.cc tries the interleavings and reorderings of small cases. */
#ifndef ZCI_CENTRAL_SLOTS_H
#define ZCI_CENTRAL_SLOTS_H

#include "base/compiler.h"

#include <stdbool.h>
#include <stddef.h>

/* The model brings its own atomics and its own kind of slot. */
#ifndef ZCI_SLOT
#include "base/atomic.h"
#define ZCI_SLOT void *
#endif

/* count is a power of two; start spreads threads over the slots. */
ZCI_INLINE bool slots_put(ZCI_SLOT *slots, size_t count, size_t start, void *pointer)
{
    for (size_t i = 0; i < count; i++) {
        ZCI_SLOT *slot = &slots[(start + i) & (count - 1)];
        /* The look spares a locked instruction on a full slot. cas pairs with the exchange in slots_take. */
        if (atomic_load_relaxed(slot) == NULL && atomic_cas_ptr(slot, NULL, pointer))
            return true;
    }
    return false;
}

ZCI_INLINE void *slots_take(ZCI_SLOT *slots, size_t count, size_t start)
{
    for (size_t i = 0; i < count; i++) {
        ZCI_SLOT *slot = &slots[(start + i) & (count - 1)];
        if (atomic_load_relaxed(slot) == NULL)
            continue;
        /* Pairs with the cas in slots_put. */
        void *pointer = atomic_exchange_ptr(slot, NULL);
        if (pointer != NULL)
            return pointer;
    }
    return NULL;
}

/* What lay in the slot at the caller's last look too, which noted it in *seen; else NULL, and what lies there is noted.
 * What went and came back in between is younger than it looks, and goes all the same. */
ZCI_INLINE void *slots_take_aged(ZCI_SLOT *slot, void **seen)
{
    void *pointer = atomic_load_relaxed(slot);
    /* Pairs with the cas in slots_put: what it succeeds on is ours alone. */
    bool is_taken = pointer != NULL && pointer == *seen && atomic_cas_ptr(slot, pointer, NULL);
    void *left = is_taken ? NULL : pointer;
    if (left != *seen)
        *seen = left; /* most looks change nothing, and leave the line alone */
    return is_taken ? pointer : NULL;
}

#endif
