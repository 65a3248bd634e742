#!/usr/bin/env bash
# The demonstration, on this machine: a coordinator, two gateways, a sample agent, and a client that
# is cut off in the middle of an agent run and resumes through the other gateway.
#
#   deploy/local.sh [--once] [--keep-data] [--store=rocksdb|postgres|etcd]
#
# With --store=postgres or --store=etcd: two coordinators over a PostgreSQL, or over three members of
# etcd, that it starts too; each gateway attached to another one of the coordinators.
#
# Installs and builds what is missing, shows the client in the terminal, and stays up until Ctrl-C;
# a service that is killed meanwhile is started again. With --once it stops everything after the
# show. Exits 0, or non-zero with the reason on its last line. Everything listens on 127.0.0.1 only.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(dirname "$here")"
readonly here root bin="$root/build/bin"
readonly postgres_bin=/usr/lib/postgresql/15/bin
services=(coordinator agent gateway-a gateway-b)
readonly ready_s_max=30 stop_s_max=10 starts_max=5 log_lines=20

# The ports that are tried first; a taken one moves to the next that is free.
declare -A port=([coordinator]=7400 [agent]=7500 [gateway-a]=8080 [gateway-b]=8081
  [coordinator-b]=7410 [postgres]=7432 [etcd-1]=7440 [etcd-2]=7450 [etcd-3]=7460)
declare -A http_port=([coordinator]=7401 [agent]=7501 [gateway-a]=8090 [gateway-b]=8091
  [coordinator-b]=7411 [postgres]=7433 [etcd-1]=7441 [etcd-2]=7451 [etcd-3]=7461)
readonly etcd_members=(etcd-1 etcd-2 etcd-3) # their other port is for each other
declare -A pid=()
once=false
keep_data=false
engine=rocksdb
folder=''
postgres_folder=''
as_postgres=()
reason=''

say() { printf 'local: %s\n' "$*"; }
die() {
  reason="$*"
  exit 1
}

parse_arguments() {
  local argument
  for argument in "$@"; do
    case "$argument" in
      --once) once=true ;;
      --keep-data) keep_data=true ;;
      --store=rocksdb) engine=rocksdb ;;
      --store=postgres)
        engine=postgres
        services=(postgres coordinator coordinator-b agent gateway-a gateway-b)
        ;;
      --store=etcd)
        engine=etcd
        services=("${etcd_members[@]}" coordinator coordinator-b agent gateway-a gateway-b)
        ;;
      --store=*)
        die "there is no store '${argument#--store=}' here; known: rocksdb, postgres, etcd"
        ;;
      *)
        die "unknown argument '$argument'; known: --once, --keep-data, --store=rocksdb|postgres|etcd"
        ;;
    esac
  done
}

prepare() {
  local packages=(build demo node)
  [[ $engine == rocksdb ]] || packages+=("$engine")
  "$here/install.sh" "${packages[@]}" ||
    die "the packages could not be installed; the error is above"
  "$here/build.sh" --target interlock-coordinator interlock-gateway interlock-demo-agent \
    interlockctl || die "the build failed; the error is above"
  mkdir -p "$root/build/local"
  folder="$(mktemp -d "$root/build/local/run-XXXXXX")"
  # What talks to 127.0.0.1 needs no proxy, whatever the installation needed.
  export no_proxy="127.0.0.1,localhost${no_proxy:+,$no_proxy}"
}

# ---- ports ----

can_listen() {
  /usr/bin/python3 - "$1" <<'END'
import socket, sys
with socket.socket() as probe:
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        probe.bind(("127.0.0.1", int(sys.argv[1])))
        probe.listen()
    except OSError:
        sys.exit(1)
END
}

