// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the zcmalloc authors
//
// allocators.h - the two sides of every benchmark: zcmalloc by its zc_ names, and the process's own
// malloc. A benchmark is a template over one of these; register_both() registers it for each, so
// that the two stand next to each other in the output as NAME/zc and NAME/system.
#ifndef BENCH_ALLOCATORS_H
#define BENCH_ALLOCATORS_H

#include "zcmalloc.h"

#include <benchmark/benchmark.h>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

struct Zc {
    static void *alloc(std::size_t size)
    {
        return zc_malloc(size);
    }

    static void *alloc_zeroed(std::size_t size)
    {
        return zc_calloc(1, size);
    }

    static void *resize(void *block, std::size_t size)
    {
        return zc_realloc(block, size);
    }

    static void free(void *block)
    {
        zc_free(block);
    }
};

struct System {
    static void *alloc(std::size_t size)
    {
        return std::malloc(size);
    }

    static void *alloc_zeroed(std::size_t size)
    {
        return std::calloc(1, size);
    }

    static void *resize(void *block, std::size_t size)
    {
        return std::realloc(block, size);
    }

    static void free(void *block)
    {
        std::free(block);
    }
};

using Arrange = void (*)(benchmark::internal::Benchmark *);
using Work = void (*)(benchmark::State &);

inline int register_both(const char *name, Work zc, Work system, Arrange arrange)
{
    arrange(benchmark::RegisterBenchmark((std::string(name) + "/zc").c_str(), zc));
    arrange(benchmark::RegisterBenchmark((std::string(name) + "/system").c_str(), system));
    return 0;
}

// 1, 2, 4 and 16 threads; wall time, because a slow allocator's threads wait, not compute.
inline void all_thread_counts(benchmark::internal::Benchmark *bench)
{
    bench->Threads(1)->Threads(2)->Threads(4)->Threads(16)->UseRealTime();
}

// The same numbers in every run and on every machine (xorshift64*).
class Random
{
  public:
    explicit Random(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15u + 1)
    {
    }

    std::uint32_t below(std::uint32_t limit)
    {
        state_ ^= state_ >> 12;
        state_ ^= state_ << 25;
        state_ ^= state_ >> 27;
        const std::uint64_t high = (state_ * 0x2545f4914f6cdd1du) >> 32;
        return static_cast<std::uint32_t>((high * limit) >> 32);
    }

  private:
    std::uint64_t state_;
};

#endif
