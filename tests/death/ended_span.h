/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* ended_span.h - a block that waits in this thread's cache although its span, to which another thread freed it too,
 * is no more: the page heap has the granule. */
#ifndef TESTS_DEATH_ENDED_SPAN_H
#define TESTS_DEATH_ENDED_SPAN_H

#include "death/death.h"

#include <pthread.h>

/* Nothing else here has blocks of this class, and threads start with one of them: the only one out of its span. */
enum { ENDED_BYTES = 576 };

static pthread_mutex_t ended_span_lock = PTHREAD_MUTEX_INITIALIZER;
static void *ended_span_pointer;

static void *ended_span_free(void *unused)
{
    pthread_mutex_lock(&ended_span_lock);
    free(death_hide(ended_span_pointer));
    malloc_trim(0);
    pthread_mutex_unlock(&ended_span_lock);
    return unused;
}

static inline void *ended_span_block(void)
{
    pthread_t thread;
    pthread_mutex_lock(&ended_span_lock);
    /* First of all, for it may need blocks itself. */
    if (pthread_create(&thread, NULL, ended_span_free, NULL) != 0)
        _exit(1);
    ended_span_pointer = malloc(ENDED_BYTES);
    free(death_hide(ended_span_pointer));
    pthread_mutex_unlock(&ended_span_lock);
    pthread_join(thread, NULL);
    return death_hide(ended_span_pointer);
}

#endif
