/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the zcmalloc authors */
/* stats_print.c - see stats.h: writes a report, row by row from the tables, as text, JSON or Prometheus'
 * exposition format. Uses neither malloc nor stdio, so that it works at exit and when memory is gone. */
#include "base/print.h"
#include "heap/stats.h"
#include "os/os.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

enum kind { KIND_gauge, KIND_counter };

enum unit { UNIT_bytes, UNIT_count, UNIT_percent };

struct row {
    const char *name; /* NULL: label is a heading */
    enum kind kind;
    enum unit unit;
    const char *label;
    const char *help;
    size_t offset;
};

static const struct row rows[] = {
#define SECTION(title) {.label = (title)},
#define ROW(name, kind, unit, label, help)                                                         \
    {#name, KIND_##kind, UNIT_##unit, (label), (help), offsetof(struct zc_stats, name)},
#include "heap/stats.def"
#undef SECTION
#undef ROW
};

static const struct row class_rows[] = {
#define CLASS_ROW(name, kind, unit, heading, help)                                                 \
    {#name, KIND_##kind, UNIT_##unit, (heading), (help), offsetof(struct zc_class_stats, name)},
#include "heap/stats_class.def"
#undef CLASS_ROW
};

enum {

#define SECTION(title)
#define ROW(name, kind, unit, label, help) FIELD_##name,
#include "heap/stats.def"
#undef SECTION
#undef ROW
    FIELD_COUNT
};

#define ROW_COUNT       (sizeof rows / sizeof rows[0])
#define CLASS_ROW_COUNT (sizeof class_rows / sizeof class_rows[0])

ZCI_STATIC_ASSERT(sizeof(struct zc_stats) == 8 + 8 * FIELD_COUNT, "each field has a row");
ZCI_STATIC_ASSERT(sizeof(struct zc_class_stats) == 8 + 8 * CLASS_ROW_COUNT, "each field has a row");

static uint64_t value_of(const void *record, const struct row *row)
{
    uint64_t value;
    memcpy(&value, (const char *)record + row->offset, sizeof value);
    return value;
}

/* A class that never had a block is not worth a line. */
static bool is_used(const struct zc_class_stats *row)
{
    return row->span_made_count != 0;
}

#define PROGRAM_NAME_MOST 100

/* No row is longer. */
#define ROW_BYTES (ZCI_PRINT_BYTES * 3 / 4)

static void end_row(struct print *out, int fd, const char *text)
{
    zci_print_text(out, text);
    if (zci_print_room(out) < ROW_BYTES)
        zci_print_flush(out, fd);
}

/* As much of it as can stand between quotes. */
static void print_program_name(struct print *out)
{
    const char *name = zci_os_program_name();
    for (unsigned i = 0; i < PROGRAM_NAME_MOST && name[i] != '\0'; i++) {
        bool is_plain = name[i] >= ' ' && name[i] <= '~' && name[i] != '"' && name[i] != '\\';
        zci_print_text(out, (const char[]){is_plain ? name[i] : '?', '\0'});
    }
}

/* --- text ----------------------------------------------------------------------------------------- */

#define LABEL_WIDTH  38
#define COLUMN_WIDTH 12

static void print_text_row(struct print *out, int fd, const struct row *row, uint64_t value)
{
    zci_print_text(out, "zcmalloc:   ");
    zci_print_label(out, row->label, LABEL_WIDTH);
    if (row->unit == UNIT_bytes)
        zci_print_kib(out, value, COLUMN_WIDTH);
    else
        zci_print_column(out, value, COLUMN_WIDTH);
    end_row(out, fd, row->unit == UNIT_percent ? " %\n" : "\n");
}

static void print_heading(struct print *out, const char *heading)
{
    for (size_t have = strlen(heading); have < COLUMN_WIDTH; have++)
        zci_print_text(out, " ");
    zci_print_text(out, heading);
}

static void print_text_classes(struct print *out, int fd, const struct stats_snapshot *snapshot)
{
    zci_print_text(out, "zcmalloc: ");
    for (size_t i = 0; i < CLASS_ROW_COUNT; i++)
        print_heading(out, class_rows[i].label);
    end_row(out, fd, "\n");
    for (size_t c = 0; c < ZCI_STATS_CLASSES; c++) {
        if (!is_used(&snapshot->classes[c]))
            continue;
        zci_print_text(out, "zcmalloc: ");
        for (size_t i = 0; i < CLASS_ROW_COUNT; i++)
            zci_print_column(out, value_of(&snapshot->classes[c], &class_rows[i]), COLUMN_WIDTH);
        end_row(out, fd, "\n");
    }
}

static void print_text(struct print *out, int fd, const struct stats_snapshot *snapshot)
{
    zci_print_text(out, "zcmalloc: process ");
    zci_print_number(out, zci_os_process_number());
    zci_print_text(out, ", ");
    print_program_name(out);
    end_row(out, fd, "\n");
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (rows[i].name != NULL) {
            print_text_row(out, fd, &rows[i], value_of(&snapshot->all, &rows[i]));
            continue;
        }
        zci_print_text(out, "zcmalloc: ");
        zci_print_text(out, rows[i].label);
        end_row(out, fd, "\n");
    }
    print_text_classes(out, fd, snapshot);
}

/* --- JSON ----------------------------------------------------------------------------------------- */

static void print_member(struct print *out, int fd, const char *name, uint64_t value)
{
    zci_print_text(out, "\"");
    zci_print_text(out, name);
    zci_print_text(out, "\":");
    zci_print_number(out, value);
    end_row(out, fd, "");
}

static void print_json(struct print *out, int fd, const struct stats_snapshot *snapshot)
{
    const char *comma = "";
    zci_print_text(out, "{");
    print_member(out, fd, "version", ZC_STATS_VERSION);
    zci_print_text(out, ",\n");
    print_member(out, fd, "process_number", zci_os_process_number());
    zci_print_text(out, ",\n\"program\":\"");
    print_program_name(out);
    end_row(out, fd, "\"");
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (rows[i].name == NULL)
            continue;
        zci_print_text(out, ",\n");
        print_member(out, fd, rows[i].name, value_of(&snapshot->all, &rows[i]));
    }
    zci_print_text(out, ",\n\"classes\":[");
    for (size_t c = 0; c < ZCI_STATS_CLASSES; c++) {
        if (!is_used(&snapshot->classes[c]))
            continue;
        zci_print_text(out, comma);
        for (size_t i = 0; i < CLASS_ROW_COUNT; i++) {
            zci_print_text(out, i == 0 ? "\n{" : ",");
            print_member(out, fd, class_rows[i].name,
                         value_of(&snapshot->classes[c], &class_rows[i]));
        }
        zci_print_text(out, "}");
        comma = ",";
    }
    end_row(out, fd, "\n]}\n");
}

