/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* operator_new.cc - every replaceable operator new and delete (C++17 [new.delete]).
 * Invariants: a C program that links the library never needs the C++ runtime: in the shared library what
 *             comes from it is referenced weakly, and looked for when it is needed if it was loaded later
 *             than we. In the archive this object is linked only by C++ programs, and its references are strong.
 * Costs:      operator new and delete are the fast path of malloc and free; sizes given are not trusted. */
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <new>
#if ZC_WEAK_CXX_RUNTIME
#include <dlfcn.h>
#endif

extern "C" {
#include "api/contract.h"
}

#if ZC_WEAK_CXX_RUNTIME
#define ZC_WEAK __attribute__((weak))
#else
#define ZC_WEAK
#endif

namespace std
{
[[noreturn]] ZC_WEAK void __throw_bad_alloc();
}

#if ZC_WEAK_CXX_RUNTIME
/* The nothrow forms must catch what a new_handler throws, which needs these three. */
__asm__(".weak __gxx_personality_v0\n.weak __cxa_begin_catch\n.weak __cxa_end_catch\n"
        ".weak _ZSt15get_new_handlerv\n.weak _ZSt9terminatev\n.weak __cxa_call_terminate\n"
        ".weak _Unwind_Resume");
extern "C" void new_handler_probe() __asm__("_ZSt15get_new_handlerv") __attribute__((weak));
#endif

namespace
{

#if ZC_WEAK_CXX_RUNTIME
/* A function of the runtime that came with a library loaded later, which may have kept it to itself. The handle is not
 * needed any longer: who calls us has the runtime. */
template <typename function>
function *find_late(const char *name)
{
    static const char *const libraries[] = {"libstdc++.so.6", "libc++.so.1"};
    int saved = errno;
    void *found = nullptr;
    for (const char *library : libraries) {
        void *handle = found == nullptr ? dlopen(library, RTLD_LAZY | RTLD_NOLOAD) : nullptr;
        if (handle == nullptr)
            continue;
        found = dlsym(handle, name);
        dlclose(handle);
    }
    if (found == nullptr)
        found = dlsym(RTLD_DEFAULT, name);
    errno = saved;
    return reinterpret_cast<function *>(found);
}
#endif

std::new_handler installed_handler()
{
#if ZC_WEAK_CXX_RUNTIME
    if (new_handler_probe == nullptr) {
        auto get = find_late<std::new_handler()>("_ZSt15get_new_handlerv");
        return get != nullptr ? get() : nullptr;
    }
#endif
    return std::get_new_handler();
}

[[noreturn]] void throw_bad_alloc()
{
#if ZC_WEAK_CXX_RUNTIME
    if (std::__throw_bad_alloc == nullptr) {
        auto late = find_late<void()>("_ZSt17__throw_bad_allocv");
        if (late != nullptr)
            late();
        __builtin_trap();
    }
#endif
    std::__throw_bad_alloc();
}

/* [new.delete.single]: call the handler until there is memory, it gives up, or it throws. */
ZCI_COLD void *allocate_or_throw(std::size_t size, std::size_t alignment)
{
    for (;;) {
        void *block = alignment == 0 ? zci_api_malloc_slow(size) : zci_api_aligned(alignment, size);
        if (block != nullptr)
            return block;
        std::new_handler handler = installed_handler();
        if (handler == nullptr)
            throw_bad_alloc();
        handler();
    }
}

#if ZC_WEAK_CXX_RUNTIME
/* With a late runtime nothing can be caught here. Its own nothrow form of that name does it, around our throwing
 * one. */
template <typename... arguments>
void *late_or_null(const char *name, arguments... request) noexcept
{
    using form = void *(arguments..., const std::nothrow_t &);
    form *late = find_late<form>(name);
    form *own = ::operator new;
    return late != nullptr && late != own ? late(request..., std::nothrow_t{}) : nullptr;
}
#endif

ZCI_COLD void *allocate_or_null(std::size_t size, std::size_t alignment) noexcept
{
    void *block = alignment == 0 ? zci_api_malloc_slow(size) : zci_api_aligned(alignment, size);
    if (block != nullptr || installed_handler() == nullptr)
        return block;
#if ZC_WEAK_CXX_RUNTIME
    if (new_handler_probe == nullptr)
        return alignment == 0 ? late_or_null("_ZnwmRKSt9nothrow_t", size)
                              : late_or_null("_ZnwmSt11align_val_tRKSt9nothrow_t", size,
                                             std::align_val_t(alignment));
#endif
    try {
        return allocate_or_throw(size, alignment);
    } catch (...) {
        return nullptr;
    }
}

ZCI_INLINE void *new_or_throw(std::size_t size)
{
    void *block = thread_cache_pop(size);
    return ZCI_LIKELY(block != nullptr) ? block : allocate_or_throw(size, 0);
}

ZCI_INLINE void *new_or_null(std::size_t size) noexcept
{
    void *block = thread_cache_pop(size);
    return ZCI_LIKELY(block != nullptr) ? block : allocate_or_null(size, 0);
}

} // namespace

