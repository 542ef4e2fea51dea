-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the zcmalloc authors
--
-- demo.sql - what tools/demo lets sqlite3 do: rows of many lengths, an index, groups, a join.
CREATE TABLE event(id INTEGER PRIMARY KEY, kind TEXT, amount INTEGER, note TEXT);
WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 300000)
INSERT INTO event
    SELECT n, 'kind-' || (n * 7919 % 101), n * 104729 % 1000003,
        substr('abcdefghijklmnopqrstuvwxyz', 1, 1 + n % 26)
    FROM number;
CREATE INDEX event_kind ON event(kind, amount);
SELECT kind, count(*), sum(amount), max(note) FROM event GROUP BY kind ORDER BY 3 DESC LIMIT 3;
SELECT count(*), sum(length(upper(a.note) || b.kind)) FROM event a JOIN event b ON b.id = a.amount;
SELECT length(group_concat(note, ',')), length(json_group_array(note)) FROM event WHERE id % 3 = 0;
