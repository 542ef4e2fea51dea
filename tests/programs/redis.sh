#!/bin/sh
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
#
# redis.sh - redis-server with two I/O threads: a fixed data set, its digest, redis-benchmark, a
# forked save, a reload and a rewrite of everything. Memory comes and goes in every size from many
# clients.
. "$(dirname "$0")/lib.sh"
need redis-server redis-cli redis-benchmark

# Unix sockets have short names: the work folder's path plus this must stay below 108 characters.
cli() {
    redis-cli -s "$PWD/socket" "$@"
}

data_set() {
    awk 'BEGIN {
        for (i = 0; i < 20000; i++) {
            printf "SET key:%d %0*d\r\n", i, 1 + (i * 37) % 900, i
            printf "HSET hash:%d field:%d value:%d\r\n", i % 500, i, i * i
            printf "RPUSH list:%d %d\r\n", i % 300, i
            printf "ZADD rank:%d %d member:%d\r\n", i % 100, i, i
        }
        for (i = 0; i < 20000; i += 3)
            printf "APPEND key:%d %0*d\r\n", i, (i * 13) % 2000 + 1, i
        for (i = 0; i < 20000; i += 7)
            printf "DEL key:%d\r\n", i
    }'
}

serve() {
    # Several tests of one machine may run at once, so there is no port, only a socket.
    redis-server --port 0 --unixsocket "$PWD/socket" --dir "$PWD" --save '' --io-threads 2 \
        --io-threads-do-reads yes --enable-debug-command local --daemonize no >server.txt 2>&1 &
    server=$!
    tries=0
    until cli ping >ping.txt 2>&1; do
        tries=$((tries + 1))
        if [ "$tries" -gt 200 ] || ! kill -0 "$server" 2>/dev/null; then
            kill "$server" 2>/dev/null
            cat server.txt >&2
            return 1
        fi
        sleep 0.1
    done

    data_set | cli --pipe | grep -E '^errors|replies'
    cli dbsize
    cli debug digest
    redis-benchmark -s "$PWD/socket" -q -n 20000 -c 20 -P 8 -r 1000 -d 300 \
        -t set,get,incr,lpush,rpop,sadd,hset,spop,zadd,lrange_100,mset >benchmark.txt 2>&1 ||
        say "redis-benchmark fails with $?"
    cli save
    cli debug reload
    cli debug digest-value key:1 key:2 hash:7 list:9 rank:5
    cli bgrewriteaof >rewrite.txt
    cli flushall
    cli dbsize
    cli shutdown nosave 2>/dev/null
    wait "$server"
    code=$?
    [ "$code" -eq 0 ] || cat server.txt >&2
    return "$code"
}

in_use redis-server --version
compare 'data set, benchmark, save, reload' serve
finish