#define NEW          ZCI_EXPORT void *operator new
#define NEW_ARRAY    ZCI_EXPORT void *operator new[]
#define DELETE       ZCI_EXPORT void operator delete
#define DELETE_ARRAY ZCI_EXPORT void operator delete[]

ZCI_FAST_ENTRY NEW(std::size_t size)
{
    return new_or_throw(size);
}

ZCI_FAST_ENTRY NEW_ARRAY(std::size_t size)
{
    return new_or_throw(size);
}

NEW(std::size_t size, const std::nothrow_t &) noexcept
{
    return new_or_null(size);
}

NEW_ARRAY(std::size_t size, const std::nothrow_t &) noexcept
{
    return new_or_null(size);
}

NEW(std::size_t size, std::align_val_t alignment)
{
    return allocate_or_throw(size, static_cast<std::size_t>(alignment));
}

NEW_ARRAY(std::size_t size, std::align_val_t alignment)
{
    return allocate_or_throw(size, static_cast<std::size_t>(alignment));
}

NEW(std::size_t size, std::align_val_t alignment, const std::nothrow_t &) noexcept
{
    return allocate_or_null(size, static_cast<std::size_t>(alignment));
}

NEW_ARRAY(std::size_t size, std::align_val_t alignment, const std::nothrow_t &) noexcept
{
    return allocate_or_null(size, static_cast<std::size_t>(alignment));
}

ZCI_FAST_ENTRY DELETE(void *block) noexcept
{
    contract_free(block);
}

ZCI_FAST_ENTRY DELETE_ARRAY(void *block) noexcept
{
    contract_free(block);
}

ZCI_FAST_ENTRY DELETE(void *block, std::size_t) noexcept
{
    contract_free(block);
}

ZCI_FAST_ENTRY DELETE_ARRAY(void *block, std::size_t) noexcept
{
    contract_free(block);
}

DELETE(void *block, const std::nothrow_t &) noexcept
{
    contract_free(block);
}

DELETE_ARRAY(void *block, const std::nothrow_t &) noexcept
{
    contract_free(block);
}

DELETE(void *block, std::align_val_t) noexcept
{
    contract_free(block);
}

DELETE_ARRAY(void *block, std::align_val_t) noexcept
{
    contract_free(block);
}

DELETE(void *block, std::size_t, std::align_val_t) noexcept
{
    contract_free(block);
}

DELETE_ARRAY(void *block, std::size_t, std::align_val_t) noexcept
{
    contract_free(block);
}

DELETE(void *block, std::align_val_t, const std::nothrow_t &) noexcept
{
    contract_free(block);
}

DELETE_ARRAY(void *block, std::align_val_t, const std::nothrow_t &) noexcept
{
    contract_free(block);
}