# Whether process $1 listens on all the ports behind it: an answer could be somebody else's.
listens() {
  /usr/bin/python3 - "$@" <<'END'
import os, sys
pid, ports = sys.argv[1], {int(port) for port in sys.argv[2:]}
try:
    folder = f"/proc/{pid}/fd"
    mine = {os.readlink(f"{folder}/{fd}") for fd in os.listdir(folder)}
except OSError:  # it is ending
    sys.exit(1)
listening = set()
for table in ("/proc/net/tcp", "/proc/net/tcp6"):
    with open(table) as lines:
        rows = [line.split() for line in lines][1:]
    listening |= {int(row[1].rpartition(":")[2], 16) for row in rows
                  if row[3] == "0A" and f"socket:[{row[9]}]" in mine}
sys.exit(not ports <= listening)
END
}

# Whether a service other than $2 has been given port $1.
is_promised() {
  local name
  for name in "${!pid[@]}"; do
    [[ "$name" == "$2" || ("${port[$name]}" != "$1" && "${http_port[$name]}" != "$1") ]] || return 0
  done
  return 1
}

# Prints the first free port from $1 on that is not $3, for service $2.
free_port() {
  local candidate
  for ((candidate = $1; candidate < $1 + 200; candidate++)); do
    if [[ "$candidate" == "$3" ]] || is_promised "$candidate" "$2"; then continue; fi
    if can_listen "$candidate"; then
      printf '%s\n' "$candidate"
      return
    fi
  done
  return 1
}

choose_ports() {
  local name="$1" wanted="${port[$1]}" wanted_http="${http_port[$1]}"
  port[$name]="$(free_port "$wanted" "$name" "$wanted_http")" ||
    die "no port is free from $wanted on"
  http_port[$name]="$(free_port "$wanted_http" "$name" "${port[$name]}")" ||
    die "no port is free from $wanted_http on"
  [[ "${port[$name]}" == "$wanted" ]] || say "port $wanted is taken: $name uses ${port[$name]}"
  [[ "${http_port[$name]}" == "$wanted_http" ]] ||
    say "port $wanted_http is taken: $name uses ${http_port[$name]}"
}

# ---- PostgreSQL ----

# It refuses to run as root, and its user need not be able to enter this clone.
make_postgres() {
  postgres_folder="$(mktemp -d "${TMPDIR:-/tmp}/interlock-postgres-XXXXXX")"
  if [[ $EUID -eq 0 ]]; then
    as_postgres=(setpriv --reuid=postgres --regid=postgres --init-groups --pdeathsig TERM)
    chown postgres "$postgres_folder"
  fi
  (cd / && "${as_postgres[@]}" "$postgres_bin/initdb" -D "$postgres_folder/data" -U admin \
    --auth=trust --no-instructions -E UTF8 --locale=C) >"$folder/initdb.log" 2>&1 ||
    die "PostgreSQL's initdb failed: $(tail -n 1 "$folder/initdb.log")"
}

make_database() {
  "$postgres_bin/psql" -q -h 127.0.0.1 -p "${port[postgres]}" -U admin -d postgres \
    -c 'CREATE ROLE interlock LOGIN' -c 'CREATE DATABASE interlock OWNER interlock' >&2 ||
    die "the database could not be made; the error is above"
}

# ---- etcd ----

# What they advertise to each other, for --initial-cluster.
peers() {
  local name joined=''
  for name in "${etcd_members[@]}"; do
    joined+="${joined:+,}$name=http://127.0.0.1:${http_port[$name]}"
  done
  printf '%s' "$joined"
}

# None is ready before a majority runs, so that they are started at once.
start_etcd() {
  local name
  for name in "${etcd_members[@]}"; do
    choose_ports "$name"
    pid[$name]='' # its ports are promised
  done
  for name in "${etcd_members[@]}"; do launch "$name"; done
  for name in "${etcd_members[@]}"; do
    wait_until_ready "$name" || explain_end "$name"
    say "$name is ready on $(address "$name")"
  done
}

# ---- services ----

store_url() {
  case "$engine" in
    postgres) printf 'postgres://interlock@127.0.0.1:%s/interlock' "${port[postgres]}" ;;
    etcd)
      printf 'etcd://%s,%s,%s/interlock' "$(address etcd-1)" "$(address etcd-2)" \
        "$(address etcd-3)"
      ;;
    *) printf 'rocksdb:%s/data' "$folder" ;;
  esac
}

