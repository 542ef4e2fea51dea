# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
"""compare_saved.py - what a JSON file of bench/compare must hold for the tables and charts that are made of it.

A rule says of a value whether it is right: a pair of words, as in "a number", and a function. A shape is a rule, a
list of one shape for all elements, or a dictionary: of the shapes of its keys, where a key that ends in ? may be
missing, or with the one key "*" of the shape of all values."""
import re

NUMBER_MOST = 1e18  # and none is infinite, or not a number


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < NUMBER_MOST


def is_text(value):
    """JSON can hold halves of characters, which cannot be printed."""
    return isinstance(value, str) and not re.search("[\ud800-\udfff]", value)


def is_list_of_pairs(value):
    return isinstance(value, list) and all(
        isinstance(pair, list) and len(pair) == 2 and all(map(is_number, pair)) for pair in value)


NUMBER = ("a number", is_number)
SOME = ("a number above 0", lambda value: is_number(value) and value > 0)
COUNT = ("a count", lambda value: is_number(value) and isinstance(value, int))
COUNT_FROM_1 = ("a count", lambda value: is_number(value) and isinstance(value, int) and value > 0)
TEXT = ("a text", is_text)
WORDS = ("a text", lambda value: is_text(value) and value.strip())
FLAG = ("true or false", lambda value: isinstance(value, bool))
PAIRS = ("a list of pairs of numbers", is_list_of_pairs)
PRINTED = {
    "seconds?": NUMBER, "held_seconds?": NUMBER, "operations_per_second?": NUMBER, "rss_mib?": PAIRS,
    **{f"rss_{stage}_mib?": NUMBER for stage in ("grown", "shrunk", "idle", "empty")},
}
FAILED_RUN = {"failed": TEXT}
RUN = {
    "time_s": SOME, "user_s": NUMBER, "system_s": NUMBER, "peak_bytes": SOME, "mean_bytes?": SOME,
    "minor_faults": COUNT, "major_faults": COUNT, "switches": COUNT, "foreign_cpus": NUMBER, "output_sha256": TEXT,
    "printed": PRINTED, "rss_over_time?": PAIRS, "wall_s?": NUMBER, "voluntary_switches?": COUNT,
    "involuntary_switches?": COUNT,
}
RESULT = {
    "started": TEXT, "command?": TEXT, "is_scaling?": FLAG, "rounds?": COUNT, "looks?": COUNT_FROM_1,
    "machine": {"cpu": TEXT, "cpus": COUNT, "kernel": TEXT, "libc": TEXT, "memory_gib?": COUNT, "system?": TEXT,
                "huge_pages?": TEXT},
    "allocators": [{"name": WORDS, "path": TEXT, "is_ours": FLAG, "version?": TEXT}],
    "rows": [{"name": WORDS, "group": WORDS, "version?": TEXT, "rounds?": COUNT, "runs": {"*": [RUN]}}],
}


def damage_of_dictionary(value, shape, where):
    if not isinstance(value, dict):
        return f"{where} is no dictionary"
    if "*" in shape:
        entries = [(key, shape["*"]) for key in value]
    else:
        entries = [(key.rstrip("?"), rule) for key, rule in shape.items() if not key.endswith("?") or key[:-1] in value]
    for key, rule in entries:
        place = f"{where}.{key}" if where else key
        found = damage(value[key], rule, place) if key in value else f"{place} is missing"
        if found:
            return found
    return None


def damage_of_list(value, shape, where):
    if not isinstance(value, list):
        return f"{where} is no list"
    if shape is RESULT["allocators"] and not value:
        return f"{where} is empty"
    return next(filter(None, (damage(each, shape[0], f"{where}[{at}]") for at, each in enumerate(value))), None)


def damage(value, shape=RESULT, where=""):
    """The first thing that is wrong, as words that follow "is damaged:"; None if all is well."""
    if shape is RUN and isinstance(value, dict) and "failed" in value:
        shape = FAILED_RUN
    if isinstance(shape, dict):
        return damage_of_dictionary(value, shape, where)
    if isinstance(shape, list):
        return damage_of_list(value, shape, where)
    words, is_right = shape
    return None if is_right(value) else f"{where} is not {words}"
