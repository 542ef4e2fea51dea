/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* zcmalloc.c - the command: runs a program with the library preloaded, and tells about its options.
 * Invariants: what is already preloaded stays so, behind the library. Only the started program sees
 *             the changed environment. A program that keeps its own malloc does not do so unnoticed.
 * Exit codes: 0; 2 usage; 125 the command itself failed; 126 and 127 as sh for a program that
 *             cannot be run or found; else the program's own. */
#include "zcmalloc.h"

#include "base/options.h"
#include "preload.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef ZC_LIBRARY_FOLDER
#define ZC_LIBRARY_FOLDER "../lib" /* from the folder of the command to that of the library */
#endif

#define OPTION_PREFIX "ZCMALLOC_"

enum { EXIT_USAGE = 2, EXIT_OWN_FAILURE = 125, EXIT_CANNOT_RUN = 126, EXIT_NOT_FOUND = 127 };

struct option_text {
    const char *name;
    const char *type;
    const char *value;
    const char *help;
};

static const struct option_text option_table[] = {
#define OPTION(name, type, value, help) {#name, #type, #value, help},
#include "base/options.def"
#undef OPTION
};

#define OPTION_COUNT (sizeof option_table / sizeof option_table[0])

static const char usage_text[] = "usage: zcmalloc run [OPTION...] PROGRAM [ARGUMENT...]\n"
                                 "       zcmalloc options | version | help\n";

static const char help_text[] =
    "\n"
    "  run       run PROGRAM with zcmalloc in place of its malloc; nothing has to be rebuilt\n"
    "  options   list what can be set with --set or with ZCMALLOC_* environment variables\n"
    "  version   print the version\n"
    "  help      print this text\n"
    "\n"
    "Options of run:\n"
    "  --stats            print the allocator's statistics when PROGRAM ends\n"
    "  --verbose          print one line when the allocator starts\n"
    "  --set NAME=VALUE   set an option, see `zcmalloc options`\n"
    "  --                 what follows is the program\n"
    "\n"
    "The library is looked for in $ZCMALLOC_LIB, then beside this command, then in the folder\n"
    "where it is installed. Programs with elevated rights and statically linked ones do not take\n"
    "a preloaded library: they run with their own malloc, and a line says so.\n"
    "\n"
    "Exit code: the program's own; 125 no library that can be preloaded, or a failure of this\n"
    "command, 126 the program cannot be run, 127 it is not found, 2 wrong usage.\n"
    "\n"
    "Example: zcmalloc run --stats python3 -c 'print(1)'\n";

