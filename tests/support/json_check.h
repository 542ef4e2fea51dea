/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* json_check.h - whether a text is one JSON value (RFC 8259) and nothing else.
 * Invariants: knows objects, arrays, strings without escapes and unsigned integers: what reports are made
 *             of. No name twice in an object is not checked.
 * Costs:      one pass, no allocation, as deep a recursion as the text is nested. */
#ifndef TESTS_SUPPORT_JSON_CHECK_H
#define TESTS_SUPPORT_JSON_CHECK_H

#include <stddef.h>

static inline const char *json_skip_space(const char *at)
{
    while (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r')
        at++;
    return at;
}

static inline const char *json_skip_string(const char *at)
{
    if (*at++ != '"')
        return NULL;
    while (*at != '"') {
        if ((unsigned char)*at < ' ' || *at == '\\')
            return NULL;
        at++;
    }
    return at + 1;
}

/* Behind the value, or NULL. */
static inline const char *json_skip_value(const char *at)
{
    char open = *at;
    if (open == '"')
        return json_skip_string(at);
    if (open >= '0' && open <= '9') {
        while (*at >= '0' && *at <= '9')
            at++;
        return open == '0' && at[-1] != '0' ? NULL : at;
    }
    if (open != '{' && open != '[')
        return NULL;
    char close = open == '{' ? '}' : ']';
    at = json_skip_space(at + 1);
    if (*at == close)
        return at + 1;
    for (;;) {
        if (open == '{') {
            at = json_skip_string(at);
            if (at == NULL || *(at = json_skip_space(at)) != ':')
                return NULL;
            at = json_skip_space(at + 1);
        }
        at = json_skip_value(at);
        if (at == NULL)
            return NULL;
        at = json_skip_space(at);
        if (*at == close)
            return at + 1;
        if (*at != ',')
            return NULL;
        at = json_skip_space(at + 1);
    }
}

static inline int json_is_well_formed(const char *text)
{
    const char *end = json_skip_value(json_skip_space(text));
    return end != NULL && *json_skip_space(end) == '\0';
}

#endif
