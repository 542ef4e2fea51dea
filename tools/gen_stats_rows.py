#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
"""gen_stats_rows.py [MAN_PAGE] - writes MAN_PAGE (docs/zcmalloc.3) to standard output, with its two lists of
statistics made anew from src/heap/stats.def and src/heap/stats_class.def."""
import pathlib
import re
import sys
import textwrap

ROOT = pathlib.Path(__file__).resolve().parent.parent
STRING = r'"((?:[^"\\]|\\.)*)"'
ENTRY = re.compile(rf'^(SECTION|ROW|CLASS_ROW)\((?:{STRING}|(\w+), (\w+), (\w+),\s*{STRING},\s*{STRING})\)', re.M)


def mdoc_rows(table):
    """One .It per row, a subsection's name per heading."""
    lines = ['.Bl -tag -width Ds']
    for macro, title, name, kind, _, _, text in ENTRY.findall((ROOT / table).read_text()):
        if macro == 'SECTION':
            lines += ['.El', '.Pp', title[0].upper() + title[1:] + ':', '.Bl -tag -width Ds']
            continue
        lines += [f'.It Va {name}']
        lines += textwrap.wrap(f'{text}.' if kind == 'gauge' else f'{text}; only rises.', 79)
    # The first list is empty where a heading comes first.
    text = '\n'.join(lines + ['.El'])
    return text.removeprefix('.Bl -tag -width Ds\n.El\n')


def replace(page, table):
    begin, end = f'.\\" begin {table}\n', f'.\\" end {table}\n'
    head, rest = page.split(begin, 1)
    return head + begin + mdoc_rows(table) + '\n' + end + rest.split(end, 1)[1]


def main():
    path = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / 'docs/zcmalloc.3'
    page = path.read_text()
    for table in ('src/heap/stats.def', 'src/heap/stats_class.def'):
        page = replace(page, table)
    sys.stdout.write(page)


if __name__ == '__main__':
    main()