static int complain(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int complain(int code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("zcmalloc: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    if (code == EXIT_USAGE)
        fputs(usage_text, stderr);
    return code;
}

/* Upper case, and _ for -, as the environment variables are spelled. */
static void variable_name(const char *name, size_t length, char *variable)
{
    for (size_t i = 0; i < length; i++)
        variable[i] = name[i] == '-' ? '_' : (char)toupper((unsigned char)name[i]);
    variable[length] = '\0';
}

static bool option_exists(const char *name, size_t length)
{
    char wanted[64];
    char known[64];
    if (length == 0 || length >= sizeof wanted)
        return false;
    variable_name(name, length, wanted);
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        variable_name(option_table[i].name, strlen(option_table[i].name), known);
        if (strcmp(wanted, known) == 0)
            return true;
    }
    return false;
}

/* NAME=VALUE, of an option or of its environment variable. */
static int set_option(const char *assignment)
{
    const char *equals = strchr(assignment, '=');
    if (equals == NULL)
        return complain(EXIT_USAGE, "--set needs NAME=VALUE, not \"%s\"", assignment);
    const char *name = assignment;
    if (strncasecmp(name, OPTION_PREFIX, strlen(OPTION_PREFIX)) == 0)
        name += strlen(OPTION_PREFIX);
    size_t length = (size_t)(equals - name);
    if (!option_exists(name, length))
        return complain(EXIT_USAGE, "no option \"%.*s\"; `zcmalloc options` lists them",
                        (int)(equals - assignment), assignment);
    char variable[sizeof OPTION_PREFIX + 64] = OPTION_PREFIX;
    variable_name(name, length, variable + strlen(OPTION_PREFIX));
    if (!zci_option_takes(variable + strlen(OPTION_PREFIX), length, equals + 1))
        return complain(EXIT_USAGE, "option \"%.*s\" does not take \"%s\"; see `zcmalloc options`",
                        (int)(equals - assignment), assignment, equals + 1);
    return setenv(variable, equals + 1, 1) == 0 ? 0 : complain(EXIT_OWN_FAILURE, "out of memory");
}

static bool find_in(const char *folder, size_t folder_length, const char *below, char *path)
{
    for (size_t i = 0; preload_file_names[i] != NULL; i++) {
        int length = snprintf(path, PATH_MAX, "%.*s/%s%s%s", (int)folder_length, folder, below,
                              *below != '\0' ? "/" : "", preload_file_names[i]);
        if (length > 0 && length < PATH_MAX && access(path, R_OK) == 0)
            return true;
    }
    return false;
}

/* Fills path with PATH_MAX bytes at most; 0 or an exit code. */
static int find_library(char *path)
{
    char own[PATH_MAX];
    const char *given = getenv(OPTION_PREFIX "LIB");
    if (given != NULL && *given != '\0') {
        char *real = realpath(given, NULL);
        if (real == NULL || strlen(real) >= PATH_MAX) {
            free(real);
            return complain(EXIT_OWN_FAILURE, "cannot read $ZCMALLOC_LIB, %s: %s", given,
                            strerror(errno));
        }
        strcpy(path, real);
        free(real);
    } else {
        if (!preload_own_path(own, sizeof own))
            return complain(EXIT_OWN_FAILURE, "cannot tell where this command is: %s",
                            strerror(errno));
        const char *slash = strrchr(own, '/');
        size_t folder_length = slash == NULL ? 0 : (size_t)(slash - own);
        if (!find_in(own, folder_length, "", path) &&
            !find_in(own, folder_length, ZC_LIBRARY_FOLDER, path) &&
            !find_in(own, folder_length, "../lib", path))
            return complain(EXIT_OWN_FAILURE, "no %s beside %s or in its library folder",
                            preload_file_names[0], own);
    }
    if (strpbrk(path, preload_separators) != NULL)
        return complain(EXIT_OWN_FAILURE,
                        "%s cannot be preloaded: its path holds a space or a colon", path);
    const char *fault = preload_library_fault(path);
    return fault == NULL ? 0
                         : complain(EXIT_OWN_FAILURE, "%s cannot be preloaded: %s", path, fault);
}

/* The file that execvp takes for this name, of PATH_MAX bytes at most; false if it finds none. */
static bool find_program(const char *name, char *path)
{
    char usual[PATH_MAX] = "";
    struct stat status;
    const char *folders = getenv("PATH");
    if (folders == NULL && confstr(_CS_PATH, usual, sizeof usual) != 0)
        folders = usual;
    if (folders == NULL || strchr(name, '/') != NULL)
        folders = ""; /* one, which is that of this process */
    for (;; folders++) {
        size_t length = strcspn(folders, ":");
        int written = snprintf(path, PATH_MAX, "%.*s%s%s", (int)length, folders,
                               length == 0 ? "" : "/", name);
        if (written > 0 && written < PATH_MAX && stat(path, &status) == 0 &&
            S_ISREG(status.st_mode) && access(path, X_OK) == 0)
            return true;
        folders += length;
        if (*folders == '\0')
            return false;
    }
}

static bool is_same_file(const char *path, const char *other)
{
    struct stat status;
    struct stat of_other;
    return stat(path, &status) == 0 && stat(other, &of_other) == 0 &&
           status.st_dev == of_other.st_dev && status.st_ino == of_other.st_ino;
}

/* The library, then what is there already; the library once only, as where one command runs another. */
static int set_preload(const char *library)
{
    const char *before = getenv(preload_variable);
    char *words = strdup(before == NULL ? "" : before);
    char *all = words == NULL ? NULL : malloc(strlen(library) + strlen(words) + 2);
    int result = -1;
    if (all != NULL) {
        char *end = stpcpy(all, library);
        char *rest = words;
        for (char *word; (word = strsep(&rest, preload_separators)) != NULL;)
            if (*word != '\0' && (strchr(word, '/') == NULL || !is_same_file(word, library)))
                end = stpcpy(stpcpy(end, ":"), word);
        result = setenv(preload_variable, all, 1);
    }
    free(all);
    free(words);
    return result;
}

/* Of run: sets what they say and leaves *next at the program; 0 or an exit code, -1 after --help. */
static int read_flags(int count, char **arguments, int *next)
{
    for (; *next < count && arguments[*next][0] == '-'; ++*next) {
        const char *flag = arguments[*next];
        int code = 0;
        if (strcmp(flag, "--") == 0) {
            ++*next;
            break;
        } else if (strcmp(flag, "--stats") == 0) {
            code = set_option("stats=1");
        } else if (strcmp(flag, "--verbose") == 0) {
            code = set_option("verbose=1");
        } else if (strncmp(flag, "--set=", 6) == 0) {
            code = set_option(flag + 6);
        } else if (strcmp(flag, "--set") == 0) {
            if (++*next == count)
                return complain(EXIT_USAGE, "--set needs NAME=VALUE");
            code = set_option(arguments[*next]);
        } else if (strcmp(flag, "--help") == 0 || strcmp(flag, "-h") == 0) {
            printf("%s%s", usage_text, help_text);
            return -1;
        } else {
            return complain(EXIT_USAGE, "run has no option %s", flag);
        }
        if (code != 0)
            return code;
    }
    return *next == count ? complain(EXIT_USAGE, "run needs a program") : 0;
}

static int run(int count, char **arguments)
{
    int next = 0;
    int code = read_flags(count, arguments, &next);
    if (code != 0)
        return code < 0 ? 0 : code;
    char path[PATH_MAX];
    code = find_library(path);
    if (code != 0)
        return code;
    if (set_preload(path) != 0)
        return complain(EXIT_OWN_FAILURE, "out of memory");
    const char *program = arguments[next];
    const char *fault = find_program(program, path) ? preload_program_fault(path) : NULL;
    if (fault != NULL)
        complain(0, "%s %s: it keeps its own malloc", program, fault);
    execvp(program, arguments + next);
    int reason = errno;
    return complain(reason == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN, "%s: %s", program,
                    strerror(reason));
}

static void print_options(void)
{
    int width = 0;
    char variable[64];
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if ((int)strlen(option_table[i].name) > width)
            width = (int)strlen(option_table[i].name);
    width += (int)strlen(OPTION_PREFIX);
    printf("%-*s  %-5s  %-7s  %s\n", width, "variable", "type", "default", "what it does");
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option_text *option = &option_table[i];
        variable_name(option->name, strlen(option->name), variable);
        printf(OPTION_PREFIX "%-*s  %-5s  %-7s  %s\n", width - (int)strlen(OPTION_PREFIX), variable,
               option->type, option->value, option->help);
    }
    printf("\nbool: 0 or 1; level: 0 to 2; bytes: digits, then K, M or G if wanted; ms: the same, "
           "a day at most;\n"
           "format: 0, 1 or text, json, prometheus.\n"
           "Set one for a program:  zcmalloc run --set %s=1 PROGRAM\n",
           option_table[0].name);
}