# The coordinators as gateway $1 asks them.
coordinators_of() {
  if [[ $engine == rocksdb ]]; then
    address coordinator
  elif [[ $1 == gateway-a ]]; then
    printf '%s,%s' "$(address coordinator)" "$(address coordinator-b)"
  else
    printf '%s,%s' "$(address coordinator-b)" "$(address coordinator)"
  fi
}

address() { printf '127.0.0.1:%s' "${port[$1]}"; }

# In a session of its own, so that Ctrl-C reaches only this script, which stops things in order; and
# told to end when this script is gone, however that came about.
launch() {
  local name="$1" command=()
  case "$name" in
    postgres)
      [[ -n "$postgres_folder" ]] || make_postgres
      command=("${as_postgres[@]}" "$postgres_bin/postgres" -D "$postgres_folder/data"
        -c listen_addresses=127.0.0.1 -c unix_socket_directories= -p "${port[postgres]}")
      ;;
    etcd-*)
      command=(etcd --name "$name" --data-dir "$folder/$name" --logger zap --log-level error
        --listen-client-urls "http://$(address "$name")"
        --advertise-client-urls "http://$(address "$name")"
        --listen-peer-urls "http://127.0.0.1:${http_port[$name]}"
        --initial-advertise-peer-urls "http://127.0.0.1:${http_port[$name]}"
        --initial-cluster "$(peers)")
      ;;
    coordinator*)
      command=("$bin/interlock-coordinator" --store="$(store_url)" --auth=none)
      ;;
    agent) command=("$bin/interlock-demo-agent" --coordinator="$(address coordinator)") ;;
    gateway-*)
      command=("$bin/interlock-gateway" --coordinator="$(coordinators_of "$name")"
        --backend="$(address agent)" --auth=none --static_dir="$here/demo/page")
      ;;
  esac
  [[ $name == postgres || $name == etcd-* ]] ||
    command+=(--listen="$(address "$name")" --http_listen="127.0.0.1:${http_port[$name]}")
  setsid setpriv --pdeathsig TERM "${command[@]}" >>"$folder/$name.log" 2>&1 &
  pid[$name]=$!
}

# The shell knows its own children; a process id alone could be somebody else's by now.
is_running() {
  local running
  for running in $(jobs -rp); do
    [[ "$running" != "${pid[$1]:-none}" ]] || return 0
  done
  return 1
}

# Asks http://127.0.0.1:$1$2, in a subshell that takes the connection with it.
says_ok() (
  exec 2>/dev/null
  exec 3<>"/dev/tcp/127.0.0.1/$1" || exit 1
  status=''
  printf 'GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n' "$2" >&3
  IFS= read -r -t 2 status <&3
  [[ "$status" == 'HTTP/1.1 200'* ]]
)

is_up() {
  case "$1" in
    postgres) "$postgres_bin/pg_isready" -q -h 127.0.0.1 -p "${port[postgres]}" ;;
    etcd-*) says_ok "${port[$1]}" /health && listens "${pid[$1]}" "${port[$1]}" ;;
    *)
      says_ok "${http_port[$1]}" /health/ready &&
        listens "${pid[$1]}" "${port[$1]}" "${http_port[$1]}"
      ;;
  esac
}

# Succeeds when the service says that it is ready, fails when it has ended.
wait_until_ready() {
  local name="$1" deadline=$((SECONDS + ready_s_max))
  until is_up "$name"; do
    is_running "$name" || return 1
    if ((SECONDS >= deadline)); then
      tail -n "$log_lines" "$folder/$name.log"
      die "$name was not ready within $ready_s_max s; its last log lines are above"
    fi
    sleep 0.05
  done
}

explain_end() {
  local name="$1" code=0
  wait "${pid[$name]}" || code=$?
  tail -n "$log_lines" "$folder/$name.log"
  die "$name ended with code $code at its start: $(tail -n 1 "$folder/$name.log")"
}

