/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* os_threads_linux.c - what Linux tells about the other threads of the process: a memory barrier on all of
 * them (membarrier, Linux 4.14), from /proc whether one sleeps, and whether a signal handler is on its stack; of a
 * thread's number whether anyone has it, and since when; and of the machine whether it is short of memory
 * (PSI, Linux 5.2).
 * Invariants: nothing here allocates or needs stdio; without /proc every answer is "no".
 * Costs:      a barrier some microseconds; a question four small files, 20 to 40 microseconds, and a tenth of one per
 *             KiB of stack. */
#include "base/atomic.h"
#include "os/os.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <poll.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* From the kernel's headers. */
#define MEMBARRIER_PRIVATE_EXPEDITED          8
#define MEMBARRIER_REGISTER_PRIVATE_EXPEDITED 16

uint32_t zci_os_thread_number(void)
{
    return (uint32_t)syscall(SYS_gettid);
}

/* A question of its own, for libc's opens files. */
unsigned zci_os_cpu_count(void)
{
    uint64_t set[64] = {0};
    long bytes = syscall(SYS_sched_getaffinity, 0, sizeof set, set);
    unsigned count = 0;
    for (long i = 0; i * (long)sizeof *set < bytes; i++)
        count += (unsigned)__builtin_popcountll(set[i]);
    return count != 0 ? count : 1;
}

#if ZCI_SANITIZE_THREAD

/* The sanitizer cannot see this barrier. */
bool zci_os_barrier_all_threads(void)
{
    return false;
}

#else

