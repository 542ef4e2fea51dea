/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* report_test.c - the library's own reports reach the file that was standard error at the start, no other one, and end
 * nobody. */
#include "base/report.h"
#include "support/check.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static int saved;

static void say(const char *text)
{
    struct print out = {0};
    zci_print_text(&out, text);
    zci_report_flush(&out);
}

/* What is in the pipe, at once. */
static int holds(int fd, const char *text)
{
    char found[100];
    ssize_t length = read(fd, found, sizeof found);
    return length == (ssize_t)strlen(text) && memcmp(found, text, (size_t)length) == 0;
}

static void begin(int ends[2])
{
    CHECK_EQ(pipe(ends), 0);
    CHECK_EQ(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    CHECK_EQ(dup2(ends[1], 2), 2);
    close(ends[1]);
}

static void end(int ends[2])
{
    dup2(saved, 2);
    close(ends[0]);
}

static void it_goes_to_standard_error(void)
{
    int ends[2];
    begin(ends);
    say("before the start");
    CHECK(holds(ends[0], "before the start"));
    zci_report_start(false);
    say("then");
    CHECK(holds(ends[0], "then"));
    end(ends);
}

static void a_closed_one_is_kept_if_wanted(void)
{
    int ends[2];
    for (int keeps = 0; keeps <= 1; keeps++) {
        begin(ends);
        zci_report_start(keeps);
        close(2);
        errno = 7;
        say("at the end");
        CHECK_EQ(errno, 7);
        CHECK_EQ(holds(ends[0], "at the end"), keeps);
        end(ends);
    }
}

static void another_file_of_its_number_gets_nothing(void)
{
    int ends[2], others[2];
    begin(ends);
    zci_report_start(false);
    CHECK_EQ(pipe(others), 0);
    CHECK_EQ(fcntl(others[0], F_SETFL, O_NONBLOCK), 0);
    dup2(others[1], 2);
    say("not here");
    CHECK(!holds(others[0], "not here"));
    end(ends);
    close(others[0]);
    close(others[1]);
}

static volatile sig_atomic_t pipe_signals;

static void on_pipe(int number)
{
    (void)number;
    pipe_signals++;
}

/* And one of the program's own that waits goes on waiting. */
static void nobody_who_reads_is_no_signal(void)
{
    int ends[2];
    sigset_t mask, waiting;
    signal(SIGPIPE, on_pipe);
    begin(ends);
    zci_report_start(false);
    close(ends[0]);
    say("to nobody");
    CHECK_EQ(pipe_signals, 0);
    sigemptyset(&mask);
    sigaddset(&mask, SIGPIPE);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    raise(SIGPIPE);
    say("to nobody");
    CHECK_EQ(sigpending(&waiting), 0);
    CHECK_EQ(sigismember(&waiting, SIGPIPE), 1);
    sigprocmask(SIG_UNBLOCK, &mask, NULL);
    CHECK_EQ(pipe_signals, 1);
    signal(SIGPIPE, SIG_DFL);
    dup2(saved, 2);
}

int main(void)
{
    saved = dup(2);
    RUN(it_goes_to_standard_error);
    RUN(a_closed_one_is_kept_if_wanted);
    RUN(another_file_of_its_number_gets_nothing);
    RUN(nobody_who_reads_is_no_signal);
    return check_done();
}
