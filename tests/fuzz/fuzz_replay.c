/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* fuzz_replay.c - the fuzz target without libFuzzer, for any compiler.
 *
 *   fuzz_replay [seed [inputs [first]]]   pseudo-random inputs, reproducible one by one
 *   fuzz_replay FILE...                   inputs that a fuzzer has saved
 *
 * When an input ends the process, its number is printed: run "fuzz_replay SEED 1 NUMBER". */
#include "fuzz/fuzz_api.h"
#include "stress/pattern.h"
#include "support/check.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

enum { INPUT_BYTES_MAX = 4096 };

static uint8_t input[INPUT_BYTES_MAX];
static unsigned long seed = 20260101;
static unsigned long current;

static void print_current(int signal_number)
{
    check_write("seed ");
    check_write_number((long long)seed);
    check_write(", input ");
    check_write_number((long long)current);
    check_write(" ended the process\n");
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static void run_generated(unsigned long number)
{
    uint64_t state = (seed * 1000003 + number) * 0x9E3779B97F4A7C15U | 1;
    size_t size = 1 + random_below(&state, INPUT_BYTES_MAX);
    current = number;
    for (size_t i = 0; i < size; i++)
        input[i] = (uint8_t)(random_next(&state) >> 56);
    CHECK_EQ(LLVMFuzzerTestOneInput(input, size), 0);
}

static void run_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, input, sizeof input);
    if (CHECK(size >= 0))
        CHECK_EQ(LLVMFuzzerTestOneInput(input, (size_t)size), 0);
    close(fd);
}

int main(int argc, char **argv)
{
    if (argc > 1 && access(argv[1], R_OK) == 0) {
        for (int i = 1; i < argc; i++)
            run_file(argv[i]);
        return check_done();
    }
    if (argc > 1)
        seed = strtoul(argv[1], NULL, 0);
    unsigned long count = argc > 2 ? strtoul(argv[2], NULL, 0) : 150;
    unsigned long first = argc > 3 ? strtoul(argv[3], NULL, 0) : 0;
    signal(SIGABRT, print_current);
    signal(SIGSEGV, print_current);
    check_write("seed ");
    check_write_number((long long)seed);
    check_write("\n");
    for (unsigned long i = 0; i < count; i++)
        run_generated(first + i);
    return check_done();
}
