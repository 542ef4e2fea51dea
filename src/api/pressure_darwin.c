/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* pressure_darwin.c - gives memory back when the system says that it is short. libmalloc passes the news on
 * to zones on macOS only; on iOS an allocator has to listen itself.
 * Invariants: libdispatch allocates, so the source is made outside of malloc: by a constructor or the
 *             program. Everything of libdispatch is imported weakly: without it this does nothing.
 * Locking:    one source per process, by a flag. */
#include "base/atomic.h"
#include "zcmalloc_darwin.h"

#include <errno.h>
#include <stdbool.h>

/* By hand: the header's own declarations are strong. */
typedef struct dispatch_object dispatch_object;
struct dispatch_source_type;
#define WEAK __attribute__((weak_import))
extern dispatch_object *dispatch_source_create(const struct dispatch_source_type *type,
                                               uintptr_t handle, unsigned long mask,
                                               dispatch_object *queue) WEAK;
extern dispatch_object *dispatch_get_global_queue(long priority, unsigned long flags) WEAK;
extern void dispatch_source_set_event_handler_f(dispatch_object *source, void (*f)(void *)) WEAK;
extern void dispatch_resume(dispatch_object *object) WEAK;
extern const struct dispatch_source_type
    memory_pressure_type __asm__("__dispatch_source_type_memorypressure") WEAK;

/* DISPATCH_MEMORYPRESSURE_WARN and _CRITICAL, DISPATCH_QUEUE_PRIORITY_LOW. */
#define PRESSURE_WARN     0x02UL
#define PRESSURE_CRITICAL 0x04UL
#define PRIORITY_LOW      (-2L)

static uint64_t is_watching; /* atomic */

static void on_pressure(void *unused)
{
    (void)unused;
    (void)zc_trim(0);
}

static bool is_there(void)
{
    return dispatch_source_create != NULL && dispatch_get_global_queue != NULL &&
           dispatch_source_set_event_handler_f != NULL && dispatch_resume != NULL &&
           &memory_pressure_type != NULL;
}

int zc_pressure_watch(void)
{
    if (!is_there()) {
        errno = ENOTSUP;
        return -1;
    }
    if (!atomic_cas_64(&is_watching, 0, 1))
        return 0;
    dispatch_object *queue = dispatch_get_global_queue(PRIORITY_LOW, 0);
    dispatch_object *source =
        dispatch_source_create(&memory_pressure_type, 0, PRESSURE_WARN | PRESSURE_CRITICAL, queue);
    if (source == NULL) {
        (void)atomic_exchange_64(&is_watching, 0);
        errno = ENOTSUP;
        return -1;
    }
    dispatch_source_set_event_handler_f(source, on_pressure);
    dispatch_resume(source);
    return 0;
}