static int dispatch(int count, char **arguments)
{
    if (count < 2)
        return complain(EXIT_USAGE, "no command given");
    const char *command = arguments[1];
    bool is_help = strcmp(command, "help") == 0 || strcmp(command, "--help") == 0 ||
                   strcmp(command, "-h") == 0;
    bool is_version = strcmp(command, "version") == 0 || strcmp(command, "--version") == 0;
    if (strcmp(command, "run") == 0)
        return run(count - 2, arguments + 2);
    if (!is_help && !is_version && strcmp(command, "options") != 0)
        return complain(EXIT_USAGE, "no command \"%s\"", command);
    if (count > 2)
        return complain(EXIT_USAGE, "%s takes no arguments", command);
    if (is_help)
        printf("%s%s", usage_text, help_text);
    else if (is_version)
        printf("zcmalloc %d.%d.%d\n", ZC_VERSION_MAJOR, ZC_VERSION_MINOR, ZC_VERSION_PATCH);
    else
        print_options();
    return 0;
}

int main(int argc, char **argv)
{
    int code = dispatch(argc, argv);
    /* A full disk must not look like success. */
    if (fflush(stdout) != 0 && code == 0)
        return complain(EXIT_OWN_FAILURE, "cannot write: %s", strerror(errno));
    return code;
}
