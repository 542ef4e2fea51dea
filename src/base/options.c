/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* options.c - see options.h. No getenv: it may not be callable this early, and it cannot list. */
#include "base/options.h"

#include "base/print.h"
#include "base/report.h"

#include <stddef.h>
#include <string.h>

struct options zci_options = {
#define OPTION(name, type, value, help) .name = (value),
#include "base/options.def"
#undef OPTION
};

const char *const zci_option_formats[] = {"text", "json", "prometheus", NULL};

enum option_type { OPTION_bool, OPTION_level, OPTION_bytes, OPTION_ms, OPTION_format };

/* The largest value of each type. Some waits are several times as long as an option says, and still an int. */
static const uint64_t value_most[] = {
    [OPTION_bool] = 1,      [OPTION_level] = 2,  [OPTION_bytes] = UINT64_MAX,
    [OPTION_ms] = 86400000, [OPTION_format] = 1,
};

struct option {
    const char *name;
    enum option_type type;
    uint64_t value_default;
    size_t offset;
};

static const struct option option_table[] = {
#define OPTION(name, type, value, help)                                                            \
    {#name, OPTION_##type, (value), offsetof(struct options, name)},
#include "base/options.def"
#undef OPTION
};

#define OPTION_COUNT (sizeof option_table / sizeof option_table[0])
#define PREFIX       "ZCMALLOC_"

static uint64_t *option_value(const struct option *option)
{
    return (uint64_t *)((char *)&zci_options + option->offset);
}

static char to_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Is text "NAME=", in capitals, for this option? */
static bool name_matches(const char *text, size_t length, const char *name)
{
    if (strlen(name) != length)
        return false;
    for (size_t i = 0; i < length; i++)
        if (to_lower(text[i]) != name[i])
            return false;
    return true;
}

static const struct option *option_of(const char *name, size_t length)
{
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (name_matches(name, length, option_table[i].name))
            return &option_table[i];
    return NULL;
}

/* The number of a word for a format; 0 if it is none. */
static uint64_t format_of(const char *text)
{
    for (uint64_t i = 0; zci_option_formats[i] != NULL; i++)
        if (strcmp(text, zci_option_formats[i]) == 0)
            return i + 1;
    return 0;
}

static bool parse_value(const char *text, enum option_type type, uint64_t *value)
{
    uint64_t number = type == OPTION_format ? format_of(text) : 0;
    if (number != 0) {
        *value = number;
        return true;
    }
    if (*text < '0' || *text > '9')
        return false;
    for (; *text >= '0' && *text <= '9'; text++)
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, (uint64_t)(*text - '0'), &number))
            return false;
    unsigned shift = 0;
    switch (type == OPTION_bytes || type == OPTION_ms ? to_lower(*text) : '\0') {
    case 'k':
        shift = 10;
        break;
    case 'm':
        shift = 20;
        break;
    case 'g':
        shift = 30;
        break;
    default:
        break;
    }
    text += shift != 0;
    *value = number << shift;
    return *text == '\0' && (*value >> shift) == number && *value <= value_most[type];
}

static void complain(const char *what, const char *variable, size_t length)
{
    struct print out = {0};
    zci_print_text(&out, "zcmalloc: ");
    zci_print_text(&out, what);
    zci_print_text(&out, " ");
    for (size_t i = 0; i < length && i < 200; i++)
        zci_print_text(&out, (const char[]){variable[i], '\0'});
    zci_print_text(&out, "\n");
    zci_report_flush(&out);
}

static void read_variable(const char *variable)
{
    const char *name = variable + strlen(PREFIX);
    const char *equals = strchr(name, '=');
    if (equals == NULL)
        return;
    /* Empty is unset. And one is the command's own: which library `zcmalloc run` preloads. */
    if (equals[1] == '\0' || name_matches(name, (size_t)(equals - name), "lib"))
        return;
    const struct option *option = option_of(name, (size_t)(equals - name));
    uint64_t value;
    if (option == NULL)
        complain("unknown option, ignored:", variable, (size_t)(equals - variable));
    else if (parse_value(equals + 1, option->type, &value))
        *option_value(option) = value;
    else
        complain("not a value for this option, ignored:", variable, strlen(variable));
}

bool zci_option_takes(const char *name, size_t name_length, const char *value)
{
    const struct option *option = option_of(name, name_length);
    uint64_t number;
    return option != NULL && parse_value(value, option->type, &number);
}

void zci_options_read(char *const *environment)
{
    for (; *environment != NULL; environment++)
        if (strncmp(*environment, PREFIX, strlen(PREFIX)) == 0)
            read_variable(*environment);
}

void zci_options_print_changed(struct print *out)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option *option = &option_table[i];
        if (*option_value(option) == option->value_default)
            continue;
        zci_print_text(out, " ");
        zci_print_text(out, option->name);
        zci_print_text(out, "=");
        if (option->type == OPTION_format)
            zci_print_text(out, zci_option_formats[*option_value(option) - 1]);
        else
            zci_print_number(out, *option_value(option));
    }
}
