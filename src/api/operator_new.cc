/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* operator_new.cc - every replaceable operator new and delete (C++17 [new.delete]).
 * Invariants: a C program that links the library never needs the C++ runtime: in the shared library what
 *             comes from it is referenced weakly, and looked for when it is needed if it was loaded later
 *             than we. In the archive this object is linked only by C++ programs, and its references are strong.
 *             Programs may replace some of them: those not replaced do what the standard says they do by default, by
 *             calling the ones they derive from, whosever these are.
 * Costs:      operator new and delete are the fast path of malloc and free; those that derive from them are a jump
 *             more, nothrow forms a call; sizes given are not trusted. */
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
#elif defined(__ELF__)
/* From the archive malloc must come too, although the program itself may not call it: libc's would serve libc. */
__asm__(".globl malloc");
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

template <typename function>
ZCI_INLINE void *or_null(function throwing) noexcept
{
    try {
        return throwing();
    } catch (...) {
        return nullptr;
    }
}

ZCI_INLINE void *allocate(std::size_t size, std::size_t alignment) noexcept
{
    if (alignment != 0)
        return zci_api_aligned(alignment, size);
    void *block = thread_cache_pop(size);
    return ZCI_LIKELY(block != nullptr) ? block : zci_api_malloc_slow(size);
}

void *allocate_or_null(std::size_t size, std::size_t alignment) noexcept
{
    void *block = allocate(size, alignment);
    if (block != nullptr || installed_handler() == nullptr)
        return block;
#if ZC_WEAK_CXX_RUNTIME
    if (new_handler_probe == nullptr)
        return alignment == 0 ? late_or_null("_ZnwmRKSt9nothrow_t", size)
                              : late_or_null("_ZnwmSt11align_val_tRKSt9nothrow_t", size,
                                             std::align_val_t(alignment));
#endif
    return or_null([=] { return allocate_or_throw(size, alignment); });
}

} // namespace

#if !defined(__ELF__)
/* libmalloc must know the blocks, whether or not the zone is promoted: see register_darwin.c. */
extern "C" void zci_zone_start();
__attribute__((used)) static void (*const needed)() = zci_zone_start;
#endif

/* Whoever replaces one of these may define it besides an archive that has it, and is called by those that derive from
 * it: to the compiler, too, it can be another. */
#if defined(__ELF__)
#define REPLACEABLE ZCI_EXPORT __attribute__((weak))
#else
#define REPLACEABLE ZCI_EXPORT
#endif

#define NEW          REPLACEABLE void *operator new
#define NEW_ARRAY    REPLACEABLE void *operator new[]
#define DELETE       REPLACEABLE void operator delete
#define DELETE_ARRAY REPLACEABLE void operator delete[]

/* --- the four that others derive from ----------------------------------------------------------- */

ZCI_FAST_ENTRY NEW(std::size_t size)
{
    void *block = thread_cache_pop(size);
    return ZCI_LIKELY(block != nullptr) ? block : allocate_or_throw(size, 0);
}

NEW(std::size_t size, std::align_val_t alignment)
{
    return allocate_or_throw(size, static_cast<std::size_t>(alignment));
}

ZCI_FAST_ENTRY DELETE(void *block) noexcept
{
    contract_free(block);
}

DELETE(void *block, std::align_val_t) noexcept
{
    contract_free(block);
}

/* --- new ---------------------------------------------------------------------------------------- */

NEW_ARRAY(std::size_t size)
{
    return ::operator new(size);
}

NEW_ARRAY(std::size_t size, std::align_val_t alignment)
{
    return ::operator new(size, alignment);
}

namespace
{

#if ZC_WEAK_CXX_RUNTIME
/* Names of ours that nobody replaces. */
__asm__(".macro ours name, target\n.globl \\name\n.hidden \\name\n.set \\name, \\target\n.endm\n"
        "ours zci_operator_new, _Znwm\n"
        "ours zci_operator_new_array, _Znam\n"
        "ours zci_operator_new_aligned, _ZnwmSt11align_val_t\n"
        "ours zci_operator_new_array_aligned, _ZnamSt11align_val_t\n"
        ".purgem ours");
extern "C" {
#pragma GCC visibility push(hidden)
void *zci_operator_new(std::size_t size);
void *zci_operator_new_array(std::size_t size);
void *zci_operator_new_aligned(std::size_t size, std::align_val_t alignment);
void *zci_operator_new_array_aligned(std::size_t size, std::align_val_t alignment);
#pragma GCC visibility pop
}

using plain_form = void *(std::size_t);
using aligned_form = void *(std::size_t, std::align_val_t);

/* Ours throw only what a new_handler throws, which is known beforehand. */
bool is_ours(bool is_array)
{
    plain_form *one = ::operator new, *many = ::operator new[];
    return one == zci_operator_new && (!is_array || many == zci_operator_new_array);
}

bool is_ours_aligned(bool is_array)
{
    aligned_form *one = ::operator new, *many = ::operator new[];
    return one == zci_operator_new_aligned && (!is_array || many == zci_operator_new_array_aligned);
}
#else
bool is_ours(bool)
{
    return false;
}

bool is_ours_aligned(bool)
{
    return false;
}
#endif

} // namespace

NEW(std::size_t size, const std::nothrow_t &) noexcept
{
    if (is_ours(false))
        return allocate_or_null(size, 0);
    return or_null([=] { return ::operator new(size); });
}

NEW_ARRAY(std::size_t size, const std::nothrow_t &) noexcept
{
    if (is_ours(true))
        return allocate_or_null(size, 0);
    return or_null([=] { return ::operator new[](size); });
}

NEW(std::size_t size, std::align_val_t alignment, const std::nothrow_t &) noexcept
{
    if (is_ours_aligned(false))
        return allocate_or_null(size, static_cast<std::size_t>(alignment));
    return or_null([=] { return ::operator new(size, alignment); });
}

NEW_ARRAY(std::size_t size, std::align_val_t alignment, const std::nothrow_t &) noexcept
{
    if (is_ours_aligned(true))
        return allocate_or_null(size, static_cast<std::size_t>(alignment));
    return or_null([=] { return ::operator new[](size, alignment); });
}

/* --- delete ------------------------------------------------------------------------------------- */

DELETE_ARRAY(void *block) noexcept
{
    ::operator delete(block);
}

DELETE_ARRAY(void *block, std::align_val_t alignment) noexcept
{
    ::operator delete(block, alignment);
}

DELETE(void *block, std::size_t) noexcept
{
    ::operator delete(block);
}

DELETE_ARRAY(void *block, std::size_t) noexcept
{
    ::operator delete[](block);
}

DELETE(void *block, const std::nothrow_t &) noexcept
{
    ::operator delete(block);
}

DELETE_ARRAY(void *block, const std::nothrow_t &) noexcept
{
    ::operator delete[](block);
}

DELETE(void *block, std::size_t, std::align_val_t alignment) noexcept
{
    ::operator delete(block, alignment);
}

DELETE_ARRAY(void *block, std::size_t, std::align_val_t alignment) noexcept
{
    ::operator delete[](block, alignment);
}

DELETE(void *block, std::align_val_t alignment, const std::nothrow_t &) noexcept
{
    ::operator delete(block, alignment);
}

DELETE_ARRAY(void *block, std::align_val_t alignment, const std::nothrow_t &) noexcept
{
    ::operator delete[](block, alignment);
}
