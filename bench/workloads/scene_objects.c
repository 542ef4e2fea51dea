/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* scene_objects.c - a player's or game's scene: objects of six sizes made and dropped frame by frame, beside
 * tables of them that stay until the scene ends and everything goes at once.
 * Shows: heaps and pools against malloc. mode malloc: any allocator; each object is freed, at the end of the
 * scene too. mode heap: a heap per scene, destroyed with what is left. mode pool: the same with a pool per size.
 * heap and pool need a preloaded library with zc_heap_new and zc_pool_new. */
#include "workload.h"

#include <dlfcn.h>

enum { MALLOC, HEAP, POOL };

enum {
    KINDS = 6,
    TABLE = 16384,      /* objects that stay */
    PER_FRAME = 3000,   /* objects made per frame */
    REPLACED = 200,     /* objects of the table replaced per frame */
    LOOKED_UP = 2000,   /* and read */
    FRAMES_OF_LIFE = 8, /* of every eighth object; the others go with their frame */
    FRAMES_PER_SCENE = 60
};

/* Notes, particles, events, nodes, voices, strips. */
static const uint32_t sizes[KINDS] = {24, 40, 72, 136, 264, 520};

static struct {
    void *(*heap_new)(void);
    void *(*heap_malloc)(void *heap, size_t size);
    void (*heap_free)(void *heap, void *block);
    void (*heap_destroy)(void *heap);
    void *(*pool_new)(size_t size, size_t alignment);
    void *(*pool_malloc)(void *pool);
    void (*pool_free)(void *pool, void *block);
    void (*pool_destroy)(void *pool);
} zc;

struct scene {
    struct worker *worker;
    void *heap;
    void *pools[KINDS];
    void *table[TABLE];
    void *frames[FRAMES_OF_LIFE][PER_FRAME];
};

/* A program knows its objects' kinds; here the size tells it. */
static uint8_t kind_of_size[1024];

static struct scene scenes[WORKLOAD_THREADS_MAX];

static void *find(const char *name)
{
    void *function = dlsym(RTLD_DEFAULT, name);
    if (function == NULL)
        workload_fail("this mode needs a library with zc_heap_new and zc_pool_new");
    return function;
}

/* A function pointer from a data pointer, as POSIX has it. */
#define FIND(member) (*(void **)&zc.member = find("zc_" #member))

static unsigned random_kind(struct worker *worker)
{
    /* Small ones prevail. */
    unsigned kind = (unsigned)__builtin_ctz(random_next(worker) | 1U << (KINDS - 1));
    return kind;
}

static void *object_new(struct scene *scene, unsigned kind)
{
    void *block;
    switch (workload.mode) {
    case HEAP:
        block = zc.heap_malloc(scene->heap, sizes[kind]);
        break;
    case POOL:
        block = zc.pool_malloc(scene->pools[kind]);
        break;
    default:
        block = malloc(sizes[kind]);
        break;
    }
    scene->worker->operations++;
    return block_mark(block, sizes[kind]);
}

static void object_free(struct scene *scene, void *block)
{
    size_t size = block_check(block);
    switch (workload.mode) {
    case HEAP:
        zc.heap_free(scene->heap, block);
        break;
    case POOL:
        zc.pool_free(scene->pools[kind_of_size[size]], block);
        break;
    default:
        free(block);
        break;
    }
}

static void frame(struct scene *scene, unsigned number)
{
    struct worker *worker = scene->worker;
    void **old = scene->frames[number % FRAMES_OF_LIFE];
    for (unsigned i = 0; i < PER_FRAME; i++) {
        if (old[i] != NULL)
            object_free(scene, old[i]);
        old[i] = object_new(scene, random_kind(worker));
    }
    for (unsigned i = 0; i < LOOKED_UP; i++)
        block_check(scene->table[random_below(worker, TABLE)]);
    for (unsigned i = 0; i < REPLACED; i++) {
        void **entry = &scene->table[random_below(worker, TABLE)];
        object_free(scene, *entry);
        *entry = object_new(scene, random_kind(worker));
    }
    for (unsigned i = 0; i < PER_FRAME; i++) {
        if (i % 8 == 0)
            continue;
        object_free(scene, old[i]);
        old[i] = NULL;
    }
}

static void scene_begin(struct scene *scene)
{
    if (workload.mode == HEAP && (scene->heap = zc.heap_new()) == NULL)
        workload_fail("no heap");
    for (unsigned i = 0; workload.mode == POOL && i < KINDS; i++)
        if ((scene->pools[i] = zc.pool_new(sizes[i], 8)) == NULL)
            workload_fail("no pool");
    for (unsigned i = 0; i < TABLE; i++)
        scene->table[i] = object_new(scene, random_kind(scene->worker));
}

static void scene_end(struct scene *scene)
{
    if (workload.mode == MALLOC) {
        for (unsigned i = 0; i < TABLE; i++)
            object_free(scene, scene->table[i]);
        for (unsigned f = 0; f < FRAMES_OF_LIFE; f++)
            for (unsigned i = 0; i < PER_FRAME; i += 8)
                object_free(scene, scene->frames[f][i]);
    }
    if (workload.mode == HEAP)
        zc.heap_destroy(scene->heap);
    for (unsigned i = 0; workload.mode == POOL && i < KINDS; i++)
        zc.pool_destroy(scene->pools[i]);
    memset(scene->frames, 0, sizeof scene->frames);
}

static void body(struct worker *worker)
{
    struct scene *scene = &scenes[worker->index];
    scene->worker = worker;
    while (worker_next(worker)) {
        scene_begin(scene);
        for (unsigned number = 0; number < FRAMES_PER_SCENE; number++)
            frame(scene, number);
        scene_end(scene);
    }
}

int main(int argc, char **argv)
{
    workload_begin("scene_objects", "malloc|heap|pool", argc, argv);
    workload_iterations(100);
    if (workload.mode != MALLOC) {
        FIND(heap_new);
        FIND(heap_malloc);
        FIND(heap_free);
        FIND(heap_destroy);
        FIND(pool_new);
        FIND(pool_malloc);
        FIND(pool_free);
        FIND(pool_destroy);
    }
    for (unsigned i = 0; i < KINDS; i++)
        kind_of_size[sizes[i]] = (uint8_t)i;
    workload_run(body);
    return workload_end();
}
