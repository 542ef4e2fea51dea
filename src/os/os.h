/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* os.h - everything the allocator asks of the operating system.
 * Invariants: sizes are multiples of the OS page, addresses page-aligned, unless said. Memory that was
 *             never written since zci_os_commit reads as zero; so does purged memory where
 *             ZCI_OS_PURGED_READS_ZERO says so. Every memory call goes through the table zci_os_calls,
 *             so that a test can fail or imitate any of them.
 * Errors:     false or NULL; errno is not preserved (src/api does that). No call here allocates.
 * Locking:    none of its own. */
#ifndef ZCI_OS_OS_H
#define ZCI_OS_OS_H

#include "base/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__APPLE__)
#include "os/target_darwin.h"
/* Purged pages keep or lose their contents as the kernel likes, and are charged again by zci_os_reuse. */
#define ZCI_OS_PURGED_READS_ZERO 0
/* The process has other heaps, whose blocks come to our free. */
#define ZCI_OS_HAS_ZONES 1
#else
#define ZCI_OS_PURGED_READS_ZERO 1
#define ZCI_OS_HAS_ZONES         0
#endif

/* An arena's address space. An iOS process has a few GiB in all, most of it in pieces. */
#if defined(__APPLE__) && ZCI_DARWIN_DEVICE
#define ZCI_OS_ARENA_BYTES_FIRST ((size_t)4 << 20)
#define ZCI_OS_ARENA_BYTES_MAX   ((size_t)64 << 20)
#else
#define ZCI_OS_ARENA_BYTES_FIRST ((size_t)64 << 20)
#define ZCI_OS_ARENA_BYTES_MAX   ((size_t)1 << 30)
#endif

/* The table. A result of -1 or NULL means failure. */
struct os_calls {
    /* bytes of address space without access, anywhere or at *hint if that is free. */
    void *(*reserve)(void *hint, size_t bytes);
    /* The same at a multiple of alignment, in one call; the entry is NULL where there is no such call. */
    void *(*reserve_aligned)(size_t bytes, size_t alignment);
    int (*make_writable)(void *start, size_t bytes);
    int (*make_readable)(void *start, size_t bytes);
    int (*purge)(void *start, size_t bytes);
    /* The same of pages that the program has, which must not be locked. NULL where they would not read zero. */
    int (*clear)(void *start, size_t bytes);
    /* NULL where purged memory needs no word before its next use. */
    int (*reuse)(void *start, size_t bytes);
    int (*release)(void *start, size_t bytes);
    /* Moves the pages of [from, from + bytes) to [to, ...), which loses its own, or as many from the front as go. What
     * was moved from stays mapped and reads zero. The bytes moved: whole pages. */
    size_t (*move_pages)(void *from, void *to, size_t bytes);
    /* Is the page resident? NULL, as the entry before, where pages cannot move. */
    bool (*is_resident)(void *page);
    /* The mapping [from, from + old_bytes) becomes [to, to + new_bytes), which is longer. On failure all stays. */
    int (*move_mapping)(void *from, void *to, size_t old_bytes, size_t new_bytes);
    /* Makes pages resident at once, and zero, as if each had been written to. */
    int (*populate)(void *start, size_t bytes);
    /* Changes the length of a mapping where it stands. */
    int (*resize)(void *start, size_t old_bytes, size_t new_bytes);
    /* Huge pages are welcome in this range, or not to be made any more. */
    int (*advise_huge)(void *start, size_t bytes, bool is_welcome);
    /* Is what is advised so made of huge pages, of 2 MiB? NULL, as the entries before and after, where there is no such
     * advice. */
    bool (*has_huge_pages)(void);
    /* Makes the page resident that starts here, by a store. */
    void (*touch)(void *start);
    /* NULL where there is no such clock. */
    uint64_t (*thread_ns)(void);
};

extern const struct os_calls *zci_os_calls;
extern const struct os_calls zci_os_calls_native;

/* The kinds of calls, in the order of the table. */
enum os_call {
    OS_RESERVE,
    OS_COMMIT,
    OS_PROTECT,
    OS_PURGE,
    OS_RELEASE,
    OS_MOVE,
    OS_POPULATE,
    OS_RESIZE,
    OS_CALL_KINDS
};

struct os_call_stats {
    uint64_t count; /* failed ones included */
    uint64_t fail_count;
    uint64_t bytes; /* of those that succeeded; of a resize, the difference */
};

/* How the table was used, for the statistics. */
void zci_os_call_stats(enum os_call kind, struct os_call_stats *stats);

/* What the kernel says of the whole process, not only of our memory; 0 where it does not tell. */
struct os_usage {
    uint64_t resident_bytes;
    uint64_t resident_peak_bytes;
    uint64_t minor_fault_count;
    uint64_t major_fault_count;
};

void zci_os_usage(struct os_usage *usage);

/* How much address space the process may have (RLIMIT_AS); UINT64_MAX: no limit. */
uint64_t zci_os_address_space_limit(void);

/* No address of the process lies at or above 1 << this. */
unsigned zci_os_address_bits(void);

/* 4, 16 or 64 KiB; constant after the first call. A test may override it with a multiple of the real one. */
size_t zci_os_page_bytes(void);
void zci_os_set_page_bytes(size_t bytes);

/* Address space without access, aligned to a power of two >= the page. NULL if there is none. */
void *zci_os_reserve(size_t bytes, size_t alignment);
/* Readable and zero, but not writable nor charged to the process, nor in core dumps, then and later. */
bool zci_os_make_readable(void *start, size_t bytes);
/* Readable and writable; untouched pages read zero and are not resident. */
bool zci_os_commit(void *start, size_t bytes);
/* The pages' contents are dropped; they stay committed. See ZCI_OS_PURGED_READS_ZERO. */
bool zci_os_purge(void *start, size_t bytes);
/* Pages of memory in use read zero from here on, and are not resident. false where that cannot be, or they are locked:
 * their contents are undefined. */
