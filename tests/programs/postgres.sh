#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
#
# postgres.sh - PostgreSQL: initdb, a server on a Unix socket, pgbench, queries.
. "$(dirname "$0")/lib.sh"

# Debian keeps the server's programs out of PATH, one folder per version.
for folder in /usr/lib/postgresql/*/bin /opt/homebrew/opt/postgresql*/bin; do
    [ -x "$folder/initdb" ] && PATH=$folder:$PATH
done
export PATH
need initdb pg_ctl psql pgbench

# The server refuses to run as root.
as_user=
if [ "$(id -u)" -eq 0 ]; then
    need setpriv
    id -u postgres >/dev/null 2>&1 || skip "running as root and there is no user postgres"
    as_user="setpriv --reuid=postgres --regid=postgres --clear-groups"
    $as_user true 2>/dev/null || skip "cannot become the user postgres"
fi

# shellcheck disable=SC2086 # as_user is a list of words or empty
database() {
    unset PGHOST PGPORT PGUSER PGDATABASE PGDATA
    mkdir server && chmod 700 server || return 1
    [ -z "$as_user" ] || chown postgres: server
    $as_user initdb -D "$PWD/server/data" -U tester -A trust -N --locale=C -E UTF8 \
        >initdb.txt 2>&1 || {
        cat initdb.txt >&2
        return 1
    }
    $as_user pg_ctl -D "$PWD/server/data" -l "$PWD/server/log.txt" -w -t 60 \
        -o "-c listen_addresses= -c unix_socket_directories='$PWD/server' -c fsync=off" start \
        >start.txt 2>&1 || {
        cat start.txt server/log.txt >&2
        return 1
    }
    $as_user pgbench -i -q -s 2 -h "$PWD/server" -U tester postgres >init.txt 2>&1 ||
        cat init.txt >&2
    $as_user pgbench -c 4 -j 2 -t 500 -h "$PWD/server" -U tester postgres >bench.txt 2>&1
    grep -E 'actually processed|failed' bench.txt
    $as_user psql -X -q -A -t -v ON_ERROR_STOP=1 -h "$PWD/server" -U tester -d postgres <<'SQL'
SELECT count(*), sum(abalance) = (SELECT sum(delta) FROM pgbench_history) FROM pgbench_accounts;
CREATE TABLE event AS
    SELECT n AS id, md5(n::text) AS name, n % 97 AS kind, repeat(chr(97 + n % 26), n % 900) AS body
    FROM generate_series(1, 60000) AS n;
CREATE INDEX ON event(name);
SELECT kind, count(*), md5(string_agg(name, ',' ORDER BY name))
    FROM event GROUP BY kind ORDER BY kind LIMIT 5;
SELECT sum(length(regexp_replace(name, '[0-9]+', '<&>', 'g'))) FROM event;
SELECT count(*) FROM event a JOIN event b ON a.name < b.name AND a.kind = 1 AND b.kind = 2;
SELECT md5(json_agg(e ORDER BY id)::text)
    FROM (SELECT id, name, kind FROM event WHERE id % 7 = 0) AS e;
SELECT length(string_agg(body, '')) FROM event;
SQL
    code=$?
    # Fast: open sessions are ended, the shutdown is clean.
    $as_user pg_ctl -D "$PWD/server/data" -w -m fast stop >stop.txt 2>&1 || code=1
    grep -E 'PANIC|terminated by signal' server/log.txt && code=1
    return "$code"
}

in_use initdb --version
compare 'initdb, pgbench, queries' database
finish
