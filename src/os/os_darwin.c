/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* os_darwin.c - os.h for macOS and iOS: memory from Mach.
 * Address space comes from mach_vm_map (macOS: with its alignment mask, and with the arguments for which it
 * is a trap and no message) or vm_allocate (iOS, where the former's header is closed), and goes back by
 * vm_deallocate. Purging is MADV_FREE_REUSABLE: what it takes leaves phys_footprint at once, for which
 * MADV_DONTNEED and MADV_FREE do nothing; MADV_FREE_REUSE counts a range again before it is used. */
#include "os/os_darwin.h"

#include "base/atomic.h"
#include "base/bits.h"
#include "os/os.h"
#include "os/thread.h"
#include "os/unfair_darwin.h"

#include <dlfcn.h>
#include <errno.h>
#include <mach/mach.h>
#include <mach/vm_statistics.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

/* Of the application's tags; vmmap, Instruments and footprint group by it. */
#ifndef ZC_VM_TAG
#define ZC_VM_TAG 240
#endif

#define FLAGS_ANYWHERE (VM_FLAGS_ANYWHERE | VM_MAKE_TAG(ZC_VM_TAG))
#define FLAGS_FIXED    (VM_FLAGS_FIXED | VM_MAKE_TAG(ZC_VM_TAG))

/* vm_copy is a message to the kernel; below this, copying is cheaper. */
#define VM_COPY_BYTES_LEAST ((size_t)4 << 20)

#if ZCI_DARWIN_MACOS
/* <mach/mach_vm.h> is not in every SDK that can build for macOS. */
extern kern_return_t mach_vm_map(vm_map_t task, mach_vm_address_t *address, mach_vm_size_t bytes,
                                 mach_vm_offset_t mask, int flags, mem_entry_name_port_t object,
                                 memory_object_offset_t offset, boolean_t copy,
                                 vm_prot_t protection, vm_prot_t protection_max,
                                 vm_inherit_t inheritance);

/* With no object, all of VM_PROT_ALL allowed and the default inheritance this is a trap. */
static void *map(mach_vm_address_t hint, size_t bytes, size_t alignment)
{
    mach_vm_address_t address = hint;
    if (mach_vm_map(mach_task_self(), &address, bytes, alignment - 1, FLAGS_ANYWHERE,
                    MEMORY_OBJECT_NULL, 0, FALSE, VM_PROT_NONE, VM_PROT_ALL,
                    VM_INHERIT_DEFAULT) != KERN_SUCCESS)
        return NULL;
    return (void *)(uintptr_t)address;
}

static void *native_reserve(void *hint, size_t bytes)
{
    return map((uintptr_t)hint, bytes, 1);
}

static void *native_reserve_aligned(size_t bytes, size_t alignment)
{
    return map(0, bytes, alignment);
}
#else
static void *native_reserve(void *hint, size_t bytes)
{
    vm_address_t address = (vm_address_t)hint;
    if (vm_allocate(mach_task_self(), &address, bytes, FLAGS_ANYWHERE) != KERN_SUCCESS)
        return NULL;
    if (vm_protect(mach_task_self(), address, bytes, FALSE, VM_PROT_NONE) == KERN_SUCCESS)
        return (void *)address;
    vm_deallocate(mach_task_self(), address, bytes);
    return NULL;
}
#endif

static int protect(void *start, size_t bytes, vm_prot_t protection)
{
    return vm_protect(mach_task_self(), (vm_address_t)start, bytes, FALSE, protection) ==
                   KERN_SUCCESS
               ? 0
               : -1;
}

static int native_make_writable(void *start, size_t bytes)
{
    return protect(start, bytes, VM_PROT_READ | VM_PROT_WRITE);
}

static int native_make_readable(void *start, size_t bytes)
{
    return protect(start, bytes, VM_PROT_READ);
}

static int advise(void *start, size_t bytes, int advice)
{
    int result;
    do
        result = madvise(start, bytes, advice);
    while (result != 0 && errno == EAGAIN);
    return result;
}

static int native_purge(void *start, size_t bytes)
{
    return advise(start, bytes, MADV_FREE_REUSABLE);
}

static int native_reuse(void *start, size_t bytes)
{
    return advise(start, bytes, MADV_FREE_REUSE);
}

/* There is no such call; it is only advice. */
static int native_populate(void *start, size_t bytes)
{
    (void)start;
    (void)bytes;
    return -1;
}

static int native_release(void *start, size_t bytes)
{
    return vm_deallocate(mach_task_self(), (vm_address_t)start, bytes) == KERN_SUCCESS ? 0 : -1;
}

/* vm_copy shares the pages until one side is written. What shares pages cannot be purged any more, so this is not for
 * runs of an arena; and not on iOS, whose kernel copies all the same. */
static int native_move_mapping(void *from, void *to, size_t old_bytes, size_t new_bytes)
{
    (void)new_bytes;
#if ZCI_DARWIN_MACOS
    if (old_bytes < VM_COPY_BYTES_LEAST ||
        vm_copy(mach_task_self(), (vm_address_t)from, old_bytes, (vm_address_t)to) != KERN_SUCCESS)
        return -1;
    native_release(from, old_bytes);
    return 0;
#else
    (void)from;
    (void)to;
    (void)old_bytes;
    return -1;
#endif
}

/* Without VM_FLAGS_OVERWRITE a fixed request fails if anything is there: a safe way to grow. */
static int native_resize(void *start, size_t old_bytes, size_t new_bytes)
{
    char *old_end = (char *)start + old_bytes;
    if (new_bytes <= old_bytes)
        return native_release((char *)start + new_bytes, old_bytes - new_bytes);
    vm_address_t end = (vm_address_t)old_end;
    return vm_allocate(mach_task_self(), &end, new_bytes - old_bytes, FLAGS_FIXED) == KERN_SUCCESS
               ? 0
               : -1;
}

const struct os_calls zci_os_calls_native = {
    .reserve = native_reserve,
#if ZCI_DARWIN_MACOS
    .reserve_aligned = native_reserve_aligned,
#endif
    .make_writable = native_make_writable,
    .make_readable = native_make_readable,
    .purge = native_purge,
    .reuse = native_reuse,
    .populate = native_populate,
    .release = native_release,
    .move_mapping = native_move_mapping,
    .resize = native_resize,
};

/* --- facts ------------------------------------------------------------------------------------------ */

static bool vm_info(task_vm_info_data_t *info)
{
    mach_msg_type_number_t count = TASK_VM_INFO_COUNT;
    *info = (task_vm_info_data_t){0};
    return task_info(mach_task_self(), TASK_VM_INFO, (task_info_t)info, &count) == KERN_SUCCESS;
}

/* An iOS process has 34 to 36 bits, more with an entitlement; the kernel says. */
unsigned zci_os_address_bits(void)
{
    task_vm_info_data_t info;
    if (vm_info(&info) && info.max_address > ZCI_OS_ARENA_BYTES_MAX)
        return log2_floor(info.max_address - 1) + 1;
    return !ZCI_DARWIN_DEVICE ? 47 : 39;
}

void zci_os_usage(struct os_usage *usage)
{
    task_vm_info_data_t info;
    struct rusage resources;
    *usage = (struct os_usage){0};
    if (vm_info(&info)) {
        usage->resident_bytes = info.resident_size;
        usage->resident_peak_bytes = info.resident_size_peak;
    }
    if (getrusage(RUSAGE_SELF, &resources) != 0)
        return;
    usage->minor_fault_count = (uint64_t)resources.ru_minflt;
    usage->major_fault_count = (uint64_t)resources.ru_majflt;
}

uint64_t zci_darwin_phys_footprint_bytes(void)
{
    task_vm_info_data_t info;
    return vm_info(&info) ? info.phys_footprint : 0;
}

/* Public from iOS 13 on; the header does not offer it to macOS. */
extern size_t os_proc_available_memory(void) __attribute__((weak_import));

uint64_t zci_darwin_available_bytes(void)
{
    return os_proc_available_memory != NULL ? os_proc_available_memory() : 0;
}

extern char ***_NSGetEnviron(void);

char *const *zci_os_environment(void)
{
    return *_NSGetEnviron();
}

bool zci_os_is_privileged(void)
{
    return issetugid() != 0;
}

/* --- threads ------------------------------------------------------------------------------------------ */

uintptr_t zci_thread_slot; /* atomic */

static pthread_key_t key;
static int key_state; /* atomic: 0 not tried, 1 made, -1 refused */
static os_unfair_lock key_lock = OS_UNFAIR_LOCK_INIT;
static void (*exit_hook)(void *); /* atomic */

static struct thread_cache *cache_of(const void *value)
{
    return (struct thread_cache *)((uintptr_t)zci_thread_unborn + (uintptr_t)value);
}

/* The key's value is NULL while this runs. It is put back, so that this runs again in the next round, and
 * so that libc's later destructors, which malloc and free, find the cache. */
static void at_thread_exit(void *value)
{
    /* Pairs with zci_os_thread_exit_register. */
    void (*hook)(void *) = atomic_load_acquire(&exit_hook);
    pthread_setspecific(key, value);
    if (hook != NULL)
        hook(cache_of(value));
}

#if ZCI_THREAD_SLOTS
/* Is the value of the key where libpthread's own inline functions would read it? */
static uintptr_t find_slot(void)
{
    uintptr_t slot = (uintptr_t)key * sizeof(void *);
    for (uintptr_t probe = 0x5a5a; probe != 0; probe >>= 8) {
        if (pthread_setspecific(key, (void *)probe) != 0)
            return 0;
        bool is_there = thread_slot_read(slot) == probe;
        pthread_setspecific(key, NULL);
        if (!is_there || thread_slot_read(slot) != 0)
            return 0;
    }
    return slot;
}
#endif

static void make_key(void)
{
    os_unfair_lock_lock(&key_lock);
    if (key_state == 0) {
        bool made = pthread_key_create(&key, at_thread_exit) == 0;
#if ZCI_THREAD_SLOTS
        if (made)
            atomic_store_relaxed(&zci_thread_slot, find_slot());
#endif
        /* Pairs with thread_cache_can_set and zci_thread_cache_get. */
        atomic_store_release(&key_state, made ? 1 : -1);
    }
    os_unfair_lock_unlock(&key_lock);
}

bool thread_cache_can_set(void)
{
    if (atomic_load_acquire(&key_state) == 0)
        make_key();
    return atomic_load_acquire(&key_state) > 0;
}

struct thread_cache *zci_thread_cache_get(void)
{
    return cache_of(atomic_load_acquire(&key_state) > 0 ? pthread_getspecific(key) : NULL);
}

void thread_cache_set(struct thread_cache *cache)
{
    if (thread_cache_can_set())
        (void)pthread_setspecific(key, (void *)((uintptr_t)cache - (uintptr_t)zci_thread_unborn));
}

bool zci_os_thread_exit_register(void (*hook)(void *))
{
    /* Pairs with at_thread_exit. */
    atomic_store_release(&exit_hook, hook);
    return thread_cache_can_set();
}

/* Each thread that has a cache is armed. */
bool zci_os_thread_exit_arm(void *argument)
{
    (void)argument;
    return atomic_load_acquire(&exit_hook) != NULL && thread_cache_can_set();
}

/* --- staying ------------------------------------------------------------------------------------------ */

/* Whoever closes the image that has us, as a plug-in, must not take away what zones, ending threads and forks call. Not
 * at the first call, from wherever that comes: dlopen waits for locks of dyld, and allocates. It is this handle, never
 * closed, that holds the image: with RTLD_NOLOAD dyld returns before RTLD_NODELETE counts. */
__attribute__((constructor(102))) static void pin(void)
{
    Dl_info info;
    if (dladdr(&zci_thread_slot, &info) != 0 && info.dli_fname != NULL)
        (void)dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}

/* --- fork --------------------------------------------------------------------------------------------- */

static void (*fork_child)(void); /* atomic */
static pid_t repaired_pid;

void zci_darwin_fork_child(void)
{
    void (*child)(void) = atomic_load_acquire(&fork_child);
    os_unfair_lock free_word = OS_UNFAIR_LOCK_INIT;
    key_lock = free_word;
    zci_waits_reset_in_child();
    if (child != NULL)
        child();
    zci_locks_reset_in_child();
    repaired_pid = getpid();
}

/* For a process whose zone is not registered: nothing was locked before the fork then. */
static void at_fork_child(void)
{
    if (repaired_pid != getpid())
        zci_darwin_fork_child();
}

__attribute__((weak)) void zci_darwin_started(void)
{
}

void zci_os_fork_register(void (*child)(void))
{
    /* Pairs with zci_darwin_fork_child. */
    atomic_store_release(&fork_child, child);
    (void)pthread_atfork(NULL, NULL, at_fork_child);
    zci_darwin_started();
}
