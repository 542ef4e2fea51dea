/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* bootstrap.c - see bootstrap.h. The environment may not exist yet when the dynamic linker calls malloc:
 * then the constructor reads it, still before main. */
#include "heap/bootstrap.h"

#include "base/options.h"
#include "base/print.h"
#include "base/report.h"
#include "central/page_heap.h"
#include "heap/fork.h"
#include "heap/gc.h"
#include "heap/heap.h"
#include "heap/limit.h"
#include "heap/private_cache.h"
#include "heap/root.h"
#include "heap/stats.h"
#include "os/lock.h"
#include "os/os.h"
#include "pagemap/class_map.h"
#include "thread_cache/thread_registry.h"
#include "zcmalloc.h"

#include <string.h>

int zci_bootstrap_done;

static struct lock bootstrap_lock = LOCK_INIT(RANK_BOOTSTRAP);
static bool options_are_read;

static void read_options(void)
{
    char *const *environment = zci_os_environment();
    if (options_are_read || environment == NULL)
        return;
    options_are_read = true;
    if (!zci_os_is_privileged())
        zci_options_read(environment);
    zci_limit_init();
    zci_page_heap_init();
}

/* Later rounds of destructors may fill the caches of private heaps anew; the last empties them. */
static void thread_exits(void *argument)
{
    zci_private_cache_flush_own();
    zci_thread_registry_exit(argument);
}

void zci_bootstrap_slow(void)
{
    lock_acquire(&bootstrap_lock);
    bool is_first = !zci_bootstrap_done;
    if (is_first) {
        read_options();
        zci_class_map_init(zci_options.flat_map != 0);
        zci_root_publish();
        /* Pairs with zci_bootstrap. */
        atomic_store_release(&zci_bootstrap_done, 1);
    }
    lock_release(&bootstrap_lock);
    if (!is_first)
        return;
    /* From here on libc may call malloc. */
    zci_os_thread_exit_register(thread_exits);
    zci_os_fork_register(zci_heap_fork_child);
}

static void print_banner(void)
{
    struct print out = {0};
    zci_print_text(&out, "zcmalloc: ");
    zci_print_text(&out, zc_version());
    zci_print_text(&out, " in use, pages of ");
    zci_print_number(&out, zci_os_page_bytes() / 1024);
    zci_print_text(&out, zci_class_map_is_active() ? " KiB, flat class map, options:"
                                                   : " KiB, no class map, options:");
    zci_options_print_changed(&out);
    zci_print_text(&out, "\n");
    zci_report_flush(&out);
}

__attribute__((constructor(101))) static void start(void)
{
    zci_bootstrap();
    zci_thread_registry_start();
    zci_report_start(false);
    read_options();
    if (zci_options.check) {
        zci_private_cache_flush_own();
        zci_thread_registry_close(CLOSED_BY_OPTION);
        memset(zci_heap_stay_bytes, 0, sizeof zci_heap_stay_bytes);
    }
    if (zci_options.verbose)
        print_banner();
    if (zci_options.stats)
        zci_report_start(true);
    if (zci_options.background)
        zci_gc_background_start();
}

__attribute__((destructor(101))) static void end(void)
{
    zci_gc_background_stop();
    if (!zci_options.stats)
        return;
    struct report_guard guard;
    zci_report_begin(&guard);
    /* The option counts from 1, 0 being off. */
    zci_stats_print(zci_report_fd(), (int)zci_options.stats - 1);
    zci_report_end(&guard);
}
