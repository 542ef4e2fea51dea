# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
#
# workload.py - prints the same lines on every run; JSON, regular expressions, threads, buffers.
import collections
import hashlib
import json
import queue
import random
import re
import threading

SEED = 20260101
random.seed(SEED)


def digest(value):
    text = json.dumps(value, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def make_record(number, source):
    words = ["".join(source.choices("abcdefghij", k=source.randint(1, 24))) for _ in range(8)]
    return {
        "id": number,
        "name": words[0],
        "tags": words[1:5],
        "nested": {"score": source.random(), "text": " ".join(words), "none": None},
    }


def json_round_trips():
    records = [make_record(number, random) for number in range(30000)]
    text = json.dumps(records)
    again = json.loads(text)
    assert again == records
    print("json", len(text), digest(again[::97]))
    return text


def regular_expressions(text):
    names = re.findall(r'"name": "([a-j]+)"', text)
    swapped = re.sub(r"([a-j])([a-j])", r"\2\1", text[:400000])
    common = collections.Counter(name[:3] for name in names).most_common(5)
    print("re", len(names), common, hashlib.sha256(swapped.encode()).hexdigest()[:16])


def threads_hand_over():
    """Each producer makes records, another thread drops them: blocks die far from their birth."""
    work = queue.Queue(maxsize=64)
    totals = []

    def produce(seed):
        source = random.Random(seed)
        for batch in range(60):
            work.put([make_record(batch, source) for _ in range(50)])
        work.put(None)

    def consume():
        total = 0
        while (batch := work.get()) is not None:
            total += sum(len(json.dumps(record["tags"])) for record in batch)
        totals.append(total)

    threads = [threading.Thread(target=produce, args=(seed,)) for seed in range(4)]
    threads += [threading.Thread(target=consume) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print("threads", len(totals), sum(totals))


def short_threads():
    results = [0] * 400

    def one(slot):
        results[slot] = len({str(number): [number] for number in range(200)})

    for start in range(0, 400, 8):
        group = [threading.Thread(target=one, args=(slot,)) for slot in range(start, start + 8)]
        for thread in group:
            thread.start()
        for thread in group:
            thread.join()
    print("short threads", sum(results))


def buffers():
    """Grows and shrinks byte arrays over every size class and past the large-block limit."""
    state = hashlib.sha256()
    for exponent in range(0, 26):
        data = bytearray(b"z") * (1 << exponent)
        data += b"tail" * (exponent + 1)
        del data[: len(data) // 3]
        state.update(len(data).to_bytes(8, "little"))
        state.update(data[-64:])
    grown = bytearray()
    for step in range(200000):
        grown += step.to_bytes(4, "little")
    state.update(grown)
    print("buffers", state.hexdigest()[:16])


print("seed", SEED)
regular_expressions(json_round_trips())
threads_hand_over()
short_threads()
buffers()
