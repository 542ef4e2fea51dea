#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
"""links.py SOURCE_DIR - every link from page to page leads somewhere, to a heading too where it names one, and every
"section N" is one of docs/design.md."""
import glob
import os
import re
import sys

LINK = re.compile(r"\]\(([^)\s]+)\)")
SECTION = re.compile(r"\bsections?\s+(\d+)(?:(?:,| and| to)\s+(\d+))?")


def slug(heading):
    """As the sites that show these pages make anchors of headings."""
    words = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return words.replace(" ", "-")


def prose(text):
    return re.sub(r"^```.*?^```", "", text, flags=re.S | re.M)


def headings(path):
    with open(path, encoding="utf-8") as file:
        return re.findall(r"^#+ (.*)$", prose(file.read()), re.M)


def faults_of(path, sections):
    with open(path, encoding="utf-8") as file:
        text = prose(file.read())
    for target in LINK.findall(text):
        name, _, anchor = target.partition("#")
        if ":" in name:
            continue
        page = os.path.join(os.path.dirname(path), name) if name else path
        if not os.path.exists(page):
            yield f"no file: {target}"
        elif anchor and anchor not in map(slug, headings(page)):
            yield f"no heading: {target}"
    for numbers in SECTION.findall(text):
        for number in filter(None, numbers):
            if number not in sections:
                yield f"docs/design.md has no section {number}"


def main():
    os.chdir(sys.argv[1])
    sections = {m.group(1) for m in (re.match(r"(\d+)\. ", h) for h in headings("docs/design.md")) if m}
    pages = glob.glob("*.md") + [p for d in ("docs", "bench", "tests", "tools", "src")
                                 for p in glob.glob(d + "/**/*.md", recursive=True)]
    faults = [f"{page}: {fault}" for page in sorted(pages) for fault in faults_of(page, sections)]
    print("\n".join(faults) or f"{len(pages)} pages, {len(sections)} sections")
    return bool(faults) or len(pages) < 5 or len(sections) < 5


if __name__ == "__main__":
    sys.exit(main())