/* --- Prometheus, text format 0.0.4 ---------------------------------------------------------------- */

/* A counter ends in _total, instead of _count. */
static void print_metric(struct print *out, const char *prefix, const struct row *row)
{
    size_t length = strlen(row->name);
    bool is_counter = row->kind == KIND_counter;
    if (is_counter && length > 6 && strcmp(row->name + length - 6, "_count") == 0)
        length -= 6;
    zci_print_text(out, prefix);
    for (size_t i = 0; i < length; i++)
        zci_print_text(out, (const char[]){row->name[i], '\0'});
    zci_print_text(out, is_counter ? "_total" : "");
}

static void print_metric_head(struct print *out, int fd, const char *prefix, const struct row *row)
{
    zci_print_text(out, "# HELP ");
    print_metric(out, prefix, row);
    zci_print_text(out, " ");
    zci_print_text(out, row->help);
    end_row(out, fd, "\n");
    zci_print_text(out, "# TYPE ");
    print_metric(out, prefix, row);
    end_row(out, fd, row->kind == KIND_counter ? " counter\n" : " gauge\n");
}

static void print_prometheus(struct print *out, int fd, const struct stats_snapshot *snapshot)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (rows[i].name == NULL)
            continue;
        print_metric_head(out, fd, "zcmalloc_", &rows[i]);
        print_metric(out, "zcmalloc_", &rows[i]);
        zci_print_text(out, " ");
        zci_print_number(out, value_of(&snapshot->all, &rows[i]));
        end_row(out, fd, "\n");
    }
    /* From the second on: the first is the label. */
    for (size_t i = 1; i < CLASS_ROW_COUNT; i++) {
        print_metric_head(out, fd, "zcmalloc_class_", &class_rows[i]);
        for (size_t c = 0; c < ZCI_STATS_CLASSES; c++) {
            if (!is_used(&snapshot->classes[c]))
                continue;
            print_metric(out, "zcmalloc_class_", &class_rows[i]);
            zci_print_text(out, "{block_bytes=\"");
            zci_print_number(out, snapshot->classes[c].block_bytes);
            zci_print_text(out, "\"} ");
            zci_print_number(out, value_of(&snapshot->classes[c], &class_rows[i]));
            end_row(out, fd, "\n");
        }
    }
}

/* More than a report takes, so far. */
#define REPORT_BYTES ((size_t)128 << 10)

/* Not among the calls that the report counts. */
static char *larger_buffer(void)
{
    char *buffer = zci_os_calls_native.reserve(NULL, REPORT_BYTES);
    if (buffer != NULL && zci_os_calls_native.make_writable(buffer, REPORT_BYTES) != 0) {
        zci_os_calls_native.release(buffer, REPORT_BYTES);
        buffer = NULL;
    }
    return buffer;
}

int zci_stats_print(int fd, int format)
{
    struct stats_snapshot snapshot;
    struct print out = {0};
    if (format < ZC_STATS_TEXT || format > ZC_STATS_PROMETHEUS)
        return EINVAL;
    zci_stats_collect_all(&snapshot);
    zci_stats_add_process(&snapshot.all);
    /* One write, if that can be: other processes may write there, too. */
    out.larger = larger_buffer();
    out.larger_bytes = REPORT_BYTES;
    if (format == ZC_STATS_TEXT)
        print_text(&out, fd, &snapshot);
    else if (format == ZC_STATS_JSON)
        print_json(&out, fd, &snapshot);
    else
        print_prometheus(&out, fd, &snapshot);
    zci_print_flush(&out, fd);
    if (out.larger != NULL)
        zci_os_calls_native.release(out.larger, REPORT_BYTES);
    return out.error;
}
