/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* zone_fork.c - forks while other threads allocate: the child finds its blocks, can free them and allocate
 * in old and new threads, and can fork itself. Handlers of pthread_atfork may allocate too.
 * usage: zone_fork promoted | plain | unregistered
 * qemu's user mode (7.2) ends a child of a threaded process that makes a thread: there it makes none. */
#include "darwin/zone.h"
#include "stress/pattern.h"

enum { WORKERS = 8, HELD = 300, FORKS = TESTS_EMULATED ? 16 : 40, INHERITED = 500 };

static int is_stopping;
static void *inherited[INHERITED];
static size_t inherited_sizes[INHERITED];

static void *work(void *argument)
{
    uint64_t state = (uint64_t)(uintptr_t)argument * 31 + 1;
    void *held[HELD] = {0};
    while (!__atomic_load_n(&is_stopping, __ATOMIC_ACQUIRE)) {
        /* Enough of one size to reach the spans, and large ones. */
        size_t size = random_below(&state, 8) == 0 ? 200000 : 9000;
        for (size_t i = 0; i < 100; i++)
            held[i] = zc_malloc(size == 200000 && i > 3 ? 64 : size);
        for (size_t i = 0; i < 100; i++)
            zc_free(held[i]);
        free(malloc(random_size(&state, 14)));
    }
    return NULL;
}

static bool blocks_work(uint64_t seed)
{
    void *held[HELD] = {0};
    size_t sizes[HELD] = {0};
    uint64_t state = seed * 2 + 1;
    bool ok = true;
    for (int step = 0; step < 2000; step++) {
        size_t i = random_below(&state, HELD);
        if (held[i] != NULL) {
            ok &= pattern_kept(held[i], sizes[i], sizes[i], seed);
            free(held[i]);
        }
        sizes[i] = random_size(&state, 15);
        held[i] = step % 2 == 0 ? malloc(sizes[i]) : zc_malloc(sizes[i]);
        if (held[i] == NULL)
            return false;
        pattern_fill(held[i], sizes[i], seed);
    }
    for (size_t i = 0; i < HELD; i++)
        zc_free(held[i]);
    return ok;
}

static void *blocks_work_thread(void *seed)
{
    return blocks_work((uintptr_t)seed) ? seed : NULL;
}

static void live_as_child(int depth)
{
    pthread_t thread;
    void *result = NULL;
    alarm(60);
    for (size_t i = 0; i < INHERITED; i++) {
        if (malloc_size(inherited[i]) < inherited_sizes[i] ||
            !pattern_kept(inherited[i], inherited_sizes[i], inherited_sizes[i], i))
            _exit(2);
        free(inherited[i]);
    }
    if (!blocks_work(7))
        _exit(3);
    if (!TESTS_EMULATED && pthread_create(&thread, NULL, blocks_work_thread, (void *)9) != 0)
        _exit(4);
    if (!TESTS_EMULATED && (pthread_join(thread, &result) != 0 || result == NULL))
        _exit(4);
    if (zci_zone.zone.introspect->zone_locked(&zci_zone.zone))
        _exit(5);
    if (!malloc_zone_check(NULL))
        _exit(6);
    if (depth > 0) {
        pid_t grandchild = fork();
        if (grandchild == 0)
            _exit(blocks_work(11) ? 0 : 1);
        if (child_status(grandchild) != 0)
            _exit(7);
    }
    _exit(0);
}

static void *from_prepare;
static int handler_count;

static void on_prepare(void)
{
    from_prepare = malloc(500);
}

static void on_parent(void)
{
    free(from_prepare);
    free(malloc(70000));
    handler_count++;
}

static void on_child(void)
{
    alarm(60);
    free(from_prepare);
    free(malloc(70000));
    /* Needs a lock: no cache has blocks of this size. */
    free(malloc(6000000));
    handler_count++;
}

/* This object is linked first: in the child its handler runs before any that the library has. */
__attribute__((constructor)) static void register_handlers(void)
{
    CHECK_EQ(pthread_atfork(on_prepare, on_parent, on_child), 0);
}

static void *install_and_uninstall(void *unused)
{
    while (!__atomic_load_n(&is_stopping, __ATOMIC_ACQUIRE))
        if (zc_zone_uninstall() != 0 || zc_zone_install() != 0)
            return &is_stopping;
    return unused;
}

/* In the child nobody goes on with what another thread had begun: neither with its turn as the installer, nor, as if it
 * had been within that, with a move of zones. */
static void a_move_ends_with_its_thread(void)
{
    pthread_t thread;
    void *result = NULL;
    is_stopping = 0;
    CHECK_EQ(pthread_create(&thread, NULL, install_and_uninstall, NULL), 0);
    for (int i = 0; i < FORKS; i++) {
        int local = 0;
        size_t size = 0;
        __atomic_fetch_add(&zci_zone_moves, 1, __ATOMIC_RELAXED);
        pid_t child = fork();
        if (child == 0) {
            alarm(60);
            _exit(zc_zone_install() == 0 && zc_zone_uninstall() == 0 && zc_zone_install() == 0 &&
                          zci_zone_of_foreign(&local, &size) == NULL
                      ? 0
                      : 1);
        }
        __atomic_fetch_add(&zci_zone_moves, 1, __ATOMIC_RELAXED);
        if (!CHECK_EQ(child_status(child), 0))
            break;
    }
    __atomic_store_n(&is_stopping, 1, __ATOMIC_RELEASE);
    CHECK(pthread_join(thread, &result) == 0 && result == NULL);
}

int main(int argc, char **argv)
{
    const char *where = argc > 1 ? argv[1] : "promoted";
    pthread_t threads[WORKERS];
    bool is_registered = strcmp(where, "unregistered") != 0;
    if (strcmp(where, "promoted") == 0)
        CHECK_EQ(zc_zone_install(), 0);
    else if (strcmp(where, "plain") == 0)
        CHECK(zc_zone_create() != NULL);
    for (size_t i = 0; i < INHERITED; i++) {
        uint64_t state = i + 1;
        inherited_sizes[i] = random_size(&state, 17);
        /* Nobody but us knows what a zone that is not registered has given. */
        inherited[i] = is_registered && i % 2 != 0 ? zc_malloc(inherited_sizes[i])
                                                   : malloc(inherited_sizes[i]);
        pattern_fill(inherited[i], inherited_sizes[i], i);
    }
    for (size_t i = 0; i < WORKERS; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, work, (void *)(i + 1)), 0);
    for (int i = 0; i < FORKS; i++) {
        pid_t child = fork();
        if (child == 0) {
            if (is_registered)
                live_as_child(i % 8 == 0);
            /* Blocks of ours would be strangers to free. */
            alarm(60);
            for (int j = 0; j < 3000; j++)
                zc_free(zc_malloc((size_t)j * 31));
            _exit(0);
        }
        if (!CHECK_EQ(child_status(child), 0))
            break;
    }
    CHECK_EQ(handler_count, FORKS);
    __atomic_store_n(&is_stopping, 1, __ATOMIC_RELEASE);
    for (size_t i = 0; i < WORKERS; i++)
        pthread_join(threads[i], NULL);
    if (strcmp(where, "promoted") == 0)
        a_move_ends_with_its_thread();
    return check_done();
}
