#!/bin/sh
# What is known of neard's command line, around piecework-localnet: it takes neard's own options only, and no port 0 for
# peers. LOCALNET is that program; what it was called with is written to CALLS, a line each.
printf '%s\n' "$*" >> "$CALLS"

refuse() {
    echo "error: unexpected argument '$1' found" >&2
    exit 2
}

if [ "$*" = --version ]; then
    echo 'neard (release 2.11.0) (build 2.11.0) (commit 0000000) (rustc 1.93.0) (protocol 88) (db 48)'
    echo 'features: [default, json_rpc, rosetta_rpc, sandbox]'
    exit 0
fi
[ "$1" = --home ] || refuse "$1"
home=$2
command=$3
shift 3
echo "2026-11-30T00:00:00.000000Z  INFO neard: version=\"2.11.0\" build=\"2.11.0\" latest_protocol=88" >&2
case $command in
init)
    for arg; do
        [ "$arg" = --fast ] || refuse "$arg"
    done
    exec "$LOCALNET" --home "$home" init --fast
    ;;
run)
    rpc=127.0.0.1:3030
    while [ $# -gt 0 ]; do
        case $1 in
        --rpc-addr) rpc=$2 ;;
        --network-addr)
            case $2 in *:0)
                echo "thread 'main' panicked: any port (i.e. 0) is allowed only in tests" >&2
                exit 101
                ;;
            esac
            ;;
        *) refuse "$1" ;;
        esac
        shift 2
    done
    grep -q '"max_open_files": 3000' "$home/config.json" || {
        echo 'thread main panicked: at least 10000 open files are necessary' >&2
        exit 101
    }
    # Nothing on standard output: neard logs to standard error, and does not say when it serves.
    exec "$LOCALNET" --home "$home" run --rpc-addr "$rpc" > /dev/null
    ;;
*) refuse "$command" ;;
esac
