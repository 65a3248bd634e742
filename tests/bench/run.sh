#!/usr/bin/env bash
# How fast it is: builds in release mode, measures, and compares with the goals.
#
#   tests/bench/run.sh [--no-build] [--small] [--all] [--goal ROW=NUMBER]... [--within SECONDS]
#                      [ROW...]
#
# No row named: those that are named DEFAULT in rows/__init__.py; --all: every one (`--list` says
# which), for which --within has to be longer. Each figure is a ratio to something measured in
# the same run, or CPU time against a fixed goal. Writes results.json and results.svg to
# build/bench/. The exit status is 0 only when every goal is met; the last line is the summary. What
# is not measured within 25 minutes (--within) has failed.
# --small: numbers for a test of the tool itself, which say nothing about speed.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
arguments=()
build=1
for argument in "$@"; do
  case "$argument" in
    --no-build) build=0 ;;
    --list | --help) build=0 arguments+=("$argument") ;;
    *) arguments+=("$argument") ;;
  esac
done

targets=(interlock-coordinator interlock-gateway)
targets+=(bench_gateway bench_events bench_fdatasync bench_relay bench_send_loop bench_rocksdb
  bench_transitions bench_list_page bench_etcd bench_postgres bench_epoll_echo bench_beast_echo
  bench_bare_load bench_empty_calls bench_sockets bench_calls
  bench_whole_path)
[[ ! -f "$root/tests/simulation/CMakeLists.txt" ]] || targets+=(simulate)
[[ $build -eq 0 ]] || "$root/deploy/build.sh" --target "${targets[@]}"

export INTERLOCK_SOURCE_DIR="$root" INTERLOCK_BIN_DIR="$root/build/bin" PYTHONDONTWRITEBYTECODE=1
exec /usr/bin/python3 "$root/tests/bench/bench.py" --output "$root/build/bench" "${arguments[@]}"
