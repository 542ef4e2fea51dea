// SPDX-License-Identifier: MIT
// SPDX-FileCopyrightText: 2026 the zcmalloc authors
/* zcmalloc.hpp - zcmalloc for C++ containers (C++17): zc::allocator<T> and zc::memory_resource.
 *
 * Both use the zc_ functions, so they give blocks of zcmalloc whether or not the library also
 * replaces operator new. All allocators, and all resources, are equal: what one allocated any
 * other may free, on any thread. (Without RTTI a resource knows itself only as equal.)
 *
 * Errors       std::bad_array_new_length for a count that no array can have, else
 *              std::bad_alloc. The new_handler is not called. Without exceptions the program
 *              ends.
 * Alignment    that of the type, also when it is above that of std::max_align_t.
 * Costs        an allocator holds no state; a resource is one virtual call away. */
#ifndef ZCMALLOC_HPP
#define ZCMALLOC_HPP

#include "zcmalloc.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <new>
#include <type_traits>

#if defined(__has_include)
#if __has_include(<memory_resource>)
#include <memory_resource>
#endif
#endif

namespace zc
{
namespace detail
{

/* zc_malloc aligns to this for every size of at least this much. */
inline constexpr std::size_t natural_alignment = 16;

[[noreturn]] inline void fail_alloc()
{
#if defined(__cpp_exceptions)
    throw std::bad_alloc();
#else
    std::abort();
#endif
}

[[noreturn]] inline void fail_length()
{
#if defined(__cpp_exceptions)
    throw std::bad_array_new_length();
#else
    std::abort();
#endif
}

/* Whether zc_malloc(bytes) might be less aligned than asked. */
constexpr bool needs_alignment(std::size_t bytes, std::size_t alignment) noexcept
{
    return alignment > natural_alignment || (alignment > 8 && bytes < natural_alignment);
}

inline void *allocate(std::size_t bytes, std::size_t alignment)
{
    void *block =
        needs_alignment(bytes, alignment) ? zc_aligned_alloc(alignment, bytes) : zc_malloc(bytes);
    if (block == nullptr)
        fail_alloc();
    return block;
}

inline void deallocate(void *block, std::size_t bytes, std::size_t alignment) noexcept
{
    if (needs_alignment(bytes, alignment))
        zc_free_aligned_sized(block, alignment, bytes);
    else
        zc_free_sized(block, bytes);
}

} // namespace detail

/* Fits wherever std::allocator<T> does ([allocator.requirements]). */
template <class T>
class allocator
{
  public:
    using value_type = T;
    using size_type = std::size_t;
    using difference_type = std::ptrdiff_t;
    using propagate_on_container_move_assignment = std::true_type;
    using is_always_equal = std::true_type;

    constexpr allocator() noexcept = default;
    constexpr allocator(const allocator &) noexcept = default;
    constexpr allocator &operator=(const allocator &) noexcept = default;

    template <class U>
    constexpr allocator(const allocator<U> &) noexcept
    {
    }

    [[nodiscard]] T *allocate(std::size_t count)
    {
        if (count > max_count)
            detail::fail_length();
        return static_cast<T *>(detail::allocate(count * sizeof(T), alignof(T)));
    }

    void deallocate(T *block, std::size_t count) noexcept
    {
        detail::deallocate(block, count * sizeof(T), alignof(T));
    }

  private:
    static constexpr std::size_t max_count =
        static_cast<std::size_t>(std::numeric_limits<std::ptrdiff_t>::max()) / sizeof(T);
};

template <class T, class U>
constexpr bool operator==(const allocator<T> &, const allocator<U> &) noexcept
{
    return true;
}

template <class T, class U>
constexpr bool operator!=(const allocator<T> &, const allocator<U> &) noexcept
{
    return false;
}

#if defined(__cpp_lib_memory_resource)

class memory_resource : public std::pmr::memory_resource
{
  private:
    void *do_allocate(std::size_t bytes, std::size_t alignment) override
    {
        return detail::allocate(bytes, alignment);
    }

    void do_deallocate(void *block, std::size_t bytes, std::size_t alignment) override
    {
        detail::deallocate(block, bytes, alignment);
    }

    bool do_is_equal(const std::pmr::memory_resource &other) const noexcept override
    {
#if defined(__cpp_rtti)
        return dynamic_cast<const memory_resource *>(&other) != nullptr;
#else
        return this == &other;
#endif
    }
};

/* The one resource that everybody can share. It is never destroyed: containers in static storage
 * may outlive any other object. */
inline memory_resource *get_memory_resource() noexcept
{
    alignas(memory_resource) static unsigned char storage[sizeof(memory_resource)];
    static memory_resource *const resource = ::new (static_cast<void *>(storage)) memory_resource;
    return resource;
}

#endif

} // namespace zc

/* The same under one plain name, for code that is switched over by search and replace. */
template <class T>
using zc_allocator = zc::allocator<T>;

#endif
