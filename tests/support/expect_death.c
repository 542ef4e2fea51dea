/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* expect_death.c - runs a program that must die of a reported fault.
 *
 *   expect_death [--preload LIBRARY] [--env NAME=VALUE]... MESSAGE PROGRAM [ARGUMENT]...
 *
 * Succeeds if PROGRAM was ended by SIGABRT after writing exactly one line to fd 2 that begins with
 * MESSAGE; otherwise says what differed. ctest alone cannot do this: it counts every SIGABRT as a
 * failure, even with WILL_FAIL or PASS_REGULAR_EXPRESSION.
 * Invariants: no malloc and no stdio; the library is preloaded into PROGRAM only; PROGRAM sees none
 *             of the caller's ZCMALLOC_ variables and leaves no core file; a hung PROGRAM is
 *             killed. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define TIMEOUT_MS      60000
#define TEXT_MAX        8192
#define ENVIRONMENT_MAX 1024

extern char **environ;

static char text[TEXT_MAX]; /* what PROGRAM wrote to fd 2, cut to fit, ends in '\0' */
static char preload[4096] = "LD_PRELOAD=";
static char *child_environ[ENVIRONMENT_MAX];
static size_t child_environ_count;

static void say(const char *words)
{
    size_t left = strlen(words);
    while (left > 0) {
        ssize_t done = write(1, words, left);
        if (done <= 0)
            return;
        words += done;
        left -= (size_t)done;
    }
}

static void say_number(unsigned value)
{
    char digits[12];
    char *at = digits + sizeof digits;
    *--at = '\0';
    do {
        *--at = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    say(at);
}

static int starts_with(const char *words, const char *prefix)
{
    return strncmp(words, prefix, strlen(prefix)) == 0;
}

static int environ_add(char *entry)
{
    if (child_environ_count + 1 >= ENVIRONMENT_MAX)
        return 0;
    child_environ[child_environ_count++] = entry;
    return 1;
}

/* Reads the options; returns the index of MESSAGE in argv, or 0 if the command line is wrong. */
static int parse(int argc, char **argv)
{
    int at = 1;
    for (char **entry = environ; *entry != NULL; entry++) {
        if (!starts_with(*entry, "LD_PRELOAD=") && !starts_with(*entry, "ZCMALLOC_") &&
            !environ_add(*entry))
            return 0;
    }
    for (; at + 1 < argc && starts_with(argv[at], "--"); at += 2) {
        if (strcmp(argv[at], "--preload") == 0) {
            if (strlen(preload) + strlen(argv[at + 1]) >= sizeof preload)
                return 0;
            strcat(preload, argv[at + 1]);
            if (!environ_add(preload))
                return 0;
        } else if (strcmp(argv[at], "--env") != 0 || !environ_add(argv[at + 1])) {
            return 0;
        }
    }
    return at + 1 < argc ? at : 0;
}

static void become(char **argv, int error_fd)
{
    static const struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    dup2(error_fd, 2);
    execve(argv[0], argv, child_environ);
    say("expect_death: cannot run ");
    say(argv[0]);
    say("\n");
    _exit(126);
}

/* Collects fd 2 of the child until it closes. Returns 0 if that took too long. */
static int collect(int fd)
{
    size_t used = 0;
    for (;;) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        char rest[512];
        int count = poll(&ready, 1, TIMEOUT_MS);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return 0;
        size_t space = sizeof text - 1 - used;
        ssize_t done = space > 0 ? read(fd, text + used, space) : read(fd, rest, sizeof rest);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return 1;
        if (space > 0)
            used += (size_t)done;
    }
}

static int judge_status(int status)
{
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT)
        return 1;
    if (WIFSIGNALED(status)) {
        say("expect_death: expected SIGABRT, ended by signal ");
        say_number((unsigned)WTERMSIG(status));
    } else {
        say("expect_death: expected SIGABRT, exited with ");
        say_number((unsigned)WEXITSTATUS(status));
    }
    say("\n");
    return 0;
}

static int judge_text(const char *message)
{
    const char *line_end = strchr(text, '\n');
    if (line_end != NULL && line_end[1] == '\0' && starts_with(text, message))
        return 1;
    say("expect_death: expected on fd 2 one line that begins with\n    ");
    say(message);
    say("\nbut found\n    ");
    say(text[0] == '\0' ? "nothing" : text);
    say("\n");
    return 0;
}

int main(int argc, char **argv)
{
    int fds[2];
    int status = 0;
    int at = parse(argc, argv);
    if (at == 0) {
        say("usage: expect_death [--preload LIBRARY] [--env NAME=VALUE]... MESSAGE PROGRAM ...\n");
        return 2;
    }
    if (pipe(fds) != 0)
        return 2;
    pid_t child = fork();
    if (child < 0)
        return 2;
    if (child == 0) {
        close(fds[0]);
        become(argv + at + 1, fds[1]);
    }
    close(fds[1]);
    int in_time = collect(fds[0]);
    if (!in_time) {
        say("expect_death: killed after a minute of silence\n");
        kill(child, SIGKILL);
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    int right_status = judge_status(status);
    int right_text = judge_text(argv[at]);
    return in_time && right_status && right_text ? 0 : 1;
}
