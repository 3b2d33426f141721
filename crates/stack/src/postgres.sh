#!/usr/bin/env bash
# A private Postgres in a directory of its own.
#
#   scripts/postgres start <dir> [--fast]   start (and on first use create) it; prints its DATABASE_URL
#   scripts/postgres run   <dir> [--fast]   the same in the foreground: it ends with whoever started it, also when killed
#   scripts/postgres url   <dir>            print the DATABASE_URL of a running one
#   scripts/postgres stop  <dir>            stop it; the data stays
#
# It listens on a free port of 127.0.0.1 with a password of its own, kept in <dir>/url (mode 0600). --fast turns fsync
# off: for tests, whose data nobody misses after a power cut. Postgres refuses to run as root, so for root the server
# runs as `postgres` (Debian's package makes it) or `nobody`; if that user cannot reach <dir>, the data is put below
# /var/tmp and <dir>/place says where.
set -euo pipefail

fail() { echo "postgres: $*" >&2; exit 1; }

[ $# -ge 2 ] || fail "usage: scripts/postgres start|run|stop|url <dir> [--fast]"
command=$1
case ${3:-} in ''|--fast) speed=${3:-} ;; *) fail "unknown option $3 (only --fast)" ;; esac
case $command in start|run|stop|url) ;; *) fail "unknown command $command (start, run, stop or url)" ;; esac
[[ $command = stop || $command = url ]] || mkdir -p "$2" || fail "cannot create $2: choose a directory you may write to"
[ -d "$2" ] || fail "$2 does not exist: scripts/postgres start $2"
dir=$(cd "$2" && pwd -P)

bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1 || true)
[ -x "${bin:+$bin/}initdb" ] || bin=$(dirname "$(command -v initdb || true)")
[ -x "$bin/initdb" ] || fail "Postgres is not installed: apt-get install postgresql"

user=
if [ "$(id -u)" = 0 ]; then
    user=nobody
    ! id postgres >/dev/null 2>&1 || user=postgres
fi
as_server() { if [ -n "$user" ]; then runuser -u "$user" -- "$@"; else "$@"; fi }

# Where the server's files are.
place() {
    if [ -f "$dir/place" ]; then cat "$dir/place"; return; fi
    local place=$dir/server
    if [ -n "$user" ] && ! (cd / && as_server test -x "$dir"); then
        place=/var/tmp/piecework-postgres-$(printf %s "$dir" | sha256sum | cut -c 1-16)
    fi
    echo "$place"
}
place=$(place)
data=$place/data
cd /

running() { [ -f "$data/postmaster.pid" ] && as_server "$bin/pg_ctl" -D "$data" status >/dev/null 2>&1; }

create() {
    mkdir -p "$place"
    chmod 700 "$place"
    [ -z "$user" ] || chown "$user" "$place"
    echo "$place" >"$dir/place"
    local password
    password=$(od -An -N 18 -tx1 /dev/urandom | tr -d ' \n')
    (umask 077; echo "$password" >"$dir/password")
    as_server rm -rf "$data.new"
    install -m 600 ${user:+-o "$user"} "$dir/password" "$place/password"
    as_server "$bin/initdb" -D "$data.new" -U piecework -A scram-sha-256 --pwfile="$place/password" -E UTF8 \
        --locale=C.UTF-8 --no-instructions ${speed:+--no-sync} >"$dir/initdb.log" 2>&1 ||
        fail "initdb failed: $(tail -n 3 "$dir/initdb.log")"
    rm -f "$place/password"
    echo "create database piecework" | as_server "$bin/postgres" --single ${speed:+-F} -D "$data.new" template1 >>"$dir/initdb.log" 2>&1 ||
        fail "the database cannot be created: $(tail -n 3 "$dir/initdb.log")"
    # The directory appears under its final name only when it is complete, so a killed start is simply repeated.
    as_server mv "$data.new" "$data"
}

# Sets `port`, the DATABASE_URL, and `settings`, the server's options.
choose() {
    port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
    settings=(-c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=200 -c shared_buffers=128MB
        -c max_wal_size=2GB -p "$port")
    [ -z "$speed" ] || settings+=(-c fsync=off -c synchronous_commit=off -c full_page_writes=off)
    (umask 077; echo "postgres://piecework:$(cat "$dir/password")@127.0.0.1:$port/piecework" >"$dir/url")
}

start() {
    [ -f "$data/PG_VERSION" ] || create
    local log=$place/server.log attempt
    for attempt in 1 2 3 4 5 6 7 8 9 10; do
        choose
        as_server "$bin/pg_ctl" -D "$data" -l "$log" -w -t 60 -o "$(printf '%q ' "${settings[@]}")" start >/dev/null 2>&1 && return
        tail -n 20 "$log" | grep -q "Address already in use" || break
    done
    fail "the server does not start (attempt $attempt): see $log: $(tail -n 3 "$log" 2>/dev/null)"
}

run() {
    [ -f "$data/PG_VERSION" ] || create
    local attempt server=
    local as=()
    [ -z "$user" ] || as=(--reuid "$user" --regid "$(id -g "$user")" --init-groups)
    # This shell is asked to stop with TERM; when it is killed instead, the kernel sends the server its INT. Both mean a
    # fast shutdown.
    trap '[ -z "$server" ] || kill -INT "$server" 2>/dev/null || true' TERM INT
    for attempt in 1 2 3 4 5 6 7 8 9 10; do
        choose
        setpriv "${as[@]}" --pdeathsig INT -- "$bin/postgres" -D "$data" "${settings[@]}" 2>&1 &
        server=$!
        until [ "$(sed -n '1p;8p' "$data/postmaster.pid" 2>/dev/null | tr -s ' \n' ' ')" = "$server ready " ]; do
            kill -0 "$server" 2>/dev/null || continue 2
            sleep 0.05
        done
        echo "listening on 127.0.0.1:$port"
        # A signal ends `wait` before the server has ended.
        while kill -0 "$server" 2>/dev/null; do wait "$server" || true; done
        return
    done
    fail "the server does not start"
}

case $command in
    start) running || start; cat "$dir/url" ;;
    run) ! running || fail "it runs already: scripts/postgres stop $dir"; run ;;
    url) running || fail "not running: scripts/postgres start $dir"; cat "$dir/url" ;;
    # Immediate would lose nothing either, but a fast shutdown spares the next start a recovery.
    stop) ! running || as_server "$bin/pg_ctl" -D "$data" -m fast -w stop >/dev/null ;;
esac
