/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* decay_test.c - how many free pages stay because such pages were taken into use again. */
#include "central/decay.h"
#include "support/check.h"

#define STEP_MS  50
#define DECAY_MS 1000
#define MINUTE   (60000 / STEP_MS)

static struct decay decay;
static uint64_t dirty; /* free and resident */

/* So many are given back and taken anew, by a heap that places them badly; then what is due goes. */
static void step(uint64_t again, uint64_t used)
{
    decay_note_purged(&decay, again);
    decay_note_refault(&decay, again);
    dirty += again;
    decay_note_dirty(&decay, dirty);
    size_t due = zci_decay_due(&decay, dirty, used, STEP_MS, DECAY_MS);
    CHECK(due <= dirty);
    dirty -= due;
    decay_note_purged(&decay, due);
    decay_note_dirty(&decay, dirty);
}

static void begin(void)
{
    decay = (struct decay){0};
    dirty = 0;
}

/* All that is taken anew is held as far as the hold goes; it would be all of it. */
static void a_steady_program_keeps_an_eighth_of_what_it_uses(void)
{
    begin();
    for (int i = 0; i < MINUTE; i++)
        step(10, 800);
    for (int i = 0; i < MINUTE / 6; i++)
        step(0, 800);
    CHECK(decay.hold > 100);
    CHECK(decay.hold <= 800);
    CHECK(decay.kept <= 100);
    CHECK(dirty <= 101);
}

/* Every second. */
static void what_a_program_swings_by_stays(void)
{
    uint64_t refaulted_early = 0;
    begin();
    for (int i = 0; i < 2 * MINUTE; i++) {
        bool is_up = i % 20 == 0;
        if (is_up) {
            decay_note_refault(&decay, 500 - dirty);
            dirty = 0;
            decay_note_dirty(&decay, 0);
        } else if (i % 20 == 1) {
            dirty = 500;
        }
        step(0, is_up ? 1000 : 500);
        if (i == MINUTE / 6)
            refaulted_early = decay.refaulted;
    }
    CHECK(refaulted_early > 0);
    /* What fades of the hold in a second is a sixtieth. */
    CHECK(decay.refaulted - refaulted_early < 500 / 60 * 2 * 120);
}

/* Only the least between two steps tells that more was in use. */
static void a_swing_within_a_step_counts(void)
{
    begin();
    decay.purged = decay.hold = 500;
    for (int i = 0; i < MINUTE / 60; i++) {
        decay_note_dirty(&decay, 0);
        CHECK_EQ(zci_decay_due(&decay, 500, 100, STEP_MS, DECAY_MS), 0);
        CHECK_EQ(zci_decay_due(&decay, 500, 100, STEP_MS, DECAY_MS), 0);
    }
}

static void what_was_used_long_ago_keeps_nothing(void)
{
    begin();
    for (int i = 0; i < MINUTE / 2; i++)
        step(0, 100000);
    for (int i = 0; i < 3 * MINUTE; i++)
        step(10, 800);
    for (int i = 0; i < MINUTE / 6; i++)
        step(0, 800);
    CHECK(dirty <= 101);
}

int main(void)
{
    RUN(a_steady_program_keeps_an_eighth_of_what_it_uses);
    RUN(what_a_program_swings_by_stays);
    RUN(a_swing_within_a_step_counts);
    RUN(what_was_used_long_ago_keeps_nothing);
    return check_done();
}