start() {
  local name="$1" attempt
  for ((attempt = 1; attempt <= starts_max; attempt++)); do
    choose_ports "$name"
    launch "$name"
    if wait_until_ready "$name"; then
      if [[ $name == postgres ]]; then
        make_database
        say "$name is ready on $(address "$name")"
      else
        say "$name is ready on $(address "$name"), health and metrics on ${http_port[$name]}"
      fi
      return
    fi
    # Somebody else may have taken a port between the look and the start.
    if can_listen "${port[$name]}" && can_listen "${http_port[$name]}"; then explain_end "$name"; fi
  done
  die "$name found no free port in $starts_max attempts"
}

# SIGTERM, and SIGKILL for what is still there after its time.
stop() {
  local name="$1" deadline=$((SECONDS + stop_s_max))
  is_running "$name" || return 0
  kill -TERM "${pid[$name]}"
  while is_running "$name"; do
    if ((SECONDS >= deadline)); then
      say "$name did not stop within $stop_s_max s and is killed"
      kill -KILL "${pid[$name]}"
      deadline=$((SECONDS + stop_s_max))
    fi
    sleep 0.05
  done
}

# In the reverse order, so that nobody loses what it needs for saying goodbye.
stop_all() {
  local at
  for ((at = ${#services[@]} - 1; at >= 0; at--)); do stop "${services[at]}"; done
}

finish() {
  local code=$?
  trap '' INT TERM
  if [[ ${#pid[@]} -gt 0 ]]; then
    say "stopping"
    stop_all
  fi
  if [[ -n "$folder" ]]; then
    if $keep_data || [[ $code -ne 0 && -n "$reason" ]]; then
      say "data and logs stay in $folder${postgres_folder:+ and $postgres_folder}"
    else
      rm -rf "$folder" "${postgres_folder:-$folder}"
    fi
  fi
  if [[ -n "$reason" ]]; then printf 'local: failed: %s\n' "$reason"; fi
  exit "$code"
}

# ---- what is shown ----

run_show() {
  say "the demonstration begins"
  echo
  if ! "$here/demo/show.py" --ctl="$bin/interlockctl" --coordinator="$(address coordinator)" \
    --gateway_a="$(address gateway-a)" --gateway_b="$(address gateway-b)" \
    --reason_file="$folder/reason"; then
    die "$(cat "$folder/reason" 2>/dev/null || echo "the demonstration could not run")"
  fi
  echo
}

metrics() { printf 'http://127.0.0.1:%s/metrics' "${http_port[$1]}"; }

print_what_next() {
  local ctl
  ctl="build/bin/interlockctl --coordinator $(address coordinator)"
  cat <<END
Everything stays up until Ctrl-C. What to try next, in $root:

  in a browser      http://$(address gateway-a)/?gateway=$(address gateway-b)
  connections       $ctl list
  as they happen    $ctl watch
  the state table   $ctl lifecycle
  kill something    kill -KILL ${pid[gateway-a]}   (gateway-a; gateway-b is ${pid[gateway-b]}, \
the coordinator ${pid[coordinator]}${pid[coordinator-b]:+, its twin ${pid[coordinator-b]}})
                    It is started again, and the page loses nothing.
  metrics           $(metrics coordinator)
                    $(metrics gateway-a)
                    $(metrics gateway-b)
  data and logs     $folder

END
}

start_again() {
  local name="$1" code=0
  wait "${pid[$name]}" || code=$?
  say "$name ended with code $code and is started again"
  launch "$name"
  wait_until_ready "$name" || explain_end "$name"
  say "$name is ready again, as process ${pid[$name]}"
}

stay_up() {
  local name
  # The shell's own remarks about children that were killed.
  exec 2>>"$folder/local.log"
  while true; do
    sleep 0.5
    for name in "${services[@]}"; do
      is_running "$name" || start_again "$name"
    done
  done
}

main() {
  trap finish EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  trap 'exit 129' HUP
  parse_arguments "$@"
  prepare
  local name
  [[ $engine != etcd ]] || start_etcd
  for name in "${services[@]}"; do
    [[ $name == etcd-* ]] || start "$name"
  done
  run_show
  if $once; then return; fi
  print_what_next
  stay_up
}

main "$@" </dev/null
