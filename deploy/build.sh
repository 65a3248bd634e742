#!/usr/bin/env bash
# Configures when that is needed, and builds.
#
#   deploy/build.sh [--asan|--tsan] [--target TARGET...]
#
# Into build/, build-asan/ or build-tsan/ of this clone. Compiler and libraries come from
# `deploy/install.sh build`; INTERLOCK_JOBS says how many jobs at once (2).
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
preset=dev
build="$root/build"
targets=()

say() { printf 'build: %s\n' "$*"; }
die() {
  printf 'build: %s\n' "$*" >&2
  exit 1
}

parse_arguments() {
  while [[ $# -gt 0 ]]; do
    case "$1" in
      --asan | --tsan)
        preset="${1#--}"
        build="$root/build-$preset"
        ;;
      --target)
        [[ $# -gt 1 && "$2" != -* ]] || die "--target needs the name of at least one target."
        while [[ $# -gt 1 && "$2" != -* ]]; do
          targets+=("$2")
          shift
        done
        ;;
      *) die "unknown argument '$1'; known: --asan, --tsan, --target TARGET..." ;;
    esac
    shift
  done
}

# A second clone in another folder finds the first one's results: paths are taken as relative to
# the clone, and the folder it lies in is not looked at (CMakeLists.txt says the same to ccache, for
# builds without this script).
set_up_ccache() {
  export CCACHE_BASEDIR="$root" CCACHE_NOHASHDIR=1
  export CCACHE_MAXSIZE="${CCACHE_MAXSIZE:-5G}"
}

# Ninja configures again by itself when a CMake file changes; this is for a folder without a
# finished configuration, or with that of another clone.
configured() {
  [[ -f "$build/build.ninja" ]] &&
    grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$build/CMakeCache.txt"
}

configure() {
  command -v cmake >/dev/null || die "cmake is missing: run deploy/install.sh build."
  say "configuring $(basename "$build")"
  local output
  if ! output="$(cd "$root" && cmake --fresh --preset "$preset" 2>&1)"; then
    grep -v '^-- ' <<<"$output" >&2 || true
    die "cmake could not configure; what it says is above."
  fi
}

# Passes errors and warnings through; of the status lines, one every 20 seconds.
thin_out() {
  local part='' line='' status='' shown=$SECONDS result
  while true; do
    result=0
    IFS= read -r -t 5 part || result=$?
    line+="$part"
    if [[ $result -eq 0 ]]; then
      if [[ "$line" == "["*"/"*"] "* ]]; then status="$line"; else printf '%s\n' "$line"; fi
      line=''
    elif [[ $result -le 128 ]]; then # the end; above 128: nothing came for 5 seconds
      [[ -z "$line" ]] || printf '%s\n' "$line"
      return
    fi
    if ((SECONDS - shown >= 20)) && [[ -n "$status" ]]; then
      printf '%s\n' "$status"
      shown=$SECONDS
    fi
  done
}

run_ninja() {
  local command=(ninja -C "$build" -j "${INTERLOCK_JOBS:-2}" "${targets[@]}")
  export NINJA_STATUS='[%f/%t, %es] '
  if [[ -t 1 ]]; then
    "${command[@]}"
  else
    "${command[@]}" 2>&1 | thin_out
  fi
}

main() {
  parse_arguments "$@"
  set_up_ccache
  configured || configure
  run_ninja || die "the build of $(basename "$build") failed; the error is above."
  say "$(basename "$build") is up to date, after ${SECONDS} s"
}

main "$@" </dev/null
