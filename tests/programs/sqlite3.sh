#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
#
# sqlite3.sh - one million rows: insert, index, group, update, delete, vacuum, integrity check.
. "$(dirname "$0")/lib.sh"
need sqlite3

million_rows() {
    sqlite3 -batch rows.db <<'SQL'
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -65536;
CREATE TABLE event(id INTEGER PRIMARY KEY, kind TEXT, amount INTEGER, note TEXT);
WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 1000000)
INSERT INTO event
    SELECT n, 'kind-' || (n * 7919 % 101), n * 104729 % 1000003,
        substr('abcdefghijklmnopqrstuvwxyz', 1 + n % 20, 1 + n % 26)
    FROM number;
CREATE INDEX event_kind ON event(kind, amount);
SELECT count(*), sum(amount), max(length(note)) FROM event;
SELECT kind, count(*), sum(amount) FROM event GROUP BY kind ORDER BY sum(amount) DESC LIMIT 5;
SELECT count(*) FROM event a JOIN event b ON b.id = a.amount WHERE a.kind = 'kind-17';
UPDATE event SET note = note || note || note WHERE id % 5 = 0;
DELETE FROM event WHERE id % 3 = 0;
SELECT group_concat(note, '')
    FROM (SELECT note FROM event WHERE kind = 'kind-3' ORDER BY id LIMIT 2000);
SELECT count(DISTINCT note), sum(length(note)) FROM event;
VACUUM;
PRAGMA integrity_check;
SQL
}

in_use sqlite3 :memory: 'SELECT 1'
compare 'one million rows' million_rows
finish
