/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* xml_check.h - whether a text is one well-formed XML element.
 * Invariants: elements nest, every attribute is name="value" and unique in its element, nothing
 * but white space follows the root. Entities and comments are not known: the text may not use
 * them.
 * Costs:      one pass, no allocation, at most XML_DEPTH_MAX levels. */
#ifndef TESTS_SUPPORT_XML_CHECK_H
#define TESTS_SUPPORT_XML_CHECK_H

#include <stddef.h>
#include <string.h>

#define XML_DEPTH_MAX      16
#define XML_NAME_MAX       64
#define XML_ATTRIBUTES_MAX 16

static inline int xml_is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.' || c == ':';
}

static inline const char *xml_skip_space(const char *at)
{
    while (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r')
        at++;
    return at;
}

/* Copies the name at *at and moves behind it; 0 if there is none or it is too long. */
static inline int xml_name(const char **at, char *name)
{
    size_t length = 0;
    while (xml_is_name((*at)[length]))
        length++;
    if (length == 0 || length >= XML_NAME_MAX)
        return 0;
    memcpy(name, *at, length);
    name[length] = '\0';
    *at += length;
    return 1;
}

/* From behind the element's name to behind '>'. Value: 0 broken, 1 element opened, 2 empty
 * element. */
static inline int xml_attributes(const char **cursor)
{
    char seen[XML_ATTRIBUTES_MAX][XML_NAME_MAX];
    int seen_count = 0;
    const char *at = *cursor;
    for (;;) {
        const char *before = at;
        at = xml_skip_space(at);
        if (*at == '>') {
            *cursor = at + 1;
            return 1;
        }
        if (at[0] == '/' && at[1] == '>') {
            *cursor = at + 2;
            return 2;
        }
        if (at == before || seen_count == XML_ATTRIBUTES_MAX || !xml_name(&at, seen[seen_count]))
            return 0;
        for (int i = 0; i < seen_count; i++)
            if (strcmp(seen[i], seen[seen_count]) == 0)
                return 0;
        seen_count++;
        if (at[0] != '=' || at[1] != '"')
            return 0;
        at += 2;
        while (*at != '"' && *at != '<' && *at != '\0')
            at++;
        if (*at++ != '"')
            return 0;
    }
}

static inline int xml_is_well_formed(const char *text)
{
    char open[XML_DEPTH_MAX][XML_NAME_MAX];
    char name[XML_NAME_MAX];
    int depth = 0;
    const char *at = xml_skip_space(text);
    do {
        if (*at == '\0' || (*at != '<' && depth == 0))
            return 0;
        if (*at == '>' || *at == '&')
            return 0;
        if (*at != '<') {
            at++;
            continue;
        }
        int closing = at[1] == '/';
        at += 1 + closing;
        if (!xml_name(&at, name))
            return 0;
        if (closing) {
            at = xml_skip_space(at);
            if (*at++ != '>' || depth == 0 || strcmp(open[--depth], name) != 0)
                return 0;
            continue;
        }
        int kind = xml_attributes(&at);
        if (kind == 0 || depth == XML_DEPTH_MAX)
            return 0;
        if (kind == 1)
            memcpy(open[depth++], name, sizeof name);
    } while (depth > 0);
    return *xml_skip_space(at) == '\0';
}

#endif
