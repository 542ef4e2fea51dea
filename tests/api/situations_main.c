/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* situations_main.c - runs 40 situations in which programs put malloc, and counts where it
 * behaves. They are the situations that a libc's own test suite looks at; one line each, then
 * the sum. An argument runs the situations whose name contains it.
 * Invariants: the parent holds no lock and starts no thread, so that fork is plain. */
#include "tests/api/situations.h"
#include "tests/support/ours.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SECONDS_MAX 120
#define TOTAL_COUNT 40
/* glibc's own malloc falls short in three of them; other allocators are run with this to compare them. */
#define FAILED_MAX (OURS_KIND == OURS_ANY ? 3 : 0)

enum outcome { BEHAVES, SKIPPED, FAILED };

static const struct situation_group *const groups[] = {
    &situations_blocks,  &situations_aligned, &situations_fork,
    &situations_threads, &situations_reports, &situations_libc,
};

static void run_in_child(const struct situation_group *group, const struct situation *situation)
{
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    situation->run();
    if (*group->failed_count != 0)
        _exit(1);
    _exit(*group->skipped_count != 0 ? 77 : 0);
}

/* The exit status, or -1 when the time was over. */
static int wait_for(pid_t child)
{
    const struct timespec pause = {0, 5 * 1000 * 1000};
    int status = 0;
    for (long i = 0; i < SECONDS_MAX * 200L; i++) {
        pid_t done = waitpid(child, &status, WNOHANG);
        if (done == child)
            return status;
        if (done < 0 && errno != EINTR)
            return -1;
        nanosleep(&pause, NULL);
    }
    kill(-child, SIGKILL);
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    return -1;
}

static enum outcome judge(int status)
{
    if (status == -1) {
        check_write("    did not end in time\n");
        return FAILED;
    }
    if (WIFSIGNALED(status)) {
        check_write("    died of signal ");
        check_write_number(WTERMSIG(status));
        check_write("\n");
        return FAILED;
    }
    if (WEXITSTATUS(status) == 77)
        return SKIPPED;
    return WEXITSTATUS(status) == 0 ? BEHAVES : FAILED;
}

static enum outcome run_situation(const struct situation_group *group,
                                  const struct situation *situation)
{
    static const char *const words[] = {"ok", "skipped", "FAILED"};
    pid_t child = fork();
    if (child == 0)
        run_in_child(group, situation);
    enum outcome outcome = child < 0 ? FAILED : judge(wait_for(child));
    if (child > 0)
        kill(-child, SIGKILL); /* what it may have left behind */
    check_write("  ");
    check_write(situation->name);
    check_write(": ");
    check_write(words[outcome]);
    check_write("\n");
    return outcome;
}

int main(int argument_count, char **arguments)
{
    const char *wanted = argument_count > 1 ? arguments[1] : "";
    long total = 0;
    long counts[3] = {0, 0, 0};
    if (!ours_prove())
        return check_done();
    for (size_t g = 0; g < sizeof groups / sizeof groups[0]; g++) {
        for (size_t i = 0; i < groups[g]->count; i++) {
            if (strstr(groups[g]->list[i].name, wanted) == NULL)
                continue;
            counts[run_situation(groups[g], &groups[g]->list[i])]++;
            total++;
        }
    }
    check_write_number(counts[BEHAVES]);
    check_write(" of ");
    check_write_number(total);
    check_write(" situations behave, ");
    check_write_number(counts[SKIPPED]);
    check_write(" skipped\n");
    if (*wanted != '\0')
        return counts[FAILED] != 0;
    CHECK_EQ(total, TOTAL_COUNT);
    CHECK(counts[FAILED] <= FAILED_MAX);
    return check_done();
}
