/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* layer_operations.h - single operations of the layers, for layer_bench.cc.
 * The layers' headers are C that C++ does not accept; this is the door between the two. Operations
 * that cost less than a call are repeated over an array and return something that depends on every
 * result. */
#ifndef BENCH_LAYER_OPERATIONS_H
#define BENCH_LAYER_OPERATIONS_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* base, pagemap: look-ups. */
size_t layer_class_of_sizes(const size_t *sizes, size_t count);
size_t layer_class_map_get(void *const *blocks, size_t count);
size_t layer_pagemap_get(void *const *blocks, size_t count);

/* thread_cache: pop and push, without the front-end. Returns how many were served. */
size_t layer_cache_pairs(size_t size, size_t count);

/* central: a batch to the depot, and one out of it again; start spreads threads over the slots. The
 * batch in hand has no blocks, so none may stay in the depot: every caller takes as many as it
 * puts. layer_batch_alloc empties all depots: call it before the first pass of any thread. */
struct batch *layer_batch_alloc(size_t size);
void layer_batch_free(struct batch *batch);
struct batch *layer_depot_pass(size_t size, size_t start, struct batch *batch);
/* count blocks of the class of size from the central list and back to it. */
size_t layer_central_pass(size_t size, void **blocks, size_t count);
/* The blocks that a batch of this size's class has. */
size_t layer_batch_of(size_t size);

/* central: a run of granules from the page heap and back; through the run cache. */
int layer_page_heap_pass(size_t granules);
int layer_run_cache_pass(size_t granules);

#ifdef __cplusplus
}
#endif

#endif
