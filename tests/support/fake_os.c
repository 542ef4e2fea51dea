/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* fake_os.c - see fake_os.h. */
#include "support/fake_os.h"

#include <errno.h>
#include <sys/mman.h>

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

struct fake_os fake_os;

static int call_fails(void)
{
    long n = __atomic_add_fetch(&fake_os.call_count, 1, __ATOMIC_RELAXED);
    if (fake_os.on_call != NULL)
        fake_os.on_call();
    if (fake_os.fail_at == 0 || n < fake_os.fail_at)
        return 0;
    if (fake_os.fail_count >= 0 && n >= fake_os.fail_at + fake_os.fail_count)
        return 0;
    errno = EAGAIN;
    return 1;
}

/* The lowest free place below the limit, found by trying. */
static void *reserve_low(size_t bytes)
{
    static uint64_t next = UINT64_C(1) << 36;
    for (; next + bytes <= fake_os.address_limit; next += UINT64_C(1) << 21) {
        void *start =
            mmap((void *)next, bytes, PROT_NONE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
        if (start != MAP_FAILED) {
            next += bytes;
            return start;
        }
    }
    return NULL;
}

static void *fake_reserve(void *hint, size_t bytes)
{
    if (call_fails())
        return NULL;
    int64_t total = __atomic_add_fetch(&fake_os.reserved_bytes, (int64_t)bytes, __ATOMIC_RELAXED);
    void *start = NULL;
    if (fake_os.bytes_limit == 0 || (uint64_t)total <= fake_os.bytes_limit)
        start = fake_os.address_limit != 0 ? reserve_low(bytes)
                                           : zci_os_calls_native.reserve(hint, bytes);
    if (start == NULL)
        __atomic_sub_fetch(&fake_os.reserved_bytes, (int64_t)bytes, __ATOMIC_RELAXED);
    return start;
}

static void *fake_reserve_aligned(size_t bytes, size_t alignment)
{
    if (call_fails())
        return NULL;
    int64_t total = __atomic_add_fetch(&fake_os.reserved_bytes, (int64_t)bytes, __ATOMIC_RELAXED);
    void *start = NULL;
    if (fake_os.bytes_limit == 0 || (uint64_t)total <= fake_os.bytes_limit)
        start = zci_os_calls_native.reserve_aligned(bytes, alignment);
    if (start == NULL)
        __atomic_sub_fetch(&fake_os.reserved_bytes, (int64_t)bytes, __ATOMIC_RELAXED);
    return start;
}

static int fake_reuse(void *start, size_t bytes)
{
    return call_fails() ? -1 : zci_os_calls_native.reuse(start, bytes);
}

static int fake_make_writable(void *start, size_t bytes)
{
    return call_fails() ? -1 : zci_os_calls_native.make_writable(start, bytes);
}

static int fake_make_readable(void *start, size_t bytes)
{
    return call_fails() ? -1 : zci_os_calls_native.make_readable(start, bytes);
}

static int fake_purge(void *start, size_t bytes)
{
    return call_fails() ? -1 : zci_os_calls_native.purge(start, bytes);
}

static int fake_clear(void *start, size_t bytes)
{
    return call_fails() ? -1 : zci_os_calls_native.clear(start, bytes);
}

static int fake_populate(void *start, size_t bytes)
{
    uint64_t pages = bytes / zci_os_page_bytes();
    __atomic_add_fetch(&fake_os.now_ns, pages * fake_os.page_ns, __ATOMIC_RELAXED);
    return call_fails() ? -1 : zci_os_calls_native.populate(start, bytes);
}

static int fake_release(void *start, size_t bytes)
{
    if (call_fails() || fake_os.fail_release)
        return -1;
    __atomic_sub_fetch(&fake_os.reserved_bytes, (int64_t)bytes, __ATOMIC_RELAXED);
    return zci_os_calls_native.release(start, bytes);
}

static size_t fake_move_pages(void *from, void *to, size_t bytes)
{
    if (call_fails() || fake_os.fail_move)
        return 0;
    return zci_os_calls_native.move_pages(from, to, bytes);
}

static bool fake_is_resident(void *page)
{
    return !call_fails() && zci_os_calls_native.is_resident(page);
}

static int fake_move_mapping(void *from, void *to, size_t old_bytes, size_t new_bytes)
{
    if (call_fails() || fake_os.fail_move)
        return -1;
    __atomic_sub_fetch(&fake_os.reserved_bytes, (int64_t)old_bytes, __ATOMIC_RELAXED);
    return zci_os_calls_native.move_mapping(from, to, old_bytes, new_bytes);
}

static int fake_resize(void *start, size_t old_bytes, size_t new_bytes)
{
    if (call_fails())
        return -1;
    int64_t more = (int64_t)new_bytes - (int64_t)old_bytes;
    if (fake_os.bytes_limit != 0 && more > 0 &&
        (uint64_t)(fake_os.reserved_bytes + more) > fake_os.bytes_limit)
        return -1;
    if (zci_os_calls_native.resize(start, old_bytes, new_bytes) != 0)
        return -1;
    __atomic_add_fetch(&fake_os.reserved_bytes, more, __ATOMIC_RELAXED);
    return 0;
}

static int fake_advise_huge(void *start, size_t bytes, bool is_welcome)
{
    if (fake_os.on_huge != NULL)
        fake_os.on_huge((uintptr_t)start, bytes, is_welcome);
    return -1;
}

static bool fake_has_huge_pages(void)
{
    return fake_os.has_huge_pages != 0;
}

static void fake_touch(void *start)
{
    uint64_t ns = fake_os.huge_ns != 0 ? fake_os.huge_ns : fake_os.page_ns;
    __atomic_add_fetch(&fake_os.now_ns, ns, __ATOMIC_RELAXED);
    if (fake_os.on_touch != NULL)
        fake_os.on_touch((uintptr_t)start);
    *(volatile char *)start = 0;
}

static uint64_t fake_thread_ns(void)
{
    return __atomic_load_n(&fake_os.now_ns, __ATOMIC_RELAXED);
}

static struct os_calls fake_calls = {
    .reserve = fake_reserve,
    .make_writable = fake_make_writable,
    .make_readable = fake_make_readable,
    .purge = fake_purge,
    .populate = fake_populate,
    .release = fake_release,
    .move_mapping = fake_move_mapping,
    .resize = fake_resize,
    .advise_huge = fake_advise_huge,
    .has_huge_pages = fake_has_huge_pages,
    .touch = fake_touch,
    .thread_ns = fake_thread_ns,
};

void fake_os_install(void)
{
    /* Calls that only some systems have; a limit on addresses needs the plain way. */
    if (zci_os_calls_native.reserve_aligned != NULL && fake_os.address_limit == 0)
        fake_calls.reserve_aligned = fake_reserve_aligned;
    if (zci_os_calls_native.move_pages != NULL) {
        fake_calls.move_pages = fake_move_pages;
        fake_calls.is_resident = fake_is_resident;
    }
    if (zci_os_calls_native.clear != NULL)
        fake_calls.clear = fake_clear;
    if (zci_os_calls_native.reuse != NULL)
        fake_calls.reuse = fake_reuse;
    zci_os_calls = &fake_calls;
}