bool zci_os_clear(void *start, size_t bytes);
/* Must purged memory be announced to zci_os_reuse before it is written? If not, that does nothing. */
bool zci_os_purge_needs_reuse(void);
/* Before the next use of exactly this range, if it was purged; its contents are undefined. */
void zci_os_reuse(void *start, size_t bytes);
/* Advice: costs nothing but time if it fails. */
bool zci_os_populate(void *start, size_t bytes);
/* Huge pages, of 2 MiB, are welcome in this range, or not to be made any more. Advice: neither counted, nor does
 * anything but speed depend on it. */
void zci_os_advise_huge(void *start, size_t bytes, bool is_welcome);
/* Does the system make huge pages where it is asked to? Reads a file; errno stays. */
bool zci_os_has_huge_pages(void);
/* The first touch of a huge page: a fault rather than zci_os_populate, which keeps all others from mapping memory until
 * it is done. */
void zci_os_touch_huge(void *start);
/* Gives the address space back. On failure it is lost, but nothing of it is resident. */
bool zci_os_release(void *start, size_t bytes);
/* Both ranges committed, and whole pages. So many bytes were moved, from the front; there from reads zero now. */
size_t zci_os_move_pages(void *from, void *to, size_t bytes);
/* Can the system do this at all? */
bool zci_os_moves_pages(void);
/* Is the page resident that this address lies in? false also where the system does not tell. */
bool zci_os_is_resident(void *address);
/* from's mapping becomes the longer [to, to + new_bytes), which is committed. */
bool zci_os_move_mapping(void *from, void *to, size_t old_bytes, size_t new_bytes);
/* Grows or shrinks a whole mapping in place. */
bool zci_os_resize(void *start, size_t old_bytes, size_t new_bytes);

/* Sleeps while *word == expected, or returns early; wakes one sleeper. Linux only: see lock.h. */
void zci_os_wait(uint32_t *word, uint32_t expected);
void zci_os_wake_one(uint32_t *word);

/* The same, at most timeout_ms. */
void zci_os_wait_for(uint32_t *word, uint32_t expected, uint32_t timeout_ms);

/* Milliseconds since some instant, never backwards; a few ns to read, exact to a timer tick. */
uint64_t zci_os_clock_ms(void);

/* Nanoseconds that the calling thread has run, in the kernel too; a system call. 0 where that is not known. */
uint64_t zci_os_thread_ns(void);

/* Memory pressure as the OS tells it: a descriptor, or -1 if it does not. */
int zci_os_pressure_open(void);
/* true: there is some; false after timeout_ms without, or at once, with *descriptor -1, if it tells no more: programs
 * close descriptors that they do not know. */
bool zci_os_pressure_wait(int *descriptor, uint32_t timeout_ms);
void zci_os_pressure_close(int descriptor);

/* Thread-local storage that may have to fit into the stack of a thread, beside what it needs itself. */
size_t zci_os_stack_tls_bytes(void);

/* A thread of our own that blocks all signals and is joined by nobody. */
bool zci_os_thread_start(void *(*body)(void *));

/* Processors that this process may use; 1 if nobody tells. */
unsigned zci_os_cpu_count(void);

/* For the look at threads that sleep; thread_idle.h says what is asked and why. */
uint32_t zci_os_thread_number(void);
/* Whatever a thread runs after this it runs with all our earlier stores in sight, and its earlier ones are
 * visible to us. false: there is no such call. */
bool zci_os_barrier_all_threads(void);
/* Runs body with the caller's thread-local variables and locks, while the caller waits and gets no signals, but with a
 * table of file descriptors of its own: what it opens no fork copies and no close takes, and no other open gets another
 * number for it. Standard error is not open there either. stack: of OS_OWN_FILES_STACK_BYTES, aligned to 16, nobody
 * else's meanwhile; NULL: one is mapped. false: body did not run, for the system cannot do that (Linux before 5.9). */
#define OS_OWN_FILES_STACK_BYTES ((size_t)64 << 10)
bool zci_os_with_own_files(void (*body)(void *), void *argument, void *stack);
/* Does this thread of ours sleep in a system call right now, and not above a signal handler? variable: one of the
 * thread's own (a thread-local one), which lies beyond its stack or far from it. false where that is not known, if its
 * frames are more than some MiB, and while it waits for a child, which may use its variables meanwhile. Opens files. */
bool zci_os_thread_sleeps(uint32_t number, const void *variable);
/* Is there no thread of this number in this process any more? false where that is not known. */
bool zci_os_thread_is_gone(uint32_t number);
/* This instant, for zci_os_thread_began_by; not 0. */
uint64_t zci_os_thread_clock(void);
/* Was the thread that has this number now there at that instant, exact to 10 ms? Numbers are used again, but not
 * so soon. false at instant 0, and where that is not known. */
bool zci_os_thread_began_by(uint32_t number, uint64_t instant);
/* Differs in the child of a fork, of vfork too. */
uint32_t zci_os_process_number(void);
/* The last part of the path that the process was started by. */
const char *zci_os_program_name(void);

/* Registers the hook that runs at the exit of each thread that has armed it. The hook may arm again. */
bool zci_os_thread_exit_register(void (*hook)(void *));
bool zci_os_thread_exit_arm(void *argument);
/* child runs in the child after fork. */
void zci_os_fork_register(void (*child)(void));

/* The process environment, or NULL before libc has one. True if it must not be trusted. */
char *const *zci_os_environment(void);
bool zci_os_is_privileged(void);

#endif
