/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* pressure.c - memory goes back when the system says that it is short, and when an app goes to the background.
 * The functions of libdispatch that the library imports weakly are this program's own here, so that it can be
 * the system. What goes back is seen in the calls to the OS; what is still held keeps its bytes. */
#include "darwin/zone.h"
#include "stress/pattern.h"
#include "zcmalloc_darwin.h"

#include <errno.h>

enum { BLOCKS = 20000, BLOCK_BYTES = 1000, KEPT_EVERY = 100, SOURCE_MASK = 0x2 | 0x4 };

struct dispatch_object {
    int unused;
};

struct dispatch_object the_queue, the_source;
static void (*handler)(void *);
static unsigned long asked_mask;
static int resume_count, has_no_sources;

struct dispatch_source_type {
    int unused;
} the_type __asm__("__dispatch_source_type_memorypressure");

struct dispatch_object *dispatch_get_global_queue(long priority, unsigned long flags);
struct dispatch_object *dispatch_source_create(const struct dispatch_source_type *type,
                                               uintptr_t handle, unsigned long mask,
                                               struct dispatch_object *queue);
void dispatch_source_set_event_handler_f(struct dispatch_object *source, void (*function)(void *));
void dispatch_resume(struct dispatch_object *object);

struct dispatch_object *dispatch_get_global_queue(long priority, unsigned long flags)
{
    return priority < 0 && flags == 0 ? &the_queue : NULL;
}

struct dispatch_object *dispatch_source_create(const struct dispatch_source_type *type,
                                               uintptr_t handle, unsigned long mask,
                                               struct dispatch_object *queue)
{
    asked_mask = mask;
    return !has_no_sources && type == &the_type && handle == 0 && queue == &the_queue ? &the_source
                                                                                      : NULL;
}

void dispatch_source_set_event_handler_f(struct dispatch_object *source, void (*function)(void *))
{
    handler = source == &the_source ? function : NULL;
}

void dispatch_resume(struct dispatch_object *object)
{
    resume_count += object == &the_source && handler != NULL;
}

static void *blocks[BLOCKS];

static uint64_t given_back(void)
{
    static struct zc_stats stats;
    CHECK_EQ(zc_stats_get(&stats, sizeof stats), 0);
    return stats.os_purge_bytes + stats.os_release_bytes;
}

static void grow_and_free_most(void)
{
    for (uint64_t i = 0; i < BLOCKS; i++) {
        blocks[i] = zc_malloc(BLOCK_BYTES);
        CHECK(blocks[i] != NULL);
        pattern_fill(blocks[i], BLOCK_BYTES, i);
    }
    for (uint64_t i = 0; i < BLOCKS; i++)
        if (i % KEPT_EVERY != 0)
            zc_free(blocks[i]);
}

static void free_rest(void)
{
    int kept = 1;
    for (uint64_t i = 0; i < BLOCKS; i += KEPT_EVERY) {
        kept &= pattern_kept(blocks[i], BLOCK_BYTES, BLOCK_BYTES, i);
        zc_free(blocks[i]);
    }
    CHECK(kept);
}

static void one_source_listens(void)
{
    has_no_sources = 1;
    errno = 0;
    CHECK_EQ(zc_pressure_watch(), -1);
    CHECK_EQ(errno, ENOTSUP);
    has_no_sources = 0;
    CHECK_EQ(zc_pressure_watch(), 0);
    CHECK_EQ(zc_pressure_watch(), 0);
    CHECK_EQ(resume_count, 1);
    CHECK_EQ(asked_mask, SOURCE_MASK);
}

static void pressure_gives_back(void)
{
    grow_and_free_most();
    uint64_t before = given_back();
    if (CHECK(handler != NULL))
        handler(NULL);
    CHECK(given_back() - before >= (uint64_t)BLOCKS * BLOCK_BYTES / 4);
    free_rest();
}

static void background_gives_back(void)
{
    grow_and_free_most();
    uint64_t before = given_back();
    size_t bytes = zc_enter_background();
    CHECK(bytes >= (size_t)BLOCKS * BLOCK_BYTES / 4);
    CHECK(given_back() - before >= bytes);
    free_rest();
}

int main(void)
{
    RUN(one_source_listens);
    RUN(pressure_gives_back);
    RUN(background_gives_back);
    return check_done();
}
