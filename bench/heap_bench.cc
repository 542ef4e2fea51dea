// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the zcmalloc authors
//
// heap_bench.cc - heaps and pools of one's own beside malloc: one block and its free, many blocks, and the
// end of a set of blocks: destroyed at once, or freed one by one.
#include "allocators.h"

#include <vector>

namespace
{

// Each is made of its size and ends with what is left in it.
struct Heap {
    explicit Heap(std::size_t size) : heap_(zc_heap_new()), size_(size)
    {
    }

    void *alloc()
    {
        return zc_heap_malloc(heap_, size_);
    }

    void free(void *block)
    {
        zc_heap_free(heap_, block);
    }

    void end(std::vector<void *> &)
    {
        zc_heap_destroy(heap_);
    }

    zc_heap *heap_;
    std::size_t size_;
};

struct Pool {
    explicit Pool(std::size_t size) : pool_(zc_pool_new(size, 8))
    {
    }

    void *alloc()
    {
        return zc_pool_malloc(pool_);
    }

    void free(void *block)
    {
        zc_pool_free(pool_, block);
    }

    void end(std::vector<void *> &)
    {
        zc_pool_destroy(pool_);
    }

    zc_pool *pool_;
};

template <class Allocator>
struct Common {
    explicit Common(std::size_t size) : size_(size)
    {
    }

    void *alloc()
    {
        return Allocator::alloc(size_);
    }

    void free(void *block)
    {
        Allocator::free(block);
    }

    void end(std::vector<void *> &blocks)
    {
        for (void *block : blocks)
            Allocator::free(block);
    }

    std::size_t size_;
};

// A block of a heap that does not know it: the way of a library that calls free.
struct HeapCommonFree : Heap {
    using Heap::Heap;

    void free(void *block)
    {
        zc_free(block);
    }
};

// All threads use one set.
template <class Set>
void pair(benchmark::State &state)
{
    static Set *set;
    if (state.thread_index() == 0)
        set = new Set(static_cast<std::size_t>(state.range(0)));
    for (auto _ : state) {
        void *block = set->alloc();
        benchmark::DoNotOptimize(block);
        set->free(block);
    }
    state.SetItemsProcessed(state.iterations());
    if (state.thread_index() == 0) {
        std::vector<void *> none;
        set->end(none);
        delete set;
    }
}

// So many at a time, freed first to last: what a frame does.
template <class Set>
void frame(benchmark::State &state)
{
    static Set *set;
    if (state.thread_index() == 0)
        set = new Set(72);
    std::vector<void *> blocks(static_cast<std::size_t>(state.range(0)));
    for (auto _ : state) {
        for (void *&block : blocks) {
            block = set->alloc();
            *static_cast<char *>(block) = 1;
        }
        for (void *block : blocks)
            set->free(block);
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
    if (state.thread_index() == 0) {
        std::vector<void *> none;
        set->end(none);
        delete set;
    }
}

// A set is made, filled, and ends with all that is in it.
template <class Set>
void fill_and_end(benchmark::State &state)
{
    std::vector<void *> blocks(static_cast<std::size_t>(state.range(0)));
    for (auto _ : state) {
        Set set(72);
        for (void *&block : blocks) {
            block = set.alloc();
            *static_cast<char *>(block) = 1;
        }
        set.end(blocks);
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}

void pair_arguments(benchmark::internal::Benchmark *bench)
{
    bench->Arg(72);
    all_thread_counts(bench);
}

void frame_arguments(benchmark::internal::Benchmark *bench)
{
    bench->Arg(100)->Arg(1000)->Arg(3000)->Arg(10000)->Threads(1)->Threads(2)->UseRealTime();
}

void fill_arguments(benchmark::internal::Benchmark *bench)
{
    bench->Arg(10)->Arg(1000)->Arg(100000);
}

int register_set(const char *set, Work pair_of, Work frame_of, Work fill_of)
{
    const std::string suffix = std::string("/") + set;
    pair_arguments(benchmark::RegisterBenchmark(("heap_pair" + suffix).c_str(), pair_of));
    frame_arguments(benchmark::RegisterBenchmark(("heap_frame" + suffix).c_str(), frame_of));
    fill_arguments(benchmark::RegisterBenchmark(("heap_fill_and_end" + suffix).c_str(), fill_of));
    return 0;
}

template <class Set>
int register_one(const char *set)
{
    return register_set(set, pair<Set>, frame<Set>, fill_and_end<Set>);
}

const int registered[] = {
    register_one<Heap>("heap"),
    register_one<Pool>("pool"),
    register_one<HeapCommonFree>("heap_common_free"),
    register_one<Common<Zc>>("zc"),
    register_one<Common<System>>("system"),
};

} // namespace

BENCHMARK_MAIN();