bool zci_os_barrier_all_threads(void)
{
    if (syscall(SYS_membarrier, MEMBARRIER_PRIVATE_EXPEDITED, 0, 0) == 0)
        return true;
    /* The first time, and in the child of a fork. */
    return syscall(SYS_membarrier, MEMBARRIER_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0 &&
           syscall(SYS_membarrier, MEMBARRIER_PRIVATE_EXPEDITED, 0, 0) == 0;
}

#endif

/* /proc/self/task/NUMBER/NAME, to read. Not by libc's functions: those are cancellation points, and programs replace
 * them. */
static int open_task_file(uint32_t number, const char *name)
{
    char path[64] = "/proc/self/task/";
    char digits[12];
    size_t at = sizeof digits - 1;
    digits[at] = '\0';
    do
        digits[--at] = (char)('0' + number % 10);
    while ((number /= 10) != 0);
    strcat(path, digits + at);
    strcat(path, name);
    return (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
}

/* The start of such a file as text. */
static bool read_task_file(uint32_t number, const char *name, char *text, size_t text_bytes)
{
    int fd = open_task_file(number, name);
    if (fd < 0)
        return false;
    ssize_t length = syscall(SYS_read, fd, text, text_bytes - 1);
    (void)syscall(SYS_close, fd);
    text[length > 0 ? length : 0] = '\0';
    return length > 0;
}

/* The number behind label, in this base; missing shows as *found false. */
static uint64_t number_after(const char *text, const char *label, unsigned base, bool *found)
{
    const char *at = strstr(text, label);
    uint64_t number = 0;
    if (at == NULL) {
        *found = false;
        return 0;
    }
    for (at += strlen(label); *at == ' ' || *at == '\t'; at++)
        ;
    for (;; at++) {
        unsigned digit = *at >= '0' && *at <= '9'   ? (unsigned)(*at - '0')
                         : *at >= 'a' && *at <= 'f' ? (unsigned)(*at - 'a') + 10
                                                    : base;
        if (digit >= base)
            return number;
        number = number * base + digit;
    }
}

static int add_tls(struct dl_phdr_info *object, size_t object_bytes, void *sum)
{
    (void)object_bytes;
    for (unsigned i = 0; i < object->dlpi_phnum; i++)
        if (object->dlpi_phdr[i].p_type == PT_TLS)
            *(size_t *)sum += object->dlpi_phdr[i].p_memsz + object->dlpi_phdr[i].p_align;
    return 0;
}

/* glibc takes it out of the stack that was asked for; of objects that were loaded later perhaps not, but who knows. */
size_t zci_os_stack_tls_bytes(void)
{
    size_t bytes = 0;
    (void)dl_iterate_phdr(add_tls, &bytes);
    return bytes;
}

struct task_status {
    bool sleeps;
    uint64_t switch_count; /* how often it lost the processor, for whatever reason */
};

/* Where /proc is that of an outer PID namespace, the thread of this number there is another one: its number in the
 * innermost, the last, tells. */
static bool is_of_our_namespace(const char *text, uint32_t number)
{
    const char *line = strstr(text, "\nNSpid:");
    const char *end = line != NULL ? strchr(line + 1, '\n') : NULL;
    if (end == NULL)
        return false;
    while (end[-1] >= '0' && end[-1] <= '9')
        end--;
    bool found = true;
    return number_after(end, "", 10, &found) == number;
}

static bool read_status(uint32_t number, struct task_status *status)
{
    char text[4096];
    bool found = true;
    if (!read_task_file(number, "/status", text, sizeof text) || !is_of_our_namespace(text, number))
        return false;
    status->sleeps = strstr(text, "\nState:\tS") != NULL;
    status->switch_count = number_after(text, "\nvoluntary_ctxt_switches:", 10, &found) +
                           number_after(text, "\nnonvoluntary_ctxt_switches:", 10, &found);
    return found;
}

/* Tasks waited for memory 150 ms of two seconds: about the least an unprivileged process may ask for. */
#define PRESSURE_TRIGGER "some 150000 2000000"

static struct stat pressure_file;

int zci_os_pressure_open(void)
{
    int fd = open("/proc/pressure/memory", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0 && (fstat(fd, &pressure_file) != 0 ||
                    write(fd, PRESSURE_TRIGGER, sizeof PRESSURE_TRIGGER) < 0)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* A program that closes all descriptors that it does not know gets this number for a file of its own. */
static bool is_pressure_file(int descriptor)
{
    struct stat file;
    return descriptor >= 0 && fstat(descriptor, &file) == 0 &&
           file.st_dev == pressure_file.st_dev && file.st_ino == pressure_file.st_ino;
}

bool zci_os_pressure_wait(int *descriptor, uint32_t timeout_ms)
{
    struct pollfd event = {.fd = *descriptor, .events = POLLPRI};
    int count = poll(&event, 1, (int)timeout_ms);
    /* It is the program's by now, or nobody's: not ours to close. */
    if (!is_pressure_file(*descriptor) ||
        (count > 0 && (event.revents & (POLLNVAL | POLLERR | POLLHUP)) != 0))
        *descriptor = -1;
    return *descriptor >= 0 && count > 0 && (event.revents & POLLPRI) != 0;
}

void zci_os_pressure_close(int descriptor)
{
    if (is_pressure_file(descriptor))
        close(descriptor);
}

/* Eight bytes that the kernel writes into each signal frame, aligned, and that hardly anything else looks like. */
#if defined(__x86_64__)
/* The segment registers: cs, no gs, no fs, ss. Under Xen the first and the last have more bits set. */
#define FRAME_MASK 0x0fffffffffff0fff
#define FRAME_MARK 0x002b000000000033
#elif defined(__aarch64__)
/* The record of the floating point registers: what it is, and its length. */
#define FRAME_MASK 0xffffffffffffffff
#define FRAME_MARK 0x0000021046508001
#else
/* Anything may be one: nobody sleeps. */
#define FRAME_MASK 0
#define FRAME_MARK 0
#endif

/* A thread that sleeps deeper in its stack is not asked for, nor one whose stack ends who knows where: that of a
 * coroutine. */
#define STACK_MOST_BYTES (8u << 20)

/* false, too, if this is no part of a stack that can be read. */
static bool has_no_signal_frame(uint32_t number, uintptr_t from, uintptr_t end)
{
    uint64_t words[512];
    bool has_none = false;
    int fd = open_task_file(number, "/mem");
    while (fd >= 0 && from < end) {
        size_t bytes = end - from < sizeof words ? end - from : sizeof words;
        has_none = syscall(SYS_pread64, fd, words, bytes, from) == (ssize_t)bytes;
        for (size_t i = 0; i < bytes / sizeof *words && has_none; i++)
            has_none = (words[i] & FRAME_MASK) != FRAME_MARK;
        if (!has_none)
            break;
        from += bytes;
    }
    if (fd >= 0)
        (void)syscall(SYS_close, fd);
    return has_none;
}

/* A child that shares our memory (clone with CLONE_VM, but no CLONE_VFORK) may have the variables of the thread that
 * waits for it, the cache too. */
static bool waits_for_child(const char *text)
{
    bool found = true;
    uint64_t call = number_after(text, "", 10, &found);
    return call == SYS_wait4 || call == SYS_waitid;
}

/* text: the call's number, its six arguments, the stack pointer and where it goes on, but for the first in base 16. */
static uintptr_t stack_pointer_in(const char *text)
{
    bool found = text[0] >= '0' && text[0] <= '9';
    for (int skip = 0; skip < 7 && found; skip++) {
        text = strstr(text + 1, " 0x");
        found = text != NULL;
    }
    return found ? (uintptr_t)number_after(text, " 0x", 16, &found) : 0;
}

/* 0: unknown. The main thread's variables lie elsewhere than its stack, at whose end are the random bytes. */
static uintptr_t stack_end(uintptr_t stack_pointer, const void *variable)
{
    uintptr_t ends[] = {(uintptr_t)variable, (uintptr_t)getauxval(AT_RANDOM)};
    for (int i = 0; i < 2; i++)
        if (ends[i] - stack_pointer < STACK_MOST_BYTES)
            return ends[i] & ~(uintptr_t)7;
    return 0;
}

/* All looks see one and the same sleep if the thread did not run in between. */
bool zci_os_thread_sleeps(uint32_t number, const void *variable)
{
    struct task_status before, after;
    char call[192];
    if (!read_status(number, &before) || !before.sleeps ||
        !read_task_file(number, "/syscall", call, sizeof call) || waits_for_child(call))
        return false;
    uintptr_t from = (stack_pointer_in(call) + 7) & ~(uintptr_t)7;
    return has_no_signal_frame(number, from, stack_end(from, variable)) &&
           read_status(number, &after) && after.sleeps && after.switch_count == before.switch_count;
}

#if ZCI_SANITIZE_THREAD

/* The sanitizer cannot see that all it did was done before. */
bool zci_os_thread_is_gone(uint32_t number)
{
    (void)number;
    return false;
}

#else

/* Not tkill: sandboxes allow this one, which abort needs. */
bool zci_os_thread_is_gone(uint32_t number)
{
    return syscall(SYS_tgkill, syscall(SYS_getpid), number, 0) != 0 && errno == ESRCH;
}

#endif

/* In ticks since the machine started, as /proc has it. */
uint64_t zci_os_thread_clock(void)
{
    struct timespec now;
    uint64_t ticks = (uint64_t)sysconf(_SC_CLK_TCK);
    if (clock_gettime(CLOCK_BOOTTIME, &now) != 0)
        return 1;
    return (uint64_t)now.tv_sec * ticks + (uint64_t)now.tv_nsec * ticks / 1000000000 + 1;
}

/* Among the fields behind the name, which may hold spaces and brackets, the start is the 20th. */
#define START_FIELD 20

bool zci_os_thread_began_by(uint32_t number, uint64_t instant)
{
    char text[1024];
    if (!read_task_file(number, "/stat", text, sizeof text))
        return false;
    const char *at = strrchr(text, ')');
    for (int field = 0; at != NULL && field < START_FIELD; field++)
        at = strchr(at + 1, ' ');
    bool found = at != NULL;
    return found && number_after(at, " ", 10, &found) < instant;
}

uint32_t zci_os_process_number(void)
{
    return (uint32_t)syscall(SYS_getpid);
}

const char *zci_os_program_name(void)
{
    return program_invocation_short_name;
}
