/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* slots_model.cc - central/slots.h under Relacy: every access may be reordered as C11 allows, and the
 * scheduler tries the interleavings. A batch stands for a plain variable that its owner writes; Relacy
 * reports a race if a hand-over does not order the two owners. */
#define RL_FORCE_FAIR_CONTEXT_SWITCH 0
#include <relacy/relacy.hpp>

#define ZCI_SLOT                  rl::atomic<void *>
#define atomic_load_relaxed(slot) (slot)->load(rl::mo_relaxed, $)

static bool atomic_cas_ptr(rl::atomic<void *> *slot, void *expected, void *desired)
{
    return slot->compare_exchange_strong(expected, desired, rl::mo_acq_rel, $);
}

static void *atomic_exchange_ptr(rl::atomic<void *> *slot, void *desired)
{
    return slot->exchange(desired, rl::mo_acq_rel, $);
}

#include "central/slots.h"

struct item {
    rl::var<int> content;
    rl::var<int> owners;
};

/* Batches of their own, and slots for two. */
template <typename test, int batch_count>
struct bag : rl::test_suite<test, 3> {
    rl::atomic<void *> slots[2];
    item items[batch_count];

    void before()
    {
        for (auto &slot : slots)
            slot.store(static_cast<void *>(nullptr), rl::mo_relaxed, $);
        for (auto &item : items) {
            item.content($) = 0;
            item.owners($) = 0;
        }
    }

    item *take(unsigned start)
    {
        return static_cast<item *>(slots_take(slots, 2, start));
    }

    /* Only the owner may be here: a second one is a race on owners, or sees it set. */
    void use(item *taken)
    {
        if (taken == nullptr)
            return;
        RL_ASSERT(taken->owners($) == 0);
        taken->owners($) = 1;
        RL_ASSERT(taken->content($) != 0);
        taken->content($) = 0;
    }

    void put(unsigned start, item *mine)
    {
        mine->content($) = static_cast<int>(start) + 1;
        if (!slots_put(slots, 2, start, mine))
            use(mine);
    }

    void after()
    {
        /* Nothing is lost: a batch was used or still lies in a slot, never both. */
        for (auto &item : items) {
            int in_slots = 0;
            for (auto &slot : slots)
                in_slots += slot.load(rl::mo_relaxed, $) == &item;
            RL_ASSERT(in_slots + static_cast<int>(item.owners($)) == 1);
        }
    }
};

/* Three threads each own a batch, put it, take one back, and use what they took. */
struct hand_over : bag<hand_over, 3> {
    void thread(unsigned self)
    {
        put(self, &items[self]);
        use(take(self + 1));
    }
};

/* Two put theirs; one takes and uses, the other takes and puts back; the third takes what has aged. */
struct aging : bag<aging, 2> {
    void thread(unsigned self)
    {
        if (self == 2) {
            void *seen[2] = {nullptr, nullptr};
            for (int look = 0; look < 4; look++)
                use(static_cast<item *>(slots_take_aged(&slots[look % 2], &seen[look % 2])));
            return;
        }
        put(self, &items[self]);
        item *taken = take(self + 1);
        if (self == 0)
            use(taken);
        else if (taken != nullptr)
            put(self, taken);
    }
};

int main()
{
    rl::test_params parameters;
    parameters.iteration_count = 200000;
    bool passed = rl::simulate<hand_over>(parameters);
    rl::test_params parameters_of_aging;
    parameters_of_aging.iteration_count = 200000;
    return rl::simulate<aging>(parameters_of_aging) && passed ? 0 : 1;
}
